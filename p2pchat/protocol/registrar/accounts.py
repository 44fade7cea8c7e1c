"""What the person here does with accounts: registers, proves a password, changes it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from p2pchat.config import limits
from p2pchat.errors import RequestError
from p2pchat.model.accounts import Account, Opened, Registered
from p2pchat.model.ids import PeerId, show_key
from p2pchat.model.names import display_name
from p2pchat.model.passwords import check_password
from p2pchat.model.people import Status
from p2pchat.protocol import effects, pake, wire
from p2pchat.protocol.identity import Signer
from p2pchat.protocol.link import Link
from p2pchat.protocol.pake import Granted, Outcome
from p2pchat.protocol.registrar.claims import Release, make_appointed, make_request
from p2pchat.protocol.registrar.keybox import (
    RECOVERY_BYTES,
    Keybox,
    Lock,
    make_keybox,
    make_lock,
    open_lock,
    password_salt,
    password_tag,
    proof_secret,
    read_code,
    read_keybox,
    recovery_salt,
    recovery_tag,
    show_code,
)
from p2pchat.protocol.registrar.owners import Owner

if TYPE_CHECKING:
    from p2pchat.protocol.registrar.part import Registrar

AGAIN_S = 0.3
"""How often it is looked whether the registrar can be asked now."""
ASK_S = 10.0
"""How long one registrar may take to answer."""
FIND_S = 6.0
"""How long an account is looked for that isn't known here: a node that has just started hears of
it within moments."""

Failed = Callable[[str], None]


@dataclass(eq=False)
class _Asking:
    """Something for whoever leads, asked again when another one does."""

    send: Callable[[Link | None], None]
    """None: this node leads itself."""
    failed: Failed
    until: float
    asked: Link | None = None
    answered: bool = False
    tried: bool = False
    again_at: float = 0.0


@dataclass(eq=False)
class _Sent:
    """A Register that waits for its answer."""

    asking: _Asking
    done: Callable[[Sequence[bytes]], None]


class Accounts:
    def __init__(self, registrar: Registrar) -> None:
        self._r = registrar
        self._m = registrar.machine
        self._ctx = registrar.machine.ctx
        self._asking: list[_Asking] = []
        self._sent: dict[int, _Sent] = {}

    # -- asking whoever leads

    def _begin(self, asking: _Asking) -> None:
        self._asking.append(asking)
        self.look()
        self._look_later()

    def _look_later(self) -> None:
        def again() -> None:
            self.look()
            if self._asking:
                self._look_later()

        self._ctx.after(AGAIN_S, again)

    def look(self) -> None:
        """Ask the registrar where that is possible now."""
        for asking in list(self._asking):
            if asking.answered:
                continue
            if self._ctx.now >= asking.until:
                self._end(asking)
                asking.failed("nobody-answered" if asking.tried else "no-registrar")
                continue
            if asking.asked and self._ctx.now < asking.again_at:
                continue
            leader = self._r.leading.leader
            if leader is None:
                continue
            if self._r.leading.election.leads:
                asking.asked, asking.again_at = None, self._ctx.now + ASK_S
                asking.answered = asking.tried = True
                asking.send(None)
                continue
            link = self._m.links.of(leader)
            if link is None:
                self._m.demand(leader)
            else:
                asking.asked, asking.again_at = link, self._ctx.now + ASK_S
                asking.tried = True
                asking.send(link)

    def _end(self, asking: _Asking) -> None:
        asking.answered = True
        if asking in self._asking:
            self._asking.remove(asking)

    def _retry(self, asking: _Asking) -> None:
        """It wasn't the registrar any more, or couldn't answer."""
        asking.asked, asking.answered = None, False
        asking.again_at = 0.0

    def link_down(self, link: Link) -> None:
        for asking in self._asking:
            if asking.asked is link:
                self._retry(asking)

    # -- registering

    def register(self, request: int, name: str, password: str) -> None:
        """Replies with Registered. `name-not-allowed`, `weak-password`, `name-taken`,
        `no-registrar`; `not-allowed` for who has an account."""
        chosen = display_name(name)
        if not chosen:
            raise RequestError("name-not-allowed", "an account needs a name")
        check_password(password, chosen)
        own = self._r.registry.owners().get(self._m.identity.peer_id)
        if own is not None and own.claimed != chosen:
            raise RequestError("not-allowed", "this person has an account already")
        if own is None and self._r.registry.find(chosen) is not None:
            raise RequestError("name-taken", _REFUSALS["name-taken"])
        code = show_code(self._ctx.rng.randbytes(RECOVERY_BYTES))

        def locked(locks: tuple[Lock, Lock]) -> None:
            box = self._keybox(*locks)
            raw = make_request(self._m.identity.person, self._ctx.network, chosen)
            self._send_register(request, raw, box, lambda records: registered(box))

        def registered(box: Keybox) -> None:
            owner = self._r.registry.owners().get(self._m.identity.peer_id)
            name = owner.name if owner is not None else chosen
            me = self._m.identity.peer_id
            self._ctx.reply(request, Registered(me, name, me, code))

        self._lock(request, password, code, locked)

    def _lock(
        self, request: int, password: str, code: str, then: Callable[[tuple[Lock, Lock]], None]
    ) -> None:
        """Stretch both, which takes 0.1 s each, and wrap the seed under them."""
        key, seed = self._m.identity.person.key, self._m.identity.person_seed
        made: list[Lock] = []

        def stretched(result: bytes | Exception) -> None:
            if not isinstance(result, bytes):
                self._ctx.refuse(request, "busy")
                return
            made.append(make_lock(result, seed))
            if len(made) == 1:
                self._ctx.compute(effects.Stretch(code, recovery_salt(key)), stretched)
            else:
                then((made[0], made[1]))

        self._ctx.compute(effects.Stretch(password, password_salt(key)), stretched)

    def _keybox(self, password: Lock, recovery: Lock, above: int = 0) -> Keybox:
        counter = max(self._ctx.wall_ms, above + 1, 1)
        return make_keybox(self._m.identity.person, self._ctx.network, counter, password, recovery)

    def _send_register(
        self, request: int, raw: bytes, box: Keybox, done: Callable[[Sequence[bytes]], None]
    ) -> None:
        number = self._ctx.number()

        def kept(records: Sequence[bytes]) -> None:
            """The registrar's records count here at once."""
            fresh = [record.raw for one in records if (record := self._r.registry.add(one))]
            if not fresh:
                done(records)
                return

            def durable(_: object) -> None:
                self._r.took(fresh, None)
                done(records)

            writes = self._r.writes_of(fresh, None)
            self._ctx.commit(writes, durable, lambda reason: self._ctx.refuse(request, reason))

        def send(link: Link | None) -> None:
            if link is not None:
                self._m.links.send(link.id, wire.Register(number, raw, box.raw))
                return
            key = self._m.identity.person.key
            self._r.service.take(
                raw, box.raw, key, "", lambda why, said: self._answered(number, why, said)
            )

        def failed(reason: str) -> None:
            self._sent.pop(number, None)
            self._ctx.refuse(request, reason, _REFUSALS.get(reason, ""))

        sent = _Sent(_Asking(send, failed, self._ctx.now + limits.REGISTER_S), kept)
        self._sent[number] = sent
        self._begin(sent.asking)

    def on_registered(self, link: Link, frame: wire.Registered) -> None:
        sent = self._sent.get(frame.number)
        if sent is not None and sent.asking.asked is link:
            self._answered(frame.number, frame.reason, frame.records)

    def _answered(self, number: int, reason: str, records: Sequence[bytes]) -> None:
        sent = self._sent.get(number)
        if sent is None:
            return
        if reason in ("no-registrar", "nobody-answered", "busy"):
            self._retry(sent.asking)
            return
        del self._sent[number]
        self._end(sent.asking)
        if reason:
            sent.asking.failed(reason if reason in _REFUSALS else "not-allowed")
        else:
            sent.done(records)

    # -- proving a password

    def open(self, request: int, name: str, password: str) -> None:
        """Replies with Opened: the seed of the account of this name. `wrong-password`,
        `too-many-tries`, `no-such-account`, `no-registrar`."""
        self._open(request, name, password, False, lambda opened, _: self._reply(request, opened))

    def _reply(self, request: int, opened: Opened) -> None:
        self._ctx.reply(request, opened)

    def recover(self, request: int, name: str, code: str, new: str) -> None:
        """Replies with Opened, once the new password holds."""
        check_password(new, name)

        def opened(found: Opened, box: Keybox) -> None:
            person = Signer(found.seed)

            def stretched(result: bytes | Exception) -> None:
                if not isinstance(result, bytes):
                    self._ctx.refuse(request, "busy")
                    return
                lock = make_lock(result, found.seed)
                counter = max(self._ctx.wall_ms, box.record.counter + 1)
                changed = make_keybox(person, self._ctx.network, counter, lock, box.record.recovery)
                self._prove_change(request, changed, found)

            self._ctx.compute(effects.Stretch(new, password_salt(person.key)), stretched)

        self._open(request, name, read_code(code), True, opened)

    def _prove_change(self, request: int, changed: Keybox, found: Opened) -> None:
        """The registrar takes a keybox only from its person: this node isn't that yet, but what
        the person has signed needs no more than that."""
        self._send_register(request, b"", changed, lambda _: self._reply(request, found))

    def change_password(self, request: int, old: str, new: str) -> None:
        """Replies with None."""
        me = self._m.identity.peer_id
        owner = self._r.registry.owners().get(me)
        if owner is None:
            raise RequestError("not-signed-in", "this person has no account")
        check_password(new, owner.name)

        def opened(_: Opened, box: Keybox) -> None:
            def stretched(result: bytes | Exception) -> None:
                if not isinstance(result, bytes):
                    self._ctx.refuse(request, "busy")
                    return
                lock = make_lock(result, self._m.identity.person_seed)
                changed = self._keybox(lock, box.record.recovery, box.record.counter)
                self._send_register(request, b"", changed, lambda _: self._ctx.reply(request, None))

            key = self._m.identity.person.key
            self._ctx.compute(effects.Stretch(new, password_salt(key)), stretched)

        self._open(request, owner.name, old, False, opened)

    def _open(
        self,
        request: int,
        name: str,
        secret: str,
        recovery: bool,
        then: Callable[[Opened, Keybox], None],
    ) -> None:
        if len(secret) > limits.PASSWORD_CHARS:
            raise RequestError(
                "too-large", f"a password has at most {limits.PASSWORD_CHARS} characters"
            )
        if not name:
            raise RequestError("no-such-account", "write the name of the account")
        until = self._ctx.now + FIND_S

        def find() -> None:
            owner = self._r.registry.find(name)
            if owner is not None:
                self._prove(request, owner, secret, recovery, then)
            elif self._ctx.now < until:
                self._ctx.after(AGAIN_S, find)
            elif self._r.leading.leader is None:
                self._ctx.refuse(request, "no-registrar", _REFUSALS["no-registrar"])
            else:
                self._ctx.refuse(request, "no-such-account", f"nobody has registered {name}")

        find()

    def _prove(
        self,
        request: int,
        owner: Owner,
        secret: str,
        recovery: bool,
        then: Callable[[Opened, Keybox], None],
    ) -> None:
        key = owner.person_key
        tag = (recovery_tag if recovery else password_tag)(key)
        salt = (recovery_salt if recovery else password_salt)(key)

        def failed(reason: str) -> None:
            said = _CODE_REFUSALS.get(reason) if recovery else None
            self._ctx.refuse(request, reason, said or _REFUSALS.get(reason, ""))

        def opened(stretched: bytes, raw: bytes) -> None:
            box = read_keybox(raw, self._ctx.network)
            lock = None
            if box is not None and box.record.person_key == key:
                lock = box.record.recovery if recovery else box.record.password
            seed = open_lock(stretched, lock.wrapped) if lock is not None else None
            if box is None or seed is None or Signer(seed).key != key:
                # What a lying registrar gives opens nothing.
                failed("wrong-password")
                return
            then(Opened(owner.account, owner.name, seed), box)

        def stretched(result: bytes | Exception) -> None:
            if isinstance(result, bytes):
                self._ask_proof(tag, result, opened, failed)
            else:
                failed("busy")

        self._ctx.compute(effects.Stretch(secret, salt), stretched)

    def _ask_proof(
        self,
        tag: bytes,
        stretched: bytes,
        opened: Callable[[bytes, bytes], None],
        failed: Callable[[str], None],
    ) -> None:
        secret = proof_secret(stretched)

        def proven(outcome: Outcome) -> None:
            if asking.answered:
                return
            if isinstance(outcome, Granted):
                self._end(asking)
                opened(stretched, outcome.payload)
            elif outcome.reason in (pake.WRONG, pake.TOO_MANY):
                self._end(asking)
                failed(outcome.reason)
            else:
                self._retry(asking)

        def send(link: Link | None) -> None:
            if link is not None:
                ends = self._m.codes.ends(link)
                self._m.codes.proofs.ask(link.id, tag, secret, ends, self._ctx.now, proven)
                return
            self._end(asking)
            known = self._r.secret(tag)
            if known == secret:
                opened(stretched, self._r.grant(tag))
            else:
                failed("nobody-answered" if known is None else pake.WRONG)

        asking = _Asking(send, failed, self._ctx.now + limits.REGISTER_S)
        self._begin(asking)

    # -- the others

    def list(self) -> Sequence[Account]:
        people, me = self._m.people, self._m.identity.peer_id
        found = []
        for owner in self._r.registry.owners().values():
            online = owner.account == me or people.status(owner.account) is not Status.OFFLINE
            found.append(Account(owner.account, owner.name, owner.account, online))
        return sorted(found, key=lambda account: account.name.casefold())

    def release(self, request: int, account: str) -> None:
        """Replies with None. `not-allowed`, `no-such-account`."""
        if self._r.appointing is None:
            raise RequestError("not-allowed", "only the appointed can release a name")
        owner = self._r.registry.owners().get(PeerId(account))
        if owner is None:
            raise RequestError("no-such-account", "there is no such account")
        said = Release(owner.person_key, owner.claimed)
        record = make_appointed(self._r.appointing, self._ctx.network, said)
        self._r.keep_record(record.raw, lambda: self._ctx.reply(request, None))

    def appoint(self, request: int, device: str) -> None:
        """Sign a device as a holder. Replies with the key's public half, as text."""
        if self._r.appointing is None:
            raise RequestError("not-allowed", "only the appointed can sign holders")
        key = self._r.find_device(device)
        if key is None:
            raise RequestError("no-such-peer", "no such device is known")
        self._r.appoint(key)
        self._ctx.reply(request, show_key(self._r.appointing.key))

    def renamed(self, name: str) -> None:
        """The own account has another name now, or is new: people shall see it."""
        directory = self._m.directory
        record = directory.profile.record
        if record.name == name:
            return
        writes = directory.set_profile(name, record.note, directory.own_avatar())
        self._m.people.rename_self(name)
        self._ctx.commit(writes, lambda _: directory.tell())


_CODE_REFUSALS = {"wrong-password": "this isn't the account's recovery code"}
_REFUSALS = {
    "wrong-password": "this isn't the account's password",
    "name-taken": "the name is registered, or looks like one that is",
    "no-registrar": "there is no registrar now",
    "no-such-account": "there is no such account",
    "too-many-tries": "too many tries: wait a minute",
    "nobody-answered": "the registrar doesn't answer",
    "not-allowed": "the registrar doesn't allow that",
    "disk-full": "the registrar's disk is full",
    "store-failed": "the registrar's store has failed",
}
