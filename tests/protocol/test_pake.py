"""Proving passwords: two nodes, with real SPAKE2 and a network in memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p2pchat.config import limits
from p2pchat.errors import ProtocolError
from p2pchat.model.ids import DeviceId, PeerId
from p2pchat.node import secrets
from p2pchat.protocol import pake, wire
from p2pchat.protocol.effects import SecretJob
from p2pchat.protocol.hashing import network_tag
from p2pchat.protocol.identity import SealKey
from p2pchat.protocol.pake import Ends, Granted, Outcome, Party, PasswordProofs, Refused, Step

LAN = network_tag("lan")
ROOM, OTHER_ROOM = b"r" * 32, b"q" * 32
RIGHT, WRONG = b"right" + bytes(27), b"wrong" + bytes(27)
LINK = 1
_SEAL_KEY = SealKey(bytes(32))


def party(name: str) -> Party:
    return Party(PeerId(name * 32), DeviceId(name.upper() * 32), name.encode() * 32)


ANN, BEN, EVE = party("a"), party("b"), party("e")


class Node:
    """One node's end of LINK."""

    def __init__(self, own: Party, peer: Party, passwords: dict[bytes, bytes]) -> None:
        self.ends = Ends(own, peer, "10.0.0.9")
        self.passwords = passwords
        self.jobs: deque[tuple[SecretJob, Callable[[Any], None]]] = deque()
        self.out: deque[wire.Pake] = deque()
        self.proofs = PasswordProofs(
            LAN,
            Random(own.peer),
            self,
            lambda job, then: self.jobs.append((job, then)),
            lambda _, frame: self.out.append(frame),
        )
        self.outcomes: list[Outcome] = []
        self.seen: list[str] = []

    def secret(self, link: int, conversation: bytes) -> bytes | None:
        return self.passwords.get(conversation)

    def grant(self, link: int, conversation: bytes) -> bytes:
        return b"the room key"

    def proven(self, link: int, conversation: bytes) -> None:
        # At once: what comes in next may be the asker's first words after the grant.
        assert self.out[-1].step == Step.GRANT
        self.seen.append("proven")

    def disproven(self, link: int, conversation: bytes) -> None:
        self.seen.append("disproven")

    def ask(self, secret: bytes, room: bytes = ROOM, now: float = 0.0) -> None:
        self.proofs.ask(LINK, room, secret, self.ends, now, self.outcomes.append)

    def work(self) -> None:
        while self.jobs:
            job, then = self.jobs.popleft()
            try:
                result = secrets.perform(job, _SEAL_KEY)
            except ValueError as error:
                result = error
            then(result)

    def receive(self, frame: wire.Pake, now: float = 0.0) -> None:
        self.proofs.receive(LINK, frame, self.ends, now)


def run(one: Node, other: Node, now: float = 0.0) -> list[wire.Pake]:
    """Let both talk until nothing moves; every frame that went over the wire."""
    sent: list[wire.Pake] = []
    while one.jobs or other.jobs or one.out or other.out:
        one.work()
        other.work()
        for source, target in ((one, other), (other, one)):
            while source.out:
                sent.append(source.out.popleft())
                target.receive(sent[-1], now)
    return sent


def pair(known: bytes = RIGHT) -> tuple[Node, Node]:
    return Node(ANN, BEN, {}), Node(BEN, ANN, {ROOM: known})


@pytest.mark.parametrize("conversation", [ROOM, b""])
def test_the_right_password_gets_what_it_asked_for(conversation: bytes) -> None:
    asker, answerer = Node(ANN, BEN, {}), Node(BEN, ANN, {conversation: RIGHT})
    asker.ask(RIGHT, conversation)
    steps = [frame.step for frame in run(asker, answerer)]
    assert steps == [Step.ASK, Step.REPLY, Step.CONFIRM, Step.GRANT]
    assert asker.outcomes == [Granted(b"the room key")]
    assert answerer.seen == ["proven"]
    assert asker.proofs.deadline() is None
    assert answerer.proofs.deadline() is None


def test_what_is_granted_does_not_stand_on_the_wire() -> None:
    asker, answerer = pair()
    asker.ask(RIGHT)
    assert not any(b"the room key" in frame.data for frame in run(asker, answerer))


def test_a_wrong_password_learns_nothing_but_that() -> None:
    asker, answerer = pair()
    asker.ask(WRONG)
    sent = run(asker, answerer)
    assert [frame.step for frame in sent] == [Step.ASK, Step.REPLY, Step.CONFIRM, Step.REFUSE]
    assert asker.outcomes == [Refused("wrong-password")]
    assert answerer.seen == ["disproven"]


def test_who_only_claims_to_be_a_member_grants_nothing() -> None:
    """It accepts any confirmation, but can't make the answerer's MAC."""
    asker, answerer = pair(known=WRONG)
    asker.ask(RIGHT)
    asker.work()
    answerer.receive(asker.out.popleft())
    answerer.work()
    asker.receive(answerer.out.popleft())
    asker.work()
    confirm = asker.out.popleft()
    asker.receive(wire.Pake(confirm.session, ROOM, Step.GRANT, confirm.data + b"x" * 40))
    assert asker.outcomes == [Refused("wrong-password")]


def test_somebody_between_two_links_gets_neither_side_to_agree() -> None:
    asker, answerer = Node(ANN, EVE, {}), Node(BEN, EVE, {ROOM: RIGHT})
    asker.ask(RIGHT)
    run(asker, answerer)
    assert asker.outcomes == [Refused("wrong-password")]
    assert answerer.seen == ["disproven"]


def test_a_room_that_is_not_known_is_refused() -> None:
    asker, answerer = pair()
    asker.ask(RIGHT, OTHER_ROOM)
    run(asker, answerer)
    assert asker.outcomes == [Refused("no-such-room")]


def test_wrong_tries_run_out_and_come_back_after_a_minute() -> None:
    asker, answerer = pair()
    for _ in range(limits.TRIES_PER_MINUTE):
        asker.ask(WRONG)
        run(asker, answerer)
    asker.ask(RIGHT)
    run(asker, answerer)
    asker.ask(RIGHT, now=61.0)
    run(asker, answerer, now=61.0)
    assert asker.outcomes[-2:] == [Refused("too-many-tries"), Granted(b"the room key")]


def test_wrong_tries_at_once_run_out_as_well() -> None:
    asker, answerer = pair()
    answerer.proofs._wrong.mark(ROOM, 0.0)
    answerer.proofs._wrong.mark(ROOM, 0.0)
    for _ in range(limits.PROOFS_PER_LINK):
        asker.ask(WRONG)
    run(asker, answerer)
    assert asker.outcomes.count(Refused("wrong-password")) == 3
    assert asker.outcomes.count(Refused("too-many-tries")) == 1


def of_rooms(count: int) -> tuple[Node, Node, list[bytes]]:
    """Somebody who asks, and who answers for so many rooms."""
    rooms = [bytes([number]) * 32 for number in range(count)]
    return Node(ANN, BEN, {}), Node(BEN, ANN, dict.fromkeys(rooms, RIGHT)), rooms


def test_who_has_used_up_the_tries_of_one_leaves_the_others_theirs() -> None:
    """Several people share an address: one who forgot a password holds up nobody else."""
    asker, answerer, (first, second) = of_rooms(2)
    for _ in range(limits.TRIES_PER_MINUTE + 1):
        asker.ask(WRONG, first)
        run(asker, answerer)
    asker.ask(RIGHT, second)
    run(asker, answerer)
    assert asker.outcomes[-2:] == [Refused("too-many-tries"), Granted(b"the room key")]


def test_who_goes_through_many_from_one_address_is_limited() -> None:
    asker, answerer, rooms = of_rooms(limits.TRIES_PER_SOURCE + 1)
    for room in rooms[:-1]:
        asker.ask(WRONG, room)
        run(asker, answerer)
    assert set(asker.outcomes) == {Refused("wrong-password")}
    asker.ask(RIGHT, rooms[-1])
    run(asker, answerer)
    asker.ask(RIGHT, rooms[-1], now=61.0)
    run(asker, answerer, now=61.0)
    assert asker.outcomes[-2:] == [Refused("too-many-tries"), Granted(b"the room key")]


def test_many_addresses_have_no_more_tries_of_one_together() -> None:
    """Nor are its tries forgotten for all the addresses that somebody makes up."""
    asker, answerer = pair()
    for _ in range(limits.TRIES_PER_MINUTE):
        asker.ask(WRONG)
        run(asker, answerer)
    for number in range(limits.TRY_SOURCES + 1):
        answerer.proofs._wrong_from.mark(f"host {number}".encode(), 1.0)
    asker.ask(RIGHT, now=1.0)
    run(asker, answerer, now=1.0)
    assert asker.outcomes[-1] == Refused("too-many-tries")


def test_right_passwords_do_not_count_as_tries() -> None:
    asker, answerer = pair()
    for _ in range(2 * limits.TRIES_PER_MINUTE):
        asker.ask(RIGHT)
        run(asker, answerer)
    assert asker.outcomes == [Granted(b"the room key")] * 10


def test_runs_on_one_link_are_bounded() -> None:
    asker, answerer = pair()
    for _ in range(limits.PROOFS_PER_LINK + 1):
        asker.ask(RIGHT)
    asker.work()
    while asker.out:
        answerer.receive(asker.out.popleft())
    assert len(answerer.jobs) == limits.PROOFS_PER_LINK
    assert answerer.out.popleft().data == b"busy"


def test_runs_begun_from_one_address_are_bounded() -> None:
    asker, answerer = pair()
    for _ in range(limits.PROOFS_PER_MINUTE):
        answerer.receive(wire.Pake(bytes(8), ROOM, Step.ASK, b"A" + bytes(32)))
        answerer.proofs.link_closed(LINK)
    asker.ask(RIGHT)
    run(asker, answerer)
    assert asker.outcomes == [Refused("too-many-tries")]


def test_time_runs_out_on_both_sides() -> None:
    asker, answerer = pair()
    asker.ask(RIGHT)
    asker.work()
    answerer.receive(asker.out.popleft())
    assert asker.proofs.deadline() == answerer.proofs.deadline() == limits.PROOF_S
    for node in (asker, answerer):
        node.proofs.expire(limits.PROOF_S - 1)
        assert node.proofs.deadline() is not None
        node.proofs.expire(limits.PROOF_S)
        assert node.proofs.deadline() is None
    assert asker.outcomes == [Refused("nobody-answered")]
    answerer.work()
    assert not answerer.out, "the answer to a run that is over"


def test_a_link_that_closes_ends_its_runs() -> None:
    asker, _ = pair()
    asker.ask(RIGHT)
    asker.proofs.link_closed(LINK)
    assert asker.outcomes == [Refused("nobody-answered")]
    asker.work()
    assert not asker.out


def test_steps_out_of_turn_close_the_link_and_change_nothing() -> None:
    asker, answerer = pair()
    asker.ask(RIGHT)
    asker.work()
    ask = asker.out.popleft()
    with pytest.raises(ProtocolError):
        asker.receive(wire.Pake(ask.session, ROOM, Step.GRANT, bytes(40)))
    answerer.receive(ask)
    with pytest.raises(ProtocolError):
        answerer.receive(ask)
    with pytest.raises(ProtocolError):
        answerer.receive(wire.Pake(ask.session, ROOM, Step.CONFIRM, bytes(32)))
    run(asker, answerer)
    assert asker.outcomes == [Granted(b"the room key")]


def test_a_message_that_is_no_point_is_refused() -> None:
    _, answerer = pair()
    answerer.receive(wire.Pake(bytes(8), ROOM, Step.ASK, b"A" + b"\xff" * 32))
    answerer.work()
    assert answerer.out.popleft().data == b"wrong-password"
    assert answerer.proofs.deadline() is None


@settings(max_examples=200)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([bytes(8), b"\1" * 8]) | st.binary(max_size=9),
            st.sampled_from([b"", ROOM, OTHER_ROOM]) | st.binary(max_size=33),
            st.integers(-1, 7),
            st.sampled_from([b"A" + bytes(32), b"busy", bytes(32)]) | st.binary(max_size=90),
        ),
        max_size=12,
    )
)
def test_no_steps_prove_anything_without_the_password(
    steps: list[tuple[bytes, bytes, int, bytes]],
) -> None:
    _, answerer = pair()
    for step in steps:
        try:
            answerer.receive(wire.Pake(*step))
        except ProtocolError:
            continue
        answerer.work()
    assert "proven" not in answerer.seen
    assert len(answerer.proofs._answered) <= limits.PROOFS_PER_LINK


def test_a_limiter_forgets_the_oldest_key_when_it_is_full() -> None:
    limiter = pake.TryLimiter(1, window=60.0, capacity=2)
    for key in (b"a", b"b", b"c"):
        limiter.mark(key, 0.0)
    assert [limiter.allowed(key, 1.0) for key in (b"a", b"b", b"c")] == [True, False, False]
    assert limiter.allowed(b"c", 60.0)


def test_a_grant_is_read_within_its_limits() -> None:
    grant = pake.RoomGrant("maths", (b"k" * 32,))
    assert pake.decode_grant(pake.encode_grant(grant)) == grant
    assert pake.decode_grant(pake.encode_grant(pake.RoomGrant("maths", ()))) is None
    assert pake.decode_grant(pake.encode_grant(pake.RoomGrant("maths", (b"k",)))) is None
    assert pake.decode_grant(b"junk") is None
