"""What all panes share: who I am, and the people, rooms and conversations that are known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import assert_never

from p2pchat.events import (
    AccountRenamed,
    Announced,
    AnnouncementChanged,
    ConversationChanged,
    Event,
    FileComplete,
    FileFailed,
    FileOffered,
    FileProgress,
    FileReading,
    MemberJoined,
    MemberLeft,
    MessageChanged,
    MessageReceipt,
    MessageReceived,
    PeerChanged,
    PeerOffline,
    PeerOnline,
    ProfileRenewed,
    RegistrarChanged,
    RoomChanged,
    Typing,
    Warned,
)
from p2pchat.model.accounts import RegistrarInfo
from p2pchat.model.ids import PeerId
from p2pchat.model.message import Conversation, Message, Room
from p2pchat.model.people import Peer, Profile, Status
from p2pchat.model.text import one_line, safe_name
from p2pchat.node.api import NodeApi
from p2pchat.ui.language import _, ngettext, told
from p2pchat.ui.marked import marked
from p2pchat.ui.presenters import words
from p2pchat.ui.presenters.marks import Mark
from p2pchat.ui.presenters.markup import unmarked
from p2pchat.ui.presenters.runner import Delayed, Runner

_Lists = tuple[Profile, Sequence[Peer], Sequence[Room], Sequence[Conversation], RegistrarInfo]

PREVIEW_NAME_CHARS = 16
"""Of a name in a sentence in the list, so that what it did is seen too."""
RELOAD_MS = 120
"""Changes of a burst are gathered for so long before a list is asked for again."""


class Directory:
    """A copy of the node's lists for the window; `listeners` are called after each change."""

    def __init__(self, node: NodeApi, runner: Runner) -> None:
        self.me = Profile(PeerId(""), "", Status.ONLINE, "", None)
        self.peers: dict[PeerId, Peer] = {}
        self.labels: dict[PeerId, str] = {}
        """Safe to show; one's own name among them."""
        self.said: dict[PeerId, str] = {}
        """Labels for texts in which no marks are drawn: who is registered can be told there too."""
        self.marks: dict[PeerId, tuple[Mark, ...]] = {}
        """What is drawn after a label, where it is anything."""
        self.naming = 0
        """Grows whenever a label or its marks have changed."""
        self.registrar = RegistrarInfo(None, None, None, 0, "off")
        self.rooms: dict[str, Room] = {}
        self.conversations: dict[str, Conversation] = {}
        self.listeners: list[Callable[[], None]] = []
        self._node = node
        self._runner = runner
        self._reload_rooms = Delayed(runner, RELOAD_MS, self._load_rooms)
        self._reload_conversations = Delayed(runner, RELOAD_MS, self._load_conversations)

    def load(self, done: Callable[[], None] | None = None) -> None:
        """Ask the node for everything; then `done`."""

        async def everything() -> _Lists:
            node = self._node
            rooms, conversations = await node.rooms(), await node.conversations()
            # Last, in one turn of the node: what events tell, they tell before or after all of it.
            registrar = await node.accounts.registrar()
            return await node.profile(), await node.peers(), rooms, conversations, registrar

        def keep(found: _Lists) -> None:
            self.me = found[0]
            self.peers = {peer.peer_id: peer for peer in found[1]}
            self.rooms = {room.room: room for room in found[2]}
            self.conversations = {c.conversation: c for c in found[3]}
            self.registrar = found[4]
            self._relabel()
            self._changed()
            if done:
                done()

        self._runner.call(everything, keep)

    def events(self, events: Sequence[Event]) -> None:
        changed = False
        for event in events:
            match event:
                case PeerOnline() | PeerOffline() | PeerChanged():
                    if event.peer.peer_id not in self.peers:
                        self._reload_rooms.ask()  # everybody is in #lobby, and nothing says so
                    self._keep_peer(event.peer)
                    changed = True
                case MemberJoined() | MemberLeft() | RoomChanged():
                    self._reload_rooms.ask()
                case ConversationChanged() | MessageReceived():
                    self._reload_conversations.ask()
                case MessageChanged():
                    self.message_changed(event.message)
                case MessageReceipt() | Typing() | ProfileRenewed() | Warned():
                    pass
                case AccountRenamed():
                    if event.account_id == self.me.peer_id:
                        self.load()
                case RegistrarChanged():
                    self.registrar = event.registrar
                    changed = True
                case Announced() | AnnouncementChanged():
                    pass
                case FileOffered() | FileProgress() | FileComplete() | FileFailed() | FileReading():
                    pass
                case _:
                    assert_never(event)
        if changed:
            self._changed()

    def message_changed(self, message: Message) -> None:
        """Edited, deleted or reacted to, by oneself as well: of that a front end hears no event."""
        known = self.conversations.get(message.conversation)
        if known and known.last and known.last.message_id == message.message_id:
            self._reload_conversations.ask()

    def wrote(self) -> None:
        """A message of one's own is stored: of that, too, a front end hears no event."""
        self._reload_conversations.ask()

    def refresh(self) -> None:
        """Ask for rooms and conversations again: something was done that may have changed them."""
        self._reload_rooms.ask()
        self._reload_conversations.ask()

    def set_profile(
        self, name: str | None = None, status: str | None = None, note: str | None = None
    ) -> None:
        self._runner.call(
            lambda: self._node.set_profile(name=name, status=status, note=note), self.keep_me
        )

    def keep_me(self, profile: Profile) -> None:
        """One's own profile is so now."""
        self.me = profile
        self._relabel()
        self._changed()

    def block(self, peer_id: PeerId, on: bool) -> None:
        self._runner.call(lambda: self._node.block(peer_id, on), self._peer_changed)

    def set_contact(self, peer_id: PeerId, on: bool) -> None:
        self._runner.call(lambda: self._node.set_contact(peer_id, on), self._peer_changed)

    def set_verified(self, peer_id: PeerId, verified: bool) -> None:
        self._runner.call(lambda: self._node.set_verified(peer_id, verified), self._peer_changed)

    def _peer_changed(self, peer: Peer) -> None:
        self._keep_peer(peer)
        self._changed()

    def peer_of(self, conversation: str) -> Peer | None:
        """The other side of a direct conversation."""
        return self.peers.get(PeerId(conversation[1:])) if conversation[:1] == "@" else None

    def title(self, conversation: str) -> str:
        """What a conversation is called here, safe to show."""
        if conversation.startswith("#"):
            return words.room_title(conversation)
        peer_id = PeerId(conversation[1:])
        known = self.conversations.get(conversation)
        label = known.label.lstrip("@") if known else ""
        return self.labels.get(peer_id) or words.person_label(label, peer_id)

    def in_text(self, peer_id: PeerId, label: str) -> str:
        """Who that is, for a sentence; `label` is what they are called where nothing is known."""
        return self.said.get(peer_id) or marked(words.person_label(label, peer_id), False)

    def face(self, peer_id: PeerId) -> str | None:
        """A person's picture, as in their profile."""
        if peer_id == self.me.peer_id:
            return self.me.avatar
        peer = self.peers.get(peer_id)
        return peer.avatar if peer else None

    def online(self) -> list[Peer]:
        """Who is there now, by label."""
        there = [p for p in self.peers.values() if p.status != Status.OFFLINE and not p.blocked]
        return sorted(there, key=lambda peer: self.labels[peer.peer_id].casefold())

    def keepers(self) -> list[str]:
        """Who else, of those that are here, writes down who is here."""
        return [self.said[peer.peer_id] for peer in self.online() if peer.keeps_register]

    def _keep_peer(self, peer: Peer) -> None:
        self.peers[peer.peer_id] = peer
        self._name(peer.peer_id, words.person_label(peer.label, peer.peer_id), marks_of(peer))

    def _name(self, peer_id: PeerId, label: str, marks: tuple[Mark, ...]) -> None:
        if (self.labels.get(peer_id), self.marks.get(peer_id, ())) != (label, marks):
            self.labels[peer_id], self.marks[peer_id] = label, marks
            self.said[peer_id] = marked(label, Mark.REGISTERED in marks)
            self.naming += 1

    def _relabel(self) -> None:
        for peer in self.peers.values():
            self._keep_peer(peer)
        marks = (Mark.REGISTERED,) if self.me.account else ()
        self._name(self.me.peer_id, marked(safe_name(self.me.name), False) or _("me"), marks)

    def _changed(self) -> None:
        for listener in self.listeners:
            listener()

    def _load_rooms(self) -> None:
        def keep(rooms: Sequence[Room]) -> None:
            self.rooms = {room.room: room for room in rooms}
            self._changed()

        self._runner.call(self._node.rooms, keep)

    def _load_conversations(self) -> None:
        def keep(found: Sequence[Conversation]) -> None:
            self.conversations = {c.conversation: c for c in found}
            self._changed()

        self._runner.call(self._node.conversations, keep)


def marks_of(peer: Peer) -> tuple[Mark, ...]:
    """A warning before all else."""
    earned = (
        (Mark.WARNED, peer.warning is not None),
        (Mark.REGISTERED, peer.account is not None),
        (Mark.VERIFIED, peer.verified),
    )
    return tuple(mark for mark, has in earned if has)


def preview(conversation: Conversation | None, me: PeerId, said: dict[PeerId, str]) -> str:
    """The last message on one short line; `said` as a directory's."""
    if conversation is None or conversation.last is None:
        return ""
    last = conversation.last
    if last.deleted:
        return _("message deleted")
    if last.kind == "system":
        return unmarked(words.of_a_person(last.text, PREVIEW_NAME_CHARS), 60)
    text = unmarked(last.text, 60)
    if last.author == me:
        return _("You: {text}").format(text=text)
    if conversation.conversation.startswith("#"):
        name = said.get(last.author) or marked(safe_name(last.author_label), False)
        return _("{name}: {text}").format(name=name, text=text)
    return text


def marks_of_room(room: Room) -> tuple[Mark, ...]:
    marks = ((Mark.ALIKE, room.looks_like is not None), (Mark.PROTECTED, room.protected))
    return tuple(mark for mark, shown in marks if shown)


def not_the_other(room: Room) -> str:
    """A sentence about one that looks like another."""
    return _("This isn't {room}, its name only looks like that.").format(room=room.looks_like)


def heading(directory: Directory, conversation: str) -> tuple[str, str]:
    """Title and subtitle of a conversation, in plain words."""
    title = directory.title(conversation)
    room = directory.rooms.get(conversation)
    if room is not None:
        members = ngettext("{number} person", "{number} people", room.members)
        protected = _("{people} · protected by a password").format(people=members)
        said = protected if room.protected else members
        return title, f"{not_the_other(room)} {said}" if room.looks_like else said
    peer = directory.peer_of(conversation)
    return title, _person_words(peer) if peer else ""


def _person_words(peer: Peer) -> str:
    if peer.warning:
        return one_line(told(peer.warning), 160)
    if peer.blocked:
        return _("blocked: you get nothing from them")
    status = words.status(peer.status)
    if peer.status == Status.OFFLINE:
        status = _("offline · messages wait until they are back")
    note = one_line(peer.note, 80)
    return f"{status} · {note}" if note else status
