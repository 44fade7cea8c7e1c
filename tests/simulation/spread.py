"""How entries spread over the program's own overlays and trees, in virtual time: of a network of
many nodes only these parts, so that hundreds of them cost little."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from p2pchat.model.ids import DeviceId, EntryHash
from p2pchat.protocol.hashing import device_id_of
from p2pchat.protocol.overlay import NETWORK, Overlay
from p2pchat.protocol.plumtree import Duplicate, Graft, Plumtree, Push

MESSAGES = 10
GATHER_S = 0.05
"""How long a node gathers announcements for a neighbour."""


@dataclass
class Spread:
    """What became of one message."""

    copies: int = 0
    hops: dict[DeviceId, int] = field(default_factory=dict)
    took: float = 0.0
    """Seconds until the last one had it (while it runs: when that was)."""


class Node:
    def __init__(self, own: DeviceId, everyone: list[DeviceId]) -> None:
        self.own = own
        self.overlay = Overlay(own)
        for device in everyone:
            self.overlay.online(device)
        self.tree = Plumtree()
        self.alive = True


class Network:
    def __init__(self, nodes: int, rng: random.Random) -> None:
        self.rng = rng
        self.now = 0.0
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0
        self.spread: dict[EntryHash, Spread] = {}
        ids = [device_id_of(rng.randbytes(32)) for _ in range(nodes)]
        self.nodes = {device: Node(device, ids) for device in ids}
        for node in self.nodes.values():
            node.tree.update(node.overlay.neighbours(NETWORK), self.nodes, mesh=False)
        self._delays: dict[tuple[DeviceId, DeviceId], float] = {}

    def at(self, delay: float, action: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._queue, (self.now + delay, self._count, action))

    def run(self, seconds: float) -> None:
        end = self.now + seconds
        while self._queue and self._queue[0][0] <= end:
            self.now, _, action = heapq.heappop(self._queue)
            action()
        self.now = end

    def delay(self, one: DeviceId, other: DeviceId) -> float:
        pair = (min(one, other), max(one, other))
        if pair not in self._delays:
            self._delays[pair] = self.rng.uniform(0.0005, 0.003)
        return self._delays[pair] + self.rng.uniform(0, 0.001)

    def deliver(
        self, source: Node, target: DeviceId, action: Callable[[Node], None], extra: float = 0.0
    ) -> None:
        def arrive() -> None:
            if self.nodes[target].alive:
                action(self.nodes[target])

        self.at(self.delay(source.own, target) + extra, arrive)

    # -- what the nodes do

    def publish(self, author: Node) -> Spread:
        """One message, and the time that it takes to all."""
        started = self.now
        spread = self.begin(author)
        self.run(5.0)
        spread.took = max(0.0, spread.took - started)
        return spread

    def begin(self, author: Node) -> Spread:
        entry = EntryHash(self.rng.randbytes(32))
        spread = self.spread[entry] = Spread()
        spread.hops[author.own] = 0
        self.push(author, entry, author.tree.originate(entry))
        return spread

    def push(self, node: Node, id: EntryHash, push: Push) -> None:
        for peer in push.eager:
            self.send(node, peer, id, push.hops)
        for peer in push.lazy:
            self.announce(node, peer, id, push.hops)

    def send(self, node: Node, peer: DeviceId, id: EntryHash, hops: int) -> None:
        self.deliver(node, peer, lambda other: self.received(other, id, node.own, hops))

    def received(self, node: Node, id: EntryHash, source: DeviceId, hops: int) -> None:
        spread = self.spread[id]
        spread.copies += 1
        outcome = node.tree.received(id, source, hops)
        if isinstance(outcome, Duplicate):
            if outcome.prune:
                self.deliver(node, source, lambda other: other.tree.pruned(node.own))
            return
        spread.hops[node.own] = hops
        spread.took = self.now
        self.push(node, id, outcome)

    def announce(self, node: Node, peer: DeviceId, id: EntryHash, hops: int) -> None:
        def arrive(other: Node) -> None:
            for graft in other.tree.announced([(id, hops)], node.own, self.now):
                self.graft(other, graft)
            self.arm(other)

        self.deliver(node, peer, arrive, GATHER_S)

    def arm(self, node: Node) -> None:
        due = node.tree.next_deadline()
        if due is not None:
            self.at(max(0.0, due - self.now), lambda: self.tick(node))

    def tick(self, node: Node) -> None:
        for graft in node.tree.tick(self.now):
            self.graft(node, graft)
        self.arm(node)

    def graft(self, node: Node, graft: Graft) -> None:
        def grafted(other: Node) -> None:
            other.tree.grafted(node.own)
            for entry in graft.ids:
                self.send(other, node.own, entry, other.tree.hops(entry))

        self.deliver(node, graft.peer, grafted)
        if graft.prune is not None:
            self.deliver(node, graft.prune, lambda other: other.tree.pruned(node.own))

    def fail(self, share: float) -> None:
        for node in self.rng.sample(list(self.nodes.values()), round(len(self.nodes) * share)):
            node.alive = False


@dataclass
class Result:
    copies: float
    """Payloads received by a node of a message, on average; the author's not counted."""
    hops: int
    """The longest way."""
    reached: float
    """Share of the living nodes that every message reached on average."""
    seconds: float
    """The slowest message."""


def measure(seed: int, nodes: int = 200, failed: float = 0.0, warm: int = 0) -> Result:
    """Ten messages (after `warm` others) of random authors; `failed`: die before the ten."""
    rng = random.Random(seed)
    network = Network(nodes, rng)
    for author in rng.sample(list(network.nodes.values()), warm):
        network.publish(author)
    network.fail(failed)
    alive = [node for node in network.nodes.values() if node.alive]
    spreads = [network.publish(author) for author in rng.sample(alive, MESSAGES)]
    total = len(alive) * MESSAGES
    return Result(
        copies=sum(spread.copies for spread in spreads) / (total - MESSAGES),
        hops=max(max(spread.hops.values()) for spread in spreads),
        reached=sum(len(spread.hops) for spread in spreads) / total,
        seconds=max(spread.took for spread in spreads),
    )
