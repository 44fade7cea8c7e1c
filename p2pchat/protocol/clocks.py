"""What time it is, by the wall clocks here and at the linked peers: any of them may be wrong.

The clock of entries, by which they are ordered, follows from it.
"""

from __future__ import annotations

from statistics import median_low

from p2pchat.config.limits import CLOCK_AHEAD_MS, CLOCK_END_MS, CLOCK_SET_MS
from p2pchat.protocol.context import Context
from p2pchat.protocol.links import Links


def clock_limit(wall_ms: int, median_ms: int) -> int:
    """The highest clock that is followed: a week ahead of the later of the own wall clock and the
    median of all."""
    return (max(wall_ms, min(median_ms, CLOCK_END_MS)) + CLOCK_AHEAD_MS) << 16


class Clocks:
    def __init__(self, context: Context, links: Links) -> None:
        self._ctx = context
        self._links = links
        self._compared_at = -1.0
        self._bound = 0
        self._believed_ms = 0
        self._now_ms = 0

    def bound(self) -> int:
        """The highest clock that is followed now (`clock_limit`)."""
        self._compare()
        return self._bound

    def wall_ms(self) -> int:
        """What the wall clock here should show: the median instead, where two peers or more say
        that it is ahead by more than is followed. What is written here would stand behind all
        that others write, for as long as that is."""
        self._compare()
        return self._believed_ms

    def now_ms(self) -> int:
        """What time it is: the median of three clocks or more, else what the own one shows, if it
        was ever set."""
        self._compare()
        return self._now_ms

    def median_ms(self) -> int:
        """The median of the wall clocks here and at the linked peers, now. Every address has one
        vote, as one machine may show many devices; this one has one too, unless its clock was
        never set. Of two in the middle the lower: one peer alone moves nobody's."""
        votes = self._votes()
        if self._ctx.wall_ms >= CLOCK_SET_MS or not votes:
            votes[""] = self._ctx.wall_ms
        return median_low(votes.values())

    def _votes(self) -> dict[str, int]:
        now_ms = int(self._ctx.now * 1000)
        return {link.source: link.epoch_ms + now_ms for link in self._links.up()}

    def _compare(self) -> None:
        """Once an input: it takes a look at every link."""
        if self._compared_at == self._ctx.now:
            return
        self._compared_at = self._ctx.now
        wall_ms, median_ms = self._ctx.wall_ms, self.median_ms()
        self._bound = clock_limit(wall_ms, median_ms)
        several = len(self._votes()) > 1
        ahead = wall_ms - median_ms > CLOCK_AHEAD_MS
        self._believed_ms = median_ms if ahead and several else wall_ms
        self._now_ms = median_ms if several or wall_ms < CLOCK_SET_MS else wall_ms
