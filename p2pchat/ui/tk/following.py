"""Keeps the window's colours as the system's, where its person has not chosen others."""

from __future__ import annotations

import asyncio
import time
import tkinter as tk

from p2pchat.ui import appearance
from p2pchat.ui.presenters.runner import Runner
from p2pchat.ui.tk.theme import Theme

EVERY_MS = 60_000
RESTS_S = 2.0
"""Asked at most so often when the window gets the focus: who has changed the system's colours comes
back to the window."""


class Following:
    def __init__(self, root: tk.Tk, theme: Theme, runner: Runner) -> None:
        self._root = root
        self._theme = theme
        self._runner = runner
        self._asked = -RESTS_S

    def start(self) -> None:
        self._root.bind_all("<FocusIn>", lambda event: self._ask(), add="+")
        self._look()

    def _look(self) -> None:
        self._ask()
        self._root.after(EVERY_MS, self._look)

    def _ask(self) -> None:
        if time.monotonic() - self._asked >= RESTS_S:
            self._asked = time.monotonic()
            self._runner.call(
                lambda: asyncio.to_thread(lambda: appearance.is_dark()), self._theme.follow
            )
