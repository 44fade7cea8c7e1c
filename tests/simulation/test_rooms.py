"""What is asked of rooms by front ends."""

from __future__ import annotations

import pytest
from world import World

from p2pchat.config import limits
from p2pchat.model.entry import EntryKind


@pytest.mark.parametrize(
    ("password", "reason"),
    [("", "weak-password"), ("x" * (limits.PASSWORD_CHARS + 1), "too-large")],
)
def test_passwords_that_no_room_can_have(password: str, reason: str) -> None:
    host = World(1).add()
    host.ask(host.machine.rooms.create, 0, "#maths", password)
    assert host.refused == [reason]
    assert [room.room for room in host.machine.rooms.rooms()] == ["#lobby"]


def test_a_message_shows_something() -> None:
    host = World(1).add()
    for nothing in ("", " \n", "\u200b\u2060", "\u200e"):
        host.ask(host.machine.commands.send, 0, "#lobby", nothing, None)
    assert host.refused == ["not-allowed"] * 4


@pytest.mark.parametrize("conversation", ["#lobby", "direct"])
def test_what_is_written_at_the_same_time_is_not_late(conversation: str) -> None:
    """The key of a new conversation of two is opened a moment after its first message came."""
    world = World(4)
    hosts = one, other = world.add(), world.add()
    world.wait(lambda: world.linked(hosts), 5.0, "linked")
    world.clock.run_for(2.0)
    ids = [host.machine.identity.peer_id for host in hosts]
    direct = conversation == "direct"
    to_other, to_one = (f"@{ids[1]}", f"@{ids[0]}") if direct else (conversation, conversation)
    world.say(one, to_other)
    world.say(other, to_one)
    world.say(one, to_other)
    world.clock.run_for(5.0)
    for host in hosts:
        room = next(c for c in host.machine.conversations if c.direct == direct)
        shown = [row.late for row in host.store.all_messages(room.id) if row.text]
        assert shown == [False] * 3


def test_what_is_older_than_joining_is_history_and_not_late() -> None:
    world = World(1)
    one, other = world.add(), world.add()
    world.wait(lambda: world.linked([one, other]), 3.0, "linked")
    one.ask(one.machine.rooms.create, 0, "#maths", None)
    for _ in range(3):
        world.say(one, "#maths")
    world.clock.run_for(5.0)
    other.ask(other.machine.rooms.join, 0, "#maths", None)
    world.clock.run_for(5.0)
    world.split([one], [other])
    world.say(one, "#maths")
    world.clock.run_for(1.0)
    world.say(other, "#maths")
    world.clock.run_for(3.0)
    world.fabric.heal()
    world.wait(lambda: world.equal([one, other]), 30.0, "healed")
    room = one.machine.rooms.find("#maths").id
    shown = [row for row in other.store.all_messages(room) if row.kind == EntryKind.TEXT]
    assert [row.late for row in shown] == [False, False, False, True, False]
