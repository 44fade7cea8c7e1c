"""The keys of an account, as holders keep them: its person's seed, wrapped under the password and
under the recovery code, and what proves either by SPAKE2."""

from __future__ import annotations

import base64
import binascii

import msgspec
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from p2pchat.config import limits
from p2pchat.model.ids import PeerId
from p2pchat.protocol import signed
from p2pchat.protocol.hashing import digest
from p2pchat.protocol.identity import KEY_BYTES, SEED_BYTES, Signer, verify
from p2pchat.protocol.registrar.claims import account_of
from p2pchat.protocol.sealing import TAG_BYTES, open_once, seal_once

KEYBOX_CONTEXT = b"p2pchat 1 keybox\0"
_WRAP_CONTEXT = "p2pchat 1 wrapped seed"
SECRET_BYTES = 32
_MAX_COUNTER = 1 << 53
RECOVERY_BYTES = 15
"""120 bits: 24 base32 characters, in six groups."""


class Lock(msgspec.Struct, frozen=True, array_like=True):
    """The seed behind one password or code."""

    secret: bytes
    """What SPAKE2 proves."""
    wrapped: bytes


class KeyboxRecord(msgspec.Struct, frozen=True, array_like=True):
    """Signed by the person."""

    person_key: bytes
    counter: int
    """The larger (counter, hash) wins."""
    password: Lock
    recovery: Lock


class Keybox(msgspec.Struct, frozen=True):
    record: KeyboxRecord
    raw: bytes

    @property
    def account(self) -> PeerId:
        return account_of(self.record.person_key)

    @property
    def id(self) -> bytes:
        return digest("p2pchat 1 record id", self.raw)[:16]

    @property
    def version(self) -> tuple[int, bytes]:
        return (self.record.counter, self.id)


_keybox = msgspec.msgpack.Decoder(KeyboxRecord)


def password_salt(person_key: bytes) -> bytes:
    """Of Argon2id."""
    return digest("p2pchat 1 password salt", person_key)


def recovery_salt(person_key: bytes) -> bytes:
    return digest("p2pchat 1 recovery salt", person_key)


def password_tag(person_key: bytes) -> bytes:
    """What stands in a room's place where the password of an account is proven."""
    return digest("p2pchat 1 account password", person_key)


def recovery_tag(person_key: bytes) -> bytes:
    return digest("p2pchat 1 account recovery", person_key)


def proof_secret(stretched: bytes) -> bytes:
    """What SPAKE2 proves, of what Argon2id made of the password or code."""
    return _derived(stretched, b"p2pchat 1 account spake2")


def wrap_key(stretched: bytes) -> bytes:
    return _derived(stretched, b"p2pchat 1 account wrap")


def _derived(stretched: bytes, info: bytes) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=SECRET_BYTES, salt=None, info=info).derive(
        stretched
    )


def make_lock(stretched: bytes, seed: bytes) -> Lock:
    wrapped = seal_once(wrap_key(stretched), _WRAP_CONTEXT, seed)
    return Lock(proof_secret(stretched), wrapped)


def open_lock(stretched: bytes, wrapped: bytes) -> bytes | None:
    """The seed; None where it wasn't wrapped under this."""
    seed = open_once(wrap_key(stretched), _WRAP_CONTEXT, wrapped)
    return seed if seed is not None and len(seed) == SEED_BYTES else None


def make_keybox(
    person: Signer, network: bytes, counter: int, password: Lock, recovery: Lock
) -> Keybox:
    record = KeyboxRecord(person.key, counter, password, recovery)
    payload = signed.encode(record)
    return Keybox(record, signed.wrap(payload, person.sign(KEYBOX_CONTEXT, network, payload)))


def kept_keybox(raw: bytes) -> Keybox | None:
    """One that was checked before it was stored, or that is about to be."""
    record = signed.read(_keybox, signed.unwrap(raw, limits.KEYBOX_BYTES))
    return None if record is None else Keybox(record, raw)


def read_keybox(raw: bytes, network: bytes) -> Keybox | None:
    """None where the bytes are no keybox that its person signed for this network."""
    found, box = signed.unwrap(raw, limits.KEYBOX_BYTES), kept_keybox(raw)
    if found is None or box is None:
        return None
    record = box.record
    locks = (record.password, record.recovery)
    fits = (
        len(record.person_key) == KEY_BYTES
        and 0 < record.counter < _MAX_COUNTER
        and all(len(lock.secret) == SECRET_BYTES for lock in locks)
        and all(len(lock.wrapped) == SEED_BYTES + TAG_BYTES for lock in locks)
    )
    if not fits:
        return None
    if not verify(record.person_key, found.signature, KEYBOX_CONTEXT, network, found.payload):
        return None
    return box


# -- the recovery code


def show_code(code: bytes) -> str:
    """`ABCD-EFGH-…`, for writing down."""
    text = base64.b32encode(code).decode("ascii")
    return "-".join(text[at : at + 4] for at in range(0, len(text), 4))


def read_code(text: str) -> str:
    """As it was shown, however it was typed; what can't be a code stays as it is."""
    plain = "".join(char for char in text.upper() if char.isalnum())
    plain = plain.replace("0", "O").replace("1", "I").replace("8", "B")
    try:
        return show_code(base64.b32decode(plain))
    except (binascii.Error, ValueError):
        return text
