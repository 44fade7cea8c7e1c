"""How an entry spreads over the links of one conversation: Plumtree.

Leitão, Pereira, Rodrigues: "Epidemic Broadcast Trees", SRDS 2007. The payload goes over eager
links, which duplicates prune to a tree; ids go over the others and mend the tree. What differs:

* Of new links only the first `limits.EAGER_LINKS` of the overlay's order begin eager.
* A duplicate prunes its link only while the link of the first copy is eager itself, so that two
  messages that cross can't prune a node's last link.
* In a full mesh the author alone pushes. Whether that holds is the author's to say (`relay`), for
  others may see the overlay in another mode.
* No optimization by hops (section 3.8): measured with messages that cross, it tears the tree faster
  than it shortens ways, at up to twice the copies.

Losses that outlast the timers here are mended by sync. Nothing here grows with what a peer sends.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field

import msgspec

from p2pchat.config import limits
from p2pchat.model.ids import DeviceId, EntryHash


class Push(msgspec.Struct, frozen=True):
    """Send the payload to `eager` and announce its id to `lazy` (gathered, see the machine)."""

    eager: tuple[DeviceId, ...] = ()
    lazy: tuple[DeviceId, ...] = ()
    relay: bool = False
    """Goes with the payload: whoever gets it passes it on. Without, the author reaches all."""


class Duplicate(msgspec.Struct, frozen=True):
    """The payload was here. `prune`: answer with Prune."""

    prune: bool


class Graft(msgspec.Struct, frozen=True):
    """Ask `peer` to push from now on, and to send the payloads of `ids`."""

    peer: DeviceId
    ids: tuple[EntryHash, ...] = ()


@dataclass(slots=True)
class _Missing:
    due: float
    announcers: list[DeviceId] = field(default_factory=list)
    asked: DeviceId | None = None


class Plumtree:
    """One conversation's tree, as this device sees it. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._eager: dict[DeviceId, bool] = {}
        """Every neighbour, and whether it gets payloads. In the overlay's order."""
        self._complete = False
        self._seen: dict[EntryHash, DeviceId | None] = {}
        """Recent ids, oldest first, and who brought them first; None: made here."""
        self._missing: dict[EntryHash, _Missing] = {}
        """Soonest due first: every wait is equally long, and a new wait goes to the end."""
        self._announced: dict[DeviceId, int] = {}
        """How many of the missing ids each neighbour is an announcer of, or asked for."""
        self._unanswered: dict[DeviceId, int] = {}

    @property
    def eager(self) -> tuple[DeviceId, ...]:
        return tuple(peer for peer, eager in self._eager.items() if eager)

    @property
    def lazy(self) -> tuple[DeviceId, ...]:
        return tuple(peer for peer, eager in self._eager.items() if not eager)

    @property
    def missing(self) -> int:
        return len(self._missing)

    # -- neighbours

    def update(
        self, neighbours: Sequence[DeviceId], linked: Container[DeviceId], mesh: bool
    ) -> tuple[Graft, ...]:
        """Take over the overlay's neighbours (in its order), of which those in `linked` can be
        spoken to; `mesh`: they are all the members. Call it when any of the three has changed."""
        before = self._eager
        self._eager = {
            peer: before.get(peer, rank < limits.EAGER_LINKS)
            for rank, peer in enumerate(neighbours)
            if peer in linked
        }
        self._complete = mesh and len(self._eager) == len(neighbours)
        for peer in before:
            if peer not in self._eager:
                self._forget(peer)
        return self._reconnect()

    def _reconnect(self) -> tuple[Graft, ...]:
        """A node without an eager link would hear nothing before the next announcement."""
        if not self._eager or any(self._eager.values()):
            return ()
        peer = next(iter(self._eager))
        self._eager[peer] = True
        return (Graft(peer),)

    def _forget(self, peer: DeviceId) -> None:
        self._unanswered.pop(peer, None)
        if self._announced.pop(peer, 0):
            for missing in self._missing.values():
                if peer in missing.announcers:
                    missing.announcers.remove(peer)
                if missing.asked == peer:
                    missing.asked = None

    # -- payloads

    def originate(self, id: EntryHash) -> Push:
        """An entry of this device's own."""
        self._remember(id, None)
        if self._complete:
            return Push(eager=tuple(self._eager))
        return Push(self.eager, self.lazy, relay=True)

    def received(self, id: EntryHash, source: DeviceId, relay: bool) -> Push | Duplicate:
        """A payload that was found valid came over a link. What the store holds from before the
        memory of this class is the caller's to know: it calls `duplicate`."""
        if id in self._seen:
            return self.duplicate(id, source, relay)
        self._remember(id, source)
        missing = self._missing.get(id)
        if missing is not None:
            if missing.asked == source:
                self._unanswered.pop(source, None)
            self._drop(id)
        if not relay:
            return Push()
        if source in self._eager:
            self._eager[source] = True
        return Push(
            eager=tuple(peer for peer in self.eager if peer != source),
            lazy=tuple(peer for peer in self.lazy if peer != source),
            relay=True,
        )

    def duplicate(self, id: EntryHash, source: DeviceId, relay: bool) -> Duplicate:
        """A payload that is here came once more. What came by sync first prunes nothing: it says
        nothing of which link is the better one."""
        if not relay or id not in self._seen or source not in self._eager:
            return Duplicate(prune=False)
        first = self._seen[id]
        if first == source or (first is not None and not self._eager.get(first, False)):
            return Duplicate(prune=False)
        self._eager[source] = False
        return Duplicate(prune=True)

    def _remember(self, id: EntryHash, source: DeviceId | None) -> None:
        self._seen[id] = source
        if len(self._seen) > limits.SEEN_IDS:
            del self._seen[next(iter(self._seen))]

    # -- announcements

    def synced(self, ids: Iterable[EntryHash]) -> None:
        """Entries that came by sync: nobody need be asked for them."""
        if self._missing:
            for entry in ids:
                self._drop(entry)

    def announced(self, ids: Iterable[EntryHash], source: DeviceId, now: float) -> None:
        """A neighbour has these entries. Leave out those that the store holds."""
        if source not in self._eager:
            return
        quota = limits.MISSING_PER_PEER >> min(self._unanswered.get(source, 0), 9)
        for entry in ids:
            if entry not in self._seen and self._announced.get(source, 0) < quota:
                self._await(entry, source, now)

    def _await(self, id: EntryHash, source: DeviceId, now: float) -> None:
        missing = self._missing.get(id)
        if missing is None:
            missing = self._missing[id] = _Missing(now + limits.GRAFT_AFTER_S)
        if len(missing.announcers) >= limits.ANNOUNCERS or source == missing.asked:
            return
        if source not in missing.announcers:
            missing.announcers.append(source)
            self._count(source, 1)

    def pruned(self, source: DeviceId) -> None:
        """A neighbour gets our payloads sooner by another way."""
        if source in self._eager:
            self._eager[source] = False

    def grafted(self, source: DeviceId) -> None:
        """A neighbour wants our payloads from now on; send it those that it names as well."""
        if source in self._eager:
            self._eager[source] = True

    def next_deadline(self) -> float | None:
        for missing in self._missing.values():
            return missing.due
        return None

    def tick(self, now: float) -> tuple[Graft, ...]:
        """Ask for what was announced and hasn't come, each id at one neighbour at a time."""
        wanted: dict[DeviceId, list[EntryHash]] = {}
        late: set[DeviceId] = set()
        due = []
        for entry, missing in self._missing.items():
            if missing.due > now:
                break
            due.append(entry)
            if missing.asked is not None:
                late.add(missing.asked)
        for peer in late:
            self._unanswered[peer] = self._unanswered.get(peer, 0) + 1
            self._eager[peer] = False
        for entry in due:
            peer_asked = self._ask_next(entry, now)
            if peer_asked is not None:
                wanted.setdefault(peer_asked, []).append(entry)
        for peer in wanted:
            self._eager[peer] = True
        return tuple(Graft(peer, tuple(ids)) for peer, ids in wanted.items())

    def _ask_next(self, id: EntryHash, now: float) -> DeviceId | None:
        """Move a due id on to the announcer that has left the fewest asked ids unanswered: one
        that announces everything first and has nothing costs one wait, not one for each id."""
        missing = self._missing.pop(id)
        if missing.asked is not None:
            self._count(missing.asked, -1)
        if not missing.announcers:
            return None
        peer = min(missing.announcers, key=lambda announcer: self._unanswered.get(announcer, 0))
        missing.announcers.remove(peer)
        missing.asked = peer
        missing.due = now + limits.GRAFT_AFTER_S
        self._missing[id] = missing
        return peer

    def _drop(self, id: EntryHash) -> None:
        missing = self._missing.pop(id, None)
        if missing is None:
            return
        for peer in missing.announcers:
            self._count(peer, -1)
        if missing.asked is not None:
            self._count(missing.asked, -1)

    def _count(self, peer: DeviceId, change: int) -> None:
        count = self._announced.get(peer, 0) + change
        if count:
            self._announced[peer] = count
        else:
            self._announced.pop(peer, None)
