"""What of a profile goes when its person leaves a shared computer: downloads that they name, as
they came, and what is unfinished; nothing else, and nothing through a link."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from carrying import blocks, carry, depot, fetch, snapshot, survey

from p2pchat.model.accounts import SignedOut
from p2pchat.model.stream import PIECE_MIN_BYTES, kept, read_name
from p2pchat.storage.depot.depot import FileDepot

CIRCLE = b"c" * 32


class Room:
    """A depot with a downloaded file and a folder, and what else lies about."""

    def __init__(self, tmp_path: Path) -> None:
        self.home = tmp_path / "here"
        self.there, self.here = depot(tmp_path / "there"), depot(self.home)
        self.shared = tmp_path / "shared"
        (self.shared / "photos" / "trip" / "nothing").mkdir(parents=True)
        (self.shared / "sheet.txt").write_text("a worksheet")
        (self.shared / "photos" / "trip" / "a.jpg").write_bytes(b"a" * 5000)
        (self.shared / "photos" / "b.jpg").write_bytes(b"b" * 7000)
        self.file, self.folder = (self.fetch(name) for name in ("sheet.txt", "photos"))
        self.own = self.home / "downloads" / "mine.txt"
        self.own.write_text("written here")
        survey(self.here, self.own)

    def fetch(self, name: str) -> Path:
        return fetch(self.there, self.here, survey(self.there, self.shared / name))

    def leave(self, *paths: Path) -> SignedOut:
        return depot(self.home).leave([str(path) for path in paths])


def names(of: FileDepot) -> list[tuple[str, int]]:
    return [(found.name, found.size) for found in of.fetched()]


def test_what_was_fetched_is_named_and_what_was_shared_isnt(tmp_path: Path) -> None:
    room = Room(tmp_path)
    assert names(room.here) == [("photos", 12_000), ("sheet.txt", 11)]
    survey(depot(room.home), room.file)
    assert names(depot(room.home)) == [("photos", 12_000), ("sheet.txt", 11)], (
        "sharing a download doesn't make it one's own"
    )


def test_what_is_named_goes_and_nothing_else(tmp_path: Path) -> None:
    room = Room(tmp_path)
    outside = tmp_path / "outside.txt"
    outside.write_text("not p2pchat's")
    before = snapshot(tmp_path)
    left = room.leave(room.file, room.own, outside)
    assert left == SignedOut((str(room.file),), tuple(sorted((str(room.own), str(outside)))))
    assert not room.file.exists()
    assert room.own.exists()
    assert outside.exists()
    assert room.folder.is_dir()
    assert names(depot(room.home)) == [("photos", 12_000)]
    assert room.leave(room.folder) == SignedOut((str(room.folder),))
    assert sorted(path.name for path in (room.home / "downloads").iterdir()) == ["mine.txt"]
    gone = before.keys() - snapshot(tmp_path).keys()
    assert all(path.startswith(("here/downloads/", "here/files/")) for path in gone)
    kept_here = room.here.path(survey(room.there, room.own).stream)
    assert kept_here == str(room.own), "what was shared from here can be again"


@pytest.mark.parametrize("how", ["written", "same size", "another", "link", "folder"])
def test_what_is_no_longer_what_came_stays(tmp_path: Path, how: str) -> None:
    room = Room(tmp_path)
    precious = tmp_path / "precious.txt"
    precious.write_text("a worksheet" if how == "link" else "my own work")
    room.file.unlink()
    if how == "written":
        room.file.write_text("a worksheet, filled in")
    elif how == "same size":
        room.file.write_text("A worksheet")
    elif how == "another":
        os.replace(precious, room.file)
    elif how == "link":
        room.file.symlink_to(precious)
    else:
        room.file.mkdir()
    before = snapshot(room.home / "downloads")
    assert room.leave(room.file) == SignedOut((), (str(room.file),))
    assert snapshot(room.home / "downloads") == before
    if how == "link":
        assert precious.read_text() == "a worksheet"


def test_of_a_folder_what_somebody_has_added_stays(tmp_path: Path) -> None:
    room = Room(tmp_path)
    (room.folder / "trip" / "diary.txt").write_text("mine")
    assert room.leave(room.folder) == SignedOut((), (str(room.folder),))
    assert snapshot(room.folder) == {"trip": None, "trip/diary.txt": b"mine"}


def test_of_a_folder_with_a_link_in_it_nothing_elsewhere_goes(tmp_path: Path) -> None:
    """The same files, but elsewhere: a folder in it was moved away and linked back."""
    room = Room(tmp_path)
    moved = tmp_path / "moved"
    os.rename(room.folder / "trip", moved)
    (room.folder / "trip").symlink_to(moved)
    assert room.leave(room.folder) == SignedOut((), (str(room.folder),))
    assert (moved / "a.jpg").exists()


def test_of_a_folder_that_was_changed_nothing_goes(tmp_path: Path) -> None:
    room = Room(tmp_path)
    (room.folder / "b.jpg").write_bytes(b"c" * 7000)
    before = snapshot(room.folder)
    assert room.leave(room.folder) == SignedOut((), (str(room.folder),))
    assert snapshot(room.folder) == before


def test_what_is_unfinished_goes(tmp_path: Path) -> None:
    room = Room(tmp_path)
    large = room.shared / "film.bin"
    large.write_bytes(os.urandom(3 * PIECE_MIN_BYTES))
    offer = survey(room.there, large)
    room.here.begin(offer.stream)
    carry(room.there, room.here, offer.stream, blocks(offer.stream)[:2])
    (room.home / "files" / "new-left").mkdir()
    assert list((room.home / "files").rglob("data"))
    assert room.leave() == SignedOut()
    inside = [path.name for path in (room.home / "files").iterdir()]
    assert offer.stream.name() not in inside
    assert "new-left" not in inside
    assert names(depot(room.home)) == [("photos", 12_000), ("sheet.txt", 11)], "all the rest stays"


def test_the_name_of_a_kept_stream_says_which_it_is(tmp_path: Path) -> None:
    stream = survey(depot(tmp_path), __file__).stream
    assert read_name(stream.name()) == stream
    circled = kept(stream, CIRCLE)
    assert read_name(circled.name()) == circled
    assert read_name("new-x") is None
