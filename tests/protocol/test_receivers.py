"""The author's view of who has a file, and how far, on simulated hosts."""

from __future__ import annotations

from random import Random

from host import Host
from test_files import share
from world import LOBBY, World

from p2pchat.config.settings import Settings
from p2pchat.model.file import FileInfo, FileState, Receiver
from p2pchat.model.stream import PIECE_MIN_BYTES

PIECES = 60
SIZE = PIECES * PIECE_MIN_BYTES


def lan(count: int) -> tuple[World, list[Host]]:
    world = World(3)
    hosts = [world.add() for _ in range(count)]
    world.wait(lambda: world.linked(hosts), 30.0, "linked")
    return world, hosts


def slow_offer(author: Host) -> None:
    """It takes some 20 s for one who fetches it."""
    author.machine.ctx.settings = Settings(limit=SIZE // 20)
    share(author, "film", Random(1).randbytes(SIZE))


def shown(host: Host) -> FileInfo | None:
    rows = [row for row in host.store.all_messages(LOBBY) if row.file is not None]
    return host.machine.files.info(rows[0]) if rows else None


def receiver(author: Host, other: Host) -> Receiver | None:
    file = shown(author)
    found = file.receivers if file is not None else ()
    person = other.machine.identity.peer_id
    return next((one for one in found if one.peer_id == person), None)


def wait_far(world: World, author: Host, other: Host) -> None:
    def far() -> bool:
        one = receiver(author, other)
        return one is not None and one.done > SIZE // 4 and not one.stalled

    world.wait(far, 60.0, "some of it is there")


def test_who_is_cut_off_is_stalled_and_goes_on() -> None:
    world, (author, other) = lan(2)
    slow_offer(author)
    wait_far(world, author, other)
    world.fabric.part(author, other)
    world.clock.run_for(15.0)
    one = receiver(author, other)
    assert one is not None
    assert (one.state, one.stalled) == (FileState.FETCHING, True)
    assert 0 < one.done < SIZE
    # So it is for an author who has just started, and has heard of nobody.
    author.crash()
    author.start()
    again = receiver(author, other)
    assert again is not None
    assert again.stalled
    world.fabric.heal()
    world.wait(
        lambda: receiver(author, other) == Receiver(one.peer_id, SIZE, FileState.COMPLETE),
        120.0,
        "complete",
    )


def test_one_whose_pieces_take_long_is_not_stalled() -> None:
    world, (author, other) = lan(2)
    author.machine.ctx.settings = Settings(limit=PIECE_MIN_BYTES // 30)
    share(author, "film", Random(1).randbytes(SIZE))
    world.wait(lambda: receiver(author, other) is not None, 30.0, "heard of")
    for _ in range(60):
        world.clock.run_for(1.0)
        one = receiver(author, other)
        assert one is not None
        assert not one.stalled


def test_of_one_long_piece_nothing_is_done_before_it_is_checked() -> None:
    """A rate shows that it comes, here; there that it isn't stalled."""
    world, (author, other) = lan(2)
    author.machine.ctx.settings = Settings(limit=PIECE_MIN_BYTES // 30)
    share(author, "film", Random(1).randbytes(PIECE_MIN_BYTES))

    def comes() -> bool:
        file = shown(other)
        return file is not None and file.rate > 0

    world.wait(comes, 15.0, "its first part")
    while _state(other) is not FileState.COMPLETE:
        file, one = shown(other), receiver(author, other)
        assert file is not None
        assert one is not None
        assert (file.done, file.sources) == (0, 1)
        assert (one.done, one.stalled) == (0, False)
        world.clock.run_for(1.0)
    assert world.clock.now > 20.0, "it took long"


def test_who_waits_for_its_turn_is_told_so_and_isnt_stalled() -> None:
    world, (author, *others) = lan(3)
    author.machine.ctx.settings = Settings(limit=PIECE_MIN_BYTES // 30)
    share(author, "film", Random(1).randbytes(SIZE))
    world.wait(lambda: all(receiver(author, one) for one in others), 30.0, "heard of")
    waited = False
    for _ in range(90):
        world.clock.run_for(1.0)
        for other in others:
            file, seen = shown(other), receiver(author, other)
            assert file is not None
            assert seen is not None
            assert not seen.stalled
            waited |= file.reason == "slow"
            assert (file.sources == 0) == (file.reason == "slow")
    assert waited


def test_what_is_paused_is_as_far_after_a_restart() -> None:
    world, (author, other) = lan(2)
    slow_offer(author)
    wait_far(world, author, other)
    row = next(row for row in other.store.all_messages(LOBBY) if row.file is not None)
    other.ask(other.machine.files.pause, 0, row)
    world.clock.run_for(3.0)
    before = shown(other)
    assert before is not None
    other.crash()
    other.start()
    world.wait(lambda: world.linked([author, other]), 30.0, "linked again")
    world.clock.run_for(5.0)
    after = shown(other)
    assert after is not None
    assert (after.state, after.done) == (FileState.PAUSED, before.done)
    told = receiver(author, other)
    assert told is not None
    assert (told.state, told.done, told.stalled) == (FileState.PAUSED, before.done, False)
    other.ask(other.machine.files.fetch, 0, other._message(row.hash), None)
    world.wait(lambda: _state(other) is FileState.COMPLETE, 60.0, "it has gone on")


def test_who_pauses_or_gives_up_is_seen_at_once() -> None:
    world, (author, other) = lan(2)
    slow_offer(author)
    wait_far(world, author, other)
    row = next(row for row in other.store.all_messages(LOBBY) if row.file is not None)
    for command, state in (("pause", FileState.PAUSED), ("cancel", FileState.OFFERED)):
        other.ask(getattr(other.machine.files, command), 0, row)
        world.clock.run_for(0.5)
        one = receiver(author, other)
        assert one is not None
        assert one.state is state


def test_who_comes_late_is_seen_too() -> None:
    world, (author, other) = lan(2)
    slow_offer(author)
    world.wait(lambda: _state(other) is FileState.COMPLETE, 60.0, "it is there")
    late = world.add()
    world.wait(lambda: receiver(author, late) is not None, 30.0, "it is asked for again")
    world.wait(lambda: _state(late) is FileState.COMPLETE, 60.0, "and there")
    world.clock.run_for(3.0)
    file = shown(author)
    assert file is not None
    assert {one.state for one in file.receivers} == {FileState.COMPLETE}
    assert len(file.receivers) == 2


def _state(host: Host) -> FileState:
    file = shown(host)
    return file.state if file is not None else FileState.OFFERED
