"""Bulk, Exchange and Files by their rules, on simulated hosts."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from host import Host
from msgspec.structs import replace
from test_files import share, states
from world import LOBBY, World

from p2pchat.config import limits
from p2pchat.config.settings import Settings
from p2pchat.events import Event, FileProgress
from p2pchat.model.file import FileInfo, FileState, Receiver
from p2pchat.model.ids import EntryHash, PeerId
from p2pchat.model.records import PutFile
from p2pchat.model.stream import PIECE_MIN_BYTES, Block, Stream, piece_size
from p2pchat.protocol import effects, wire
from p2pchat.protocol.fetch import Fetch
from p2pchat.protocol.link import Link
from p2pchat.protocol.passed import AT_ONCE, PassedOver
from p2pchat.protocol.reports import Quota
from p2pchat.protocol.swarm import frames
from p2pchat.protocol.swarm.fetch import Part, Swarm

MIB = 1024 * 1024


def lan(count: int, seed: int = 3) -> tuple[World, list[Host]]:
    world = World(seed)
    hosts = [world.add() for _ in range(count)]
    world.wait(lambda: world.linked(hosts), 30.0, "linked")
    return world, hosts


def wait_state(world: World, host: Host, state: FileState, count: int = 1) -> None:
    def reached() -> bool:
        return list(states(host).values()) == [state] * count

    world.wait(reached, 60.0, f"{count} files {state}")


def bulk(host: Host, other: Host) -> Link | None:
    return host.machine.links.bulk(other.device)


# -- connections


@pytest.mark.parametrize("blocked", ["neither", "smaller", "larger"])
def test_a_connection_comes_about_whoever_can_dial(blocked: str) -> None:
    world, hosts = lan(2)
    smaller, larger = sorted(hosts, key=lambda host: host.device)
    if blocked == "smaller":
        world.fabric.firewall(smaller, larger)
    if blocked == "larger":
        world.fabric.firewall(larger, smaller)
    share(hosts[0], "film", b"a film")
    wait_state(world, hosts[1], FileState.COMPLETE)


def test_it_is_tried_again_when_neither_can_dial() -> None:
    world, (one, other) = lan(2)
    world.fabric.firewall(one, other)
    world.fabric.firewall(other, one)
    share(one, "film", b"a film")
    world.clock.run_for(30.0)
    assert bulk(one, other) is None
    assert list(states(other).values()) == [FileState.FETCHING]
    world.fabric.heal()
    wait_state(world, other, FileState.COMPLETE)


def test_an_idle_connection_closes_and_says_nothing_wrong() -> None:
    world, (one, other) = lan(2)
    share(one, "film", b"a film")
    wait_state(world, other, FileState.COMPLETE)
    assert bulk(one, other) is not None
    world.clock.run_for(limits.IDLE_LINK_S + 40.0)
    assert bulk(one, other) is None
    assert bulk(other, one) is None
    assert one.warnings == other.warnings == []


def test_asking_to_be_dialled_without_end_dials_a_few_times() -> None:
    world, (one, other) = lan(2)
    world.fabric.firewall(one, other)
    link = one.machine.links.of(other.device)
    assert link is not None
    tokens = one.machine.number()
    for _ in range(1000):
        one.run(one.machine.bulk.on_bulk_back, link)
        world.clock.run_for(0.01)
    assert one.machine.number() - tokens < 100


# -- who may have what


def test_followers_of_what_is_not_here_yet_are_told_later() -> None:
    world, (author, late, other) = lan(3)
    late.machine.ctx.settings = other.machine.ctx.settings = _settings(0)
    share(author, "film", bytes(200_000))
    wait_state(world, other, FileState.OFFERED)
    wait_state(world, late, FileState.OFFERED)
    (id,) = states(author)
    _fetch(other, id)
    wait_state(world, other, FileState.COMPLETE)
    author.crash()
    _fetch(late, id)
    wait_state(world, late, FileState.COMPLETE)


def test_made_up_files_drive_out_none_that_is_here() -> None:
    world, (author, other) = lan(2)
    share(author, "film", b"a film")
    wait_state(world, other, FileState.COMPLETE)
    (id,) = states(author)
    link = bulk(author, other)
    assert link is not None
    exchange = author.machine.files.exchange
    for _ in range(5):
        for _ in range(1000):
            made_up = world.rng.randbytes(32)
            author.run(exchange.frame, link, frames.encode(frames.Wanted(made_up, 0, 0)))
        assert len(exchange._looking) <= 1024
        world.clock.run_for(1.0)
    assert id in exchange._served
    assert len(exchange._absent) <= 256
    assert not exchange._looking
    assert not any(exchange._waiting.values())


# -- offers that don't come by themselves


def test_a_flood_of_offers_is_noted_a_part_at_a_time() -> None:
    """A message that is sent meanwhile goes to the disk after one part of it, not after all."""
    world, (author, other) = lan(2)
    share(author, "film", b"a film")
    wait_state(world, other, FileState.COMPLETE)
    (message,) = [other.store.message(id) for id in states(other)]
    assert message is not None
    assert message.file is not None
    rows = [
        replace(message.file, id=EntryHash(number.to_bytes(32)), undecided=True)
        for number in range(2 * AT_ONCE + 10)
    ]
    context = other.machine.ctx
    passed = PassedOver(context)
    for row in rows:
        passed.add(row)
    assert not passed.take(rows[5]).undecided, "something is done with it after all"
    parts: list[list[EntryHash]] = []
    while commits := [it for it in context.take() if isinstance(it, effects.Commit)]:
        (commit,) = commits
        written = [it.row for it in commit.writes if isinstance(it, PutFile)]
        assert not any(row.undecided for row in written)
        parts.append([row.id for row in written])
        context.resume(commit.batch, None)
    assert max(map(len, parts)) == AT_ONCE
    assert [id for part in parts for id in part] == [row.id for row in rows if row is not rows[5]]


# -- how far, and how fast


def test_what_is_wrong_was_never_done_and_raises_no_rate() -> None:
    """A liar's pieces, checked or not: of those that aren't yet the rate may tell, as they come."""
    world, (author, other) = lan(2)
    author.machine.ctx.settings = _settings(0)
    other.machine.ctx.settings = _settings(0)
    share(author, "film", bytes(8 * PIECE_MIN_BYTES))
    wait_state(world, other, FileState.OFFERED)
    (id,) = states(author)
    message = other.store.message(id)
    assert message is not None
    assert message.file is not None
    swarm = Swarm(id, message.file.stream, (b"", b"\1"), Random(1))
    fetch = Fetch(message.file, other.machine.rooms.lobby, swarm)
    assert swarm.joined(1, b"liar", 0.0)
    swarm.have(1, frames.Have(id, 0, 0, b"\xff", True), 0.0)
    asked = [told.frame for told in swarm.take() if isinstance(told, frames.Tell)]
    first, *_ = [frame.index for frame in asked if isinstance(frame, frames.Wanted)]
    assert fetch.rate(0.0) == 0.0
    assert swarm.part(1, 0, first, 0, PIECE_MIN_BYTES, 0.5) is Part.COMPLETED
    assert fetch.done() == 0
    assert fetch.rate(0.5) > 0
    swarm.bad(0, first, 0.6)
    assert (fetch.done(), fetch.rate(0.6), fetch.sources(0.6)) == (0, 0.0, 0)


def test_a_piece_of_one_file_looks_at_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many wait."""
    world, (author, other) = lan(2)
    other.machine.ctx.settings = _settings(0)
    for name in ("one", "other"):
        share(author, name, name.encode() * 200_000)
    wait_state(world, other, FileState.OFFERED, 2)
    author.machine.ctx.settings = Settings(limit=PIECE_MIN_BYTES)
    first, second = states(other)
    _fetch(other, first)
    _fetch(other, second)
    fetches = other.machine.files.exchange._fetches
    world.wait(lambda: len(fetches) == 2 and bulk(other, author) is not None, 10.0, "a connection")
    link = bulk(other, author)
    assert link is not None
    asked = fetches[first].swarm._sources[link.id].owes
    world.wait(lambda: any(key < 10 for key in asked), 10.0, "a piece is asked for")
    looked: list[str] = []
    for name in ("take", "deadline", "found"):
        monkeypatch.setattr(fetches[second].swarm, name, lambda *_, name=name: looked.append(name))
    index, ask = next((key, ask) for key, ask in asked.items() if key < 10)
    rest = bytes(ask.size - ask.got)
    piece = frames.Piece(first, 0, index, ask.got, memoryview(rest))
    other.run(other.machine.files.exchange.frame, link, frames.encode(piece))
    other.run(other.machine.files.exchange.kept, link.id, first, Block(0, index), True)
    assert looked == []


# -- states


def test_reports_are_bounded_and_complete_is_for_good() -> None:
    world, (author, other) = lan(2)
    share(author, "film", b"a film")
    wait_state(world, other, FileState.COMPLETE)
    world.clock.run_for(5.0)
    (id,) = states(author)
    person = other.machine.identity.peer_id
    link = author.machine.links.of(other.device)
    lobby = author.machine.rooms.lobby
    assert link is not None

    def kept() -> tuple[Receiver, ...]:
        message = author.store.message(id)
        assert message is not None
        assert message.file is not None
        return message.file.receivers

    assert [(one.peer_id, one.state) for one in kept()] == [(person, FileState.COMPLETE)]
    for number in range(3000):
        file = EntryHash(world.rng.randbytes(32)) if number % 2 else id
        report = wire.FileReport(LOBBY, file, number, ("paused", "fetching")[number // 2 % 2])
        author.run(author.machine.files.on_report, link, lobby, report)
    waiting = author.machine.files._reports._waiting
    assert all(len(of_link) <= limits.FILE_REPORTS for of_link in waiting.values())
    world.clock.run_for(20.0)
    assert not waiting
    assert [one.state for one in kept()] == [FileState.COMPLETE]


def test_the_author_gone_for_good_fails_the_file() -> None:
    world, (author, other) = lan(2)
    other.machine.ctx.settings = _settings(0)
    share(author, "film", bytes(100_000))
    wait_state(world, other, FileState.OFFERED)
    author.disk.paths["film"] = b"another film"
    (id,) = states(author)
    _fetch(other, id)
    wait_state(world, other, FileState.FAILED)
    wait_state(world, author, FileState.FAILED)


def test_many_files_take_turns_and_all_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "FETCHES_AT_ONCE", 3)
    world, (author, other) = lan(2)
    most = 0
    for number in range(20):
        share(author, f"film {number}", world.rng.randbytes(1000))
    for _ in range(200):
        world.clock.run_for(0.05)
        most = max(most, other.machine.files.exchange.fetches)
    assert 0 < most <= 3
    wait_state(world, other, FileState.COMPLETE, 20)


def test_paused_files_take_nobodys_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "FETCHES_AT_ONCE", 3)
    world, (author, other) = lan(2)
    author.machine.ctx.settings = Settings(limit=1000)
    for number in range(3):
        share(author, f"film {number}", world.rng.randbytes(400_000))
    wait_state(world, other, FileState.FETCHING, 3)
    for id in states(other):
        row = other._message(id)
        assert row is not None
        other.ask(other.machine.files.pause, 0, row)
    wait_state(world, other, FileState.PAUSED, 3)
    author.machine.ctx.settings = Settings()

    def comes(data: bytes) -> None:
        share(author, f"small {len(data)}", data)
        world.wait(lambda: data in other.disk.paths.values(), 30.0, "the small one is here")

    comes(b"small")
    other.crash()
    other.start()
    world.wait(lambda: world.linked([author, other]), 30.0, "linked again")
    comes(b"another")
    assert sorted(states(other).values()) == [FileState.COMPLETE] * 2 + [FileState.PAUSED] * 3


@pytest.mark.parametrize("begun", [True, False])
def test_deleted_while_the_disk_is_asked_nothing_of_it_goes_on(begun: bool) -> None:
    """It has found out what is here, or has put what is here into the downloads, and the answer is
    on its way."""
    world, (author, other) = lan(2)
    other.machine.ctx.settings = _settings(0)
    share(author, "film", bytes(100_000))
    wait_state(world, other, FileState.OFFERED)
    (id,) = states(other)
    held: list[Callable[[], None]] = []
    carrier = other._carrier

    def hold(effect: Any) -> None:
        done = carrier._begin(effect) if begun else carrier._finish(effect)
        held.append(lambda: other.run(other.machine.resume, effect.query, done))

    carrier.perform[effects.BeginFetch if begun else effects.FinishFetch] = hold
    _fetch(other, id)
    world.wait(lambda: bool(held), 10.0, "the disk is asked")
    row = author._message(id)
    author.ask(author.machine.commands.delete, 0, row)
    world.wait(lambda: not states(other), 10.0, "deleted")
    held.pop()()
    world.clock.run_for(5.0)
    exchange = other.machine.files.exchange
    assert exchange.fetches == 0
    assert id not in exchange._served
    assert not states(other)


def test_where_it_is_to_be_put_is_kept_also_while_the_disk_is_asked() -> None:
    world, (author, other) = lan(2)
    other.machine.ctx.settings = _settings(0)
    share(author, "film", b"a film")
    wait_state(world, other, FileState.OFFERED)
    (id,) = states(other)
    other._carrier.perform[effects.BeginFetch] = lambda effect: None
    _fetch(other, id)
    wait_state(world, other, FileState.FETCHING)
    other.ask(other.machine.files.fetch, 0, other._message(id), "/elsewhere")

    def kept() -> bool:
        row = other.store.message(id)
        return row is not None and row.file is not None and row.file.put_to == "/elsewhere"

    world.wait(kept, 10.0, "kept")


def test_it_is_told_that_a_blocked_persons_file_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also where it has moved just before."""
    world, (author, other) = lan(2)
    author.machine.ctx.settings = Settings(limit=2 * MIB)
    told: list[FileInfo] = []

    def notify(*events: Event, origin: int = 0) -> None:
        told.extend(event.file for event in events if isinstance(event, FileProgress))

    monkeypatch.setattr(other.machine.ctx, "notify", notify)
    share(author, "film", bytes(4 * MIB))
    world.wait(lambda: any(one.done > 0 for one in told), 30.0, "it comes")
    (file,) = other.machine.files._files.values()
    assert world.clock.run_until(lambda: file.waits, 10.0, step=0.0005)
    other.run(other.machine.commands.block, 0, author.machine.identity.peer_id, True)
    world.clock.run_for(2.0)
    assert (told[-1].state, told[-1].done) == (FileState.OFFERED, 0)
    assert other.machine.files.exchange.fetches == 0


def test_two_offers_of_one_content_and_one_is_given_up() -> None:
    world, (author, other) = lan(2)
    other.machine.ctx.settings = _settings(0)
    data = world.rng.randbytes(MIB)
    share(author, "one", data)
    share(author, "two", data)
    wait_state(world, other, FileState.OFFERED, 2)
    one, two = states(author)
    _fetch(other, one)
    _fetch(other, two)
    world.clock.run_for(0.1)
    row = other._message(one)
    assert row is not None
    other.ask(other.machine.files.cancel, 0, row)
    world.clock.run_for(20.0)
    assert states(other)[two] is FileState.COMPLETE
    assert data in other.disk.paths.values()


def content(size: int, manifest: int = 0) -> Stream:
    return Stream(bytes(32), size, piece_size(size), manifest)


def test_a_folder_counts_for_its_files_too() -> None:
    """A million empty ones have a manifest of 5 MB, and want a million inodes."""
    quota, largest, person = Quota(), 50 * MIB, PeerId("p")
    manifest = 5 + 1_000_000 * 5
    assert not quota.take(person, content(manifest, manifest), largest, 0.0)
    # Three thousand pictures of 10 KB with usual names come by themselves.
    manifest = 3000 * 40
    assert quota.take(person, content(manifest + 1000 * 10_000, manifest), largest, 0.0)
    entries = 0
    while quota.take(person, content(manifest, manifest), largest, 0.0):
        entries += manifest // 5
    assert entries < 1_000_000


def test_a_quota_counts_small_files_too() -> None:
    quota, largest = Quota(), MIB
    person = lan(1)[1][0].machine.identity.peer_id
    assert not quota.take(person, content(largest + 1), largest, 0.0)
    taken = sum(quota.take(person, content(1), largest, 0.0) for _ in range(10_000))
    assert taken == limits.AUTO_FETCH_FILES * largest // limits.AUTO_FETCH_LEAST_BYTES
    assert not quota.take(person, content(largest), largest, 3600.0)
    assert quota.take(person, content(largest), largest, 86400.0)


def _fetch(host: Host, id: EntryHash) -> None:
    row = host._message(id)
    assert row is not None
    host.ask(host.machine.files.fetch, 0, row, None)


def _settings(auto_fetch: int) -> Settings:
    return Settings(auto_fetch=auto_fetch)
