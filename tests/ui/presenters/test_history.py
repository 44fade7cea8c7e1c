"""Undoing what one writes, a word a step."""

from __future__ import annotations

from p2pchat.ui.presenters.history import MOST, MOST_CHARS, History, State


def typed(history: History, text: str, before: str = "") -> str:
    for char in text:
        before += char
        history.changed(before, len(before))
    return before


def test_a_word_is_a_step() -> None:
    history = History()
    typed(history, "good  old day")
    assert [history.undo(), history.undo(), history.undo()] == [
        State("good  old", 9), State("good", 4), State("", 0),
    ]  # fmt: skip
    assert history.undo() is None
    assert history.redo() == State("good", 4)
    history.changed("good!", 5)
    assert history.redo() is None
    assert history.undo() == State("good", 4)


def test_what_comes_or_goes_at_once_is_a_step() -> None:
    history = History()
    typed(history, "ab")
    history.changed("ab and all of this", 18)
    history.changed("ab and all of thi", 17)
    history.changed("ab and all of th", 16)
    history.changed("ab", 2)
    assert [history.undo(), history.undo(), history.undo()] == [
        State("ab and all of th", 16), State("ab and all of this", 18), State("ab", 2),
    ]  # fmt: skip


def test_another_text_begins_anew() -> None:
    history = History()
    typed(history, "a")
    history.reset("draft")
    assert history.undo() is None
    history.changed("draft 2", 7)
    assert history.undo() == State("draft", 5)


def test_it_does_not_grow_without_end() -> None:
    history = History()
    for number in range(3 * MOST):
        history.changed("x" * (number * 5), 0)
    steps = 0
    while history.undo():
        steps += 1
    assert steps == MOST - 1
    large = History()
    for number in range(20):
        large.changed("x" * (MOST_CHARS // 4 + 10 * number), 0)
    kept = 0
    while large.undo():
        kept += 1
    assert kept == 2
