"""Rates: how much of something may happen at once and in the long run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Bucket:
    """A token bucket, full at the start. Times are monotonic seconds."""

    size: float
    per_s: float
    left: float = -1.0
    at: float = 0.0

    def take(self, count: float, now: float) -> bool:
        """Whether so much is within the rate; if so it is taken."""
        if self.left < 0:
            self.left, self.at = self.size, now
        self.left = min(self.size, self.left + (now - self.at) * self.per_s)
        self.at = now
        if self.left < count:
            return False
        self.left -= count
        return True
