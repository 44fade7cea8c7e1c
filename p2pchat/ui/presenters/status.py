"""The line at the bottom in plain words, and the bar that says what a person should know."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from p2pchat.events import RUNS_TWICE, AccountRenamed, Event, Warned
from p2pchat.model.people import NodeInfo
from p2pchat.model.text import one_line, quoted, safe_name
from p2pchat.ui.language import _, ngettext, told
from p2pchat.ui.presenters import words
from p2pchat.ui.presenters.directory import Directory
from p2pchat.ui.presenters.network import NetworkState, Verdict

NOTICES = 20
"""Kept to be shown one after the other, what failed first; a flood of warnings drops the oldest."""
NOTICE_CHARS = 400
NAME_SHOWN = 24
"""Characters of a name on the line, so that there is room for the others'."""


@dataclass(frozen=True, slots=True)
class Notice:
    text: str
    trouble: bool
    """Something failed; else something to know."""
    someone_else: bool = False
    """The person may say that they are someone else."""


class StatusView(Protocol):
    def show_status(self, text: str, detail: str, aside: str, verdict: Verdict) -> None:
        """`aside` is shown where there is room for it; `verdict` is WARN where nobody is linked,
        NOTE where somebody is, but something is in the way of others."""
        ...

    def show_notice(self, notice: Notice | None, more: int) -> None:
        """`more` wait behind it."""
        ...


class StatusPresenter:
    def __init__(self, directory: Directory, view: StatusView) -> None:
        self._directory = directory
        self._view = view
        self._info: NodeInfo | None = None
        self._network: NetworkState | None = None
        self._notices: deque[Notice] = deque(maxlen=NOTICES)
        directory.listeners.append(self.refresh)

    def network_changed(self, info: NodeInfo, state: NetworkState) -> None:
        self._info, self._network = info, state
        self.refresh()

    def refresh(self) -> None:
        linked = [
            self._directory.said[peer.peer_id]
            for peer in self._directory.peers.values()
            if peer.linked
        ]
        trouble = self._network is not None and self._network.verdict is Verdict.WARN
        verdict = Verdict.WARN if not linked else Verdict.NOTE if trouble else Verdict.OK
        self._view.show_status(self._sentence(linked), self._register(), self._where(), verdict)

    def events(self, events: Sequence[Event]) -> None:
        for event in events:
            if isinstance(event, Warned):
                text = one_line(told(event.text), NOTICE_CHARS)
                self._keep(Notice(text, False, someone_else=event.reason == RUNS_TWICE))
            elif isinstance(event, AccountRenamed):
                if event.account_id == self._directory.me.peer_id:
                    continue  # a bulletin
                self.tell(_("The account {old} is called {new} from now on.").format(
                    old=quoted(safe_name(event.old_name)),
                    new=quoted(safe_name(event.new_name))))  # fmt: skip

    def say(self, text: str) -> None:
        """Something failed: show one sentence until it is dismissed, before what stands there: it
        answers what somebody has just done."""
        notice = Notice(one_line(text, NOTICE_CHARS), True)
        if notice in self._notices:
            self._notices.remove(notice)
        self._notices.appendleft(notice)
        self._show_notice()

    def tell(self, text: str) -> None:
        """Something to know: one sentence until it is dismissed."""
        self._keep(Notice(one_line(text, NOTICE_CHARS), False))

    def take_over(self, former: StatusPresenter) -> None:
        """What nobody has dismissed yet."""
        self._notices = former._notices
        self._show_notice()

    def renewed(self) -> None:
        """The person is someone else: what the one before was told is none of their business."""
        self._notices.clear()
        self._show_notice()

    def _keep(self, notice: Notice) -> None:
        """The same one isn't shown twice."""
        if notice not in self._notices:
            self._notices.append(notice)
            self._show_notice()

    def dismiss(self) -> None:
        if self._notices:
            self._notices.popleft()
            self._show_notice()

    def _show_notice(self) -> None:
        first = self._notices[0] if self._notices else None
        self._view.show_notice(first, max(0, len(self._notices) - 1))

    def _sentence(self, linked: list[str]) -> str:
        if linked:
            names = words.several(
                [one_line(n, NAME_SHOWN) for n in sorted(linked, key=str.casefold)]
            )
            return _("Linked with {names}").format(names=names)
        others = len(self._directory.online())
        if others:
            return ngettext(
                "{number} person is here, reached through others",
                "{number} people are here, reached through others",
                others,
            )
        if self._network is not None and self._network.alone:
            return self._network.alone
        return _(
            "Nobody else is here yet. Others show up by themselves. Is somebody missing? F2 helps."
        )

    def _where(self) -> str:
        if self._info is None:
            return ""
        network = one_line(self._info.network, 40)
        port = self._info.listen[0].rpartition(":")[2] if self._info.listen else ""
        if not port:
            return _("Network {network}").format(network=network)
        return _("Network {network}, port {port}").format(network=network, port=port)

    def _register(self) -> str:
        """Who writes down who is here: everyone is to be shown that."""
        if self._directory.registrar.appointed:
            return _("Attendance is kept here")
        keepers = [one_line(name, 24) for name in self._directory.keepers()]
        if not keepers:
            return ""
        return _("Attendance is kept by {names}").format(names=words.several(keepers, 2))
