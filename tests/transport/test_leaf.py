"""The certificate of a process: what is accepted, and that nothing else is."""

from __future__ import annotations

import dataclasses
import os
import tempfile
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st
from transport_support import make_identity

from p2pchat.errors import P2PChatError, ProtocolError
from p2pchat.transport.leaf import (
    VOUCHER_OID,
    Voucher,
    check_leaf,
    make_credentials,
    make_voucher,
    sign_leaf,
)

KEY = ec.generate_private_key(ec.SECP256R1())
IDENTITY = make_identity()
VOUCHER = make_voucher(IDENTITY, KEY.public_key())
LEAF = sign_leaf(KEY, VOUCHER).public_bytes(Encoding.DER)


def test_a_leaf_tells_its_identity() -> None:
    voucher = check_leaf(LEAF)
    assert voucher.person_key == IDENTITY.person_key
    assert voucher.device_key == IDENTITY.device_key
    assert voucher.instance == IDENTITY.instance


def test_a_leaf_is_of_the_documented_form() -> None:
    leaf = x509.load_der_x509_certificate(LEAF)
    assert leaf.not_valid_before_utc.year == 2000
    assert leaf.not_valid_after_utc.year == 9999
    extension = leaf.extensions.get_extension_for_oid(VOUCHER_OID)
    assert not extension.critical
    assert {one.oid for one in leaf.extensions} == {
        VOUCHER_OID,
        x509.BasicConstraints.oid,
    }


@pytest.mark.parametrize(
    "name", ["person_key", "device_key", "instance", "person_signature", "device_signature"]
)
def test_every_part_of_a_voucher_is_vouched_for(name: str) -> None:
    other = make_voucher(make_identity(), ec.generate_private_key(ec.SECP256R1()).public_key())
    forged = dataclasses.replace(VOUCHER, **{name: getattr(other, name)})
    with pytest.raises(ProtocolError, match="another identity"):
        check_leaf(sign_leaf(KEY, forged).public_bytes(Encoding.DER))


def test_a_voucher_holds_for_one_leaf_key_only() -> None:
    thief = ec.generate_private_key(ec.SECP256R1())
    with pytest.raises(ProtocolError, match="another identity"):
        check_leaf(sign_leaf(thief, VOUCHER).public_bytes(Encoding.DER))


def test_a_certificate_without_a_voucher_is_refused() -> None:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "p2pchat")])
    plain = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(KEY.public_key())
        .serial_number(1)
        .not_valid_before(x509.load_der_x509_certificate(LEAF).not_valid_before_utc)
        .not_valid_after(x509.load_der_x509_certificate(LEAF).not_valid_after_utc)
        .sign(KEY, hashes.SHA256())
    )
    with pytest.raises(ProtocolError):
        check_leaf(plain.public_bytes(Encoding.DER))


@given(st.binary(max_size=600))
def test_any_bytes_as_a_certificate_are_refused(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        check_leaf(data)


@given(st.binary(max_size=300))
def test_any_bytes_as_a_voucher_are_read_or_refused(data: bytes) -> None:
    try:
        voucher = Voucher.decode(data)
    except ProtocolError:
        assert len(data) != 208
    else:
        assert voucher.encode() == data


@given(
    at=st.integers(min_value=0, max_value=len(LEAF) - 1),
    change=st.binary(min_size=1, max_size=8),
    cut=st.integers(min_value=0, max_value=8),
)
def test_a_damaged_leaf_never_tells_another_identity(at: int, change: bytes, cut: int) -> None:
    damaged = LEAF[:at] + change + LEAF[at + cut :]
    try:
        voucher = check_leaf(damaged)
    except ProtocolError:
        return
    assert voucher == VOUCHER


def test_the_key_leaves_no_file_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    made: list[tuple[int, bytes]] = []
    remove = os.unlink

    def watch(path: str) -> None:
        made.append((os.stat(path).st_mode & 0o777, Path(path).read_bytes()))
        remove(path)

    monkeypatch.setattr(os, "unlink", watch)
    make_credentials(make_identity())
    assert list(tmp_path.iterdir()) == []
    ((mode, content),) = made
    assert mode == 0o600
    assert b"BEGIN ENCRYPTED PRIVATE KEY" in content


def test_no_place_for_the_file_is_one_clear_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "not made"))
    with pytest.raises(P2PChatError, match="no temporary file"):
        make_credentials(make_identity())
