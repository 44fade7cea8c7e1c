"""The card at the right: who a person is, or what a room is and who is in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from p2pchat.events import Event, MemberJoined, MemberLeft, ProfileRenewed
from p2pchat.model.ids import PeerId
from p2pchat.model.message import Member
from p2pchat.model.people import Peer, Status
from p2pchat.model.text import one_line, safe_name
from p2pchat.node.api import NodeApi
from p2pchat.ui.language import _, ngettext, told
from p2pchat.ui.marked import marked
from p2pchat.ui.presenters import words
from p2pchat.ui.presenters.directory import Directory, not_the_other
from p2pchat.ui.presenters.marks import Mark
from p2pchat.ui.presenters.runner import Delayed, Runner

NOTE_CHARS = 300
MEMBERS_MS = 150
"""So long changes of who is in a room are gathered."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of a card, in plain words."""

    label: str
    text: str


@dataclass(frozen=True, slots=True)
class PersonCard:
    peer_id: PeerId
    title: str
    calls_themselves: str
    """Empty where it is the title."""
    status: Status
    status_words: str
    note: str
    avatar: str | None
    initials: str
    warning: str
    verified: bool
    contact: bool
    blocked: bool
    facts: tuple[Fact, ...]
    marks: tuple[Mark, ...] = ()
    """Drawn after the title."""
    releasable: bool = False
    """Their registered name can be given free from here."""
    choosable: bool = False
    """Their computer can be chosen from here to keep accounts."""


@dataclass(frozen=True, slots=True)
class MemberRow:
    peer_id: PeerId
    label: str
    status: Status
    words: str
    initials: str
    avatar: str | None
    me: bool
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True, slots=True)
class RoomCard:
    room: str
    title: str
    protected: bool
    joined: bool
    muted: bool
    lobby: bool
    people: str
    about: str
    members: tuple[MemberRow, ...]
    """Those who are there first; then by label."""


class AboutView(Protocol):
    def show_person(self, card: PersonCard) -> None: ...

    def show_room(self, card: RoomCard) -> None: ...

    def close(self) -> None: ...


class AboutPresenter:
    """Shows the card of one person or room, and keeps it true while it is shown."""

    def __init__(
        self,
        node: NodeApi,
        runner: Runner,
        directory: Directory,
        view: AboutView,
        open_conversation: Callable[[str], None],
    ) -> None:
        self.shown = ""
        """`@PEER_ID`, `#room`, or nothing."""
        self._node = node
        self._runner = runner
        self._directory = directory
        self._view = view
        self._open = open_conversation
        self._members: tuple[Member, ...] = ()
        self._again = Delayed(runner, MEMBERS_MS, self._load_members)
        directory.listeners.append(self.refresh)

    def show(self, conversation: str) -> None:
        self.shown = conversation
        self._members = ()
        self.refresh()
        if conversation.startswith("#"):
            self._load_members()

    def hide(self) -> None:
        self.shown = ""
        self._again.cancel()

    def events(self, events: Sequence[Event]) -> None:
        for event in events:
            match event:
                case MemberJoined() | MemberLeft() if event.room == self.shown:
                    self._again.ask()
                case ProfileRenewed():
                    self._view.close()
                case _:
                    pass

    def refresh(self) -> None:
        """What is shown may have changed."""
        if self.shown.startswith("#"):
            card = room_card(self._directory, self.shown, self._members)
            if card is None:
                self._view.close()
            else:
                self._view.show_room(card)
        elif self.shown:
            peer = self._directory.peer_of(self.shown)
            if peer is None:
                self._view.close()
            else:
                self._view.show_person(person_card(self._directory, peer))

    def _load_members(self) -> None:
        room = self.shown

        def keep(members: Sequence[Member]) -> None:
            if room == self.shown:
                self._members = tuple(members)
                self.refresh()

        known = self._directory.rooms.get(room)
        if known is not None and known.joined:
            self._runner.call(lambda: self._node.members(room), keep, lambda error: None)

    # -- what can be done

    def write(self, peer_id: PeerId) -> None:
        if peer_id != self._directory.me.peer_id:
            self._open(f"@{peer_id}")

    def set_contact(self, on: bool) -> None:
        self._directory.set_contact(self._person(), on)

    def set_blocked(self, on: bool) -> None:
        self._directory.block(self._person(), on)

    def set_verified(self, on: bool) -> None:
        self._directory.set_verified(self._person(), on)

    def _person(self) -> PeerId:
        return PeerId(self.shown[1:])


def person_card(directory: Directory, peer: Peer) -> PersonCard:
    label = directory.labels[peer.peer_id]
    name = marked(safe_name(peer.name), False)
    return PersonCard(
        peer_id=peer.peer_id,
        title=label,
        calls_themselves="" if name == label else name,
        status=peer.status,
        status_words=words.status(peer.status),
        note=one_line(peer.note, NOTE_CHARS),
        avatar=peer.avatar,
        initials=words.initials(label),
        warning=told(one_line(peer.warning, NOTE_CHARS)) if peer.warning else "",
        verified=peer.verified,
        contact=peer.contact,
        blocked=peer.blocked,
        facts=tuple(_facts(peer)),
        marks=directory.marks[peer.peer_id],
        releasable=peer.account is not None and directory.registrar.appointed,
        choosable=(
            directory.registrar.appointed and not peer.holder and peer.status is not Status.OFFLINE
        ),
    )


def _facts(peer: Peer) -> list[Fact]:
    if peer.verified:
        trust = _("You have compared words: it is them.")
    else:
        trust = _("Not verified yet. Compare words to be sure who it is.")
    facts = [Fact(_("Identity"), trust), Fact(_("Connection"), _connection(peer))]
    if peer.linked and peer.addresses:
        facts.append(Fact(_("Addresses"), "\n".join(one_line(a, 60) for a in peer.addresses)))
    if peer.account:
        facts.append(Fact(_("Account"), _(Mark.REGISTERED.value)))
    if peer.keeps_register:
        facts.append(Fact(_("Attendance"), keeps_register()))
    if peer.holder:
        chosen = _("Whoever runs this network has chosen their computer to keep accounts.")
        facts.append(Fact(_("Accounts"), chosen))
    return [*facts, Fact(_("Id"), peer.peer_id)]


def keeps_register() -> str:
    return _("This computer writes down who is here, from when to when.")


def _connection(peer: Peer) -> str:
    if peer.linked:
        return _("Linked directly with this computer")
    if peer.status is not Status.OFFLINE:
        return _("Here, reached through others")
    return _("Not here now. What you write waits until they are back.")


def room_card(directory: Directory, name: str, members: Sequence[Member]) -> RoomCard | None:
    room = directory.rooms.get(name)
    if room is None:
        return None
    known = directory.conversations.get(name)
    if name == words.LOBBY:
        about = _("Everyone on this network is in the lobby.")
    elif room.protected:
        about = _("Protected by a password: only its members can read what is said here.")
    else:
        about = _("Open: everyone on this network can join and read.")
    if room.looks_like:
        about = f"{not_the_other(room)} {about}"
    rows = [_member(directory, member) for member in members]
    rows.sort(key=lambda row: (row.status is Status.OFFLINE, row.label.casefold()))
    number = len(members) or room.members
    return RoomCard(
        room=name,
        title=directory.title(name),
        protected=room.protected,
        joined=room.joined,
        muted=bool(known and known.muted),
        lobby=name == words.LOBBY,
        people=ngettext("{number} person", "{number} people", number),
        about=about,
        members=tuple(rows),
    )


def _member(directory: Directory, member: Member) -> MemberRow:
    me = member.peer_id == directory.me.peer_id
    label = directory.labels.get(member.peer_id) or words.person_label(member.label, member.peer_id)
    peer = directory.peers.get(member.peer_id)
    there = peer.status if peer else Status.OFFLINE
    status = directory.me.status if me else there
    return MemberRow(
        peer_id=member.peer_id,
        label=_("{name} (you)").format(name=label) if me else label,
        status=status,
        words=words.status(status),
        initials=words.initials(label),
        avatar=directory.me.avatar if me else peer.avatar if peer else None,
        me=me,
        marks=directory.marks.get(member.peer_id, ()),
    )
