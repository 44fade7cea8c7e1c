"""How sets of records become the same everywhere: what is new is sent at once, the rest is found by
comparing ids. Two sets: the registry's, which every node keeps, and the keyboxes, of holders."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Protocol

from p2pchat.config import limits
from p2pchat.errors import ProtocolError
from p2pchat.protocol import wire
from p2pchat.protocol.buckets import SourceBuckets
from p2pchat.protocol.link import Link
from p2pchat.protocol.registrar.registry import SHORT_BYTES

if TYPE_CHECKING:
    from p2pchat.protocol.registrar.part import Registrar

IDS_PER_FRAME = 3000
IDS_AT_ONCE = 24
"""Frames of ids that one comparison has at most."""
RECORDS_BYTES = limits.FRAME_BYTES - 4096
COMPARED_AT_ONCE, COMPARED_PER_S = 20.0, 0.5
"""Comparisons with one machine: each costs some milliseconds where there are thousands."""


class Set(Protocol):
    def ids(self) -> Sequence[bytes]: ...

    def get(self, id: bytes) -> bytes | None: ...

    def digest(self) -> bytes: ...


class Replica:
    """One of the two sets, compared over links."""

    def __init__(
        self,
        registrar: Registrar,
        held: bool,
        records: Set,
        shared: Callable[[Link], bool],
        take: Callable[[Link, Sequence[bytes]], None],
        in_parts: Callable[[Link, bytes], None],
    ) -> None:
        """`shared`: whether the set is for the peer; `take` gets records that came in; `in_parts`
        sends one that is over the frame limit."""
        self._ctx = registrar.machine.ctx
        self._links = registrar.machine.links
        self._held = held
        self._records = records
        self._shared = shared
        self._take = take
        self._in_parts = in_parts
        self._theirs: dict[int, list[bytes]] = {}
        """Ids that came in so far, by link."""
        self._compared = SourceBuckets(COMPARED_AT_ONCE, COMPARED_PER_S, limits.MAX_LINKS)
        self._cut: set[int] = set()
        """Links that hadn't read what came before, or sent more than could be taken in: the rest is
        found by comparing again."""

    def greet(self, link: Link) -> None:
        if self._shared(link):
            self._links.send(link.id, wire.RecordSet(self._held, self._records.digest()))

    def compare(self, link: Link) -> None:
        """Now and then. Who has nothing waits to be asked by who has something: in a network
        without accounts nothing is said of them."""
        if self._records.ids():
            self.greet(link)

    def on_set(self, link: Link, frame: wire.RecordSet) -> None:
        if not self._may_compare(link) or frame.digest == self._records.digest():
            return
        ids = self._records.ids()
        parts = [ids[at : at + IDS_PER_FRAME] for at in range(0, len(ids), IDS_PER_FRAME)] or [[]]
        for number, part in enumerate(parts):
            last = number == len(parts) - 1
            self._links.send(link.id, wire.RecordIds(self._held, b"".join(part), last))

    def on_ids(self, link: Link, frame: wire.RecordIds) -> None:
        if not self._shared(link):
            return
        theirs = self._theirs.setdefault(link.id, [])
        theirs += split(frame.ids)
        if len(theirs) > IDS_AT_ONCE * IDS_PER_FRAME:
            raise ProtocolError("too many ids")
        if not frame.last:
            return
        del self._theirs[link.id]
        if not self._may_compare(link):
            return
        there, own = set(theirs), self._records.ids()
        self.send([link], [id for id in own if id not in there])
        here = set(own)
        wanted = [id for id in dict.fromkeys(theirs) if id not in here]
        for at in range(0, len(wanted), IDS_PER_FRAME):
            part = wanted[at : at + IDS_PER_FRAME]
            self._links.send(link.id, wire.RecordsWanted(self._held, b"".join(part)))

    def _may_compare(self, link: Link) -> bool:
        if not self._shared(link) or link.choked:
            return False
        return self._compared.take(link.source, 1, self._ctx.now)

    def on_wanted(self, link: Link, frame: wire.RecordsWanted) -> None:
        if self._shared(link) and not link.choked:
            self.send([link], dict.fromkeys(split(frame.ids)))

    def on_records(self, link: Link, frame: wire.RegistryRecords) -> None:
        if self._shared(link):
            self._take(link, frame.records)

    def spread(self, ids: Sequence[bytes], source: Link | None = None) -> None:
        """To everyone who may have them but whoever they came from."""
        links = [link for link in self._links.up() if link is not source and self._shared(link)]
        self.send(links, ids)

    def send(self, links: Sequence[Link], ids: Iterable[bytes]) -> None:
        part: list[bytes] = []
        size = 0
        for id in ids:
            self._cut.update(link.id for link in links if link.choked)
            links = [link for link in links if not link.choked]
            raw = self._records.get(id)
            if raw is None:
                continue
            if len(raw) > RECORDS_BYTES:
                for link in links:
                    self._in_parts(link, raw)
                continue
            if size + len(raw) > RECORDS_BYTES:
                self._links.send_all(links, wire.RegistryRecords(self._held, tuple(part)))
                part, size = [], 0
            part.append(raw)
            size += len(raw) + 8
        if part:
            self._links.send_all(links, wire.RegistryRecords(self._held, tuple(part)))

    def drained(self, link: Link) -> None:
        if link.id in self._cut:
            self._cut.discard(link.id)
            self.greet(link)

    def dropped(self, link: Link) -> None:
        """What it sent couldn't be taken in; `ask_again` once that is over."""
        self._cut.add(link.id)

    def ask_again(self) -> None:
        for link in self._links.up() if self._cut else ():
            if not link.choked:
                self.drained(link)

    def link_closed(self, link: int) -> None:
        self._theirs.pop(link, None)
        self._cut.discard(link)


def split(ids: bytes) -> list[bytes]:
    if len(ids) % SHORT_BYTES:
        raise ProtocolError("ids of an odd length")
    return [ids[at : at + SHORT_BYTES] for at in range(0, len(ids), SHORT_BYTES)]
