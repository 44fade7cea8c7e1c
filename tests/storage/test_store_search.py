"""Full-text search, also of languages that are written without spaces."""

from __future__ import annotations

import pytest
from histories import ROOM, Author, peer, puts, shuffled
from hypothesis import given
from hypothesis import strategies as st

from p2pchat.model.ids import ConversationId
from p2pchat.storage import chapters
from p2pchat.storage.store import SqliteStore
from p2pchat.storage.words import indexed, match_expression

TEXTS = [
    "Good morning, class",
    "明天我们考试数学",
    "Das Straßenfest beginnt um acht",
    "Café au lait, s'il vous plaît",
    "hello ｗｏｒｌｄ",
    "今日は良い天気ですね",
    "오늘은 날씨가 좋다",
    "see https://example.org/path_to/page.html for more",
    "数学 homework: 第3页 to 第5页",
    "good evening; classical music",
]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("good", {0, 9}),
        ("GOOD class", {0, 9}),
        ("good class morning", {0}),
        ("clas good", set()),
        ("数学", {1, 8}),
        ("考试", {1}),
        ("试", {1}),
        ("试数学", {1}),
        ("考数", set()),
        ("学", {1, 8}),
        ("学 homework", {8}),
        ("第3页", {8}),
        ("strassenfest", {2}),
        ("STRASSEN", {2}),
        ("cafe plait", {3}),
        ("world", {4}),
        ("天気", {5}),
        ("良い", {5}),
        ("날씨", {6}),
        ("example.org", {7}),
        ("path_to", {7}),
        ('"good" OR evening', set()),
        ('good* "', {0, 9}),
        ("NEAR(good)", set()),
        ("c12", set()),
        ("   ", set()),
        ("!?", set()),
        ("👍", set()),
    ],
)
def test_words_are_found(store: SqliteStore, query: str, found: set[int]) -> None:
    author = Author(peer("a"))
    store.apply(puts(*(author.text(text) for text in TEXTS)))
    rows = store.search(query, None, 50)
    assert {TEXTS.index(row.text) for row in rows} == found
    assert [row.clock for row in rows] == sorted((row.clock for row in rows), reverse=True)


def test_newest_first_within_a_conversation(store: SqliteStore) -> None:
    here, there = Author(peer("a")), Author(peer("a"), ConversationId(b"S" * 32))
    mine = [here.text(f"word {n}") for n in range(30)]
    store.apply(puts(*shuffled(mine, 2), *(there.text("word") for _ in range(30))))
    assert [row.hash for row in store.search("word", ROOM, 5)] == [
        entry.hash for entry in reversed(mine[25:])
    ]
    assert len(store.search("word", None, 100)) == 60
    assert store.search("word", ConversationId(b"x" * 32), 5) == []


@pytest.mark.parametrize("seed", range(3))
def test_chapters_do_not_show(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(chapters, "CHAPTER_TEXTS", 20)
    author = Author(peer("a"))
    made = [author.text(f"word n{n}") for n in range(200)]
    mixed = shuffled(made, seed)
    for start in range(0, 200, 15):
        store.apply(puts(*mixed[start : start + 15]))
    newest = [entry.hash for entry in reversed(made)]
    assert [row.hash for row in store.search("wor", None, 7)] == newest[:7]
    assert [row.hash for row in store.search("word", ROOM, 300)] == newest
    assert store.search("word", ROOM, 0) == []
    assert [row.hash for row in store.search("n17", None, 300)] == [
        made[n].hash for n in (179, *range(178, 169, -1), 17)
    ]
    assert [row.text for row in store.messages(ROOM, 2)] == ["word n198", "word n199"]


@given(st.text(max_size=40))
def test_any_query_is_a_valid_expression(query: str) -> None:
    import apsw

    expression = match_expression(query)
    if expression is not None:
        connection = apsw.Connection(":memory:")
        connection.execute("CREATE VIRTUAL TABLE w USING fts5(c, t)")
        connection.execute("SELECT * FROM w WHERE w MATCH ?", (expression,)).fetchall()


@given(st.text(alphabet="数学考试天", min_size=1, max_size=12), st.data())
def test_every_substring_of_chinese_is_found(text: str, data: st.DataObject) -> None:
    import apsw

    start = data.draw(st.integers(0, len(text) - 1))
    part = text[start : data.draw(st.integers(start + 1, len(text)))]
    connection = apsw.Connection(":memory:")
    connection.execute("CREATE VIRTUAL TABLE w USING fts5(c, t)")
    connection.execute("INSERT INTO w VALUES('', ?)", (indexed(text),))
    expression = match_expression(part)
    assert connection.execute("SELECT count(*) FROM w WHERE w MATCH ?", (expression,)).get == 1
