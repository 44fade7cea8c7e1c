"""A deleted message leaves nothing: not in used pages, free pages, the index or the WAL."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest
from histories import KEY, ROOM, Author, peer, puts, sealed, shuffled, without_body
from plainfile import decrypted, wal_bytes

from p2pchat.model.entry import Entry
from p2pchat.model.records import DropConversation, Prune
from p2pchat.storage import chapters
from p2pchat.storage.store import SqliteStore

LETTERS = "bcdfghjklmnpqrstvwxz"


def word(rng: random.Random) -> str:
    return "".join(rng.choices(LETTERS, k=14))


def rest(text: str) -> list[bytes]:
    """What to look for: the index leaves out the first letters that a word shares with the one
    before it."""
    return [word[4:].encode() for word in text.split()]


def tidy(store: SqliteStore) -> None:
    while store.tidy():
        pass


def dump(store: SqliteStore, tmp_path: Path) -> bytes:
    assert wal_bytes(tmp_path / "store.db") == 0
    return decrypted(tmp_path / "store.db", KEY, tmp_path)


def said(entry: Entry) -> str:
    return getattr(entry.content, "text", "")


@pytest.mark.parametrize("order", ["rising", "falling", "mixed"])
def test_nothing_is_left_of_deleted_messages(
    store: SqliteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, order: str
) -> None:
    monkeypatch.setattr(chapters, "CHAPTER_TEXTS", 700)
    rng = random.Random(7)
    author = Author(peer("a"))
    made = [author.text(f"{word(rng)} {word(rng) * rng.randint(1, 30)}") for _ in range(2500)]
    edited = rng.sample(made, 300)
    edits = [author.edit(entry, f"{word(rng)} {word(rng)}") for entry in edited]
    arriving = made + edits
    if order == "falling":
        arriving.reverse()
    elif order == "mixed":
        arriving = shuffled(arriving, 1)
    for start in range(0, len(arriving), 130):
        store.apply(puts(*arriving[start : start + 130]))
    gone = rng.sample(made, 250) + rng.sample(edited, 100)
    gone_texts = [said(entry) for entry in gone]
    gone_texts += [
        said(edit)
        for entry, edit in zip(edited, edits, strict=True)
        if entry.hash in {g.hash for g in gone}
    ]
    tidy(store)
    before = dump(store, tmp_path)
    assert all(rest(text)[0] in before for text in gone_texts)
    for entry in gone:
        store.apply(puts(author.delete(entry)))
    tidy(store)
    after = dump(store, tmp_path)
    left = [text for text in gone_texts for part in rest(text) if part in after]
    assert left == []
    kept = [entry for entry in made if entry.hash not in {g.hash for g in gone}]
    assert all(rest(said(entry))[0] in after for entry in kept)
    for entry in rng.sample(kept, 40):
        assert [row.hash for row in store.search(said_now(store, entry), None, 5)] == [entry.hash]
    assert all(store.search(text.split()[0], None, 5) == [] for text in gone_texts[:50])


def said_now(store: SqliteStore, entry: Entry) -> str:
    row = store.message(entry.hash)
    assert row is not None
    return row.text.split()[0]


def test_a_deletion_that_comes_first_keeps_the_body_out(store: SqliteStore, tmp_path: Path) -> None:
    author = Author(peer("a"))
    text = author.text("qqwertyuiopasdfgh")
    edit = author.edit(text, "zxcvbnmlkjhgfdsaq")
    delete = author.delete(text)
    store.apply(puts(delete))
    stored = store.apply(puts(edit, text)).stored
    message = stored[1].message
    assert message is not None
    assert message.deleted
    assert message.text == ""
    assert [wire.body for _, wire in store.read_entries([text.hash, edit.hash])] == [None, None]
    tidy(store)
    plain = dump(store, tmp_path)
    assert b"rtyuiopasdfgh" not in plain
    assert b"bnmlkjhgfdsaq" not in plain
    store.apply(puts(text))
    assert store.read_entries([text.hash])[0][1].body is None


def test_a_body_less_message_shows_once_its_deletion_is_here(store: SqliteStore) -> None:
    author = Author(peer("a"))
    text = author.text("gone elsewhere")
    store.apply(puts(without_body(text)))
    changed = store.apply(puts(author.delete(text))).stored[0].changed
    assert changed is not None
    assert changed.deleted
    assert [row.deleted for row in store.messages(ROOM, 5)] == [True]


def test_ciphertext_that_is_held_for_others_is_deleted_too(store: SqliteStore) -> None:
    author = Author(peer("a"))
    other = Author(peer("b"))
    text, foreign = author.text("under seal"), other.text("of someone else")
    held = [sealed(text), sealed(foreign), sealed(author.delete(text)), author.delete(foreign)]
    store.apply(puts(*held, mine=False))
    bodies = [wire.body for _, wire in store.read_entries([text.hash, foreign.hash])]
    assert bodies == [None, foreign.wire.body]


def test_pruned_and_dropped_texts_are_gone(
    store: SqliteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chapters, "CHAPTER_TEXTS", 100)
    rng = random.Random(3)
    author = Author(peer("a"))
    made = [author.text(word(rng)) for _ in range(1000)]
    store.apply(puts(*made))
    tidy(store)
    full = len(dump(store, tmp_path))
    store.apply([Prune(ROOM, 100_000)])
    tidy(store)
    plain = dump(store, tmp_path)
    kept = {row.text for row in store.messages(ROOM, 2000)}
    assert 100 < len(kept) < 400
    assert {said(entry) for entry in made[-len(kept) :]} == kept
    assert [e for e in made if said(e) not in kept and rest(said(e))[0] in plain] == []
    store.apply([DropConversation(ROOM)])
    tidy(store)
    plain = dump(store, tmp_path)
    assert [entry for entry in made if rest(said(entry))[0] in plain] == []
    assert len(plain) <= full
    tables = store._writer.connection.all("SELECT name FROM sqlite_schema WHERE name LIKE 'texts%'")
    assert len(tables) == 1


DIES = """
import sys
sys.path[:0] = sys.argv[2:]
from pathlib import Path
from histories import KEY, Author, peer, puts
from p2pchat.storage.store import SqliteStore
import os
store = SqliteStore(Path(sys.argv[1]), KEY)
author = Author(peer("a"))
text = author.text("bcdfghjklmnpqrst")
store.apply(puts(text))
store.apply(puts(author.delete(text)))
os._exit(9)
"""


def test_deletion_is_finished_after_a_crash(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    paths = [str(Path(__file__).parent), *filter(None, sys.path)]
    ended = subprocess.run([sys.executable, "-c", DIES, str(path), *paths], check=False)
    assert ended.returncode == 9
    assert wal_bytes(path) > 0
    store = SqliteStore(path, KEY)
    tidy(store)
    plain = dump(store, tmp_path)
    store.close()
    assert b"ghjklmnpqrst" not in plain


def test_a_reader_only_delays_the_tidying(store: SqliteStore, tmp_path: Path) -> None:
    author = Author(peer("a"))
    text = author.text("bcdfghjklmnpqrst")
    store.apply(puts(text))
    with store._readers.lend() as connection:
        connection.all("SELECT count(*) FROM entries")
        store.apply(puts(author.delete(text)))
        assert store.tidy()
        assert wal_bytes(tmp_path / "store.db") > 0
    assert not store.tidy()
    assert b"ghjklmnpqrst" not in dump(store, tmp_path)


def test_bodies_that_nobody_deleted_are_missed_until_they_come(store: SqliteStore) -> None:
    author, other = Author(peer("a")), Author(peer("b"))
    first = author.open()
    lost, deleted, kept = author.text("lost"), author.text("deleted"), author.text("kept")
    edit, doomed = author.edit(kept, "edited"), author.edit(deleted, "deleted as well")
    deletion = author.delete(deleted)
    foreign = [other.open(), other.delete(lost)]
    bare = [without_body(entry) for entry in (lost, deleted, edit, doomed, deletion)]
    applied = store.apply(puts(first, *bare, kept, *foreign))
    assert [stored.message for stored in applied.stored][1] is None
    missing = [(entry.hash, entry.header.feed, entry.header.seq) for entry in (edit, lost)]
    assert store.bare_entries(ROOM) == missing
    told = store.apply(puts(lost, deleted, edit, doomed)).stored
    assert told[0].message is not None
    assert told[0].message.text == "lost"
    assert told[2].changed is not None
    assert told[2].changed.text == "edited"
    assert store.bare_entries(ROOM) == []
    assert {row.text for row in store.messages(ROOM, 10)} == {"lost", "", "edited"}
