"""What may be a name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pchat.config.limits import NAME_CHARS, ROOM_CHARS
from p2pchat.errors import RequestError
from p2pchat.model import names

PEER_ID = "abcdefghijklmnopqrstuvwxyz234567"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Li", "Li"),
        ("  Ada   Lovelace\n", "Ada Lovelace"),
        ("Zoe\u0308", "Zoë"),
        ("李小龙", "李小龙"),
        ("👩‍🏫 Ms Frizzle", "👩‍🏫 Ms Frizzle"),
        ("", ""),
        ("x" * NAME_CHARS, "x" * NAME_CHARS),
    ],
)
def test_names_that_are_taken(text: str, name: str) -> None:
    assert names.display_name(text) == name


@pytest.mark.parametrize(
    "text",
    [
        "x" * (NAME_CHARS + 1),
        PEER_ID,
        PEER_ID.upper(),
        "a\x1b[31mb",
        "a\u202eb",
        "a\u200bb",
        "a\x00b",
        "\u3164",
        "a\u2065b",
        "a\ufff1b",
        "a\U000e0080b",
        "a\u180bb",
        "a\U0001d159b",
    ],
)
def test_names_that_are_refused(text: str) -> None:
    with pytest.raises(RequestError) as refused:
        names.display_name(text)
    assert refused.value.reason == "name-not-allowed"


@pytest.mark.parametrize(
    ("text", "name"), [("#maths", "maths"), ("maths", "maths"), (" #Ü-1 ", "Ü-1"), ("数学", "数学")]
)
def test_rooms_that_are_taken(text: str, name: str) -> None:
    assert names.room_name(text) == name
    assert names.is_room_name(name)


@pytest.mark.parametrize(
    "text", ["", "#", "##a", "@a", "#@a", "a b", "a\tb", "a\u200bb", "x" * (ROOM_CHARS + 1)]
)
def test_rooms_that_are_refused(text: str) -> None:
    with pytest.raises(RequestError) as refused:
        names.room_name(text)
    assert refused.value.reason == "name-not-allowed"
    assert not names.is_room_name(text)


def test_letter_case_makes_no_other_room() -> None:
    assert names.fold("Maths") == names.fold("mATHS") != names.fold("math")
    assert names.fold("Straße") == names.fold("STRASSE")
    assert names.fold("ZOE\u0308") == names.fold("zoë")


def test_a_peers_name_is_shown_safely_or_not_at_all() -> None:
    assert names.shown_name("a\x1b[31mb\u202e") == "a[31mb"
    assert names.shown_name(PEER_ID) == ""
    assert names.shown_name("\u200b") == ""
    assert len(names.shown_name("x" * 1000)) == NAME_CHARS


@given(st.text(max_size=80))
def test_what_is_taken_is_shown_as_it_is(text: str) -> None:
    try:
        name = names.display_name(text)
    except RequestError:
        return
    assert names.shown_name(name) == name == names.display_name(name)


@given(st.text(max_size=80))
def test_folding_twice_changes_nothing(text: str) -> None:
    assert names.fold(names.fold(text)) == names.fold(text)
