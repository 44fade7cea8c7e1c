"""The control socket of a profile: the same JSON-RPC for other commands of the same user.

A Unix socket that only its owner can open; on Windows a named pipe, whose clients first send a
line with the secret in CONTROL_KEY, for a pipe can be read by others there.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import os
import secrets
import socket
import sys
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, cast

from p2pchat.config.limits import CONTROL_CLIENTS
from p2pchat.node.api import NodeApi
from p2pchat.ui.rpc.methods import Method, Table
from p2pchat.ui.rpc.session import Session
from p2pchat.ui.rpc.streams import StreamOutput, take_turns

CONTROL_SOCKET = "control.sock"
CONTROL_KEY = "control.key"
_SUN_PATH = 100
"""Bytes of a Unix socket's path that every system takes (Linux 107, macOS 103)."""
_FINISH_S = 1.0

_log = logging.getLogger("p2pchat.rpc.control")


@contextmanager
def socket_path(data_dir: Path) -> Iterator[str]:
    """A path to the profile's socket that is short enough for the system, while in use."""
    path = str(data_dir.absolute() / CONTROL_SOCKET)
    if len(os.fsencode(path)) <= _SUN_PATH or not os.path.isdir("/proc/self/fd"):
        yield path
        return
    directory = os.open(data_dir, os.O_RDONLY)
    try:
        yield f"/proc/self/fd/{directory}/{CONTROL_SOCKET}"
    finally:
        os.close(directory)


def pipe_name(data_dir: Path) -> str:
    """The named pipe of a profile, on Windows."""
    digest = hashlib.sha256(str(data_dir.absolute()).lower().encode()).hexdigest()
    return rf"\\.\pipe\p2pchat-{digest[:32]}"


class _Client(StreamOutput, asyncio.Protocol):
    """One client: both halves of its channel."""

    def __init__(self, server: ControlServer) -> None:
        super().__init__(self._gone)
        self.session: Session | None = None
        self._server = server
        self._secret = server.secret
        self._first = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        take_turns(transport)
        if not self._server.admit(self):
            self.abort()
        elif self._secret is None:
            self._open()

    def _open(self) -> None:
        self.session = self._server.open_session(self)
        self.drained = self.session.drained

    def data_received(self, data: bytes) -> None:
        if self.session is None:
            data = self._check_secret(data)
        if self.session is not None and data:
            self.session.feed(data)

    def _check_secret(self, data: bytes) -> bytes:
        """Takes the first line; what follows it, once the secret was right."""
        self._first += data
        line, newline, rest = self._first.partition(b"\n")
        if not newline and len(line) < 256:
            return b""
        if self._secret is None or not hmac.compare_digest(line.strip(), self._secret):
            self.abort()
            return b""
        self._open()
        return rest

    def eof_received(self) -> bool:
        self._server.run(self.leave())
        return True  # the answers still have to go out

    async def leave(self) -> None:
        """Answer what was asked, then close."""
        if self.session is not None:
            await self.session.finish(_FINISH_S, self._server.closing)
            await self.flush(_FINISH_S, self._server.closing)
        self.close()

    def _gone(self) -> None:
        self._server.forget(self)
        if self.session is not None:
            self._server.run(self.session.abandon())

    def pause(self, paused: bool) -> None:
        transport = cast(asyncio.Transport, self._transport)
        if transport is None or transport.is_closing():
            return
        if paused:
            transport.pause_reading()
        else:
            transport.resume_reading()

    def overflow(self) -> None:
        _log.warning("a client of the control socket doesn't read; it is dropped")
        self.abort()


class ControlServer:
    """Accepts clients until it is closed. `more` are methods of the front end that runs."""

    def __init__(
        self, node: NodeApi, data_dir: Path, more: Mapping[str, Method] | None = None
    ) -> None:
        self.secret: bytes | None = None
        self.closing = asyncio.Event()
        self._node = node
        self._data_dir = data_dir
        self._table = Table(more)
        self._clients: set[_Client] = set()
        self._empty = asyncio.Event()
        self._empty.set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._close: Callable[[], None] | None = None

    async def start(self) -> None:
        """Listen. The profile must be this process's: a socket that is left over is replaced.
        Where it isn't possible, a warning in the log: the node works without."""
        try:
            if sys.platform == "win32":
                await self._start_pipe()
            else:
                await self._start_socket()
        except OSError as error:
            _log.warning("no control socket: %s", error)

    async def _start_socket(self) -> None:
        loop = asyncio.get_running_loop()
        with socket_path(self._data_dir) as path:
            sock = _bind_private(path)
        server = await loop.create_unix_server(lambda: _Client(self), sock=sock)
        self._close = server.close

    async def _start_pipe(self) -> None:
        if sys.platform == "win32":
            self.secret = secrets.token_hex(32).encode()
            key = self._data_dir / CONTROL_KEY
            key.write_bytes(self.secret)
            loop: Any = asyncio.get_running_loop()  # its types know of no protocol but a stream's
            (server,) = await loop.start_serving_pipe(
                lambda: _Client(self), pipe_name(self._data_dir)
            )
            self._close = server.close

    def admit(self, client: _Client) -> bool:
        if len(self._clients) >= CONTROL_CLIENTS:
            return False
        self._clients.add(client)
        self._empty.clear()
        return True

    def open_session(self, client: _Client) -> Session:
        return Session(self._node.front_end(), self._table, client, seen=False)

    def forget(self, client: _Client) -> None:
        self._clients.discard(client)
        if not self._clients:
            self._empty.set()

    def run(self, work: Coroutine[object, object, None]) -> None:
        """A task of this server."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def unused(self, within: float) -> None:
        """Wait until no client is left, for `within` seconds at most. Then none may come."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._empty.wait()
                self._stop_listening()
                await asyncio.sleep(0)  # who was let in a moment ago is here then
                await self._empty.wait()

    async def close(self) -> None:
        """No new clients; those that are here get their answers."""
        self.closing.set()
        self._stop_listening()
        for client in list(self._clients):
            self.run(client.leave())
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _stop_listening(self) -> None:
        if self._close is not None:
            self._close()
            self._close = None
            with suppress(OSError):
                (self._data_dir / CONTROL_SOCKET).unlink()


def _bind_private(path: str) -> socket.socket:
    """A Unix socket with mode 0600 from its first moment on."""
    with suppress(FileNotFoundError):
        os.unlink(path)
    sock = socket.socket(socket.AF_UNIX)  # type: ignore[attr-defined,unused-ignore]
    mask = os.umask(0o177)
    try:
        sock.bind(path)
    except OSError:
        sock.close()
        raise
    finally:
        os.umask(mask)
    return sock
