"""The register of attendance: who was there from when to when, in a span that is chosen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from p2pchat.errors import BadParams, P2PChatError
from p2pchat.model.accounts import Stay
from p2pchat.model.ids import PeerId
from p2pchat.model.text import safe_name
from p2pchat.node.api import NodeApi
from p2pchat.ui.language import _, ngettext
from p2pchat.ui.presenters import words
from p2pchat.ui.presenters.directory import Directory
from p2pchat.ui.presenters.marks import Mark
from p2pchat.ui.presenters.runner import Delayed, Runner
from p2pchat.ui.presenters.spans import Span, Usual, read_span, usual

REFRESH_MS = 5000
"""As exact as the register is."""
CAME_MS = 500
"""After somebody has come or gone."""


@dataclass(frozen=True, slots=True)
class StayRow:
    """Somebody was there."""

    label: str
    marks: tuple[Mark, ...]
    came: str
    left: str
    lasted: str
    here: bool = False


@dataclass(frozen=True, slots=True)
class AttendanceState:
    kept_by: str = ""
    """Who keeps a register, in a sentence."""
    may_read: bool = False
    """This node keeps it."""
    chosen: Usual | None = Usual.TODAY
    """None: a span of one's own."""
    since: str = ""
    until: str = ""
    rows: tuple[StayRow, ...] = ()
    summary: str = ""
    error: str = ""
    done: str = ""
    """Where it was written."""


class AttendanceView(Protocol):
    def show_attendance(self, state: AttendanceState) -> None: ...


class AttendancePresenter:
    def __init__(
        self, node: NodeApi, runner: Runner, directory: Directory, now: Callable[[], datetime]
    ) -> None:
        self._node = node
        self._runner = runner
        self._directory = directory
        self._now = now
        self._view: AttendanceView | None = None
        self._state = AttendanceState()
        self._span = Span(None, None)
        self._next: Callable[[], None] = lambda: None
        self._here: frozenset[PeerId] = frozenset()
        self._soon = Delayed(runner, CAME_MS, self._load)
        directory.listeners.append(self._changed)

    def open(self, view: AttendanceView) -> None:
        self._view = view
        self._state = AttendanceState()
        self._here = self._present()
        self._changed()
        self.choose(Usual.TODAY)

    def close(self) -> None:
        self._next()
        self._soon.cancel()
        self._view = None

    def choose(self, which: Usual) -> None:
        self._take(usual(which, self._now()), which)

    def set_span(self, since: str, until: str) -> None:
        """As it was written."""
        try:
            self._take(read_span(since, until), None)
        except BadParams as error:
            self._show(error=words.refusal(error), done="")

    def _take(self, span: Span, which: Usual | None) -> None:
        self._span = span
        since, until = span.texts
        self._show(chosen=which, since=since, until=until, error="", done="")
        self._load()

    def file_name(self) -> str:
        """What the file could be called."""
        since, until = self._span.since, self._span.until
        begin = f" {since:%Y-%m-%d}" if since else ""
        end = f" {until:%Y-%m-%d}" if until and not self._span.one_day else ""
        return f"{_('attendance')}{begin}{end}.csv"

    def export(self, path: str) -> None:
        """To a place that the person has chosen, and what is there replaced if they said so."""
        since, until = self._span.rfc3339
        accounts = self._node.accounts

        def done(written: str) -> None:
            self._show(error="", done=_("Written to {path}").format(path=written))

        def failed(error: P2PChatError) -> None:
            self._show(error=words.refusal(error), done="")

        self._runner.call(
            lambda: accounts.export_attendance(path, since, until, replace=True, spreadsheet=True),
            done,
            failed,
        )

    # --

    def _changed(self) -> None:
        if self._view is None:
            return
        may_read = self._directory.registrar.appointed
        self._show(kept_by=kept_by(self._directory), may_read=may_read)
        before, self._here = self._here, self._present()
        if before != self._here:
            self._soon.ask()

    def _present(self) -> frozenset[PeerId]:
        return frozenset(peer.peer_id for peer in self._directory.online())

    def _load(self) -> None:
        self._next()
        if self._view is None or not self._directory.registrar.appointed:
            return
        self._next = self._runner.later(REFRESH_MS, self._load)
        span = self._span
        since, until = span.rfc3339

        def keep(stays: Sequence[Stay]) -> None:
            if span == self._span:
                people = len({stay.peer_id for stay in stays})
                said = ngettext("{number} person", "{number} people", people)
                self._show(rows=tuple(self._row(stay) for stay in stays), summary=said)

        def failed(error: P2PChatError) -> None:
            self._show(error=words.refusal(error))

        self._runner.call(lambda: self._node.accounts.attendance(since, until), keep, failed)

    def _row(self, stay: Stay) -> StayRow:
        came, left = words.local_time(stay.came), words.local_time(stay.left or "")
        end = left or self._now()
        lasted = words.duration((end - came).total_seconds()) if came else ""
        return StayRow(
            label=safe_name(stay.label) or words.person_label("", stay.peer_id),
            marks=(Mark.REGISTERED,) if stay.account else (),
            came=self._time(came),
            left=self._time(left) if stay.left else _("still here"),
            lasted=lasted,
            here=stay.left is None,
        )

    def _time(self, moment: datetime | None) -> str:
        if moment is None:
            return ""
        return f"{moment:%H:%M}" if self._span.one_day else f"{moment:%Y-%m-%d %H:%M}"

    def _show(self, **changes: Any) -> None:
        self._state = replace(self._state, **changes)
        if self._view is not None:
            self._view.show_attendance(self._state)


def kept_by(directory: Directory) -> str:
    """Who writes down who is here: the network is shown that."""
    if directory.registrar.appointed:
        return _("This computer writes down who is here, from when to when. Everyone is shown "
                 "that it does.")  # fmt: skip
    keepers = directory.keepers()
    if keepers:
        said = _("{names} keeps a register of who is here, from when to when.")
        return words.our_way(said.format(names=words.several(keepers)))
    return _("Nobody keeps a register of who is here.")
