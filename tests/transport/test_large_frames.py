"""Large frames of a connection for files, however their bytes are cut on the way."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence

import pytest
from transport_support import BareTls, make_identity, run

from p2pchat.config import limits
from p2pchat.model.frame import RawFrame
from p2pchat.transport import connection
from p2pchat.transport.carriers import raw_buffer
from p2pchat.transport.connection import Connection
from p2pchat.transport.frames import pack_length, split_frames
from p2pchat.transport.leaf import make_credentials

TURNS = 1000
"""Far more than any of these needs."""


class Ends:
    """Carrier and owner of a connection at once."""

    def __init__(self) -> None:
        self.out: list[bytes] = []
        self.got: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.out.append(data)

    def backlog(self) -> int:
        return 0

    def finish(self) -> None: ...

    def abort(self) -> None: ...

    def established(self, connection: Connection, leaf: bytes) -> None: ...

    def frames(self, connection: Connection, frames: Sequence[RawFrame]) -> None:
        self.got += map(bytes, frames)

    def drained(self, connection: Connection) -> None: ...

    def ended(self, connection: Connection, reason: str) -> None: ...


def for_files() -> tuple[Ends, Connection, BareTls]:
    """A connection whose peer is `BareTls`, after the handshake; its frames may be large."""
    ends, peer = Ends(), BareTls()
    loop, context = asyncio.get_running_loop(), make_credentials(make_identity()).server
    here = Connection(loop, ends, ends, context, False, raw_buffer())
    here.start()
    while not peer.shake_hands():
        here.receive(peer.outgoing.read())
        for data in ends.out:
            peer.incoming.write(data)
        ends.out.clear()
    here.receive(peer.outgoing.read())
    here.allow_large()
    return ends, here, peer


def bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever reads on and on without getting on is ended."""
    turns = 0

    def counted(data: memoryview, limit: int) -> tuple[list[bytes], int]:
        nonlocal turns
        turns += 1
        assert turns < TURNS
        return split_frames(data, limit)

    monkeypatch.setattr(connection, "split_frames", counted)


@pytest.mark.parametrize("size", [limits.BULK_FRAME_BYTES, 256 * limits.KIB + 60, 9000, 1])
@pytest.mark.parametrize("cut", [1, 5, 16_000, 16_405, 262_144, 270_000])
def test_a_large_frame_arrives_wherever_it_is_cut(
    size: int, cut: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first record comes in two, so that all of a frame may be there at once, from its length
    on: it is more than what is read at once."""
    bounded(monkeypatch)
    frames = [os.urandom(size), b"small", os.urandom(limits.BULK_FRAME_BYTES), b"last"]

    async def body() -> None:
        ends, here, peer = for_files()
        sent = peer.record(b"".join(pack_length(len(frame)) + frame for frame in frames))
        here.receive(sent[:cut])
        here.receive(sent[cut:])
        assert ends.got == frames

    run(body)
