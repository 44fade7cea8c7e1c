"""Two nodes' links over real sockets: opening, frames both ways, queues, closing."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from functools import partial
from unittest.mock import AsyncMock

import pytest
from transport_support import (
    HOST,
    SOON_S,
    Node,
    Outsider,
    Sink,
    fill,
    linked,
    make_identity,
    run,
    two,
    until,
)

from p2pchat.config import limits
from p2pchat.transport.connection import QUEUED_FRAME_BYTES
from p2pchat.transport.leaf import make_credentials
from p2pchat.transport.links import TlsLinks


def test_both_sides_know_who_the_other_is() -> None:
    async def body() -> None:
        one, other = await two()
        link, theirs = await linked(one, other)
        mine, its = one.sink.opened[link], other.sink.opened[theirs]
        assert (mine.outgoing, its.outgoing) == (True, False)
        assert mine.address == other.address
        assert its.address[0] == HOST
        assert mine.person_key == other.identity.person_key
        assert mine.device_key == other.identity.device_key
        assert mine.instance == other.identity.instance
        assert its.person_key == one.identity.person_key
        assert its.device_key == one.identity.device_key
        assert its.instance == one.identity.instance
        assert mine.own_leaf == its.peer_leaf != mine.peer_leaf == its.own_leaf
        assert not mine.relayed
        await one.links.stop()
        await other.links.stop()

    run(body)


def test_frames_go_both_ways_in_order() -> None:
    async def body() -> None:
        one, other = await two()
        link, theirs = await linked(one, other)
        out = [os.urandom(size) for size in (1, 3, 300, limits.FRAME_BYTES, 17_000)] * 20
        back = [frame[::-1] for frame in out]
        for frame, answer in zip(out, back, strict=True):
            one.links.send(link, frame)
            other.links.send(theirs, answer)
        await until(lambda: other.sink.frames[theirs] == out and one.sink.frames[link] == back)
        await one.links.stop()
        await other.links.stop()

    run(body)


def test_many_small_frames_leave_and_arrive_together() -> None:
    async def body() -> None:
        one, other = await two()
        link, theirs = await linked(one, other)
        other.sink.batches.clear()
        for number in range(1000):
            one.links.send(link, number.to_bytes(2, "big") * 10)
        await until(lambda: len(other.sink.frames[theirs]) == 1000)
        assert len(other.sink.batches) < 20
        await one.links.stop()
        await other.links.stop()

    run(body)


def test_a_frame_must_be_neither_empty_nor_too_large() -> None:
    async def body() -> None:
        one, other = await two()
        link, _ = await linked(one, other)
        for frame in (b"", b"x" * (limits.FRAME_BYTES + 1)):
            with pytest.raises(ValueError, match="a frame of"):
                one.links.send(link, frame)
        await one.links.stop()
        await other.links.stop()

    run(body)


def test_close_sends_what_is_queued_first() -> None:
    async def body() -> None:
        one, other = await two()
        link, theirs = await linked(one, other)
        frames = [os.urandom(60_000) for _ in range(50)]
        for frame in frames:
            one.links.send(link, frame)
        one.links.close(link, "had-enough")
        assert one.links.send(link, b"too late") == 0
        await until(lambda: link in one.sink.closed and theirs in other.sink.closed)
        assert one.sink.closed[link] == "had-enough"
        assert other.sink.closed[theirs] == "closed"
        assert other.sink.frames[theirs] == frames
        assert one.links.send(link, b"gone") == 0
        await one.links.stop()
        await other.links.stop()

    run(body)


def test_close_while_the_other_side_sends_still_delivers_the_last_words() -> None:
    async def body() -> None:
        one, other = await two()
        link, theirs = await linked(one, other)
        for _ in range(100):
            other.links.send(theirs, os.urandom(60_000))
            one.links.send(link, b"hello")
        one.links.send(link, b"goodbye")
        one.links.close(link, "left")
        await until(lambda: theirs in other.sink.closed and link in one.sink.closed)
        assert other.sink.frames[theirs][-1] == b"goodbye"
        await one.links.stop()
        await other.links.stop()

    run(body)


def test_stop_ends_everything_soon_whatever_the_others_do() -> None:
    async def body() -> None:
        node, other = await two()
        _, theirs = await linked(node, other)
        deaf = await Outsider.connect(node.address, make_credentials(make_identity()).client)
        silent = await Outsider.connect(node.address)
        await until(lambda: len(node.sink.opened) == 2)
        stuck = max(node.sink.opened)
        await fill(node, stuck)
        began, address = time.monotonic(), node.address
        await node.links.stop()
        assert time.monotonic() - began < SOON_S
        assert set(node.sink.closed.values()) == {"stopped"}
        assert len(node.sink.closed) == 2
        await until(lambda: other.sink.closed == {theirs: "closed"})
        refused = other.dial(address)
        await until(lambda: other.sink.failed == {refused: "refused"})
        deaf.gone()
        silent.gone()
        await other.links.stop()

    run(body)


def test_the_queue_is_told_and_its_draining_too() -> None:
    async def body() -> None:
        node = await Node().start()
        slow = await Outsider.connect(node.address, make_credentials(make_identity()).client)
        await until(lambda: bool(node.sink.opened))
        link = node.sink.only
        left = await fill(node, link)
        node.sink.drained.clear()
        while left:
            left -= len(await slow.reader.read(min(left, 1 << 16)))
        await until(lambda: node.sink.drained == [link])
        assert node.links.send(link, b"x") <= 5 + QUEUED_FRAME_BYTES
        slow.gone()
        await node.links.stop()

    run(body)


def test_a_link_without_progress_closes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "STALL_S", 0.4)

    async def body() -> None:
        node, good = await two()
        fine, _ = await linked(node, good)
        deaf = await Outsider.connect(node.address, make_credentials(make_identity()).client)
        await until(lambda: len(node.sink.opened) == 2)
        stuck = max(node.sink.opened)
        await fill(node, stuck)
        await until(lambda: node.sink.closed == {stuck: "stalled"})
        assert node.links.send(fine, b"still here") > 0
        deaf.gone()
        await node.links.stop()
        await good.links.stop()

    run(body)


def test_a_slow_but_steady_reader_keeps_its_link(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "STALL_S", 1.0)

    async def body() -> None:
        node = await Node().start()
        slow = await Outsider.connect(node.address, make_credentials(make_identity()).client)
        await until(lambda: bool(node.sink.opened))
        link = node.sink.only
        await fill(node, link)
        loop = asyncio.get_running_loop()
        end = loop.time() + 2.5
        while loop.time() < end:
            await slow.reader.read(1 << 16)
            node.links.send(link, b"x" * 1000)
            await asyncio.sleep(0.01)
        assert node.sink.closed == {}
        slow.gone()
        await node.links.stop()

    run(body)


def test_a_queue_that_nobody_looks_at_ends_the_link() -> None:
    async def body() -> None:
        node = await Node().start()
        deaf = await Outsider.connect(node.address, make_credentials(make_identity()).client)
        await until(lambda: bool(node.sink.opened))
        link = node.sink.only
        while node.links.send(link, b"x" * 60_000):
            pass
        await until(lambda: node.sink.closed == {link: "overflow"})
        deaf.gone()
        await node.links.stop()

    run(body)


def test_a_defect_above_costs_only_its_link(caplog: pytest.LogCaptureFixture) -> None:
    async def body() -> None:
        one, other = await two()
        bad, theirs = await linked(one, other)
        good, _ = await linked(one, other)

        def stumble(link: object, frames: object) -> None:
            raise RuntimeError("a defect")

        other.sink.on_frames = stumble
        one.links.send(bad, b"x")
        await until(lambda: other.sink.closed == {theirs: "internal"})
        other.sink.on_frames = None
        one.links.send(good, b"y")
        await until(lambda: other.sink.frames[other.sink.only] == [b"y"])
        await one.links.stop()
        await other.links.stop()

    run(body)
    assert "a defect" in caplog.text


def test_dialling_oneself_is_told_as_such() -> None:
    async def body() -> None:
        node = await Node().start()
        token = node.dial(node.address)
        await until(lambda: node.sink.failed == {token: "self"})
        assert node.sink.opened == {}
        assert node.sink.troubles == []
        await node.links.stop()

    run(body)


class Speaker(asyncio.Protocol):
    """A server's end that says a few words whatever it hears, or hangs up (None)."""

    def __init__(self, words: bytes | None) -> None:
        self._words = words

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        if self._words is None:
            transport.close()
        else:
            transport.write(self._words)


def test_failed_dials_say_why(monkeypatch: pytest.MonkeyPatch) -> None:
    greeting = b"220 mail.example ESMTP ready, and more to make it a long line\r\n"

    async def body() -> None:
        loop, node = asyncio.get_running_loop(), await Node().start()
        monkeypatch.setattr(loop, "getaddrinfo", AsyncMock(side_effect=socket.gaierror))
        expected = {node.dial(("no-such-host.invalid", 5)): "unreachable"}
        await until(lambda: node.sink.failed == expected)
        monkeypatch.undo()
        with socket.socket() as closed:
            closed.bind((HOST, 0))
            expected[node.dial((HOST, closed.getsockname()[1]))] = "refused"
            servers = []
            for words, reason in ((greeting, "not-p2pchat"), (None, "refused"), (b"", "timeout")):
                if reason == "timeout":
                    await until(lambda: node.sink.failed == expected)
                    monkeypatch.setattr(limits, "TLS_HANDSHAKE_S", 0.3)
                server = await loop.create_server(partial(Speaker, words), HOST, 0)
                servers.append(server)
                expected[node.dial(server.sockets[0].getsockname())] = reason
            await until(lambda: node.sink.failed == expected)
        await node.links.stop()
        for server in servers:
            server.close()

    run(body)


def test_dials_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_LINKS", 2)

    async def body() -> None:
        node, other = await two()
        for _ in range(2):
            await linked(node, other)
        token = node.dial(other.address)
        await until(lambda: node.sink.failed == {token: "unreachable"})
        await node.links.stop()
        await other.links.stop()

    run(body)


def test_a_dial_that_nobody_answers_times_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "DIAL_TIMEOUT_S", 0.3)

    async def body() -> None:
        node = await Node().start()
        with socket.socket() as full, socket.socket() as first, socket.socket() as second:
            full.bind((HOST, 0))
            full.listen(0)
            for filler in (first, second):
                filler.setblocking(False)
                filler.connect_ex(full.getsockname())
            token = node.dial(full.getsockname())
            await until(lambda: node.sink.failed == {token: "timeout"})
        await node.links.stop()

    run(body)


def test_links_know_names_and_ipv6() -> None:
    async def body() -> None:
        one = await Node("::1").start()
        other = await Node("localhost").start()
        assert {host for host, _ in other.links.listening} >= {HOST}
        by_name = other.dial(("localhost", other.address[1]))
        by_six = other.dial(one.address)
        await until(lambda: by_six in other.sink.tokens and by_name in other.sink.failed)
        assert other.sink.failed[by_name] == "self"
        assert other.sink.opened[other.sink.tokens[by_six]].address == one.address
        await one.links.stop()
        await other.links.stop()

    run(body)


def test_stopping_before_starting_is_no_error() -> None:
    async def body() -> None:
        await TlsLinks().stop()

    run(body)


def test_links_start_again_under_another_identity() -> None:
    async def body() -> None:
        one, other = await two()
        await linked(one, other)
        await one.links.stop()
        one.sink, one.identity = Sink(), make_identity()
        await one.links.start(one.sink, one.identity)
        _, theirs = await linked(one, other)
        assert other.sink.opened[theirs].device_key == one.identity.device_key
        link, _ = await linked(other, one)
        assert other.sink.opened[link].device_key == one.identity.device_key
        await one.links.stop()
        await other.links.stop()

    run(body)
