"""Identifiers: persons, devices, conversations, feeds, entries, and how they are written down."""

from __future__ import annotations

import base64
import binascii
import re
from typing import NewType

PeerId = NewType("PeerId", str)
"""A person: 32 lower-case base32 characters, the BLAKE3-160 of the person's Ed25519 public key."""

DeviceId = NewType("DeviceId", str)
"""One installation of a profile: like a PeerId, of the device's Ed25519 public key."""

ConversationId = NewType("ConversationId", bytes)
"""32 bytes; see `protocol.hashing`. A protected room's is random."""

FeedId = NewType("FeedId", bytes)
"""40 bytes: the device's Ed25519 public key, then 8 random bytes. Only that device writes to it."""

EntryHash = NewType("EntryHash", bytes)
"""32 bytes: BLAKE3 of an entry's header bytes; the identity of the entry."""

MessageId = NewType("MessageId", str)
"""The hex form of the EntryHash of the entry that made the message."""

InstanceId = NewType("InstanceId", bytes)
"""16 random bytes, new with each start of a process."""

_PEER_ID = re.compile(r"[a-z2-7]{32}")


def has_peer_id_form(text: str) -> bool:
    """Whether the text could be a PeerId; such a text is never taken as a name."""
    return _PEER_ID.fullmatch(text.lower()) is not None


def show_key(key: bytes) -> str:
    """A public key of 32 bytes as people pass it on: 52 lower-case base32 characters."""
    return base64.b32encode(key).decode("ascii").rstrip("=").lower()


def read_key(text: str) -> bytes:
    """ValueError where the text is no such key."""
    try:
        key = base64.b32decode(text.strip().upper() + "====")
    except binascii.Error as error:
        raise ValueError("no key: it has other characters, or another length") from error
    if len(key) != 32:
        raise ValueError("no key: it has another length")
    return key


def order_key(clock: int, entry: bytes) -> str:
    """The stored order of an entry: 80 hex characters that sort by (clock, hash)."""
    return f"{clock:016x}{entry.hex()}"
