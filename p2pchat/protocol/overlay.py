"""Who should be linked: a full mesh of a small network, a bounded random graph of a large one.

The bounded graph is the union of `limits.RINGS` Hamiltonian cycles, each in the order of a hash
of its own (Law and Siu: "Distributed Construction of Random Expander Networks", INFOCOM 2003). It
is connected as long as the views agree, and each node has at most two links a ring. There is one
graph for the network and one for each room over its members who are online; links are the union.

Nodes may differ in their views and modes, so a link that one side wants is kept by the other: what
is superfluous is closed by the side that dialled it, and by the other only above a cap.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

import msgspec
from blake3 import blake3

from p2pchat.config import limits
from p2pchat.model.ids import DeviceId
from p2pchat.protocol.hashing import digest

NETWORK = b""
"""The graph of everyone who is online."""


class Mode(Enum):
    MESH = "mesh"
    BOUNDED = "bounded"


class Update(msgspec.Struct, frozen=True):
    """How the wanted links have changed."""

    added: tuple[DeviceId, ...]
    removed: tuple[DeviceId, ...]


class _Rings:
    """The cycles of one graph. A change costs a few bisections, a look-up as many."""

    def __init__(self, graph: bytes) -> None:
        self._keys = tuple(
            digest("p2pchat 1 ring", graph, bytes([number])) for number in range(limits.RINGS)
        )
        self._rings: tuple[list[tuple[bytes, DeviceId]], ...] = tuple([] for _ in self._keys)

    def __len__(self) -> int:
        return len(self._rings[0])

    def _places(self, device: DeviceId) -> Iterable[tuple[list[tuple[bytes, DeviceId]], bytes]]:
        name = device.encode()
        for ring, key in zip(self._rings, self._keys, strict=True):
            yield ring, blake3(name, key=key).digest(length=8)

    def add(self, device: DeviceId) -> None:
        for ring, place in self._places(device):
            insort(ring, (place, device))

    def remove(self, device: DeviceId) -> None:
        for ring, place in self._places(device):
            del ring[bisect_left(ring, (place, device))]

    def beside(self, device: DeviceId) -> tuple[DeviceId, ...]:
        """Successor and predecessor on each ring, in the order of the rings."""
        found: dict[DeviceId, None] = {}
        for ring, place in self._places(device):
            at = bisect_left(ring, (place, device))
            found[ring[(at + 1) % len(ring)][1]] = None
            found[ring[at - 1][1]] = None
        found.pop(device, None)
        return tuple(found)


class _Graph:
    """The network, or one room: its members here and elsewhere, and the rings of those online."""

    def __init__(self, id: bytes, members: set[DeviceId] | None) -> None:
        self.members = members
        """None: everyone."""
        self.online: set[DeviceId] = set()
        self.rings = _Rings(id)
        self._beside: tuple[DeviceId, ...] | None = None

    def add(self, device: DeviceId) -> bool:
        if device in self.online or (self.members is not None and device not in self.members):
            return False
        self.online.add(device)
        self.rings.add(device)
        self._beside = None
        return True

    def remove(self, device: DeviceId) -> bool:
        if device not in self.online:
            return False
        self.online.remove(device)
        self.rings.remove(device)
        self._beside = None
        return True

    def beside(self, own: DeviceId) -> tuple[DeviceId, ...]:
        if self._beside is None:
            self._beside = self.rings.beside(own) if own in self.online else ()
        return self._beside


@dataclass(slots=True)
class _Link:
    dialled: bool
    """By this device."""
    useful_at: float
    """When it was last wanted or used."""


class Overlay:
    """The links that one device wants. Times are monotonic seconds.

    After any change call `update`; dial what it adds. Close what `superfluous` returns, and ask
    again at `next_deadline`.
    """

    def __init__(self, own: DeviceId) -> None:
        self._own = own
        self._network = _Graph(NETWORK, None)
        self._graphs: dict[bytes, _Graph] = {NETWORK: self._network}
        self._links: dict[DeviceId, _Link] = {}
        self._demands: dict[DeviceId, float] = {}
        """Until when a link on demand is wanted."""
        self._wanted: frozenset[DeviceId] = frozenset()
        self._mode = Mode.MESH
        self._dirty = False
        self._deadline: float | None = None
        self._deadline_stale = False
        self.online(own)

    # -- who is there

    def online(self, device: DeviceId) -> None:
        """The device is on line, as its record says, or its link."""
        for graph in self._graphs.values():
            self._dirty |= graph.add(device)
        if len(self._network.online) > limits.MESH_UP:
            self._mode = Mode.BOUNDED

    def offline(self, device: DeviceId) -> None:
        if device == self._own:
            return
        for graph in self._graphs.values():
            self._dirty |= graph.remove(device)
        if len(self._network.online) < limits.MESH_DOWN:
            self._mode = Mode.MESH

    @property
    def size(self) -> int:
        """Devices on line, this one included."""
        return len(self._network.online)

    def is_online(self, device: DeviceId) -> bool:
        return device in self._network.online

    def join(self, graph: bytes, members: Iterable[DeviceId]) -> None:
        """This device is a member of a room; `members` are the devices of all its members."""
        room = self._graphs[graph] = _Graph(graph, {self._own, *members})
        assert room.members is not None
        for device in room.members & self._network.online:
            room.add(device)
        self._dirty = True

    def leave(self, graph: bytes) -> None:
        if graph != NETWORK and self._graphs.pop(graph, None) is not None:
            self._dirty = True

    def member_added(self, graph: bytes, device: DeviceId) -> None:
        """Nothing happens for a room that this device isn't in (yet)."""
        room = self._graphs.get(graph)
        if room is None or room.members is None:
            return
        room.members.add(device)
        if device in self._network.online:
            self._dirty |= room.add(device)

    def member_removed(self, graph: bytes, device: DeviceId) -> None:
        room = self._graphs.get(graph)
        if room is not None and room.members is not None and device != self._own:
            room.members.discard(device)
            self._dirty |= room.remove(device)

    def demand(self, device: DeviceId, now: float) -> None:
        """Something for this device alone: link to it, until idle for limits.IDLE_LINK_S."""
        if device == self._own:
            return
        self._dirty |= device not in self._demands
        self._demands[device] = now + limits.IDLE_LINK_S
        self._deadline_stale = True

    # -- what follows

    def mode(self, graph: bytes = NETWORK) -> Mode:
        """A room is a mesh within a mesh, or with no more members than the rings' degree allows."""
        found = self._graphs.get(graph)
        small = found is None or len(found.online) <= 2 * limits.RINGS + 1
        return Mode.MESH if small or self._mode is Mode.MESH else Mode.BOUNDED

    def neighbours(self, graph: bytes = NETWORK) -> tuple[DeviceId, ...]:
        """Whom to spread a graph's entries to: the neighbours on its rings in their order; in a
        mesh all others after them. Linked or not. None for a room that this device isn't in."""
        found = self._graphs.get(graph)
        if found is None:
            return ()
        beside = found.beside(self._own)
        if self.mode(graph) is Mode.BOUNDED:
            return beside
        return beside + tuple(sorted(found.online.difference(beside, (self._own,))))

    @property
    def wanted(self) -> frozenset[DeviceId]:
        """As of the last `update`."""
        return self._wanted

    def update(self, now: float) -> Update | None:
        """Take in what has changed; None where the wanted links are the same."""
        expired = [device for device, until in self._demands.items() if until <= now]
        for device in expired:
            del self._demands[device]
            self._deadline_stale = True
        if not (self._dirty or expired):
            return None
        self._dirty = False
        wanted = self._compute()
        added, removed = wanted - self._wanted, self._wanted - wanted
        if not (added or removed):
            return None
        for device in removed:
            link = self._links.get(device)
            if link is not None and device not in expired:
                link.useful_at = now
        self._wanted = wanted
        self._deadline_stale = True
        return Update(tuple(sorted(added)), tuple(sorted(removed)))

    def _compute(self) -> frozenset[DeviceId]:
        wanted = set(self._demands)
        if self._mode is Mode.MESH:
            wanted |= self._network.online
        else:
            for graph in self._graphs:
                wanted.update(self.neighbours(graph))
        wanted.discard(self._own)
        return frozenset(wanted)

    # -- links

    def linked(self, device: DeviceId, dialled: bool, now: float) -> None:
        """A link is up; `dialled`: by this device."""
        self._links[device] = _Link(dialled, now)
        self._deadline_stale = True

    def unlinked(self, device: DeviceId) -> None:
        self._links.pop(device, None)
        self._deadline_stale = True

    def used(self, device: DeviceId, now: float) -> None:
        """A link that is there on demand carried something for its peer alone."""
        if device in self._demands:
            self._demands[device] = now + limits.IDLE_LINK_S
        link = self._links.get(device)
        if link is not None:
            link.useful_at = now

    def keep(self, device: DeviceId) -> bool:
        """Whether this side wants the link."""
        return device in self._wanted

    def _unwanted(self) -> Mapping[DeviceId, _Link]:
        return {device: link for device, link in self._links.items() if device not in self._wanted}

    def superfluous(self, now: float) -> tuple[DeviceId, ...]:
        """Links to close: dialled here, not wanted and idle; and of the accepted ones that are
        not wanted here those above limits.DEGREE_CAP, the longest idle first. The cap isn't held
        while the other side may well be in a full mesh. Ask after an accepted link, too.
        What is returned counts as closed."""
        self._deadline_stale = True
        unwanted = self._unwanted()
        close = [
            device
            for device, link in unwanted.items()
            if link.dialled and link.useful_at + limits.IDLE_LINK_S <= now
        ]
        if len(self._network.online) > limits.MESH_UP:
            accepted = [device for device, link in unwanted.items() if not link.dialled]
            accepted.sort(key=lambda device: unwanted[device].useful_at, reverse=True)
            close += accepted[limits.DEGREE_CAP :]
        for device in close:
            del self._links[device]
        return tuple(close)

    def next_deadline(self) -> float | None:
        """When a demand ends or a link becomes superfluous; may be early, never late."""
        if self._deadline_stale:
            self._deadline_stale = False
            ends = list(self._demands.values())
            ends += [
                link.useful_at + limits.IDLE_LINK_S
                for link in self._unwanted().values()
                if link.dialled
            ]
            self._deadline = min(ends, default=None)
        return self._deadline
