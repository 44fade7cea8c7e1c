"""Who is registered, in two columns: each name with its mark, and whether they are here."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Sequence

from p2pchat.ui.language import _
from p2pchat.ui.presenters.marks import Mark
from p2pchat.ui.tk.inline import Inline
from p2pchat.ui.tk.marks import Marks
from p2pchat.ui.tk.marks import width as mark_width
from p2pchat.ui.tk.theme import Theme

ROW, COLUMNS = 28, 2


class AccountList(tk.Canvas):
    def __init__(self, parent: tk.Misc, theme: Theme) -> None:
        super().__init__(parent, height=1, highlightthickness=0, borderwidth=0)
        self.accounts: Sequence[tuple[str, bool]] = ()
        self._theme = theme
        self._inline = Inline(theme)
        self._marks = Marks(self, theme)
        self.bind("<Configure>", lambda event: self._draw())
        theme.listen(self, self._draw)

    def show(self, accounts: Sequence[tuple[str, bool]]) -> None:
        """Names, and whether they are on line."""
        self.accounts = accounts
        rows = max(1, -(-len(accounts) // COLUMNS))
        self.configure(height=rows * self._theme.px(ROW) + self._theme.px(6))
        self._draw()

    def _draw(self) -> None:
        px, theme, colours = self._theme.px, self._theme, self._theme.palette
        self.configure(background=colours.surface)
        self.delete("all")
        if not self.accounts:
            self.create_text(0, px(16), text=_("Nobody yet."), anchor="w", fill=colours.muted,
                             font=theme.fonts["small"])  # fmt: skip
        column = self.winfo_width() // COLUMNS
        marks = (Mark.REGISTERED,)
        for index, (name, online) in enumerate(self.accounts):
            x, y = index % COLUMNS * column, index // COLUMNS * px(ROW) + px(18)
            here = _("here now") if online else ""
            room = column - px(24) - mark_width(theme, marks) - self._inline.width(here, "tiny")
            end = self._inline.put(self, x, y, name, "body", colours.text, room)
            end = self._marks.put(end, y, marks)
            self.create_text(end + px(8), y, text=here, anchor="w", fill=colours.muted,
                             font=theme.fonts["tiny"])  # fmt: skip
