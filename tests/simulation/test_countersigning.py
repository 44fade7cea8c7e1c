"""Holders take registrations while the appointed is away: it countersigns them when it comes, and
whoever has a name by that keeps it, whatever is claimed later or somewhere else."""

from __future__ import annotations

from random import Random

import pytest
from host import Host
from mishaps import Mishaps
from pupils import PASSWORD, known
from seeds import live_each
from test_election import APPOINTING, settled
from world import World

from p2pchat.model.ids import PeerId
from p2pchat.protocol.identity import Signer
from p2pchat.protocol.registrar.claims import make_claim, make_request
from p2pchat.protocol.registrar.service import COUNTERSIGNED_AT_ONCE

SEEDS, GROUP = 200, 8
STEPS = 12
NAMES = ("Li", "LI", "Ann", "li_2", "Bo")
LINKING_S = 150.0


class Class(Mishaps):
    """A teacher whose machine is off more often than not, two holders, and pupils."""

    def __init__(self, seed: int) -> None:
        super().__init__(World(seed), Random(seed + 1))
        public = Signer(APPOINTING).key
        self.teacher = self.world.add(appointing=APPOINTING, appointed_by=public)
        self.holders = [self.world.add(willing=True, appointed_by=public) for _ in range(2)]
        self.pupils = [self.world.add(appointed_by=public) for _ in range(3)]
        self.sealed: dict[PeerId, str] = {}
        """Names that somebody was seen to have by a countersignature."""
        settled(self.world)
        for holder in self.holders:
            self.teacher.ask(self.teacher.machine.registrar.accounts.appoint, holder.device)
        self.world.clock.run_for(3.0)

    def look(self) -> None:
        for host in self.world.running:
            for account, owner in known(host).items():
                if owner.countersigned:
                    assert self.sealed.setdefault(account, owner.name) == owner.name

    def run(self) -> None:
        for _ in range(STEPS):
            self.rng.choice((self._register, self._register, self._register, self.part,
                             self._teacher, self.world.fabric.heal))()  # fmt: skip
            for _ in range(self.rng.choice((1, 20, 60))):
                self.world.clock.run_for(0.25)
                self.look()
        self._heal()
        owners = known(self.teacher)
        assert all(owner.countersigned for owner in owners.values() if owner.name == owner.claimed)
        for account, name in self.sealed.items():
            assert owners[account].name == name

    def _register(self) -> None:
        pupils = [one for one in self.pupils if one.machine.identity.peer_id not in known(one)]
        if pupils:
            host, name = self.rng.choice(pupils), self.rng.choice(NAMES)
            host.ask(host.machine.registrar.accounts.register, name, PASSWORD)

    def _teacher(self) -> None:
        if self.teacher.up:
            self.teacher.crash()
        else:
            self.teacher.start()

    def _heal(self) -> None:
        world = self.world
        if not self.teacher.up:
            self.teacher.start()
        world.fabric.heal()
        world.wait(lambda: world.linked(world.hosts), LINKING_S, "everyone linked")

        def same() -> bool:
            first, *others = (known(host) for host in world.hosts)
            return all(other == first for other in others) and all(
                owner.countersigned for owner in first.values() if owner.name == owner.claimed
            )

        world.wait(same, 40.0, "the same everywhere, and countersigned")
        world.clock.run_for(20.0)
        self.look()
        assert same()


@pytest.mark.seeds(SEEDS, GROUP)
def test_what_holders_took_is_countersigned_and_stays(seeds: range) -> None:
    live_each(seeds, lambda seed: Class(seed).run())


def claims(holder: Host, count: int) -> list[bytes]:
    """Of so many persons, as the holder takes them."""
    identity, network = holder.machine.identity, holder.machine.network
    lease = holder.machine.registrar.leading.election.current
    assert lease is not None
    people = [Signer(number.to_bytes(32, "big")) for number in range(count)]
    requests = [make_request(one, network, f"Pupil {n}") for n, one in enumerate(people)]
    return [make_claim(identity, network, request, lease, ()).raw for request in requests]


def test_a_whole_school_is_countersigned_some_at_a_time() -> None:
    world, public = World(51), Signer(APPOINTING).key
    teacher = world.add(appointing=APPOINTING, appointed_by=public)
    holder = world.add(willing=True, appointed_by=public)
    settled(world)
    teacher.ask(teacher.machine.registrar.accounts.appoint, holder.device)
    world.clock.run_for(3.0)
    teacher.crash()
    world.wait(lambda: holder.machine.registrar.leading.election.leads, 30.0, "the holder leads")
    count = 3 * COUNTERSIGNED_AT_ONCE + 1
    made = claims(holder, count)
    for raw in made:
        holder.run(holder.machine.registrar.keep, [raw])
    world.clock.run_for(2.0)
    assert not any(owner.countersigned for owner in known(holder).values())
    teacher.start()
    world.wait(
        lambda: all(
            len(known(host)) == count and all(one.countersigned for one in known(host).values())
            for host in (teacher, holder)
        ),
        60.0,
        "all are countersigned",
    )
