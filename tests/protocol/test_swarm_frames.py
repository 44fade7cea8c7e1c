"""The frames of bulk links on the wire."""

from __future__ import annotations

import msgspec
import pytest

from p2pchat.config import limits
from p2pchat.protocol.swarm.frames import (
    ANY,
    WHOLE,
    Follow,
    Frame,
    Got,
    Have,
    Piece,
    Refused,
    Wanted,
)

FILE = b"f" * 32
LARGE = 1 << 30


@pytest.mark.parametrize(
    ("frame", "tag"),
    [
        (Have(FILE, WHOLE, 0, b"", True), 30),
        (Have(FILE, 3, LARGE, bytes(limits.HAVE_BYTES), False), 30),
        (Got(FILE, 0, (LARGE,) * limits.GOT_BLOCKS), 31),
        (Follow(FILE, True), 32),
        (Wanted(FILE, 0, ANY), 33),
        (Piece(FILE, 3, LARGE, LARGE, bytes(limits.PART_BYTES)), 34),
        (Refused(FILE, 0, ANY, "lacking"), 35),
    ],
)
def test_a_frame_at_its_largest_fits_and_comes_back(frame: Frame, tag: int) -> None:
    encoded = msgspec.msgpack.encode(frame)
    assert len(encoded) <= limits.FRAME_BYTES
    assert msgspec.msgpack.decode(encoded)[:2] == [tag, FILE]
    assert msgspec.msgpack.decode(encoded, type=Frame) == frame
