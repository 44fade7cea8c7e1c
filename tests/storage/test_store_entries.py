"""Entries come back byte for byte, in whatever order they came, and spans say what is here."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from histories import ROOM, START_MS, Author, peer, puts, shuffled, without_body

from p2pchat.model.entry import Entry, Span
from p2pchat.model.ids import ConversationId, EntryHash
from p2pchat.model.records import (
    ConversationKind,
    ConversationRow,
    DropConversation,
    DropReceipt,
    PutConversation,
    PutReceipt,
    PutStatus,
    ReceiptRow,
)
from p2pchat.storage import chapters, hashes, reading
from p2pchat.storage.store import SqliteStore


def history(author: Author, count: int) -> list[Entry]:
    return [author.open(), *(author.text(f"number {n}") for n in range(1, count))]


def spans(store: SqliteStore) -> tuple[Span, ...]:
    return store.load().spans.get(ROOM, ())


def whole_branch(store: SqliteStore, tip: EntryHash, low: int = 0) -> list[EntryHash]:
    return [hash for hash, _ in store.read_branch(ROOM, tip, low, 1 << 30)]


def test_an_entry_comes_back_as_it_came(store: SqliteStore) -> None:
    author = Author(peer("a"))
    entries = history(author, 3)
    applied = store.apply(puts(*entries))
    assert [stored.status for stored in applied.stored] == [PutStatus.NEW] * 3
    assert store.read_entries([entry.hash for entry in entries]) == [
        (entry.hash, entry.wire) for entry in entries
    ]
    assert store.read_entries([EntryHash(b"x" * 32)]) == []
    assert [stored.status for stored in store.apply(puts(*entries)).stored] == [PutStatus.KNOWN] * 3


@pytest.mark.parametrize("seed", range(20))
def test_spans_and_branches_do_not_depend_on_the_order_of_arrival(
    store: SqliteStore, seed: int
) -> None:
    author = Author(peer("a"))
    trunk = history(author, 12)
    fork = [author.text("other 5", after=trunk[4])]
    for n in range(6, 9):
        fork.append(author.text(f"other {n}", after=fork[-1]))
    second = [author.text("third 7", after=fork[1])]
    everything = trunk + fork + second
    mixed = shuffled(everything, seed)
    rng = random.Random(seed)
    statuses = []
    while mixed:
        step = rng.randint(1, 4)
        applied = store.apply(puts(*mixed[:step]))
        statuses += [stored.status for stored in applied.stored]
        del mixed[:step]
        loaded = tuple(s for s in spans(store))
        assert applied.spans[author.feed] == loaded
    assert statuses.count(PutStatus.FORK) == 4 + 1
    assert {(span.high, span.tip) for span in loaded} == {
        (11, trunk[-1].hash),
        (8, fork[-1].hash),
        (7, second[-1].hash),
    }
    assert all(span.bottom == b"" for span in loaded)
    assert sum(span.high - span.low + 1 for span in loaded) == len(everything)
    for tip, branch in (
        (trunk[-1], trunk),
        (fork[-1], trunk[:5] + fork),
        (second[0], trunk[:5] + fork[:2] + second),
    ):
        assert whole_branch(store, tip.hash) == [entry.hash for entry in reversed(branch)]


def test_gaps_are_spans_with_a_bottom(store: SqliteStore) -> None:
    author = Author(peer("a"))
    made = history(author, 10)
    store.apply(puts(*made[7:]))
    assert spans(store) == (Span(author.feed, 7, 9, made[9].hash, made[6].hash),)
    applied = store.apply(puts(*made[2:4]))
    assert applied.spans[author.feed] == (
        Span(author.feed, 7, 9, made[9].hash, made[6].hash),
        Span(author.feed, 2, 3, made[3].hash, made[1].hash),
    )
    assert whole_branch(store, made[9].hash) == [made[n].hash for n in (9, 8, 7)]
    store.apply(puts(*reversed(made[:7])))
    assert spans(store) == (Span(author.feed, 0, 9, made[9].hash, b""),)


def test_a_branch_whose_root_comes_late_is_joined(store: SqliteStore) -> None:
    author = Author(peer("a"))
    made = history(author, 6)
    other = author.text("other", after=made[2])
    applied = store.apply(puts(other))
    assert applied.spans[author.feed][0].bottom == made[2].hash
    applied = store.apply(puts(*made[3:]))
    assert all(span.bottom == made[2].hash for span in applied.spans[author.feed])
    applied = store.apply(puts(*made[:3]))
    assert all(span.bottom == b"" for span in applied.spans[author.feed])


def test_a_branch_is_read_in_parts(store: SqliteStore) -> None:
    author = Author(peer("a"))
    made = history(author, 50)
    store.apply(puts(*made))
    part = store.read_branch(ROOM, made[-1].hash, 0, 1000)
    assert 1 <= len(part) < 10
    assert [hash for hash, _ in part] == [e.hash for e in made[::-1][: len(part)]]
    first = store.read_branch(ROOM, made[-1].hash, 0, 1, with_first=True)
    assert [hash for hash, _ in first] == [made[0].hash, made[-1].hash]
    whole = store.read_branch(ROOM, made[1].hash, 0, 1 << 20, with_first=True)
    assert [hash for hash, _ in whole] == [made[1].hash, made[0].hash]
    assert store.read_branch(ROOM, EntryHash(b"x" * 32), 0, 1000) == []
    assert store.read_branch(ConversationId(b"q" * 32), made[-1].hash, 0, 1000) == []
    assert store.read_branch(ROOM, made[-1].hash, 60, 1000, with_first=True) == []
    assert [hash for hash, _ in store.read_branch(ROOM, made[9].hash, 8, 1 << 20)] == [
        made[9].hash,
        made[8].hash,
    ]


def test_a_branch_is_read_over_chapters_of_texts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chapters, "CHAPTER_TEXTS", 30)
    monkeypatch.setattr(reading, "STEP", 16)
    store = SqliteStore(tmp_path / "chapters.db", bytes(32))
    first, second = Author(peer("a")), Author(peer("b"))
    made = [(a, b) for a, b in zip(history(first, 100), history(second, 100), strict=True)]
    store.apply(puts(*(entry for pair in made for entry in pair)))
    for entries in zip(*made, strict=True):
        found = store.read_branch(ROOM, entries[-1].hash, 0, 1 << 30)
        assert found == [(entry.hash, entry.wire) for entry in reversed(entries)]
    store.close()


def test_a_missing_body_is_filled_in(store: SqliteStore) -> None:
    author = Author(peer("a"))
    opened, text = author.open(), author.text("hello there")
    store.apply(puts(opened, without_body(text)))
    assert store.messages(ROOM, 10) == []
    assert store.read_entries([text.hash])[0][1].body is None
    applied = store.apply(puts(text))
    assert applied.stored[0].status == PutStatus.KNOWN
    assert [row.text for row in store.messages(ROOM, 10)] == ["hello there"]
    assert store.read_entries([text.hash]) == [(text.hash, text.wire)]
    assert [row.hash for row in store.search("hello", None, 5)] == [text.hash]


def test_load_gives_heads_and_first_entries(store: SqliteStore) -> None:
    one, two = Author(peer("a")), Author(peer("b"), clock_ms=0)
    store.apply(puts(*history(one, 20)))
    store.apply(puts(two.open()))
    state = store.load()
    newest = sorted(((e.header.clock, e.hash) for e in one.made), reverse=True)[:16]
    assert state.heads[ROOM] == tuple(newest)
    assert set(state.opens) == {one.feed, two.feed}
    assert store.message_at(one.feed, 7) == one.made[7].hash
    assert store.message_at(one.feed, 0) is None
    at = one.made[5]
    assert dict(store.positions(ROOM, at.header.clock, at.hash)) == {one.feed: 5, two.feed: 0}
    assert dict(store.positions(ROOM, 5, at.hash)) == {}


def test_load_gives_heads_within_the_clocks_bound_and_the_own_clock(store: SqliteStore) -> None:
    one, far = Author(peer("a")), Author(peer("b"), clock_ms=2 * START_MS)
    made = history(one, 20)
    store.apply(puts(*made, *history(far, 40)))
    row = ConversationRow(id=ROOM, kind=ConversationKind.OPEN, own_feed=one.feed)
    store.apply([PutConversation(row)])
    state = store.load(made[17].header.clock)
    clocks = [clock for clock, _ in state.heads[ROOM]]
    assert clocks == sorted(
        [entry.header.clock for entry in (*made[2:18], *far.made[-16:])], reverse=True
    )
    assert state.own_clocks == {ROOM: made[-1].header.clock}


def test_a_dropped_receipt_is_gone_and_no_other(store: SqliteStore) -> None:
    author = Author(peer("a"))
    rows = [
        ReceiptRow(conversation=ROOM, person=peer(name), feed=author.feed, delivered=3)
        for name in ("b", "c")
    ]
    store.apply([PutReceipt(row) for row in rows])
    store.apply([DropReceipt(ROOM, peer("b"), author.feed)])
    assert store.load().receipts == (rows[1],)


def test_a_dropped_conversation_leaves_nothing(store: SqliteStore) -> None:
    author, other = Author(peer("a")), Author(peer("b"), ConversationId(b"S" * 32))
    made = history(author, 5)
    store.apply(puts(*made, other.open(), other.text("stays here")))
    store.apply([DropConversation(ROOM)])
    state = store.load()
    assert set(state.spans) == {other.conversation}
    assert store.read_entries([entry.hash for entry in made]) == []
    assert store.search("number", None, 5) == []
    assert len(store.search("stays", None, 5)) == 1
    assert store.apply(puts(*made)).stored[0].status == PutStatus.NEW
    assert len(store.messages(ROOM, 10)) == 4


def test_entries_are_found_by_hash_in_all_parts(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hashes, "PART_BITS", 4)
    author = Author(peer("a"))
    made = history(author, 100)
    for start in range(0, 100, 7):
        store.apply(puts(*made[start : start + 7]))
    found = store.read_entries([entry.hash for entry in made])
    assert [hash for hash, _ in found] == [entry.hash for entry in made]
    assert store.message(EntryHash(made[50].hash[:8] + bytes(24))) is None
    assert {stored.status for stored in store.apply(puts(*made)).stored} == {PutStatus.KNOWN}
