"""Records that came in are checked off the loop: in their order, each once, within a bound."""

from __future__ import annotations

from random import Random

import pytest

from p2pchat.config.settings import Settings
from p2pchat.node.lookalike import looks
from p2pchat.protocol import effects, signed
from p2pchat.protocol.context import Context
from p2pchat.protocol.hashing import network_tag
from p2pchat.protocol.identity import Identity, Signer
from p2pchat.protocol.registrar import checking
from p2pchat.protocol.registrar.checking import AT_ONCE, Checking
from p2pchat.protocol.registrar.claims import (
    Holder,
    make_appointed,
    make_claim,
    make_request,
    read_records,
)
from p2pchat.protocol.registrar.lease import make_lease
from p2pchat.protocol.registrar.registry import Registry

NETWORK = network_tag("lan")
DEVICE = Identity(b"p" * 32, b"d" * 32)


class Desk:
    """A registry, what waits before it, and the pool that checks."""

    def __init__(self) -> None:
        self.ctx = Context(DEVICE, NETWORK, Settings(), Random(1))
        self.appointed_by = b""
        self.registry = Registry(NETWORK, looks, lambda: self.appointed_by, lambda *_: True)
        self.idle = 0
        self.news: list[list[bytes]] = []
        self.checking = Checking(self.ctx, self.registry, self._idle)

    def _idle(self) -> None:
        self.idle += 1

    def check(self, *raws: bytes) -> bool:
        return self.checking.check(raws, self.news.append)

    def perform(self) -> tuple[bytes, ...]:
        """The one check that is wanted: its records."""
        (wanted,) = self.ctx.take()
        assert isinstance(wanted, effects.CheckRecords)
        found = read_records(wanted.records, NETWORK, wanted.appointed_by)
        self.ctx.resume(wanted.query, found)
        return wanted.records


def claims(count: int) -> list[bytes]:
    lease = make_lease(DEVICE, NETWORK, 1, 1, False, b"")
    people = [Signer(number.to_bytes(32, "little")) for number in range(count)]
    requests = [make_request(person, NETWORK, f"N{at}") for at, person in enumerate(people)]
    return [make_claim(DEVICE, NETWORK, request, lease, ()).raw for request in requests]


def forged(raw: bytes) -> bytes:
    """Of the same id."""
    found = signed.unwrap(raw, len(raw))
    assert found is not None
    return signed.wrap(found.payload, bytes(64))


def test_nothing_is_taken_in_before_it_was_checked() -> None:
    desk = Desk()
    *raws, other = claims(4)
    assert desk.check(*raws, forged(other), b"junk")
    assert len(desk.registry) == 0
    assert not desk.news
    desk.perform()
    assert desk.news == [raws]
    assert len(desk.registry) == 3
    assert not desk.ctx.take()


def test_a_flood_is_checked_in_slices_one_at_a_time_and_in_its_order() -> None:
    desk = Desk()
    raws = claims(2 * AT_ONCE + 1)
    for raw in raws:
        desk.check(raw)
    assert [desk.perform() for _ in range(3)] == [
        (raws[0],),
        tuple(raws[1 : AT_ONCE + 1]),
        tuple(raws[AT_ONCE + 1 :]),
    ]
    assert desk.news == [[raw] for raw in raws]
    assert desk.idle == 1


def test_what_several_send_is_checked_once_and_is_news_of_the_first() -> None:
    desk = Desk()
    first, other = claims(2)
    desk.check(first)
    for _ in range(3):
        desk.check(first)
        desk.check(other)
    assert [desk.perform(), desk.perform()] == [(first,), (other,)]
    assert desk.news == [[first], [], [other], [], [], [], []]
    desk.check(first, other)
    assert desk.news[-1] == [], "known: no check"
    assert not desk.ctx.take()


def test_a_forgery_that_comes_first_keeps_nothing_out() -> None:
    desk = Desk()
    (raw,) = claims(1)
    desk.check(forged(raw), raw)
    desk.perform()
    assert desk.news == [[raw]]


def test_what_waits_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    raws = claims(9)
    monkeypatch.setattr(checking, "WAITING_BYTES", 3 * (max(map(len, raws)) + 200))
    desk = Desk()
    for _ in range(2):
        begun = len(desk.registry)
        assert [desk.check(raw) for raw in raws[begun : begun + 4]] == [True, True, True, False]
        assert desk.idle == begun // 3
        desk.perform()
        desk.perform()
        assert len(desk.registry) == begun + 3
        assert desk.idle == 1 + begun // 3, "what was dropped can be asked for again"


def test_what_an_appointing_key_has_signed_that_counts_no_longer_isnt_taken_in() -> None:
    desk, old = Desk(), Signer(b"a" * 32)
    desk.appointed_by = old.key
    desk.check(make_appointed(old, NETWORK, Holder(DEVICE.device.key)).raw)
    desk.appointed_by = Signer(b"n" * 32).key
    desk.perform()
    assert desk.news == [[]]
    assert not desk.registry.is_holder(DEVICE.device.key)


def test_a_check_that_fails_holds_nothing_up() -> None:
    desk = Desk()
    raws = claims(2)
    for raw in raws:
        desk.check(raw)
    (wanted,) = desk.ctx.take()
    assert isinstance(wanted, effects.CheckRecords)
    desk.ctx.resume(wanted.query, [])
    desk.perform()
    assert desk.news == [[], [raws[1]]]
