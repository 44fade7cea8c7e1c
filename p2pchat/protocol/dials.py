"""Dials under way and those that wait for a place: wanted devices first, hints fairly after."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from enum import Enum
from random import Random

from p2pchat.config import limits
from p2pchat.model.ids import DeviceId
from p2pchat.protocol.candidates import Address, Candidates, Source


class State(Enum):
    IDLE = "idle"
    """Not wanted, or nothing known of it; or another way is open to it (a relayed link)."""
    DIALLING = "dialling"
    """Addresses are being dialled, or wait for a place."""
    WAITING = "waiting"
    """For the next round, or for the smaller id to dial."""
    ASKED_BACK = "asked-back"
    TUNNELLING = "tunnelling"
    LINKED = "linked"
    """Directly. Over a relayed link a direct one is still tried for."""


@dataclass(slots=True, eq=False)
class Target:
    device: DeviceId | None
    """None: an address given by hand, whose device isn't known yet."""
    candidates: Candidates = field(default_factory=Candidates)
    state: State = State.IDLE
    wanted: bool = False
    stranger: Source | None = None
    """The source of hints for which alone it is dialled."""
    favour: bool = False
    """It asked to be dialled back: one round, wanted or not."""
    linked: bool = False
    """By whatever way; of an address given by hand: that its device is linked."""
    relayed: bool = False
    linked_at: float = 0.0
    rounds: int = 0
    """Failed ones in a row."""
    not_before: float = 0.0
    """When a hint or a request may begin the next round."""
    due: float | None = None
    untried: list[Address] = field(default_factory=list)
    dials: dict[int, Address] = field(default_factory=dict)
    carriers: list[DeviceId] = field(default_factory=list)
    tunnel: int | None = None

    @property
    def pursued(self) -> bool:
        return self.wanted or self.stranger is not None or self.favour


class Dials:
    """At most limits.MAX_DIALS at once; one at a time to one address."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._tokens: dict[int, Target] = {}
        """Of dials and tunnels."""
        self._busy: set[Address] = set()
        self._ready: dict[Target, None] = {}
        self._strangers: dict[Source, list[Target]] = {}
        """Those that wait for a place, by source."""
        self._stranger_dials: set[int] = set()
        self.pace = 0.0
        """Seconds between two dials to strangers."""
        self._next_stranger_at = 0.0

    # -- waiting for a place

    def queue(self, target: Target) -> Target | None:
        """Wait for a place to dial the next address. Too many strangers take each other's: the
        one that lost it is returned."""
        if target.stranger is None:
            self._ready[target] = None
            return None
        waiting = self._strangers.setdefault(target.stranger, [])
        if target in waiting:
            return None
        if len(waiting) < limits.HINTED_PER_SOURCE:
            waiting.append(target)
            return None
        at = self._rng.randrange(len(waiting))
        loser, waiting[at] = waiting[at], target
        return loser

    def next_ready(self, now: float) -> Target | None:
        """Who may dial next: what is wanted first, then strangers, by turns of their sources.
        Among the hints of one source chance decides: no flood puts itself in front."""
        if len(self._tokens) >= limits.MAX_DIALS:
            return None
        if self._ready:
            target = next(iter(self._ready))
            del self._ready[target]
            return target
        if now < self._next_stranger_at or not self._has_stranger_place():
            return None
        for source, waiting in self._strangers.items():
            if waiting:
                at = self._rng.randrange(len(waiting))
                waiting[at], waiting[-1] = waiting[-1], waiting[at]
                self._strangers[source] = self._strangers.pop(source)
                return waiting.pop()
        return None

    def _has_stranger_place(self) -> bool:
        return (
            len(self._tokens) < limits.MAX_DIALS
            and len(self._stranger_dials) < limits.MAX_STRANGER_DIALS
        )

    def next_deadline(self) -> float | None:
        """When the pace lets the next stranger be dialled; None: nobody waits for that alone."""
        if self.pace and any(self._strangers.values()) and self._has_stranger_place():
            return self._next_stranger_at
        return None

    def leave(self, target: Target) -> bool:
        """Give up the place in the queue; whether there was one."""
        if target in self._ready:
            del self._ready[target]
            return True
        if target.stranger is None:
            return False
        waiting = self._strangers.get(target.stranger, [])
        if target not in waiting:
            return False
        waiting.remove(target)
        return True

    # -- under way

    def is_busy(self, address: Address) -> bool:
        return address in self._busy

    def started(self, token: int, target: Target, address: Address, now: float) -> None:
        self._tokens[token] = target
        self._busy.add(address)
        target.dials[token] = address
        if target.stranger is not None:
            self._stranger_dials.add(token)
            self._next_stranger_at = now + self.pace

    def tunnelling(self, token: int, target: Target) -> None:
        self._tokens[token] = target
        target.tunnel = token

    def ended(self, token: int) -> tuple[Target | None, Address | None]:
        """Whose dial it was, and where to; no address: a tunnel. Nobody's: it was abandoned."""
        target = self._tokens.pop(token, None)
        self._stranger_dials.discard(token)
        if target is None:
            return None, None
        if target.tunnel == token:
            target.tunnel = None
            return target, None
        address = target.dials.pop(token)
        self._busy.discard(address)
        return target, address

    def abandon(self, target: Target) -> None:
        """Forget what is under way or waits; results are no longer asked for."""
        for token in [*target.dials, *([target.tunnel] if target.tunnel is not None else [])]:
            self.ended(token)
        target.untried = []
        self.leave(target)


class Timers:
    """One deadline for each target, the soonest first."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Target]] = []
        self._count = 0

    def set(self, target: Target, due: float | None) -> None:
        target.due = due
        if due is not None:
            self._count += 1
            heapq.heappush(self._heap, (due, self._count, target))

    def next(self) -> float | None:
        """Deadlines that were replaced are passed over."""
        while self._heap and self._heap[0][2].due != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def pop(self, now: float) -> Target | None:
        """A target that is due; it has no deadline any more."""
        due = self.next()
        if due is None or due > now:
            return None
        target = heapq.heappop(self._heap)[2]
        target.due = None
        return target
