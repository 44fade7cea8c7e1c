"""Opening an account: its password or recovery code is proven to whoever leads, which gives the
keybox, and behind it the vault."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from p2pchat.config import limits
from p2pchat.errors import RequestError
from p2pchat.model.accounts import Opened
from p2pchat.model.names import Looks
from p2pchat.protocol import effects, pake
from p2pchat.protocol.identity import Signer
from p2pchat.protocol.link import Link
from p2pchat.protocol.pake import Granted, Outcome
from p2pchat.protocol.registrar.asking import AGAIN_S
from p2pchat.protocol.registrar.keybox import (
    Keybox,
    open_lock,
    password_salt,
    password_tag,
    proof_secret,
    read_keybox,
    recovery_salt,
    recovery_tag,
)
from p2pchat.protocol.registrar.owners import Owner
from p2pchat.protocol.registrar.refusals import refused

if TYPE_CHECKING:
    from p2pchat.protocol.registrar.part import Registrar

FIND_S = 6.0
"""How long an account is looked for that isn't known here: a node that has just started hears of
it within moments."""
MEANT = 3
"""Accounts that one name may mean: its owner's, and those that had to be renamed."""

Then = Callable[[Opened, Keybox], None]


@dataclass(frozen=True)
class _Attempt:
    """At one account after the other."""

    request: int
    asked: str
    """The name."""
    secret: str
    recovery: bool
    with_vault: bool
    then: Then

    def renamed_from(self, owner: Owner, looks: Looks) -> str | None:
        """The name that was asked for, where the account has another one by now."""
        return self.asked if looks(self.asked).isdisjoint(looks(owner.name)) else None


class Opening:
    def __init__(self, registrar: Registrar) -> None:
        self._r = registrar
        self._m = registrar.machine
        self._ctx = registrar.machine.ctx

    def by_name(
        self,
        request: int,
        name: str,
        secret: str,
        then: Then,
        *,
        recovery: bool = False,
    ) -> None:
        """The account of this name, or one that asked for it and was renamed: its owner may not
        know yet. `then` gets it with its vault."""
        attempt = _Attempt(request, name, self._bounded(secret), recovery, True, then)
        if not name:
            raise RequestError("no-such-account", "write the name of the account")
        until = self._ctx.now + FIND_S

        def find() -> None:
            found = self._r.registry.claimants(name)
            if found:
                self._try(attempt, found[:MEANT], "")
            elif self._ctx.now < until:
                self._ctx.after(AGAIN_S, find)
            else:
                nobody = self._r.leading.leader is None
                reason = "no-registrar" if nobody else "no-such-account"
                self._ctx.reply(request, refused(reason))

        find()

    def own(self, request: int, owner: Owner, secret: str, then: Then) -> None:
        """This person's."""
        attempt = _Attempt(request, owner.name, self._bounded(secret), False, False, then)
        self._try(attempt, [owner], "")

    @staticmethod
    def _bounded(secret: str) -> str:
        if len(secret) > limits.PASSWORD_CHARS:
            raise RequestError(
                "too-large", f"a password has at most {limits.PASSWORD_CHARS} characters"
            )
        return secret

    def _try(self, attempt: _Attempt, owners: Sequence[Owner], before: str) -> None:
        """The first of them; the others where it isn't that one. Each has its own limit of tries,
        as if it had been asked for by the name that it has. `before`: why not the one before."""
        owner, others = owners[0], owners[1:]
        key = owner.person_key
        tag = (recovery_tag if attempt.recovery else password_tag)(key)
        salt = (recovery_salt if attempt.recovery else password_salt)(key)

        def failed(reason: str) -> None:
            first = before or reason
            if others and reason in (pake.WRONG, pake.TOO_MANY):
                self._try(attempt, others, first)
            else:
                self._ctx.reply(attempt.request, refused(first, attempt.recovery))

        def opened(stretched: bytes, raw: bytes, link: Link | None) -> None:
            box = read_keybox(raw, self._ctx.network)
            lock = None
            if box is not None and box.record.person_key == key:
                lock = box.record.recovery if attempt.recovery else box.record.password
            seed = open_lock(stretched, lock.wrapped) if lock is not None else None
            if box is None or seed is None or Signer(seed).key != key:
                failed(pake.WRONG)  # what a lying registrar gives opens nothing
                return
            self._opened(attempt, owner, seed, box, link)

        def stretched(result: bytes | Exception) -> None:
            if isinstance(result, bytes):
                self._prove(tag, result, opened, failed)
            else:
                failed(pake.BUSY)

        self._ctx.compute(effects.Stretch(attempt.secret, salt), stretched)

    def _prove(
        self,
        tag: bytes,
        stretched: bytes,
        opened: Callable[[bytes, bytes, Link | None], None],
        failed: Callable[[str], None],
    ) -> None:
        secret, asking = proof_secret(stretched), self._r.asking

        def send(link: Link | None) -> None:
            if link is not None:
                ends = self._m.codes.ends(link)
                self._m.codes.proofs.ask(
                    link.id, tag, secret, ends, self._ctx.now, lambda out: proven(link, out)
                )
                return
            asking.end(question)
            known = self._r.secret(tag)
            if known is None:
                failed(pake.SILENT)
            elif refusal := self._m.codes.proofs.check_here(tag, known == secret, self._ctx.now):
                failed(refusal)
            else:
                opened(stretched, self._r.grant(tag), None)

        def proven(link: Link, outcome: Outcome) -> None:
            if question.answered:
                return
            if isinstance(outcome, Granted):
                asking.end(question)
                opened(stretched, outcome.payload, link)
            elif outcome.reason in (pake.WRONG, pake.TOO_MANY):
                asking.end(question)
                failed(outcome.reason)
            elif question.asked is link:
                asking.retry(question)

        question = asking.ask(send, failed)
        asking.begin()

    def _opened(
        self, attempt: _Attempt, owner: Owner, seed: bytes, box: Keybox, link: Link | None
    ) -> None:
        renamed_from = attempt.renamed_from(owner, self._r.registry.looks)

        def done(vault: bytes) -> None:
            found = Opened(owner.account, owner.name, seed, vault, box.raw, renamed_from)
            attempt.then(found, box)

        if not attempt.with_vault:
            done(b"")
        elif link is None:
            kept = self._r.holding.vault_of(owner.account)
            done(kept.raw if kept is not None else b"")
        else:
            self._r.vaulting.await_granted(link, owner.account, done)
