"""Sets of blocks as integers, and counting how many peers have each."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pchat.config import limits
from p2pchat.errors import ProtocolError
from p2pchat.protocol.swarm.bits import (
    Rarity,
    from_bytes,
    from_indexes,
    indexes,
    lowest,
    ones,
    some,
    to_parts,
)

SETS = st.sets(st.integers(0, 70))


def bits_of(numbers: set[int]) -> int:
    return sum(1 << number for number in numbers)


@given(SETS)
def test_a_set_as_an_integer(numbers: set[int]) -> None:
    bits = bits_of(numbers)
    assert set(indexes(bits)) == numbers
    if numbers:
        assert lowest(bits) == min(numbers)
        assert some(bits, 71, Random(1)) in numbers


def test_every_member_is_chosen_now_and_then() -> None:
    rng = Random(1)
    numbers = {0, 3, 4, 70}
    assert {some(bits_of(numbers), 71, rng) for _ in range(1000)} == numbers


@given(st.lists(SETS, max_size=12), st.data())
def test_the_rarest_are_those_that_the_fewest_have(
    have: list[set[int]], data: st.DataObject
) -> None:
    rarity = Rarity()
    for each in have:
        rarity.add(bits_of(each))
    gone = data.draw(st.integers(0, len(have)))
    for each in have[:gone]:
        rarity.remove(bits_of(each))
    left = have[gone:]
    assert set(indexes(rarity.known())) == set().union(*left)
    among = data.draw(SETS)
    counts = {number: sum(number in each for each in left) for number in among}
    rarest = {number for number in among if counts[number] == min(counts.values())}
    assert set(indexes(rarity.rarest(bits_of(among)))) == rarest


@given(SETS)
def test_what_is_told_in_parts_arrives(numbers: set[int]) -> None:
    found = 0
    for first, part in to_parts(bits_of(numbers), 71):
        found |= from_bytes(part, first, 71)
    assert set(indexes(found)) == numbers


def test_a_large_set_is_told_in_frames_of_their_size() -> None:
    count = limits.HAVE_BYTES * 8 * 2 + 5
    parts = list(to_parts(ones(count), count))
    assert [len(part) for _, part in parts] == [limits.HAVE_BYTES, limits.HAVE_BYTES, 1]
    assert sum(from_bytes(part, first, count) for first, part in parts) == ones(count)


@pytest.mark.parametrize(
    ("bits", "first", "count"),
    [
        (b"\1", -8, 10),
        (b"\1", 4, 10),
        (b"\1", 16, 10),
        (b"\1", 1 << 63, 10),
        (b"\1\1\1", 0, 10),
        (b"\0\4", 0, 10),
        (bytes(limits.HAVE_BYTES + 1), 0, 1 << 30),
    ],
)
def test_bits_that_a_layer_cant_have(bits: bytes, first: int, count: int) -> None:
    with pytest.raises(ProtocolError):
        from_bytes(bits, first, count)


@pytest.mark.parametrize("numbers", [(-1,), (10,), (1 << 63,), (0,) * (limits.GOT_BLOCKS + 1)])
def test_news_that_cant_be(numbers: tuple[int, ...]) -> None:
    with pytest.raises(ProtocolError):
        from_indexes(numbers, 10)


def test_news() -> None:
    assert from_indexes((1, 9), 10) == 0b1000000010
