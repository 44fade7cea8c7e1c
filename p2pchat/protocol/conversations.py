"""The conversations of a node as it has them in memory: spans, heads, clock, members, keys."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from math import inf

import msgspec

from p2pchat.config.limits import HEADS, LATE_AFTER_S
from p2pchat.model.entry import Span
from p2pchat.model.ids import ConversationId, EntryHash, FeedId, PeerId
from p2pchat.model.names import Looks, fold
from p2pchat.model.records import ConversationKind, ConversationRow, MemberRow, StoredState
from p2pchat.protocol.hashing import digest

EMPTY_DIGEST = bytes(16)


class OwnFeed(msgspec.Struct):
    """The feed that this device writes to, up to its newest entry (durable or on its way)."""

    feed: FeedId
    seq: int
    tip: EntryHash
    clock: int


class Conversation:
    """One conversation; `row` is what is stored of it, the rest follows from its entries."""

    def __init__(self, row: ConversationRow) -> None:
        self.row = row
        self.dropped = False
        """Nothing of it may be stored any more, whatever is still under way."""
        self.spans: dict[FeedId, tuple[Span, ...]] = {}
        self.gaps: dict[FeedId, tuple[Span, ...]] = {}
        """Those of the spans below which something is missing."""
        self.unreachable: frozenset[bytes] = frozenset()
        """Of their bottoms, those that nobody who is linked has (`search`)."""
        self.members: dict[PeerId, MemberRow] = {}
        self.own: OwnFeed | None = None
        self.clock = 0
        """The highest clock of all entries within bounds."""
        self._seen = 0
        """The highest clock when nothing was missing, a breath ago or longer: what comes in below
        is late."""
        self._sights: deque[tuple[float, int]] = deque()
        """Within the last breath: when nothing was missing, and the highest clock then."""
        self._heads: dict[EntryHash, int] = {}
        self._ahead: dict[EntryHash, tuple[int, tuple[bytes, ...]]] = {}
        """Entries beyond the clock's bound, which may move: their clock, and what they name."""
        self._named: dict[EntryHash, None] = {}
        self._digest: bytes | None = EMPTY_DIGEST
        self._lows: bytes | None = None

    @property
    def id(self) -> ConversationId:
        return self.row.id

    @property
    def label(self) -> str:
        return self.row.label

    @property
    def direct(self) -> bool:
        return self.row.kind == ConversationKind.DIRECT

    @property
    def mine(self) -> bool:
        """Joined, rather than left or held for others."""
        return self.row.joined

    @property
    def sealed(self) -> bool:
        return self.row.kind != ConversationKind.OPEN

    def saw_all(self, now: float) -> None:
        """Nothing is missing that could be had: what comes in below later on is late."""
        self._settle(now)
        if self.clock > (self._sights[-1][1] if self._sights else self._seen):
            self._sights.append((now, self.clock))

    def is_late(self, clock: int, now: float) -> bool:
        """Whether an entry is put in below what was here. What was written at the same time is
        not, though the other came first: nobody has looked away from there yet. What is older
        than one's joining is history and not late."""
        self._settle(now)
        return 0 < clock <= self._seen and not self.is_history(clock)

    def _settle(self, now: float) -> None:
        while self._sights and self._sights[0][0] <= now - LATE_AFTER_S:
            self._seen = self._sights.popleft()[1]

    def is_history(self, clock: int) -> bool:
        """Whether an entry is older than one's joining, as far as clocks go together."""
        return clock >> 16 < self.row.joined_at

    def key(self, key_id: bytes) -> bytes | None:
        return next((key for known, key in self.row.keys if known == key_id), None)

    def joined_members(self) -> list[PeerId]:
        return [person for person, row in self.members.items() if row.joined]

    # -- what is here

    def set_spans(self, feed: FeedId, spans: tuple[Span, ...]) -> None:
        if spans:
            self.spans[feed] = spans
        else:
            self.spans.pop(feed, None)
        gaps = tuple(span for span in spans if span.bottom)
        if gaps:
            self.gaps[feed] = gaps
        else:
            self.gaps.pop(feed, None)
        self._digest = self._lows = None

    def digest(self) -> bytes:
        """16 bytes over all tips: equal on two nodes that hold the same newest entries. Of a feed
        with more spans the one that has just its first entry doesn't count: who has pruned the
        beginning keeps that apart."""
        if self._digest is None:
            tips = sorted(
                feed + span.tip
                for feed, spans in self.spans.items()
                for span in spans
                if span.high or len(spans) == 1
            )
            self._digest = digest("p2pchat 1 vector", *tips)[:16] if tips else EMPTY_DIGEST
        return self._digest

    def lows(self) -> bytes:
        """See `lows_digest`."""
        if self._lows is None:
            self._lows = lows_digest(
                (feed, span.low) for feed, spans in self.spans.items() for span in spans
            )
        return self._lows

    def complete(self) -> bool:
        """Whether no older part is missing."""
        return not self.gaps

    def caught_up(self) -> bool:
        """Whether nothing is missing that could be had."""
        return not self.gaps or all(
            span.bottom in self.unreachable for spans in self.gaps.values() for span in spans
        )

    def delivered(self, feed: FeedId) -> int:
        """The highest seq up to which nothing of the feed is missing that could be had; -1:
        nothing is here."""
        best = -1
        for span in reversed(self.spans.get(feed, ())):
            if span.bottom and span.bottom not in self.unreachable:
                break
            best = max(best, span.high)
        return best

    # -- heads and clock

    def heads(self) -> tuple[EntryHash, ...]:
        return tuple(sorted(self._heads))

    def add_head(self, hash: EntryHash, clock: int, named: Iterable[bytes]) -> None:
        """Take an entry within the clock's bound among the heads, in place of those it names."""
        for known in named:
            self._heads.pop(EntryHash(known), None)
            self._remember(EntryHash(known))
        self.clock = max(self.clock, clock)
        if hash in self._named:
            return
        self._heads[hash] = clock
        if len(self._heads) > HEADS:
            del self._heads[min(self._heads, key=lambda known: (self._heads[known], known))]

    def offer_head(self, hash: EntryHash, clock: int, named: tuple[bytes, ...], bound: int) -> None:
        """As `add_head`, once the entry is within the clock's bound."""
        if clock <= bound:
            self.add_head(hash, clock, named)
            return
        self._ahead[hash] = (clock, named)
        if len(self._ahead) > HEADS:
            del self._ahead[max(self._ahead, key=lambda known: self._ahead[known][0])]

    def move_bound(self, bound: int) -> None:
        """The clock's bound is here now: wall clocks are set, and peers come and go."""
        for hash, clock in list(self._heads.items()):
            if clock > bound:
                self.offer_head(hash, self._heads.pop(hash), (), bound)
        if self.clock > bound:
            self.clock = max(self._heads.values(), default=0)
        for hash, (clock, named) in sorted(self._ahead.items(), key=lambda item: item[1][0]):
            if clock <= bound:
                del self._ahead[hash]
                self.add_head(hash, clock, named)

    def _remember(self, hash: EntryHash) -> None:
        # An older entry may come in after a newer one that names it; it is no head then.
        self._named[hash] = None
        if len(self._named) > 4096:
            del self._named[next(iter(self._named))]


class Conversations:
    """All conversations of the node, by id and by their name here."""

    def __init__(self) -> None:
        self._by_id: dict[ConversationId, Conversation] = {}
        self._by_label: dict[str, Conversation] = {}

    def __iter__(self) -> Iterator[Conversation]:
        return iter(list(self._by_id.values()))

    def get(self, id: bytes) -> Conversation | None:
        return self._by_id.get(ConversationId(id))

    def labelled(self, label: str) -> Conversation | None:
        return self._by_label.get(label)

    def mine(self) -> list[Conversation]:
        return [conversation for conversation in self._by_id.values() if conversation.mine]

    def room_alike(
        self, id: ConversationId, name: str, looks: Looks, first: ConversationId
    ) -> str | None:
        """The label of a room that this person is in, and was before this one, under another name
        that looks like it. Rooms of the same name are told apart by their labels."""
        mine = [room for room in self.mine() if not room.direct]
        looked = looks(name)
        for other in sorted(mine, key=lambda room: (room.id != first, room.row.joined_at)):
            if other.id == id:
                return None
            alike = not looked.isdisjoint(looks(other.row.name))
            if alike and fold(other.row.name) != fold(name):
                return other.label
        return None

    def add(self, row: ConversationRow) -> Conversation:
        conversation = Conversation(row)
        self._by_id[row.id] = conversation
        if row.label:
            self._by_label[row.label] = conversation
        return conversation

    def update(self, conversation: Conversation, row: ConversationRow) -> None:
        """Put a new row in place of the old one."""
        if conversation.row.label != row.label:
            self._by_label.pop(conversation.row.label, None)
        conversation.row = row
        if row.label:
            self._by_label[row.label] = conversation

    def drop(self, conversation: Conversation) -> None:
        conversation.dropped = True
        self._by_id.pop(conversation.id, None)
        self._by_label.pop(conversation.label, None)

    def load(self, state: StoredState, clock_bound: int) -> None:
        """Take everything up from the store. `clock_bound`: see `clocks`."""
        for row in state.conversations:
            conversation = self.add(row)
            for span in state.spans.get(row.id, ()):
                spans = (*conversation.spans.get(span.feed, ()), span)
                conversation.set_spans(span.feed, spans)
            for clock, hash in reversed(state.heads.get(row.id, ())):
                conversation.offer_head(hash, clock, (), clock_bound)
            if conversation.complete():
                conversation.saw_all(-inf)
            if row.own_feed is not None:
                clock = state.own_clocks.get(row.id, 0)
                conversation.own = _own_feed(conversation, row.own_feed, clock)
        for member in state.members:
            known = self.get(member.conversation)
            if known is not None:
                known.members[member.person] = member


def _own_feed(conversation: Conversation, feed: FeedId, clock: int) -> OwnFeed | None:
    spans = conversation.spans.get(feed, ())
    return OwnFeed(feed, spans[0].high, spans[0].tip, clock) if len(spans) == 1 else None


def lows_digest(lows: Iterable[tuple[FeedId, int]]) -> bytes:
    """16 bytes over where spans begin, where that isn't with the first entry: another one where
    somebody has older entries than before, whereas new ones, and new feeds, don't change it."""
    begins = sorted(feed + low.to_bytes(8, "big") for feed, low in lows if low)
    return digest("p2pchat 1 lows", *begins)[:16]
