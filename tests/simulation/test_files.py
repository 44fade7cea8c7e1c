"""Files over a network that fails: once all heals, all members have them whole."""

from __future__ import annotations

from random import Random

import pytest
from host import Host
from seeds import live_each
from world import LOBBY, World

from p2pchat.config.settings import Settings
from p2pchat.model.entry import FileBody
from p2pchat.model.file import FileState
from p2pchat.model.ids import EntryHash
from p2pchat.protocol.conversations import Conversation
from p2pchat.protocol.link import Link

SEEDS, GROUP = 60, 10
NODES = 5
HEAL_S = 120.0


def share(host: Host, name: str, data: bytes, conversation: str = "#lobby") -> None:
    host.disk.paths[name] = data
    host.ask(host.machine.files.offering.share, 0, conversation, name)


def states(host: Host) -> dict[EntryHash, FileState]:
    """Of every offer that the host knows of."""
    rows = [row for row in host.store.all_messages(LOBBY) if row.file is not None]
    return {row.hash: row.file.state for row in rows if row.file is not None}


def has(host: Host, data: bytes) -> bool:
    """Under whatever name: the same content isn't fetched twice."""
    return data in host.disk.paths.values()


def upset(world: World, rng: Random) -> None:
    """Something goes wrong."""
    host = rng.choice(world.hosts)
    match rng.randrange(6):
        case 0 if host.up:
            host.crash()
        case 1 if not host.up:
            host.start()
        case 2:
            cut = rng.randrange(1, NODES)
            world.split(world.hosts[:cut], world.hosts[cut:])
        case 3:
            world.fabric.heal()
        case 4:
            for wire in rng.sample(world.fabric.wires, min(4, len(world.fabric.wires))):
                wire.reset()
        case 5:
            other = rng.choice(world.hosts)
            if other is not host:
                world.fabric.firewall(host, other)


def live(seed: int) -> None:
    world, rng = World(seed), Random(seed + 1)
    hosts = [world.add() for _ in range(NODES)]
    world.wait(lambda: world.linked(hosts), 30.0, "linked")
    files = {}
    for number, host in enumerate(rng.sample(hosts, 2)):
        name, data = f"file {number}", rng.randbytes(rng.choice((0, 1, 40_000, 500_000)))
        files[name] = data
        share(host, name, data)
        world.clock.run_for(rng.choice((0.05, 0.3)))
        for _ in range(4):
            upset(world, rng)
            world.clock.run_for(rng.choice((0.0, 0.03, 0.1, 1.0, 10.0)))
    for host in hosts:
        if not host.up:
            host.start()
    world.fabric.heal()
    # An author that crashed before its offer was durable has offered nothing.
    rows = [row for host in hosts for row in host.store.all_messages(LOBBY)]
    offered = {row.content.name for row in rows if isinstance(row.content, FileBody)}

    def all_have_all() -> bool:
        return all(has(host, files[name]) for host in hosts for name in offered) and all(
            set(states(host).values()) == {FileState.COMPLETE} or not offered for host in hosts
        )

    world.wait(all_have_all, HEAL_S, f"all have {sorted(offered)}")
    for host in hosts:
        assert not host.disk.fetched, "something half is left"
        assert not {"wrong-pieces"} & set(host.warnings)


@pytest.mark.seeds(SEEDS, GROUP)
def test_all_have_all_once_it_heals(seeds: range) -> None:
    live_each(seeds, live)


def test_what_came_just_before_a_crash_comes_by_itself_all_the_same() -> None:
    """The offer is durable, and not yet that it is being fetched."""
    world = World(1)
    hosts = [world.add() for _ in range(2)]
    world.wait(lambda: world.linked(hosts), 30.0, "linked")
    data = Random(1).randbytes(40_000)
    share(hosts[0], "lesson", data)
    assert world.clock.run_until(lambda: bool(states(hosts[1])), 10.0, step=0.0005)
    assert set(states(hosts[1]).values()) == {FileState.OFFERED}
    hosts[1].crash()
    hosts[1].start()
    world.wait(lambda: has(hosts[1], data), 30.0, "fetched")


def test_what_two_offer_at_once_isnt_fetched_twice() -> None:
    """Each piece that comes of one offer is one less of the other; at the end alone both may ask
    for the same."""
    world = World(2)
    *authors, other = [world.add() for _ in range(3)]
    world.wait(lambda: world.linked([*authors, other]), 30.0, "linked")
    data = Random(2).randbytes(8_000_000)
    for author in authors:
        author.machine.ctx.settings = Settings(limit=800_000)
        share(author, "handout", data)
    fetches = other.machine.files.exchange._fetches
    world.wait(lambda: len(fetches) == 2, 10.0, "both are fetched")
    swarms = [fetch.swarm for fetch in fetches.values()]
    world.wait(lambda: set(states(other).values()) == {FileState.COMPLETE}, 60.0, "both are here")
    assert has(other, data)
    assert sum(swarm.received for swarm in swarms) < 1.1 * len(data)


def test_a_fetch_begins_with_a_connection_to_the_author_alone() -> None:
    """Until something has come from there, nobody has anything for anybody."""
    world = World(1)
    hosts = [world.add() for _ in range(NODES)]
    world.wait(lambda: world.linked(hosts), 30.0, "linked")
    data = Random(1).randbytes(500_000)
    share(hosts[0], "lesson", data)

    def any_has_any() -> bool:
        return any(blocks for host in hosts[1:] for blocks in host.disk.fetched.values())

    assert world.clock.run_until(any_has_any, 10.0, step=0.0005)
    for host in hosts[1:]:
        assert {link.device for link in host.machine.links.bulks()} <= {hosts[0].device}
    world.wait(lambda: all(has(host, data) for host in hosts), 30.0, "fetched")
    assert max(len(host.machine.links.bulks()) for host in hosts[1:]) > 1


def test_a_fetch_that_begins_costs_no_look_at_all_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hundreds that are offered at once kept a node from all else for seconds."""
    world, many, looks = World(4), 200, 0
    author, other = (world.add() for _ in range(2))
    world.wait(lambda: world.linked([author, other]), 30.0, "linked")
    audience = other.machine.sharing.audience

    def counted(conversation: Conversation) -> list[Link]:
        nonlocal looks
        looks += 1
        return audience(conversation)

    monkeypatch.setattr(other.machine.sharing, "audience", counted)
    rng = Random(4)
    for number in range(many):
        share(author, f"{number}", rng.randbytes(1000))
    whole = [FileState.COMPLETE] * many
    world.wait(lambda: list(states(other).values()) == whole, 60.0, "all of them")
    assert looks < 10 * many


def test_what_was_given_up_stays_so() -> None:
    world = World(1)
    hosts = [world.add() for _ in range(2)]
    world.wait(lambda: world.linked(hosts), 30.0, "linked")
    share(hosts[0], "lesson", Random(1).randbytes(500_000))
    fetching = [FileState.FETCHING]
    assert world.clock.run_until(
        lambda: list(states(hosts[1]).values()) == fetching, 10.0, step=0.0005
    )
    (id,) = states(hosts[1])
    host = hosts[1]
    row = host.store.message(id)
    assert row is not None
    host.ask(host.machine.files.cancel, 0, row)
    world.wait(lambda: FileState.OFFERED in states(host).values(), 10.0, "given up")
    host.crash()
    host.start()
    world.clock.run_for(20.0)
    assert set(states(host).values()) == {FileState.OFFERED}


@pytest.mark.parametrize("seed", range(10))
def test_what_is_withdrawn_is_given_to_nobody_any_more(seed: int) -> None:
    """Nor before that is durable, when the store still says otherwise."""
    world = World(seed)
    hosts = [world.add() for _ in range(2)]
    world.wait(lambda: world.linked(hosts), 60.0, "linked")
    author, other = hosts
    share(author, "lesson", Random(seed).randbytes(4_000_000))
    assert world.clock.run_until(lambda: bool(other.machine.files.exchange.fetches), 10.0, 0.0005)
    (id,) = states(author)
    fetch = other.machine.files.exchange._fetches[id]
    assert world.clock.run_until(lambda: fetch.done() > 0, 10.0, step=0.0005)
    row = author.store.message(id)
    assert row is not None
    author.ask(author.machine.files.cancel, 0, row)
    world.wait(lambda: states(other)[id] is FileState.FAILED, 20.0, "the other hears of it")
