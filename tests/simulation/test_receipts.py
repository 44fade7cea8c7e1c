"""Receipts: bounded, whoever comes and goes, and right for what is said today."""

from __future__ import annotations

import pytest
from host import Host
from world import LOBBY, World

from p2pchat.config import limits


def others_rows(host: Host) -> int:
    me = host.machine.identity.peer_id
    return sum(row.person != me for row in host.store.load().receipts)


def test_machines_rolled_back_every_night_dont_fill_the_memory_of_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "RECEIPTS_PER_CONVERSATION", 80)
    monkeypatch.setattr(limits, "RECEIPTS_PER_FEED", 20)
    world = World(1)
    teacher = world.add()
    for day in range(12):
        pupils = [world.add() for _ in range(4)]
        present = [teacher, *pupils]
        world.wait(lambda: world.linked(present), 30.0, "linked")  # noqa: B023 - called at once
        for host in present:
            world.say(host)
            world.clock.run_for(0.2)
        world.clock.run_for(5.0)
        assert teacher.machine.receipts._books[LOBBY].count <= 80
        assert others_rows(teacher) <= 80
        if day % 4 == 3:
            teacher.stop()
            teacher.start()
            world.wait(lambda: world.linked(present), 30.0, "linked")  # noqa: B023
            world.clock.run_for(5.0)
            assert others_rows(teacher) <= 80
        people = {host.machine.identity.peer_id for host in present}
        for row in teacher.store.all_messages(LOBBY)[-5:]:
            shown = teacher.machine.views.fresh(row).receipts.delivered
            assert isinstance(shown, tuple)
            assert people - {row.author, teacher.machine.identity.peer_id} <= set(shown)
        for host in pupils:
            host.stop()
        world.clock.run_for(5.0)
    assert len(teacher.machine.rooms.lobby.spans) == 49


def test_a_dropped_conversation_leaves_no_receipts() -> None:
    world = World(2)
    author, reader, holder = [world.add() for _ in range(3)]
    world.wait(lambda: world.linked(world.hosts), 5.0, "linked")
    world.clock.run_for(2.0)
    for _ in range(2):
        reader.stop()
        world.clock.run_for(2.0)
        world.say(author, f"@{reader.machine.identity.peer_id}")
        world.clock.run_for(5.0)
        held = next(c for c in holder.machine.conversations if c.direct)
        reader.start()
        world.wait(lambda: world.linked(world.hosts), 30.0, "linked")
        world.clock.run_for(5.0)
        assert held.dropped
        assert held.id not in holder.machine.receipts._books
        assert held.id not in {row.conversation for row in holder.store.load().receipts}


def test_a_receipt_that_overtakes_its_message_counts_all_the_same() -> None:
    world = World(3)
    author, fast, slow = hosts = [world.add() for _ in range(3)]
    world.wait(lambda: world.linked(hosts), 5.0, "linked")
    flush = slow._flush
    slow._flush = lambda: None  # type: ignore[method-assign]  # a disk that is stuck
    world.say(author)
    world.clock.run_for(2.0)
    slow._flush = flush  # type: ignore[method-assign]
    slow._flush()
    world.clock.run_for(0.1)
    (row,) = slow.store.all_messages(LOBBY)
    delivered = slow.machine.views.fresh(row).receipts.delivered
    assert isinstance(delivered, tuple)
    assert fast.machine.identity.peer_id in delivered


def test_what_a_person_wrote_waits_until_somebody_else_has_it() -> None:
    """In a room anybody; of what is written to one person, that one."""
    world = World(3)
    author = world.add()
    receipts, lobby = author.machine.receipts, author.machine.rooms.lobby
    assert not receipts.waits(lobby), "nothing was written"
    world.say(author)
    world.clock.run_for(2.0)
    assert receipts.waits(lobby), "nobody is here"
    reader, other = world.add(), world.add()
    world.wait(lambda: not receipts.waits(lobby), 30.0, "somebody has it")
    world.wait(lambda: world.linked(world.hosts), 5.0, "linked")
    reader.stop()
    world.say(author, f"@{reader.machine.identity.peer_id}")
    world.clock.run_for(5.0)
    direct = author.machine.directs.existing(reader.machine.identity.peer_id)
    assert direct is not None
    assert other.store.hashes(direct.id), "it is held"
    assert receipts.waits(direct)
    assert not reader.machine.receipts.waits(reader.machine.rooms.lobby), "others' words don't"
    reader.start()
    world.wait(lambda: not receipts.waits(direct), 30.0, "delivered")
    world.say(author, f"@{author.machine.identity.peer_id}")
    world.clock.run_for(1.0)
    assert not any(map(receipts.waits, author.machine.conversations)), "one's notes wait for nobody"
