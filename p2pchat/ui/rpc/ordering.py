"""Which requests of one client wait for which, so that a script may write them all at once."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from p2pchat.ui.rpc.methods import Order


@dataclass(eq=False)
class Stage:
    """Requests of one scope that may run beside each other."""

    scope: str
    order: Order
    before: tuple[Stage, ...]
    quick: bool = True
    running: int = 0
    over: asyncio.Event = field(default_factory=asyncio.Event)
    gate: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Passed in the order of asking: who comes just when the others may go on doesn't overtake
    those that have waited."""

    async def turn(self) -> None:
        """Wait until everything that has to come first is over."""
        async with self.gate:
            for stage in self.before:
                if not stage.over.is_set():
                    await stage.over.wait()


class Sequencer:
    """A queue of stages for each scope (a conversation, a message). A request about everything
    waits for what is under way in all scopes, unless that may take long."""

    def __init__(self) -> None:
        self._last: dict[str, Stage] = {}

    def enter(self, scope: str, order: Order, quick: bool) -> Stage:
        """The stage of a new request, which calls `turn` before it works and `leave` after."""
        stage = self._last.get(scope)
        if stage is None or stage.order != order or order == Order.WRITE:
            stage = Stage(scope, order, self._before(scope, stage))
            self._last[scope] = stage
        stage.quick = stage.quick and quick and all(other.quick for other in stage.before)
        stage.running += 1
        return stage

    def leave(self, stage: Stage) -> None:
        stage.running -= 1
        if stage.running == 0:
            stage.over.set()
            if self._last.get(stage.scope) is stage:
                del self._last[stage.scope]

    def _before(self, scope: str, last: Stage | None) -> tuple[Stage, ...]:
        if scope:
            return () if last is None else (last,)
        return tuple(stage for stage in self._last.values() if stage.quick or stage is last)
