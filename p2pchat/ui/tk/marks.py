"""Draws the signs after a name on a canvas, each with a tip that says what it means."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Iterable

from p2pchat.ui.language import _
from p2pchat.ui.presenters.marks import Mark
from p2pchat.ui.tk.hovertip import HoverTip
from p2pchat.ui.tk.pictures import Picture
from p2pchat.ui.tk.theme import Theme

SIZE, GAP = 14, 4
"""Pixels at a scale of 1."""
_ICONS = {
    Mark.WARNED: ("warning", "system"),
    Mark.ALIKE: ("warning", "system"),
    Mark.REGISTERED: ("registered", "accent"),
    Mark.VERIFIED: ("check", "accent"),
    Mark.PROTECTED: ("lock", "muted"),
}
"""Which picture, in which of the palette's colours."""


def picture(theme: Theme, mark: Mark, size: int = SIZE) -> Picture:
    name, colour = _ICONS[mark]
    return theme.icon(name, theme.px(size), getattr(theme.palette, colour))


def icon_name(mark: Mark) -> str:
    return _ICONS[mark][0]


def width(theme: Theme, marks: Iterable[Mark]) -> int:
    """Pixels that they take after a name."""
    return theme.px(SIZE + GAP) * len(list(marks))


def put(canvas: tk.Canvas, theme: Theme, x: int, y: int, marks: Iterable[Mark]) -> int:
    """After a name that ends at `x`, with their middle at `y`; where they end."""
    for mark in marks:
        x += theme.px(GAP)
        canvas.create_image(x, y, image=picture(theme, mark), anchor="w", tags=_tag(mark))
        x += theme.px(SIZE)
    return x


class Marks:
    """Of one canvas, which has room for tips."""

    def __init__(self, canvas: tk.Canvas, theme: Theme) -> None:
        self._canvas = canvas
        self._theme = theme
        self._tip = HoverTip(canvas, theme)
        for mark in Mark:
            canvas.tag_bind(_tag(mark), "<Enter>", self._pointed(mark))
            canvas.tag_bind(_tag(mark), "<Leave>", lambda event: self._tip.hide())

    def _pointed(self, mark: Mark) -> Callable[[tk.Event[tk.Canvas]], None]:
        return lambda event: self._tip.point(_(mark.value), event.x, event.y)

    def put(self, x: int, y: int, marks: Iterable[Mark]) -> int:
        return put(self._canvas, self._theme, x, y, marks)


def _tag(mark: Mark) -> str:
    return f"mark-{mark.name.lower()}"
