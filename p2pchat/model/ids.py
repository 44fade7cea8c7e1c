"""Identifiers: persons, devices, conversations, feeds, entries, and how they are written down."""

from __future__ import annotations

import base64
import re
from typing import NewType

from blake3 import blake3

PeerId = NewType("PeerId", str)
"""A person: 32 lower-case base32 characters, the BLAKE3-160 of the person's Ed25519 public key."""

DeviceId = NewType("DeviceId", str)
"""One installation of a profile: like a PeerId, of the device's Ed25519 public key."""

ConversationId = NewType("ConversationId", bytes)
"""32 bytes; see `open_room_id` and `direct_id`. A protected room's is random."""

FeedId = NewType("FeedId", bytes)
"""40 bytes: the device's Ed25519 public key, then 8 random bytes. Only that device writes to it."""

EntryHash = NewType("EntryHash", bytes)
"""32 bytes: BLAKE3 of an entry's header bytes; the identity of the entry."""

MessageId = NewType("MessageId", str)
"""The hex form of the EntryHash of the entry that made the message."""

InstanceId = NewType("InstanceId", bytes)
"""16 random bytes, new with each start of a process."""

_PEER_ID = re.compile(r"[a-z2-7]{32}")


def _short_id(context: str, key: bytes) -> str:
    digest = blake3(key, derive_key_context=context).digest(length=20)
    return base64.b32encode(digest).decode("ascii").lower()


def peer_id_of(person_key: bytes) -> PeerId:
    """The PeerId of a person's raw Ed25519 public key (32 bytes)."""
    return PeerId(_short_id("p2pchat 1 person id", person_key))


def device_id_of(device_key: bytes) -> DeviceId:
    """The DeviceId of a device's raw Ed25519 public key (32 bytes)."""
    return DeviceId(_short_id("p2pchat 1 device id", device_key))


def has_peer_id_form(text: str) -> bool:
    """Whether the text could be a PeerId; such a text is never taken as a name."""
    return _PEER_ID.fullmatch(text.lower()) is not None


def network_tag(network: str) -> bytes:
    """32 bytes that stand for a network's name on the wire and in signatures."""
    return blake3(network.encode(), derive_key_context="p2pchat 1 network").digest()


def open_room_id(network: bytes, name: str) -> ConversationId:
    """The id of an open room: whoever knows its name can read it. `network` is its tag."""
    return ConversationId(
        blake3(network + name.encode(), derive_key_context="p2pchat 1 open room").digest()
    )


def direct_id(network: bytes, one: PeerId, other: PeerId) -> ConversationId:
    """The id of the conversation of two persons, the same whoever asks."""
    pair = "".join(sorted((one, other))).encode()
    return ConversationId(blake3(network + pair, derive_key_context="p2pchat 1 direct").digest())


def order_key(clock: int, entry: EntryHash) -> str:
    """The stored order of an entry: 80 hex characters that sort by (clock, hash)."""
    return f"{clock:016x}{entry.hex()}"
