"""Folders: their structure and bytes arrive, whatever the order in which pieces come."""

from __future__ import annotations

import os
import random
import socket
import sys
import tracemalloc
import unicodedata
from pathlib import Path

import msgspec
import pytest
from carrying import blocks, carry, depot, fetch, has, here, hostile, snapshot, survey

from p2pchat.config import limits
from p2pchat.errors import RequestError, StoreError
from p2pchat.model.stream import PIECE_MIN_BYTES, Block, layers
from p2pchat.storage.depot import fetching
from p2pchat.storage.depot import survey as surveying
from p2pchat.storage.depot.extents import Content, Folder, write

P = PIECE_MIN_BYTES
MIB = 1024 * 1024
encode = msgspec.msgpack.encode
posix = pytest.mark.skipif(sys.platform == "win32", reason="not on Windows")


def manifest(*entries: tuple[tuple[str, ...], int]) -> bytes:
    return b"\xdd" + len(entries).to_bytes(4, "big") + b"".join(map(encode, entries))


def course(root: Path, files: int = 60) -> Path:
    """Small and large files in folders, empty ones among them."""
    rng = random.Random(4)
    (root / "empty" / "inner").mkdir(parents=True)
    (root / "no bytes.txt").mkdir()
    (root / "no bytes.txt" / "none").touch()
    for number in range(files):
        folder = root / f"unit {number % 7}" / ("课" * (number % 3))
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number}.txt").write_bytes(rng.randbytes(rng.choice((0, 1, 700, P, 90_000))))
    (root / "large.iso").write_bytes(rng.randbytes(40 * P + 3))
    return root


@pytest.mark.parametrize("seed", [None, 1, 2, 3])
def test_a_folder_arrives(tmp_path: Path, seed: int | None) -> None:
    folder = course(tmp_path / "course")
    source, target = depot(tmp_path / "a"), depot(tmp_path / "b")
    offer = survey(source, folder)
    found = snapshot(folder)
    assert offer.name == "course"
    assert offer.mime == "inode/directory"
    assert offer.size == sum(len(data) for data in found.values() if data)
    assert offer.files == sum(data is not None for data in found.values())
    path = fetch(source, target, offer, seed)
    assert path == tmp_path / "b" / "downloads" / "course"
    assert snapshot(path) == found
    for opened in (target, depot(tmp_path / "b")):
        assert opened.path(offer.stream) == str(path)
        for block in blocks(offer.stream):
            assert opened.read(offer.stream, block) == source.read(offer.stream, block)
        assert opened.begin(offer.stream).path == str(path)
    # Whoever shares what came shares the same.
    assert survey(depot(tmp_path / "c"), path).stream == offer.stream


def test_what_lies_in_many_files_comes_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(surveying, "TAIL_BYTES", 20 * P)
    folder = course(tmp_path / "course")
    source = depot(tmp_path / "a")
    offer = survey(source, folder)
    last, tail = layers(offer.stream)[0] - 1, dict(offer.tail)
    assert max(tail) == last  # of small files, while those before lie in the large one alone
    assert 5 < len(tail) <= 20
    assert min(tail) > last - 21
    for index, data in tail.items():
        assert source.read(offer.stream, Block(0, index)) == data
    assert not survey(source, folder / "large.iso").tail


def test_a_long_manifest(tmp_path: Path) -> None:
    """Of several pieces, and longer than what is read of it at once."""
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(1500):
        (folder / f"{number:0200}").write_bytes(b"%d" % number)
    source, target = depot(tmp_path / "a"), depot(tmp_path / "b")
    offer = survey(source, folder)
    assert offer.stream.manifest > 300_000
    assert snapshot(fetch(source, target, offer, seed=1)) == snapshot(folder)


def test_an_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    offer = survey(depot(tmp_path / "a"), tmp_path / "empty")
    path = fetch(depot(tmp_path / "a"), depot(tmp_path / "b"), offer)
    assert path.is_dir()
    assert not list(path.iterdir())


def test_the_same_folder_is_the_same_stream(tmp_path: Path) -> None:
    first = survey(depot(tmp_path / "a"), course(tmp_path / "1" / "x"))
    second = survey(depot(tmp_path / "b"), course(tmp_path / "2" / "y"))
    assert first.stream == second.stream


@pytest.mark.parametrize("seed", range(4))
def test_begun_again_at_any_place(tmp_path: Path, seed: int) -> None:
    folder = course(tmp_path / "course")
    source = depot(tmp_path / "a")
    offer = survey(source, folder)
    left = blocks(offer.stream, seed)
    kept: list[Block] = []
    while left:
        target = depot(tmp_path / "b")
        progress = target.begin(offer.stream)
        assert [block for block in kept if not has(progress, block)] == []
        carry(source, target, offer.stream, left[:17])
        kept, left = kept + left[:17], left[17:]
    assert snapshot(Path(target.finish(offer.stream, "x"))) == snapshot(folder)


@pytest.mark.parametrize("after", [0, 1, 20, 50])
def test_ended_while_it_moves_into_its_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    """The manifest comes last; moving what came before is cut off after some pieces."""
    folder = course(tmp_path / "course")
    source, target = depot(tmp_path / "a"), depot(tmp_path / "b")
    offer = survey(source, folder)
    every = blocks(offer.stream)
    target.begin(offer.stream)
    carry(source, target, offer.stream, [block for block in every if block != Block(0, 0)])
    count = 0

    def failing(content: Content, offset: int, data: bytes, soon: bool = False) -> None:
        nonlocal count
        if isinstance(content, Folder):
            count += 1
            if count > after:
                raise OSError(5, "Input/output error")
        write(content, offset, data, soon)

    monkeypatch.setattr(fetching, "_GIVE_BACK_BYTES", 3 * P)
    monkeypatch.setattr(fetching, "write", failing)
    with pytest.raises(StoreError, match="Input/output error"):
        carry(source, target, offer.stream, [Block(0, 0)])
    monkeypatch.setattr(fetching, "write", write)
    for opened in (depot(tmp_path / "b"), target):
        progress = opened.begin(offer.stream)
        assert all(has(progress, block) for block in every)
    assert snapshot(Path(target.finish(offer.stream, "x"))) == snapshot(folder)


def test_files_of_a_partial_folder_that_were_touched(tmp_path: Path) -> None:
    folder = course(tmp_path / "course")
    source, target = depot(tmp_path / "a"), depot(tmp_path / "b")
    offer = survey(source, folder)
    target.begin(offer.stream)
    carry(source, target, offer.stream, blocks(offer.stream))
    [part] = (tmp_path / "b" / "files").glob("*/folder")
    (part / "large.iso").write_bytes((part / "large.iso").read_bytes() + b"more")
    max(part.rglob("*.txt"), key=lambda path: path.stat().st_size).unlink()
    target = depot(tmp_path / "b")
    progress = target.begin(offer.stream)
    missing = [block for block in blocks(offer.stream) if not has(progress, block)]
    assert 0 < len(missing) < 10
    carry(source, target, offer.stream, missing)
    assert snapshot(Path(target.finish(offer.stream, "x"))) == snapshot(folder)


def test_a_finished_folder_that_was_changed(tmp_path: Path) -> None:
    folder = course(tmp_path / "course")
    source, target = depot(tmp_path / "a"), depot(tmp_path / "b")
    offer = survey(source, folder)
    path = fetch(source, target, offer)
    (path / "large.iso").write_bytes(bytes(40 * P + 3))
    assert target.path(offer.stream) == str(path)
    progress = target.begin(offer.stream)
    assert progress.path is None
    assert here(progress) == 0
    again = fetch(source, target, offer)
    assert again.name == "course_2"
    assert snapshot(again) == snapshot(folder)
    (again / "large.iso").unlink()
    assert target.path(offer.stream) is None


def test_a_shared_folder_that_changes(tmp_path: Path) -> None:
    folder = course(tmp_path / "course")
    source = depot(tmp_path / "a")
    offer = survey(source, folder)
    (folder / "large.iso").write_bytes(b"other")
    served = [source.read(offer.stream, block) for block in blocks(offer.stream)]
    assert served.count(None) == pytest.approx(40, abs=2)
    assert source.path(offer.stream) is None
    assert source.begin(offer.stream).path is None


@posix
def test_links_and_what_is_no_file(tmp_path: Path) -> None:
    folder = tmp_path / "shared"
    (folder / "inner").mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_text("secret")
    (folder / "inner" / "file").write_text("content")
    (folder / "in").symlink_to("inner/file")
    (folder / "out").symlink_to(tmp_path / "outside" / "secret")
    (folder / "out too").symlink_to("../outside/secret")
    (folder / "folder out").symlink_to(tmp_path / "outside")
    (folder / "folder in").symlink_to("inner")
    (folder / "loop").symlink_to("loop")
    (folder / "beside").symlink_to(str(folder) + "-beside")
    (tmp_path / "shared-beside").write_text("secret")
    os.mkfifo(folder / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "socket"))
    source, target = depot(tmp_path / "a"), depot(tmp_path / "b")
    path = fetch(source, target, survey(source, folder))
    assert snapshot(path) == {
        "inner": None,
        os.path.join("inner", "file"): b"content",
        "in": b"content",
    }
    assert not (path / "in").is_symlink()


@posix
def test_names_that_are_no_utf8(tmp_path: Path) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()
    (folder / os.fsdecode(b"caf\xe9.txt")).write_text("1")
    (folder / os.fsdecode(b"caf\xe8.txt")).write_text("2")
    source, target = depot(tmp_path / "a"), depot(tmp_path / "b")
    offer = survey(source, folder)
    path = fetch(source, target, offer)
    assert sorted(snapshot(path)) == ["caf\ufffd.txt", "caf\ufffd_2.txt"]
    assert sorted(map(str, snapshot(path).values())) == ["b'1'", "b'2'"]
    assert source.path(offer.stream) == str(folder)
    single = survey(source, folder / os.fsdecode(b"caf\xe9.txt"))
    assert single.name == "caf\ufffd.txt"


@posix
def test_names_that_differ_in_case_or_normal_form(tmp_path: Path) -> None:
    folder = tmp_path / "shared"
    (folder / "Notes").mkdir(parents=True)
    (folder / "notes").mkdir()
    for number, name in enumerate(("a.TXT", "A.txt", unicodedata.normalize("NFD", "é"), "é")):
        (folder / name).write_bytes(b"%d" % number)
        (folder / "Notes" / name).write_bytes(b"%d" % number)
    (folder / "notes" / "x").write_bytes(b"x")
    source, target = depot(tmp_path / "a"), depot(tmp_path / "b")
    path = fetch(source, target, survey(source, folder))
    came = snapshot(path)
    assert sorted(path.name for path in path.iterdir()) == sorted(
        ["A.txt", "a_2.TXT", "Notes", "notes_2", "é", "é_2"]
    )
    assert came[os.path.join("notes_2", "x")] == b"x"
    assert came["A.txt"] == b"1"
    assert came["a_2.TXT"] == b"0"


def taken(tmp_path: Path, *entries: tuple[tuple[str, ...], int], content: bytes = b"") -> Path:
    """The folder that comes of a manifest that somebody made up."""
    stream, made = hostile(manifest(*entries), content)
    target = depot(tmp_path)
    target.begin(stream)
    for block, data in made:
        assert target.write(stream, block, data)
    return Path(target.finish(stream, "made up"))


def test_harmless_paths(tmp_path: Path) -> None:
    path = taken(
        tmp_path,
        (("..", "..", "escaped"), 1),
        (("/etc/passwd",), 1),
        (("C:\\x",), 1),
        (("", "."), 1),
        (("nul.txt",), 1),
        (("a", "CON"), 1),
        (("x\u202egpj.exe",), 1),
        (("n" * 300,), 1),
        content=b"12345678",
    )
    assert path.parent == tmp_path / "downloads"
    assert snapshot(path) == {
        "_": None,
        os.path.join("_", "_"): None,
        os.path.join("_", "_", "escaped"): b"1",
        "_etc_passwd": b"2",
        "C__x": b"3",
        "__2": None,
        os.path.join("__2", "_"): b"4",
        "_nul.txt": b"5",
        "a": None,
        os.path.join("a", "_CON"): b"6",
        "x_u202egpj.exe": b"7",
        "n" * 243: b"8",
    }
    assert {made.name for made in tmp_path.iterdir()} == {"files", "downloads"}


def test_paths_that_come_twice(tmp_path: Path) -> None:
    path = taken(
        tmp_path,
        (("a",), 1),
        (("a",), 1),
        (("a", "b"), 1),
        (("c", "d"), 1),
        (("c", "D"), 1),
        (("e",), -1),
        (("c", "d"), 1),
        (("e",), 0),
        content=b"123456",
    )
    assert snapshot(path) == {
        "a": b"1",
        "a_2": b"2",
        "a_3": None,
        os.path.join("a_3", "b"): b"3",
        "c": None,
        os.path.join("c", "d"): b"4",
        os.path.join("c", "D_2"): b"5",
        "e": None,
        "c_2": None,
        os.path.join("c_2", "d"): b"6",
        "e_2": b"",
    }


GOOD = (("a",), 3)


@pytest.mark.parametrize(
    "bad",
    [
        manifest((("a",), 4)),
        manifest((("a",), 2)),
        manifest((("a",), 1 << 60)),
        manifest(GOOD, (((),), -2)),  # type: ignore[arg-type] # what nobody honest makes
        manifest(GOOD)[:-1],
        manifest(GOOD) + b"x",
        b"\x91" + encode(GOOD),
        manifest(GOOD, (("f",) * (limits.FOLDER_DEPTH + 2), 0)),
        manifest(GOOD, (("n" * (limits.PATH_PART_BYTES + 1),), 0)),
        manifest(GOOD, (("n" * 200,) * 50, 0)),
        manifest(GOOD, ((), 0)),
        b"\xdd\0\0\0\1\x92\x91\xc4\1a\3",
        b"\xdd\0\0\0\1\x92\x91\xa1\xff\3",
        b"\xdd\0\0\0\1\x92\x91\xa1a\xcb\0\0\0\0\0\0\0\0",
        b"\xdd\0\0\0\1\x93\x91\xa1a\3",
        b"\xdd\0\0\0\1\x92\xa1a\3",
        b"\xdd\0\0\0\1\x92\x91\xa1a\xcf\0\0",
        b"\xdd\0\0\0\1" + b"\x91" * 300,
        b"no manifest at all",
        b"\xdd",
    ],
)
def test_a_manifest_that_is_none(tmp_path: Path, bad: bytes) -> None:
    stream, made = hostile(bad, b"123")
    target = depot(tmp_path)
    target.begin(stream)
    for block, data in made[:-1]:
        assert target.write(stream, block, data)
    with pytest.raises(StoreError, match="the folder can't be made"):
        target.write(stream, *made[-1])
    with pytest.raises(StoreError, match="the folder can't be made"):
        target.begin(stream)
    assert not (tmp_path / "downloads").exists()
    target.discard(stream)
    assert {made.name for made in tmp_path.iterdir()} == {"files"}


def test_a_folder_of_too_many_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("model.filenames", "storage.depot.survey"):
        monkeypatch.setattr(f"p2pchat.{module}.FOLDER_NAMES", 100)
    with pytest.raises(StoreError, match="too many names"):
        taken(tmp_path / "b", *(((f"{number}",), 0) for number in range(101)))
    for number in range(101):
        (tmp_path / "many" / f"{number}").mkdir(parents=True)
    with pytest.raises(RequestError) as refused:
        survey(depot(tmp_path / "a"), tmp_path / "many")
    assert refused.value.reason == "too-large"
    # As many in folders of their own are fine.
    taken(tmp_path / "b", *(((f"{number // 40}", f"{number}"), 0) for number in range(300)))


def test_a_folder_of_too_many_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("manifest", "survey"):
        monkeypatch.setattr(f"p2pchat.storage.depot.{module}.FOLDER_FILES", 10)
    with pytest.raises(RequestError, match="11 files in one folder") as refused:
        taken(tmp_path / "b", *((("a", f"{number}"), 0) for number in range(11)))
    assert refused.value.reason == "too-large"
    # Before the rest of a long manifest is fetched.
    stream, made = hostile(manifest(*(((f"{number:0200}",), 0) for number in range(1000))))
    target = depot(tmp_path / "c")
    target.begin(stream)
    assert layers(stream)[0] > 3
    assert target.write(stream, *made[0])
    with pytest.raises(RequestError, match="1,000 files in one folder"):
        target.write(stream, *made[1])
    for number in range(11):
        (tmp_path / "many" / f"{number % 3}").mkdir(parents=True, exist_ok=True)
        (tmp_path / "many" / f"{number % 3}" / f"{number}").touch()
    with pytest.raises(RequestError) as refused:
        survey(depot(tmp_path / "a"), tmp_path / "many")
    assert refused.value.reason == "too-large"


def test_folders_too_deep(tmp_path: Path) -> None:
    fits = tmp_path.joinpath("fits", *("f" * limits.FOLDER_DEPTH))
    fits.mkdir(parents=True)
    (fits / "file").touch()
    source, target = depot(tmp_path / "a"), depot(tmp_path / "b")
    path = fetch(source, target, survey(source, tmp_path / "fits"))
    assert snapshot(path) == snapshot(tmp_path / "fits")
    (fits / "f").mkdir()
    with pytest.raises(RequestError) as refused:
        survey(source, tmp_path / "fits")
    assert refused.value.reason == "too-large"


def test_its_own_files_are_not_shared(tmp_path: Path) -> None:
    """Somebody shares the folder that the profile lies in."""
    (tmp_path / "x").write_text("x")
    source = depot(tmp_path)
    offer = survey(source, tmp_path)
    assert offer.files == 1
    assert source.read(offer.stream, Block(0, 0)) is not None


def test_looking_through_a_folder_takes_little_memory(tmp_path: Path) -> None:
    """There may be 250,000 files beside one another: 60 MB of them."""
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(3000):
        (folder / f"picture {number:06}.jpg").touch()
    source = depot(tmp_path / "a")
    survey(source, folder)
    tracemalloc.start()
    survey(source, folder)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (peak - 5 * MIB) / 3000 < 250
