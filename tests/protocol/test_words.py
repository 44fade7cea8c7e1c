"""The words that two persons compare."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pchat.protocol.words import WORDS, proquint, verify_words


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ((127, 0, 0, 1), "lusab-babad"),
        ((63, 84, 220, 193), "gutih-tugad"),
        ((147, 67, 119, 2), "natag-lisaf"),
        ((216, 68, 232, 21), "todah-vobij"),
    ],
)
def test_proquints_are_those_of_the_paper(address: tuple[int, ...], words: str) -> None:
    data = bytes(address)
    halves = (int.from_bytes(data[:2], "big"), int.from_bytes(data[2:], "big"))
    assert "-".join(map(proquint, halves)) == words


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32))
def test_both_sides_get_the_same_words(one: bytes, other: bytes) -> None:
    words = verify_words(one, other)
    assert words == verify_words(other, one)
    assert len(words.split()) == WORDS


def test_somebody_between_gives_other_words() -> None:
    assert verify_words(bytes(32), b"\1" * 32) != verify_words(bytes(32), b"\2" * 32)


def test_a_proquint_stands_for_one_number() -> None:
    assert len({proquint(value) for value in range(1 << 16)}) == 1 << 16
