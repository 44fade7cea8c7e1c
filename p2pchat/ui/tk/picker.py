"""The emoji picker: a field to search, and a grid of which only what is in view is drawn."""

from __future__ import annotations

import time
import tkinter as tk
from collections.abc import Callable
from tkinter import ttk
from typing import NamedTuple

from p2pchat.ui.emoji import Named
from p2pchat.ui.language import _
from p2pchat.ui.presenters.picker import PickerPresenter, Shelf
from p2pchat.ui.tk.keys import right_clicks
from p2pchat.ui.tk.theme import Theme
from p2pchat.ui.tk.thinbar import ThinBar
from p2pchat.ui.tk.widgets import Field

COLUMNS = 9
CELL, SIZE, HEAD = 38, 26, 30
"""Pixels at a scale of 1."""
ROWS_SHOWN = 6.5
MAKE_S = 0.012
"""How long pictures are made in one turn of the loop; the others come in the next."""
TABS = {
    "recent": "🕒", "smileys": "😀", "people": "👋", "animals": "🐻", "food": "🍎", "travel": "🚗",
    "activities": "⚽", "objects": "💡", "symbols": "❤️", "flags": "🏁",
}  # fmt: skip


class Cell(NamedTuple):
    emoji: Named
    column: int
    top: int


class EmojiPicker(ttk.Frame):
    """`pick` gets the emoji; `close` is called when one leaves it. Made when first needed."""

    def __init__(
        self,
        parent: tk.Misc,
        theme: Theme,
        presenter: PickerPresenter,
        close: Callable[[], None],
    ) -> None:
        super().__init__(parent, style="Card.TFrame", padding=theme.px(10))
        self.pick: Callable[[str], None] = lambda chars: None
        self.cells: list[Cell] = []
        self._heads: list[tuple[str, str, int]] = []
        """Group, title, top."""
        self._theme = theme
        self._presenter = presenter
        self._close = close
        self._height = 0
        self._current = 0
        self._rest_id = ""
        self._made = False
        """Whether this drawing has made a picture."""
        px = theme.px
        self.field = Field(self, theme, _("Search emoji"))
        self.field.on_change = lambda text: self._fill()
        self.field.grid(row=0, column=0, columnspan=2, sticky="ew", pady=(0, px(6)))
        self._tabs = tk.Canvas(
            self, width=px(CELL) * COLUMNS, height=px(34), highlightthickness=0, borderwidth=0
        )
        self._tabs.grid(row=1, column=0, sticky="ew")
        self.canvas = tk.Canvas(
            self, width=px(CELL) * COLUMNS, height=round(px(CELL) * ROWS_SHOWN),
            highlightthickness=0, borderwidth=0, takefocus=True,
        )  # fmt: skip
        self._bar = ThinBar(self, theme, "window", self._scroll)
        self._name = ttk.Label(self, font=theme.fonts["small"])
        self.canvas.grid(row=2, column=0)
        self._bar.grid(row=2, column=1, sticky="ns")
        self._name.grid(row=3, column=0, sticky="ew", pady=(px(6), 0))
        self._top = 0
        self._bind_keys()
        theme.listen(self, self._draw)

    def _bind_keys(self) -> None:
        canvas, entry = self.canvas, self.field.entry
        canvas.bind("<Motion>", lambda event: self._point(event.x, event.y))
        canvas.bind("<Button-1>", lambda event: self._click(event.x, event.y))
        for button in right_clicks(canvas):
            canvas.bind(button, lambda event: self._offer_tones(event))
        self._tabs.bind("<Button-1>", lambda event: self._jump(event.x))
        for target in (canvas, self._tabs):
            target.bind("<MouseWheel>", lambda event: self._by(-1 if event.delta > 0 else 1))
            target.bind("<Button-4>", lambda event: self._by(-1))
            target.bind("<Button-5>", lambda event: self._by(1))
        steps = {"<Left>": -1, "<Right>": 1, "<Up>": -COLUMNS, "<Down>": COLUMNS}
        for widget in (canvas, entry):
            for key, step in steps.items():
                if widget is canvas or key in ("<Up>", "<Down>"):
                    widget.bind(key, self._stepper(step))
            widget.bind("<Return>", lambda event: self._take(self._current))
            widget.bind("<Escape>", lambda event: self._leave())

    def open(self, pick: Callable[[str], None]) -> None:
        """With an empty field, which has the focus."""
        self.pick = pick
        self.field.clear()  # which fills the grid anew
        self.field.entry.focus_set()

    def destroy(self) -> None:
        if self._rest_id:
            self.after_cancel(self._rest_id)
            self._rest_id = ""
        super().destroy()

    # -- what there is

    def _fill(self) -> None:
        px, y = self._theme.px, 0
        self.cells, self._heads, self._current, self._top = [], [], 0, 0
        shelves: list[Shelf] = self._presenter.shelves(self.field.text)
        for shelf in shelves:
            self._heads.append((shelf.group, shelf.title, y))
            y += px(HEAD)
            for index, one in enumerate(shelf.emoji):
                row, column = divmod(index, COLUMNS)
                self.cells.append(Cell(one, column, y + row * px(CELL)))
            y += -(-len(shelf.emoji) // COLUMNS) * px(CELL)
        self._height = y
        self._show_name()
        self._draw()

    def _draw(self) -> None:
        theme, px, colours = self._theme, self._theme.px, self._theme.palette
        canvas, height = self.canvas, self.canvas.winfo_reqheight()
        ground = colours.window
        canvas.configure(background=ground)
        self._name.configure(background=ground, foreground=colours.muted)
        canvas.delete("all")
        if self._rest_id:
            self.after_cancel(self._rest_id)
            self._rest_id = ""
        for _group, title, top in self._heads:
            if -px(HEAD) < top - self._top < height:
                canvas.create_text(
                    px(6), top - self._top + px(HEAD) // 2, text=title, anchor="w",
                    font=theme.fonts["badge"], fill=colours.muted,
                )  # fmt: skip
        until, self._made = time.monotonic() + MAKE_S, False
        for index, cell in enumerate(self.cells):
            y = cell.top - self._top
            if not -px(CELL) < y < height:
                continue
            x = cell.column * px(CELL)
            if index == self._current:
                fill = theme.pill(px(CELL), px(CELL), px(8), colours.selected)
                canvas.create_image(x, y, image=fill, anchor="nw")
            self._draw_emoji(cell.emoji.chars, x + px(CELL) // 2, y + px(CELL) // 2, until)
        if not self.cells:
            canvas.create_text(
                canvas.winfo_reqwidth() // 2, height // 2, text=_("Nothing found."),
                font=theme.fonts["body"], fill=colours.muted,
            )  # fmt: skip
        whole = max(1, self._height)
        self._bar.set(self._top / whole, (self._top + height) / whole)
        self._draw_tabs()

    def _draw_emoji(self, chars: str, x: int, y: int, until: float) -> None:
        pictures, size = self._theme.pictures, self._theme.px(SIZE)
        if not pictures.has_emoji(chars, size):
            # However slow the computer is, each turn makes one.
            if self._made and time.monotonic() >= until:
                if not self._rest_id:
                    self._rest_id = self.after(1, self._draw)
                return
            self._made = True
        image = pictures.emoji(chars, size)
        if image is not None:
            self.canvas.create_image(x, y, image=image)

    def _draw_tabs(self) -> None:
        theme, px, colours = self._theme, self._theme.px, self._theme.palette
        self._tabs.configure(background=colours.window)
        self._tabs.delete("all")
        at = next((g for g, _title, top in reversed(self._heads) if top <= self._top), "")
        for index, (group, chars) in enumerate(TABS.items()):
            x = index * self._tab_width() + self._tab_width() // 2
            if group == at:
                fill = theme.pill(px(30), px(30), px(8), colours.selected)
                self._tabs.create_image(x, px(16), image=fill)
            image = theme.pictures.emoji(chars, px(18))
            if image is not None:
                self._tabs.create_image(x, px(16), image=image)

    def _tab_width(self) -> int:
        return self._theme.px(CELL) * COLUMNS // len(TABS)

    # -- moving

    def _scroll(self, *how: str | float) -> None:
        self._to(round(float(how[1]) * self._height))

    def _by(self, steps: int) -> None:
        self._to(self._top + steps * self._theme.px(CELL))

    def _to(self, top: int) -> None:
        most = max(0, self._height - self.canvas.winfo_reqheight())
        self._top = min(max(0, top), most)
        self._draw()

    def _jump(self, x: int) -> None:
        index = min(x // self._tab_width(), len(TABS) - 1)
        group = list(TABS)[index]
        top = next((top for name, _title, top in self._heads if name == group), None)
        if top is not None:
            self._to(top)

    def _stepper(self, step: int) -> Callable[[tk.Event[tk.Misc]], str]:
        def move(event: tk.Event[tk.Misc]) -> str:
            self._choose(min(max(self._current + step, 0), len(self.cells) - 1), reveal=True)
            return "break"

        return move

    def _choose(self, index: int, reveal: bool = False) -> None:
        if not 0 <= index < len(self.cells) or index == self._current:
            return
        self._current = index
        self._show_name()
        cell, height = self.cells[index], self.canvas.winfo_reqheight()
        if reveal and not 0 <= cell.top - self._top <= height - self._theme.px(CELL):
            self._to(cell.top - height // 2)
        else:
            self._draw()

    def _show_name(self) -> None:
        name = self.cells[self._current].emoji.name if self.cells else ""
        self._name.configure(text=name)

    # -- picking

    def _at(self, x: int, y: int) -> int | None:
        cell = self._theme.px(CELL)
        for index, one in enumerate(self.cells):
            top = one.top - self._top
            if top <= y < top + cell and one.column * cell <= x < (one.column + 1) * cell:
                return index
        return None

    def _point(self, x: int, y: int) -> None:
        index = self._at(x, y)
        if index is not None:
            self._choose(index)

    def _click(self, x: int, y: int) -> None:
        index = self._at(x, y)
        if index is not None:
            self._take(index)

    def _take(self, index: int) -> str:
        if 0 <= index < len(self.cells):
            self._use(self.cells[index].emoji.chars)
        return "break"

    def _use(self, chars: str) -> None:
        self._presenter.picked(chars)
        self._close()
        self.pick(chars)

    def _offer_tones(self, event: tk.Event[tk.Canvas]) -> None:
        """The tones of the skin stand in a menu."""
        index = self._at(event.x, event.y)
        tones = self._presenter.tones(self.cells[index].emoji.chars) if index is not None else ()
        if len(tones) < 2:
            return
        menu = tk.Menu(self, tearoff=False)
        for chars in tones:
            image = self._theme.pictures.emoji(chars, self._theme.px(SIZE))
            menu.add_command(
                image=str(image), command=lambda chars=chars: self._use(chars)  # type: ignore[misc]  # bound now
            )  # fmt: skip
        menu.tk_popup(event.x_root, event.y_root)

    def _leave(self) -> str:
        self._close()
        return "break"
