"""The node's logic as one machine: inputs are its methods, effects are what `take` returns.

It has no socket, file, thread, clock or chance of its own. `advance` tells it the time before each
input. What entries bring about runs one way: `ingest` makes them durable, `_arrived` tells every
part.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import msgspec

from p2pchat.config import limits
from p2pchat.config.settings import Settings
from p2pchat.events import (
    ConversationChanged,
    MemberJoined,
    MemberLeft,
    MessageChanged,
    MessageReceived,
    PeerChanged,
    Typing,
    Warned,
)
from p2pchat.model.entry import EntryKind
from p2pchat.model.ids import ConversationId, DeviceId, FeedId, InstanceId, PeerId
from p2pchat.model.message import Member
from p2pchat.model.people import Status
from p2pchat.model.records import (
    Applied,
    ConversationKind,
    PutConversation,
    PutMeta,
    StoredState,
    Write,
)
from p2pchat.model.records import Prune as PruneOldest
from p2pchat.protocol import effects, wire
from p2pchat.protocol.announce import Device, is_address
from p2pchat.protocol.commands import Commands
from p2pchat.protocol.context import Context
from p2pchat.protocol.conversations import Conversation, Conversations, clock_limit
from p2pchat.protocol.direct import Directs
from p2pchat.protocol.directory import Directory
from p2pchat.protocol.gossip import Gossip
from p2pchat.protocol.hashing import network_tag, peer_id_of
from p2pchat.protocol.identity import Identity
from p2pchat.protocol.ingest import Arrival, Ingest, Road
from p2pchat.protocol.links import Link, LinkInfo, Links
from p2pchat.protocol.overlay import NETWORK, Mode, Overlay
from p2pchat.protocol.pake import Ends, Granted, Outcome, Party, PasswordProofs
from p2pchat.protocol.people import People
from p2pchat.protocol.receipts import Receipts
from p2pchat.protocol.rooms import Rooms
from p2pchat.protocol.sync import Sync
from p2pchat.protocol.topology import Topology
from p2pchat.protocol.views import Views

PRUNE_EVERY_S = 600.0
COMPARE_AFTER_S = 1.0
TYPING_AT_MOST_S = 0.5
"""Typing notices of one link that come faster are passed over."""
CLOCK_WARNED = "clock-off"
MAX_REFUSALS_TOLD = 100
_REFUSALS = {
    "wrong-code": "Somebody at {} is in this network but has another network code, or none.",
    "protocol": "Somebody at {} sent what isn't allowed; the link was closed.",
    "other-version": "Somebody at {} runs a version that doesn't go together with this one.",
}
"""What a person is told of a link that was refused, by reason."""


_DEAR = (wire.Digest, wire.Want, wire.Graft)
"""Frames whose answer is larger than they are: not for who doesn't read what was sent."""


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
        skeleton: Callable[[str], str],
    ) -> None:
        self.config = config
        self.instance = config.instance
        self.network = network_tag(config.network)
        self.identity = Identity(state.meta["person_seed"], state.meta["device_seed"])
        self._state: StoredState | None = state
        self._code_secret: bytes | None = None
        self._clock_warned: set[PeerId] = set()
        self._sharing: set[tuple[int, ConversationId]] = set()
        self._port = 0
        self._seen_before = state.devices
        self._bound_at = -1.0
        self._bound = 0
        self._leaving = False
        self._forks_told: set[FeedId] = set()
        self._refusals_told: set[tuple[DeviceId, str]] = set()
        self.ctx = ctx = Context(self.identity, self.network, settings, rng)
        self.conversations = Conversations()
        me = self.identity.peer_id
        self.links = Links(
            ctx, self, self.instance, config.agent, config.code is not None, lambda: self._port
        )
        self.people = People(
            me, "", state.persons, skeleton, lambda digest: self.directory.avatar_of(digest)
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
        opens: dict[FeedId, PeerId] = {feed: peer_id_of(key) for feed, key in state.opens.items()}
        self.ingest = Ingest(ctx, opens, self._clock_bound, self._refuses, self._arrived)
        self.sync = Sync(ctx, self.ingest, self.links.send, self.shared, self._own_tip_seen)
        self.gossip = Gossip(ctx, self.links, self._neighbours, self.shared)
        self.receipts = Receipts(
            ctx, self.links, self.ingest.author, self._audience, self._member_count
        )
        self.proofs = PasswordProofs(self.network, rng, self, ctx.compute, self.links.send)
        self.rooms = Rooms(
            ctx, self.conversations, self.links, self.ingest, self.proofs, self._ends, self
        )
        self.directs = Directs(
            ctx,
            self.conversations,
            self.links,
            self.ingest,
            self.people,
            self.receipts,
            self.begin_sharing,
            self._forget,
        )
        self.topology = Topology(ctx, self.links, self.overlay, self.directory, self.people.shown)
        self.views = Views(self.conversations, self.people, self.receipts.shown)
        self.commands = Commands(self)
        self._frames: dict[type, Callable[[Link, Any], None]] = {
            wire.Records: self.directory.on_records,
            wire.AvatarWanted: self.directory.on_avatar_wanted,
            wire.Avatar: self._on_avatar,
            wire.Push: self._on_push,
            wire.Receipt: self._on_receipt,
            wire.Typing: self._on_typing,
            wire.RoomProof: self._on_room_proof,
            wire.Pake: self._on_pake,
            wire.Direct: self.directs.on_direct,
            wire.DirectAnswer: self.directs.on_answer,
            wire.DialBack: self.topology.on_dial_back,
            wire.Tunnel: self.topology.on_tunnel,
        }
        self._shared_frames: dict[type, Callable[[Link, Conversation, Any], None]] = {
            wire.Digest: lambda link, c, frame: self.sync.on_digest(link.id, c, frame),
            wire.Vector: lambda link, c, frame: self.sync.on_vector(link.id, c, frame),
            wire.Want: lambda link, c, frame: self.sync.on_want(link.id, c, frame),
            wire.Batch: lambda link, c, frame: self.sync.on_batch(link.id, c, frame),
            wire.IHave: self.gossip.on_ihave,
            wire.Graft: self.gossip.on_graft,
            wire.Prune: lambda link, c, _: self.gossip.on_prune(link, c),
        }

    # -- the frame of every input

    def advance(self, now: float, wall_ms: int) -> None:
        self.ctx.now = now
        self.ctx.wall_ms = wall_ms

    def take(self) -> list[effects.Effect]:
        """The effects of what was told since the last time."""
        self.gossip.flush()
        self.sync.flush()
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
        self.ctx.notify(Warned(reason, text))

    # -- start and end

    def start(self) -> None:
        """Take everything up from the store. Links may open afterwards."""
        state = self._state
        assert state is not None, "a machine starts once"
        self._state = None
        self.conversations.load(state, self._clock_bound())
        self.receipts.load(state.receipts)
        self._load_profile(state)
        self.rooms.load()
        self.directs.load()
        if self.config.code is not None:
            self.ctx.compute(effects.Stretch(self.config.code, self.network), self._code_ready)
        for conversation in self.conversations.mine():
            if not conversation.direct and conversation is not self.rooms.lobby:
                self.overlay.join(conversation.id, ())
            self.gossip.update(conversation)
        self._digest_later()
        self.ctx.after(PRUNE_EVERY_S, self._prune)
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

    def stop(self) -> None:
        self.directory.leave()
        self.links.goodbye()
        self.receipts.save()

    # -- the transport's inputs

    def link_opened(self, link: int, info: LinkInfo, token: int | None) -> None:
        if token is not None:
            self.topology.opened(token, info)
        self.links.opened(link, info, token)

    def link_frames(self, link: int, frames: Sequence[bytes]) -> None:
        self.links.frames(link, frames)

    def link_closed(self, link: int, reason: str) -> None:
        self.links.closed(link, reason)

    def link_choked(self, link: int) -> None:
        found = self.links.get(link)
        if found is not None:
            found.choked = True

    def link_drained(self, link: int) -> None:
        """What was not pushed meanwhile comes by comparing."""
        found = self.links.get(link)
        if found is None or not found.choked:
            return
        found.choked = False
        for conversation in self.conversations:
            if found.up and self.shared(link, conversation):
                self.sync.greet(link, conversation)

    def dial_failed(self, token: int, address: tuple[str, int], reason: str) -> None:
        self.topology.dial_failed(token, reason)

    def link_trouble(self, reason: str, address: tuple[str, int]) -> None:
        if reason == "bad-certificate":
            self.ctx.notify(
                Warned("bad-certificate", f"{address[0]} showed keys that it couldn't prove")
            )

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

    def link_proving(self, link: Link) -> None:
        """The side with the smaller device id asks the other to prove the network code."""
        if self._code_secret is None:
            self.ctx.after(0.05, lambda: self.link_proving(link) if link.hello else None)
            return
        if self.identity.device_id > link.device:
            return

        def asked(outcome: Outcome) -> None:
            if isinstance(outcome, Granted):
                self.links.proven(link)
            else:
                self.link_refused(link, "wrong-code")
                self.links.close(link, "wrong-code")

        self.proofs.ask(link.id, b"", self._code_secret, self._ends(link), self.ctx.now, asked)
        self._expire_proofs()

    def _code_ready(self, secret: bytes | Exception) -> None:
        if isinstance(secret, bytes):
            self._code_secret = secret

    def link_up(self, link: Link) -> None:
        self._check_clock(link)
        writes = self.directory.linked(link)
        self.ctx.commit(writes)
        self.topology.link_up(link)
        self.directory.greet(link)
        self.begin_sharing(link, self.rooms.lobby)
        device = self.directory.device(link.device)
        if device is not None:
            self._share_rooms(link, device)
        self.directs.link_up(link)
        self.rooms.link_up()

    def link_down(self, link: Link, reason: str) -> None:
        self._sharing = {pair for pair in self._sharing if pair[0] != link.id}
        self.directory.unlinked(link, reason == "leaving")
        self.topology.link_down(link)
        self.sync.link_closed(link.id)
        self.proofs.link_closed(link.id)
        self.directs.link_down(link)
        self._update_trees()

    def link_frame(self, link: Link, frame: wire.Frame) -> None:
        handler = self._frames.get(type(frame))
        if handler is not None:
            handler(link, frame)
            return
        shared = self._shared_frames.get(type(frame))
        if shared is None:
            return
        if link.choked and isinstance(frame, _DEAR):
            return
        conversation = self._incoming(link, frame.conversation)  # type: ignore[union-attr]  # all of these frames have it
        if conversation is not None:
            shared(link, conversation, frame)

    def _incoming(self, link: Link, id: bytes) -> Conversation | None:
        """The conversation of a frame, where the peer may speak of it."""
        conversation = self.conversations.get(id) or self.directs.expected(link, id)
        if conversation is not None and self.shared(link.id, conversation):
            return conversation
        return None

    def link_failed(self, link: Link, reason: str) -> None:
        """A connection that never became a link is over."""
        self.proofs.link_closed(link.id)
        self.topology.link_down(link)

    def link_refused(self, link: Link, reason: str) -> None:
        """This side or the other doesn't want the link; people are told once of what they can
        mend."""
        text = _REFUSALS.get(reason)
        told = self._refusals_told
        if text is None or (link.device, reason) in told or len(told) >= MAX_REFUSALS_TOLD:
            return
        self._refusals_told.add((link.device, reason))
        self.ctx.notify(Warned(reason, text.format(link.info.address[0])))

    def twin_found(self, instance: InstanceId) -> None:
        """The profile runs twice: the one with the larger instance goes on as a new device."""
        if self.instance < instance:
            text = "This profile also runs elsewhere; the other one becomes a device of its own."
            self.ctx.notify(Warned("profile-runs-twice", text))
            return
        if self._leaving:
            return
        self._leaving = True
        text = "This profile also runs elsewhere; from now on this is a device of its own."
        self.ctx.notify(Warned("profile-runs-twice", text))
        writes: list[Write] = [PutMeta("device_seed", self.ctx.rng.randbytes(32))]
        for conversation in self.conversations:
            self.ingest.writer.retire(conversation)
            writes.append(PutConversation(conversation.row))
        self.ctx.commit(writes, lambda _: self.ctx.emit(effects.Restart()))

    def _check_clock(self, link: Link) -> None:
        off = link.offset_ms
        if abs(off) < limits.CLOCK_WARNING_MS or link.person in self._clock_warned:
            return
        self._clock_warned.add(link.person)
        minutes = abs(off) // 60_000
        way = "ahead of" if off > 0 else "behind"
        who = self.people.label(link.person)
        text = f"The clock of {who} is {minutes} minutes {way} this one's."
        self.ctx.notify(Warned(CLOCK_WARNED, text, peer_id=link.person))

    # -- what is shared with whom

    def shared(self, link: int, conversation: Conversation) -> bool:
        """Whether the peer may have, and is believed about, this conversation's entries."""
        found = self.links.get(link)
        if found is None or not found.up:
            return False
        row = conversation.row
        if row.kind == ConversationKind.DIRECT:
            me = self.identity.peer_id
            if found.person in row.peers:
                return not (conversation.mine and self._is_blocked(found.person, conversation))
            return conversation.mine and (
                found.person == me or self.directs.holds(found.device, conversation)
            )
        if not conversation.mine:
            return False
        if row.kind == ConversationKind.PROTECTED:
            return conversation.id in found.proven
        if conversation is self.rooms.lobby:
            return True
        device = self.directory.device(found.device)
        return device is not None and any(
            room.id == conversation.id for room in device.record.rooms
        )

    def _is_blocked(self, person: PeerId, conversation: Conversation) -> bool:
        other = self.directs.other(conversation)
        return self.people.blocked(person) or self.people.blocked(other)

    def begin_sharing(self, link: Link, conversation: Conversation) -> None:
        """From now on the peer and this node share the conversation: compare."""
        if not self.shared(link.id, conversation) or (link.id, conversation.id) in self._sharing:
            return
        self._sharing.add((link.id, conversation.id))
        self.gossip.update(conversation)
        self.sync.greet(link.id, conversation)
        self.receipts.greet(link, conversation)

    def _share_rooms(self, link: Link, device: Device) -> None:
        for room in device.record.rooms:
            conversation = self.conversations.get(room.id)
            if conversation is None or not conversation.mine or conversation.direct:
                continue
            if conversation.row.kind == ConversationKind.PROTECTED:
                self.rooms.prove(link, conversation)
            self.begin_sharing(link, conversation)

    def _neighbours(self, conversation: Conversation) -> tuple[Sequence[DeviceId], bool]:
        sharers = [link.device for link in self.links.up() if self.shared(link.id, conversation)]
        if conversation.direct:
            return sorted(sharers), True
        graph = NETWORK if conversation is self.rooms.lobby else conversation.id
        neighbours = self.overlay.neighbours(graph)
        if len(set(sharers).intersection(neighbours)) < limits.RINGS:
            # Neighbours that can't be reached, or were made up, don't leave a node alone.
            neighbours = tuple(dict.fromkeys((*neighbours, *sorted(sharers))))
        return neighbours, self.overlay.mode(graph) is Mode.MESH

    def _update_trees(self) -> None:
        for conversation in self.conversations:
            self.gossip.update(conversation)

    def _audience(self, conversation: Conversation) -> list[Link]:
        return [link for link in self.links.up() if self.shared(link.id, conversation)]

    def _member_count(self, conversation: Conversation) -> int:
        if conversation.direct:
            return 2
        if conversation is self.rooms.lobby:
            return self.overlay.size
        return sum(row.joined for row in conversation.members.values())

    def _forget(self, conversation: Conversation) -> None:
        self.sync.forget(conversation)
        self.gossip.forget(conversation)
        self._sharing = {pair for pair in self._sharing if pair[1] != conversation.id}

    def _ends(self, link: Link) -> Ends:
        own = Party(self.identity.peer_id, self.identity.device_id, link.info.own_leaf)
        peer = Party(link.person, link.device, link.info.peer_leaf)
        source = link.device if link.info.relayed else link.info.address[0]
        return Ends(own, peer, source)

    # -- entries

    def _clock_bound(self) -> int:
        if self._bound_at != self.ctx.now:
            self._bound_at = self.ctx.now
            self._bound = clock_limit(self.ctx.wall_ms, self.links.median_wall_ms())
        return self._bound

    def _refuses(self, author: PeerId, conversation: Conversation) -> bool:
        if not conversation.direct:
            return False
        if author not in conversation.row.peers:
            return True
        if not conversation.mine:
            return self.directs.full(conversation)
        return self.people.blocked(author)

    def _own_tip_seen(self, conversation: Conversation) -> None:
        """A peer shows an entry of this device's own feed that isn't here: a copy of the profile
        has written it, or this store was rolled back."""
        if conversation.row.own_feed is None:
            return
        self.ingest.writer.retire(conversation)
        text = (
            "Others have messages of this device that it doesn't have: the profile was copied or "
            "restored. It goes on in a new feed."
        )
        self.ctx.notify(Warned("feed-rolled-back", text, conversation=conversation.label))

    def _on_push(self, link: Link, frame: wire.Push) -> None:
        conversation = self._incoming(link, frame.conversation)
        if conversation is None:
            return
        if not self.links.allow(link, len(frame.entries)):
            self._compare_later(link, conversation)
            return

        def keep(checked: list[Any]) -> None:
            if len(checked) < len(frame.entries):
                self.link_refused(link, "protocol")
                self.links.close(link, "protocol")
                return
            known = self.ingest.take(conversation, checked, Road.PUSHED, link.id, frame.hops)
            if known:
                self.gossip.duplicates(conversation, link, known, frame.hops)

        self.sync.check(frame.entries, keep)

    def _compare_later(self, link: Link, conversation: Conversation) -> None:
        """What was pushed too fast, and dropped, comes by comparing."""
        if link.comparing:
            return
        link.comparing = True

        def compare() -> None:
            link.comparing = False
            if link.up and self.shared(link.id, conversation):
                self.sync.greet(link.id, conversation)

        self.ctx.after(COMPARE_AFTER_S, compare)

    def _arrived(self, arrival: Arrival) -> None:
        """Entries are durable: the one place that tells every part of it."""
        conversation = arrival.conversation
        if arrival.road is not Road.WRITTEN:
            self._watch_own_feeds(arrival)
        self.gossip.arrived(arrival)
        self.sync.arrived(arrival)
        self.receipts.arrived(arrival)
        self.directs.arrived(arrival)
        self.topology.arrived(arrival)
        if self.sync.idle(conversation) and conversation.complete():
            conversation.seen = max(conversation.seen, conversation.clock)
        if conversation.mine:
            self._show(arrival)

    def _watch_own_feeds(self, arrival: Arrival) -> None:
        own = self.identity.device.key
        for entry, _ in arrival.new():
            if entry.header.feed[:32] == own:
                self._own_tip_seen(arrival.conversation)
        for feed in {entry.header.feed for entry in arrival.entries}:
            spans = arrival.conversation.spans.get(feed, ())
            if sum(not span.bottom for span in spans) > 1:
                self._forked(arrival.conversation, feed)

    def _forked(self, conversation: Conversation, feed: FeedId) -> None:
        if feed in self._forks_told:
            return
        self._forks_told.add(feed)
        author = self.ingest.author(feed)
        who = self.people.label(author) if author else "Someone"
        text = f"{who} wrote two different histories from one device; both are shown."
        self.ctx.notify(
            Warned("forked-feed", text, peer_id=author, conversation=conversation.label)
        )

    def _show(self, arrival: Arrival) -> None:
        conversation = arrival.conversation
        live = arrival.road is not Road.SYNCED
        for entry, stored in arrival.new():
            if self.people.blocked(entry.author):
                continue
            if stored.message is not None:
                message = self.views.message(stored.message)
                self.ctx.notify(MessageReceived(message), origin=arrival.origin)
            if stored.changed is not None:
                changed = self.views.message(stored.changed)
                self.ctx.notify(MessageChanged(changed), origin=arrival.origin)
            if entry.header.kind in (EntryKind.JOIN, EntryKind.LEAVE) and live:
                self._tell_member(conversation, entry.author, entry.header.kind)

    def _tell_member(self, conversation: Conversation, person: PeerId, kind: int) -> None:
        if person != self.identity.peer_id:
            name = self.people.name(person)
            event = MemberJoined if kind == EntryKind.JOIN else MemberLeft
            self.ctx.notify(event(conversation.label, person, name))

    # -- other frames

    def _on_avatar(self, _link: Link, frame: wire.Avatar) -> None:
        person = self.directory.on_avatar(frame)
        if person is not None and person in self.people:
            self.ctx.notify(PeerChanged(self.people.peer(person)))

    def _on_receipt(self, link: Link, frame: wire.Receipt) -> None:
        conversation = self._incoming(link, frame.conversation)
        if conversation is not None and not self.people.blocked(link.person):
            self.receipts.on_receipt(link, conversation, frame)
            self.directs.received(conversation)

    def _on_typing(self, link: Link, frame: wire.Typing) -> None:
        conversation = self._incoming(link, frame.conversation)
        if conversation is None or not conversation.mine or self.people.blocked(link.person):
            return
        if self.ctx.now - link.typed_at >= TYPING_AT_MOST_S:
            link.typed_at = self.ctx.now
            self.ctx.notify(Typing(conversation.label, link.person))

    def _on_room_proof(self, link: Link, frame: wire.RoomProof) -> None:
        conversation = self.rooms.on_proof(link, frame)
        if conversation is not None:
            self.rooms.prove(link, conversation)
            self.begin_sharing(link, conversation)

    def _on_pake(self, link: Link, frame: wire.Pake) -> None:
        if not link.up and frame.conversation:
            return
        self.proofs.receive(link.id, frame, self._ends(link), self.ctx.now)
        self._expire_proofs()

    def _expire_proofs(self) -> None:
        due = self.proofs.deadline()
        if due is not None:
            self.ctx.after(max(0.0, due - self.ctx.now), lambda: self.proofs.expire(self.ctx.now))

    # -- pake.Answers

    def secret(self, link: int, conversation: bytes) -> bytes | None:
        return self.rooms.secret(conversation) if conversation else self._code_secret

    def proven(self, link: int, conversation: bytes) -> bytes:
        if conversation:
            return self.rooms.grant(conversation)
        found = self.links.get(link)
        if found is not None:
            # A turn later, so that the grant goes out before anything else does.
            self.ctx.after(0.0, lambda: self.links.proven(found))
        return b""

    def disproven(self, link: int, conversation: bytes) -> None:
        found = self.links.get(link)
        if found is not None and not conversation:
            self.link_refused(found, "wrong-code")
            self.ctx.after(0.0, lambda: self.links.close(found, "wrong-code"))

    # -- DirectoryEvents

    def device_changed(self, device: Device, before: Device | None) -> None:
        self.rooms.device_changed(device, before)
        new = {room.id for room in device.record.rooms}
        old = {room.id for room in before.record.rooms} if before else set()
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
            self._share_rooms(link, device)
        for id in old - new:
            conversation = self.conversations.get(id)
            if conversation is not None and link is not None:
                self._sharing.discard((link.id, conversation.id))
                link.proven.discard(conversation.id)
        if before is None or old != new or device.status is Status.OFFLINE:
            self._update_trees()

    def device_gone(self, device: DeviceId) -> None:
        self.rooms.device_gone(device)
        self.topology.update()
        self._update_trees()

    # -- RoomEvents

    def room_entered(self, conversation: Conversation) -> None:
        self.overlay.join(conversation.id, self.rooms.devices_in(conversation))
        self.topology.update()
        self.gossip.update(conversation)
        self.directory.tell()
        for link in self.links.up():
            device = self.directory.device(link.device)
            if device is not None:
                self._share_rooms(link, device)
        self.ctx.notify(ConversationChanged(conversation.label))

    def room_left(self, conversation: Conversation) -> None:
        for link in self.links.up():
            link.proven.discard(conversation.id)
        self._forget(conversation)
        self.overlay.leave(conversation.id)
        self.directory.tell()
        self.ctx.notify(ConversationChanged(conversation.label))

    def demand(self, device: DeviceId) -> None:
        self.topology.demand(device)

    def members_of(self, conversation: Conversation) -> list[Member]:
        return self.commands.members_of(conversation)

    # -- now and then

    def _digest_later(self) -> None:
        jitter = 1 + limits.DIGEST_JITTER * (2 * self.ctx.rng.random() - 1)
        self.ctx.after(limits.DIGEST_EVERY_S * jitter, self._compare)

    def _compare(self) -> None:
        """Compare every shared conversation with one random neighbour."""
        self._digest_later()
        links = self.links.up()
        if not links:
            return
        link = links[self.ctx.rng.randrange(len(links))]
        for conversation in self.conversations:
            if self.shared(link.id, conversation):
                self.sync.greet(link.id, conversation)
        self.directs.expire()

    def _prune(self) -> None:
        self.ctx.after(PRUNE_EVERY_S, self._prune)
        budget = self.ctx.settings.budget
        self.ctx.commit(
            [PruneOldest(conversation.id, budget) for conversation in self.conversations.mine()]
        )
