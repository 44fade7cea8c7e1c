"""The certificate of one process: what it says, how it is made, how another's is checked.

Every leaf is signed by an authority whose key anyone can derive, because Python's ssl accepts no
certificate without an authority and has no callback to judge one. That signature proves nothing.
What proves something is the extension: the person's and the device's signatures over the leaf's
public key, which the TLS handshake shows the peer to own. The authority is loaded nowhere else.
"""

from __future__ import annotations

import datetime
import hashlib
import os
import secrets
import ssl
import tempfile
from dataclasses import dataclass
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    PublicFormat,
)

from p2pchat.config.limits import MAX_LINKS
from p2pchat.errors import P2PChatError, ProtocolError
from p2pchat.model.ids import InstanceId
from p2pchat.node.ports import LinkIdentity

AUTHORITY_SEED = b"p2pchat 1 link authority"
"""SHA-256 of this is the authority's P-256 private key."""
AUTHORITY_NAME = "p2pchat link authority"
LEAF_NAME = "p2pchat"
STATEMENT = b"p2pchat 1 link leaf"
VOUCHER_OID = x509.ObjectIdentifier("2.25.328178032574009049094031218275540317231")
"""A UUID of this program's own (ITU-T X.667)."""

_VALID_FROM = datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC)
_VALID_TO = datetime.datetime(9999, 12, 31, 23, 59, 59, tzinfo=datetime.UTC)

_KEY, _INSTANCE, _SIGNATURE = 32, 16, 64


@dataclass(frozen=True, slots=True)
class Voucher:
    """What a leaf says of the process that shows it: the extension's content, 208 bytes."""

    person_key: bytes
    device_key: bytes
    instance: InstanceId
    person_signature: bytes
    device_signature: bytes

    def encode(self) -> bytes:
        return (
            self.person_key
            + self.device_key
            + self.instance
            + self.person_signature
            + self.device_signature
        )

    @classmethod
    def decode(cls, data: bytes) -> Voucher:
        """ProtocolError where the length isn't right."""
        if len(data) != 2 * _KEY + _INSTANCE + 2 * _SIGNATURE:
            raise ProtocolError(f"a voucher of {len(data)} bytes")
        parts = []
        at = 0
        for length in (_KEY, _KEY, _INSTANCE, _SIGNATURE, _SIGNATURE):
            parts.append(data[at : at + length])
            at += length
        return cls(parts[0], parts[1], InstanceId(parts[2]), parts[3], parts[4])


@dataclass(frozen=True, slots=True)
class Credentials:
    """What this process shows on all its links."""

    server: ssl.SSLContext
    client: ssl.SSLContext
    fingerprint: bytes
    """SHA-256 of the leaf."""


def make_credentials(identity: LinkIdentity) -> Credentials:
    """A fresh leaf key, its certificate, and the contexts of both roles. A few milliseconds.
    P2PChatError where the temporary file that ssl insists on can't be written."""
    key = ec.generate_private_key(ec.SECP256R1())
    return credentials_of(key, sign_leaf(key, make_voucher(identity, key.public_key())))


def credentials_of(key: ec.EllipticCurvePrivateKey, leaf: x509.Certificate) -> Credentials:
    password = secrets.token_hex(32).encode()
    pem = leaf.public_bytes(Encoding.PEM) + key.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(password)
    )
    anchor = _authority_certificate().public_bytes(Encoding.DER)
    server = _context(ssl.PROTOCOL_TLS_SERVER, anchor)
    client = _context(ssl.PROTOCOL_TLS_CLIENT, anchor)
    server.num_tickets = 0
    try:
        _load((server, client), pem, password)
    except OSError as error:
        raise P2PChatError(f"no temporary file can be written: {error}") from error
    return Credentials(server, client, leaf.fingerprint(hashes.SHA256()))


def make_voucher(identity: LinkIdentity, leaf_key: ec.EllipticCurvePublicKey) -> Voucher:
    spki = leaf_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    said = _statement(identity.person_key, identity.device_key, identity.instance, spki)
    return Voucher(
        identity.person_key,
        identity.device_key,
        identity.instance,
        identity.sign_person(said),
        identity.sign_device(said),
    )


def sign_leaf(key: ec.EllipticCurvePrivateKey, voucher: Voucher) -> x509.Certificate:
    return (
        _builder(LEAF_NAME, key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(
            x509.UnrecognizedExtension(VOUCHER_OID, voucher.encode()),
            critical=False,
        )
        .sign(authority_key(), hashes.SHA256())
    )


@lru_cache(maxsize=MAX_LINKS)
def check_leaf(der: bytes) -> Voucher:
    """The voucher of a peer's leaf, once both its signatures are found to hold.
    ProtocolError otherwise, whatever the bytes are. A process shows one leaf on all connections."""
    try:
        leaf = x509.load_der_x509_certificate(der)
        found = leaf.extensions.get_extension_for_oid(VOUCHER_OID).value
        public_key = leaf.public_key()
        spki = public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except Exception as error:
        # The parser has many errors, and none of a stranger's bytes may pass as ours.
        raise ProtocolError("a certificate that can't be read") from error
    if not isinstance(found, x509.UnrecognizedExtension):
        raise ProtocolError("a certificate without a voucher")
    if not isinstance(public_key, ec.EllipticCurvePublicKey):
        raise ProtocolError("a certificate of a foreign kind of key")
    voucher = Voucher.decode(found.value)
    said = _statement(voucher.person_key, voucher.device_key, voucher.instance, spki)
    try:
        _verify(voucher.person_key, voucher.person_signature, said)
        _verify(voucher.device_key, voucher.device_signature, said)
    except (InvalidSignature, ValueError) as error:
        raise ProtocolError("a certificate that vouches for another identity") from error
    return voucher


def fingerprint(der: bytes) -> bytes:
    return hashlib.sha256(der).digest()


def _statement(person_key: bytes, device_key: bytes, instance: bytes, spki: bytes) -> bytes:
    return STATEMENT + person_key + device_key + instance + spki


def _verify(public_key: bytes, signature: bytes, data: bytes) -> None:
    Ed25519PublicKey.from_public_bytes(public_key).verify(signature, data)


def authority_key() -> ec.EllipticCurvePrivateKey:
    scalar = int.from_bytes(hashlib.sha256(AUTHORITY_SEED).digest(), "big")
    return ec.derive_private_key(scalar, ec.SECP256R1())


def _authority_certificate() -> x509.Certificate:
    key = authority_key()
    return (
        _builder(AUTHORITY_NAME, key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )


def _builder(subject: str, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    """No extended key usage: one leaf serves both roles. No time limit that a wrong clock could
    miss."""
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(AUTHORITY_NAME))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(_VALID_FROM)
        .not_valid_after(_VALID_TO)
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


def _context(protocol: int, anchor: bytes) -> ssl.SSLContext:
    """Built directly: create_default_context would ask for what our leaves leave out."""
    context = ssl.SSLContext(protocol)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.maximum_version = ssl.TLSVersion.TLSv1_3
    context.load_verify_locations(cadata=anchor)
    return context


def _load(contexts: tuple[ssl.SSLContext, ...], pem: bytes, password: bytes) -> None:
    """ssl reads certificates from files alone: one that only its owner can read, for a moment,
    with the key encrypted."""
    handle, path = tempfile.mkstemp(prefix="p2pchat-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(pem)
        for context in contexts:
            context.load_cert_chain(path, password=password)
    finally:
        os.unlink(path)
