"""The messages of a conversation on a canvas: only what is in view is drawn.

Where the view stands is told by a row and how far the view's top is below that row's: rows above
may come, go or turn out higher than guessed, and what one reads stays where it is.
"""

from __future__ import annotations

import tkinter as tk
from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate
from tkinter import ttk

from p2pchat.model.ids import MessageId, PeerId
from p2pchat.ui.presenters.timeline import Row
from p2pchat.ui.tk.block import Block
from p2pchat.ui.tk.bubble import Typesetter
from p2pchat.ui.tk.cards import CHILD, Cards
from p2pchat.ui.tk.marking import Marking
from p2pchat.ui.tk.pointing import Pointing
from p2pchat.ui.tk.theme import Theme
from p2pchat.ui.tk.thinbar import ThinBar

NEAR_TOP = 1.5
"""Heights of the view above it; older messages are asked for before the top is reached."""
FLASH_MS = 1200
STEP = 60
"""Pixels of one notch of the wheel."""


class Transcript(ttk.Frame):
    """The view's rows; `pointing` and `marking` are what the pointer does with them."""

    def __init__(self, parent: tk.Misc, theme: Theme) -> None:
        super().__init__(parent, style="Surface.TFrame")
        self.on_scroll: Callable[[bool, bool], None] = lambda near_top, at_bottom: None
        self.on_menu: Callable[[MessageId, int, int], None] = lambda message_id, x, y: None
        self.on_link: Callable[[str], object] = lambda url: None
        self.on_show: Callable[[MessageId], None] = lambda message_id: None
        self.on_day: Callable[[MessageId], None] = lambda message_id: None
        self.on_unfold: Callable[[MessageId], None] = lambda message_id: None
        self.on_author: Callable[[PeerId], None] = lambda peer_id: None
        self.on_react: Callable[[MessageId, str], None] = lambda message_id, emoji: None
        self.on_reply: Callable[[MessageId], None] = lambda message_id: None
        self.on_emoji: Callable[[MessageId, int, int], None] = lambda message_id, x, y: None
        self.details_of: Callable[[MessageId], str] = lambda message_id: ""
        self.on_key: Callable[[str], None] = lambda char: None
        self.rows: list[Row] = []
        self.drawn: dict[MessageId, tuple[int, Block]] = {}
        """Those in view: their top in the view."""
        self._theme = theme
        self._blocks: list[Block | None] = []
        self._heights: list[int] = []
        self._tops: list[int] | None = None
        """Where each row begins, by what is known of the heights; then the end."""
        self._first, self._below = 0, 0
        """The row at the view's top, and how far the view's top is below its own."""
        self._following = True
        self._width = self._height = 0
        self._tell_id = ""
        self.canvas = tk.Canvas(self, highlightthickness=0, borderwidth=0, takefocus=True)
        self._bar = ThinBar(self, theme, "surface", self.scroll)
        self.canvas.grid(row=0, column=0, sticky="nsew")
        self._bar.grid(row=0, column=1, sticky="ns")
        self.columnconfigure(0, weight=1)
        self.rowconfigure(0, weight=1)
        self.setter = Typesetter(theme)
        self.cards = Cards(self.canvas, theme, self._card_changed)
        self.setter.card_height = self.cards.height
        self.cards.details_of = lambda message_id: self.details_of(message_id)
        self.tag_of = tag_of
        self.marking = Marking(self, theme)
        self.pointing = Pointing(self, theme)
        self._bind_keys()
        theme.listen(self, self._recolour)
        self._recolour()

    def _bind_keys(self) -> None:
        canvas = self.canvas
        canvas.bind("<Configure>", lambda event: self._resized())
        for target in (canvas.bind, lambda *how: canvas.bind_class(CHILD, *how)):
            target("<MouseWheel>", lambda event: self.by(-STEP if event.delta > 0 else STEP))
            target("<Button-4>", lambda event: self.by(-STEP))
            target("<Button-5>", lambda event: self.by(STEP))
        canvas.bind("<Key>", self._key)
        canvas.bind("<Prior>", lambda event: self.page(-1))
        canvas.bind("<Next>", lambda event: self.page(1))
        canvas.bind("<Home>", lambda event: self.scroll("moveto", 0))
        canvas.bind("<End>", lambda event: self.to_end())

    # -- the presenter's view

    def reset(self, rows: Sequence[Row], show: MessageId | None) -> None:
        self._replace(0, len(self.rows), rows)
        self.marking.clear()
        self.reveal(show)

    def reveal(self, message_id: MessageId | None) -> None:
        self._following = message_id is None
        if message_id is None:
            self._place()
        else:
            self._reveal(message_id)

    def splice(self, at: int, removed: int, rows: Sequence[Row]) -> None:
        keep = self._reading() if not self._following else None
        self._replace(at, removed, rows)
        self.marking.shifted(at + removed, len(rows) - removed)
        if keep is not None:
            self._keep(keep)
        self._place()

    def _reading(self) -> list[tuple[MessageId, int]]:
        """The rows in view and where they stand, from the first that begins there."""
        found = sorted(((y, message_id) for message_id, (y, _) in self.drawn.items()))
        whole = [(message_id, y) for y, message_id in found if y >= 0]
        return [*whole, *((message_id, y) for y, message_id in found if y < 0)]

    def first_in_view(self) -> MessageId | None:
        return next((message_id for message_id, _ in self._reading()), None)

    def stand(self, former: Transcript) -> None:
        """Show the same as another did, as far as that is loaded here."""
        self._following = former.at_bottom
        self.pointing.flash(None)
        self._keep(former._reading())
        self._place()

    def _keep(self, places: list[tuple[MessageId, int]]) -> None:
        """Have the first of them that is still here stand where it stood."""
        index = {row.message_id: at for at, row in enumerate(self.rows)}
        for message_id, y in places:
            if message_id in index:
                self._first, self._below = index[message_id], -y
                return

    def _replace(self, at: int, removed: int, rows: Sequence[Row]) -> None:
        for row in self.rows[at : at + removed]:
            self._undraw(row.message_id)
        self.rows[at : at + removed] = rows
        self._blocks[at : at + removed] = [None] * len(rows)
        self._heights[at : at + removed] = [self.setter.guess(row) for row in rows]
        self._tops = None
        self.cards.keep({row.file_id for row in self.rows if row.file_id})

    # -- where one is

    def to_end(self) -> None:
        self._following = True
        self._place()

    def page(self, direction: int) -> str:
        self.by(direction * max(self.canvas.winfo_height() - self._theme.px(STEP), 40))
        return "break"

    def scroll(self, *how: str | float) -> None:
        """As `yview` of Tk's widgets, by its person."""
        if how[0] == "moveto":
            tops = self._all_tops()
            target = round(float(how[1]) * tops[-1])
            self._following = False
            self._first = min(max(bisect_right(tops, target) - 1, 0), max(len(self.rows) - 1, 0))
            self._below = target - tops[self._first]
            self._place()
        else:
            unit = self.canvas.winfo_height() if how[2] == "pages" else self._theme.px(STEP)
            self.by(int(how[1]) * unit)

    def by(self, pixels: int) -> None:
        if not self.rows:
            return
        self._following = False
        self._below += self._theme.px(pixels) if abs(pixels) == STEP else pixels
        self._place()

    @property
    def at_bottom(self) -> bool:
        return self._following

    def unread(self) -> tuple[MessageId, bool] | None:
        """The first unread message of those that are loaded, and whether it is above the view;
        None as well while nothing is drawn."""
        for index, row in enumerate(self.rows if self.drawn else ()):
            if row.first_unread:
                return row.message_id, index < self._first
        return None

    def _all_tops(self) -> list[int]:
        if self._tops is None:
            self._tops = [0, *accumulate(self._heights)]
        return self._tops

    def _reveal(self, message_id: MessageId) -> None:
        """Bring a row into the upper third, and light it up."""
        index = next((i for i, row in enumerate(self.rows) if row.message_id == message_id), None)
        if index is None:
            return
        self._first, self._below = index, -self.canvas.winfo_height() // 3
        self._following = False
        self._place()
        self.pointing.flash(message_id)
        self.after(FLASH_MS, self.pointing.flash, None)

    def show_row(self, index: int) -> None:
        """Scroll as little as is needed for all of a row to be seen."""
        height = self.canvas.winfo_height()
        message_id = self.rows[index].message_id
        if message_id not in self.drawn:
            self._first, self._below, self._following = index, -height // 3, False
        else:
            y, block = self.drawn[message_id]
            if y < 0 or block.height > height:
                self.by(y)
            elif y + block.height > height:
                self.by(y + block.height - height)
        self._place()

    # -- drawing

    def _place(self) -> None:
        """Draw what is in view where it belongs, and take away what isn't."""
        height, width = self.canvas.winfo_height(), self.canvas.winfo_width()
        if width < 10 or not self.rows:
            for message_id in list(self.drawn):
                self._undraw(message_id)
            self._bar.set(0, 1)
            self.pointing.placed()
            return
        places = self._from_end(height) if self._following else self._from_first(height)
        wanted = {self.rows[index].message_id for index, _ in places}
        for message_id in [m for m in self.drawn if m not in wanted]:
            self._undraw(message_id)
        self._move({self.rows[index].message_id: y for index, y in places})
        for index, y in places:
            message_id = self.rows[index].message_id
            if message_id not in self.drawn:
                self._draw(index, y)
        self._first, self._below = places[0][0], -places[0][1]
        self.marking.draw()
        self.pointing.placed()
        tops = self._all_tops()
        top = max(0, tops[self._first] + self._below)
        self._bar.set(top / max(1, tops[-1]), (top + height) / max(1, tops[-1]))
        if not self._tell_id:
            self._tell_id = self.after_idle(self._tell)

    def _from_end(self, height: int) -> list[tuple[int, int]]:
        """(row, top) of what is in view where the last row's end is at the view's."""
        places: list[tuple[int, int]] = []
        y = height - self._theme.px(10)
        for index in range(len(self.rows) - 1, -1, -1):
            y -= self._block(index).height
            places.append((index, y))
            if y <= 0:
                break
        places.reverse()
        if y > 0 and len(places) == len(self.rows):
            # A short conversation begins at the top.
            shift = y - self._theme.px(10)
            places = [(index, at - shift) for index, at in places] if shift > 0 else places
        return places

    def _from_first(self, height: int) -> list[tuple[int, int]]:
        index, y = min(self._first, len(self.rows) - 1), -self._below
        while y > 0 and index > 0:
            index -= 1
            y -= self._block(index).height
        y = min(y, self._theme.px(10)) if index == 0 else y
        while index < len(self.rows) - 1 and y + self._block(index).height <= 0:
            y += self._block(index).height
            index += 1
        places = []
        while index < len(self.rows) and y < height:
            places.append((index, y))
            y += self._block(index).height
            index += 1
        if y <= height - self._theme.px(10) or not places:
            self._following = True
            return self._from_end(height)
        return places

    def _block(self, index: int) -> Block:
        block = self._blocks[index]
        if block is None:
            block = self.setter.set(self.rows[index], self.canvas.winfo_width())
            self._blocks[index] = block
            if self._heights[index] != block.height:
                self._heights[index] = block.height
                self._tops = None
        return block

    def _draw(self, index: int, y: int) -> None:
        block = self._block(index)
        message_id = block.row.message_id
        self.drawn[message_id] = (y, block)
        tag = tag_of(message_id)
        self.setter.paint(self.canvas, block, y, tag)
        if block.card is not None:
            self.cards.show(block, y, tag)

    def _undraw(self, message_id: MessageId) -> None:
        found = self.drawn.pop(message_id, None)
        if found is not None:
            self.canvas.delete(tag_of(message_id))
            if found[1].card is not None:
                self.cards.hide(found[1].row.file_id)

    def _move(self, wanted: dict[MessageId, int]) -> None:
        """All at once where all go the same way, as when one scrolls."""
        by = {m: wanted[m] - y for m, (y, _) in self.drawn.items()}
        steps = set(by.values()) - {0}
        if not steps:
            return
        for message_id in self._undraw_tall(self.canvas.winfo_height()):
            by.pop(message_id)
        if len(steps) == 1 and all(by.values()):
            self.canvas.move("all", 0, steps.pop())
        else:
            for message_id, step in by.items():
                self.canvas.move(tag_of(message_id), 0, step)
        for message_id in by:
            self.drawn[message_id] = (wanted[message_id], self.drawn[message_id][1])

    def _undraw_tall(self, height: int) -> list[MessageId]:
        """Rows higher than a view of this height: only a part of each was drawn."""
        tall = [m for m, (_, block) in self.drawn.items() if block.height > height]
        for message_id in tall:
            self._undraw(message_id)
        return tall

    def redraw(self, only: MessageId | None = None) -> None:
        """Set and draw anew: another width, other colours, other pictures."""
        keep = self._reading() if not self._following else None
        for index, row in enumerate(self.rows):
            if only is None or row.message_id == only:
                self._blocks[index] = None
                self._undraw(row.message_id)
        if keep is not None:
            self._keep(keep)
        self._place()

    def _card_changed(self, file_id: str) -> None:
        """A card has another height."""
        found = (row.message_id for row in self.rows if row.file_id == file_id)
        message_id = next(found, None)
        if message_id is not None:
            self.redraw(message_id)

    def _resized(self) -> None:
        width, height = self.canvas.winfo_width(), self.canvas.winfo_height()
        if width != self._width:
            self.redraw()
        else:
            self._undraw_tall(min(height, self._height))
            self._place()
        self._width, self._height = width, height

    def _recolour(self) -> None:
        self.canvas.configure(background=self._theme.palette.surface)
        self.redraw()

    def _tell(self) -> None:
        """Say where the view is, once it has settled."""
        self._tell_id = ""
        if self.rows:
            tops = self._all_tops()
            above = tops[self._first] + self._below
            near = above < NEAR_TOP * self.canvas.winfo_height()
            self.on_scroll(near, self._following)

    # -- keys

    def _key(self, event: tk.Event[tk.Canvas]) -> str | None:
        """What is typed here is meant for the entry."""
        if not int(event.state) & 0x4 and event.char and event.char.isprintable():
            self.on_key(event.char)
            return "break"
        return None


def tag_of(message_id: MessageId) -> str:
    # Tk reads some characters of a tag as operators.
    return "row" + "".join(char if char.isalnum() else f"_{ord(char)}_" for char in message_id)
