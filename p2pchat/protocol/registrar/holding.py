"""The keyboxes and vaults that a holder keeps: of each account the latest."""

from __future__ import annotations

from collections.abc import Iterable

from p2pchat.config import limits
from p2pchat.model.ids import PeerId
from p2pchat.protocol.hashing import digest
from p2pchat.protocol.registrar.keybox import (
    Keybox,
    kept_keybox,
    password_tag,
    read_keybox,
    recovery_tag,
)
from p2pchat.protocol.registrar.vault import Vault, kept_vault, read_vault


class Holding:
    def __init__(self, network: bytes) -> None:
        self._network = network
        self._boxes: dict[PeerId, Keybox] = {}
        self._vaults: dict[PeerId, Vault] = {}
        self._vault_bytes = 0
        self._coming: dict[tuple[type, PeerId], Keybox | Vault] = {}
        """The newest that is being made durable, where one is: on the disk the last one written
        stays, so that no older one may follow."""
        self._by_id: dict[bytes, Keybox | Vault] = {}
        self._by_tag: dict[bytes, tuple[PeerId, bool]] = {}
        """What is proven, and whether it is the recovery code."""

    def load(self, raws: Iterable[bytes]) -> None:
        for raw in raws:
            held = kept_keybox(raw) or kept_vault(raw)
            if held is not None:
                self.put(held)

    def is_news(self, raw: bytes) -> Keybox | Vault | None:
        """A checked keybox or vault that is newer than what is here."""
        kept = kept_keybox(raw)
        if kept is None:
            return self._is_new_vault(raw)
        if not self._is_newer(kept):
            return None
        if kept.account not in self._boxes and len(self._boxes) >= limits.CLAIMS:
            return None
        return read_keybox(raw, self._network)

    def _is_new_vault(self, raw: bytes) -> Vault | None:
        """Of an account whose keybox is here."""
        kept = kept_vault(raw)
        if kept is None or kept.account not in self._boxes or not self._is_newer(kept):
            return None
        old = self._vaults.get(kept.account)
        more = len(raw) - (len(old.raw) if old is not None else 0)
        if self._vault_bytes + more > limits.VAULTS_BYTES:
            return None
        return read_vault(raw, self._network)

    def _is_newer(self, held: Keybox | Vault) -> bool:
        return all(old.version < held.version for old in self._known(held))

    def is_outdated(self, held: Keybox | Vault) -> bool:
        """Whether a newer one is here, or about to be."""
        return any(old.version > held.version for old in self._known(held))

    def _known(self, held: Keybox | Vault) -> list[Keybox | Vault]:
        here = self._vaults if isinstance(held, Vault) else self._boxes
        known = (here.get(held.account), self._coming.get(_place(held)))
        return [old for old in known if old is not None]

    def expect(self, held: Keybox | Vault) -> None:
        """It is being made durable: call `put` then, or `give_up`."""
        self._coming[_place(held)] = held

    def give_up(self, held: Keybox | Vault) -> None:
        """It couldn't be made durable, or is."""
        if self._coming.get(_place(held)) is held:
            del self._coming[_place(held)]

    def put(self, held: Keybox | Vault) -> None:
        self.give_up(held)
        if isinstance(held, Vault):
            self._put_vault(held)
        else:
            self._put_box(held)

    def _put_vault(self, vault: Vault) -> None:
        old = self._vaults.get(vault.account)
        if old is not None:
            if old.version >= vault.version:
                return
            self._vault_bytes -= len(old.raw)
            del self._by_id[old.id]
        self._vaults[vault.account] = vault
        self._vault_bytes += len(vault.raw)
        self._by_id[vault.id] = vault

    def vault_of(self, account: PeerId) -> Vault | None:
        return self._vaults.get(account)

    def _put_box(self, box: Keybox) -> None:
        old = self._boxes.get(box.account)
        if old is not None:
            if old.version >= box.version:
                return
            del self._by_id[old.id]
        self._boxes[box.account] = box
        self._by_id[box.id] = box
        key = box.record.person_key
        self._by_tag[password_tag(key)] = (box.account, False)
        self._by_tag[recovery_tag(key)] = (box.account, True)

    def of(self, account: PeerId) -> Keybox | None:
        return self._boxes.get(account)

    # -- what is proven, and what it gives

    def secret(self, tag: bytes) -> bytes | None:
        found = self._by_tag.get(tag)
        if found is None:
            return None
        record = self._boxes[found[0]].record
        return (record.recovery if found[1] else record.password).secret

    def grant(self, tag: bytes) -> bytes:
        """The whole keybox: who has proven the one could be let change the other."""
        return self._boxes[self._by_tag[tag][0]].raw

    def account_of(self, tag: bytes) -> PeerId | None:
        found = self._by_tag.get(tag)
        return None if found is None else found[0]

    # -- a set, for comparing

    def ids(self) -> list[bytes]:
        return sorted(self._by_id)

    def get(self, id: bytes) -> bytes | None:
        found = self._by_id.get(id)
        return None if found is None else found.raw

    def digest(self) -> bytes:
        return digest("p2pchat 1 record set", *self.ids())[:16]


def _place(held: Keybox | Vault) -> tuple[type, PeerId]:
    return (type(held), held.account)


def is_outdated_by(raw: bytes, other: bytes) -> bool:
    """Of an account's keyboxes or vaults, both kept here: whether the second is newer."""
    before, after = (kept_keybox(one) or kept_vault(one) for one in (raw, other))
    return after is not None and (before is None or before.version < after.version)
