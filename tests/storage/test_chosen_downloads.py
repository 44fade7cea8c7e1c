"""A folder that its person has chosen for downloads, also on another disk than the profile."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from carrying import blocks, carry, depot, fetch, snapshot, survey

from p2pchat.errors import DiskFull, RequestError
from p2pchat.model.stream import PIECE_MIN_BYTES
from p2pchat.node.ports import Survey
from p2pchat.storage.depot.depot import FileDepot

P = PIECE_MIN_BYTES


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Path]:
    """A folder on another file system than the profile's."""
    memory = Path("/dev/shm")
    if not memory.is_dir() or memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is one file system here")
    folder = Path(tempfile.mkdtemp(dir=memory))
    yield folder
    shutil.rmtree(folder)


def came(tmp_path: Path, data: bytes = os.urandom(3 * P + 1)) -> tuple[FileDepot, Survey]:
    """All blocks of a file are here, and it isn't finished."""
    (tmp_path / "lesson.pdf").write_bytes(data)
    source, target = depot(tmp_path / "a"), depot(tmp_path / "b")
    offer = survey(source, tmp_path / "lesson.pdf")
    target.begin(offer.stream)
    carry(source, target, offer.stream, blocks(offer.stream))
    return target, offer


def test_files_go_there_and_what_was_there_before_stays(tmp_path: Path) -> None:
    target, offer = came(tmp_path)
    before = target.finish(offer.stream, offer.name)
    assert before == str(tmp_path / "b" / "downloads" / "lesson.pdf")
    chosen = target.check_downloads(str(tmp_path / "school" / "7b"))
    assert os.path.isdir(chosen)
    assert os.listdir(chosen) == []
    target.choose_downloads(chosen)
    assert target.downloads == chosen
    (tmp_path / "other.txt").write_bytes(b"another")
    source = depot(tmp_path / "a")
    path = fetch(source, target, survey(source, tmp_path / "other.txt"))
    assert path == tmp_path / "school" / "7b" / "other.txt"
    assert target.path(offer.stream) == before
    target.choose_downloads("")
    assert target.downloads == str(tmp_path / "b" / "downloads")


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_another_disk_gets_a_copy_and_nothing_is_overwritten(
    tmp_path: Path, elsewhere: Path, kind: str
) -> None:
    what = tmp_path / "course"
    if kind == "file":
        what.write_bytes(os.urandom(3 * P + 1))
    else:
        (what / "week 1").mkdir(parents=True)
        (what / "week 1" / "notes").write_bytes(os.urandom(2 * P))
        (what / "empty").mkdir()
    source, target = depot(tmp_path / "a"), depot(tmp_path / "b")
    target.choose_downloads(str(elsewhere))
    (elsewhere / "course").write_bytes(b"mine")
    offer = survey(source, what)
    path = fetch(source, target, offer)
    assert path == elsewhere / "course_2"
    assert (elsewhere / "course").read_bytes() == b"mine"
    if kind == "folder":
        assert snapshot(path) == snapshot(what)
    else:
        assert path.read_bytes() == what.read_bytes()
    assert sorted(os.listdir(elsewhere)) == ["course", "course_2"]
    # It is served from there, and what it was put together in is gone.
    for block in blocks(offer.stream):
        assert target.read(offer.stream, block) == source.read(offer.stream, block)
    parts = [one.name for one in (tmp_path / "b" / "files").rglob("*")]
    assert "folder" not in parts
    assert kind == "folder" or "data" not in parts
    assert target.finish(offer.stream, "another name") == str(path)
    again = depot(tmp_path / "b")
    assert again.begin(offer.stream).path == str(path)


def test_who_was_ended_while_copying_begins_anew(tmp_path: Path, elsewhere: Path) -> None:
    target, offer = came(tmp_path)
    target.choose_downloads(str(elsewhere))
    left = elsewhere / f".p2pchat-{offer.stream.name()}"
    left.write_bytes(b"half of it")
    path = target.finish(offer.stream, "x")
    assert Path(path).stat().st_size == offer.size
    assert os.listdir(elsewhere) == ["x"]


def test_two_offers_of_one_content_are_finished_at_once(
    tmp_path: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, offer = came(tmp_path)
    target.choose_downloads(str(elsewhere))
    copyfile, copies = shutil.copyfile, threading.Semaphore(0)
    begun, found = threading.Event(), list[str]()

    def copy(source: Path, part: Path) -> Path:
        copied = copyfile(source, part)
        copies.release()
        if begun.is_set():
            return copied
        begun.set()
        other = threading.Thread(target=lambda: found.append(target.finish(offer.stream, "y")))
        other.start()
        others.append(other)
        assert copies.acquire(timeout=10.0)  # one's own
        copies.acquire(timeout=0.3)  # the other's, which has to wait
        return copied

    others: list[threading.Thread] = []
    monkeypatch.setattr(shutil, "copyfile", copy)
    path = target.finish(offer.stream, "x")
    others[0].join(10.0)
    assert found == [path]
    assert os.listdir(elsewhere) == ["x"]
    assert (elsewhere / "x").read_bytes() == (tmp_path / "lesson.pdf").read_bytes()


def test_the_other_disk_is_full(
    tmp_path: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, offer = came(tmp_path)
    target.choose_downloads(str(elsewhere))

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copyfile", full)
        with pytest.raises(DiskFull):
            target.finish(offer.stream, "x")
    assert os.listdir(elsewhere) == []
    assert Path(target.finish(offer.stream, "x")).stat().st_size == offer.size


def test_a_folder_that_has_gone_is_not_made_anew(tmp_path: Path) -> None:
    target, offer = came(tmp_path)
    chosen = tmp_path / "stick"
    target.choose_downloads(target.check_downloads(str(chosen)))
    chosen.rmdir()
    with pytest.raises(RequestError, match="there is no folder") as refused:
        target.finish(offer.stream, "x")
    assert refused.value.reason == "not-allowed"
    assert not chosen.exists()
    chosen.mkdir()
    assert Path(target.finish(offer.stream, "x")).parent == chosen


def refused(target: FileDepot, folder: Path | str) -> str:
    with pytest.raises(RequestError) as found:
        target.check_downloads(str(folder))
    assert found.value.reason == "not-allowed"
    return str(found.value)


def test_what_can_not_be_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    profile = tmp_path / "profile"
    profile.mkdir()
    target = FileDepot(profile / "files", profile / "downloads", profile)
    for inside in (profile, profile / "files", profile / "new", profile / "files" / "x" / "y"):
        assert "part of this profile" in refused(target, inside)
    assert not (profile / "new").exists()
    (tmp_path / "a file").touch()
    assert "Not a directory" in refused(target, tmp_path / "a file" / "x") or os.name == "nt"
    refused(target, tmp_path / "a file")
    refused(target, "a\0b")
    assert target.check_downloads(str(profile / "downloads" / "school"))  # theirs to arrange
    assert target.check_downloads(str(tmp_path)) == str(tmp_path)
    if sys.platform != "win32" and os.geteuid() != 0:
        tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
        assert "Permission denied" in refused(target, tmp_path)
        tmp_path.chmod(stat.S_IRWXU)

    def no(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "mkdir", no)
    assert "Permission denied" in refused(target, tmp_path)
    # As on Windows, where tempfile would take the refusal for a name that is taken.
    windows = SimpleNamespace(**vars(os) | {"name": "nt"})
    monkeypatch.setattr(tempfile, "_os", windows)
    monkeypatch.setattr(tempfile, "TMP_MAX", 100)
    assert "Permission denied" in refused(target, tmp_path)
