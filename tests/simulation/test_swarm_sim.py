"""A class shares a file in virtual time: what arrives, how fast, through which troubles."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest
from swarm_model import Host, World

from p2pchat.model.stream import PIECE_MIN_BYTES

RATE = 100e6 / 8
MIB = 1024 * 1024


def all_done(hosts: list[Host]) -> bool:
    return all(host.done_at is not None for host in hosts)


def check(world: World, hosts: list[Host]) -> None:
    for host in hosts:
        assert host.done_at is not None
        assert host.disk.blocks == world.content.blocks


def class_of(world: World, fetchers: int, rate: float = RATE) -> tuple[Host, list[Host]]:
    sender = world.host(rate, rate)
    sender.offer()
    hosts = [world.host(rate, rate) for _ in range(fetchers)]
    for host in hosts:
        host.fetch()
    return sender, hosts


@pytest.mark.parametrize("latency", [0.0005, 0.02])
def test_a_class_has_it_in_about_the_time_of_one_transfer(
    latency: float, record_property: Callable[[str, object], None]
) -> None:
    world = World(1, 32 * MIB, latency)
    sender, hosts = class_of(world, 19)
    world.mesh()
    world.run(lambda: all_done(hosts), limit=10)
    check(world, hosts)
    ratio = world.now / (32 * MIB / RATE)
    record_property("ratio", round(ratio, 3))
    assert ratio <= (1.35 if latency < 0.01 else 1.5)
    assert sender.sent_bytes <= 1.3 * 32 * MIB
    wasted = sum(host.swarm.wasted for host in hosts if host.swarm)
    assert wasted < 0.02 * 19 * 32 * MIB


def test_a_few_links_each_are_nearly_as_good() -> None:
    world = World(2, 16 * MIB)
    sender, hosts = class_of(world, 19)
    for host in hosts:
        world.link(sender, host)
        for other in world.rng.sample([each for each in hosts if each is not host], 4):
            world.link(host, other)
    world.run(lambda: all_done(hosts), limit=10)
    check(world, hosts)
    assert world.now <= 1.5 * 16 * MIB / RATE


def test_one_host_gets_it_at_the_rate_of_the_port() -> None:
    world = World(3, 16 * MIB)
    sender, hosts = class_of(world, 1)
    world.mesh()
    world.run(lambda: all_done(hosts), limit=10)
    assert world.now <= 1.05 * 16 * MIB / RATE
    assert sender.sent_bytes == sum(map(len, world.content.blocks.values()))


def test_two_sources_are_used_together() -> None:
    world = World(4, 16 * MIB)
    first, second = world.host(RATE, RATE), world.host(RATE, RATE)
    fetcher = world.host(RATE, 2 * RATE)
    first.offer()
    second.offer()
    fetcher.fetch()
    world.mesh()
    world.run(lambda: all_done([fetcher]), limit=10)
    check(world, [fetcher])
    assert world.now <= 0.6 * 16 * MIB / RATE


def test_a_slow_host_holds_nobody_up() -> None:
    world = World(5, 8 * MIB)
    _, hosts = class_of(world, 8)
    slow = hosts.pop()
    slow.port.up = slow.port.down = RATE / 50
    world.mesh()
    world.run(lambda: all_done(hosts), limit=30)
    check(world, hosts)
    assert world.now <= 1.5 * 8 * MIB / RATE
    world.run(lambda: all_done([slow]), limit=60)
    check(world, [slow])


def test_a_slow_port_asks_for_no_more_than_it_can_receive() -> None:
    world = World(9, MIB)
    fetcher = world.host(50_000, 50_000)
    for _ in range(8):
        world.host(RATE, RATE).offer()
    fetcher.fetch()
    world.mesh()
    world.run(lambda: all_done([fetcher]), limit=60)
    check(world, [fetcher])
    assert fetcher.swarm is not None
    assert fetcher.swarm.wasted <= 0.1 * MIB


@pytest.mark.parametrize("gives_one", [False, True])
def test_many_that_never_answer_hold_nobody_up(gives_one: bool) -> None:
    """Thirty of them, who were there before the author; or who give something at first."""
    world = World(10, 8 * MIB)
    fetcher = world.host(RATE, RATE)
    fetcher.fetch()
    for _ in range(30):
        liar = world.host(RATE, RATE)
        liar.offer()
        liar.silent = not gives_one
        world.link(liar, fetcher)
    world.run(lambda: world.now > 0.02, limit=1)
    for liar in world.hosts:
        liar.silent = liar is not fetcher
    author = world.host(RATE, RATE)
    author.offer()
    author.author = True
    world.link(author, fetcher)
    world.run(lambda: all_done([fetcher]), limit=30)
    check(world, [fetcher])
    assert world.now <= 2.0 * 8 * MIB / RATE + 1.0


def test_a_resumed_transfer_fetches_again_only_what_was_in_flight() -> None:
    world = World(6, 16 * MIB)
    sender, hosts = class_of(world, 1)
    fetcher = hosts[0]
    world.mesh()
    half = len(world.content.blocks) // 2
    world.run(lambda: len(fetcher.disk.blocks) > half, limit=10)
    fetcher.kill()
    fetcher.alive = True
    fetcher.fetch()
    world.link(sender, fetcher)
    world.run(lambda: all_done(hosts), limit=10)
    check(world, hosts)
    once = sum(map(len, world.content.blocks.values()))
    assert once <= sender.sent_bytes <= once + 4 * PIECE_MIN_BYTES


def test_a_rate_limit_holds_in_the_long_run() -> None:
    world = World(7, 4 * MIB)
    sender, hosts = class_of(world, 2)
    sender.server.limit(1_000_000, 0.0)
    world.mesh()
    world.run(lambda: all_done(hosts), limit=20)
    check(world, hosts)
    assert 0.95 * 4 * MIB / 1e6 <= world.now <= 1.3 * 4 * MIB / 1e6


@pytest.mark.parametrize("size", [0, 1, PIECE_MIN_BYTES, PIECE_MIN_BYTES + 1])
def test_the_smallest_streams(size: int) -> None:
    world = World(8, size)
    _, hosts = class_of(world, 3)
    world.mesh()
    world.run(lambda: all_done(hosts), limit=10)
    check(world, hosts)


class Trouble:
    """What a seed makes of a class: its size, its ports, and all that goes wrong at once."""

    def __init__(self, seed: int) -> None:
        rng = self.rng = Random(seed)
        pieces = rng.choice((3, 20, 60, 120))
        self.world = world = World(
            seed,
            pieces * PIECE_MIN_BYTES - rng.randrange(PIECE_MIN_BYTES),
            rng.choice((1e-4, 2e-2)),
        )
        rate = rng.choice((3e5, 1e6, 1e7))
        self.sender, self.hosts = class_of(world, rng.randint(2, 7), rate)
        for host in self.hosts:
            host.port.up *= rng.uniform(0.3, 1)
            host.port.down *= rng.uniform(0.3, 1)
        self.honest = list(self.hosts)
        self.usual = world.content.stream.size / rate
        for kind in ("liar", "silent", "slow"):
            if rng.random() < 0.4:
                self.add_source(kind, rate)
        late = rng.choice(self.hosts)
        world.after(rng.uniform(0, 3) * self.usual, self.join_late, late)
        self.world.hosts = [host for host in world.hosts if host is not late]
        world.mesh()
        if rng.random() < 0.5:
            for _ in range(3):
                world.after(rng.uniform(0, 1) * self.usual, self.cut)
        if rng.random() < 0.5:
            world.after(rng.uniform(0, 2) * self.usual, self.kill, rng.choice(self.hosts))
        if rng.random() < 0.5:
            world.after(0.1, self.leave)

    def add_source(self, kind: str, rate: float) -> None:
        source = self.world.host(rate / 20 if kind == "slow" else rate, rate)
        source.offer()
        source.lies = kind == "liar"
        source.silent = kind == "silent"

    def join_late(self, host: Host) -> None:
        self.world.hosts.append(host)
        self.world.mesh_with(host)

    def cut(self) -> None:
        """Every link is cut now and then, and comes back."""
        if self.world.ends:
            link = self.rng.choice(list(self.world.ends))
            one, other = self.world.ends[link]
            self.world.unlink(link)
            self.world.after(self.rng.uniform(0, 0.5), self.world.link, one, other)
        self.world.after(max(0.5, self.rng.uniform(0, 1) * self.usual), self.cut)

    def kill(self, host: Host) -> None:
        if host.done_at is None:
            host.kill()
            self.world.after(self.rng.uniform(0, 1), self.revive, host)

    def revive(self, host: Host) -> None:
        host.alive = True
        host.fetch()
        if host in self.world.hosts:
            self.world.mesh_with(host)

    def leave(self) -> None:
        """The sender goes as soon as the others have all pieces among them."""
        others = {at for host in self.honest for at in host.disk.blocks if at[0] == 0}
        if len(others) == sum(1 for at in self.world.content.blocks if at[0] == 0):
            self.sender.kill()
        else:
            self.world.after(0.1, self.leave)


@pytest.mark.parametrize("seed", range(80))
def test_whatever_goes_wrong_everybody_gets_it_whole(seed: int) -> None:
    trouble = Trouble(seed)
    trouble.world.run(lambda: all_done(trouble.honest), limit=400)
    check(trouble.world, trouble.honest)
