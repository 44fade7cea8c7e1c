"""What the person here does with accounts: registers, proves a password, changes it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from p2pchat.errors import RequestError
from p2pchat.model.accounts import Account, Opened, Registered
from p2pchat.model.ids import PeerId, show_key
from p2pchat.model.names import display_name
from p2pchat.model.passwords import check_password
from p2pchat.model.people import Status
from p2pchat.protocol import effects, wire
from p2pchat.protocol.identity import Signer
from p2pchat.protocol.link import Link
from p2pchat.protocol.registrar.asking import Question
from p2pchat.protocol.registrar.claims import Release, make_appointed, make_request
from p2pchat.protocol.registrar.keybox import (
    RECOVERY_BYTES,
    Keybox,
    Lock,
    make_keybox,
    make_lock,
    password_salt,
    read_code,
    recovery_salt,
    show_code,
)
from p2pchat.protocol.registrar.refusals import REGISTRAR_REFUSALS, refused

if TYPE_CHECKING:
    from p2pchat.protocol.registrar.part import Registrar


@dataclass(eq=False)
class _Sent:
    """A Register that waits for its answer."""

    question: Question
    name: str
    """That was asked for; empty: none."""
    done: Callable[[Sequence[bytes]], None]


class Accounts:
    def __init__(self, registrar: Registrar) -> None:
        self._r = registrar
        self._m = registrar.machine
        self._ctx = registrar.machine.ctx
        self._sent: dict[int, _Sent] = {}

    # -- registering

    def register(self, request: int, name: str, password: str) -> None:
        """Replies with Registered. `name-not-allowed`, `weak-password`, `name-taken`,
        `no-registrar`; `not-allowed` for who has an account."""
        chosen = display_name(name)
        if not chosen:
            raise RequestError("name-not-allowed", "an account needs a name")
        if chosen[0] in "#@":
            raise RequestError("name-not-allowed", "an account's name can't begin with # or @")
        check_password(password, chosen)
        own = self._r.registry.owners().get(self._m.identity.peer_id)
        if own is not None and own.claimed != chosen:
            raise RequestError("not-allowed", "this person has an account already")
        if own is None and self._r.registry.find(chosen) is not None:
            raise refused("name-taken")
        code = show_code(self._ctx.rng.randbytes(RECOVERY_BYTES))

        def locked(locks: tuple[Lock, Lock]) -> None:
            box = self._keybox(*locks)
            raw = make_request(self._m.identity.person, self._ctx.network, chosen)
            self._send_register(request, raw, box, lambda _: registered(box), chosen)

        def registered(box: Keybox) -> None:
            self._r.vaulting.keep_own(box)
            self._r.tell_now()
            owner = self._r.registry.owners().get(self._m.identity.peer_id)
            name = owner.name if owner is not None else chosen
            me = self._m.identity.peer_id
            self._ctx.reply(request, Registered(me, name, me, code))

        self._lock(request, password, code, own is not None, locked)

    def _lock(
        self,
        request: int,
        password: str,
        code: str,
        again: bool,
        then: Callable[[tuple[Lock, Lock]], None],
    ) -> None:
        """Stretch both, which takes 0.1 s each, and wrap the seed under them. `again`: whose answer
        was lost has a new code by the same password; another one is only for `change_password`."""
        key, seed = self._m.identity.person.key, self._m.identity.person_seed
        made: list[Lock] = []

        def stretched(result: bytes | Exception) -> None:
            if not isinstance(result, bytes):
                self._ctx.reply(request, refused("busy"))
                return
            if again and not made and not self._r.vaulting.may_be_own(result):
                self._ctx.reply(
                    request, RequestError("not-allowed", "this person has an account already")
                )
                return
            made.append(make_lock(result, seed))
            if len(made) == 1:
                self._ctx.compute(effects.Stretch(code, recovery_salt(key)), stretched)
            else:
                then((made[0], made[1]))

        self._ctx.compute(effects.Stretch(password, password_salt(key)), stretched)

    def _keybox(self, password: Lock, recovery: Lock, above: int = 0) -> Keybox:
        """`above`: the counter of the one that the holder gave."""
        above = max(above, self._r.vaulting.box_counter)
        counter = max(self._ctx.wall_ms, above + 1)
        return make_keybox(self._m.identity.person, self._ctx.network, counter, password, recovery)

    def _send_register(
        self,
        request: int,
        raw: bytes,
        box: Keybox,
        done: Callable[[Sequence[bytes]], None],
        name: str = "",
    ) -> None:
        number = self._ctx.number()

        def kept(records: Sequence[bytes]) -> None:
            """The registrar's records count here at once."""
            fresh = [record.raw for one in records if (record := self._r.registry.add(one))]
            if not fresh:
                done(records)
                return

            def durable() -> None:
                self._r.took(fresh, None)
                done(records)

            def failed(reason: str) -> None:
                self._ctx.reply(request, RequestError(reason))

            self._r.commit(fresh, None, durable, failed)

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
            self._ctx.reply(request, refused(reason))

        asking = self._r.asking
        self._sent[number] = _Sent(asking.ask(send, failed), name, kept)
        asking.begin()

    def on_registered(self, link: Link, frame: wire.Registered) -> None:
        sent = self._sent.get(frame.number)
        if sent is not None and sent.question.asked is link:
            self._answered(frame.number, frame.reason, frame.records)

    def _answered(self, number: int, reason: str, records: Sequence[bytes]) -> None:
        sent = self._sent.get(number)
        if sent is None:
            return
        lies = not reason and sent.name and not self._is_claimed(sent.name, records)
        if lies or reason in ("no-registrar", "nobody-answered", "busy"):
            self._r.asking.retry(sent.question)
            return
        del self._sent[number]
        self._r.asking.end(sent.question)
        if reason:
            sent.question.failed(reason if reason in REGISTRAR_REFUSALS else "not-allowed")
        else:
            sent.done(records)

    def _is_claimed(self, name: str, records: Sequence[bytes]) -> bool:
        """Whether one of the records is a claim of the name for this person."""
        wanted = (self._m.identity.person.key, name)
        checked = (self._r.registry.check(raw) for raw in records)
        requests = (record.request for record in checked if record is not None)
        return any(one is not None and (one.person_key, one.name) == wanted for one in requests)

    # -- proving a password

    def open(self, request: int, name: str, password: str) -> None:
        """Replies with Opened: the account of this name, or of one that had to be renamed from it.
        `wrong-password`, `too-many-tries`, `no-such-account`, `no-registrar`."""
        self._r.opening.by_name(
            request, name, password, lambda opened, _: self._reply(request, opened)
        )

    def _reply(self, request: int, opened: Opened) -> None:
        self._ctx.reply(request, opened)

    def recover(self, request: int, name: str, code: str, new: str) -> None:
        """Replies with Opened, once the new password holds."""
        check_password(new, name)

        def opened(found: Opened, box: Keybox) -> None:
            person = Signer(found.seed)

            def stretched(result: bytes | Exception) -> None:
                if not isinstance(result, bytes):
                    self._ctx.reply(request, refused("busy"))
                    return
                lock = make_lock(result, found.seed)
                counter = max(self._ctx.wall_ms, box.record.counter + 1)
                changed = make_keybox(person, self._ctx.network, counter, lock, box.record.recovery)
                self._prove_change(request, changed, found)

            self._ctx.compute(effects.Stretch(new, password_salt(person.key)), stretched)

        self._r.opening.by_name(request, name, read_code(code), opened, recovery=True)

    def _prove_change(self, request: int, changed: Keybox, found: Opened) -> None:
        """The registrar takes a keybox only from its person: this node isn't that yet, but what
        the person has signed needs no more than that."""
        found = msgspec.structs.replace(found, keybox=changed.raw)
        self._send_register(request, b"", changed, lambda _: self._reply(request, found))

    def change_password(self, request: int, old: str, new: str) -> None:
        """Replies with None."""
        me = self._m.identity.peer_id
        owner = self._r.registry.owners().get(me)
        if owner is None:
            raise refused("not-signed-in")
        check_password(new, owner.name)

        def done(changed: Keybox) -> None:
            self._r.vaulting.keep_own(changed)
            self._ctx.reply(request, None)

        def opened(_: Opened, box: Keybox) -> None:
            def stretched(result: bytes | Exception) -> None:
                if not isinstance(result, bytes):
                    self._ctx.reply(request, refused("busy"))
                    return
                lock = make_lock(result, self._m.identity.person_seed)
                changed = self._keybox(lock, box.record.recovery, box.record.counter)
                self._send_register(request, b"", changed, lambda _: done(changed))

            key = self._m.identity.person.key
            self._ctx.compute(effects.Stretch(new, password_salt(key)), stretched)

        self._r.opening.own(request, owner, old, opened)

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
            raise refused("no-such-account")
        if owner.name != owner.claimed:
            raise RequestError("not-allowed", "this isn't the name that was registered: it stays")
        said = Release(owner.person_key, owner.claimed)
        record = make_appointed(self._r.appointing, self._ctx.network, said)
        self._r.keep([record.raw], lambda: self._ctx.reply(request, None), request)

    def appoint(self, request: int, device: str) -> None:
        """Sign a device as a holder. Replies with the key's public half, as text."""
        key = self._r.find_device(device)
        self._appoint(request, [key] if key is not None else [])

    def appoint_person(self, request: int, person: str) -> None:
        """The same of all devices of this person that are on line."""
        devices = self._m.directory.of_person(PeerId(person))
        here = [device for device in devices if device.status is not Status.OFFLINE]
        self._appoint(request, [device.record.device_key for device in here])

    def _appoint(self, request: int, keys: Sequence[bytes]) -> None:
        if self._r.appointing is None:
            raise RequestError("not-allowed", "only the appointed can sign holders")
        if not keys:
            raise RequestError("no-such-peer", "no such computer is here now")
        public = show_key(self._r.appointing.key)
        self._r.appoint(keys, lambda: self._ctx.reply(request, public), request)

    def renamed(self, name: str) -> None:
        """The own account has another name now, or is new: people shall see it."""
        directory = self._m.directory
        record = directory.profile.record
        if record.name == name:
            return
        writes = directory.set_profile(name, record.note, directory.own_avatar())
        self._m.people.rename_self(name)
        self._ctx.commit(writes, lambda _: directory.tell())
