"""The registrar's part of the machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from p2pchat.config import limits
from p2pchat.events import AccountRenamed
from p2pchat.model.ids import DeviceId, PeerId, read_key
from p2pchat.model.names import Looks
from p2pchat.model.records import PutMeta, Write
from p2pchat.protocol import wire
from p2pchat.protocol.announce import Device
from p2pchat.protocol.buckets import SourceBuckets
from p2pchat.protocol.context import Timer
from p2pchat.protocol.hashing import device_id_of
from p2pchat.protocol.identity import Signer
from p2pchat.protocol.link import Link
from p2pchat.protocol.overlay import Mode
from p2pchat.protocol.registrar.accounts import Accounts
from p2pchat.protocol.registrar.announcements import Announcements
from p2pchat.protocol.registrar.asking import Asking
from p2pchat.protocol.registrar.attendance import Attendance
from p2pchat.protocol.registrar.belongings import Belongings
from p2pchat.protocol.registrar.checking import Checking
from p2pchat.protocol.registrar.claims import Holder, kept_record, make_appointed
from p2pchat.protocol.registrar.election import Standing
from p2pchat.protocol.registrar.holding import Holding
from p2pchat.protocol.registrar.keybox import Keybox
from p2pchat.protocol.registrar.leading import Leading
from p2pchat.protocol.registrar.lease import make_mandate
from p2pchat.protocol.registrar.opening import Opening
from p2pchat.protocol.registrar.owners import Owner
from p2pchat.protocol.registrar.registry import Registry
from p2pchat.protocol.registrar.replication import Replica
from p2pchat.protocol.registrar.service import Service
from p2pchat.protocol.registrar.vault import Vault
from p2pchat.protocol.registrar.vaulting import Vaulting
from p2pchat.protocol.registrar.witnesses import Witnesses

if TYPE_CHECKING:
    from p2pchat.protocol.machine import Machine

OWN_NAME_KEY = "account_name"
RECORD_KEY, KEYBOX_KEY, VAULT_KEY = "registry/", "keybox/", "vault/"
"""Beginnings of the keys under which records are stored."""
COMPARE_S = (15.0, 25.0)
"""Between two comparisons of what is held with that of whoever leads."""
LINKED_HOLDERS = 32
"""That the leader of a large network has links to, of those whom it wouldn't be linked with."""
TELL_S, TELL_PER_RECORD_S = 0.2, 0.0001
"""How long changes are gathered before names are worked out anew, which takes a fifth of it."""
CHECKED_AT_ONCE, CHECKED_PER_S = 12_000.0, 200.0
"""Records of one link that are looked at."""


class Registrar:
    def __init__(self, machine: Machine, meta: Mapping[str, bytes], looks: Looks) -> None:
        self.machine = machine
        config = machine.config
        self.appointing = Signer(config.appointing) if config.appointing else None
        self.mandate = b""
        if self.appointing is not None:
            device_key = machine.identity.device.key
            self.mandate = make_mandate(self.appointing, machine.network, device_key)
        self.registry = Registry(
            machine.network, looks, lambda: self.appointed_by, Witnesses(self).admits
        )
        self.registry.load(raw for key, raw in meta.items() if key.startswith(RECORD_KEY))
        self.holding = Holding(machine.network)
        for begin in (KEYBOX_KEY, VAULT_KEY):
            self.holding.load(raw for key, raw in meta.items() if key.startswith(begin))
        number = max(int(meta.get("registrar/term", b"0")), self.registry.highest_term())
        self.leading = Leading(self, number)
        self.service = Service(self)
        self.asking = Asking(self)
        self.opening = Opening(self)
        self.accounts = Accounts(self)
        self.announcements = Announcements(self, meta)
        self.attendance = Attendance(self, meta)
        self.belongings = Belongings(machine)
        self.vaulting = Vaulting(self, self.belongings, meta)

        def in_parts(link: Link, raw: bytes) -> None:
            self.vaulting.send(link, 0, raw)

        self._public = Replica(
            self, False, self.registry, lambda _: True, self._take_records, in_parts
        )
        self._private = Replica(
            self,
            True,
            self.holding,
            lambda link: self.may_hold and self.is_fellow(link.device),
            self.take_held,
            in_parts,
        )
        self.checking = Checking(machine.ctx, self.registry, self._public.ask_again)
        self._checked = SourceBuckets(CHECKED_AT_ONCE, CHECKED_PER_S, limits.MAX_LINKS)
        self._known = self.registry.names()
        """As they were worked out last. What peers bring asks these: to work them out costs too
        much for every frame."""
        self._own_name = meta.get(OWN_NAME_KEY, b"").decode()
        """Of the account, as its person was told last."""
        self._telling: Timer | None = None
        machine.people.registered_as = self._name_of
        machine.people.registered_to = self._person_of
        machine.directory.is_holder = self.registry.is_holder

    # -- what this node was told to be

    @property
    def willing(self) -> bool:
        config, settings = self.machine.config, self.machine.ctx.settings
        wants = config.willing or settings.registrar or self.appointing is not None
        return wants and not config.delivers

    @property
    def appointed_by(self) -> bytes:
        """The public half of the appointing key; empty: nobody counts as appointed here."""
        if self.machine.config.appointed_by:
            return self.machine.config.appointed_by
        text = self.machine.ctx.settings.appointed_by
        return read_key(text) if text else b""

    @property
    def may_hold(self) -> bool:
        """Whether keyboxes may be here."""
        own = self.machine.identity.device.key
        return self.willing and self.leading.standing(own, self.mandate) is not Standing.VOID

    def is_holder(self, device_key: bytes) -> bool:
        return self.registry.is_holder(device_key)

    # -- others

    def others(self) -> list[Device]:
        """Devices on line but this one."""
        own = self.machine.identity.device_id
        return [device for device in self.machine.directory.devices() if device.id != own]

    def fellows(self) -> list[DeviceId]:
        """Others on line that may hold. In a full mesh those are linked that are there."""
        links = self.machine.links
        bounded = self.machine.overlay.mode() is Mode.BOUNDED
        return [
            device.id
            for device in self.others()
            if self._may_hold(device) and (bounded or links.of(device.id) is not None)
        ]

    def is_fellow(self, id: DeviceId) -> bool:
        device = self.machine.directory.device(id)
        return device is not None and self._may_hold(device)

    def _may_hold(self, device: Device) -> bool:
        key = device.record.device_key
        return device.record.willing and self.leading.standing(key) is not Standing.VOID

    # -- inputs

    def load(self) -> None:
        self.machine.directory.willing = self.willing
        self.machine.directory.keeps_register = self.appointing is not None
        if self.appointing is not None:
            self.appoint([self.machine.identity.device.key])

    def start(self) -> None:
        self.leading.start()
        self._compare_later()
        self.vaulting.start()
        self.announcements.start()
        self.attendance.start()
        self.service.countersign()

    def stop(self) -> None:
        self.leading.stop()
        self.attendance.stop()

    def link_up(self, link: Link) -> None:
        self.leading.link_up(link)
        if self.machine.identity.device_id < link.device:
            self._public.greet(link)
            self._private.greet(link)
        self.asking.look()

    def link_down(self, link: Link) -> None:
        for replica in (self._public, self._private):
            replica.link_closed(link.id)
        self.asking.link_down(link)
        self.vaulting.link_down(link)

    def link_drained(self, link: Link) -> None:
        for replica in (self._public, self._private):
            replica.drained(link)

    def device_changed(self, device: Device, before: Device | None) -> None:
        self.machine.watch.own_device(device)
        link = self.machine.links.of(device.id)
        if link is not None and device.record.willing and not (before and before.record.willing):
            self._private.greet(link)

    def _compare_later(self) -> None:
        ctx = self.machine.ctx
        ctx.after(ctx.rng.uniform(*COMPARE_S), self._compare_with_leader)

    def _compare_with_leader(self) -> None:
        """Whoever holds keys has them all, also where few are linked."""
        self._compare_later()
        leader = self.leading.leader
        if leader is None or self.leading.election.leads or not self.may_hold:
            return
        link = self.machine.links.of(leader)
        if link is not None:
            self._private.greet(link)
        elif self.machine.ctx.rng.random() * len(self.fellows()) < LINKED_HOLDERS:
            self.machine.demand(leader)

    def compare(self, link: Link) -> None:
        """Now and then, with one neighbour."""
        self._public.compare(link)
        self._private.compare(link)

    def leader_changed(self) -> None:
        self.asking.look()
        if self.leading.leader is not None and self.machine.links.of(self.leading.leader):
            self.vaulting.look()

    def settings_changed(self) -> None:
        directory = self.machine.directory
        if directory.willing != self.willing:
            directory.willing = self.willing
            directory.tell()
        self.registry.judge_anew()
        self.machine.directory.show_anew()
        self._tell_soon()
        self.leading.look()

    def on_registered(self, link: Link, frame: wire.Registered) -> None:
        self.accounts.on_registered(link, frame)
        self.vaulting.on_registered(link, frame)

    def on_set(self, link: Link, frame: wire.RecordSet) -> None:
        self._replica(frame.held).on_set(link, frame)

    def on_ids(self, link: Link, frame: wire.RecordIds) -> None:
        self._replica(frame.held).on_ids(link, frame)

    def on_wanted(self, link: Link, frame: wire.RecordsWanted) -> None:
        self._replica(frame.held).on_wanted(link, frame)

    def on_records(self, link: Link, frame: wire.RegistryRecords) -> None:
        self._replica(frame.held).on_records(link, frame)

    def _replica(self, held: bool) -> Replica:
        return self._private if held else self._public

    # -- records come in

    def _take_records(self, link: Link, raws: Sequence[bytes]) -> None:
        def keep(fresh: list[bytes]) -> None:
            if fresh:
                self.commit(fresh, None, lambda: self.took(fresh, None, link))

        allowed = [raw for raw in raws if self.may_check(link)]
        if not self.checking.check(allowed, keep):
            self._public.dropped(link)

    def take_held(self, link: Link, raws: Sequence[bytes]) -> None:
        """Keyboxes and vaults that a fellow has."""
        if not (self.may_hold and self.is_fellow(link.device)):
            return
        for raw in raws:
            if self.may_check(link):
                self.keep_held(raw, link)

    def keep_held(self, raw: bytes, source: Link | None) -> None:
        """Keep a keybox or vault that is newer than what is here, and pass it on to fellows."""
        held = self.holding.is_news(raw)
        if held is not None:
            self.commit((), held, lambda: self.took((), held, source))

    def may_check(self, link: Link) -> bool:
        """Each costs two signatures."""
        return self._checked.take(link.source, 1, self.machine.ctx.now)

    def commit(
        self,
        raws: Sequence[bytes],
        held: Keybox | Vault | None,
        done: Callable[[], None],
        failed: Callable[[str], None] = lambda _: None,
        more: Sequence[Write] = (),
    ) -> None:
        """Make them durable, and in one write with them what `more` there is; `done` calls `took`.
        `failed` gets a RequestError's reason."""

        def give_up(reason: str) -> None:
            if held is not None:
                self.holding.give_up(held)
            failed(reason)

        if held is not None:
            self.holding.expect(held)
        writes = [*self._writes_of(raws, held), *more]
        self.machine.ctx.commit(writes, lambda _: done(), give_up)

    def _writes_of(self, raws: Sequence[bytes], held: Keybox | Vault | None) -> list[Write]:
        records = (kept_record(raw) for raw in raws)
        writes: list[Write] = [
            PutMeta(RECORD_KEY + record.id[:16].hex(), record.raw) for record in records if record
        ]
        if held is not None:
            begin = VAULT_KEY if isinstance(held, Vault) else KEYBOX_KEY
            writes.append(PutMeta(begin + held.account, held.raw))
        return writes

    def took(
        self,
        raws: Sequence[bytes],
        held: Keybox | Vault | None,
        source: Link | None = None,
    ) -> None:
        """These are durable here."""
        for raw in raws:
            self.registry.add(raw)
        records = [record for raw in raws if (record := kept_record(raw)) is not None]
        ids = [record.id[:16] for record in records]
        if any(isinstance(record.payload, Holder) for record in records):
            self.machine.directory.show_anew()
        if ids:
            self.announcements.took(records)
            self._public.spread(ids, source)
            self._tell_soon()
            if self.leading.election.judge_anew(self.machine.ctx.now):
                self.leading.look()
        if held is not None:
            self.holding.put(held)
            self._private.spread([held.id], source)
            if self.leading.election.leads:
                self.vaulting.spread(held, source)

    def appoint(
        self, device_keys: Sequence[bytes], then: Callable[[], None] = lambda: None, asked: int = 0
    ) -> None:
        """Sign devices as holders."""
        assert self.appointing is not None, "the appointed alone"
        fresh = [Holder(key) for key in device_keys if not self.registry.is_holder(key)]
        made = [make_appointed(self.appointing, self.machine.network, one) for one in fresh]
        self.keep([record.raw for record in made], then, asked)

    def keep(
        self,
        raws: Sequence[bytes],
        then: Callable[[], None] = lambda: None,
        asked: int = 0,
        more: Sequence[Write] = (),
    ) -> None:
        """Records that were made here; `then` once they are durable. `asked`: the request that is
        refused where they can't be kept. `more`: as of `commit`."""

        def durable() -> None:
            self.took(raws, None)
            then()

        def failed(reason: str) -> None:
            self.machine.ctx.refuse(asked, reason)

        self.commit(raws, None, durable, failed, more)

    # -- what follows from them

    def _name_of(self, person: PeerId) -> str | None:
        owner = self._known.owners.get(person)
        return None if owner is None else owner.name

    def _person_of(self, name: str) -> PeerId | None:
        owner = self._known.find(name)
        return None if owner is None else owner.account

    def has_account(self, person: PeerId) -> bool:
        """For what peers bring: an account that is new counts a moment later."""
        return person in self._known.owners

    def _tell_soon(self) -> None:
        if self._telling is None:
            gathered = TELL_S + TELL_PER_RECORD_S * len(self.registry)
            self._telling = self.machine.ctx.after(gathered, self._tell)

    def tell_now(self) -> None:
        """What is answered next holds already: whoever is renamed a moment later is told."""
        if self._telling is not None:
            self._telling.cancel()
        self._tell()

    def _tell(self) -> None:
        """Whose name is another one now."""
        self._telling = None
        before, self._known = self._known, self.registry.names()
        ctx, people = self.machine.ctx, self.machine.people
        self.tell_own()
        self.service.countersign()
        for account, owner in self._known.owners.items():
            old = before.owners.get(account)
            if account == self.machine.identity.peer_id:
                continue
            # Also where the name is known as somebody else's: of a network that was apart.
            was = owner.claimed if before.find(owner.claimed) is not None else owner.name
            if old is not None:
                was = old.name
            if was != owner.name:
                ctx.notify(self._renamed(owner, was))
            if old is None or old.name != owner.name:
                self.machine.directory.apply(people.registered(account))
        self.machine.directory.apply(people.number_borrowers())

    def tell_own(self) -> None:
        """Also later, once somebody is there to be told: it isn't to be missed."""
        owner = self._known.owners.get(self.machine.identity.peer_id)
        if owner is None or owner.name == self._own_name:
            return
        self.accounts.renamed(owner.name)
        self.machine.directory.apply(self.machine.people.registered(owner.account))
        if self._own_name and not self.announcements.watched():
            return
        if self._own_name:
            self.machine.ctx.notify(self._renamed(owner, self._own_name))
        self._own_name = owner.name
        self.machine.ctx.commit([PutMeta(OWN_NAME_KEY, owner.name.encode())])

    def _renamed(self, owner: Owner, old_name: str) -> AccountRenamed:
        why = "released" if self.registry.is_released(owner) else "name-taken"
        return AccountRenamed(owner.account, old_name, owner.name, why)

    # -- answering those who prove a password

    def secret(self, tag: bytes) -> bytes | None:
        return self.holding.secret(tag) if self.leading.election.leads else None

    def grant(self, tag: bytes) -> bytes:
        return self.holding.grant(tag)

    def proven(self, link: Link, tag: bytes) -> None:
        """The grant is on its way."""
        account = self.holding.account_of(tag)
        if account is not None:
            self.vaulting.give(link, account)

    def find_device(self, text: str) -> bytes | None:
        """The key of a device by its id."""
        found = self.machine.directory.device(DeviceId(text))
        if found is not None:
            return found.record.device_key
        own = self.machine.identity.device.key
        return own if device_id_of(own) == text else None
