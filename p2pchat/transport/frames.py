"""Frames on a stream: a length of four bytes, big-endian, then so many bytes."""

from __future__ import annotations

import struct

from p2pchat.config import limits
from p2pchat.errors import ProtocolError

PREFIX_BYTES = 4
_LENGTH = struct.Struct(">I")

pack_length = _LENGTH.pack


class FrameTooLarge(ProtocolError):
    """A length above the limit; nothing after it can be read."""


def split_frames(data: memoryview, limit: int = limits.FRAME_BYTES) -> tuple[list[bytes], int]:
    """The whole frames that `data` begins with, and how many bytes they took."""
    frames: list[bytes] = []
    at, end = 0, len(data)
    unpack, take = _LENGTH.unpack_from, frames.append
    while end - at >= PREFIX_BYTES:
        (length,) = unpack(data, at)
        if length > limit:
            raise FrameTooLarge(f"a frame of {length} bytes")
        stop = at + PREFIX_BYTES + length
        if stop > end:
            break
        take(bytes(data[at + PREFIX_BYTES : stop]))
        at = stop
    return frames, at


def next_length(data: memoryview) -> int | None:
    """The length of the frame that `data` begins with; None where that isn't there yet."""
    return int(_LENGTH.unpack_from(data)[0]) if len(data) >= PREFIX_BYTES else None
