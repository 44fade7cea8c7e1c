"""The emoji that the program has pictures of: where they stand in a text, what they are called,
and their pictures. Data made by scripts/emoji.py."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

DATA = Path(__file__).parent / "data"
GROUPS = (
    "smileys", "people", "components", "animals", "food", "travel", "activities", "objects",
    "symbols", "flags",
)  # fmt: skip
"""By number, as in Unicode's list."""

_TONES = "\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff"
_SELECTOR = "\ufe0f"
_MAYBE = re.compile(
    "[\U0001f000-\U0001faff\u2190-\u21ff\u2300-\u23ff\u2460-\u24ff\u25a0-\u27bf\u2900-\u2bff"
    "\u00a9\u00ae\u203c\u2049\u2122\u2139\u3030\u303d\u3297\u3299\ufe0f\u20e3]"
)
"""What an emoji has at least one of; a text without is done with at once."""


class Emoji(NamedTuple):
    chars: str
    group: str
    start: int
    """Of its picture, a WebP, in pictures.bin."""
    size: int


class Named(NamedTuple):
    chars: str
    group: str
    name: str
    words: str
    """In lower case: all that it is found by."""


@lru_cache(1)
def table() -> dict[str, Emoji]:
    """All of them, in their order; also by their minimally qualified forms, which lack selectors
    that another character makes up for (UTS #51)."""
    found: dict[str, Emoji] = {}
    start = 0
    for line in (DATA / "sequences.txt").read_text(encoding="utf-8").splitlines():
        chars, group, size = line.split("\t")
        found[chars] = Emoji(chars, GROUPS[int(group)], start, int(size))
        start += int(size)
    for chars, emoji in list(found.items()):
        bare = chars[0] + chars[1:].replace(_SELECTOR, "")
        if len(bare) > 1 and bare != chars:
            found.setdefault(bare, emoji)
    return found


@lru_cache(1)
def _longest() -> dict[str, int]:
    """By first character, the length of the longest."""
    longest: dict[str, int] = {}
    for chars in table():
        longest[chars[0]] = max(longest.get(chars[0], 0), len(chars))
    return longest


@lru_cache(1)
def _first() -> re.Pattern[str]:
    return re.compile(f"[{re.escape(''.join(_longest()))}]")


def find(text: str) -> Iterator[tuple[int, int, Emoji]]:
    """(start, end, emoji) of those in the text, in order, the longest at each place."""
    if not _MAYBE.search(text):
        return
    longest, known, first = _longest(), table(), _first()
    at = 0
    while (begins := first.search(text, at)) is not None:
        at = begins.start()
        most = longest.get(text[at], 0)
        end = next(
            (end for end in range(min(at + most, len(text)), at, -1) if text[at:end] in known), at
        )
        if end > at:
            yield at, end, known[text[at:end]]
        at = max(end, at + 1)


def only_emoji(text: str, most: int) -> int:
    """How many emoji the text consists of; 0 where there is anything else, or more than `most`."""
    if len(text) > 16 * most:
        return 0
    number, done = 0, 0
    for start, end, _ in find(text):
        if text[done:start].strip():
            return 0
        number, done = number + 1, end
    return 0 if text[done:].strip() or number > most else number


@lru_cache(4)
def named(language: str) -> Sequence[Named]:
    """All but those that differ in the tone of the skin, named in this language, else in English;
    found by words of both."""
    english = _names("en")
    local = _names(language) if language != "en" else english
    known = table()
    return [
        Named(
            chars, known[chars].group, local.get(chars, english[chars])[0] or english[chars][0],
            " ".join((*english[chars], *local.get(chars, ()))).casefold(),
        )
        for chars in english
    ]  # fmt: skip


def _names(language: str) -> dict[str, tuple[str, str]]:
    path = DATA / f"names.{language}.txt"
    if not path.is_file():
        return {}
    rows = (line.split("\t") for line in path.read_text(encoding="utf-8").splitlines())
    return {chars: (name, words) for chars, name, words in rows}


def search(query: str, language: str = "en", limit: int = 200) -> list[Named]:
    """Those that all words of the query lead to: first where one of theirs begins with it."""
    wanted = query.casefold().split()
    if not wanted:
        return []
    hits = [one for one in named(language) if all(word in one.words for word in wanted)]
    first = wanted[0]

    def rank(one: Named) -> int:
        words = one.words.split()
        return 0 if first in words[:1] else 1 if any(w.startswith(first) for w in words) else 2

    return sorted(hits, key=rank)[:limit]


def with_tones(chars: str) -> list[str]:
    """The emoji in each tone of the skin, itself first; it alone where it has none."""
    bare = chars.replace(_SELECTOR, "")
    toned = (bare[0] + tone + bare[1:] for tone in _TONES)
    return [chars, *(one for one in toned if one in table())]


def picture(emoji: Emoji) -> bytes:
    """A WebP of 64 × 64 pixels."""
    with (DATA / "pictures.bin").open("rb") as pictures:
        pictures.seek(emoji.start)
        return pictures.read(emoji.size)
