"""The JSON-RPC interface on standard input and output.

A parent that doesn't read costs a bounded amount of memory and never blocks the node: from
RPC_PAUSE_BYTES of unread answers on, no more requests are read; from RPC_UNREAD_BYTES on, events
are left out, and a `warning` with the reason `events-lost` says so once it has read again.
"""

from __future__ import annotations

import asyncio
import os
import stat
import sys
from collections.abc import Callable

from p2pchat.config.limits import RPC_DRAIN_S
from p2pchat.node.api import NodeApi
from p2pchat.ui.rpc.methods import Table
from p2pchat.ui.rpc.session import Session
from p2pchat.ui.rpc.streams import PipeInput, StreamOutput
from p2pchat.ui.threads import ThreadInput, ThreadOutput

_FLUSH_S = 1.0
"""How long the parent may take nothing of the last answers."""


class _Stdio:
    """Both halves as one channel of a session."""

    def __init__(self, output: StreamOutput | ThreadOutput) -> None:
        self.output = output
        self.input: PipeInput | ThreadInput | None = None

    def write(self, data: bytes) -> None:
        self.output.write(data)

    def unread(self) -> int:
        return self.output.unread()

    def pause(self, paused: bool) -> None:
        if self.input is not None:
            self.input.pause(paused)

    def overflow(self) -> None:
        """Nothing: the parent owns this process, its events are left out instead."""


async def serve_stdio(node: NodeApi, stop: asyncio.Event, stdin: int = 0, stdout: int = 1) -> None:
    """Serve the parent until the end of input, until it no longer listens, or until `stop` is
    set. Then answer what was asked: at the end of input as long as that goes on, else within
    RPC_DRAIN_S."""
    ended = asyncio.Event()
    channel = _Stdio(await _open_output(stdout, stop.set))
    session = Session(node, Table(), channel)
    channel.output.drained = session.drained
    channel.input = await _open_input(stdin, session.feed, ended.set)
    await first_of(ended, stop)
    channel.input.close()
    await session.finish(RPC_DRAIN_S, hurry=stop)
    await channel.output.flush(_FLUSH_S, hurry=stop)
    for fd in (stdin, stdout):
        _make_blocking(fd)


async def first_of(*events: asyncio.Event) -> None:
    """Wait until one of the events is set."""
    waiting = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for future in waiting:
            future.cancel()
        await asyncio.wait(waiting)


async def _open_input(
    fd: int, received: Callable[[bytes], None], ended: Callable[[], None]
) -> PipeInput | ThreadInput:
    if not _is_stream(fd):
        return ThreadInput(fd, received, ended)
    reader = PipeInput(received, ended)
    pipe = os.fdopen(os.dup(fd), "rb", 0)
    await asyncio.get_running_loop().connect_read_pipe(lambda: reader, pipe)
    return reader


async def _open_output(fd: int, closed: Callable[[], None]) -> StreamOutput | ThreadOutput:
    # A descriptor for the event loop doesn't block, and shares that with its duplicates: not
    # where the log goes.
    if not _is_stream(fd) or _same_file(fd, 2):
        return ThreadOutput(fd, closed)
    writer = StreamOutput(closed)
    pipe = os.fdopen(os.dup(fd), "wb", 0)
    await asyncio.get_running_loop().connect_write_pipe(lambda: writer, pipe)
    return writer


def _is_stream(fd: int) -> bool:
    mode = os.fstat(fd).st_mode
    return sys.platform != "win32" and (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode))


def _same_file(one: int, other: int) -> bool:
    try:
        return os.path.sameopenfile(one, other)
    except OSError:
        return False


def _make_blocking(fd: int) -> None:
    """As the descriptor was; whoever shares it may rely on that."""
    if sys.platform != "win32":
        try:
            os.set_blocking(fd, True)
        except OSError:
            return
