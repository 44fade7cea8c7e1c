"""The band above everything, with what nobody may miss, until it is dismissed."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from tkinter import ttk

from p2pchat.ui.language import _
from p2pchat.ui.presenters.bulletins import Bulletin
from p2pchat.ui.tk.marks import SIZE, icon_name
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
        px, fonts = theme.px, theme.fonts
        self._icon = tk.Label(self, borderwidth=0)
        head = tk.Frame(self)
        self._title = tk.Label(head, font=fonts["strong"], borderwidth=0, anchor="w")
        self._marks = tk.Label(head, borderwidth=0)
        self._detail = tk.Label(head, font=fonts["small"], borderwidth=0)
        self._head = head
        self._text = tk.Label(self, font=fonts["body"], borderwidth=0, anchor="w", justify="left")
        self.dismiss = self._button(_("Got it"), _("Others see that you have seen it (F8)"),
                                    lambda: self.on_dismiss())  # fmt: skip
        self.all = self._button(_("All announcements"), _("What was announced before (F3)"),
                                lambda: self.on_all())  # fmt: skip
        self._icon.grid(row=0, column=0, rowspan=2, padx=(px(18), px(12)), pady=px(12), sticky="n")
        head.grid(row=0, column=1, sticky="ew", pady=(px(9), 0))
        self._title.grid(row=0, column=0)
        self._marks.grid(row=0, column=1, padx=(px(4), 0))
        self._detail.grid(row=0, column=2, padx=(px(10), 0))
        self._text.grid(row=1, column=1, sticky="ew", pady=(px(2), px(11)))
        self.all.grid(row=0, column=2, rowspan=2, padx=(px(10), 0))
        self.dismiss.grid(row=0, column=3, rowspan=2, padx=(px(8), px(16)))
        self.columnconfigure(1, weight=1)
        self.bind("<Configure>", lambda event: self._wrap(event.width))
        theme.listeners.append(self._recolour)

    def _button(self, text: str, about: str, action: Callable[[], None]) -> ttk.Button:
        button = ttk.Button(self, text=text, style="Page.TButton", command=action)
        button.bind("<Return>", lambda event: button.invoke())
        tip(button, about)
        return button

    def show_bulletin(self, bulletin: Bulletin | None, more: int) -> None:
        self.bulletin = bulletin
        if bulletin is None:
            self.grid_remove()
            return
        waits = "  " + _("(and {number} more)").format(number=more) if more else ""
        self._title.configure(text=bulletin.title)
        self._detail.configure(text=bulletin.detail + waits)
        self._text.configure(text=bulletin.text)
        if bulletin.announcement_id:
            self.all.grid()
        else:
            self.all.grid_remove()
        self._wrap(self.winfo_width())
        self._recolour()
        self.grid()

    def _wrap(self, width: int) -> None:
        taken = self._theme.px(110) + self.dismiss.winfo_reqwidth()
        if self.bulletin is not None and self.bulletin.announcement_id:
            taken += self.all.winfo_reqwidth()
        self._text.configure(wraplength=max(self._theme.px(200), width - taken))

    def _recolour(self) -> None:
        if self.bulletin is None:
            return
        theme, colours = self._theme, self._theme.palette
        about_all = bool(self.bulletin.announcement_id)
        fill = colours.accent if about_all else colours.trouble_fill
        ink = colours.on_accent if about_all else colours.text
        for part in (self, self._head):
            part.configure(background=fill)
        for label in (self._icon, self._title, self._marks, self._detail, self._text):
            label.configure(background=fill, foreground=ink)
        name = "announce" if about_all else "warning"
        self._icon.configure(image=theme.icon(name, theme.px(22), ink))
        marks = self.bulletin.marks
        shown = theme.icon(icon_name(marks[0]), theme.px(SIZE), ink) if marks else ""
        self._marks.configure(image=shown)
