"""One file on its way here: its swarm, and what front ends are told of it."""

from __future__ import annotations

from typing import Protocol

from p2pchat.model.ids import EntryHash
from p2pchat.model.records import FileRow
from p2pchat.protocol.context import Timer
from p2pchat.protocol.conversations import Conversation
from p2pchat.protocol.swarm.fetch import Swarm

RATE_OVER_S = 2.0
REACH = 4
"""A fetch begins with a connection to the author; with the first piece, or after a while, come so
many others, and as many more each time: while a class shakes hands all with all, the author's port
is idle, and nobody has what others could ask for."""
ENOUGH = 8
"""So many others do, as long as they have what is missing: each further one costs a handshake, and
news of every piece."""


class FileEvents(Protocol):
    """What the exchange tells of fetches and offers."""

    def moved(self, id: EntryHash) -> None:
        """More is here, or its sources have changed."""
        ...

    def broke(self, id: EntryHash, reason: str) -> None:
        """The disk here has failed it."""
        ...

    def barred(self, id: EntryHash, on: bool) -> None:
        """It doesn't come because those who may have it can be reached through others only, and
        it is too large for that; or that is over."""
        ...

    def author_lost(self, id: EntryHash) -> None:
        """The author's machine doesn't have it any more."""
        ...

    def changed(self, id: EntryHash) -> None:
        """What is complete here isn't there any more as it was."""
        ...


class Fetch:
    def __init__(self, row: FileRow, conversation: Conversation, swarm: Swarm) -> None:
        self.row = row
        self.conversation = conversation
        self.swarm = swarm
        self.barred = False
        """By tunnels, for its size."""
        self.reach = 0
        """How many members besides the author it has connections to, if they are there."""
        self.timer: Timer | None = None
        """Calls its swarm again."""
        self._marks: list[tuple[float, int]] = []
        """(time, bytes of use received by then) of late."""

    def complete(self) -> bool:
        return self.swarm.complete

    def sources(self, now: float) -> int:
        return self.swarm.sources(now)

    def done(self) -> int:
        """Bytes of the pieces that were checked and stored: what else has come may be anything."""
        stream, left = self.row.stream, self.swarm.pieces_left
        return max(0, stream.size - left * stream.piece)

    def hopeful(self) -> bool:
        """Whether anybody linked has what is missing."""
        return self.swarm.hopeful

    def reaches_out(self) -> bool:
        """Whether it is to have connections to more members."""
        return self.reach < ENOUGH or not self.swarm.provided

    def rate(self, now: float) -> float:
        """Bytes a second, of late: of pieces that are still coming too, as one may take long; those
        that turn out to be wrong count as if they hadn't come."""
        self._marks = [mark for mark in self._marks if now - mark[0] <= RATE_OVER_S]
        received = self.swarm.received - self.swarm.wasted
        if not self._marks or now > self._marks[-1][0]:
            self._marks.append((now, received))
        since, before = self._marks[0]
        return max(0.0, (received - before) / (now - since)) if now > since else 0.0
