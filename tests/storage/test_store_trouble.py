"""What goes wrong with files is told plainly, and nothing half-done is kept."""

from __future__ import annotations

import gc
import signal
import subprocess
import sys
import threading
from pathlib import Path

import apsw
import pytest
from disks import disk
from histories import KEY, ROOM, Author, peer, puts

from p2pchat.errors import DiskFull, StoreDamaged, StoreError, StoreLocked
from p2pchat.model.ids import DeviceId, FeedId
from p2pchat.model.records import (
    ConversationKind,
    ConversationRow,
    DeviceRow,
    DropPerson,
    MemberRow,
    PersonRow,
    PutConversation,
    PutDevice,
    PutMember,
    PutMeta,
    PutPerson,
    PutReceipt,
    ReceiptRow,
    Write,
)
from p2pchat.storage.database import connect
from p2pchat.storage.store import SqliteStore


def test_rows_come_back(store: SqliteStore) -> None:
    person = PersonRow(id=peer("a"), key=b"k" * 32, name="Ann", label="Ann_2", contact=True)
    device = DeviceRow(
        id=DeviceId("d" * 32), key=b"e" * 32, person=peer("a"), addresses=(("10.0.0.1", 27474),)
    )
    row = ConversationRow(id=ROOM, kind=ConversationKind.OPEN, name="x", keys=((b"i", b"k"),))
    member = MemberRow(conversation=ROOM, person=peer("a"), joined=True, clock=5, hash=b"h" * 32)  # type: ignore[arg-type]  # any bytes
    receipt = ReceiptRow(conversation=ROOM, person=peer("a"), feed=FeedId(b"f" * 40), read=3)
    store.apply([PutPerson(person), PutDevice(device), PutConversation(row), PutMember(member)])
    store.apply([PutReceipt(receipt), PutMeta("m", b"\0\xff")])
    state = store.load()
    assert (state.persons, state.devices, state.conversations) == ((person,), (device,), (row,))
    assert (state.members, state.receipts, state.meta["m"]) == ((member,), (receipt,), b"\0\xff")
    store.apply([DropPerson(peer("a"))])
    assert (store.load().persons, store.load().devices) == ((), ())


def test_a_full_disk_keeps_nothing_of_the_write(store: SqliteStore) -> None:
    author = Author(peer("a"))
    first = [author.open(), author.text("fits")]
    store.apply(puts(*first))
    writer = store._writer.connection
    pages = writer.pragma("page_count")
    writer.run(f"PRAGMA max_page_count={pages + 3}")
    many = [author.text("x" * 2000) for _ in range(50)]
    with pytest.raises(DiskFull):
        store.apply([PutMeta("half", b"done"), *puts(*many)])
    assert "half" not in store.load().meta
    assert len(store.messages(ROOM, 100)) == 1
    writer.run("PRAGMA max_page_count=1000000")
    applied = store.apply(puts(*many))
    assert applied.spans[author.feed][0].low == 0
    assert len(store.messages(ROOM, 100)) == 51
    assert len(store.search("fits", None, 5)) == 1


def fill(store: SqliteStore, author: Author) -> int:
    """Put messages until the disk is full; how many were acknowledged."""
    for kept in range(0, 4000, 20):
        try:
            store.apply(puts(*(author.text("x" * 2000) for _ in range(20))))
        except DiskFull:
            return kept
    raise AssertionError("the disk never was full")


def test_a_disk_that_is_really_full(tmp_path: Path) -> None:
    with disk(tmp_path / "disk", "size=3m") as small:
        store = SqliteStore(small / "store.db", KEY)
        try:
            author = Author(peer("a"))
            store.apply(puts(author.open()))
            kept = fill(store, author)
            assert len(store.messages(ROOM, 10_000)) == kept
        finally:
            store.close()
        again = SqliteStore(small / "store.db", KEY)
        try:
            assert len(again.messages(ROOM, 10_000)) == kept
        finally:
            again.close()


def test_a_wrong_key_is_told(store: SqliteStore, tmp_path: Path) -> None:
    with pytest.raises(StoreLocked):
        SqliteStore(tmp_path / "store.db", bytes(32))
    with pytest.raises(StoreLocked):
        SqliteStore(tmp_path / "store.db", b"short")


def test_damaged_pages_are_told(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    store = SqliteStore(path, KEY)
    author = Author(peer("a"))
    made = [author.text(f"word {n}") for n in range(2000)]
    store.apply(puts(*made))
    store.close()
    raw = bytearray(path.read_bytes())
    for place in range(5 * 4096, len(raw), 4096):
        raw[place + 100] ^= 0xFF
    path.write_bytes(raw)
    with pytest.raises(StoreDamaged):
        SqliteStore(path, KEY).read_entries([entry.hash for entry in made])


def test_a_newer_store_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    SqliteStore(path, KEY).close()
    connection = connect(path, KEY, 1024)
    connection.run("PRAGMA user_version=99")
    connection.close()
    with pytest.raises(StoreError, match="newer version"):
        SqliteStore(path, KEY)


def test_a_closed_store_says_so(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "store.db", KEY)
    store.close()
    with pytest.raises(StoreError):
        store.load()
    store.close()


def test_readers_read_while_the_writer_writes(store: SqliteStore) -> None:
    author = Author(peer("a"))
    batches = [[author.text(f"word {n}") for n in range(20)] for _ in range(60)]
    done, errors = threading.Event(), list[BaseException]()

    def read() -> None:
        try:
            seen = 0
            while not done.is_set() or seen == 0:
                rows = store.messages(ROOM, 2000)
                assert len(rows) % 20 == 0, "a transaction was seen in part"
                assert len(rows) >= seen
                seen = len(rows)
                store.search("word", None, 10)
                store.load()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for batch in batches:
        store.apply(puts(*batch))
        store.tidy()
    done.set()
    for thread in threads:
        thread.join(30)
    assert errors == []
    assert len(store.messages(ROOM, 2000)) == 1200


def test_no_cursor_stays_behind(store: SqliteStore) -> None:
    """apsw leaks a cursor that is closed by hand; a million messages would leave as many."""
    author = Author(peer("a"))

    def cursors() -> int:
        gc.collect()
        return sum(isinstance(thing, apsw.Cursor) for thing in gc.get_objects())

    before = cursors()
    store.apply(puts(*(author.text(f"word {n}") for n in range(300))))
    store.read_branch(ROOM, author.made[-1].hash, 0, 2000)
    store.search("word", None, 10)
    store.load()
    assert cursors() <= before + 5


def test_only_what_may_wait_waits_for_no_disk(store: SqliteStore) -> None:
    """As SQLite says for each commit; `tidy` brings it to the disk."""
    row = ConversationRow(id=ROOM, kind=ConversationKind.OPEN, name="x", draft="half")
    said: list[int] = []
    writer = store._writer

    def note(*_: object) -> int:
        said.append(writer.connection.pragma("synchronous"))
        return apsw.SQLITE_OK

    writer.connection.set_commit_hook(lambda: bool(note()))
    draft, other = PutConversation(row, may_wait=True), PutMeta("m", b"x")
    small = PutMeta("d", b"half", may_wait=True)
    groups: list[list[Write]] = [[draft], [other], [draft], [draft, other], [small]]
    for writes in groups:
        store.apply(writes)
    full, normal = 2, 1
    assert said == [normal, full, normal, full, normal]
    assert store._writer._waiting
    store.tidy()
    assert not store._writer._waiting
    assert store.load().conversations == (row,)


def test_what_may_wait_outlives_a_kill(tmp_path: Path) -> None:
    code = f"""if True:
        import os, signal
        from pathlib import Path
        from p2pchat.model.records import ConversationKind, ConversationRow, PutConversation
        from p2pchat.storage.store import SqliteStore
        store = SqliteStore(Path({str(tmp_path / "store.db")!r}), {KEY!r})
        row = ConversationRow(id={ROOM!r}, kind=ConversationKind.OPEN, name="x", draft="half")
        store.apply([PutConversation(row, may_wait=True)])
        os.kill(os.getpid(), signal.SIGKILL)
    """
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == -signal.SIGKILL
    store = SqliteStore(tmp_path / "store.db", KEY)
    try:
        assert [row.draft for row in store.load().conversations] == ["half"]
    finally:
        store.close()
