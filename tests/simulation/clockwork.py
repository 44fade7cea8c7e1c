"""Virtual time: what happens next, and nothing in between."""

from __future__ import annotations

import heapq
from collections.abc import Callable


class Clockwork:
    def __init__(self) -> None:
        self.now = 0.0
        self._count = 0
        self._queue: list[tuple[float, int, Callable[[], None]]] = []

    def after(self, delay: float, action: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._queue, (self.now + max(0.0, delay), self._count, action))

    def run_for(self, seconds: float) -> None:
        end = self.now + seconds
        while self._queue and self._queue[0][0] <= end:
            self.now, _, action = heapq.heappop(self._queue)
            action()
        self.now = end

    def run_until(self, condition: Callable[[], bool], seconds: float, step: float = 0.5) -> bool:
        """Whether the condition has come to hold within so many seconds."""
        end = self.now + seconds
        while not condition():
            if self.now >= end:
                return False
            self.run_for(step)
        return True
