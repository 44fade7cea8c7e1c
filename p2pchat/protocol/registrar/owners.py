"""Who has which name: a pure function of the claims and of what the appointing key has said."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable

import msgspec

from p2pchat.config.limits import NAME_CHARS
from p2pchat.model.ids import PeerId
from p2pchat.model.names import Looks
from p2pchat.protocol.registrar.claims import Claim, Record, account_of

Said = tuple[bytes, str]
"""A person's key and a name."""


class Owner(msgspec.Struct, frozen=True):
    account: PeerId
    person_key: bytes
    name: str
    claimed: str
    """The name that was asked for: another one where that is somebody else's."""
    countersigned: bool


class _Claimed(msgspec.Struct, frozen=True):
    id: bytes
    person_key: bytes
    name: str
    seen: tuple[bytes, ...]
    key: tuple[int, bytes, bytes]
    """(term, device, id): the smaller came first."""

    @property
    def said(self) -> Said:
        return (self.person_key, self.name)


def owners(
    claims: Iterable[Record],
    countersigned: Collection[Said],
    released: Collection[Said],
    looks: Looks,
) -> dict[PeerId, Owner]:
    """Every account once, under a name that no other has, or that looks like no other's."""
    sealed: list[_Claimed] = []
    plain: list[_Claimed] = []
    gone: list[_Claimed] = []
    for record in claims:
        claim = _claimed(record)
        if claim is None:
            continue
        if claim.said in released:
            gone.append(claim)
        elif claim.said in countersigned:
            sealed.append(claim)
        else:
            plain.append(claim)
    ordered = [*_ordered(sealed, seen_first=True), *_ordered(plain, seen_first=False)]
    gone.sort(key=lambda claim: claim.key)
    return _assigned(ordered, gone, countersigned, looks)


def _claimed(record: Record) -> _Claimed | None:
    claim, request = record.payload, record.request
    if not isinstance(claim, Claim) or request is None:
        return None
    key = (claim.number, claim.device_key, record.id)
    return _Claimed(record.id, request.person_key, request.name, claim.seen, key)


def _ordered(claims: list[_Claimed], seen_first: bool) -> list[_Claimed]:
    """By key, but of two of which one had seen the other that one first, or the other."""
    by_id = {claim.id: claim for claim in claims}
    after: dict[bytes, list[_Claimed]] = {}
    waits = dict.fromkeys(by_id, 0)
    for claim in claims:
        for id in set(claim.seen) & by_id.keys():
            first, then = (by_id[id], claim) if seen_first else (claim, by_id[id])
            after.setdefault(first.id, []).append(then)
            waits[then.id] += 1
    # A claim names those it had seen by their hash: there are no circles.
    ready = [(claim.key, claim) for claim in claims if not waits[claim.id]]
    heapq.heapify(ready)
    result = []
    while ready:
        claim = heapq.heappop(ready)[1]
        result.append(claim)
        for then in after.get(claim.id, ()):
            waits[then.id] -= 1
            if not waits[then.id]:
                heapq.heappush(ready, (then.key, then))
    return result


def _assigned(
    ordered: list[_Claimed], gone: list[_Claimed], countersigned: Collection[Said], looks: Looks
) -> dict[PeerId, Owner]:
    found: dict[bytes, Owner] = {}
    taken: set[str] = set()

    def give(claim: _Claimed, name: str) -> bool:
        looked = looks(name)
        if not taken.isdisjoint(looked):
            return False
        taken.update(looked)
        found[claim.person_key] = Owner(
            account=account_of(claim.person_key),
            person_key=claim.person_key,
            name=name,
            claimed=claim.name,
            countersigned=claim.said in countersigned and name == claim.name,
        )
        return True

    for claim in ordered:
        if claim.person_key not in found:
            give(claim, claim.name)
    numbers: dict[str, int] = {}
    for claim in (*ordered, *gone):
        if claim.person_key in found:
            continue
        number = numbers.get(claim.name, 2)
        while not give(claim, _numbered(claim.name, number)):
            number += 1
        numbers[claim.name] = number + 1
    return {owner.account: owner for owner in found.values()}


def _numbered(name: str, number: int) -> str:
    end = f"_{number}"
    return name[: NAME_CHARS - len(end)] + end
