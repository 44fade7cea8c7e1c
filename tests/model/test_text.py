"""What peers write can't steer, hide or spill; what people write stays right."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pchat.config.limits import NAME_CHARS
from p2pchat.model import text as text_module
from p2pchat.model.text import (
    MARKS_IN_TEXT,
    is_blank,
    one_line,
    quoted,
    safe_bytes,
    safe_name,
    safe_text,
    well_formed,
)

ANYTHING = st.text(st.characters(codec=None), max_size=80)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J\x1b]0;owned\x07", "\\x1b[2J\\x1b]0;owned\\x07"),
        ("\x9b31m red", "\\x9b31m red"),
        ("a\x7fb\x00c\rd", "a\\x7fb\\x00c\\x0dd"),
        ("evil\u202efdp.exe", "evil\\u202efdp.exe"),
        ("\u2067isolate\u2069 \u202aembedded\u202c", "isolate embedded"),
        ("in\u200bvis\u2060ible\ufeff \u00ad\u3164.", "invisible ."),
        ("smuggled\U000e0041\U000e0042\U000e007f", "smuggled"),
        ("\ud800 and \udc9b", "\\ud800 and \\x9b"),
        ("one\r\ntwo\u2028three\tfour", "one\ntwo\nthree    four"),
        ("a\u200db", "ab"),
    ],
)
def test_what_could_fool_is_escaped_or_left_out(text: str, shown: str) -> None:
    assert safe_text(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "plain, with\nlines",
        "👨‍👩‍👧‍👦 👩🏽‍🚀 🏳️‍🌈 ❤️‍🔥 1️⃣ 🙂‍↔️",
        "🏴\U000e0067\U000e0062\U000e0077\U000e006c\U000e0073\U000e007f",
        "می‌خواهم",
        "مُحَمَّدٌ",
        "שָׁלוֹם\u200f!",
        "क्‍ष क्‌ष हिन्दी",
        "தமிழ் ไทยที่นี่ မြန်မာ ខ្មែរ",
        "葛\U000e0100飾区 你好",
        "e\u0301 n\u0303",
        "12\u06dd",
    ],
)
def test_what_people_write_stays(text: str) -> None:
    assert safe_text(text) == text


def test_what_needs_no_closer_look_gets_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """A long text took milliseconds, character by character."""
    every = "".join(map(chr, range(0x110000)))
    plain = "".join(char for char in every if text_module._PLAIN.fullmatch(char))
    assert text_module._filtered(plain, keep="\n", marks=0, escape=True) == plain
    monkeypatch.delattr(text_module, "_filtered")
    for text in ("Ça va ?", "Привет, мир!", "مرحبا بالعالم", "שלום", "你好，世界。", "こんにちは"):
        assert safe_text(text * 100) == text * 100


def test_one_line_mode_escapes_breaks() -> None:
    assert safe_text("a\nb\tc\r\n", multiline=False) == "a\\x0ab\\x09c\\x0d\\x0a"


def test_marks_do_not_spill() -> None:
    assert safe_text("a" + "\u0301" * 500 + "b") == "a" + "\u0301" * MARKS_IN_TEXT + "b"
    # invisible characters between them do not begin a new pile
    piled = safe_text("a" + ("\u0301" * 6 + "\u200b\u3164") * 50)
    assert len(piled) == 1 + MARKS_IN_TEXT


def test_names() -> None:
    assert safe_name("  Li \n\t Wei\u202e ") == "Li Wei"
    assert safe_name("\u0301\u0301Ana") == "Ana"
    assert safe_name("\u3164\u200b\x1b") == ""
    assert safe_name("Zoe\u0308") == "Zoë"
    assert len(safe_name("x" * 1000)) == NAME_CHARS
    family = "👨‍👩‍👧"
    assert safe_name("x" * (NAME_CHARS - 2) + family) == "x" * (NAME_CHARS - 2)


def test_one_line_cuts() -> None:
    assert one_line("a\nb", 10) == "a b"
    assert one_line("x" * 50, 10) == "x" * 9 + "…"


@pytest.mark.parametrize(
    ("text", "blank"),
    [
        ("", True),
        (" \t\n\u00a0\u3000", True),
        ("\u200b\u200c\u200d\u2060\ufeff", True),
        ("\u200e \u200f", True),
        ("\u3164\u2800\ufe0f\U000e0041", True),
        ("\u200b.", False),
        ("\x00", False),
        ("❤\ufe0f", False),
    ],
)
def test_what_shows_nothing_is_blank(text: str, blank: bool) -> None:
    assert is_blank(text) is blank


def test_a_name_is_no_more_of_the_sentence_around_it() -> None:
    assert quoted("Li") == "“Li”"
    for sign in '"“”„‟″〝〞＂':
        inner = quoted(f"Mei{sign} joined · 21:30 {sign}Li")[1:-1]
        assert sign not in inner
        assert inner == "Mei' joined · 21:30 'Li"


def test_bytes_that_are_not_utf8() -> None:
    assert well_formed("a\udcff\udc80b") == "a\ufffd\ufffdb"
    assert safe_bytes(b"h\xc3\xa9 \xff\x1b[0m") == "hé \\xff\\x1b[0m"


def test_well_formed() -> None:
    assert well_formed("é") == "é"
    assert "\ufffd" in well_formed("a\udcffb")


@given(ANYTHING)
def test_nothing_that_steers_gets_through(text: str) -> None:
    for shown in (safe_text(text), safe_text(text, multiline=False), safe_name(text)):
        for char in shown:
            assert char == "\n" or unicodedata.category(char) not in ("Cc", "Cs", "Zl", "Zp")
            assert char not in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
    assert "\n" not in safe_text(text, multiline=False) + safe_name(text)
    well_formed(text).encode()


@given(ANYTHING)
def test_doing_it_twice_changes_nothing(text: str) -> None:
    assert safe_text(safe_text(text)) == safe_text(text)
    assert safe_name(safe_name(text)) == safe_name(text)
    assert len(safe_name(text)) <= NAME_CHARS
