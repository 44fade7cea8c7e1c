"""Signatures in a simulated world: every host verifies them, all in one process, and that would be
half of all the work. Here each is computed once."""

from __future__ import annotations

from functools import cache

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from p2pchat.protocol import identity


class RememberingKey:
    """A public key that knows the signatures that it has found right."""

    def __init__(self, key: bytes) -> None:
        self._key = Ed25519PublicKey.from_public_bytes(key)
        self._right: set[tuple[bytes, bytes]] = set()

    def verify(self, signature: bytes, data: bytes) -> None:
        if (signature, data) not in self._right:
            self._key.verify(signature, data)
            self._right.add((signature, data))


def verify_once() -> None:
    """From now on, and with nothing remembered yet."""
    identity.public_key = cache(RememberingKey)  # type: ignore[arg-type]  # all that is used of one
