"""The lease by which a node leads: a record that its device signs anew every few seconds.

A mandate is the appointing key's signature over a device: of itself, where the key is at hand.
"""

from __future__ import annotations

import msgspec

from p2pchat.config import limits
from p2pchat.model.ids import DeviceId, PeerId
from p2pchat.protocol import signed
from p2pchat.protocol.hashing import device_id_of, peer_id_of
from p2pchat.protocol.identity import (
    KEY_BYTES,
    SIGNATURE_BYTES,
    Identity,
    Signer,
    check_vouch,
    verify,
)

LEASE_CONTEXT = b"p2pchat 1 lease\0"
MANDATE_CONTEXT = b"p2pchat 1 mandate\0"
MAX_NUMBER = 1 << 53


class LeaseRecord(msgspec.Struct, frozen=True, array_like=True, gc=False):
    number: int
    """Of the term."""
    beat: int
    """Above that of the device's record before; its wall clock in ms gives a good start."""
    over: bool
    """The device leads no longer."""
    device_key: bytes
    person_key: bytes
    vouch: bytes
    mandate: bytes
    """Of the device; empty: none."""


class Lease(msgspec.Struct, frozen=True):
    """A checked record and the bytes that it came in."""

    record: LeaseRecord
    raw: bytes

    @property
    def device(self) -> DeviceId:
        return device_id_of(self.record.device_key)

    @property
    def person(self) -> PeerId:
        return peer_id_of(self.record.person_key)

    @property
    def age(self) -> tuple[int, int]:
        """Of one device's records the larger is the newer."""
        return (self.record.number, self.record.beat)


_lease = msgspec.msgpack.Decoder(LeaseRecord)


def make_mandate(appointing: Signer, network: bytes, device_key: bytes) -> bytes:
    return appointing.sign(MANDATE_CONTEXT, network, device_key)


def is_appointed(appointed_by: bytes, network: bytes, device_key: bytes, mandate: bytes) -> bool:
    """Whether the key, empty: none, has signed this device's mandate."""
    return (
        bool(appointed_by)
        and len(mandate) == SIGNATURE_BYTES
        and verify(appointed_by, mandate, MANDATE_CONTEXT, network, device_key)
    )


def make_lease(
    identity: Identity, network: bytes, number: int, beat: int, over: bool, mandate: bytes
) -> Lease:
    record = LeaseRecord(
        number, beat, over, identity.device.key, identity.person.key, identity.vouch, mandate
    )
    payload = signed.encode(record)
    raw = signed.wrap(payload, identity.device.sign(LEASE_CONTEXT, network, payload))
    return Lease(record, raw)


def peek_lease(raw: bytes) -> LeaseRecord | None:
    """What a record says, unchecked."""
    return signed.read(_lease, signed.unwrap(raw, limits.LEASE_BYTES))


def read_lease(raw: bytes, network: bytes) -> Lease | None:
    """None where the bytes are no record that its device, for which its person vouches, signed for
    this network."""
    found = signed.unwrap(raw, limits.LEASE_BYTES)
    record = signed.read(_lease, found)
    if found is None or record is None or not _fits(record):
        return None
    if not verify(record.device_key, found.signature, LEASE_CONTEXT, network, found.payload):
        return None
    if not check_vouch(record.person_key, record.device_key, record.vouch):
        return None
    return Lease(record, raw)


def _fits(record: LeaseRecord) -> bool:
    return (
        0 < record.number < MAX_NUMBER
        and 0 <= record.beat < MAX_NUMBER
        and len(record.device_key) == len(record.person_key) == KEY_BYTES
        and len(record.mandate) in (0, SIGNATURE_BYTES)
    )
