"""Keeps a client from being told of what it did itself: it has the answer of its request."""

from __future__ import annotations

from collections.abc import Sequence

from p2pchat.config.limits import RPC_OWN_IDS
from p2pchat.events import Event, MessageChanged, MessageReceived
from p2pchat.model.ids import PeerId
from p2pchat.model.message import Message

_Mark = int
"""A hash of what a message is like after the request."""


class Echoes:
    """The event of an own message may come before or after its request returns. While such
    requests are under way, events that could be theirs are held back."""

    def __init__(self, own: PeerId) -> None:
        self._own = own
        self._under_way = 0
        self._done: dict[_Mark, None] = {}
        """What requests returned, their events still to come; oldest first."""
        self._held: dict[_Mark, Event] = {}

    def begin(self) -> None:
        self._under_way += 1

    def end(self, result: Message | None, changed: bool) -> Sequence[Event]:
        """A request is over, with `result` unless it failed. What may be told now."""
        self._under_way -= 1
        if result is not None:
            mark = _mark(result, changed)
            if self._held.pop(mark, None) is None:
                self._done[mark] = None
                if len(self._done) > RPC_OWN_IDS:
                    del self._done[next(iter(self._done))]
        if self._under_way or not self._held:
            return ()
        released = list(self._held.values())
        self._held.clear()
        return released

    def admits(self, event: Event) -> bool:
        """Whether to tell the client now; if not, `end` gives it back or it was an echo."""
        if isinstance(event, MessageReceived):
            if event.message.author != self._own:
                return True
        elif not isinstance(event, MessageChanged):
            return True
        mark = _mark(event.message, isinstance(event, MessageChanged))
        if mark in self._done:
            del self._done[mark]
            return False
        if self._under_way and len(self._held) < RPC_OWN_IDS:
            self._held[mark] = event
            return False
        return True


def _mark(message: Message, changed: bool) -> _Mark:
    reactions = tuple(message.reactions.items())
    return hash((changed, message.message_id, message.text, message.deleted, reactions))
