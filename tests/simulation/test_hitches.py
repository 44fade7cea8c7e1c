"""Syncing in spite of hitches: narrow links, full disks, what was let go of, what was left."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from host import Host
from world import World

from p2pchat.config import limits
from p2pchat.model.records import ConversationKind
from p2pchat.node.ports import LinkId
from p2pchat.protocol import effects, wire


def narrow(host: Host, rate: float, queue: int) -> None:
    """What the host sends goes out at so many bytes a second; above `queue` it is told so."""
    perform, clock = host._perform, host.fabric.clock
    free_at: dict[int, float] = {}
    waiting: dict[int, int] = {}

    def send(link: int, effect: effects.Send, size: int) -> None:
        perform(effect)
        before = waiting[link]
        waiting[link] -= size
        if before > queue // 4 >= waiting[link]:
            host.run(host.machine.link_drained, link)

    def slow(effect: effects.Effect) -> None:
        if not isinstance(effect, effects.Send):
            perform(effect)
            return
        size = len(effect.frame)
        for link in effect.links:
            free_at[link] = max(free_at.get(link, 0.0), clock.now) + size / rate
            waiting[link] = waiting.get(link, 0) + size
            later = partial(send, link, effects.Send((link,), effect.frame), size)
            host.later(free_at[link] - clock.now, later)
            if waiting[link] > queue:
                host.machine.link_choked(link)

    host._perform = slow  # type: ignore[method-assign]  # the transport of a slow network


def test_a_latecomer_behind_a_narrow_link_gets_all_without_a_pause(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "WANT_BYTES", 4000)
    world = World(1)
    server, *authors = hosts = [world.add() for _ in range(6)]
    world.wait(lambda: world.linked(hosts), 5.0, "linked")
    for author in authors:
        for _ in range(40):
            world.say(author)
    world.clock.run_for(1.0)
    world.wait(lambda: world.equal(hosts), 5.0, "equal")
    for author in authors:
        author.stop()
    narrow(server, rate=40_000.0, queue=8_000)
    late = world.add()
    world.wait(lambda: world.equal([server, late]), 8.0, "the latecomer has all")
    assert len(late.store.all_entries()) == 5 * 41


def test_what_a_holder_has_let_go_of_is_held_again() -> None:
    world = World(2)
    author, reader, holder = [world.add() for _ in range(3)]
    world.wait(lambda: world.linked(world.hosts), 5.0, "linked")
    world.clock.run_for(2.0)
    for _ in range(2):
        reader.stop()
        world.clock.run_for(2.0)
        world.say(author, f"@{reader.machine.identity.peer_id}")
        world.clock.run_for(5.0)
        row = next(row for row in author.store.load().conversations if row.peers)
        assert row.kind == ConversationKind.DIRECT
        assert holder.store.hashes(row.id) == author.store.hashes(row.id)
        reader.start()
        world.wait(lambda: world.linked(world.hosts), 30.0, "linked")
        world.clock.run_for(5.0)
        assert not holder.store.hashes(row.id)
    assert len(reader.store.all_messages(row.id)) == 2


def test_what_comes_twice_while_the_disk_is_full_is_asked_for_again() -> None:
    """Pushed, asked for while that is on its way to the disk, and then it can't be kept."""
    world = World(3)
    author, reader = world.add(), world.add()
    world.wait(lambda: world.linked(world.hosts), 5.0, "linked")
    world.say(author)
    world.clock.run_for(1.0)
    flush = reader._flush
    reader._flush = lambda: None  # type: ignore[method-assign]  # a disk that is stuck
    world.say(author)
    world.clock.run_for(0.5)
    lobby = author.machine.rooms.lobby
    for link in author.machine.links.up():
        author.run(author.machine.sync.greet, link.id, lobby)
    world.clock.run_for(0.5)
    failed, reader._commits = reader._commits, []
    for batch, _ in failed:
        reader.run(reader.machine.commit_failed, batch, "disk-full")
    reader._flush = flush  # type: ignore[method-assign]
    world.wait(lambda: world.equal(world.hosts), 3 * limits.DIGEST_EVERY_S, "equal")


def test_a_room_that_is_left_while_its_entries_are_checked_blocks_no_other() -> None:
    world = World(4)
    author, reader = world.add(), world.add()
    world.wait(lambda: world.linked(world.hosts), 5.0, "linked")
    author.ask(author.machine.rooms.join, 0, "#maths", None)
    world.clock.run_for(1.0)
    for _ in range(20):
        world.say(author, "#maths")
    world.clock.run_for(1.0)
    checks: list[tuple[Any, ...]] = []
    check = reader._check

    def left_meanwhile(entries: Any) -> list[Any]:
        checks.append(entries)
        if len(checks) == 1:
            room = reader.machine.conversations.labelled("#maths")
            assert room is not None
            reader.machine.sharing.forget(room)
        return check(entries)[:-1]  # one of them isn't right, besides

    reader._check = left_meanwhile  # type: ignore[method-assign]
    reader.ask(reader.machine.rooms.join, 0, "#maths", None)
    world.clock.run_for(2.0)
    assert checks
    assert reader.machine.sync._uncommitted == 0


def test_a_link_on_demand_that_ends_while_nobody_is_there_ends_nothing_else() -> None:
    world = World(5)
    one, other = world.add(), world.add()
    world.wait(lambda: world.linked(world.hosts), 5.0, "linked")
    world.clock.run_for(2.0)
    world.say(one, f"@{other.machine.identity.peer_id}")
    world.clock.run_for(1.0)
    world.split([one], [other])
    looks = 0
    update = one.machine.topology.update

    def counted() -> None:
        nonlocal looks
        looks += 1
        assert looks < 2000, "a timer that is due for ever"
        update()

    one.machine.topology.update = counted  # type: ignore[method-assign]  # the test's ear
    world.clock.run_for(3 * limits.IDLE_LINK_S)
    world.fabric.heal()
    world.wait(lambda: world.linked(world.hosts), 30.0, "linked again")


def test_what_is_checked_while_its_conversation_is_dropped_isnt_stored() -> None:
    world = World(6)
    author, reader, holder = [world.add() for _ in range(3)]
    world.wait(lambda: world.linked(world.hosts), 5.0, "linked")
    world.clock.run_for(2.0)
    reader.stop()
    world.clock.run_for(2.0)
    label = f"@{reader.machine.identity.peer_id}"
    world.say(author, label)
    world.clock.run_for(2.0)
    held = next(c for c in holder.machine.conversations if c.direct)
    assert holder.store.hashes(held.id)
    check = holder._check

    def dropped_meanwhile(entries: Any) -> list[Any]:
        if not held.dropped:
            holder.run(holder.machine.directs._drop, held)
        return check(entries)

    holder._check = dropped_meanwhile  # type: ignore[method-assign]
    for _ in range(20):
        world.say(author, label)
    world.clock.run_for(2.0)
    assert held.dropped
    assert not holder.store.hashes(held.id)
    assert held.id not in holder.machine.directs._held_bytes


def test_a_holder_that_is_full_asks_for_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has the newest, and a gap below that it has no room to fill."""
    monkeypatch.setattr(limits, "HOLD_BYTES_PER_PAIR", 20_000)
    monkeypatch.setattr(limits, "WANT_BYTES", 6_000)
    world = World(7)
    author, reader, holder = [world.add() for _ in range(3)]
    world.wait(lambda: world.linked(world.hosts), 5.0, "linked")
    world.clock.run_for(2.0)
    reader.stop()
    holder.stop()
    label = f"@{reader.machine.identity.peer_id}"
    for _ in range(60):
        author.ask(author.machine.commands.send, 0, label, "x" * 1000, None)
    world.clock.run_for(2.0)
    holder.start()
    world.wait(lambda: world.linked([author, holder]), 30.0, "linked")
    world.clock.run_for(5.0)
    held = next(c for c in holder.machine.conversations if c.direct)
    assert holder.machine.directs.full(held)
    assert held.gaps
    wants: list[wire.Frame] = []
    perform = holder._perform

    def listen(effect: effects.Effect) -> None:
        if isinstance(effect, effects.Send):
            frame = wire.decode(effect.frame)
            wants.extend([frame] if isinstance(frame, wire.Want) else [])
        perform(effect)

    holder._perform = listen  # type: ignore[method-assign]  # the test's ear
    for _ in range(5):
        author.ask(author.machine.commands.send, 0, label, "more", None)
        world.clock.run_for(2 * limits.DIGEST_EVERY_S)
    assert not wants


def test_nothing_is_asked_of_a_link_that_went_down_before_what_it_brought_was_durable() -> None:
    """What leaves a gap is asked for at the next link, not after the time for an answer."""
    world = World(4)
    author, other = hosts = [world.add() for _ in range(2)]
    world.wait(lambda: world.linked(hosts), 10.0, "linked")
    world.say(author)
    world.wait(lambda: world.equal(hosts), 5.0, "equal")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(other.machine.links, "allow", lambda link, entries: False)
        world.say(author)
        world.clock.run_for(0.2)
    world.say(author)
    assert world.clock.run_until(lambda: bool(other._commits), 0.2, step=0.0001)
    for connection in world.fabric.wires:
        connection.reset()
    for link in list(other.wires):
        other.closed(LinkId(link), "reset")
    world.wait(lambda: world.linked(hosts), 30.0, "linked again")
    world.clock.run_for(1.0)
    assert world.equal(hosts)
