"""Two nodes' links over real sockets: opening, frames both ways, queues, closing."""

from __future__ import annotations

import os

from transport_support import HOST, linked, run, two, until

from p2pchat.config import limits


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
