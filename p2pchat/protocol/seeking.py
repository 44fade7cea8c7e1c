"""Connections for files: to whom, as long as something is missing."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING
from zlib import crc32

from p2pchat.config import limits
from p2pchat.model.ids import EntryHash
from p2pchat.model.records import FileRow
from p2pchat.protocol.context import Timer
from p2pchat.protocol.fetch import REACH, Fetch, FileEvents
from p2pchat.protocol.link import Link

if TYPE_CHECKING:
    from p2pchat.protocol.machine import Machine

SEEK_EVERY_S = 3.0
"""Between two looks for members that could have what is still missing."""
SEEK_SOON_S = 0.3
"""The same as long as a fetch reaches out to more of them."""


class Seeking:
    def __init__(self, machine: Machine, events: FileEvents, fetches: dict[bytes, Fetch]) -> None:
        """`fetches`: those under way, by file; who adds one calls `begin`."""
        self._m = machine
        self._events = events
        self._fetches = fetches
        self._timer: Timer | None = None
        self._soon = False

    def begin(self, fetch: Fetch) -> None:
        self._soon |= self._look_for(fetch)
        self._later()

    @staticmethod
    def too_large(link: Link, size: int) -> bool:
        """Whether a file of this size doesn't go this way."""
        return link.info.relayed and size > limits.RELAYED_FILE_BYTES

    def go_on(self) -> None:
        """See to it that there are connections to members, as long as something is missing."""
        self._soon = sum(map(self._look_for, self._fetches.values())) > 0
        self._later()

    def _look_for(self, fetch: Fetch) -> bool:
        """Whether it is to have more of them before long."""
        size, soon = fetch.row.stream.size, False
        links = [link for link in self._audience(fetch) if not self.too_large(link, size)]
        if fetch.reach < len(links):
            links.sort(key=partial(self._rank, fetch.row))
            soon = fetch.reaches_out()
        for link in links[: 1 + fetch.reach]:
            self._m.bulk.want(link.device)
        return soon

    def _later(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        wait = SEEK_SOON_S if self._soon else SEEK_EVERY_S
        self._timer = self._m.ctx.after(wait, self._again)

    def _rank(self, row: FileRow, link: Link) -> tuple[bool, int]:
        """The author first. Both ends of a pair rank it alike, and each pair otherwise."""
        pair = "".join(sorted((self._m.identity.device_id, link.device)))
        return link.person != row.author, crc32(pair.encode() + row.id)

    def _audience(self, fetch: Fetch) -> list[Link]:
        """Links to members."""
        shared, conversation = self._m.sharing, fetch.conversation
        return [
            link for link in shared.audience(conversation) if shared.member(link.id, conversation)
        ]

    def _again(self) -> None:
        self._timer = None
        for id, fetch in list(self._fetches.items()):
            if fetch.reaches_out():
                fetch.reach += REACH
            size, links = fetch.row.stream.size, self._audience(fetch)
            far = any(self.too_large(link, size) for link in links)
            barred = far and not fetch.hopeful() and not fetch.swarm.paused
            if barred != fetch.barred:
                fetch.barred = barred
                self._events.barred(EntryHash(id), barred)
        if self._fetches:
            self.go_on()
