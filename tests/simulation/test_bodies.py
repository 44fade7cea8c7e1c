"""Whoever leaves the bodies out of what they pass on suppresses no word for good."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from host import Host
from world import LOBBY, World

from p2pchat.model.entry import EntryKind, WireEntry
from p2pchat.protocol.entries import read_header


def bare(entry: WireEntry) -> WireEntry:
    kept = (EntryKind.OPEN, EntryKind.KEY)
    if read_header(entry.header).kind in kept:
        return entry
    return msgspec.structs.replace(entry, salt=b"", body=None)


def make_thief(host: Host) -> None:
    """What it is asked for it gives without bodies."""
    read = host.store.read_branch

    def stolen(*args: Any) -> list[Any]:
        return [(hash, bare(entry)) for hash, entry in read(*args)]

    setattr(host.store, "read_branch", stolen)  # noqa: B010 - the thief's own program


@pytest.mark.parametrize("restarted", [False, True])
def test_words_that_a_peer_left_out_come_from_another(restarted: bool) -> None:
    world = World(1)
    author, thief, honest = hosts = [world.add() for _ in range(3)]
    world.wait(lambda: world.linked(hosts), 5.0, "linked")
    for _ in range(5):
        world.say(author)
        world.clock.run_for(0.5)
    deleted = author.store.all_messages(LOBBY)[2]
    author.ask(author.machine.commands.delete, 0, deleted)
    world.clock.run_for(1.0)
    make_thief(thief)
    author.stop()
    honest.stop()
    world.clock.run_for(1.0)
    late = world.add()
    world.wait(
        lambda: len(late.store.entries_of(LOBBY)) == len(thief.store.entries_of(LOBBY)),
        20.0,
        "the latecomer has the headers",
    )
    world.clock.run_for(10.0)
    assert not any(row.text for row in late.store.all_messages(LOBBY))
    asked = late.machine.ctx.number()
    world.clock.run_for(60.0)
    assert late.machine.ctx.number() - asked < 20, "it asks the same peer again and again"
    if restarted:
        late.crash()
        late.start()
    honest.start()
    wanted = [(row.text, row.deleted) for row in honest.store.all_messages(LOBBY)]

    def shown() -> list[tuple[str, bool]]:
        return [(row.text, row.deleted) for row in late.store.all_messages(LOBBY)]

    world.wait(lambda: shown() == wanted, 20.0, "the words")
    assert sum(bool(text) for text, _ in wanted) == 4
    words = {row.hash.hex() for row in late.store.all_messages(LOBBY) if row.text}
    assert words <= set(late.received)
    kept = late.store.entry(deleted.hash)
    assert kept is not None
    assert kept.wire.body is None
