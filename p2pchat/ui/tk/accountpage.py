"""The page of accounts: signing up, in and out."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from tkinter import ttk

from p2pchat.ui.language import _
from p2pchat.ui.presenters.account import AccountPresenter, AccountState
from p2pchat.ui.tk.sheet import Sheet
from p2pchat.ui.tk.theme import Theme
from p2pchat.ui.tk.tips import tip
from p2pchat.ui.tk.widgets import Field

FIELD_CHARS = 26


class AccountPage(Sheet):
    """The view of AccountPresenter. It is built anew only when somebody signs in or out: what is
    being typed stays."""

    def __init__(
        self, parent: tk.Misc, theme: Theme, presenter: AccountPresenter, close: Callable[[], None]
    ) -> None:
        super().__init__(parent, theme, _("Account"), close)
        self._presenter = presenter
        self._built: tuple[str, str, str] | None = None
        self._buttons: list[ttk.Button] = []
        presenter.open(self)

    def end(self) -> None:
        self._presenter.close()

    def show_account(self, state: AccountState) -> None:
        self.subtitle.configure(text=state.registrar)
        built = (state.name, state.code, state.warning)
        if built != self._built:
            self._built = built
            self._build(state)
        self.error.configure(text=state.error)
        listed = ", ".join(name for name, _online in state.accounts)
        self.listed.configure(text=listed or _("Nobody yet"))
        for button in self._buttons:
            button.state(["disabled" if state.busy else "!disabled"])

    # -- building

    def _build(self, state: AccountState) -> None:
        for child in self.body.winfo_children():
            child.destroy()
        self._buttons.clear()
        self.error = self.text(style="PageTrouble.TLabel")
        if state.name:
            self._build_signed_in(state)
        else:
            self._build_signed_out(state)
        self.section(_("Who is registered"))
        self.listed = self.text()
        self.space()

    def _build_signed_in(self, state: AccountState) -> None:
        if state.code:
            self.section(_("Write this down"))
            self.text(_("The recovery code opens your account when you have forgotten the "
                        "password. It is shown this once."))  # fmt: skip
            self.code = Field(self.row(_("Recovery code")), self.theme, "")
            self.code.set(state.code)
            self.code.entry.configure(width=FIELD_CHARS + 6)
            self.code.entry.state(["readonly"])
            self.code.pack()
        self.section(_("Signed in as {name}").format(name=state.name))
        self._button(
            _("Sign out"),
            _("Go on as somebody new; your messages stay under your account"),
            self._presenter.logout,
        )
        self.section(_("Another password"))
        old = self._field(_("Present password"), secret=True)
        new = self._field(_("New password"), secret=True)
        again = self._field(_("The same again"), secret=True)
        self._button(
            _("Change the password"),
            _("It holds on every computer of the network"),
            lambda: self._presenter.change_password(old.text, new.text, again.text),
            again,
        )

    def _build_signed_out(self, state: AccountState) -> None:
        self.section(_("Sign in"))
        self.name = self._field(_("Name"))
        self.password = self._field(_("Password"), secret=True)
        self._button(
            _("Sign in"),
            _("Your contacts, rooms and messages come along"),
            lambda: self._presenter.login(self.name.text, self.password.text),
            self.password,
        )
        self.section(_("Sign up"))
        self.text(_("A name is registered once and for good: nobody else can have it, or one that "
                    "looks like it, and the password opens it on any computer of this network. "
                    "It never leaves the computer where you type it."))  # fmt: skip
        if state.warning:
            self.text(state.warning, style="PageWarning.TLabel")
        self.new_name = self._field(_("Name"))
        self.new_password = self._field(_("Password"), secret=True)
        self.again = self._field(_("The same again"), secret=True)
        self._button(
            _("Sign up"),
            _("Register this name for you"),
            lambda: self._presenter.register(
                self.new_name.text, self.new_password.text, self.again.text
            ),
            self.again,
        )
        self.section(_("Forgotten the password"))
        name = self._field(_("Name"))
        code = self._field(_("Recovery code"))
        new = self._field(_("New password"), secret=True)
        self._button(
            _("Open the account"),
            _("With the code that you have written down"),
            lambda: self._presenter.recover(name.text, code.text, new.text),
            new,
        )

    def _field(self, label: str, secret: bool = False) -> Field:
        field = Field(self.row(label), self.theme, "", show="•" if secret else "")
        field.entry.configure(width=FIELD_CHARS)
        field.pack()
        return field

    def _button(
        self, text: str, about: str, action: Callable[[], None], last: Field | None = None
    ) -> None:
        button = ttk.Button(self.frame(), text=text, style="Page.TButton", command=action)
        button.bind("<Return>", lambda event: button.invoke())
        if last is not None:
            last.entry.bind("<Return>", lambda event: button.invoke())
        tip(button, about)
        button.grid(row=0, column=0, sticky="w", pady=self.theme.px(6))
        self._buttons.append(button)
