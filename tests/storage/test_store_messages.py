"""Messages: pages, changes in any order of arrival, unread counts."""

from __future__ import annotations

import itertools
import random

import msgspec
import pytest
from histories import ME, ROOM, START_MS, Author, peer, puts, sealed, shuffled

from p2pchat.model.entry import Entry, EntryKind
from p2pchat.model.ids import ConversationId, EntryHash, PeerId
from p2pchat.model.records import (
    ConversationKind,
    ConversationRow,
    Disclose,
    MarkRead,
    MessageRow,
    Overview,
    PutConversation,
    Stored,
)
from p2pchat.storage.store import SqliteStore


def texts(rows: list[MessageRow]) -> list[str]:
    return [row.text for row in rows]


def only(store: SqliteStore) -> MessageRow:
    (row,) = store.messages(ROOM, 10)
    return row


def join(store: SqliteStore, joined_at: int = 0) -> None:
    row = ConversationRow(id=ROOM, kind=ConversationKind.OPEN, name="room", joined_at=joined_at)
    store.apply([PutConversation(row)])


def overview(store: SqliteStore) -> Overview:
    (found,) = store.overviews()
    return found


def place(entry: Entry) -> MarkRead:
    return MarkRead(ROOM, entry.header.clock, entry.hash)


def test_pages(store: SqliteStore) -> None:
    author = Author(peer("a"))
    made = [author.text(f"n{n}") for n in range(20)]
    store.apply(puts(*shuffled(made, 3)))
    names = [f"n{n}" for n in range(20)]
    assert texts(store.messages(ROOM, 100)) == names
    assert texts(store.messages(ROOM, 5)) == names[15:]
    assert texts(store.messages(ROOM, 5, before=made[10].hash)) == names[5:10]
    assert texts(store.messages(ROOM, 5, after=made[10].hash)) == names[11:16]
    assert texts(store.messages(ROOM, 5, around=made[10].hash)) == names[8:13]
    assert texts(store.messages(ROOM, 5, around=made[0].hash)) == names[0:1] + names[1:3]
    assert store.messages(ROOM, 5, before=EntryHash(b"x" * 32)) == []
    assert store.messages(ConversationId(b"q" * 32), 5) == []
    assert store.message(made[3].hash) == store.messages(ROOM, 1, before=made[4].hash)[0]


def test_the_first_message_since_a_time(store: SqliteStore) -> None:
    li, other = Author(peer("a")), Author(peer("b"))
    day = START_MS + 86_400_000
    before, last = li.text("before", clock_ms=day - 1000), other.text("last", clock_ms=day + 5000)
    wrong = msgspec.structs.replace(other.text("wrong", clock_ms=day + 1000), clock_off=True)
    # A clock that was ahead has pushed that of the others: what they write is still of their day.
    pushed = li.text("pushed", clock_ms=day + 2000, sent_at=day - 900)
    theirs, mine = other.text("hers", clock_ms=day + 3000), li.text("his", clock_ms=day + 4000)
    store.apply(puts(*shuffled([before, wrong, pushed, theirs, mine, last], 3)))
    assert store.message_since(ROOM, 0) == before.hash
    assert store.message_since(ROOM, day) == theirs.hash
    assert store.message_since(ROOM, day, {peer("b")}) == mine.hash
    assert store.message_since(ROOM, day + 5000) == last.hash
    assert store.message_since(ROOM, day + 5001) is None
    assert store.message_since(ROOM, 253_402_300_799_999) is None, "the last that can be written"
    assert store.message_since(ROOM, -1) == before.hash
    assert store.message_since(ConversationId(b"q" * 32), 0) is None


def test_equal_clocks_sort_by_hash(store: SqliteStore) -> None:
    authors = [Author(PeerId(f"{n:032}")) for n in range(30)]
    made = [author.text("same", clock_ms=START_MS) for author in authors]
    store.apply(puts(*shuffled(made, 1)))
    expected = sorted(entry.hash for entry in made)
    assert [row.hash for row in store.messages(ROOM, 100)] == expected
    assert [row.hash for row in store.search("same", None, 100)] == expected[::-1]


def test_kinds_that_make_messages(store: SqliteStore) -> None:
    author = Author(peer("a"))
    store.apply(puts(author.open(), author.entry(EntryKind.JOIN), author.entry(99)))
    assert [row.kind for row in store.messages(ROOM, 10)] == [EntryKind.JOIN, 99]


CHANGES = list(itertools.permutations(range(4)))


@pytest.mark.parametrize("order", CHANGES)
def test_changes_in_any_order_of_arrival(store: SqliteStore, order: tuple[int, ...]) -> None:
    author, other = Author(peer("a")), Author(peer("b"))
    message = author.text("first words")
    other.clock_ms = author.clock_ms + 500
    made = [
        message,
        author.edit(message, "second words", mentions=[ME]),
        author.edit(message, "third words"),
        other.react(message, "👍"),
    ]
    last: Stored | None = None
    for n in order:
        (last,) = store.apply(puts(made[n])).stored
    row = only(store)
    assert (row.text, row.edited, row.mentions) == ("third words", True, ())
    assert row.reactions == (("👍", (peer("b"),)),)
    assert last is not None
    assert last.message == row or last.changed in (row, None)
    assert [found.hash for found in store.search("third", None, 5)] == [message.hash]
    assert store.search("first", None, 5) == []
    assert store.search("second", None, 5) == []


def test_only_the_author_edits_and_deletes(store: SqliteStore) -> None:
    author, other = Author(peer("a")), Author(peer("b"))
    message = author.text("mine")
    store.apply(puts(message))
    store.apply(puts(other.edit(message, "theirs"), other.delete(message)))
    assert (only(store).text, only(store).deleted) == ("mine", False)
    assert store.read_entries([message.hash])[0][1].body == message.wire.body


def test_reactions_are_taken_back_and_bounded(store: SqliteStore) -> None:
    author, other = Author(peer("a")), Author(peer("b"))
    message = author.text("hm")
    store.apply(puts(message, other.react(message, "👍"), other.react(message, "👍", on=False)))
    assert only(store).reactions == ()
    emoji = [chr(ord("😀") + n) for n in range(40)]
    many = [other.react(message, one) for one in emoji]
    store.apply(puts(*shuffled(many, 5)))
    assert {one for one, _ in only(store).reactions} == set(emoji[8:])


def test_what_is_no_emoji_is_no_reaction(store: SqliteStore) -> None:
    author, other = Author(peer("a")), Author(peer("b"))
    message = author.text("hm")
    odd = ["Li has left", "LOL", " ", "\u202e", "z\u0301\u0301", "\u2800", "1", "👍👍", "👍 "]
    store.apply(puts(message, *(other.react(message, one) for one in (*odd, "👩\u200d🏫"))))
    assert only(store).reactions == (("👩\u200d🏫", (peer("b"),)),)


def test_changes_of_another_conversation_do_nothing(store: SqliteStore) -> None:
    message = Author(peer("a")).text("here")
    elsewhere = Author(peer("a"), ConversationId(b"S" * 32), device=b"2")
    store.apply(puts(message, elsewhere.edit(message, "there"), elsewhere.delete(message)))
    assert only(store).text == "here"


def test_joining_is_not_deleted(store: SqliteStore) -> None:
    author = Author(peer("a"))
    opened, joined = author.open(), author.entry(EntryKind.JOIN)
    store.apply(puts(opened, joined, author.delete(joined), author.delete(opened)))
    assert not only(store).deleted
    assert store.read_entries([opened.hash])[0][1].body == opened.wire.body


# -- what can't be read yet


def test_sealed_entries_wait_until_disclosed(store: SqliteStore) -> None:
    author = Author(peer("a"))
    made = [author.open(), author.text("hidden"), author.text("later too")]
    made += [author.edit(made[2], "edited")]
    store.apply(puts(made[0], *(sealed(entry) for entry in made[1:])))
    assert store.messages(ROOM, 10) == []
    waiting = store.unread_entries(ROOM)
    assert waiting == [(entry.hash, entry.wire) for entry in made[1:]]
    assert store.unread_entries(ROOM, author.feed) == waiting
    assert store.unread_entries(ROOM, Author(peer("z")).feed) == []
    stored = store.apply([Disclose(entry) for entry in made[1:]]).stored
    assert [s.message.text for s in stored if s.message] == ["hidden", "later too"]
    assert texts(store.messages(ROOM, 10)) == ["hidden", "edited"]
    assert store.unread_entries(ROOM) == []
    assert texts(store.search("edited", None, 5)) == ["edited"]
    assert store.search("later", None, 5) == []
    assert store.read_entries([made[1].hash]) == [(made[1].hash, made[1].wire)]


def test_an_author_becomes_known(store: SqliteStore) -> None:
    author = Author(peer("a"))
    opened, text = author.open(), author.text("who am I")
    nameless = msgspec.structs.replace(text, author=PeerId(""), readable=False)
    store.apply(puts(nameless))
    assert store.messages(ROOM, 10) == []
    store.apply(puts(opened))
    store.apply([Disclose(text)])
    assert only(store).author == peer("a")


def test_held_conversations_make_no_messages(store: SqliteStore) -> None:
    author = Author(peer("a"))
    made = [author.open(), author.text("for others")]
    applied = store.apply(puts(*(sealed(entry) for entry in made), mine=False))
    assert applied.stored[1].message is None
    assert store.messages(ROOM, 10) == []
    assert store.search("others", None, 10) == []
    assert len(store.read_branch(ROOM, made[1].hash, 0, 1 << 20)) == 2
    assert [hash for hash, _ in store.unread_entries(ROOM)] == [made[1].hash]


# -- unread


def test_unread_and_mentions(store: SqliteStore) -> None:
    join(store, START_MS)
    me, other = Author(ME, mine=True), Author(peer("b"))
    made = [other.text("one"), other.text("two", mentions=[ME]), me.text("mine"), other.text("3")]
    store.apply(puts(*made, other.entry(EntryKind.LEAVE)))
    found = overview(store)
    assert (found.unread, found.mentions, found.first_unread) == (3, 1, made[0].hash)
    assert found.last is not None
    assert found.last.kind == EntryKind.LEAVE
    store.apply([place(made[0])])
    found = overview(store)
    assert (found.unread, found.mentions, found.first_unread) == (2, 1, made[1].hash)
    store.apply([place(made[1])])
    assert (overview(store).unread, overview(store).mentions) == (1, 0)
    store.apply([place(made[0])])
    assert overview(store).unread == 1
    store.apply([place(made[3])])
    assert (overview(store).unread, overview(store).first_unread) == (0, None)


def test_history_from_before_joining_is_not_unread(store: SqliteStore) -> None:
    join(store, START_MS + 10_000)
    other, slow = Author(peer("b")), Author(peer("c"), clock_ms=START_MS + 20_000)
    store.apply(puts(*(other.text("old") for _ in range(5))))
    assert overview(store).unread == 0
    # Its wall clock is slow, but it has seen what was written here: its hybrid clock says so.
    store.apply(puts(slow.text("new", sent_at=START_MS - 60_000)))
    assert overview(store).unread == 1


def test_late_messages_below_the_mark_are_unread(store: SqliteStore) -> None:
    join(store)
    one, two = Author(peer("a")), Author(peer("b"))
    newer = one.text("newer", clock_ms=START_MS + 50_000)
    late = two.text("late", mentions=[ME])
    store.apply(puts(newer))
    store.apply([place(newer)])
    store.apply(puts(late))
    found = overview(store)
    assert (found.unread, found.mentions, found.first_unread) == (1, 1, late.hash)
    store.apply(puts(two.edit(late, "no mention")))
    assert (overview(store).unread, overview(store).mentions) == (1, 0)
    store.apply([place(newer)])
    assert (overview(store).unread, overview(store).first_unread) == (0, None)


def test_deleting_and_editing_what_is_unread(store: SqliteStore) -> None:
    join(store)
    author = Author(peer("a"))
    one, two = author.text("one"), author.text("two")
    store.apply(puts(one, two, author.edit(two, "for you", mentions=[ME])))
    assert (overview(store).unread, overview(store).mentions) == (2, 1)
    store.apply(puts(author.delete(one)))
    found = overview(store)
    assert (found.unread, found.mentions, found.first_unread) == (1, 1, two.hash)
    store.apply(puts(author.delete(two)))
    assert (overview(store).unread, overview(store).mentions) == (0, 0)
    assert overview(store).first_unread is None


@pytest.mark.parametrize("seed", range(20))
def test_what_is_unread_is_counted_right_in_any_order(store: SqliteStore, seed: int) -> None:
    rng = random.Random(seed)
    join(store)
    written: list[tuple[Author, Entry]] = []
    unread: dict[tuple[int, bytes], bool] = {}
    for number in range(60):
        author, entry = rng.choice(written) if written else (Author(peer("a")), None)
        what = rng.choice(("write", "write", "write", "mark", "edit", "delete"))
        mention = rng.random() < 0.3
        if what == "write" or entry is None:
            author = Author(peer("abcdef"[number % 6]), clock_ms=START_MS + rng.randint(0, 10**6))
            entry = author.text(str(number), mentions=[ME] if mention else [])
            store.apply(puts(entry))
            written.append((author, entry))
            unread[entry.header.clock, entry.hash] = mention
        elif what == "mark":
            store.apply([place(entry)])
            read = (entry.header.clock, entry.hash)
            unread = {at: said for at, said in unread.items() if at > read}
        else:
            at = (entry.header.clock, entry.hash)
            if what == "edit":
                store.apply(puts(author.edit(entry, "other", mentions=[ME] if mention else [])))
                unread |= {at: mention} if at in unread else {}
            else:
                store.apply(puts(author.delete(entry)))
                written.remove((author, entry))
                unread.pop(at, None)
        found = overview(store)
        first = min(unread)[1] if unread else None
        assert (found.unread, found.mentions) == (len(unread), sum(unread.values()))
        assert found.first_unread == first
