"""Lines in and lines out: what the terminal front ends need of a terminal, a pipe or a file."""

from __future__ import annotations

import asyncio
import os
import sys
from collections import deque
from typing import Protocol

from p2pchat.ui.threads import ThreadInput, ThreadOutput

LINE_BYTES = 64 * 1024
"""Of one line so much is kept: enough to see that it is too long for everything here."""
WAITING_LINES = 1000
"""Read ahead; more stays with whoever writes them."""
UNREAD_BYTES = 8 * 1024 * 1024
"""Printed but not taken by whoever reads our output; more is left out."""
_FLUSH_S = 1.0

Fragments = list[tuple[str, str]]
"""(style class, text): safe to print, line breaks included only where they are meant."""


class Lines(Protocol):
    """One person, or a script, that writes lines and reads them."""

    async def read(self, stop: asyncio.Event) -> bytes | None:
        """The next line without its end; None at the end of input or once `stop` is set."""
        ...

    def show(self, *parts: str | tuple[str, str]) -> None:
        """Print one line at once, made of text, or (style class, text), that is safe to print."""
        ...

    def complain(self, text: str) -> None:
        """Say what went wrong, apart from what was asked for where that is possible."""
        ...

    def forget(self) -> None:
        """Somebody else sits here: where that is possible, away with what was shown to the one
        before, and what they have written."""
        ...

    async def close(self) -> None:
        """Everything is printed, or nobody reads it."""
        ...


class PlainLines:
    """Without a terminal: any descriptors, no colours."""

    def __init__(self, stdin: int = 0, stdout: int = 1) -> None:
        self._lines: deque[bytes] = deque()
        self._news = asyncio.Event()
        self._ended = False
        self._paused = False
        self._partial = bytearray()
        self._lost = 0
        self._stopped = asyncio.Event()
        self._input = ThreadInput(stdin, self._take, self._end)
        self._output = ThreadOutput(stdout, self._end)
        self._output.drained = self._tell_lost

    def _take(self, data: bytes) -> None:
        *lines, rest = data.split(b"\n")
        for line in lines:
            self._keep(line)
            self._lines.append(bytes(self._partial).removesuffix(b"\r"))
            self._partial.clear()
        self._keep(rest)
        if len(self._lines) > WAITING_LINES and not self._paused:
            self._paused = True
            self._input.pause(True)
        self._news.set()

    def _keep(self, part: bytes) -> None:
        self._partial += part[: LINE_BYTES - len(self._partial)]

    def _end(self) -> None:
        if self._partial:
            self._lines.append(bytes(self._partial))
            self._partial.clear()
        self._ended = True
        self._news.set()

    async def read(self, stop: asyncio.Event) -> bytes | None:
        stopped = asyncio.ensure_future(stop.wait())
        try:
            while not self._lines and not self._ended and not stop.is_set():
                self._news.clear()
                news = asyncio.ensure_future(self._news.wait())
                await asyncio.wait((news, stopped), return_when=asyncio.FIRST_COMPLETED)
                news.cancel()
        finally:
            stopped.cancel()
        if stop.is_set():
            self._stopped = stop
            return None
        if not self._lines:
            return None
        line = self._lines.popleft()
        if self._paused and len(self._lines) < WAITING_LINES // 2:
            self._paused = False
            self._input.pause(False)
        return line

    def show(self, *parts: str | tuple[str, str]) -> None:
        if self._output.unread() > UNREAD_BYTES:
            self._lost += 1
            return
        text = "".join(part if isinstance(part, str) else part[1] for part in parts)
        self._output.write(text.encode("utf-8", "backslashreplace") + b"\n")

    def _tell_lost(self) -> None:
        if self._lost:
            lost, self._lost = self._lost, 0
            self.show(f"({lost} lines were left out because nobody read them)")

    def complain(self, text: str) -> None:
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()

    def forget(self) -> None:
        """What was printed is with whoever reads it."""

    async def close(self) -> None:
        self._input.close()
        await self._output.flush(_FLUSH_S, hurry=self._stopped)


def is_terminal() -> bool:
    """Whether both sides are a terminal that can move its cursor."""
    return (
        sys.stdin.isatty()
        and sys.stdout.isatty()
        and os.environ.get("TERM", "") not in ("dumb", "unknown")
    )


def open_lines() -> Lines:
    """The terminal with a prompt, or plain lines where there is none."""
    if not is_terminal():
        return PlainLines()
    from p2pchat.ui.terminal.tty import TtyLines

    return TtyLines(echo=True)
