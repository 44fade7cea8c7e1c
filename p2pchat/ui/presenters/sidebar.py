"""The list on the left: rooms, then people, with unread counts and presence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from p2pchat.model.message import Conversation
from p2pchat.model.people import Peer, Status
from p2pchat.model.text import one_line
from p2pchat.ui.language import _, ngettext
from p2pchat.ui.presenters import words
from p2pchat.ui.presenters.directory import Directory, marks_of_room, preview
from p2pchat.ui.presenters.marks import Mark


@dataclass(frozen=True, slots=True)
class SidebarRow:
    """One line of the list; without a conversation it is the heading of a section."""

    title: str
    conversation: str = ""
    subtitle: str = ""
    when: str = ""
    unread: int = 0
    mentions: int = 0
    status: Status | None = None
    """None for rooms."""
    initials: str = ""
    seed: str = ""
    """What the avatar's colour comes from."""
    avatar: str | None = None
    """A person's own picture, as in their profile."""
    marks: tuple[Mark, ...] = ()
    """Drawn after the title."""
    joined: bool = True
    muted: bool = False
    selected: bool = False


class SidebarView(Protocol):
    def show(self, rows: Sequence[SidebarRow]) -> None: ...


class SidebarPresenter:
    def __init__(
        self, directory: Directory, view: SidebarView, now: Callable[[], datetime]
    ) -> None:
        self.rows: list[SidebarRow] = []
        self._directory = directory
        self._view = view
        self._now = now
        self._filter = ""
        self._selected = ""
        directory.listeners.append(self.refresh)

    def select(self, conversation: str) -> None:
        self._selected = conversation
        self.refresh()

    def filter(self, text: str) -> None:
        """Show only what holds `text` in its name."""
        self._filter = text.strip().casefold()
        self.refresh()

    def refresh(self) -> None:
        found = self._section(_("Rooms"), self._rooms(joined=True))
        found += self._section(_("People"), self._people())
        # At the end: anyone can make hundreds, which are to push nobody out of sight.
        found += self._section(_("Other rooms"), self._rooms(joined=False))
        if not found and self._filter:
            found = [SidebarRow(_("Nothing found."))]
        if found != self.rows:
            self.rows = found
            self._view.show(found)

    def first(self) -> str:
        """The first conversation of the (filtered) list, or nothing."""
        return next((row.conversation for row in self.rows if row.conversation), "")

    def neighbour(self, step: int, unread_only: bool = False) -> str:
        """The conversation `step` places from the selected one, around the ends."""
        names = [
            row.conversation
            for row in self.rows
            if row.conversation
            and (row.unread or not unread_only or row.conversation == self._selected)
        ]
        if not names:
            return ""
        if self._selected not in names:
            return names[0]
        return names[(names.index(self._selected) + step) % len(names)]

    def unread_total(self) -> int:
        """Over all conversations that aren't muted, filtered or not."""
        known = self._directory.conversations.values()
        return sum(c.mentions if c.muted else c.unread for c in known)

    def _section(self, title: str, rows: list[SidebarRow]) -> list[SidebarRow]:
        shown = [row for row in rows if self._filter in row.title.casefold()]
        return [SidebarRow(title), *shown] if shown else []

    def _rooms(self, joined: bool) -> list[SidebarRow]:
        rooms = sorted(
            (room for room in self._directory.rooms.values() if room.joined == joined),
            key=lambda room: (room.room != words.LOBBY, room.room.casefold()),
        )
        return [self._room(room.room) for room in rooms]

    def _room(self, name: str) -> SidebarRow:
        room = self._directory.rooms[name]
        known = self._directory.conversations.get(name)
        title = self._directory.title(name)
        people = ngettext("{number} person", "{number} people", room.members)
        last = self._draft(known) or preview(
            known, self._directory.me.peer_id, self._directory.said
        )
        to_join = _("{people} · click to join").format(people=people)
        return SidebarRow(
            title=title,
            conversation=name,
            subtitle=(last or people) if room.joined else to_join,
            when=self._when(known),
            unread=known.unread if known else room.unread,
            mentions=known.mentions if known else 0,
            initials="#",
            seed=name,
            marks=marks_of_room(room),
            joined=room.joined,
            muted=bool(known and known.muted),
            selected=name == self._selected,
        )

    def _people(self) -> list[SidebarRow]:
        shown = [self._person(peer) for peer in self._directory.peers.values()]
        return sorted(
            shown,
            key=lambda row: (row.status == Status.OFFLINE, not row.unread, row.title.casefold()),
        )

    def _person(self, peer: Peer) -> SidebarRow:
        name = f"@{peer.peer_id}"
        known = self._directory.conversations.get(name)
        label = self._directory.labels[peer.peer_id]
        last = self._draft(known) or preview(
            known, self._directory.me.peer_id, self._directory.said
        )
        blocked = _("blocked") if peer.blocked else ""
        return SidebarRow(
            title=label,
            conversation=name,
            subtitle=blocked or last or one_line(peer.note, 60) or words.status(peer.status),
            when=self._when(known),
            unread=known.unread if known else 0,
            mentions=known.mentions if known else 0,
            status=peer.status,
            initials=words.initials(label),
            seed=peer.peer_id,
            avatar=peer.avatar,
            marks=self._directory.marks[peer.peer_id],
            muted=bool(known and known.muted),
            selected=name == self._selected,
        )

    def _draft(self, known: Conversation | None) -> str:
        """What one has begun to write there, unless one is at it."""
        begun = one_line(known.draft, 60) if known else ""
        open_now = known is not None and known.conversation == self._selected
        return _("Draft: {text}").format(text=begun) if begun and not open_now else ""

    def _when(self, known: Conversation | None) -> str:
        if known is None or known.last is None or known.last.clock_off:
            return ""
        return words.short_when(words.local_time(known.last.sent_at), self._now())
