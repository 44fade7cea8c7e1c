"""Where each kind of frame goes, once its link is up."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from p2pchat.events import PeerChanged, Typing
from p2pchat.protocol import wire
from p2pchat.protocol.conversations import Conversation
from p2pchat.protocol.entries import Checked
from p2pchat.protocol.hashing import entry_hash
from p2pchat.protocol.ingest import Road
from p2pchat.protocol.link import Link

if TYPE_CHECKING:
    from p2pchat.protocol.machine import Machine

COMPARE_AFTER_S = 1.0
TYPING_AT_MOST_S = 0.5
"""Typing notices of one link that come faster are passed over."""
_DEAR = (wire.Digest, wire.Graft)
"""Frames whose answer is larger than they are: not for who doesn't read what was sent."""


class Dispatch:
    def __init__(self, machine: Machine) -> None:
        self._m = m = machine
        self._frames: dict[type, Callable[[Link, Any], None]] = {
            wire.Records: m.directory.on_records,
            wire.AvatarWanted: m.directory.on_avatar_wanted,
            wire.Avatar: self._on_avatar,
            wire.Push: self._on_push,
            wire.Receipt: self._on_receipt,
            wire.Typing: self._on_typing,
            wire.RoomProof: self._on_room_proof,
            wire.Pake: m.codes.on_pake,
            wire.Direct: m.directs.on_direct,
            wire.DirectAnswer: m.directs.on_answer,
            wire.DialBack: m.topology.on_dial_back,
            wire.Tunnel: m.topology.on_tunnel,
            wire.Lease: m.registrar.leading.on_lease,
            wire.RecordSet: m.registrar.on_set,
            wire.RecordIds: m.registrar.on_ids,
            wire.RecordsWanted: m.registrar.on_wanted,
            wire.RegistryRecords: m.registrar.on_records,
            wire.Register: m.registrar.service.on_register,
            wire.Registered: m.registrar.on_registered,
            wire.Keep: m.registrar.service.on_keep,
            wire.VaultPart: m.registrar.vaulting.on_part,
            wire.VaultWanted: m.registrar.vaulting.on_wanted,
            wire.Kept: m.registrar.service.on_kept,
            wire.BulkBack: lambda link, _: m.bulk.on_bulk_back(link),
        }
        self._shared_frames: dict[type, Callable[[Link, Conversation, Any], None]] = {
            wire.Digest: lambda link, c, frame: m.sync.on_digest(link.id, c, frame),
            wire.Vector: lambda link, c, frame: m.sync.on_vector(link.id, c, frame),
            wire.Want: lambda link, c, frame: m.serving.on_want(link.id, c, frame),
            wire.Batch: lambda link, c, frame: m.sync.on_batch(link.id, c, frame),
            wire.IHave: m.gossip.on_ihave,
            wire.Graft: m.gossip.on_graft,
            wire.Prune: lambda link, c, _: m.gossip.on_prune(link, c),
            wire.FileReport: m.files.on_report,
        }

    def frame(self, link: Link, frame: wire.Frame) -> None:
        handler = self._frames.get(type(frame))
        if handler is not None:
            handler(link, frame)
            return
        shared = self._shared_frames.get(type(frame))
        if shared is None:
            return
        if link.choked:
            if isinstance(frame, _DEAR):
                return
            if isinstance(frame, wire.Vector):
                frame = replace(frame, answer=False)
        conversation = self._incoming(link, frame.conversation)  # type: ignore[union-attr]  # all of these frames have it
        if conversation is None:
            return
        if link.choked and isinstance(frame, wire.Want):
            self._m.serving.postpone(link.id, conversation, frame)
        else:
            shared(link, conversation, frame)

    def _incoming(self, link: Link, id: bytes) -> Conversation | None:
        """The conversation of a frame, where the peer may speak of it."""
        conversation = self._m.conversations.get(id) or self._m.directs.expected(link, id)
        if conversation is not None and self._m.sharing.shared(link.id, conversation):
            return conversation
        return None

    def _on_push(self, link: Link, frame: wire.Push) -> None:
        conversation = self._incoming(link, frame.conversation)
        if conversation is None:
            return
        if not self._m.links.allow(link, len(frame.entries)):
            self._compare_later(link, conversation)
            return

        hashes = [entry_hash(entry.header) for entry in frame.entries]
        # What is here needs no check: it costs as much as all the rest.
        known = [hash for hash in hashes if self._m.ingest.knows(hash)]
        here = set(known)
        fresh = tuple(
            entry for entry, hash in zip(frame.entries, hashes, strict=True) if hash not in here
        )

        def keep(checked: list[Checked]) -> None:
            if len(checked) < len(fresh):
                self._m.link_refused(link, "protocol")
                self._m.links.close(link, "protocol")
                return
            take = self._m.ingest.take
            known.extend(take(conversation, checked, Road.PUSHED, link.id, frame.hops))
            if known:
                self._m.gossip.duplicates(conversation, link, known, frame.hops)

        self._m.sync.check(fresh, keep)

    def _compare_later(self, link: Link, conversation: Conversation) -> None:
        """What was pushed too fast, and dropped, comes by comparing."""
        if conversation.id in link.comparing:
            return
        link.comparing.add(conversation.id)

        def compare() -> None:
            link.comparing.discard(conversation.id)
            if link.up and self._m.sharing.shared(link.id, conversation):
                self._m.sync.greet(link.id, conversation)

        self._m.ctx.after(COMPARE_AFTER_S, compare)

    def _on_avatar(self, _link: Link, frame: wire.Avatar) -> None:
        person = self._m.directory.on_avatar(frame)
        if person is not None and person in self._m.people:
            self._m.ctx.notify(PeerChanged(self._m.people.peer(person)))

    def _on_receipt(self, link: Link, frame: wire.Receipt) -> None:
        conversation = self._incoming(link, frame.conversation)
        if conversation is not None and not self._m.people.blocked(link.person):
            self._m.receipts.on_receipt(link, conversation, frame)
            self._m.directs.received(conversation)

    def _on_typing(self, link: Link, frame: wire.Typing) -> None:
        conversation = self._incoming(link, frame.conversation)
        if conversation is None or not conversation.mine or self._m.people.blocked(link.person):
            return
        if self._m.ctx.now - link.typed.get(conversation.id, -TYPING_AT_MOST_S) >= TYPING_AT_MOST_S:
            link.typed[conversation.id] = self._m.ctx.now
            self._m.ctx.notify(Typing(conversation.label, link.person))

    def _on_room_proof(self, link: Link, frame: wire.RoomProof) -> None:
        conversation = self._m.membership.on_proof(link, frame)
        if conversation is not None:
            self._m.membership.prove(link, conversation)
            self._m.sharing.begin(link, conversation)
