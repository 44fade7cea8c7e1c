"""Branches of a feed: honest ones go on, bombs don't."""

from __future__ import annotations

from collections.abc import Sequence

from p2pchat.config.limits import BRANCHES_PER_FEED
from p2pchat.model.entry import Entry, EntryKind, Header, Span, WireEntry
from p2pchat.model.ids import ConversationId, EntryHash, FeedId, PeerId
from p2pchat.protocol.branches import Branches

FEED = FeedId(bytes(40))


def name(number: int) -> EntryHash:
    return EntryHash(number.to_bytes(32, "big"))


def entry(number: int, prev: bytes, seq: int) -> Entry:
    header = Header(
        version=1,
        conversation=ConversationId(bytes(32)),
        feed=FEED,
        seq=seq,
        prev=prev,
        heads=(),
        clock=seq,
        sent_at=0,
        kind=EntryKind.TEXT,
        target=b"",
        body_hash=bytes(32),
        key_id=b"",
    )
    wire = WireEntry(b"", b"", b"", b"")
    return Entry(name(number), header, wire, PeerId(""), None, True)


def chain(first: int, count: int, prev: bytes, seq: int) -> list[Entry]:
    made = []
    for number in range(first, first + count):
        made.append(entry(number, prev, seq))
        prev, seq = name(number), seq + 1
    return made


def admitted(branches: Branches, spans: Sequence[Span], entries: Sequence[Entry]) -> list[Entry]:
    return [one for one in entries if branches.admit(spans, one)]


def test_a_long_feed_is_one_branch() -> None:
    branches = Branches()
    made = [entry(0, b"", 0), *chain(1, 5000, name(0), 1)]
    assert admitted(branches, (), made) == made
    branches.done(made)
    more = chain(5001, 5000, name(5000), 5001)
    span = Span(FEED, 0, 5000, name(5000), b"")
    assert admitted(branches, (span,), more) == more


def test_a_feed_that_comes_back_to_front_is_one_branch() -> None:
    branches = Branches()
    made = [entry(0, b"", 0), *chain(1, 500, name(0), 1)][::-1]
    assert admitted(branches, (), made) == made


def test_a_bomb_is_cut_off_and_the_feed_goes_on() -> None:
    branches = Branches()
    here = (Span(FEED, 0, 0, name(0), b""),)
    bomb = [entry(number, name(0), 1) for number in range(1, 1000)]
    taken = admitted(branches, here, bomb)
    assert len(taken) == BRANCHES_PER_FEED
    branches.done(taken)
    spans = tuple(Span(FEED, 1, 1, one.hash, b"") for one in taken)
    assert not admitted(branches, spans, [entry(2000, name(0), 1)])
    onward = chain(3000, 100, spans[5].tip, 2)
    assert admitted(branches, spans, onward) == onward


def test_holes_count_until_they_are_filled() -> None:
    branches = Branches()
    holes = [entry(10 * n, name(10 * n - 1), 10 * n) for n in range(1, 1000)]
    taken = admitted(branches, (), holes)
    assert len(taken) == BRANCHES_PER_FEED
    branches.done(taken)
    spans = tuple(
        Span(FEED, one.header.seq, one.header.seq, one.hash, one.header.prev) for one in taken
    )
    assert admitted(branches, spans, [entry(19, name(18), 19)]), "it fills a hole"
    assert not admitted(branches, spans, [entry(7005, name(7004), 7005)])
