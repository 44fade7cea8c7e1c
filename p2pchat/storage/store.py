"""The encrypted store of a profile: `node.ports.Store` on SQLite."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from pathlib import Path

from p2pchat.model.entry import WireEntry
from p2pchat.model.ids import ConversationId, EntryHash, FeedId, PeerId
from p2pchat.model.records import Applied, FileRow, MessageRow, Overview, StoredState, Write
from p2pchat.storage import reading
from p2pchat.storage.database import Readers, translated
from p2pchat.storage.files import file_row
from p2pchat.storage.writer import Writer

Entries = list[tuple[EntryHash, WireEntry]]


class SqliteStore:
    """One file, one writing connection, and one reading connection for each thread that reads.
    `key` is 32 bytes. Raises StoreLocked where they don't open the file, StoreDamaged, DiskFull,
    or StoreError, also where a newer version wrote it."""

    def __init__(self, path: Path, key: bytes) -> None:
        with translated(path):
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        self._writer = Writer(path, key)
        self._readers = Readers(path, key)

    def load(self, clock_bound: int = reading.NO_BOUND) -> StoredState:
        with self._readers.lend() as connection:
            return reading.load(connection, clock_bound)

    def apply(self, writes: Sequence[Write]) -> Applied:
        return self._writer.apply(writes)

    def tidy(self) -> bool:
        return self._writer.tidy()

    def read_branch(
        self,
        conversation: ConversationId,
        tip: EntryHash,
        low: int,
        max_bytes: int,
        with_first: bool = False,
    ) -> Entries:
        with self._readers.lend() as connection:
            return reading.read_branch(connection, conversation, tip, low, max_bytes, with_first)

    def read_entries(self, hashes: Sequence[EntryHash]) -> Entries:
        with self._readers.lend() as connection:
            return reading.read_entries(connection, hashes)

    def unread_entries(self, conversation: ConversationId, feed: FeedId | None = None) -> Entries:
        with self._readers.lend() as connection:
            return reading.unread_entries(connection, conversation, feed)

    def bare_entries(self, conversation: ConversationId) -> list[tuple[EntryHash, FeedId, int]]:
        with self._readers.lend() as connection:
            return reading.bare_entries(connection, conversation)

    def messages(
        self,
        conversation: ConversationId,
        limit: int,
        before: EntryHash | None = None,
        after: EntryHash | None = None,
        around: EntryHash | None = None,
    ) -> list[MessageRow]:
        with self._readers.lend() as connection:
            return reading.messages(connection, conversation, limit, before, after, around)

    def message_since(
        self, conversation: ConversationId, ms: int, skipped: Collection[PeerId] = ()
    ) -> EntryHash | None:
        with self._readers.lend() as connection:
            return reading.message_since(connection, conversation, ms, skipped)

    def message(self, hash: EntryHash) -> MessageRow | None:
        with self._readers.lend() as connection:
            return reading.message(connection, hash)

    def search(
        self, query: str, conversation: ConversationId | None, limit: int
    ) -> list[MessageRow]:
        with self._readers.lend() as connection:
            return reading.search(connection, query, conversation, limit)

    def overviews(self) -> list[Overview]:
        with self._readers.lend() as connection:
            return reading.overviews(connection)

    def positions(
        self, conversation: ConversationId, clock: int, hash: EntryHash
    ) -> list[tuple[FeedId, int]]:
        with self._readers.lend() as connection:
            return reading.positions(connection, conversation, clock, hash)

    def message_at(self, feed: FeedId, seq: int) -> EntryHash | None:
        with self._readers.lend() as connection:
            return reading.message_at(connection, feed, seq)

    def file(self, id: EntryHash) -> FileRow | None:
        with self._readers.lend() as connection:
            return file_row(connection, id)

    def files(self, conversation: ConversationId | None, limit: int) -> list[MessageRow]:
        with self._readers.lend() as connection:
            return reading.files(connection, conversation, limit)

    def close(self) -> None:
        self._readers.close()
        self._writer.close()
