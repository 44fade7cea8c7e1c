"""A switch that is as sharp and large as everything else: the theme's own is a fixed picture."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from tkinter import ttk

from p2pchat.ui.tk.theme import Theme

WIDTH, HEIGHT = 38, 20


class Switch(ttk.Checkbutton):
    def __init__(
        self, parent: tk.Misc, theme: Theme, variable: tk.BooleanVar, turned: Callable[[], None]
    ) -> None:
        super().__init__(
            parent, style="Page.Switch.TCheckbutton", variable=variable, command=turned
        )
        self._theme = theme
        theme.listen(self, self._draw)
        self._draw()

    def _draw(self) -> None:
        colours = self._theme.palette
        off = self._picture(colours.thumb, colours.surface, on=False)
        on = self._picture(colours.accent, colours.on_accent, on=True)
        self._pictures = (off, on)  # Tk draws nothing where they were let go of
        self.tk.call(self, "configure", "-image", (off, "selected", on))

    def _picture(self, ground: str, knob: str, on: bool) -> tk.PhotoImage:
        px = self._theme.px
        width, height, edge = px(WIDTH), px(HEIGHT), px(3)
        size = height - 2 * edge
        picture = tk.PhotoImage(master=self, width=width, height=height)
        for part, x, y in (
            (self._theme.pill(width, height, height / 2, ground), 0, 0),
            (self._theme.circle(size, knob), width - size - edge if on else edge, edge),
        ):
            self.tk.call(picture, "copy", part, "-to", x, y)
        return picture
