"""Who may shake hands: places, waiting, and who has to go, without sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import virtual_time

from p2pchat.config import limits
from p2pchat.transport.admission import Admission


class Door:
    def __init__(self) -> None:
        self.begun: list[str] = []
        self.dropped: list[str] = []
        self.admission: Admission[str] = Admission(
            asyncio.get_running_loop(), self.begun.append, self._drop
        )

    def _drop(self, one: str) -> None:
        self.dropped.append(one)
        self.admission.left(one)


def with_door(body: Callable[[Door], Awaitable[None]]) -> None:
    async def inside() -> None:
        door = Door()
        await body(door)
        door.admission.stop()

    virtual_time.run(inside())


def test_one_address_has_few_places_and_others_theirs() -> None:
    async def body(door: Door) -> None:
        for number in range(10):
            door.admission.arrived(f"a{number}", "a")
        assert door.begun == [f"a{n}" for n in range(limits.MAX_PENDING_PER_ADDRESS)]
        door.admission.arrived("b0", "b")
        assert door.begun[-1] == "b0"

    with_door(body)


def test_a_place_that_is_left_goes_to_the_newest_that_waits() -> None:
    async def body(door: Door) -> None:
        for number in range(7):
            door.admission.arrived(f"a{number}", "a")
        door.admission.left("a0")
        assert door.begun[-1] == "a6"
        door.admission.left("a1")
        assert door.begun[-1] == "a5"
        assert door.dropped == []

    with_door(body)


def test_who_holds_a_place_too_long_makes_room() -> None:
    async def body(door: Door) -> None:
        for number in range(limits.MAX_PENDING_PER_ADDRESS):
            door.admission.arrived(f"a{number}", "a")
        door.admission.arrived("b0", "b")
        await asyncio.sleep(limits.HANDSHAKE_GRACE_S * 1.2)
        assert door.dropped == []
        door.admission.arrived("late", "a")
        await asyncio.sleep(limits.HANDSHAKE_GRACE_S * 0.2)
        assert "late" in door.begun
        assert "b0" not in door.dropped

    with_door(body)


def test_everybody_together_has_bounded_places_and_a_bounded_waiting_room() -> None:
    async def body(door: Door) -> None:
        for number in range(500):
            door.admission.arrived(f"c{number}", str(number))
        assert len(door.begun) == limits.MAX_PENDING_HANDSHAKES
        kept = 500 - len(door.dropped)
        assert kept == limits.MAX_PENDING_HANDSHAKES + limits.MAX_WAITING
        assert "c499" not in door.dropped

    with_door(body)


def test_a_crowd_of_one_address_loses_its_own_first() -> None:
    async def body(door: Door) -> None:
        for number in range(limits.MAX_PENDING_HANDSHAKES):
            door.admission.arrived(f"p{number}", f"p{number}")
        door.admission.arrived("single", "single")
        for number in range(200):
            door.admission.arrived(f"crowd{number}", "crowd")
        assert len(door.dropped) == 200 - limits.MAX_WAITING_PER_ADDRESS
        assert "single" not in door.dropped

    with_door(body)


def test_leaving_twice_or_unknown_is_no_error() -> None:
    async def body(door: Door) -> None:
        door.admission.arrived("a", "a")
        door.admission.left("a")
        door.admission.left("a")
        door.admission.left("never seen")
        assert door.begun == ["a"]

    with_door(body)
