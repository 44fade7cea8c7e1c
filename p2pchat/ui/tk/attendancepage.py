"""The page of the register of attendance."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from tkinter import filedialog, ttk

from p2pchat.ui.language import _
from p2pchat.ui.presenters.attendance import AttendancePresenter, AttendanceState, StayRow
from p2pchat.ui.presenters.spans import Usual
from p2pchat.ui.tk.inline import Inline
from p2pchat.ui.tk.marks import Marks
from p2pchat.ui.tk.marks import width as mark_width
from p2pchat.ui.tk.rowlist import RowList
from p2pchat.ui.tk.sheet import ALL_WIDTH, SIDE, Sheet
from p2pchat.ui.tk.theme import Theme
from p2pchat.ui.tk.thinbar import WIDTH as BAR
from p2pchat.ui.tk.tips import tip
from p2pchat.ui.tk.widgets import Field

FIELD_CHARS = 17
TIMES = 150
"""Pixels of a column of times, at a scale of 1, where there is so much room."""
NAMES = 100
"""Those of the column of names, at least."""


def columns(theme: Theme, width: int) -> tuple[int, int, int]:
    """For a table of this width: where names begin, where times do, and how wide a column of
    times is."""
    px = theme.px
    times = min(px(TIMES), max(1, (width - 2 * px(SIDE) - px(NAMES)) // 3))
    return px(SIDE), width - 3 * times - px(SIDE), times


class StayPainter:
    """A line of the register."""

    def __init__(self, theme: Theme) -> None:
        self._theme = theme
        self._inline = Inline(theme)

    def height(self, row: StayRow) -> int:
        return self._theme.px(32)

    def selectable(self, row: StayRow) -> bool:
        return False

    def paint(
        self, canvas: tk.Canvas, row: StayRow, y: int, width: int, hover: bool, marks: Marks
    ) -> None:
        px, theme, colours = self._theme.px, self._theme, self._theme.palette
        middle = y + px(16)
        left, first, times = columns(theme, width)
        room = first - left - px(12) - mark_width(theme, row.marks)
        end = self._inline.put(canvas, left, middle, row.label, "body", colours.text, room)
        marks.put(end, middle, row.marks)
        for at, (text, ink) in enumerate(
            (
                (row.came, colours.text),
                (row.left, colours.accent if row.here else colours.text),
                (row.lasted, colours.muted),
            )
        ):
            x = first + at * times
            self._inline.put(canvas, x, middle, text, "small", ink, times - px(8))
        low, right = y + px(31), width - px(SIDE)
        canvas.create_line(left, low, right, low, fill=colours.line, width=px(1))


class Columns(tk.Canvas):
    """What stands in the columns."""

    def __init__(self, parent: tk.Misc, theme: Theme) -> None:
        super().__init__(parent, height=theme.px(26), highlightthickness=0, borderwidth=0)
        self._theme = theme
        self.bind("<Configure>", lambda event: self.draw())

    def draw(self) -> None:
        px, theme, colours = self._theme.px, self._theme, self._theme.palette
        left, first, times = columns(theme, self.winfo_width() - px(BAR))
        self.configure(background=colours.surface)
        self.delete("all")
        places = (left, first, first + times, first + 2 * times)
        for x, text in zip(places, (_("Who"), _("Came"), _("Left"), _("Was here")), strict=True):
            self.create_text(x, px(13), text=text, anchor="w", fill=colours.muted,
                             font=theme.fonts["badge"])  # fmt: skip


class AttendancePage(Sheet):
    """The view of AttendancePresenter."""

    def __init__(
        self,
        parent: tk.Misc,
        theme: Theme,
        presenter: AttendancePresenter,
        close: Callable[[], None],
    ) -> None:
        super().__init__(parent, theme, _("Attendance"), close, width=ALL_WIDTH)
        self._presenter = presenter
        self._built = False
        self._shown = ("", "")
        theme.listen(self, self._recolour)
        presenter.open(self)

    def end(self) -> None:
        self._presenter.close()

    # -- building

    def _build(self) -> None:
        self._built = True
        px = self.theme.px
        line = ttk.Frame(self.frame(), style="Surface.TFrame")
        line.grid(row=0, column=0, sticky="ew", pady=(px(14), px(4)))
        line.bind("<Configure>", lambda event: self._place_span(event.width))
        self.usual = ttk.Combobox(
            line, state="readonly", style="Page.TCombobox", width=16,
            font=self.theme.fonts["small"], values=[_(which.value) for which in Usual],
        )  # fmt: skip
        self.usual.bind("<<ComboboxSelected>>", lambda event: self._choose())
        tip(self.usual, _("Which days are shown and exported"))
        self.since, self.until = (Field(line, self.theme, "") for _side in range(2))
        parts = (
            self.usual,
            ttk.Label(line, text=_("from"), style="PageMuted.TLabel"), self.since,
            ttk.Label(line, text=_("to"), style="PageMuted.TLabel"), self.until,
        )  # fmt: skip
        for field in (self.since, self.until):
            field.entry.configure(width=FIELD_CHARS)
            field.entry.bind("<Return>", lambda event: self._set_span())
            tip(field.entry, _("A day, 2026-03-16, or a time, 2026-03-16 09:30; then Enter"))
        self._span = parts
        foot = self.frame()
        self.summary = ttk.Label(foot, style="PageMuted.TLabel")
        self.summary.grid(row=0, column=0, sticky="w")
        self.export = ttk.Button(
            foot, text=_("Export as CSV…"), style="Page.TButton", command=self.save
        )
        tip(self.export, _("With the times in UTC as well, for a spreadsheet (Ctrl+S)"))
        self.export.grid(row=0, column=1, sticky="e", pady=px(6))
        self.said = self.text()
        self._columns = Columns(self, self.theme)
        self._columns.grid(row=3, column=0, sticky="ew")
        self.list: RowList[StayRow] = RowList(
            self, self.theme, StayPainter(self.theme), lambda row: None, style="Surface.TFrame"
        )
        self.list.canvas.configure(width=1, height=1)
        self.list.grid(row=4, column=0, sticky="nsew")
        self.rowconfigure(2, weight=0)
        self.rowconfigure(4, weight=1)
        self._recolour()

    def _place_span(self, room: int) -> None:
        """In one line; in a small window in three."""
        gap = self.theme.px(8)
        usual, *sides = self._span
        if sum(part.winfo_reqwidth() + gap for part in self._span) <= room:
            for column, part in enumerate(self._span):
                part.grid(row=0, column=column, columnspan=1, sticky="", padx=(0, gap), pady=0)
        else:
            usual.grid(row=0, column=0, columnspan=2, sticky="w", padx=0, pady=0)
            for at, part in enumerate(sides):
                part.grid(row=1 + at // 2, column=at % 2, sticky="w", padx=(0, gap), pady=(gap, 0))
        self.after_idle(self._fit_head)

    def _fit_head(self) -> None:
        if self.winfo_exists():
            self.scrolled.canvas.configure(height=self.scrolled.body.winfo_reqheight())

    def _choose(self) -> None:
        self._presenter.choose(list(Usual)[self.usual.current()])

    def _set_span(self) -> None:
        self._presenter.set_span(self.since.text, self.until.text)

    def save(self) -> None:
        if not self._built:
            return
        path = filedialog.asksaveasfilename(
            parent=self, title=_("Export as CSV…"), defaultextension=".csv",
            initialfile=self._presenter.file_name(), filetypes=[("CSV", "*.csv")],
        )  # fmt: skip
        if path:
            self._presenter.export(path)

    # -- the presenter's view

    def show_attendance(self, state: AttendanceState) -> None:
        self.say_below(state.kept_by)
        if not state.may_read:
            return
        if not self._built:
            self._build()
        self.usual.set(_(state.chosen.value) if state.chosen else _("From then to then"))
        if (state.since, state.until) != self._shown:
            self._shown = (state.since, state.until)
            self.since.set(state.since)
            self.until.set(state.until)
        self.summary.configure(text=state.summary)
        self.said.say(state.error or state.done)
        self.said.configure(style="PageTrouble.TLabel" if state.error else "PageMuted.TLabel")
        if state.error or state.done:
            self.said.grid()
        else:
            self.said.grid_remove()
        self.list.show(state.rows)
        self.update_idletasks()
        self._fit_head()

    def _recolour(self) -> None:
        if self._built:
            self.list.canvas.configure(background=self.theme.palette.surface)
            self._columns.draw()
            self.list.redraw()
