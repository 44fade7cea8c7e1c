"""Who a person and a device are: their keys, the vouching between them, and how things are signed.

A person is an Ed25519 key, and so is each of their devices. The person signs the device's key
(the vouch); everything else on the network is signed by devices. Whoever has the person's seed
can also read what is sealed to the person: the HPKE key pair is derived from it.
"""

from __future__ import annotations

from functools import cached_property, lru_cache

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import MLKEM768X25519PrivateKey, MLKEM768X25519PublicKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from p2pchat.protocol.hashing import device_id_of, peer_id_of

SEED_BYTES = 32
KEY_BYTES = 32
SIGNATURE_BYTES = 64
KEYS_AT_HAND = 512
"""Public keys kept as objects: those that wrote lately."""

VOUCH_CONTEXT = b"p2pchat 1 vouch\0"

SUITE_X25519 = 1
"""DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305 (RFC 9180)."""
SUITE_HYBRID = 2
"""ML-KEM-768 with X25519 as the KEM; the rest as in SUITE_X25519."""
MLKEM_KEY_BYTES = 1184
SEAL_KEY_BYTES = {SUITE_X25519: 1 + 32, SUITE_HYBRID: 1 + MLKEM_KEY_BYTES + 32}


def sign(key: Ed25519PrivateKey, context: bytes, *parts: bytes) -> bytes:
    """64 bytes: Ed25519 over the context and the parts, joined as they stand.

    A context names one use of signatures and ends in a zero byte, so that none is the beginning
    of another. Only the last part may be of varying length.
    """
    return key.sign(_signed(context, parts))


def verify(key: bytes, signature: bytes, context: bytes, *parts: bytes) -> bool:
    """Whether the raw public key made this signature over the same context and parts."""
    try:
        public_key(key).verify(signature, _signed(context, parts))
    except (InvalidSignature, ValueError):
        return False
    return True


def _signed(context: bytes, parts: tuple[bytes, ...]) -> bytes:
    if not context.endswith(b"\0"):
        raise ValueError("a signature's context ends in a zero byte")
    return b"".join((context, *parts))


@lru_cache(maxsize=KEYS_AT_HAND)
def public_key(key: bytes) -> Ed25519PublicKey:
    """Of its 32 raw bytes; ValueError where they aren't a point of the curve. Reading one takes
    a third of the time that verifying does, and the same few write again and again."""
    return Ed25519PublicKey.from_public_bytes(key)


def check_vouch(person_key: bytes, device_key: bytes, signature: bytes) -> bool:
    """Whether the person says that the device is theirs."""
    return len(device_key) == KEY_BYTES and verify(person_key, signature, VOUCH_CONTEXT, device_key)


class Signer:
    """A private Ed25519 key; `key` is its raw public half."""

    def __init__(self, seed: bytes) -> None:
        if len(seed) != SEED_BYTES:
            raise ValueError("a seed has 32 bytes")
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self.key = self._private.public_key().public_bytes_raw()

    def sign(self, context: bytes, *parts: bytes) -> bytes:
        return sign(self._private, context, *parts)

    def sign_raw(self, data: bytes) -> bytes:
        """For callers that put a context of their own in front (`LinkIdentity`, entries)."""
        return self._private.sign(data)


class Identity:
    """The keys of this profile: a person's, and this device's."""

    def __init__(self, person_seed: bytes, device_seed: bytes) -> None:
        self.person = Signer(person_seed)
        self.device = Signer(device_seed)
        self.peer_id = peer_id_of(self.person.key)
        self.device_id = device_id_of(self.device.key)
        self.vouch = self.person.sign(VOUCH_CONTEXT, self.device.key)
        self.person_seed = person_seed

    @property
    def person_key(self) -> bytes:
        return self.person.key

    @property
    def device_key(self) -> bytes:
        return self.device.key

    @cached_property
    def sealing(self) -> SealKey:
        """What opens the boxes that others seal to this person."""
        return SealKey(self.person_seed)


class SealKey:
    """The person's HPKE key pair: hybrid where the cryptography library has ML-KEM."""

    def __init__(self, person_seed: bytes, hybrid: bool = True) -> None:
        self.x25519 = X25519PrivateKey.from_private_bytes(
            _derived(person_seed, b"p2pchat 1 hpke x25519", 32)
        )
        self.mlkem = _mlkem(person_seed) if hybrid else None

    @cached_property
    def hybrid(self) -> MLKEM768X25519PrivateKey | None:
        return MLKEM768X25519PrivateKey(self.mlkem, self.x25519) if self.mlkem else None

    @cached_property
    def public(self) -> bytes:
        """One byte that names the suite, then the raw public keys, ML-KEM's first."""
        x25519 = self.x25519.public_key().public_bytes_raw()
        if self.mlkem is None:
            return bytes([SUITE_X25519]) + x25519
        return bytes([SUITE_HYBRID]) + self.mlkem.public_key().public_bytes_raw() + x25519


PublicSealKey = X25519PublicKey | MLKEM768X25519PublicKey


def has_seal_key_form(public: bytes) -> bool:
    """Whether the bytes are a public key to seal to, by suite and length."""
    return bool(public) and SEAL_KEY_BYTES.get(public[0]) == len(public)


def read_seal_key(public: bytes) -> tuple[int, PublicSealKey]:
    """The suite to seal with, and the key. ValueError where the bytes are no such key.

    A library without ML-KEM takes the X25519 half of a hybrid key; its owner opens both.
    """
    if not has_seal_key_form(public):
        raise ValueError("not a key to seal to")
    x25519 = X25519PublicKey.from_public_bytes(public[-32:])
    if public[0] == SUITE_X25519:
        return SUITE_X25519, x25519
    try:
        mlkem = MLKEM768PublicKey.from_public_bytes(public[1:-32])
    except UnsupportedAlgorithm:
        return SUITE_X25519, x25519
    return SUITE_HYBRID, MLKEM768X25519PublicKey(mlkem, x25519)


def _mlkem(person_seed: bytes) -> MLKEM768PrivateKey | None:
    try:
        return MLKEM768PrivateKey.from_seed_bytes(
            _derived(person_seed, b"p2pchat 1 hpke ml-kem-768", 64)
        )
    except UnsupportedAlgorithm:
        return None


def _derived(seed: bytes, info: bytes, length: int) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=length, salt=None, info=info).derive(seed)
