"""Tool tips, where tkinter-tooltip can show them."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from importlib.util import find_spec
from tkinter import font as tkfont
from typing import Any

from p2pchat.ui.tk.inline import as_read

HERE = find_spec("tktooltip") is not None
"""The window works without tips; and starts without their library, which is read when the pointer
first rests on something."""


FONT = "TkTooltipFont"
"""Tk's own; Theme sets it."""
GAP = 4
"""Pixels from the edge of the screen, and from the widget."""


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

        def deiconify(self) -> None:
            """On the screen as a whole: the library puts it where the pointer came in."""
            self.update_idletasks()
            width, height = self.winfo_reqwidth(), self.winfo_reqheight()
            right = self.winfo_vrootx() + self.winfo_vrootwidth()
            bottom = self.winfo_vrooty() + self.winfo_vrootheight()
            _, x, y = str(self.geometry()).replace("+", " ").rsplit(maxsplit=2)
            above = widget.winfo_rooty() - height - GAP
            left = max(self.winfo_vrootx(), min(int(x), right - width - GAP))
            self.geometry(f"+{left}+{int(y) if int(y) + height <= bottom else above}")
            super().deiconify()

        def destroy(self) -> None:
            for timer in timers:
                self.tk.call("after", "cancel", timer)
            super().destroy()

    def said() -> str:
        return as_read(text() if callable(text) else text, font, width, native_bidi)

    timers: list[str] = []
    font = tkfont.nametofont(FONT, widget)
    native_bidi = widget.tk.call("tk", "windowingsystem") != "x11"
    width = 40 * font.measure("n")
    return Tip(
        widget,
        msg=said,
        delay=0.6,
        follow=False,
        parent_kwargs={"master": widget, "bg": "#3a3f47", "padx": 1, "pady": 1},
        bg="#2b2f36",
        fg="#f4f5f7",
        font=FONT,
        width=width,
        padx=font.measure("n"),
        pady=font.measure("n") // 2,
    )
