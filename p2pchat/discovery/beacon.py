"""The UDP beacon: broadcasts on every interface that say where this node listens.

One socket for each family, shared with the machine's other profiles by address reuse: broadcasts
and multicasts reach all of them, unicast one. IPv4 goes to the broadcast addresses, IPv6 to the
link-local multicast of all nodes.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import logging
import random
import socket
import struct
import sys
from collections.abc import Sequence
from ipaddress import IPv4Interface
from typing import Any

import msgspec

from p2pchat.config import limits
from p2pchat.discovery import beacon_packet
from p2pchat.discovery.beacon_packet import Beacon
from p2pchat.discovery.hints import Found
from p2pchat.discovery.interfaces import Interface, Rank
from p2pchat.discovery.rates import Heard, Throttle, TokenBucket
from p2pchat.node.ports import Announcement

log = logging.getLogger("p2pchat.discovery")

_ALL_NODES = "ff02::1"
_LIMITED = "255.255.255.255"
_IP_PKTINFO = 8
"""Linux; the socket module names it from Python 3.12 on."""
_REPEAT_S = 0.2
"""One beacon arrives several times: by the limited and the subnet's broadcast address."""
_ANNOUNCE_S = 1.0


class BeaconWay(asyncio.DatagramProtocol):
    """Sends and hears beacons. Made and used on the event loop's thread."""

    def __init__(
        self,
        found: Found,
        announcement: Announcement,
        instance: bytes,
        rng: random.Random,
    ) -> None:
        self._found = found
        self._network = announcement.network
        self._instance = instance
        self._rng = rng
        self._loop = asyncio.get_running_loop()
        self._interfaces: tuple[Interface, ...] = ()
        self._sockets: dict[int, tuple[socket.socket, asyncio.DatagramTransport]] = {}
        self._heard = Heard(limits.HEARD_INSTANCES)
        self._remote = Heard(limits.HEARD_INSTANCES)
        self._elsewhere = Heard(limits.HEARD_INSTANCES)
        clock = self._loop.time
        self._answers = TokenBucket(limits.ANSWERS_PER_S, limits.ANSWERS_AT_ONCE, clock)
        self._hints = TokenBucket(limits.HINTS_PER_S, limits.HINTS_AT_ONCE, clock)
        self._senders = Throttle(
            limits.BEACONS_PER_S, limits.BEACONS_AT_ONCE, limits.HEARD_INSTANCES, clock
        )
        self._burst: list[float] = []
        self._burst_at = float("-inf")
        self._timer: asyncio.TimerHandle | None = None
        self._complained: set[str] = set()
        beacon = Beacon(
            answer=False,
            network=announcement.network,
            device_id=announcement.device_id,
            port=announcement.port,
            instance=instance,
        )
        self._packet = beacon_packet.encode(beacon)
        self._answer_packet = beacon_packet.encode(msgspec.structs.replace(beacon, answer=True))

    # -- commands

    async def use(self, interfaces: Sequence[Interface]) -> None:
        """Send there and believe what comes from there, from now on. A socket that couldn't be
        opened before is tried again."""
        self._interfaces = tuple(interfaces)
        for family in (socket.AF_INET, socket.AF_INET6):
            if family not in self._sockets:
                await self._open(family)
        self._join_all_nodes()

    def announce(self) -> None:
        """A few beacons now, then the usual ones. At most one such burst a second."""
        now = self._loop.time()
        if now - self._burst_at < _ANNOUNCE_S:
            return
        self._burst_at = now
        first, *self._burst = limits.BEACON_BURST_S
        self._plan(first)

    def heard(self) -> tuple[int, int]:
        """How many devices of other computers were heard lately: of this network, of others."""
        since = self._loop.time() - limits.BEACON_RECENT_S
        return len(self._remote.since(since)), len(self._elsewhere.since(since))

    def left(self, device_id: str) -> None:
        self._remote.forget(device_id)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        for _, transport in self._sockets.values():
            transport.abort()
        self._sockets.clear()

    # -- sending

    def _plan(self, delay: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        jitter = self._rng.uniform(1 - limits.BEACON_JITTER, 1 + limits.BEACON_JITTER)
        self._timer = self._loop.call_later(delay * jitter, self._send_all)

    def _send_all(self) -> None:
        # neighbours whose subnets don't fit are still reached by IPv6; the others will have
        # found each other by IPv4 after the first two of a burst, and needn't dial twice
        at_once = len(self._burst) > 1
        for interface in self._interfaces:
            if interface.rank is Rank.TUNNEL:
                continue
            for address in interface.v4[: limits.ADDRESSES_PER_INTERFACE]:
                self._send_broadcasts(interface, address)
            if interface.v6 and interface.rank is not Rank.LOOPBACK:
                if interface.v4 and at_once:
                    continue
                everybody = (_ALL_NODES, limits.PORT, 0, interface.index)
                self._send(socket.AF_INET6, self._packet, everybody, interface)
        if self._burst:
            passed = self._loop.time() - self._burst_at
            self._plan(max(self._burst.pop(0) - passed, 0))
        else:
            self._plan(limits.BEACON_EVERY_S)

    def _send_broadcasts(self, interface: Interface, address: IPv4Interface) -> None:
        targets = [] if address.network.prefixlen > 30 else [str(address.network.broadcast_address)]
        way: list[tuple[int, int, bytes]] = []
        if sys.platform == "linux":
            # names the interface: no route is needed, and of two on one subnet both are used
            info = struct.pack("@i4s4s", interface.index, address.ip.packed, bytes(4))
            way = [(socket.IPPROTO_IP, _IP_PKTINFO, info)]
            if interface.rank is not Rank.LOOPBACK:
                targets.append(_LIMITED)
        for target in targets:
            self._send(socket.AF_INET, self._packet, (target, limits.PORT), interface, way)

    def _send(
        self,
        family: int,
        packet: bytes,
        target: tuple[str, int] | tuple[str, int, int, int],
        interface: Interface | None = None,
        way: Sequence[tuple[int, int, bytes]] = (),
    ) -> None:
        if family not in self._sockets:
            return
        sock = self._sockets[family][0]
        try:
            if sys.platform != "win32" and way:
                sock.sendmsg([packet], way, 0, target)
            else:
                sock.sendto(packet, target)
        except BlockingIOError:
            pass
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL:
                return  # an address that is being checked for duplicates; the next one goes out
            where = interface.nice_name if interface else target[0]
            self._complain(f"beacon to {target[0]} by {where}: {error.strerror}")

    # -- hearing

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        if not self._senders.take(addr[0]):
            return
        beacon = beacon_packet.decode(data)
        if beacon is None or beacon.instance == self._instance:
            return
        interface = self._interface_of(addr)
        if interface is None:
            return
        now = self._loop.time()
        ours = beacon.network == self._network
        if interface.rank is not Rank.LOOPBACK and not interface.is_own(addr[0]):
            (self._remote if ours else self._elsewhere).note(beacon.device_id, now)
        if not ours:
            return
        before = self._heard.note((beacon.instance, addr[0]), now)
        if before is not None and now - before < _REPEAT_S:
            return
        if not self._hints.take():
            self._complain("more beacons than a network has nodes: some are left out")
            return
        if not beacon.answer and (before is None or now - before > limits.BEACON_FORGET_S):
            self._answer(addr)
        host = f"{addr[0]}%{interface.zone}" if len(addr) == 4 else addr[0]
        self._found("beacon", beacon.device_id, [(host, beacon.port)])

    def _answer(self, addr: tuple[Any, ...]) -> None:
        """Tell a newcomer at once, which may be unable to be dialled. Never to a port that beacons
        don't come from: others' services get nothing from us."""
        if addr[1] != limits.PORT or not self._answers.take():
            return
        family = socket.AF_INET6 if len(addr) == 4 else socket.AF_INET
        delay = self._rng.uniform(0, limits.BEACON_ANSWER_S)
        self._loop.call_later(delay, self._send, family, self._answer_packet, addr)

    def _interface_of(self, addr: tuple[Any, ...]) -> Interface | None:
        """Where a packet came from; None for what is from no cable in use."""
        for interface in self._interfaces:
            if len(addr) == 4:
                if interface.index == addr[3]:
                    return interface
            elif interface.is_neighbour(ipaddress.ip_address(addr[0])):
                return interface
        return None

    # -- sockets

    async def _open(self, family: socket.AddressFamily) -> None:
        sock = None
        try:
            sock = _shared_socket(family, limits.PORT)
            transport, _ = await self._loop.create_datagram_endpoint(lambda: self, sock=sock)
        except OSError as error:
            if sock is not None:
                sock.close()
            if family == socket.AF_INET or error.errno != errno.EAFNOSUPPORT:
                self._complain(f"no beacon on UDP port {limits.PORT}: {error.strerror}")
            return
        self._sockets[family] = (sock, transport)

    def _join_all_nodes(self) -> None:
        """Linux delivers this group to any socket; others want it asked for."""
        if socket.AF_INET6 not in self._sockets:
            return
        sock = self._sockets[socket.AF_INET6][0]
        group = socket.inet_pton(socket.AF_INET6, _ALL_NODES)
        for interface in self._interfaces:
            with contextlib.suppress(OSError):  # joined already, or no IPv6 there
                sock.setsockopt(
                    socket.IPPROTO_IPV6,
                    socket.IPV6_JOIN_GROUP,
                    group + struct.pack("@I", interface.index),
                )

    def connection_lost(self, exc: Exception | None) -> None:
        """A socket that broke is opened anew with the next change of the network."""
        for family, (sock, transport) in list(self._sockets.items()):
            if transport.is_closing():
                del self._sockets[family]
                sock.close()

    def _complain(self, text: str) -> None:
        if text not in self._complained:
            self._complained.add(text)
            log.warning("%s", text)


def _shared_socket(family: socket.AddressFamily, port: int) -> socket.socket:
    """Bound to the beacon's port on every address, beside those of other profiles and users."""
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if sys.platform not in ("linux", "win32"):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        else:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        sock.bind(("", port))
    except OSError:
        sock.close()
        raise
    return sock
