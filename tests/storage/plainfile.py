"""What the files of a store hold once they are decrypted: every page as it is, used or not."""

from __future__ import annotations

import shutil
from pathlib import Path

from p2pchat.storage.database import connect


def decrypted(store: Path, key: bytes, work: Path) -> bytes:
    """The store's main file in plain. Its WAL must be empty: see `wal_bytes`. SQLite3 Multiple
    Ciphers' rekey rewrites page by page, without touching what a page holds."""
    copy = work / "copy.db"
    shutil.copy(store, copy)
    connection = connect(copy, key, 1024)
    connection.run("PRAGMA journal_mode=DELETE")
    connection.run("PRAGMA rekey=''")
    connection.close()
    plain = copy.read_bytes()
    copy.unlink()
    assert plain.startswith(b"SQLite format 3\0")
    return plain


def wal_bytes(store: Path) -> int:
    wal = store.with_name(store.name + "-wal")
    return wal.stat().st_size if wal.exists() else 0
