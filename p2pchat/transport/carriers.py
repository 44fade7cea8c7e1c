"""What carries the bytes of a TLS connection: a TCP socket, or a tunnel through a common peer."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable

from p2pchat.config import limits
from p2pchat.transport.connection import CARRIER_HIGH, CARRIER_LOW, READ_BYTES, Connection

MANY_FRAMES = 500
"""Of one read: who sends so small ones is read little at once, so that others have their turn."""
READ_LITTLE_BYTES = 8 * limits.KIB
KEEPALIVE_S = 30
"""A dead machine is noticed by pings first; this closes what has no pings (yet)."""


class TcpCarrier(asyncio.BufferedProtocol):
    """The raw bytes of a socket. `made` gives the connection that they belong to."""

    def __init__(self, made: Callable[[TcpCarrier], Connection | None], raw: memoryview) -> None:
        self._made = made
        self._raw = raw
        self._at_once = READ_BYTES
        self._connection: Connection | None = None
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.set_write_buffer_limits(high=CARRIER_HIGH, low=CARRIER_LOW)
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if hasattr(socket, "TCP_KEEPIDLE"):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_S)
        self._connection = self._made(self)
        if self._connection is None:
            transport.abort()

    def get_buffer(self, sizehint: int) -> memoryview:
        # One buffer for all sockets: it is emptied before the loop turns to another.
        return self._raw[: self._at_once]

    def buffer_updated(self, nbytes: int) -> None:
        connection = self._connection
        if connection is None:
            return
        before = connection.delivered
        connection.receive(self._raw[:nbytes])
        many = connection.delivered - before > MANY_FRAMES
        self._at_once = READ_LITTLE_BYTES if many else READ_BYTES

    def eof_received(self) -> bool:
        if self._connection is not None:
            self._connection.lost()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        connection, self._connection = self._connection, None
        self.transport = None
        if connection is not None:
            connection.lost()

    def pause_writing(self) -> None:
        if self._connection is not None:
            self._connection.hold_up()

    def resume_writing(self) -> None:
        # In the next turn: asyncio calls this in the midst of writing, and if what goes on here
        # ended the transport, it would take it down once more.
        asyncio.get_running_loop().call_soon(self._resume)

    def _resume(self) -> None:
        if self._connection is not None and self.backlog() <= CARRIER_HIGH:
            self._connection.resume()

    # -- Carrier

    def write(self, data: bytes) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(data)

    def backlog(self) -> int:
        return 0 if self.transport is None else self.transport.get_write_buffer_size()

    def finish(self) -> None:
        if self.transport is not None and not self.transport.is_closing():
            with contextlib.suppress(OSError):  # the other side has gone just before
                self.transport.write_eof()

    def abort(self) -> None:
        if self.transport is not None:
            self.transport.abort()


class Tunnel:
    """TLS bytes that go through a common peer, in pieces. The owner's calls take effect in the
    next turn of the loop, so that nobody is called back from within a call."""

    def __init__(self, loop: asyncio.AbstractEventLoop, out: Callable[[bytes], None]) -> None:
        self._loop = loop
        self._out: Callable[[bytes], None] | None = out
        self._connection: Connection | None = None

    def attach(self, connection: Connection) -> None:
        self._connection = connection
        self._loop.call_soon(connection.start)

    def receive(self, data: bytes) -> None:
        self._loop.call_soon(self._received, data)

    def _received(self, data: bytes) -> None:
        if self._connection is not None:
            self._connection.receive(data)

    # -- Carrier

    def write(self, data: bytes) -> None:
        piece = limits.TUNNEL_PIECE_BYTES
        for at in range(0, len(data), piece):
            if self._out is not None:
                self._out(data[at : at + piece])

    def backlog(self) -> int:
        return 0

    def finish(self) -> None:
        """There is nothing to wait for: what was handed to the carrier goes on its way."""
        if self._connection is not None:
            self._loop.call_soon(self._connection.lost)

    def abort(self) -> None:
        self._connection = None
        self._out = None


def raw_buffer() -> memoryview:
    return memoryview(bytearray(READ_BYTES))
