"""Standard input and output by threads: for files, terminals and Windows, where the event loop
can't wait for them. The threads are daemons: a read can't be interrupted."""

from __future__ import annotations

import asyncio
import os
import threading
from collections import deque
from collections.abc import Callable

_CHUNK = 256 * 1024


class ThreadInput:
    """Reads a descriptor; one chunk at a time is on its way to the loop."""

    def __init__(
        self, fd: int, received: Callable[[bytes], None], ended: Callable[[], None]
    ) -> None:
        self._fd = fd
        self._received = received
        self._ended = ended
        self._loop = asyncio.get_running_loop()
        self._go = threading.Event()
        self._go.set()
        self._paused = False
        self._closed = False
        threading.Thread(target=self._read, name="input", daemon=True).start()

    def _read(self) -> None:
        while True:
            self._go.wait()
            self._go.clear()
            try:
                data = os.read(self._fd, _CHUNK)
            except OSError:
                data = b""
            try:
                self._loop.call_soon_threadsafe(self._take, data)
            except RuntimeError:  # the loop is closed
                return
            if not data:
                return

    def _take(self, data: bytes) -> None:
        if self._closed:
            return
        if data:
            self._received(data)
        else:
            self._closed = True
            self._ended()
        if not self._paused:
            self._go.set()

    def pause(self, paused: bool) -> None:
        self._paused = paused
        if not paused:
            self._go.set()

    def close(self) -> None:
        self._closed = True


class ThreadOutput:
    """Writes to a descriptor, in order. `closed` is called once where that isn't possible."""

    def __init__(self, fd: int, closed: Callable[[], None]) -> None:
        self.drained: Callable[[], None] | None = None
        """Called when everything is written, or most of it."""
        self._fd = fd
        self._closed = closed
        self._loop = asyncio.get_running_loop()
        self._queue: deque[bytes] = deque()
        self._unread = 0
        self._some = threading.Condition()
        self._broken = False
        self._taken = asyncio.Event()
        self._taken.set()
        threading.Thread(target=self._work, name="output", daemon=True).start()

    def write(self, data: bytes) -> None:
        if self._broken:
            return
        self._taken.clear()
        with self._some:
            self._queue.append(data)
            self._unread += len(data)
            self._some.notify()

    def unread(self) -> int:
        return self._unread

    async def flush(self, within: float, hurry: asyncio.Event) -> None:
        """Wait until everything is written, as long as something is every `within` seconds, or
        only for so long once `hurry` is set. What isn't written then is lost."""
        while not self._taken.is_set():
            before = self._unread
            try:
                async with asyncio.timeout(within):
                    await self._taken.wait()
            except TimeoutError:
                if hurry.is_set() or self._unread >= before:
                    self._broken = True
                    return

    def _work(self) -> None:
        while True:
            with self._some:
                while not self._queue:
                    self._some.wait()
                data = b"".join(self._queue)
                self._queue.clear()
            broken = not self._write_all(data)
            with self._some:
                empty = not self._queue
            try:
                if broken:
                    self._loop.call_soon_threadsafe(self._break)
                    return
                if empty:
                    self._loop.call_soon_threadsafe(self._emptied)
            except RuntimeError:  # the loop is closed
                return

    def _write_all(self, data: bytes) -> bool:
        rest = memoryview(data)
        try:
            while rest:
                written = os.write(self._fd, rest[:_CHUNK])
                rest = rest[written:]
                with self._some:
                    self._unread -= written
        except OSError:
            return False
        return True

    def _emptied(self) -> None:
        if self._unread == 0:
            self._taken.set()
        if self.drained is not None:
            self.drained()

    def _break(self) -> None:
        self._broken = True
        self._unread = 0
        self._taken.set()
        self._closed()
