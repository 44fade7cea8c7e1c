"""Who has which name: the same for the same records, whatever way they came; and what may change
hands and what may not."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pchat.config import limits
from p2pchat.model.ids import PeerId
from p2pchat.node.lookalike import looks
from p2pchat.protocol import signed
from p2pchat.protocol.hashing import network_tag
from p2pchat.protocol.identity import Identity, Signer
from p2pchat.protocol.registrar.claims import (
    Claim,
    Countersignature,
    Holder,
    Notice,
    Record,
    Release,
    account_of,
    make_appointed,
    make_claim,
    make_request,
    read_record,
)
from p2pchat.protocol.registrar.lease import Lease, make_lease, make_mandate
from p2pchat.protocol.registrar.owners import Owner, owners
from p2pchat.protocol.registrar.registry import Registry

NETWORK = network_tag("lan")
APPOINTING = Signer(b"a" * 32)
PERSONS = [Signer(bytes([n] * 32)) for n in range(1, 6)]
DEVICES = [Identity(bytes([n] * 32), bytes([n + 50] * 32)) for n in range(1, 4)]
NAMES = ("Li", "LI", "Lı", "Li_2", "Ann", "Paul", "PauI", "ﬁn", "fin")


def lease(device: Identity, number: int, mandate: bytes = b"") -> Lease:
    return make_lease(device, NETWORK, number, 1, False, mandate)


def claim(
    person: Signer,
    name: str,
    number: int = 1,
    device: Identity = DEVICES[0],
    seen: tuple[Record, ...] = (),
    mandate: bytes = b"",
) -> Record:
    request = make_request(person, NETWORK, name)
    ids = tuple(record.id for record in seen)
    return make_claim(device, NETWORK, request, lease(device, number, mandate), ids)


def said(record: Record) -> tuple[bytes, str]:
    request = record.request
    assert request is not None
    return (request.person_key, request.name)


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[Record], set[int], set[int]]:
    """Claims, and which of them are countersigned and released."""
    made: list[Record] = []
    for _ in range(draw(st.integers(1, 9))):
        seen = draw(st.lists(st.sampled_from(made), max_size=3, unique=True)) if made else []
        made.append(
            claim(
                draw(st.sampled_from(PERSONS)),
                draw(st.sampled_from(NAMES)),
                draw(st.integers(1, 3)),
                draw(st.sampled_from(DEVICES)),
                tuple(seen),
            )
        )
    numbers = st.sets(st.integers(0, len(made) - 1), max_size=3)
    return made, draw(numbers), draw(numbers)


@given(histories(), st.randoms(use_true_random=False))
def test_the_same_claims_give_the_same_owners_in_any_order(
    history: tuple[list[Record], set[int], set[int]], rng: Random
) -> None:
    made, sealed, gone = history
    countersigned = {said(made[n]) for n in sealed}
    released = {said(made[n]) for n in gone}
    found = owners(made, countersigned, released, looks)
    shuffled = made * 2
    rng.shuffle(shuffled)
    unique = list({record.id: record for record in shuffled}.values())
    assert owners(unique, countersigned, released, looks) == found
    assert set(found) == {account_of(said(record)[0]) for record in made}, "no account is lost"
    looked = [look for owner in found.values() for look in looks(owner.name)]
    for owner in found.values():
        others = [o for o in found.values() if o is not owner]
        assert all(looks(owner.name).isdisjoint(looks(other.name)) for other in others)
        assert len(owner.name) <= limits.NAME_CHARS
    assert looked


@given(histories(), histories())
def test_a_countersigned_name_stays_whatever_else_is_claimed(
    history: tuple[list[Record], set[int], set[int]],
    more: tuple[list[Record], set[int], set[int]],
) -> None:
    made, _, _ = history
    first = made[0]
    countersigned = {said(first)}
    before = owners([first], countersigned, set(), looks)[account_of(said(first)[0])]
    assert before.name == said(first)[1]
    attacked = [first, *made[1:], *more[0]]
    attacked += [claim(PERSONS[4], said(first)[1], 0, DEVICES[2], (first,))]
    unique = list({record.id: record for record in attacked}.values())
    after = owners(unique, countersigned, set(), looks)
    assert after[before.account].name == before.name


def names(
    *records: Record, sealed: tuple[Record, ...] = (), gone: tuple[Record, ...] = ()
) -> list[str]:
    """Of the first persons, in order."""
    found = owners(records, {said(r) for r in sealed}, {said(r) for r in gone}, looks)
    return [found[a].name for p in PERSONS if (a := account_of(p.key)) in found]


def test_the_smaller_term_then_the_smaller_device_wins_and_the_other_is_renamed() -> None:
    late, early = claim(PERSONS[0], "Li", 2), claim(PERSONS[1], "li", 1)
    assert names(late, early) == ["Li_2", "li"]
    third = claim(PERSONS[2], "LI", 3)
    assert names(late, early, third) == ["Li_2", "li", "LI_3"]


def test_one_that_had_seen_the_other_wins_unless_that_is_countersigned() -> None:
    first = claim(PERSONS[0], "Li", 1)
    second = claim(PERSONS[1], "Li", 5, seen=(first,))
    assert names(first, second) == ["Li_2", "Li"]
    assert names(first, second, sealed=(first,)) == ["Li", "Li_2"]
    assert names(first, second, sealed=(first, second)) == ["Li", "Li_2"]
    assert names(first, second, sealed=(first,), gone=(first,)) == ["Li_2", "Li"]


def test_a_released_name_is_free_and_its_account_goes_on() -> None:
    first = claim(PERSONS[0], "Li")
    assert names(first, gone=(first,)) == ["Li_2"]
    second = claim(PERSONS[1], "Li", 2, seen=(first,))
    assert names(first, second, gone=(first,)) == ["Li_2", "Li"]
    again = claim(PERSONS[0], "Lisa", 3, seen=(first,))
    assert names(first, second, again, gone=(first,)) == ["Lisa", "Li"]


def test_what_was_asked_for_as_it_stands_goes_before_what_was_numbered() -> None:
    loser, winner = claim(PERSONS[0], "Li", 2), claim(PERSONS[1], "Li", 1)
    explicit = claim(PERSONS[2], "Li_2", 9)
    assert names(loser, winner, explicit) == ["Li_3", "Li", "Li_2"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Paul", "PAUL"),
        ("Paul", "PauI"),
        ("Li", "Lі"),
        ("fin", "ﬁn"),
        ("corn", "com"),
        ("André", "Andre\u0301"),
        ("Strasse", "Straße"),
    ],
)
def test_names_that_look_alike_are_one(one: str, other: str) -> None:
    alike = not looks(one).isdisjoint(looks(other))
    assert alike
    assert looks("Li").isdisjoint(looks("Lo"))


# -- the set


def registry(appointed_by: bytes = b"") -> Registry:
    return Registry(NETWORK, looks, lambda: appointed_by, lambda *_: True)


def owned(found: Registry) -> dict[PeerId, Owner]:
    return dict(found.owners())


@given(st.lists(st.integers(0, 11), max_size=20), st.lists(st.integers(0, 11), max_size=20))
def test_merging_is_associative_commutative_and_idempotent(one: list[int], two: list[int]) -> None:
    made = _ALL
    left, right, both = registry(APPOINTING.key), registry(APPOINTING.key), registry(APPOINTING.key)
    for number in [*one, *two]:
        left.add(made[number])
    for number in [*two, *one, *one]:
        right.add(made[number])
    for number in {*one, *two}:
        both.add(made[number])
    assert left.digest() == right.digest() == both.digest()
    assert owned(left) == owned(right) == owned(both)


_MANDATE = make_mandate(APPOINTING, NETWORK, DEVICES[0].device.key)
_ALL = [
    *(
        claim(person, name, 1 + number % 2, mandate=_MANDATE).raw
        for number, (person, name) in enumerate(
            (person, name) for person in PERSONS[:4] for name in ("Li", "LI")
        )
    ),
    make_appointed(APPOINTING, NETWORK, Countersignature(PERSONS[2].key, "Li")).raw,
    make_appointed(APPOINTING, NETWORK, Release(PERSONS[0].key, "Li")).raw,
    make_appointed(APPOINTING, NETWORK, Release(PERSONS[2].key, "LI")).raw,
    make_appointed(APPOINTING, NETWORK, Countersignature(PERSONS[3].key, "LI")).raw,
]


def test_with_an_appointing_key_only_its_devices_take_claims() -> None:
    found = registry(APPOINTING.key)
    other = claim(PERSONS[0], "Li", device=DEVICES[1])
    assert found.add(other.raw) is None
    holder = make_appointed(APPOINTING, NETWORK, Holder(DEVICES[1].device.key))
    assert found.add(holder.raw) is not None
    assert found.is_holder(DEVICES[1].device.key)
    assert found.add(other.raw) is not None
    stolen = claim(PERSONS[1], "Ann", device=DEVICES[2], mandate=_MANDATE)
    assert found.add(stolen.raw) is None, "another device's mandate"


def test_what_somebody_else_has_signed_counts_for_nothing() -> None:
    stranger = Signer(b"s" * 32)
    for payload in (
        Countersignature(PERSONS[0].key, "Li"),
        Release(PERSONS[0].key, "Li"),
        Holder(DEVICES[0].device.key),
    ):
        forged = make_appointed(stranger, NETWORK, payload)
        assert read_record(forged.raw, NETWORK, APPOINTING.key) is None
        assert read_record(forged.raw, NETWORK, b"") is None
        assert registry().add(forged.raw) is None
    honest = claim(PERSONS[0], "Li")
    taken = honest.payload
    assert isinstance(taken, Claim)
    found = signed.unwrap(honest.raw, limits.CLAIM_BYTES)
    assert found is not None
    for changed in (
        Claim(taken.request, 0, taken.device_key, b"", ()),
        Claim(taken.request, 1, DEVICES[1].device.key, b"", ()),
        Claim(make_request(PERSONS[1], NETWORK, "Li")[:-1] + b"x", 1, taken.device_key, b"", ()),
        Claim(taken.request, 1, taken.device_key, b"", (b"short",)),
        Claim(taken.request, 1, taken.device_key, b"", (b"i" * 32,) * 17),
    ):
        raw = signed.wrap(signed.encode(changed), found.signature)
        assert read_record(raw, NETWORK, b"") is None
    other = network_tag("other")
    assert read_record(honest.raw, other, b"") is None
    assert registry().add(honest.raw) is not None


def test_with_another_appointing_key_nothing_counts_that_the_old_one_has_signed() -> None:
    """Nor after a restart: the old one may have been stolen."""
    keys = [APPOINTING.key]
    found = Registry(NETWORK, looks, lambda: keys[-1], lambda *_: True)
    device = DEVICES[1].device.key
    holder = make_appointed(APPOINTING, NETWORK, Holder(device))
    sealed = make_appointed(APPOINTING, NETWORK, Countersignature(PERSONS[0].key, "Li"))
    notice = make_appointed(APPOINTING, NETWORK, Notice(PERSONS[0].key, "Hi", b"", 1, b"salt"))
    taken = claim(PERSONS[0], "Li", device=DEVICES[1])
    stored = [record.raw for record in (holder, sealed, notice, taken)]
    assert all(found.add(raw) is not None for raw in stored)
    (owner,) = owned(found).values()
    assert owner.countersigned
    digest = found.digest()

    keys.append(Signer(b"n" * 32).key)
    found.judge_anew()
    again = registry(keys[-1])
    again.load(stored)
    for one in (found, again):
        assert not one.is_holder(device)
        assert not one.notices()
        assert not owned(one)
        assert one.digest() != digest, "others are given none of it"

    keys.pop()
    found.judge_anew()
    assert found.is_holder(device)
    assert len(found.notices()) == 1
    assert list(owned(found).values()) == [owner]
    assert found.digest() == digest


@given(st.binary(max_size=300))
def test_any_bytes_are_a_record_or_not(raw: bytes) -> None:
    assert registry().add(raw) is None


def test_the_set_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "CLAIMS", 2)
    found = registry()
    taken = [found.add(claim(person, "Li").raw) for person in PERSONS]
    assert [record is not None for record in taken] == [True, True, False, False, False]


def test_a_stored_set_comes_back() -> None:
    found, again = registry(APPOINTING.key), registry(APPOINTING.key)
    for one in _ALL:
        found.add(one)
    raws = [raw for id in found.ids() if (raw := found.get(id)) is not None]
    again.load(raws)
    assert again.digest() == found.digest()
    assert owned(again) == owned(found)
    assert len(raws) == len(_ALL)
