"""Where a device may be reached: addresses by source and freshness, a bounded number of each.

A hint may lie: about the device, the address or both. So hints never push out an address that has
led to the device, nor those of another source.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from p2pchat.config import limits

Address = tuple[str, int]


class Source(IntEnum):
    """Who says so; the smaller is tried first."""

    LINK = 0
    """A connection of this process has led to the device there."""
    CONNECT = 1
    """`--connect`, `peers.connect`."""
    MDNS = 2
    BEACON = 3
    RECORD = 4
    """The device's own record, passed on by others."""
    CACHE = 5
    """It was there when the program ran before."""


FRESH = (Source.MDNS, Source.BEACON, Source.RECORD)
"""Sources that speak of a device that is up now and looks for others."""


@dataclass(slots=True)
class _Candidate:
    source: Source
    heard_at: float
    rank: int
    """The place that its source gave it."""
    failures: int = 0


class Candidates:
    """The addresses of one device. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._known: dict[Address, _Candidate] = {}

    def __len__(self) -> int:
        return len(self._known)

    def add(self, source: Source, addresses: Iterable[Address], now: float) -> None:
        """Best first. A new hint gives an address that failed another chance."""
        for rank, address in enumerate(addresses):
            if rank >= limits.ADDRESSES_PER_DEVICE:
                return
            known = self._known.get(address)
            if known is not None:
                known.heard_at = now
                known.source = min(known.source, source)
                known.failures = 0 if source <= Source.BEACON else known.failures
                continue
            self._known[address] = _Candidate(source, now, rank)
            if len(self._known) > limits.ADDRESSES_PER_DEVICE:
                self._drop_one()

    def _drop_one(self) -> None:
        """The worst of the source that takes the most places."""
        by_source: dict[Source, list[Address]] = {}
        for address, candidate in self._known.items():
            if candidate.source is not Source.LINK:
                by_source.setdefault(candidate.source, []).append(address)
        most = max(by_source.values(), key=len, default=list(self._known))
        worst = max(
            most,
            key=lambda address: (self._known[address].failures, -self._known[address].heard_at),
        )
        del self._known[worst]

    def proven(self, address: Address, now: float) -> None:
        """The device was there."""
        self._known.pop(address, None)
        self.add(Source.LINK, (address,), now)

    def failed(self, address: Address) -> None:
        """Nobody answered there; it goes behind the others."""
        candidate = self._known.get(address)
        if candidate is not None:
            candidate.failures += 1
            if candidate.source is Source.LINK:
                candidate.source = Source.CACHE

    def drop(self, address: Address) -> None:
        """Another device is there."""
        self._known.pop(address, None)

    def forgive(self) -> None:
        """The network is another one: what failed may be reached now."""
        for candidate in self._known.values():
            candidate.failures = 0

    def is_fresh(self, now: float) -> bool:
        """The device has been heard of just now."""
        return any(
            candidate.source in FRESH and now - candidate.heard_at < limits.FRESH_HINT_S
            for candidate in self._known.values()
        )

    def ordered(self) -> list[Address]:
        """Best first."""
        return sorted(
            self._known,
            key=lambda address: (
                (candidate := self._known[address]).failures,
                candidate.source,
                candidate.rank,
                -candidate.heard_at,
            ),
        )
