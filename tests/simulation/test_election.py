"""In each connected part of the network with a willing node there is one registrar, known to all,
once it has been quiet for 15 s; over random lives with partitions of every kind, sleep, crashes,
and clocks a day off."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest
from host import Host
from mishaps import Mishaps, state
from seeds import live_each
from world import DAY_MS, World

from p2pchat.protocol.identity import Signer
from p2pchat.protocol.registrar.election import State

SEEDS, GROUP = 240, 8
STEPS = 25
QUIET_S = 15.0
APPOINTING = bytes(range(32))
LINKING_S = 150.0
"""From a change of the network until the links are as they can be: backoff, pings, comparing."""


def leader(host: Host) -> str | None:
    return host.machine.registrar.leading.leader


class Life(Mishaps):
    def __init__(self, seed: int) -> None:
        super().__init__(World(seed), rng := Random(seed + 1))
        self.appointed = rng.random() < 0.3
        public = Signer(APPOINTING).key if self.appointed else b""
        for number in range(rng.randint(2, 6)):
            off = rng.choice((0, 0, 0, DAY_MS, -DAY_MS))
            own = self.appointed and number == 0
            self.world.add(
                clock_off_ms=off,
                willing=rng.random() < 0.6,
                appointing=APPOINTING if own else b"",
                appointed_by=public,
            )

    def run(self) -> None:
        for _ in range(STEPS):
            self._something()
            self.world.clock.run_for(self.rng.choice((0.0, 0.3, 3.0, 12.0, 30.0)))
        for host in self.world.hosts:
            if host.frozen:
                host.wake()
        self._settle()
        self.check()
        self.world.fabric.heal()
        for host in self.world.hosts:
            if not host.up:
                host.start()
        self._settle()
        self.check()

    def _settle(self) -> None:
        """Until links are what they can be: then quiet."""
        parts = self.parts()
        self.world.wait(lambda: self._linked(), LINKING_S, "links within each part")
        assert parts == self.parts()
        self.world.clock.run_for(QUIET_S)

    def parts(self) -> list[set[Host]]:
        """Those that can reach each other, directly or through others."""
        left, parts = set(self.world.running), []
        while left:
            part = {left.pop()}
            grown = True
            while grown:
                near = {
                    other
                    for other in left
                    if any(not self.world.fabric.parted(host, other) for host in part)
                }
                part |= near
                left -= near
                grown = bool(near)
            parts.append(part)
        return parts

    def _linked(self) -> bool:
        """Links go to everyone who can be reached, and to nobody else."""
        for host in self.world.running:
            linked = {link.device for link in host.machine.links.up()}
            near = {
                other.device
                for other in self.world.running
                if other is not host and not self.world.fabric.parted(host, other)
            }
            if not near <= linked:
                return False
        return True

    def check(self) -> None:
        for part in self.parts():
            able = [host for host in part if self._may_lead(host)]
            leading = [host for host in part if state(host) is State.REGISTRAR]
            assert len(leading) == bool(able), self.world.describe()
            known = {leader(host) for host in part}
            assert known == ({leading[0].device} if leading else {None}), self.world.describe()
            for host in part:
                info = host.machine.registrar.leading.info()
                assert info.state == state(host).value
                assert host in able or info.state in ("off", "candidate", "follower")

    def _may_lead(self, host: Host) -> bool:
        registrar = host.machine.registrar
        return registrar.willing and (not self.appointed or bool(registrar.mandate))

    # -- what happens

    def _something(self) -> None:
        actions: tuple[Callable[[], None], ...] = (
            self.part,
            self.part,
            self._bridge,
            self.world.fabric.heal,
            self.crash,
            self.crash_leader,
            self.leave,
            self.start_again,
            self.start_again,
            self.sleep,
            self.wake,
            self.set_clock,
        )
        self.rng.choice(actions)()

    def _bridge(self) -> None:
        """Two halves that one in the middle reaches."""
        hosts = self.rng.sample(self.world.hosts, len(self.world.hosts))
        if len(hosts) > 2:
            at = self.rng.randint(1, len(hosts) - 2)
            self.world.split(hosts[1 : at + 1], hosts[at + 1 :])


@pytest.mark.seeds(SEEDS, GROUP)
def test_one_leads_in_each_part(seeds: range) -> None:
    live_each(seeds, lambda seed: Life(seed).run())


def settled(world: World, seconds: float = 20.0) -> Host:
    """The one that leads, known to all."""
    hosts = world.running
    world.wait(lambda: world.linked(hosts), 30.0, "linked")

    def one() -> bool:
        leads = [host for host in hosts if state(host) is State.REGISTRAR]
        return len(leads) == 1 and {leader(host) for host in hosts} == {leads[0].device}

    world.wait(one, seconds, "one registrar")
    return next(host for host in hosts if state(host) is State.REGISTRAR)


def test_a_newcomer_with_a_smaller_id_follows_and_the_appointed_takes_over() -> None:
    world, public = World(3), Signer(APPOINTING).key
    for _ in range(3):
        world.add(willing=True)
    first = settled(world)
    while min(host.device for host in world.hosts) == first.device:
        world.add(willing=True)
    world.clock.run_for(30.0)
    assert settled(world) is first
    first.stop()
    assert settled(world).device == min(host.device for host in world.running)

    world = World(4)
    holder = world.add(willing=True)
    assert settled(world) is holder
    world = World(5)
    others = [world.add(willing=True, appointed_by=public) for _ in range(3)]
    world.clock.run_for(30.0)
    assert {leader(host) for host in others} == {None}, "only the appointed count"
    appointed = world.add(appointing=APPOINTING, appointed_by=public)
    assert settled(world) is appointed


def test_who_leaves_politely_is_replaced_within_four_seconds_and_who_dies_within_twelve() -> None:
    for seed in range(10):
        world = World(seed)
        for _ in range(8):
            world.add(willing=True)
        gone = settled(world)
        gone.stop()
        settled(world, 4.0)
        gone = settled(world)
        gone.crash()
        wait_for_another(world, gone, 12.0)


def wait_for_another(world: World, gone: Host, seconds: float) -> None:
    """Until everyone follows somebody else."""
    before = (None, gone.device)
    world.wait(
        lambda: all(leader(host) not in before for host in world.running), seconds, "another leads"
    )
