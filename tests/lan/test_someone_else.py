"""A profile that came with the image: who uses a copy of it becomes a person of their own."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from harness import Lan, Node, wait_linked, wait_until
from lan_talk import create, hear, join, peer_id, peers, refusal, say, texts, wait_equal, warnings

pytestmark = pytest.mark.lan

RUNS_TWICE = "profile-runs-twice"


def conversations(node: Node) -> set[str]:
    return {found["conversation"] for found in node.call("conversations.list")}


def members(node: Node, room: str) -> set[str]:
    return {member["peer_id"] for member in node.call("rooms.members", room=room)}


def image_with_history(lan: Lan, wang: Node) -> Path:
    """The stored profile of Li, who knows Wang, has written to her, and is in two rooms."""
    li = lan.node(0, "--name", "Li")
    wait_linked([li, wang])
    create(li, "#locked", "sesame")
    join(wang, "#locked", "sesame")
    join(li, "#open")
    say(li, "for all")
    say(li, "for members", "#locked")
    say(li, "for you alone", f"@{peer_id(wang)}")
    hear(wang, "for you alone")
    li.call("peers.set_verified", peer_id=peer_id(wang), verified=True)
    assert li.stop() == 0
    image = lan.directory / "image"
    shutil.copytree(li.data_dir, image)
    return image


def test_the_second_of_two_copies_is_someone_else() -> None:
    with Lan(hosts=3) as lan:
        wang = lan.node(2, "--name", "Wang")
        image = image_with_history(lan, wang)
        for name in ("one", "two"):
            shutil.copytree(image, lan.directory / name)
        # The name of the command line is that of the first start only.
        one = lan.node(0, "--name", "Li", data_dir=lan.directory / "one")
        two = lan.node(1, "--name", "Li", data_dir=lan.directory / "two")
        for node in (one, two):
            node.wait_event("warning", lambda body: body["reason"] == RUNS_TWICE, 20.0)
        old, wangs = peer_id(one), peer_id(wang)
        assert peer_id(two) == old

        renewed = two.call("profile.renew", name="Ann")
        ann = peer_id(two)
        assert (renewed["peer_id"], renewed["name"]) == (ann, "Ann")
        assert ann != old
        wait_linked([one, two, wang], 20.0)

        # What was Li's alone is Li's alone.
        assert conversations(two) == {"#lobby", "#locked", "#open"}
        assert two.call("messages.search", query="alone") == []
        assert not any(peer["verified"] or peer["contact"] for peer in peers(two).values())
        assert one.call("messages.search", query="alone")[0]["text"] == "for you alone"
        # What was said in rooms stays, and Li wrote it.
        assert texts(two) == ["for all"]
        found = two.call("messages.search", query="members")
        assert [(m["author"], m["author_label"]) for m in found] == [(old, "Li")]

        # Two persons, who write to each other and in the rooms.
        say(one, "who are you?", f"@{ann}")
        assert hear(two, "who are you?")["conversation"] == f"@{old}"
        say(two, "not you", f"@{old}")
        assert hear(one, "not you")["author_name"] == "Ann"
        say(two, "hello members", "#locked")
        wait_equal([one, two, wang], {"for members", "hello members"}, "#locked")
        wait_until(lambda: {old, ann, wangs} <= members(wang, "#locked"), what="Ann is a member")
        wait_until(lambda: ann in members(one, "#open"), what="Ann is a member of the open room")

        # However many tell of it, people are told once.
        assert [warnings(node).count(RUNS_TWICE) for node in (one, two)] == [1, 1]

        # So it stays.
        mark = one.mark()
        assert two.stop() == 0
        two = lan.node(1, data_dir=lan.directory / "two")
        wait_linked([one, two, wang], 20.0)
        assert peer_id(two) == ann
        assert texts(two, f"@{old}") == ["who are you?", "not you"]
        assert RUNS_TWICE not in warnings(one, mark)
        assert members(wang, "#locked") == {old, ann, wangs}


def test_renewing_without_a_name_takes_the_hosts_and_tells_other_front_ends() -> None:
    with Lan(hosts=1) as lan:
        node = lan.node(0, "--name", "Li")
        before = peer_id(node)
        assert refusal(node, "profile.renew", name="a" * 32).reason == "name-not-allowed"
        assert peer_id(node) == before
        # What is asked for meanwhile waits until it can be done.
        asked = node.request("profile.renew")
        sent = node.request("messages.send", conversation="#lobby", text="hello")
        profile = asked.result(15.0)
        assert profile["name"]
        assert profile["name"] != "Li"
        assert sent.result(15.0)["author"] == peer_id(node) == profile["peer_id"] != before
        assert texts(node) == ["hello"]
        assert node.stop() == 0
