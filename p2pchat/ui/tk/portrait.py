"""A person's picture, or their initials, in a circle, as large as one likes; or a room's sign."""

from __future__ import annotations

import tkinter as tk

from p2pchat.model.people import Status
from p2pchat.ui.tk.pictures import Picture
from p2pchat.ui.tk.theme import Theme

ROOM = "#"
"""In the place of the initials: a room, which has a square as in the lists."""


class Portrait(tk.Canvas):
    def __init__(self, parent: tk.Misc, theme: Theme, size: int, ground: str) -> None:
        """`size` in pixels of the screen; `ground` names the palette's colour behind it."""
        edge = size + theme.px(2)
        super().__init__(parent, width=edge, height=edge, highlightthickness=0, borderwidth=0)
        self._theme = theme
        self._size = size
        self._ground = ground
        self._shown: tuple[str, str, str | None, Status | None] = ("?", "", None, None)
        theme.listen(self, self._draw)
        self._draw()

    def show(self, initials: str, seed: str, avatar: str | None, status: Status | None) -> None:
        self._shown = (initials, seed, avatar, status)
        self._draw()

    def _draw(self) -> None:
        initials, seed, avatar, status = self._shown
        theme, size = self._theme, self._size
        fill = getattr(theme.palette, self._ground)
        self.configure(background=fill)
        self.delete("all")
        face: Picture
        if initials == ROOM:
            face, said = theme.pill(size, size, size / 4, theme.avatar_colour(seed)), ROOM
        else:
            face, said = theme.face(avatar, initials, seed, size)
        self.create_image(0, 0, image=face, anchor="nw")
        large, middling = size > theme.px(60), size >= theme.px(34)
        font = "page" if large else "avatar" if middling else "avatar_small"
        self.create_text(size // 2, size // 2, text=said, fill="#ffffff", font=theme.fonts[font])
        if status is not None:
            # With its middle on the circle's edge.
            edge = min(size + theme.px(2), round(size * 0.854) + theme.px(6.5))
            self.create_image(edge, edge, image=theme.presence(status, fill), anchor="se")
