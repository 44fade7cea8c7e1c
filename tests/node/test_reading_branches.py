"""Histories are read for others one part at a time, and slower while a front end asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest

from p2pchat.model.ids import ConversationId, EntryHash
from p2pchat.node.branches import ASKED_S, RESTS, Branches
from p2pchat.protocol import effects

TOOK_S = 0.02
"""For a part."""


class PaperLoop:
    """A clock that goes on when something is waited for."""

    def __init__(self) -> None:
        self.now = 100.0
        self.later: list[tuple[float, Callable[[], None]]] = []

    def time(self) -> float:
        return self.now

    def call_later(self, delay: float, call: Callable[[], None]) -> None:
        self.later.append((self.now + delay, call))

    def go_on(self) -> None:
        self.later.sort(key=lambda one: one[0])
        self.now, call = self.later.pop(0)
        call()


class Reading:
    """Branches with a thread and a store on paper: when parts were begun, and what was found."""

    def __init__(self) -> None:
        self.loop = PaperLoop()
        self.begun: list[float] = []
        self.found: list[int] = []
        self.branches = Branches(cast("Any", self.loop), self._in_pool, cast("Any", self))

    def read_branch(self, conversation: Any, tip: Any, low: int, *_: object) -> int:
        return low

    def _in_pool(
        self, _: object, call: Callable[[], Any], then: Callable[[Any], None], nothing: object
    ) -> None:
        self.begun.append(self.loop.now)
        self.loop.call_later(TOOK_S, lambda: then(call()))

    def want(self, number: int) -> None:
        room, tip = ConversationId(bytes(32)), EntryHash(bytes(32))
        wanted = effects.ReadBranch(number, room, tip, number, 1000, False)
        self.branches.read(wanted, self.found.append)

    def all(self) -> None:
        while self.loop.later:
            self.loop.go_on()


def test_parts_are_read_in_turn_and_one_at_a_time() -> None:
    reading = Reading()
    for number in range(3):
        reading.want(number)
    reading.all()
    assert reading.found == [0, 1, 2]
    assert reading.begun == pytest.approx([100.0 + n * TOOK_S for n in range(3)])
    reading.want(3)
    reading.all()
    assert reading.found[-1] == 3


def test_while_a_front_end_asks_the_thread_rests_between_them() -> None:
    reading = Reading()
    reading.branches.asked()
    for number in range(20):
        reading.want(number)
    reading.all()
    steps = [b - a for a, b in zip(reading.begun, reading.begun[1:], strict=False)]
    slow = TOOK_S * (1 + RESTS)
    assert steps[:3] == pytest.approx([slow] * 3)
    assert steps[-1] == pytest.approx(TOOK_S), "nobody has asked for long"
    assert reading.begun[-1] < 100 + ASKED_S + slow + 20 * TOOK_S
