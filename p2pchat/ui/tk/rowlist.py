"""A list of rows drawn on a canvas: only those in view, so that its length doesn't matter."""

from __future__ import annotations

import tkinter as tk
from bisect import bisect_right
from collections.abc import Callable, Sequence
from tkinter import ttk
from typing import Generic, Protocol, TypeVar

from p2pchat.ui.tk.block import Brush
from p2pchat.ui.tk.keys import leave_steps, menu_keys, right_clicks
from p2pchat.ui.tk.marks import Marks
from p2pchat.ui.tk.theme import Theme
from p2pchat.ui.tk.thinbar import ThinBar

R = TypeVar("R")
R_contra = TypeVar("R_contra", contravariant=True)


class Painter(Protocol[R_contra]):
    """How rows of one kind look."""

    def height(self, row: R_contra) -> int:
        """Pixels."""
        ...

    def selectable(self, row: R_contra) -> bool: ...

    def paint(
        self, canvas: tk.Canvas, row: R_contra, y: int, width: int, hover: bool, marks: Marks
    ) -> None:
        """`marks` puts the signs after a name."""
        ...


class RowList(ttk.Frame, Generic[R]):
    """Arrows, Page Up and Down, Home and End move, Return and a click choose; `on_menu` gets the
    row and the pointer's place."""

    def __init__(
        self,
        parent: tk.Misc,
        theme: Theme,
        painter: Painter[R],
        on_choose: Callable[[R], None],
        on_menu: Callable[[R, int, int], None] | None = None,
        style: str = "Sidebar.TFrame",
    ) -> None:
        super().__init__(parent, style=style)
        self._theme = theme
        self._painter = painter
        self._on_choose = on_choose
        self._on_menu = on_menu
        self._rows: Sequence[R] = ()
        self._tops: list[int] = [0]
        self._hover = -1
        self._cursor = -1
        self._redraw_id = ""
        self.canvas = tk.Canvas(self, highlightthickness=0, borderwidth=0, takefocus=True)
        self._marks = Marks(self.canvas, theme)
        self._brush = Brush(theme)
        self._bar = ThinBar(self, theme, style.partition(".")[0].lower(), self._scroll)
        self.canvas.configure(yscrollcommand=self._bar.set)
        self.canvas.grid(row=0, column=0, sticky="nsew")
        self._bar.grid(row=0, column=1, sticky="ns")
        self.columnconfigure(0, weight=1)
        self.rowconfigure(0, weight=1)
        self._bind_keys()

    def _bind_keys(self) -> None:
        canvas = self.canvas
        canvas.bind("<Configure>", lambda event: self._ask_redraw())
        canvas.bind("<Motion>", lambda event: self._hover_at(event.y))
        canvas.bind("<Leave>", lambda event: self._set_hover(-1))
        canvas.bind("<Button-1>", lambda event: self._choose(self._at(event.y)))
        for button in (*right_clicks(canvas), "<Control-Button-1>"):
            canvas.bind(button, self._menu)
        canvas.bind("<MouseWheel>", lambda event: self._wheel(-1 if event.delta > 0 else 1))
        canvas.bind("<Button-4>", lambda event: self._wheel(-1))
        canvas.bind("<Button-5>", lambda event: self._wheel(1))
        canvas.bind("<Up>", lambda event: self.move(-1))
        canvas.bind("<Down>", lambda event: self.move(1))
        for key, direction in (("<Prior>", -1), ("<Next>", 1)):
            canvas.bind(key, lambda event, by=direction: self._page(by))  # type: ignore[misc]  # bound now
        canvas.bind("<Home>", lambda event: self._to_edge(0))
        canvas.bind("<End>", lambda event: self._to_edge(1))
        leave_steps(canvas)
        canvas.bind("<Return>", lambda event: self._choose(self._cursor))
        canvas.bind("<space>", lambda event: self._choose(self._cursor))
        for key in menu_keys(canvas):
            canvas.bind(key, lambda event: self._menu_by_key())
        canvas.bind("<FocusIn>", lambda event: self._focused())
        canvas.bind("<FocusOut>", lambda event: self._set_cursor(-1))

    def show(self, rows: Sequence[R]) -> None:
        self._rows = rows
        self._tops = [0]
        for row in rows:
            self._tops.append(self._tops[-1] + self._painter.height(row))
        self._cursor = min(self._cursor, len(rows) - 1)
        self._set_region()
        self._ask_redraw()

    def _set_region(self) -> None:
        width, height = self.canvas.winfo_width(), self.canvas.winfo_height()
        self.canvas.configure(scrollregion=(0, 0, width, max(self._tops[-1], height)))

    def redraw(self) -> None:
        self._redraw_id = ""
        canvas, width = self.canvas, self.canvas.winfo_width()
        self._set_region()
        canvas.delete("all")
        top = int(canvas.canvasy(0))
        bottom = top + canvas.winfo_height()
        for index, row in enumerate(self._rows):
            if self._tops[index + 1] >= top and self._tops[index] <= bottom:
                lit = index in (self._hover, self._cursor) and self._painter.selectable(row)
                self._painter.paint(canvas, row, self._tops[index], width, lit, self._marks)
                if index == self._cursor:
                    self._ring(index, width)

    def _ring(self, index: int, width: int) -> None:
        """Around the row that keys are on: it may be lit for another reason."""
        px, top, bottom = self._theme.px, self._tops[index], self._tops[index + 1]
        box = (px(5), top + px(1), width - px(5), bottom - px(1))
        radii = (px(10),) * 4
        self._brush.ring(self.canvas, box, radii, self._theme.palette.accent, "ring")

    def move(self, step: int) -> None:
        """The keyboard's cursor, to the next row that can be chosen; the view, where none can."""
        if not self._go(self._cursor + step, step) and self._cursor < 0:
            self._wheel(step)

    def _go(self, index: int, step: int) -> bool:
        """To a row, or the next in this direction that can be chosen; whether there is one."""
        while 0 <= index < len(self._rows):
            if self._painter.selectable(self._rows[index]):
                self._set_cursor(index)
                self._reveal(index)
                return True
            index += step
        return False

    def _page(self, direction: int) -> str:
        """By the height of what is in view, or to the end."""
        at = self._tops[max(self._cursor, 0)] + direction * self.canvas.winfo_height()
        index = min(max(bisect_right(self._tops, at) - 1, 0), len(self._rows) - 1)
        inside = 0 < index < len(self._rows) - 1
        if not self._go(index, direction if inside else -direction):
            self.canvas.yview_scroll(direction, "pages")
            self._ask_redraw()
        return "break"  # else it is the conversation's, or a page's

    def _to_edge(self, edge: int) -> None:
        """To the first row, or the last."""
        self._go(*((len(self._rows) - 1, -1) if edge else (0, 1)))
        self.canvas.yview_moveto(edge)
        self._ask_redraw()

    def to_top(self) -> None:
        self.canvas.yview_moveto(0)
        self._ask_redraw()

    def reveal(self, row: R) -> None:
        if row in self._rows:
            self._reveal(list(self._rows).index(row))

    def row_at(self, x: int, y: int) -> R | None:
        """At a place of the screen."""
        canvas = self.canvas
        down = y - canvas.winfo_rooty()
        across = x - canvas.winfo_rootx()
        inside = 0 <= across < canvas.winfo_width() and 0 <= down < canvas.winfo_height()
        index = self._at(down) if inside else -1
        return self._rows[index] if index >= 0 else None

    def choose_first(self) -> None:
        self._choose(next((i for i, r in enumerate(self._rows) if self._painter.selectable(r)), -1))

    def _ask_redraw(self) -> None:
        if not self._redraw_id:
            self._redraw_id = self.after_idle(self.redraw)

    def _scroll(self, *how: str | float) -> None:
        self.canvas.yview(*how)
        self._ask_redraw()

    def _wheel(self, step: int) -> None:
        if self._tops[-1] > self.canvas.winfo_height():
            self.canvas.configure(yscrollincrement=self._theme.px(20))
            self.canvas.yview_scroll(3 * step, "units")
            self._ask_redraw()

    def _reveal(self, index: int) -> None:
        height, total = self.canvas.winfo_height(), max(self._tops[-1], 1)
        top = self.canvas.canvasy(0)
        if self._tops[index] < top:
            self.canvas.yview_moveto(self._tops[index] / total)
        elif self._tops[index + 1] > top + height:
            self.canvas.yview_moveto((self._tops[index + 1] - height) / total)
        self._ask_redraw()

    def _at(self, y: int) -> int:
        place = self.canvas.canvasy(y)
        found = (i for i in range(len(self._rows)) if self._tops[i] <= place < self._tops[i + 1])
        return next(found, -1)

    def _hover_at(self, y: int) -> None:
        self._set_hover(self._at(y))

    def _set_hover(self, index: int) -> None:
        if index != self._hover:
            self._hover = index
            self._ask_redraw()

    def _focused(self) -> None:
        if self._cursor < 0:
            self.move(1)
        self._ask_redraw()

    def _set_cursor(self, index: int) -> None:
        if index != self._cursor:
            self._cursor = index
            self._ask_redraw()

    def _choose(self, index: int) -> None:
        if 0 <= index < len(self._rows) and self._painter.selectable(self._rows[index]):
            self._on_choose(self._rows[index])

    def _menu_by_key(self) -> None:
        if self._on_menu and 0 <= self._cursor < len(self._rows):
            canvas, row = self.canvas, self._rows[self._cursor]
            down = self._tops[self._cursor + 1] - int(canvas.canvasy(0))
            x, y = canvas.winfo_rootx(), canvas.winfo_rooty()
            self._on_menu(row, x + self._theme.px(60), y + down)

    def _menu(self, event: tk.Event[tk.Canvas]) -> None:
        index = self._at(event.y)
        if self._on_menu and index >= 0 and self._painter.selectable(self._rows[index]):
            self._on_menu(self._rows[index], event.x_root, event.y_root)
