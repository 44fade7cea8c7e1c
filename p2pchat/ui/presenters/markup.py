"""The parts of a message's text that are shown otherwise: links, code, mentions. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from enum import Enum
from functools import lru_cache
from typing import NamedTuple

from p2pchat.model.text import is_blank, one_line
from p2pchat.ui.language import N_, _


class SpanKind(Enum):
    PLAIN = "plain"
    LINK = "link"
    CODE = "code"
    BLOCK = "block"
    """Lines of code that stand by themselves."""
    MENTION = "mention"
    EMOJI = "emoji"
    """Found where text is laid out, within any other but code."""


class Span(NamedTuple):
    kind: SpanKind
    text: str


BLANK = N_("(nothing that can be seen)")
"""In the place of a text of spaces and invisible characters alone."""
FENCE = "```"
"""Around a block of code."""
_MARKED = re.compile(
    r"\n?```(?:[\w+#.-]{1,20}(?=\n))?\n?(?P<block>[^`]+?)\n?```\n?"
    r"|`(?P<code>[^`\n]{1,400})`"
    r"|(?P<link>(?i:https?)://[^\s<>\"'`]{1,2000})"
    r"|(?P<mention>(?<![\w@])@(?=\w))"
)
"""Bounded repetitions that can't overlap: linear in the length of the text."""

_AFTER_LINK = ".,;:!?)]}、。，；：！？）】》"


def spans(text: str, names: Collection[str] = ()) -> Iterator[Span]:
    """The text in parts, in order. `names`: who a mention may name, in lower case."""
    done = 0
    for match in _MARKED.finditer(text):
        span, end = _marked(text, match, names)
        if span is None:
            continue
        if match.start() > done:
            yield Span(SpanKind.PLAIN, text[done : match.start()])
        yield span
        done = end
    if done < len(text):
        yield Span(SpanKind.PLAIN, text[done:])


def unmarked(text: str, limit: int) -> str:
    """The beginning of a message on one line of at most `limit` characters, without its marks."""
    parts = spans(text[: 4 * limit])
    bare = "".join(f"\n{p.text}\n" if p.kind is SpanKind.BLOCK else p.text for p in parts)
    line = one_line(bare.replace(FENCE, " "), limit)
    return _(BLANK) if is_blank(bare) else line


def _marked(text: str, match: re.Match[str], names: Collection[str]) -> tuple[Span | None, int]:
    if match["block"] is not None:
        return Span(SpanKind.BLOCK, match["block"]), match.end()
    if match["code"] is not None:
        return Span(SpanKind.CODE, match["code"]), match.end()
    if match["link"]:
        link = match["link"].rstrip(_AFTER_LINK)
        return Span(SpanKind.LINK, link), match.start() + len(link)
    start = match.end()
    for length in _lengths(names if isinstance(names, frozenset) else frozenset(names)):
        end = start + length
        if text[start:end].casefold() in names and not text[end : end + 1].isalnum():
            return Span(SpanKind.MENTION, text[match.start() : end]), end
    return None, match.end()


@lru_cache(4)
def _lengths(names: frozenset[str]) -> list[int]:
    """The longest name that fits is meant."""
    return sorted({len(name) for name in names}, reverse=True)
