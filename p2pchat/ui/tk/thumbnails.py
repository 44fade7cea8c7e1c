"""Thumbnails of finished pictures, made by a program of their own (`shrink`), kept in memory."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import logging
import subprocess
import sys
import tkinter as tk
from collections import OrderedDict
from collections.abc import Callable

from p2pchat.ui.presenters.runner import Runner
from p2pchat.ui.tk import shrink

log = logging.getLogger("p2pchat.ui")

WIDTH, HEIGHT = 280, 180
"""Pixels at a scale of 1."""
KEPT = 100
WITHIN_S = 30.0
MOST_BYTES = 4 * 1024 * 1024
"""Of a thumbnail as a PNG."""


class Thumbnails:
    """One picture is decoded at a time."""

    def __init__(self, root: tk.Misc, runner: Runner, scale: float) -> None:
        self._root = root
        self._runner = runner
        self.size = (round(WIDTH * scale), round(HEIGHT * scale))
        """Width and height of the largest, in pixels."""
        self._kept: OrderedDict[str, tk.PhotoImage | None] = OrderedDict()
        """None: there can't be one."""
        self._last: tk.PhotoImage | None = None
        self._awaited: dict[str, dict[Callable[[], None], None]] = {}
        """Who is to be told of those that are on their way, each once."""
        self._turn = asyncio.Lock()

    def get(self, path: str, done: Callable[[], None]) -> tk.PhotoImage | None:
        """The thumbnail, if it is here; else it is made, and `done` called once it is."""
        if path in self._kept:
            self._kept.move_to_end(path)
            return self._kept[path]
        begun = path in self._awaited
        self._awaited.setdefault(path, {})[done] = None
        if not begun:
            self._runner.call(
                lambda: self._make(path),
                lambda data: self._made(path, data),
                lambda error: self._made(path, None),
            )
        return None

    def make(self, data: bytes, done: Callable[[tk.PhotoImage | None], None]) -> None:
        """The thumbnail of a picture that is no file yet, kept until the next is made."""

        def made(png: bytes | None) -> None:
            self._last = self._picture(png)
            done(self._last)

        self._runner.call(lambda: self._make(data), made, lambda error: done(None))

    def forget(self) -> None:
        """All of them."""
        self._kept.clear()
        self._last = None

    def _made(self, path: str, data: bytes | None) -> None:
        self._keep(path, self._picture(data))
        for done in self._awaited.pop(path):
            done()

    def _picture(self, data: bytes | None) -> tk.PhotoImage | None:
        if data is not None:
            with contextlib.suppress(tk.TclError):
                return tk.PhotoImage(master=self._root, data=base64.b64encode(data))
        return None

    def _keep(self, path: str, picture: tk.PhotoImage | None) -> None:
        self._kept[path] = picture
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)

    async def _make(self, source: str | bytes) -> bytes | None:
        async with self._turn:
            try:
                return await run_shrink(source, *self.size)
            except (OSError, TimeoutError) as error:
                log.debug("no thumbnail: %r", error)
                return None


async def run_shrink(source: str | bytes, width: int, height: int) -> bytes | None:
    """The PNG of what is at a path, or in memory; None where there is none. OSError,
    TimeoutError."""
    path, data = (source, b"") if isinstance(source, str) else ("-", source)
    if len(data) > shrink.BYTES:
        return None
    frozen = getattr(sys, "frozen", False)  # then `__main__` is all that can be run
    command = ["--shrink"] if frozen else ["-I", shrink.__file__]
    program = await asyncio.create_subprocess_exec(
        sys.executable, *command, str(width), str(height), path,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        limit=MOST_BYTES,
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    )  # fmt: skip
    assert program.stdin is not None
    assert program.stdout is not None
    try:
        async with asyncio.timeout(WITHIN_S):
            program.stdin.write(data)
            program.stdin.close()
            small = b""
            while more := await program.stdout.read(MOST_BYTES + 1):
                small += more
                if len(small) > MOST_BYTES:
                    return None
            return small if await program.wait() == 0 else None
    finally:
        if program.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                program.kill()
            await program.wait()
