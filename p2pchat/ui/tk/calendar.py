"""The calendar in front of a conversation: arrows go from day to day, Page Up and Page Down from
month to month, Enter or a click to what was written on a day."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Iterator
from datetime import date
from tkinter import ttk

from p2pchat.ui.language import _
from p2pchat.ui.presenters import words
from p2pchat.ui.presenters.calendar import CalendarPresenter
from p2pchat.ui.tk.theme import Theme
from p2pchat.ui.tk.widgets import IconButton

CELL = 36
"""Pixels at a scale of 1."""
ROWS = 7
"""The names of the days, and the weeks of the longest month."""


class DayPicker(ttk.Frame):
    """`close` is called when one leaves it, also by choosing. Made when first needed."""

    def __init__(
        self, parent: tk.Misc, theme: Theme, presenter: CalendarPresenter, close: Callable[[], None]
    ) -> None:
        super().__init__(parent, style="Card.TFrame", padding=theme.px(10))
        self._theme = theme
        self._presenter = presenter
        self._close = close
        px = theme.px
        self._title = ttk.Label(self, font=theme.fonts["strong"], anchor="center")
        self.before = IconButton(
            self, theme, "left", _("Earlier (Page Up)"), lambda: self._turn(-1),
            style="Composer.Toolbutton", size=18,
        )  # fmt: skip
        self.after_it = IconButton(
            self, theme, "right", _("Later (Page Down)"), lambda: self._turn(1),
            style="Composer.Toolbutton", size=18,
        )  # fmt: skip
        self.canvas = tk.Canvas(
            self, width=7 * px(CELL), height=ROWS * px(CELL), highlightthickness=0, borderwidth=0,
            takefocus=True, cursor="hand2",
        )  # fmt: skip
        self.before.grid(row=0, column=0)
        self._title.grid(row=0, column=1, sticky="ew")
        self.after_it.grid(row=0, column=2)
        self.canvas.grid(row=1, column=0, columnspan=3, pady=(px(6), 0))
        self.columnconfigure(1, weight=1)
        self._bind_keys()
        theme.listen(self, self._draw)

    def _bind_keys(self) -> None:
        presenter = self._presenter
        self.canvas.bind("<Button-1>", self._click)
        for key, act, by in (
            ("<Left>", presenter.step, -1),
            ("<Right>", presenter.step, 1),
            ("<Up>", presenter.step, -7),
            ("<Down>", presenter.step, 7),
            ("<Prior>", presenter.turn, -1),
            ("<Next>", presenter.turn, 1),
            ("<Shift-Prior>", presenter.turn, -12),
            ("<Shift-Next>", presenter.turn, 12),
        ):
            self.canvas.bind(key, self._mover(act, by))
        self.canvas.bind("<Return>", lambda event: self._go())
        for widget in (self.canvas, self.before, self.after_it):
            widget.bind("<Escape>", lambda event: self._leave())
            widget.bind("<Button-4>", lambda event: self._turn(-1))
            widget.bind("<Button-5>", lambda event: self._turn(1))
            widget.bind("<MouseWheel>", lambda event: self._turn(-1 if event.delta > 0 else 1))

    def open(self) -> None:
        self.canvas.focus_set()
        self._draw()

    def cells(self) -> Iterator[tuple[date, int, int]]:
        """Each day of the month, and the middle of its place."""
        cell = self._theme.px(CELL)
        for row, week in enumerate(self._presenter.days(), 1):
            for column, day in enumerate(week):
                if day is not None:
                    yield day, column * cell + cell // 2, row * cell + cell // 2

    def _draw(self) -> None:
        theme, canvas, colours, presenter = (
            self._theme, self.canvas, self._theme.palette, self._presenter
        )  # fmt: skip
        px, cell, today = theme.px, theme.px(CELL), presenter.today
        self._title.configure(
            text=presenter.title, background=colours.window, foreground=colours.text
        )
        canvas.configure(background=colours.window)
        canvas.delete("all")
        for column, name in enumerate(words.short_weekdays()):
            canvas.create_text(
                column * cell + cell // 2, cell // 2, text=name, font=theme.fonts["tiny"],
                fill=colours.muted,
            )  # fmt: skip
        for day, x, y in self.cells():
            if day == presenter.day:
                fill = theme.pill(cell - px(4), cell - px(4), px(8), colours.selected)
                canvas.create_image(x, y, image=fill)
            ink = colours.accent if day == today else colours.text
            canvas.create_text(
                x, y, text=str(day.day), fill=ink if day <= today else colours.faint,
                font=theme.fonts["strong" if day == today else "body"],
            )  # fmt: skip

    # -- moving and choosing

    def _mover(self, act: Callable[[int], None], by: int) -> Callable[[tk.Event[tk.Misc]], str]:
        def move(event: tk.Event[tk.Misc]) -> str:
            act(by)
            self._draw()
            return "break"

        return move

    def _turn(self, months: int) -> None:
        self._presenter.turn(months)
        self._draw()

    def _click(self, event: tk.Event[tk.Canvas]) -> None:
        half = self._theme.px(CELL) // 2
        for day, x, y in self.cells():
            if abs(event.x - x) <= half and abs(event.y - y) <= half:
                if day <= self._presenter.today:
                    self._presenter.day = day
                    self._go()
                return

    def _go(self) -> str:
        self._close()
        self._presenter.go()
        return "break"

    def _leave(self) -> str:
        self._close()
        return "break"
