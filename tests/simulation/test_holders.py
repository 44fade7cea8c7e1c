"""Those who hold ciphertext for somebody who is off let go of it once it was delivered."""

from __future__ import annotations

from fabric import Wire
from host import Host
from world import World

from p2pchat.model.ids import ConversationId
from p2pchat.protocol.hashing import direct_id


def label(host: Host) -> str:
    return f"@{host.machine.identity.peer_id}"


def between(one: Host, other: Host) -> ConversationId:
    identities = one.machine.identity, other.machine.identity
    return direct_id(one.machine.network, identities[0].peer_id, identities[1].peer_id)


def cut(world: World, one: Host, other: Host) -> None:
    """End their link; neither can dial the other any more."""
    world.fabric.firewall(one, other)
    world.fabric.firewall(other, one)
    for wire in list(one.wires.values()):
        if isinstance(wire, Wire) and wire in other.wires.values():
            wire.reset()


def three(seed: int) -> tuple[World, Host, Host, Host]:
    world = World(seed)
    author, reader, holder = (world.add() for _ in range(3))
    world.wait(lambda: world.linked(world.hosts), 5.0, "linked")
    world.clock.run_for(2.0)
    return world, author, reader, holder


def test_who_has_let_go_and_holds_an_answer_lets_go_of_that_too() -> None:
    """The answer brings back what was let go of, and its receipts have been told long ago."""
    world, author, reader, holder = three(1)
    id = between(author, reader)
    reader.stop()
    world.say(author, label(reader))
    world.wait(lambda: bool(holder.store.hashes(id)), 5.0, "held")
    author.stop()
    reader.start()
    world.wait(lambda: bool(reader.store.all_messages(id)), 30.0, "delivered")
    world.wait(lambda: not holder.store.hashes(id), 5.0, "let go of")
    world.say(reader, label(author))
    world.wait(lambda: holder.store.hashes(id) == reader.store.hashes(id), 5.0, "held again")
    author.start()
    world.wait(lambda: author.store.hashes(id) == reader.store.hashes(id), 30.0, "answered")
    world.wait(lambda: not holder.store.hashes(id), 5.0, "let go of again")


def test_who_is_asked_to_hold_for_somebody_who_is_there_hears_that_it_was_delivered() -> None:
    world, author, reader, holder = three(2)
    id = between(author, reader)
    cut(world, author, reader)
    world.clock.run_for(0.06)
    assert not author.machine.links.of(reader.device)
    world.say(author, label(reader))
    world.wait(lambda: bool(holder.store.hashes(id)), 1.0, "held")
    world.wait(lambda: bool(reader.store.all_messages(id)), 60.0, "delivered")
    world.wait(lambda: not holder.store.hashes(id), 5.0, "let go of")


def test_receipts_that_overtake_what_is_held_count_too() -> None:
    world, author, reader, holder = three(3)
    id = between(author, reader)
    reader.stop()
    flush = holder._flush
    holder._flush = lambda: None  # type: ignore[method-assign]  # a disk that is stuck
    world.say(author, label(reader))
    world.clock.run_for(2.0)
    reader.start()
    world.wait(lambda: world.linked(world.hosts), 30.0, "linked")
    world.wait(lambda: bool(reader.store.all_messages(id)), 5.0, "delivered")
    world.clock.run_for(2.0)
    assert holder.machine.conversations.get(id) is not None
    holder._flush = flush  # type: ignore[method-assign]
    flush()
    world.wait(lambda: holder.machine.conversations.get(id) is None, 5.0, "let go of")
    world.clock.run_for(1.0)
    assert not holder.store.hashes(id)


def test_who_let_go_while_the_author_was_not_linked_is_asked_again() -> None:
    world, author, reader, holder = three(4)
    id = between(author, reader)
    reader.stop()
    world.say(author, label(reader))
    world.wait(lambda: bool(holder.store.hashes(id)), 5.0, "held")
    cut(world, author, holder)
    world.clock.run_for(0.1)
    reader.start()
    world.wait(lambda: not holder.store.hashes(id), 30.0, "let go of")
    world.fabric.heal()
    world.wait(lambda: world.linked(world.hosts), 90.0, "linked again")
    reader.stop()
    world.say(author, label(reader))
    world.wait(lambda: bool(holder.store.hashes(id)), 5.0, "held again")
