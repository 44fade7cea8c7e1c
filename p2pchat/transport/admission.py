"""Who may shake hands now, who waits, who has to go: accepted connections before they are links."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Generic, TypeVar

from p2pchat.config import limits

T = TypeVar("T")


class Admission(Generic[T]):
    """At most MAX_PENDING_HANDSHAKES shake hands at a time, MAX_PENDING_PER_ADDRESS of one
    address. Others wait, the newest served first: under a flood of connections that say nothing
    an honest dialler is new, and the flood is old. While anyone waits for the place of one that
    has had it for HANDSHAKE_GRACE_S, that one is dropped.

    `begin` starts a handshake; `drop` ends a connection, after which `left` must be called."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        begin: Callable[[T], None],
        drop: Callable[[T], None],
    ) -> None:
        self._loop = loop
        self._begin = begin
        self._drop = drop
        self._pending: dict[T, tuple[str, float]] = {}
        self._waiting: dict[T, str] = {}
        self._busy: Counter[str] = Counter()
        self._timer: asyncio.TimerHandle | None = None

    def arrived(self, connection: T, host: str) -> None:
        if self._has_room(host):
            self._admit(connection, host)
            return
        self._make_waiting_room(host)
        self._waiting[connection] = host
        self._arm()

    def left(self, connection: T) -> None:
        """It is a link now, or gone. Unknown ones are ignored."""
        self._waiting.pop(connection, None)
        place = self._pending.pop(connection, None)
        if place is None:
            return
        host = place[0]
        self._busy[host] -= 1
        if not self._busy[host]:
            del self._busy[host]
        self._fill()

    def _has_room(self, host: str) -> bool:
        return (
            len(self._pending) < limits.MAX_PENDING_HANDSHAKES
            and self._busy[host] < limits.MAX_PENDING_PER_ADDRESS
        )

    def _admit(self, connection: T, host: str) -> None:
        self._pending[connection] = (host, self._loop.time())
        self._busy[host] += 1
        self._begin(connection)

    def _fill(self) -> None:
        for connection, host in reversed(list(self._waiting.items())):
            if len(self._pending) >= limits.MAX_PENDING_HANDSHAKES:
                return
            if self._has_room(host):
                del self._waiting[connection]
                self._admit(connection, host)

    def _make_waiting_room(self, host: str) -> None:
        """Drop the one that has waited longest: of this address, or of the most crowded one."""
        crowds = Counter(self._waiting.values())
        if crowds[host] >= limits.MAX_WAITING_PER_ADDRESS:
            crowded = host
        elif len(self._waiting) >= limits.MAX_WAITING:
            crowded = crowds.most_common(1)[0][0]
        else:
            return
        oldest = next(one for one, its_host in self._waiting.items() if its_host == crowded)
        del self._waiting[oldest]
        self._drop(oldest)

    def _in_the_way(self) -> list[tuple[float, T]]:
        """Those whose places the waiting ones could have, with the time since they have them."""
        hosts = set(self._waiting.values())
        full = len(self._pending) >= limits.MAX_PENDING_HANDSHAKES
        return [
            (since, connection)
            for connection, (host, since) in self._pending.items()
            if hosts and (full or host in hosts)
        ]

    def _arm(self) -> None:
        places = self._in_the_way()
        if self._timer is None and places:
            oldest = min(since for since, _ in places)
            due = max(oldest + limits.HANDSHAKE_GRACE_S, self._loop.time() + 0.01)
            self._timer = self._loop.call_at(due, self._relieve)

    def _relieve(self) -> None:
        self._timer = None
        limit = self._loop.time() - limits.HANDSHAKE_GRACE_S
        for since, connection in self._in_the_way():
            if since <= limit:
                self._drop(connection)
        self._arm()

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
