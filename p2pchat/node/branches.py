"""Reads parts of histories for others, one after the other, and yields to this node's people."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from p2pchat.node.ports import Store
from p2pchat.protocol import effects

ASKED_S = 0.25
"""A front end that has asked for something within this time is in use."""
RESTS = 3
"""While one is, the next part waits so many times as long as the last one took: whoever fetches a
whole history would else take half of the interpreter from a window that draws."""

Then = Callable[[Any], None]
InPool = Callable[[ThreadPoolExecutor, Callable[[], Any], Then, Any], None]
"""Runs a call in a pool, and gives what it returned to the next on the loop; the last where it
fails."""


class Branches:
    """Whoever fetches a long history asks for dozens of large parts at once. They have a thread
    of their own, so that no person waits behind them; one reads more than anybody takes."""

    def __init__(self, loop: asyncio.AbstractEventLoop, in_pool: InPool, store: Store) -> None:
        self._loop = loop
        self._in_pool = in_pool
        self._store = store
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="p2pchat-branches")
        self._wanted: deque[tuple[effects.ReadBranch, Then]] = deque()
        self._busy = False
        self._asked = loop.time() - ASKED_S

    def asked(self) -> None:
        """A front end wants to know something."""
        self._asked = self._loop.time()

    def read(self, wanted: effects.ReadBranch, then: Then) -> None:
        self._wanted.append((wanted, then))
        if not self._busy:
            self._next()

    def close(self) -> None:
        self._wanted.clear()
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _next(self) -> None:
        self._busy = bool(self._wanted)
        if not self._busy:
            return
        e, then = self._wanted.popleft()
        begun = self._loop.time()

        def done(found: Any) -> None:
            now = self._loop.time()
            in_use = now - self._asked < ASKED_S
            self._loop.call_later(RESTS * (now - begun) if in_use else 0, self._next)
            then(found)

        call = partial(
            self._store.read_branch, e.conversation, e.tip, e.low, e.max_bytes, e.with_first
        )
        self._in_pool(self._thread, call, done, ())
