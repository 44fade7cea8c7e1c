"""Conversations of two: their keys, and messages that wait for who is off.

A key is made by whoever writes first and sealed to both persons; there may be several, and each
entry names the one that it uses. What hasn't been delivered is kept, as ciphertext, by up to
`limits.HOLDERS` others for as long as `limits.HOLD_MS`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from p2pchat.config import limits
from p2pchat.errors import RequestError
from p2pchat.model.entry import Entry, EntryKind, KeyBody, WireEntry
from p2pchat.model.ids import (
    ConversationId,
    DeviceId,
    EntryHash,
    PeerId,
    has_peer_id_form,
)
from p2pchat.model.records import (
    ConversationKind,
    ConversationRow,
    DropConversation,
    PutConversation,
)
from p2pchat.protocol import effects, entries, sealing, wire
from p2pchat.protocol.context import Context
from p2pchat.protocol.conversations import Conversation, Conversations
from p2pchat.protocol.hashing import direct_id
from p2pchat.protocol.ingest import Arrival, Ingest, Road
from p2pchat.protocol.link import Link
from p2pchat.protocol.links import Links
from p2pchat.protocol.people import People
from p2pchat.protocol.receipts import Receipts

MAX_HELD = 1000
"""Conversations held for others."""
MAX_HELD_PER_PERSON = 64
EMPTY = 256
"""Conversations of this person that others speak of and that have nothing in them."""
ENTRY_BYTES = 450
"""What an entry costs besides its body, for the quota."""


@dataclass(slots=True)
class _Keeping:
    """Who keeps the undelivered part of one of our conversations."""

    holders: set[DeviceId] = field(default_factory=set)
    asked: set[DeviceId] = field(default_factory=set)


class Directs:
    def __init__(
        self,
        context: Context,
        conversations: Conversations,
        links: Links,
        ingest: Ingest,
        people: People,
        receipts: Receipts,
        share: Callable[[Link, Conversation], None],
        unshare: Callable[[Link, Conversation], None],
        dropped: Callable[[Conversation], None],
    ) -> None:
        self._ctx = context
        self._conversations = conversations
        self._links = links
        self._ingest = ingest
        self._people = people
        self._receipts = receipts
        self._share = share
        self._unshare = unshare
        self._dropped = dropped
        self._keyless: dict[ConversationId, list[Callable[[str], None]]] = {}
        """What waits for a key to be made; each is told the reason where that fails, else ""."""
        self._keeping: dict[ConversationId, _Keeping] = {}
        self._held_bytes: dict[ConversationId, int] = {}
        self._empty: dict[ConversationId, None] = {}
        """Conversations that a peer has spoken of and that nothing has come of yet, oldest
        first."""

    def load(self) -> None:
        me = self._ctx.identity.peer_id
        for conversation in self._conversations:
            if conversation.direct and conversation.mine and me not in conversation.row.peers:
                # Of who this profile was before.
                self._conversations.drop(conversation)
                self._receipts.forget(conversation)
                self._ctx.commit([DropConversation(conversation.id)])
                continue
            if not conversation.mine and conversation.direct:
                entries = sum(
                    span.high - span.low + 1
                    for spans in conversation.spans.values()
                    for span in spans
                )
                self._held_bytes[conversation.id] = entries * 2 * ENTRY_BYTES
            elif conversation.direct:
                if not conversation.spans and not conversation.row.draft:
                    self._empty[conversation.id] = None
                self._reopen(conversation)

    # -- finding

    def with_person(self, person: PeerId) -> Conversation:
        """The conversation with a known person; it is made where there is none yet."""
        me = self._ctx.identity.peer_id
        id = direct_id(self._ctx.network, me, person)
        self._empty.pop(id, None)
        found = self._conversations.get(id)
        if found is None:
            row = ConversationRow(
                id=id,
                kind=ConversationKind.DIRECT,
                label="@" + person,
                peers=(me, person),
                # What the other wrote before this node knew of it is no history: it waited.
                joined_at=0,
            )
            found = self._conversations.add(row)
            self._ctx.commit([PutConversation(row)])
            for link in self._links.up():
                if link.person in row.peers:
                    self._share(link, found)
        return found

    def existing(self, person: PeerId) -> Conversation | None:
        id = direct_id(self._ctx.network, self._ctx.identity.peer_id, person)
        return self._conversations.get(id)

    def expected(self, link: Link, id: bytes) -> Conversation | None:
        """The conversation with the link's person, where `id` is that one's and isn't here yet."""
        me = self._ctx.identity.peer_id
        if link.person == me or self._people.blocked(link.person):
            return None
        if id != direct_id(self._ctx.network, me, link.person):
            return None
        return self._spoken_of(link.person)

    def _spoken_of(self, person: PeerId) -> Conversation | None:
        """The conversation with someone, because a peer speaks of it. Anyone can make persons up:
        of those that stay empty only the last `EMPTY` are kept."""
        found = self.existing(person)
        known = person in self._people or person == self._ctx.identity.peer_id
        if found is not None or not known:
            return found
        found = self.with_person(person)
        self._empty[found.id] = None
        if len(self._empty) > EMPTY:
            oldest = self._conversations.get(next(iter(self._empty)))
            del self._empty[next(iter(self._empty))]
            if oldest is not None and not oldest.spans and not oldest.row.draft:
                self._let_go(oldest)
        return found

    def other(self, conversation: Conversation) -> PeerId:
        """The other side of a conversation of ours (oneself, in the one with oneself)."""
        me = self._ctx.identity.peer_id
        return next((peer for peer in conversation.row.peers if peer != me), me)

    # -- keys

    def with_key(self, conversation: Conversation, then: Callable[[str], None]) -> None:
        """Call `then("")` once there is a key to write under, or with a reason why there is
        none."""
        if conversation.row.keys:
            then("")
            return
        waiting = self._keyless.get(conversation.id)
        if waiting is not None:
            waiting.append(then)
            return
        other = self.other(conversation)
        seal_key = self._people.seal_key(other)
        if other == self._ctx.identity.peer_id:
            seal_key = self._ctx.identity.sealing.public
        if seal_key is None:
            then("no-such-peer")
            return
        self._keyless[conversation.id] = [then]
        self._make_key(conversation, other, seal_key)

    def _make_key(self, conversation: Conversation, other: PeerId, seal_key: bytes) -> None:
        key = self._ctx.rng.randbytes(32)
        key_id = sealing.key_id(key)
        me = self._ctx.identity.peer_id
        keys = (self._ctx.identity.sealing.public, seal_key)
        info = _box_info(conversation.id, key_id)

        def sealed(boxes: tuple[bytes, ...] | Exception) -> None:
            if isinstance(boxes, Exception):
                self._go_on(conversation, "no-such-peer")
                return
            # Both or neither: a key that others can't have would seal what nobody can read.
            self._with_added(conversation, key_id, key)
            body = KeyBody(key_id, ((me, boxes[0]), (other, boxes[1])))
            self._ingest.write(conversation, EntryKind.KEY, body, with_row=True, failed=undo)
            self._go_on(conversation, "")

        def undo(_reason: str) -> None:
            kept = tuple(pair for pair in conversation.row.keys if pair[0] != key_id)
            self._conversations.update(
                conversation, msgspec.structs.replace(conversation.row, keys=kept)
            )

        self._ctx.compute(effects.Seal(key, keys, info), sealed)

    def _go_on(self, conversation: Conversation, reason: str) -> None:
        for then in self._keyless.pop(conversation.id, ()):
            then(reason)

    def _with_added(self, conversation: Conversation, key_id: bytes, key: bytes) -> ConversationRow:
        row = msgspec.structs.replace(
            conversation.row, keys=(*conversation.row.keys, (key_id, key))
        )
        self._conversations.update(conversation, row)
        return row

    def _reopen(self, conversation: Conversation) -> None:
        """Keys that had come, but weren't kept yet when the power went."""

        def read(found: list[tuple[EntryHash, WireEntry]]) -> None:
            for _, wire_entry in found:
                if entries.read_header(wire_entry.header).kind != EntryKind.KEY:
                    continue
                content = entries.decode_body(EntryKind.KEY, wire_entry.body or b"")
                if isinstance(content, KeyBody):
                    self._open_box(conversation, content)

        self._ctx.ask(lambda query: effects.ReadUndisclosed(query, conversation.id, None), read)

    def _open_box(self, conversation: Conversation, body: KeyBody) -> None:
        known = conversation.key(body.key_id) is not None
        if known or len(conversation.row.keys) >= limits.ROOM_KEYS:
            return
        me = self._ctx.identity.peer_id
        box = next((box for person, box in body.boxes if person == me), None)
        if box is None:
            return

        def opened(key: bytes | Exception) -> None:
            if isinstance(key, Exception) or sealing.key_id(key) != body.key_id:
                return
            if conversation.key(body.key_id) is None:
                row = self._with_added(conversation, body.key_id, key)
                self._ctx.commit([PutConversation(row)])
                self._ingest.disclose(conversation)
                self._go_on(conversation, "")

        self._ctx.compute(effects.Open(box, _box_info(conversation.id, body.key_id)), opened)

    # -- entries came in

    def arrived(self, arrival: Arrival) -> None:
        conversation = arrival.conversation
        if not conversation.direct:
            return
        if not conversation.mine:
            self._count(conversation, arrival.entries)
            # Receipts may have overtaken what they speak of.
            self.received(conversation)
            return
        self._empty.pop(conversation.id, None)
        for entry, _ in arrival.new():
            if isinstance(entry.content, KeyBody):
                self._open_box(conversation, entry.content)
        if arrival.road is Road.WRITTEN:
            self.find_holders(conversation)

    # -- holders of ours

    def holds(self, device: DeviceId, conversation: Conversation) -> bool:
        keeping = self._keeping.get(conversation.id)
        return keeping is not None and device in keeping.holders

    def holders(self, conversation: Conversation) -> set[DeviceId]:
        keeping = self._keeping.get(conversation.id)
        return keeping.holders if keeping else set()

    def _waits(self, conversation: Conversation) -> bool:
        """Whether something of this person's hasn't reached the other side."""
        other = self.other(conversation)
        if other == self._ctx.identity.peer_id:
            return False
        return any(
            self._ingest.author(feed) == self._ctx.identity.peer_id
            and spans[0].high > self._receipts.delivered_to(conversation, other, feed)
            for feed, spans in conversation.spans.items()
        )

    def find_holders(self, conversation: Conversation) -> None:
        """Ask others to keep what waits, where the other side isn't there."""
        other = self.other(conversation)
        if self._links.of_person(other) or not self._waits(conversation):
            return
        keeping = self._keeping.setdefault(conversation.id, _Keeping())
        me = self._ctx.identity.peer_id
        for link in self._links.up():
            if len(keeping.holders) + len(keeping.asked) >= limits.HOLDERS:
                return
            if link.person in (me, other) or self._people.blocked(link.person):
                continue
            if link.device not in keeping.holders and link.device not in keeping.asked:
                keeping.asked.add(link.device)
                self._links.send(link.id, wire.Direct(conversation.id, me, other))

    def on_answer(self, link: Link, frame: wire.DirectAnswer) -> None:
        conversation = self._conversations.get(frame.conversation)
        keeping = self._keeping.get(ConversationId(frame.conversation))
        if conversation is None or keeping is None:
            return
        asked = link.device in keeping.asked
        keeping.asked.discard(link.device)
        if asked and frame.kept:
            keeping.holders.add(link.device)
            self._share(link, conversation)
        else:
            keeping.holders.discard(link.device)
            # It has forgotten all that it was told: should it hold this again, it is told anew.
            self._unshare(link, conversation)

    # -- a link is up

    def link_up(self, link: Link) -> None:
        """What concerns this peer, and what it could keep for us."""
        me = self._ctx.identity.peer_id
        for conversation in self._conversations:
            if not conversation.direct:
                continue
            if link.person in conversation.row.peers or (link.person == me and conversation.mine):
                self._speak_of(conversation, link)
            elif conversation.mine:
                keeping = self._keeping.get(conversation.id)
                if keeping is not None:
                    # It may have let go while it was away; else it says so.
                    keeping.holders.discard(link.device)
                self.find_holders(conversation)

    def _speak_of(self, conversation: Conversation, link: Link) -> None:
        """Say to one of the two, or to another device of this person, that there is something
        here."""
        peers = conversation.row.peers
        for person in peers:
            if person not in (link.person, self._ctx.identity.peer_id):
                self._introduce(link, person)
        self._links.send(link.id, wire.Direct(conversation.id, peers[0], peers[-1]))
        self._share(link, conversation)

    def _introduce(self, link: Link, person: PeerId) -> None:
        row = self._people.row(person)
        if row is not None and row.record:
            self._links.send(link.id, wire.Records(profiles=(row.record,)))

    def link_down(self, link: Link) -> None:
        for keeping in self._keeping.values():
            keeping.asked.discard(link.device)
        existing = self.existing(link.person)
        if existing is not None:
            self.find_holders(existing)

    def on_direct(self, link: Link, frame: wire.Direct) -> None:
        one, other = PeerId(frame.one), PeerId(frame.other)
        if not (has_peer_id_form(one) and has_peer_id_form(other)):
            return
        if frame.conversation != direct_id(self._ctx.network, one, other):
            return
        me = self._ctx.identity.peer_id
        if me in (one, other):
            self._mine(link, other if one == me else one)
        elif link.person in (one, other):
            self._keep(link, frame.conversation, (one, other))

    def _mine(self, link: Link, person: PeerId) -> None:
        """A peer has something of a conversation of this person's: the other side, another
        device of this person, or one who kept it."""
        if self._people.blocked(person):
            return
        conversation = self._spoken_of(person)
        if conversation is None:
            return
        if link.person not in conversation.row.peers:
            keeping = self._keeping.setdefault(conversation.id, _Keeping())
            keeping.holders.add(link.device)
        self._share(link, conversation)

    # -- held for others

    def _keep(self, link: Link, id: ConversationId, peers: tuple[PeerId, PeerId]) -> None:
        conversation = self._conversations.get(id)
        if conversation is None and self._may_hold(link.person):
            row = ConversationRow(
                id=id,
                kind=ConversationKind.DIRECT,
                peers=peers,
                joined=False,
                joined_at=self._ctx.wall_ms,
            )
            conversation = self._conversations.add(row)
            self._held_bytes[id] = 0
            self._ctx.commit([PutConversation(row)])
            # The other one may be linked here, though not with who asks: without its receipts
            # this would be held for nothing.
            for other in self._links.up():
                if other.person in peers and other is not link:
                    self._speak_of(conversation, other)
        if conversation is not None and not self.full(conversation):
            self._links.send(link.id, wire.DirectAnswer(id, True))
            self._share(link, conversation)
        else:
            self._links.send(link.id, wire.DirectAnswer(id, False))

    def _may_hold(self, person: PeerId) -> bool:
        theirs = sum(
            person in held.row.peers
            for id in self._held_bytes
            if (held := self._conversations.get(id)) is not None
        )
        return (
            len(self._held_bytes) < MAX_HELD
            and theirs < MAX_HELD_PER_PERSON
            and sum(self._held_bytes.values()) < limits.HOLD_BYTES
        )

    def full(self, conversation: Conversation) -> bool:
        """Whether the quota of a pair is used up."""
        return self._held_bytes.get(conversation.id, 0) >= limits.HOLD_BYTES_PER_PAIR

    def _count(self, conversation: Conversation, entries: object) -> None:
        assert isinstance(entries, list | tuple)
        size = sum(
            len(entry.wire.body or b"") + ENTRY_BYTES
            for entry in entries
            if isinstance(entry, Entry)
        )
        held = self._held_bytes.get(conversation.id, 0)
        self._held_bytes[conversation.id] = held + size

    def received(self, conversation: Conversation) -> None:
        """Someone's receipts of a held conversation came in: drop it once each side has all of
        the other's."""
        if conversation.mine or not conversation.direct:
            return
        one, other = conversation.row.peers
        for feed, spans in conversation.spans.items():
            author = self._ingest.author(feed)
            reader = other if author == one else one
            if spans[0].high > self._receipts.delivered_to(conversation, reader, feed):
                return
        if conversation.spans:
            self._drop(conversation)

    def expire(self) -> None:
        """Let go of what was held for too long. Called now and then."""
        for conversation in self._conversations:
            held = conversation.direct and not conversation.mine
            if held and conversation.row.joined_at + limits.HOLD_MS < self._ctx.wall_ms:
                self._drop(conversation)

    def _drop(self, conversation: Conversation) -> None:
        for link in self._links.up():
            if link.person in conversation.row.peers:
                self._links.send(link.id, wire.DirectAnswer(conversation.id, False))
        self._let_go(conversation)

    def _let_go(self, conversation: Conversation) -> None:
        self._conversations.drop(conversation)
        self._keeping.pop(conversation.id, None)
        self._held_bytes.pop(conversation.id, None)
        self._dropped(conversation)
        self._receipts.forget(conversation)
        self._ctx.commit([DropConversation(conversation.id)])


def _box_info(conversation: ConversationId, key_id: bytes) -> bytes:
    return b"p2pchat 1 conversation key\0" + conversation + key_id


def as_refusal(reason: str) -> RequestError:
    return RequestError(reason, "their keys aren't here yet" if reason == "no-such-peer" else "")
