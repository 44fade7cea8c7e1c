"""What arrives as a beacon is one, or nothing."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pchat.config.limits import BEACON_BYTES
from p2pchat.discovery.beacon_packet import MAGIC, Beacon, decode, encode

DEVICE = "abcdefghijklmnopqrstuvwxyz234567"
GOOD = Beacon(
    answer=False, network="0123456789abcdef", device_id=DEVICE, port=27474, instance=bytes(8)
)


def test_there_and_back() -> None:
    assert decode(encode(GOOD)) == GOOD
    assert len(encode(GOOD)) < 100


def test_more_elements_of_a_newer_version_are_ignored() -> None:
    elements = [*msgspec.msgpack.decode(encode(GOOD)), "more", {"and": "more"}]
    elements[1] = 2
    assert decode(msgspec.msgpack.encode(elements)) == msgspec.structs.replace(GOOD, version=2)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (0, b"p2pchaT"),
        (1, 0),
        (2, 1),
        (3, "0123456789ABCDEF"),
        (3, "0123456789abcde"),
        (4, DEVICE[:-1]),
        (4, DEVICE[:-1] + "1"),
        (4, DEVICE + "\n"),
        (5, 0),
        (5, 65536),
        (5, -1),
        (6, bytes(7)),
        (6, "12345678"),
    ],
)
def test_one_wrong_element(place: int, value: object) -> None:
    elements = msgspec.msgpack.decode(encode(GOOD))
    elements[place] = value
    assert decode(msgspec.msgpack.encode(elements)) is None


@given(st.binary(max_size=300))
def test_any_bytes(data: bytes) -> None:
    assert decode(data) is None or data[1:10] == b"\xc4\x07" + MAGIC


@given(st.binary(max_size=300), st.integers(0x90, 0x9F))
def test_any_bytes_behind_the_magic(data: bytes, first: int) -> None:
    beacon = decode(bytes([first]) + b"\xc4\x07" + MAGIC + data)
    assert beacon is None or 0 < beacon.port < 65536


@given(st.integers(0, 90), st.integers(0, 255))
def test_one_byte_changed(place: int, value: int) -> None:
    data = bytearray(encode(GOOD))
    data[place % len(data)] = value
    beacon = decode(bytes(data))
    assert beacon is None or len(beacon.instance) == 8


def test_deep_nesting_and_length() -> None:
    start = b"\x98" + encode(GOOD)[1:]
    assert decode(start + b"\x91" * (BEACON_BYTES - len(start) - 1) + b"\x00") == GOOD
    assert decode(start + b"\x91" * BEACON_BYTES) is None
