"""Bytes of a JSON-RPC client over a connected stream: a pipe or a socket, on the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from p2pchat.config.limits import KIB

TURN_BYTES = 16 * KIB
"""Of input that are taken in one turn of the loop: some hundred requests. An answer comes a few
turns after its request, so the first one of a flood mustn't wait for turns as long as a pipe."""


def take_turns(transport: asyncio.BaseTransport) -> None:
    """Read TURN_BYTES at a time, where it is one of asyncio's own selector loops: they take up to
    256 KiB. Those of Windows take 64."""
    if hasattr(transport, "max_size"):
        transport.max_size = TURN_BYTES


class StreamOutput(asyncio.BaseProtocol):
    """The writing half of a channel. `closed` is called once, when the other side is gone."""

    def __init__(self, closed: Callable[[], None]) -> None:
        self.drained: Callable[[], None] | None = None
        """Called when everything is written."""
        self._closed = closed
        self._transport: asyncio.WriteTransport | None = None
        self._taken = asyncio.Event()
        """Nothing that was written waits to be taken."""
        self._taken.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)
        self._transport.set_write_buffer_limits(high=0)  # to hear when the buffer is empty

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._taken.set()
        self._closed()

    def pause_writing(self) -> None:
        self._taken.clear()

    def resume_writing(self) -> None:
        self._taken.set()
        if self.drained is not None:
            self.drained()

    def write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def unread(self) -> int:
        return 0 if self._transport is None else self._transport.get_write_buffer_size()

    async def flush(self, within: float, hurry: asyncio.Event) -> None:
        """Wait until everything is taken, as long as something is every `within` seconds, or only
        for so long once `hurry` is set. What isn't taken then is lost."""
        while True:
            before = self.unread()
            try:
                async with asyncio.timeout(within):
                    await self._taken.wait()
                return
            except TimeoutError:
                if hurry.is_set() or self.unread() >= before:
                    self.abort()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()


class PipeInput(asyncio.Protocol):
    """The reading half of a channel, where it is a pipe of its own."""

    def __init__(self, received: Callable[[bytes], None], ended: Callable[[], None]) -> None:
        self._received = received
        self._ended = ended
        self._transport: asyncio.ReadTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.ReadTransport, transport)
        take_turns(transport)

    def data_received(self, data: bytes) -> None:
        self._received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._ended()

    def pause(self, paused: bool) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        if paused:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()
