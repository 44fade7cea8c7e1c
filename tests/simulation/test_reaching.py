"""Whole machines that find each other in spite of the network, and a network above the mesh."""

from __future__ import annotations

from collections import Counter

import pytest
from host import Host
from world import LOBBY, World

from p2pchat.config import limits
from p2pchat.model.ids import DeviceId
from p2pchat.protocol.link import Link
from p2pchat.protocol.links import QUIET_S, Links
from p2pchat.protocol.overlay import Mode

SEEDS = range(5)


@pytest.mark.parametrize("seed", SEEDS)
def test_hosts_that_start_at_once_are_all_linked_within_three_seconds(seed: int) -> None:
    world = World(seed)
    hosts = [world.add() for _ in range(12)]
    world.wait(lambda: world.linked(hosts), 3.0, "all linked")
    assert sum(not wire.over for wire in world.fabric.wires) <= 12 * 11 / 2 + 3


@pytest.mark.parametrize("seed", SEEDS)
def test_who_cannot_be_dialled_is_asked_to_dial_back(seed: int) -> None:
    world = World(seed)
    one, other, third = hosts = [world.add() for _ in range(3)]
    first, second = (one, other) if one.device < other.device else (other, one)
    world.fabric.firewall(first, second)
    world.wait(lambda: world.linked(hosts), 15.0, "linked the other way round")
    assert not any(link.info.relayed for link in first.machine.links.up())
    assert third.up


@pytest.mark.parametrize("seed", SEEDS)
def test_two_that_cannot_dial_each_other_talk_through_a_third(seed: int) -> None:
    world = World(seed)
    one, other, _ = hosts = [world.add() for _ in range(3)]
    world.fabric.firewall(one, other)
    world.fabric.firewall(other, one)
    world.wait(lambda: world.linked(hosts), 60.0, "linked through the third")
    link = one.machine.links.of(other.device)
    assert link is not None
    assert link.info.relayed
    world.say(one, f"@{other.machine.identity.peer_id}")
    world.say(other)
    world.clock.run_for(1.0)
    world.wait(lambda: world.equal(hosts), 5.0, "talked")
    world.fabric.heal()
    world.wait(
        lambda: not any(link.info.relayed for link in one.machine.links.up()),
        2 * limits.DIRECT_RETRY_S,
        "a direct link, once there can be one",
    )
    assert world.linked(hosts)


def test_a_link_to_an_address_given_by_hand_needs_no_hints(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fabric.HINT_LOSS", 1.1)
    world = World(1)
    one, other = world.add(), world.add()
    world.clock.run_for(10.0)
    assert not world.linked([one, other])
    one.run(one.machine.topology.connect, 0, other.address)
    world.wait(lambda: world.linked([one, other]), 2.0, "linked")


@pytest.mark.parametrize("caller", range(2))
def test_connecting_to_somebody_who_is_linked_gives_them(caller: int) -> None:
    world = World(1)
    hosts = [world.add() for _ in range(2)]
    world.wait(lambda: world.linked(hosts), 3.0, "linked")
    one, other = hosts[caller], hosts[1 - caller]
    one.ask(one.machine.topology.connect, other.address)
    world.wait(lambda: bool(one.met), 3.0, "answered")
    assert one.met == [other.machine.identity.peer_id]
    assert one.refused == []
    world.wait(lambda: world.linked(hosts), 3.0, "still linked")


@pytest.mark.parametrize("seed", SEEDS)
def test_at_a_start_each_pair_dials_once(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where a connection takes half a second, as on machines that are busy starting."""
    world, dialled, risen = World(seed), Counter[frozenset[DeviceId]](), 0
    connect, rise = world.fabric._connect, Links._rise

    def dial(source: Host, target: Host, token: int) -> None:
        dialled[frozenset((source.device, target.device))] += 1
        delay = world.rng.uniform(0.0, 0.5)
        world.clock.after(delay, lambda: connect(source, target, token))

    def count(links: Links, link: Link) -> None:
        nonlocal risen
        risen += 1
        rise(links, link)

    monkeypatch.setattr(world.fabric, "_connect", dial)
    monkeypatch.setattr(Links, "_rise", count)
    hosts = []
    for _ in range(20):
        hosts.append(world.add())
        world.clock.run_for(world.rng.uniform(0.0, 0.1))
    world.clock.run_for(10.0)
    assert world.linked(hosts)
    pairs = 20 * 19 // 2
    assert dialled.total() == len(dialled) == pairs, "once each"
    assert risen == 2 * pairs, "once at either side"


@pytest.mark.parametrize("seed", range(20))
def test_of_two_connections_that_one_side_has_begun_one_stays(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever is the first at either side, as those to two addresses of one computer."""
    monkeypatch.setattr("fabric.HINT_LOSS", 1.1)
    world = World(seed)
    hosts = one, other = [world.add() for _ in range(2)]
    for _ in range(2):
        one.run(one.machine.topology.connect, 0, other.address)
    world.clock.run_for(0.5)
    assert world.linked(hosts)
    assert [len(host.wires) for host in hosts] == [1, 1]


@pytest.mark.parametrize("still", range(2))
def test_of_several_connections_that_a_host_finds_when_it_goes_on_one_stays(still: int) -> None:
    """It hasn't heard the old link for a while, so that the worse of the new ones waits whether the
    old one answers, when the better one comes in its place."""
    world = World(1)
    hosts = [world.add() for _ in range(2)]
    world.wait(lambda: world.linked(hosts), 3.0, "linked")
    smaller, larger = sorted(hosts, key=lambda host: host.device)
    assert smaller.machine.links.up()[0].info.outgoing
    hosts[still].frozen = True
    for dialler, dialled in ((larger, smaller), (smaller, larger)):
        world.fabric._connect(dialler, dialled, dialler.machine.number())
        world.clock.run_for(0.5 + QUIET_S)
    hosts[still].thaw()
    world.clock.run_for(5.0)
    for host, other in (hosts, reversed(hosts)):
        assert len(host.wires) == 1
        assert host.machine.people.peer(other.machine.identity.peer_id).linked


def test_above_the_mesh_degrees_are_bounded_and_all_is_heard() -> None:
    world = World(1)
    hosts = [world.add() for _ in range(limits.MESH_UP + 4)]
    bounded = [host.machine.overlay for host in hosts]
    world.wait(lambda: all(overlay.mode() is Mode.BOUNDED for overlay in bounded), 10.0, "bounded")
    world.clock.run_for(2.5 * limits.IDLE_LINK_S)
    degrees = [len(host.machine.links.up()) for host in hosts]
    assert max(degrees) <= 2 * limits.RINGS + limits.DEGREE_CAP
    assert sum(degrees) / len(hosts) <= 2 * limits.RINGS + 1
    for _ in range(5):
        world.say(world.rng.choice(hosts))
        world.clock.run_for(1.5)
    assert {len(host.store.all_messages(LOBBY)) for host in hosts} == {5}
