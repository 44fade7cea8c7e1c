"""The simulated LAN: hints, dials, and links that are ordered and reliable as long as they live.

What happens to it: partitions (a link across one stalls, as TCP does, and goes on if it is healed
in time), firewalls that block dialling one way, resets, hints that are lost, doubled or come in any
order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING

from clockwork import Clockwork
from tunnel import Tunnel

from p2pchat.config import limits
from p2pchat.node.ports import Address, LinkId, LinkInfo

if TYPE_CHECKING:
    from host import Host

BEACON_EVERY_S = 30.0
HINT_LOSS = 0.2


class _End:
    """One side of a wire."""

    def __init__(self, host: Host, link: LinkId) -> None:
        self.host = host
        self.link = link
        self.gone = False
        """This side has closed, or was switched off."""
        self.arrives_at = 0.0
        """When the newest thing on its way to this side arrives."""
        self.held: deque[Callable[[], None]] = deque()
        """What the other side has sent and a partition keeps back."""


class Wire:
    """A connection of two hosts."""

    def __init__(
        self, fabric: Fabric, one: Host, other: Host, links: tuple[LinkId, LinkId]
    ) -> None:
        self._fabric = fabric
        self._ends = (_End(one, links[0]), _End(other, links[1]))

    def _pair(self, host: Host) -> tuple[_End, _End]:
        one, other = self._ends
        return (one, other) if one.host is host else (other, one)

    @property
    def stalled(self) -> bool:
        return self._fabric.parted(self._ends[0].host, self._ends[1].host)

    def _towards(self, end: _End, action: Callable[[], None]) -> None:
        """Let something arrive at this end, after all that was sent before."""
        if self.stalled or end.held:
            end.held.append(action)
            return
        clock = self._fabric.clock
        due = clock.now + self._fabric.delay(self._ends[0].host, self._ends[1].host)
        end.arrives_at = max(end.arrives_at, due) + 1e-7

        def arrive() -> None:
            if not end.gone:
                action()

        end.host.later(end.arrives_at - clock.now, arrive)

    @property
    def over(self) -> bool:
        return all(end.gone for end in self._ends)

    def open(self, token: int) -> None:
        """The first end has dialled the second one."""
        dialler, dialled = self._ends
        self._open(dialled, dialled.host.link_info(dialler.host, outgoing=False), None)
        self._open(dialler, dialler.host.link_info(dialled.host, outgoing=True), token)

    def _open(self, end: _End, info: LinkInfo, token: int | None) -> None:
        self._towards(end, lambda: end.host.opened(self, end.link, info, token))

    def send(self, sender: Host, frame: bytes) -> None:
        end = self._pair(sender)[1]
        if not end.gone:
            self._towards(end, lambda: end.host.frames(end.link, frame))

    def close(self, host: Host, reason: str) -> None:
        """Closed by this side: the other one hears of it after all that was sent before."""
        own, other = self._pair(host)
        if own.gone:
            return
        own.gone = True
        host.later(0.0, lambda: host.closed(own.link, reason))
        self._lost(other)

    def abandon(self, host: Host, orderly: bool) -> None:
        """The host is switched off: in good order, or the other side hears nothing, or a reset
        once it is there again."""
        own, other = self._pair(host)
        own.gone = True
        if orderly or self._fabric.rng.random() < 0.5:
            self._lost(other)

    def _lost(self, end: _End) -> None:
        def hear() -> None:
            end.gone = True
            end.host.closed(end.link, "closed")

        if not end.gone:
            self._towards(end, hear)

    def reset(self) -> None:
        """Both sides lose the connection, with all that is on its way."""
        for end in self._ends:
            if not end.gone:
                end.gone = True
                self._hear_reset(end)

    def _hear_reset(self, end: _End) -> None:
        delay = self._fabric.rng.uniform(0, 0.05)
        end.host.later(delay, lambda: end.host.closed(end.link, "reset"))

    def resume(self) -> None:
        """The partition has healed: what was held back arrives, in order."""
        for end in self._ends:
            held, end.held = end.held, deque()
            for action in held:
                self._towards(end, action)


class Fabric:
    def __init__(self, clock: Clockwork, rng: Random) -> None:
        self.clock = clock
        self.rng = rng
        self.hosts: list[Host] = []
        self.wires: list[Wire] = []
        self._parted: set[frozenset[int]] = set()
        """Pairs of hosts, by id, between which nothing gets through."""
        self._firewalled: set[tuple[int, int]] = set()
        """(dialler, dialled) that can't."""
        self._delays: dict[frozenset[int], float] = {}
        self.tunnels: dict[int, Tunnel] = {}
        self._links = 0
        self._addresses = 0
        self._beacon()

    def new_address(self) -> Address:
        self._addresses += 1
        return (f"10.0.{self._addresses // 250}.{self._addresses % 250 + 1}", limits.PORT)

    def new_link(self) -> LinkId:
        self._links += 1
        return LinkId(self._links)

    def delay(self, one: Host, other: Host) -> float:
        pair = frozenset((id(one), id(other)))
        base = self._delays.get(pair)
        if base is None:
            base = self._delays[pair] = self.rng.choice((0.0003, 0.002, 0.02))
        return base * self.rng.uniform(1.0, 2.0)

    # -- what happens to it

    def parted(self, one: Host, other: Host) -> bool:
        return frozenset((id(one), id(other))) in self._parted

    def part(self, one: Host, other: Host) -> None:
        self._parted.add(frozenset((id(one), id(other))))

    def firewall(self, dialler: Host, dialled: Host) -> None:
        self._firewalled.add((id(dialler), id(dialled)))

    def heal(self) -> None:
        self._parted.clear()
        self._firewalled.clear()
        self.wires = [wire for wire in self.wires if not wire.over]
        for wire in self.wires:
            wire.resume()
        for host in self.hosts:
            if host.up and not host.frozen:
                self.announce(host)

    # -- hints

    def announce(self, source: Host, via: str = "mdns") -> None:
        """Others hear of this host, and it of them; each maybe, maybe twice, in any order."""
        for other in self.hosts:
            if other is not source and other.up:
                self._hint(source, other, via)
                self._hint(other, source, via)

    def _hint(self, source: Host, target: Host, via: str) -> None:
        if not source.up or source.frozen or self.parted(source, target):
            return
        device, address = source.device, source.address
        while self.rng.random() > HINT_LOSS:
            delay = self.rng.uniform(0.001, 0.5)
            target.later(delay, lambda: target.run(target.machine.found, via, device, [address]))
            if self.rng.random() < 0.8:
                return

    def _beacon(self) -> None:
        for host in self.hosts:
            if host.up and not host.frozen:
                self.announce(host, "beacon")
        self.clock.after(BEACON_EVERY_S, self._beacon)

    # -- dialling

    def dial(self, source: Host, token: int, address: Address) -> None:
        target = next((host for host in self.hosts if host.address == address), None)
        delay = self.delay(source, target or source)
        if target is source:
            self._fail(source, token, address, "self", delay)
        elif target is None or self._blocked(source, target) or target.frozen:
            self._fail(source, token, address, "timeout", limits.DIAL_TIMEOUT_S)
        elif not target.up:
            self._fail(source, token, address, "refused", delay)
        else:
            self._connect(source, target, token)

    def _blocked(self, source: Host, target: Host) -> bool:
        return self.parted(source, target) or (id(source), id(target)) in self._firewalled

    def _fail(self, source: Host, token: int, address: Address, reason: str, delay: float) -> None:
        source.later(delay, lambda: source.run(source.machine.dial_failed, token, address, reason))

    def _connect(self, source: Host, target: Host, token: int) -> None:
        wire = Wire(self, source, target, (self.new_link(), self.new_link()))
        self.wires.append(wire)
        wire.open(token)
