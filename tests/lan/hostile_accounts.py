"""Attacks on accounts by a linked device that leads nobody: floods, forged and replayed records,
guesses."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import msgspec
from hostile import (
    ASK_AGAIN_S,
    NETWORK,
    WAIT_S,
    Address,
    Peer,
    attack,
    new_identity,
    now_ms,
    packed,
)
from hostile_entries import linked
from hostile_frames import FLOOD_S, fill

from p2pchat.node.secrets import perform
from p2pchat.protocol import wire
from p2pchat.protocol.effects import SecretJob
from p2pchat.protocol.hashing import device_id_of, peer_id_of
from p2pchat.protocol.identity import Identity, Signer
from p2pchat.protocol.pake import (
    Answers,
    Ends,
    Granted,
    Outcome,
    Party,
    PasswordProofs,
    Step,
)
from p2pchat.protocol.registrar.claims import (
    Claim,
    Countersignature,
    Holder,
    Notice,
    Record,
    Release,
    kept_record,
    make_appointed,
    make_claim,
    make_request,
    make_seen,
)
from p2pchat.protocol.registrar.keybox import (
    Keybox,
    Lock,
    make_keybox,
    make_lock,
    password_tag,
)
from p2pchat.protocol.registrar.lease import make_lease, make_mandate, peek_lease
from p2pchat.protocol.registrar.vault import Contents, make_vault
from p2pchat.transport.leaf import check_leaf, fingerprint

ALLOWED_TRIES = 5
"""A minute; some of which were somebody else's mistakes."""


def own_lock(identity: Identity) -> Lock:
    """Of a password that was stretched elsewhere."""
    return make_lock(identity.person_seed, identity.person_seed)


def own_box(identity: Identity, counter: int = 1) -> Keybox:
    lock = own_lock(identity)
    return make_keybox(identity.person, NETWORK, counter, lock, lock)


def register(peer: Peer, name: str) -> wire.Registered:
    number = int.from_bytes(os.urandom(6), "big")
    request = make_request(peer.identity.person, NETWORK, name)
    peer.send(wire.Register(number, request, own_box(peer.identity).raw))
    found: wire.Registered = peer.wait(wire.Registered, lambda frame: bool(frame.number == number))
    return found


def known_claims(peer: Peer, name: str | None = None) -> list[Record]:
    """All that the node knows, the claim of this name among it. Who asks often has to wait."""
    ends = time.monotonic() + WAIT_S
    while True:
        seen = len(peer.frames)
        peer.send(wire.RecordIds(False, b"", True))
        peer.wait_taken()
        frames = [frame for frame in peer.frames if isinstance(frame, wire.RegistryRecords)]
        records = [kept_record(raw) for frame in frames for raw in frame.records]
        claims = [record for record in records if record and isinstance(record.payload, Claim)]
        if any(claim.request and name in (None, claim.request.name) for claim in claims):
            return claims
        if time.monotonic() > ends:
            raise TimeoutError(f"no claim of {name}")
        peer.wait_more(seen, ASK_AGAIN_S)


def person_of(claims: list[Record], name: str) -> bytes:
    """The key of who has claimed the name."""
    return next(
        record.request.person_key
        for record in claims
        if record.request is not None and record.request.name == name
    )


# -- SPAKE2


def ends(peer: Peer) -> Ends:
    certificate = peer.tls.certificate()
    voucher = check_leaf(certificate)
    own = Party(peer.identity.peer_id, peer.identity.device_id, peer.own_leaf)
    theirs = Party(
        peer_id_of(voucher.person_key), device_id_of(voucher.device_key), fingerprint(certificate)
    )
    return Ends(own, theirs, "somewhere")


class Nothing:
    """What somebody knows who only asks."""

    def secret(self, link: int, conversation: bytes) -> bytes | None:
        return None

    def grant(self, link: int, conversation: bytes) -> bytes:
        return b""

    def proven(self, link: int, conversation: bytes) -> None: ...

    def disproven(self, link: int, conversation: bytes) -> None: ...


class Proofs:
    """SPAKE2 over one link of a hostile device."""

    def __init__(self, peer: Peer, answers: Answers | None = None) -> None:
        self.peer = peer
        self.sent: list[wire.Pake] = []
        self._proofs = PasswordProofs(
            NETWORK, Random(os.urandom(8)), answers or Nothing(), self._compute, self._send
        )
        self._ends = ends(peer)
        self._taken = 0

    def _compute(self, job: SecretJob, then: Callable[[Any], None]) -> None:
        try:
            result = perform(job, self.peer.identity.sealing)
        except Exception as error:
            result = error
        then(result)

    def _send(self, link: int, frame: wire.Pake) -> None:
        self.sent.append(frame)
        self.peer.send(frame)

    def ask(self, tag: bytes, secret: bytes) -> list[Outcome]:
        """Begin; the outcome is there once `look` has taken what came."""
        found: list[Outcome] = []
        self._proofs.ask(1, tag, secret, self._ends, 0.0, found.append)
        return found

    def look(self) -> None:
        """Take what came so far."""
        while self._taken < len(self.peer.frames):
            frame = self.peer.frames[self._taken]
            self._taken += 1
            if isinstance(frame, wire.Pake):
                self._proofs.receive(1, frame, self._ends, 0.0)

    def finish(self, *outcomes: list[Outcome]) -> None:
        while not all(outcomes):
            seen = len(self.peer.frames)
            self.look()
            if not all(outcomes):
                self.peer.wait_more(seen, 10.0)
                assert len(self.peer.frames) > seen, "no answer to a proof"


@attack
def guesses(address: Address) -> object:
    """Passwords of an account, one after another and many at once, over several links; before that,
    the steps of a proof that held are replayed."""
    peer = linked(address)
    assert register(peer, "Guesser").reason == ""
    _replay(address, peer)
    tag = password_tag(peer.identity.person.key)
    reasons = []
    peers = [linked(address) for _ in range(3)]
    proofs = [Proofs(one) for one in peers]
    for one in proofs:
        begun = [one.ask(tag, os.urandom(32)) for _ in range(4)]
        one.finish(*begun)
        reasons += [outcome for (outcome,) in begun]
    for number in range(12):
        one = proofs[number % 3]
        outcome = one.ask(tag, os.urandom(32))
        one.finish(outcome)
        reasons += outcome
    assert not any(isinstance(outcome, Granted) for outcome in reasons)
    tries = sum(outcome.reason == "wrong-password" for outcome in reasons)  # type: ignore[union-attr]  # none was granted
    assert tries <= ALLOWED_TRIES, f"{tries} guesses in a minute"
    return peer, peers


def _replay(address: Address, peer: Peer) -> None:
    tag, secret = password_tag(peer.identity.person.key), own_lock(peer.identity).secret
    proofs = Proofs(peer)
    outcome = proofs.ask(tag, secret)
    proofs.finish(outcome)
    assert isinstance(outcome[0], Granted), "one's own account opens"
    for one in (peer, linked(address)):
        session = os.urandom(8)
        before = len(one.frames)
        for frame in proofs.sent:
            replayed = msgspec.structs.replace(frame, session=session)
            one.send(replayed)
            if frame.step == Step.ASK:
                one.wait(wire.Pake, lambda got: got.session == session)  # noqa: B023 - called at once
        one.wait_taken()
        steps = [f.step for f in one.frames[before:] if isinstance(f, wire.Pake)]
        assert Step.GRANT not in steps, "what was said once opens nothing again"
        # the same session once more, steps out of order, and answers to what was never asked
        for step in (Step.GRANT, Step.REPLY, Step.REFUSE, Step.CONFIRM):
            data = {Step.REPLY: bytes(33), Step.REFUSE: b"wrong-password"}.get(step, bytes(32))
            one.send(wire.Pake(session, tag, step, data))
        one.wait_taken()


# -- floods


@attack
def flood_of_registrations(address: Address) -> object:
    """Hundreds of persons of one machine register; others' requests; keyboxes of nobody."""
    kept = [peer := linked(address)]
    numbers = iter(range(1, 1 << 30))
    persons = [new_identity() for _ in range(100)]
    junk = [os.urandom(900), b"", b"\x92" * 500, own_box(persons[0]).raw[:-1]]
    frames: list[wire.Frame] = [wire.Register(next(numbers), raw, raw) for raw in junk]
    for person in persons:
        request = make_request(person.person, NETWORK, f"Somebody {next(numbers)}")
        frames.append(wire.Register(next(numbers), request, own_box(person).raw))
        frames.append(wire.Register(next(numbers), b"", own_box(person, 1 << 52).raw))
    peer.send(*frames[:10])
    taken = 0
    for number in range(4):
        kept.append(one := Peer(address))
        one.say()
        taken += sum(register(one, f"Pupil {number}").reason == "" for _ in range(12))
    assert 0 < taken <= 40, f"{taken} registrations of one machine in a minute"
    peer.send(*frames)
    peer.wait_taken()
    answers = [frame for frame in peer.frames if isinstance(frame, wire.Registered)]
    assert all(frame.reason for frame in answers), "who isn't their person registers nobody"
    return kept


@attack
def junk_vaults(address: Address) -> object:
    """Of a registered person: one large vault after another, and parts that make none."""
    peer = linked(address)
    assert register(peer, "Hoarder").reason == ""
    seed, contents = peer.identity.person_seed, Contents(settings=os.urandom(250_000))
    raws = []
    for counter in range(1, 9):
        vault = make_vault(seed, NETWORK, counter * 1000, 0, os.urandom(32), contents)
        assert vault is not None
        raws.append(vault.raw)
    peer.send(*_growing(seed))
    for raw in (*raws, os.urandom(250_000)):
        for _ in range(4):
            peer.flood(_parts(7, raw), FLOOD_S / 20)
    odd = [
        wire.VaultPart(number, index, count, os.urandom(1000))
        for number in (0, 1, 1 << 62)
        for index in (0, 1, 1 << 62)
        for count in (0, 1, 3, 1 << 62)
    ]
    peer.flood(fill(*odd, wire.VaultWanted(0)), FLOOD_S / 2)
    return peer


def _growing(seed: bytes) -> Iterator[wire.Frame]:
    """Vaults each of which is after the one before."""
    contents, counter = Contents(settings=os.urandom(30_000)), now_ms()
    for number in range(60):
        after = counter + number
        vault = make_vault(seed, NETWORK, after + 1, after, os.urandom(32), contents)
        assert vault is not None
        yield wire.VaultPart(100 + number, 0, 1, vault.raw)


def _parts(number: int, raw: bytes) -> bytes:
    size = 60 * 1024
    count = -(-len(raw) // size)
    parts = (raw[at * size : (at + 1) * size] for at in range(count))
    return b"".join(
        packed(wire.encode(wire.VaultPart(number, index, count, part)))
        for index, part in enumerate(parts)
    )


@attack
def junk_keyboxes(address: Address) -> object:
    """A device that says it is willing brings keyboxes of persons that have no account, of those
    that have one, and what is none."""
    peer = linked(address)
    peer.say(willing=True)
    owned = known_claims(peer)
    boxes = [own_box(new_identity()).raw for _ in range(1500)]
    for record in owned:  # their persons' keys, and another signature
        assert record.request is not None
        thief = new_identity()
        forged = own_box(thief, 1 << 52).raw.replace(thief.person.key, record.request.person_key)
        boxes.append(forged)
    boxes += [os.urandom(300) for _ in range(100)]
    for at in range(0, len(boxes), 100):
        peer.send(wire.RegistryRecords(True, tuple(boxes[at : at + 100])))
    for number, box in enumerate(boxes[-300:]):
        peer.send(wire.Keep(number, tuple(record.raw for record in owned), box))
        peer.send(wire.Kept(number))
    with contextlib.suppress(OSError):
        peer.wait_taken()
    return peer


@attack
def flood_of_claims(address: Address, count: str) -> object:
    """Of persons that were made up, by a device that never led; names that change in between, so
    that who they are is worked out again and again; and what isn't signed by who should."""
    peer = linked(address)
    identity, made_up = peer.identity, Signer(os.urandom(32))
    lease = make_lease(identity, NETWORK, 1 << 40, 1, False, b"")
    claims = []
    for number in range(int(count)):
        request = make_request(Signer(number.to_bytes(32, "little")), NETWORK, f"Name {number}")
        claims.append(make_claim(identity, NETWORK, request, lease, ()).raw)
    stranger = new_identity().person.key
    said: list[Record] = [
        make_appointed(made_up, NETWORK, payload)
        for payload in (
            Holder(identity.device.key),
            Release(stranger, "Li"),
            Countersignature(identity.person.key, "Li"),
            Notice(identity.person.key, "School is out", b"", now_ms(), os.urandom(16)),
        )
    ]
    said += [make_seen(new_identity().person, NETWORK, os.urandom(32)) for _ in range(100)]
    peer.send(wire.RegistryRecords(False, tuple(record.raw for record in said)))
    rest = len(claims) // 2
    for at in range(0, rest, 50):
        peer.send(wire.RegistryRecords(False, tuple(claims[at : at + 50])))
    for number, raw in enumerate(claims[rest:]):
        peer.send(wire.RegistryRecords(False, (raw,)))
        peer.send(wire.RecordSet(False, bytes(16)), wire.VaultPart(number + 1, 0, 2, b"x"))
        if number % 10 == 0:
            with contextlib.suppress(OSError):
                peer.say(name=f"Name {number}", clock=now_ms() + number)
    peer.wait_taken()
    return peer


@attack
def sets_without_end(address: Address) -> object:
    """Small frames that ask for all records; nobody reads the answers, or somebody does."""
    kept = []
    wanted = b"".join(record.id[:16] for record in known_claims(linked(address)))[: 16 * 3000]
    for frames in (
        [wire.RecordSet(False, bytes(16))],
        [wire.RecordIds(False, b"", True)],
        [wire.RecordsWanted(False, wanted)],
        [wire.RecordSet(True, bytes(16)), wire.RecordIds(True, b"", True)],
    ):
        for reads in (False, True):
            peer = Peer(address, reads=reads)
            peer.say(willing=True)
            peer.tls.settimeout(FLOOD_S / 8)
            peer.flood(fill(*frames), FLOOD_S / 8)
            kept.append(peer)
    return kept


@attack
def forged_leases(address: Address) -> object:
    """Forged, replayed and impossible ones; those of a device that is gone, and came later."""
    peer = linked(address)
    current = peer.wait(wire.Lease)
    leading = peek_lease(current.record)
    assert leading is not None
    identity, other = (_behind(device_id_of(leading.device_key)) for _ in range(2))
    honest = make_lease(other, NETWORK, leading.number, now_ms(), False, b"")
    stolen = make_lease(identity, NETWORK, 1 << 50, now_ms(), False, b"")
    forged = stolen.raw.replace(identity.device.key, other.device.key)
    mandate = make_mandate(Signer(os.urandom(32)), NETWORK, identity.device.key)
    appointed = make_lease(identity, NETWORK, 1, 1, False, mandate)
    for _ in range(50):
        for raw in (honest.raw, forged, appointed.raw, os.urandom(300), current.record):
            for age in (0, 9_000, 1 << 52):
                peer.send(wire.Lease(raw, age))
    for number in range(1, 300):
        device = new_identity()
        peer.send(wire.Lease(make_lease(device, NETWORK, 1, number, True, b"").raw, 0))
    peer.wait_taken()
    return peer


def _behind(device: str) -> Identity:
    """One whose device comes behind in an election."""
    found = new_identity()
    while found.device_id < device:
        found = new_identity()
    return found
