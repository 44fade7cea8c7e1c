"""Signing up, in and out, from the window."""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Protocol

from p2pchat.errors import P2PChatError, RequestError
from p2pchat.events import AccountRenamed, Event, ProfileRenewed, RegistrarChanged
from p2pchat.model.accounts import (
    Account,
    Download,
    Registered,
    RegistrarInfo,
    SignedIn,
    SignedOut,
)
from p2pchat.model.text import quoted, safe_name
from p2pchat.node.api import NodeApi
from p2pchat.ui.language import _, ngettext
from p2pchat.ui.presenters import words
from p2pchat.ui.presenters.directory import Directory
from p2pchat.ui.presenters.runner import Delayed, Runner

REFRESH_MS = 300
LISTED = 200
NAMED = 5
"""In one line."""


class Part(Enum):
    """A field of the page's forms."""

    NAME = "name"
    SECRET = "secret"
    """What opens the account: the password, or the recovery code."""
    NEW = "new"
    AGAIN = "again"


WRONG = {
    "no-such-account": Part.NAME,
    "name-taken": Part.NAME,
    "name-not-allowed": Part.NAME,
    "wrong-password": Part.SECRET,
    "weak-password": Part.NEW,
}
"""By the reason of a refusal, what to write anew."""


@dataclass(frozen=True, slots=True)
class AccountState:
    registrar: str = ""
    """Who leads, in a sentence."""
    risk: str = ""
    """What to know before one chooses a password: what those who keep it could do."""
    guarded: bool = False
    """Not everyone may keep accounts."""
    name: str = ""
    """Of the account that is signed in; empty: none is."""
    accounts: tuple[tuple[str, bool], ...] = ()
    """Names, and whether they are on line."""
    downloads: tuple[tuple[str, str], ...] = ()
    """Names and sizes of what signing out offers to delete; none: it isn't asked."""
    code: str = ""
    """The recovery code, once: to be written down."""
    error: str = ""
    wrong: Part | None = None
    """What to write anew, where something is refused for it."""
    done: int = 0
    """What was asked for and done, so many times: no password stands in its form after that."""
    busy: bool = False


class AccountView(Protocol):
    def show_account(self, state: AccountState) -> None: ...


class AccountPresenter:
    def __init__(
        self,
        node: NodeApi,
        runner: Runner,
        directory: Directory,
        renewed: Callable[[], None],
        say: Callable[[str], None],
    ) -> None:
        """`renewed`: the node goes on as somebody else; `say` tells in a line what was done."""
        self._node = node
        self._runner = runner
        self._directory = directory
        self._renewed = renewed
        self._say = say
        self._view: AccountView | None = None
        self._state = AccountState()
        self._offered: Sequence[Download] = ()
        self._reload = Delayed(runner, REFRESH_MS, self._load)

    def open(self, view: AccountView) -> None:
        self._view = view
        self._state = AccountState()
        self._load()

    def close(self) -> None:
        self._view = None
        self._state = AccountState()

    def events(self, events: Sequence[Event]) -> None:
        about = (RegistrarChanged, AccountRenamed, ProfileRenewed)
        if self._view is not None and any(isinstance(event, about) for event in events):
            self._reload.ask()

    def _load(self) -> None:
        async def everything() -> tuple[RegistrarInfo, Sequence[Account]]:
            accounts = self._node.accounts
            return await accounts.registrar(), await accounts.accounts()

        def keep(found: tuple[RegistrarInfo, Sequence[Account]]) -> None:
            registrar, accounts = found
            me = self._directory.me.peer_id
            self._show(
                registrar=_sentence(registrar, self._directory),
                risk=risk(registrar.guarded),
                guarded=registrar.guarded,
                name=next((one.name for one in accounts if one.peer_id == me), ""),
                accounts=tuple((safe_name(one.name), one.online) for one in accounts[:LISTED]),
            )

        self._runner.call(everything, keep)

    def _show(self, **changes: Any) -> None:
        self._state = replace(self._state, **changes)
        if self._view is not None:
            self._view.show_account(self._state)

    # -- what the person does

    def register(self, name: str, password: str, again: str) -> None:
        if self._differ(password, again):
            return

        def done(made: Registered) -> None:
            self._show(busy=False, name=made.name, code=made.recovery_code)
            self._directory.load()
            self._load()

        self._do(lambda: self._node.accounts.register(name.strip(), password), done)

    def login(self, name: str, password: str) -> None:
        self._do(lambda: self._node.accounts.login(name.strip(), password), self._signed_in)

    def recover(self, name: str, code: str, new: str) -> None:
        accounts = self._node.accounts
        self._do(lambda: accounts.recover(name.strip(), code, new), self._signed_in)

    def _signed_in(self, signed: SignedIn) -> None:
        self._show(busy=False, code="")
        self._renewed()
        name = quoted(safe_name(signed.name))
        if signed.renamed_from is None:
            self._say(_("You are signed in as {name}.").format(name=name))
        else:
            text = _("{old} is somebody else's account by now: you are signed in as {name}.")
            self._say(text.format(old=quoted(safe_name(signed.renamed_from)), name=name))
        if signed.elsewhere:
            self._say(_("You are signed in on another computer as well. That may be."))

    def logout(self) -> None:
        """At once, or asking what is to become of the downloads."""

        def found(downloads: Sequence[Download]) -> None:
            self._offered = downloads
            self._show(busy=False)
            if downloads:
                named = tuple((safe_name(one.name), words.size(one.size)) for one in downloads)
                self._show(downloads=named)
            else:
                self._sign_out(())

        self._do(self._node.accounts.downloads, found)

    def stay(self) -> None:
        """After all not."""
        self._offered = ()
        self._show(downloads=())

    def leave(self, delete: bool) -> None:
        """Sign out; the downloads that were named go or stay."""
        self._sign_out([one.path for one in self._offered] if delete else [])

    def _sign_out(self, delete: Sequence[str]) -> None:
        def done(left: SignedOut) -> None:
            self._offered = ()
            self._show(busy=False, downloads=(), code="")
            self._renewed()
            said = [_("You are signed out, and somebody new.")]
            if left.deleted:
                count = len(left.deleted)
                said.append(
                    ngettext("{number} download is deleted.", "{number} downloads are deleted.",
                             count)
                )  # fmt: skip
            if left.kept:
                said.append(_("Not deleted, as they were changed: {names}").format(
                    names=_listed([os.path.basename(path) for path in left.kept]))
                )  # fmt: skip
            self._say(" ".join(said))

        self._do(lambda: self._node.accounts.logout(delete), done)

    def change_password(self, old: str, new: str, again: str) -> None:
        if self._differ(new, again):
            return

        def done(_none: None) -> None:
            self._show(busy=False, done=self._state.done + 1)
            self._say(_("The password is another one now."))

        self._do(lambda: self._node.accounts.change_password(old, new), done)

    def _differ(self, password: str, again: str) -> bool:
        if password != again:
            self._show(error=_("These are two different passwords."), wrong=Part.AGAIN)
        return password != again

    def _do(
        self, start: Callable[[], Coroutine[Any, Any, Any]], done: Callable[[Any], None]
    ) -> None:
        if self._state.busy:
            return
        self._show(busy=True, error="", wrong=None)

        def failed(error: P2PChatError) -> None:
            reason = error.reason if isinstance(error, RequestError) else ""
            self._show(busy=False, error=words.refusal(error), wrong=WRONG.get(reason))

        self._runner.call(start, done, failed)


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(safe_name(name) for name in names[:NAMED])
    return f"{shown} …" if len(names) > NAMED else shown


def risk(guarded: bool) -> str:
    """What a computer that keeps accounts could do, where only those that the appointing key has
    signed may, and where anyone may (docs/SECURITY.md)."""
    if guarded:
        return _(
            "Only whoever runs this network, and the computers that they have chosen, keep the "
            "accounts. One of them could refuse a registration or try to guess passwords, and "
            "whoever runs the network decides who has which name; nobody can open an account "
            "without its password or recovery code."
        )
    return _(
        "Nobody is appointed in this network: any computer that helps to keep the accounts could "
        "refuse a registration, take a name away or try to guess passwords, so take one that you "
        "use nowhere else; nobody can open an account without its password or recovery code."
    )


def _sentence(registrar: RegistrarInfo, directory: Directory) -> str:
    if registrar.state == "registrar":
        return _("This computer registers names for the network.")
    if registrar.peer_id and registrar.label:
        name = directory.in_text(registrar.peer_id, registrar.label)
        said = _("{name}'s computer registers names for the network.")
        return words.our_way(said.format(name=quoted(name)))
    return _("Nobody registers names in this network now. Chatting needs no account.")
