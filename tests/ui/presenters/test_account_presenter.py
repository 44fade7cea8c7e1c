"""Signing up, in and out: what the page shows and does. Without a display."""

from __future__ import annotations

from msgspec.structs import replace
from paper_accounts import CODE
from paper_node import LI, PaperNode
from paper_runner import PaperRunner

from p2pchat.events import AccountRenamed, RegistrarChanged
from p2pchat.model.accounts import Download
from p2pchat.ui.presenters.account import AccountPresenter, AccountState
from p2pchat.ui.presenters.directory import Directory
from p2pchat.ui.presenters.network import Verdict
from p2pchat.ui.presenters.status import Notice, StatusPresenter

PASSWORD = "correct horse"


class Page:
    def __init__(self) -> None:
        self.node = PaperNode("Maria")
        self.node.accounts.id_of = lambda name: self.node.me.peer_id  # type: ignore[method-assign]  # everyone here is one
        self.runner = PaperRunner()
        self.directory = Directory(self.node, self.runner)
        self.directory.load()
        self.renewed = 0
        self.said: list[str] = []
        self.states: list[AccountState] = []
        self.presenter = AccountPresenter(
            self.node, self.runner, self.directory, self._renew, self.said.append
        )
        self.presenter.open(self)
        self.runner.settle()

    def _renew(self) -> None:
        self.renewed += 1

    def show_account(self, state: AccountState) -> None:
        self.states.append(state)

    @property
    def state(self) -> AccountState:
        return self.states[-1]

    def lead(self) -> None:
        accounts = self.node.accounts
        accounts.leads = replace(accounts.leads, peer_id=LI, device_id="d", label="Li")
        self.presenter.events([RegistrarChanged(accounts.leads)])
        self.runner.advance(1000)
        self.runner.settle()


def test_who_leads_and_what_to_know_before() -> None:
    page = Page()
    assert "needs no account" in page.state.registrar
    assert "any computer that helps to keep the accounts could" in page.state.risk
    assert not page.state.guarded
    page.lead()
    assert page.state.registrar == "“Li”'s computer registers names for the network."
    page.node.accounts.leads = replace(page.node.accounts.leads, guarded=True)
    page.presenter.open(page)
    page.runner.settle()
    assert "Only whoever runs this network" in page.state.risk
    assert "guess passwords" in page.state.risk
    assert page.state.guarded


def test_signing_up_shows_the_code_once() -> None:
    page = Page()
    page.presenter.register("Maria", PASSWORD, PASSWORD)
    assert page.state.busy
    page.runner.settle()
    assert page.state.error
    assert not page.state.busy
    page.lead()
    page.presenter.register("Maria", PASSWORD, "another")
    assert "different" in page.state.error
    page.presenter.register(" Maria ", PASSWORD, PASSWORD)
    page.runner.settle()
    assert (page.state.name, page.state.code, page.state.error) == ("Maria", CODE, "")
    assert page.state.accounts == (("Maria", True),)
    page.presenter.close()
    page.presenter.open(page)
    page.runner.settle()
    assert (page.state.name, page.state.code) == ("Maria", "")


def test_a_recovery_code_is_shown_to_nobody_else() -> None:
    page = Page()
    page.lead()
    page.presenter.register("Maria", PASSWORD, PASSWORD)
    page.runner.settle()
    assert page.state.code == CODE
    page.presenter.logout()
    page.runner.settle()
    assert page.state.code == ""


def test_signing_in_and_out_begins_anew() -> None:
    page = Page()
    page.node.accounts.passwords["Maria"] = PASSWORD
    page.presenter.login("Maria", "wrong")
    page.runner.settle()
    assert page.state.error == "The password is not right."
    page.presenter.login("Maria", PASSWORD)
    page.runner.settle()
    assert page.renewed == 1
    assert page.said == ["You are signed in as “Maria”."]
    page.node.accounts.elsewhere = True
    page.presenter.login("Maria", PASSWORD)
    page.runner.settle()
    assert page.said[-1] == "You are signed in on another computer as well. That may be."
    page.renewed = 1
    page.presenter.change_password(PASSWORD, "new one here", "new one there")
    assert "different" in page.state.error
    page.presenter.change_password(PASSWORD, "new one here", "new one here")
    page.runner.settle()
    assert page.node.accounts.passwords == {"Maria": "new one here"}
    page.presenter.logout()
    page.runner.settle()
    assert page.renewed == 2
    page.presenter.recover("Maria", CODE, "third one")
    page.runner.settle()
    assert page.renewed == 3
    assert page.node.accounts.passwords == {"Maria": "third one"}


FILES = [Download("/d/a.pdf", "a.pdf", 12_000), Download("/d/b.zip", "b.zip", 3_000_000)]


def signed_in() -> Page:
    page = Page()
    page.node.accounts.passwords["Maria"] = PASSWORD
    page.node.accounts.signed = "Maria"
    page.node.accounts.fetched = list(FILES)
    page.presenter.logout()
    page.runner.settle()
    return page


def test_signing_out_names_the_downloads_and_deletes_none_without_a_yes() -> None:
    page = signed_in()
    assert page.state.downloads == (("a.pdf", "11.7 KiB"), ("b.zip", "2.9 MiB"))
    assert page.node.accounts.signed == "Maria"
    assert not page.state.busy
    page.presenter.stay()
    assert not page.state.downloads
    page.presenter.logout()
    page.runner.settle()
    page.presenter.leave(delete=False)
    page.runner.settle()
    assert page.node.accounts.signed == ""
    assert page.node.accounts.fetched == FILES
    assert page.said == ["You are signed out, and somebody new."]
    assert page.renewed == 1
    assert not page.state.downloads


def test_signing_out_deletes_what_was_named_and_says_what_it_left() -> None:
    page = signed_in()
    page.node.accounts.changed = {"/d/b.zip"}
    late = Download("/d/late.txt", "late.txt", 1)
    page.node.accounts.fetched.append(late)
    page.presenter.leave(delete=True)
    page.runner.settle()
    assert page.node.accounts.fetched == [FILES[1], late], "what came later wasn't named"
    assert page.said == [
        "You are signed out, and somebody new. 1 download is deleted. "
        "Not deleted, as they were changed: b.zip"
    ]


def test_who_else_was_renamed_is_told_in_a_line() -> None:
    page = Page()
    shown: list[Notice | None] = []

    class View:
        def show_status(self, text: str, detail: str, aside: str, verdict: Verdict) -> None: ...

        def show_notice(self, notice: Notice | None, more: int) -> None:
            shown.append(notice)

    status = StatusPresenter(page.directory, View())
    own = page.node.me.peer_id
    status.events([AccountRenamed(own, "Maria", "Maria_2", "name-taken")])
    assert shown == [], "that stands above everything"
    status.events([AccountRenamed(LI, "Li", "Li_2", "released")])
    assert shown[-1] is not None
    assert shown[-1].text == "The account “Li” is called “Li_2” from now on."
