"""A node in memory, for tests of front ends: rooms, people and messages, but no network."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from p2pchat.config.settings import Settings
from p2pchat.errors import BadParams, RequestError
from p2pchat.events import (
    Event,
    MessageChanged,
    MessageReceipt,
    MessageReceived,
    ProfileRenewed,
)
from p2pchat.model.ids import MessageId, PeerId
from p2pchat.model.message import Conversation, Member, Message, MessageKind, Room
from p2pchat.model.people import NodeInfo, Peer, Profile, Status

OWN = PeerId("a" * 32)
NEW = PeerId("n" * 32)
"""Who one becomes as someone else."""
LI = PeerId("b" * 32)
LI_2 = PeerId("c" * 32)


def peer(peer_id: PeerId, name: str, label: str = "", **more: Any) -> Peer:
    given: dict[str, Any] = {
        "status": Status.ONLINE,
        "note": "",
        "avatar": None,
        "linked": True,
        "addresses": ("192.0.2.7:27474",),
        "verified": False,
        "contact": False,
        "account": None,
    }
    return Peer(peer_id=peer_id, name=name, label=label or name, **(given | more))


class FakeNode:
    """`NodeApi` as front ends see it. `delay` (seconds) makes every command take so long."""

    def __init__(self, main: FakeNode | None = None) -> None:
        if main is not None:
            self.__dict__ = main.__dict__  # one node, several façades
            return
        self._handlers: dict[FakeNode, Callable[[Sequence[Event]], None]] = {}
        self.delay = 0.0
        self.people = {p.peer_id: p for p in (peer(LI, "Li"), peer(LI_2, "Li", "Li_2"))}
        self.own = Profile(OWN, "Ana", Status.ONLINE, "", None)
        self.kept = Settings()
        self.passwords: dict[str, str | None] = {"#lobby": None}
        self.joined = {"#lobby"}
        self.stored: list[Message] = []
        self.read: list[tuple[str, str]] = []
        self.typed: list[str] = []
        self.joining = asyncio.Event()
        self.joining.set()
        """Cleared: joining a room with a password waits."""
        self._numbers = itertools.count(1)

    # -- for tests

    @property
    def handlers(self) -> list[Callable[[Sequence[Event]], None]]:
        return list(self._handlers.values())

    def tell(self, *events: Event, origin: FakeNode | None = None) -> None:
        for front_end, handler in list(self._handlers.items()):
            if front_end is not origin:
                handler(events)

    def message(
        self, text: str, author: PeerId = LI, conversation: str = "#lobby", **more: Any
    ) -> Message:
        number = next(self._numbers)
        who = self.own if author == OWN else self.people[author]
        return Message(
            message_id=MessageId(hashlib.sha256(b"%d" % number).hexdigest()),
            conversation=conversation,
            author=author,
            author_name=who.name,
            author_label=who.label if isinstance(who, Peer) else who.name,
            kind=more.pop("kind", MessageKind.TEXT),
            text=text,
            sent_at="2026-01-02T03:04:05.678Z",
            order=f"{number:08d}",
            **more,
        )

    def receive(self, text: str, **more: Any) -> Message:
        message = self.message(text, **more)
        self.stored.append(message)
        self.tell(MessageReceived(message))
        return message

    def deliver(self, message: Message, kind: str = "delivered") -> None:
        self.tell(MessageReceipt(message.conversation, message.message_id, LI, kind))

    # -- NodeApi

    def front_end(self) -> FakeNode:
        return FakeNode(self)

    def subscribe(self, handler: Callable[[Sequence[Event]], None]) -> Callable[[], None]:
        self._handlers[self] = handler

        def end() -> None:
            self._handlers.pop(self, None)

        return end

    async def info(self) -> NodeInfo:
        return NodeInfo(OWN, "d" * 32, self.own.name, "lan", "0", ("0.0.0.0:27474",), "/nowhere")

    async def settings(self) -> Settings:
        return self.kept

    async def set_settings(self, changes: Mapping[str, Any]) -> Settings:
        try:
            self.kept = msgspec.convert(msgspec.to_builtins(self.kept) | dict(changes), Settings)
        except msgspec.ValidationError as error:
            raise BadParams(str(error)) from error
        return self.kept

    async def profile(self) -> Profile:
        return self.own

    async def set_profile(
        self,
        name: str | None = None,
        status: str | None = None,
        note: str | None = None,
        avatar: str | None = None,
    ) -> Profile:
        if name is not None and len(name) > 64:
            raise RequestError("name-not-allowed", "a name has at most 64 characters")
        changes = {"name": name, "status": status, "note": note, "avatar": avatar}
        given = {key: value for key, value in changes.items() if value is not None}
        if "status" in given:
            given["status"] = Status(given["status"])
        if given.get("name") == "":
            given["name"] = "host"
        self.own = msgspec.structs.replace(self.own, **given)
        return self.own

    async def become_someone_else(self, name: str | None = None) -> Profile:
        self.own = Profile(NEW, name or "host", Status.ONLINE, "", None)
        self.stored = [m for m in self.stored if not m.conversation.startswith("@")]
        self.tell(ProfileRenewed(self.own), origin=self)
        return self.own

    async def peers(self) -> Sequence[Peer]:
        return list(self.people.values())

    def _peer(self, peer_id: PeerId) -> Peer:
        if peer_id not in self.people:
            raise RequestError("no-such-peer")
        return self.people[peer_id]

    async def verify_words(self, peer_id: PeerId) -> str:
        self._peer(peer_id)
        return "oak river seven"

    async def set_verified(self, peer_id: PeerId, verified: bool) -> Peer:
        self.people[peer_id] = msgspec.structs.replace(self._peer(peer_id), verified=verified)
        return self.people[peer_id]

    async def connect(self, address: str) -> Peer:
        raise RequestError("nobody-answered", f"nobody answered at {address}")

    async def block(self, peer_id: PeerId, on: bool = True) -> Peer:
        self.people[peer_id] = msgspec.structs.replace(self._peer(peer_id), blocked=on)
        return self.people[peer_id]

    async def conversations(self) -> Sequence[Conversation]:
        names = dict.fromkeys([*sorted(self.joined), *(m.conversation for m in self.stored)])
        return [self._overview(name) for name in names]

    def _overview(self, name: str) -> Conversation:
        messages = [m for m in self.stored if m.conversation == name]
        label = self._peer(PeerId(name[1:])).label if name.startswith("@") else name
        last = messages[-1] if messages else None
        others = [m for m in messages if m.author != OWN]
        first = others[0].message_id if others else None
        mentions = sum(OWN in m.mentions for m in others)
        return Conversation(name, label, len(others), mentions, first, last, False, "")

    async def typing(self, conversation: str) -> None:
        self.typed.append(conversation)

    async def mute(self, conversation: str, on: bool) -> None: ...

    async def set_draft(self, conversation: str, text: str) -> None: ...

    async def rooms(self) -> Sequence[Room]:
        return [self._room(name) for name in self.passwords]

    def _room(self, name: str) -> Room:
        return Room(name, name in self.joined, 1, 0, self.passwords[name] is not None)

    async def create_room(self, room: str, password: str | None = None) -> Room:
        if room in self.passwords:
            raise RequestError("room-exists")
        self.passwords[room] = password
        self.joined.add(room)
        return self._room(room)

    async def join_room(self, room: str, password: str | None = None) -> Room:
        if password is not None:
            await self.joining.wait()
            if room not in self.passwords:
                raise RequestError("nobody-answered")
        if self.passwords.setdefault(room, None) != password:
            raise RequestError("wrong-password")
        self.joined.add(room)
        return self._room(room)

    async def leave_room(self, room: str) -> None:
        if room not in self.joined:
            raise RequestError("no-such-room")
        self.joined.discard(room)

    async def members(self, room: str) -> Sequence[Member]:
        await self.open_conversation(room)
        people = [Member(p.peer_id, p.name, p.label, p.status) for p in self.people.values()]
        return [Member(OWN, self.own.name, self.own.name, "online"), *people]

    async def open_conversation(self, conversation: str) -> str:
        if conversation.startswith("#"):
            if conversation not in self.joined:
                raise RequestError("no-such-room")
            return conversation
        who = conversation.removeprefix("@")
        by_label = [p.peer_id for p in self.people.values() if who in (p.peer_id, p.label)]
        by_name = [p.peer_id for p in self.people.values() if who == p.name]
        found = dict.fromkeys(by_label + by_name)
        if not found:
            raise RequestError("no-such-peer")
        if len(found) > 1:
            raise RequestError("ambiguous-name", candidates=list(found))
        return f"@{next(iter(found))}"

    async def send(
        self, conversation: str, text: str, reply_to: MessageId | None = None
    ) -> Message:
        canonical = await self.open_conversation(conversation)
        if len(text.encode()) > 16384:
            raise RequestError("too-large", "a message has at most 16384 bytes")
        message = self.message(text, OWN, canonical, reply_to=reply_to)
        self.stored.append(message)
        self.tell(MessageReceived(message), origin=self)
        await asyncio.sleep(self.delay)
        return message

    def _change(self, message_id: MessageId, **changes: Any) -> Message:
        for index, message in enumerate(self.stored):
            if message.message_id == message_id:
                self.stored[index] = msgspec.structs.replace(message, **changes)
                self.tell(MessageChanged(self.stored[index]), origin=self)
                return self.stored[index]
        raise RequestError("no-such-message")

    async def edit(self, message_id: MessageId, text: str) -> Message:
        return self._change(message_id, text=text, edited=True)

    async def delete(self, message_id: MessageId) -> Message:
        return self._change(message_id, text="", deleted=True)

    async def react(self, message_id: MessageId, emoji: str, on: bool = True) -> Message:
        return self._change(message_id, reactions={emoji: (OWN,)} if on else {})

    async def messages(
        self,
        conversation: str,
        limit: int = 50,
        before: MessageId | None = None,
        after: MessageId | None = None,
        around: MessageId | None = None,
    ) -> Sequence[Message]:
        canonical = await self.open_conversation(conversation)
        found = [m for m in self.stored if m.conversation == canonical]
        if before or after or around:
            ids = [m.message_id for m in found]
            place = before or after or around
            if place not in ids:
                return []
            at = ids.index(place)
            found = found[:at] if before else found[at + 1 :][:limit] if after else found[: at + 1]
        return found[-limit:] if limit else []

    async def search(
        self, query: str, conversation: str | None = None, limit: int = 50
    ) -> Sequence[Message]:
        found = [m for m in self.stored if all(w in m.text for w in query.split())]
        return [m for m in found if conversation in (None, m.conversation)][::-1][:limit]

    async def mark_read(self, conversation: str, message_id: MessageId) -> None:
        self.read.append((conversation, message_id))

    async def close(self) -> None: ...
