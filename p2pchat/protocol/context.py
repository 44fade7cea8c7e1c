"""What all parts of the machine share: time as it was told, chance, timers, and the effects."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from random import Random
from typing import Any

from p2pchat.config.settings import Settings
from p2pchat.errors import RequestError
from p2pchat.events import Event
from p2pchat.model.records import Applied, Write
from p2pchat.protocol import effects
from p2pchat.protocol.identity import Identity

COMMIT_AGAIN_S = 5.0
"""A full disk has room again when somebody has seen to it."""


class Timer:
    """One call in the future; `cancel` may be called at any time."""

    __slots__ = ("_cancelled", "at", "call")

    def __init__(self, at: float, call: Callable[[], None], cancelled: Callable[[], None]) -> None:
        self.at = at
        self.call: Callable[[], None] | None = call
        self._cancelled = cancelled

    def cancel(self) -> None:
        if self.call is not None:
            self.call = None
            self._cancelled()

    def __lt__(self, other: Timer) -> bool:
        return self.at < other.at


class Context:
    """`now` is monotonic seconds, `wall_ms` the wall clock; both are set before each input."""

    def __init__(self, identity: Identity, network: bytes, settings: Settings, rng: Random) -> None:
        self.identity = identity
        self.network = network
        """The network's tag."""
        self.settings = settings
        self.rng = rng
        self.turn = 0
        """Counts the inputs."""
        self.now = 0.0
        self.wall_ms = 0
        self._effects: list[effects.Effect] = []
        self._notices: list[Event] = []
        self._notices_origin = 0
        self._timers: list[Timer] = []
        self._cancelled = 0
        """Timers that were cancelled since the last tidying."""
        self._waiting: dict[int, Callable[[Any], None]] = {}
        self._failing: dict[int, Callable[[str], None]] = {}
        self._numbers = 0

    # -- effects and their results

    def emit(self, effect: effects.Effect) -> None:
        self._effects.append(effect)

    def take(self) -> list[effects.Effect]:
        self._flush_notices()
        taken, self._effects = self._effects, []
        return taken

    def number(self) -> int:
        """A number that wasn't used before: for queries, batches and tokens."""
        self._numbers += 1
        return self._numbers

    def wait(self, query: int, then: Callable[[Any], None]) -> None:
        """Call `then` with the result of the query when it comes."""
        self._waiting[query] = then

    def resume(self, query: int, result: Any) -> None:
        self._failing.pop(query, None)
        then = self._waiting.pop(query, None)
        if then is not None:
            then(result)

    def fail(self, query: int, reason: str) -> None:
        self._waiting.pop(query, None)
        failed = self._failing.pop(query, None)
        if failed is not None:
            failed(reason)

    def ask(self, query: Callable[[int], effects.Effect], then: Callable[[Any], None]) -> None:
        """Emit the query that is made with the number given to it; `then` gets its result."""
        number = self.number()
        self.wait(number, then)
        self.emit(query(number))

    def compute(self, job: effects.SecretJob, then: Callable[[Any], None]) -> None:
        """`then` gets the result, or the exception that the job raised."""
        self.ask(lambda query: effects.Compute(query, job), then)

    def commit(
        self,
        writes: list[Write],
        then: Callable[[Applied], None] | None = None,
        failed: Callable[[str], None] | None = None,
    ) -> None:
        """Make the writes durable, then go on; `failed` gets a RequestError's reason."""
        batch = self.number()
        if then is not None:
            self.wait(batch, then)
        if failed is not None:
            self._failing[batch] = failed
        self.emit(effects.Commit(batch, writes))

    def commit_at_last(
        self, writes: Callable[[], list[Write]], is_so: Callable[[], bool], then: Callable[[], None]
    ) -> None:
        """The same, again and again as long as the store can't take it and `is_so`; `then` where
        it is so still."""

        def once_more() -> None:
            if is_so():
                self.commit_at_last(writes, is_so, then)

        def refused(_: str) -> None:
            self.after(COMMIT_AGAIN_S, once_more)

        self.commit(writes(), lambda _: then() if is_so() else None, refused)

    def notify(self, *events: Event, origin: int = 0) -> None:
        """Tell the front ends, but the one whose own doing it is. Gathered, so that a burst is
        told in few batches."""
        if origin != self._notices_origin:
            self._flush_notices()
            self._notices_origin = origin
        self._notices.extend(events)

    def _flush_notices(self) -> None:
        if self._notices:
            self.emit(effects.Notify(tuple(self._notices), self._notices_origin))
            self._notices.clear()

    def reply(self, request: int, value: Any) -> None:
        if request:
            self.emit(effects.Reply(request, value))

    def refuse(self, request: int, reason: str, text: str = "", **data: Any) -> None:
        self.reply(request, RequestError(reason, text, **data))

    # -- time

    def after(self, delay: float, call: Callable[[], None]) -> Timer:
        timer = Timer(self.now + delay, call, self._count_cancelled)
        heapq.heappush(self._timers, timer)
        return timer

    def _count_cancelled(self) -> None:
        """What peers make us set and cancel doesn't pile up until it is due."""
        self._cancelled += 1
        if self._cancelled > 256 and 2 * self._cancelled > len(self._timers):
            self._timers = [timer for timer in self._timers if timer.call is not None]
            heapq.heapify(self._timers)
            self._cancelled = 0

    def deadline(self) -> float | None:
        """When the next timer is due; None: there is none."""
        while self._timers and self._timers[0].call is None:
            heapq.heappop(self._timers)
        return self._timers[0].at if self._timers else None

    def fire(self) -> None:
        """Run what is due by `now`. What is set meanwhile waits for the next time, so that one
        that sets itself anew doesn't go round for ever."""
        due: list[Timer] = []
        while self._timers and self._timers[0].at <= self.now:
            due.append(heapq.heappop(self._timers))
        due.reverse()
        try:
            while due:
                timer = due.pop()
                call, timer.call = timer.call, None
                if call is not None:
                    call()
        finally:
            for timer in due:
                heapq.heappush(self._timers, timer)
