"""What is asked of rooms by front ends."""

from __future__ import annotations

import pytest
from world import World

from p2pchat.config import limits


@pytest.mark.parametrize(
    ("password", "reason"),
    [("", "weak-password"), ("x" * (limits.PASSWORD_CHARS + 1), "too-large")],
)
def test_passwords_that_no_room_can_have(password: str, reason: str) -> None:
    host = World(1).add()
    host.ask(host.machine.rooms.create, 0, "#maths", password)
    assert host.refused == [reason]
    assert [room.room for room in host.machine.rooms.rooms()] == ["#lobby"]
