"""A runner without threads, for tests of presenters: the test moves its clock. And who opens files,
without opening them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any, TypeVar

from paper_node import START

from p2pchat.errors import P2PChatError
from p2pchat.ui.presenters import words

T = TypeVar("T")


class PaperRunner:
    """Runs calls when `settle` says so, on this thread; its timers have a clock of their own."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.now = START
        self._ready: list[Callable[[], None]] = []
        self._timers: dict[int, tuple[datetime, Callable[[], None]]] = {}
        self._count = 0

    def clock(self) -> datetime:
        return self.now.astimezone()

    def call(
        self,
        start: Callable[[], Coroutine[Any, Any, T]],
        done: Callable[[T], None] | None = None,
        failed: Callable[[P2PChatError], None] | None = None,
    ) -> None:
        def perform() -> None:
            try:
                result = finished(start())
            except P2PChatError as error:
                if failed:
                    failed(error)
                else:
                    self.said.append(words.refusal(error))
            else:
                if done:
                    done(result)

        self._ready.append(perform)

    def later(self, ms: int, action: Callable[[], None]) -> Callable[[], None]:
        self._count += 1
        number = self._count
        self._timers[number] = (self.now + timedelta(milliseconds=ms), action)

        def cancel() -> None:
            self._timers.pop(number, None)

        return cancel

    def settle(self) -> None:
        """Perform every call, and those that follow from it."""
        while self._ready:
            self._ready.pop(0)()

    def advance(self, ms: int) -> None:
        """Let time pass, and settle."""
        end = self.now + timedelta(milliseconds=ms)
        self.settle()
        while due := [(at, number) for number, (at, _) in self._timers.items() if at <= end]:
            at, number = min(due)
            self.now = max(self.now, at)
            self._timers.pop(number)[1]()
            self.settle()
        self.now = end


class PaperOpener:
    """Keeps what was opened; `fail` is raised instead."""

    def __init__(self) -> None:
        self.opened: list[tuple[str, str]] = []
        self.fail: P2PChatError | None = None

    async def open(self, path: str) -> None:
        self._called("open", path)

    async def show(self, path: str) -> None:
        self._called("show", path)

    async def browse(self, url: str) -> None:
        self._called("browse", url)

    def _called(self, how: str, path: str) -> None:
        if self.fail is not None:
            raise self.fail
        self.opened.append((how, path))


def finished(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that never waits."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        result: T = stop.value
        return result
    raise AssertionError("the coroutine waits for something")
