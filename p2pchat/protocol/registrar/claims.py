"""The records of the registry: who claims which name, and what the appointing key says to that.

A person signs a request; a registrar's device signs the claim that holds it. A record's id is a
hash of its payload, so that a second valid signature makes no other record.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

import msgspec

from p2pchat.config import limits
from p2pchat.errors import RequestError
from p2pchat.model.ids import PeerId
from p2pchat.model.names import display_name
from p2pchat.protocol import signed
from p2pchat.protocol.hashing import digest, peer_id_of
from p2pchat.protocol.identity import (
    KEY_BYTES,
    SIGNATURE_BYTES,
    Identity,
    Signer,
    verify,
)
from p2pchat.protocol.registrar.lease import MAX_NUMBER, Lease
from p2pchat.protocol.sealing import TAG_BYTES

REQUEST_CONTEXT = b"p2pchat 1 account\0"
CLAIM_CONTEXT = b"p2pchat 1 claim\0"
COUNTERSIGNATURE_CONTEXT = b"p2pchat 1 countersignature\0"
RELEASE_CONTEXT = b"p2pchat 1 release\0"
HOLDER_CONTEXT = b"p2pchat 1 holder\0"
NOTICE_CONTEXT = b"p2pchat 1 announcement\0"
SEEN_CONTEXT = b"p2pchat 1 announcement seen\0"
ID_BYTES = 32


class Request(msgspec.Struct, frozen=True, array_like=True):
    """Signed by the person."""

    person_key: bytes
    name: str


class Claim(msgspec.Struct, frozen=True, array_like=True, tag=1):
    """Signed by the registrar's device."""

    request: bytes
    number: int
    """Of the term in which it was taken."""
    device_key: bytes
    mandate: bytes
    seen: tuple[bytes, ...]
    """Ids of the claims of such names that the registrar knew."""


class Countersignature(msgspec.Struct, frozen=True, array_like=True, tag=2):
    """Signed by the appointing key, as are the next two."""

    person_key: bytes
    name: str


class Release(msgspec.Struct, frozen=True, array_like=True, tag=3):
    """The person's claims of this name count no longer."""

    person_key: bytes
    name: str


class Holder(msgspec.Struct, frozen=True, array_like=True, tag=4):
    """The device may lead and hold keys."""

    device_key: bytes


class Notice(msgspec.Struct, frozen=True, array_like=True, tag=5):
    """An announcement; signed by the appointing key."""

    author: bytes
    """The key of the person who wrote it."""
    text: str
    """Empty where it is sealed."""
    conversation: bytes
    """A room's id; empty: for everyone."""
    sent_ms: int
    salt: bytes
    sealed: bytes = b""
    """The text, where the room has a password."""


class Seen(msgspec.Struct, frozen=True, array_like=True, tag=6):
    """Signed by a person: they have seen this announcement."""

    notice: bytes
    person_key: bytes


Payload = Claim | Countersignature | Release | Holder | Notice | Seen
Appointed = Countersignature | Release | Holder | Notice

_payload = msgspec.msgpack.Decoder(Payload)
_request = msgspec.msgpack.Decoder(Request)
_CONTEXTS: dict[type, bytes] = {
    Claim: CLAIM_CONTEXT,
    Countersignature: COUNTERSIGNATURE_CONTEXT,
    Release: RELEASE_CONTEXT,
    Holder: HOLDER_CONTEXT,
    Notice: NOTICE_CONTEXT,
    Seen: SEEN_CONTEXT,
}


class Record(msgspec.Struct, frozen=True, dict=True):
    """A record that was checked, and the bytes that it came in."""

    payload: Payload
    raw: bytes

    @cached_property
    def id(self) -> bytes:
        found = signed.unwrap(self.raw, limits.CLAIM_BYTES)
        assert found is not None, "it was read before"
        return digest("p2pchat 1 record id", found.payload)

    @cached_property
    def request(self) -> Request | None:
        """Of a claim."""
        if not isinstance(self.payload, Claim):
            return None
        return signed.read(_request, signed.unwrap(self.payload.request, limits.CLAIM_BYTES))


def make_request(person: Signer, network: bytes, name: str) -> bytes:
    payload = signed.encode(Request(person.key, name))
    return signed.wrap(payload, person.sign(REQUEST_CONTEXT, network, payload))


def read_request(raw: bytes, network: bytes) -> Request | None:
    """None where the bytes are no request that its person signed for this network, or its name
    couldn't be chosen."""
    found = signed.unwrap(raw, limits.CLAIM_BYTES)
    request = signed.read(_request, found)
    if found is None or request is None or len(request.person_key) != KEY_BYTES:
        return None
    if not is_account_name(request.name):
        return None
    if not verify(request.person_key, found.signature, REQUEST_CONTEXT, network, found.payload):
        return None
    return request


def is_account_name(name: str) -> bool:
    try:
        return bool(name) and display_name(name) == name
    except RequestError:
        return False


def make_claim(
    identity: Identity, network: bytes, request: bytes, lease: Lease, seen: tuple[bytes, ...]
) -> Record:
    claim = Claim(request, lease.record.number, identity.device.key, lease.record.mandate, seen)
    payload = signed.encode(claim)
    signature = identity.device.sign(CLAIM_CONTEXT, network, payload)
    return Record(claim, signed.wrap(payload, signature))


def make_seen(person: Signer, network: bytes, notice: bytes) -> Record:
    seen = Seen(notice, person.key)
    payload = signed.encode(seen)
    return Record(seen, signed.wrap(payload, person.sign(SEEN_CONTEXT, network, payload)))


def make_appointed(appointing: Signer, network: bytes, said: Appointed) -> Record:
    payload = signed.encode(said)
    context = _CONTEXTS[type(said)]
    return Record(said, signed.wrap(payload, appointing.sign(context, network, payload)))


def kept_record(raw: bytes) -> Record | None:
    """One that was checked before it was stored."""
    payload = signed.read(_payload, signed.unwrap(raw, limits.CLAIM_BYTES))
    return None if payload is None else Record(payload, raw)


def read_record(raw: bytes, network: bytes, appointed_by: bytes) -> Record | None:
    """None where the bytes are no record, within its limits, that whoever has to has signed for
    this network: of a claim the person and a device, of others the appointing key, which may be
    empty: then there are none of these."""
    found = signed.unwrap(raw, limits.CLAIM_BYTES)
    payload = signed.read(_payload, found)
    if found is None or payload is None or not _fits(payload):
        return None
    if isinstance(payload, Claim):
        signer = payload.device_key
        if read_request(payload.request, network) is None:
            return None
    elif isinstance(payload, Seen):
        signer = payload.person_key
    else:
        signer = appointed_by
    context = _CONTEXTS[type(payload)]
    if not signer or not verify(signer, found.signature, context, network, found.payload):
        return None
    return Record(payload, raw)


def read_records(raws: Iterable[bytes], network: bytes, appointed_by: bytes) -> list[Record]:
    """Those of them that are valid."""
    records = (read_record(raw, network, appointed_by) for raw in raws)
    return [record for record in records if record is not None]


def _fits(payload: Payload) -> bool:
    match payload:
        case Claim():
            return (
                0 <= payload.number < MAX_NUMBER
                and len(payload.device_key) == KEY_BYTES
                and len(payload.mandate) in (0, SIGNATURE_BYTES)
                and len(payload.seen) <= limits.CLAIMS_SEEN
                and all(len(id) == ID_BYTES for id in payload.seen)
            )
        case Holder():
            return len(payload.device_key) == KEY_BYTES
        case Notice():
            return (
                len(payload.author) == KEY_BYTES
                and bool(payload.text) is not bool(payload.sealed)
                and len(payload.text.encode()) <= limits.ANNOUNCEMENT_BYTES
                and len(payload.sealed) <= limits.ANNOUNCEMENT_BYTES + TAG_BYTES
                and len(payload.conversation) in (0, ID_BYTES)
                and 0 <= payload.sent_ms < MAX_NUMBER
                and len(payload.salt) <= ID_BYTES
            )
        case Seen():
            return len(payload.notice) == ID_BYTES and len(payload.person_key) == KEY_BYTES
        case _:
            return len(payload.person_key) == KEY_BYTES and is_account_name(payload.name)


def account_of(person_key: bytes) -> PeerId:
    """An account is the person: its id is the PeerId."""
    return peer_id_of(person_key)
