"""A hostile device that is willing, wins the election where nobody is appointed, and lies."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

from hostile import NETWORK, Address, Peer, attack, new_identity, now_ms
from hostile_accounts import Proofs, own_box, person_of
from hostile_entries import linked

from p2pchat.model.ids import InstanceId
from p2pchat.protocol import wire
from p2pchat.protocol.identity import Identity
from p2pchat.protocol.pake import Step
from p2pchat.protocol.registrar.claims import (
    Record,
    kept_record,
    make_claim,
    make_request,
    read_request,
)
from p2pchat.protocol.registrar.keybox import Keybox, kept_keybox, password_tag
from p2pchat.protocol.registrar.lease import Lease, make_lease

NUMBER = 1 << 52
"""Of a term that no honest node tops."""


class Liar:
    """Holds what a willing node is given, and leads at all that it has links to."""

    def __init__(self, addresses: list[Address]) -> None:
        self.identity: Identity = new_identity()
        instance = InstanceId(os.urandom(16))
        self.lease: Lease = make_lease(self.identity, NETWORK, NUMBER, now_ms(), False, b"")
        self.boxes: dict[bytes, Keybox] = {}
        """By what is proven."""
        self.claims: list[Record] = []
        self.peers = []
        for address in addresses:
            peer = linked(address, identity=self.identity, instance=instance)
            peer.say(willing=True)
            self.peers.append(peer)
        self._peer_proofs = {peer: Proofs(peer, self) for peer in self.peers}

    def lead(self, lie: Callable[[Liar, Peer, object], None], seconds: float) -> None:
        for peer in self.peers:
            threading.Thread(target=self._listen, args=(peer, lie), daemon=True).start()
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            self.lease = make_lease(self.identity, NETWORK, NUMBER, now_ms(), False, b"")
            for peer in self.peers:
                peer.send(wire.Lease(self.lease.raw, 0))
            time.sleep(1.0)
        over = make_lease(self.identity, NETWORK, NUMBER, now_ms(), True, b"")
        for peer in self.peers:
            peer.send(wire.Lease(over.raw, 0))

    def _listen(self, peer: Peer, lie: Callable[[Liar, Peer, object], None]) -> None:
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
        """The key of somebody else: of the liar."""
        return own_box(self.identity).raw

    def proven(self, link: int, conversation: bytes) -> None: ...

    def disproven(self, link: int, conversation: bytes) -> None: ...


def acknowledges(liar: Liar, peer: Peer, frame: object) -> None:
    """Says that it has taken what it has not."""
    if isinstance(frame, wire.Register):
        peer.send(wire.Registered(frame.number, "", ()))
    elif isinstance(frame, wire.VaultPart):
        peer.send(wire.Registered(frame.number, ""))


def forgets(liar: Liar, peer: Peer, frame: object) -> None:
    """Makes the claim, and throws the keybox away; others' keys it keeps."""
    if isinstance(frame, wire.Register) and read_request(frame.request, NETWORK) is not None:
        claim = make_claim(liar.identity, NETWORK, frame.request, liar.lease, ())
        peer.send(wire.Registered(frame.number, "", (claim.raw,)))
    elif isinstance(frame, wire.Register | wire.VaultPart):
        peer.send(wire.Registered(frame.number, ""))


def gives_another_key(liar: Liar, peer: Peer, frame: object) -> None:
    if isinstance(frame, wire.Pake):
        liar.answer_proofs(peer)


def refuses(liar: Liar, peer: Peer, frame: object) -> None:
    if isinstance(frame, wire.Register):
        peer.send(wire.Registered(frame.number, "no such reason \x1b[2J", ()))
    elif isinstance(frame, wire.Pake) and frame.step == Step.ASK:
        reason = b"no-such-account"
        peer.send(wire.Pake(frame.session, frame.conversation, Step.REFUSE, reason))


def is_silent(liar: Liar, peer: Peer, frame: object) -> None: ...


def answers_hugely(liar: Liar, peer: Peer, frame: object) -> None:
    huge = os.urandom(60_000)
    if isinstance(frame, wire.Register):
        for _ in range(100):
            peer.send(wire.Registered(frame.number, "busy", (huge,)))
        peer.send(wire.Registered(frame.number, "x" * 60_000, ()))
    elif isinstance(frame, wire.Pake) and frame.step == Step.ASK:
        peer.send(wire.Pake(frame.session, frame.conversation, Step.REPLY, bytes(33)))
    elif isinstance(frame, wire.VaultWanted):
        for number in range(1, 40):
            for index in range(5):
                peer.send(wire.VaultPart(number, index, 5, huge))


LIES = {
    lie.__name__: lie
    for lie in (acknowledges, forgets, gives_another_key, refuses, is_silent, answers_hugely)
}


@attack
def lead(address: Address, lie: str, seconds: str, *others: str) -> object:
    """Lead at the victim and at others, `HOST:PORT`, for so long, and leave politely."""
    addresses = [address]
    for other in others:
        host, port = other.rsplit(":", 1)
        addresses.append((host, int(port)))
    liar = Liar(addresses)
    liar.lead(LIES[lie], float(seconds))
    return liar


@attack
def take_name(address: Address, name: str) -> object:
    """Claims of the name for the liar's own person, in terms of the past and of the future, that
    say to have seen all others."""
    liar = Liar([address])
    peer = liar.peers[0]
    peer.send(wire.RecordIds(False, b"", True))
    peer.wait(wire.RegistryRecords)
    peer.wait_taken()
    for frame in [f for f in peer.frames if isinstance(f, wire.RegistryRecords)]:
        liar._keep(frame)
    assert person_of(liar.claims, name)
    request = make_request(liar.identity.person, NETWORK, name)
    claims = []
    for number in (0, 1, NUMBER):
        lease = make_lease(liar.identity, NETWORK, max(number, 1), 1, False, b"")
        claims += [
            make_claim(liar.identity, NETWORK, request, lease, seen).raw
            for seen in ((), tuple(claim.id for claim in liar.claims[:16]))
        ]
    peer.send(wire.RegistryRecords(False, tuple(claims)))
    peer.wait_taken()
    return liar
