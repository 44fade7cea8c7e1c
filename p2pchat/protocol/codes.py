"""Passwords on links: the network code that a link must prove, and joining protected rooms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from p2pchat.protocol import effects, wire
from p2pchat.protocol.context import Timer
from p2pchat.protocol.link import Link
from p2pchat.protocol.pake import WRONG, Ends, Granted, Outcome, Party, PasswordProofs

if TYPE_CHECKING:
    from p2pchat.protocol.machine import Machine


class Codes:
    """Answers those who prove a password (`pake.Answers`), and proves the network code."""

    def __init__(self, machine: Machine) -> None:
        self._m = machine
        ctx = machine.ctx
        self.proofs = PasswordProofs(ctx.network, ctx.rng, self, ctx.compute, machine.links.send)
        self._secret: bytes | None = None
        """The network code, stretched."""
        self._waiting: list[Link] = []
        self._early: dict[int, tuple[Link, wire.Pake]] = {}
        """What was asked, by link, before there was that."""
        self._timer: Timer | None = None

    def start(self, code: str | None) -> None:
        """Stretch the network code; links that need it wait."""
        if code is not None:
            self._m.ctx.compute(effects.Stretch(code, self._m.network), self._ready)

    def _ready(self, secret: bytes | Exception) -> None:
        if isinstance(secret, bytes):
            self._secret = secret
            waiting, self._waiting = self._waiting, []
            early, self._early = self._early, {}
            for link in waiting:
                self.prove(link)
            for link, frame in early.values():
                if self._m.links.get(link.id) is link:
                    self.on_pake(link, frame)

    def prove(self, link: Link) -> None:
        """The side with the smaller device id proves the network code to the other."""
        m = self._m
        if self._secret is None:
            self._waiting.append(link)
            return
        if m.links.get(link.id) is None or m.identity.device_id > link.device:
            return

        def asked(outcome: Outcome) -> None:
            if m.links.get(link.id) is None:
                return  # it broke meanwhile, which says nothing of the code
            if isinstance(outcome, Granted):
                m.links.proven(link)
            elif outcome.reason == WRONG:
                m.link_refused(link, "wrong-code")
                m.links.close(link, "wrong-code")
            else:
                m.links.close(link, "busy")

        self.proofs.ask(link.id, b"", self._secret, self.ends(link), m.ctx.now, asked)
        self._expire()

    def ends(self, link: Link) -> Ends:
        identity = self._m.identity
        own = Party(identity.peer_id, identity.device_id, link.info.own_leaf)
        peer = Party(link.person, link.device, link.info.peer_leaf)
        return Ends(own, peer, link.source)

    def on_pake(self, link: Link, frame: wire.Pake) -> None:
        if not (frame.conversation or self._secret) and self._m.config.code is not None:
            self._early.setdefault(link.id, (link, frame))
        elif link.up or not frame.conversation:
            self.proofs.receive(link.id, frame, self.ends(link), self._m.ctx.now)
            self._expire()

    def _expire(self) -> None:
        """One timer for all runs, however many steps come."""
        due, ctx = self.proofs.deadline(), self._m.ctx
        if due is None or self._timer is not None:
            return

        def expire() -> None:
            self._timer = None
            self.proofs.expire(ctx.now)
            self._expire()

        self._timer = ctx.after(max(0.0, due - ctx.now), expire)

    # -- pake.Answers

    def secret(self, link: int, conversation: bytes) -> bytes | None:
        if not conversation:
            return self._secret
        return self._m.membership.secret(conversation) or self._m.registrar.secret(conversation)

    def grant(self, link: int, conversation: bytes) -> bytes:
        if not conversation:
            return b""
        room = self._m.membership.secret(conversation) is not None
        return (self._m.membership if room else self._m.registrar).grant(conversation)

    def proven(self, link: int, conversation: bytes) -> None:
        found = self._m.links.get(link)
        if found is None:
            return
        if conversation:
            self._m.registrar.proven(found, conversation)
        else:
            self._m.links.proven(found)

    def disproven(self, link: int, conversation: bytes) -> None:
        found = self._m.links.get(link)
        if found is not None and not conversation:
            self._m.link_refused(found, "wrong-code")
            self._m.links.close(found, "wrong-code")
