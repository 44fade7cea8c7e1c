"""Frames on a stream: whatever the pieces they come in, the same frames come out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pchat.config import limits
from p2pchat.transport.frames import FrameTooLarge, pack_length, split_frames


def stream(frames: list[bytes]) -> bytes:
    return b"".join(pack_length(len(frame)) + frame for frame in frames)


@given(st.lists(st.binary(max_size=40), max_size=20), st.data())
def test_any_cut_of_a_stream_gives_the_same_frames(
    frames: list[bytes], data: st.DataObject
) -> None:
    whole = stream(frames)
    got: list[bytes] = []
    rest = b""
    at = 0
    while at < len(whole):
        size = data.draw(st.integers(min_value=1, max_value=len(whole) - at))
        batch = rest + whole[at : at + size]
        some, used = split_frames(memoryview(batch))
        got += some
        rest = batch[used:]
        at += size
    assert got == frames
    assert rest == b""


@given(st.binary(max_size=200))
def test_any_bytes_are_frames_or_refused(data: bytes) -> None:
    try:
        frames, used = split_frames(memoryview(data), limit=64)
    except FrameTooLarge:
        return
    assert stream(frames) == data[:used]
    assert len(data) - used < 4 + 64


def test_the_limit_is_exact() -> None:
    largest = pack_length(limits.FRAME_BYTES) + bytes(limits.FRAME_BYTES)
    assert split_frames(memoryview(largest)) == ([bytes(limits.FRAME_BYTES)], len(largest))
    with pytest.raises(FrameTooLarge):
        split_frames(memoryview(pack_length(limits.FRAME_BYTES + 1)))
