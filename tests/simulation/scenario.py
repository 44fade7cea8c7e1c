"""A random life of a small network, from a seed: people talk while things go wrong; then all heals
and what was promised is checked.

    python tests/simulation/scenario.py --seed 17        replays one and tells what happened
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from random import Random

from host import Host
from world import DAY_MS, LOBBY, World

from p2pchat.config import limits

STEPS = 40
HEAL_S = 120.0
"""Beyond every timer that may hold something back: pings, backoff, comparing."""


class Scenario:
    def __init__(self, seed: int, tell: Callable[[str], None] = lambda _: None) -> None:
        self.world = World(seed)
        self.rng = Random(seed + 1)
        self._tell = tell
        self._rolled_back: set[Host] = set()
        self._copied = False
        """A profile came back from a copy: what it said since is its past self's word."""
        self._actions: list[tuple[int, Callable[[], None]]] = [
            (45, self._talk),
            (10, self._change),
            (5, self._whisper),
            (3, self._enter),
            (10, self._burst),
            (8, self._part),
            (8, self._heal),
            (4, self._firewall),
            (8, self._reset),
            (6, self._crash),
            (6, self._start_again),
            (4, self._sleep),
            (4, self._wake),
            (2, self._set_clock),
            (3, self._join),
            (1, self._clone),
            (1, self._roll_back),
        ]

    def run(self) -> None:
        for _ in range(self.rng.randint(2, 6)):
            off = self.rng.choice((0, 0, 0, 0, DAY_MS, -DAY_MS))
            self.world.add(clock_off_ms=off)
        weights = [weight for weight, _ in self._actions]
        for _ in range(STEPS):
            action = self.rng.choices(self._actions, weights)[0][1]
            action()
            self.world.clock.run_for(self.rng.choice((0.0, 0.01, 0.3, 3.0, 30.0)))
        self._end()

    def _end(self) -> None:
        """Everything heals; then it is quiet for a while, and all must be equal."""
        world = self.world
        for host in world.hosts:
            if host.frozen:
                host.wake()
            if not host.up:
                host.start()
        world.fabric.heal()
        self._note("all heals")
        hosts = world.hosts
        world.clock.run_for(1.0)  # what was said just now gets to the disk
        world.wait(lambda: world.linked(hosts), HEAL_S, "everyone linked to everyone")
        # One side may hold the other's past self for linked, until that doesn't answer.
        world.clock.run_for(limits.REPLACE_PING_S + 1.0)
        world.wait(lambda: world.equal(hosts), HEAL_S, "all equal")
        self._latecomer()
        self._check()

    def _latecomer(self) -> None:
        """Whoever comes late gets all of it, without its authors."""
        world = self.world
        gone = self.rng.sample(world.hosts, len(world.hosts) - 1)
        for host in gone:
            host.stop()
        late = world.add()
        if any(host.machine.conversations.labelled("#maths") for host in world.running):
            late.ask(late.machine.rooms.join, 0, "#maths", None)
        self._note(f"{late.name} comes, {', '.join(host.name for host in gone)} gone")
        world.wait(lambda: world.equal(world.running), HEAL_S, "the latecomer has all")

    def _check(self) -> None:
        world = self.world
        if not self._copied:
            world.check_acknowledged(world.running)
        for host in world.running:
            world.check_order(host)
        for host in world.hosts:
            world.check_secrets(host)
        world.check_told_once(world.running)
        world.check_forks_are_told(world.hosts)

    # -- what happens

    def _note(self, what: str) -> None:
        self._tell(f"{self.world.clock.now:8.2f}  {what}")

    def _one(self, among: list[Host]) -> Host | None:
        return self.rng.choice(among) if among else None

    def _talk(self) -> None:
        host = self._one(self.world.running)
        if host is not None:
            rooms = [c.label for c in host.machine.conversations.mine() if not c.direct]
            self.world.say(host, self.rng.choice(sorted(rooms)))

    def _change(self) -> None:
        """Edit, delete or react to something."""
        host = self._one(self.world.running)
        rows = host.store.all_messages(LOBBY) if host is not None else []
        if host is None or not rows:
            return
        row, commands = self.rng.choice(rows[-10:]), host.machine.commands
        match self.rng.choice(("edit", "delete", "react")):
            case "edit":
                host.ask(commands.edit, 0, row, self.world.text(host))
            case "delete":
                host.ask(commands.delete, 0, row)
            case _:
                host.ask(commands.react, 0, row, "👍", self.rng.random() < 0.7)

    def _whisper(self) -> None:
        host = self._one(self.world.running)
        others = [other for other in self.world.running if other is not host]
        if host is not None and others:
            other = self.rng.choice(others)
            self._note(f"{host.name} whispers to {other.name}")
            self.world.say(host, f"@{other.machine.identity.peer_id}")

    def _enter(self) -> None:
        host = self._one(self.world.running)
        if host is not None:
            self._note(f"{host.name} joins #maths")
            host.ask(host.machine.rooms.join, 0, "#maths", None)

    def _burst(self) -> None:
        host = self._one(self.world.running)
        if host is not None:
            self._note(f"{host.name} says twenty things")
            for _ in range(20):
                self.world.say(host)

    def _part(self) -> None:
        """Halves; or halves with one in the middle that both still reach."""
        hosts = self.rng.sample(self.world.hosts, len(self.world.hosts))
        middle = hosts.pop() if len(hosts) > 2 and self.rng.random() < 0.4 else None
        at = self.rng.randint(1, max(1, len(hosts) - 1))
        self.world.split(hosts[:at], hosts[at:])
        self._note(
            f"parted: {[host.name for host in hosts[:at]]} {[host.name for host in hosts[at:]]}"
            + (f", both reach {middle.name}" if middle else "")
        )

    def _heal(self) -> None:
        self._note("healed")
        self.world.fabric.heal()

    def _firewall(self) -> None:
        if len(self.world.hosts) > 1:
            dialler, dialled = self.rng.sample(self.world.hosts, 2)
            self._note(f"{dialler.name} can't dial {dialled.name}")
            self.world.fabric.firewall(dialler, dialled)

    def _reset(self) -> None:
        wires = [wire for wire in self.world.fabric.wires if not wire.over]
        if wires:
            self._note("a link is reset")
            self.rng.choice(wires).reset()

    def _crash(self) -> None:
        host = self._one(self.world.running)
        if host is not None:
            self._note(f"{host.name} crashes")
            host.crash()

    def _start_again(self) -> None:
        host = self._one([host for host in self.world.hosts if not host.up])
        if host is not None:
            self._note(f"{host.name} starts")
            host.start()

    def _sleep(self) -> None:
        host = self._one(self.world.running)
        if host is not None:
            self._note(f"{host.name} sleeps")
            host.sleep()

    def _wake(self) -> None:
        host = self._one([host for host in self.world.hosts if host.frozen])
        if host is not None:
            self._note(f"{host.name} wakes")
            host.wake()

    def _set_clock(self) -> None:
        host = self._one(self.world.hosts)
        if host is not None:
            host.clock_off_ms = self.rng.choice((0, 2 * DAY_MS, -2 * DAY_MS))
            self._note(f"the clock of {host.name} is set")

    def _join(self) -> None:
        if len(self.world.hosts) < 8:
            self._note(f"{self.world.add().name} is new")

    def _clone(self) -> None:
        """The disk of a machine, copied to another one that runs beside it."""
        host = self._one(self.world.running)
        if host is not None and len(self.world.hosts) < 8:
            self._copied = True
            twin = self.world.add(store=host.store.copy())
            self._note(f"{twin.name} is a copy of {host.name}")

    def _roll_back(self) -> None:
        """A machine says things, and then its disk is as it was before."""
        host = self._one(self.world.running)
        if host is not None:
            self._copied = True
            before = host.store.copy()
            self._note(f"{host.name} says three things and is rolled back")
            for _ in range(3):
                self.world.say(host)
            self.world.clock.run_for(self.rng.choice((0.001, 0.1, 2.0)))
            host.crash()
            host.store = before
            host.start()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, required=True)
    scenario = Scenario(parser.parse_args().seed, print)
    try:
        scenario.run()
    finally:
        print(scenario.world.describe())  # noqa: T201 - the same


if __name__ == "__main__":
    main()
