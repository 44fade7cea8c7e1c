"""Bringing two stores to the same entries: digests, vectors, and requests for what is missing.

A digest over the tips is compared at link-up and now and then; where it differs, vectors of spans
are exchanged and only what is missing is asked for, newest first. Each feed is fetched from one
peer at a time. Whatever a peer claims costs it a request that it must answer with valid entries.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from p2pchat.config import limits
from p2pchat.model.entry import Span, WireEntry
from p2pchat.model.ids import ConversationId, EntryHash, FeedId
from p2pchat.protocol import effects, wire
from p2pchat.protocol.context import Context, Timer
from p2pchat.protocol.conversations import Conversation
from p2pchat.protocol.entries import Checked, check, read_header
from p2pchat.protocol.ingest import Arrival, Ingest, Road
from p2pchat.protocol.search import ASK, Search

ROWS_PER_PART = 500
MAX_ROWS = 20_000
"""Rows of one vector that are taken; a room of 500 devices has far fewer."""
ROWS_HELD = 2 * MAX_ROWS
"""Of all links together; above it the link that has the most loses its own. Each takes some 300
bytes, and what is lost comes with the next comparison."""
WANT_TIMEOUT_S = 10.0
"""A peer that answers none of its requests for so long is left; one that is only slow isn't."""
WANT_END_S = 60.0
"""From a request to the end of its answer at the most: meanwhile nobody else is asked."""
BATCH_COSTS = 256
"""Bytes that a part of an answer counts besides its entries, so that empty ones have an end."""
KNOWN_TIPS = 4096
UNCOMMITTED = 4096
"""Entries on their way to the disk above which no more are asked for."""
CHECK_INLINE = 8
"""More entries than this are checked off the loop."""


@dataclass(slots=True)
class _Want:
    """A branch that is being fetched from one peer."""

    query: int
    link: int
    feed: FeedId
    tip: EntryHash
    low: int
    timer: Timer
    until: float
    before: tuple[Span, ...]
    """What was here of the feed when it was asked for."""
    got: int = 0
    served: bool = False
    """The entry that was asked for is among what came."""
    size: int = 0
    """Bytes of the answer so far: it may not go on for ever."""
    arrived: list[WireEntry] = field(default_factory=list)
    """What came of the answer in this turn."""
    pending: int = 0
    """Parts of the answer that aren't durable yet."""
    last: bool = False
    """The whole answer has come."""
    failed: bool = False
    """Some of it couldn't be stored."""


@dataclass(slots=True)
class _State:
    """What is going on in one conversation."""

    wants: dict[FeedId, _Want] = field(default_factory=dict)
    sources: dict[int, dict[EntryHash, wire.Row]] = field(default_factory=dict)
    """By link: rows of its vector that are of use here, by tip."""
    parts: dict[int, list[wire.Row]] = field(default_factory=dict)
    known: dict[EntryHash, None] = field(default_factory=dict)
    """Tips that others showed and that turned out to be here, inside a branch."""


class Sync:
    def __init__(
        self,
        context: Context,
        ingest: Ingest,
        send: Callable[[int, wire.Frame], None],
        own_tip_claimed: Callable[[Conversation, FeedId], None],
        sated: Callable[[Conversation], bool],
        shared: Callable[[int, Conversation], bool],
        search: Search,
    ) -> None:
        """`sated`: whether nothing more of it is kept here. `shared`: whether it is on a link."""
        self._ctx = context
        self._ingest = ingest
        self._send = send
        self._own_tip_claimed = own_tip_claimed
        self._sated = sated
        self._shared = shared
        self._search = search
        self._states: dict[ConversationId, _State] = {}
        self._queries: dict[int, tuple[Conversation, _Want]] = {}
        self._arrived: dict[int, None] = {}
        """Queries of which something came in this turn."""
        self._answered: dict[int, float] = {}
        """When a link last brought something that was asked for."""
        self._uncommitted = 0
        self._waiting: dict[ConversationId, Conversation] = {}
        """Those that have something to ask for, and no place for it yet."""

    # -- comparing

    def greet(self, link: int, conversation: Conversation) -> None:
        """Say to a peer how this conversation stands here; it answers where it differs."""
        asks = not self._sated(conversation) and self._search.asks(conversation, link)
        digest = ASK if asks else conversation.digest()
        self._send(link, wire.Digest(conversation.id, digest, conversation.lows()))

    def on_digest(self, link: int, conversation: Conversation, frame: wire.Digest) -> None:
        if frame.digest == ASK and not conversation.spans:
            return
        if frame.digest == ASK or frame.digest != conversation.digest():
            self._send_vector(link, conversation, answer=True)
        if frame.digest != ASK:
            self._search.digest(conversation, link, frame.lows)
            self._go_on(conversation)

    def _send_vector(self, link: int, conversation: Conversation, answer: bool) -> None:
        rows = [
            wire.Row(span.feed, span.low, span.high, span.tip)
            for spans in conversation.spans.values()
            for span in spans
        ]
        for start in range(0, len(rows) or 1, ROWS_PER_PART):
            part = tuple(rows[start : start + ROWS_PER_PART])
            last = start + ROWS_PER_PART >= len(rows)
            self._send(link, wire.Vector(conversation.id, part, last, answer))

    def on_vector(self, link: int, conversation: Conversation, frame: wire.Vector) -> None:
        state = self._states.setdefault(conversation.id, _State())
        rows = state.parts.setdefault(link, [])
        rows.extend(row for row in frame.rows if _sane(row))
        if len(rows) > MAX_ROWS:
            del rows[MAX_ROWS:]
        self._make_room()
        if not frame.last or link not in state.parts:
            return
        del state.parts[link]
        if frame.answer and _lacks(rows, conversation):
            self._send_vector(link, conversation, answer=False)
        if self._sated(conversation):
            return
        if frame.answer:
            self._search.vector(conversation, link, rows)
        times = Counter(row.feed for row in rows)
        useful = {
            row.tip: row
            for row in rows
            if self._useful(conversation, state, row, alone=times[row.feed] == 1)
        }
        if useful:
            state.sources[link] = useful
            self._fetch(conversation, state)
        else:
            self._go_on(conversation)

    def _make_room(self) -> None:
        """Keep what others claim to have within `ROWS_HELD`."""
        held: Counter[int] = Counter()
        for state in self._states.values():
            for link, parts in state.parts.items():
                held[link] += len(parts)
            for link, rows in state.sources.items():
                held[link] += len(rows)
        if held.total() <= ROWS_HELD:
            return
        most = max(held, key=lambda link: held[link])
        for id, state in self._states.items():
            lost = [state.parts.pop(most, None), state.sources.pop(most, None)]
            if any(lost):
                self._search.failed(id, most)

    def _useful(
        self, conversation: Conversation, state: _State, row: wire.Row, alone: bool
    ) -> bool:
        """Whether the row has something that isn't here, or might fill a gap. `alone`: it is the
        only one of its feed."""
        spans = conversation.spans.get(row.feed, ())
        if spans and not row.high and self._ingest.author(row.feed) is not None:
            return False  # the first entry, which is kept apart where the next ones are pruned
        if row.feed in conversation.gaps:
            return True
        if row.tip in state.known or any(span.tip == row.tip for span in spans):
            return False
        # Within a run of ours its tip is all but surely one of ours: the peer only lags. A fork
        # shows at the other side, or once the heights are equal, or where there are more rows.
        if alone and len(spans) == 1 and spans[0].low <= row.high < spans[0].high:
            return False
        if row.feed[:32] == self._ctx.identity.device.key:
            self._own_tip_claimed(conversation, row.feed)
        return True

    # -- asking

    def _fetch(self, conversation: Conversation, state: _State) -> None:
        """Ask for what can be asked for now, every feed at one peer."""
        self._waiting.pop(conversation.id, None)
        if self._uncommitted > UNCOMMITTED:
            self._waiting[conversation.id] = conversation
            return
        for link, rows in list(state.sources.items()):
            for row in list(rows.values()):
                if self._busy(link) >= limits.WANTS_IN_FLIGHT:
                    self._waiting[conversation.id] = conversation
                    break
                if row.feed in state.wants:
                    continue
                goal = self._goal(conversation, state, row)
                if goal is None:
                    del rows[row.tip]
                else:
                    self._want(conversation, state, link, row.feed, *goal)
            if not rows:
                state.sources.pop(link, None)
        self._go_on(conversation)

    def _go_on(self, conversation: Conversation) -> None:
        """Look for what is missing, where nothing is on its way."""
        state = self._states.get(conversation.id)
        busy = state is not None and (state.wants or state.sources)
        if not busy and not self._sated(conversation):
            self._search.go_on(conversation)

    def _goal(
        self, conversation: Conversation, state: _State, row: wire.Row
    ) -> tuple[EntryHash, int] | None:
        """(tip, low) to ask the row's peer for; None: nothing of it is missing. Nothing below
        the row's own end is asked for: an empty answer would count against the other rows."""
        spans = conversation.spans.get(row.feed, ())
        if row.tip not in state.known and not any(span.tip == row.tip for span in spans):
            return row.tip, max(row.low, _floor(spans, row.high))
        for span in conversation.gaps.get(row.feed, ()):
            if span.bottom not in state.known and row.low <= span.low - 1 <= row.high:
                return EntryHash(span.bottom), max(row.low, _floor(spans, span.low - 1))
        return None

    def _busy(self, link: int) -> int:
        return sum(1 for _, want in self._queries.values() if want.link == link)

    def _want(
        self,
        conversation: Conversation,
        state: _State,
        link: int,
        feed: FeedId,
        tip: EntryHash,
        low: int,
    ) -> None:
        query = self._ctx.number()
        timer = self._ctx.after(WANT_TIMEOUT_S, lambda: self._overdue(query))
        until = self._ctx.now + WANT_END_S
        before = conversation.spans.get(feed, ())
        want = _Want(query, link, feed, tip, low, timer, until, before)
        state.wants[feed] = want
        self._queries[query] = (conversation, want)
        self._send(link, wire.Want(query, conversation.id, tip, low, not before))

    def refetch(
        self, conversation: Conversation, link: int, feed: FeedId, tip: EntryHash, low: int
    ) -> bool:
        """Ask a peer for entries that are here, for what they lack; False: not now."""
        state = self._states.setdefault(conversation.id, _State())
        if feed in state.wants or self._busy(link) >= limits.WANTS_IN_FLIGHT:
            return False
        self._want(conversation, state, link, feed, tip, low)
        return True

    def _overdue(self, query: int) -> None:
        """Time is up, unless the peer is busy with what else was asked of it."""
        found = self._queries.get(query)
        if found is None:
            return
        want, now = found[1], self._ctx.now
        due = min(self._answered.get(want.link, 0.0) + WANT_TIMEOUT_S, want.until)
        if due > now:
            want.timer = self._ctx.after(due - now, lambda: self._overdue(query))
        else:
            self._give_up(query)

    def _give_up(self, query: int) -> None:
        """The peer doesn't answer: leave this to others."""
        found = self._queries.pop(query, None)
        if found is None:
            return
        conversation, want = found
        want.timer.cancel()
        self._uncommitted -= len(want.arrived)
        state = self._states[conversation.id]
        if state.wants.get(want.feed) is want:
            del state.wants[want.feed]
        state.sources.pop(want.link, None)
        self._search.failed(conversation.id, want.link)
        self._fetch(conversation, state)
        self._resume()

    # -- answers

    def on_batch(self, link: int, conversation: Conversation, frame: wire.Batch) -> None:
        found = self._queries.get(frame.query)
        if found is None or found[1].link != link or found[0] is not conversation:
            return
        want = found[1]
        size = sum(len(entry.header) + len(entry.body or b"") for entry in frame.entries)
        want.size += size + BATCH_COSTS
        if want.size > limits.WANT_BYTES + 2 * limits.FRAME_BYTES:
            self._give_up(want.query)
            return
        self._answered[link] = self._ctx.now
        want.last = frame.last
        want.arrived.extend(frame.entries)
        self._arrived[want.query] = None
        self._uncommitted += len(frame.entries)
        if frame.last:
            self._go_on_below(conversation, want)

    def flush(self) -> None:
        """The end of a turn: check together what came in it."""
        arrived, self._arrived = self._arrived, {}
        for query in arrived:
            found = self._queries.get(query)
            if found is not None:
                self._check_arrived(*found)

    def _check_arrived(self, conversation: Conversation, want: _Want) -> None:
        parts, want.arrived = tuple(want.arrived), []
        want.pending += 1

        def keep(checked: list[Checked]) -> None:
            if conversation.id not in self._states:
                self._uncommitted -= len(parts)  # it was left, or dropped, meanwhile
                return
            mine = [item for item in checked if item.header.feed == want.feed]
            if len(mine) < len(parts):
                self._serves_badly(conversation, want)
            want.got += len(mine)
            want.served |= any(item.hash == want.tip for item in mine)
            self._ingest.take(conversation, mine, Road.SYNCED, want.link, then=durable)

        def durable(kept: bool) -> None:
            want.pending -= 1
            want.failed |= not kept
            self._uncommitted -= len(parts)
            done = want.last and not want.pending
            if done and want.query in self._queries:
                del self._queries[want.query]
                self._advance(conversation, want)
            self._resume()

        self.check(parts, keep)

    def _go_on_below(self, conversation: Conversation, want: _Want) -> None:
        """An answer was cut off at its bound: ask for what is below it at once, so that it comes
        while this part is checked and stored. The place is the peer's word; what comes is
        checked all the same."""
        if not want.arrived or self._uncommitted > UNCOMMITTED:
            return
        try:
            lowest = read_header(want.arrived[-1].header)
        except ValueError:
            return
        if lowest.seq <= want.low or len(lowest.prev) != 32:
            return
        state = self._states[conversation.id]
        self._want(conversation, state, want.link, want.feed, EntryHash(lowest.prev), want.low)

    def _serves_badly(self, conversation: Conversation, want: _Want) -> None:
        """Entries that don't pass: nothing more is asked of this peer for the moment."""
        self._states[conversation.id].sources.pop(want.link, None)
        self._search.failed(conversation.id, want.link)

    def _advance(self, conversation: Conversation, want: _Want) -> None:
        """The answer is durable: see what is missing now."""
        want.timer.cancel()
        state = self._states.setdefault(conversation.id, _State())
        if state.wants.get(want.feed) is want:
            del state.wants[want.feed]
        rows = state.sources.get(want.link, {})
        spans = conversation.spans.get(want.feed, ())
        if spans == want.before or not want.got:
            # It was here all the time, inside one of our branches; or it couldn't be stored; or
            # the peer shows what it doesn't give. Asking again would bring the same.
            if not want.served or want.failed:
                self._search.failed(conversation.id, want.link)
            else:
                state.known[want.tip] = None
                if len(state.known) > KNOWN_TIPS:
                    del state.known[next(iter(state.known))]
            for tip in [tip for tip, row in rows.items() if row.feed == want.feed]:
                del rows[tip]
        self._fetch(conversation, state)

    def _resume(self) -> None:
        """A place has become free: whoever waits for one, in whatever conversation."""
        if self._uncommitted > UNCOMMITTED // 2:
            return
        for conversation in list(self._waiting.values()):
            self._fetch(conversation, self._states[conversation.id])

    def check(self, entries: tuple[WireEntry, ...], then: Callable[[list[Checked]], None]) -> None:
        """Check few entries at once, and many off the loop."""
        if len(entries) <= CHECK_INLINE:
            network = self._ctx.network
            then([item for entry in entries if (item := check(entry, network)) is not None])
            return
        self._ctx.ask(lambda query: effects.Check(query, entries), then)

    # -- what happens elsewhere

    def arrived(self, arrival: Arrival) -> None:
        """Entries that were pushed may leave a gap below them: who pushed them has the rest."""
        conversation = arrival.conversation
        feeds = {entry.header.feed for entry in arrival.entries}
        self._search.arrived(conversation, feeds)
        if arrival.road is not Road.PUSHED or self._sated(conversation):
            return
        if not self._shared(arrival.link, conversation):
            return  # it went down meanwhile: the next link compares
        state = self._states.setdefault(conversation.id, _State())
        for feed in feeds:
            gaps = conversation.gaps.get(feed, ())
            if any(span.bottom not in conversation.unreachable for span in gaps):
                top = conversation.spans[feed][0]
                row = wire.Row(feed, 0, top.high, top.tip)
                state.sources.setdefault(arrival.link, {})[top.tip] = row
        if state.sources:
            self._fetch(conversation, state)

    def idle(self, conversation: Conversation) -> bool:
        """Whether nothing is on its way to this conversation."""
        state = self._states.get(conversation.id)
        return state is None or not state.wants

    def link_closed(self, link: int) -> None:
        self._answered.pop(link, None)
        touched: list[Conversation] = []
        for query, (conversation, want) in list(self._queries.items()):
            if want.link == link:
                del self._queries[query]
                want.timer.cancel()
                self._uncommitted -= len(want.arrived)
                wants = self._states[conversation.id].wants
                if wants.get(want.feed) is want:
                    del wants[want.feed]
                touched.append(conversation)
        for state in self._states.values():
            state.sources.pop(link, None)
            state.parts.pop(link, None)
        for conversation in touched:
            self._fetch(conversation, self._states[conversation.id])
        self._resume()
        for conversation in self._search.link_closed(link):
            self._go_on(conversation)

    def forget(self, conversation: Conversation) -> None:
        """The conversation was left or dropped."""
        self._states.pop(conversation.id, None)
        self._search.forget(conversation)
        self._waiting.pop(conversation.id, None)
        for query, (known, want) in list(self._queries.items()):
            if known is conversation:
                want.timer.cancel()
                self._uncommitted -= len(want.arrived)
                del self._queries[query]


def _sane(row: wire.Row) -> bool:
    return len(row.feed) == 40 and len(row.tip) == 32 and 0 <= row.low <= row.high < 1 << 53


def _floor(spans: Iterable[Span], high: int) -> int:
    """The lowest seq to ask for below `high`: above what is held there. Inside a held run, as
    with the branch of a fork, step by step until it meets what is known."""
    floor = 0
    for span in spans:
        if span.high < high:
            floor = max(floor, span.high + 1)
        elif span.low <= high:
            floor = max(floor, span.low, high - 63)
    return floor


def _lacks(rows: Iterable[wire.Row], conversation: Conversation) -> bool:
    """Whether the sender of these rows lacks a tip, or older entries, that are here."""
    theirs: dict[EntryHash, int] = {row.tip: row.low for row in rows}
    return any(
        span.tip not in theirs or span.low < theirs[span.tip]
        for spans in conversation.spans.values()
        for span in spans
    )
