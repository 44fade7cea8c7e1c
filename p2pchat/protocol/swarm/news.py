"""Telling others what is here of a stream, and what comes."""

from __future__ import annotations

from p2pchat.config import limits
from p2pchat.protocol.buckets import Bucket
from p2pchat.protocol.swarm.bits import to_parts
from p2pchat.protocol.swarm.frames import WHOLE, Got, Have, Tell
from p2pchat.protocol.swarm.picker import Picker


class News:
    """To all that follow. The first piece after a silence is told at once, and so is one that is
    told to be `fresh`; the others are gathered for GOT_EVERY_S."""

    def __init__(self, file: bytes, picker: Picker) -> None:
        self._file = file
        self._picker = picker
        self._followers: dict[int, None] = {}
        self._asked: dict[int, Bucket] = {}
        """How often each link began to follow: the answer is much longer than the question."""
        self._pieces: list[int] = []
        self._told_at = -limits.GOT_EVERY_S

    def followed(self, link: int, on: bool, now: float) -> list[Tell]:
        """A peer wants to know what is here, and what comes; or not any more. Whoever asks too
        often isn't answered, and asks again later."""
        if not on or link in self._followers:
            if not on:
                self._followers.pop(link, None)
            return []
        asked = self._asked.setdefault(link, Bucket(limits.FOLLOWS, limits.FOLLOWS_PER_S))
        if not asked.take(1, now):
            return []
        self._followers[link] = None
        if self._picker.complete:
            return [Tell((link,), Have(self._file, WHOLE, 0, b"", True))]
        told = [
            Tell((link,), Have(self._file, layer, first, part, False))
            for layer, count in enumerate(self._picker.counts)
            if self._picker.stored[layer]
            for first, part in to_parts(self._picker.stored[layer], count)
        ]
        return [*told, Tell((link,), Have(self._file, 0, 0, b"", True))]

    def lost(self, link: int) -> None:
        self._followers.pop(link, None)
        self._asked.pop(link, None)

    def add(self, piece: int, fresh: bool, now: float) -> list[Tell]:
        """`fresh`: nobody else is known to have it but those who have all."""
        self._pieces.append(piece)
        if fresh or self._picker.complete or len(self._pieces) >= limits.GOT_BLOCKS:
            return self.tell(now)
        return self.tell_if_due(now)

    def due(self) -> float | None:
        return self._told_at + limits.GOT_EVERY_S if self._pieces else None

    def tell_if_due(self, now: float) -> list[Tell]:
        due = self.due()
        return [] if due is None or now < due else self.tell(now)

    def tell(self, now: float) -> list[Tell]:
        pieces, self._pieces = tuple(self._pieces), []
        self._told_at = now
        if not self._followers:
            return []
        return [Tell(tuple(self._followers), Got(self._file, 0, pieces))]
