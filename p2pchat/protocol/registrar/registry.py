"""The grow-only set of records that every node keeps, and what follows from it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

from p2pchat.config import limits
from p2pchat.model.ids import PeerId
from p2pchat.model.names import Looks
from p2pchat.protocol.hashing import digest
from p2pchat.protocol.registrar.claims import (
    Claim,
    Countersignature,
    Holder,
    Notice,
    Record,
    Release,
    Seen,
    kept_record,
    read_record,
)
from p2pchat.protocol.registrar.lease import is_appointed
from p2pchat.protocol.registrar.owners import Owner, Said, owners

SHORT_BYTES = 16
"""Of an id on the wire."""


class Names:
    """Who has which name, by some set of records."""

    def __init__(self, owners: Mapping[PeerId, Owner], looks: Looks) -> None:
        self.owners = owners
        self._looks = looks
        self._by_look = {look: owner for owner in owners.values() for look in looks(owner.name)}

    def find(self, name: str) -> Owner | None:
        """Whose name this is, or looks like."""
        return next(
            (self._by_look[look] for look in sorted(self._looks(name)) if look in self._by_look),
            None,
        )


class Registry:
    """`appointed_by` gives the public half of the appointing key, or nothing; `admits` says whether
    who has seen an announcement (its id, the person's key) is listed beside so many others."""

    def __init__(
        self,
        network: bytes,
        looks: Looks,
        appointed_by: Callable[[], bytes],
        admits: Callable[[bytes, bytes, int], bool],
    ) -> None:
        self._network = network
        self.looks = looks
        self.appointed_by = appointed_by
        self._admits = admits
        self._clear()

    def _clear(self) -> None:
        self._judged_by = self.appointed_by()
        self._records: dict[bytes, Record] = {}
        """By the id as on the wire."""
        self._aside: list[bytes] = []
        """What another appointing key has signed: it may be the one that counts again."""
        self._claims = 0
        self._holders: set[bytes] = set()
        self._notices: list[Record] = []
        self._seen: dict[bytes, dict[bytes, None]] = {}
        """The keys of those who have seen an announcement."""
        self._names: Names | None = None
        self._digest: bytes | None = None

    # -- the set

    def __len__(self) -> int:
        return len(self._records)

    def __contains__(self, id: bytes) -> bool:
        """By the id as on the wire."""
        return id in self._records

    def load(self, raws: Iterable[bytes]) -> None:
        """What was stored."""
        for raw in raws:
            record = kept_record(raw)
            if record is None:
                continue
            if self._is_signed(record):
                self._put(record)
            else:
                self._aside.append(raw)

    def _is_signed(self, record: Record) -> bool:
        """What was checked once still holds, but for what the appointing key signs: that may have
        been another one."""
        if isinstance(record.payload, Claim | Seen):
            return True
        return read_record(record.raw, self._network, self._judged_by) is not None

    def add(self, raw: bytes) -> Record | None:
        """Check a record and take it in; None where it is here, isn't valid, or counts for nothing
        here."""
        if self.id_of_news(raw) is None:
            return None
        record = read_record(raw, self._network, self.appointed_by())
        return record if record is not None and self.take(record) else None

    def id_of_news(self, raw: bytes) -> bytes | None:
        """The id as on the wire of a record that isn't here, unchecked; None where it is, where
        the bytes are none, or there is no room for it."""
        kept = kept_record(raw)
        if kept is None or (self.full and isinstance(kept.payload, Claim)):
            return None
        short = self._short(kept)
        return short if short not in self._records else None

    def take(self, record: Record) -> bool:
        """Take in one that was checked; False where it is here, or counts for nothing here."""
        if self._short(record) in self._records:
            return False
        if not (self._counts(record) and self._has_room(record)):
            return False
        self._put(record)
        return True

    def check(self, raw: bytes) -> Record | None:
        """A record that is valid and counts here, known or not."""
        record = read_record(raw, self._network, self.appointed_by())
        return record if record is not None and self._counts(record) else None

    def has(self, raw: bytes) -> bool:
        kept = kept_record(raw)
        return kept is not None and self._short(kept) in self._records

    @property
    def full(self) -> bool:
        """No further claim is kept."""
        return self._claims >= limits.CLAIMS

    def _has_room(self, record: Record) -> bool:
        """What anybody can make is bounded; what the appointing key has signed isn't."""
        match record.payload:
            case Claim():
                return not self.full
            case Seen(notice=notice, person_key=person):
                found = self._records.get(notice[:SHORT_BYTES])
                known = found is not None and isinstance(found.payload, Notice)
                return known and self._admits(notice, person, len(self._seen.get(notice, ())))
            case _:
                return True

    def _put(self, record: Record) -> None:
        self._records[self._short(record)] = record
        self._digest = None
        match record.payload:
            case Holder(device_key=key):
                self._holders.add(key)
            case Notice():
                self._notices.append(record)
                return
            case Seen(notice=notice, person_key=person):
                self._seen.setdefault(notice, {})[person] = None
                return
            case Claim():
                self._claims += 1
        self._names = None

    @staticmethod
    def _short(record: Record) -> bytes:
        return record.id[:SHORT_BYTES]

    def _counts(self, record: Record) -> bool:
        """Where there is an appointing key, claims of its nodes alone."""
        key, claim = self.appointed_by(), record.payload
        if not key or not isinstance(claim, Claim):
            return True
        return claim.device_key in self._holders or is_appointed(
            key, self._network, claim.device_key, claim.mandate
        )

    def is_holder(self, device_key: bytes) -> bool:
        """Signed by the appointing key."""
        return device_key in self._holders

    def notices(self) -> list[Record]:
        """Announcements, in the order in which they came."""
        return list(self._notices)

    def seen_of(self, notice: bytes) -> Collection[bytes]:
        """The keys of the persons who have seen it."""
        return self._seen.get(notice, {}).keys()

    def ids(self) -> list[bytes]:
        """As on the wire, but what others count only with comes first: holders and announcements
        before what they have claimed and who has seen them."""

        def place(short: bytes) -> tuple[bool, bytes]:
            return (not isinstance(self._records[short].payload, Holder | Notice), short)

        return sorted(self._records, key=place)

    def get(self, id: bytes) -> bytes | None:
        found = self._records.get(id)
        return None if found is None else found.raw

    def digest(self) -> bytes:
        """The same for the same set."""
        if self._digest is None:
            self._digest = digest("p2pchat 1 record set", *sorted(self._records))[:SHORT_BYTES]
        return self._digest

    # -- what follows

    def judge_anew(self) -> None:
        """The appointing key may be another one: what the old one has signed counts no longer."""
        if self.appointed_by() != self._judged_by:
            raws = [*self._aside, *(record.raw for record in self._records.values())]
            self._clear()
            self.load(raws)

    def names(self) -> Names:
        """Worked out where something has changed: some 20 µs a claim."""
        if self._names is None:
            said: tuple[set[Said], set[Said]] = (set(), set())
            claims = []
            for record in self._records.values():
                match record.payload:
                    case Claim():
                        if self._counts(record):
                            claims.append(record)
                    case Countersignature(person_key=key, name=name):
                        said[0].add((key, name))
                    case Release(person_key=key, name=name):
                        said[1].add((key, name))
                    case Holder() | Notice() | Seen():
                        pass
            if not self.appointed_by():
                said = (set(), set())
            self._names = Names(owners(claims, *said, self.looks), self.looks)
        return self._names

    def owners(self) -> Mapping[PeerId, Owner]:
        return self.names().owners

    def find(self, name: str) -> Owner | None:
        """Whose name this is, or looks like."""
        return self.names().find(name)

    def claimants(self, name: str) -> list[Owner]:
        """Whoever has this name, then those who have asked for it."""
        found, looked = self.find(name), self.looks(name)
        others = [
            owner
            for owner in self.owners().values()
            if owner is not found and not looked.isdisjoint(self.looks(owner.claimed))
        ]
        others.sort(key=lambda owner: owner.name)
        return [found, *others] if found is not None else others

    def is_released(self, owner: Owner) -> bool:
        said = (owner.person_key, owner.claimed)
        return any(
            isinstance(record.payload, Release)
            and (record.payload.person_key, record.payload.name) == said
            for record in self._records.values()
        )

    def seen_by(self, name: str, person_key: bytes) -> tuple[bytes, ...]:
        """Ids of claims that one of this name, or of this person, has to name."""
        looked = self.looks(name)
        found = []
        for record in self._records.values():
            request = record.request
            if request is not None and (
                request.person_key == person_key or not looked.isdisjoint(self.looks(request.name))
            ):
                found.append(record.id)
        return tuple(sorted(found)[: limits.CLAIMS_SEEN])

    def claim_of(self, person_key: bytes, name: str) -> Record | None:
        """A claim of this person of just this name."""
        for record in self._records.values():
            request = record.request
            if request is not None and (request.person_key, request.name) == (person_key, name):
                return record
        return None

    def highest_term(self) -> int:
        claims = (record.payload for record in self._records.values())
        return max((claim.number for claim in claims if isinstance(claim, Claim)), default=0)
