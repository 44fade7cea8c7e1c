"""Signed records of persons and devices, which every node passes on.

A record travels as the bytes that its author made: a MessagePack array of the payload and an
Ed25519 signature over a context and the payload. Payloads are arrays as well: fields may be added
at the end, and older versions keep them, as they keep the bytes.
"""

from __future__ import annotations

import ipaddress

import msgspec

from p2pchat.config import limits
from p2pchat.model.ids import ConversationId, DeviceId, InstanceId, PeerId
from p2pchat.model.people import Status
from p2pchat.protocol import signed
from p2pchat.protocol.hashing import device_id_of, digest, peer_id_of
from p2pchat.protocol.identity import Identity, check_vouch, has_seal_key_form, verify

PROFILE_CONTEXT = b"p2pchat 1 profile\0"
DEVICE_CONTEXT = b"p2pchat 1 device\0"
_MAX_MS = 1 << 53


class ProfileRecord(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a person says of themselves; signed by the person."""

    person_key: bytes
    seal_key: bytes
    """What others seal to this person with (`identity.read_seal_key`)."""
    name: str
    """As its owner wrote it: `names.shown_name` before it is shown."""
    note: str
    avatar: bytes
    """`avatar_digest` of the picture, 32 bytes; empty: none."""
    clock: int
    """Wall clock, ms, but above that of the record before; the larger (clock, hash) wins."""


class RoomInfo(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A room that the device's person is in."""

    id: ConversationId
    name: str
    """Without `#`."""
    protected: bool


class DeviceRecord(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a device says of itself; signed by the device, for one network."""

    device_key: bytes
    person_key: bytes
    vouch: bytes
    instance: InstanceId
    counter: int
    """Above that of the record before, of earlier instances too: the wall clock in ms gives a
    good start. The larger (counter, hash) wins."""
    status: str
    """A `Status`; `offline`: it is leaving."""
    addresses: tuple[tuple[str, int], ...]
    """Numeric, where it accepts links, best first."""
    rooms: tuple[RoomInfo, ...]
    wall_ms: int
    willing: bool = False
    """It would be the registrar."""
    keeps_register: bool = False
    """It writes down who is there, and when: the network is shown that."""


class Profile(msgspec.Struct, frozen=True):
    """A checked profile record and the bytes that it came in."""

    record: ProfileRecord
    raw: bytes

    @property
    def person(self) -> PeerId:
        return peer_id_of(self.record.person_key)

    @property
    def version(self) -> tuple[int, bytes]:
        """The larger one wins."""
        return (self.record.clock, _record_hash(self.raw))


class Device(msgspec.Struct, frozen=True):
    """A checked device record and the bytes that it came in."""

    record: DeviceRecord
    raw: bytes

    @property
    def id(self) -> DeviceId:
        return device_id_of(self.record.device_key)

    @property
    def person(self) -> PeerId:
        return peer_id_of(self.record.person_key)

    @property
    def status(self) -> Status:
        """A status of a newer version counts as online."""
        try:
            return Status(self.record.status)
        except ValueError:
            return Status.ONLINE

    @property
    def rooms(self) -> tuple[RoomInfo, ...]:
        """Where it can be spoken to: one that is leaving is in no room."""
        return () if self.status is Status.OFFLINE else self.record.rooms

    @property
    def version(self) -> tuple[int, bytes]:
        """The larger one wins."""
        return (self.record.counter, _record_hash(self.raw))


_profile = msgspec.msgpack.Decoder(ProfileRecord)
_device = msgspec.msgpack.Decoder(DeviceRecord)


def avatar_digest(image: bytes) -> bytes:
    """What a profile record says of its picture."""
    return digest("p2pchat 1 avatar", image)


def make_profile(identity: Identity, *, name: str, note: str, avatar: bytes, clock: int) -> Profile:
    """ValueError where a field is over its limit."""
    record = ProfileRecord(identity.person.key, identity.sealing.public, name, note, avatar, clock)
    if not _profile_fits(record):
        raise ValueError("a profile record over its limits")
    payload = signed.encode(record)
    signature = identity.person.sign(PROFILE_CONTEXT, payload)
    return Profile(record, signed.wrap(payload, signature))


def read_profile(raw: bytes) -> Profile | None:
    """None where the bytes are no record that its person signed, within its limits."""
    found = _unwrap(raw)
    record = signed.read(_profile, found)
    if found is None or record is None or not _profile_fits(record):
        return None
    if not verify(record.person_key, found.signature, PROFILE_CONTEXT, found.payload):
        return None
    return Profile(record, raw)


def kept_profile(raw: bytes) -> Profile | None:
    """A record that was checked before it was stored; None where there is none."""
    record = signed.read(_profile, _unwrap(raw) if raw else None)
    return Profile(record, raw) if record is not None else None


def kept_device(raw: bytes) -> Device | None:
    """A record as it stands, unchecked: to see of which device it is."""
    record = signed.read(_device, _unwrap(raw))
    return Device(record, raw) if record is not None else None


def make_device(
    identity: Identity,
    network: bytes,
    *,
    instance: InstanceId,
    counter: int,
    status: Status,
    addresses: tuple[tuple[str, int], ...],
    rooms: tuple[RoomInfo, ...],
    wall_ms: int,
    willing: bool = False,
    keeps_register: bool = False,
) -> Device:
    """ValueError where a field is over its limit."""
    record = DeviceRecord(
        device_key=identity.device.key,
        person_key=identity.person.key,
        vouch=identity.vouch,
        instance=instance,
        counter=counter,
        status=status.value,
        addresses=addresses,
        rooms=rooms,
        wall_ms=wall_ms,
        willing=willing,
        keeps_register=keeps_register,
    )
    if not _device_fits(record):
        raise ValueError("a device record over its limits")
    payload = signed.encode(record)
    signature = identity.device.sign(DEVICE_CONTEXT, network, payload)
    return Device(record, signed.wrap(payload, signature))


def read_device(raw: bytes, network: bytes) -> Device | None:
    """None where the bytes are no record that its device signed for this network (its tag), of
    a device that its person vouches for, within its limits."""
    found = _unwrap(raw)
    record = signed.read(_device, found)
    if found is None or record is None or not _device_fits(record):
        return None
    if not verify(record.device_key, found.signature, DEVICE_CONTEXT, network, found.payload):
        return None
    if not check_vouch(record.person_key, record.device_key, record.vouch):
        return None
    return Device(record, raw)


def is_address(host: str, port: int) -> bool:
    """Whether others may be told to dial this: numeric, without a zone, and of one machine."""
    if "%" in host or not 0 < port < 1 << 16:
        return False
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return not (address.is_multicast or address.is_unspecified or address == _BROADCAST)


_BROADCAST = ipaddress.ip_address("255.255.255.255")


def _unwrap(raw: bytes) -> signed.Signed | None:
    return signed.unwrap(raw, limits.RECORD_BYTES)


def _record_hash(raw: bytes) -> bytes:
    return digest("p2pchat 1 record", raw)


def _profile_fits(record: ProfileRecord) -> bool:
    return (
        has_seal_key_form(record.seal_key)
        and len(record.name) <= limits.NAME_CHARS
        and len(record.note) <= limits.NOTE_CHARS
        and len(record.avatar) in (0, 32)
        and 0 <= record.clock < _MAX_MS
    )


def _device_fits(record: DeviceRecord) -> bool:
    return (
        len(record.instance) == 16
        and 0 <= record.counter < _MAX_MS
        and 0 <= record.wall_ms < _MAX_MS
        and len(record.status) <= 16
        and len(record.addresses) <= limits.RECORD_ADDRESSES
        and all(is_address(host, port) for host, port in record.addresses)
        and len(record.rooms) <= limits.RECORD_ROOMS
        and all(
            len(room.id) == 32 and 0 < len(room.name) <= limits.ROOM_CHARS for room in record.rooms
        )
    )
