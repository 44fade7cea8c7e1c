"""Text in lines: breaking, right-to-left, pointing and marking; with a font of equal widths."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pchat.ui.presenters.flow import Flow, flow, index_at, marked, part_at
from p2pchat.ui.presenters.markup import SpanKind, spans

WIDTH = 200


def measure(kind: SpanKind, text: str) -> int:
    return 20 if kind == SpanKind.EMOJI else 10 * len(text) + 6 * (kind == SpanKind.CODE)


def made(text: str, width: int = WIDTH) -> Flow:
    return flow(list(spans(text)), width, measure, reorder=True)


def seen(text: str, width: int = WIDTH) -> list[str]:
    """The lines as they are drawn."""
    return ["".join(part.drawn for part in line.parts) for line in made(text, width).lines]


def test_words_stay_whole() -> None:
    assert seen("hello world this is long") == ["hello world this is ", "long"]
    assert made("hello world this is long").width == 190


def test_a_word_that_is_too_long_is_cut() -> None:
    assert seen("x" * 35) == ["x" * 20, "x" * 15]
    assert seen("a " + "x" * 25) == ["a ", "x" * 20, "x" * 5]


def test_east_asian_text_breaks_anywhere_but_before_a_full_stop() -> None:
    assert seen("一二三四五六七八九十一二三四五六七八九十。") == [
        "一二三四五六七八九十一二三四五六七八九",
        "十。",
    ]
    assert seen("一二三四五六七八九十一二三四五六七八九「十」")[0].endswith("九")


def test_marks_stay_with_their_letter() -> None:
    lines = seen("a" + "\u0301" * 6 + "b" * 30)
    assert lines[0].startswith("a" + "\u0301" * 6)
    assert not any(line.startswith("\u0301") for line in lines)


def test_emoji_are_parts_of_their_own_and_whole() -> None:
    parts = made("hi 👍🏽👨‍👩‍👧 there").lines[0].parts
    assert [(part.kind, part.drawn) for part in parts] == [
        (SpanKind.PLAIN, "hi "),
        (SpanKind.EMOJI, "👍🏽"),
        (SpanKind.EMOJI, "👨‍👩‍👧"),
        (SpanKind.PLAIN, " there"),
    ]


def test_empty_lines_have_a_place() -> None:
    assert [(line.start, line.end) for line in made("a\n\nb").lines] == [(0, 1), (2, 2), (3, 4)]
    lines = made("\n\na\n```\nx\n```\n\nb").lines
    assert [(line.start, line.end) for line in lines] == [
        (0, 0), (1, 1), (2, 3), (3, 4), (4, 4), (5, 6)
    ]  # fmt: skip


def test_a_block_of_code_has_lines_of_its_own() -> None:
    text = made("see:\n```py\nx = 1\n  y = 2\n```\nend")
    assert [line.block for line in text.lines] == [False, True, True, False]
    assert text.text == "see:x = 1\n  y = 2end"


def test_right_to_left_text_is_drawn_as_it_is_seen() -> None:
    (line,) = made("שלום hello").lines
    assert line.rtl
    assert [part.drawn for part in line.parts] == ["hello", " םולש"]
    (line,) = made("say שלום now").lines
    assert not line.rtl
    assert [part.drawn for part in line.parts] == ["say ", "םולש", " now"]


def test_code_keeps_its_distance_from_what_is_beside_it() -> None:
    (line,) = made("on `go` it").lines
    assert [(part.x, part.width) for part in line.parts] == [(0, 30), (30, 26), (56, 30)]
    assert [index_at(line, x, measure) for x in (31, 40, 50, 55)] == [3, 4, 5, 5]
    assert marked(line, 3, 4, measure) == [(30, 43)]


def test_an_emoji_that_ends_a_right_to_left_line_stands_within_it() -> None:
    (line,) = made("שלום 👍").lines
    assert [(part.kind, part.x) for part in line.parts] == [
        (SpanKind.EMOJI, 0),
        (SpanKind.PLAIN, 20),
    ]
    assert line.width == 70


def test_arabic_letters_join() -> None:
    (line,) = made("سلام").lines
    assert line.parts[0].drawn == "\ufee1\ufefc\ufeb3"  # from the left: meem, lam-alef, seen
    (line,) = flow(list(spans("سلام")), WIDTH, measure, reorder=False).lines
    assert line.parts[0].drawn == "سلام", "a toolkit that does it by itself gets it as it is"


def test_pointing_finds_the_nearest_place() -> None:
    (line,) = made("hello 👍 world").lines
    assert [index_at(line, x, measure) for x in (0, 4, 6, 59, 62, 75, 400)] == [
        0,
        0,
        1,
        6,
        6,
        7,
        13,
    ]
    link = made("see https://an.example/path now").lines[1]
    found = part_at(link, 35)
    assert found is not None
    assert found.kind == SpanKind.LINK


def test_marking_in_right_to_left_text_goes_from_the_right() -> None:
    (line,) = made("שלום").lines
    assert marked(line, 0, 1, measure) == [(30, 40)]


@given(st.text(alphabet="ab 漢。\n👍\u0301שم1(`h", max_size=300), st.integers(20, 300))
def test_nothing_is_lost_and_nothing_is_wider(text: str, width: int) -> None:
    result = made(text, width)
    pieces = sorted((part.start, part.end) for line in result.lines for part in line.parts)
    joined = "".join(result.text[start:end] for start, end in pieces)
    assert joined == result.text.replace("\n", "")
    for line in result.lines:
        whole = result.text[line.start : line.end].rstrip()
        clusters = [char for char in whole if char != "\u0301"]
        # Code is cut where the direction changes, and each part has air around it.
        air = 6 * max(0, sum(part.kind == SpanKind.CODE for part in line.parts) - 1)
        assert line.width <= max(width, 20) + air or len(clusters) <= 1 or "\u0301" in whole


@pytest.mark.parametrize("text", ["x" * 16_000, "\n" * 16_000, "ש a" * 5000, "漢" * 5000])
def test_whatever_comes_is_set_at_once(text: str) -> None:
    calls = 0

    def counting(kind: SpanKind, said: str) -> int:
        nonlocal calls
        calls += 1
        return measure(kind, said)

    lines = flow(list(spans(text)), 600, counting, reorder=True).lines
    assert calls <= 16 * len(lines) + 3 * sum(len(line.parts) for line in lines)


def test_lines_that_are_not_looked_at_are_not_made() -> None:
    asked: list[str] = []

    def counted(kind: SpanKind, text: str) -> int:
        asked.append(text)
        return measure(kind, text)

    text = "\n".join(["short"] * 3000 + [""] * 3000 + ["x" * 25])
    found = flow(list(spans(text)), WIDTH, counted, reorder=True)
    assert len(found.lines) == 6002
    assert found.width == 200
    assert len(asked) < 20
    for number, start in ((2999, 2999 * 6), (5000, 3000 * 6 + 2000), (-1, len(text) - 5)):
        line = found.lines[number]
        assert line.start == start
        assert text[line.start : line.end] == "".join(part.drawn for part in line.parts)
    assert [line.start for line in found.lines[2998:3001]] == [17988, 17994, 18000]


@pytest.mark.parametrize(
    "text",
    ["مرحبا بالعالم " * 200, "مرحبا بالعالم مرحبا بالعالم\n" * 100],
    ids=["one paragraph", "many"],
)
def test_of_a_long_text_only_lines_that_are_looked_at_are_put_in_order(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    from p2pchat.ui.presenters import bidi, flow

    seen: list[str] = []
    ordered = bidi.ordered

    def noted(text: str, rtl: bool) -> list[bidi.Stretch]:
        seen.append(text)
        return ordered(text, rtl)

    monkeypatch.setattr(bidi, "ordered", noted)
    found = made(text)
    assert (len(found.lines) > 100, found.width) == (True, WIDTH)
    assert len(seen) <= flow.MANY
    seen.clear()
    assert found.lines[60] is found.lines[60], "made once"
    assert len(seen) == 1
