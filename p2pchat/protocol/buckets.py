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


class SourceBuckets:
    """A bucket a source (`Link.source`), for as many as have been heard last."""

    def __init__(self, size: float, per_s: float, most: int) -> None:
        self._size, self._per_s, self._most = size, per_s, most
        self._buckets: dict[str, Bucket] = {}
        """The least recent first."""

    def take(self, source: str, count: float, now: float) -> bool:
        bucket = self._buckets.pop(source, None) or Bucket(self._size, self._per_s)
        self._buckets[source] = bucket
        if len(self._buckets) > self._most:
            del self._buckets[next(iter(self._buckets))]
        return bucket.take(count, now)
