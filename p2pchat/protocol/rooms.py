"""Rooms: which there are, creating, joining and leaving them, and who has proven to be in one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

import msgspec

from p2pchat.config import limits
from p2pchat.errors import RequestError
from p2pchat.events import RoomChanged
from p2pchat.model.entry import EntryKind
from p2pchat.model.ids import ConversationId, DeviceId
from p2pchat.model.message import Member, Room
from p2pchat.model.names import Looks, fold, is_room_name, room_name
from p2pchat.model.records import ConversationKind, ConversationRow, PutConversation
from p2pchat.protocol import effects, pake, sealing
from p2pchat.protocol.announce import Device, RoomInfo
from p2pchat.protocol.context import Context
from p2pchat.protocol.conversations import Conversation, Conversations
from p2pchat.protocol.hashing import open_room_id
from p2pchat.protocol.ingest import Ingest
from p2pchat.protocol.labels import Labels
from p2pchat.protocol.link import Link
from p2pchat.protocol.links import Links
from p2pchat.protocol.pake import Ends, Granted, Outcome, PasswordProofs, Refused

LOBBY = "lobby"
JOIN_S = 8.0
"""How long a join looks for someone who is in the room."""
MAX_KNOWN = 4096
ROOMS_PER_JOIN = 8
"""Rooms of one name that a join tries: for each, the password is stretched."""
ASKED_PER_JOIN = 3
"""Members of one room that a join proves the password to: each could test a guess."""


class RoomEvents(Protocol):
    def room_entering(self, conversation: Conversation) -> None:
        """The room counts as joined from now on; others aren't told before that is durable."""
        ...

    def room_entered(self, conversation: Conversation) -> None:
        """The room is joined here: share it with those who are in it."""
        ...

    def room_leaving(self, conversation: Conversation) -> None:
        """It is about to be left: its members are still told what goes with it."""
        ...

    def room_left(self, conversation: Conversation) -> None: ...

    def demand(self, device: DeviceId) -> None:
        """A link to this device is needed."""
        ...

    def members_of(self, conversation: Conversation) -> list[Member]: ...


@dataclass(slots=True)
class _Known:
    """A room of the network, as the records of devices tell of it."""

    info: RoomInfo
    devices: set[DeviceId] = field(default_factory=set)


@dataclass(slots=True, eq=False)
class _Join:
    """A join under way, with a password or for the room's sake alone."""

    request: int
    name: str
    password: str
    origin: int
    rooms: list[ConversationId]
    asked: dict[ConversationId, set[DeviceId]] = field(default_factory=dict)
    secrets: dict[ConversationId, bytes] = field(default_factory=dict)
    """What the password is for each room."""
    waiting: dict[ConversationId, list[Link]] = field(default_factory=dict)
    """Whom to prove it to, as soon as that is known."""
    open_proofs: int = 0
    reason: str = ""
    done: bool = False


class Rooms:
    def __init__(
        self,
        context: Context,
        conversations: Conversations,
        links: Links,
        ingest: Ingest,
        proofs: PasswordProofs,
        ends: Callable[[Link], Ends],
        events: RoomEvents,
        looks: Looks,
    ) -> None:
        self._ctx = context
        self._conversations = conversations
        self._links = links
        self._ingest = ingest
        self._proofs = proofs
        self._ends = ends
        self._events = events
        self._looks = looks
        self._lobby = open_room_id(context.network, LOBBY)
        self._known: dict[ConversationId, _Known] = {}
        self._labels: Labels[ConversationId] = Labels()
        self._joins: list[_Join] = []

    def load(self) -> None:
        """Take up the labels, see that there is a lobby, and that this person is in every joined
        room: the profile may have become someone else's, or the JOIN not have been kept."""
        for conversation in self._conversations:
            if not conversation.direct:
                self._labels.restore(conversation.id, conversation.row.label.removeprefix("#"))
        lobby = self._lobby
        if self._conversations.get(lobby) is None:
            row = ConversationRow(
                id=lobby,
                kind=ConversationKind.OPEN,
                name=LOBBY,
                label=self._label(lobby, LOBBY),
                joined_at=self._ctx.wall_ms,
            )
            self._conversations.add(row)
            self._ctx.commit([PutConversation(row)])
        me = self._ctx.identity.peer_id
        for conversation in self._conversations.mine():
            named = not conversation.direct and conversation.id != lobby
            if named and me not in conversation.members:
                self._ingest.write(conversation, EntryKind.JOIN)

    @property
    def lobby(self) -> Conversation:
        found = self._conversations.get(self._lobby)
        assert found is not None, "load() has seen to it"
        return found

    def _label(self, id: ConversationId, name: str) -> str:
        return "#" + self._labels.give(id, name)

    # -- what there is

    def own_rooms(self) -> tuple[RoomInfo, ...]:
        """For this device's record; the lobby is everyone's and isn't named."""
        return tuple(
            RoomInfo(found.id, found.row.name, found.row.kind == ConversationKind.PROTECTED)
            for found in self._conversations.mine()
            if not found.direct and found.row.name != LOBBY
        )

    def device_changed(self, device: Device, before: Device | None) -> None:
        """A device's record tells which rooms it is in."""
        new = {room.id: room for room in device.rooms if is_room_name(room.name)}
        old = {room.id for room in before.rooms} if before else set()
        for id in old - new.keys():
            known = self._known.get(id)
            if known is not None:
                known.devices.discard(device.id)
        for id, room in new.items():
            if not room.protected and id != open_room_id(self._ctx.network, fold(room.name)):
                continue
            known = self._known.get(id)
            if known is None and len(self._known) < MAX_KNOWN:
                known = self._known[id] = _Known(room)
                self._label(id, room.name)
            if known is not None:
                known.devices.add(device.id)
        self._tell(new.keys() ^ old)
        if new.keys() - old:
            for join in list(self._joins):
                self._look(join)

    def device_gone(self, device: DeviceId) -> None:
        left = [id for id, known in self._known.items() if device in known.devices]
        for id in left:
            self._known[id].devices.discard(device)
        self._tell(left)
        for id, known in list(self._known.items()):
            if not known.devices and self._conversations.get(id) is None:
                del self._known[id]
                self._labels.release(id)

    def _tell(self, ids: Iterable[ConversationId]) -> None:
        for id in ids:
            label = self._labels.get(id)
            if label is not None:
                self._ctx.notify(RoomChanged("#" + label))

    def devices_in(self, conversation: Conversation) -> set[DeviceId]:
        known = self._known.get(conversation.id)
        return known.devices if known else set()

    def rooms(self) -> list[Room]:
        mine = [found for found in self._conversations.mine() if not found.direct]
        rooms = [self.room(conversation) for conversation in mine]
        ids = {conversation.id for conversation in mine}
        for id, known in self._known.items():
            if id not in ids and known.devices:
                label, alike = self._labels.get(id), self._looks_like(id, known.info.name)
                label = "#" + (label or known.info.name)
                members, protected = len(known.devices), known.info.protected
                rooms.append(Room(label, False, members, 0, protected, alike))
        return rooms

    def room(self, conversation: Conversation) -> Room:
        """`unread` is the store's to count: whoever shows it fills it in."""
        return Room(
            room=conversation.label,
            joined=conversation.mine,
            members=len(self._events.members_of(conversation)),
            unread=0,
            protected=conversation.row.kind == ConversationKind.PROTECTED,
            looks_like=self._looks_like(conversation.id, conversation.row.name),
        )

    def _looks_like(self, id: ConversationId, name: str) -> str | None:
        return self._conversations.room_alike(id, name, self._looks, self._lobby)

    def find(self, text: str) -> Conversation:
        """The joined room of this label; `no-such-room`."""
        id = self._labels.find(text.removeprefix("#"))
        found = self._conversations.get(id) if id is not None else None
        if found is None or not found.mine:
            raise RequestError("no-such-room", f"you are not in {text}")
        return found

    def _candidates(self, name: str) -> list[ConversationId]:
        """Known rooms that may be meant: by label, else by name."""
        labelled = self._labels.find(name)
        wanted = fold(name)
        named = [id for id, known in self._known.items() if fold(known.info.name) == wanted]
        named.extend(
            conversation.id
            for conversation in self._conversations
            if not conversation.direct and fold(conversation.row.name) == wanted
        )
        ids = [labelled] if labelled is not None else []
        return list(dict.fromkeys((*ids, *named)))

    def _is_protected(self, id: ConversationId) -> bool:
        conversation = self._conversations.get(id)
        if conversation is not None:
            return conversation.row.kind == ConversationKind.PROTECTED
        known = self._known.get(id)
        return known is not None and known.info.protected

    def enter_again(
        self, id: ConversationId, name: str, keys: Iterable[bytes], secret: bytes
    ) -> None:
        """A room that this person is in on another device; what makes no sense is passed over."""
        own, keys = self._conversations.get(id), tuple(keys)
        if (own is not None and own.mine) or not is_room_name(name):
            return
        if keys and all(len(key) == sealing.KEY_BYTES for key in keys):
            self._enter(0, 0, self._protected_row(id, name, keys, secret))
        elif id == open_room_id(self._ctx.network, fold(name)):
            self._enter_open(0, 0, name)

    # -- creating

    def create(self, request: int, origin: int, text: str, password: str | None) -> None:
        """`room-exists` where a room of this name is known; `weak-password`, `too-large`. Replies
        with the Room."""
        name = room_name(text)
        if password == "":
            raise RequestError("weak-password", "a password can't be empty")
        if password is not None and len(password) > limits.PASSWORD_CHARS:
            raise RequestError(
                "too-large", f"a password has at most {limits.PASSWORD_CHARS} characters"
            )
        taken = [id for id in self._candidates(name) if self._is_live(id)]
        if taken:
            raise RequestError("room-exists", f"#{name} is there already")
        if password is None:
            self._enter_open(request, origin, name)
            return
        id = ConversationId(self._ctx.rng.randbytes(32))
        key = self._ctx.rng.randbytes(32)

        def stretched(secret: bytes | Exception) -> None:
            if isinstance(secret, Exception):
                self._ctx.refuse(request, "busy")
                return
            row = self._protected_row(id, name, (key,), secret)
            self._enter(request, origin, row)

        self._ctx.compute(effects.Stretch(password, id), stretched)

    def _is_live(self, id: ConversationId) -> bool:
        """Joined here, or someone is in it."""
        conversation = self._conversations.get(id)
        known = self._known.get(id)
        return (conversation is not None and conversation.mine) or bool(known and known.devices)

    def _protected_row(
        self, id: ConversationId, name: str, keys: Iterable[bytes], secret: bytes
    ) -> ConversationRow:
        return ConversationRow(
            id=id,
            kind=ConversationKind.PROTECTED,
            name=name,
            label=self._label(id, name),
            keys=tuple((sealing.key_id(key), key) for key in keys),
            secret=secret,
            joined_at=self._ctx.wall_ms,
        )

    def _enter_open(self, request: int, origin: int, name: str) -> None:
        id = open_room_id(self._ctx.network, fold(name))
        known = self._known.get(id)
        shown = known.info.name if known else name
        row = ConversationRow(
            id=id,
            kind=ConversationKind.OPEN,
            name=shown,
            label=self._label(id, shown),
            joined_at=self._ctx.wall_ms,
        )
        self._enter(request, origin, row)

    def _enter(self, request: int, origin: int, row: ConversationRow) -> None:
        """Join: the row and the JOIN entry become durable, then the others are told."""
        conversation = self._conversations.get(row.id)
        if conversation is None:
            conversation = self._conversations.add(row)
        else:
            joined = msgspec.structs.replace(
                conversation.row, joined=True, keys=row.keys, secret=row.secret, label=row.label
            )
            self._conversations.update(conversation, joined)
        self._ctx.commit([PutConversation(conversation.row)])
        self._events.room_entering(conversation)
        entered = conversation

        def done(_: object) -> None:
            self._events.room_entered(entered)
            self._ctx.reply(request, self.room(entered))

        def failed(reason: str) -> None:
            gone = msgspec.structs.replace(entered.row, joined=False)
            self._conversations.update(entered, gone)
            self._events.room_left(entered)
            self._ctx.refuse(request, reason)

        self._ingest.write(conversation, EntryKind.JOIN, origin=origin, then=done, failed=failed)

    # -- joining

    def join(self, request: int, origin: int, text: str, password: str | None) -> None:
        """Replies with the Room. With a password, or where the name is known as protected, it
        never creates: `wrong-password`, `too-many-tries`, `nobody-answered`."""
        name = room_name(text)
        candidates = self._candidates(name)
        joined = [
            found for id in candidates if (found := self._conversations.get(id)) and found.mine
        ]
        if joined and password is None:
            self._ctx.reply(request, self.room(joined[0]))
            return
        protected = [id for id in candidates if self._is_protected(id)]
        if (password is None and len(protected) < len(candidates)) or (
            password is None and not protected
        ):
            self._enter_open(request, origin, name)
        elif password is None:
            if any(self._known[id].devices for id in protected if id in self._known):
                raise RequestError("wrong-password", f"#{name} is protected by a password")
            raise RequestError("nobody-answered", f"nobody who is in #{name} is there")
        else:
            self._begin(_Join(request, name, password, origin, protected))

    def _begin(self, join: _Join) -> None:
        self._joins.append(join)
        self._ctx.after(JOIN_S, lambda: self._out_of_time(join))
        self._look(join)

    def _look(self, join: _Join) -> None:
        """Ask whoever is linked and in such a room; have the others linked."""
        join.rooms = [id for id in self._candidates(join.name) if self._is_protected(id)]
        for id in join.rooms[:ROOMS_PER_JOIN]:
            known = self._known.get(id)
            asked = join.asked.setdefault(id, set())
            own = self._conversations.get(id)
            if own is not None and own.mine:
                if own.id not in join.secrets:
                    self._compare(join, own)
                continue
            for device in sorted(known.devices) if known else ():
                if join.done or len(asked) >= ASKED_PER_JOIN or device in asked:
                    continue
                link = self._links.of(device)
                if link is None:
                    self._events.demand(device)
                else:
                    asked.add(device)
                    self._ask(join, id, link)

    def link_up(self) -> None:
        for join in list(self._joins):
            self._look(join)

    def _ask(self, join: _Join, id: ConversationId, link: Link) -> None:
        join.open_proofs += 1
        waiting = join.waiting.setdefault(id, [])
        waiting.append(link)
        if id in join.secrets:
            self._prove_all(join, id)
        elif len(waiting) == 1:
            job = effects.Stretch(join.password, id)
            self._ctx.compute(job, lambda secret: self._stretched(join, id, secret))

    def _compare(self, join: _Join, own: Conversation) -> None:
        """A room that was joined before: it is meant where the password is its own."""
        join.open_proofs += 1
        join.secrets[own.id] = own.row.secret

        def stretched(secret: bytes | Exception) -> None:
            if secret != own.row.secret or not own.mine:
                self._asked(join, own.id, b"", Refused(pake.WRONG))
            elif not join.done:
                self._end(join)
                self._ctx.reply(join.request, self.room(own))

        self._ctx.compute(effects.Stretch(join.password, own.id), stretched)

    def _stretched(self, join: _Join, id: ConversationId, secret: bytes | Exception) -> None:
        """The password is ready for this room; that takes a tenth of a second, so once."""
        join.secrets[id] = b"" if isinstance(secret, Exception) else secret
        self._prove_all(join, id)

    def _prove_all(self, join: _Join, id: ConversationId) -> None:
        links, join.waiting[id] = join.waiting[id], []
        secret = join.secrets[id]
        done = partial(self._asked, join, id, secret)
        for link in links:
            if not secret or join.done or not link.up:
                done(Refused(pake.BUSY))
            else:
                self._proofs.ask(link.id, id, secret, self._ends(link), self._ctx.now, done)

    def _asked(self, join: _Join, id: ConversationId, secret: bytes, outcome: Outcome) -> None:
        join.open_proofs -= 1
        if join.done:
            return
        grant = pake.decode_grant(outcome.payload) if isinstance(outcome, Granted) else None
        if grant is not None:
            self._end(join)
            name = grant.name if is_room_name(grant.name) else join.name
            row = self._protected_row(id, name, grant.keys, secret)
            self._enter(join.request, join.origin, row)
            return
        if isinstance(outcome, Refused) and outcome.reason in (pake.WRONG, pake.TOO_MANY):
            join.reason = outcome.reason
        if not join.open_proofs and join.reason:
            self._end(join)
            self._ctx.refuse(join.request, join.reason)

    def _out_of_time(self, join: _Join) -> None:
        if not join.done:
            self._end(join)
            self._ctx.refuse(join.request, join.reason or "nobody-answered")

    def _end(self, join: _Join) -> None:
        join.done = True
        if join in self._joins:
            self._joins.remove(join)

    # -- leaving

    def leave(self, request: int, origin: int, text: str) -> None:
        """`no-such-room`; `not-allowed` for the lobby. Replies with None."""
        conversation = self.find(text)
        if conversation is self.lobby:
            raise RequestError("not-allowed", "everyone is in #lobby")

        def left(_: object) -> None:
            # A turn later: the LEAVE itself still goes out to the members.
            self._ctx.after(0.0, gone)

        def gone() -> None:
            self._events.room_leaving(conversation)
            row = msgspec.structs.replace(conversation.row, joined=False)
            self._conversations.update(conversation, row)
            self._ctx.commit([PutConversation(row)])
            self._events.room_left(conversation)
            self._ctx.reply(request, None)

        def failed(reason: str) -> None:
            self._ctx.refuse(request, reason)

        self._ingest.write(conversation, EntryKind.LEAVE, origin=origin, then=left, failed=failed)
