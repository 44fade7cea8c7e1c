"""What a holder keeps of an account is the newest, in memory as on its disk."""

from __future__ import annotations

import pytest
from host import Host
from world import World

from p2pchat.protocol.identity import Signer
from p2pchat.protocol.registrar.keybox import Keybox, make_keybox, make_lock

SEED = bytes(range(32))


def box(holder: Host, counter: int) -> Keybox:
    lock = make_lock(counter.to_bytes(32), SEED)
    return make_keybox(Signer(SEED), holder.machine.network, counter, lock, lock)


@pytest.mark.parametrize("counters", [(1, 2), (2, 1), (2, 3, 1)])
def test_an_older_keybox_never_follows_a_newer_one_to_the_disk(counters: tuple[int, ...]) -> None:
    """They come before the first of them is durable: the password of before would hold again once
    the holder is started anew."""
    world = World(71)
    holder = world.add(willing=True)
    boxes = {counter: box(holder, counter) for counter in counters}
    for counter in counters:
        holder.run(holder.machine.registrar.keep_held, boxes[counter].raw, None)
    world.clock.run_for(1.0)
    newest = boxes[max(counters)]
    assert holder.machine.registrar.holding.of(newest.account) == newest
    holder.crash()
    holder.start()
    assert holder.machine.registrar.holding.of(newest.account) == newest


def test_what_the_disk_refused_is_news_when_it_comes_again() -> None:
    world = World(72)
    holder = world.add(willing=True)
    registrar, first, second = holder.machine.registrar, box(holder, 1), box(holder, 2)
    holding = registrar.holding
    news = holding.is_news(second.raw)
    assert news is not None
    holding.expect(news)
    assert holding.is_news(second.raw) is None
    assert holding.is_outdated(first)
    holding.give_up(news)
    assert holding.is_news(second.raw) is not None
    assert not holding.is_outdated(first)


@pytest.mark.parametrize("counters", [(1, 2), (2, 1), (2, 3, 1)])
def test_a_computer_of_the_account_keeps_the_newest_and_makes_a_newer_one(
    counters: tuple[int, ...],
) -> None:
    """Whatever its clock says, and whatever a registrar gives it, or plays to it again."""
    world = World(73)
    host = world.add()
    person, network = host.machine.identity.person, host.machine.network
    lock = make_lock(bytes(32), host.machine.identity.person_seed)
    ahead = host.machine.ctx.wall_ms + 86_400_000
    boxes = [make_keybox(person, network, ahead + one, lock, lock) for one in counters]
    for one in (*boxes, box(host, 1 << 50)):
        host.run(host.machine.registrar.vaulting.bring, b"", one.raw)
        world.clock.run_for(1.0)
    host.crash()
    host.start()
    registrar = host.machine.registrar
    assert registrar.vaulting.box_counter == ahead + max(counters)
    assert registrar.accounts._keybox(lock, lock).record.counter == ahead + max(counters) + 1
