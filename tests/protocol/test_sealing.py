"""Sealed bodies and membership proofs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pchat.protocol import sealing

KEY, OTHER_KEY = b"k" * 32, b"o" * 32
SALT = b"s" * 16
PLACE, OTHER_PLACE = b"f" * 40 + bytes(8), b"f" * 40 + bytes(7) + b"\1"
LEAF, PEER_LEAF = b"l" * 32, b"p" * 32
NONCE, PEER_NONCE = b"n" * 32, b"m" * 32


@given(st.binary(max_size=500), st.binary(min_size=48, max_size=48))
def test_a_sealed_body_opens_under_its_key(plain: bytes, place: bytes) -> None:
    sealed = sealing.seal_body(KEY, SALT, plain, place)
    assert len(sealed) == len(plain) + sealing.TAG_BYTES
    assert sealing.open_body(KEY, SALT, sealed, place) == plain


def test_a_body_opens_nowhere_else() -> None:
    sealed = sealing.seal_body(KEY, SALT, b"hello", PLACE)
    assert sealing.open_body(OTHER_KEY, SALT, sealed, PLACE) is None
    assert sealing.open_body(KEY, b"t" * 16, sealed, PLACE) is None
    assert sealing.open_body(KEY, b"", sealed, PLACE) is None
    assert sealing.open_body(KEY, SALT, sealed, OTHER_PLACE) is None


@given(st.binary(max_size=100))
def test_junk_opens_to_nothing(junk: bytes) -> None:
    assert sealing.open_body(KEY, SALT, junk, PLACE) is None
    assert sealing.open_once(KEY, "test", junk) is None


def test_copies_of_a_profile_share_no_key_stream() -> None:
    """Two copies write the same place of a feed: the XOR of the texts must not show."""
    one, other = b"attack at dawn", b"retreat at six"
    first = sealing.seal_body(KEY, SALT, one, PLACE)
    second = sealing.seal_body(KEY, b"t" * 16, other, PLACE)
    assert stream(one, first) != stream(other, second)


def stream(plain: bytes, sealed: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(plain, sealed, strict=False))


def test_a_key_has_one_name_that_is_not_the_key() -> None:
    assert sealing.key_id(KEY) == sealing.key_id(KEY) != sealing.key_id(OTHER_KEY)
    assert len(sealing.key_id(KEY)) == 16
    assert sealing.key_id(KEY) not in KEY


def test_a_membership_proof_holds_for_its_link_and_direction() -> None:
    proof = sealing.membership_proof(KEY, PEER_LEAF, LEAF, PEER_NONCE, NONCE)
    assert sealing.check_membership(proof, KEY, LEAF, PEER_LEAF, NONCE, PEER_NONCE)
    assert not sealing.check_membership(proof, OTHER_KEY, LEAF, PEER_LEAF, NONCE, PEER_NONCE)
    assert not sealing.check_membership(proof, KEY, LEAF, b"x" * 32, NONCE, PEER_NONCE)
    assert not sealing.check_membership(proof, KEY, LEAF, PEER_LEAF, b"x" * 32, PEER_NONCE)
    reflected = sealing.membership_proof(KEY, LEAF, PEER_LEAF, NONCE, PEER_NONCE)
    assert not sealing.check_membership(reflected, KEY, LEAF, PEER_LEAF, NONCE, PEER_NONCE)
    assert not sealing.check_membership(b"", KEY, LEAF, PEER_LEAF, NONCE, PEER_NONCE)


def test_parts_of_a_wrong_length_are_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        sealing.membership_proof(KEY, LEAF + b"x", PEER_LEAF[:-1], NONCE, PEER_NONCE)


def test_what_is_sealed_once_opens_under_its_context() -> None:
    sealed = sealing.seal_once(KEY, "one", b"x")
    assert sealing.open_once(KEY, "one", sealed) == b"x"
    assert sealing.open_once(KEY, "two", sealed) is None
    assert sealing.open_once(OTHER_KEY, "one", sealed) is None
