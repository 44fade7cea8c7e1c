"""Emoji: found in texts, found by words, and their pictures."""

from __future__ import annotations

import io

import pytest

from p2pchat.config import limits
from p2pchat.model.text import is_one_emoji
from p2pchat.ui import emoji


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("no such thing 1 # * ©", []),
        ("hi 👍", ["👍"]),
        ("👍🏽👍", ["👍🏽", "👍"]),
        ("👨‍👩‍👧 and 🏳️‍🌈", ["👨‍👩‍👧", "🏳️‍🌈"]),
        ("🇨🇳🇩🇪", ["🇨🇳", "🇩🇪"]),
        ("1️⃣ is not 1", ["1️⃣"]),
        ("❤️ with a selector, ❤ without: text", ["❤️"]),
        ("🏳‍🌈", ["🏳️‍🌈"]),
    ],
)
def test_the_longest_is_found(text: str, found: list[str]) -> None:
    assert [one.chars for _, _, one in emoji.find(text)] == found


def test_messages_of_nothing_else() -> None:
    assert emoji.only_emoji("👍🏽 🎉", 3) == 2
    assert emoji.only_emoji("👍 ok", 3) == 0
    assert emoji.only_emoji("👍👍👍👍", 3) == 0
    assert emoji.only_emoji("", 3) == 0


def test_they_are_found_by_words_of_english_and_the_language() -> None:
    assert "🎂" in [one.chars for one in emoji.search("birthday")]
    assert "🎂" in [one.chars for one in emoji.search("生日", "zh_CN")]
    assert "🎂" in [one.chars for one in emoji.search("birthday", "zh_CN")]
    assert emoji.search("nothing is called so") == []
    assert emoji.search(" ") == []
    english = {one.chars: one.name for one in emoji.named("xx")}
    assert english["🎂"] == "birthday cake"


def test_one_can_react_with_each() -> None:
    assert [chars for chars in emoji.table() if not is_one_emoji(chars)] == []
    assert max(map(len, emoji.table())) <= limits.EMOJI_CHARS


def test_tones() -> None:
    assert emoji.with_tones("👍")[1] == "👍🏻"
    assert emoji.with_tones("🎂") == ["🎂"]


def test_each_has_a_picture() -> None:
    image = pytest.importorskip("PIL.Image")
    table = emoji.table()
    assert len(table) > 3600
    for chars in ("😀", "👨‍👩‍👧", "🏴󠁧󠁢󠁷󠁬󠁳󠁿"):
        assert image.open(io.BytesIO(emoji.picture(table[chars]))).size == (64, 64)
    last = max(table.values(), key=lambda one: one.start)
    assert (emoji.DATA / "pictures.bin").stat().st_size == last.start + last.size
