"""The election on the network: leases come in, go on to others, and this node's own are made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from p2pchat.events import RegistrarChanged
from p2pchat.model.accounts import RegistrarInfo
from p2pchat.model.ids import DeviceId
from p2pchat.model.records import PutMeta
from p2pchat.protocol import wire
from p2pchat.protocol.context import Timer
from p2pchat.protocol.hashing import device_id_of
from p2pchat.protocol.link import Link
from p2pchat.protocol.overlay import Mode
from p2pchat.protocol.registrar.election import Election, Standing, Verdict
from p2pchat.protocol.registrar.lease import (
    Lease,
    LeaseRecord,
    is_appointed,
    make_lease,
    peek_lease,
    read_lease,
)

if TYPE_CHECKING:
    from p2pchat.protocol.registrar.part import Registrar

LISTEN_S = 3.0
"""After the start, before a first term is claimed: whoever leads is heard by then."""
RANK_S, RANKS = 0.25, 8
"""How much later each further one of the willing claims, and how many wait apart."""
JITTER_S = 0.2
DENY_EVERY_S = 1.0
PASS_ON_S = (0.05, 0.5)
"""When a renewal is passed on: whoever has sent it meanwhile needn't get it."""


class Leading:
    def __init__(self, registrar: Registrar, number: int) -> None:
        self._r = registrar
        self._m = registrar.machine
        self._ctx = registrar.machine.ctx
        self._beat = 0
        self.election = Election(
            self._m.identity.device_id, number, self._standing_of, self._make_lease
        )
        self._kept_number = number
        self._from = 0.0
        """When a first term may be claimed."""
        self._timer: Timer | None = None
        self._passing: Timer | None = None
        self._deny_again = 0.0
        self._have: set[int] = set()
        """Links whose other side has the current lease."""
        self._told = self.info()

    # -- what a lease is worth

    def standing(self, device_key: bytes, mandate: bytes = b"") -> Standing:
        appointed_by = self._r.appointed_by
        if not appointed_by:
            return Standing.PLAIN
        if is_appointed(appointed_by, self._ctx.network, device_key, mandate):
            return Standing.APPOINTED
        return Standing.HOLDER if self._r.is_holder(device_key) else Standing.VOID

    def _standing_of(self, record: LeaseRecord) -> Standing:
        return self.standing(record.device_key, record.mandate)

    def _make_lease(self, number: int, over: bool) -> Lease:
        self._beat = max(self._beat + 1, self._ctx.wall_ms)
        return make_lease(
            self._m.identity, self._ctx.network, number, self._beat, over, self._r.mandate
        )

    # -- the frame of it

    def start(self) -> None:
        self._from = self._ctx.now + LISTEN_S
        self.look()

    def stop(self) -> None:
        """Say that this node leads no longer."""
        lease = self.election.resign(self._ctx.now)
        if lease is not None:
            self._m.links.send_all(self._m.links.up(), wire.Lease(lease.raw, 0))

    def look(self) -> None:
        """Do what is due, and come back when the next thing is."""
        ctx, election = self._ctx, self.election
        election.willing = self._r.willing
        if not election.willing and election.leads:
            self.stop()
        election.expire(ctx.now)
        election.judge_anew(ctx.now)
        worth = self.standing(self._m.identity.device.key, self._r.mandate)
        election.campaign(
            ctx.now, self._wait(), worth is Standing.APPOINTED, worth is not Standing.VOID
        )
        before = election.current
        lease = election.beat(ctx.now)
        if lease is not None:
            if before is None or before.device != lease.device:
                self._keep_number()
            self._have.clear()
            self._pass_on()
        self._tell()
        due = election.due()
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if due is None else ctx.after(max(0.0, due - ctx.now), self.look)

    def _wait(self) -> float:
        """Until this node claims a term that is free: the smaller its id, the sooner."""
        ctx, own = self._ctx, self._m.identity.device_id
        wait = max(0.0, self._from - ctx.now) + JITTER_S * ctx.rng.random()
        if self._r.mandate:
            return wait
        before = sum(device.record.willing and device.id < own for device in self._r.others())
        return wait + RANK_S * min(before, RANKS)

    def _keep_number(self) -> None:
        if self._r.willing and self.election.number > self._kept_number:
            self._kept_number = self.election.number
            self._ctx.commit([PutMeta("registrar/term", str(self._kept_number).encode())])

    # -- leases of others

    def unreachable(self, device: DeviceId) -> None:
        if self.election.unreachable(device, self._ctx.now):
            self.look()

    def link_up(self, link: Link) -> None:
        self.election.reached(link.device)
        current = self.election.current
        if current is not None and link.device != current.device:
            self._m.links.send(link.id, self._frame(current))

    def _frame(self, current: Lease) -> wire.Lease:
        return wire.Lease(current.raw, int(1000 * self.election.age(self._ctx.now)))

    def on_lease(self, link: Link, frame: wire.Lease) -> None:
        current = self.election.current
        if current is not None and frame.record == current.raw:
            self._have.add(link.id)
            return
        record = peek_lease(frame.record)
        if record is None or not link.updates.take(1, self._ctx.now):
            return
        lease = read_lease(frame.record, self._ctx.network)
        if lease is None:
            return
        if lease.device == self._m.identity.device_id:
            self._deny(lease)
            return
        verdict = self.election.take(lease, self._ctx.now, frame.age_ms / 1000)
        if verdict is Verdict.WORSE and self.election.current is not None:
            self._m.links.send(link.id, self._frame(self.election.current))
        if verdict in (Verdict.NEW, Verdict.RENEWED):
            self._have = {link.id}
            if lease.record.over:
                others = [other for other in self._m.links.up() if other is not link]
                self._m.links.send_all(others, frame)
            elif verdict is Verdict.NEW:
                self._pass_on()
                self._find(lease.device)
            elif self._passing is None:
                self._passing = self._ctx.after(self._ctx.rng.uniform(*PASS_ON_S), self._pass_on)
            self._keep_number()
            self.look()

    def _find(self, device: DeviceId) -> None:
        """Where all are linked with each other, whoever leads has to be there: this may be a
        recording. In a larger network those look who ask for something, and who may hold."""
        if self._m.overlay.mode() is Mode.MESH and self._m.links.of(device) is None:
            self._m.demand(device)

    def _deny(self, lease: Lease) -> None:
        """Somebody follows this device: it may have slept, or have been started anew since."""
        ctx, election = self._ctx, self.election
        current = election.current
        number = current.record.number if current is not None and election.leads else 0
        if lease.record.over or number >= lease.record.number:
            return
        if ctx.now < self._deny_again:
            return
        self._deny_again = ctx.now + DENY_EVERY_S
        self._beat = max(self._beat, lease.record.beat)
        over = self._make_lease(lease.record.number, True)
        self._m.links.send_all(self._m.links.up(), wire.Lease(over.raw, 0))

    def _pass_on(self) -> None:
        if self._passing is not None:
            self._passing.cancel()
            self._passing = None
        current = self.election.current
        if current is None:
            return
        links = [
            link
            for link in self._m.links.up()
            if link.id not in self._have and link.device != current.device and not link.choked
        ]
        self._have.update(link.id for link in links)
        self._m.links.send_all(links, self._frame(current))

    # -- what front ends see

    @property
    def leader(self) -> DeviceId | None:
        current = self.election.current
        return None if current is None else device_id_of(current.record.device_key)

    def info(self) -> RegistrarInfo:
        election = self.election
        current = election.current
        return RegistrarInfo(
            peer_id=current.person if current else None,
            device_id=current.device if current else None,
            label=self._m.people.label(current.person) if current else None,
            term=current.record.number if current else election.number,
            state=election.state.value,
            appointed=bool(self._r.mandate),
            guarded=bool(self._r.appointed_by),
        )

    def _tell(self) -> None:
        info = self.info()
        if info != self._told:
            self._told = info
            self._r.leader_changed()
            self._ctx.notify(RegistrarChanged(info))
