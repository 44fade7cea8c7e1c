"""The calendar in front of a conversation, by keys and clicks under a real display."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from paper_node import peer_id

pytest.importorskip("tkinter", reason="this Python has no tkinter")
pytestmark = pytest.mark.window

Stage = Any
"""conftest.Stage, which can't be imported by name from here."""
LI = peer_id("a")


def today() -> date:
    return datetime.now().astimezone().date()


def say(stage: Stage, text: str, days_ago: int) -> None:
    day = today() - timedelta(days_ago)
    at = datetime(day.year, day.month, day.day, 12).astimezone(UTC)
    stage.node.say("#lobby", text, LI, at=at)


def is_open(stage: Stage) -> bool:
    picker = stage.desk.conversation.day_picker
    return picker is not None and bool(picker.winfo_ismapped())


def in_view(stage: Stage, text: str) -> bool:
    return stage.top_of(text) is not None


def test_by_keys_to_a_day_that_isnt_loaded(stage: Stage) -> None:
    say(stage, "the beginning", 40)
    say(stage, "a week later", 33)
    for number in range(200):
        say(stage, f"line {number}", 1)
    stage.start()
    stage.key("<Control-g>")
    stage.until(lambda: is_open(stage))
    assert stage.desk.conversation.calendar.day == today() - timedelta(1), "of what is in view"
    stage.key(*["<Up>"] * 5, "<Right>", "<Right>", "<Return>")
    stage.until(lambda: in_view(stage, "a week later"))
    assert not is_open(stage)
    assert stage.root.focus_get() is stage.desk.composer.entry
    stage.key("<Control-g>", "<Shift-Prior>", "<Return>")
    stage.until(lambda: in_view(stage, "the beginning"))


def test_a_click_on_a_days_heading_and_on_a_day(stage: Stage) -> None:
    say(stage, "long ago", 400)
    for number in range(100):
        say(stage, f"line {number}", 2)
    say(stage, "of yesterday", 1)
    stage.start()
    stage.until(lambda: in_view(stage, "of yesterday"))
    transcript = stage.desk.conversation.transcript
    top, block = next(
        (top, block) for top, block in transcript.drawn.values() if block.row.text == "of yesterday"
    )
    hit = next(hit for hit in block.hits if hit.what == "day")
    at = {"x": (hit.left + hit.right) // 2, "y": top + (hit.top + hit.bottom) // 2}
    for event in ("<Motion>", "<Button-1>", "<ButtonRelease-1>"):
        transcript.canvas.event_generate(event, **at)
    stage.until(lambda: is_open(stage))
    picker = stage.desk.conversation.day_picker
    assert picker.winfo_rooty() >= transcript.winfo_rooty()
    assert picker.winfo_rooty() + picker.winfo_height() <= stage.desk.composer.winfo_rooty()
    assert stage.desk.conversation.calendar.day == today() - timedelta(1)
    for _ in range(14):
        picker.before.invoke()
    day, x, y = next(iter(picker.cells()))
    picker.canvas.event_generate("<Button-1>", x=x, y=y)
    stage.until(lambda: in_view(stage, "long ago" if day <= today() - timedelta(400) else "line 0"))
    assert not is_open(stage)


def test_it_goes_by_escape_by_its_key_and_with_the_focus(stage: Stage) -> None:
    say(stage, "hello", 1)
    stage.start()
    for close in ("<Escape>", "<Control-g>", "<Control-k>"):
        stage.key("<Control-g>")
        stage.until(lambda: is_open(stage))
        stage.key(close)
        stage.until(lambda: not is_open(stage))
    stage.key("<Control-comma>", "<Control-g>")
    assert not is_open(stage), "a page stands in the conversation's place"


def test_days_to_come_cannot_be_chosen(stage: Stage) -> None:
    say(stage, "hello", 0)
    stage.start()
    stage.key("<Control-g>")
    stage.until(lambda: is_open(stage))
    stage.key("<Down>", "<Next>")
    assert stage.desk.conversation.calendar.day == today()
    later = [(x, y) for day, x, y in stage.desk.conversation.day_picker.cells() if day > today()]
    for x, y in later[:1]:
        stage.desk.conversation.day_picker.canvas.event_generate("<Button-1>", x=x, y=y)
    stage.root.update()
    assert is_open(stage)


def test_from_the_menu_of_the_conversation(stage: Stage) -> None:
    say(stage, "hello", 3)
    stage.start()
    stage.key("<F10>")
    menu = stage.desk.menus.last
    stage.until(menu.winfo_ismapped)
    menu.activate(menu.index("Go to a day…"))
    menu.event_generate("<Return>")
    stage.until(lambda: not menu.winfo_ismapped() and is_open(stage))
    picker = stage.desk.conversation.day_picker
    stage.until(lambda: stage.root.focus_get() is picker.canvas)
    stage.key("<Left>")
    assert is_open(stage)
    assert stage.desk.conversation.calendar.day == today() - timedelta(4)
