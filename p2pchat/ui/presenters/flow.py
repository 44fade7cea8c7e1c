"""Text in lines: where each part of a message stands, for any width and font. Pure.

Positions are characters of the text that is shown, so that what is marked with the pointer can be
copied as it was written. Widths are pixels and come from `Measure`.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, overload

from p2pchat.ui import emoji
from p2pchat.ui.presenters import bidi
from p2pchat.ui.presenters.markup import Span, SpanKind

Measure = Callable[[SpanKind, str], int]
"""The width of a text in the font of its kind; of an emoji, whatever its text. That of no text is
what stands around every text of the kind, half of it at each side."""

_NOT_FIRST = frozenset("、。，．！？：；）］｝」』】》〉〕”’…,.!?:;)]}%·®™°ー々っゃゅょッャュョ")
_NOT_LAST = frozenset("（［｛「『【《〈〔“‘([{$￥")
"""Of East Asian text: what begins no line, and what ends none (kinsoku)."""
SHORT = 400
"""Characters that are measured as a whole."""
MANY = 30
"""Lines of broken paragraphs above which a text takes all the width there is: to find the widest,
all would have to be placed, of which a screenful is seen."""
LINK_START = 8
"""Characters of a link that stay together."""
_BREAK_AFTER = frozenset("-/?&=_,.;:|\\")
"""In long words, such as links."""


class Part(NamedTuple):
    """A stretch of one kind on one line; `x` is its left edge on the line."""

    kind: SpanKind
    start: int
    end: int
    x: int
    width: int
    drawn: str
    rtl: bool
    bare: str
    """Without spaces at its end: what is told of a link."""


@dataclass(frozen=True, slots=True)
class Line:
    start: int
    end: int
    parts: tuple[Part, ...]
    width: int
    rtl: bool = False
    """Set at the right edge."""
    block: bool = False
    """Of a block of code."""


class _Piece(NamedTuple):
    kind: SpanKind
    start: int
    end: int


class Lines(Sequence[Line]):
    """Most are a whole line of the text, or of a long paragraph, and made when they are asked for:
    of an opened message with thousands only a screenful is."""

    def __init__(self, text: str, measure: Measure) -> None:
        self._text = text
        self._measure = measure
        self._kept: list[Line | _Piece | Callable[[], Line]] = []

    def __len__(self) -> int:
        return len(self._kept)

    @overload
    def __getitem__(self, index: int) -> Line: ...

    @overload
    def __getitem__(self, index: slice) -> list[Line]: ...

    def __getitem__(self, index: int | slice) -> Line | list[Line]:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        kept = self._kept[index]
        if isinstance(kept, _Piece):
            return self._line(kept)
        if not isinstance(kept, Line):
            kept = self._kept[index] = kept()
        return kept

    def add(self, lines: Iterable[Line | _Piece | Callable[[], Line]]) -> None:
        """A piece stands on a line of its own, as it is."""
        self._kept += lines

    def _line(self, piece: _Piece) -> Line:
        kind, start, end = piece
        block = kind == SpanKind.BLOCK
        if start == end:
            return Line(start, end, (), 0, block=block)
        said = self._text[start:end]
        wide = self._measure(kind, said)
        part = Part(kind, start, end, 0, wide, said, False, said)
        return Line(start, end, (part,), wide, block=block)


@dataclass(frozen=True, slots=True)
class Flow:
    text: str
    lines: Sequence[Line]
    width: int


def flow(spans: Sequence[Span], width: int, measure: Measure, reorder: bool) -> Flow:
    """`reorder`: the toolkit draws characters as they come, so that right-to-left text must be
    given to it in the order and the shapes in which it is seen."""
    text, width = "".join(span.text for span in spans), max(width, 1)
    lines, widest, broken = Lines(text, measure), 0, 0
    whole = _Whole(text, width, measure, bidi.has_rtl(text))
    for pieces in _paragraphs(spans):
        wide = whole.width_of(pieces)
        if wide is None:
            placed = _Paragraph(text, pieces, width, measure, reorder).lines()
            broken += len(placed)
            if broken > MANY:
                wide = width
                lines.add(placed)
            else:
                made = [place() for place in placed]
                wide = max((line.width for line in made), default=0)
                lines.add(made)
        else:
            lines.add(pieces)
        widest = max(widest, wide)
    return Flow(text, lines, widest)


def _paragraphs(spans: Sequence[Span]) -> Iterator[list[_Piece]]:
    """Pieces by line of the text, an empty one for an empty line; a block of code begins and ends
    one. There may be many thousands."""
    pieces: list[_Piece] = []
    start, first = 0, True
    for kind, said in spans:
        block = kind == SpanKind.BLOCK
        if block and pieces:
            yield pieces
            pieces = []
        plain = kind == SpanKind.CODE or block or next(iter(emoji.find(said)), None) is None
        for index, line in enumerate(said.split("\n")):
            if index:
                yield pieces or [_Piece(kind, start, start)]
                start, first, pieces = start + 1, False, []
            end = start + len(line)
            if plain and (line or block):
                pieces.append(_Piece(kind, start, end))
            elif line:
                pieces += _pieces(kind, line, start)
            start = end
        if block:
            yield pieces
            first, pieces = False, []
    if pieces or first:
        yield pieces or [_Piece(SpanKind.PLAIN, start, start)]


def _pieces(kind: SpanKind, text: str, start: int) -> list[_Piece]:
    pieces, done = [], 0
    for begin, end, _ in emoji.find(text):
        if begin > done:
            pieces.append(_Piece(kind, start + done, start + begin))
        pieces.append(_Piece(SpanKind.EMOJI, start + begin, start + end))
        done = end
    if done < len(text):
        pieces.append(_Piece(kind, start + done, start + len(text)))
    return pieces


class _Whole:
    """Tells which paragraphs are one line as they are: empty, or of one kind, from left to right
    and short enough. Most are, and those of a few characters come again and again."""

    def __init__(self, text: str, width: int, measure: Measure, rtl: bool) -> None:
        self._text = text
        self._width = width
        self._measure = measure
        self._rtl = rtl
        self._known: dict[tuple[SpanKind, str], int | None] = {}

    def width_of(self, pieces: list[_Piece]) -> int | None:
        """None: it has to be set."""
        kind, start, end = pieces[0]
        if start == end:
            return 0
        if len(pieces) > 1 or self._rtl or kind == SpanKind.EMOJI or end - start > SHORT:
            return None
        key = (kind, self._text[start:end])
        if key not in self._known:
            wide = self._measure(*key)
            fits = wide <= self._width and not key[1][-1].isspace()
            self._known[key] = wide if fits else None
        return self._known[key]


class _Paragraph:
    def __init__(
        self, text: str, pieces: list[_Piece], width: int, measure: Measure, reorder: bool
    ) -> None:
        self._text = text
        self._pieces = pieces
        self._width = width
        self._measure = measure
        self._reorder = reorder
        self._made: list[list[_Piece]] = [[]]
        self._room = width

    def lines(self) -> list[Callable[[], Line]]:
        """Broken; to put the parts of each into their places takes most of the time."""
        for piece in self._pieces:
            if piece.kind == SpanKind.EMOJI:
                self._put_whole(piece)
            else:
                self._put(piece)
        whole = self._text[self._pieces[0].start : self._pieces[-1].end]
        rtl = bidi.begins_rtl(whole)
        mixed = rtl or bidi.has_rtl(whole)
        return [partial(self._line, pieces, rtl, mixed) for pieces in self._made if pieces]

    # -- breaking

    def _put_whole(self, piece: _Piece) -> None:
        width = self._measure(SpanKind.EMOJI, self._text[piece.start : piece.end])
        if width > self._room and self._made[-1]:
            self._next_line()
        self._made[-1].append(piece)
        self._room -= width

    def _put(self, piece: _Piece) -> None:
        kind, at, end = piece
        while True:
            fits, width = self._fitting(kind, at, end)
            if fits == end:
                self._made[-1].append(_Piece(kind, at, end))
                self._room -= width
                return
            cut = self._break_at(kind, at, fits)
            if cut == at and self._made[-1]:
                self._next_line()
                continue
            if cut == at:
                cut = max(self._whole_cluster(fits, at), at + 1)
                cut = self._with_marks(cut, end) if cut == at + 1 else cut
            self._made[-1].append(_Piece(kind, at, cut))
            self._next_line()
            at = cut
            if at == end:
                return

    def _next_line(self) -> None:
        self._made.append([])
        self._room = self._width

    def _fitting(self, kind: SpanKind, at: int, end: int) -> tuple[int, int]:
        """How far the piece fits into the room, and how wide that is; spaces at the end always
        do. At first by an estimate: asking for widths is what takes time."""
        room = self._room
        whole = self._text[at : min(end, at + max(room, SHORT) + 8)]
        if end - at <= SHORT:
            width = self._measure(kind, whole)
            if width <= room or self._measure(kind, whole.rstrip()) <= room:
                return end, width
            per_char = width / len(whole)
        else:
            per_char = self._measure(kind, whole[:40]) / 40
        low, high = 0, min(len(whole), max(room, 0) + 8)
        guess = int(room / max(per_char, 0.5))
        while low < high:
            guess = min(max(guess, low + 1), high)
            left = room - self._measure(kind, whole[:guess])
            chars = int(abs(left) / max(per_char, 0.5))
            if left >= 0:
                low, guess = guess, guess + 1 + chars
            else:
                high, guess = guess - 1, guess - 1 - chars
        return at + low, 0

    def _break_at(self, kind: SpanKind, at: int, fits: int) -> int:
        """The last place up to `fits` where a line may end; `at` where there is none."""
        text = self._text
        if fits < len(text) and text[fits] == " ":
            return fits + 1
        for place in range(fits, at, -1):
            before, after = text[place - 1], text[place]
            if before == " ":
                return place
            if kind == SpanKind.BLOCK:
                continue
            if _is_wide(before) or _is_wide(after):
                if after not in _NOT_FIRST and before not in _NOT_LAST and not _continues(after):
                    return place
            elif before in _BREAK_AFTER and kind == SpanKind.LINK and place - at > LINK_START:
                return place
        return at

    def _whole_cluster(self, place: int, at: int) -> int:
        while place > at and place < len(self._text) and _continues(self._text[place]):
            place -= 1
        return place

    def _with_marks(self, place: int, end: int) -> int:
        while place < end and _continues(self._text[place]):
            place += 1
        return place

    # -- placing

    def _line(self, pieces: list[_Piece], rtl: bool, mixed: bool) -> Line:
        start, end = pieces[0].start, pieces[-1].end
        found = self._in_order(pieces, start, end, rtl) if mixed else [(p, False) for p in pieces]
        parts: list[Part] = []
        x = 0
        for index, ((kind, begin, stop), backwards) in enumerate(found):
            said = self._text[begin:stop]
            drawn = bidi.visual(said) if backwards and self._reorder else said
            width = self._measure(kind, drawn)
            bare = said.rstrip()
            if rtl and not index and drawn[:1].isspace():
                # Blanks at the end of a line hang over its edge, here the left one.
                x = -self._measure(kind, drawn[: len(drawn) - len(drawn.lstrip())])
            parts.append(Part(kind, begin, stop, x, width, drawn, backwards, bare))
            at_edge = index == len(found) - 1 and not rtl and bare != said
            x += self._measure(kind, bare) if at_edge and bare else 0 if at_edge else width
        block = pieces[0].kind == SpanKind.BLOCK
        return Line(start, end, tuple(parts), x, rtl, block)

    def _in_order(
        self, pieces: list[_Piece], start: int, end: int, rtl: bool
    ) -> list[tuple[_Piece, bool]]:
        """From left to right, cut where the direction changes."""
        placed: list[tuple[_Piece, bool]] = []
        for stretch in bidi.ordered(self._text[start:end], rtl):
            begin, stop = start + stretch.start, start + stretch.end
            inside = [
                _Piece(p.kind, max(p.start, begin), min(p.end, stop))
                for p in pieces
                if p.start < stop and p.end > begin
            ]
            placed += [(p, stretch.rtl) for p in (reversed(inside) if stretch.rtl else inside)]
        return placed


def _is_wide(char: str) -> bool:
    """East Asian: lines may break before and after it."""
    return char >= "\u2e80" and (
        char <= "\ua4cf" or "\uf900" <= char <= "\ufaff" or "\ufe30" <= char <= "\uffef"
        or "\U00020000" <= char <= "\U0003ffff"
    )  # fmt: skip


def has_wide(text: str) -> bool:
    return any(map(_is_wide, text))


def _continues(char: str) -> bool:
    return unicodedata.category(char) in ("Mn", "Me", "Mc") or char in "\u200d\ufe0f"


# -- pointing and marking


def index_at(line: Line, x: int, measure: Measure) -> int:
    """The place between two characters that is nearest to `x`."""
    if not line.parts:
        return line.start
    for part in line.parts:
        if x < part.x + part.width or part is line.parts[-1]:
            return _index_in(part, x - part.x, measure)
    return line.end


def _index_in(part: Part, x: int, measure: Measure) -> int:
    number = part.end - part.start
    if part.kind == SpanKind.EMOJI:
        return part.start if (x < part.width / 2) != part.rtl else part.end
    if part.rtl:
        x = part.width - x
    bounds = _Bounds(part, measure)
    place = bisect_right(bounds, x, 0, number)
    return part.start + min(max(place, 0), number)


class _Bounds(Sequence[int]):
    """Of each character its middle, from the beginning of the part; measured when asked for."""

    def __init__(self, part: Part, measure: Measure) -> None:
        self._part = part
        self._measure = measure

    def __len__(self) -> int:
        return self._part.end - self._part.start

    def __getitem__(self, index):  # type: ignore[no-untyped-def]  # whole numbers only
        edges = (_offset(self._part, i, self._measure) for i in (index, index + 1))
        return sum(edges) // 2


def _offset(part: Part, chars: int, measure: Measure) -> int:
    """How wide the first characters of the part are."""
    if part.kind == SpanKind.EMOJI:
        return part.width if chars else 0
    if part.rtl:
        # What is drawn may have fewer characters than what was written.
        return round(part.width * chars / max(1, part.end - part.start))
    if chars in (0, part.end - part.start):
        return part.width if chars else 0
    return measure(part.kind, part.drawn[:chars]) - measure(part.kind, "") // 2


def marked(line: Line, start: int, end: int, measure: Measure) -> list[tuple[int, int]]:
    """Left and right edges of what is marked of the line."""
    edges = []
    for part in line.parts:
        begin, stop = max(start, part.start), min(end, part.end)
        if begin >= stop:
            continue
        left = _offset(part, begin - part.start, measure)
        right = _offset(part, stop - part.start, measure)
        if part.rtl:
            left, right = part.width - right, part.width - left
        edges.append((part.x + left, part.x + right))
    return edges


def part_at(line: Line, x: int) -> Part | None:
    return next((part for part in line.parts if part.x <= x < part.x + part.width), None)
