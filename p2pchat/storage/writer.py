"""The one writer: performs writes in a transaction, and tidies up after deletions."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import assert_never

import apsw
import msgspec

from p2pchat.errors import StoreError, StoreLocked
from p2pchat.model.ids import PeerId
from p2pchat.model.records import (
    Applied,
    ConversationRow,
    Disclose,
    DropConversation,
    DropFile,
    DropPerson,
    DropReceipt,
    MarkRead,
    Prune,
    PutConversation,
    PutDevice,
    PutEntry,
    PutFile,
    PutMember,
    PutMeta,
    PutPerson,
    PutReceipt,
    Stored,
    Write,
)
from p2pchat.storage.chapters import Chapters
from p2pchat.storage.database import (
    AUTOCHECKPOINT_PAGES,
    BUSY_MS,
    WRITER_CACHE_KIB,
    connect,
    make_durable,
    sync_commits,
    translated,
)
from p2pchat.storage.files import is_open
from p2pchat.storage.intake import Intake
from p2pchat.storage.ledger import PERSON_KEY, Ledger
from p2pchat.storage.pruning import Pruning
from p2pchat.storage.schema import prepare

_log = logging.getLogger("p2pchat.storage")

CHECKPOINT_PAGES = 512
"""Of 4 KiB in the WAL, above which `tidy` moves them to the file."""
TIDY_CHAPTERS = 8
"""Chapters purged in one go: some 0.3 s, then other writes get their turn."""
TRUNCATE_BUSY_MS = 200
"""How long emptying the WAL waits for readers, before it is left to the next `tidy`."""
_encode = msgspec.msgpack.Encoder().encode


class Writer:
    def __init__(self, path: Path, key: bytes) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._wal_pages = 0
        self._closed = False
        self._waiting = False
        """Something that may wait is written, and not on the disk."""
        self._synced = True
        """What `PRAGMA synchronous` is: a sync at each commit."""
        self._stale_wal = True
        """The WAL may have pages from before a deletion; also at the start, after a crash."""
        with translated(path):
            try:
                self.connection = connect(path, key, WRITER_CACHE_KIB)
            except apsw.NotADBError as error:
                raise StoreLocked(f"the key doesn't open the store: {path}") from error
            try:
                self._open()
            except BaseException:
                self.connection.close()
                raise

    def _open(self) -> None:
        make_durable(self.connection)
        prepare(self.connection)
        self.connection.set_wal_hook(self._count_pages)
        self._chapters = Chapters(self.connection)
        self._ledger = Ledger(self.connection)
        self._intake = Intake(self.connection, self._ledger, self._chapters)
        self._pruning = Pruning(self.connection, self._ledger, self._chapters)

    def _count_pages(self, _connection: apsw.Connection, _name: str, pages: int) -> int:
        self._wal_pages = pages
        return apsw.SQLITE_OK

    def apply(self, writes: Sequence[Write]) -> Applied:
        """`ports.Store.apply`."""
        stored: list[Stored] = []
        with self._lock, translated(self._path):
            may_wait = bool(writes) and all(map(_may_wait, writes))
            with self._transaction(sync=not may_wait):
                self._ledger.begin()
                for write in writes:
                    self._perform(write, stored)
                self._flush()
                spans = {id: feed.runs.spans(id) for id, feed in self._ledger.touched.items()}
            if self._wal_pages > AUTOCHECKPOINT_PAGES:
                self._checkpoint(apsw.SQLITE_CHECKPOINT_PASSIVE)
        return Applied(stored=stored, spans=spans)

    @contextmanager
    def _transaction(self, sync: bool = True) -> Iterator[None]:
        self._sync(sync)
        self.connection.run("BEGIN IMMEDIATE")
        try:
            yield
            self.connection.run("COMMIT")
            self._waiting |= not sync
        except BaseException:
            if self.connection.in_transaction:
                self.connection.run("ROLLBACK")
            for part in (self._chapters, self._ledger, self._intake):
                part.reload()
            raise

    def _sync(self, on: bool) -> None:
        """Whether the next commit waits for the disk, for all that was written before it too."""
        if on != self._synced:
            sync_commits(self.connection, on)
            self._synced = on

    def _flush(self) -> None:
        self._intake.flush()
        self._chapters.flush()
        self._ledger.flush()

    def _perform(self, write: Write, stored: list[Stored]) -> None:
        match write:
            case PutEntry(entry=entry, conversation_mine=mine):
                stored.append(self._intake.put(entry, mine))
            case Disclose(entry=entry):
                stored.append(self._intake.disclose(entry))
            case PutConversation(row=conversation):
                self._put_conversation(conversation)
            case DropConversation(conversation=conv):
                self._flush()
                self._pruning.drop(self._ledger.book(conv))
            case PutPerson(row=person):
                self._put("persons(id, row)", person.id, _encode(person))
            case DropPerson(person=id):
                self.connection.run("DELETE FROM persons WHERE id=?", (id,))
                self.connection.run("DELETE FROM devices WHERE person=?", (id,))
            case PutDevice(row=device):
                self._put("devices", device.id, device.person, _encode(device))
            case PutMember(row=m):
                self._put("members", m.conversation, m.person, m.joined, m.clock, m.hash)
            case PutFile(row=file, new=new):
                self.connection.run(
                    f"INSERT OR {'IGNORE' if new else 'REPLACE'} INTO files VALUES(?, ?, ?, ?, ?)",
                    (file.id, file.conversation, file.clock, is_open(file), _encode(file)),
                )
            case DropFile(id=id):
                self.connection.run("DELETE FROM files WHERE id=?", (id,))
            case PutReceipt(row=r):
                self._put("receipts", r.conversation, r.feed, r.person, r.delivered, r.read)
            case DropReceipt(conversation=conv, person=id, feed=feed):
                self.connection.run(
                    "DELETE FROM receipts WHERE conv=? AND feed=? AND person=?", (conv, feed, id)
                )
            case PutMeta(key=key, value=value):
                self._put("meta(key, value)", key, value)
                if key == PERSON_KEY:
                    self._ledger.person = PeerId(value.decode())
            case MarkRead(conversation=conv, clock=clock, hash=hash):
                self._flush()
                self._ledger.mark_read(self._ledger.book(conv), clock, hash)
            case Prune(conversation=conv, budget=budget):
                self._flush()
                self._pruning.prune(self._ledger.book(conv), budget)
            case _:
                assert_never(write)

    def _put(self, table: str, *values: object) -> None:
        marks = ", ".join("?" * len(values))
        self.connection.run(f"INSERT OR REPLACE INTO {table} VALUES({marks})", values)

    def _put_conversation(self, row: ConversationRow) -> None:
        book = self._ledger.book(row.id)
        book.joined_at = row.joined_at
        self.connection.run("UPDATE conversations SET row=? WHERE num=?", (_encode(row), book.num))

    # -- tidying

    def tidy(self) -> bool:
        """`ports.Store.tidy`."""
        with self._lock, translated(self._path):
            dirty = self._chapters.dirty()
            for num, what in dirty[:TIDY_CHAPTERS]:
                with self._transaction():
                    self._chapters.tidy(num, what)
            self._stale_wal |= bool(dirty)
            if len(dirty) > TIDY_CHAPTERS:
                return True
            if self._stale_wal:
                self._stale_wal = not self._checkpoint(apsw.SQLITE_CHECKPOINT_TRUNCATE)
            elif self._wal_pages > CHECKPOINT_PAGES or self._waiting:
                self._checkpoint(apsw.SQLITE_CHECKPOINT_PASSIVE)
            return self._stale_wal

    def _checkpoint(self, mode: int) -> bool:
        """Whether it was done; a reader may hold it up, or a full disk. Nothing is lost by that,
        the next one does it."""
        self.connection.set_busy_timeout(TRUNCATE_BUSY_MS)
        try:
            self.connection.wal_checkpoint(mode=mode)
        except (apsw.BusyError, apsw.FullError, apsw.IOError):
            return False
        finally:
            self.connection.set_busy_timeout(BUSY_MS)
        self._wal_pages = 0
        self._waiting = False
        return True

    def close(self) -> None:
        """May be called again."""
        if self._closed:
            return
        self._closed = True
        try:
            while self.tidy() and self._chapters.dirty():
                pass
        except StoreError as error:
            # Everything that was acknowledged is in the files; the next start tidies.
            _log.warning("closing the store: %s", error)
        finally:
            self.connection.close()


def _may_wait(write: Write) -> bool:
    return isinstance(write, PutConversation | PutMeta) and write.may_wait
