"""Every hash of the protocol, each under a context of its own (BLAKE3's derive-key mode)."""

from __future__ import annotations

import base64
from functools import lru_cache

from blake3 import blake3

from p2pchat.model.ids import ConversationId, DeviceId, EntryHash, PeerId


def digest(context: str, *parts: bytes) -> bytes:
    """32 bytes over the parts as they stand; callers join only parts of fixed length."""
    hasher = blake3(derive_key_context=context)
    for part in parts:
        hasher.update(part)
    return hasher.digest()


def entry_hash(header: bytes) -> EntryHash:
    """The identity of an entry. Signature and body stand outside it: a second valid signature,
    or the loss of a deleted body, makes no other entry."""
    return EntryHash(blake3(header).digest())


def body_hash(salt: bytes, body: bytes) -> bytes:
    """What the header says of the body; salted, so that it tells nothing once both are gone."""
    return blake3(salt + body).digest()


@lru_cache(maxsize=4096)  # asked for at every turn, of a few hundred keys
def _short_id(context: str, key: bytes) -> str:
    hashed = blake3(key, derive_key_context=context).digest(length=20)
    return base64.b32encode(hashed).decode("ascii").lower()


def peer_id_of(person_key: bytes) -> PeerId:
    """The PeerId of a person's raw Ed25519 public key (32 bytes)."""
    return PeerId(_short_id("p2pchat 1 person id", person_key))


def device_id_of(device_key: bytes) -> DeviceId:
    """The DeviceId of a device's raw Ed25519 public key (32 bytes)."""
    return DeviceId(_short_id("p2pchat 1 device id", device_key))


def network_tag(network: str) -> bytes:
    """32 bytes that stand for a network's name on the wire and in signatures."""
    return digest("p2pchat 1 network", network.encode())


def open_room_id(network: bytes, name: str) -> ConversationId:
    """The id of an open room: whoever knows its name can read it. `network` is its tag."""
    return ConversationId(digest("p2pchat 1 open room", network, name.encode()))


def circle(conversation: ConversationId) -> bytes:
    """What stands for a conversation in the names of folders (`model.stream.Kept`). Hashed, since
    whoever founds a room chooses its id; 16 bytes, since some systems want names short. Nothing
    of it is on the wire."""
    return blake3(conversation).digest(length=16)


def direct_id(network: bytes, one: PeerId, other: PeerId) -> ConversationId:
    """The id of the conversation of two persons, the same whoever asks."""
    pair = "".join(sorted((one, other))).encode()
    return ConversationId(digest("p2pchat 1 direct", network, pair))
