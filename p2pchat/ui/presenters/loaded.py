"""The part of a conversation's history that is held by the window: bounded, in order. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from enum import Enum

from p2pchat.model.ids import MessageId
from p2pchat.model.message import Message

PAGE = 60
"""Messages asked for at once."""
LIMIT = 300
"""Messages held at most; what is further away is dropped and loaded again."""


class Placed(Enum):
    """What became of a message that came in."""

    KNOWN = "known"
    INSERTED = "inserted"
    APPENDED = "appended"
    ABOVE = "above"
    """It stands before the part that is held."""
    BELOW = "below"
    """It stands behind the part that is held."""


class Loaded:
    """A run of consecutive messages. Every method keeps it consecutive: what would leave a gap
    isn't kept, and `at_start` or `at_end` says so."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.at_start = True
        """The first message of the conversation is held."""
        self.at_end = True

    def __len__(self) -> int:
        return len(self.messages)

    def clear(self) -> None:
        self.messages = []
        self.at_start = self.at_end = True

    def get(self, message_id: MessageId) -> Message | None:
        return next((m for m in self.messages if m.message_id == message_id), None)

    def page(self, found: Sequence[Message], around: bool) -> None:
        """Hold another part: the newest page, or one around a message."""
        self.messages = list(found)
        self.at_end = not around
        self.at_start = not around and len(found) < PAGE

    def insert(self, message: Message, may_drop: bool) -> Placed:
        """`may_drop`: the oldest may be dropped for it (`trim`); else a full run ends here."""
        at = self._place(message)
        if self._is_at(at, message):
            self.messages[at] = message
            return Placed.KNOWN
        if at == 0 and not self.at_start:
            return Placed.ABOVE
        behind = at == len(self.messages)
        if behind and (not self.at_end or (len(self) >= LIMIT and not may_drop)):
            self.at_end = False
            return Placed.BELOW
        self.messages.insert(at, message)
        return Placed.APPENDED if behind else Placed.INSERTED

    def replace(self, message: Message) -> None:
        """Take the new state of a message, if it is held."""
        at = self._place(message)
        if self._is_at(at, message):
            self.messages[at] = message

    def prepend(self, found: Sequence[Message]) -> None:
        """The page before the first."""
        self.messages[:0] = self._unknown(found)
        self.at_start = len(found) < PAGE

    def extend(self, found: Sequence[Message]) -> int:
        """The page behind the last; how many were new."""
        new = self._unknown(found)
        self.messages.extend(new)
        self.at_end = self.at_end or len(found) < PAGE
        return len(new)

    def only_newest(self, more: Iterable[Message], number: int) -> None:
        """Take `more`, of which all are newer, and keep the last `number` of all."""
        merged = {m.message_id: m for m in (*self.messages[-number:], *more)}
        self.messages = sorted(merged.values(), key=lambda m: m.order)[-number:]
        self.at_start = False

    def trim_top(self) -> bool:
        """Down to LIMIT, and a page more so that it isn't done for each message."""
        if len(self) <= LIMIT:
            return False
        del self.messages[: len(self) - LIMIT + PAGE]
        self.at_start = False
        return True

    def trim_bottom(self) -> bool:
        if len(self) <= LIMIT:
            return False
        del self.messages[LIMIT:]
        self.at_end = False
        return True

    def _unknown(self, found: Iterable[Message]) -> list[Message]:
        known = {message.message_id for message in self.messages}
        return [message for message in found if message.message_id not in known]

    def _place(self, message: Message) -> int:
        return bisect_left(self.messages, message.order, key=lambda m: m.order)

    def _is_at(self, at: int, message: Message) -> bool:
        return at < len(self) and self.messages[at].message_id == message.message_id
