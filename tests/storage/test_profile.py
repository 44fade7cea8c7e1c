"""A profile: one process at a time, private, and opened by the key it was made with."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from p2pchat.errors import (
    PassphraseNeeded,
    ProfileInUse,
    StoreDamaged,
    StoreError,
    StoreLocked,
)
from p2pchat.model.records import PutMeta
from p2pchat.storage import keys, open_profile
from p2pchat.storage.keys import KEY_FILE, KeyKind
from p2pchat.storage.profile import STORE_FILE

pytestmark = pytest.mark.skipif(os.name != "posix", reason="looks at POSIX modes and signals")


class FakeKeyring:
    """As keyring's backends; keeps its passwords in memory."""

    def __init__(self) -> None:
        self.passwords: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.passwords.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.passwords[service, username] = password


@pytest.fixture
def keyring(monkeypatch: pytest.MonkeyPatch) -> FakeKeyring:
    made = FakeKeyring()
    monkeypatch.setattr(keys, "keyring_may_be_here", lambda: True)
    monkeypatch.setattr(keys, "system_keyring", lambda: made)
    monkeypatch.setattr(keys, "KEYRING_NEW_S", 20.0)  # it answers at once; a busy machine doesn't
    return made


@pytest.fixture
def no_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "keyring_may_be_here", lambda: False)


def mark(directory: Path, passphrase: str | None = None) -> KeyKind:
    with open_profile(directory, passphrase) as store:
        store.apply([PutMeta("mark", b"here")])
        return store.key_kind


def is_marked(directory: Path, passphrase: str | None = None) -> bool:
    with open_profile(directory, passphrase) as store:
        return store.load().meta.get("mark") == b"here"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.usefixtures("no_keyring")
def test_everything_is_private(tmp_path: Path) -> None:
    directory = tmp_path / "deep" / "profile"
    old = os.umask(0)
    try:
        with open_profile(directory) as store:
            store.apply([PutMeta("mark", b"here")])
            assert mode(directory) == 0o700
            files = {path.name: mode(path) for path in directory.iterdir()}
    finally:
        os.umask(old)
    assert set(files.values()) == {0o600}
    assert {STORE_FILE, KEY_FILE, f"{STORE_FILE}-wal"} <= set(files)
    directory.chmod(0o755)
    assert is_marked(directory)
    assert mode(directory) == 0o700


@pytest.mark.usefixtures("no_keyring")
def test_nothing_readable_is_in_the_file(tmp_path: Path) -> None:
    assert mark(tmp_path) == KeyKind.FILE
    raw = b"".join(path.read_bytes() for path in tmp_path.glob("store.db*"))
    assert b"SQLite format" not in raw
    assert b"conversations" not in raw


HOLDS = """
import sys
sys.path[:0] = sys.argv[2:]
from pathlib import Path
from p2pchat.storage import open_profile
store = open_profile(Path(sys.argv[1]))
print("open", flush=True)
sys.stdin.read()
"""


@pytest.mark.usefixtures("no_keyring")
def test_one_process_at_a_time_and_a_killed_one_lets_go(tmp_path: Path) -> None:
    paths = list(filter(None, [*sys.path, os.getcwd()]))
    env = {**os.environ, "DBUS_SESSION_BUS_ADDRESS": "", "XDG_RUNTIME_DIR": str(tmp_path)}
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(tmp_path / "p"), *paths],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=env,
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"open\n"
        with pytest.raises(ProfileInUse):
            open_profile(tmp_path / "p")
        holder.send_signal(signal.SIGKILL)
        holder.wait(10)
    with open_profile(tmp_path / "p"), pytest.raises(ProfileInUse):
        open_profile(tmp_path / "p")


@pytest.mark.usefixtures("no_keyring")
def test_a_passphrase_opens_what_it_guards(tmp_path: Path) -> None:
    assert mark(tmp_path, "correct horse") == KeyKind.PASSPHRASE
    assert is_marked(tmp_path, "correct horse")
    with pytest.raises(PassphraseNeeded):
        open_profile(tmp_path)
    with pytest.raises(StoreLocked, match="wrong passphrase"):
        open_profile(tmp_path, "wrong")
    assert b"horse" not in (tmp_path / KEY_FILE).read_bytes()
    assert is_marked(tmp_path, "correct horse")


def test_the_keyring_is_used_and_remembered(
    tmp_path: Path, keyring: FakeKeyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert mark(tmp_path) == KeyKind.KEYRING
    assert is_marked(tmp_path)
    (kept,) = keyring.passwords.values()
    assert kept.encode() not in (tmp_path / KEY_FILE).read_bytes()
    keyring.passwords.clear()
    with pytest.raises(StoreLocked, match="keyring"):
        open_profile(tmp_path)
    monkeypatch.setattr(keys, "system_keyring", lambda: None)
    with pytest.raises(StoreLocked, match="keyring"):
        open_profile(tmp_path)


def test_a_keyring_that_hangs_or_fails_does_not_hold_up_a_new_profile(
    tmp_path: Path, keyring: FakeKeyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    never = threading.Event()
    monkeypatch.setattr(keys, "KEYRING_NEW_S", 0.1)
    monkeypatch.setattr(keyring, "set_password", lambda *_: never.wait())
    assert mark(tmp_path / "hangs") == KeyKind.FILE
    never.set()

    def fail(*_: object) -> None:
        raise RuntimeError("no D-Bus")

    monkeypatch.setattr(keyring, "set_password", fail)
    assert mark(tmp_path / "fails") == KeyKind.FILE
    monkeypatch.setattr(keyring, "get_password", fail)
    assert is_marked(tmp_path / "fails")


@pytest.mark.parametrize("system", ["win32", "darwin"])
def test_the_systems_own_keyring_may_take_a_second_to_load(
    system: str, keyring: FakeKeyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = threading.Event()
    monkeypatch.setattr(keys, "KEYRING_NEW_S", 0.01)
    monkeypatch.setattr(keys, "system_keyring", lambda: loaded.wait(0.2) or keyring)
    monkeypatch.setattr(sys, "platform", system)
    assert keys._in_keyring(bytes(32)) is not None


def test_a_keyring_that_forgets_at_once_is_not_used(tmp_path: Path, keyring: FakeKeyring) -> None:
    keyring.set_password = lambda *_: None  # type: ignore[method-assign]  # a keyring of no use
    assert mark(tmp_path) == KeyKind.FILE


def test_insecure_keyrings_are_passed_by(monkeypatch: pytest.MonkeyPatch) -> None:
    import keyring as library

    monkeypatch.setattr(library, "get_keyring", FakeKeyring)
    assert keys.system_keyring() is None


@pytest.mark.usefixtures("no_keyring")
def test_damage_is_told_from_a_wrong_key(tmp_path: Path) -> None:
    mark(tmp_path / "a")
    (tmp_path / "a" / STORE_FILE).write_bytes(b"not a database at all" * 1000)
    with pytest.raises(StoreDamaged):
        open_profile(tmp_path / "a")
    mark(tmp_path / "b")
    for damaged in (b"{", b'{"kind":"\xff"}'):
        (tmp_path / "b" / KEY_FILE).write_bytes(damaged)
        with pytest.raises(StoreDamaged):
            open_profile(tmp_path / "b")
    mark(tmp_path / "c")
    (tmp_path / "c" / KEY_FILE).unlink()
    with pytest.raises(StoreLocked):
        open_profile(tmp_path / "c")
    mark(tmp_path / "d")
    other = tmp_path / "a" / KEY_FILE
    (tmp_path / "d" / KEY_FILE).write_bytes(other.read_bytes())
    with pytest.raises(StoreDamaged):
        open_profile(tmp_path / "d")


@pytest.mark.usefixtures("no_keyring")
def test_a_store_that_was_lost_is_not_made_anew(tmp_path: Path) -> None:
    """The person would be another one, and never know why."""
    mark(tmp_path / "a")
    saved = (tmp_path / "a" / STORE_FILE).read_bytes()
    (tmp_path / "a" / STORE_FILE).write_bytes(b"")
    with pytest.raises(StoreDamaged):
        open_profile(tmp_path / "a")
    (tmp_path / "a" / STORE_FILE).unlink()
    with pytest.raises(StoreDamaged):
        open_profile(tmp_path / "a")
    assert not (tmp_path / "a" / STORE_FILE).exists()
    (tmp_path / "a" / STORE_FILE).write_bytes(saved)
    open_profile(tmp_path / "a").close()


@pytest.mark.usefixtures("no_keyring")
def test_a_first_start_that_was_cut_off_is_gone_on_with(tmp_path: Path) -> None:
    keys.obtain_key(tmp_path, None)
    open_profile(tmp_path).close()
    (tmp_path / "b").mkdir()
    keys.obtain_key(tmp_path / "b", None)
    (tmp_path / "b" / STORE_FILE).write_bytes(b"")
    open_profile(tmp_path / "b").close()


@pytest.mark.usefixtures("no_keyring")
def test_a_store_that_a_killed_first_start_left_is_whole(tmp_path: Path) -> None:
    """The file itself holds something from then on, not only its WAL."""
    store = open_profile(tmp_path)
    (tmp_path / "copy").mkdir()
    for file in tmp_path.iterdir():
        if file.is_file():
            (tmp_path / "copy" / file.name).write_bytes(file.read_bytes())
    store.close()
    open_profile(tmp_path / "copy").close()


@pytest.mark.usefixtures("no_keyring")
def test_a_folder_that_cannot_be_used_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "round").symlink_to("round")
    for there in (tmp_path / "round", tmp_path / ("long" * 100)):
        with pytest.raises(StoreError, match="can't be used"):
            keys.is_under_passphrase(there)
        with pytest.raises(StoreError, match="can't be used"):
            open_profile(there)
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="can't be used"):
        open_profile(tmp_path / "file")
