"""Proving a password to another node: of a protected room, or of the network.

SPAKE2 (RFC 9382; Ed25519 as in the spake2 package) runs in four steps between the one who asks
and the one who answers:

    ASK      the asker's SPAKE2 message
    REPLY    the answerer's
    CONFIRM  the asker's MAC: 32 bytes
    GRANT    the answerer's MAC, then what the asker wanted, sealed under the shared key
    REFUSE   instead of REPLY or GRANT: why not

Both PeerIds, devices and leaf certificates are bound in as SPAKE2's identities, so nobody in the
middle can pass the steps on. The asker confirms first: an answerer gives away nothing that could
be tested before the asker has shown the password, and one run tests one guess. What is secret was
stretched by Argon2id before it comes here. The arithmetic is slow and draws entropy: it is a job
of the runtime.
"""

from __future__ import annotations

import hmac
from collections import OrderedDict, deque
from collections.abc import Callable
from enum import Enum, IntEnum
from random import Random
from typing import Any, Protocol

import msgspec

from p2pchat.config import limits
from p2pchat.errors import ProtocolError
from p2pchat.model.ids import DeviceId, PeerId
from p2pchat.protocol import wire
from p2pchat.protocol.effects import PakeFinish, PakeStart, SecretJob
from p2pchat.protocol.hashing import digest
from p2pchat.protocol.sealing import open_once, seal_once

MESSAGE_BYTES = 33
MAC_BYTES = 32
_GRANT_CONTEXT = "p2pchat 1 password grant"
WRONG, TOO_MANY, UNKNOWN, BUSY, SILENT = (
    "wrong-password",
    "too-many-tries",
    "no-such-room",
    "busy",
    "nobody-answered",
)
_REFUSALS = frozenset((WRONG, TOO_MANY, UNKNOWN, BUSY))


class Step(IntEnum):
    ASK = 1
    REPLY = 2
    CONFIRM = 3
    GRANT = 4
    REFUSE = 5


class Party(msgspec.Struct, frozen=True):
    """One end of a link, as the link proves it."""

    peer: PeerId
    device: DeviceId
    leaf: bytes
    """SHA-256 of the leaf certificate."""


class Ends(msgspec.Struct, frozen=True):
    """Both ends of a link."""

    own: Party
    peer: Party
    source: str
    """What tries are counted by: the peer's host; for a relayed link its device id."""


class RoomGrant(msgspec.Struct, frozen=True, array_like=True):
    """What who joins a protected room gets."""

    name: str
    keys: tuple[bytes, ...]
    """Conversation keys, oldest first."""


class Granted(msgspec.Struct, frozen=True):
    """Both sides know the password."""

    payload: bytes


class Refused(msgspec.Struct, frozen=True):
    """`reason`: `wrong-password`, `too-many-tries`, `no-such-room`, `busy`, `nobody-answered`."""

    reason: str


Outcome = Granted | Refused


class Answers(Protocol):
    """What the answering side knows of passwords. `conversation` is empty for the network's."""

    def secret(self, link: int, conversation: bytes) -> bytes | None:
        """The stretched password; None: not one of ours."""
        ...

    def grant(self, link: int, conversation: bytes) -> bytes:
        """What a peer gets that knows the password, such as a RoomGrant encoded."""
        ...

    def proven(self, link: int, conversation: bytes) -> None:
        """The peer knows the password, and its grant is on its way: what is sent from now on
        comes after it, and what comes in may be an answer to it."""
        ...

    def disproven(self, link: int, conversation: bytes) -> None:
        """The peer tried a wrong password, and was told so."""
        ...


class TryLimiter:
    """At most `limit` marks a key within `window` seconds. It remembers `capacity` keys."""

    def __init__(self, limit: int, window: float = 60.0, capacity: int = limits.TRY_SOURCES):
        self._limit = limit
        self._window = window
        self._capacity = capacity
        self._marks: OrderedDict[bytes, deque[float]] = OrderedDict()

    def allowed(self, key: bytes, now: float) -> bool:
        marks = self._marks.get(key)
        if marks is None:
            return True
        while marks and marks[0] <= now - self._window:
            marks.popleft()
        if not marks:
            del self._marks[key]
        return len(marks) < self._limit

    def mark(self, key: bytes, now: float) -> None:
        marks = self._marks.setdefault(key, deque(maxlen=self._limit))
        marks.append(now)
        self._marks.move_to_end(key)
        if len(self._marks) > self._capacity:
            self._marks.popitem(last=False)


class _State(Enum):
    STARTING = "starting"
    """Asker: its SPAKE2 message is being made."""
    ASKED = "asked"
    FINISHING = "finishing"
    """Asker: the shared key is being made."""
    CONFIRMED = "confirmed"
    ANSWERING = "answering"
    """Answerer: message and key are being made."""
    REPLIED = "replied"


class _Run:
    """One run of the protocol, on either side."""

    def __init__(self, link: int, session: bytes, conversation: bytes, until: float) -> None:
        self.link = link
        self.session = session
        self.conversation = conversation
        self.until = until
        self.state = _State.STARTING
        self.source = b""
        self.spake: Any = None
        self.key = b""
        self.then: Callable[[Outcome], None] | None = None
        """Set on the asking side only."""


class PasswordProofs:
    """All runs of a node. `compute` runs a job and calls back with its result or exception,
    `send` takes a frame for a link."""

    def __init__(
        self,
        network: bytes,
        rng: Random,
        answers: Answers,
        compute: Callable[[SecretJob, Callable[[Any], None]], None],
        send: Callable[[int, wire.Pake], None],
    ) -> None:
        self._network = network
        self._rng = rng
        self._answers = answers
        self._compute = compute
        self._send = send
        self._asked: dict[tuple[int, bytes], _Run] = {}
        self._answered: dict[tuple[int, bytes], _Run] = {}
        self._wrong = TryLimiter(limits.TRIES_PER_MINUTE, capacity=limits.TRY_SUBJECTS)
        """By what was to be proven: a room's password, an account's, the network's code."""
        self._wrong_from = TryLimiter(limits.TRIES_PER_SOURCE)
        """By who tried; on its own, so that made-up addresses make nobody forget the others."""
        self._begun = TryLimiter(limits.PROOFS_PER_MINUTE)

    # -- asking

    def ask(
        self,
        link: int,
        conversation: bytes,
        secret: bytes,
        ends: Ends,
        now: float,
        then: Callable[[Outcome], None],
    ) -> None:
        """Prove the secret on a link; `then` is called once, at the end or when time is up.

        Whoever answers can test one guess with each run, so ask few of those who claim to be
        members, and none a second time unless a person says so.
        """
        run = _Run(link, self._rng.randbytes(8), conversation, now + limits.PROOF_S)
        run.then = then
        self._asked[link, run.session] = run
        job = PakeStart(
            True, secret, self._bound(conversation, ends.own), self._bound(conversation, ends.peer)
        )
        self._compute(job, lambda result: self._started(run, result))

    def _started(self, run: _Run, result: Any) -> None:
        if not self._is_live(self._asked, run):
            return
        if isinstance(result, Exception):
            self._end(run, Refused(BUSY))
            return
        run.spake, message = result
        run.state = _State.ASKED
        self._send_step(run, Step.ASK, message)

    def _replied(self, run: _Run, message: bytes) -> None:
        if run.state is not _State.ASKED:
            raise ProtocolError("a reply that wasn't asked for")
        run.state = _State.FINISHING
        self._compute(
            PakeFinish(run.spake, message), lambda result: self._finished_asking(run, result)
        )

    def _finished_asking(self, run: _Run, result: Any) -> None:
        if not self._is_live(self._asked, run):
            return
        if isinstance(result, Exception):
            self._end(run, Refused(WRONG))
            return
        run.key = result
        run.state = _State.CONFIRMED
        self._send_step(run, Step.CONFIRM, _mac(run.key, "asker"))

    def _granted(self, run: _Run, data: bytes) -> None:
        if run.state is not _State.CONFIRMED:
            raise ProtocolError("a grant before it was due")
        payload = None
        if hmac.compare_digest(data[:MAC_BYTES], _mac(run.key, "answerer")):
            payload = open_once(run.key, _GRANT_CONTEXT, data[MAC_BYTES:])
        self._end(run, Refused(WRONG) if payload is None else Granted(payload))

    def check_here(self, conversation: bytes, right: bool, now: float) -> str:
        """A secret that was typed where it is known: why it isn't taken, or empty. Counted as if
        a peer had asked."""
        if not self._wrong.allowed(conversation, now):
            return TOO_MANY
        if not right:
            self._wrong.mark(conversation, now)
        return "" if right else WRONG

    # -- answering

    def _ask_received(self, link: int, frame: wire.Pake, ends: Ends, now: float) -> None:
        if (link, frame.session) in self._answered:
            raise ProtocolError("a second run under one session")
        run = _Run(link, frame.session, frame.conversation, now + limits.PROOF_S)
        run.source = ends.source.encode()
        secret = self._answers.secret(link, frame.conversation)
        if secret is None:
            self._send_step(run, Step.REFUSE, UNKNOWN.encode())
        elif not self._may_try(run, now) or not self._begun.allowed(run.source, now):
            self._send_step(run, Step.REFUSE, TOO_MANY.encode())
        elif not self._has_room(link):
            self._send_step(run, Step.REFUSE, BUSY.encode())
        else:
            self._begun.mark(run.source, now)
            self._answer(run, secret, frame.data, ends)

    def _answer(self, run: _Run, secret: bytes, message: bytes, ends: Ends) -> None:
        run.state = _State.ANSWERING
        self._answered[run.link, run.session] = run
        asker = self._bound(run.conversation, ends.peer)
        answerer = self._bound(run.conversation, ends.own)

        def finished(own_message: bytes, result: Any) -> None:
            if not self._is_live(self._answered, run):
                return
            if isinstance(result, Exception):
                self._refuse(run, WRONG)
                return
            run.key = result
            run.state = _State.REPLIED
            self._send_step(run, Step.REPLY, own_message)

        def started(result: Any) -> None:
            if not self._is_live(self._answered, run):
                return
            if isinstance(result, Exception):
                self._refuse(run, BUSY)
                return
            state, own_message = result
            self._compute(PakeFinish(state, message), lambda key: finished(own_message, key))

        self._compute(PakeStart(False, secret, asker, answerer), started)

    def _confirmed(self, run: _Run, mac: bytes, now: float) -> None:
        if run.state is not _State.REPLIED:
            raise ProtocolError("a confirmation before it was due")
        # Counted again here: many runs may have begun before the first of them failed.
        if not self._may_try(run, now):
            self._refuse(run, TOO_MANY)
        elif not hmac.compare_digest(mac, _mac(run.key, "asker")):
            self._wrong.mark(run.conversation or self._network, now)
            self._wrong_from.mark(run.source, now)
            self._refuse(run, WRONG)
            self._answers.disproven(run.link, run.conversation)
        else:
            del self._answered[run.link, run.session]
            payload = self._answers.grant(run.link, run.conversation)
            sealed = seal_once(run.key, _GRANT_CONTEXT, payload)
            self._send_step(run, Step.GRANT, _mac(run.key, "answerer") + sealed)
            self._answers.proven(run.link, run.conversation)

    def _may_try(self, run: _Run, now: float) -> bool:
        subject = run.conversation or self._network
        return self._wrong.allowed(subject, now) and self._wrong_from.allowed(run.source, now)

    def _has_room(self, link: int) -> bool:
        here = sum(run.link == link for run in self._answered.values())
        return here < limits.PROOFS_PER_LINK and len(self._answered) < limits.PROOFS_ANSWERED

    def _refuse(self, run: _Run, reason: str) -> None:
        del self._answered[run.link, run.session]
        self._send_step(run, Step.REFUSE, reason.encode())

    # -- both

    def receive(self, link: int, frame: wire.Pake, ends: Ends, now: float) -> None:
        """Take a step from a peer. ProtocolError where it can't be one; a step of a run that is
        over is passed over."""
        _check_form(frame)
        if frame.step == Step.ASK:
            self._ask_received(link, frame, ends, now)
        elif frame.step == Step.CONFIRM:
            run = self._answered.get((link, frame.session))
            if run is not None:
                self._confirmed(run, frame.data, now)
        else:
            run = self._asked.get((link, frame.session))
            if run is None:
                return
            if frame.step == Step.REPLY:
                self._replied(run, frame.data)
            elif frame.step == Step.GRANT:
                self._granted(run, frame.data)
            else:
                reason = frame.data.decode("ascii", "replace")
                self._end(run, Refused(reason if reason in _REFUSALS else BUSY))

    def link_closed(self, link: int) -> None:
        """End all runs on the link."""
        for run in [run for run in self._asked.values() if run.link == link]:
            self._end(run, Refused(SILENT))
        for key in [key for key in self._answered if key[0] == link]:
            del self._answered[key]

    def expire(self, now: float) -> None:
        """End the runs whose time is up."""
        for run in [run for run in self._asked.values() if run.until <= now]:
            self._end(run, Refused(SILENT))
        for key in [key for key, run in self._answered.items() if run.until <= now]:
            del self._answered[key]

    def deadline(self) -> float | None:
        """When `expire` is due; None: nothing runs."""
        runs = (*self._asked.values(), *self._answered.values())
        return min((run.until for run in runs), default=None)

    def _bound(self, conversation: bytes, party: Party) -> bytes:
        """SPAKE2's identity of one side: what is proven, by whom, on which link."""
        subject = b"room " + conversation if conversation else b"code " + self._network
        return subject + party.peer.encode() + party.device.encode() + party.leaf

    def _end(self, run: _Run, outcome: Outcome) -> None:
        del self._asked[run.link, run.session]
        then, run.then = run.then, None
        if then is not None:
            then(outcome)

    @staticmethod
    def _is_live(runs: dict[tuple[int, bytes], _Run], run: _Run) -> bool:
        return runs.get((run.link, run.session)) is run

    def _send_step(self, run: _Run, step: Step, data: bytes) -> None:
        self._send(run.link, wire.Pake(run.session, run.conversation, step, data))


def encode_grant(grant: RoomGrant) -> bytes:
    return msgspec.msgpack.encode(grant)


def decode_grant(payload: bytes) -> RoomGrant | None:
    """None where the payload isn't a grant within its limits."""
    try:
        grant = msgspec.msgpack.decode(payload, type=RoomGrant)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    fits = (
        0 < len(grant.name) <= limits.ROOM_CHARS
        and 0 < len(grant.keys) <= limits.ROOM_KEYS
        and all(len(key) == 32 for key in grant.keys)
    )
    return grant if fits else None


def _check_form(frame: wire.Pake) -> None:
    sizes: dict[int, tuple[int, int]] = {
        Step.ASK: (MESSAGE_BYTES, MESSAGE_BYTES),
        Step.REPLY: (MESSAGE_BYTES, MESSAGE_BYTES),
        Step.CONFIRM: (MAC_BYTES, MAC_BYTES),
        Step.GRANT: (MAC_BYTES, limits.FRAME_BYTES),
        Step.REFUSE: (1, 32),
    }
    low, high = sizes.get(frame.step, (1, 0))
    if len(frame.session) != 8 or len(frame.conversation) not in (0, 32):
        raise ProtocolError("a password step is malformed")
    if not low <= len(frame.data) <= high:
        raise ProtocolError("a password step of an odd kind or size")


def _mac(key: bytes, role: str) -> bytes:
    """The key is bound to both messages and both identities, so a MAC of the role is enough."""
    return digest(f"p2pchat 1 password {role} confirms", key)
