"""Telling others what is here of a stream, and what comes."""

from __future__ import annotations

from p2pchat.config import limits
from p2pchat.protocol.buckets import Bucket
from p2pchat.protocol.swarm.bits import to_parts
from p2pchat.protocol.swarm.frames import WHOLE, Got, Have, Tell
from p2pchat.protocol.swarm.picker import Picker


class News:
    """To all that follow. The first piece after a silence is told at once, and so is one that is
    told to be `fresh`; the others are gathered for GOT_EVERY_S, or go along with what is asked of
    the peer: a frame by itself costs both sides more than what it says."""

    def __init__(self, file: bytes, picker: Picker) -> None:
        self._file = file
        self._picker = picker
        self._followers: dict[int, int] = {}
        """How many of `_pieces` the peer of each link was told."""
        self._asked: dict[int, Bucket] = {}
        """How often each link began to follow: the answer is much longer than the question."""
        self._pieces: list[int] = []
        """What came since all were told."""
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
        self._followers[link] = len(self._pieces)
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
        groups: dict[int, list[int]] = {}
        for link, told in self._followers.items():
            if told < len(self._pieces):
                groups.setdefault(told, []).append(link)
        news = [
            Tell(tuple(links), Got(self._file, 0, tuple(self._pieces[told:])))
            for told, links in groups.items()
        ]
        self._pieces.clear()
        self._followers = dict.fromkeys(self._followers, 0)
        self._told_at = now
        return news

    def along(self, link: int) -> list[Tell]:
        """Something goes to this peer anyway."""
        told, here = self._followers.get(link), len(self._pieces)
        if told is None or told == here:
            return []
        self._followers[link] = here
        return [Tell((link,), Got(self._file, 0, tuple(self._pieces[told:])))]
