"""Connecting to an address, from the interfaces that may be used."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from typing import TypeVar

from p2pchat.config import limits
from p2pchat.node.ports import Address
from p2pchat.transport.addresses import SockAddr

P = TypeVar("P", bound=asyncio.BaseProtocol)
_Place = tuple[socket.AddressFamily, SockAddr]


async def connect(factory: Callable[[], P], address: Address, interfaces: Sequence[str]) -> P:
    """A TCP connection within DIAL_TIMEOUT_S; a name's addresses are tried one after the other.
    `interfaces`: numeric addresses of this machine to come from; none: any.

    TimeoutError, ConnectionRefusedError, or another OSError: the last address's.
    """
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(limits.DIAL_TIMEOUT_S):
        found = _numeric(*address) or await _resolve(address)
        failure: OSError = OSError(f"no address of {address[0]!r} can be used")
        for family, where in found:
            try:
                async with asyncio.timeout(limits.DIAL_TIMEOUT_S / min(len(found), 2)):
                    sock = await _connected(family, where, interfaces)
                _, protocol = await loop.create_connection(factory, sock=sock)
                return protocol
            except OSError as error:
                failure = error
        raise failure


async def _connected(
    family: socket.AddressFamily, where: SockAddr, interfaces: Sequence[str]
) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        source = _source(family, where, interfaces)
        if source is not None:
            sock.bind(source)
        await asyncio.get_running_loop().sock_connect(sock, where)
    except BaseException:
        sock.close()
        raise
    return sock


def _source(
    family: socket.AddressFamily, where: SockAddr, interfaces: Sequence[str]
) -> SockAddr | None:
    """What to bind to before connecting: the address that the system would take, where it is one
    of those allowed, else the first allowed one of the family. None: nothing."""
    if not interfaces:
        return None
    allowed = [
        place for host in interfaces for its_family, place in _numeric(host) if its_family == family
    ]
    if not allowed:
        raise OSError("no interface that may be used has an address of this family")
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(where)
            usual = probe.getsockname()[0]
        except OSError:
            usual = None
    for one in allowed:
        if one[0] == usual:
            return one
    return allowed[0]


def _numeric(host: str, port: int = 0) -> list[_Place]:
    """Without asking anybody, and so at once; none for a name."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return []
    return [(family, where) for family, _, _, _, where in found]


async def _resolve(address: Address) -> list[_Place]:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(*address, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise OSError(f"no such host: {address[0]!r}") from error
    return [(family, where) for family, _, _, _, where in found]
