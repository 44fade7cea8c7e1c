"""How many branches a feed may have: each costs memory, and anyone can write them by the thousand.

A branch begins where two entries follow one, and where an entry comes whose predecessor isn't here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from p2pchat.config.limits import BRANCHES_PER_FEED
from p2pchat.model.entry import Entry, Span
from p2pchat.model.ids import EntryHash, FeedId


@dataclass(slots=True)
class _Coming:
    """Entries of one feed on their way to the disk."""

    hashes: set[EntryHash] = field(default_factory=set)
    followed: set[bytes] = field(default_factory=set)
    branches: int = 0
    count: int = 0


class Branches:
    def __init__(self) -> None:
        self._coming: dict[FeedId, _Coming] = {}

    def admit(self, spans: Sequence[Span], entry: Entry) -> bool:
        """Whether an entry is taken, given what is here of its feed. Told in the order of seq;
        `done` follows."""
        header = entry.header
        coming = self._coming.setdefault(header.feed, _Coming())
        grows = self._grows(spans, coming, entry)
        if grows and len(spans) + coming.branches >= BRANCHES_PER_FEED:
            if not coming.count:
                del self._coming[header.feed]
            return False
        coming.hashes.add(entry.hash)
        coming.followed.add(header.prev)
        coming.branches += grows
        coming.count += 1
        return True

    @staticmethod
    def _grows(spans: Sequence[Span], coming: _Coming, entry: Entry) -> bool:
        prev = entry.header.prev
        if entry.hash in coming.followed:
            return False  # what stands on it has been counted
        if prev in coming.followed:
            return True
        if prev in coming.hashes:
            return False
        return not any(span.tip == prev or span.bottom == entry.hash for span in spans)

    def done(self, entries: Sequence[Entry]) -> None:
        """They are durable, or have failed."""
        for entry in entries:
            feed = entry.header.feed
            self._coming[feed].count -= 1
            if not self._coming[feed].count:
                del self._coming[feed]
