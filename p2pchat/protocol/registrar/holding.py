"""The keyboxes that a holder keeps: of each account the latest."""

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


class Holding:
    def __init__(self, network: bytes) -> None:
        self._network = network
        self._boxes: dict[PeerId, Keybox] = {}
        self._by_id: dict[bytes, Keybox] = {}
        self._by_tag: dict[bytes, tuple[PeerId, bool]] = {}
        """What is proven, and whether it is the recovery code."""

    def load(self, raws: Iterable[bytes]) -> None:
        for raw in raws:
            box = kept_keybox(raw)
            if box is not None:
                self.put(box)

    def is_news(self, raw: bytes) -> Keybox | None:
        """A checked keybox that is newer than what is here."""
        kept = kept_keybox(raw)
        if kept is None:
            return None
        old = self._boxes.get(kept.account)
        if old is not None and old.version >= kept.version:
            return None
        if old is None and len(self._boxes) >= limits.CLAIMS:
            return None
        return read_keybox(raw, self._network)

    def put(self, box: Keybox) -> None:
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

    # -- a set, for comparing

    def ids(self) -> list[bytes]:
        return sorted(self._by_id)

    def get(self, id: bytes) -> bytes | None:
        found = self._by_id.get(id)
        return None if found is None else found.raw

    def digest(self) -> bytes:
        return digest("p2pchat 1 record set", *self.ids())[:16]
