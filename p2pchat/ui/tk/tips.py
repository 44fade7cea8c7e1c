"""Tool tips, where tkinter-tooltip can show them."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

HERE = find_spec("tktooltip") is not None
"""The window works without tips; and starts without their library, which is read when the pointer
first rests on something."""


def tip(widget: tk.Widget, text: str) -> None:
    """Show `text` once the pointer has rested on the widget."""
    if not HERE:
        return
    made = False

    def make(event: tk.Event[tk.Misc]) -> None:
        # A tip is a window: made when it is first needed, it costs nothing at the start.
        nonlocal made
        if not made:
            made = True
            _make(widget, text).on_enter(event)

    widget.bind("<Enter>", make, add="+")


class ChangingTip:
    """A tip whose text may change; none while it is empty."""

    def __init__(self, widget: tk.Widget) -> None:
        self.text = ""
        if HERE:
            self._shown: Any = None
            self._widget = widget
            widget.bind("<Enter>", self._enter, add="+")

    def _enter(self, event: tk.Event[tk.Misc]) -> None:
        if self._shown is None and self.text:
            self._shown = _make(self._widget, lambda: self.text or " ")
            self._shown.on_enter(event)


def _make(widget: tk.Widget, text: str | Callable[[], str]) -> Any:
    from tktooltip import ToolTip

    class Tip(ToolTip):  # type: ignore[misc]  # the library has no types
        """Belongs to its widget and goes with it, with its timers: the library leaves them."""

        def after(self, ms: int, func: Callable[[], None]) -> str:
            timer = super().after(ms, func)
            timers.append(timer)
            return str(timer)

        def destroy(self) -> None:
            for timer in timers:
                self.tk.call("after", "cancel", timer)
            super().destroy()

    timers: list[str] = []
    return Tip(
        widget,
        msg=text,
        delay=0.6,
        follow=False,
        parent_kwargs={"master": widget, "bg": "#3a3f47", "padx": 1, "pady": 1},
        bg="#2b2f36",
        fg="#f4f5f7",
        padx=8,
        pady=4,
    )
