"""What presenters need of the program around them: the node's calls, and timers."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Protocol, TypeVar

from p2pchat.errors import P2PChatError

T = TypeVar("T")
U = TypeVar("U")


class Runner(Protocol):
    """All callbacks come on the thread of the window, never from within `call` or `later`."""

    def call(
        self,
        start: Callable[[], Coroutine[Any, Any, T]],
        done: Callable[[T], None] | None = None,
        failed: Callable[[P2PChatError], None] | None = None,
    ) -> None:
        """Run the coroutine that `start` makes on the node's thread. Without `failed` a refusal
        is shown to the person in plain words."""
        ...

    def later(self, ms: int, action: Callable[[], None]) -> Callable[[], None]:
        """Call `action` once, after `ms`. What is returned cancels it."""
        ...


class Lease:
    """A runner for a part of the window that may go before the program does: after `end` nothing
    is brought back to it."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._ended = False

    def end(self) -> None:
        self._ended = True

    def call(
        self,
        start: Callable[[], Coroutine[Any, Any, T]],
        done: Callable[[T], None] | None = None,
        failed: Callable[[P2PChatError], None] | None = None,
    ) -> None:
        self._runner.call(start, self._while_here(done), self._while_here(failed))

    def later(self, ms: int, action: Callable[[], None]) -> Callable[[], None]:
        return self._runner.later(ms, lambda: None if self._ended else action())

    def _while_here(self, callback: Callable[[U], None] | None) -> Callable[[U], None] | None:
        if callback is None:
            return None
        return lambda what: None if self._ended else callback(what)


class Delayed:
    """One action that many causes ask for and that runs once, `ms` after the first of them."""

    def __init__(self, runner: Runner, ms: int, action: Callable[[], None]) -> None:
        self._runner = runner
        self._ms = ms
        self._action = action
        self._cancel: Callable[[], None] | None = None

    def ask(self) -> None:
        if self._cancel is None:
            self._cancel = self._runner.later(self._ms, self._run)

    def ask_again(self) -> None:
        """Begin to wait anew: the action runs once the causes have stopped."""
        self.cancel()
        self.ask()

    def cancel(self) -> None:
        if self._cancel is not None:
            self._cancel()
            self._cancel = None

    def _run(self) -> None:
        self._cancel = None
        self._action()


class Paced:
    """One action that many causes ask for: it runs at once, then at most every `ms`."""

    def __init__(self, runner: Runner, ms: int, action: Callable[[], None]) -> None:
        self._runner = runner
        self._ms = ms
        self._action = action
        self._resting = self._asked = False

    def ask(self) -> None:
        if self._resting:
            self._asked = True
            return
        self._resting = True
        self._runner.later(self._ms, self._rested)
        self._action()

    def _rested(self) -> None:
        self._resting = False
        if self._asked:
            self._asked = False
            self.ask()
