"""The node's logic as one machine: inputs are its methods, effects are what `take` returns.

It has no socket, file, thread, clock or chance of its own. `advance` tells it the time before each
input. What entries bring about runs one way: `ingest` makes them durable, `_arrived` tells every
part.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from random import Random
from typing import Any

import msgspec

from p2pchat.config import limits
from p2pchat.config.settings import Settings
from p2pchat.events import ConversationChanged
from p2pchat.model.frame import RawFrame
from p2pchat.model.ids import DeviceId, FeedId, InstanceId, PeerId
from p2pchat.model.message import Member
from p2pchat.model.names import Looks
from p2pchat.model.people import Status
from p2pchat.model.records import Applied, PersonRow, PutMeta, StoredState, Write
from p2pchat.protocol import effects, wire
from p2pchat.protocol.announce import Device, is_address
from p2pchat.protocol.bodies import Bodies
from p2pchat.protocol.bulk import Bulk
from p2pchat.protocol.clocks import Clocks
from p2pchat.protocol.codes import Codes
from p2pchat.protocol.commands import Commands
from p2pchat.protocol.context import Context
from p2pchat.protocol.conversations import Conversation, Conversations
from p2pchat.protocol.direct import Directs
from p2pchat.protocol.directory import Directory
from p2pchat.protocol.dispatch import Dispatch
from p2pchat.protocol.files import Files
from p2pchat.protocol.gossip import Gossip
from p2pchat.protocol.hashing import network_tag, peer_id_of
from p2pchat.protocol.identity import Identity
from p2pchat.protocol.ingest import Arrival, Ingest, Road
from p2pchat.protocol.link import Link, LinkInfo
from p2pchat.protocol.links import Links
from p2pchat.protocol.membership import Membership
from p2pchat.protocol.overlay import Overlay
from p2pchat.protocol.people import People
from p2pchat.protocol.receipts import Receipts
from p2pchat.protocol.registrar.part import Registrar
from p2pchat.protocol.renewal import Renewal
from p2pchat.protocol.rooms import Rooms
from p2pchat.protocol.search import Search
from p2pchat.protocol.serving import Serving
from p2pchat.protocol.sharing import Sharing
from p2pchat.protocol.showing import Showing
from p2pchat.protocol.sync import Sync
from p2pchat.protocol.topology import Topology
from p2pchat.protocol.upkeep import Upkeep
from p2pchat.protocol.views import Views
from p2pchat.protocol.watch import Watch


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """What one start of a node is made of, besides what is stored."""

    network: str
    agent: str
    instance: InstanceId
    name: str
    """The display name where the store has none, or a new one was asked for."""
    code: str | None = None
    """The network code."""
    connect: tuple[tuple[str, int], ...] = ()
    willing: bool = False
    """To be the registrar, whatever the setting says."""
    appointing: bytes = b""
    """The seed of the appointing key, and its public half, which may be here alone."""
    appointed_by: bytes = b""
    delivers: bool = False
    """It is there to bring to others what this person has written, and for nothing else: it takes
    nothing of others, and doesn't lead."""
    rename: bool = False
    """`name` was asked for: it takes the place of the stored one."""


class Machine:
    queue_bytes = limits.QUEUE_BYTES

    def __init__(
        self,
        config: Config,
        state: StoredState,
        settings: Settings,
        rng: Random,
        looks: Looks,
    ) -> None:
        self.config = config
        self.instance = config.instance
        self.network = network_tag(config.network)
        self.identity = Identity(state.meta["person_seed"], state.meta["device_seed"])
        self._state: StoredState | None = state
        self._seen_before = state.devices
        self._port = 0
        self.ctx = Context(self.identity, self.network, settings, rng)
        self.conversations = Conversations()
        # A part that gets the machine finds the others there when it is called. One that gets
        # others is made after them; what it needs of later ones, it gets as a lambda.
        self.sharing = Sharing(self)
        self.showing = Showing(self)
        self.watch = Watch(self)
        self.renewal = Renewal(self)
        self.commands = Commands(self)
        self.upkeep = Upkeep(self)
        self._build_neighbourhood(state.persons, looks)
        self._build_entries(state.opens)
        self._build_conversing(looks)
        self.registrar = Registrar(self, state.meta, looks)
        self.files = Files(self)
        self.bulk = Bulk(
            self.ctx,
            self.links,
            self.directory,
            self.files.exchange.is_idle,
            self.topology.tunnel_again,
        )
        self.views = Views(self.conversations, self.people, self.receipts.shown, self.files.info)
        self.dispatch = Dispatch(self)

    def _build_neighbourhood(self, persons: Iterable[PersonRow], looks: Looks) -> None:
        """Who else is in the network, and the links to them."""
        ctx, config = self.ctx, self.config
        self.links = Links(
            ctx, self, self.instance, config.agent, config.code is not None, lambda: self._port
        )
        self.clocks = Clocks(ctx, self.links)
        self.codes = Codes(self)
        self.people = People(
            self.identity.peer_id,
            "",
            persons,
            looks,
            lambda digest: self.directory.avatar_of(digest),
        )
        self.overlay = Overlay(self.identity.device_id)
        self.directory = Directory(
            ctx,
            self.links,
            self.people,
            self.overlay,
            self,
            self.instance,
            lambda: self.rooms.own_rooms(),
        )
        if config.delivers:
            self.directory.status = Status.AWAY
        self.topology = Topology(ctx, self.links, self.overlay, self.directory, self.people.shown)

    def _build_entries(self, opens: Mapping[FeedId, bytes]) -> None:
        """How entries come in, are compared with what others have, and go on to them."""
        ctx, send, sharing = self.ctx, self.links.send, self.sharing
        authors: dict[FeedId, PeerId] = {feed: peer_id_of(key) for feed, key in opens.items()}
        self.ingest = Ingest(
            ctx, authors, self.clocks, sharing.refuses, self.showing.coming, self._arrived
        )
        search = Search(
            ctx,
            send,
            lambda conversation: [link.id for link in sharing.audience(conversation)],
            self._searched,
        )
        self.sync = Sync(
            ctx,
            self.ingest,
            send,
            self.watch.own_tip_claimed,
            sharing.is_sated,
            sharing.shared,
            search,
        )
        self.serving = Serving(ctx, send, sharing.shared, sharing.introduce)
        self.bodies = Bodies(ctx, sharing.audience, self.sync.refetch)
        self.gossip = Gossip(ctx, self.links, sharing.neighbours, sharing.shared)

    def _build_conversing(self, looks: Looks) -> None:
        """Rooms and direct conversations, and who has what of them."""
        ctx, conversations, links, sharing = self.ctx, self.conversations, self.links, self.sharing
        self.receipts = Receipts(
            ctx, links, self.ingest.author, sharing.audience, sharing.member_count
        )
        self.membership = Membership(conversations, links)
        self.rooms = Rooms(
            ctx, conversations, links, self.ingest, self.codes.proofs, self.codes.ends, self, looks
        )
        self.directs = Directs(
            ctx,
            conversations,
            links,
            self.ingest,
            self.people,
            self.receipts,
            sharing.begin,
            sharing.end,
            sharing.forget,
        )

    # -- the frame of every input

    def advance(self, now: float, wall_ms: int) -> None:
        self.ctx.turn += 1
        self.ctx.now = now
        self.ctx.wall_ms = wall_ms

    def take(self) -> list[effects.Effect]:
        """The effects of what was told since the last time."""
        self.gossip.flush()
        self.sync.flush()
        self.files.exchange.flush()
        return self.ctx.take()

    def deadline(self) -> float | None:
        """When `tick` is due."""
        return self.ctx.deadline()

    def tick(self) -> None:
        self.ctx.fire()

    def number(self) -> int:
        return self.ctx.number()

    def resume(self, query: int, result: Any) -> None:
        self.ctx.resume(query, result)

    def committed(self, batches: Sequence[tuple[int, Applied]]) -> None:
        for batch, applied in batches:
            self.ctx.resume(batch, applied)

    def commit_failed(self, batch: int, reason: str) -> None:
        self.ctx.fail(batch, reason)

    def store_failed(self, reason: str, text: str) -> None:
        self.watch.store_failed(reason, text)

    # -- start and end

    def start(self) -> None:
        """Take everything up from the store. Links may open afterwards."""
        state = self._state
        assert state is not None, "a machine starts once"
        self._state = None
        self.conversations.load(state, self.clocks.bound())
        self.receipts.load(state.receipts, self.conversations)
        self._load_profile(state)
        self.registrar.load()
        self.rooms.load()
        self.directs.load()
        self.codes.start(self.config.code)
        self.files.load(state.files)
        for conversation in self.conversations.mine():
            if not conversation.direct and conversation is not self.rooms.lobby:
                self.overlay.join(conversation.id, ())
            self.gossip.update(conversation)
            # What had come and wasn't shown yet when the power went.
            self.ingest.disclose(conversation)
        self.upkeep.start()
        self.directory.refresh()

    def _load_profile(self, state: StoredState) -> None:
        directory = self.directory
        avatar = state.meta.get("avatar", b"")
        known = directory.load_profile(state.meta.get("profile", b""), avatar)
        if not known or self.config.rename:
            note = directory.profile.record.note if known else ""
            image = directory.own_avatar() if known else b""
            writes: list[Write] = [*directory.set_profile(self.config.name, note, image)]
            writes.append(PutMeta("person_id", self.identity.peer_id.encode()))
            self.ctx.commit(writes)
        self.people.rename_self(directory.profile.record.name)

    def listening(self, addresses: Sequence[tuple[str, int]]) -> None:
        """Links are accepted here now, and may be dialled."""
        self._port = addresses[0][1] if addresses else 0
        self.topology.load(self._seen_before, self.config.connect)
        self.registrar.start()

    def stop(self) -> None:
        self.registrar.stop()
        self.directory.leave()
        self.links.goodbye()
        self.receipts.save()

    # -- the transport's inputs

    def link_opened(self, link: int, info: LinkInfo, token: int | None) -> None:
        if token is not None and self.bulk.opened(token):
            self.links.opened(link, info, token, bulk=True)
            return
        if token is not None:
            self.topology.opened(token, info)
        self.links.opened(link, info, token)

    def link_frames(self, link: int, frames: Sequence[RawFrame]) -> None:
        self.links.frames(link, frames)

    def link_closed(self, link: int, reason: str) -> None:
        self.links.closed(link, reason)

    def link_choked(self, link: int) -> None:
        if (found := self.links.get(link)) is not None:
            found.choked = True

    def link_drained(self, link: int) -> None:
        """What was not pushed meanwhile comes by comparing."""
        found = self.links.get(link)
        if found is None or not found.choked:
            return
        found.choked = False
        self.serving.drained(link)
        self.registrar.link_drained(found)
        for conversation in self.conversations:
            if found.up and self.sharing.shared(link, conversation):
                self.sync.greet(link, conversation)

    def dial_failed(self, token: int, address: tuple[str, int], reason: str) -> None:
        if self.bulk.dial_failed(token):
            self.topology.tunnel_ended(token)
        else:
            self.topology.dial_failed(token, reason)

    def link_trouble(self, reason: str, address: tuple[str, int]) -> None:
        if reason == "bad-certificate":
            self.watch.stranger_lied(address[0])

    def tunnel_data(self, token: int, data: bytes) -> None:
        self.topology.tunnel_data(token, data)

    def found(self, source: str, device: str, addresses: Sequence[tuple[str, int]]) -> None:
        self.topology.found(source, device, addresses)

    def network_changed(self, why: str, addresses: Sequence[tuple[str, int]]) -> None:
        # A link-local address means nothing on another machine.
        tellable = (address for address in addresses if is_address(*address))
        self.directory.addresses = tuple(tellable)
        self.directory.tell()
        if why != "start":
            self.links.probe()
            self.topology.network_changed()

    # -- LinkEvents

    def link_frame(self, link: Link, frame: wire.Frame) -> None:
        self.dispatch.frame(link, frame)

    def link_proving(self, link: Link) -> None:
        self.codes.prove(link)

    def link_refused(self, link: Link, reason: str) -> None:
        self.watch.link_refused(link, reason)

    def twin_found(self, instance: InstanceId) -> None:
        self.watch.twin_found(instance)

    def link_up(self, link: Link) -> None:
        self.watch.check_clock(link)
        writes = self.directory.linked(link)
        self.ctx.commit(writes)
        self.topology.link_up(link)
        self.directory.greet(link)
        self.sharing.begin(link, self.rooms.lobby)
        device = self.directory.device(link.device)
        if device is not None:
            self.sharing.begin_rooms(link, device)
        self.directs.link_up(link)
        self.rooms.link_up()
        self.registrar.link_up(link)

    def link_down(self, link: Link, reason: str) -> None:
        self.sharing.link_down(link)
        self.directory.unlinked(link, reason == "leaving")
        self.topology.link_down(link)
        self.sync.link_closed(link.id)
        self.serving.link_closed(link.id)
        self.codes.proofs.link_closed(link.id)
        self.directs.link_down(link)
        self.registrar.link_down(link)
        self.sharing.update_trees()

    def link_failed(self, link: Link, reason: str) -> None:
        """A connection that never became a link is over."""
        self.codes.proofs.link_closed(link.id)
        self.topology.link_down(link)

    def bulk_up(self, link: Link) -> None:
        self.bulk.up(link)
        self.files.exchange.bulk_up(link)

    def bulk_down(self, link: Link) -> None:
        self.topology.tunnel_ended(link.token)
        self.files.exchange.bulk_down(link)

    def bulk_frame(self, link: Link, data: RawFrame) -> None:
        self.files.exchange.frame(link, data)

    # -- entries

    def _arrived(self, arrival: Arrival) -> None:
        """Entries are durable: the one place that tells every part of it."""
        conversation = arrival.conversation
        if arrival.road is not Road.WRITTEN:
            self.watch.arrived(arrival)
        self.gossip.arrived(arrival)
        self.sync.arrived(arrival)
        self.bodies.arrived(arrival)
        self.receipts.arrived(arrival)
        self.directs.arrived(arrival)
        self.topology.arrived(arrival)
        if self.sync.idle(conversation) and conversation.caught_up():
            conversation.saw_all(self.ctx.now)
        self.files.arrived(arrival)
        self.showing.arrived(arrival)

    def _searched(
        self, conversation: Conversation, links: Sequence[int], feeds: Iterable[FeedId]
    ) -> None:
        """Nobody who is linked has what is missing: what is here is all there is."""
        conversation.saw_all(self.ctx.now)
        for id in links:
            link = self.links.get(id)
            if link is not None:
                self.receipts.greet(link, conversation)
        self.receipts.changed(conversation, feeds)

    # -- DirectoryEvents

    def device_changed(self, device: Device, before: Device | None) -> None:
        self.rooms.device_changed(device, before)
        self.registrar.device_changed(device, before)
        new = {room.id for room in device.rooms}
        old = {room.id for room in before.rooms} if before else set()
        for id in new - old:
            conversation = self.conversations.get(id)
            if conversation is not None and conversation.mine and not conversation.direct:
                self.overlay.member_added(id, device.id)
        for id in old - new:
            conversation = self.conversations.get(id)
            if conversation is not None and conversation.mine and not conversation.direct:
                self.overlay.member_removed(id, device.id)
        self.topology.device_changed(device)
        link = self.links.of(device.id)
        if link is not None and device.status is not Status.OFFLINE:
            self.sharing.begin_rooms(link, device)
        for id in old - new:
            conversation = self.conversations.get(id)
            if conversation is not None and link is not None:
                self.sharing.end(link, conversation)
        if before is None or old != new or device.status is Status.OFFLINE:
            self.sharing.update_trees()

    def device_gone(self, device: DeviceId) -> None:
        self.rooms.device_gone(device)
        self.topology.update()
        self.sharing.update_trees()

    def device_unreachable(self, device: DeviceId) -> None:
        self.registrar.leading.unreachable(device)

    # -- RoomEvents

    def room_entering(self, conversation: Conversation) -> None:
        # At once: records of those who are in it may come in at any time.
        self.overlay.join(conversation.id, self.rooms.devices_in(conversation))
        self.topology.update()

    def room_entered(self, conversation: Conversation) -> None:
        self.gossip.update(conversation)
        self.directory.tell()
        for link in self.links.up():
            device = self.directory.device(link.device)
            if device is not None:
                self.sharing.begin_rooms(link, device)
        self.ctx.notify(ConversationChanged(conversation.label))

    def room_leaving(self, conversation: Conversation) -> None:
        self.files.leaving(conversation)

    def room_left(self, conversation: Conversation) -> None:
        self.sharing.forget(conversation)
        self.overlay.leave(conversation.id)
        self.directory.tell()
        self.ctx.notify(ConversationChanged(conversation.label))

    def demand(self, device: DeviceId) -> None:
        self.topology.demand(device)

    def members_of(self, conversation: Conversation) -> list[Member]:
        return self.commands.members_of(conversation)
