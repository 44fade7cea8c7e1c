"""The folder of a profile: one process at a time, readable by its owner alone.

In it: `store.db` with its `-wal` and `-shm` (everything that is kept, encrypted), `store.key` (how
the store's key is found, see `keys`), `lock`. Other parts put their own files beside these.
"""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from types import TracebackType

from p2pchat.errors import ProfileInUse, StoreDamaged, StoreLocked
from p2pchat.storage.database import translated
from p2pchat.storage.keys import (
    KEY_FILE,
    KeyKind,
    folder_unusable,
    has_key,
    has_store,
    obtain_key,
    remember_store,
)
from p2pchat.storage.store import SqliteStore

STORE_FILE = "store.db"
LOCK_FILE = "lock"
FOLDER_LOCK_FILE = "running"
"""Of the data folder, whichever of its profiles is open."""


class ProfileLock:
    """Held by the process that runs on the profile. The system lets go of it when the process
    ends, however it ends."""

    def __init__(self, directory: Path, name: str = LOCK_FILE) -> None:
        path = directory / name
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _lock(self._handle)
        except OSError as error:
            os.close(self._handle)
            if error.errno in (errno.EACCES, errno.EAGAIN, errno.EDEADLK):
                raise ProfileInUse(f"another process runs on this profile: {directory}") from None
            raise

    def release(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


def _lock(handle: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


class ProfileStore(SqliteStore):
    """The store of an open profile; `close` lets another process open it."""

    def __init__(self, directory: Path, lock: ProfileLock, key: bytes, key_kind: KeyKind) -> None:
        super().__init__(directory / STORE_FILE, key)
        self.directory = directory
        self.key_kind = key_kind
        """For people: whether a keyring, a passphrase or only the file's mode guards the store."""
        self._lock = lock

    def close(self) -> None:
        try:
            super().close()
        finally:
            self._lock.release()

    def __enter__(self) -> ProfileStore:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def open_profile(directory: Path, passphrase: str | None = None) -> ProfileStore:
    """Open the profile in this folder, or make one there; a passphrase guards a new one, and
    opens one that it guards. Blocks, for some 0.2 s. ProfileInUse; PassphraseNeeded, StoreLocked;
    StoreDamaged; DiskFull; StoreError where the folder can't be used."""
    try:
        _make_private(directory)
        lock = ProfileLock(directory)
    except OSError as error:
        raise folder_unusable(directory, error) from error
    path = directory / STORE_FILE
    try:
        if path.exists() and not has_key(directory):
            raise StoreLocked(f"the profile's key file is missing: {directory / KEY_FILE}")
        if has_store(directory) and not _holds_something(path):
            raise StoreDamaged(
                f"the store is gone or empty: {path}: put it back, or remove the folder to start as"
                " a new person"
            )
        key, kind = obtain_key(directory, passphrase)
        try:
            store = ProfileStore(directory, lock, key, kind)
        except StoreLocked as error:
            # The key is the right one, or obtain_key had said so.
            raise StoreDamaged(f"the store is damaged: {path}") from error
        try:
            remember_store(directory)
        except BaseException:
            store.close()
            raise
        return store
    except BaseException:
        lock.release()
        raise


def hold_folder(directory: Path) -> ProfileLock:
    """Of the data folder; it is made where it isn't there. ProfileInUse, StoreError."""
    try:
        _make_private(directory)
        return ProfileLock(directory, FOLDER_LOCK_FILE)
    except OSError as error:
        raise folder_unusable(directory, error) from error


def _holds_something(path: Path) -> bool:
    with translated(path):
        return path.exists() and path.stat().st_size > 0


def _make_private(directory: Path) -> None:
    """Make the folder 0700. One that was there and is no profile yet keeps its mode: it may have
    other uses."""
    new = not directory.exists()
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    if os.name == "posix" and (new or has_key(directory)):
        directory.chmod(0o700)
