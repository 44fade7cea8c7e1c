"""The band above everything, with what nobody may miss, until it is dismissed."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from tkinter import ttk

from p2pchat.ui.language import _
from p2pchat.ui.presenters.bulletins import Bulletin
from p2pchat.ui.tk.cardstyle import button_style
from p2pchat.ui.tk.richtext import NameLine, RichText
from p2pchat.ui.tk.theme import Theme
from p2pchat.ui.tk.tips import tip


class BulletinBand(tk.Frame):
    """The view of BulletinsPresenter; it is there only while there is something to show."""

    def __init__(self, parent: tk.Misc, theme: Theme) -> None:
        super().__init__(parent)
        self.on_dismiss: Callable[[], None] = lambda: None
        self.on_all: Callable[[], None] = lambda: None
        self.bulletin: Bulletin | None = None
        self._theme = theme
        px = theme.px
        self._icon = tk.Label(self, borderwidth=0)
        self._title = NameLine(self, theme)
        self._text = RichText(self, theme)
        self.dismiss = self._button(_("Got it"), _("Others see that you have seen it (F8)"),
                                    lambda: self.on_dismiss())  # fmt: skip
        self.all = self._button(_("All announcements"), _("What was announced before (F3)"),
                                lambda: self.on_all())  # fmt: skip
        self._icon.grid(row=0, column=0, rowspan=2, padx=(px(18), px(12)), pady=px(12), sticky="n")
        self._title.grid(row=0, column=1, sticky="ew", pady=(px(9), 0))
        self._text.grid(row=1, column=1, sticky="ew", pady=(px(2), px(11)))
        self.all.grid(row=0, column=2, rowspan=2, padx=(px(10), 0))
        self.dismiss.grid(row=0, column=3, rowspan=2, padx=(px(8), px(16)))
        self.columnconfigure(1, weight=1)
        theme.listen(self, self._recolour)

    def _button(self, text: str, about: str, action: Callable[[], None]) -> ttk.Button:
        button = ttk.Button(self, text=text, style="Page.TButton", command=action)
        tip(button, about)
        return button

    def show_bulletin(self, bulletin: Bulletin | None, more: int) -> None:
        self.bulletin = bulletin
        if bulletin is None:
            self.grid_remove()
            return
        waits = "  " + _("(and {number} more)").format(number=more) if more else ""
        self._title.show(bulletin.title, bulletin.marks, bulletin.detail + waits)
        self._text.show(bulletin.text)
        if bulletin.announcement_id:
            self.all.grid()
        else:
            self.all.grid_remove()
        self._recolour()
        self.grid()

    def _recolour(self) -> None:
        if self.bulletin is None:
            return
        theme = self._theme
        announced = bool(self.bulletin.announcement_id)
        ground, ink = ("notice_fill", "notice") if announced else ("trouble_fill", "text")
        fill = getattr(theme.palette, ground)
        self.configure(background=fill)
        for button in (self.all, self.dismiss):
            button.configure(style=button_style(theme, self, fill, "Page.TButton"))
        icon = "announce" if announced else "warning"
        image = theme.icon(icon, theme.px(22), getattr(theme.palette, ink))
        self._icon.configure(background=fill, image=image)
        self._title.colour(ink, ground)
        self._text.colour(ink, ground)
