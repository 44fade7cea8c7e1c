"""Files under attack, while two honest nodes chat: by sources, askers and floods."""

from __future__ import annotations

import os
import select
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import Lan, Node, wait_linked, wait_until
from lan_talk import peer_id, refusal
from siege import Siege

pytestmark = pytest.mark.lan
LOBBY = "#lobby"
MIB = 1024 * 1024
SLOW = 16_000_000
"""Bits a second of the friend's port, where an attacker is to have its chance."""


@pytest.fixture(scope="module")
def siege(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Siege]:
    with Lan(hosts=3) as lan:
        siege = Siege(lan)
        # As there: what files need once is there before anything is measured.
        path = make_file(tmp_path_factory.mktemp("first"), 20 * MIB)
        wait_complete(siege.friend, share(siege.victim, path), path)
        yield siege


def share(node: Node, path: Path, conversation: str = LOBBY) -> dict[str, Any]:
    found: dict[str, Any] = node.call("files.share", conversation=conversation, path=str(path))
    return found


def make_file(folder: Path, size: int) -> Path:
    path = folder / "a film.bin"
    path.write_bytes(os.urandom(size))
    return path


def shown(node: Node, file_id: str) -> dict[str, Any]:
    for found in node.call("files.list", limit=1000):
        if found["file_id"] == file_id:
            return dict(found)
    return {"state": "unknown"}


def wait_complete(node: Node, file: dict[str, Any], path: Path) -> None:
    wait_until(lambda: shown(node, file["file_id"])["state"] == "complete", 40, "the file")
    assert Path(shown(node, file["file_id"])["path"]).read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    "how", ["wrong", "silent", "slow", "refuses", "takes back", "too long", "half"]
)
def test_a_bad_source_is_left_for_others(siege: Siege, tmp_path: Path, how: str) -> None:
    path = make_file(tmp_path, 4 * MIB + 7)
    mark = siege.victim.mark()
    siege.lan.limit_rate(1, SLOW // 8)
    try:
        with siege.meanwhile("bad_source", how) as source:
            file = share(siege.friend, path)
            assert source.stdout is not None
            assert select.select([source.stdout], [], [], 20)[0], "nobody asked the bad source"
            siege.lan.limit_rate(1, SLOW)
            wait_complete(siege.victim, file, path)
            if how == "wrong":
                siege.warned("wrong-pieces", mark)
    finally:
        siege.lan.limit_rate(1, 0)


def test_who_is_no_member_gets_nothing(siege: Siege, tmp_path: Path) -> None:
    path = make_file(tmp_path, 100_000)
    siege.victim.call("rooms.create", room="#secret", password="a long password", call_timeout=20)
    direct = share(siege.victim, path, f"@{peer_id(siege.friend)}")
    room = share(siege.victim, path, "#secret")
    wait_complete(siege.friend, direct, path)
    with siege.attack("asks_by_id", direct["file_id"], room["file_id"], "ab" * 32):
        pass


def test_who_holds_a_message_for_another_gets_no_file(tmp_path: Path) -> None:
    with Lan(hosts=3) as lan:
        siege = Siege(lan)
        friend = peer_id(siege.friend)
        assert siege.friend.stop() == 0
        share(siege.victim, make_file(tmp_path, 100_000), f"@{friend}")
        process = siege.launch("holder")
        assert process.stdout is not None
        assert process.stdout.readline() == b"done\n"
        process.communicate(timeout=10)


@pytest.mark.parametrize("name", ["junk_on_bulk", "unknown_files", "many_bulks", "dial_me"])
def test_floods_on_links_for_files(siege: Siege, name: str) -> None:
    with siege.attack(name):
        pass


def test_news_without_end(siege: Siege, tmp_path: Path) -> None:
    """Of a file that is being fetched."""
    path = make_file(tmp_path, 4 * MIB)
    siege.lan.limit_rate(1, SLOW)
    try:
        with siege.meanwhile("endless_news"):
            file = share(siege.friend, path)
            wait_complete(siege.victim, file, path)
    finally:
        siege.lan.limit_rate(1, 0)


def test_pieces_are_asked_for_and_never_read(siege: Siege, tmp_path: Path) -> None:
    with siege.meanwhile("wants_without_reading"):
        path = make_file(tmp_path, 20 * MIB)
        file = share(siege.victim, path)
        wait_complete(siege.friend, file, path)


def test_reports_without_end(siege: Siege, tmp_path: Path) -> None:
    path = make_file(tmp_path, 1000)
    file = share(siege.victim, path)
    wait_complete(siege.friend, file, path)
    with siege.attack("reports", file["file_id"], "ab" * 32):
        pass
    told = [one["peer_id"] for one in shown(siege.victim, file["file_id"])["receivers"]]
    assert peer_id(siege.friend) in told


def test_impossible_offers_are_no_offers(siege: Siege) -> None:
    name = "good \u202egpj.exe\x1b[31m"
    before = {file["file_id"] for file in siege.victim.call("files.list", limit=1000)}
    with siege.attack("impossible_offers", name.encode().hex()):

        def new() -> list[dict[str, Any]]:
            found = siege.victim.call("files.list", limit=1000)
            return [file for file in found if file["file_id"] not in before]

        wait_until(new, what="the offer that is one")
    (file,) = new()
    assert file["name"].startswith("good ")
    assert not any(unicodedata.category(char) in ("Cc", "Cf") for char in file["name"])
    assert not [
        m for m in siege.victim.call("messages.list", conversation=LOBBY) if "beyond" in m["text"]
    ]


def test_names_lead_nowhere(siege: Siege) -> None:
    names = ["../../x", "/etc/evil", "C:\\x", "CON", "a\0b", "x" * 300, "\u202egpj.exe", ".bashrc"]
    before = set(tree(siege.lan.directory))
    with siege.attack("odd_files", *(name.encode().hex() for name in names)):
        wait_until(
            lambda: len(downloads(siege.victim)) >= len(names), what="all of the files", timeout=20
        )
    made = set(tree(siege.lan.directory)) - before
    outside = [path for path in made if siege.victim.data_dir not in path.parents]
    assert not [path for path in outside if siege.friend.data_dir not in path.parents]
    for path in downloads(siege.victim):
        assert not path.name.startswith(".")
        assert len(path.name.encode()) <= 255
        assert not any(unicodedata.category(char) in ("Cc", "Cf") for char in path.name)


def tree(folder: Path) -> Iterator[Path]:
    return folder.rglob("*")


def downloads(node: Node) -> list[Path]:
    """Files of the attacker there: they say so."""
    found = (node.data_dir / "downloads").glob("*")
    return [path for path in found if path.read_bytes()[:4] == b"odd "]


def test_offers_without_end(siege: Siege) -> None:
    """Tiny files that nobody has keep neither memory nor the file of a friend."""
    with siege.attack("offers_without_end", "3000"):
        pass


def test_a_friends_file_comes_all_the_same(siege: Siege, tmp_path: Path) -> None:
    path = make_file(tmp_path, MIB)
    file = share(siege.friend, path)
    siege.victim.call("files.fetch", file_id=file["file_id"])
    wait_complete(siege.victim, file, path)
    assert refusal(siege.victim, "files.fetch", file_id="ab" * 32).reason == "no-such-file"
    assert siege.victim.running
    wait_linked(siege.nodes)
