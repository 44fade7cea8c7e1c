"""What the files of a store hold once they are decrypted: every page as it is, used or not."""

from __future__ import annotations

import shutil
from pathlib import Path

from p2pchat.storage.database import connect


def decrypted(store: Path, key: bytes, work: Path) -> bytes:
    """All pages of the store's main file in plain, free ones too. Its WAL must be empty: see
    `wal_bytes`. (A rekey wouldn't do: without a cipher pages need no room for a tag, so it runs
    VACUUM, which leaves free pages behind.)"""
    copy = work / "copy.db"
    shutil.copy(store, copy)
    connection = connect(copy, key, 1024)
    plain = connection.serialize("main")
    connection.close()
    size = copy.stat().st_size
    for file in work.glob("copy.db*"):
        file.unlink()
    assert plain.startswith(b"SQLite format 3\0")
    assert len(plain) == size
    return plain


def wal_bytes(store: Path) -> int:
    wal = store.with_name(store.name + "-wal")
    return wal.stat().st_size if wal.exists() else 0
