"""The dialog of several profiles: several people on one computer, each for themselves."""

from __future__ import annotations

import tkinter as tk
from tkinter import ttk

from p2pchat.errors import P2PChatError
from p2pchat.ui.language import _
from p2pchat.ui.presenters import words
from p2pchat.ui.presenters.preferences import Around
from p2pchat.ui.tk.pages import Dialog
from p2pchat.ui.tk.theme import Theme
from p2pchat.ui.tk.tips import tip

MOST = 12
"""That get a button each; others are opened by their name."""


class ProfilesDialog(Dialog):
    def __init__(self, parent: tk.Tk, theme: Theme, around: Around) -> None:
        super().__init__(
            parent, theme, _("Profiles"),
            _("Each has its own name, messages and files, and a window of its own. Open one of "
              "them, or write a name for a new one."), _("Open"),
        )  # fmt: skip
        self._around = around
        self.name = self.page.add_field(_("Name of the profile"), _("a plain name, such as school"))
        self.page.on_submit = lambda: self._open(self.name.text.strip(), asked=True)
        self.buttons: list[ttk.Button] = []
        foot = ttk.Frame(self.page)
        foot.grid(row=6, column=0, sticky="ew", pady=(theme.px(14), 0))
        for name in list(around.profiles())[:MOST]:
            self._add(foot, name)

    def _add(self, foot: ttk.Frame, name: str) -> None:
        px = self._theme.px
        button = ttk.Button(
            foot, text=name or _("The usual one"), command=lambda: self._open(name, asked=False)
        )
        tip(button, _("Open it in a window of its own"))
        row, column = divmod(len(self.buttons), 3)
        button.grid(row=row, column=column, padx=(0, px(8)), pady=(0, px(8)), sticky="w")
        self.buttons.append(button)

    def show(self) -> None:
        self.open(self.name.entry)

    def _open(self, name: str, asked: bool) -> None:
        if asked and not name:
            self.page.show_error(_("Please write a name for it."), 0)
            return
        try:
            self._around.open_profile(name)
        except P2PChatError as error:
            self.page.show_error(words.refusal(error))
            return
        self.close()
