"""Files that somebody doesn't want any more, and what others see of that; files that are wanted
elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import Lan, wait_linked, wait_until
from lan_node import Node
from lan_talk import LOBBY, join, peer_id, refusal, warnings
from test_files_on_lan import MIB, SLOW, make_file, offer, share, start, wait_state, wait_whole

pytestmark = pytest.mark.lan


@pytest.fixture
def lan() -> Iterator[Lan]:
    with Lan(hosts=3) as lan:
        yield lan


def coming(lan: Lan, nodes: list[Node], path: Path, conversation: str = LOBBY) -> dict[str, Any]:
    """A file that is on its way from the first node to the second."""
    lan.limit_rate(1, SLOW)
    file = share(nodes[0], path, conversation)
    wait_until(lambda: offer(nodes[1], file)["done"] > 2 * MIB, 30, "2 MiB of it")
    return file


def kept(node: Node) -> list[str]:
    """What lies around of files at a node."""
    folders = (node.data_dir / "files", node.data_dir / "downloads")
    return [path.name for folder in folders if folder.exists() for path in folder.iterdir()]


def test_a_withdrawn_file_fails_for_all_and_whoever_comes_later(lan: Lan, tmp_path: Path) -> None:
    nodes = start(lan, 2)
    path = make_file(tmp_path, 16 * MIB)
    file = coming(lan, nodes, path)
    assert nodes[0].call("files.cancel", file_id=file["file_id"])["reason"] == "cancelled"
    assert wait_state(nodes[1], file, "failed")["reason"] == "gone"
    nodes.append(lan.node(2))
    wait_linked(nodes)
    nodes[1].call("files.fetch", file_id=file["file_id"])
    for node in nodes[1:]:
        assert wait_state(node, file, "failed")["reason"] == "gone"
    # Its author thinks better of it.
    lan.limit_rate(1, 0)
    assert nodes[0].call("files.resume", file_id=file["file_id"])["state"] == "complete"
    for node in nodes[1:]:
        node.call("files.fetch", file_id=file["file_id"])
    wait_whole(nodes[1:], file, path.read_bytes())


def test_what_is_left_of_a_failed_one_can_be_forgotten(lan: Lan, tmp_path: Path) -> None:
    nodes = start(lan, 2)
    file = coming(lan, nodes, make_file(tmp_path, 16 * MIB))
    nodes[0].call("files.cancel", file_id=file["file_id"])
    wait_state(nodes[1], file, "failed")
    assert kept(nodes[1]), "it goes on there, should somebody come who has it"
    assert nodes[1].call("files.cancel", file_id=file["file_id"])["state"] == "offered"
    wait_until(lambda: not kept(nodes[1]), what="what was fetched is gone")


def test_others_give_what_its_author_has_withdrawn(lan: Lan, tmp_path: Path) -> None:
    nodes = start(lan, 2)
    path = make_file(tmp_path, 3 * MIB)
    file = share(nodes[0], path)
    wait_whole(nodes[1:], file, path.read_bytes())
    nodes[0].call("files.cancel", file_id=file["file_id"])
    nodes.append(lan.node(2))
    wait_linked(nodes)
    wait_whole(nodes[2:], file, path.read_bytes())


@pytest.mark.parametrize("whose", ["own", "received"])
def test_giving_one_offer_up_leaves_others_of_the_same_content(
    lan: Lan, tmp_path: Path, whose: str
) -> None:
    nodes = start(lan, 2)
    path, again = make_file(tmp_path, 3 * MIB), tmp_path / "again.bin"
    again.write_bytes(path.read_bytes())
    one = share(nodes[0 if whose == "own" else 1], path)
    wait_whole(nodes, one, path.read_bytes())
    other = share(nodes[0], again)
    wait_whole(nodes, other, path.read_bytes())
    nodes[0].call("files.cancel", file_id=one["file_id"])
    assert offer(nodes[0], other)["path"] == str(again)
    nodes[1].stop()
    late = lan.node(2)
    wait_linked([nodes[0], late])
    wait_whole([late], other, path.read_bytes())
    assert offer(nodes[0], one)["state"] == ("failed" if whose == "own" else "complete")


def test_who_leaves_the_room_wants_no_more_of_it(lan: Lan, tmp_path: Path) -> None:
    nodes = start(lan, 2)
    for node in nodes:
        join(node, "#maths")
    path = make_file(tmp_path, 16 * MIB)
    file = coming(lan, nodes, path, "#maths")
    nodes[1].call("rooms.leave", room="#maths")
    wait_until(lambda: not kept(nodes[1]), what="what was fetched is gone")
    assert nodes[1].call("files.list") == []
    assert refusal(nodes[1], "files.fetch", file_id=file["file_id"]).reason == "no-such-file"
    wait_until(
        lambda: [one["state"] for one in offer(nodes[0], file)["receivers"]] == ["offered"],
        what="the author sees that",
    )
    lan.limit_rate(1, 0)
    join(nodes[1], "#maths")
    nodes[1].call("files.fetch", file_id=file["file_id"])
    wait_whole(nodes[1:], file, path.read_bytes())


def test_nothing_more_comes_of_a_blocked_person(lan: Lan, tmp_path: Path) -> None:
    nodes = start(lan, 2)
    path = make_file(tmp_path, 16 * MIB)
    file = coming(lan, nodes, path)
    nodes[1].call("peers.block", peer_id=peer_id(nodes[0]))
    wait_until(lambda: not kept(nodes[1]), what="what was fetched is gone")
    assert nodes[1].call("files.list") == []
    nodes[1].call("peers.block", peer_id=peer_id(nodes[0]), on=False)
    lan.limit_rate(1, 0)
    assert offer(nodes[1], file)["state"] == "offered"
    nodes[1].call("files.fetch", file_id=file["file_id"])
    wait_whole(nodes[1:], file, path.read_bytes())


def test_where_it_is_wanted_is_remembered(lan: Lan, tmp_path: Path) -> None:
    nodes = start(lan, 2)
    nodes[1].call("settings.set", settings={"auto_fetch": 0})
    path, place = make_file(tmp_path, 16 * MIB), tmp_path / "here.bin"
    lan.limit_rate(1, SLOW)
    file = share(nodes[0], path)
    nodes[1].wait_event("file.offered")
    nodes[1].call("files.fetch", file_id=file["file_id"], path=str(place))
    wait_until(lambda: offer(nodes[1], file)["done"] > 2 * MIB, 30, "2 MiB of it")
    nodes[1].kill9()
    lan.limit_rate(1, 0)
    again = lan.node(1, data_dir=nodes[1].data_dir)
    wait_whole([again], file, path.read_bytes())
    assert offer(again, file)["path"] == str(place)


def test_nobody_is_told_more_than_five_times_a_second(lan: Lan, tmp_path: Path) -> None:
    nodes, begun = start(lan, 2), time.monotonic()
    file = coming(lan, nodes, make_file(tmp_path, 16 * MIB))
    for _ in range(20):
        nodes[1].call("files.pause", file_id=file["file_id"])
        nodes[1].call("files.resume", file_id=file["file_id"])
    wait_state(nodes[1], file, "complete")
    for node in nodes:
        told = [event for event in node.events if event.type == "file.progress"]
        # In all: what was due may be read late, and together with the next.
        assert 0 < len(told) <= 5 * (time.monotonic() - begun) + 1


def test_no_path_is_no_file(lan: Lan) -> None:
    (node,) = start(lan, 1)
    assert refusal(node, "files.share", conversation=LOBBY, path="").reason == "no-such-file"


def test_who_thinks_better_of_it_time_and_again_is_nobodys_enemy(lan: Lan, tmp_path: Path) -> None:
    """What was on its way of the fetch before is nothing that wasn't asked for."""
    nodes = start(lan, 3)
    for host in (1, 2):
        lan.limit_rate(host, SLOW)
    path = make_file(tmp_path, 24 * MIB)
    file = share(nodes[0], path)
    for node in nodes[1:]:
        wait_until(lambda: offer(node, file)["done"] > MIB, 30, "1 MiB of it")  # noqa: B023 - called at once
    for _ in range(10):
        nodes[1].call("files.cancel", file_id=file["file_id"])
        nodes[1].call("files.fetch", file_id=file["file_id"])
        wait_until(lambda: offer(nodes[1], file)["sources"], 10, "a source")
    lan.limit_rate(1, 0)
    wait_whole(nodes[1:], file, path.read_bytes())
    assert [warnings(node) for node in nodes] == [[], [], []]
