"""The slow jobs, with the real libraries."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p2pchat.node import secrets
from p2pchat.protocol import effects
from p2pchat.protocol.identity import SealKey

ME, OTHER = SealKey(bytes(32)), SealKey(b"\1" * 32)
OLD = SealKey(bytes(32), hybrid=False)
SECRET = b"s" * 32


@pytest.mark.parametrize("owner", [ME, OLD])
def test_a_box_opens_for_its_owner_and_its_use_alone(owner: SealKey) -> None:
    box = secrets.seal(SECRET, owner.public, b"key of a conversation")
    assert secrets.open_box(box, owner, b"key of a conversation") == SECRET
    assert box != secrets.seal(SECRET, owner.public, b"key of a conversation")
    for key, info in ((OTHER, b"key of a conversation"), (owner, b"something else")):
        with pytest.raises(ValueError, match="open"):
            secrets.open_box(box, key, info)


def test_who_lacks_the_hybrid_is_read_by_who_has_it() -> None:
    assert secrets.open_box(secrets.seal(SECRET, OLD.public, b"x"), ME, b"x") == SECRET


def test_who_lacks_the_hybrid_does_not_open_its_boxes() -> None:
    if ME.hybrid is not None:
        with pytest.raises(ValueError, match="unknown suite"):
            secrets.open_box(secrets.seal(SECRET, ME.public, b"x"), OLD, b"x")


@given(st.binary(max_size=1300))
def test_a_junk_box_is_a_value_error(junk: bytes) -> None:
    for box in (junk, b"\1" + junk, b"\2" + junk):
        with pytest.raises(ValueError, match="box"):
            secrets.open_box(box, ME, b"x")


def test_sealing_to_several_keeps_their_order() -> None:
    job = effects.Seal(SECRET, (ME.public, OTHER.public), b"x")
    boxes = secrets.perform(job, ME)
    assert secrets.perform(effects.Open(boxes[0], b"x"), ME) == SECRET
    assert secrets.perform(effects.Open(boxes[1], b"x"), OTHER) == SECRET


def test_a_stretched_password_depends_on_password_and_salt() -> None:
    begun = time.process_time()
    one = secrets.perform(effects.Stretch("correct horse", bytes(32)), ME)
    assert time.process_time() - begun > 0.02, "too cheap to guess"
    assert one == secrets.stretch("correct horse", bytes(32))
    others = {secrets.stretch("wrong", bytes(32)), secrets.stretch("correct horse", SECRET)}
    assert len(others - {one}) == 2


def test_passwords_are_stretched_in_several_threads() -> None:
    pool = ThreadPoolExecutor(2)
    try:
        jobs = [pool.submit(secrets.stretch, "correct horse", bytes(32)) for _ in range(4)]
        assert {job.result(timeout=10) for job in jobs} == {jobs[0].result()}
    finally:
        pool.shutdown(wait=False)


def exchange(one: bytes, other: bytes, asker: bytes = b"a", answerer: bytes = b"b") -> bool:
    first = secrets.perform(effects.PakeStart(True, one, b"a", b"b"), ME)
    second = secrets.perform(effects.PakeStart(False, other, asker, answerer), ME)
    keys = [
        secrets.perform(effects.PakeFinish(first[0], second[1]), ME),
        secrets.perform(effects.PakeFinish(second[0], first[1]), ME),
    ]
    assert all(len(key) == 32 for key in keys)
    return bool(keys[0] == keys[1])


def test_spake2_agrees_on_a_key_only_with_one_secret_and_the_same_names() -> None:
    assert exchange(SECRET, SECRET)
    assert not exchange(SECRET, b"t" * 32)
    assert not exchange(SECRET, SECRET, asker=b"c")
    assert not exchange(SECRET, SECRET, answerer=b"c")


def finish(message: bytes) -> bytes:
    return secrets.spake2_finish(secrets.spake2_start(True, SECRET, b"a", b"b")[0], message)


@settings(max_examples=60)
@given(st.sampled_from([b"", b"A", b"B", b"S"]), st.binary(max_size=40))
def test_a_junk_message_is_a_value_error_or_a_point(side: bytes, junk: bytes) -> None:
    try:
        key = finish(side + junk)
    except ValueError:
        return
    assert (side or junk[:1], len(side + junk), len(key)) == (b"B", 33, 32)


@pytest.mark.parametrize("y", [0, 1, 7424, 2**255 - 20, 2**255 - 19, 2**255 - 1])
def test_points_of_small_order_and_off_the_curve_are_value_errors(y: int) -> None:
    with pytest.raises(ValueError, match=r"element|SPAKE2"):
        finish(b"B" + y.to_bytes(32, "little"))


def test_ones_own_message_sent_back_is_a_value_error() -> None:
    state, own = secrets.spake2_start(True, SECRET, b"a", b"b")
    with pytest.raises(ValueError, match="SPAKE2"):
        secrets.spake2_finish(state, b"B" + own[1:])
