"""Records that came in, until their signatures are checked. A registry has thousands of them, with
two signatures each: checked as they come they would hold up everything else, and what comes behind
them on their link."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from p2pchat.config import limits
from p2pchat.protocol import effects
from p2pchat.protocol.context import Context
from p2pchat.protocol.registrar.claims import Record
from p2pchat.protocol.registrar.registry import Registry

AT_ONCE = 100
"""Records that are checked in one go, and taken in by one turn of the loop."""
WAITING_BYTES = 6 * limits.MIB
"""A whole registry. What comes when so much waits already is dropped."""
_RECORD_BYTES = 200
"""What a record that waits takes besides its own bytes."""

Then = Callable[[list[bytes]], None]


class _Job(NamedTuple):
    news: Mapping[bytes, bytes]
    """Records that weren't here when they came, with their ids."""
    then: Then

    @property
    def size(self) -> int:
        return sum(len(raw) + _RECORD_BYTES for raw in self.news)


class Checking:
    """In the order in which they came: some records count only with others that came before."""

    def __init__(self, ctx: Context, registry: Registry, idle: Callable[[], None]) -> None:
        """`idle` is called when nothing waits any longer."""
        self._ctx = ctx
        self._registry = registry
        self._idle = idle
        self._jobs: deque[_Job] = deque()
        self._size = 0
        self._busy = False

    def check(self, raws: Sequence[bytes], then: Then) -> bool:
        """Take in those that are valid; `then` gets what is new here by that. False where too much
        waits: nothing comes of them."""
        job = _Job({raw: id for raw in raws if (id := self._registry.id_of_news(raw))}, then)
        if not job.news:
            then([])
            return True
        if self._size + job.size > WAITING_BYTES:
            return False
        self._jobs.append(job)
        self._size += job.size
        self._go_on()
        return True

    def _go_on(self) -> None:
        if self._busy or not self._jobs:
            return
        jobs: list[_Job] = []
        wanted: dict[bytes, None] = {}
        while self._jobs and len(wanted) < AT_ONCE:
            job = self._jobs.popleft()
            jobs.append(job)
            # Several peers may have sent the same.
            wanted.update((raw, None) for raw, id in job.news.items() if id not in self._registry)
        self._busy = True
        by, records = self._registry.appointed_by(), tuple(wanted)

        def checked(found: Sequence[Record]) -> None:
            self._busy = False
            holds = by == self._registry.appointed_by()
            self._take(jobs, {record.raw: record for record in found} if holds else {})
            self._go_on()

        self._ctx.ask(lambda query: effects.CheckRecords(query, records, by), checked)

    def _take(self, jobs: Sequence[_Job], found: Mapping[bytes, Record]) -> None:
        for job in jobs:
            self._size -= job.size
            job.then([raw for raw in job.news if raw in found and self._registry.take(found[raw])])
        if not self._jobs:
            self._idle()
