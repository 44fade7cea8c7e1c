"""Attacks of a linked device with frames: floods, claims, answers that never come."""

from __future__ import annotations

import contextlib
import os
import time
from typing import Any

from hostile import (
    LOBBY,
    Address,
    Author,
    Peer,
    attack,
    device,
    new_identity,
    now_ms,
    packed,
    profile,
)
from hostile_entries import ask_vector, linked, push

from p2pchat.config import limits
from p2pchat.model.entry import EntryKind, OpenBody
from p2pchat.model.ids import ConversationId, DeviceId, EntryHash, FeedId, PeerId
from p2pchat.protocol import announce, wire
from p2pchat.protocol.announce import RoomInfo, avatar_digest
from p2pchat.protocol.hashing import device_id_of, direct_id, network_tag, peer_id_of

FLOOD_S = 1.2


def fill(*frames: wire.Frame) -> bytes:
    """The frames over and over, about a quarter of a megabyte."""
    once = b"".join(packed(wire.encode(frame)) for frame in frames)
    return once * (256 * 1024 // len(once) + 1)


def made_up_id() -> str:
    return peer_id_of(os.urandom(32))


@attack
def small_frames(address: Address) -> object:
    """The cheapest frames as fast as they go."""
    peers = []
    for frame in (wire.Ping(1), wire.Typing(LOBBY), wire.Prune(LOBBY), wire.Pong(1)):
        peer = linked(address)
        peer.flood(fill(frame), FLOOD_S / 2)
        peers.append(peer)
    return peers


@attack
def requests_without_reading(address: Address, *kinds: str) -> object:
    """Frames whose answers are larger than they are, and nobody who reads the answers."""
    peer = linked(address)
    author = Author(identity=peer.identity)
    large = [author.open(), *(author.text("x" * 16_000) for _ in range(60))]
    push(peer, large)
    vector = ask_vector(peer)
    tips = tuple(row.tip for row in vector.rows)
    wants: list[wire.Frame] = [wire.Want(n, LOBBY, tip, 0, True) for n, tip in enumerate(tips)]
    kept = []
    floods: dict[str, list[wire.Frame]] = {
        "want": wants,
        "graft": [wire.Graft(LOBBY, tips[:4])],
        "digest": [wire.Digest(LOBBY, bytes(16))],
        "vector": [wire.Vector(LOBBY, (), True, True)],
        "ping": [wire.Ping(1)],
    }
    for frames in (floods[kind] for kind in kinds or floods):
        deaf = Peer(address, reads=False)
        deaf.say()
        deaf.tls.settimeout(FLOOD_S)
        deaf.flood(fill(*frames), FLOOD_S / 2)
        kept.append(deaf)
    return kept


@attack
def pictures(address: Address) -> object:
    """A large picture, asked for thousands of times in one breath."""
    image = b"\x89PNG\r\n\x1a\n" + os.urandom(32_000)
    peer = linked(address)
    peer.say(avatar=avatar_digest(image), clock=now_ms() + 1)
    peer.wait(wire.AvatarWanted)
    peer.send(wire.Avatar(image))
    deaf = Peer(address, reads=False)
    deaf.say()
    deaf.tls.settimeout(FLOOD_S)
    deaf.flood(fill(wire.AvatarWanted(avatar_digest(image))), FLOOD_S / 2)
    return peer, deaf


@attack
def made_up_rows(address: Address) -> object:
    """Vectors of 20,000 feeds that don't exist; what is asked for is never answered, answered
    with nothing, or answered for ever."""
    kept = []
    for answers in ("never", "nothing", "for ever"):
        peer = linked(address)
        rows = [
            wire.Row(FeedId(os.urandom(40)), 0, 1000 + n, EntryHash(os.urandom(32)))
            for n in range(20_000)
        ]
        for at in range(0, len(rows), 400):
            peer.send(wire.Vector(LOBBY, tuple(rows[at : at + 400]), at + 400 >= 20_000, False))
        first = peer.wait(wire.Want)
        if answers == "nothing":
            _answer_nothing(peer)
        elif answers == "for ever":
            endless = Author()
            text = wire.Batch(first.query, LOBBY, (endless.text("x" * 1000),) * 40, False)
            peer.flood(packed(wire.encode(text)), FLOOD_S)
        kept.append(peer)
    return kept


def _answer_nothing(peer: Peer) -> None:
    ends, at = time.monotonic() + FLOOD_S, 0
    with contextlib.suppress(OSError):
        while time.monotonic() < ends:
            new = peer.frames[at:]
            at += len(new)
            wants = [frame for frame in new if isinstance(frame, wire.Want)]
            peer.send(*(wire.Batch(want.query, LOBBY, (), True) for want in wants))
            peer.wait_more(at, ends - time.monotonic())


@attack
def vectors_without_end(address: Address) -> object:
    """Parts of vectors on many links, none of them the last."""
    kept = []
    for _ in range(20):
        peer = linked(address)
        for _ in range(60):
            rows = tuple(
                wire.Row(FeedId(os.urandom(40)), 0, n, EntryHash(os.urandom(32)))
                for n in range(400)
            )
            peer.send(wire.Vector(LOBBY, rows, False, True))
        kept.append(peer)
    return kept


@attack
def huge_numbers(address: Address) -> object:
    """The largest and smallest integers wherever a frame has one."""
    kept = []
    for big in ((1 << 64) - 1, -(1 << 63)):
        for field in ("port", "wall_ms"):
            hello: dict[str, Any] = {field: big}
            Peer(address, **hello).expect_closed()
        peer = linked(address, low=-(1 << 63), high=(1 << 64) - 1, wall_ms=(1 << 53) - 1)
        row = wire.Row(FeedId(os.urandom(40)), big, big, EntryHash(os.urandom(32)))
        tip = EntryHash(os.urandom(32))
        peer.send(
            wire.Ping(big),
            wire.Vector(LOBBY, (row,), True, True),
            *(wire.Want(big, LOBBY, tip, big, True) for _ in range(20)),
            wire.Batch(big, LOBBY, (), True),
            wire.Push(LOBBY, (), big),
            wire.IHave(LOBBY, ((tip, big),)),
            wire.Receipt(LOBBY, ((FeedId(os.urandom(40)), big, big),)),
            wire.Tunnel(DeviceId("x"), DeviceId("y"), big, False, True, b""),
        )
        vector = ask_vector(peer)
        for known in vector.rows:
            peer.send(
                wire.Want(1, LOBBY, known.tip, big, True),
                wire.Receipt(LOBBY, ((known.feed, big, big),)),
                wire.Push(LOBBY, (Author().open(),), big),
            )
        kept.append(peer)
    return kept


@attack
def unasked(address: Address) -> object:
    """Answers, proofs, claims and tunnels out of the blue."""
    peer = linked(address)
    author = Author()
    made = (author.open(), author.text("nobody asked"))
    own = DeviceId(device_id_of(peer.identity.device.key))
    rng = os.urandom
    for number in range(300):
        other = DeviceId(made_up_id())
        room = ConversationId(rng(32))
        peer.send(
            wire.Batch(number, LOBBY, made, bool(number % 2)),
            wire.RoomProof(room, rng(32)),
            wire.Pake(rng(8), room, 1 + number % 5, rng(33 if number % 5 < 2 else 32)),
            wire.DirectAnswer(room, True),
            wire.DialBack(other, own),
            wire.DialBack(own, other),
            wire.Tunnel(own, other, number, False, True, b""),
            wire.Tunnel(other, own, number, True, False, rng(100)),
            wire.Receipt(LOBBY, tuple((FeedId(rng(40)), n, n) for n in range(100))),
            wire.Avatar(rng(1000)),
            wire.Goodbye("what?") if number == 299 else wire.Pong(number),
        )
    return peer


@attack
def tunnels(address: Address, target: str) -> object:
    """Hundreds of tunnels to the node itself and through it, with junk inside."""
    peer = linked(address)
    own = DeviceId(device_id_of(peer.identity.device.key))
    records = peer.wait(wire.Records, lambda frame: bool(frame.devices))
    assert records
    for number in range(400):
        for to in (DeviceId(target), DeviceId(made_up_id())):
            peer.send(
                wire.Tunnel(own, to, number, False, True, b""),
                wire.Tunnel(own, to, number, False, False, os.urandom(3000)),
            )
    return peer


@attack
def made_up_directs(address: Address, victim: str) -> object:
    """Direct conversations of the victim with thousands of persons who don't exist."""
    peer = linked(address)
    own = PeerId(peer_id_of(peer.identity.person.key))
    for _ in range(30_000):
        other = PeerId(made_up_id())
        network = network_tag("lan")
        peer.send(
            wire.Direct(direct_id(network, PeerId(victim), other), victim, other),
            wire.Direct(direct_id(network, own, other), own, other),
        )
    return peer


@attack
def made_up_devices(address: Address) -> object:
    """Thousands of persons and devices, in records as large as they may be."""
    peer = linked(address)
    for _ in range(1500):
        identity = new_identity()
        rooms = tuple(
            RoomInfo(ConversationId(os.urandom(32)), os.urandom(16).hex() * 2, True)
            for _ in range(64)
        )
        addresses = tuple((f"10.77.9.{n}", 1 + n) for n in range(1, 9))
        raw = device(identity, rooms=rooms, addresses=addresses, padding=os.urandom(20_000))
        named = profile(identity, name=os.urandom(8).hex())
        peer.send(wire.Records((named,), (raw[: limits.RECORD_BYTES],)))
    for _ in range(1500):
        identity = new_identity()
        payload = profile(identity, note="\N{PILE OF POO}" * 200)
        peer.send(wire.Records((payload,), (device(identity),)))
    return peer


@attack
def restless_records(address: Address) -> object:
    """New records of one device and person, thousands a second, each another instance."""
    peer = linked(address)
    clock = now_ms()
    made = []
    for number in range(2000):
        raw = device(peer.identity, counter=clock + number, padding=bytes(8000))
        named = profile(
            peer.identity, name=f"Mallory {number}", clock=clock + number, avatar=os.urandom(32)
        )
        made.append(packed(wire.encode(wire.Records((named,), (raw,)))))
    for data in made:
        peer.send_raw(data)
    return peer


@attack
def odd_names(address: Address, *names: str) -> object:
    """Persons whose names are there to deceive."""
    kept = []
    for name in names:
        peer = Peer(address)
        peer.say(name=bytes.fromhex(name).decode(), note="\x1b[31m\u202e\0\n")
        push(peer, [Author(identity=peer.identity).open()])
        kept.append(peer)
    return kept


@attack
def false_twins(address: Address) -> object:
    """Claims that the victim's profile runs elsewhere as well."""
    kept = []
    for instance in (bytes(16), b"\xff" * 16, b"", b"x" * 1000):
        peer = linked(address)
        peer.send(wire.Twin(instance))
        kept.append(peer)
        if len(instance) == 16:  # else no process can be meant, and nothing is asked
            asked = peer.wait(wire.Twin)
            # The question comes back to the one who asks, or is answered with a wrong proof.
            peer.send(asked, wire.Twin(asked.instance, asked.nonce, os.urandom(64)))
        peer.wait_taken()
    return kept


@attack
def false_rollback(address: Address) -> object:
    """Claims that the victim's own feed is longer than the victim knows."""
    peer = linked(address)
    records = peer.wait(wire.Records, lambda frame: bool(frame.devices))
    victim = announce.kept_device(records.devices[0])
    assert victim is not None
    vector = ask_vector(peer)
    key = victim.record.device_key
    feed = next(row.feed for row in vector.rows if row.feed.startswith(key))
    for number in range(50):
        row = wire.Row(feed, 0, 10_000 + number, EntryHash(os.urandom(32)))
        peer.send(wire.Vector(LOBBY, (row,), True, False))
        time.sleep(0.05)
    return peer


@attack
def two_days_off(address: Address, text: str) -> object:
    """No attack: a device with a wrong clock, which writes a line."""
    wall_ms = now_ms() - 2 * 24 * 3600 * 1000
    peer = linked(address, wall_ms=wall_ms)
    author = Author(identity=peer.identity)
    fields: dict[str, Any] = {"clock": wall_ms << 16, "sent_at": wall_ms}
    made = [author.write(EntryKind.OPEN, OpenBody(*vouched(peer)), **fields)]
    push(peer, [*made, author.text(text, **fields)])
    return peer


def vouched(peer: Peer) -> tuple[bytes, bytes]:
    return peer.identity.person.key, peer.identity.vouch
