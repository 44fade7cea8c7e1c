"""From messages to rows: grouping, days, folding, and nothing that fools the reader."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paper_node import ME, START, PaperNode, delivered_to, make_peer, peer_id

from p2pchat.model.message import Message, MessageKind, Receipts
from p2pchat.ui.presenters import bidi, markup, timeline, words
from p2pchat.ui.presenters.markup import SpanKind
from p2pchat.ui.presenters.timeline import Delivery, Row, Voice

LI = peer_id("a")
WANG = peer_id("b")


def context(**more: object) -> timeline.Context:
    fields: dict[str, object] = {
        "me": ME,
        "now": START.astimezone(),
        "labels": {LI: "Li", ME: "Me"},
        "said": {LI: "Li", ME: "Me"},
        "quotes": {},
    }
    return timeline.Context(**{**fields, **more})  # type: ignore[arg-type]  # a test's shorthand


def rows(*messages: Message, **more: object) -> list[Row]:
    return timeline.rows(messages, context(**more))


@pytest.fixture
def node() -> PaperNode:
    node = PaperNode()
    node.add_peer(make_peer("a", "Li"))
    return node


def test_messages_of_one_author_are_grouped(node: PaperNode) -> None:
    at = START
    made = rows(
        node.message("#lobby", "1", LI, at),
        node.message("#lobby", "2", LI, at + timedelta(minutes=1)),
        node.message("#lobby", "3", ME, at + timedelta(minutes=2)),
        node.message("#lobby", "4", LI, at + timedelta(minutes=3)),
        node.message("#lobby", "5", LI, at + timedelta(minutes=30)),
    )
    assert [row.heading for row in made] == [True, False, True, True, True]
    assert [row.voice for row in made][:3] == [Voice.OTHER, Voice.OTHER, Voice.OWN]


def test_each_day_is_named_once(node: PaperNode) -> None:
    now = START.astimezone()
    made = rows(
        node.message("#lobby", "1", LI, START - timedelta(days=400)),
        node.message("#lobby", "2", LI, START - timedelta(days=1)),
        node.message("#lobby", "3", LI, START),
        node.message("#lobby", "4", LI, START),
        now=now,
    )
    assert made[0].day.endswith(str((now - timedelta(days=400)).year))
    assert [row.day for row in made[1:]] == ["Yesterday", "Today", ""]


def test_a_clock_that_is_a_day_off_begins_no_day(node: PaperNode) -> None:
    """Each of its messages had a line with another day above it, and so had each after it."""
    day = timedelta(days=1)
    made = rows(
        node.message("#lobby", "1", ME, START),
        node.message("#lobby", "2", LI, START + day, clock_off=True),
        node.message("#lobby", "3", ME, START + timedelta(minutes=1)),
        node.message("#lobby", "4", LI, START - day, clock_off=True),
        node.message("#lobby", "5", ME, START + timedelta(minutes=2)),
        now=START.astimezone(),
    )
    assert [row.day for row in made] == ["Today", "", "", "", ""]
    there = START.astimezone()
    assert made[1].time == f"{words.short_when(there + day, there)} {there:%H:%M}"
    assert made[3].time == f"{words.short_when(there - day, there)} {there:%H:%M}"
    assert made[2].time == f"{there + timedelta(minutes=1):%H:%M}"
    assert "clock" in made[1].note


def test_what_the_node_says_goes_as_the_language_whoever_it_begins_with(node: PaperNode) -> None:
    name = "\u05e9\u05dc\u05d5\u05dd joined"
    said = node.message("#lobby", f"“{name}” joined", LI, kind=MessageKind.SYSTEM)
    (row,) = rows(said)
    shown = "".join(
        bidi.visual(row.text[start:end]) if rtl else row.text[start:end]
        for start, end, rtl in bidi.ordered(row.text, bidi.begins_rtl(row.text))
    )
    assert shown.lstrip("\u200e") == "“\u05dd\u05d5\u05dc\u05e9 joined” joined"


def test_only_the_node_makes_system_messages(node: PaperNode) -> None:
    fake = node.message("#lobby", "— Wang left —\n10:32 System: hello", LI)
    true = node.message("#lobby", "Li joined", LI, kind=MessageKind.SYSTEM)
    made = rows(fake, true)
    assert [row.voice for row in made] == [Voice.OTHER, Voice.SYSTEM]
    assert made[0].heading
    assert not made[1].heading


def test_what_others_write_is_made_safe(node: PaperNode) -> None:
    text = "a\x1b[31mb\u202ec\x00"
    row = rows(node.message("#lobby", text, WANG, author_label="x\n\u202ey"))[0]
    for char in "\x1b\u202e\x00":
        assert char not in row.text + row.label
    assert "\n" not in row.label


def test_a_message_of_invisible_characters_says_so(node: PaperNode) -> None:
    blank = node.message("#lobby", "\u200b\u200e\u2060", LI)
    answer = node.message("#lobby", "what?", ME, reply_to=blank.message_id)
    row, answering = rows(blank, answer, quotes={blank.message_id: blank})
    assert row.removed, "in the letters of what can't be shown"
    assert row.text == "(nothing that can be seen)"
    assert answering.quote is not None
    assert answering.quote.text == row.text
    assert not answering.removed


def test_a_long_message_is_folded(node: PaperNode) -> None:
    tall = node.message("#lobby", "\n".join("line" for _ in range(3000)), LI)
    wide = node.message("#lobby", "x" * 16_000, LI)
    folded = rows(tall, wide)
    assert [row.text.count("\n") < timeline.FOLD_LINES for row in folded] == [True, True]
    assert all(len(row.text) <= timeline.FOLD_CHARS + 2 for row in folded)
    assert folded[0].hidden_lines == 3000 - timeline.FOLD_LINES
    assert folded[1].hidden_lines == 1
    unfolded = rows(tall, wide, unfolded=frozenset({tall.message_id, wide.message_id}))
    assert [row.hidden_lines for row in unfolded] == [-1, -1]
    assert [row.text for row in unfolded] == [tall.text, wide.text]


def test_only_the_rows_that_changed_are_made_anew(node: PaperNode) -> None:
    messages = [node.message("#lobby", "x" * 5000, LI) for _ in range(4)]
    maker = timeline.RowMaker()
    first = maker.rows(messages, context())
    opened = frozenset({messages[1].message_id})
    second = maker.rows(messages, context(unfolded=opened))
    assert [one is other for one, other in zip(first, second, strict=True)] == [1, 0, 1, 1]
    unread = messages[3].message_id
    third = maker.rows(messages, context(unfolded=opened, first_unread=unread))
    assert [one is other for one, other in zip(second, third, strict=True)] == [1, 1, 1, 0]
    assert third[3].first_unread


@given(st.text(max_size=4000))
def test_folding_shows_a_beginning_and_all_is_there_unfolded(text: str) -> None:
    shown, hidden = timeline.fold(text, unfolded=False)
    if hidden:
        assert text.startswith(shown.removesuffix("\n…\n```").removesuffix(" …"))
        assert timeline.fold(text, unfolded=True)[0] == text
    else:
        assert shown == text


def test_code_that_is_folded_stays_code() -> None:
    code = "so:\n```\n" + "\n".join(f"line {n}" for n in range(10_000)) + "\n```\nyes"
    shown, hidden = timeline.fold(code, unfolded=False)
    assert hidden == 10_004 - timeline.FOLD_LINES
    kinds = [span.kind for span in markup.spans(shown)]
    assert kinds == [SpanKind.PLAIN, SpanKind.BLOCK]
    never_closed, _ = timeline.fold(code.removesuffix("\n```\nyes"), unfolded=False)
    assert [span.kind for span in markup.spans(never_closed)] == [SpanKind.PLAIN]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("see `code` here", "see code here"),
        ("so:\n```python\nx = 1\n```\nyes", "so: x = 1 yes"),
        ("```\n" + "long\n" * 100 + "```", "long long long long long…"),
        ("a `lone mark", "a `lone mark"),
    ],
)
def test_a_preview_has_no_marks(text: str, shown: str) -> None:
    assert markup.unmarked(text, 25) == shown


def test_delivery_counts_others_only(node: PaperNode) -> None:
    def delivery(receipts: Receipts) -> Delivery:
        return rows(node.message("#lobby", "x", receipts=receipts))[0].delivery

    assert delivery(delivered_to(ME)) == Delivery.STORED
    assert delivery(delivered_to(ME, LI)) == Delivery.DELIVERED
    assert delivery(Receipts(delivered=50, read=2)) == Delivery.READ


def test_a_time_that_is_none_is_no_trouble(node: PaperNode) -> None:
    made = rows(node.message("#lobby", "x", LI, sent_at="junk"), node.message("#lobby", "y", LI))
    assert made[0].time == "--:--"
    assert made[0].day == ""
    assert made[1].day


def test_replies_to_what_is_not_here_and_to_what_was_deleted(node: PaperNode) -> None:
    gone = node.message("#lobby", "", LI, deleted=True)
    answer = node.message("#lobby", "yes", reply_to=gone.message_id)
    lost, found = (rows(answer, quotes=quotes)[0].quote for quotes in ({}, {gone.message_id: gone}))
    assert lost is not None
    assert found is not None
    assert (lost.text, found.text) == ("an earlier message", "deleted")


# -- words


def test_initials() -> None:
    assert words.initials("Maria Lopez") == "ML"
    assert words.initials("li") == "L"
    assert words.initials("王小明") == "小明"
    assert words.initials("Li_2") == "L"
    assert words.initials("\u202e!!") == "?"
    assert words.initials("🎉🐸") == "🎉"
    assert words.initials("🎉 Li") == "L"


def test_several() -> None:
    assert words.several([]) == ""
    assert words.several(["a"]) == "“a”"
    assert words.several(["Li and Mei”", "b"]) == "“Li and Mei'” and “b”", (
        "one who ends the quotation"
    )
    assert words.several(["a", "b"]) == "“a” and “b”"
    assert words.several(["a", "b", "c", "d"]) == "“a”, “b”, “c” and 1 other"
    assert words.several(["a", "b", "c", "d", "e"]) == "“a”, “b”, “c” and 2 others"


def test_short_when() -> None:
    now = datetime(2026, 3, 16, 12, 0).astimezone()
    assert words.short_when(now, now) == "12:00"
    assert words.short_when(now - timedelta(days=2), now) == "Sat"
    assert words.short_when(now - timedelta(days=40), now) == "4 Feb"


# -- markup


def test_links_code_and_mentions() -> None:
    text = "see https://a.org/x_(1). `x = 1` @li and @nobody, mail a@li.org"
    marked = [span for span in markup.spans(text, {"li"}) if span.kind != SpanKind.PLAIN]
    assert marked == [
        (SpanKind.LINK, "https://a.org/x_(1"),
        (SpanKind.CODE, "x = 1"),
        (SpanKind.MENTION, "@li"),
    ]


@given(st.text(alphabet="ab`@ :/.htps\n", max_size=200))
def test_markup_loses_nothing_but_back_ticks(text: str) -> None:
    joined = "".join(span.text for span in markup.spans(text, {"a", "b"}))
    assert joined.replace("`", "").replace("\n", "") == text.replace("`", "").replace("\n", "")


def test_only_web_links_are_links() -> None:
    kinds = {span.kind for span in markup.spans("file:///etc/passwd javascript:alert(1)")}
    assert kinds == {SpanKind.PLAIN}
