"""The cards of files in the conversation: widgets, for those in view only."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Collection

from p2pchat.model.ids import MessageId
from p2pchat.ui.presenters.filecard import FileAction, FileCard
from p2pchat.ui.tk.block import Block
from p2pchat.ui.tk.bubble import CARD_HEIGHT
from p2pchat.ui.tk.filecard import FileCardView, FindPicture
from p2pchat.ui.tk.theme import Theme

CHILD = "P2PChatCard"
"""The binding tag of the parts of cards."""


class Cards:
    def __init__(self, canvas: tk.Canvas, theme: Theme, changed: Callable[[str], None]) -> None:
        """`changed` is told of a card that has become higher or lower."""
        self.card_of: Callable[[str], FileCard | None] = lambda file_id: None
        self.on_file: Callable[[str, FileAction], None] = lambda file_id, action: None
        self.find_picture: FindPicture = lambda path, done: None
        self.details_of: Callable[[MessageId], str] = lambda message_id: ""
        self.on_menu: Callable[[str, int, int], None] = lambda file_id, x, y: None
        self._canvas = canvas
        self._theme = theme
        self._changed = changed
        self.views: dict[str, FileCardView] = {}
        self._spare: list[FileCardView] = []
        """Widgets without a file: Tk never frees all of one's memory."""
        self._heights: dict[str, int] = {}

    def height(self, file_id: str) -> int | None:
        """None where there is no such file."""
        if self.card_of(file_id) is None:
            return None
        return self._heights.get(file_id, self._theme.px(CARD_HEIGHT))

    def keep(self, file_ids: Collection[str]) -> None:
        """Forget the heights of all others."""
        for file_id in self._heights.keys() - set(file_ids):
            del self._heights[file_id]

    def show(self, block: Block, top: int, tag: str) -> None:
        """The card of a row that begins at `top`."""
        card = self.card_of(block.row.file_id)
        if card is None or block.card is None:
            return
        x, y, width = block.card
        if self._spare:
            view = self._spare.pop()
            view.fit(width)
        else:
            view = FileCardView(
                self._canvas, self._theme, card,
                act=lambda file_id, action: self.on_file(file_id, action),
                find_picture=lambda path, done: self.find_picture(path, done), tag=CHILD,
                width=width, fill=block.fill,
            )  # fmt: skip
            view.bind("<Configure>", lambda event: self._measured(view), add="+")
        view.show(card, block.fill)
        view.set_stamp(block.stamp, lambda: self.details_of(block.row.message_id))
        self.views[card.file_id] = view
        self._canvas.create_window(x, top + y, window=view, anchor="nw", tags=tag)

    def hide(self, file_id: str) -> None:
        view = self.views.pop(file_id, None)
        if view is not None:
            self._spare.append(view)

    def show_file(self, card: FileCard) -> None:
        """Draw it anew, if it is in view."""
        view = self.views.get(card.file_id)
        if view is not None:
            view.show(card)

    def _measured(self, view: FileCardView) -> None:
        file_id = view.file_id
        height = view.winfo_reqheight()
        if self.views.get(file_id) is view and height > 1 and self._heights.get(file_id) != height:
            self._heights[file_id] = height
            # The canvas is in the midst of drawing it, and would crash if it were taken away now.
            self._canvas.after_idle(self._changed, file_id)
