"""The page of accounts: signing up, in and out."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Mapping
from tkinter import ttk

from p2pchat.model.text import quoted
from p2pchat.ui.language import _
from p2pchat.ui.presenters.account import AccountPresenter, AccountState, Part
from p2pchat.ui.tk.accountlist import AccountList
from p2pchat.ui.tk.sheet import Sheet
from p2pchat.ui.tk.theme import Theme
from p2pchat.ui.tk.thinbar import ThinBar
from p2pchat.ui.tk.tips import tip
from p2pchat.ui.tk.widgets import Field, Wrapped

FIELD_CHARS = 26
LIST_LINES = 10
"""Of the list of downloads, before it scrolls."""

Form = Mapping[Part, Field]


class AccountPage(Sheet):
    """The view of AccountPresenter. It is built anew only when somebody signs in or out: what is
    being typed stays."""

    def __init__(
        self, parent: tk.Misc, theme: Theme, presenter: AccountPresenter, close: Callable[[], None]
    ) -> None:
        super().__init__(parent, theme, _("Account"), close)
        self._presenter = presenter
        self._built: tuple[object, ...] | None = None
        self._buttons: list[ttk.Button] = []
        self.error: Wrapped | None = None
        """Below the button that was pressed last."""
        self._form: Form = {}
        """What is above it."""
        self._done = 0
        presenter.open(self)

    def end(self) -> None:
        self._presenter.close()

    def show_account(self, state: AccountState) -> None:
        self.say_below(state.registrar)
        built = (state.name, state.code, state.risk, state.downloads)
        if built != self._built:
            self._built = built
            inside = str(self.tk.call("focus")).startswith(f"{self.body}.")
            self._build(state)
            if inside and not state.downloads:
                self.start().focus_set()  # what had it is gone
        if state.done != self._done:
            self._done = state.done
            for field in self._form.values():
                field.clear()
        self._show_error(state.error, state.wrong)
        if not state.downloads:
            self.listed.show(state.accounts)
        for button in self._buttons:
            button.state(["disabled" if state.busy else "!disabled"])

    def _show_error(self, text: str, wrong: Part | None = None) -> None:
        if self.error is None:
            return
        news = text and text != self.error.said
        self.error.say(text)
        if not text:
            self.error.grid_remove()
        elif news:
            self.error.grid()
            self.update_idletasks()
            self.scrolled.see(self.error)
            if wrong is not None and wrong in self._form:
                self._form[wrong].to_write_anew()

    # -- building

    def _build(self, state: AccountState) -> None:
        for child in self.body.winfo_children():
            child.destroy()
        self._buttons.clear()
        self.error, self._form = None, {}
        if state.downloads:
            self._build_leaving(state)
            return
        if state.name:
            self._build_signed_in(state)
        else:
            self._build_signed_out(state)
        self.section(_("Who is registered"))
        self.listed = AccountList(self.frame(), self.theme)
        self.listed.grid(row=0, column=0, sticky="ew")
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
        self.section(_("Signed in as {name}").format(name=quoted(state.name)))
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
            {Part.SECRET: old, Part.NEW: new, Part.AGAIN: again},
        )

    def _build_leaving(self, state: AccountState) -> None:
        self.section(_("Sign out"))
        self.text(_("These files came to this computer for you. They are plain files, which "
                    "whoever uses it next may open. Delete them?"))  # fmt: skip
        self.files = self._list([f"{name}  ·  {size}" for name, size in state.downloads])
        self._button(
            _("Delete them and sign out"),
            _("What you have changed since it came stays"),
            lambda: self._presenter.leave(delete=True),
        )
        self._button(
            _("Keep them and sign out"),
            _("They stay where they are"),
            lambda: self._presenter.leave(delete=False),
        )
        self._button(_("Stay signed in"), _("Nothing is deleted"), self._presenter.stay).focus_set()

    def _list(self, lines: list[str]) -> tk.Text:
        """All of them, some at a time."""
        frame, px = self.frame(), self.theme.px
        text = tk.Text(
            frame, height=min(len(lines), LIST_LINES), wrap="none", font=self.theme.fonts["body"],
            padx=px(8), pady=px(6), borderwidth=0, highlightthickness=px(1), takefocus=True,
        )  # fmt: skip

        def recolour() -> None:
            look = self.theme.palette
            text.configure(
                background=look.sidebar, foreground=look.text, highlightbackground=look.line,
                highlightcolor=look.accent, selectbackground=look.selection,
            )  # fmt: skip

        recolour()
        self.theme.listen(text, recolour)
        bar = ThinBar(frame, self.theme, "surface", text.yview)
        text.configure(yscrollcommand=bar.set)
        text.insert("1.0", "\n".join(lines))
        text.configure(state="disabled")
        text.grid(row=0, column=0, sticky="ew")
        bar.grid(row=0, column=1, sticky="ns")
        return text

    def _build_signed_out(self, state: AccountState) -> None:
        self.section(_("Sign in"))
        self.name = self._field(_("Name"))
        self.password = self._field(_("Password"), secret=True)
        self._button(
            _("Sign in"),
            _("Your contacts, rooms and messages come along"),
            lambda: self._presenter.login(self.name.text, self.password.text),
            {Part.NAME: self.name, Part.SECRET: self.password},
        )
        self.section(_("Sign up"))
        self.text(_("A name is registered once and for good: nobody else can have it, or one that "
                    "looks like it, and the password opens it on any computer of this network. "
                    "It never leaves the computer where you type it."))  # fmt: skip
        if state.risk:
            self.text(state.risk, "PageMuted.TLabel" if state.guarded else "PageWarning.TLabel")
        self.new_name = self._field(_("Name"))
        self.new_password = self._field(_("Password"), secret=True)
        self.again = self._field(_("The same again"), secret=True)
        self._button(
            _("Sign up"),
            _("Register this name for you"),
            lambda: self._presenter.register(
                self.new_name.text, self.new_password.text, self.again.text
            ),
            {Part.NAME: self.new_name, Part.NEW: self.new_password, Part.AGAIN: self.again},
        )
        self.section(_("Forgotten the password"))
        name = self._field(_("Name"))
        code = self._field(_("Recovery code"))
        new = self._field(_("New password"), secret=True)
        self._button(
            _("Open the account"),
            _("With the code that you have written down"),
            lambda: self._presenter.recover(name.text, code.text, new.text),
            {Part.NAME: name, Part.SECRET: code, Part.NEW: new},
        )

    def _field(self, label: str, secret: bool = False) -> Field:
        field = Field(self.row(label), self.theme, "", show="•" if secret else "")
        field.entry.configure(width=FIELD_CHARS)
        field.pack()
        return field

    def _button(
        self, text: str, about: str, action: Callable[[], None], form: Form | None = None
    ) -> ttk.Button:
        """`form`: the fields above it. Enter presses it in the last of them."""

        def act() -> None:
            self._show_error("")
            self.error, self._form = trouble, form or {}
            action()

        button = ttk.Button(self.frame(), text=text, style="Page.TButton", command=act)
        if form:
            last = list(form.values())[-1]
            last.entry.bind("<Return>", lambda event: button.invoke())
        tip(button, about)
        button.grid(row=0, column=0, sticky="w", pady=self.theme.px(6))
        self._buttons.append(button)
        trouble = self.text(style="PageTrouble.TLabel")
        trouble.grid_remove()
        return button
