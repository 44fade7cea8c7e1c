"""The phrase by which two persons check that nobody stands between them."""

from __future__ import annotations

from p2pchat.protocol.hashing import digest

WORDS = 8
"""128 bits. Somebody in the middle chooses a key towards each side and needs two that give the
same phrase; a collision of 128 bits costs 2^64 key pairs, of 80 bits it would cost a few hours."""

_CONSONANTS = "bdfghjklmnprstvz"
_VOWELS = "aiou"


def verify_words(one: bytes, other: bytes) -> str:
    """Eight pronounceable words from the Ed25519 keys of two persons, in either order.

    They stay the same for the two for ever, whichever devices they use.
    """
    if len(one) != 32 or len(other) != 32:
        raise ValueError("a person's key has 32 bytes")
    hashed = digest("p2pchat 1 verify words", *sorted((one, other)))
    return " ".join(
        proquint(int.from_bytes(hashed[at : at + 2], "big")) for at in range(0, 2 * WORDS, 2)
    )


def proquint(value: int) -> str:
    """16 bits as a word of five letters (D. S. Wilkerson, A Proposal for Proquints, 2009)."""
    return (
        _CONSONANTS[value >> 12 & 15]
        + _VOWELS[value >> 10 & 3]
        + _CONSONANTS[value >> 6 & 15]
        + _VOWELS[value >> 4 & 3]
        + _CONSONANTS[value & 15]
    )
