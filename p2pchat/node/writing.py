"""The thread that writes: whole groups of commits, one transaction each; between them it tidies."""

from __future__ import annotations

import logging
import queue
import threading
import time
from asyncio import AbstractEventLoop
from collections.abc import Callable, Sequence

import msgspec

from p2pchat.config import limits
from p2pchat.errors import StoreError
from p2pchat.model.records import Applied, Disclose, Prune, PutEntry, Write
from p2pchat.node.ports import Store

log = logging.getLogger("p2pchat.node")

TIDY_AFTER_S: float | None = 1.0
"""The store is tidied when nothing was written for so long, and every limits.TIDY_EVERY_S."""
TIDY_MORE_S = 0.05
"""Between two goes where there is much to tidy."""


class Batch(msgspec.Struct):
    number: int
    writes: list[Write]


class WriterThread:
    """Starts at once. `written` is called on the loop, with what each group came to, in order."""

    def __init__(
        self,
        store: Store,
        loop: AbstractEventLoop,
        written: Callable[[list[Batch], Applied | Exception], None],
    ) -> None:
        self._store = store
        self._loop = loop
        self._written = written
        self._work: queue.SimpleQueue[list[Batch] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="p2pchat-writer", daemon=True)
        self._thread.start()

    def put(self, group: list[Batch]) -> None:
        self._work.put(group)

    def end(self) -> None:
        """After what was put before."""
        self._work.put(None)

    def join(self, timeout: float) -> None:
        """Blocks."""
        self._thread.join(timeout)

    def _run(self) -> None:
        tidied, wait = time.monotonic(), TIDY_AFTER_S
        while True:
            try:
                group = self._work.get(timeout=wait)
            except queue.Empty:
                group = []
            if group is None:
                return
            if not group or time.monotonic() - tidied > limits.TIDY_EVERY_S:
                more = self._tidy()
                tidied, wait = time.monotonic(), TIDY_MORE_S if more else None
            if not group:
                continue
            wait = TIDY_AFTER_S
            outcome: Applied | Exception
            try:
                outcome = self._store.apply([write for batch in group for write in batch.writes])
            except Exception as error:
                outcome = error
            try:
                self._loop.call_soon_threadsafe(self._written, group, outcome)
            except RuntimeError:
                return

    def _tidy(self) -> bool:
        try:
            return self._store.tidy()
        except StoreError as error:
            log.warning("%s", error)
            return True
        except Exception:
            # Whatever it is, the thread goes on: nothing could be written without it.
            log.exception("tidying the store")
            return False


def split(group: Sequence[Batch], applied: Applied) -> list[tuple[int, Applied]]:
    """What a transaction did, for each of its batches."""
    result = []
    at = 0
    for batch in group:
        feeds, count = set(), 0
        for write in batch.writes:
            if isinstance(write, PutEntry | Disclose):
                count += 1
                feeds.add(write.entry.header.feed)
        if any(isinstance(write, Prune) for write in batch.writes):
            feeds.update(applied.spans)
        spans = {feed: applied.spans[feed] for feed in feeds if feed in applied.spans}
        result.append((batch.number, Applied(applied.stored[at : at + count], spans)))
        at += count
    return result
