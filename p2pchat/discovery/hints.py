"""What is believed of a hint: addresses that a neighbour can have, in the order to try them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from ipaddress import IPv4Address, IPv6Address

from p2pchat.config.limits import ADDRESSES_PER_INTERFACE
from p2pchat.discovery.interfaces import Interface
from p2pchat.node.ports import Address

Found = Callable[[str, str, Sequence[Address]], None]
"""DiscoverySink.found."""

_DEVICE_ID = re.compile(r"[a-z2-7]{32}")
_NETWORK = re.compile(r"[0-9a-f]{16}")


def is_device_id(text: str) -> bool:
    return _DEVICE_ID.fullmatch(text) is not None


def is_network(text: str) -> bool:
    """The form of Announcement.network."""
    return _NETWORK.fullmatch(text) is not None


def believable(
    interface: Interface, ips: Iterable[IPv4Address | IPv6Address], port: int
) -> list[Address]:
    """Addresses out of what was heard on an interface, neighbours first.

    Others are taken where they are private (a relay may carry announcements between subnets),
    never public ones: nobody can make a network dial a stranger.
    """
    hosts = [ip for ip in ips if not (ip.is_multicast or ip.is_unspecified or ip.is_reserved)]
    v4 = [ip for ip in hosts if isinstance(ip, IPv4Address)]
    v6 = [ip for ip in hosts if isinstance(ip, IPv6Address)]
    near4 = [str(ip) for ip in v4 if interface.is_neighbour(ip)]
    far4 = [
        str(ip)
        for ip in v4
        if ip.is_private and not ip.is_loopback and not interface.is_neighbour(ip)
    ]
    near6 = []
    if near4 or not interface.v4:
        near6 = [
            f"{_plain(ip)}%{interface.zone}" if ip.is_link_local else str(ip)
            for ip in v6
            if interface.is_neighbour(ip)
        ]
    top = ADDRESSES_PER_INTERFACE
    return [(host, port) for host in near4[:top] + near6[:top] + far4[:top]]


def _plain(ip: IPv6Address) -> str:
    return str(ip).partition("%")[0]
