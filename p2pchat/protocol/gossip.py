"""Spreading new entries over the links of a conversation (`plumtree`), in frames."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from p2pchat.model.entry import WireEntry
from p2pchat.model.ids import ConversationId, DeviceId, EntryHash
from p2pchat.protocol import effects, wire
from p2pchat.protocol.context import Context, Timer
from p2pchat.protocol.conversations import Conversation
from p2pchat.protocol.ingest import Arrival, Road
from p2pchat.protocol.link import Link
from p2pchat.protocol.links import Links
from p2pchat.protocol.plumtree import Duplicate, Graft, Plumtree, Push

ANNOUNCE_DELAY_S = 0.1
"""How long ids are gathered before they are announced."""
IDS_PER_FRAME = 1000
GRAFTED_AT_ONCE = 64
"""Entries sent for one Graft; at their largest 1.5 MiB. Sync brings the rest."""
GRAFTS_READ = 8
"""Grafts of one link that are answered at once; sync brings the rest."""


class Gossip:
    def __init__(
        self,
        context: Context,
        links: Links,
        neighbours: Callable[[Conversation], tuple[Sequence[DeviceId], bool]],
        shared: Callable[[int, Conversation], bool],
    ) -> None:
        self._ctx = context
        self._links = links
        self._neighbours = neighbours
        """The devices to spread to, in the overlay's order, and whether they are all there are."""
        self._shared = shared
        self._trees: dict[ConversationId, Plumtree] = {}
        self._pushes: dict[tuple[ConversationId, tuple[DeviceId, ...], int], list[WireEntry]] = {}
        self._lazy: dict[tuple[DeviceId, ConversationId], list[tuple[EntryHash, int]]] = {}
        self._flush: Timer | None = None
        self._reading: dict[int, int] = {}
        """Grafts that are being answered, by link."""
        self._timers: dict[ConversationId, Timer] = {}

    # -- the tree of a conversation

    def update(self, conversation: Conversation) -> None:
        """Its neighbours, or the links to them, have changed."""
        neighbours, mesh = self._neighbours(conversation)
        linked = {
            device
            for device in neighbours
            if (link := self._links.of(device)) and self._shared(link.id, conversation)
        }
        tree = self._trees.setdefault(conversation.id, Plumtree())
        for graft in tree.update(neighbours, linked, mesh):
            self._graft(conversation.id, graft)

    def forget(self, conversation: Conversation) -> None:
        self._trees.pop(conversation.id, None)

    # -- entries that are durable here

    def arrived(self, arrival: Arrival) -> None:
        tree = self._trees.get(arrival.conversation.id)
        if tree is None:
            return
        if arrival.road is Road.SYNCED:
            tree.synced(entry.hash for entry in arrival.entries)
            return
        source = self._links.get(arrival.link) if arrival.link else None
        conversation = arrival.conversation.id
        for entry in arrival.entries:
            if arrival.road is Road.WRITTEN:
                push: Push | Duplicate = tree.originate(entry.hash)
            elif source is not None:
                push = tree.received(entry.hash, source.device, arrival.hops)
            else:
                continue
            if isinstance(push, Push):
                if push.eager:
                    group = (conversation, push.eager, push.hops)
                    self._pushes.setdefault(group, []).append(entry.wire)
                for device in push.lazy:
                    self._announce(device, conversation, (entry.hash, push.hops))

    def flush(self) -> None:
        """The end of a turn: what it brought about goes out in as few frames as it can."""
        pushes, self._pushes = self._pushes, {}
        for (conversation, devices, hops), entries in pushes.items():
            self._push(conversation, devices, hops, entries)

    def duplicates(
        self, conversation: Conversation, link: Link, known: Sequence[EntryHash], hops: int
    ) -> None:
        """Pushed entries that were here already: prune the link where that pays."""
        tree = self._trees.get(conversation.id)
        if tree is None:
            return
        answers = [tree.duplicate(hash, link.device, hops) for hash in known]
        if any(answer.prune for answer in answers):
            self._links.send(link.id, wire.Prune(conversation.id))

    def _push(
        self,
        conversation: ConversationId,
        devices: Sequence[DeviceId],
        hops: int,
        entries: list[WireEntry],
    ) -> None:
        links = [link for device in devices if (link := self._links.of(device)) and not link.choked]
        for part in wire.chunks(entries):
            self._links.send_all(links, wire.Push(conversation, part, hops))

    # -- ids

    def _announce(
        self, device: DeviceId, conversation: ConversationId, id: tuple[EntryHash, int]
    ) -> None:
        self._lazy.setdefault((device, conversation), []).append(id)
        if self._flush is None:
            self._flush = self._ctx.after(ANNOUNCE_DELAY_S, self._announce_all)

    def _announce_all(self) -> None:
        self._flush = None
        lazy, self._lazy = self._lazy, {}
        for (device, conversation), hashes in lazy.items():
            link = self._links.of(device)
            if link is None or link.choked:
                continue
            for start in range(0, len(hashes), IDS_PER_FRAME):
                part = tuple(hashes[start : start + IDS_PER_FRAME])
                self._links.send(link.id, wire.IHave(conversation, part))

    def on_ihave(self, link: Link, conversation: Conversation, frame: wire.IHave) -> None:
        tree = self._trees.get(conversation.id)
        if tree is None:
            return
        ids = [(hash, hops) for hash, hops in frame.entries if len(hash) == 32]
        for graft in tree.announced(ids, link.device, self._ctx.now):
            self._graft(conversation.id, graft)
        self._schedule(conversation.id, tree)

    def _schedule(self, conversation: ConversationId, tree: Plumtree) -> None:
        due = tree.next_deadline()
        if due is None or conversation in self._timers:
            return

        def fire() -> None:
            del self._timers[conversation]
            for graft in tree.tick(self._ctx.now):
                self._graft(conversation, graft)
            self._schedule(conversation, tree)

        self._timers[conversation] = self._ctx.after(max(0.0, due - self._ctx.now), fire)

    def _graft(self, conversation: ConversationId, graft: Graft) -> None:
        link = self._links.of(graft.peer)
        if link is not None:
            self._links.send(link.id, wire.Graft(conversation, graft.ids[:IDS_PER_FRAME]))
        pruned = self._links.of(graft.prune) if graft.prune else None
        if pruned is not None:
            self._links.send(pruned.id, wire.Prune(conversation))

    def on_graft(self, link: Link, conversation: Conversation, frame: wire.Graft) -> None:
        tree = self._trees.get(conversation.id)
        if tree is None:
            return
        tree.grafted(link.device)
        ids = tuple(hash for hash in frame.entries if len(hash) == 32)[:GRAFTED_AT_ONCE]
        if not ids or link.choked or self._reading.get(link.id, 0) >= GRAFTS_READ:
            return
        self._reading[link.id] = self._reading.get(link.id, 0) + 1

        def read(found: list[tuple[EntryHash, WireEntry]]) -> None:
            self._reading[link.id] -= 1
            if not self._reading[link.id]:
                del self._reading[link.id]
            if self._shared(link.id, conversation):
                for hash, entry in found:
                    self._push(conversation.id, (link.device,), tree.hops(hash), [entry])

        self._ctx.ask(lambda query: effects.ReadEntries(query, ids), read)

    def on_prune(self, link: Link, conversation: Conversation) -> None:
        tree = self._trees.get(conversation.id)
        if tree is not None:
            tree.pruned(link.device)
