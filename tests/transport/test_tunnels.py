"""Links through a common peer, which here is a few lines that carry bytes."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence

import pytest
from transport_support import BareTls, Node, run, until

from p2pchat.config import limits
from p2pchat.model.frame import RawFrame
from p2pchat.node.ports import LinkId
from p2pchat.transport.connection import QUEUED_FRAME_BYTES
from p2pchat.transport.frames import pack_length

TOKEN_ONE, TOKEN_OTHER = 71, 72


class Carrier:
    """Takes the bytes of both ends and hands them on, in the loop's own time. `held`: nothing is
    handed on until it is released."""

    def __init__(self, one: Node, other: Node) -> None:
        self.pieces = 0
        self.largest = 0
        self.waiting = 0
        self.most = 0
        self.held = False
        self._held: list[tuple[Node, int, bytes]] = []
        one.sink.on_tunnel = lambda token, data: self._carry(other, TOKEN_OTHER, data)
        other.sink.on_tunnel = lambda token, data: self._carry(one, TOKEN_ONE, data)

    def _carry(self, to: Node, token: int, data: bytes) -> None:
        self.pieces += 1
        self.largest = max(self.largest, len(data))
        self.waiting += len(data)
        self.most = max(self.most, self.waiting)
        if self.held:
            self._held.append((to, token, data))
        else:
            asyncio.get_running_loop().call_later(0.0005, self._hand_on, to, token, data)

    def _hand_on(self, to: Node, token: int, data: bytes) -> None:
        self.waiting -= len(data)
        to.links.tunnel_receive(token, data)

    def release(self) -> None:
        self.held = False
        for one in self._held:
            self._hand_on(*one)
        self._held.clear()


async def tunnelled() -> tuple[Node, Node, LinkId, LinkId, Carrier]:
    one, other = await Node().start(), await Node().start()
    carrier = Carrier(one, other)
    other.links.tunnel_open(TOKEN_OTHER, outgoing=False)
    one.links.tunnel_open(TOKEN_ONE, outgoing=True)
    await until(lambda: bool(one.sink.opened) and bool(other.sink.opened))
    return one, other, one.sink.tokens[TOKEN_ONE], other.sink.tokens[TOKEN_OTHER], carrier


async def stop(*nodes: Node) -> None:
    await asyncio.gather(*(node.links.stop() for node in nodes))


def test_a_tunnel_is_a_link_of_the_same_identities() -> None:
    async def body() -> None:
        one, other, link, theirs, _ = await tunnelled()
        mine, its = one.sink.opened[link], other.sink.opened[theirs]
        assert mine.relayed
        assert its.relayed
        assert (mine.outgoing, its.outgoing) == (True, False)
        assert mine.address == its.address == ("relayed", 0)
        assert mine.device_key == other.identity.device_key
        assert its.person_key == one.identity.person_key
        assert mine.own_leaf == its.peer_leaf
        one.links.send(link, b"there")
        other.links.send(theirs, b"back")
        await until(lambda: other.sink.frames[theirs] == [b"there"])
        await until(lambda: one.sink.frames[link] == [b"back"])
        await stop(one, other)

    run(body)


def test_much_data_both_ways_never_crowds_the_carrier() -> None:
    async def body() -> None:
        one, other, link, theirs, carrier = await tunnelled()
        frames = [os.urandom(limits.FRAME_BYTES) for _ in range(64)]
        for frame in frames:
            one.links.send(link, frame)
            other.links.send(theirs, frame)
        await until(lambda: other.sink.frames[theirs] == frames == one.sink.frames[link])
        assert carrier.largest <= limits.TUNNEL_PIECE_BYTES
        assert carrier.most < 2 * limits.RELAY_QUEUE_BYTES
        await until(lambda: link in one.sink.drained and theirs in other.sink.drained)
        assert one.links.send(link, b"x") <= limits.TUNNEL_WINDOW_BYTES
        await stop(one, other)

    run(body)


def test_small_frames_leave_nothing_unsent(monkeypatch: pytest.MonkeyPatch) -> None:
    """An idle tunnel whose last bytes aren't acknowledged is no stall."""
    monkeypatch.setattr(limits, "STALL_S", 1.0)

    async def body() -> None:
        one, other, link, theirs, _ = await tunnelled()
        for size in (10, 1000, 60_000):
            one.links.send(link, bytes(size))
        await until(lambda: len(other.sink.frames[theirs]) == 3)
        await asyncio.sleep(1.5)
        assert one.sink.closed == {}
        assert one.links.send(link, b"more") == 8 + QUEUED_FRAME_BYTES
        await stop(one, other)

    run(body)


def test_a_carrier_that_holds_everything_is_a_stall(monkeypatch: pytest.MonkeyPatch) -> None:
    async def body() -> None:
        one, other, link, theirs, carrier = await tunnelled()
        monkeypatch.setattr(limits, "STALL_S", 0.3)
        carrier.held = True
        for _ in range(40):
            one.links.send(link, bytes(60_000))
        await until(lambda: one.sink.closed == {link: "stalled"})
        assert carrier.most < limits.RELAY_QUEUE_BYTES
        carrier.release()
        other.links.tunnel_close(TOKEN_OTHER)
        await until(lambda: other.sink.closed == {theirs: "lost"})
        await stop(one, other)

    run(body)


def test_closing_sends_the_last_words_and_reaches_the_other_end() -> None:
    async def body() -> None:
        one, other, link, theirs, _ = await tunnelled()
        frames = [os.urandom(50_000) for _ in range(12)]
        for frame in frames:
            one.links.send(link, frame)
        one.links.close(link, "left")
        await until(lambda: one.sink.closed == {link: "left"})
        await until(lambda: other.sink.closed == {theirs: "closed"})
        assert other.sink.frames[theirs] == frames
        one.links.tunnel_receive(TOKEN_ONE, b"too late")
        one.links.tunnel_close(TOKEN_ONE)
        await stop(one, other)

    run(body)


def test_a_tunnel_that_breaks_before_it_is_a_link_fails_as_a_dial_does() -> None:
    async def body() -> None:
        node = await Node().start()
        node.sink.on_tunnel = lambda token, data: None
        node.links.tunnel_open(1, outgoing=True)
        node.links.tunnel_open(2, outgoing=False)
        node.links.tunnel_receive(2, b"GET / HTTP/1.1\r\n\r\n")
        node.links.tunnel_close(1)
        await until(lambda: len(node.sink.failed) == 2)
        assert node.sink.failed == {1: "refused", 2: "not-p2pchat"}
        await stop(node)

    run(body)


def test_a_tunnel_to_nobody_times_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "TLS_HANDSHAKE_S", 0.2)

    async def body() -> None:
        node = await Node().start()
        node.sink.on_tunnel = lambda token, data: None
        node.links.tunnel_open(5, outgoing=True)
        await until(lambda: node.sink.failed == {5: "timeout"})
        await stop(node)

    run(body)


def test_tunnels_are_few() -> None:
    async def body() -> None:
        node = await Node().start()
        node.sink.on_tunnel = lambda token, data: None
        for token in range(limits.RELAY_TUNNELS + 3):
            node.links.tunnel_open(token, outgoing=True)
        await until(lambda: len(node.sink.failed) == 3)
        assert set(node.sink.failed.values()) == {"unreachable"}
        await stop(node)

    run(body)


def test_acknowledging_what_was_never_sent_ends_the_link() -> None:
    async def body() -> None:
        node = await Node().start()
        bare = BareTls()

        def arrived(token: int, data: bytes) -> None:
            bare.incoming.write(data)

        node.sink.on_tunnel = arrived
        node.links.tunnel_open(TOKEN_ONE, outgoing=False)

        def done() -> bool:
            finished = bare.shake_hands()
            node.links.tunnel_receive(TOKEN_ONE, bare.outgoing.read())
            return finished

        await until(done)
        node.links.tunnel_receive(TOKEN_ONE, bare.record(pack_length(2) + b"ok" + pack_length(0)))
        await until(lambda: list(node.sink.closed.values()) == ["junk"])
        assert node.sink.troubles == [("junk", "relayed")]
        await stop(node)

    run(body)


def test_nobody_is_called_back_from_within_a_call() -> None:
    async def body() -> None:
        one, other, link, _, _ = await tunnelled()
        inside = False
        calls: list[bool] = []

        def arrived(link: LinkId, frames: Sequence[RawFrame]) -> None:
            calls.append(inside)

        other.sink.on_frames = arrived

        def straight(token: int, data: bytes) -> None:
            nonlocal inside
            inside = True
            other.links.tunnel_receive(TOKEN_OTHER, data)
            inside = False

        one.sink.on_tunnel = straight
        one.links.send(link, b"x")
        await until(lambda: calls == [False])
        await stop(one, other)

    run(body)
