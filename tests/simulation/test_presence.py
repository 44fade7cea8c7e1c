"""Who has vanished without a word is missed before long, and who only stands still is not."""

from __future__ import annotations

from collections import Counter

import pytest
from host import Host
from world import World

from p2pchat.model.people import Status
from p2pchat.protocol import effects, wire

MISSED_S = 15.0
STALL_S = 5.0
"""A pause that is nobody's end: a process that was stopped, a disk that spins up."""


def resting(count: int, seed: int) -> tuple[World, list[Host]]:
    world = World(seed)
    hosts = [world.add() for _ in range(count)]
    world.wait(lambda: world.linked(hosts), 5.0, "linked")
    world.clock.run_for(30.0 + 0.7 * seed)
    return world, hosts


def missed(host: Host, gone: Host) -> bool:
    person = gone.machine.identity.peer_id
    return host.machine.people.peer(person).status is Status.OFFLINE


@pytest.mark.parametrize("seed", range(8))
def test_who_vanishes_is_off_line_within_fifteen_seconds(seed: int) -> None:
    world, (gone, *others) = resting(4, seed)
    world.split([gone], others)
    world.wait(lambda: all(missed(host, gone) for host in others), MISSED_S, "they miss it")
    assert all(missed(gone, host) for host in others)


@pytest.mark.parametrize("seed", range(8))
def test_who_stands_still_for_five_seconds_keeps_its_links(seed: int) -> None:
    world, (still, *_) = hosts = resting(4, seed)
    before = {link.id for host in hosts[1] for link in host.machine.links.up()}
    for _ in range(5):
        still.frozen = True
        world.clock.run_for(STALL_S)
        still.frozen = False
        backlog, still._backlog = still._backlog, []
        for action in reversed(backlog):  # timers may run before what has come is read
            action()
        world.clock.run_for(world.rng.uniform(0.0, 10.0))
    assert {link.id for host in hosts[1] for link in host.machine.links.up()} == before


def test_a_link_at_rest_costs_few_pings() -> None:
    world, hosts = resting(5, 1)
    said: Counter[str] = Counter()
    for host in hosts:
        perform = host._perform

        def listen(effect: effects.Effect, host: Host = host, perform=perform) -> None:  # type: ignore[no-untyped-def]
            if isinstance(effect, effects.Send):
                said[type(wire.decode(effect.frame)).__name__] += len(effect.links)
            perform(effect)

        host._perform = listen  # type: ignore[method-assign]  # the test's ear
    world.clock.run_for(100.0)
    links = len(hosts) * (len(hosts) - 1) / 2
    assert said["Ping"] <= 1.5 * 100.0 / 5.0 * links
    assert said["Pong"] == pytest.approx(said["Ping"], abs=links)
