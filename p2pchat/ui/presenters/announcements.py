"""The page of announcements: what was announced, who has seen it, and for the appointed a place to
write one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, Protocol

from p2pchat.errors import P2PChatError, RequestError
from p2pchat.events import (
    Announced,
    AnnouncementChanged,
    Event,
    MemberJoined,
    MemberLeft,
    PeerOffline,
    PeerOnline,
    ProfileRenewed,
    RegistrarChanged,
)
from p2pchat.model.accounts import Announcement, AnnouncementDraft
from p2pchat.model.ids import PeerId
from p2pchat.model.people import Status
from p2pchat.model.text import safe_name, safe_text
from p2pchat.node.api import NodeApi
from p2pchat.ui.language import _, ngettext
from p2pchat.ui.presenters import timeline, words
from p2pchat.ui.presenters.bulletins import addressee, when
from p2pchat.ui.presenters.directory import Directory
from p2pchat.ui.presenters.marks import Mark
from p2pchat.ui.presenters.runner import Delayed, Runner

REFRESH_MS = 250
PAGE = 30
"""Announcements that are shown at once, and as many more whenever they are asked for."""
NAMES = 20
"""Of those who have, or haven't, seen one, until all are asked for."""
_ABOUT = (
    Announced, AnnouncementChanged, RegistrarChanged, PeerOnline, PeerOffline, MemberJoined,
    MemberLeft, ProfileRenewed,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class AnnouncementRow:
    announcement_id: str
    author: str
    marks: tuple[Mark, ...]
    detail: str
    """To whom, and when."""
    text: str
    count: str
    seen: str
    """Names of those who have seen it; may be empty."""
    missing: str
    """Of those who are here and haven't."""
    folded: bool
    """There are more names, or more of the text."""


@dataclass(frozen=True, slots=True)
class AnnouncementsState:
    rows: tuple[AnnouncementRow, ...] = ()
    older: int = 0
    """More are there."""
    loaded: bool = False
    may_announce: bool = False
    places: tuple[tuple[str, str], ...] = ()
    """Conversations and what they are called; the first, empty one: everyone."""
    error: str = ""
    busy: bool = False
    draft: AnnouncementDraft | None = None
    """What was begun before the page was opened; None until it is known."""


class AnnouncementsView(Protocol):
    def show_announcements(self, state: AnnouncementsState) -> None: ...

    def announced(self) -> None:
        """It is on its way: what was written can go."""
        ...


class AnnouncementsPresenter:
    def __init__(
        self, node: NodeApi, runner: Runner, directory: Directory, now: Callable[[], datetime]
    ) -> None:
        self._node = node
        self._runner = runner
        self._directory = directory
        self._now = now
        self._kept: AnnouncementDraft | None = None
        """What the node was told last; None: it doesn't know it."""
        self._view: AnnouncementsView | None = None
        self._state = AnnouncementsState()
        self._found: Sequence[Announcement] = ()
        self._members: Mapping[str, frozenset[PeerId]] = {}
        self._unfolded: set[str] = set()
        self._shown = PAGE
        self._active = False
        self._reload = Delayed(runner, REFRESH_MS, self._load)

    def open(self, view: AnnouncementsView) -> None:
        self._view = view
        self._state = AnnouncementsState()
        self._kept = None
        self._unfolded.clear()
        self._shown = PAGE
        self._draw()
        self._load()
        self._runner.call(
            self._node.accounts.announcement_draft, lambda draft: self._show(draft=draft)
        )

    def close(self) -> None:
        self._view = None

    def typed(self, text: str, conversation: str) -> None:
        """What is being written, and to whom, was changed by its person. It goes to the node at
        once: whatever ends the window loses none of it."""
        draft = AnnouncementDraft(text, conversation or None)
        if draft == self._kept:
            return
        self._kept = draft

        def failed(_: P2PChatError) -> None:
            if self._kept is draft:
                self._kept = None  # again with the next change

        accounts = self._node.accounts
        self._runner.call(lambda: accounts.set_announcement_draft(draft), None, failed)

    def events(self, events: Sequence[Event]) -> None:
        if self._view is not None and any(isinstance(event, _ABOUT) for event in events):
            self._reload.ask()

    def set_active(self, active: bool) -> None:
        """Whether the window has the focus."""
        self._active = active
        self._see()

    def announce(self, text: str, conversation: str) -> None:
        """To everyone, where no conversation is named."""
        if self._state.busy:
            return
        self._show(busy=True, error="")

        def done(made: Announcement) -> None:
            self._show(busy=False)
            if self._view is not None:
                self._view.announced()
            self._load()

        def failed(error: P2PChatError) -> None:
            self._show(busy=False, error=words.refusal(error))

        accounts = self._node.accounts
        self._runner.call(lambda: accounts.announce(text, conversation or None), done, failed)

    def toggle(self, announcement_id: str) -> None:
        """All of its text and names, or few again."""
        self._unfolded ^= {announcement_id}
        self._draw()

    def older(self) -> None:
        self._shown += PAGE
        self._draw()

    def _load(self) -> None:
        async def everything() -> tuple[Sequence[Announcement], dict[str, frozenset[PeerId]]]:
            found = await self._node.accounts.announcements()
            rooms = {one.conversation for one in found[: self._shown] if one.conversation}
            return found, {room: await self._members_of(room) for room in rooms}

        def keep(found: tuple[Sequence[Announcement], dict[str, frozenset[PeerId]]]) -> None:
            self._found, self._members = found
            self._see()
            self._draw(loaded=True)

        if self._view is not None:
            self._runner.call(everything, keep)

    async def _members_of(self, room: str) -> frozenset[PeerId]:
        try:
            return frozenset(member.peer_id for member in await self._node.members(room))
        except RequestError:
            return frozenset()  # one has left it

    def _see(self) -> None:
        """What is on the page of a window that has the focus is seen."""
        me, shown = self._directory.me.peer_id, self._view is not None and self._active
        for one in self._found[: self._shown] if shown else ():
            if one.author != me and me not in one.seen_by:
                self._runner.call(partial(self._node.accounts.saw, one.announcement_id))

    def _draw(self, **changes: Any) -> None:
        directory = self._directory
        rooms = sorted(room.room for room in directory.rooms.values() if room.joined)
        self._show(
            rows=tuple(self._row(one) for one in self._found[: self._shown]),
            older=max(0, len(self._found) - self._shown),
            may_announce=directory.registrar.appointed,
            places=(("", _("everyone")), *((room, directory.title(room)) for room in rooms)),
            **changes,
        )

    def _show(self, **changes: Any) -> None:
        self._state = replace(self._state, **changes)
        if self._view is not None:
            self._view.show_announcements(self._state)

    # -- one announcement

    def _row(self, one: Announcement) -> AnnouncementRow:
        directory, all_of_it = self._directory, one.announcement_id in self._unfolded
        text, hidden = timeline.fold(safe_text(one.text).strip("\n"), all_of_it)
        seen = self._names(one.seen_by)
        missing = self._names(self._missing(one))
        most = len(seen) + len(missing) if all_of_it else NAMES
        return AnnouncementRow(
            announcement_id=one.announcement_id,
            author=directory.labels.get(one.author) or safe_name(one.author_label),
            marks=directory.marks.get(one.author, ()),
            detail=f"{addressee(directory, one)} · {when(one, self._now())}",
            text=text,
            count=_count(len(seen), len(missing)),
            seen=words.several(seen, most),
            missing=words.several(missing, most),
            folded=hidden != 0 or max(len(seen), len(missing)) > NAMES,
        )

    def _missing(self, one: Announcement) -> list[PeerId]:
        """Those for whom it is, who are here and haven't seen it."""
        directory = self._directory
        here = [peer.peer_id for peer in directory.online()]
        if directory.me.status != Status.OFFLINE:
            here.append(directory.me.peer_id)
        if one.conversation is not None:
            members = self._members.get(one.conversation, frozenset())
            here = [person for person in here if person in members]
        seen = {one.author, *one.seen_by}
        return [person for person in here if person not in seen]

    def _names(self, people: Sequence[PeerId]) -> list[str]:
        said = self._directory.said
        found = [said.get(person) or words.person_label("", person) for person in people]
        return sorted(found, key=str.casefold)


def _count(seen: int, missing: int) -> str:
    if not seen:
        return _("Nobody has seen it yet")
    have = ngettext("{number} person has seen it", "{number} people have seen it", seen)
    if not missing:
        return _("{have}, all who are here").format(have=have)
    return _("{have}, {missing} of those who are here haven't").format(have=have, missing=missing)
