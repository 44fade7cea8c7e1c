"""Profiles restored from a copy, and those that run twice: nothing forks silently."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from harness import Lan, Node, wait_linked, wait_until
from lan_talk import (
    LOBBY,
    create,
    hear,
    join,
    messages,
    peer_id,
    peers,
    say,
    texts,
    wait_equal,
    warnings,
)

pytestmark = pytest.mark.lan


def wait_warning(node: Node, reason: str, timeout: float = 20.0) -> None:
    node.wait_event("warning", lambda body: body["reason"] == reason, timeout)


def device(node: Node) -> str:
    found: str = node.call("node.info")["device_id"]
    return found


@pytest.mark.parametrize("alone", [False, True], ids=["linked-first", "writes-first"])
def test_a_profile_restored_from_a_copy(alone: bool) -> None:
    """`alone`: it writes before it meets anybody again, to the numbers that it had used."""
    with Lan(hosts=3) as lan:
        restored, *others = (lan.node(host, "--name", f"host {host}") for host in range(3))
        wait_linked([restored, *others])
        create(others[0], "#locked", "sesame")
        for node in (restored, others[1]):
            join(node, "#locked", "sesame")
        rooms = (LOBBY, "#locked")
        wanted: set[str] = set()

        def talk(node: Node, what: str) -> None:
            for number in range(5):
                for room in rooms:
                    say(node, f"{what} {number}", room)
                wanted.add(f"{what} {number}")

        talk(restored, "before the copy")
        assert restored.stop() == 0
        copy = lan.directory / "copy"
        shutil.copytree(restored.data_dir, copy)

        restored = lan.node(0)
        wait_linked([restored, *others])
        talk(restored, "after the copy")
        for room in rooms:
            wait_equal([restored, *others], wanted, room)
        assert restored.stop() == 0
        shutil.rmtree(restored.data_dir)
        shutil.copytree(copy, restored.data_dir)

        if alone:
            lan.unplug(0)
        restored = lan.node(0)
        if alone:
            talk(restored, "alone again")
            lan.plug(0)
        wait_linked([restored, *others])
        if not alone:
            wait_warning(restored, "feed-rolled-back")
        talk(restored, "restored")
        talk(others[0], "an answer")
        for room in rooms:
            wait_equal([restored, *others], wanted, room)
        wait_warning(restored, "feed-rolled-back")
        for node in others:
            if alone:
                # Two entries stand at one place of a feed: everybody is told, and shown both.
                wait_warning(node, "forked-feed")
            else:
                assert "forked-feed" not in warnings(node)
            assert list(peers(node)).count(peer_id(restored)) == 1
        # What it writes from now on doesn't fork anything.
        since = [node.mark() for node in others]
        talk(restored, "later")
        for room in rooms:
            wait_equal([restored, *others], wanted, room)
        for node, place in zip(others, since, strict=True):
            assert "forked-feed" not in warnings(node, place)


def copy_of(node: Node, place: Path) -> Path:
    """As an image of the machine would have it: copied while the program is off."""
    shutil.copytree(node.data_dir, place)
    return place


@pytest.mark.parametrize("third", [True, False], ids=["with-others", "alone"])
def test_a_profile_that_runs_twice(third: bool) -> None:
    with Lan(hosts=3) as lan:
        first = lan.node(0, "--name", "Ann")
        others = [lan.node(2, "--name", "Bob")] if third else []
        wait_linked([first, *others])
        say(first, "before the copy")
        for node in others:
            hear(node, "before the copy")
        person, before = peer_id(first), device(first)
        assert first.stop() == 0
        twin_place = copy_of(first, lan.directory / "twin")

        first = lan.node(0)
        twin = lan.node(1, data_dir=twin_place)
        wait_until(lambda: device(first) != device(twin), 30, "one of the two becomes a new device")
        assert before in (device(first), device(twin))
        for node in (first, twin):
            wait_warning(node, "profile-runs-twice")
            assert peer_id(node) == person
        wanted = {"before the copy"}
        for number in range(5):
            for name, node in (("first", first), ("twin", twin), *(("Bob", o) for o in others)):
                say(node, f"{number} of {name}")
                wanted.add(f"{number} of {name}")
        wait_equal([first, twin, *others], wanted)
        for node in (first, twin, *others):
            assert "forked-feed" not in warnings(node)
        for node in others:
            shown = peers(node)[person]
            assert shown["linked"]
            assert len([peer for peer in peers(node).values() if peer["name"] == "Ann"]) == 1
        # The new device stays one.
        late = first if device(first) != before else twin
        new, place = device(late), late.data_dir
        host = 0 if late is first else 1
        assert late.stop() == 0
        late = lan.node(host, data_dir=place)
        assert device(late) == new
        say(late, "still here")
        rest = [node for node in (first, twin, *others) if node.running]
        wait_equal([late, *rest], wanted | {"still here"})


def test_twins_that_both_write_before_they_meet() -> None:
    with Lan(hosts=3) as lan:
        first, bob = lan.node(0, "--name", "Ann"), lan.node(2, "--name", "Bob")
        wait_linked([first, bob])
        say(first, "before the copy")
        hear(bob, "before the copy")
        assert first.stop() == 0
        twin_place = copy_of(first, lan.directory / "twin")
        lan.split([0, 2], [1])
        first, twin = lan.node(0), lan.node(1, data_dir=twin_place)
        wanted = {"before the copy"}
        for number in range(3):
            for name, node in (("first", first), ("twin", twin)):
                say(node, f"{number} of {name}")
                wanted.add(f"{number} of {name}")
        wait_linked([first, bob])
        lan.heal()
        wait_until(lambda: device(first) != device(twin), 30, "one of the two becomes a new device")
        wait_equal([first, twin, bob], wanted)
        wait_warning(bob, "forked-feed")
        for node in (first, twin):
            wait_warning(node, "profile-runs-twice")
        for name, node in (("first", first), ("twin", twin)):
            say(node, f"later of {name}")
            wanted.add(f"later of {name}")
        wait_equal([first, twin, bob], wanted)
        orders = [[found["order"] for found in messages(node)] for node in (first, twin, bob)]
        assert orders[0] == orders[1] == orders[2] == sorted(orders[0])
        assert texts(bob)
