"""What a name looks like: the skeleton of UTS #39, by the data of confusable-homoglyphs.

The package keeps, for each character or sequence, all that it can be confused with, in both
directions alike: what has many is the prototype of UTS #39, what has one is mapped to it. Its own
functions judge scripts, not pairs of names, so only its data is used.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache
from importlib.resources import files

import msgspec

from p2pchat.config import limits
from p2pchat.model.text import is_selector

_LEFT_TO_RIGHT_MARK = "\u200e"
"""Stands around right-to-left characters in the data, as in Unicode's own comments."""


_DOT_ON_A_DOT = re.compile("(?<=[ijıȷіј])\u0307")
"""A dot above a letter that has one in any case."""


@lru_cache(maxsize=4 * limits.CLAIMS)
def looks(name: str) -> frozenset[str]:
    """`model.names.Looks`: as it stands (`PauI` with an i looks like `Paul`), in small letters
    (`PAUL`) and in capitals, as `ТОМ` in Cyrillic letters looks like `TOM`."""
    plain = unicodedata.normalize("NFKC", name)
    small, large = (unicodedata.normalize("NFKC", n) for n in (plain.casefold(), plain.upper()))
    return frozenset((skeleton(plain), skeleton(small), _mapped(large)))


def skeleton(text: str) -> str:
    """Equal for texts that look alike, but also where letter case differs after that."""
    return _mapped(text).casefold()


def _mapped(text: str) -> str:
    """UTS #39, section 4: NFD, map, NFD. The first call reads the data: some 20 ms."""
    shown = (char for char in unicodedata.normalize("NFD", text) if not _ignorable(char))
    mapped = _DOT_ON_A_DOT.sub("", "".join(shown)).translate(_prototypes())
    return unicodedata.normalize("NFD", mapped)


def _ignorable(char: str) -> bool:
    return unicodedata.category(char) == "Cf" or is_selector(char)


@cache
def _prototypes() -> dict[int, str]:
    """Code point to prototype. What is read meanwhile (5 MB) is dropped; this stays, 1 MB."""
    alike = _alike()
    inside = {char for text in alike if len(text) > 1 for char in text}
    found: dict[int, str] = {}
    for text, others in alike.items():
        if len(text) == 1 and len(others) == 1 and _is_source(text, others[0], alike, inside):
            found[ord(text)] = others[0]
    # Of a pair that has only each other either may be the prototype; a prototype of several
    # characters must be made of prototypes.
    return {code: text.translate(found) for code, text in found.items()}


class _Other(msgspec.Struct):
    c: str


def _alike() -> dict[str, list[str]]:
    data = files("confusable_homoglyphs").joinpath("confusables.json").read_bytes()
    return {
        text.replace(_LEFT_TO_RIGHT_MARK, ""): [
            other.c.replace(_LEFT_TO_RIGHT_MARK, "") for other in others
        ]
        for text, others in msgspec.json.decode(data, type=dict[str, list[_Other]]).items()
    }


def _is_source(char: str, other: str, alike: dict[str, list[str]], inside: set[str]) -> bool:
    """Whether `char` is mapped to `other`, rather than the other way round."""
    if len(other) > 1 or len(alike[other]) > 1:
        return True
    return (char in inside, -ord(char)) < (other in inside, -ord(other))
