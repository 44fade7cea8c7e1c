"""Single files: what is finished is what was offered, and what is here is found by hashing."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from carrying import blocks, carry, depot, fetch, has, here, snapshot, survey

from p2pchat.errors import RequestError, StoreError
from p2pchat.model.stream import (
    HASHES,
    PIECE_MIN_BYTES,
    Block,
    Stream,
    is_well_formed,
    kept,
    layers,
)
from p2pchat.node.ports import Depot
from p2pchat.storage.depot.tree import Tree, TreeBuilder, digest

P = PIECE_MIN_BYTES


def content(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


def shared(folder: Path, data: bytes, name: str = "lesson.bin") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(data)
    return path


@pytest.mark.skipif(not hasattr(os, "posix_fadvise"), reason="the system takes no advice")
def test_what_is_to_be_written_soon_is_said_to_the_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[int, int]] = []

    def advise(handle: int, offset: int, length: int, advice: int) -> None:
        assert os.fstat(handle).st_size >= offset + length
        assert advice == os.POSIX_FADV_DONTNEED
        told.append((offset, length))
        raise OSError("a file system without that")

    monkeypatch.setattr(os, "posix_fadvise", advise)
    here_, there, data = depot(tmp_path / "a"), depot(tmp_path / "b"), content(2 * P)
    stream = survey(here_, shared(tmp_path, data)).stream
    there.begin(stream)
    for block, soon in ((Block(1, 0), True), (Block(0, 0), False), (Block(0, 1), True)):
        found = here_.read(stream, block)
        assert found is not None
        assert there.write(stream, block, found, soon=soon)
    assert told == [(P, P)]
    assert Path(there.finish(stream, "film")).read_bytes() == data


def test_it_is_the_port(tmp_path: Path) -> None:
    port: Depot = depot(tmp_path)
    assert port.path(Stream(bytes(32), 1, P)) is None


@pytest.mark.parametrize(
    "size", [0, 1, P - 1, P, P + 1, 5 * P, 40 * P + 7, P * HASHES, P * HASHES + 1]
)
def test_what_is_finished_is_what_was_offered(tmp_path: Path, size: int) -> None:
    data = content(size)
    here_, there = depot(tmp_path / "a"), depot(tmp_path / "b")
    offer = survey(here_, shared(tmp_path, data, "lesson.pdf"))
    assert is_well_formed(offer.stream)
    assert (offer.size, offer.files, offer.name) == (size, 1, "lesson.pdf")
    assert offer.mime == "application/pdf"
    path = fetch(here_, there, offer, seed=size)
    assert path == tmp_path / "b" / "downloads" / "lesson.pdf"
    assert path.read_bytes() == data
    # It is served from there, and its partial file is gone.
    for block in blocks(offer.stream):
        assert there.read(offer.stream, block) == here_.read(offer.stream, block)
    assert not list((tmp_path / "b" / "files").rglob("data"))
    assert there.path(offer.stream) == str(path)
    assert there.finish(offer.stream, "another name") == str(path)


def test_a_tree_of_three_layers(tmp_path: Path) -> None:
    """Beyond 16 GiB."""
    piece = 8 * 1024**2
    size = piece * HASHES + 5
    hashes = [index.to_bytes(32, "big") for index in range(HASHES + 1)]
    builder = TreeBuilder(str(tmp_path / "hashes"), size, piece)
    for hash in hashes:
        builder.add(hash)
    lower = [b"".join(hashes[:HASHES]), hashes[HASHES]]
    top = b"".join(map(digest, lower))
    stream = Stream(builder.root(), size, piece)
    assert stream.root == digest(top)
    tree = Tree(str(tmp_path / "hashes"), stream)
    assert [tree.block(Block(1, 1)), tree.block(Block(1, 0))] == lower[::-1]
    assert tree.block(Block(2, 0)) == top
    assert [tree.expected(Block(0, index)) for index in range(HASHES + 1)] == hashes
    with (tmp_path / "hashes").open("r+b") as file:
        file.write(b"x")
    tree.forget()
    assert tree.block(Block(1, 0)) is None
    assert tree.block(Block(1, 1)) == lower[1]


def test_the_reading_can_be_ended(tmp_path: Path) -> None:
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(8 * 1024**3)
    told: list[int] = []

    def going(done: int, total: int) -> bool:
        told.append(done)
        return done < 64 * 1024**2

    with pytest.raises(RequestError) as refused:
        depot(tmp_path / "a").survey(str(path), going)
    assert refused.value.reason == "busy"
    assert told[-1] < 128 * 1024**2
    assert not list((tmp_path / "a" / "files").iterdir())


def test_only_what_its_parent_says_is_kept(tmp_path: Path) -> None:
    source, target = depot(tmp_path / "a"), depot(tmp_path / "b")
    stream = survey(source, shared(tmp_path, content(3 * P))).stream
    target.begin(stream)
    piece, top = source.read(stream, Block(0, 1)), source.read(stream, Block(1, 0))
    assert piece is not None
    assert top is not None
    assert not target.write(stream, Block(0, 1), piece)  # its parent isn't here
    assert not target.write(stream, Block(1, 0), bytes(len(top)))
    assert target.write(stream, Block(1, 0), top)
    for wrong in (bytes(P), piece[:-1], piece + b"x", b""):
        assert not target.write(stream, Block(0, 1), wrong)
    assert not target.write(stream, Block(0, 0), piece)
    assert not target.write(stream, Block(0, 99), piece)
    assert not target.write(stream, Block(7, 0), piece)
    assert target.read(stream, Block(0, 1)) is None
    assert target.write(stream, Block(0, 1), piece)
    assert target.read(stream, Block(0, 1)) == piece
    assert target.read(stream, Block(0, 99)) is None
    with pytest.raises(StoreError):
        target.finish(stream, "x")
    assert not (tmp_path / "b" / "downloads").exists()


def test_the_disk_alone_says_what_is_here(tmp_path: Path) -> None:
    source, target = depot(tmp_path / "a"), depot(tmp_path / "b")
    stream = survey(source, shared(tmp_path, content(20 * P))).stream
    assert here(target.begin(stream)) == 0
    some = [Block(1, 0), *(Block(0, index) for index in (0, 3, 4, 12, 19))]
    carry(source, target, stream, some)
    [data] = (tmp_path / "b" / "files").rglob("data")
    with data.open("r+b") as file:
        file.seek(3 * P + 17)
        file.write(b"\0\1\2")
    for opened in (target, depot(tmp_path / "b")):
        progress = opened.begin(stream)
        assert progress.path is None
        found = [block for block in blocks(stream) if has(progress, block)]
        assert found == [block for block in some if block != Block(0, 3)]
        assert opened.read(stream, Block(0, 3)) is None
    # Without its tree nothing of it is believed.
    [hashes] = (tmp_path / "b" / "files").rglob("hashes")
    hashes.write_bytes(bytes(hashes.stat().st_size))
    assert here(depot(tmp_path / "b").begin(stream)) == 0


def test_a_partial_file_that_grew(tmp_path: Path) -> None:
    source, target = depot(tmp_path / "a"), depot(tmp_path / "b")
    offer = survey(source, shared(tmp_path, content(2 * P + 5)))
    target.begin(offer.stream)
    carry(source, target, offer.stream, blocks(offer.stream))
    [data] = (tmp_path / "b" / "files").rglob("data")
    with data.open("ab") as file:
        file.write(b"more")
    with pytest.raises(StoreError, match="changed on disk"):
        target.finish(offer.stream, "x")
    assert here(target.begin(offer.stream)) == 3
    assert Path(target.finish(offer.stream, "x")).read_bytes() == content(2 * P + 5)


def test_a_tree_that_was_lost(tmp_path: Path) -> None:
    """The file is there, but can't be served: so it is fetched."""
    source, target = depot(tmp_path / "a"), depot(tmp_path / "b")
    offer = survey(source, shared(tmp_path, content(2 * P)))
    came = fetch(source, target, offer)
    [hashes] = (tmp_path / "b" / "files").rglob("hashes")
    hashes.unlink()
    target = depot(tmp_path / "b")
    assert target.read(offer.stream, Block(0, 0)) is None
    assert target.begin(offer.stream).path is None
    assert fetch(source, target, offer) == came.with_name("lesson_2.bin")
    assert target.begin(offer.stream).path == str(came.with_name("lesson_2.bin"))


def test_holes_that_are_meant(tmp_path: Path) -> None:
    """Pieces of zeros are here as soon as their place is."""
    source, target = depot(tmp_path / "a"), depot(tmp_path / "b")
    data = content(P) + bytes(6 * P) + content(P)
    offer = survey(source, shared(tmp_path, data))
    target.begin(offer.stream)
    carry(source, target, offer.stream, [Block(1, 0), Block(0, 7)])
    progress = target.begin(offer.stream)
    assert not has(progress, Block(0, 0))
    assert has(progress, Block(0, 7))
    missing = [block for block in blocks(offer.stream) if not has(progress, block)]
    carry(source, target, offer.stream, missing)
    assert Path(target.finish(offer.stream, "zeros")).read_bytes() == data


def test_many_threads_at_one_stream(tmp_path: Path) -> None:
    source, target = depot(tmp_path / "a"), depot(tmp_path / "b")
    data = content(200 * P)
    stream = survey(source, shared(tmp_path, data)).stream
    target.begin(stream)
    carry(source, target, stream, [Block(1, 0)])
    pieces = [block for block in blocks(stream, seed=3) if block.layer == 0]
    wrong: list[Block] = []

    def work(share: list[Block]) -> None:
        for block in share:
            piece = source.read(stream, block)
            kept = piece is not None and target.write(stream, block, piece)
            if not kept or target.read(stream, block) != piece:
                wrong.append(block)

    threads = [threading.Thread(target=work, args=(pieces[i::3] + pieces[:9],)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert Path(target.finish(stream, "x")).read_bytes() == data


FETCHER = """
import sys
from pathlib import Path
from carrying import blocks, depot
from p2pchat.model.stream import Stream
root, size, piece, manifest, source, target, seed = sys.argv[1:]
stream = Stream(bytes.fromhex(root), int(size), int(piece), int(manifest))
shared, fetched = depot(Path(source)), depot(Path(target))
progress = fetched.begin(stream)
for block in blocks(stream, int(seed)):
    data = shared.read(stream, block)
    assert data is not None and fetched.write(stream, block, data)
    print(flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
@pytest.mark.parametrize("kind", ["file", "folder"])
def test_killed_in_the_midst(tmp_path: Path, kind: str) -> None:
    path = shared(tmp_path / "x", content(600 * P))
    if kind == "folder":
        path = path.parent
        for number in range(300):
            shared(path / str(number % 7), content(number * 77, number), f"{number}")
    source = depot(tmp_path / "a")
    offer = survey(source, path)
    stream = offer.stream
    fields = [stream.root.hex(), *map(str, (stream.size, stream.piece, stream.manifest))]
    arguments = [*fields, str(tmp_path / "a"), str(tmp_path / "b")]
    env = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    kept = 0
    for seed in range(4):
        command = [sys.executable, "-c", FETCHER, *arguments, str(seed)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=env) as process:
            assert process.stdout is not None
            written = sum(1 for _, line in zip(range(150), process.stdout, strict=False) if line)
            process.send_signal(signal.SIGKILL)
        assert written == 150
        before, kept = kept, here(depot(tmp_path / "b").begin(stream))
        # The tree's block above the pieces is one of those written.
        assert kept >= max(before, written - 1)
    target = depot(tmp_path / "b")
    progress = target.begin(stream)
    carry(source, target, stream, [b for b in blocks(stream) if not has(progress, b)])
    came = Path(target.finish(stream, "x"))
    if kind == "folder":
        assert snapshot(came) == snapshot(path)
    else:
        assert came.read_bytes() == path.read_bytes()


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    downloads = tmp_path / "b" / "downloads"
    mine = shared(downloads, b"mine", "Lesson.pdf")
    source, target = depot(tmp_path / "a"), depot(tmp_path / "b")
    paths = []
    for number, name in enumerate(("lesson.pdf", "LESSON.PDF", "lesson.pdf", "../lesson.pdf")):
        offer = survey(source, shared(tmp_path, content(100, number), f"{number}"))
        target.begin(offer.stream)
        carry(source, target, offer.stream, blocks(offer.stream))
        paths.append(Path(target.finish(offer.stream, name)))
        assert paths[-1].read_bytes() == content(100, number)
    assert mine.read_bytes() == b"mine"
    names = ["lesson_2.pdf", "LESSON_3.PDF", "lesson_4.pdf", "_._lesson.pdf"]
    assert [path.name for path in paths] == names
    assert {path.parent for path in paths} == {downloads}


def test_a_link_in_the_downloads_is_not_followed(tmp_path: Path) -> None:
    source, target = depot(tmp_path / "a"), depot(tmp_path / "b")
    (tmp_path / "b" / "downloads").mkdir(parents=True)
    (tmp_path / "b" / "downloads" / "x").symlink_to(tmp_path / "elsewhere")
    offer = survey(source, shared(tmp_path, b"content", "x"))
    assert fetch(source, target, offer).name == "x_2"
    assert not (tmp_path / "elsewhere").exists()


def test_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    source, target = depot(tmp_path / "a"), depot(tmp_path / "b")
    mine = shared(tmp_path / "b" / "downloads", b"mine", "x")
    path = fetch(source, target, survey(source, shared(tmp_path, content(P + 1), "x")))
    assert path.name == "x_2"
    assert path.read_bytes() == content(P + 1)
    assert mine.read_bytes() == b"mine"


def test_what_is_here_already_is_found(tmp_path: Path) -> None:
    source, target = depot(tmp_path / "a"), depot(tmp_path / "b")
    path = shared(tmp_path, content(5 * P))
    offer = survey(source, path)
    progress = source.begin(offer.stream)
    assert progress.path == str(path)
    assert [has(progress, block) for block in blocks(offer.stream)] == [True] * 6
    came = fetch(source, target, offer)
    for opened in (target, depot(tmp_path / "b")):
        assert opened.begin(offer.stream).path == str(came)
    # Touched only: it is read, and still is what it was.
    os.utime(came, ns=(1, 1))
    assert depot(tmp_path / "b").begin(offer.stream).path == str(came)
    # Changed, its size and time as before: nothing wrong is served.
    came.write_bytes(bytes(5 * P))
    os.utime(came, ns=(1, 1))
    reopened = depot(tmp_path / "b")
    assert reopened.read(offer.stream, Block(0, 0)) is None
    # Changed for all to see: it isn't there any more, and left alone.
    came.write_bytes(content(5 * P, seed=2))
    assert reopened.begin(offer.stream).path is None
    assert fetch(source, reopened, offer) == came.with_name("lesson_2.bin")
    assert came.read_bytes() == content(5 * P, seed=2)


def test_what_was_shared_is_served_after_a_restart(tmp_path: Path) -> None:
    path = shared(tmp_path, content(9 * P))
    offer = survey(depot(tmp_path / "a"), path)
    assert fetch(depot(tmp_path / "a"), depot(tmp_path / "b"), offer).exists()


def test_a_shared_file_that_changes_or_goes(tmp_path: Path) -> None:
    source = depot(tmp_path / "a")
    path = shared(tmp_path, content(9 * P))
    stream = survey(source, path).stream
    with path.open("r+b") as file:
        file.seek(4 * P)
        file.write(b"other")
    assert source.read(stream, Block(0, 3)) is not None
    assert source.read(stream, Block(0, 4)) is None
    path.unlink()
    assert source.path(stream) is None
    assert source.read(stream, Block(0, 3)) is None
    path.mkdir()
    assert source.read(stream, Block(0, 3)) is None
    assert source.path(stream) is None


def test_shared_twice_from_two_places(tmp_path: Path) -> None:
    source = depot(tmp_path / "a")
    first = shared(tmp_path / "1", content(3 * P))
    second = shared(tmp_path / "2", content(3 * P))
    stream = survey(source, first).stream
    assert survey(source, second).stream == stream
    first.unlink()
    assert source.path(stream) == str(second)
    assert source.read(stream, Block(0, 2)) is not None


def test_shared_while_it_is_fetched(tmp_path: Path) -> None:
    source, target = depot(tmp_path / "a"), depot(tmp_path / "b")
    path = shared(tmp_path, content(3 * P))
    stream = survey(source, path).stream
    target.begin(stream)
    carry(source, target, stream, [Block(1, 0), Block(0, 0)])
    survey(target, path)
    assert target.path(stream) == str(path)
    carry(source, target, stream, [Block(0, 1)])
    assert target.finish(stream, "x") == str(path)


def test_discarded(tmp_path: Path) -> None:
    source, target = depot(tmp_path / "a"), depot(tmp_path / "b")
    path = shared(tmp_path, content(3 * P))
    offer = survey(source, path)
    target.begin(offer.stream)
    carry(source, target, offer.stream, [Block(1, 0), Block(0, 0)])
    target.discard(offer.stream)
    assert not list((tmp_path / "b" / "files").iterdir())
    assert target.read(offer.stream, Block(0, 0)) is None
    # A piece that was on its way when that happened doesn't bring it back.
    top = source.read(offer.stream, Block(1, 0))
    assert top is not None
    target.write(offer.stream, Block(1, 0), top)
    assert not list((tmp_path / "b" / "files").iterdir())
    # What is whole stays, and is known: another offer may be of the same content.
    came = fetch(source, target, offer)
    for held, place in ((target, came), (source, path)):
        held.discard(offer.stream)
        assert held.path(offer.stream) == str(place)
        assert held.read(offer.stream, Block(1, 0)) is not None
    # Where the file has gone, there is nothing to keep.
    came.unlink()
    target.discard(offer.stream)
    assert not list((tmp_path / "b" / "files").iterdir())


def test_one_content_under_two_readings(tmp_path: Path) -> None:
    """The same bytes offered as a file and as a folder are two streams that don't meet."""
    source, target = depot(tmp_path / "a"), depot(tmp_path / "b")
    offer = survey(source, shared(tmp_path, content(2 * P)))
    as_folder = Stream(offer.stream.root, offer.stream.size, offer.stream.piece, 40)
    target.begin(offer.stream)
    assert target.begin(as_folder).path is None
    assert fetch(source, target, offer).read_bytes() == content(2 * P)
    assert target.path(as_folder) is None
    assert layers(as_folder) == layers(offer.stream)


def test_what_came_in_another_conversation_is_not_here(tmp_path: Path) -> None:
    source, target = depot(tmp_path / "a"), depot(tmp_path / "b")
    data = content(3 * P)
    offer = survey(source, shared(tmp_path, data))
    one, other, third = (kept(offer.stream, bytes([number]) * 16) for number in (1, 2, 3))
    target.begin(one)
    for block in blocks(offer.stream)[:2]:
        assert target.write(one, block, source.read(offer.stream, block) or b"")
    assert here(target.begin(other)) == 0
    assert here(target.begin(one)) == 1
    for block in blocks(offer.stream):
        assert target.write(one, block, source.read(offer.stream, block) or b"")
    path = target.finish(one, "lesson.bin")
    # Nor is it known once it is whole, but where it is said that this does no harm.
    assert target.begin(other).path is None
    assert target.read(other, Block(0, 0)) is None
    assert target.begin(third, [other.circle]).path is None
    assert target.begin(third, [other.circle, one.circle]).path == path
    assert target.read(third, Block(0, 1)) == data[P : 2 * P]
    # A copy is kept apart.
    for block in blocks(offer.stream):
        assert target.write(other, block, source.read(offer.stream, block) or b"")
    assert target.finish(other, "lesson.bin") != path
    assert Path(path).read_bytes() == Path(target.path(other) or "").read_bytes() == data


def test_each_offer_of_a_content_has_its_path(tmp_path: Path) -> None:
    source = depot(tmp_path / "a")
    first = shared(tmp_path / "1", content(3 * P))
    second = shared(tmp_path / "2", content(3 * P))
    stream = survey(source, first).stream
    survey(source, second)
    assert source.path(stream, str(first)) == str(first)
    assert source.path(stream, str(second)) == str(second)
    first.write_bytes(b"shorter")
    assert source.path(stream, str(first)) is None
