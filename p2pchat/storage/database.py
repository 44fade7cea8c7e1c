"""Connections to the encrypted SQLite file, and its errors as those of p2pchat."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw
import msgspec

from p2pchat.errors import DiskFull, StoreDamaged, StoreError, StoreLocked

KEY_BYTES = 32
WRITER_CACHE_KIB = 6 * 1024
READER_CACHE_KIB = 1024
IDLE_READERS = 3
"""Read connections that are kept for the next reader; each holds up to READER_CACHE_KIB."""
AUTOCHECKPOINT_PAGES = 4096
"""Of 4 KiB. A checkpoint costs milliseconds, so `tidy` does it between writes; a writer that is
never idle does it after a write at this size of the WAL."""
STATEMENTS = 256
"""Prepared statements a connection keeps: those of some 100 chapters and parts of `hashes`."""
BUSY_MS = 10_000
_FEW_BYTES = 1024 * 1024
"""A file system with less than this free is full: what SQLite then calls an I/O error is that."""

Row = tuple[Any, ...]


class Connection(apsw.Connection):
    """A connection whose statements run to their end: apsw's `execute` stops at the first row, and
    a statement that stands there holds its snapshot beyond COMMIT. (Closing a cursor by hand would
    end it as well, but leaks the cursor in apsw 3.54.)"""

    def run(self, sql: str, args: Sequence[Any] = ()) -> None:
        for _ in self.execute(sql, args):
            pass

    def all(self, sql: str, args: Sequence[Any] = ()) -> list[Row]:
        return self.execute(sql, args).fetchall()

    def one(self, sql: str, args: Sequence[Any] = ()) -> Row | None:
        """The first row; for statements that have few."""
        rows = self.execute(sql, args).fetchall()
        return rows[0] if rows else None


def connect(path: Path, key: bytes, cache_kib: int) -> Connection:
    """A connection with the file's key set (32 bytes, used as it is); apsw.NotADBError where it
    doesn't open the file. AEGIS-256 is the fastest authenticated cipher at hand and, unlike
    GCM, needs no counter to be kept: nonces are random."""
    if len(key) != KEY_BYTES:
        raise StoreLocked("the store's key has a wrong length")
    connection = Connection(str(path), statementcachesize=STATEMENTS)
    connection.set_busy_timeout(BUSY_MS)
    connection.run("PRAGMA cipher='aegis'")
    connection.run(f"PRAGMA key='raw:{key.hex()}'")
    connection.run(f"PRAGMA cache_size=-{cache_kib}")
    connection.run("PRAGMA secure_delete=ON")
    connection.run("PRAGMA temp_store=MEMORY")
    connection.run("SELECT count(*) FROM sqlite_schema")
    return connection


def make_durable(writer: Connection) -> None:
    """WAL with a sync at every commit: what `apply` returned for survives a power cut."""
    writer.run("PRAGMA journal_mode=WAL")
    sync_commits(writer, True)


def sync_commits(writer: Connection, on: bool) -> None:
    """Without it what was committed outlives the process, and is on the disk with the next commit
    that is synced, or a checkpoint; the file is sound either way (https://sqlite.org/wal.html).
    SQLite takes the pragma when it prepares it, so it isn't to come from the statement cache."""
    writer.execute(f"PRAGMA synchronous={'FULL' if on else 'NORMAL'}", can_cache=False).fetchall()


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """SQLite's errors as StoreError, each one line for a person."""
    try:
        yield
    except apsw.FullError as error:
        raise DiskFull("the disk is full: nothing was stored") from error
    except (apsw.CorruptError, apsw.NotADBError, msgspec.DecodeError) as error:
        raise StoreDamaged(f"the store is damaged: {path}") from error
    except apsw.IOError as error:
        if _is_full(path):
            raise DiskFull("the disk is full: nothing was stored") from error
        raise StoreDamaged(f"the store can't be read or written: {path}: {error}") from error
    except (apsw.CantOpenError, apsw.ReadOnlyError, apsw.PermissionsError, OSError) as error:
        raise StoreError(f"the store can't be opened: {path}: {error}") from error
    except apsw.Error as error:
        raise StoreError(f"the store failed: {error}") from error


def _is_full(path: Path) -> bool:
    try:
        return shutil.disk_usage(path.parent).free < _FEW_BYTES
    except OSError:
        return False


class Readers:
    """Read connections, one for each thread that reads at a time."""

    def __init__(self, path: Path, key: bytes) -> None:
        self._path = path
        self._key = key
        self._idle: list[Connection] = []
        self._lock = threading.Lock()
        self._closed = False

    @contextmanager
    def lend(self) -> Iterator[Connection]:
        """A connection inside one read transaction: everything is of the same moment."""
        with self._lock:
            if self._closed:
                raise StoreError("the store is closed")
            connection = self._idle.pop() if self._idle else None
        with translated(self._path):
            if connection is None:
                connection = connect(self._path, self._key, READER_CACHE_KIB)
                connection.run("PRAGMA query_only=ON")
            connection.run("BEGIN")
            try:
                yield connection
            finally:
                connection.run("COMMIT")
                self._give_back(connection)

    def _give_back(self, connection: Connection) -> None:
        with self._lock:
            if not self._closed and len(self._idle) < IDLE_READERS:
                self._idle.append(connection)
                return
        connection.close()

    def close(self) -> None:
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()
