"""The order and shapes of right-to-left text; expected is what Unicode's own algorithm gives."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pchat.ui.presenters import bidi


def order(line: str, rtl: bool) -> str:
    """The line's characters from left to right, unshaped."""
    seen = ""
    for stretch in bidi.ordered(line, rtl):
        part = line[stretch.start : stretch.end]
        seen += part[::-1] if stretch.rtl else part
    return seen


@pytest.mark.parametrize(
    ("line", "rtl", "seen"),
    [
        ("plain text", False, "plain text"),
        ("car אבג", False, "car גבא"),
        ("אבג car", True, "car גבא"),
        ("אבג 123 דהו", True, "והד 123 גבא"),
        ("say אבג, דהו now", False, "say והד ,גבא now"),
        ("אבג 12.5 ד", False, "ד 12.5 גבא"),
        ("car (אבג) ד", False, "car (גבא) ד"),
        ("אבג (car) ד", True, "ד )car( גבא"),
        ("אבג (דה)! ", False, ")הד( גבא! "),
        ("אבג  ", False, "גבא  "),
        ("", True, ""),
    ],
)
def test_lines_in_the_order_in_which_they_are_seen(line: str, rtl: bool, seen: str) -> None:
    assert order(line, rtl) == seen


def test_the_first_letter_gives_the_direction() -> None:
    assert bidi.begins_rtl("123 אבג car")
    assert not bidi.begins_rtl("car אבג")
    assert not bidi.begins_rtl("12:30")


def test_letters_take_the_forms_of_their_place() -> None:
    assert bidi.shaped("ببب") == "\ufe91\ufe92\ufe90"
    assert bidi.shaped("دب") == "\ufea9\ufe8f", "dal joins nothing behind it"
    assert bidi.shaped("لا") == "\ufefb"
    assert bidi.shaped("ب\u200cب") == "\ufe8f\u200c\ufe8f"
    assert bidi.visual("(א)") == "(א)", "brackets are mirrored"


@given(st.text(alphabet="abאבمل 12.,()\u0651\u200d", max_size=60), st.booleans())
def test_every_character_is_seen_once(line: str, rtl: bool) -> None:
    stretches = bidi.ordered(line, rtl)
    places = sorted(place for s in stretches for place in range(s.start, s.end))
    assert places == list(range(len(line)))
