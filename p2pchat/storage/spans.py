"""Which entries of a feed are here, as runs: a pure rule, kept in step with every entry.

A run is a maximal chain of entries linked by `prev`, each entry belonging to exactly one. Where a
feed forks, one branch keeps the run and each other branch begins a run of its own just above the
branch point. So runs change in constant time, whatever the order of arrival, and all entries that
stand at one seq are in different runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from p2pchat.model.entry import Span
from p2pchat.model.ids import EntryHash, FeedId


@dataclass(slots=True, eq=False)
class Run:
    low: int
    high: int
    tip: bytes
    bottom: bytes
    """`prev` of the entry at `low`."""
    wanted: bool
    """Whether the entry below `low` is missing and not pruned on purpose."""
    kept_as: bytes = b""
    """The tip under which it is stored; empty: it isn't."""


@dataclass(slots=True)
class Runs:
    """The runs of one feed. `holds(hash, seq)` says whether that entry of the feed is here."""

    runs: list[Run] = field(default_factory=list)
    changed: dict[int, Run] = field(default_factory=dict)
    """By identity: runs that have to be written."""
    removed: list[Run] = field(default_factory=list)

    def covers(self, seq: int) -> bool:
        """Whether an entry stands at `seq`."""
        return any(run.low <= seq <= run.high for run in self.runs)

    def add(self, seq: int, hash: bytes, prev: bytes, holds: Callable[[bytes, int], bool]) -> None:
        """Take in an entry that wasn't here."""
        parent: Run | None = None
        child: Run | None = None
        inside = False
        for run in self.runs:
            if run.high == seq - 1 and run.tip == prev:
                parent = run
            elif run.low == seq + 1 and run.bottom == hash:
                if child is None:
                    child = run
                else:
                    run.wanted = False
                    self.changed[id(run)] = run
            elif run.low < seq <= run.high:
                inside = True
        if child is not None:
            self._extend_down(child, parent, seq, prev)
        elif parent is not None:
            self._move_tip(parent, seq, hash)
        else:
            child = Run(seq, seq, hash, prev, seq > 0)
            self.runs.append(child)
            self.changed[id(child)] = child
        if parent is None and child is not None and inside and holds(prev, seq - 1):
            child.wanted = False

    def _extend_down(self, child: Run, parent: Run | None, seq: int, prev: bytes) -> None:
        if parent is None:
            child.low, child.bottom, child.wanted = seq, prev, seq > 0
        else:
            child.low, child.bottom, child.wanted = parent.low, parent.bottom, parent.wanted
            self.runs.remove(parent)
            self.removed.append(parent)
            self.changed.pop(id(parent), None)
        self.changed[id(child)] = child

    def _move_tip(self, run: Run, seq: int, hash: bytes) -> None:
        run.high, run.tip = seq, hash
        self.changed[id(run)] = run

    def cut(self, run: Run, low: int, bottom: bytes) -> None:
        """Everything of the run below `low` was pruned; `bottom` is the hash just below."""
        run.low, run.bottom, run.wanted = low, bottom, False
        self.changed[id(run)] = run

    def spans(self, feed: FeedId) -> tuple[Span, ...]:
        """Highest first."""
        return spans_of(feed, self.runs)


def spans_of(feed: FeedId, runs: Iterable[Run]) -> tuple[Span, ...]:
    ordered = sorted(runs, key=lambda run: (-run.high, run.tip))
    return tuple(
        Span(feed, run.low, run.high, EntryHash(run.tip), run.bottom if run.wanted else b"")
        for run in ordered
    )
