"""The order and shapes of right-to-left text, for toolkits that draw characters as they come. Pure.

A line is ordered by the Unicode Bidirectional Algorithm (UAX #9) without explicit embeddings:
what others send has none that steer (`model.text.safe_text`). Arabic letters take the forms that
their neighbours ask for by the presentation forms of Unicode.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple

_RTL = re.compile(
    "[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]"
)
_PAIRS = dict(zip("([{（［｛「『【〈《〔", ")]}）］｝」』】〉》〕", strict=True))
_DEEPEST = 63
"""Brackets within each other that are looked at, as in the algorithm."""
_MARKS = ("Mn", "Me", "Cf")


class Stretch(NamedTuple):
    """Characters `start` to `end` of the line, of one direction."""

    start: int
    end: int
    rtl: bool


def has_rtl(text: str) -> bool:
    return _RTL.search(text) is not None


def begins_rtl(text: str) -> bool:
    """The direction of a paragraph: that of its first letter (rules P2 and P3)."""
    if not has_rtl(text):
        return False
    for char in text:
        kind = unicodedata.bidirectional(char)
        if kind in ("L", "R", "AL"):
            return kind != "L"
    return False


def ordered(line: str, rtl: bool) -> list[Stretch]:
    """The stretches of a line from left to right; `rtl` is its paragraph's direction."""
    if not line:
        return []
    if not rtl and not has_rtl(line):
        return [Stretch(0, len(line), False)]
    levels = _levels(line, int(rtl))
    runs = []
    at = 0
    for level, group in groupby(levels):
        end = at + len(list(group))
        runs.append((level, Stretch(at, end, bool(level % 2))))
        at = end
    # Rule L2: from the highest level down, each sequence of at least that level is reversed.
    for least in range(max(levels), 0, -1):
        at = 0
        while at < len(runs):
            end = at
            while end < len(runs) and runs[end][0] >= least:
                end += 1
            runs[at:end] = reversed(runs[at:end])
            at = max(end, at + 1)
    return [stretch for _, stretch in runs]


def _levels(line: str, base: int) -> list[int]:
    kinds = _resolved(line, base)
    levels = []
    for kind in kinds:
        if base % 2:
            levels.append(base if kind == "R" else base + 1)
        else:
            levels.append({"L": base, "R": base + 1}.get(kind, base + 2))
    # Rule L1: blanks at the end of a line have the paragraph's level.
    for index in range(len(line) - 1, -1, -1):
        if not line[index].isspace():
            break
        levels[index] = base
    return levels


def _resolved(line: str, base: int) -> list[str]:
    """Each character's kind as L, R or EN (rules W1 to W7, N0 to N2)."""
    kinds = [unicodedata.bidirectional(char) or "L" for char in line]
    edge = "R" if base % 2 else "L"
    before, strong = edge, edge
    for index, kind in enumerate(kinds):
        if kind in ("NSM", "BN", "LRM", "RLM"):
            kind = before  # W1
        elif kind == "EN" and strong == "AL":
            kind = "AN"  # W2
        if kind in ("L", "R", "AL"):
            strong = kind
        kinds[index] = before = kind
    _separators(kinds)
    strong = edge
    for index, kind in enumerate(kinds):
        if kind in ("L", "R", "AL"):
            strong = kind
            kinds[index] = "R" if kind == "AL" else kind  # W3
        elif kind == "EN" and strong == "L":
            kinds[index] = "L"  # W7
        elif kind in ("EN", "AN"):
            kinds[index] = "EN"
    _brackets(line, kinds, edge)
    _neutrals(kinds, edge)
    return kinds


def _separators(kinds: list[str]) -> None:
    """One separator between two numbers, and what stands beside a number (W4, W5)."""
    for index in range(1, len(kinds) - 1):
        left, right = kinds[index - 1], kinds[index + 1]
        number = left == right and left in ("EN", "AN")
        if number and (kinds[index] == "CS" or (kinds[index] == "ES" and left == "EN")):
            kinds[index] = left
    for order in (range(len(kinds)), range(len(kinds) - 1, -1, -1)):
        before = ""
        for index in order:
            if kinds[index] == "ET" and before == "EN":
                kinds[index] = "EN"
            before = kinds[index]


def _brackets(line: str, kinds: list[str], edge: str) -> None:
    """Both brackets of a pair have the direction of what they hold (N0)."""
    pairs, waiting = [], list[tuple[str, int]]()
    for index, char in enumerate(line):
        if kinds[index] != "ON":
            continue
        if char in _PAIRS:
            waiting.append((_PAIRS[char], index))
        elif any(closing == char for closing, _ in waiting):
            while waiting:
                closing, opened = waiting.pop()
                if closing == char:
                    pairs.append((opened, index))
                    break
        if len(waiting) > _DEEPEST:
            break
    other = "L" if edge == "R" else "R"
    for opened, closed in sorted(pairs):
        held = {_strong(kind) for kind in kinds[opened + 1 : closed]}
        if edge in held:
            kinds[opened] = kinds[closed] = edge
        elif other in held:
            before = (_strong(kind) for kind in reversed(kinds[:opened]) if _strong(kind))
            kinds[opened] = kinds[closed] = other if next(before, edge) == other else edge


def _strong(kind: str) -> str:
    return "R" if kind == "EN" else kind if kind in ("L", "R") else ""


def _neutrals(kinds: list[str], edge: str) -> None:
    """What has no direction takes that of its surroundings, a number being as R (N1, N2)."""
    at = 0
    while at < len(kinds):
        if kinds[at] in ("L", "R", "EN"):
            at += 1
            continue
        end = at
        while end < len(kinds) and kinds[end] not in ("L", "R", "EN"):
            end += 1
        left = edge if at == 0 else "L" if kinds[at - 1] == "L" else "R"
        right = edge if end == len(kinds) else "L" if kinds[end] == "L" else "R"
        kinds[at:end] = [left if left == right else edge] * (end - at)
        at = end


# -- shapes


@lru_cache(1)
def _forms() -> dict[str, dict[str, str]]:
    """By letter, its presentation forms by their names in Unicode's decompositions; ligatures of
    lam and alef by both letters."""
    forms: dict[str, dict[str, str]] = {}
    for code in (*range(0xFB50, 0xFBFF), *range(0xFE80, 0xFEFD)):
        tag, _, letters = unicodedata.decomposition(chr(code)).partition("> ")
        plain = "".join(chr(int(letter, 16)) for letter in letters.split())
        if len(plain) == 1 or (len(plain) == 2 and plain[0] == "\u0644"):
            forms.setdefault(plain, {}).setdefault(tag.lstrip("<"), chr(code))
    return forms


def shaped(text: str) -> str:
    """Arabic letters in the forms that they have beside each other; still in logical order."""
    forms = _forms()
    letters = _letters(text)
    out: list[str] = []
    before_joins = False
    for index, letter in enumerate(letters):
        if letter[0] not in forms and letter not in forms:
            out.append(letter)
            # A joiner or tatweel lets its neighbours join; a mark changes nothing.
            if unicodedata.category(letter[0]) not in _MARKS or letter == "\u200c":
                before_joins = letter in ("\u200d", "\u0640")
            continue
        base, marks = _base(letter, forms)
        known = forms[base]
        after = _next_joins(letters, index, forms)
        joins_next = "initial" in known and after
        form = (
            "medial" if before_joins and joins_next and "medial" in known
            else "final" if before_joins and "final" in known
            else "initial" if joins_next
            else "isolated"
        )  # fmt: skip
        out.append(known.get(form, base) + marks)
        before_joins = "initial" in known
    return "".join(out)


def _letters(text: str) -> list[str]:
    """Each letter, lam and alef as one; joiners stay."""
    forms = _forms()
    letters: list[str] = []
    at = 0
    while at < len(text):
        size = 2 if text[at : at + 2] in forms else 1
        letters.append(text[at : at + size])
        at += size
    return letters


def _base(letter: str, forms: dict[str, dict[str, str]]) -> tuple[str, str]:
    return (letter, "") if letter in forms else (letter[0], letter[1:])


def _next_joins(letters: list[str], index: int, forms: dict[str, dict[str, str]]) -> bool:
    for letter in letters[index + 1 :]:
        if letter in ("\u200d", "\u0640"):
            return True
        if letter in forms:
            return "final" in forms[letter]
        if letter == "\u200c" or unicodedata.category(letter[0]) not in _MARKS:
            return False
    return False


def visual(text: str) -> str:
    """A right-to-left stretch as a toolkit without any of this has to be given it."""
    clusters: list[str] = []
    for char in shaped(text):
        if clusters and unicodedata.category(char) in ("Mn", "Me"):
            clusters[-1] += char
        elif char not in ("\u200d", "\u200c", "\u200e", "\u200f", "\u061c"):
            clusters.append(_mirrored(char))
    return "".join(reversed(clusters))


_MIRROR = dict(zip("()[]{}<>«»‹›≤≥（）［］", ")(][}{><»«›‹≥≤）（］［", strict=True))


def _mirrored(char: str) -> str:
    return _MIRROR.get(char, char)
