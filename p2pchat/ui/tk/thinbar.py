"""A quiet scroll bar: a thin thumb without arrows, drawn where there is something to scroll."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable

from p2pchat.ui.tk.theme import Theme

WIDTH = 10
MIN_THUMB = 32


class ThinBar(tk.Canvas):
    """Speaks the protocol of ttk.Scrollbar: `set`, and `command("moveto", fraction)`."""

    def __init__(
        self, parent: tk.Misc, theme: Theme, fill: str, command: Callable[..., object]
    ) -> None:
        """`fill` names the palette's colour of what lies behind."""
        super().__init__(
            parent, width=theme.px(WIDTH), height=1, highlightthickness=0, borderwidth=0
        )
        self._theme = theme
        self._fill = fill
        self._command = command
        self._first, self._last = 0.0, 1.0
        self._grip: float | None = None
        self._lit = False
        self.bind("<Configure>", lambda event: self._draw())
        self.bind("<Button-1>", self._press)
        self.bind("<B1-Motion>", self._drag)
        self.bind("<ButtonRelease-1>", self._release)
        self.bind("<Enter>", lambda event: self._light(True))
        self.bind("<Leave>", lambda event: self._light(False))
        theme.listen(self, self._draw)
        self._draw()

    def set(self, first: float | str, last: float | str) -> None:
        shown = (float(first), float(last))
        if shown != (self._first, self._last):
            self._first, self._last = shown
            self._draw()

    def _thumb(self) -> tuple[float, float]:
        """Top and height in pixels."""
        whole = self.winfo_height()
        height = max(self._theme.px(MIN_THUMB), (self._last - self._first) * whole)
        room = max(1.0, whole - height)
        hidden = max(1e-9, 1.0 - (self._last - self._first))
        return room * min(1.0, self._first / hidden), height

    def _draw(self) -> None:
        colours = self._theme.palette
        self.configure(background=getattr(colours, self._fill))
        self.delete("all")
        if self._last - self._first >= 1.0:
            return
        top, height = self._thumb()
        width = self._theme.px(6)
        colour = colours.faint if self._lit or self._grip is not None else colours.thumb
        x = (self.winfo_width() - width) / 2 + width / 2
        self.create_line(
            x, top + width, x, top + height - width, width=width, fill=colour, capstyle="round"
        )

    def _press(self, event: tk.Event[tk.Canvas]) -> None:
        top, height = self._thumb()
        if not top <= event.y <= top + height:
            self._grip = height / 2
            self._drag(event)
        self._grip = event.y - self._thumb()[0]

    def _drag(self, event: tk.Event[tk.Canvas]) -> None:
        if self._grip is None:
            return
        room = max(1.0, self.winfo_height() - self._thumb()[1])
        part = min(1.0, max(0.0, (event.y - self._grip) / room))
        self._command("moveto", part * (1.0 - (self._last - self._first)))

    def _release(self, event: tk.Event[tk.Canvas]) -> None:
        self._grip = None
        self._draw()

    def _light(self, lit: bool) -> None:
        self._lit = lit
        self._draw()
