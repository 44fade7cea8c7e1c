"""What befalls a small network at random: it parts; hosts crash, leave, sleep and come again."""

from __future__ import annotations

from random import Random

from host import Host
from world import DAY_MS, World

from p2pchat.protocol.registrar.election import State


class Mishaps:
    def __init__(self, world: World, rng: Random) -> None:
        self.world = world
        self.rng = rng

    def one(self, hosts: list[Host]) -> Host | None:
        return self.rng.choice(hosts) if hosts else None

    def halves(self) -> tuple[list[Host], list[Host]]:
        hosts = self.rng.sample(self.world.hosts, len(self.world.hosts))
        at = self.rng.randint(1, len(hosts) - 1)
        return hosts[:at], hosts[at:]

    def part(self) -> None:
        self.world.split(*self.halves())

    def crash(self) -> None:
        if (host := self.one(self.world.running)) is not None:
            host.crash()

    def crash_leader(self) -> None:
        found = [host for host in self.world.running if state(host) is State.REGISTRAR]
        if (host := self.one(found)) is not None:
            host.crash()

    def leave(self) -> None:
        if (host := self.one(self.world.running)) is not None:
            host.stop()

    def start_again(self) -> None:
        if (host := self.one([host for host in self.world.hosts if not host.up])) is not None:
            host.start()

    def sleep(self) -> None:
        if (host := self.one(self.world.running)) is not None:
            host.sleep()

    def wake(self) -> None:
        if (host := self.one([host for host in self.world.hosts if host.frozen])) is not None:
            host.wake()

    def set_clock(self) -> None:
        if (host := self.one(self.world.hosts)) is not None:
            host.clock_off_ms = self.rng.choice((0, DAY_MS, -DAY_MS))


def state(host: Host) -> State:
    return host.machine.registrar.leading.election.state
