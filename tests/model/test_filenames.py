"""Names from elsewhere as names of files."""

from __future__ import annotations

import os
import sys
import tempfile
import unicodedata
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from p2pchat.config.limits import FILE_NAME_BYTES
from p2pchat.model.filenames import FolderNames, download_name, harmless, key, numbered

# fmt: off
DEVICES = ["con", "prn", "aux", "nul", "conin$", "conout$", "com0", "com1", "com9", "com¹", "lpt1",
           "lpt³"]
# fmt: on
_SIGNS = '/\\:*?"<>|.~ \0\n\r\t\x1b\x7f\x85\u200b\u200e\u200f\u202a\u202e\u2066\u2069\u061c\ufeff'
_OTHERS = "\ud800\udcff\ufffe\u0301é\u3000\u00a0\u2028\U000e0041👍🏽課سلام"
_PARTS = ("..", "../", "C:", "CON", "nul.", "COM1", "x~1", " .", ". ")
awkward = st.sampled_from([*_SIGNS, *_OTHERS, *_PARTS])
text = st.text(st.characters(exclude_categories=[]), max_size=12)
names = st.lists(awkward | text, max_size=60).map("".join)


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("lesson 1.pdf", "lesson 1.pdf"),
        ("课件.docx", "课件.docx"),
        (".gitignore", ".gitignore"),
        ("archive.tar.gz", "archive.tar.gz"),
        ("a-b_c(1)[2]{3}~$#&'+,;=@!.x", "a-b_c(1)[2]{3}~$#&'+,;=@!.x"),
        ("../../x", ".._.._x"),
        ("C:\\x", "C__x"),
        ("/etc/passwd", "_etc_passwd"),
        ("\\\\?\\C:\\x", "____C__x"),
        ("file.txt:stream", "file.txt_stream"),
        ("CON", "_CON"),
        ("con .txt", "_con .txt"),
        ("nul.txt", "_nul.txt"),
        ("Com1.tar.gz", "_Com1.tar.gz"),
        ("COM\u00b2", "_COM\u00b2"),
        ("console.txt", "console.txt"),
        ("nul", "_nul"),
        ("nul\u200b.txt", "_nul.txt"),
        ("PROGRA~1", "PROGRA_1"),
        ("notes.txt~1", "notes.txt~1"),
        ("", "_"),
        (".", "_"),
        ("..", "_"),
        ("...  ", "_"),
        ("x. . .", "x"),
        ("x (1) .b.", "x (1) .b"),
        ("x ", "x"),
        ("a..b", "a..b"),
        ("  x", "x"),
        ("x\u202egpj.exe", "x_u202egpj.exe"),
        ("a\u200eb\u2066c", "abc"),
        ("a\nb\x00c\x1b[m", "a_x0ab_x00c_x1b[m"),
        ("a\udcffb", "a\ufffdb"),
        (unicodedata.normalize("NFD", "é.txt"), "é.txt"),
        ("x" * 300 + ".pdf", "x" * 239 + ".pdf"),
        ("课" * 100 + ".pdf", "课" * 79 + ".pdf"),
        ("x." + "e" * 300, "x." + "e" * 241),
    ],
)
def test_examples(name: str, safe: str) -> None:
    assert harmless(name) == safe


def test_a_download_is_not_hidden() -> None:
    assert download_name(".bashrc") == "_bashrc"
    assert download_name("../../x") == "_._.._x"
    assert download_name("..") == "_"


@given(names)
def test_what_holds_for_every_name(name: str) -> None:
    for safe in (harmless(name), download_name(name)):
        assert safe not in ("", ".", "..")
        assert len(safe.encode()) <= FILE_NAME_BYTES - 12
        assert not set(safe) & set('/\\<>:"|?*')
        assert safe[-1] not in ". "
        assert safe[0] != " "
        stem = safe.split(".")[0].rstrip().lower()
        assert stem not in DEVICES
        for char in safe:
            assert unicodedata.category(char) not in ("Cc", "Cs", "Zl", "Zp")
            assert unicodedata.bidirectional(char) not in (
                "LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI",
            )  # fmt: skip
    assert not download_name(name).startswith(".")


@given(names)
@example("\n\u0301")
def test_made_harmless_once(name: str) -> None:
    assert harmless(harmless(name)) == harmless(name)


@given(names, st.integers(1, 30))
def test_numbers_keep_it_harmless(name: str, count: int) -> None:
    found = [one for one, _ in zip(numbered(harmless(name)), range(count), strict=False)]
    assert len(set(map(key, found))) == count
    for one in found:
        assert len(one.encode()) <= FILE_NAME_BYTES
        assert one[-1] not in ". "
        assert one.split(".")[0].rstrip().lower() not in DEVICES


paths = st.lists(
    st.sampled_from(["a", "A", "b", "a_2", "é", "e\u0301", "..", "", "CON"]), min_size=1, max_size=3
)


@given(st.lists(paths, max_size=40))
def test_no_two_paths_are_the_same(offered: list[list[str]]) -> None:
    places = FolderNames()
    files: set[tuple[str, ...]] = set()
    folders: set[tuple[str, ...]] = set()
    for path in offered:
        placed = tuple(key(part) for part in places.place(path))
        assert len(placed) == len(path)
        assert placed not in files | folders
        files.add(placed)
        folders.update(placed[:depth] for depth in range(1, len(placed)))
    assert not files & folders


def test_a_folder_stays_one() -> None:
    places = FolderNames()
    offered = [["A", "x"], ["A", "y", "z"], ["A", "y", "w"], ["A", "v"], ["B"]]
    assert [places.place(path) for path in offered] == offered


def test_many_of_one_name() -> None:
    places = FolderNames()
    found = {places.place(["same.txt"])[0] for _ in range(20_000)}
    assert len(found) == 20_000


@given(names)
def test_the_system_takes_them(name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / harmless(name)
        path.write_text("x")
        assert os.listdir(folder) == [path.name] or sys.platform == "darwin"
