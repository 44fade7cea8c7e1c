"""The dialogs of several profiles: several people on one computer, each for themselves."""

from __future__ import annotations

import tkinter as tk
from tkinter import ttk

from p2pchat.errors import P2PChatError
from p2pchat.ui.language import _
from p2pchat.ui.presenters import words
from p2pchat.ui.presenters.dialogs import DeleteProfilePresenter
from p2pchat.ui.presenters.preferences import Around
from p2pchat.ui.presenters.runner import Runner
from p2pchat.ui.tk.pages import Dialog
from p2pchat.ui.tk.theme import Theme
from p2pchat.ui.tk.tips import tip

MOST = 12
"""That get a button each; others are opened by their name."""


class ProfilesDialog(Dialog):
    def __init__(self, parent: tk.Tk, theme: Theme, around: Around, runner: Runner) -> None:
        super().__init__(
            parent, theme, _("Profiles"),
            _("Each has its own name, messages and files, and a window of its own. Open one of "
              "them, or write a name for a new one."), _("Open"),
        )  # fmt: skip
        self._parent = parent
        self._around = around
        self._runner = runner
        self.name = self.page.add_field(_("Name of the profile"), _("a plain name, such as school"))
        self.page.on_submit = lambda: self._open(self.name.text.strip(), asked=True)
        self.buttons: list[ttk.Button] = []
        foot = ttk.Frame(self.page)
        foot.grid(row=6, column=0, sticky="ew", pady=(theme.px(14), 0))
        names = list(around.profiles())
        for name in names[:MOST]:
            self._add(foot, name)
        if names[1:]:
            delete = ttk.Button(
                self.page, text=_("Delete one…"), command=self._delete, style="Page.TButton"
            )
            tip(delete, _("Remove a profile from this computer"))
            delete.grid(row=7, column=0, sticky="w", pady=(theme.px(6), 0))

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

    def _delete(self) -> None:
        """In a dialog of its own, which leads back to what is left."""
        self.close()
        root, theme, around, runner = self._parent, self._theme, self._around, self._runner
        dialog = Dialog(
            root, theme, _("Delete a profile"),
            _("Its messages, files and keys go from this computer for good: without an account "
              "nobody can be that person again. The folder of what it has downloaded stays."),
            _("Delete"),
        )  # fmt: skip
        name = dialog.page.add_field(
            _("Name of the profile"), _("all of it, as it stands in the list")
        )
        presenter = DeleteProfilePresenter(
            around.delete_profile, runner, dialog.page,
            lambda: ProfilesDialog(root, theme, around, runner).show(),
        )  # fmt: skip
        dialog.page.on_submit = lambda: presenter.submit(name.text)
        dialog.open(name.entry)
