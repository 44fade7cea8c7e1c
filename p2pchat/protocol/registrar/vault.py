"""The vault: what an account brings to a machine that its person signs in on. Sealed under a key
that only the person's seed gives, and signed; holders keep the latest beside the keybox."""

from __future__ import annotations

import msgspec

from p2pchat.config import limits
from p2pchat.model.ids import ConversationId, PeerId
from p2pchat.protocol import signed
from p2pchat.protocol.hashing import digest
from p2pchat.protocol.identity import KEY_BYTES, Signer, verify
from p2pchat.protocol.registrar.claims import account_of
from p2pchat.protocol.sealing import open_once, seal_once

VAULT_CONTEXT = b"p2pchat 1 vault\0"
_SEAL_CONTEXT = "p2pchat 1 sealed vault"
SALT_BYTES = 32
_MAX_COUNTER = 1 << 53


class Contact(msgspec.Struct, frozen=True, array_like=True):
    person_key: bytes
    verified: bool
    profile: bytes = b""
    """Their signed record: who is off can be shown and written to. Empty where it isn't known, or
    there is no room for more."""


class VaultRoom(msgspec.Struct, frozen=True, array_like=True):
    id: ConversationId
    name: str
    keys: tuple[bytes, ...]
    """An open room has none."""
    secret: bytes


class Contents(msgspec.Struct, frozen=True, array_like=True):
    contacts: tuple[Contact, ...] = ()
    rooms: tuple[VaultRoom, ...] = ()
    settings: bytes = b"{}"
    """JSON; what belongs to the machine isn't in it, nor what is as it is at first."""
    note: str = ""
    avatar: bytes = b""
    """Of the person's profile, which the name is in already."""
    stamps: dict[bytes, int] = {}
    """When each of these was changed last, and what isn't here any more: see `merging`."""


class VaultRecord(msgspec.Struct, frozen=True, array_like=True):
    """Signed by the person."""

    person_key: bytes
    counter: int
    """The larger (counter, hash) wins."""
    after: int
    """The counter of the vault whose changes are in this one; a registrar that has a newer one
    doesn't take it."""
    salt: bytes
    sealed: bytes


class Vault(msgspec.Struct, frozen=True):
    record: VaultRecord
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


_vault = msgspec.msgpack.Decoder(VaultRecord)
_contents = msgspec.msgpack.Decoder(Contents)


def make_vault(
    seed: bytes, network: bytes, counter: int, after: int, salt: bytes, contents: Contents
) -> Vault | None:
    """`salt`: 32 random bytes. None where it would be over the limit."""
    person = Signer(seed)
    sealed = seal_once(_key(seed, salt), _SEAL_CONTEXT, signed.encode(contents))
    record = VaultRecord(person.key, counter, after, salt, sealed)
    payload = signed.encode(record)
    raw = signed.wrap(payload, person.sign(VAULT_CONTEXT, network, payload))
    return Vault(record, raw) if len(raw) <= limits.VAULT_BYTES else None


def open_vault(seed: bytes, vault: Vault) -> Contents | None:
    """None where it isn't this person's, or nothing that this version can read."""
    plain = open_once(_key(seed, vault.record.salt), _SEAL_CONTEXT, vault.record.sealed)
    if plain is None:
        return None
    try:
        return _contents.decode(plain)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _key(seed: bytes, salt: bytes) -> bytes:
    return digest("p2pchat 1 vault key", seed, salt)


def kept_vault(raw: bytes) -> Vault | None:
    """One that was checked before it was stored, or that is about to be."""
    record = signed.read(_vault, signed.unwrap(raw, limits.VAULT_BYTES))
    return None if record is None else Vault(record, raw)


def read_vault(raw: bytes, network: bytes) -> Vault | None:
    """None where the bytes are no vault that its person signed for this network."""
    found, vault = signed.unwrap(raw, limits.VAULT_BYTES), kept_vault(raw)
    if found is None or vault is None:
        return None
    record = vault.record
    if len(record.person_key) != KEY_BYTES or len(record.salt) != SALT_BYTES:
        return None
    if not 0 <= record.after < record.counter < _MAX_COUNTER:
        return None
    if not verify(record.person_key, found.signature, VAULT_CONTEXT, network, found.payload):
        return None
    return vault
