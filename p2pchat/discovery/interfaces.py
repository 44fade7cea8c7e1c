"""Which network interfaces lead somewhere, and under which addresses others reach us there."""

from __future__ import annotations

import contextlib
import socket
import struct
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface

import ifaddr

from p2pchat.config.limits import ADDRESSES_PER_INTERFACE
from p2pchat.errors import UsageError
from p2pchat.node.ports import Address

_VIRTUAL = (
    *("docker", "br-", "virbr", "veth", "vnet", "lxc", "lxd", "podman", "cni", "flannel", "cali"),
    *("vmnet", "vboxnet", "vethernet", "virtualbox", "vmware", "hyper-v", "bridge1", "awdl", "llw"),
)
"""How the names of interfaces begin that lead to virtual machines and containers only."""
_TUNNEL = ("tun", "tap", "utun", "wg", "ppp", "zt", "tailscale", "ipsec", "wireguard")

_SIOCGIFFLAGS = 0x8913
_IFF_UP, _IFF_LOOPBACK, _IFF_POINTOPOINT, _IFF_RUNNING = 0x1, 0x8, 0x10, 0x40


class Rank(IntEnum):
    """Best first."""

    LAN = 0
    LINK_LOCAL = 1
    """Only addresses that were made up for want of better ones (169.254.0.0/16, fe80::)."""
    VIRTUAL = 2
    TUNNEL = 3
    """Point to point: no neighbours to be heard there."""
    LOOPBACK = 4


@dataclass(frozen=True)
class Interface:
    """One interface that is up and has a carrier (as far as the system tells)."""

    name: str
    nice_name: str
    """What a person calls it; on Windows `name` is a UUID."""
    index: int
    v4: tuple[IPv4Interface, ...]
    v6: tuple[IPv6Interface, ...]
    """Link-local ones first, without zone."""
    rank: Rank

    @property
    def zone(self) -> str:
        """What stands behind the % of its link-local addresses."""
        return str(self.index) if sys.platform == "win32" else self.name

    def hosts(self) -> list[str]:
        """Our addresses there, as others on the same cable would dial them, best first."""
        scoped = [f"{a.ip}%{self.zone}" if a.ip.is_link_local else str(a.ip) for a in self.v6]
        return [str(a.ip) for a in self.v4][:ADDRESSES_PER_INTERFACE] + scoped[
            :ADDRESSES_PER_INTERFACE
        ]

    def is_own(self, host: str) -> bool:
        """Whether it is this computer's address there, with or without zone."""
        return host.partition("%")[0] in (str(a.ip) for a in self.v4 + self.v6)

    def is_neighbour(self, address: IPv4Address | IPv6Address) -> bool:
        """Whether an address is on this cable (any link-local one of IPv6 may be)."""
        if isinstance(address, IPv4Address):
            return any(address in own.network for own in self.v4)
        return address.is_link_local or any(address in own.network for own in self.v6)


def list_interfaces() -> tuple[Interface, ...]:
    """All that are up and have an address, the best first; OSError where the system won't tell."""
    adapters = list(ifaddr.get_adapters())
    flags = _flags(adapter.name for adapter in adapters)
    found = []
    for adapter in adapters:
        v4, v6 = _addresses(adapter.ips)
        if not v4 and not v6:
            continue
        bits = flags.get(adapter.name, _IFF_UP | _IFF_RUNNING)
        if not (bits & _IFF_UP and bits & _IFF_RUNNING):
            continue
        nice = str(adapter.nice_name)
        rank = _rank(nice, v4, v6, bits)
        if rank is Rank.VIRTUAL and not v4:
            continue  # a container's end of a cable: it carries nothing for this machine
        found.append(Interface(str(adapter.name), nice, adapter.index or 0, v4, v6, rank))
    return tuple(sorted(found, key=lambda interface: (interface.rank, interface.index)))


def select(interfaces: Sequence[Interface], wanted: Sequence[str]) -> tuple[Interface, ...]:
    """Those that are named in `wanted` by name or address; nothing wanted: all but loopback."""
    if not wanted:
        return tuple(i for i in interfaces if i.rank is not Rank.LOOPBACK)
    return tuple(i for i in interfaces if any(_is_called(i, word) for word in wanted))


def check_wanted(interfaces: Sequence[Interface], wanted: Sequence[str]) -> None:
    """UsageError for what this machine doesn't have. An interface that has no address yet is
    accepted by its name."""
    names = {name for _, name in socket.if_nameindex()}
    for word in wanted:
        if word not in names and not any(_is_called(i, word) for i in interfaces):
            have = ", ".join(i.nice_name for i in interfaces) or "none"
            raise UsageError(
                f"no interface or address {word!r} on this machine (there are: {have})"
            )


def addresses_of(interfaces: Iterable[Interface], port: int) -> list[Address]:
    return [(host, port) for interface in interfaces for host in interface.hosts()]


def _is_called(interface: Interface, word: str) -> bool:
    plain = word.partition("%")[0]
    own = [str(a.ip) for a in interface.v4] + [str(a.ip) for a in interface.v6]
    return word in (interface.name, interface.nice_name) or plain in own


def _addresses(
    ips: Iterable[ifaddr.IP],
) -> tuple[tuple[IPv4Interface, ...], tuple[IPv6Interface, ...]]:
    v4: list[IPv4Interface] = []
    v6: list[IPv6Interface] = []
    for ip in ips:
        if isinstance(ip.ip, tuple):
            v6.append(IPv6Interface(f"{ip.ip[0].partition('%')[0]}/{ip.network_prefix}"))
        else:
            v4.append(IPv4Interface(f"{ip.ip}/{ip.network_prefix}"))
    v6.sort(key=lambda address: not address.ip.is_link_local)
    return tuple(v4), tuple(v6)


def _rank(name: str, v4: Sequence[IPv4Interface], v6: Sequence[IPv6Interface], flags: int) -> Rank:
    lower = name.lower()
    ips = [address.ip for address in v4] + [address.ip for address in v6]
    if flags & _IFF_LOOPBACK or all(ip.is_loopback for ip in ips):
        return Rank.LOOPBACK
    if flags & _IFF_POINTOPOINT or lower.startswith(_TUNNEL):
        return Rank.TUNNEL
    if lower.startswith(_VIRTUAL):
        return Rank.VIRTUAL
    if all(ip.is_link_local for ip in ips):
        return Rank.LINK_LOCAL
    return Rank.LAN


def _flags(names: Iterable[str]) -> dict[str, int]:
    """The IFF_ flags by name (netdevice(7)), where the system has this way of asking."""
    if sys.platform != "linux":
        return {}
    import fcntl

    flags = {}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        for name in names:
            request = struct.pack("16sH14x", name.encode()[:15], 0)
            with contextlib.suppress(OSError):  # gone since it was listed
                answer = fcntl.ioctl(any_socket, _SIOCGIFFLAGS, request)
                flags[name] = struct.unpack_from("H", answer, 16)[0]
    return flags
