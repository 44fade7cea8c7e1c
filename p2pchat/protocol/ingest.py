"""The one way of entries into the node: classify, make durable, then tell every other part.

Own entries and others' take the same road. Nothing is passed on or acknowledged before it is on
disk.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum

import msgspec

from p2pchat.config import limits
from p2pchat.model.entry import (
    Content,
    Entry,
    EntryKind,
    FileBody,
    Header,
    KeyBody,
    OpenBody,
    WireEntry,
)
from p2pchat.model.file import FileState
from p2pchat.model.ids import EntryHash, FeedId, PeerId
from p2pchat.model.records import (
    Applied,
    Disclose,
    FileRow,
    MemberRow,
    PutConversation,
    PutEntry,
    PutFile,
    PutMember,
    PutStatus,
    Stored,
    Write,
)
from p2pchat.model.stream import kept
from p2pchat.protocol import effects, entries, sealing
from p2pchat.protocol.branches import Branches
from p2pchat.protocol.clocks import Clocks
from p2pchat.protocol.context import Context
from p2pchat.protocol.conversations import Conversation
from p2pchat.protocol.entries import BadContent, Checked
from p2pchat.protocol.hashing import circle, peer_id_of
from p2pchat.protocol.writer import Writer

RECENT = 8192
"""Hashes remembered, so that a copy that comes a second time costs no disk access."""


class Road(Enum):
    """How entries came."""

    WRITTEN = "written here"
    PUSHED = "pushed by a link"
    SYNCED = "asked for"


class Arrival(msgspec.Struct, frozen=True):
    """What became durable in one go, told to every part of the machine."""

    conversation: Conversation
    road: Road
    link: int
    """0 where the entries were written here."""
    entries: Sequence[Entry]
    stored: Sequence[Stored]
    hops: int
    """Of the push that brought them (`wire.Push`)."""
    origin: int
    """The front end that wrote them; else 0."""

    def new(self) -> list[tuple[Entry, Stored]]:
        pairs = zip(self.entries, self.stored, strict=True)
        return [(entry, stored) for entry, stored in pairs if _is_new(stored)]


def _is_new(stored: Stored) -> bool:
    """Also where a body came for what was here without one."""
    filled = stored.message is not None or stored.changed is not None
    return stored.status != PutStatus.KNOWN or filled


class Ingest:
    def __init__(
        self,
        context: Context,
        opens: dict[FeedId, PeerId],
        clocks: Clocks,
        refused: Callable[[PeerId, Conversation], bool],
        coming: Callable[[Conversation, Sequence[Entry]], None],
        arrived: Callable[[Arrival], None],
    ) -> None:
        self._ctx = context
        self._opens = opens
        self._clocks = clocks
        self._refused = refused
        self._coming = coming
        self._arrived = arrived
        self.writer = Writer(context)
        self._recent: dict[EntryHash, int] = {}
        """Clock by hash."""
        self._branches = Branches()
        self._told: dict[EntryHash, None] = {}
        """Disclosed of late: a key and a first entry may come at once, and ask for the same."""

    def knows(self, hash: EntryHash) -> bool:
        """Whether it is one of the last that came; the store knows the others."""
        return hash in self._recent

    def author(self, feed: FeedId) -> PeerId | None:
        return self._opens.get(feed)

    # -- own entries

    def write(
        self,
        conversation: Conversation,
        kind: EntryKind,
        content: Content = None,
        target: bytes = b"",
        *,
        origin: int = 0,
        with_row: bool = False,
        then: Callable[[Stored], None] | None = None,
        failed: Callable[[str], None] | None = None,
    ) -> None:
        """Write one entry; `then` gets what became of it once it is durable and before it leaves
        the machine. `with_row`: the conversation's row becomes durable with it, or neither does."""
        row = conversation.row
        made = self.writer.compose(
            conversation, kind, content, target, self._clocks.bound(), self._clocks.wall_ms()
        )
        if abs(self._clocks.now_ms() - self._ctx.wall_ms) > limits.CLOCK_WARNING_MS:
            made = [msgspec.structs.replace(entry, clock_off=True) for entry in made]
        writes: list[Write] = []
        if with_row or conversation.row is not row:
            writes.append(PutConversation(conversation.row))
        for entry in made:
            self._remember(entry)
            self._opens[entry.header.feed] = entry.author
            writes.extend(self._writes(conversation, entry))

        def done(applied: Applied) -> None:
            if then is not None:
                then(applied.stored[-1])
            self._settle(conversation, Road.WRITTEN, 0, 0, made, applied, origin)

        def undo(reason: str) -> None:
            for entry in made:
                self._recent.pop(entry.hash, None)
            self.writer.forget(conversation)
            if failed is not None:
                failed(reason)

        self._ctx.commit(writes, done, undo)

    # -- entries of others

    def take(
        self,
        conversation: Conversation,
        checked: Sequence[Checked],
        road: Road,
        link: int,
        hops: int = 0,
        then: Callable[[bool], None] | None = None,
    ) -> list[EntryHash]:
        """Keep what is new of these; `then` is called when all of them are durable, with False
        where they couldn't be stored. Returns the hashes that were here, or on their way,
        already."""
        known: list[EntryHash] = []
        fresh: list[Checked] = []
        if conversation.dropped:  # while they were checked
            checked = ()
        for item in checked:
            if item.header.conversation != conversation.id:
                continue
            if item.hash in self._recent:
                known.append(item.hash)
            elif self._has_room(conversation, item.header.feed):
                fresh.append(item)
        fresh.sort(key=lambda item: item.header.seq)
        opens = self._opened(conversation, fresh)
        made = [
            entry
            for item in fresh
            if (entry := self._classify(conversation, item, opens, road))
            and self._branches.admit(conversation.spans.get(item.header.feed, ()), entry)
        ]
        if not made:
            if then is not None and known:
                # They may still be on their way to the disk: behind them comes this.
                self._ctx.commit([], lambda _: then(True), lambda _: then(False))
            elif then is not None:
                then(True)
            return known
        for entry in made:
            self._remember(entry)
        if road is Road.PUSHED:
            # It may be shown before it is durable, and what is said then stands behind it, even
            # where its author's clock is ahead by days.
            bound = self._clocks.bound()
            within = (entry.header.clock for entry in made if entry.header.clock <= bound)
            conversation.clock = max(conversation.clock, *within, 0)
            self._coming(conversation, made)
        self._commit(conversation, made, road, link, hops, then)
        return known

    def _has_room(self, conversation: Conversation, feed: FeedId) -> bool:
        """Feeds cost memory and anyone can make one: their number is bounded."""
        spans = conversation.spans
        return feed in spans or len(spans) < limits.FEEDS_PER_CONVERSATION

    def _commit(
        self,
        conversation: Conversation,
        made: list[Entry],
        road: Road,
        link: int,
        hops: int,
        then: Callable[[bool], None] | None,
    ) -> None:
        writes = [write for entry in made for write in self._writes(conversation, entry)]

        def done(applied: Applied) -> None:
            self._branches.done(made)
            self._settle(conversation, road, link, hops, made, applied, 0)
            if then is not None:
                then(True)

        def undo(_reason: str) -> None:
            self._branches.done(made)
            for entry in made:
                self._recent.pop(entry.hash, None)
            if then is not None:
                then(False)

        self._ctx.commit(writes, done, undo)

    def disclose(self, conversation: Conversation, feed: FeedId | None = None) -> None:
        """Read again what is stored and couldn't be shown: a key or a first entry has come."""
        self._ctx.ask(
            lambda query: effects.ReadUndisclosed(query, conversation.id, feed),
            lambda found: self._disclosed(conversation, found),
        )

    def _disclosed(
        self, conversation: Conversation, found: list[tuple[EntryHash, WireEntry]]
    ) -> None:
        made = []
        for hash, wire in found:
            header = entries.read_header(wire.header)
            entry = self._classify(
                conversation, Checked(hash, header, wire), self._opens, Road.SYNCED
            )
            if entry is not None and entry.readable and entry.author and hash not in self._told:
                self._told[hash] = None
                made.append(entry)
        if not made:
            return
        while len(self._told) > RECENT:
            del self._told[next(iter(self._told))]

        def done(applied: Applied) -> None:
            shown = [
                msgspec.structs.replace(stored, status=PutStatus.NEW) for stored in applied.stored
            ]
            self._arrived(Arrival(conversation, Road.SYNCED, 0, made, shown, 0, 0))

        writes: list[Write] = []
        for entry in made:
            writes.append(Disclose(entry))
            writes.extend(self._consequences(conversation, entry))

        def undo(_reason: str) -> None:
            for entry in made:
                self._told.pop(entry.hash, None)

        self._ctx.commit(writes, done, undo)

    # -- what an entry is

    def _opened(self, conversation: Conversation, fresh: Sequence[Checked]) -> dict[FeedId, PeerId]:
        """The persons behind feeds, with those whose first entry is among these."""
        opens = self._opens
        for item in fresh:
            if item.header.kind == EntryKind.OPEN and item.header.feed not in opens:
                content = entries.decode_body(EntryKind.OPEN, item.wire.body or b"")
                assert isinstance(content, OpenBody), "check() has seen to it"
                author = peer_id_of(content.person_key)
                if not conversation.direct or author in conversation.row.peers:
                    opens[item.header.feed] = author
        return opens

    def _classify(
        self,
        conversation: Conversation,
        item: Checked,
        opens: dict[FeedId, PeerId],
        road: Road,
    ) -> Entry | None:
        """None where the entry has no place here: an outsider's, or a blocked person's."""
        header = item.header
        author = opens.get(header.feed)
        if author is None and conversation.direct:
            return None
        if author is not None and self._refused(author, conversation):
            return None
        content, readable = self._read(conversation, item)
        mine = author == self._ctx.identity.peer_id
        return Entry(
            hash=item.hash,
            header=header,
            wire=item.wire,
            author=author or PeerId(""),
            content=content,
            readable=readable and author is not None,
            late=conversation.is_late(header.clock, self._ctx.now),
            clock_off=self._clock_off(header, road),
            own=header.feed[:32] == self._ctx.identity.device.key,
            mine=mine,
        )

    def _read(self, conversation: Conversation, item: Checked) -> tuple[Content, bool]:
        wire, header = item.wire, item.header
        if wire.body is None:
            return None, True
        plain: bytes | None = wire.body
        if header.key_id:
            key = conversation.key(header.key_id)
            if key is None:
                return None, False
            place = header.feed + header.seq.to_bytes(8, "big")
            plain = sealing.open_body(key, wire.salt, wire.body, place)
        elif conversation.sealed and header.kind not in entries.UNSEALED:
            return None, False
        if plain is None:
            return None, False
        try:
            content = entries.decode_body(header.kind, plain)
        except BadContent:
            return None, False
        return content, not isinstance(content, KeyBody) or self._key_kept(conversation, content)

    def _key_kept(self, conversation: Conversation, body: KeyBody) -> bool:
        """A key counts as read once it is kept: until then it is found again after a crash."""
        for_me = any(person == self._ctx.identity.peer_id for person, _ in body.boxes)
        return not for_me or conversation.key(body.key_id) is not None

    def _clock_off(self, header: Header, road: Road) -> bool:
        """Whether its author's clock was wrong, as far as can be told now: it breaks the rule of
        clocks, was written later than now, or just now though it says otherwise. Of what comes by
        asking only the last is hard to tell: then it stands later than it says. Where it stands
        later than now, somebody else's clock has pushed it there."""
        if header.clock > self._clocks.bound():
            return True
        named = (*header.heads, header.prev)
        if any(self._recent.get(EntryHash(one), -1) >= header.clock for one in named):
            return True
        now, sent, placed = self._clocks.now_ms(), header.sent_at, header.clock >> 16
        most = limits.CLOCK_WARNING_MS
        if abs(now - sent) <= most:
            return False
        pushed = placed > now + most
        return sent > now or road is not Road.SYNCED or (not pushed and placed - sent > most)

    # -- durable

    def _writes(self, conversation: Conversation, entry: Entry) -> list[Write]:
        writes: list[Write] = [PutEntry(entry, conversation.mine)]
        return writes + self._consequences(conversation, entry)

    def _consequences(self, conversation: Conversation, entry: Entry) -> list[Write]:
        """What is kept because of the entry, in its transaction."""
        if not entry.author or not entry.readable:
            return []
        match entry.content:
            case FileBody(stream=stream) if conversation.mine:
                state = FileState.COMPLETE if entry.own else FileState.OFFERED
                return [
                    PutFile(
                        FileRow(
                            id=entry.hash,
                            conversation=conversation.id,
                            author=entry.author,
                            clock=entry.header.clock,
                            stream=kept(stream, circle(conversation.id)),
                            state=state,
                            reported=entry.own,
                            undecided=not entry.own,
                        ),
                        new=True,
                    )
                ]
        return self._membership(conversation, entry)

    @staticmethod
    def _membership(conversation: Conversation, entry: Entry) -> list[Write]:
        """JOIN and LEAVE change who is in the room: the latest of a person's by order."""
        kind = entry.header.kind
        if kind not in (EntryKind.JOIN, EntryKind.LEAVE):
            return []
        known = conversation.members.get(entry.author)
        if known is not None and (known.clock, known.hash) > entry.order:
            return []
        row = MemberRow(
            conversation=conversation.id,
            person=entry.author,
            joined=kind == EntryKind.JOIN,
            clock=entry.header.clock,
            hash=entry.hash,
        )
        conversation.members[entry.author] = row
        return [PutMember(row)]

    def _settle(
        self,
        conversation: Conversation,
        road: Road,
        link: int,
        hops: int,
        made: Sequence[Entry],
        applied: Applied,
        origin: int,
    ) -> None:
        if conversation.dropped:
            return
        for feed, spans in applied.spans.items():
            conversation.set_spans(feed, spans)
        if road != Road.WRITTEN:
            bound = self._clocks.bound()
            for entry in made:
                header = entry.header
                named = (*header.heads, header.prev) if header.prev else header.heads
                conversation.offer_head(entry.hash, header.clock, named, bound)
        self._arrived(Arrival(conversation, road, link, made, applied.stored, hops, origin))
        # Their key or first entry may have come while they were on their way to the disk.
        hidden = [entry for entry in made if not (entry.readable and entry.author)]
        self._disclosed(conversation, [(entry.hash, entry.wire) for entry in hidden])
        for entry in made:
            if entry.header.kind == EntryKind.OPEN and road != Road.WRITTEN:
                # What was pushed of this feed before could have been anyone's.
                self.disclose(conversation, entry.header.feed)

    def _remember(self, entry: Entry) -> None:
        if entry.wire.body is None and entry.header.kind != EntryKind.DELETE:
            return  # another copy may have what this one lacks
        self._recent[entry.hash] = entry.header.clock
        if len(self._recent) > RECENT:
            del self._recent[next(iter(self._recent))]

    def forget(self) -> None:
        """A conversation was dropped, so that not all is here that was of late."""
        self._recent.clear()
        self._told.clear()
