"""A linked peer that sends anything at all: no frame raises, fills memory, or stops the service of
others."""

from __future__ import annotations

import typing
from collections import deque
from functools import cache
from random import Random
from typing import Any

import msgspec
import pytest
from host import EPOCH_MS, Host
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from world import World

from p2pchat.config import limits
from p2pchat.model.entry import EntryKind, Header, OpenBody, ReactBody, TextBody, WireEntry
from p2pchat.model.ids import ConversationId, DeviceId, EntryHash, FeedId, InstanceId, PeerId
from p2pchat.model.people import Status
from p2pchat.node.ports import LinkId, LinkInfo
from p2pchat.protocol import announce, branches, directory, entries, ingest, people, receipts, wire
from p2pchat.protocol.announce import RoomInfo
from p2pchat.protocol.hashing import body_hash, direct_id, entry_hash, network_tag
from p2pchat.protocol.identity import Identity

NETWORK = network_tag("lan")
KINDS: tuple[type[wire.Frame], ...] = typing.get_args(wire.Frame)
INTEGERS = (0, 0, 0, 1, 1, 2, 5, 255, -1, 1 << 16, 1 << 53, (1 << 63) - 1, -(1 << 63))
LENGTHS = (0, 1, 16, 31, 32, 32, 40, 64, 2000)
ITEMS, DATA = 15_000, 250_000
"""What a machine with small limits may remember; both were measured at 60% of this."""
NAMES = ("", "lobby", "Ann", "\x1b[2J\u202e", "\U0001f4a9" * 60, "leaving", "duplicate")
TARGETED = (EntryKind.EDIT, EntryKind.DELETE, EntryKind.REACT)


class Words:
    """What the attacker makes its frames of: ids that mean something to its target, and others."""

    def __init__(self, target: Host, identity: Identity) -> None:
        self.identity = identity
        self._subject = ConversationId(b"")
        """What most of a frame is about."""
        machine = target.machine
        me, here = identity.peer_id, machine.identity
        known = list(target.store.all_entries())
        self.entries = [entry.wire for entry in known]
        self.pools: dict[Any, list[Any]] = {
            ConversationId: [row.id for row in target.store.load().conversations],
            FeedId: [entry.header.feed for entry in known],
            EntryHash: [entry.hash for entry in known],
            DeviceId: [identity.device_id, here.device_id],
            str: [*NAMES, me, here.peer_id, identity.device_id, here.device_id],
            bytes: [machine.instance, known[0].hash, direct_id(NETWORK, me, here.peer_id)],
        }
        self.pools[DeviceId] += [link.device for link in machine.links.up()]
        self.pools[ConversationId].append(direct_id(NETWORK, me, PeerId("x" * 32)))
        # Own feeds, in which what is signed counts.
        own = [FeedId(identity.device.key + bytes(7) + bytes([n])) for n in range(4)]
        self.pools[FeedId] += own

    def frame(self, rng: Random) -> bytes:
        """A frame of any kind, most often whole."""
        kind = rng.choice(KINDS)
        self._subject = rng.choice(self.pools[ConversationId])
        data = wire.encode(self.records(rng) if kind is wire.Records else self.make(rng, kind))
        match rng.randrange(40):
            case 0:
                return data[: rng.randrange(len(data))]
            case 1:
                at = rng.randrange(len(data))
                return data[:at] + rng.randbytes(3) + data[at + 3 :]
            case 2:
                return rng.randbytes(rng.choice(LENGTHS))
        return data

    def make(self, rng: Random, kind: type) -> Any:
        return kind(*(self.value(rng, hint) for hint in _hints(kind).values()))

    def value(self, rng: Random, hint: Any) -> Any:
        if hint is bool:
            return rng.random() < 0.5
        if hint is int:
            return rng.choice(INTEGERS)
        if hint is WireEntry:
            return self.entry(rng)
        if hint is ConversationId and rng.random() < 0.9:
            return self._subject
        if typing.get_origin(hint) is tuple:
            inner = typing.get_args(hint)
            if inner[-1] is Ellipsis:
                inner = inner[:1] * rng.choice((0, 1, 1, 2, 5))
            return tuple(self.value(rng, one) for one in inner)
        if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
            return self.make(rng, hint)
        if rng.random() < 0.7:
            return rng.choice(self.pools[hint])
        text = isinstance(self.pools[hint][0], str)
        made = rng.randbytes(rng.choice(LENGTHS))
        return made.hex()[:32] if text else made

    def records(self, rng: Random) -> wire.Records:
        """Signed ones of this device and of others, and bytes that are none."""
        profiles = [self.value(rng, bytes), self.profile(rng, self.identity)]
        devices = [self.value(rng, bytes), self.device(rng, self.identity)]
        other = Identity(rng.randbytes(32), rng.randbytes(32))
        return wire.Records(
            tuple(rng.choice((*profiles, self.profile(rng, other))) for _ in range(2)),
            tuple(rng.choice((*devices, self.device(rng, other))) for _ in range(2)),
        )

    def profile(self, rng: Random, identity: Identity) -> bytes:
        return announce.make_profile(
            identity,
            name=rng.choice(NAMES),
            note=rng.choice(NAMES),
            avatar=rng.choice((b"", bytes(32))),
            clock=rng.choice((0, EPOCH_MS, EPOCH_MS + 1, (1 << 53) - 1)),
        ).raw

    def device(self, rng: Random, identity: Identity) -> bytes:
        """As a rule in every room that there is."""
        conversations: list[ConversationId] = self.pools[ConversationId]
        rooms = tuple(RoomInfo(id, rng.choice(NAMES), False) for id in conversations[:4])
        record = announce.DeviceRecord(
            device_key=identity.device.key,
            person_key=identity.person.key,
            vouch=identity.vouch,
            instance=InstanceId(rng.randbytes(16)),
            counter=EPOCH_MS + rng.choice((0, 1, 2, 1 << 40)),
            status=rng.choice((*Status, "unheard of")),
            addresses=(("10.66.6.6", rng.choice((1, 65_535, 1 << 40))),),
            rooms=rng.choice((rooms, rooms, ())),
            wall_ms=rng.choice(INTEGERS),
        )
        payload = msgspec.msgpack.encode(record)
        signature = identity.device.sign(announce.DEVICE_CONTEXT, NETWORK, payload)
        return msgspec.msgpack.encode((payload, signature))

    def entry(self, rng: Random) -> WireEntry:
        """One that is there already, or a new one, with a right signature as a rule."""
        if rng.random() < 0.3:
            return rng.choice(self.entries)
        salt, kind = rng.randbytes(16), rng.choice((*EntryKind, 99, -1))
        plain = self.body(rng, kind)
        values = self.make(rng, Header)
        right = {
            "version": entries.VERSION,
            "kind": kind,
            "seq": 0 if kind == EntryKind.OPEN else abs(values.seq) % (1 << 53),
            "body_hash": body_hash(salt, plain),
            "key_id": b"",
            "heads": tuple(rng.sample(self.pools[EntryHash], rng.choice((0, 1, 2)))),
            "clock": rng.choice((0, 1, EPOCH_MS << 16, (1 << 63) - 1)),
            "sent_at": rng.choice((0, EPOCH_MS, (1 << 53) - 1)),
            "target": rng.choice(self.pools[EntryHash]) if kind in TARGETED else b"",
            "feed": FeedId(self.identity.device.key + rng.choice((bytes(8), rng.randbytes(8)))),
        }
        right["prev"] = rng.choice(self.pools[EntryHash]) if right["seq"] else b""
        for name in [name for name in right if rng.random() < 0.01]:
            del right[name]
        header = msgspec.structs.replace(values, **right)
        raw = entries.encode_header(header)
        signature = self.identity.device.sign_raw(entries.signed_bytes(NETWORK, raw))
        self.pools[EntryHash].append(entry_hash(raw))
        return WireEntry(raw, signature, salt, plain)

    def body(self, rng: Random, kind: int) -> bytes:
        match rng.choice((kind, 50)):
            case EntryKind.OPEN:
                return entries.encode_body(OpenBody(self.identity.person.key, self.identity.vouch))
            case EntryKind.TEXT | EntryKind.EDIT:
                return entries.encode_body(TextBody(rng.choice(NAMES), rng.randbytes(32)))
            case EntryKind.REACT:
                return entries.encode_body(ReactBody("\U0001f4a9", True))
        return rng.randbytes(rng.choice(LENGTHS))


@cache
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)


class Siege:
    """A node, its friend, and an attacker, who comes back whenever its link is closed."""

    def __init__(self) -> None:
        self.world = world = World(1)
        self.victim, self.friend = world.add(), world.add()
        hosts = [self.victim, self.friend]
        world.wait(lambda: world.linked(hosts), 5.0, "linked")
        self.identity = Identity(b"p" * 32, b"d" * 32)
        self._link = LinkId(0)
        self._links = 1_000_000
        for room, password in (("open", None), ("secret", "a password")):
            self.victim.ask(self.victim.machine.rooms.create, 0, room, password)
        self._come()
        world.clock.run_for(2.0)
        for conversation in ("#lobby", "#open", "#secret", f"@{self.identity.peer_id}"):
            world.say(self.victim, conversation)
        world.say(self.friend)
        world.clock.run_for(2.0)
        assert len(self.victim.acknowledged) == 4, self.victim.refused
        self.words = Words(self.victim, self.identity)

    def attack(self, rng: Random) -> bytes:
        data = self.words.frame(rng)
        if self._link not in self.victim.wires:
            self._come()
        self.victim.run(self.victim.machine.link_frames, self._link, [data])
        self.world.clock.run_for(rng.choice((0.0, 0.0, 0.001, 0.05)))
        return data

    def _come(self) -> None:
        self._links += 1
        self._link = link = LinkId(self._links)
        info = LinkInfo(
            outgoing=False,
            address=("10.66.6.6", 40_000),
            person_key=self.identity.person.key,
            device_key=self.identity.device.key,
            instance=InstanceId(link.to_bytes(16, "big")),
            own_leaf=bytes(32),
            peer_leaf=bytes(32),
            relayed=False,
        )
        hello = wire.Hello(1, 1, NETWORK, bytes(32), EPOCH_MS, False, 0, "fuzz")
        self.victim.opened(_Deaf(link), link, info, None)  # type: ignore[arg-type]  # as a Wire
        profile = announce.make_profile(
            self.identity, name="Mallory", note="", avatar=b"", clock=EPOCH_MS
        )
        greeting = [wire.encode(hello), wire.encode(wire.Records((profile.raw,)))]
        self.victim.run(self.victim.machine.link_frames, link, greeting)

    def serve_others(self) -> None:
        """The two honest ones still talk."""
        assert self.victim.machine.links.of(self.friend.device) is not None
        for one, other in ((self.friend, self.victim), (self.victim, self.friend)):
            told, said = other.received.total(), len(one.acknowledged)
            self.world.say(one)
            self.world.wait(lambda: len(one.acknowledged) > said, 1.0, "the answer")  # noqa: B023 - called at once
            self.world.wait(lambda: other.received.total() > told, 1.0, "the message")  # noqa: B023 - called at once


class _Deaf:
    """The attacker's end of a link: it reads nothing."""

    def __init__(self, link: LinkId) -> None:
        self._link = link

    def send(self, host: Host, frame: bytes) -> None:
        pass

    def close(self, host: Host, reason: str) -> None:
        host.later(0.0, lambda: host.closed(self._link, reason))


def size(root: object) -> tuple[int, int]:
    """What hangs on an object: items in containers, and bytes of text and data."""
    items = data = 0
    seen = {id(root)}
    left: deque[object] = deque([root])
    while left:
        found = left.popleft()
        inner: list[object] = []
        match found:
            case bytes() | str():
                data += len(found)
            case dict():
                inner = [*found, *found.values()]
            case list() | tuple() | set() | frozenset() | deque():
                inner = [*found]
            case msgspec.Struct():
                inner = [getattr(found, name) for name in found.__struct_fields__]
            case _ if not callable(found):
                inner = [*getattr(found, "__dict__", {}).values()]
                inner += [getattr(found, name, None) for name in getattr(found, "__slots__", ())]
        items += len(inner)
        for one in inner:
            if id(one) not in seen:
                seen.add(id(one))
                left.append(one)
    return items, data


@settings(
    derandomize=True,
    max_examples=150,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(st.randoms(use_true_random=False))
def test_no_frame_raises_or_keeps_others_waiting(rng: Random) -> None:
    siege = Siege()
    for _ in range(25):
        note(siege.attack(rng).hex())
    siege.serve_others()


@pytest.mark.parametrize("seed", range(2))
def test_what_is_remembered_is_bounded(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """With small limits, so that they are reached at once; above them nothing grows."""
    monkeypatch.setattr(people, "PERSONS", 40)
    monkeypatch.setattr(directory, "MAX_DEVICES", 40)
    monkeypatch.setattr(receipts, "EARLY", 40)
    monkeypatch.setattr(ingest, "RECENT", 100)
    monkeypatch.setattr(limits, "FEEDS_PER_CONVERSATION", 60)
    monkeypatch.setattr(branches, "BRANCHES_PER_FEED", 3)
    siege = Siege()
    rng = Random(seed)
    for _ in range(4):
        for _ in range(2500):
            siege.attack(rng)
        items, data = size(siege.victim.machine)
        assert items < ITEMS
        assert data < DATA
        siege.serve_others()
