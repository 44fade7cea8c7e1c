"""What others say of how far they have files, on its way to the offers that they are of."""

from __future__ import annotations

from collections.abc import Callable

from p2pchat.config import limits
from p2pchat.model.file import FileState, Receiver
from p2pchat.model.ids import EntryHash, PeerId
from p2pchat.model.records import MessageRow
from p2pchat.model.stream import HASH_BYTES, Stream
from p2pchat.protocol import wire
from p2pchat.protocol.buckets import Bucket
from p2pchat.protocol.conversations import Conversation
from p2pchat.protocol.link import Link

DAY_S = 86400.0


class Reports:
    """One look-up at a time for each link: whoever floods waits for itself, and only the last
    report of a file counts."""

    def __init__(
        self,
        look_up: Callable[[EntryHash, Callable[[MessageRow | None], None]], None],
        tell: Callable[[MessageRow | None, Conversation, Receiver], None],
    ) -> None:
        self._look_up = look_up
        self._tell = tell
        self._waiting: dict[int, dict[EntryHash, tuple[Conversation, Receiver]]] = {}
        """By link; the first of each is being looked up."""

    def heard(self, link: Link, conversation: Conversation, frame: wire.FileReport) -> None:
        """`link` is one of a member."""
        try:
            state = FileState(frame.state)
        except ValueError:
            return
        if len(frame.file) != HASH_BYTES:
            return
        receiver = Receiver(link.person, max(0, min(frame.done, 1 << 53)), state)
        waiting = self._waiting.setdefault(link.id, {})
        begun = bool(waiting)
        if len(waiting) < limits.FILE_REPORTS or frame.file in waiting:
            waiting[frame.file] = (conversation, receiver)
        if not begun:
            self._next(link.id)

    def _next(self, link: int) -> None:
        waiting = self._waiting[link]
        if not waiting:
            del self._waiting[link]
            return
        id = next(iter(waiting))

        def found(row: MessageRow | None) -> None:
            conversation, receiver = waiting.pop(id)
            self._tell(row, conversation, receiver)
            self._next(link)

        self._look_up(id, found)


class Quota:
    """How much each person's offers may bring here by themselves."""

    def __init__(self) -> None:
        self._brought: dict[PeerId, Bucket] = {}

    def take(self, author: PeerId, stream: Stream, largest: int, now: float) -> bool:
        """Whether a file may come, if none larger than `largest` does. Of a folder each file takes
        its place on the disk."""
        size = stream.size + stream.manifest * limits.AUTO_FETCH_PER_MANIFEST_BYTE
        if size > largest:
            return False
        quota = float(limits.AUTO_FETCH_FILES * largest)
        bucket = self._brought.pop(author, None)
        if bucket is None or bucket.size != quota:
            bucket = Bucket(quota, quota / DAY_S)
        self._brought[author] = bucket
        if len(self._brought) > limits.PERSONS:
            del self._brought[next(iter(self._brought))]
        return bucket.take(max(size, limits.AUTO_FETCH_LEAST_BYTES), now)
