"""The profiles of one data folder: its own, and those of accounts and of persons after them.

`accounts/index.json` says which folder is an account's, and which was used last; folders stand
there relative to the data folder. `accounts/ACCOUNT_ID` is where an account is signed in first.
"""

from __future__ import annotations

import contextlib
import logging
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path

import msgspec

from p2pchat.config import limits
from p2pchat.errors import P2PChatError, StoreError
from p2pchat.model.accounts import SignedOut
from p2pchat.node.ports import Depot, Store
from p2pchat.storage.depot.depot import FileDepot
from p2pchat.storage.keys import (
    destroy_key,
    drop_sealed_key,
    forget_key,
    restore_key,
    seal_key,
    write_private,
)
from p2pchat.storage.profile import (
    FOLDER_LOCK_FILE,
    LOCK_FILE,
    ProfileLock,
    hold_folder,
    open_profile,
)

log = logging.getLogger("p2pchat.storage")

ACCOUNTS = "accounts"
INDEX = "index.json"
GUEST = "guest-"
DOWNLOADS = "downloads"
_STAYS = (DOWNLOADS, ACCOUNTS, LOCK_FILE, FOLDER_LOCK_FILE)
"""In a folder whose profile is removed: locks are held meanwhile, accounts have downloads too."""


class _Unsent(msgspec.Struct):
    since: int
    """Wall clock, ms."""
    wanted: list[str] = []
    """By whom; empty: that isn't known."""


class _Index(msgspec.Struct):
    last: str = "."
    folders: dict[str, str] = {}
    departing: dict[str, list[str]] = {}
    """Folders of those who are signing out, and which downloads go with them; and of those who are
    signing in, who leave as well unless they get there."""
    left: list[str] = []
    """Folders that nobody opens again."""
    unsent: dict[str, _Unsent] = {}
    """Folders of those without an account whose words aren't with anybody yet."""


class ProfileFolders:
    """`node.ports.Profiles`."""

    def __init__(self, base: Path, passphrase: str | None) -> None:
        self._base = base
        self._passphrase = passphrase
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """For as long as this process runs: of two, each would write its own list over the other's.
        ProfileInUse, StoreError."""
        lock = hold_folder(self._base)
        try:
            yield
        finally:
            lock.release()

    def delete(self) -> None:
        """All of it, for good, but what was downloaded. Blocks. ProfileInUse, StoreError."""
        accounts = self._base / ACCOUNTS
        try:
            with self.held():
                for folder in [*accounts.glob("*"), self._base]:
                    _remove(folder)
                self._path.unlink(missing_ok=True)
            (self._base / FOLDER_LOCK_FILE).unlink()
            for empty in (accounts, self._base):
                with contextlib.suppress(OSError):
                    empty.rmdir()
        except OSError as error:
            raise StoreError(f"the profile isn't removed: {error}") from error

    @property
    def _path(self) -> Path:
        return self._base / ACCOUNTS / INDEX

    def _read(self) -> _Index:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=_Index)
        except FileNotFoundError:
            return _Index()
        except (OSError, ValueError) as error:
            raise StoreError(f"the list of accounts can't be read: {self._path}") from error

    def _write(self, index: _Index) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise StoreError(f"the profile can't be written: {self._path.parent}") from error
        write_private(self._path, msgspec.json.encode(index))

    def _inside(self, relative: str) -> str:
        """The index is this machine's own, but it mustn't lead elsewhere."""
        folder = (self._base / relative).resolve()
        if not folder.is_relative_to(self._base.resolve()):
            raise StoreError(f"the list of accounts is damaged: {self._path}")
        return str(self._base if folder == self._base.resolve() else folder)

    def last(self) -> str:
        """The folder of the profile that was used last."""
        return self._inside(self._read().last)

    def open(
        self, folder: str, unseal: Callable[[bytes], bytes | None] | None = None
    ) -> tuple[Store, Depot]:
        path = Path(folder)
        if unseal is not None:
            self._arrive(path, unseal)
        store = open_profile(path, self._passphrase)
        try:
            depot = self._depot(path)
        except BaseException:
            store.close()
            raise
        return store, depot

    def _arrive(self, path: Path, unseal: Callable[[bytes], bytes | None]) -> None:
        """Somebody signs in. Until `use` says that they are there, the next start leaves no key of
        theirs here: the process may be ended at any moment."""
        if not path.exists():
            self._note_fresh(self._relative(str(path)))
            return
        lock = ProfileLock(path)
        try:
            with self._lock:
                index = self._read()
                index.departing.setdefault(self._relative(str(path)), [])
                self._write(index)
            restore_key(path, unseal)
        finally:
            lock.release()

    def _depot(self, path: Path) -> FileDepot:
        return FileDepot(path / "files", path / DOWNLOADS, self._base)

    def of_account(self, account: str) -> str:
        kept = self._read().folders.get(account)
        return self._inside(kept if kept is not None else f"{ACCOUNTS}/{account}")

    def fresh(self) -> str:
        """`ports.Profiles.fresh`."""
        relative = f"{ACCOUNTS}/{GUEST}{secrets.token_hex(8)}"
        self._note_fresh(relative)
        return self._inside(relative)

    def is_guests(self, folder: str) -> bool:
        """`ports.Profiles.is_guests`."""
        return _is_guests(self._relative(folder))

    def _note_fresh(self, relative: str) -> None:
        with self._lock:
            index = self._read()
            index.left.append(relative)  # until somebody goes on in it
            self._write(index)

    def keep_account(self, account: str, folder: str) -> bool:
        """`ports.Profiles.keep_account`."""
        with self._lock:
            index = self._read()
            is_news = account not in index.folders
            index.folders[account] = self._relative(folder)
            self._write(index)
        return is_news

    def drop_account(self, account: str) -> None:
        """`ports.Profiles.drop_account`."""
        with self._lock:
            index = self._read()
            if index.folders.pop(account, None) is not None:
                self._write(index)

    def use(self, folder: str, left: str) -> None:
        """`ports.Profiles.use`."""
        with self._lock:
            index = self._read()
            self._go_on(index, folder)
            before = self._relative(left)
            if before not in (index.last, *index.folders.values()):
                index.unsent[before] = _Unsent(_wall_ms())
            self._write(index)
        drop_sealed_key(Path(folder))

    def parted(self, folder: str, wanted: Collection[str]) -> None:
        """`ports.Profiles.parted`."""
        relative = self._relative(folder)
        with self._lock:
            index = self._read()
            waiting = index.unsent.get(relative)
            if waiting is not None and wanted:
                waiting.wanted = sorted(wanted)
            elif waiting is not None:
                _let_go(index, relative)
            for late in _overdue(index):
                log.warning("what waits to be sent in %s is given up", late)
                _let_go(index, late)
            self._write(index)
        self._remove_left()

    def unsent(self) -> Mapping[str, Collection[str]]:
        """`ports.Profiles.unsent`."""
        found = self._read().unsent
        return {self._inside(folder): waiting.wanted for folder, waiting in found.items()}

    def _go_on(self, index: _Index, folder: str) -> None:
        """Whoever was leaving it, and comes back before that is finished, doesn't leave."""
        index.last = self._relative(folder)
        index.left = [folder for folder in index.left if folder != index.last]
        index.unsent.pop(index.last, None)
        index.departing.pop(index.last, None)

    def _remove_left(self) -> None:
        for relative in self._read().left:
            try:
                _remove(Path(self._inside(relative)))
                with self._lock:
                    index = self._read()
                    index.left.remove(relative)
                    self._write(index)
            except (P2PChatError, OSError) as error:
                log.warning("a profile that nobody uses isn't removed: %s", error)

    def _relative(self, folder: str) -> str:
        return Path(folder).resolve().relative_to(self._base.resolve()).as_posix()

    def depart(
        self, folder: str, to: str, seal: Callable[[bytes], bytes], delete: Collection[str]
    ) -> None:
        """`ports.Profiles.depart`."""
        seal_key(Path(folder), seal)
        with self._lock:
            index = self._read()
            self._go_on(index, to)
            index.departing[self._relative(folder)] = sorted(delete)
            self._write(index)
        drop_sealed_key(Path(to))

    def departed(self, folder: str) -> SignedOut:
        """`ports.Profiles.departed`."""
        path, relative = Path(folder), self._relative(folder)
        lock = ProfileLock(path)
        try:
            forget_key(path)
            delete = self._read().departing.get(relative, [])
            left = self._depot(path).leave(delete)
        finally:
            lock.release()
        with self._lock:
            index = self._read()
            if index.departing.pop(relative, None) is not None:
                self._write(index)
        return left

    def finish_departures(self) -> None:
        """`ports.Profiles.finish_departures`: at the start, of those when the process was ended."""
        self._remove_left()
        for relative in self._read().departing:
            try:
                self.departed(self._inside(relative))
            except (P2PChatError, OSError) as error:
                log.warning("signing out isn't finished: %s", error)


def _let_go(index: _Index, relative: str) -> None:
    """Nobody opens it again."""
    del index.unsent[relative]
    if _is_guests(relative):
        index.left.append(relative)


def _is_guests(relative: str) -> bool:
    return relative.startswith(f"{ACCOUNTS}/{GUEST}")


def _overdue(index: _Index) -> list[str]:
    """Those that have waited for too long, and the oldest where there are too many."""
    oldest = sorted(index.unsent, key=lambda folder: index.unsent[folder].since)
    until = _wall_ms() - limits.HOLD_MS
    late = sum(index.unsent[folder].since < until for folder in oldest)
    return oldest[: max(late, len(oldest) - limits.UNSENT_PROFILES)]


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000


def is_profile(folder: Path) -> bool:
    """Whether there is one, or several, in a data folder; else it may hold downloads."""
    return (folder / LOCK_FILE).exists()


def _remove(folder: Path) -> None:
    """A profile, its key first; what was downloaded stays."""
    if not folder.is_dir():
        return
    lock = ProfileLock(folder)
    try:
        destroy_key(folder)
        for path in folder.iterdir():
            if path.name in _STAYS:
                continue
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
    finally:
        lock.release()
    (folder / LOCK_FILE).unlink()
    for empty in (folder / DOWNLOADS, folder):
        with contextlib.suppress(OSError):
            empty.rmdir()
