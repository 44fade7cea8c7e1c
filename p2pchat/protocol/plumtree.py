"""How an entry spreads over the links of one conversation: Plumtree.

Leitão, Pereira, Rodrigues: "Epidemic Broadcast Trees", SRDS 2007. The payload goes over eager
links, which duplicates prune to a tree; ids go over the others and mend the tree. What differs:

* Of new links only the first `limits.EAGER_LINKS` of the overlay's order begin eager.
* A duplicate prunes its link only while the link of the first copy is eager itself, so that two
  messages that cross can't prune a node's last link.
* In a full mesh the author alone pushes. Whether that holds is the author's to say (0 hops), for
  others may see the overlay in another mode.
* The optimization of section 3.8 is for ways of more than `limits.LONG_WAY` hops alone: applied to
  all, with messages that cross it tears the tree faster than it shortens it.

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
    hops: int = 0
    """Goes with the payload: the links that it has crossed when it arrives. 0: the author reaches
    all members, nobody passes it on."""


class Duplicate(msgspec.Struct, frozen=True):
    """The payload was here. `prune`: answer with Prune."""

    prune: bool


class Graft(msgspec.Struct, frozen=True):
    """Ask `peer` to push from now on, and to send the payloads of `ids`; send Prune to `prune`."""

    peer: DeviceId
    ids: tuple[EntryHash, ...] = ()
    prune: DeviceId | None = None


@dataclass(slots=True)
class _Seen:
    source: DeviceId | None
    """Who brought it first; None: made here."""
    hops: int
    moved: bool = False
    """A shorter way than by `source` was taken up because of this id."""


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
        self._seen: dict[EntryHash, _Seen] = {}
        """Recent ids, oldest first."""
        self._missing: dict[EntryHash, _Missing] = {}
        """Soonest due first: every wait is equally long, and a new wait goes to the end."""
        self._announced: dict[DeviceId, int] = {}
        """How many of the missing ids each neighbour is an announcer of, or asked for."""
        self._unanswered: dict[DeviceId, int] = {}
        self._trial: set[DeviceId] = set()
        """Taken up for being shorter, and nothing new has come from them yet."""
        self._boasters: set[DeviceId] = set()
        """Those of them that left something to be asked for elsewhere."""

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
        self._trial.discard(peer)
        self._boasters.discard(peer)
        if self._announced.pop(peer, 0):
            for missing in self._missing.values():
                if peer in missing.announcers:
                    missing.announcers.remove(peer)
                if missing.asked == peer:
                    missing.asked = None

    # -- payloads

    def originate(self, id: EntryHash) -> Push:
        """An entry of this device's own."""
        self._remember(id, _Seen(None, 0))
        if self._complete:
            return Push(eager=tuple(self._eager))
        return Push(self.eager, self.lazy, hops=1)

    def received(self, id: EntryHash, source: DeviceId, hops: int) -> Push | Duplicate:
        """A payload that was found valid came over a link. What the store holds from before the
        memory of this class is the caller's to know: it calls `duplicate`."""
        if id in self._seen:
            return self.duplicate(id, source, hops)
        self._remember(id, _Seen(source, hops))
        self._trial.discard(source)
        missing = self._missing.get(id)
        if missing is not None:
            if missing.asked == source:
                self._unanswered.pop(source, None)
            self._drop(id)
        if hops <= 0:
            return Push()
        if source in self._eager:
            self._eager[source] = True
        return Push(
            eager=tuple(peer for peer in self.eager if peer != source),
            lazy=tuple(peer for peer in self.lazy if peer != source),
            hops=min(hops + 1, limits.HOPS),
        )

    def hops(self, id: EntryHash) -> int:
        """What goes with a payload that is sent again, because it was asked for."""
        seen = self._seen.get(id)
        return min(seen.hops + 1, limits.HOPS) if seen else 1

    def duplicate(self, id: EntryHash, source: DeviceId, hops: int) -> Duplicate:
        """A payload that is here came once more. What came by sync first prunes nothing: it says
        nothing of which link is the better one."""
        seen = self._seen.get(id)
        if seen is None or hops <= 0 or source == seen.source or source not in self._eager:
            return Duplicate(prune=False)
        if seen.source is not None and not self._eager.get(seen.source, False):
            return Duplicate(prune=False)
        self._eager[source] = False
        return Duplicate(prune=True)

    def _remember(self, id: EntryHash, seen: _Seen) -> None:
        self._seen[id] = seen
        if len(self._seen) > limits.SEEN_IDS:
            del self._seen[next(iter(self._seen))]

    # -- announcements

    def synced(self, ids: Iterable[EntryHash]) -> None:
        """Entries that came by sync: nobody need be asked for them."""
        if self._missing:
            for entry in ids:
                self._drop(entry)

    def announced(
        self, ids: Iterable[tuple[EntryHash, int]], source: DeviceId, now: float
    ) -> tuple[Graft, ...]:
        """A neighbour has these entries, and its copies would come by so many hops. Leave out
        those that the store holds, but for those of the last seconds."""
        if source not in self._eager:
            return ()
        grafts: list[Graft] = []
        quota = limits.MISSING_PER_PEER >> min(self._unanswered.get(source, 0), 9)
        for entry, hops in ids:
            if (seen := self._seen.get(entry)) is not None:
                grafts += self._shorten(seen, source, hops)
            elif self._announced.get(source, 0) < quota:
                self._await(entry, source, now)
        return tuple(grafts)

    def _shorten(self, seen: _Seen, source: DeviceId, hops: int) -> Iterable[Graft]:
        """Take up a shorter way. The new parent had the entry by fewer hops than this node, so
        the links stay a tree, whoever else moves because of this id."""
        old = seen.source
        if seen.hops <= limits.LONG_WAY or not 0 < hops < seen.hops:
            return ()
        if seen.moved or source in self._boasters or old is None or not self._eager.get(old):
            return ()
        seen.moved = True
        self._trial.add(source)
        self._eager[source] = True
        self._eager[old] = False
        return (Graft(source, prune=old),)

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
        if wanted:
            self._boasters |= self._trial
            self._trial.clear()
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
