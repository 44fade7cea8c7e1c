"""Another theme and another language, over several turns of the loop; nothing is lost."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from typing import Any

import pytest
from paper_node import peer_id

from p2pchat.errors import RequestError
from p2pchat.ui import language

tk = pytest.importorskip("tkinter", reason="this Python has no tkinter")
from p2pchat.ui.tk import turns, window  # noqa: E402  # it needs tkinter
from p2pchat.ui.tk.collecting import between_events  # noqa: E402
from p2pchat.ui.tk.places import Place  # noqa: E402

pytestmark = pytest.mark.window

Stage = Any
"""conftest.Stage, which can't be imported by name from here."""

LI = peer_id("a")


def speak(stage: Stage, tag: str) -> None:
    before = stage.desk
    before.main.change({"language": tag})
    stage.until(lambda: stage.desk is not before and not before.winfo_exists())


# -- the mechanism


def test_steps_that_take_long_get_a_turn_each(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.start()
    monkeypatch.setattr(turns, "BUDGET_S", 0.0)
    said: list[str] = []

    def steps() -> Any:
        for number in range(3):
            said.append(f"step {number}")
            stage.root.after(0, said.append, "between")
            yield None

    turns.in_turns(stage.root, steps())
    stage.until(lambda: len(said) == 6)
    assert said == ["step 0", "between", "step 1", "between", "step 2", "between"]


def test_short_steps_share_a_turn_and_pauses_are_kept(stage: Stage) -> None:
    stage.start()
    at: list[float] = []

    def steps() -> Any:
        for _ in range(20):
            at.append(time.monotonic())
            yield None
        yield 50
        at.append(time.monotonic())

    turns.in_turns(stage.root, steps())
    stage.until(lambda: len(at) == 21)
    assert at[20] - at[19] >= 0.045


def test_steps_end_with_their_widget(stage: Stage) -> None:
    stage.start()
    taken: list[int] = []

    def steps() -> Any:
        while True:
            taken.append(1)
            yield 1

    frame = tk.Frame(stage.root)
    turns.in_turns(frame, steps())
    stage.until(lambda: len(taken) > 2)
    frame.destroy()
    before = len(taken)
    until = time.monotonic() + 0.05
    stage.until(lambda: time.monotonic() > until)
    assert len(taken) <= before + 1


def test_what_is_gone_is_told_of_no_theme(stage: Stage) -> None:
    stage.start()
    listeners = stage.window.theme._listeners
    before = set(listeners)
    stage.desk.places.open(Place.SETTINGS)
    assert len(listeners) > len(before)
    page = stage.desk.places.sheet
    stage.desk.places.show_conversation()
    stage.until(lambda: not page.winfo_exists())
    assert set(listeners) == before


def test_the_collector_runs_between_events(stage: Stage) -> None:
    stage.start()
    runs: list[int] = []

    def seen(phase: str, info: dict[str, int]) -> None:
        if phase == "start" and info["generation"] == 2:
            runs.append(1)

    usual = gc.get_threshold()
    with between_events(stage.root):
        young, middling, old = gc.get_threshold()
        assert (young, middling) == usual[:2]
        assert old > usual[2]
        gc.callbacks.append(seen)
        try:
            for _ in range(usual[2] + 1):
                gc.collect(1)
            stage.until(lambda: runs)
        finally:
            gc.callbacks.remove(seen)
    assert gc.get_threshold() == usual


def test_rows_of_files_come_over_several_turns(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(12):
        stage.node.offer("#lobby", f"plan {number}.pdf", LI, 10_000_000)
    stage.start()
    monkeypatch.setattr(turns, "BUDGET_S", 0.0)
    stage.desk.places.open(Place.TRANSFERS)
    page = stage.desk.places.sheet
    lengths: set[int] = set()

    def all_there() -> bool:
        lengths.add(len(page._rows))
        return len(page._rows) == 12

    end = time.monotonic() + 30
    while not all_there():
        assert time.monotonic() < end
        stage.root.tk.dooneevent(0)
    assert lengths == set(range(13))
    names = [row._name.cget("text") for row in page._rows.values()]
    assert [row._name.cget("text") for row in page.body.grid_slaves(column=0)[::-1]
            if row in page._rows.values()] == names  # fmt: skip


# -- another theme


def test_a_page_stays_as_it_is_in_other_colours(stage: Stage) -> None:
    for number in range(40):
        stage.node.offer("#lobby", f"plan {number}.pdf", LI, 10_000_000)
    stage.start()
    stage.desk.places.open(Place.TRANSFERS)
    page = stage.desk.places.sheet
    stage.until(lambda: page.scrolled.body.winfo_height() > page.scrolled.canvas.winfo_height() > 1)
    page.scrolled.canvas.yview_moveto(0.5)
    place = page.scrolled.canvas.yview()
    icons = [str(row._icon.cget("image")) for row in page._rows.values()]
    stage.desk.main.set_theme("dark")
    stage.until(lambda: not {str(r._icon.cget("image")) for r in page._rows.values()} & set(icons))
    assert stage.desk.places.sheet is page
    assert page.scrolled.canvas.yview() == place


# -- another language


def test_what_is_being_written_stays(stage: Stage) -> None:
    said = stage.node.say("#lobby", "what do you think?", LI)
    stage.start()
    stage.desk.main.composer.reply(said.message_id)
    stage.write("half a sentence")
    stage.desk.composer.entry.mark_set("insert", "1.4")
    speak(stage, "zh_CN")
    assert stage.desk.composer.text() == "half a sentence"
    assert stage.desk.composer.entry.index("insert") == "1.4"
    assert stage.desk.main.composer.target.message_id == said.message_id
    stage.until(lambda: stage.root.focus_get() is stage.desk.composer.entry)
    stage.key("x")
    assert stage.desk.composer.text() == "halfx a sentence"


def test_an_edit_goes_on_and_the_draft_below_it_stays(stage: Stage) -> None:
    said = stage.node.say("#lobby", "my mesage")
    stage.start()
    stage.write("not sent yet")
    stage.desk.main.composer.edit(said.message_id)
    stage.write("!")
    speak(stage, "zh_CN")
    assert stage.desk.composer.text() == "my mesage!"
    stage.key("<Escape>")
    assert stage.desk.composer.text() == "not sent yet"


def test_a_letter_that_is_typed_on_the_way_is_not_lost(stage: Stage) -> None:
    """Whichever of the two desks has the focus."""
    stage.start()
    former = stage.desk
    former.main.change({"language": "zh_CN"})
    typed = 0
    while former.winfo_exists():
        focus = stage.root.focus_get()
        if focus is not None and str(focus).endswith("entry") and typed < 200:
            focus.event_generate("x")
            typed += 1
        stage.root.update()
    stage.check()
    assert typed
    assert stage.desk.composer.text() == "x" * typed


def test_the_place_in_a_conversation_stays(stage: Stage) -> None:
    for number in range(300):
        stage.node.say("#lobby", f"line {number}", LI)
    stage.start()
    stage.desk.conversation.transcript.by(-900)
    stage.root.update()
    first = stage.desk.conversation.transcript._reading()[0]
    speak(stage, "zh_CN")
    there = stage.desk.conversation.transcript
    assert there._reading()[0] == first, "lines may be of another height in that language"
    assert not there.at_bottom
    assert not there.canvas.find_withtag("flash")


@pytest.mark.parametrize("open_it", ["card", "search", "page"])
def test_what_is_open_stays_open(stage: Stage, open_it: str) -> None:
    stage.node.say("#lobby", "hello there", LI)
    stage.start()
    if open_it == "card":
        stage.desk.places.open_about(f"@{LI}")
    elif open_it == "search":
        stage.desk.places.open_search()
        stage.desk.search_panel.field.set("hello")
        stage.until(lambda: stage.desk.search.hits)
    else:
        stage.desk.places.open(Place.SHORTCUTS)
    speak(stage, "zh_CN")
    if open_it == "card":
        assert stage.desk.main.about.shown == f"@{LI}"
        stage.until(stage.desk.about.winfo_ismapped)
    elif open_it == "search":
        assert stage.desk.search_panel.field.text == "hello"
        stage.until(lambda: stage.desk.search.hits)
    else:
        assert stage.desk.places.place is Place.SHORTCUTS
        stage.until(stage.desk.places.sheet.winfo_ismapped)


def test_the_page_stands_where_it_stood_and_the_focus_stays(stage: Stage) -> None:
    stage.start()
    stage.desk.places.open(Place.SETTINGS)
    scrolled = stage.desk.places.sheet.scrolled
    stage.until(lambda: scrolled.body.winfo_height() > scrolled.canvas.winfo_height() > 1)
    box = stage.desk.places.sheet._choices["language"]
    box.focus_force()
    stage.until(lambda: stage.root.focus_get() is box)
    scrolled.canvas.yview_scroll(230, "units")
    stage.root.update()
    place = box.winfo_rooty()
    speak(stage, "zh_CN")
    box = stage.desk.places.sheet._choices["language"]
    stage.until(lambda: stage.root.focus_get() is box)
    # Lines above it are as high as their texts are.
    assert abs(box.winfo_rooty() - place) <= 60
    assert stage.desk.places.sheet.scrolled.canvas.canvasy(0) > 150


def test_what_stands_at_the_left_and_above_stays(stage: Stage) -> None:
    stage.start()
    stage.desk._panes.sash_place(0, 350, 1)
    stage.desk.sidebar.find.set("wang")
    stage.desk.main.status.tell("Something to know.")
    stage.desk.sidebar.find.entry.focus_set()
    stage.root.update()
    width = stage.desk.sidebar.winfo_width()
    speak(stage, "zh_CN")
    assert stage.desk.sidebar.find.text == "wang"
    assert stage.desk.main.status._notices[0].text == "Something to know."
    stage.until(lambda: stage.desk.sidebar.winfo_width() == width)
    stage.until(lambda: stage.root.focus_get() is stage.desk.sidebar.find.entry)


def test_the_focus_stays_where_the_node_takes_its_time(stage: Stage) -> None:
    """So long that the other desk has been drawn when the conversation opens there."""
    stage.start()
    former, answers = stage.desk, threading.Event()
    peers = stage.node.peers

    async def slow() -> Any:
        while not answers.is_set():  # noqa: ASYNC110 - set by the window's thread
            await asyncio.sleep(0.01)
        return await peers()

    stage.node.peers = slow
    former.sidebar.find.entry.focus_set()
    stage.root.update()
    former.main.change({"language": "zh_CN"})

    def drawn() -> int:
        children = stage.root.winfo_children()
        return sum(isinstance(one, type(former)) and one.winfo_viewable() for one in children)

    stage.until(lambda: drawn() == 2)
    answers.set()
    stage.until(lambda: stage.desk is not former and not former.winfo_exists())
    stage.until(lambda: stage.root.focus_get() is stage.desk.sidebar.find.entry)


@pytest.mark.parametrize("how", ["refuses", "is silent"])
def test_a_node_that_fails_leaves_the_window_as_it_is(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    async def conversations() -> Any:
        if how == "is silent":
            await asyncio.Event().wait()
        raise RequestError("store-failed")

    stage.start()
    stage.write("half a sentence")
    former = stage.desk
    monkeypatch.setattr(window, "ANEW_S", 0.3)
    with monkeypatch.context() as broken:
        broken.setattr(stage.node, "conversations", conversations)
        former.main.change({"language": "zh_CN"})
        stage.until(lambda: stage.window._changing)
        stage.until(lambda: not stage.window._changing)
    assert stage.desk is former
    assert language.tag() == "en"
    assert any("couldn't be changed" in notice.text for notice in former.main.status._notices)
    stage.node.receive("#lobby", "still heard", LI)
    stage.until(lambda: "still heard" in stage.shown)
    speak(stage, "zh_CN")
    assert stage.desk.composer.text() == "half a sentence"


def test_a_desk_that_cannot_be_built_leaves_the_former(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Any:
        raise KeyError("a defect")

    stage.start()
    former = stage.desk
    with monkeypatch.context() as patched:
        patched.setattr(type(former), "_attach", broken)
        former.main.change({"language": "zh_CN"})
        end = time.monotonic() + 30
        while not stage.errors:
            assert time.monotonic() < end
            stage.root.update()
    assert isinstance(stage.errors.pop(), KeyError)
    assert (stage.desk, language.tag()) == (former, "en")
    speak(stage, "zh_CN")


def test_of_two_changes_at_once_the_last_counts(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.start()
    desks: list[Any] = [stage.desk]
    make = stage.window._desk_for

    def made(node: Any) -> Any:
        if len(desks) == 1:  # in the midst of the first change
            desks[0].main.change({"language": "en"})
        desks.append(make(node))
        return desks[-1]

    monkeypatch.setattr(stage.window, "_desk_for", made)
    desks[0].main.change({"language": "zh_CN"})
    stage.until(lambda: len(desks) == 3 and not stage.window._changing)
    assert stage.desk is desks[2]
    assert language.tag() == "en"
    assert stage.desk.main.sidebar.rows[0].title == "Rooms"


def test_the_system_is_still_asked_for_its_colours(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.start()
    speak(stage, "zh_CN")
    monkeypatch.setattr("p2pchat.ui.appearance.is_dark", lambda: True)
    monkeypatch.setattr("p2pchat.ui.tk.following.RESTS_S", 0.0)
    other = tk.Toplevel(stage.root)
    other.focus_force()
    stage.root.update()
    stage.desk.composer.entry.focus_force()
    stage.until(lambda: stage.window.theme.palette.name == "dark")
