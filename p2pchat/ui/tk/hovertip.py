"""A tip on a canvas, beside the pointer once it has rested."""

from __future__ import annotations

import tkinter as tk

from p2pchat.ui.tk.inline import in_order
from p2pchat.ui.tk.theme import Theme

DELAY_MS = 450
WIDTH = 280
FILL, INK = "#2b2f36", "#f4f5f7"


class HoverTip:
    def __init__(self, canvas: tk.Canvas, theme: Theme) -> None:
        self.text = ""
        """What is shown, or will be."""
        self._canvas = canvas
        self._theme = theme
        self._waiting = ""

    def point(self, text: str, x: int, y: int) -> None:
        """The pointer is on something of which there is this to say; empty: nothing."""
        if text == self.text:
            return
        self.hide()
        self.text = text
        if text:
            self._waiting = self._canvas.after(DELAY_MS, lambda: self._show(x, y))

    def hide(self) -> None:
        if self._waiting:
            self._canvas.after_cancel(self._waiting)
        self._waiting = self.text = ""
        self._canvas.delete("tip")

    def _show(self, x: int, y: int) -> None:
        canvas, px = self._canvas, self._theme.px
        self._waiting = ""
        most = min(px(WIDTH), canvas.winfo_width() - px(24))
        item = canvas.create_text(
            0, 0, text=in_order(self._theme, self.text, "small", most), anchor="nw", width=most,
            font=self._theme.fonts["small"], fill=INK, tags="tip",
        )  # fmt: skip
        _, _, right, bottom = canvas.bbox(item)
        first = int(canvas.canvasy(0))
        y += first
        width, height = right + px(16), bottom + px(10)
        left = max(0, min(x + px(8), canvas.winfo_width() - width - px(4)))
        above = y - height - px(8)
        top = above if above > first else y + px(18)
        image = self._theme.pill(width, height, px(6), FILL)
        canvas.create_image(left, top, image=image, anchor="nw", tags="tip")
        canvas.coords(item, left + px(8), top + px(5))
        canvas.tag_raise(item)
