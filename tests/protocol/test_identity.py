"""Keys, vouching and signatures."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from cryptography.hazmat.primitives.hpke import MLKEM768X25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from p2pchat.protocol import identity as module
from p2pchat.protocol.hashing import device_id_of, peer_id_of
from p2pchat.protocol.identity import Identity, SealKey, Signer, check_vouch, verify

PERSON, DEVICE, OTHER = bytes(32), b"\1" * 32, b"\2" * 32


def test_an_identity_has_the_ids_of_its_keys() -> None:
    identity = Identity(PERSON, DEVICE)
    assert identity.peer_id == peer_id_of(identity.person.key)
    assert identity.device_id == device_id_of(identity.device.key)


def test_the_person_vouches_for_this_device_alone() -> None:
    identity, other = Identity(PERSON, DEVICE), Identity(OTHER, DEVICE)
    assert check_vouch(identity.person.key, identity.device.key, identity.vouch)
    assert not check_vouch(other.person.key, identity.device.key, identity.vouch)
    assert not check_vouch(identity.person.key, other.person.key, identity.vouch)
    assert not check_vouch(identity.person.key, identity.device.key[:-1], identity.vouch)


def test_a_signature_holds_for_its_context_and_parts() -> None:
    signer = Signer(PERSON)
    signature = signer.sign(b"one\0", b"ab", b"c")
    assert verify(signer.key, signature, b"one\0", b"ab", b"c")
    assert not verify(signer.key, signature, b"two\0", b"ab", b"c")
    assert not verify(signer.key, signature, b"one\0", b"ab", b"d")
    assert not verify(Signer(OTHER).key, signature, b"one\0", b"ab", b"c")


def test_a_context_without_its_end_is_refused() -> None:
    with pytest.raises(ValueError, match="zero byte"):
        Signer(PERSON).sign(b"one", b"a")


@given(st.binary(max_size=80), st.binary(max_size=80))
def test_junk_is_no_signature(key: bytes, signature: bytes) -> None:
    assert not verify(key, signature, b"one\0", b"a")


@pytest.mark.parametrize("hybrid", [True, False])
def test_a_seal_key_is_the_same_for_the_same_person(hybrid: bool) -> None:
    one, again = SealKey(PERSON, hybrid), SealKey(PERSON, hybrid)
    assert one.public == again.public != SealKey(OTHER, hybrid).public
    assert module.has_seal_key_form(one.public)


def test_seal_keys_are_read_by_their_suite() -> None:
    suite, key = module.read_seal_key(SealKey(PERSON, hybrid=False).public)
    assert suite == module.SUITE_X25519
    assert isinstance(key, X25519PublicKey)
    hybrid = SealKey(PERSON)
    suite, key = module.read_seal_key(hybrid.public)
    assert isinstance(key, MLKEM768X25519PublicKey if hybrid.mlkem else X25519PublicKey)
    assert suite == (module.SUITE_HYBRID if hybrid.mlkem else module.SUITE_X25519)


@given(st.binary(max_size=1300))
def test_junk_is_no_seal_key(junk: bytes) -> None:
    if not module.has_seal_key_form(junk):
        with pytest.raises(ValueError, match="not a key"):
            module.read_seal_key(junk)
