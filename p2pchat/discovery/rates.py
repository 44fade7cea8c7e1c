"""Bounds for what anybody on the network can cause."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable


class TokenBucket:
    """`at_once` at any time, `per_second` in the long run."""

    def __init__(self, per_second: float, at_once: float, clock: Callable[[], float]) -> None:
        self._per_second = per_second
        self._at_once = at_once
        self._clock = clock
        self._tokens = at_once
        self._filled_at = clock()

    def take(self) -> bool:
        now = self._clock()
        grown = self._tokens + (now - self._filled_at) * self._per_second
        self._tokens = min(self._at_once, grown)
        self._filled_at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class Throttle:
    """A bucket for each of the last `limit` keys."""

    def __init__(
        self, per_second: float, at_once: float, limit: int, clock: Callable[[], float]
    ) -> None:
        self._per_second = per_second
        self._at_once = at_once
        self._clock = clock
        self._limit = limit
        self._buckets: OrderedDict[Hashable, TokenBucket] = OrderedDict()

    def take(self, key: Hashable) -> bool:
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = TokenBucket(self._per_second, self._at_once, self._clock)
            self._buckets[key] = bucket
            if len(self._buckets) > self._limit:
                self._buckets.popitem(last=False)
        return bucket.take()

    def __len__(self) -> int:
        return len(self._buckets)


class Heard:
    """When each of the last `limit` keys was noted; the oldest are forgotten."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._times: OrderedDict[Hashable, float] = OrderedDict()

    def note(self, key: Hashable, now: float) -> float | None:
        """Note it, and return when it was noted before."""
        before = self._times.pop(key, None)
        self._times[key] = now
        if len(self._times) > self._limit:
            self._times.popitem(last=False)
        return before

    def forget(self, key: Hashable) -> None:
        self._times.pop(key, None)

    def since(self, time: float) -> list[Hashable]:
        """What was noted after that."""
        return [key for key, noted in self._times.items() if noted > time]

    def __len__(self) -> int:
        return len(self._times)
