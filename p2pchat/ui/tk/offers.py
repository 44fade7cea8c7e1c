"""The short list above the entry: people or emoji that fit what is being written."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Sequence

from p2pchat.ui.presenters.completion import Offer
from p2pchat.ui.tk.inline import Inline
from p2pchat.ui.tk.marks import Marks
from p2pchat.ui.tk.marks import width as mark_width
from p2pchat.ui.tk.theme import Theme

ROW, WIDTH = 36, 300


class OfferList(tk.Canvas):
    """Stands above `below`, on its parent, while there is something to offer. `take` gets what is
    chosen."""

    def __init__(self, below: tk.Widget, theme: Theme, take: Callable[[Offer], None]) -> None:
        super().__init__(below.master, highlightthickness=1, borderwidth=0, takefocus=False)
        self._below = below
        self.face_of: Callable[[str], str | None] = lambda peer_id: None
        self.offers: Sequence[Offer] = ()
        self.chosen = 0
        self._theme = theme
        self._take = take
        self._inline = Inline(theme)
        self._marks = Marks(self, theme)
        self.bind("<Motion>", lambda event: self.choose(event.y // theme.px(ROW)))
        self.bind("<Button-1>", lambda event: self.take_chosen())
        theme.listen(self, self._draw)

    def show(self, offers: Sequence[Offer]) -> None:
        if offers == self.offers:
            return
        self.offers = offers
        self.chosen = 0
        if not offers:
            self.place_forget()
            return
        px = self._theme.px
        height = px(ROW) * len(offers)
        self.configure(width=px(WIDTH), height=height)
        self.place(in_=self._below, x=px(24), y=px(8), anchor="sw")
        tk.Misc.tkraise(self)
        self._draw()

    def choose(self, index: int) -> None:
        if self.offers:
            self.chosen = index % len(self.offers)
            self._draw()

    def take_chosen(self) -> None:
        if self.offers:
            self._take(self.offers[self.chosen])

    def _draw(self) -> None:
        px, colours = self._theme.px, self._theme.palette
        self.configure(background=colours.window, highlightbackground=colours.line)
        self.delete("all")
        for index, offer in enumerate(self.offers):
            top = index * px(ROW)
            middle = top + px(ROW) // 2
            if index == self.chosen:
                self.create_rectangle(
                    0, top, px(WIDTH) + 2, top + px(ROW), fill=colours.selected, width=0
                )
            self._picture(offer, px(10), middle)
            end = self._inline.put(
                self, px(46), middle, offer.title, "strong" if offer.person else "body",
                colours.text, px(WIDTH - 60) - mark_width(self._theme, offer.marks),
            )  # fmt: skip
            end = self._marks.put(end, middle, offer.marks)
            self._inline.put(
                self, end + px(8), middle, offer.detail, "small", colours.muted,
                max(0, px(WIDTH - 10) - end - px(8)),
            )  # fmt: skip

    def _picture(self, offer: Offer, x: int, middle: int) -> None:
        theme, size = self._theme, self._theme.px(26)
        if offer.emoji:
            image = theme.pictures.emoji(offer.emoji, size)
            if image is not None:
                self.create_image(x, middle, image=image, anchor="w")
            return
        person = offer.person or ""
        face, said = theme.face(self.face_of(person), offer.initials, person, size)
        self.create_image(x, middle, image=face, anchor="w")
        self.create_text(
            x + size // 2, middle, text=said, fill="#ffffff",
            font=theme.fonts["avatar_small"],
        )  # fmt: skip
