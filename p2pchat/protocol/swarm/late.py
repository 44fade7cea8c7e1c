"""Fetches that are over, as long as peers still send what was asked of them."""

from __future__ import annotations

from collections import Counter

from p2pchat.config import limits
from p2pchat.protocol.swarm.fetch import Swarm


class Late:
    """Nothing of the same file is asked anew over a link before that has come or was refused: it
    couldn't be told from what the new fetch has asked for."""

    def __init__(self) -> None:
        self._swarms: dict[bytes, list[Swarm]] = {}

    def add(self, swarm: Swarm) -> int | None:
        """One that is closed. Gives the link that owes most, where it has to be closed as well:
        whoever is asked for file after file and gives nothing doesn't fill the memory."""
        self._swarms.setdefault(swarm.file, []).append(swarm)
        self._tidy(swarm.file)
        kept = [one for swarms in self._swarms.values() for one in swarms]
        if len(kept) <= limits.LATE_FETCHES:
            return None
        owed = Counter(link for one in kept for link in one.owed_by())
        return owed.most_common(1)[0][0]

    def of(self, link: int, file: bytes) -> Swarm | None:
        """The fetch that this link still owes something."""
        swarms = self._swarms.get(file)
        if not swarms:
            return None
        found = next((swarm for swarm in swarms if swarm.is_owed_by(link)), None)
        if found is None:
            self._tidy(file)
        return found

    def lost(self, link: int, now: float) -> None:
        for file, swarms in list(self._swarms.items()):
            for swarm in swarms:
                swarm.lost(link, now)
            self._tidy(file)

    def _tidy(self, file: bytes) -> None:
        left = [swarm for swarm in self._swarms[file] if swarm.owed_by()]
        if left:
            self._swarms[file] = left
        else:
            del self._swarms[file]
