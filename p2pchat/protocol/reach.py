"""How a device that should be linked is reached: dialled, asked to dial back, through a tunnel.

A round tries a device's addresses, staggered (RFC 8305), then asks a common peer to have it dial
back, then opens a tunnel through a common peer. Rounds repeat with backoff and jitter. Who the
other side is shows after the connection alone; until then an address and a device's id are hints,
and made-up ones cost a bounded number of dials that leave room for devices known otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from random import Random

import msgspec

from p2pchat.config import limits
from p2pchat.model.ids import DeviceId
from p2pchat.protocol.candidates import FRESH, Address, Source
from p2pchat.protocol.dials import Dials, State, Target, Timers


class DialTo(msgspec.Struct, frozen=True):
    token: int
    address: Address


class AskDialBack(msgspec.Struct, frozen=True):
    """Ask `via`, which is linked to both, to have `device` dial us."""

    via: DeviceId
    device: DeviceId


class OpenTunnel(msgspec.Struct, frozen=True):
    token: int
    via: DeviceId
    device: DeviceId


class GiveUp(msgspec.Struct, frozen=True):
    """A round has failed altogether. For a wanted device the next one follows by itself."""

    device: DeviceId


Effect = DialTo | AskDialBack | OpenTunnel | GiveUp


class Reach:
    """All devices and addresses that this device tries to reach. Times are monotonic seconds.

    Inputs change state; after any of them, and at `next_deadline`, perform what `poll` returns.
    """

    def __init__(
        self,
        own: DeviceId,
        rng: Random,
        number: Callable[[], int],
        carriers: Callable[[DeviceId], Sequence[DeviceId]],
    ) -> None:
        self._own = own
        self._rng = rng
        self._number = number
        """Makes the next token."""
        self._carriers = carriers
        """Linked devices that know how to reach a device."""
        self._targets: dict[DeviceId, Target] = {}
        self._fixed: dict[Address, Target] = {}
        self._proven: dict[Address, DeviceId] = {}
        """Which linked device is behind an address."""
        self._dials = Dials(rng)
        self._timers = Timers()
        self._effects: list[Effect] = []

    # -- what is asked for

    def want(self, device: DeviceId, now: float) -> None:
        """The overlay wants a link to it."""
        target = self._target(device)
        if target is None or target.wanted:
            return
        target.wanted = True
        queued = self._dials.leave(target)
        target.stranger = None
        if queued:
            self._queue(target)
        elif not target.linked and target.state is State.IDLE:
            self._begin_or_yield(target, now)

    def unwant(self, device: DeviceId) -> None:
        target = self._targets.get(device)
        if target is not None:
            target.wanted = False
            if not target.pursued and not target.linked:
                self._rest(target)

    def connect(self, address: Address, now: float) -> None:
        """Reach whoever is there, for ever (`--connect`)."""
        if address not in self._fixed:
            target = self._fixed[address] = Target(device=None, wanted=True)
            target.candidates.add(Source.CONNECT, (address,), now)
            self._begin(target)

    def hint(
        self,
        source: Source,
        device: DeviceId,
        addresses: Iterable[Address],
        now: float,
        stranger: bool = False,
    ) -> None:
        """A device may be at these addresses. `stranger`: nothing else tells of it, so dial it to
        see; while the overlay is bounded at the pace of `explore`. Who shows one's own id is a
        copy of this profile: dialled as a stranger is, to find out."""
        if device == self._own:
            if source not in (Source.MDNS, Source.BEACON):
                return
            stranger = True
        target = self._target(device)
        if target is None:
            return
        news = source in FRESH and not target.candidates.is_fresh(now)
        target.candidates.add(source, addresses, now)
        if target.linked:
            return
        if stranger and target.state is State.IDLE and now >= target.not_before:
            target.stranger = source
            self._begin_or_yield(target, now)
        elif target.state is State.WAITING and target.rounds and news:
            self._begin_or_yield(target, now)

    def known(self, device: DeviceId) -> None:
        """Others tell of this device: it is no stranger, and dialled only if wanted."""
        target = self._targets.get(device)
        if target is not None and target.stranger is not None:
            self._dials.leave(target)
            target.stranger = None
            if not target.pursued and not target.linked:
                self._rest(target)

    def explore(self, pace: float) -> None:
        """Seconds between two dials to strangers; 0: at once (the overlay is a mesh)."""
        self._dials.pace = pace

    def dial_back(self, device: DeviceId, addresses: Iterable[Address], now: float) -> None:
        """The device asks, through a common peer, to be dialled. Pass on what its own record
        says, lest somebody make us dial whomever they like."""
        target = self._target(device) if device != self._own else None
        if target is None:
            return
        target.candidates.add(Source.RECORD, addresses, now)
        resting = target.state in (State.IDLE, State.WAITING) and now >= target.not_before
        if resting and (not target.linked or target.relayed):
            target.not_before = now + limits.DIAL_BACK_S
            target.favour = not target.linked
            self._begin(target)

    def network_changed(self, now: float) -> None:
        """Other addresses, or a wake-up: what failed may work, and what is being dialled won't."""
        for target in [*self._targets.values(), *self._fixed.values()]:
            target.candidates.forgive()
            target.rounds = 0
            target.not_before = 0.0
            if target.pursued and (target.relayed or not target.linked):
                self._dials.abandon(target)
                self._set_state(target, State.WAITING, now + self._rng.uniform(0, limits.SPREAD_S))

    # -- what has happened

    def dial_opened(self, token: int, device: DeviceId, now: float) -> None:
        """A dial or tunnel has led to this device, proven by its certificate; `linked` follows,
        or `unlinked` where no link comes of it."""
        target, address = self._dials.ended(token)
        if address is not None:
            self._proven[address] = device
            known = self._targets.get(device) or self._target(device)
            if known is not None:
                known.candidates.proven(address, now)
        if target is None:
            return
        if target.device is None:
            self._fixed_linked(target, now)
        elif target.device == device:
            target.untried = []
            self._dials.leave(target)
            self._timers.set(target, now + limits.HELLO_S)
        elif address is None:
            self._tunnel(target, now)
        else:
            target.candidates.drop(address)
            self._next_address(target, now)

    def _fixed_linked(self, target: Target, now: float) -> None:
        target.linked = True
        target.linked_at = now
        self._set_state(target, State.LINKED, None)

    def dial_failed(self, token: int, reason: str, now: float) -> None:
        """`reason` as in `node.ports.LinkSink.dial_failed`."""
        target, address = self._dials.ended(token)
        if target is None:
            return
        if address is None:
            self._tunnel(target, now)
            return
        if reason == "self" and target.device is not None:
            target.candidates.drop(address)
        else:
            target.candidates.failed(address)
        self._next_address(target, now)

    def linked(self, device: DeviceId, relayed: bool, now: float) -> None:
        """A link is up, whoever began it. Also when a relayed link gives way to a direct one."""
        target = self._target(device)
        if target is None:
            return
        self._dials.abandon(target)
        target.stranger = None
        target.favour = False
        target.linked = True
        target.relayed = relayed
        target.linked_at = now
        if relayed:
            self._set_state(target, State.WAITING, now + self._jitter(limits.DIRECT_RETRY_S))
        else:
            self._set_state(target, State.LINKED, None)

    def unlinked(self, device: DeviceId, now: float) -> None:
        """There is no link to the device: the last one has ended, or what was dialled became
        none."""
        target = self._targets.get(device)
        for address in [at for at, behind in self._proven.items() if behind == device]:
            del self._proven[address]
            fixed = self._fixed.get(address)
            if fixed is not None and fixed.linked:
                self._lost(fixed, now)
        if target is not None:
            self._lost(target, now)

    def _lost(self, target: Target, now: float) -> None:
        stable = target.linked and now - target.linked_at >= limits.STABLE_LINK_S
        target.rounds = 0 if stable else target.rounds + 1
        target.linked = target.relayed = False
        self._dials.abandon(target)
        self._wait(target, now)

    # -- what to do

    def next_deadline(self) -> float | None:
        timer, stranger = self._timers.next(), self._dials.next_deadline()
        if timer is None or stranger is None:
            return stranger if timer is None else timer
        return min(timer, stranger)

    def poll(self, now: float) -> list[Effect]:
        """Take the steps that are due, and begin dials while there are places."""
        while (due := self._timers.pop(now)) is not None:
            self._step(due, now)
        while (ready := self._dials.next_ready(now)) is not None:
            self._dial_one(ready, now)
        effects, self._effects = self._effects, []
        return effects

    def state(self, device: DeviceId) -> State:
        target = self._targets.get(device)
        return target.state if target is not None else State.IDLE

    # -- rounds

    def _step(self, target: Target, now: float) -> None:
        """The target's timer has run out."""
        match target.state:
            case State.WAITING if target.pursued or target.relayed:
                self._begin(target)
            case State.WAITING:
                self._rest(target)
            case State.DIALLING if target.untried:
                self._queue(target)
            case State.DIALLING:
                self._round_failed(target, now)
            case State.ASKED_BACK | State.TUNNELLING:
                self._tunnel(target, now)

    def _begin_or_yield(self, target: Target, now: float) -> None:
        """Of two that would dial each other at once, let the smaller id."""
        assert target.device is not None
        if self._own > target.device and not target.rounds and target.candidates.is_fresh(now):
            self._set_state(target, State.WAITING, now + limits.YIELD_S)
        else:
            self._begin(target)

    def _begin(self, target: Target) -> None:
        target.untried = target.candidates.ordered()
        target.carriers = []
        self._set_state(target, State.DIALLING, None)
        self._queue(target)

    def _next_address(self, target: Target, now: float) -> None:
        """One of its addresses has come to nothing."""
        if target.state is not State.DIALLING:
            return
        if target.untried:
            self._queue(target)
        elif not target.dials:
            self._round_failed(target, now)

    def _dial_one(self, target: Target, now: float) -> None:
        while target.untried:
            address = target.untried.pop(0)
            if self._is_free(target, address):
                break
        else:
            self._next_address(target, now)
            return
        if target.device is None and address in self._proven:
            self._fixed_linked(target, now)
            return
        token = self._number()
        self._dials.started(token, target, address, now)
        self._effects.append(DialTo(token, address))
        if target.untried and len(target.dials) < limits.DIALS_PER_DEVICE:
            self._timers.set(target, now + limits.STAGGER_S)

    def _is_free(self, target: Target, address: Address) -> bool:
        """Not being dialled for another, and nobody else is known to be there."""
        behind = self._proven.get(address)
        if behind is not None and behind != target.device and target.device is not None:
            return False
        return not self._dials.is_busy(address)

    def _round_failed(self, target: Target, now: float) -> None:
        if target.device is None:
            target.rounds += 1
            self._wait(target, now)
        elif target.relayed:
            self._set_state(target, State.WAITING, now + self._jitter(limits.DIRECT_RETRY_S))
        elif not target.wanted:
            target.rounds += 1
            self._wait(target, now)
        else:
            carriers = list(self._carriers(target.device))
            if not carriers:
                self._give_up(target, now)
                return
            self._rng.shuffle(carriers)
            target.carriers = carriers[: limits.CARRIER_TRIES]
            self._effects.append(AskDialBack(carriers[0], target.device))
            extra = limits.DIAL_BACK_S if self._own > target.device else 0.0
            self._set_state(target, State.ASKED_BACK, now + limits.DIAL_BACK_S + extra)

    def _tunnel(self, target: Target, now: float) -> None:
        """Try the next carrier. The larger id has waited longer, so that one tunnel is opened."""
        if target.tunnel is not None:
            self._dials.ended(target.tunnel)
        if target.device is None or target.state not in (State.ASKED_BACK, State.TUNNELLING):
            return
        if not target.carriers:
            self._give_up(target, now)
            return
        token = self._number()
        self._dials.tunnelling(token, target)
        self._effects.append(OpenTunnel(token, target.carriers.pop(0), target.device))
        self._set_state(target, State.TUNNELLING, now + limits.TUNNEL_S)

    def _give_up(self, target: Target, now: float) -> None:
        assert target.device is not None
        target.rounds += 1
        self._effects.append(GiveUp(target.device))
        self._wait(target, now)

    def _wait(self, target: Target, now: float) -> None:
        """Until the next round of what is wanted. What isn't has had its one round, and no hint
        begins another one sooner."""
        backoff = limits.REDIAL_MIN_S * 2 ** min(max(target.rounds - 1, 0), 16)
        due = now + self._jitter(min(backoff, limits.REDIAL_MAX_S))
        if target.wanted:
            self._set_state(target, State.WAITING, due)
        else:
            target.favour = False
            target.not_before = due
            self._rest(target)

    def _queue(self, target: Target) -> None:
        self._timers.set(target, None)
        loser = self._dials.queue(target)
        if loser is not None:
            self._rest(loser)

    def _rest(self, target: Target) -> None:
        self._dials.abandon(target)
        target.stranger = None
        self._set_state(target, State.IDLE, None)

    def _jitter(self, seconds: float) -> float:
        return seconds * self._rng.uniform(0.75, 1.25)

    # -- tables and timers

    def _target(self, device: DeviceId) -> Target | None:
        """None: the table is full of devices that are linked or pursued."""
        target = self._targets.get(device)
        if target is None:
            if len(self._targets) >= limits.REACH_DEVICES and not self._forget_one():
                return None
            target = self._targets[device] = Target(device)
        return target

    def _forget_one(self) -> bool:
        for device, target in self._targets.items():
            if target.state is State.IDLE and not target.pursued:
                del self._targets[device]
                return True
        return False

    def _set_state(self, target: Target, state: State, due: float | None) -> None:
        target.state = state
        self._timers.set(target, due)
