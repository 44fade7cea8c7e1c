"""Signed records of persons and devices."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pchat.config import limits
from p2pchat.model.ids import ConversationId, InstanceId
from p2pchat.model.people import Status
from p2pchat.protocol import announce
from p2pchat.protocol.announce import Device, Profile, RoomInfo, read_device, read_profile
from p2pchat.protocol.hashing import network_tag
from p2pchat.protocol.identity import Identity

ME, OTHER = Identity(bytes(32), b"\1" * 32), Identity(b"\2" * 32, b"\3" * 32)
LAN, ELSEWHERE = network_tag("lan"), network_tag("elsewhere")
ROOM = RoomInfo(ConversationId(bytes(32)), "lobby", False)


def profile(identity: Identity = ME, **fields: Any) -> Profile:
    values: dict[str, Any] = {"name": "Li", "note": "", "avatar": b"", "clock": 5}
    return announce.make_profile(identity, **values | fields)


def device(identity: Identity = ME, network: bytes = LAN, **fields: Any) -> Device:
    values: dict[str, Any] = {
        "instance": InstanceId(bytes(16)),
        "counter": 7,
        "status": Status.AWAY,
        "addresses": (("10.0.0.1", 27474), ("fd00::1", 1)),
        "rooms": (ROOM,),
        "wall_ms": 1_700_000_000_000,
    }
    return announce.make_device(identity, network, **values | fields)


def resigned(raw: bytes, identity: Identity, context: bytes, **changes: Any) -> bytes:
    """The record with some fields changed, rightly signed."""
    fields = msgspec.msgpack.decode(msgspec.msgpack.decode(raw)[0])
    for index, value in changes.items():
        fields[int(index.lstrip("_"))] = value
    payload = msgspec.msgpack.encode(fields)
    signature = identity.device.sign(context, LAN, payload)
    if context == announce.PROFILE_CONTEXT:
        signature = identity.person.sign(context, payload)
    return msgspec.msgpack.encode((payload, signature))


def test_records_are_read_as_they_were_made() -> None:
    mine = profile(name="Ærø 李", note="hi", avatar=announce.avatar_digest(b"png"))
    assert read_profile(mine.raw) == mine
    assert mine.person == ME.peer_id
    here = device()
    assert read_device(here.raw, LAN) == here
    assert (here.id, here.person, here.status) == (ME.device_id, ME.peer_id, Status.AWAY)


def test_a_record_at_its_limits_fits() -> None:
    full = profile(name="𝔸" * limits.NAME_CHARS, note="𝔸" * limits.NOTE_CHARS, avatar=bytes(32))
    assert read_profile(full.raw) == full
    rooms = tuple(
        RoomInfo(ConversationId(bytes(31) + bytes([n])), "𝔸" * limits.ROOM_CHARS, True)
        for n in range(limits.RECORD_ROOMS)
    )
    addresses = (("1234:5678:9abc:def0:1234:5678:9abc:def0", 65535),) * limits.RECORD_ADDRESSES
    busy = device(rooms=rooms, addresses=addresses)
    assert read_device(busy.raw, LAN) == busy
    assert len(busy.raw) < limits.RECORD_BYTES * 3 // 4


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "x" * (limits.NAME_CHARS + 1)},
        {"note": "x" * (limits.NOTE_CHARS + 1)},
        {"avatar": b"x"},
        {"clock": -1},
        {"clock": 1 << 53},
    ],
)
def test_a_profile_over_its_limits_is_neither_made_nor_read(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="limits"):
        profile(**fields)
    index = {"name": "_2", "note": "_3", "avatar": "_4", "clock": "_5"}
    changes = {index[name]: value for name, value in fields.items()}
    raw = resigned(profile().raw, ME, announce.PROFILE_CONTEXT, **changes)
    assert read_profile(raw) is None


@pytest.mark.parametrize(
    "fields",
    [
        {"instance": b"x"},
        {"counter": -1},
        {"wall_ms": 1 << 53},
        {"addresses": (("10.0.0.1", 1),) * 9},
        {"addresses": (("example.org", 1),)},
        {"addresses": (("10.0.0.1", 0),)},
        {"addresses": (("224.0.0.251", 5353),)},
        {"addresses": (("0.0.0.0", 5353),)},
        {"addresses": (("255.255.255.255", 5353),)},
        {"addresses": (("fe80::1%eth0", 5353),)},
        {"rooms": (ROOM,) * 65},
        {"rooms": (RoomInfo(ConversationId(b"x"), "a", False),)},
        {"rooms": (RoomInfo(ConversationId(bytes(32)), "", False),)},
        {"rooms": (RoomInfo(ConversationId(bytes(32)), "x" * 65, False),)},
    ],
)
def test_a_device_over_its_limits_is_neither_made_nor_read(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="limits"):
        device(**fields)
    index = {"instance": "_3", "counter": "_4", "wall_ms": "_8", "addresses": "_6", "rooms": "_7"}
    changes = {index[name]: value for name, value in fields.items()}
    raw = resigned(device().raw, ME, announce.DEVICE_CONTEXT, **changes)
    assert read_device(raw, LAN) is None


def test_a_forged_record_is_not_read() -> None:
    forged = resigned(profile().raw, OTHER, announce.PROFILE_CONTEXT)
    assert read_profile(forged) is None
    assert read_device(resigned(device().raw, OTHER, announce.DEVICE_CONTEXT), LAN) is None


def test_a_device_of_another_network_or_another_person_is_not_read() -> None:
    assert read_device(device().raw, ELSEWHERE) is None
    stolen = resigned(device().raw, ME, announce.DEVICE_CONTEXT, _1=OTHER.person.key)
    assert read_device(stolen, LAN) is None


def test_fields_of_a_newer_version_are_kept() -> None:
    signed = msgspec.msgpack.decode(profile().raw)
    payload = msgspec.msgpack.encode([*msgspec.msgpack.decode(signed[0]), "an account"])
    signature = ME.person.sign(announce.PROFILE_CONTEXT, payload)
    raw = msgspec.msgpack.encode((payload, signature))
    newer = read_profile(raw)
    assert newer is not None
    assert (newer.record, newer.raw) == (profile().record, raw)


def test_an_unknown_status_is_online() -> None:
    raw = resigned(device().raw, ME, announce.DEVICE_CONTEXT, _5="dancing")
    newer = read_device(raw, LAN)
    assert newer is not None
    assert newer.status is Status.ONLINE


def test_the_newer_record_wins_and_ties_are_broken_by_its_bytes() -> None:
    assert profile(clock=6, name="a").version > profile(clock=5, name="b").version
    assert profile(name="a").version != profile(name="b").version
    assert device(counter=8).version > device(counter=7).version


@given(st.binary(max_size=300))
def test_junk_is_no_record(junk: bytes) -> None:
    assert read_profile(junk) is None
    assert read_device(junk, LAN) is None


_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 63), 1 << 63) | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=8),
    max_leaves=20,
)


@given(st.integers(0, 8), _values)
def test_a_signed_record_with_an_odd_field_is_read_whole_or_not_at_all(
    index: int, value: Any
) -> None:
    raw = resigned(device().raw, ME, announce.DEVICE_CONTEXT, **{f"_{index}": value})
    known = read_device(raw, LAN)
    assert known is None or len(known.record.addresses) <= limits.RECORD_ADDRESSES
    if index < 6:
        raw = resigned(profile().raw, ME, announce.PROFILE_CONTEXT, **{f"_{index}": value})
        person = read_profile(raw)
        assert person is None or person.person == ME.peer_id


def test_deep_nesting_is_no_record() -> None:
    deep = b"\x91" * 30_000 + b"\x90"
    assert read_profile(deep) is None
    assert read_profile(msgspec.msgpack.encode((deep, bytes(64)))) is None
    assert read_device(bytes(limits.RECORD_BYTES + 1), LAN) is None
