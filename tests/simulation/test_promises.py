"""Single promises of the design, each with the course of events that puts it to the test."""

from __future__ import annotations

import pytest
from host import Host
from world import DAY_MS, LOBBY, World

from p2pchat.config import limits
from p2pchat.model.records import ConversationKind

SEEDS = range(8)


def linked(world: World, count: int) -> list[Host]:
    hosts = [world.add() for _ in range(count)]
    world.wait(lambda: world.linked(hosts), 5.0, "linked")
    return hosts


@pytest.mark.parametrize("seed", SEEDS)
def test_six_that_were_split_are_equal_within_twenty_seconds(seed: int) -> None:
    world = World(seed)
    hosts = linked(world, 6)
    world.split(hosts[:3], hosts[3:])
    for _ in range(30):
        world.say(world.rng.choice(hosts))
        world.clock.run_for(0.5)
    world.fabric.heal()
    world.wait(lambda: world.equal(hosts), 20.0, "equal")
    assert len(hosts[0].store.all_messages(LOBBY)) == 30
    world.check_acknowledged(hosts)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_bridge_passes_on_between_two_halves(seed: int) -> None:
    world = World(seed)
    hosts = linked(world, 5)
    world.split(hosts[:2], hosts[2:4])
    world.clock.run_for(40.0)
    for host in hosts:
        world.say(host)
    world.clock.run_for(1.0)
    world.wait(lambda: world.equal(hosts), 45.0, "equal through the one in the middle")
    assert len(hosts[0].store.all_messages(LOBBY)) == 5


@pytest.mark.parametrize("seed", SEEDS)
def test_a_crash_while_sending_loses_nothing_acknowledged_and_forks_nothing(seed: int) -> None:
    world = World(seed)
    author, *others = hosts = linked(world, 3)
    for _ in range(10):
        for _ in range(20):
            world.say(author)
        world.clock.run_for(world.rng.uniform(0.0, 0.03))
        author.crash()
        world.clock.run_for(world.rng.uniform(0.0, 3.0))
        author.start()
    world.wait(lambda: world.linked(hosts) and world.equal(hosts), 60.0, "equal")
    world.check_acknowledged(hosts)
    assert not any(host.store.forked_feeds() for host in hosts)
    assert "feed-rolled-back" not in author.warnings
    assert not any("forked-feed" in host.warnings for host in others)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_disk_that_is_rolled_back_goes_on_in_a_new_feed(seed: int) -> None:
    world = World(seed)
    author, *_ = hosts = linked(world, 3)
    world.say(author)
    world.clock.run_for(1.0)
    before = author.store.copy()
    world.say(author)
    world.clock.run_for(1.0)
    author.crash()
    author.store = before
    author.start()
    world.wait(lambda: world.linked(hosts), 30.0, "linked")
    world.clock.run_for(limits.REPLACE_PING_S + 1.0)  # others wait whether its past self answers
    world.say(author)
    world.clock.run_for(1.0)
    world.wait(lambda: world.equal(hosts), 40.0, "equal")
    assert len(author.store.all_messages(LOBBY)) == 3
    assert not any(host.store.forked_feeds() for host in hosts)
    assert "feed-rolled-back" in author.warnings


@pytest.mark.parametrize("seed", SEEDS)
def test_a_fork_reaches_everyone_and_everyone_is_told(seed: int) -> None:
    """Rolled back and at once written on, before anyone could say what is missing."""
    world = World(seed)
    author, *_ = hosts = linked(world, 4)
    world.say(author)
    world.clock.run_for(1.0)
    before = author.store.copy()
    world.split(hosts[1:2], hosts[2:])
    for _ in range(3):
        world.say(author)
    world.clock.run_for(1.0)
    author.crash()
    author.store = before
    world.split([author], hosts[1:])
    author.start()
    for _ in range(20):
        world.say(author)
    world.clock.run_for(60.0)
    world.fabric.heal()
    world.wait(lambda: world.linked(hosts) and world.equal(hosts), 60.0, "equal")
    assert len(author.store.all_messages(LOBBY)) == 24
    for host in hosts:
        assert host.store.forked_feeds()
    world.check_forks_are_told(hosts)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_profile_that_runs_twice_becomes_two_devices_of_one_person(seed: int) -> None:
    world = World(seed)
    one, *_ = linked(world, 3)
    world.say(one)
    world.clock.run_for(1.0)
    twin = world.add(store=one.store.copy())
    world.say(twin)
    hosts = world.hosts
    world.wait(lambda: world.linked(hosts), 90.0, "four devices")
    assert one.device != twin.device
    assert one.machine.identity.peer_id == twin.machine.identity.peer_id
    assert "profile-runs-twice" in one.warnings
    assert "profile-runs-twice" in twin.warnings
    world.say(one)
    world.say(twin)
    world.clock.run_for(1.0)
    world.wait(lambda: world.equal(hosts), 60.0, "equal")
    world.check_forks_are_told(hosts)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_whisper_waits_for_who_is_off_though_its_author_has_gone(seed: int) -> None:
    world = World(seed)
    author, reader, holder = linked(world, 3)
    world.clock.run_for(2.0)
    person = reader.machine.identity.peer_id
    reader.stop()
    world.clock.run_for(2.0)
    world.say(author, f"@{person}")
    world.clock.run_for(5.0)
    assert author.acknowledged, author.refused
    author.stop()
    world.clock.run_for(2.0)
    reader.start()
    text = author.acknowledged[0].message_id
    world.wait(lambda: text in reader.received, 30.0, "the whisper")
    world.check_secrets(holder)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_crash_while_a_key_comes_leaves_nothing_unreadable(seed: int) -> None:
    world = World(seed)
    author, reader, _ = hosts = linked(world, 3)
    world.clock.run_for(2.0)
    for crashing in (reader, author):
        world.say(author, f"@{reader.machine.identity.peer_id}")
        world.clock.run_for(world.rng.uniform(0.0, 0.08))
        crashing.crash()
        world.clock.run_for(0.5)
        crashing.start()
        world.wait(lambda: world.linked(hosts), 30.0, "linked")
    world.say(author, f"@{reader.machine.identity.peer_id}")
    world.clock.run_for(2.0)
    world.wait(lambda: world.equal(hosts), 60.0, "equal")
    directs = [
        row.id for row in reader.store.load().conversations if row.kind == ConversationKind.DIRECT
    ]
    shown = [message.text for id in directs for message in reader.store.all_messages(id)]
    assert {message.text for message in author.acknowledged} <= set(shown)


@pytest.mark.parametrize("off_days", [-1, 1, 400])
def test_clocks_that_are_off_put_nothing_out_of_order(off_days: int) -> None:
    world = World(1)
    one, other = world.add(), world.add(clock_off_ms=off_days * 24 * 3600 * 1000)
    world.wait(lambda: world.linked([one, other]), 5.0, "linked")
    for _ in range(5):
        world.say(one)
        world.clock.run_for(1.0)
        world.say(other)
        world.clock.run_for(1.0)
    assert world.equal([one, other])
    world.check_order(one)
    assert "clock-off" in one.warnings
    texts = [row.text for row in one.store.all_messages(LOBBY)]
    if off_days != 400:
        assert texts == sorted(texts, key=lambda text: int(text.split()[0]))


def test_what_is_written_under_a_clock_far_ahead_stands_where_it_belongs() -> None:
    """And not below all that others write from then on."""
    world = World(1)
    hosts = [world.add(), world.add(), world.add(clock_off_ms=40 * 365 * DAY_MS)]
    world.wait(lambda: world.linked(hosts), 5.0, "linked")
    for host in (*hosts[::-1], *hosts):
        world.say(host)
        world.clock.run_for(1.0)
    assert world.equal(hosts)
    texts = [row.text for row in hosts[0].store.all_messages(LOBBY)]
    assert texts == sorted(texts, key=lambda text: int(text.split()[0]))
    assert len(texts) == 6


@pytest.mark.parametrize("seed", SEEDS)
def test_a_clock_that_is_set_back_hides_nobody(seed: int) -> None:
    world = World(seed)
    ahead = world.add(clock_off_ms=DAY_MS)
    others = [world.add(), world.add()]
    world.wait(lambda: world.linked(world.hosts), 5.0, "linked")
    ahead.crash()
    ahead.clock_off_ms = 0
    ahead.start()
    world.wait(lambda: world.linked(world.hosts), 60.0, "linked again")
    for host in world.hosts:
        host.ask(host.machine.rooms.join, 0, "#maths", None)
    world.clock.run_for(10.0)
    for host in world.hosts:
        world.say(host, "#maths")
    world.clock.run_for(1.0)
    world.wait(lambda: world.equal(world.hosts), 10.0, "equal")
    maths = others[0].machine.conversations.labelled("#maths")
    assert maths is not None
    assert {row.text for row in others[0].store.all_messages(maths.id)} >= {
        message.text for message in ahead.acknowledged
    }
    assert ahead.acknowledged
