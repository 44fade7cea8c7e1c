"""The profiles of one data folder, and the key that stays sealed while nobody is signed in."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import carrying
import pytest

from p2pchat.config import limits
from p2pchat.errors import DiskFull, ProfileInUse, StoreError, StoreLocked
from p2pchat.model.records import PutMeta
from p2pchat.storage.depot.depot import FileDepot
from p2pchat.storage.keys import KEY_FILE, SEALED_FILE, has_key
from p2pchat.storage.profiles import ACCOUNTS, INDEX, ProfileFolders, is_profile

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
    profiles.use(fresh, str(tmp_path))
    assert ProfileFolders(tmp_path, None).last() == fresh
    assert stat.S_IMODE((tmp_path / ACCOUNTS / INDEX).stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "text", [b"nonsense", b'{"last": "../elsewhere"}', b'{"last": "/etc"}', b'{"last": "\xff"}']
)
def test_a_damaged_index_leads_nowhere_else(tmp_path: Path, text: bytes) -> None:
    (tmp_path / ACCOUNTS).mkdir()
    (tmp_path / ACCOUNTS / INDEX).write_bytes(text)
    with pytest.raises(StoreError):
        ProfileFolders(tmp_path, None).last()


def test_a_forgotten_key_opens_nothing_until_the_account_opens_it(tmp_path: Path) -> None:
    profiles = ProfileFolders(tmp_path, None)
    folder = profiles.of_account(ACCOUNT)
    store, _ = profiles.open(folder)
    store.apply([PutMeta("said", b"something")])
    store.close()
    key = (Path(folder) / KEY_FILE).read_bytes()
    profiles.depart(folder, profiles.fresh(), seal, ())
    assert has_key(Path(folder)), "the person may still be using it"
    profiles.departed(folder)
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
    profiles.use(folder, str(tmp_path))
    assert not (Path(folder) / SEALED_FILE).exists()
    last, _ = profiles.open(folder)
    last.close()


def test_who_knows_the_computers_passphrase_opens_nothing_of_who_is_signed_out(
    tmp_path: Path,
) -> None:
    profiles = ProfileFolders(tmp_path, "some words")
    folder = profiles.of_account(ACCOUNT)
    store, _ = profiles.open(folder)
    store.apply([PutMeta("said", b"something")])
    store.close()
    profiles.depart(folder, profiles.fresh(), seal, ())
    profiles.departed(folder)
    with pytest.raises(StoreLocked):
        profiles.open(folder)
    again, _ = profiles.open(folder, seal)
    assert again.load().meta["said"] == b"something"
    again.close()
    profiles.use(folder, str(tmp_path))
    with pytest.raises(StoreLocked):
        ProfileFolders(tmp_path, "other words").open(folder)


def test_a_profile_in_use_is_neither_opened_nor_forgotten(tmp_path: Path) -> None:
    profiles = ProfileFolders(tmp_path, None)
    store, depot = profiles.open(str(tmp_path))
    with pytest.raises(ProfileInUse):
        profiles.open(str(tmp_path), seal)
    profiles.depart(str(tmp_path), profiles.fresh(), seal, ())
    with pytest.raises(ProfileInUse):
        profiles.departed(str(tmp_path))
    profiles.finish_departures()
    assert has_key(tmp_path)
    assert depot is not None
    store.close()


def with_downloads(folder: Path) -> Path:
    (folder / "downloads").mkdir(exist_ok=True)
    (folder / "downloads" / "sheet.txt").write_text("of the class")
    return folder


def test_of_a_deleted_profile_only_the_downloads_stay(tmp_path: Path) -> None:
    base = tmp_path / "school"
    profiles = ProfileFolders(base, None)
    profiles.open(str(base))[0].close()
    account = signed_in(profiles)
    left = leave_guest(profiles, account, ("@ann",))
    (base / "p2pchat.log").write_text("what happened")
    with_downloads(base)
    with_downloads(Path(account))
    assert is_profile(base)
    ProfileFolders(base, None).delete()
    kept = sorted(path.relative_to(base).as_posix() for path in base.rglob("*") if path.is_file())
    assert kept == [f"accounts/{ACCOUNT}/downloads/sheet.txt", "downloads/sheet.txt"]
    assert not Path(left).exists()
    assert not is_profile(base)
    profiles.open(str(base))[0].close()
    assert is_profile(base), "another one may be made in its place"


def test_of_a_deleted_profile_without_downloads_nothing_stays(tmp_path: Path) -> None:
    base = tmp_path / "school"
    ProfileFolders(base, None).open(str(base))[0].close()
    ProfileFolders(base, None).delete()
    assert list(tmp_path.iterdir()) == []


def test_a_profile_in_use_is_not_deleted(tmp_path: Path) -> None:
    profiles = ProfileFolders(tmp_path, None)
    account = signed_in(profiles)
    before = sorted(tmp_path.rglob("*"))
    with profiles.held(), pytest.raises(ProfileInUse):
        ProfileFolders(tmp_path, None).delete()
    (tmp_path / "running").unlink()
    store, _ = profiles.open(account)
    with pytest.raises(ProfileInUse):
        ProfileFolders(tmp_path, None).delete()
    (tmp_path / "running").unlink()
    store.close()
    assert sorted(tmp_path.rglob("*")) == before
    assert has_key(Path(account))


def test_what_cannot_be_deleted_is_said_and_can_be_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = tmp_path / "school"
    ProfileFolders(base, None).open(str(base))[0].close()
    (base / "stuck").mkdir()

    def stuck(path: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr("p2pchat.storage.profiles.shutil.rmtree", stuck)
    with pytest.raises(StoreError, match="Permission denied"):
        ProfileFolders(base, None).delete()
    assert not has_key(base)
    monkeypatch.undo()
    assert is_profile(base), "it is still in the list"
    ProfileFolders(base, None).delete()
    assert not base.exists()


def test_who_signs_in_again_before_leaving_was_finished_stays(tmp_path: Path) -> None:
    """It may never be finished: the keyring is silent, the process ends."""
    profiles = ProfileFolders(tmp_path, None)
    folder = profiles.of_account(ACCOUNT)
    profiles.open(folder)[0].close()
    profiles.use(folder, str(tmp_path))
    guest = profiles.fresh()
    profiles.depart(folder, guest, seal, ())
    store, _ = profiles.open(folder, seal)
    profiles.use(folder, guest)
    store.apply([PutMeta("said", b"something")])
    store.close()
    later = ProfileFolders(tmp_path, None)
    later.finish_departures()
    again, _ = later.open(later.last())
    assert again.load().meta["said"] == b"something"
    again.close()


class Killed(BaseException):
    """As the process is by kill -9: nothing is tidied up."""


def kill_at(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """At the so-many-th call that changes what is on the disk."""
    left = [step]

    def deadly(call: Callable[..., Any]) -> Callable[..., Any]:
        def instead(*args: Any, **options: Any) -> Any:
            left[0] -= 1
            if left[0] < 0:
                raise Killed
            return call(*args, **options)

        return instead

    for name in ("open", "replace", "unlink", "fsync", "rename", "rmdir"):
        monkeypatch.setattr(os, name, deadly(getattr(os, name)))
    monkeypatch.setattr(Path, "unlink", deadly(Path.unlink))


@pytest.mark.parametrize("step", range(60))
def test_killed_while_signing_out_the_account_opens_its_store_still(
    tmp_path: Path, step: int
) -> None:
    profiles = ProfileFolders(tmp_path, None)
    folder, fresh = profiles.of_account(ACCOUNT), profiles.fresh()
    store, depot = profiles.open(folder)
    store.apply([PutMeta("said", b"something")])
    store.close()
    assert isinstance(depot, FileDepot)
    sheet = tmp_path / "sheet.txt"
    sheet.write_text("a worksheet")
    other = carrying.depot(tmp_path / "other")
    path = str(carrying.fetch(other, depot, carrying.survey(other, sheet)))
    header = (Path(folder) / KEY_FILE).read_bytes()
    with pytest.MonkeyPatch.context() as patch:
        kill_at(patch, step)
        try:
            profiles.depart(folder, fresh, seal, [path])
            profiles.departed(folder)
            done = True
        except Killed:
            done = False
    again = ProfileFolders(tmp_path, None)
    again.finish_departures()
    if again.last() == fresh:
        assert not os.path.exists(path)
        inside = [file.read_bytes() for file in Path(folder).rglob("*") if file.is_file()]
        assert not any(header in data for data in inside), "signing out was finished"
    else:
        assert not done
        assert os.path.exists(path), "nothing has happened"
    opened, _ = again.open(folder, seal)
    assert opened.load().meta["said"] == b"something"
    opened.close()


@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize("step", range(40))
def test_killed_while_signing_in_no_key_is_left(tmp_path: Path, step: int, before: bool) -> None:
    """`before`: the account was signed in here once."""
    profiles = ProfileFolders(tmp_path, None)
    folder = profiles.of_account(ACCOUNT)
    profiles.open(str(tmp_path))[0].close()
    if before:
        store, _ = profiles.open(folder, seal)
        store.apply([PutMeta("said", b"something")])
        store.close()
        profiles.keep_account(ACCOUNT, folder)
        profiles.use(folder, str(tmp_path))
        profiles.depart(folder, str(tmp_path), seal, ())
        profiles.departed(folder)
    with pytest.MonkeyPatch.context() as patch:
        kill_at(patch, step)
        with contextlib.suppress(Killed):
            profiles.open(folder, seal)[0].close()
            profiles.keep_account(ACCOUNT, folder)
            profiles.use(folder, str(tmp_path))
    again = ProfileFolders(tmp_path, None)
    again.finish_departures()
    arrived = again.last() == folder
    assert has_key(Path(folder)) is arrived
    opened, _ = again.open(folder, None if arrived else seal)
    assert not before or opened.load().meta["said"] == b"something"
    opened.close()


def test_of_a_guest_who_signs_in_only_the_downloads_stay(tmp_path: Path) -> None:
    profiles = ProfileFolders(tmp_path, None)
    guests = [profiles.fresh() for _ in range(4)]
    for guest in guests:
        profiles.open(guest)[0].close()
        profiles.use(guest, str(tmp_path))
        profiles.parted(str(tmp_path), ())
    account, registered, downloader, writer = (Path(guest) for guest in guests)
    (downloader / "downloads").mkdir(exist_ok=True)
    (downloader / "downloads" / "sheet.txt").write_text("for whoever was there")
    profiles.keep_account(ACCOUNT, str(registered))
    store, _ = profiles.open(str(downloader))
    for left in (str(registered), str(downloader), str(tmp_path)):
        profiles.use(str(account), left)
        profiles.parted(left, ())
    assert has_key(downloader), "it is open still"
    store.close()
    ProfileFolders(tmp_path, None).finish_departures()
    assert [path.name for path in downloader.iterdir()] == ["downloads"]
    assert has_key(registered)
    assert has_key(account)
    assert has_key(writer), "nobody has said that it was left"
    profiles.use(str(registered), str(account))
    assert account.exists()
    profiles.parted(str(account), ())
    assert not account.exists()


def guests(base: Path) -> list[str]:
    return sorted(str(path) for path in (base / ACCOUNTS).glob("guest-*"))


def leave_guest(profiles: ProfileFolders, account: str, wanted: tuple[str, ...]) -> str:
    """Somebody goes on without an account, and then the account is signed in."""
    guest = profiles.fresh()
    store, _ = profiles.open(guest)
    profiles.use(guest, account)
    store.close()
    profiles.use(account, guest)
    profiles.parted(guest, wanted)
    return guest


def signed_in(profiles: ProfileFolders) -> str:
    account = profiles.of_account(ACCOUNT)
    profiles.open(account)[0].close()
    profiles.keep_account(ACCOUNT, account)
    profiles.use(account, account)
    return account


def test_who_waits_to_be_heard_is_nobody_elses_and_goes_once_they_are(tmp_path: Path) -> None:
    profiles = ProfileFolders(tmp_path, None)
    account = signed_in(profiles)
    first = leave_guest(profiles, account, ("@ann",))
    assert leave_guest(profiles, account, ()) != first, "the next one is somebody new"
    second = leave_guest(profiles, account, ("#bb", "#aa"))
    again = ProfileFolders(tmp_path, None)
    again.finish_departures()
    assert again.unsent() == {first: ["@ann"], second: ["#aa", "#bb"]}
    assert guests(tmp_path) == sorted((first, second))
    again.parted(first, ("@ann",))
    again.parted(second, ())
    assert again.unsent() == {first: ["@ann"]}
    again.parted(first, ())
    assert (again.unsent(), guests(tmp_path)) == ({}, [])


def test_for_whom_a_guest_has_written_isnt_known_where_the_process_was_ended(
    tmp_path: Path,
) -> None:
    profiles = ProfileFolders(tmp_path, None)
    account = signed_in(profiles)
    guest = profiles.fresh()
    profiles.open(guest)[0].close()
    profiles.use(guest, account)
    profiles.use(account, guest)  # and here the process was ended
    assert ProfileFolders(tmp_path, None).unsent() == {guest: []}
    profiles.use(guest, account)
    assert profiles.unsent() == {}, "somebody is in it again"


def test_what_waits_is_bounded_and_given_up_after_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one goes that has waited for the longest."""
    now = [1_000_000_000]
    monkeypatch.setattr("p2pchat.storage.profiles._wall_ms", lambda: now[0])
    monkeypatch.setattr(limits, "UNSENT_PROFILES", 3)
    profiles = ProfileFolders(tmp_path, None)
    account = signed_in(profiles)
    made = []
    for _ in range(5):
        now[0] += 1000
        made.append(leave_guest(profiles, account, ("@ann",)))
    assert list(profiles.unsent()) == made[2:]
    assert guests(tmp_path) == sorted(made[2:])
    now[0] += limits.HOLD_MS - 1500
    profiles.parted(made[4], ("@ann",))
    assert list(profiles.unsent()) == made[3:]
    now[0] += 2000
    leave_guest(profiles, account, ())
    assert (profiles.unsent(), guests(tmp_path)) == ({}, [])


def test_a_folder_that_nobody_went_on_in_is_removed_at_the_next_start(tmp_path: Path) -> None:
    profiles = ProfileFolders(tmp_path, None)
    folder = Path(profiles.fresh())
    profiles.open(str(folder))[0].close()  # and here the process was ended
    assert has_key(folder)
    ProfileFolders(tmp_path, None).finish_departures()
    assert not folder.exists()
    profiles.fresh()
    profiles.finish_departures()


def test_a_full_disk_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    profiles = ProfileFolders(tmp_path, None)
    monkeypatch.setattr("p2pchat.storage.keys.os.fsync", full)
    with pytest.raises(DiskFull):
        profiles.keep_account(ACCOUNT, str(tmp_path))
    assert not list((tmp_path / ACCOUNTS).iterdir())
