"""The jobs that are slow or draw entropy, each a plain function to run in a thread.

`perform` runs any of them; the runtime gives the machine the result, or the exception.
"""

from __future__ import annotations

import threading
from typing import Any, assert_never

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, MLKEM768X25519PrivateKey, Suite
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from spake2 import SPAKE2_A, SPAKE2_B, SPAKEError
from spake2.ed25519_basic import NotOnCurve

from p2pchat.protocol import identity
from p2pchat.protocol.effects import Open, PakeFinish, PakeStart, Seal, SecretJob, Stretch
from p2pchat.protocol.identity import SealKey
from p2pchat.protocol.pake import MESSAGE_BYTES

ARGON2_MEMORY_KIB = 64 * 1024
"""64 MiB, 3 passes, 4 lanes: some 0.1 s, and dear for who guesses (RFC 9106, second choice)."""
ARGON2_PASSES = 3
ARGON2_LANES = 4
_one_argon2 = threading.Lock()
"""OpenSSL's Argon2id takes its lanes' threads from one pool: two at a time wait for each other
without end."""


def perform(job: SecretJob, own: SealKey) -> Any:
    """The result of a job, as its class in `protocol.effects` says; ValueError where what it got
    from a peer is unusable. `own` opens what was sealed to this person."""
    match job:
        case Seal(secret=secret, keys=keys, info=info):
            return tuple(seal(secret, key, info) for key in keys)
        case Open(box=box, info=info):
            return open_box(box, own, info)
        case Stretch(password=password, salt=salt):
            return stretch(password, salt)
        case PakeStart(first=first, secret=secret, asker=asker, answerer=answerer):
            return spake2_start(first, secret, asker, answerer)
        case PakeFinish(state=state, message=message):
            return spake2_finish(state, message)
        case _:
            assert_never(job)


def seal(secret: bytes, public: bytes, info: bytes) -> bytes:
    """An HPKE box (RFC 9180, base mode) for the owner of `public`, behind one byte that names
    the suite. `info` says what the box is for and must be the same when it is opened. ValueError
    where `public` is no key."""
    suite, key = identity.read_seal_key(public)
    return bytes([suite]) + _suite(suite).encrypt(secret, key, info=info)


def open_box(box: bytes, own: SealKey, info: bytes) -> bytes:
    """What was sealed. ValueError where the box isn't for `own`, or not for this use."""
    suite = box[0] if box else 0
    key: MLKEM768X25519PrivateKey | X25519PrivateKey
    if suite == identity.SUITE_HYBRID and own.hybrid is not None:
        key = own.hybrid
    elif suite == identity.SUITE_X25519:
        key = own.x25519
    else:
        raise ValueError("a box of an unknown suite")
    try:
        return _suite(suite).decrypt(box[1:], key, info=info)
    except InvalidTag as error:
        raise ValueError("a box that doesn't open") from error


def _suite(number: int) -> Suite:
    kem = KEM.MLKEM768_X25519 if number == identity.SUITE_HYBRID else KEM.X25519
    return Suite(kem, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)


def stretch(password: str, salt: bytes) -> bytes:
    """32 bytes: Argon2id (RFC 9106) of a password. `salt` names what it protects, 32 bytes."""
    argon2 = Argon2id(
        salt=salt,
        length=32,
        iterations=ARGON2_PASSES,
        lanes=ARGON2_LANES,
        memory_cost=ARGON2_MEMORY_KIB,
    )
    with _one_argon2:
        return argon2.derive(password.encode("utf-8", "surrogatepass"))


def spake2_start(first: bool, secret: bytes, asker: bytes, answerer: bytes) -> tuple[Any, bytes]:
    """Begin SPAKE2: an opaque state for `spake2_finish`, and the message for the other side."""
    side = SPAKE2_A if first else SPAKE2_B
    state = side(secret, idA=asker, idB=answerer)
    return state, state.start()


def spake2_finish(state: Any, message: bytes) -> bytes:
    """The shared key of 32 bytes: the same on both sides where both have the same secret and
    the same two identities. ValueError where `message` can't be one of SPAKE2."""
    if len(message) != MESSAGE_BYTES:
        raise ValueError("no message of SPAKE2: its length")
    try:
        key: bytes = state.finish(message)
    except (SPAKEError, NotOnCurve) as error:
        raise ValueError(f"no message of SPAKE2: {error}") from error
    return key
