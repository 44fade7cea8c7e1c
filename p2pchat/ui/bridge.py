"""The only crossing between the window's thread and the thread of the node's event loop."""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Protocol, TypeVar

from p2pchat.errors import P2PChatError
from p2pchat.events import Event
from p2pchat.ui.language import _
from p2pchat.ui.loop import Loop
from p2pchat.ui.presenters import words

log = logging.getLogger("p2pchat.ui")

T = TypeVar("T")

BUDGET_S = 0.008
"""One turn on the window's thread takes no longer, whatever waits: a key press comes between."""
BUSY_MS = 4
"""Until the next turn while more waits; leaves the toolkit time to draw."""
IDLE_MS = (10, 15, 25, 40)
"""Turns become rarer while nothing comes."""
CHUNK = 50
"""Events handled at once: far less than a turn's budget."""
WAITING_EVENTS = 20_000
"""Above this, events are dropped and the window asks for everything anew: a window that was held
(by a dragged title bar, a debugger) must not fill the memory."""


class Timers(Protocol):
    """What is used of `tkinter.Misc`."""

    def after(self, ms: int, func: Callable[[], None], /) -> str: ...

    def after_cancel(self, id: str, /) -> None: ...


class Bridge:
    """Runs an event loop in a thread of its own, and brings results and events back.

    `say` shows one sentence to the person. Made, and all methods but `post` called, on the
    window's thread."""

    def __init__(self, timers: Timers, say: Callable[[str], None]) -> None:
        self.on_events: Callable[[Sequence[Event]], None] = lambda events: None
        self.on_flush: Callable[[], None] = lambda: None
        """After each turn that brought something."""
        self.on_lagged: Callable[[], None] = lambda: None
        """Events were dropped: ask for everything anew."""
        self._say = say
        self._timers = timers
        self._queue: queue.SimpleQueue[Callable[[], None] | list[Event]] = queue.SimpleQueue()
        # Reentrant, since a signal handler may post in the midst of anything on its thread.
        self._lock = threading.RLock()
        self._open: list[Event] | None = None
        """The last of the queue, if it is events and more may be added to it."""
        self._taking: list[Event] = []
        """Events that were taken from the queue, newest first."""
        self._waiting = 0
        self._lagged = False
        self._quiet = 0
        self._turn_id = ""
        self._closed = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = Loop()
        self._thread = threading.Thread(target=self._run, name="p2pchat-node", daemon=True)

    def start(self) -> None:
        self._thread.start()
        self._turn_id = self._timers.after(0, self._turn)

    # -- from the window to the node

    def call(
        self,
        start: Callable[[], Coroutine[Any, Any, T]],
        done: Callable[[T], None] | None = None,
        failed: Callable[[P2PChatError], None] | None = None,
    ) -> None:
        """As `presenters.runner.Runner` says."""

        async def job() -> None:
            try:
                result = await start()
            except P2PChatError as error:
                refused = error
                self.post(lambda: failed(refused) if failed else self._say(words.refusal(refused)))
            except Exception as error:
                log.error("unexpected failure: %r", error, exc_info=log.isEnabledFor(logging.DEBUG))
                text = _("Something went wrong inside p2pchat ({kind}).").format(
                    kind=type(error).__name__
                )
                self.post(lambda: failed(P2PChatError(text)) if failed else self._say(text))
            else:
                if done is not None:
                    self.post(lambda: done(result))

        if not self._closed:
            self._loop.call_soon_threadsafe(self._begin, job)

    def later(self, ms: int, action: Callable[[], None]) -> Callable[[], None]:
        """As `presenters.runner.Runner` says."""
        timer = self._timers.after(ms, action)
        return lambda: self._timers.after_cancel(timer)

    def _begin(self, job: Callable[[], Coroutine[Any, Any, None]]) -> None:
        task = self._loop.create_task(job())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # -- from the node to the window

    def post(self, action: Callable[[], None]) -> None:
        """Have `action` called on the window's thread. May be called on any thread and from
        signal handlers."""
        with self._lock:
            self._open = None
            self._queue.put(action)

    def handle_events(self, events: Sequence[Event]) -> None:
        """For `NodeApi.subscribe`: on the loop's thread. In order with what is posted."""
        with self._lock:
            if self._waiting + len(events) > WAITING_EVENTS:
                self._lagged = True
                return
            self._waiting += len(events)
            if self._open is None:
                self._open = []
                self._queue.put(self._open)
            self._open.extend(events)

    def _turn(self) -> None:
        """Bring what waits, within the budget, and come again."""
        busy = False
        try:
            busy = self._bring()
        finally:
            self._quiet = 0 if busy else min(self._quiet + 1, 8 * len(IDLE_MS) - 1)
            idle = self._queue.empty() and not self._taking
            if not self._closed:
                wait = IDLE_MS[self._quiet // 8] if idle else BUSY_MS
                self._turn_id = self._timers.after(wait, self._turn)

    def _bring(self) -> bool:
        end = time.perf_counter() + BUDGET_S
        brought = False
        try:
            while not self._closed and self._bring_one():
                brought = True
                if time.perf_counter() >= end:
                    break
        finally:
            if brought and not self._closed:
                self.on_flush()
        return brought

    def _bring_one(self) -> bool:
        """A chunk of events, or one action; False where nothing waits."""
        if self._taking:
            chunk = self._taking[: -CHUNK - 1 : -1]
            del self._taking[-CHUNK:]
            with self._lock:
                self._waiting -= len(chunk)
            self.on_events(chunk)
            return True
        try:
            item = self._queue.get_nowait()
        except queue.Empty:
            self._catch_up()
            return False
        if isinstance(item, list):
            with self._lock:
                if self._open is item:
                    self._open = None
            self._taking = item[::-1]
        else:
            item()
        return True

    def _catch_up(self) -> None:
        with self._lock:
            lagged, self._lagged = self._lagged, False
        if lagged:
            self.on_lagged()

    # -- the end

    def close(self, farewell: Callable[[], Coroutine[Any, Any, None]], timeout: float) -> bool:
        """Perform the farewell on the loop, within `timeout` seconds, then end the loop and its
        thread. False where it didn't come to its end. Nothing is brought back any more. Blocks."""
        if self._closed:
            return True
        self._closed = True
        if self._turn_id:
            self._timers.after_cancel(self._turn_id)
        done = asyncio.run_coroutine_threadsafe(farewell(), self._loop)
        end = time.monotonic() + timeout
        try:
            done.result(timeout)
            kept = True
        except Exception as error:
            log.error("not everything was closed: %r", error)
            kept = False
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(max(0.2, end - time.monotonic()))
        return kept and not self._thread.is_alive()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
            left = asyncio.all_tasks(self._loop)
            for task in left:
                task.cancel()
            self._loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        finally:
            self._loop.close()
