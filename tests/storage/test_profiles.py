"""The profiles of one data folder, and the key that stays sealed while nobody is signed in."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from p2pchat.errors import ProfileInUse, StoreError, StoreLocked
from p2pchat.model.records import PutMeta
from p2pchat.storage.keys import KEY_FILE, SEALED_FILE, has_key
from p2pchat.storage.profiles import ACCOUNTS, INDEX, ProfileFolders

ACCOUNT = "a" * 32


@pytest.fixture(autouse=True)
def no_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("p2pchat.storage.keys.keyring_may_be_here", lambda: False)


def seal(key: bytes) -> bytes:
    return bytes(byte ^ 0x5A for byte in key)


def wrong(sealed: bytes) -> bytes | None:
    return None


def test_the_folder_itself_is_used_until_somebody_signs_in(tmp_path: Path) -> None:
    profiles = ProfileFolders(tmp_path, None)
    assert profiles.last() == str(tmp_path)
    assert profiles.of_account(ACCOUNT) == str(tmp_path / ACCOUNTS / ACCOUNT)
    profiles.keep_account(ACCOUNT, str(tmp_path))
    assert profiles.of_account(ACCOUNT) == str(tmp_path), "registered in this very profile"
    fresh, other = profiles.fresh(), profiles.fresh()
    assert fresh != other
    profiles.use(fresh)
    assert ProfileFolders(tmp_path, None).last() == fresh
    assert stat.S_IMODE((tmp_path / ACCOUNTS / INDEX).stat().st_mode) == 0o600


@pytest.mark.parametrize("text", ["nonsense", '{"last": "../elsewhere"}', '{"last": "/etc"}'])
def test_a_damaged_index_leads_nowhere_else(tmp_path: Path, text: str) -> None:
    (tmp_path / ACCOUNTS).mkdir()
    (tmp_path / ACCOUNTS / INDEX).write_text(text)
    with pytest.raises(StoreError):
        ProfileFolders(tmp_path, None).last()


def test_a_forgotten_key_opens_nothing_until_the_account_opens_it(tmp_path: Path) -> None:
    profiles = ProfileFolders(tmp_path, None)
    folder = profiles.of_account(ACCOUNT)
    store, _ = profiles.open(folder)
    store.apply([PutMeta("said", b"something")])
    store.close()
    key = (Path(folder) / KEY_FILE).read_bytes()
    profiles.forget(folder, seal)
    assert not has_key(Path(folder))
    assert (Path(folder) / SEALED_FILE).exists()
    inside = [path.read_bytes() for path in Path(folder).iterdir() if path.is_file()]
    assert key not in inside
    with pytest.raises(StoreLocked):
        profiles.open(folder)
    with pytest.raises(StoreLocked):
        profiles.open(folder, wrong)
    again, _ = profiles.open(folder, seal)
    assert again.load().meta["said"] == b"something"
    again.close()
    assert not (Path(folder) / SEALED_FILE).exists()
    last, _ = profiles.open(folder)
    last.close()


def test_a_key_under_a_passphrase_isnt_here_anyway(tmp_path: Path) -> None:
    profiles = ProfileFolders(tmp_path, "some words")
    folder = profiles.of_account(ACCOUNT)
    profiles.open(folder)[0].close()
    profiles.forget(folder, seal)
    assert has_key(Path(folder))
    with pytest.raises(StoreLocked):
        ProfileFolders(tmp_path, None).open(folder)
    profiles.open(folder, seal)[0].close()


def test_a_profile_in_use_is_neither_opened_nor_forgotten(tmp_path: Path) -> None:
    profiles = ProfileFolders(tmp_path, None)
    store, depot = profiles.open(str(tmp_path))
    with pytest.raises(ProfileInUse):
        profiles.open(str(tmp_path), seal)
    with pytest.raises(ProfileInUse):
        profiles.forget(str(tmp_path), seal)
    assert has_key(tmp_path)
    assert depot is not None
    store.close()
