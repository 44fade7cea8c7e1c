"""How text becomes words of the full-text index, and a query becomes a match expression.

FTS5's unicode61 splits at everything that is no letter or digit and folds case and diacritics.
Chinese, Japanese and Korean are written without spaces (or search by parts of words): a run of
their characters is indexed as overlapping pairs and its last character alone. A searched run is
the phrase of its pairs, so that any substring is found; a single character is a prefix of pairs.
"""

from __future__ import annotations

import re
import unicodedata

_RUN = re.compile(
    "[\u1100-\u11ff\u2e80-\u2fdf\u3005-\u3007\u3040-\u30ff\u3130-\u318f\u31a0-\u31bf\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff]+"
)
MAX_WORDS = 32
"""Words of a query that are looked at."""


def _fold(text: str) -> str:
    """Compatibility forms as one (full-width Latin, ligatures), and case as strangers write it."""
    return unicodedata.normalize("NFKC", text).casefold()


def indexed(text: str) -> str:
    """What is handed to FTS5 for `text`."""
    if text.isascii():
        return text
    return _RUN.sub(_pairs, _fold(text))


def _pairs(match: re.Match[str]) -> str:
    run = match.group()
    pairs = [run[i : i + 2] for i in range(len(run) - 1)]
    return " " + " ".join([*pairs, run[-1]]) + " "


def match_expression(query: str) -> str | None:
    """The FTS5 expression for messages with all words of the query, the last one as a prefix;
    None where it has no word."""
    words = _words(query if query.isascii() else _fold(query))[:MAX_WORDS]
    if not words:
        return None
    terms = [_term(word, last=i == len(words) - 1) for i, word in enumerate(words)]
    return "{t} : (" + " AND ".join(terms) + ")"


def _words(text: str) -> list[str]:
    words: list[str] = []
    position = 0
    for match in _RUN.finditer(text):
        words += _split(text[position : match.start()])
        words.append(match.group())
        position = match.end()
    return words + _split(text[position:])


def _split(text: str) -> list[str]:
    """Words between what unicode61 takes for separators; marks belong to their letter."""
    marked = "".join(c if unicodedata.category(c)[0] in "LNM" else " " for c in text)
    return [
        word for word in marked.split() if any(unicodedata.category(c)[0] in "LN" for c in word)
    ]


def _term(word: str, last: bool) -> str:
    if _RUN.match(word):
        if len(word) == 1:
            return f'"{word}" *'
        return " + ".join(f'"{word[i : i + 2]}"' for i in range(len(word) - 1))
    return f'"{word}" *' if last else f'"{word}"'
