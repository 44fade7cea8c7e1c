"""What can be undone of a text that is being written: states of it, a word a step."""

from __future__ import annotations

from typing import NamedTuple

MOST = 200
MOST_CHARS = 1_000_000
"""Of all states together; the oldest go."""


class State(NamedTuple):
    text: str
    at: int
    """Where the cursor is, in characters."""


class History:
    """`changed` after each change of the text; `undo` and `redo` give the state to show."""

    def __init__(self) -> None:
        self.reset("")

    def reset(self, text: str) -> None:
        """Another text: nothing before it can be undone."""
        self._states = [State(text, len(text))]
        self._now = 0
        self._grows: bool | None = None
        """Whether the step that is being made adds to the text; None: the next change begins
        one."""

    def changed(self, text: str, at: int) -> None:
        before = self._states[self._now]
        if text == before.text:
            return
        by = len(text) - len(before.text)
        grows = by > 0
        # A word is a step; so is all that is deleted one by one, and whatever comes at once.
        word = grows and text[at - 1 : at].isspace() and not before.text[at - 2 : at - 1].isspace()
        goes_on = grows is self._grows and abs(by) <= 2 and not word
        del self._states[self._now + 1 :]
        if goes_on and self._now:
            self._states[self._now] = State(text, at)
        else:
            self._states.append(State(text, at))
            self._now += 1
        self._grows = grows if abs(by) <= 2 else None
        self._tidy()

    def undo(self) -> State | None:
        return self._go(-1)

    def redo(self) -> State | None:
        return self._go(1)

    def _go(self, step: int) -> State | None:
        self._grows = None
        if not 0 <= self._now + step < len(self._states):
            return None
        self._now += step
        return self._states[self._now]

    def _tidy(self) -> None:
        whole = sum(len(state.text) for state in self._states)
        while len(self._states) > 2 and (len(self._states) > MOST or whole > MOST_CHARS):
            whole -= len(self._states.pop(0).text)
            self._now -= 1
