"""A node on paper for tests of front ends: it keeps what it is told, in memory, at once, without a
network."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import msgspec
from paper_accounts import PaperAccounts
from scripted_files import ScriptedFiles

from p2pchat.config.limits import NAME_CHARS, TEXT_BYTES
from p2pchat.config.settings import Settings
from p2pchat.errors import BadParams, RequestError
from p2pchat.events import (
    Event,
    MessageChanged,
    MessageReceipt,
    MessageReceived,
    ProfileRenewed,
)
from p2pchat.model.file import FileInfo
from p2pchat.model.ids import MessageId, PeerId
from p2pchat.model.message import (
    Conversation,
    Draft,
    Member,
    Message,
    MessageKind,
    Receipts,
    Room,
)
from p2pchat.model.people import NodeInfo, Peer, Profile, Status

T = TypeVar("T")

START = datetime(2026, 3, 16, 9, 0, tzinfo=UTC)
ME = PeerId("m" * 32)


def peer_id(letter: str) -> PeerId:
    return PeerId(letter * 32)


NEW = peer_id("n")
"""Who one becomes as someone else."""
LI, LI_2 = peer_id("b"), peer_id("c")


def make_peer(letter: str, label: str, status: Status = Status.ONLINE, **more: Any) -> Peer:
    fields: dict[str, Any] = {
        "peer_id": peer_id(letter),
        "name": label,
        "label": label,
        "status": status,
        "note": "",
        "avatar": None,
        "linked": status != Status.OFFLINE,
        "addresses": (),
        "verified": False,
        "contact": False,
        "account": None,
    }
    return Peer(**{**fields, **more})


class PaperNode(ScriptedFiles):
    """Does what NodeApi says. `calls` are the names of what was asked."""

    def __init__(self, name: str = "Me") -> None:
        self.accounts = PaperAccounts()
        self.me = Profile(ME, name, Status.ONLINE, "", None)
        self.people: dict[PeerId, Peer] = {}
        self.history: dict[str, list[Message]] = {"#lobby": []}
        self.passwords: dict[str, str | None] = {"#lobby": None}
        self.looks_like: dict[str, str] = {}
        """By room."""
        self.joined = {"#lobby"}
        self.members_in: dict[str, int] = {}
        self.offered = {}
        self.slow = {}
        self.drafts: dict[str, Draft] = {}
        self.muted: set[str] = set()
        self.read: dict[str, str] = {}
        self.addresses: dict[str, Peer] = {}
        self.current = Settings()
        self.data_dir = ""
        self.reached_at: tuple[str, ...] = ("192.168.1.5:27474",)
        self.calls: list[tuple[Any, ...]] = []
        self.fail: dict[str, Exception] = {}
        """By the name of a method: raised once when it is called next."""
        self.delay = 0.0
        """Seconds that sending, or sharing, takes."""
        self.joining = asyncio.Event()
        self.joining.set()
        """Cleared: joining a room with a password waits."""
        self.closed = False
        self._handlers: dict[PaperNode, Callable[[Sequence[Event]], None]] = {}
        """By front end."""
        self._count = 0

    # -- for tests

    @property
    def handlers(self) -> list[Callable[[Sequence[Event]], None]]:
        return list(self._handlers.values())

    @property
    def stored(self) -> list[Message]:
        """All messages, in order."""
        return sorted((m for told in self.history.values() for m in told), key=lambda m: m.order)

    def emit(self, *events: Event, origin: PaperNode | None = None) -> None:
        """Tell every front end but the one that did it."""
        for front_end, handler in list(self._handlers.items()):
            if front_end is not origin:
                handler(events)

    def deliver(self, message: Message, kind: str = "delivered") -> None:
        self.emit(MessageReceipt(message.conversation, message.message_id, LI, kind))

    def add_peer(self, peer: Peer) -> Peer:
        self.people[peer.peer_id] = peer
        self.history.setdefault(f"@{peer.peer_id}", [])
        return peer

    def message(
        self,
        conversation: str,
        text: str,
        author: PeerId = ME,
        at: datetime | None = None,
        **more: Any,
    ) -> Message:
        """Make a message, without keeping it."""
        self._count += 1
        known = self.people.get(author)
        fields: dict[str, Any] = {
            "message_id": MessageId(f"{self._count:064x}"),
            "conversation": conversation,
            "author": author,
            "author_name": known.name if known else self.me.name,
            "author_label": known.label if known else self.me.name,
            "kind": MessageKind.TEXT,
            "text": text,
            "sent_at": (at or START + timedelta(seconds=self._count)).isoformat(),
            "order": f"{self._count:080x}",
        }
        return Message(**{**fields, **more})

    def put(self, message: Message) -> Message:
        self.history.setdefault(message.conversation, []).append(message)
        return message

    def say(self, conversation: str, text: str, author: PeerId = ME, **more: Any) -> Message:
        return self.put(self.message(conversation, text, author, **more))

    def receive(self, conversation: str, text: str, author: PeerId, **more: Any) -> Message:
        """A message comes in, and front ends are told."""
        message = self.say(conversation, text, author, **more)
        self.emit(MessageReceived(message))
        return message

    def named(self, name: str) -> list[tuple[Any, ...]]:
        return [call for call in self.calls if call[0] == name]

    def find(self, message_id: MessageId) -> Message:
        for history in self.history.values():
            for message in history:
                if message.message_id == message_id:
                    return message
        raise RequestError("no-such-message")

    def replace(self, message_id: MessageId, **changes: Any) -> Message:
        """Change a message; the others are told."""
        old = self.find(message_id)
        new = msgspec.structs.replace(old, **changes)
        history = self.history[old.conversation]
        history[history.index(old)] = new
        self.emit(MessageChanged(new), origin=self)
        return new

    def _called(self, *call: Any) -> None:
        self.calls.append(call)
        error = self.fail.pop(call[0], None)
        if error is not None:
            raise error

    # -- files

    def tell_files(self, *events: Event) -> None:
        self.emit(*events)

    def make_message(
        self, conversation: str, name: str, author: PeerId, kind: MessageKind
    ) -> Message:
        return self.message(conversation, name, author, kind=kind)

    def keep_message(self, message: Message, own: bool) -> None:
        self.put(message)
        self.emit(MessageReceived(message), origin=self if own else None)

    def own_id(self) -> PeerId:
        return ME

    async def canonical(self, conversation: str) -> str:
        if self.delay:
            await asyncio.sleep(self.delay)
        return await self.open_conversation(conversation)

    def _with_file(self, message: Message) -> Message:
        """With the file's present state."""
        file = self.offered.get(message.message_id)
        if file is None or message.deleted:
            return message
        return msgspec.structs.replace(message, file=file)

    async def share(self, conversation: str, path: str) -> FileInfo:
        self._called("share", conversation, path)
        return await super().share(conversation, path)

    async def stop_reading(self, conversation: str, path: str) -> None:
        self._called("stop_reading", conversation, path)
        await super().stop_reading(conversation, path)

    async def fetch(self, file_id: str, path: str | None = None) -> FileInfo:
        self._called("fetch", file_id, *filter(None, [path]))
        return await super().fetch(file_id, path)

    async def pause(self, file_id: str) -> FileInfo:
        self._called("pause", file_id)
        return await super().pause(file_id)

    async def cancel(self, file_id: str) -> FileInfo:
        self._called("cancel", file_id)
        return await super().cancel(file_id)

    # -- NodeApi

    def front_end(self) -> PaperNode:
        other = PaperNode.__new__(PaperNode)
        other.__dict__ = self.__dict__  # one node, several façades
        return other

    def subscribe(
        self, handler: Callable[[Sequence[Event]], None], seen: bool = True
    ) -> Callable[[], None]:
        self._handlers[self] = handler

        def end() -> None:
            self._handlers.pop(self, None)

        return end

    async def info(self) -> NodeInfo:
        self._called("info")
        return NodeInfo(
            ME, "d" * 32, self.me.name, "lan", "0", ("0.0.0.0:27474",), self.data_dir,
            self.current.downloads or f"{self.data_dir}/downloads", self.reached_at,
        )  # fmt: skip

    async def settings(self) -> Settings:
        return self.current

    async def set_settings(self, changes: Mapping[str, Any]) -> Settings:
        self._called("set_settings", dict(changes))
        try:
            merged = {**msgspec.to_builtins(self.current), **changes}
            self.current = msgspec.convert(merged, Settings)
        except msgspec.ValidationError as error:
            raise BadParams(str(error)) from error
        return self.current

    async def profile(self) -> Profile:
        return self.me

    async def set_profile(
        self,
        name: str | None = None,
        status: str | None = None,
        note: str | None = None,
        avatar: str | None = None,
    ) -> Profile:
        self._called("set_profile", name, status, note, avatar)
        if name is not None and len(name) > NAME_CHARS:
            raise RequestError("name-not-allowed", f"a name has at most {NAME_CHARS} characters")
        name = "host" if name == "" else name
        given = {"name": name, "status": status and Status(status), "note": note, "avatar": avatar}
        changes = {field: value for field, value in given.items() if value is not None}
        self.me = msgspec.structs.replace(self.me, **changes)
        return self.me

    async def become_someone_else(self, name: str | None = None) -> Profile:
        self._called("become_someone_else", name)
        self.me = Profile(NEW, name or "host", Status.ONLINE, "", None)
        self.history = {n: told for n, told in self.history.items() if n.startswith("#")}
        self.drafts.clear()
        self.emit(ProfileRenewed(self.me), origin=self)
        return self.me

    async def peers(self) -> Sequence[Peer]:
        self._called("peers")
        return list(self.people.values())

    async def verify_words(self, peer_id: PeerId) -> str:
        self._known(peer_id)
        return "apple river stone"

    async def set_verified(self, peer_id: PeerId, verified: bool) -> Peer:
        return self._change(peer_id, verified=verified)

    async def connect(self, address: str) -> Peer:
        self._called("connect", address)
        if address not in self.addresses:
            raise RequestError("nobody-answered")
        return self.add_peer(self.addresses[address])

    async def block(self, peer_id: PeerId, on: bool = True) -> Peer:
        self._called("block", peer_id, on)
        return self._change(peer_id, blocked=on)

    def _known(self, peer_id: PeerId) -> Peer:
        if peer_id not in self.people:
            raise RequestError("no-such-peer")
        return self.people[peer_id]

    def _change(self, peer_id: PeerId, **changes: Any) -> Peer:
        self.people[peer_id] = msgspec.structs.replace(self._known(peer_id), **changes)
        return self.people[peer_id]

    async def set_contact(self, peer_id: PeerId, on: bool = True) -> Peer:
        self._called("set_contact", peer_id, on)
        return self._change(peer_id, contact=on)

    async def conversations(self) -> Sequence[Conversation]:
        self._called("conversations")
        return [self._conversation(name) for name in self.history]

    def _conversation(self, name: str) -> Conversation:
        history = self.history[name]
        read = self.read.get(name)
        ids = [m.message_id for m in history]
        after = history[ids.index(MessageId(read)) + 1 :] if read in ids else history
        unread = [m for m in after if m.author != ME]
        draft = self.drafts.get(name, Draft())
        return Conversation(
            conversation=name,
            label=name,
            unread=len(unread),
            mentions=sum(ME in m.mentions for m in unread),
            first_unread=unread[0].message_id if unread else None,
            last=history[-1] if history else None,
            muted=name in self.muted,
            draft=draft.text,
            reply_to=draft.reply_to,
            edits=draft.edits,
            edit=draft.edit,
        )

    async def typing(self, conversation: str) -> None:
        self._called("typing", conversation)

    async def mute(self, conversation: str, on: bool) -> None:
        self._called("mute", conversation, on)
        (self.muted.add if on else self.muted.discard)(conversation)

    async def set_draft(self, conversation: str, draft: Draft) -> None:
        self._called("set_draft", conversation, draft)
        self.drafts[conversation] = draft

    async def rooms(self) -> Sequence[Room]:
        self._called("rooms")
        return [self._room(name) for name in self.passwords]

    def _room(self, name: str) -> Room:
        unread = self._conversation(name).unread if name in self.history else 0
        protected = self.passwords[name] is not None
        members, alike = self.members_in.get(name, 1), self.looks_like.get(name)
        return Room(name, name in self.joined, members, unread, protected, alike)

    async def create_room(self, room: str, password: str | None = None) -> Room:
        self._called("create_room", room, password)
        if room in self.passwords:
            raise RequestError("room-exists")
        self.passwords[room] = password
        return self._join(room)

    async def join_room(self, room: str, password: str | None = None) -> Room:
        self._called("join_room", room, password)
        if password is not None:
            await self.joining.wait()
            if room not in self.passwords:
                raise RequestError("nobody-answered")
        if self.passwords.setdefault(room, None) != password:
            raise RequestError("wrong-password")
        return self._join(room)

    def _join(self, room: str) -> Room:
        self.joined.add(room)
        self.history.setdefault(room, [])
        return self._room(room)

    async def leave_room(self, room: str) -> None:
        self._called("leave_room", room)
        await self.open_conversation(room)
        self.joined.discard(room)

    async def members(self, room: str) -> Sequence[Member]:
        self._called("members", room)
        await self.open_conversation(room)
        me = Member(ME, self.me.name, self.me.name, self.me.status)
        return [me, *(Member(p.peer_id, p.name, p.label, p.status) for p in self.people.values())]

    async def open_conversation(self, conversation: str) -> str:
        if conversation.startswith("#"):
            if conversation not in self.joined:
                raise RequestError("no-such-room")
            return conversation
        who = conversation.removeprefix("@")
        found = [p.peer_id for p in self.people.values() if who in (p.peer_id, p.label, p.name)]
        if not found:
            raise RequestError("no-such-peer")
        if len(found) > 1:
            raise RequestError("ambiguous-name", candidates=found)
        return f"@{found[0]}"

    async def send(
        self,
        conversation: str,
        text: str,
        reply_to: MessageId | None = None,
        draft: str | None = None,
    ) -> Message:
        self._called("send", conversation, text, reply_to)
        canonical = await self.open_conversation(conversation)
        if len(text.encode()) > TEXT_BYTES:
            raise RequestError("too-large", f"a message has at most {TEXT_BYTES} bytes")
        message = self.say(canonical, text, reply_to=reply_to)
        if draft is not None and draft == self.drafts.get(canonical, Draft()).text:
            self.drafts.pop(canonical, None)
        self.emit(MessageReceived(message), origin=self)
        if self.delay:
            await asyncio.sleep(self.delay)
        return message

    async def edit(self, message_id: MessageId, text: str) -> Message:
        self._called("edit", message_id, text)
        return self.replace(message_id, text=text, edited=True)

    async def delete(self, message_id: MessageId) -> Message:
        self._called("delete", message_id)
        return self.replace(message_id, text="", deleted=True, reactions={})

    async def react(self, message_id: MessageId, emoji: str, on: bool = True) -> Message:
        self._called("react", message_id, emoji, on)
        reactions = dict(self.find(message_id).reactions)
        people = [person for person in reactions.get(emoji, ()) if person != ME]
        reactions[emoji] = (*people, ME) if on else tuple(people)
        return self.replace(message_id, reactions={e: p for e, p in reactions.items() if p})

    async def messages(
        self,
        conversation: str,
        limit: int = 50,
        before: MessageId | None = None,
        after: MessageId | None = None,
        around: MessageId | None = None,
    ) -> Sequence[Message]:
        self._called("messages", conversation, limit, before, after, around)
        canonical = await self.open_conversation(conversation)
        told = (self._with_file(m) for m in self.history.get(canonical, ()))
        history = sorted(told, key=lambda m: m.order)
        place = before or after or around
        if place is None:
            return history[-limit:] if limit else []
        at = next((i for i, m in enumerate(history) if m.message_id == place), None)
        if at is None:
            return []
        if before:
            return history[max(0, at - limit) : at]
        if after:
            return history[at + 1 : at + 1 + limit]
        return history[max(0, at - limit // 2) : at - limit // 2 + limit]

    async def message_since(self, conversation: str, time: str) -> MessageId | None:
        self._called("message_since", conversation, time)
        asked = datetime.fromisoformat(time)
        history = sorted(self.history.get(conversation, ()), key=lambda m: m.order)
        found = (m for m in history if datetime.fromisoformat(m.sent_at) >= asked)
        return next((m.message_id for m in found), None)

    async def search(
        self, query: str, conversation: str | None = None, limit: int = 50
    ) -> Sequence[Message]:
        self._called("search", query, conversation, limit)
        names = [conversation] if conversation else list(self.history)
        told = (m for name in names for m in self.history.get(name, ()))
        found = [m for m in told if all(word in m.text for word in query.split())]
        return sorted(found, key=lambda m: m.order, reverse=True)[:limit]

    async def mark_read(self, conversation: str, message_id: MessageId) -> None:
        self._called("mark_read", conversation, message_id)
        self.read[conversation] = message_id

    async def close(self) -> None:
        self._called("close")
        self.closed = True


def with_two_called_li() -> PaperNode:
    """The node of Ana, who knows Li and Li_2."""
    node = PaperNode("Ana")
    node.add_peer(make_peer("b", "Li"))
    node.add_peer(make_peer("c", "Li_2", name="Li"))
    return node


def delivered_to(*people: PeerId) -> Receipts:
    return Receipts(delivered=people)
