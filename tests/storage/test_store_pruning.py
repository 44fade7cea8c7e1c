"""Pruning keeps to the budget, and keeps what the rest stands on."""

from __future__ import annotations

import msgspec
import pytest
from histories import ME, ROOM, START_MS, Author, peer, puts, shuffled

from p2pchat.model.entry import EntryKind, KeyBody, Span
from p2pchat.model.records import (
    ConversationKind,
    ConversationRow,
    MarkRead,
    Prune,
    PutConversation,
    PutReceipt,
    PutStatus,
    ReceiptRow,
)
from p2pchat.storage.store import SqliteStore

BUDGET = 20_000


def size(store: SqliteStore) -> int:
    (row,) = store._writer.connection.all("SELECT bytes FROM conversations")
    return int(row[0])


def test_the_oldest_go_until_the_budget_holds(store: SqliteStore) -> None:
    one, two = Author(peer("a")), Author(peer("b"), clock_ms=START_MS + 7)
    key = KeyBody(b"k" * 16, ((peer("b"), b"box"),))
    made = [one.open(), two.open(), one.entry(EntryKind.KEY, key)]
    made += [author.text(f"text {n}") for n in range(100) for author in (one, two)]
    store.apply(puts(*shuffled(made, 4)))
    assert size(store) > BUDGET
    applied = store.apply([Prune(ROOM, BUDGET)])
    assert BUDGET * 0.9 < size(store) <= BUDGET
    rows = store.messages(ROOM, 1000)
    texts = [entry for entry in made if entry.header.kind == EntryKind.TEXT]
    ordered = sorted(texts, key=lambda entry: entry.order)
    assert [row.hash for row in rows] == [entry.hash for entry in ordered[-len(rows) :]]
    kept = store.read_entries([entry.hash for entry in made[:3]])
    assert len(kept) == 3, "first entries and keys stay"
    for author in (one, two):
        low = min(row.seq for row in rows if row.feed == author.feed)
        expected = Span(author.feed, low, author.made[-1].header.seq, author.made[-1].hash, b"")
        assert applied.spans[author.feed] == (expected,)
        assert expected in store.load().spans[ROOM]
    branch = store.read_branch(ROOM, one.made[-1].hash, 0, 1 << 20, with_first=True)
    assert branch[0][0] == one.made[0].hash
    assert store.search("text", None, 1000) == rows[::-1]
    assert store.apply([Prune(ROOM, BUDGET)]).spans == {}


def test_what_was_pruned_does_not_come_back(store: SqliteStore) -> None:
    author = Author(peer("a"))
    made = [author.open(), *(author.text(f"text {n}") for n in range(100))]
    store.apply(puts(*made))
    pruned = store.apply([Prune(ROOM, BUDGET)]).spans[author.feed]
    applied = store.apply(puts(*made[:20]))
    assert {stored.status for stored in applied.stored} == {PutStatus.KNOWN}
    assert applied.spans[author.feed] == pruned
    assert size(store) <= BUDGET


@pytest.mark.parametrize("seed", range(5))
def test_all_branches_of_a_fork_keep_their_tips(store: SqliteStore, seed: int) -> None:
    author = Author(peer("a"))
    trunk = [author.open(), *(author.text(f"text {n}") for n in range(60))]
    fork = [author.text("other", after=trunk[20], clock_ms=START_MS + 22_000)]
    for n in range(30):
        fork.append(author.text(f"other {n}", after=fork[-1], clock_ms=START_MS + 23_000 + n))
    store.apply(puts(*shuffled([*trunk, *fork], seed)))
    tips = {trunk[-1].hash, fork[-1].hash}
    for budget in (20_000, 12_000, 5_000):
        applied = store.apply([Prune(ROOM, budget)])
        spans = applied.spans[author.feed]
        assert {span.tip for span in spans} == tips
        assert all(span.bottom == b"" for span in spans)
        for span in spans:
            branch = store.read_branch(ROOM, span.tip, span.low, 1 << 20)
            assert len(branch) == span.high - span.low + 1
    assert size(store) <= 5_000


def test_own_entries_that_nobody_has_stay(store: SqliteStore) -> None:
    me = Author(ME, mine=True)
    made = [me.open(), *(me.text(f"text {n}") for n in range(100))]
    store.apply(puts(*made))
    store.apply([Prune(ROOM, BUDGET)])
    assert len(store.messages(ROOM, 1000)) == 100
    receipt = ReceiptRow(conversation=ROOM, person=peer("b"), feed=me.feed, delivered=90)
    store.apply([PutReceipt(receipt), Prune(ROOM, 1000)])
    assert [row.seq for row in store.messages(ROOM, 1000)] == list(range(91, 101))


def test_pruned_messages_are_not_unread(store: SqliteStore) -> None:
    row = ConversationRow(id=ROOM, kind=ConversationKind.OPEN, name="room")
    author = Author(peer("a"))
    made = [author.text(f"text {n}", mentions=[ME]) for n in range(100)]
    store.apply([PutConversation(row), *puts(*made)])
    store.apply([MarkRead(ROOM, made[9].header.clock, made[9].hash)])
    store.apply([Prune(ROOM, BUDGET)])
    (found,) = store.overviews()
    rows = store.messages(ROOM, 1000)
    assert 10 < len(rows) < 90
    assert (found.unread, found.mentions, found.first_unread) == (
        len(rows),
        len(rows),
        rows[0].hash,
    )


def test_a_change_stays_as_long_as_its_message(store: SqliteStore) -> None:
    author, other = Author(peer("a")), Author(peer("b"))
    message = author.text("first", clock_ms=START_MS + 10_000_000)
    edit = author.edit(message, "second")
    early = msgspec.structs.replace(edit.header, clock=START_MS << 16)
    store.apply(puts(message, msgspec.structs.replace(edit, header=early), author.text("more")))
    store.apply(puts(*(other.text(f"text {n}") for n in range(100))))
    store.apply([Prune(ROOM, BUDGET // 2)])
    kept = store.message(message.hash)
    assert kept is not None
    assert kept.text == "second"
    store.apply([Prune(ROOM, 100)])
    assert store.message(message.hash) is None
    assert store.search("second", None, 5) == []
