"""Leases, what they are worth, and what forged and replayed ones come to."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pchat.config import limits
from p2pchat.protocol import signed
from p2pchat.protocol.hashing import network_tag
from p2pchat.protocol.identity import Identity, Signer
from p2pchat.protocol.registrar.election import Election, Standing, State, Verdict
from p2pchat.protocol.registrar.lease import (
    MAX_NUMBER,
    Lease,
    is_appointed,
    make_lease,
    make_mandate,
    read_lease,
)

NETWORK = network_tag("lan")
APPOINTING = Signer(b"a" * 32)


def identity(number: int) -> Identity:
    return Identity(bytes([number] * 32), bytes([number + 100] * 32))


OWN, *OTHERS = sorted((identity(n) for n in range(1, 5)), key=lambda made: made.device_id)
BETTER, WORSE = OWN, OTHERS[-1]


def lease(who: Identity, number: int = 1, beat: int = 1, over: bool = False) -> Lease:
    return make_lease(who, NETWORK, number, beat, over, b"")


def election(
    who: Identity, standing: Callable[[object], Standing] = lambda _: Standing.PLAIN
) -> Election:
    beats = iter(range(1, 1000))
    made = Election(
        who.device_id, 0, standing, lambda number, over: lease(who, number, next(beats), over)
    )
    made.willing = True
    return made


def leading(who: Identity) -> Election:
    made = election(who)
    made.campaign(0.0, 1.0, False, True)
    assert made.beat(0.5) is None
    assert made.beat(1.0) is not None
    assert made.state is State.REGISTRAR
    return made


def test_a_lease_is_read_as_it_was_made_and_not_when_anything_of_it_differs() -> None:
    made = make_lease(OWN, NETWORK, 7, 8, False, b"")
    assert read_lease(made.raw, NETWORK) == made
    assert read_lease(made.raw, network_tag("other")) is None
    stranger = make_lease(OTHERS[0], NETWORK, 7, 8, False, b"")
    for fields in (
        {"number": 8},
        {"over": True},
        {"person_key": stranger.record.person_key},
        {"device_key": stranger.record.device_key},
    ):
        changed = msgspec.structs.replace(made.record, **fields)
        signature = signed.unwrap(made.raw, 4096)
        assert signature is not None
        forged = signed.wrap(signed.encode(changed), signature.signature)
        assert read_lease(forged, NETWORK) is None
    vouched = msgspec.structs.replace(made.record, person_key=stranger.record.person_key)
    payload = signed.encode(vouched)
    own = OWN.device.sign(b"p2pchat 1 lease\0", NETWORK, payload)
    assert read_lease(signed.wrap(payload, own), NETWORK) is None, "not that person's device"
    assert read_lease(make_lease(OWN, NETWORK, 0, 1, False, b"").raw, NETWORK) is None
    assert read_lease(make_lease(OWN, NETWORK, MAX_NUMBER, 1, False, b"").raw, NETWORK) is None


@given(st.binary(max_size=600))
def test_any_bytes_are_read_or_not(raw: bytes) -> None:
    assert read_lease(raw, NETWORK) is None


def test_a_mandate_is_of_one_device_key_and_network() -> None:
    mandate = make_mandate(APPOINTING, NETWORK, OWN.device.key)
    key = OWN.device.key
    assert is_appointed(APPOINTING.key, NETWORK, key, mandate)
    assert not is_appointed(APPOINTING.key, NETWORK, OTHERS[0].device.key, mandate)
    assert not is_appointed(APPOINTING.key, network_tag("other"), key, mandate)
    assert not is_appointed(Signer(b"b" * 32).key, NETWORK, key, mandate)
    assert not is_appointed(b"", NETWORK, key, mandate)
    assert not is_appointed(APPOINTING.key, NETWORK, key, b"")


def test_the_larger_number_holds_then_the_smaller_id() -> None:
    mine = leading(OTHERS[1])
    assert mine.take(lease(OTHERS[2]), 2.0) is Verdict.WORSE
    assert mine.leads
    assert mine.take(lease(OTHERS[0]), 2.0) is Verdict.NEW
    assert not mine.leads
    assert mine.take(lease(OTHERS[2], number=2), 2.0) is Verdict.NEW
    assert mine.take(lease(BETTER, number=1, beat=5), 2.0) is Verdict.WORSE


def test_a_replayed_lease_prolongs_nothing() -> None:
    mine = election(OWN)
    first, second = lease(WORSE, beat=1), lease(WORSE, beat=2)
    assert mine.take(first, 0.0) is Verdict.NEW
    assert mine.take(second, 3.0) is Verdict.RENEWED
    assert mine.take(first, 4.0) is Verdict.STALE
    assert mine.take(second, 12.9) is Verdict.STALE
    assert mine.expire(13.0)
    assert mine.take(second, 13.0) is Verdict.STALE
    assert mine.state is State.CANDIDATE


def test_a_lease_runs_out_by_its_age_however_late_it_comes() -> None:
    mine = election(OWN)
    assert mine.take(lease(WORSE), 0.0, age=9.0) is Verdict.NEW
    assert mine.expire(1.0)
    assert mine.take(lease(WORSE, beat=2), 2.0, age=limits.LEASE_S) is Verdict.STALE
    assert mine.take(lease(WORSE, beat=3), 2.0, age=-1.0) is Verdict.STALE


def test_who_has_slept_leads_no_longer() -> None:
    mine = leading(OWN)
    assert mine.beat(4.0) is not None
    assert mine.expire(14.0)
    assert mine.state is State.CANDIDATE
    mine.campaign(14.0, 0.1, False, True)
    claimed = mine.beat(14.2)
    assert claimed is not None
    assert claimed.record.number == 2


def test_a_lease_that_is_over_leaves_the_seat_open() -> None:
    mine = election(OWN)
    mine.take(lease(WORSE), 0.0)
    assert mine.take(lease(OTHERS[0], beat=9, over=True), 1.0) is Verdict.STALE, "not its own"
    assert mine.take(lease(WORSE, beat=2, over=True), 1.0) is Verdict.NEW
    assert mine.current is None
    led = leading(OWN)
    over = led.resign(2.0)
    assert over is not None
    assert over.record.over
    assert led.state is State.CANDIDATE


def test_with_an_appointing_key_only_its_nodes_count() -> None:
    worth = {WORSE.device.key: Standing.APPOINTED, OTHERS[0].device.key: Standing.HOLDER}
    mine = election(
        OWN,
        lambda record: worth.get(record.device_key, Standing.VOID),  # type: ignore[attr-defined]  # a LeaseRecord
    )
    assert mine.take(lease(OTHERS[1], number=99), 0.0) is Verdict.STALE
    assert mine.take(lease(OTHERS[0], number=50), 0.0) is Verdict.NEW
    assert mine.take(lease(WORSE, number=1), 0.0) is Verdict.NEW, "the appointed leads"
    assert mine.take(lease(OTHERS[0], number=60, beat=2), 0.0) is Verdict.WORSE
    mine.campaign(0.0, 0.0, False, False)
    assert mine.expire(10.0)
    mine.campaign(10.0, 0.0, False, False)
    assert mine.beat(11.0) is None, "its own lease would count for nothing"


def test_the_appointed_takes_over_and_an_incumbent_stays() -> None:
    worth = {OWN.device.key: Standing.APPOINTED}
    mine = election(
        OWN,
        lambda record: worth.get(record.device_key, Standing.HOLDER),  # type: ignore[attr-defined]  # a LeaseRecord
    )
    mine.take(lease(WORSE, number=5), 0.0)
    mine.campaign(0.0, 0.1, True, True)
    claimed = mine.beat(0.2)
    assert claimed is not None
    assert claimed.record.number == 6
    other = election(OWN)
    other.take(lease(WORSE, number=5), 0.0)
    other.campaign(0.0, 0.1, False, True)
    assert other.beat(5.0) is None, "somebody leads"


def test_no_number_ends_the_elections() -> None:
    mine = election(OWN)
    mine.take(lease(WORSE, number=MAX_NUMBER - 1), 0.0)
    mine.expire(10.0)
    mine.campaign(10.0, 0.0, False, True)
    claimed = mine.beat(10.0)
    assert claimed is not None
    assert read_lease(claimed.raw, NETWORK) is not None


def test_what_is_remembered_of_leases_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "LEASES_KNOWN", 2)
    mine = election(OWN)
    for who in OTHERS:
        mine.take(lease(who), 0.0)
    assert len(mine._ages) == 2
