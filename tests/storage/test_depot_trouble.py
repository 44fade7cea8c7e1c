"""What a disk and its files may do: clear errors, and nothing that looks whole."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from carrying import blocks, carry, depot, fetch, has, snapshot, survey
from disks import disk

from p2pchat.config.limits import MIB
from p2pchat.errors import DiskFull, RequestError, StoreError
from p2pchat.model.stream import HASHES, PIECE_MIN_BYTES, Block, Stream, layers, piece_size
from p2pchat.node.ports import Survey

P = PIECE_MIN_BYTES
posix = pytest.mark.skipif(sys.platform == "win32", reason="not on Windows")


def refusal(folder: Path, path: Path | str) -> RequestError:
    with pytest.raises(RequestError) as refused:
        survey(depot(folder), path)
    assert not list((folder / "files").iterdir())
    return refused.value


@pytest.mark.parametrize("name", ["nowhere", "nowhere/x", "a\0b", "n" * 300, "file/x"])
def test_nothing_is_there(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    assert refusal(tmp_path / "a", f"{tmp_path}/{name}").reason == "no-such-file"


@posix
def test_no_file_or_folder(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert refusal(tmp_path / "a", tmp_path / "pipe").reason == "no-such-file"
    assert refusal(tmp_path / "a", "/dev/null").reason == "no-such-file"


def test_a_file_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shared" / "inner").mkdir(parents=True)
    (tmp_path / "shared" / "inner" / "private.txt").write_text("x")
    opened = os.open

    # Root may read everything, so the answer to everybody else is given by hand.
    def refuse(
        path: str | bytes, flags: int, mode: int = 0o777, *, dir_fd: int | None = None
    ) -> int:
        if flags & os.O_NONBLOCK and os.fsdecode(path).endswith("private.txt"):
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return opened(path, flags, mode, dir_fd=dir_fd)

    monkeypatch.setattr(os, "open", refuse)
    for path in (tmp_path / "shared", tmp_path / "shared" / "inner" / "private.txt"):
        error = refusal(tmp_path / "a", path)
        assert error.reason == "not-allowed"
        assert "private.txt" in str(error)
        assert "\n" not in str(error)


def test_a_disk_that_cannot_read_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> int:
        raise OSError(errno.EIO, "Input/output error")

    (tmp_path / "x").write_text("x")
    monkeypatch.setattr(os, "preadv", broken)
    error = refusal(tmp_path / "a", tmp_path / "x")
    assert error.reason == "not-allowed"
    assert str(error) == f"can't read {tmp_path / 'x'}: Input/output error"


def test_no_room_for_the_hashes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It isn't the shared file's fault."""

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with (tmp_path / "x").open("wb") as file:
        file.truncate(HASHES * P)
    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(DiskFull):
        survey(depot(tmp_path / "a"), tmp_path / "x")


def test_a_folder_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shared" / "private").mkdir(parents=True)
    listed = os.scandir

    def refuse(path: str) -> Iterator[os.DirEntry[str]]:
        if str(path).endswith("private"):
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return listed(path)

    monkeypatch.setattr(os, "scandir", refuse)
    error = refusal(tmp_path / "a", tmp_path / "shared")
    assert error.reason == "not-allowed"
    assert "private" in str(error)


def test_a_file_that_changes_while_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(bytes(40 * 1024 * 1024))

    def append(done: int, total: int) -> bool:
        with path.open("ab") as file:
            file.write(b"more")
        return True

    with pytest.raises(RequestError) as refused:
        depot(tmp_path / "a").survey(str(path), append)
    assert refused.value.reason == "busy"
    assert "log" in str(refused.value)
    assert not list((tmp_path / "a" / "files").iterdir())


def changing(tmp_path: Path, change: Callable[[Path], object]) -> Survey:
    """Of a folder whose files `large` and `small` are changed once both are listed and much of
    `large` is read."""
    folder = tmp_path / "shared"
    folder.mkdir()
    for name, size in (("large", 17 * MIB), ("small", 1000)):
        (folder / name).write_bytes(bytes(size))
        os.utime(folder / name, (1, 1))

    def going(done: int, total: int) -> bool:
        if done:
            change(folder)
        return True

    return depot(tmp_path / "a").survey(str(folder), going)


def grow(folder: Path) -> None:
    with (folder / "small").open("ab") as file:
        file.write(b"x")


def become_a_link(folder: Path) -> None:
    (folder / "small").rename(folder / "other")
    (folder / "small").symlink_to("other")


def become_a_pipe(folder: Path) -> None:
    (folder / "small").unlink()
    os.mkfifo(folder / "small")


def rewrite(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"x")


@pytest.mark.parametrize(
    "change",
    [
        grow,
        lambda folder: os.truncate(folder / "small", 999),
        lambda folder: (folder / "small").unlink(),
        lambda folder: rewrite(folder / "large"),
        pytest.param(become_a_link, marks=posix),
        pytest.param(become_a_pipe, marks=posix),
    ],
)
def test_what_changes_between_being_listed_and_read(
    tmp_path: Path, change: Callable[[Path], object]
) -> None:
    with pytest.raises(RequestError) as refused:
        changing(tmp_path, change)
    assert refused.value.reason == ("not-allowed" if change is become_a_pipe else "busy")
    assert not list((tmp_path / "a" / "files").iterdir())


def test_a_small_file_that_is_rewritten_before_it_is_read(tmp_path: Path) -> None:
    """It is shared as it was when it was read, and once it is anything else no longer."""
    offer = changing(tmp_path, lambda folder: rewrite(folder / "small"))
    source, target = depot(tmp_path / "a"), depot(tmp_path / "b")
    assert source.begin(offer.stream).path is not None
    path = fetch(source, target, offer)
    assert (path / "small").read_bytes() == b"x" + bytes(999)
    (tmp_path / "shared" / "small").write_bytes(bytes(1000))
    last = Block(0, layers(offer.stream)[0] - 1)
    assert source.read(offer.stream, last) is None
    assert depot(tmp_path / "a").begin(offer.stream).path is None


@pytest.mark.parametrize("reason", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reason: int) -> None:
    data = os.urandom(8 * P)
    (tmp_path / "x").write_bytes(data)
    source, target = depot(tmp_path / "a"), depot(tmp_path / "b")
    stream = survey(source, tmp_path / "x").stream
    target.begin(stream)
    carry(source, target, stream, [Block(1, 0), Block(0, 0)])
    written = os.pwrite

    def full(handle: int, part: bytes, offset: int) -> int:
        """Half of it fits."""
        if offset % P:
            raise OSError(reason, os.strerror(reason))
        return written(handle, part[: len(part) // 2], offset)

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", full)
        piece = source.read(stream, Block(0, 5))
        assert piece is not None
        with pytest.raises(DiskFull, match=r"^the disk is full$"):
            target.write(stream, Block(0, 5), piece)
    assert target.read(stream, Block(0, 5)) is None
    assert target.path(stream) is None
    for opened in (target, depot(tmp_path / "b")):
        progress = opened.begin(stream)
        assert has(progress, Block(0, 0))
        assert not has(progress, Block(0, 5))
    assert not (tmp_path / "b" / "downloads").exists()
    carry(source, target, stream, [block for block in blocks(stream) if not has(progress, block)])
    assert Path(target.finish(stream, "x")).read_bytes() == data


def test_a_disk_that_is_really_full(tmp_path: Path) -> None:
    with disk(tmp_path / "small", "size=2m") as small:
        (tmp_path / "x").write_bytes(os.urandom(1_700_000))
        (tmp_path / "large").write_bytes(os.urandom(3_000_000))
        source, target = depot(tmp_path / "a"), depot(small)
        with pytest.raises(DiskFull):
            target.begin(survey(source, tmp_path / "large").stream)
        stream = survey(source, tmp_path / "x").stream
        target.begin(stream)
        (small / "other").write_bytes(bytes(1_000_000))
        with pytest.raises(DiskFull):
            carry(source, target, stream, blocks(stream))
        with pytest.raises(StoreError):
            target.finish(stream, "x")
        (small / "other").unlink()
        progress = target.begin(stream)
        left = [block for block in blocks(stream) if not has(progress, block)]
        assert 0 < len(left) < 20
        carry(source, target, stream, left)
        assert Path(target.finish(stream, "x")).read_bytes() == (tmp_path / "x").read_bytes()
        # Sharing needs room for the hashes alone, but there is none.
        fill_up(small / "rest")
        with pytest.raises(DiskFull):
            survey(target, tmp_path / "large")
        assert target.path(stream) is not None


def test_the_last_of_a_disk_is_for_others(tmp_path: Path) -> None:
    """Each has room for itself, both together don't: messages are still kept."""
    with disk(tmp_path / "small", "size=16m") as small:
        source, target = depot(tmp_path / "a"), depot(small)
        streams = []
        for name in "xy":
            (tmp_path / name).write_bytes(os.urandom(9 * MIB))
            streams.append(survey(source, tmp_path / name).stream)
            target.begin(streams[-1])
        carry(source, target, streams[0], blocks(streams[0]))
        with pytest.raises(DiskFull):
            carry(source, target, streams[1], blocks(streams[1]))
        assert shutil.disk_usage(small).free > MIB
        # What is whole needs no more room.
        (small / "rest").write_bytes(bytes(shutil.disk_usage(small).free - 64 * 1024))
        again = depot(small)
        assert again.begin(streams[0]).path is None
        assert Path(again.finish(streams[0], "x")).exists()


@pytest.mark.parametrize("kind", ["files of a byte", "empty folders", "folders in folders"])
def test_a_folder_of_little_leaves_the_last_of_a_disk_too(tmp_path: Path, kind: str) -> None:
    """Its bytes have room, but not what each of its files and folders takes."""
    shared = tmp_path / "shared"
    for number in range(4500):
        if kind == "files of a byte":
            shared.mkdir(exist_ok=True)
            (shared / f"{number}").write_bytes(b"x")
        elif kind == "empty folders":
            (shared / f"{number}").mkdir(parents=True)
        elif number % 20 == 0:
            (shared / f"{number}" / "/".join("abcdefghijklmnopqrs")).mkdir(parents=True)
    with disk(tmp_path / "small", "size=16m") as small:
        source, target = depot(tmp_path / "a"), depot(small)
        stream = survey(source, shared).stream
        for _ in range(2):
            with pytest.raises(DiskFull):
                carry(source, target, stream, blocks(stream) if target.begin(stream) else ())
            assert shutil.disk_usage(small).free > MIB
            assert not list(small.glob("files/*/folder"))
            target = depot(small)


def test_downloads_that_may_not_be_written(tmp_path: Path) -> None:
    source, target = depot(tmp_path / "a"), depot(tmp_path / "b")
    (tmp_path / "x").write_bytes(os.urandom(P))
    offer = survey(source, tmp_path / "x")
    with disk(tmp_path / "b" / "downloads", "ro"), pytest.raises(RequestError) as refused:
        fetch(source, target, offer)
    assert refused.value.reason == "not-allowed"
    assert Path(target.finish(offer.stream, "x")).exists()


def whole(path: Path) -> bytes | dict[str, bytes | None]:
    return snapshot(path) if path.is_dir() else path.read_bytes()


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_copy_is_whole_or_not_there(tmp_path: Path, kind: str) -> None:
    with disk(tmp_path / "small", "size=2m") as small:
        folder = tmp_path / "folder"
        (folder / "empty").mkdir(parents=True)
        for name in "abc":
            (folder / name).write_bytes(os.urandom(MIB))
        shared = folder / "a" if kind == "file" else folder
        source, target = depot(tmp_path / "a"), depot(tmp_path / "b")
        offer = survey(source, shared)
        fetch(source, target, offer)
        (small / "rest").write_bytes(bytes(MIB + MIB // 2))
        with pytest.raises(RequestError) as refused:
            target.finish(offer.stream, "x", str(small))
        assert refused.value.reason == "disk-full"
        assert os.listdir(small) == ["rest"]
        there = tmp_path / "there"
        assert target.finish(offer.stream, "x", str(there)) == str(there)
        assert whole(there) == whole(shared)
        places = [tmp_path / "none" / "x", Path("/proc/x"), Path("a\0b")]
        for place in places + ([there] if kind == "file" else []):  # a folder is put into it
            with pytest.raises(RequestError) as refused:
                target.finish(offer.stream, "x", str(place))
            assert refused.value.reason == "not-allowed"
        assert not list(tmp_path.glob(".p2pchat-*"))


def test_a_copy_of_a_folder_lacks_nothing_that_cant_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "folder" / "locked").mkdir(parents=True)
    (tmp_path / "folder" / "locked" / "a").write_bytes(b"a")
    source, target = depot(tmp_path / "a"), depot(tmp_path / "b")
    offer = survey(source, tmp_path / "folder")
    fetch(source, target, offer)
    scandir = os.scandir

    def refuse(path: Any = ".") -> Any:
        if str(path).endswith("locked"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(RequestError, match="Permission denied"):
        target.finish(offer.stream, "x", str(tmp_path / "there"))
    assert not (tmp_path / "there").exists()


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_downloads_on_another_disk(tmp_path: Path, kind: str) -> None:
    with disk(tmp_path / "other", "size=8m") as other:
        folder = tmp_path / "folder"
        (folder / "empty").mkdir(parents=True)
        (folder / "a").write_bytes(os.urandom(MIB))
        shared = folder / "a" if kind == "file" else folder
        source, target = depot(tmp_path / "a"), depot(tmp_path / "b")
        (tmp_path / "b" / "downloads").symlink_to(other)
        offer = survey(source, shared)
        (other / offer.name).write_bytes(b"another")
        came = fetch(source, target, offer)
        assert whole(came) == whole(shared)
        assert (other / offer.name).read_bytes() == b"another"
        assert sorted(os.listdir(other)) == sorted([offer.name, came.name])
        # It is served from there, and lies nowhere twice.
        assert depot(tmp_path / "b").begin(offer.stream).path == str(came)
        assert target.read(offer.stream, Block(0, 0)) is not None
        kept = sum(one.stat().st_size for one in (tmp_path / "b" / "files").rglob("*"))
        assert kept < MIB


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
@pytest.mark.parametrize("path", ["/proc/cpuinfo", "/proc/self/mem"])
def test_what_the_system_makes_is_not_shared_as_empty(tmp_path: Path, path: str) -> None:
    assert refusal(tmp_path, path).reason == "not-allowed"


def fill_up(path: Path) -> None:
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))


def test_more_than_any_disk_holds(tmp_path: Path) -> None:
    size = 1 << 52
    with pytest.raises(DiskFull):
        depot(tmp_path).begin(Stream(bytes(32), size, piece_size(size)))


def test_a_disk_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x").write_bytes(os.urandom(3 * P))
    source, target = depot(tmp_path / "a"), depot(tmp_path / "b")
    offer = survey(source, tmp_path / "x")
    target.begin(offer.stream)
    carry(source, target, offer.stream, blocks(offer.stream))

    def broken(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "link", broken)
        patch.setattr(os, "rename", broken)
        with pytest.raises(StoreError, match="can't be put into the downloads: Input"):
            target.finish(offer.stream, "x")
    assert not list((tmp_path / "b" / "downloads").iterdir())
    assert target.path(offer.stream) is None
    assert Path(target.finish(offer.stream, "x")).exists()


def test_a_folder_that_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "files").touch()
    with pytest.raises(StoreError, match="can't be used"):
        depot(tmp_path)


@posix
def test_a_shared_file_replaced_by_a_pipe_or_a_link(tmp_path: Path) -> None:
    """Nothing waits for a pipe, and no link leads elsewhere."""
    source = depot(tmp_path / "a")
    path = tmp_path / "x"
    path.write_bytes(os.urandom(3 * P))
    stream = survey(source, path).stream
    path.rename(tmp_path / "y")
    os.mkfifo(path)
    assert source.read(stream, Block(0, 0)) is None
    path.unlink()
    path.symlink_to("y")
    assert source.read(stream, Block(0, 0)) is None
    assert source.path(stream) is None
    # The way through a link is for who shares: it is read where it leads.
    again = survey(depot(tmp_path / "b"), path)
    assert again.name == "x"
    assert again.stream == stream
    assert depot(tmp_path / "b").path(stream) == str(tmp_path / "y")


@posix
def test_a_link_in_place_of_the_partial_file(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(os.urandom(3 * P))
    (tmp_path / "mine").write_bytes(b"mine")
    source, target = depot(tmp_path / "a"), depot(tmp_path / "b")
    offer = survey(source, tmp_path / "x")
    target.begin(offer.stream)
    [home] = (tmp_path / "b" / "files").iterdir()
    (home / "data").symlink_to(tmp_path / "mine")
    with pytest.raises(StoreError):
        fetch(source, target, offer)
    assert (tmp_path / "mine").read_bytes() == b"mine"


def test_descriptors_are_given_back(tmp_path: Path) -> None:
    if not os.path.isdir("/proc/self/fd"):
        pytest.skip("needs /proc")
    source, target = depot(tmp_path / "a"), depot(tmp_path / "b")
    before = len(os.listdir("/proc/self/fd"))
    for number in range(90):
        (tmp_path / "x").write_bytes(b"%d" % number)
        fetch(source, target, survey(source, tmp_path / "x"))
    assert len(os.listdir("/proc/self/fd")) == before
