"""Frames of links for files beside those that every link has."""

from __future__ import annotations

import msgspec
import pytest

from p2pchat.errors import ProtocolError
from p2pchat.protocol import wire
from p2pchat.protocol.swarm import frames

FILE = bytes(32)


@pytest.mark.parametrize(
    "frame",
    [
        frames.Have(FILE, 0, 8, b"\xff", True),
        frames.Got(FILE, 0, (1, 2)),
        frames.Follow(FILE, True),
        frames.Wanted(FILE, 0, frames.ANY),
        frames.Piece(FILE, 0, 1, 0, memoryview(b"data")),
        frames.Refused(FILE, 0, 1, "gone"),
    ],
    ids=lambda frame: type(frame).__name__,
)
def test_frames_for_files_are_told_from_others(frame: frames.Frame) -> None:
    data = frames.encode(frame)
    assert not wire.is_goodbye(data)
    assert frames.decode(data) == frame


def test_what_every_link_has_is_none_of_them() -> None:
    assert wire.is_goodbye(wire.encode(wire.Goodbye("idle")))
    with pytest.raises(wire.UnknownFrame):
        frames.decode(wire.encode(wire.Ping(7)))


def test_a_new_number_is_passed_over_and_junk_is_not() -> None:
    new = msgspec.msgpack.encode([99, FILE])
    with pytest.raises(wire.UnknownFrame):
        frames.decode(new)
    for junk in (b"", b"\x93", b"\x93\x22\xc1", frames.encode(frames.Follow(FILE, True))[:-1]):
        with pytest.raises(ProtocolError) as raised:
            frames.decode(junk)
        assert not isinstance(raised.value, wire.UnknownFrame)
