"""The crossing between the window's thread and the node's: order, budget, errors, the end."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import threading
import time
from collections.abc import Callable, Iterator, Sequence

import pytest
from paper_node import PaperNode, peer_id

from p2pchat.errors import P2PChatError, RequestError
from p2pchat.events import Event, MessageReceived
from p2pchat.ui.bridge import BUDGET_S, WAITING_EVENTS, Bridge


class Loop:
    """What a toolkit's main loop does with timers, on this thread."""

    def __init__(self) -> None:
        self.longest = 0.0
        """Seconds of this thread's work in the longest turn."""
        self.errors: list[Exception] = []
        self._numbers = itertools.count()
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._cancelled: set[str] = set()

    def after(self, ms: int, func: Callable[[], None], /) -> str:
        number = next(self._numbers)
        heapq.heappush(self._due, (time.monotonic() + ms / 1000, number, func))
        return str(number)

    def after_cancel(self, id: str, /) -> None:
        self._cancelled.add(id)

    def run_until(self, condition: Callable[[], bool], seconds: float = 30) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "it did not happen in time"
            self._run_due()

    def _run_due(self) -> None:
        if self._due and self._due[0][0] <= time.monotonic():
            _, number, func = heapq.heappop(self._due)
            begun = time.thread_time()
            try:
                if str(number) not in self._cancelled:
                    func()
            except Exception as error:
                self.errors.append(error)
            self.longest = max(self.longest, time.thread_time() - begun)
        else:
            threading.Event().wait(0.001)


@pytest.fixture
def loop() -> Loop:
    return Loop()


@pytest.fixture
def said() -> list[str]:
    return []


async def nothing() -> None:
    return None


@pytest.fixture
def bridge(loop: Loop, said: list[str]) -> Iterator[Bridge]:
    made = Bridge(loop, said.append)
    made.start()
    yield made
    assert made.close(nothing, 5)


def test_results_come_back_on_the_windows_thread(loop: Loop, bridge: Bridge) -> None:
    threads: list[threading.Thread] = []
    results: list[int] = []

    async def work() -> int:
        threads.append(threading.current_thread())
        await asyncio.sleep(0)
        return 7

    def done(result: int) -> None:
        threads.append(threading.current_thread())
        results.append(result)

    bridge.call(work, done)
    loop.run_until(lambda: bool(results))
    assert results == [7]
    assert threads[0] is not threading.current_thread()
    assert threads[1] is threading.current_thread()


def test_events_and_results_keep_their_order(loop: Loop, bridge: Bridge) -> None:
    node = PaperNode()
    node.subscribe(bridge.handle_events)
    seen: list[object] = []
    bridge.on_events = seen.extend
    events = [MessageReceived(node.message("#lobby", "x")) for _ in range(400)]

    async def tell() -> None:
        for event in events[:300]:
            node.emit(event)
        bridge.post(lambda: seen.append("between"))
        node.emit(*events[300:])

    bridge.call(tell, lambda _: seen.append("done"))
    loop.run_until(lambda: "done" in seen)
    assert seen == [*events[:300], "between", *events[300:], "done"]


def test_a_refusal_goes_to_who_asked_or_is_said(
    loop: Loop, bridge: Bridge, said: list[str]
) -> None:
    errors: list[P2PChatError] = []

    async def refused() -> None:
        raise RequestError("wrong-password")

    async def broken() -> None:
        raise KeyError("a programming error")

    bridge.call(refused, failed=errors.append)
    bridge.call(refused)
    bridge.call(broken)
    loop.run_until(lambda: len(said) == 2)
    assert [str(error) for error in errors] == ["wrong password"]
    assert said[0] == "The password is not right."
    assert "KeyError" in said[1]
    assert "Traceback" not in said[1]


def test_a_burst_is_brought_in_turns_that_leave_time_for_keys(loop: Loop, bridge: Bridge) -> None:
    node = PaperNode()
    node.subscribe(bridge.handle_events)
    taken: list[Event] = []
    flushes: list[int] = []

    def take(events: Sequence[Event]) -> None:
        taken.extend(events)
        end = time.perf_counter() + 0.003  # as much work for each chunk
        while time.perf_counter() < end:
            pass

    bridge.on_events = take
    bridge.on_flush = lambda: flushes.append(len(taken))
    burst = [MessageReceived(node.message("#lobby", "x", peer_id("a"))) for _ in range(10_000)]

    async def tell() -> None:
        for event in burst:
            node.emit(event)

    bridge.call(tell)
    loop.run_until(lambda: len(taken) == len(burst), 60)
    assert taken == burst
    assert len(flushes) > 10
    assert loop.longest < 20 * BUDGET_S


def test_what_a_held_window_does_not_take_is_dropped_and_asked_for_anew(
    loop: Loop, bridge: Bridge
) -> None:
    node = PaperNode()
    lagged: list[bool] = []
    count = 0

    def take(events: Sequence[Event]) -> None:
        nonlocal count
        count += len(events)

    bridge.on_events = take
    bridge.on_lagged = lambda: lagged.append(True)
    event = MessageReceived(node.message("#lobby", "x", peer_id("a")))
    finished = threading.Event()

    async def flood() -> None:
        for _ in range(3 * WAITING_EVENTS // 1000):
            bridge.handle_events([event] * 1000)
        finished.set()

    bridge.call(flood)
    assert finished.wait(10)  # nothing is taken meanwhile
    loop.run_until(lambda: bool(lagged))
    assert count == WAITING_EVENTS
    bridge.handle_events([event])
    loop.run_until(lambda: count == WAITING_EVENTS + 1)
    assert lagged == [True]


def test_an_exception_in_a_callback_does_not_stop_the_turns(loop: Loop, bridge: Bridge) -> None:
    later: list[str] = []

    def fail() -> None:
        raise ValueError("in a callback")

    bridge.post(fail)
    bridge.post(lambda: later.append("still here"))
    loop.run_until(lambda: bool(later))
    assert [type(error) for error in loop.errors] == [ValueError]


def test_a_timer_can_be_cancelled(loop: Loop, bridge: Bridge) -> None:
    ran: list[str] = []
    bridge.later(1, lambda: ran.append("cancelled"))()
    bridge.later(2, lambda: ran.append("kept"))
    loop.run_until(lambda: bool(ran))
    assert ran == ["kept"]


def test_closing_waits_for_the_farewell_but_not_for_ever(loop: Loop) -> None:
    wished: list[str] = []
    bridge = Bridge(loop, wished.append)
    bridge.start()

    async def farewell() -> None:
        await asyncio.sleep(0)
        wished.append("goodbye")

    assert bridge.close(farewell, 5)
    assert wished == ["goodbye"]

    stuck = Bridge(loop, wished.append)
    stuck.start()
    forever = asyncio.Event()

    async def never() -> None:
        await forever.wait()

    begun = time.monotonic()
    assert not stuck.close(never, 0.3)
    assert time.monotonic() - begun < 10


def test_closing_cancels_what_is_under_way(loop: Loop, said: list[str]) -> None:
    bridge = Bridge(loop, said.append)
    bridge.start()
    events: list[str] = []
    begun = threading.Event()

    async def long() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            events.append("cancelled")

    bridge.call(long)
    assert begun.wait(10)
    assert bridge.close(nothing, 5)
    assert events == ["cancelled"]
