"""Whoever comes late where all have pruned the beginning: what nobody has is looked for once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
from host import Host
from world import LOBBY, World

from p2pchat.config import limits
from p2pchat.protocol import effects, wire

SAID, KEPT = 30, 10


def heard(hosts: list[Host]) -> Callable[[], Counter[str]]:
    """What these hosts send from now on, by kind; each call begins anew."""
    counts: Counter[str] = Counter()

    def listen(host: Host) -> None:
        perform = host._perform

        def counted(effect: effects.Effect) -> None:
            if isinstance(effect, effects.Send):
                counts[type(wire.decode(effect.frame)).__name__] += len(effect.links)
            perform(effect)

        host._perform = counted  # type: ignore[method-assign]  # the test's ear

    def take() -> Counter[str]:
        taken = Counter(counts)
        counts.clear()
        return taken

    for host in hosts:
        listen(host)
    return take


def pruned(world: World, servers: int) -> tuple[Host, list[Host]]:
    """An author who has all and is off, and others who have pruned the beginning."""
    author = world.add()
    others = [world.add() for _ in range(servers)]
    world.wait(lambda: world.linked(world.hosts), 5.0, "linked")
    for _ in range(SAID):
        world.say(author)
    world.clock.run_for(2.0)
    author.stop()
    for host in others:
        host.stop()
        host.store.prune(LOBBY, KEPT)
    for host in others:
        host.start()
    world.wait(lambda: world.linked(others), 30.0, "linked")
    return author, others


def has(host: Host, count: int) -> Callable[[], bool]:
    return lambda: len(host.store.all_messages(LOBBY)) == count


@pytest.mark.parametrize("servers", [1, 3])
def test_what_nobody_has_is_asked_for_once_and_what_is_here_is_acknowledged(servers: int) -> None:
    world = World(servers)
    author, others = pruned(world, servers)
    late, later = world.add(), world.add()
    hosts = [*others, late, later]
    world.wait(has(late, KEPT), 10.0, "what there is")
    world.wait(has(later, KEPT), 10.0, "what there is")
    world.clock.run_for(3.0)
    (feed,) = (feed for feed in late.machine.rooms.lobby.spans)
    person = late.machine.identity.peer_id
    for host in (*others, later):
        lobby = host.machine.rooms.lobby
        assert host.machine.receipts.delivered_to(lobby, person, feed) == SAID
    world.clock.run_for(20 * limits.DIGEST_EVERY_S)  # who was behind when asked has said so
    said = heard(hosts)
    world.clock.run_for(10 * limits.DIGEST_EVERY_S)
    assert not said().keys() - {"Digest", "Ping", "Pong"}
    world.say(others[0])
    world.clock.run_for(10 * limits.DIGEST_EVERY_S)
    assert not said().keys() - {"Push", "Receipt", "IHave", "Digest", "Ping", "Pong"}

    author.start()
    world.wait(has(late, SAID + 1), 2 * limits.DIGEST_EVERY_S, "the author has the rest")
    world.wait(has(later, SAID + 1), 2 * limits.DIGEST_EVERY_S, "the author has the rest")
    world.clock.run_for(10 * limits.DIGEST_EVERY_S)
    said()
    world.clock.run_for(10 * limits.DIGEST_EVERY_S)
    assert said()["Want"] == 0


def test_what_comes_in_below_is_marked_as_late_though_the_beginning_is_missing() -> None:
    world = World(3)
    _, others = pruned(world, 2)
    late = world.add()
    world.wait(has(late, KEPT), 10.0, "what there is")
    world.clock.run_for(3.0)
    one, other = others
    world.split([one], [other, late])
    world.say(one)
    world.clock.run_for(1.0)
    world.say(other)
    world.clock.run_for(3.0)
    world.fabric.heal()
    world.wait(has(late, KEPT + 2), 60.0, "healed")
    assert [row.late for row in late.store.all_messages(LOBBY)][-2:] == [True, False]


def test_who_gets_the_beginning_shows_it_to_those_who_were_told_that_there_is_none() -> None:
    world = World(4)
    author, _ = pruned(world, 2)
    late, later = world.add(), world.add()
    world.wait(has(late, KEPT), 10.0, "what there is")
    world.wait(has(later, KEPT), 10.0, "what there is")
    world.clock.run_for(30.0)
    world.split([author], [late])
    author.start()
    world.wait(has(later, SAID), 60.0, "from the author")
    world.wait(has(late, SAID), 20 * limits.DIGEST_EVERY_S, "from who has it meanwhile")
