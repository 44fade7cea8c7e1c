"""Skeletons of names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pchat.node.lookalike import looks, skeleton


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("paypal", "раураl"),  # Cyrillic but for the l
        ("Paul", "PauI"),
        ("modern", "modem"),
        ("O2", "02"),
        ("Ann", "ann"),
        ("Zoë", "Zoe\u0308"),
        ("scope", "ѕсоре"),
        ("Lea", "L\u200de\ufe0fa"),
        ("Ａnn", "Ann"),
        ("oh", "هh"),  # Arabic heh
    ],
)
def test_names_that_look_alike(one: str, other: str) -> None:
    assert one != other
    assert skeleton(one) == skeleton(other)


@pytest.mark.parametrize(
    ("one", "other"), [("Li", "Lu"), ("李", "季"), ("Ann", "Anna"), ("Zoë", "Zoe"), ("😀", "😁")]
)
def test_names_that_do_not(one: str, other: str) -> None:
    assert skeleton(one) != skeleton(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Tom", "ТОМ"),  # Cyrillic
        ("tom", "ТОM"),  # but for the M
        ("Nina", "ΝΙΝΑ"),  # Greek
        ("MAX", "мах"),
        ("HANS", "нans"),
        ("PAUL", "paul"),
        ("Kai", "ΚΑΙ"),
        ("李", "李\U000e0100"),
        ("Li", "Li\u0307"),
        ("Ali", "ALİ"),
        ("ᠮᠣ", "ᠮ\u180bᠣ"),
    ],
)
def test_case_and_what_isnt_seen_make_no_other_name(one: str, other: str) -> None:
    alike = not looks(one).isdisjoint(looks(other))
    assert alike


@pytest.mark.parametrize(("one", "other"), [("Kai", "Kal"), ("Lili", "Lill"), ("Li", "Lu")])
def test_names_that_have_no_look_in_common(one: str, other: str) -> None:
    assert looks(one).isdisjoint(looks(other))


@given(st.text(max_size=80))
def test_a_skeleton_is_bounded_by_its_text(text: str) -> None:
    assert len(skeleton(text)) <= 20 * 4 * len(text)


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyzABCIO01", max_size=20))
def test_what_looks_like_a_skeleton_has_it_too(text: str) -> None:
    folded = skeleton(text)
    assert skeleton(folded.replace("m", "rn")) == skeleton(folded)
