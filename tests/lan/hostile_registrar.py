"""A hostile device that is willing, wins the election where nobody is appointed, and lies."""

from __future__ import annotations

import os
import select
import sys
import threading
from collections.abc import Callable

from hostile import NETWORK, Address, Peer, attack, new_identity, now_ms
from hostile_accounts import Proofs, known_claims, own_box, person_of
from hostile_entries import linked

from p2pchat.model.ids import InstanceId
from p2pchat.protocol import wire
from p2pchat.protocol.identity import Identity, Signer
from p2pchat.protocol.pake import Step
from p2pchat.protocol.registrar.claims import (
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
    read_request,
)
from p2pchat.protocol.registrar.keybox import Keybox, kept_keybox, password_tag
from p2pchat.protocol.registrar.lease import Lease, make_lease, make_mandate, peek_lease

Lie = Callable[["Liar", Peer, object], None]
"""What it does with a frame."""
AHEAD = 1 << 40
"""Of the number of the term that is."""


class Liar:
    """Holds what a willing node is given, and leads at all that it has links to."""

    def __init__(self, addresses: list[Address]) -> None:
        self.identity: Identity = new_identity()
        instance = InstanceId(os.urandom(16))
        self.boxes: dict[bytes, Keybox] = {}
        """By what is proven."""
        self.claims: list[Record] = []
        self.honest = False
        """Gives who has proven a password their own key, not the liar's."""
        self.peers = []
        for address in addresses:
            peer = linked(address, identity=self.identity, instance=instance)
            peer.say(willing=True)
            self.peers.append(peer)
        honest = peek_lease(self.peers[0].wait(wire.Lease).record)
        assert honest is not None
        self._number = honest.number + AHEAD
        self.lease = self._lease()
        self._peer_proofs = {peer: Proofs(peer, self) for peer in self.peers}

    def lead(self, lie: Lie) -> None:
        """Until a line comes in."""
        for peer in self.peers:
            threading.Thread(target=self._listen, args=(peer, lie), daemon=True).start()
        while not select.select([sys.stdin], [], [], 1.0)[0]:
            self.lease = self._lease()
            for peer in self.peers:
                peer.send(wire.Lease(self.lease.raw, 0))
        for peer in self.peers:
            peer.send(wire.Lease(self._lease(over=True).raw, 0))

    def _lease(self, over: bool = False) -> Lease:
        return make_lease(self.identity, NETWORK, self._number, now_ms(), over, b"")

    def lied(self) -> None:
        """Tell the test."""
        sys.stdout.write("lied\n")
        sys.stdout.flush()

    def _listen(self, peer: Peer, lie: Lie) -> None:
        peer.send(wire.RecordIds(True, b"", True), wire.RecordIds(False, b"", True))
        taken = 0
        while not peer.closed.is_set():
            for frame in peer.frames[taken:]:
                taken += 1
                if isinstance(frame, wire.RegistryRecords):
                    self._keep(frame)
                lie(self, peer, frame)
            peer.wait_more(taken)

    def _keep(self, frame: wire.RegistryRecords) -> None:
        for raw in frame.records:
            box, record = (kept_keybox(raw), None) if frame.held else (None, kept_record(raw))
            if box is not None:
                self.boxes[password_tag(box.record.person_key)] = box
            elif record is not None and record.request is not None:
                self.claims.append(record)

    def answer_proofs(self, peer: Peer) -> None:
        self._peer_proofs[peer].look()

    # -- pake.Answers: it knows what every holder does

    def secret(self, link: int, conversation: bytes) -> bytes | None:
        box = self.boxes.get(conversation)
        return box.record.password.secret if box is not None else None

    def grant(self, link: int, conversation: bytes) -> bytes:
        return self.boxes[conversation].raw if self.honest else own_box(self.identity).raw

    def proven(self, link: int, conversation: bytes) -> None: ...

    def disproven(self, link: int, conversation: bytes) -> None: ...


def acknowledges(liar: Liar, peer: Peer, frame: object) -> None:
    """Says that it has taken what it has not."""
    if isinstance(frame, wire.Register):
        peer.send(wire.Registered(frame.number, "", ()))
        liar.lied()
    elif isinstance(frame, wire.VaultPart):
        peer.send(wire.Registered(frame.number, ""))


def forgets(liar: Liar, peer: Peer, frame: object) -> None:
    """Makes the claim, and throws keyboxes and vaults away."""
    liar.honest = True
    if isinstance(frame, wire.Pake):
        liar.answer_proofs(peer)
    elif isinstance(frame, wire.Register) and read_request(frame.request, NETWORK) is not None:
        claim = make_claim(liar.identity, NETWORK, frame.request, liar.lease, ())
        peer.send(wire.Registered(frame.number, "", (claim.raw,)))
    elif isinstance(frame, wire.Register | wire.VaultPart):
        peer.send(wire.Registered(frame.number, ""))


def gives_another_key(liar: Liar, peer: Peer, frame: object) -> None:
    """Of the liar, to whoever proves the password of Li: it knows what every holder does."""
    if isinstance(frame, wire.Pake):
        liar.answer_proofs(peer)


def refuses(liar: Liar, peer: Peer, frame: object) -> None:
    if isinstance(frame, wire.Register):
        peer.send(wire.Registered(frame.number, "no such reason \x1b[2J", ()))
    elif isinstance(frame, wire.Pake) and frame.step == Step.ASK:
        reason = b"no-such-account"
        peer.send(wire.Pake(frame.session, frame.conversation, Step.REFUSE, reason))
        liar.lied()


def is_silent(liar: Liar, peer: Peer, frame: object) -> None:
    if isinstance(frame, wire.Pake):
        liar.lied()


def answers_hugely(liar: Liar, peer: Peer, frame: object) -> None:
    huge = os.urandom(60_000)
    if isinstance(frame, wire.Register):
        for _ in range(100):
            peer.send(wire.Registered(frame.number, "busy", (huge,)))
        peer.send(wire.Registered(frame.number, "x" * 60_000, ()))
    elif isinstance(frame, wire.Pake) and frame.step == Step.ASK:
        # Together: one of them alone is the answer to a wrong password.
        peer.send(
            wire.Pake(frame.session, frame.conversation, Step.REPLY, bytes(33)),
            wire.Pake(frame.session, frame.conversation, Step.REPLY, huge[:33]),
        )
        liar.lied()
    elif isinstance(frame, wire.VaultWanted):
        for number in range(1, 40):
            for index in range(5):
                peer.send(wire.VaultPart(number, index, 5, huge))


LIES = {
    lie.__name__: lie
    for lie in (acknowledges, forgets, gives_another_key, refuses, is_silent, answers_hugely)
}


@attack
def lead(address: Address, lie: str, *others: str) -> object:
    """Lead at the victim and at others, `HOST:PORT`, until a line comes in; leave politely."""
    addresses = [address]
    for other in others:
        host, port = other.rsplit(":", 1)
        addresses.append((host, int(port)))
    liar = Liar(addresses)
    liar.lead(LIES[lie])
    return liar


@attack
def take_name(address: Address, name: str) -> object:
    """Claims of the name for the liar's own person, in terms of the past and of the future, that
    say to have seen the owner's."""
    liar = Liar([address])
    peer = liar.peers[0]
    known = known_claims(peer, name)
    of_name = [claim.id for claim in known if claim.request and claim.request.name == name]
    request = make_request(liar.identity.person, NETWORK, name)
    claims = []
    for number in (1, 2, AHEAD):
        lease = make_lease(liar.identity, NETWORK, number, 1, False, b"")
        claims += [
            make_claim(liar.identity, NETWORK, request, lease, seen).raw
            for seen in ((), tuple(of_name))
        ]
    peer.send(wire.RegistryRecords(False, tuple(claims)))
    peer.wait_taken()
    return liar


@attack
def pretends(address: Address, name: str) -> object:
    """To be appointed, by a key that nobody was given; under somebody's name: leads, announces,
    names holders, releases the name and says who has seen what."""
    liar = Liar([address])
    identity, peer, made_up = liar.identity, liar.peers[0], Signer(os.urandom(32))
    peer.say(willing=True, name=name)
    claims = known_claims(peer, name)
    mandate = make_mandate(made_up, NETWORK, identity.device.key)
    lease = make_lease(identity, NETWORK, AHEAD, now_ms(), False, mandate)
    owner = person_of(claims, name)
    said = [
        make_appointed(made_up, NETWORK, payload)
        for payload in (
            Notice(identity.person.key, "School is out", b"", now_ms(), os.urandom(16)),
            Notice(owner, "School is out", b"", now_ms(), os.urandom(16)),
            Holder(identity.device.key),
            Release(owner, name),
            Countersignature(identity.person.key, name),
        )
    ]
    said += [make_seen(identity.person, NETWORK, notice.id) for notice in said[:2]]
    peer.send(wire.Lease(lease.raw, 0))
    peer.send(wire.RegistryRecords(False, tuple(record.raw for record in said)))
    peer.send(wire.Lease(lease.raw, 0))
    peer.wait_taken()
    return liar
