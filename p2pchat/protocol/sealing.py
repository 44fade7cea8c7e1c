"""Sealed bodies, the names of conversation keys, and the proof that one has a key."""

from __future__ import annotations

import hmac

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from p2pchat.protocol.hashing import digest

KEY_BYTES = 32
KEY_ID_BYTES = 16
SALT_BYTES = 16
PLACE_BYTES = 48
NONCE_BYTES = 32
LEAF_BYTES = 32
TAG_BYTES = 16
"""What sealing adds to a body."""

_ZERO_NONCE = bytes(12)


def key_id(key: bytes) -> bytes:
    """16 bytes that name a conversation key and commit to it."""
    return digest("p2pchat 1 conversation key id", _exactly(key, KEY_BYTES))[:KEY_ID_BYTES]


def seal_body(key: bytes, salt: bytes, plain: bytes, place: bytes) -> bytes:
    """Seal an entry's body under a conversation key (ChaCha20-Poly1305, RFC 8439). `place` is the
    feed (40 bytes) and the seq (8, big-endian).

    Each entry has an AEAD key of its own, derived from the conversation key, the entry's place
    and its 16 random bytes of salt, so the nonce can be zero. A nonce that counts, or a key from
    the place alone, would be used twice as soon as a profile is copied, or rolled back with its
    machine, and both copies write their next entry: two texts under one key stream. Fresh salt
    for each entry keeps even those apart.
    """
    return ChaCha20Poly1305(_body_key(key, salt, place)).encrypt(_ZERO_NONCE, plain, None)


def open_body(key: bytes, salt: bytes, sealed: bytes, place: bytes) -> bytes | None:
    """The plain body; None where it wasn't sealed so."""
    if len(salt) != SALT_BYTES:
        return None
    aead = ChaCha20Poly1305(_body_key(key, salt, place))
    try:
        return aead.decrypt(_ZERO_NONCE, sealed, None)
    except InvalidTag:
        return None


def _body_key(key: bytes, salt: bytes, place: bytes) -> bytes:
    return digest(
        "p2pchat 1 body key",
        _exactly(key, KEY_BYTES),
        _exactly(salt, SALT_BYTES),
        _exactly(place, PLACE_BYTES),
    )


def membership_proof(
    key: bytes, own_leaf: bytes, peer_leaf: bytes, own_nonce: bytes, peer_nonce: bytes
) -> bytes:
    """32 bytes that show to who has the conversation key too that this side has it.

    Bound to both leaf certificates and both Hello nonces, the prover's first: it is worth nothing
    on another link, at another time or sent back to its maker; to who lacks the key it is noise.
    """
    return digest(
        "p2pchat 1 membership",
        _exactly(key, KEY_BYTES),
        _exactly(own_leaf, LEAF_BYTES),
        _exactly(peer_leaf, LEAF_BYTES),
        _exactly(own_nonce, NONCE_BYTES),
        _exactly(peer_nonce, NONCE_BYTES),
    )


def check_membership(
    proof: bytes,
    key: bytes,
    own_leaf: bytes,
    peer_leaf: bytes,
    own_nonce: bytes,
    peer_nonce: bytes,
) -> bool:
    """Whether the peer's proof is right; `own` is the side that checks."""
    expected = membership_proof(key, peer_leaf, own_leaf, peer_nonce, own_nonce)
    return hmac.compare_digest(expected, proof)


def seal_once(key: bytes, context: str, plain: bytes) -> bytes:
    """Seal the only plain text that `key` will ever seal under this context."""
    aead = ChaCha20Poly1305(digest(context, _exactly(key, KEY_BYTES)))
    return aead.encrypt(_ZERO_NONCE, plain, None)


def open_once(key: bytes, context: str, sealed: bytes) -> bytes | None:
    """What `seal_once` sealed; None where it wasn't sealed so."""
    aead = ChaCha20Poly1305(digest(context, _exactly(key, KEY_BYTES)))
    try:
        return aead.decrypt(_ZERO_NONCE, sealed, None)
    except InvalidTag:
        return None


def _exactly(data: bytes, length: int) -> bytes:
    """Digests join their parts as they stand, so each must have its one length."""
    if len(data) != length:
        raise ValueError(f"{length} bytes are needed, not {len(data)}")
    return data
