"""Files of two that can't dial each other: small ones come through a third, large ones tell why."""

from __future__ import annotations

from random import Random

import pytest
from host import Host
from world import World

from p2pchat.config import limits
from p2pchat.model.file import FileInfo, FileState

LARGE = limits.RELAYED_FILE_BYTES + 1


def apart(seed: int) -> tuple[World, Host, Host]:
    """Two that are linked through a third."""
    world = World(seed)
    one, other, _ = hosts = [world.add() for _ in range(3)]
    world.fabric.firewall(one, other)
    world.fabric.firewall(other, one)
    world.wait(lambda: world.linked(hosts), 60.0, "linked through the third")
    return world, one, other


def direct(host: Host) -> str:
    return f"@{host.machine.identity.peer_id}"


def offer(host: Host, to: Host, data: bytes) -> None:
    host.disk.paths["a.bin"] = data
    host.ask(host.machine.files.offering.share, 0, direct(to), "a.bin")


def file(host: Host) -> FileInfo | None:
    for conversation in host.machine.conversations.mine():
        for row in host.store.all_messages(conversation.id):
            if row.file is not None:
                return host.machine.files.info(row)
    return None


def whole(host: Host) -> bool:
    found = file(host)
    return found is not None and found.state is FileState.COMPLETE


@pytest.mark.parametrize("seed", range(4))
def test_a_small_one_comes_through_the_third(seed: int) -> None:
    world, one, other = apart(seed)
    data = Random(seed).randbytes(400_000)
    offer(one, other, data)
    world.wait(lambda: whole(other), 60.0, "it is here")
    assert data in other.disk.paths.values()
    assert "file-relayed" not in other.warnings
    bulks = [link for link in other.machine.links.bulks() if link.device == one.device]
    assert bulks
    assert all(link.info.relayed for link in bulks)


@pytest.mark.parametrize("seed", range(2))
def test_a_large_one_says_why_not_and_comes_once_there_is_a_direct_link(seed: int) -> None:
    world, one, other = apart(seed)
    data = bytes(LARGE)
    offer(one, other, data)
    world.wait(lambda: "file-relayed" in other.warnings, 60.0, "it is said")
    found = file(other)
    assert found is not None
    assert (found.state, found.reason, found.done) == (FileState.FETCHING, "relayed", 0)
    world.clock.run_for(30.0)
    assert other.warnings.count("file-relayed") == 1
    assert not other.machine.links.bulks()
    world.fabric.heal()
    world.wait(lambda: whole(other), 2 * limits.DIRECT_RETRY_S, "it has come")
    assert data in other.disk.paths.values()
    found = file(other)
    assert found is not None
    assert found.reason == ""


def test_who_asks_for_a_large_one_all_the_same_is_given_nothing() -> None:
    world, one, other = apart(7)
    # The asking side doesn't keep to the limit: to it the link isn't a tunnel.
    seeking = other.machine.files.exchange._seeking
    seeking.too_large = lambda link, size: False  # type: ignore[method-assign]
    offer(one, other, bytes(LARGE))
    world.wait(lambda: bool(other.machine.links.bulks()), 60.0, "a tunnel for files")
    world.clock.run_for(30.0)
    found = file(other)
    assert found is not None
    assert found.done == 0
