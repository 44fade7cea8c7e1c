"""Datagrams to one peer and from anyone: the socket side of the UDP test mode.

What a datagram means, how it is printed and how long a line may be is its caller's business.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections.abc import Callable, Sequence

from p2pchat.config import limits
from p2pchat.errors import UsageError
from p2pchat.node.ports import Address
from p2pchat.transport.addresses import SockAddr, address_of

log = logging.getLogger("p2pchat.transport.udp")

Received = Callable[[Address, bytes], None]
Failed = Callable[[OSError], None]


class UdpEndpoint:
    """Open sockets of one port. Errors of the network (such as a peer that isn't there yet) end
    nothing: they go to `failed`, where there is one."""

    def __init__(
        self,
        transports: Sequence[asyncio.DatagramTransport],
        sender: socket.socket,
        peer: SockAddr,
        failed: Failed | None,
    ) -> None:
        self._transports = transports
        self._sender = sender
        self._peer = peer
        self._failed = failed
        self.local = address_of(sender.getsockname())
        """Where datagrams go out; the port is the real one where 0 was asked for."""
        self.peer = address_of(peer)
        """Numeric: what the peer's name stood for when this was opened."""

    def send(self, data: bytes) -> None:
        """One datagram to the peer. Never waits; after `close` it does nothing."""
        if self._sender.fileno() < 0:
            return
        try:
            # Not by the transport: that one drops empty datagrams.
            self._sender.sendto(data, self._peer)
        except OSError as error:
            log.debug("datagram not sent: %s", error)
            if self._failed is not None:
                self._failed(error)

    def close(self) -> None:
        for transport in self._transports:
            transport.close()


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, received: Received, failed: Failed | None) -> None:
        self._received = received
        self._failed = failed

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._received(address_of(addr), data)

    def error_received(self, exc: Exception) -> None:
        log.debug("datagram not delivered: %s", exc)
        if self._failed is not None and isinstance(exc, OSError):
            self._failed(exc)


async def open_udp(
    bind: Address, peer: Address, received: Received, failed: Failed | None = None
) -> UdpEndpoint:
    """Bind, and send to `peer` from there. An empty host to bind stands for every address, IPv4
    and IPv6. `received` and `failed` are called on the loop's thread.

    UsageError: a name that can't be resolved, a port that is taken, an address that isn't this
    machine's, or a peer of another address family than the address to bind.
    """
    peers = await _resolve(peer)
    sockets = _bind(bind, await _resolve(bind))
    chosen = _pair(sockets, peers)
    if chosen is None:
        for sock in sockets:
            sock.close()
        raise UsageError(f"{peer[0]} can't be reached from {bind[0]}: one is IPv4, one IPv6")
    loop = asyncio.get_running_loop()
    transports = []
    for sock in sockets:
        transport, _ = await loop.create_datagram_endpoint(
            lambda: _Datagrams(received, failed), sock=sock
        )
        transports.append(transport)
    return UdpEndpoint(transports, *chosen, failed)


_Place = tuple[socket.AddressFamily, SockAddr]


async def _resolve(address: Address) -> list[_Place]:
    """IPv4 first: a name such as `localhost` then means the same here as to most programs."""
    host, port = address
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            host or None, port, type=socket.SOCK_DGRAM, flags=socket.AI_PASSIVE
        )
    except (OSError, UnicodeError) as error:
        raise UsageError(f"there is no address {host!r}") from error
    places = [
        (family, where)
        for family, _, _, _, where in found
        if family in (socket.AF_INET, socket.AF_INET6)
    ]
    return sorted(places, key=lambda place: place[0] != socket.AF_INET)


def _bind(bind: Address, places: Sequence[_Place]) -> list[socket.socket]:
    """A socket for each place, all on one port. Only the first has to work: IPv6 may be missing."""
    sockets: list[socket.socket] = []
    port = bind[1]
    for family, where in places:
        try:
            sock = _bound(family, (where[0], port, *where[2:]))
        except OSError as error:
            if sockets and error.errno in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL):
                continue
            for other in sockets:
                other.close()
            raise UsageError(_why_not_bound(bind, error)) from error
        port = sock.getsockname()[1]
        sockets.append(sock)
    return sockets


def _bound(family: socket.AddressFamily, where: SockAddr) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, limits.DATAGRAM_BUFFER_BYTES)
        sock.bind(where)
    except OSError:
        sock.close()
        raise
    return sock


def _why_not_bound(bind: Address, error: OSError) -> str:
    host, port = bind
    if error.errno == errno.EADDRINUSE:
        return f"port {port} is taken by another program"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{host} is not an address of this machine"
    return f"port {port} can't be used: {error.strerror or error}"


def _pair(
    sockets: Sequence[socket.socket], peers: Sequence[_Place]
) -> tuple[socket.socket, SockAddr] | None:
    """The first address of the peer for which there is a socket."""
    for family, where in peers:
        for sock in sockets:
            if sock.family == family:
                return sock, where
    return None
