"""Whoever offers content that somebody has from elsewhere sees what he would see anyway."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from random import Random

import pytest
from host import Host
from world import World

from p2pchat.config.settings import Settings
from p2pchat.errors import ProtocolError
from p2pchat.model.file import FileState
from p2pchat.model.stream import PIECE_MIN_BYTES
from p2pchat.node.ports import LinkId
from p2pchat.protocol import wire
from p2pchat.protocol.swarm import frames

PIECES = 40
DATA = Random(5).randbytes(PIECES * PIECE_MIN_BYTES)


class Observer:
    """Everything that comes to a host over its links about files."""

    def __init__(self, host: Host) -> None:
        self.asked: Counter[tuple[int, int]] = Counter()
        """Blocks, by (layer, index)."""
        self.said: list[str] = []
        self.reports: list[tuple[str, int]] = []
        self._pass_on: Callable[[LinkId, bytes], None] = host.frames
        host.frames = self._frames  # type: ignore[method-assign]  # in front

    def _frames(self, link: LinkId, frame: bytes) -> None:
        try:
            said = frames.decode(frame)
        except ProtocolError:
            report = _report(frame)
            if report is not None:
                self.reports.append((report.state, report.done))
        else:
            self.said.append(type(said).__name__)
            if isinstance(said, frames.Wanted):
                self.asked[said.layer, said.index] += 1
        self._pass_on(link, frame)


def _report(frame: bytes) -> wire.FileReport | None:
    try:
        found = wire.decode(frame)
    except ProtocolError:
        return None
    return found if isinstance(found, wire.FileReport) else None


def offer(host: Host, conversation: str, name: str) -> None:
    host.disk.paths[name] = DATA
    host.ask(host.machine.files.offering.share, 0, conversation, name)


def direct(host: Host) -> str:
    return f"@{host.machine.identity.peer_id}"


def states(host: Host) -> list[FileState]:
    rows = [
        row
        for conversation in host.machine.conversations.mine()
        for row in host.store.all_messages(conversation.id)
    ]
    return [row.file.state for row in rows if row.file is not None]


def wait_complete(world: World, host: Host, count: int) -> None:
    def complete() -> bool:
        return states(host) == [FileState.COMPLETE] * count

    world.wait(complete, 60.0, f"{count} complete")


class Scene:
    """A host that is curious, one that is asked about, and a third one."""

    def __init__(self, seed: int) -> None:
        self.world = World(seed)
        self.curious, self.holder, self.friend = (self.world.add() for _ in range(3))
        hosts = [self.curious, self.holder, self.friend]
        self.world.wait(lambda: self.world.linked(hosts), 30.0, "linked")

    def seen(self, conversation: str, held: int) -> Observer:
        """What the curious one sees of its offer, the holder having so many of the same."""
        observer = Observer(self.curious)
        offer(self.curious, conversation, "guess.pdf")
        wait_complete(self.world, self.holder, held + 1)
        self.world.clock.run_for(10.0)
        return observer


@pytest.mark.parametrize("seed", range(3))
def test_what_somebody_has_from_another_is_asked_for_like_anything_else(seed: int) -> None:
    unknown = Scene(seed)
    nothing = unknown.seen(direct(unknown.holder), 0)
    scene = Scene(seed)
    offer(scene.friend, direct(scene.holder), "salaries.pdf")
    wait_complete(scene.world, scene.holder, 1)
    held = scene.seen(direct(scene.holder), 1)
    for observer in (nothing, held):
        # One source: it is asked for the hashes, and that it choose each piece, or for it by name.
        assert observer.asked[1, 0] == 1
        pieces = sum(times for (layer, _), times in observer.asked.items() if layer == 0)
        assert pieces >= PIECES
        assert observer.reports[-1] == ("complete", len(DATA))
    assert held.reports[0][0] == nothing.reports[0][0]
    assert set(held.said) == set(nothing.said)


def test_so_is_what_one_has_offered_somebody_else_oneself() -> None:
    scene = Scene(1)
    offer(scene.holder, direct(scene.friend), "mine.pdf")
    wait_complete(scene.world, scene.friend, 1)
    observer = scene.seen(direct(scene.holder), 1)
    assert sum(observer.asked.values()) > PIECES


def test_what_is_half_here_of_another_offer_is_not_told() -> None:
    """A restart finds out by the disk what is here."""
    scene = Scene(2)
    scene.friend.machine.ctx.settings = Settings(limit=8 * PIECE_MIN_BYTES)
    offer(scene.friend, direct(scene.holder), "salaries.pdf")
    fetched = scene.holder.disk.fetched
    scene.world.wait(lambda: any(len(here) > 9 for here in fetched.values()), 30.0, "some of it")
    scene.friend.crash()
    before = states(scene.holder)
    assert before == [FileState.FETCHING]
    observer = Observer(scene.curious)
    offer(scene.curious, direct(scene.holder), "guess.pdf")
    scene.world.wait(lambda: len(states(scene.holder)) == 2, 30.0, "the offer is there")
    scene.holder.crash()
    scene.holder.start()
    scene.world.wait(lambda: FileState.COMPLETE in states(scene.holder), 60.0, "complete")
    assert sum(times for (layer, _), times in observer.asked.items() if layer == 0) >= PIECES


@pytest.mark.parametrize("room", ["#lobby", "direct"])
def test_what_anybody_may_know_is_not_transferred_again(room: str) -> None:
    scene = Scene(3)
    offer(scene.friend, "#lobby", "sheet.pdf")
    wait_complete(scene.world, scene.holder, 1)
    wait_complete(scene.world, scene.curious, 1)
    conversation = direct(scene.holder) if room == "direct" else room
    observer = scene.seen(conversation, 1)
    assert not observer.asked
    # Each offer has a place of its own.
    assert "guess.pdf" in scene.curious.disk.paths
