"""The window under a real display: keys, clicks, scrolling, bursts, the first start, the end."""

from __future__ import annotations

import contextlib
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from paper_node import ME, make_peer, peer_id

from p2pchat.errors import ProfileInUse, StoreLocked, UsageError
from p2pchat.events import RUNS_TWICE, MessageReceived, ProfileRenewed, Typing, Warned
from p2pchat.model.ids import MessageId, PeerId
from p2pchat.model.message import Draft, MessageKind
from p2pchat.ui import language
from p2pchat.ui.presenters.loaded import LIMIT

tk = pytest.importorskip("tkinter", reason="this Python has no tkinter")
from p2pchat.ui.tk import keys, window  # noqa: E402  # they need tkinter

pytestmark = pytest.mark.window

Stage = Any
"""conftest.Stage, which can't be imported by name from here."""

LI = peer_id("a")


def texts_of(stage: Stage) -> list[str]:
    return [row.text for row in stage.desk.conversation.transcript.rows]


# -- writing


def test_enter_sends_and_shift_enter_does_not(stage: Stage) -> None:
    stage.start()
    stage.write("one")
    stage.key("<Shift-Return>")
    stage.write("two")
    assert stage.node.named("send") == []
    stage.key("<Return>")
    stage.until(lambda: "one\ntwo" in stage.shown)
    assert stage.node.named("send") == [("send", "#lobby", "one\ntwo", None)]
    assert stage.desk.composer.text() == ""


@pytest.mark.skipif(shutil.which("xdotool") is None, reason="xdotool is not installed")
def test_real_key_presses(stage: Stage, display: str) -> None:
    stage.start()
    for arguments in (["type", "Hi there"], ["key", "Return"]):
        subprocess.run(["xdotool", *arguments], env={"DISPLAY": display}, check=True, timeout=20)
    stage.until(lambda: stage.node.named("send"))
    assert stage.node.named("send") == [("send", "#lobby", "Hi there", None)]


def test_the_entry_grows_with_its_text_up_to_a_limit(stage: Stage) -> None:
    stage.start()
    before = stage.desk.composer.entry.winfo_height()
    stage.write("\n" * 40)
    stage.until(lambda: stage.desk.composer.entry.winfo_height() > 3 * before)
    assert stage.desk.conversation.transcript.winfo_height() > 200


def test_replying_and_editing_by_keys(stage: Stage) -> None:
    own = stage.node.say("#lobby", "mine")
    stage.start()
    stage.key("<Up>")
    assert stage.desk.composer.text() == "mine"
    stage.key("<Escape>")
    assert stage.desk.composer.text() == ""
    stage.key("<Up>")
    stage.write("!")
    stage.key("<Return>")
    stage.until(lambda: "mine!" in stage.shown)
    assert stage.node.named("edit") == [("edit", own.message_id, "mine!")]


def test_another_conversation_by_keys_after_one_has_written(stage: Stage) -> None:
    stage.node.say("#lobby", "mine")
    stage.start()
    stage.key("<Alt-Up>")
    stage.until(lambda: stage.desk.main.conversation.name[:1] == "@")
    assert stage.desk.composer.text() == "", "not to be edited by the same key"


def test_enter_presses_every_button_that_keys_are_on(stage: Stage) -> None:
    stage.start()
    stage.node.emit(Warned(RUNS_TWICE, "This profile also runs elsewhere."))
    desk = stage.desk
    stage.until(desk.status.still_me.winfo_ismapped)
    desk.status.still_me.focus_set()
    stage.key("<Return>")
    stage.until(lambda: not desk.status.still_me.winfo_ismapped())
    desk.sidebar._name.focus_set()
    stage.key("<Return>")
    stage.until(lambda: desk.menus.last is not None and desk.menus.last.winfo_ismapped())
    stage.root.tk.call("tk::MenuUnpost", desk.menus.last)


def test_the_list_shows_the_conversation_that_is_opened_by_keys(stage: Stage) -> None:
    for number in range(40):
        stage.node.passwords[f"#room{number:02}"] = None
        stage.node.joined.add(f"#room{number:02}")
    stage.start()
    rows = stage.desk.sidebar.list

    def seen(conversation: str) -> bool:
        found = [i for i, row in enumerate(rows._rows) if row.conversation == conversation]
        top, height = rows.canvas.canvasy(0), rows.canvas.winfo_height()
        return bool(found) and (
            top <= rows._tops[found[0]] and rows._tops[found[0] + 1] <= top + height
        )

    stage.until(lambda: seen("#lobby"))
    assert not seen(f"@{LI}")
    stage.key("<Alt-Up>")
    stage.until(lambda: stage.desk.main.conversation.name[:1] == "@")
    stage.until(lambda: seen(stage.desk.main.conversation.name))
    rows.canvas.yview_moveto(0)
    stage.desk.sidebar.find.entry.focus_set()
    stage.key("<Key-l>", "<Key-i>", "<Return>")
    stage.until(lambda: stage.desk.main.conversation.name == f"@{LI}")
    stage.until(lambda: stage.desk.sidebar.find.text == "" and seen(f"@{LI}"))


def test_another_conversation_by_keys_wherever_they_are(stage: Stage) -> None:
    stage.node.say("#lobby", "mine")
    stage.start()
    desk = stage.desk
    for widget in (
        desk.conversation.transcript.canvas,
        desk.sidebar.list.canvas,
        desk.sidebar.find.entry,
    ):
        widget.focus_set()
        stage.key("<Alt-Up>")
        stage.until(lambda: desk.main.conversation.name[:1] == "@")
        widget.focus_set()
        stage.key("<Alt-Down>")
        stage.until(lambda: stage.loaded("#lobby"))


def test_to_the_first_unread_by_keys(stage: Stage) -> None:
    for number in range(200):
        stage.node.say("#lobby", f"number {number};", peer_id("a"))
    stage.start()
    assert stage.top_of("number 0;") is None
    stage.key("<Control-Home>")
    stage.until(lambda: stage.top_of("number 0;") is not None)
    stage.key("<Control-End>")
    stage.until(lambda: stage.top_of("number 199;") is not None)


def test_typing_where_one_reads_goes_to_the_entry(stage: Stage) -> None:
    stage.start()
    stage.desk.conversation.transcript.canvas.focus_force()
    stage.until(lambda: stage.root.focus_get() is stage.desk.conversation.transcript.canvas)
    stage.key("x")
    assert stage.desk.composer.text() == "x"
    assert stage.root.focus_get() is stage.desk.composer.entry


# -- finding one's way


def test_what_is_found_is_shown_from_its_top(stage: Stage) -> None:
    for number in range(100):
        stage.node.add_peer(make_peer(f"{number:02}", f"Pupil {number:02}"))
    stage.start()
    canvas = stage.desk.sidebar.list.canvas
    for _ in range(60):
        canvas.event_generate("<Button-5>")
        stage.root.update()
    assert canvas.canvasy(0) > 0
    stage.desk.sidebar.find.set("pupil")
    stage.until(lambda: canvas.canvasy(0) == 0)


def test_ctrl_k_finds_a_conversation_and_enter_opens_it(stage: Stage) -> None:
    stage.start()
    stage.key("<Control-k>")
    assert stage.root.focus_get() is stage.desk.sidebar.find.entry
    stage.desk.sidebar.find.set("小明")
    stage.key("<Return>")
    stage.until(lambda: stage.loaded(f"@{peer_id('b')}"))
    assert stage.root.focus_get() is stage.desk.composer.entry
    stage.key("<Alt-Up>")
    stage.until(lambda: stage.loaded(f"@{LI}"))


def test_a_click_on_a_person_opens_the_direct_conversation(stage: Stage) -> None:
    stage.node.receive(f"@{LI}", "psst", LI)
    stage.start()
    rows = stage.desk.sidebar.list
    stage.root.update()
    index = next(i for i, row in enumerate(rows._rows) if row.conversation == f"@{LI}")
    y = rows._tops[index] + 20
    rows.canvas.event_generate("<Button-1>", x=60, y=y)
    stage.until(lambda: "psst" in stage.shown)


def test_ctrl_a_selects_all_that_is_written_in_a_field(stage: Stage) -> None:
    stage.start()
    field = stage.desk.sidebar.find
    field.set("old words")
    field.entry.focus_force()
    field.entry.event_generate("<Control-a>")
    assert field.entry.selection_get() == "old words"


def test_the_list_by_keyboard(stage: Stage) -> None:
    stage.start()
    stage.desk.sidebar.list.canvas.focus_force()
    stage.until(lambda: stage.root.focus_get() is stage.desk.sidebar.list.canvas)
    stage.key("<Down>", "<Down>", "<Return>")
    stage.until(lambda: stage.loaded(f"@{LI}"))


def test_a_long_list_by_keyboard(stage: Stage) -> None:
    for number in range(500):
        one = PeerId(f"{number:032}")
        stage.node.add_peer(make_peer("c", f"Pupil {number:03}", peer_id=one))
    stage.start()
    rows = stage.desk.sidebar.list
    rows.canvas.focus_force()
    stage.until(lambda: stage.root.focus_get() is rows.canvas)

    def at() -> str:
        return str(rows._rows[rows._cursor].title)

    stage.key("<End>")
    assert at() == "王小明"
    stage.until(lambda: rows.canvas.yview()[1] == 1.0)
    stage.key("<Prior>", "<Prior>")
    assert "Pupil 450" < at() <= "Pupil 499"
    stage.key("<Home>", "<Prior>")
    assert at() == "#lobby"
    stage.until(lambda: rows.canvas.yview()[0] == 0.0)
    stage.key("<Next>", "<Next>")
    chosen = at()
    assert chosen > "Pupil 000"
    stage.key("<Return>")
    main = stage.desk.main
    stage.until(lambda: main.directory.title(main.conversation.name) == chosen)


def test_tab_goes_round_and_reaches_every_button(stage: Stage) -> None:
    stage.start()
    seen = []
    for _ in range(30):
        stage.key("<Tab>")
        seen.append(stage.root.focus_get())
        if seen[-1] is stage.desk.composer.entry:
            break
    for widget in (
        stage.desk.sidebar.add_button,
        stage.desk.sidebar.find.entry,
        stage.desk.sidebar.list.canvas,
        stage.desk.conversation.search_button,
        stage.desk.conversation.more_button,
        stage.desk.conversation.transcript.canvas,
        stage.desk.composer.send_button,
    ):
        assert widget in seen
    assert seen[-1] is stage.desk.composer.entry


def test_search_opens_a_hit_far_above(stage: Stage) -> None:
    stage.node.say("#lobby", "the needle", LI)
    for index in range(400):
        stage.node.say("#lobby", f"straw {index}", LI)
    stage.start()
    assert "needle" not in stage.shown
    stage.key("<Control-f>")
    stage.desk.search_panel.field.set("needle")
    stage.until(lambda: stage.desk.search.hits)
    stage.key("<Return>")
    stage.until(lambda: "the needle" in stage.shown)
    stage.until(lambda: stage.top_of("the needle") is not None)
    stage.desk.search_panel.field.entry.focus_force()
    stage.root.update()
    stage.key("<Escape>")
    assert not stage.desk.search_panel.winfo_ismapped()


@pytest.fixture
def mac(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the window is made."""
    monkeypatch.setattr(keys, "on_mac", lambda widget: True)
    monkeypatch.setattr(window, "on_mac", lambda widget: True)


def test_on_macos_command_and_the_second_button_do_as_well(mac: None, stage: Stage) -> None:
    stage.node.say("#lobby", "right here", LI)
    stage.start()
    stage.key("<Command-f>")
    stage.until(stage.desk.search_panel.winfo_ismapped)
    stage.key("<Control-f>", "<Escape>")
    canvas = stage.desk.conversation.transcript.canvas
    canvas.event_generate("<Button-2>", x=120, y=stage.top_of("right here") + 12)
    stage.until(lambda: stage.desk.menus.last is not None)
    stage.desk.menus.last.unpost()
    stage.root.withdraw()
    stage.root.tk.call("::tk::mac::ReopenApplication")
    stage.until(stage.root.winfo_viewable)


# -- scrolling


def test_scrolling_up_reaches_the_first_message_with_few_rows(stage: Stage) -> None:
    for index in range(1000):
        stage.node.say("#lobby", f"<{index}>", LI if index % 7 else ME)
    stage.start()
    transcript = stage.desk.conversation.transcript
    stage.until(lambda: stage.top_of("<999>") is not None)

    def at_the_start() -> bool:
        transcript.scroll("moveto", 0)
        assert len(texts_of(stage)) <= LIMIT
        return texts_of(stage)[0] == "<0>"

    stage.until(at_the_start)
    stage.desk.main.conversation.to_end()
    stage.until(lambda: stage.top_of("<999>") is not None)


def test_prepending_keeps_the_view_still(stage: Stage) -> None:
    for index in range(200):
        stage.node.say("#lobby", f"<{index}>\nsecond line", LI)
    stage.start()
    transcript = stage.desk.conversation.transcript
    stage.until(lambda: stage.top_of("<199>") is not None)
    transcript.on_scroll = lambda near_top, at_bottom: None
    transcript.scroll("moveto", 0)
    transcript.by(37)
    stage.root.update()
    before = stage.top_of("<145>")
    assert before is not None
    stage.desk.main.conversation.scrolled(near_top=True, at_bottom=False)
    stage.until(lambda: texts_of(stage)[0].startswith("<80>"))
    after = stage.top_of("<145>")
    assert after is not None
    assert after == before


def test_new_messages_below_are_announced(stage: Stage) -> None:
    for index in range(100):
        stage.node.say("#lobby", f"<{index}>", LI)
    stage.start()
    transcript = stage.desk.conversation.transcript
    transcript.scroll("moveto", 0.5)
    stage.until(lambda: stage.desk.main.conversation.behind)
    stage.node.receive("#lobby", "below", LI)
    stage.until(lambda: stage.desk.conversation._down.cget("text") == "1 new")
    stage.desk.conversation._down.invoke()
    stage.until(lambda: stage.top_of("below") is not None)
    stage.until(lambda: not stage.desk.conversation._down.winfo_ismapped())


# -- what others send


def test_nothing_that_is_sent_breaks_the_layout(stage: Stage) -> None:
    stage.start()
    width = stage.desk.conversation.winfo_width()
    for text in (
        "x" * 16_000,
        "\n" * 5_000,
        "\u202e\u2066evil\x1b[31m\x00",
        "a" + "\u0301" * 3000,
        "👨‍👩‍👧‍👦🏳️‍🌈" * 50,
        "漢" * 5000,
        '{[$;\\" }%s %d',
    ):
        stage.node.receive("#lobby", text, LI)
    stage.node.people[LI] = make_peer("a", "L" * 300)
    stage.node.receive("#lobby", "end", LI)
    stage.until(lambda: "end" in stage.shown)
    assert stage.desk.conversation.winfo_width() == width
    canvas = stage.desk.conversation.transcript.canvas
    assert all(canvas.bbox(item)[2] <= canvas.winfo_width() for item in canvas.find_all())
    unfold = texts_of(stage)
    stage.desk.main.conversation.unfold(stage.desk.conversation.transcript.rows[0].message_id)
    stage.root.update()
    assert len(texts_of(stage)[0]) > len(unfold[0])


def test_invisible_characters_alone_are_not_sent_and_those_of_others_are_said(
    stage: Stage,
) -> None:
    stage.start()
    stage.write("\u200b\u2060")
    stage.key("<Return>")
    assert stage.node.named("send") == []
    stage.node.receive("#lobby", "\u200b\u200e", LI)
    stage.until(lambda: stage.desk.conversation.transcript.drawn)
    drawn = stage.drawn_text("").replace("\xa0", " ")
    assert "(nothing that can be seen)" in drawn


def test_system_messages_have_a_colour_that_others_can_not_use(stage: Stage) -> None:
    stage.node.say("#lobby", "Li joined", LI, kind=MessageKind.SYSTEM)
    stage.node.say("#lobby", "Li joined", LI)
    stage.node.say("#lobby", "Li joined", ME)
    stage.start()
    transcript = stage.desk.conversation.transcript
    stage.until(lambda: len(transcript.drawn) == 3)
    system, other, own = (transcript.drawn[row.message_id][1] for row in transcript.rows)
    assert not any(system.bubble), "only what nobody can write stands without a bubble"
    assert any(other.bubble)
    assert any(own.bubble)
    assert other.bubble[0] < own.bubble[0]
    assert len({system.fill, other.fill, own.fill}) == 3


def test_a_burst_does_not_freeze_the_window(stage: Stage) -> None:
    stage.start()
    burst = [stage.node.message("#lobby", f"burst {i}", LI) for i in range(10_000)]
    stage.node.history["#lobby"].extend(burst)

    def tell() -> None:
        for at in range(0, len(burst), 20):
            stage.node.emit(*(MessageReceived(message) for message in burst[at : at + 20]))

    longest = 0.0
    stage.window.bridge._loop.call_soon_threadsafe(tell)
    end = time.monotonic() + 60
    while "burst 9999" not in stage.shown:
        assert time.monotonic() < end
        begun = time.thread_time()
        stage.root.update()
        longest = max(longest, time.thread_time() - begun)
    stage.check()
    assert len(texts_of(stage)) <= LIMIT
    assert longest < 1.0, "of its own work: the machine is shared"


def test_only_what_is_in_view_is_drawn(stage: Stage) -> None:
    stage.start()
    transcript = stage.desk.conversation.transcript
    for index in range(800):
        stage.node.receive("#lobby", f"<{index}>", LI if index % 2 else ME)
    stage.until(lambda: "<799>" in stage.shown)
    stage.until(lambda: stage.top_of("<799>") is not None)
    assert len(transcript.drawn) < 60
    assert len(transcript.canvas.find_all()) < 1500
    transcript.scroll("moveto", 0.3)
    assert len(transcript.canvas.find_all()) < 1500


# -- around it


def test_typing_notices_and_warnings(stage: Stage) -> None:
    stage.start()
    stage.node.emit(Typing("#lobby", LI), Warned("clock", "The clock is off."))
    stage.until(lambda: stage.desk.status.notice.winfo_ismapped())
    assert stage.desk.composer._typing.cget("text") == "“Li” is typing…"
    stage.desk.status._notice_close.invoke()
    stage.until(lambda: not stage.desk.status.notice.winfo_ismapped())


def test_a_profile_that_runs_twice_offers_to_be_someone_else(stage: Stage) -> None:
    stage.start()
    status = stage.desk.status
    text = "This profile also runs elsewhere; from now on this is a device of its own."
    stage.node.emit(Warned("clock-off", "The clock of Li is off."), Warned(RUNS_TWICE, text))
    stage.until(lambda: status.notice.winfo_ismapped())
    assert not status.someone_else.winfo_ismapped()
    status._notice_close.invoke()
    stage.until(lambda: status.someone_else.winfo_ismapped() and status.still_me.winfo_ismapped())
    status.someone_else.invoke()
    dialog = next(w for w in stage.root.winfo_children() if w.winfo_class() == "Toplevel")
    dialog.page._fields[0].set("Ann")
    dialog.page.button.invoke()
    stage.until(lambda: stage.desk.main.directory.me.name == "Ann" and stage.loaded("#lobby"))
    stage.until(lambda: not status.notice.winfo_ismapped())
    assert not dialog.winfo_exists()
    stage.node.emit(Warned(RUNS_TWICE, text))
    stage.until(lambda: status.still_me.winfo_ismapped())
    status.still_me.invoke()
    stage.until(lambda: not status.notice.winfo_ismapped())


def test_what_was_searched_for_goes_with_whoever_searched(stage: Stage) -> None:
    stage.node.say("#lobby", "my secret", LI)
    stage.start()
    desk, panel = stage.desk, stage.desk.search_panel
    stage.key("<Control-f>")
    panel.field.set("secret")
    stage.until(lambda: len(desk.search.hits) == 1)
    stage.node.emit(ProfileRenewed(msgspec.structs.replace(stage.node.me, name="Ann")))
    stage.until(lambda: not panel.winfo_ismapped() and stage.loaded("#lobby"))
    assert (panel.field.text, desk.search.hits) == ("", [])


def test_a_window_that_is_not_shown_yet_gets_the_colours_of_the_theme(display: str) -> None:
    import tkinter as tk
    from tkinter import ttk

    from p2pchat.ui.tk.theme import Theme

    root = tk.Tk(className="p2pchat")
    root.withdraw()
    Theme(root)
    root.update()
    style = ttk.Style(root)
    assert str(style.lookup("TFrame", "background")) == "#fafafa"
    assert str(style.lookup("TButton", "font")) == "SunValleyBodyFont"
    root.destroy()


def test_the_theme_changes_and_is_kept(stage: Stage) -> None:
    stage.node.say("#lobby", "hi", LI)
    stage.start()
    light = stage.desk.conversation.transcript.canvas.cget("background")
    stage.desk.sidebar.theme_button.invoke()
    stage.until(lambda: stage.desk.conversation.transcript.canvas.cget("background") != light)
    assert stage.node.current.theme == "dark"
    stage.until(lambda: "hi" in stage.shown)


def test_a_button_says_what_it_does_when_the_pointer_rests_on_it(stage: Stage) -> None:
    pytest.importorskip("tktooltip")
    stage.start()
    button = stage.desk.conversation.search_button
    button.event_generate("<Enter>", x=3, y=3)
    stage.until(lambda: any(tip.winfo_viewable() for tip in button.winfo_children()))
    button.event_generate("<Leave>")
    stage.until(lambda: not any(tip.winfo_viewable() for tip in button.winfo_children()))


def entries(menu: Any, state: str = "normal") -> list[str]:
    last = menu.index("end")
    return [
        menu.entrycget(i, "label").strip()
        for i in range(0 if last is None else last + 1)
        if menu.type(i) != "separator" and menu.entrycget(i, "state") == state
    ]


def test_menus_offer_what_can_be_done(stage: Stage) -> None:
    own = stage.node.say("#lobby", "mine")
    stage.start()
    stage.desk.menus.of_message(own.message_id, 10, 10)
    menu = stage.desk.menus.last
    assert entries(menu) == ["Reply", "React", "Copy text", "Edit", "Delete"]
    menu.invoke("Delete")
    menu.unpost()
    stage.until(lambda: "deleted" in stage.shown)


def test_the_menu_of_a_message_does_what_clicks_on_its_parts_do(stage: Stage) -> None:
    first = stage.node.say("#lobby", "the first line\n" * 40, LI)
    stage.node.say("#lobby", "between", LI)
    link = "http://\u0430pple.example/x"
    last = stage.node.say(
        "#lobby", f"see {link}, {link} and javascript:x", LI, reply_to=first.message_id
    )
    stage.start()
    transcript = stage.desk.conversation.transcript
    browsed: list[str] = []
    stage.desk.main.browse = browsed.append

    def menu_of(message_id: MessageId) -> Any:
        stage.desk.menus.of_message(message_id, 10, 10)
        menu = stage.desk.menus.last
        stage.root.tk.call("tk::MenuUnpost", menu)
        return menu

    menu = menu_of(last.message_id)
    assert entries(menu)[:2] == ["Open xn--pple-43d.example", "Show what this answers"]
    menu.invoke("Open xn--pple-43d.example")
    assert browsed == [link]
    menu.invoke("Show what this answers")
    stage.until(lambda: first.message_id in transcript.drawn)
    menu_of(first.message_id).invoke("Show more")
    stage.until(lambda: transcript.rows[0].text.count("\n") == 39)
    menu_of(first.message_id).invoke("Show less")
    stage.until(lambda: transcript.rows[0].text.count("\n") < 39)


def test_the_menu_says_who_has_read_and_reacted(stage: Stage) -> None:
    said = stage.node.say("#lobby", "shall we?")
    stage.start()
    stage.desk.main.conversation.react(said.message_id, "👍")
    stage.until(lambda: stage.desk.conversation.transcript.rows[-1].reactions)
    stage.desk.menus.of_message(said.message_id, 10, 10)
    menu = stage.desk.menus.last
    told = entries(menu, "disabled")
    stage.root.tk.call("tk::MenuUnpost", menu)
    assert told[1:] == ["Kept here; nobody has it yet"]
    last = menu.index("end")
    assert menu.entrycget(last, "label").strip() == "you"
    assert menu.entrycget(last, "state") == "normal", "Tk draws a disabled picture through a grid"
    menu.invoke(last)
    stage.until(lambda: not stage.desk.conversation.transcript.rows[-1].reactions)


def test_keys_are_on_the_message_again_when_its_menu_closes(stage: Stage) -> None:
    for number in range(3):
        stage.node.say("#lobby", f"message {number}", LI)
    stage.start()
    transcript = stage.desk.conversation.transcript
    stage.until(lambda: len(transcript.drawn) >= 3)
    transcript.canvas.focus_force()
    stage.until(lambda: transcript.pointing.current is not None)
    transcript.canvas.event_generate("<Up>")
    chosen = transcript.pointing.current
    assert chosen == transcript.rows[-2].message_id
    transcript.canvas.event_generate("<Return>")
    menu = stage.desk.menus.last
    stage.until(menu.winfo_ismapped)
    stage.until(lambda: transcript.pointing.current is None)
    menu.event_generate("<Escape>")
    stage.until(lambda: transcript.pointing.current is not None)
    assert transcript.pointing.current == chosen


def test_a_reaction_is_given_by_keys_from_the_menu(stage: Stage) -> None:
    said = stage.node.say("#lobby", "shall we?", LI)
    stage.start()
    stage.desk.menus.of_message(said.message_id, 10, 10)
    menu = stage.desk.menus.last
    stage.until(menu.winfo_ismapped)
    assert all(menu.type(i) != "cascade" for i in range(menu.index("end") + 1))
    menu.activate(menu.index("React"))
    menu.event_generate("<Return>")
    reactions = stage.desk.menus.reactions
    stage.until(reactions.winfo_ismapped)
    reactions.activate(0)
    reactions.event_generate("<Return>")
    stage.until(lambda: stage.desk.conversation.transcript.rows[-1].reactions)
    stage.until(lambda: not reactions.winfo_ismapped())


def test_a_room_that_takes_a_password_asks_for_it_alone(stage: Stage) -> None:
    stage.node.passwords["#vault"] = "secret"
    stage.start()
    stage.desk.ask_password("#vault")
    dialog = next(w for w in stage.root.winfo_children() if w.winfo_class() == "Toplevel")
    name, password = dialog.page._fields
    assert name.text == "#vault"
    assert dialog.title() == "Join #vault"
    password.set("wrong")
    dialog.page.button.invoke()
    stage.until(lambda: "not right" in str(dialog.page._error.cget("text")))
    assert stage.root.focus_get() is password.entry
    assert password.entry.selection_present()
    password.set("secret")
    dialog.page.button.invoke()
    stage.until(lambda: stage.loaded("#vault"))


def test_the_room_dialog(stage: Stage) -> None:
    stage.start()
    stage.desk.asking.room(True)
    dialog = next(w for w in stage.root.winfo_children() if w.winfo_class() == "Toplevel")
    name, password = dialog.page._fields
    name.set("maths")
    password.set("secret")
    dialog.page.button.invoke()
    stage.until(lambda: stage.loaded("#maths"))
    assert stage.node.named("create_room") == [("create_room", "#maths", "secret")]
    assert not dialog.winfo_exists()


def test_a_person_is_verified_by_words(stage: Stage) -> None:
    stage.start()
    stage.desk.asking.words(stage.node.people[LI])
    stage.until(lambda: "Toplevel" in [w.winfo_class() for w in stage.root.winfo_children()])
    dialog = next(w for w in stage.root.winfo_children() if w.winfo_class() == "Toplevel")
    assert dialog.page._fields == [], "nothing that looks as if it could be changed"
    shown = [str(w.cget("text")) for w in dialog.page._body.winfo_children()]
    assert shown == ["apple river stone"]
    stage.until(lambda: stage.root.focus_get() is dialog.page.cancel)
    stage.key("<Return>")
    stage.until(lambda: not dialog.winfo_exists())
    assert not stage.desk.main.directory.peers[LI].verified, "Enter twice has compared nothing"
    stage.desk.asking.words(stage.node.people[LI])
    stage.until(lambda: "Toplevel" in [w.winfo_class() for w in stage.root.winfo_children()])
    dialog = next(w for w in stage.root.winfo_children() if w.winfo_class() == "Toplevel")
    stage.until(lambda: stage.root.focus_get() is dialog.page.cancel)
    stage.key("<Tab>", "<Return>")
    stage.until(lambda: stage.desk.main.directory.peers[LI].verified)


def test_the_first_start_asks_for_the_name_before_anything_is_opened(stage: Stage) -> None:
    stage.window.start("Maria")
    page = stage.window.first_page
    stage.root.focus_force()
    stage.root.update()
    assert stage.opened_with == []
    assert page.name.text == "Maria"
    page.name.set("Ana")
    page.page.button.invoke()
    stage.until(lambda: stage.window.desk is not None and stage.loaded("#lobby"))
    assert stage.opened_with == ["Ana"]


@pytest.mark.parametrize(
    ("error", "code"),
    [(ProfileInUse("The profile is in use."), 4), (StoreLocked("Wrong key."), 2)],
)
def test_what_can_not_be_opened_is_said_in_one_line(
    stage: Stage, error: Exception, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    async def fail(name: str | None) -> Any:
        raise error

    stage.window._open_node = fail
    stage.window.start(None)
    stage.until(lambda: stage.window.exit_code)
    assert stage.window.exit_code == code
    assert capsys.readouterr().err == f"p2pchat: {error}\n"


def test_it_is_raised_from_another_thread(stage: Stage) -> None:
    stage.start()
    stage.root.withdraw()
    threading.Thread(target=stage.handle.raise_window).start()
    stage.until(lambda: stage.root.winfo_viewable())


MANAGER = """
from Xlib import X, Xatom, display
screen = display.Display()
root = screen.screen().root
root.change_attributes(event_mask=X.SubstructureNotifyMask)
screen.sync()
print("here", flush=True)
names = ("_NET_ACTIVE_WINDOW", "_NET_CURRENT_DESKTOP")
names = {screen.intern_atom(name): name for name in names}
while True:
    told = screen.next_event()
    if told.type == X.ClientMessage and told.client_type in names:
        inside = [window.id for window in told.window.query_tree().children]
        which = "root" if told.window == root else inside
        print(names[told.client_type], told.data[1][0], which, flush=True)
    elif told.type == X.MapNotify:
        told.window.change_property(
            screen.intern_atom("_NET_WM_DESKTOP"), Xatom.CARDINAL, 32, [3])
        screen.sync()
"""
"""Hears what a window manager is asked for (Extended Window Manager Hints), and puts all windows
on its desktop 3."""


def desktop_of(stage: Stage) -> int | None:
    from Xlib import Xatom
    from Xlib.display import Display

    with contextlib.closing(Display()) as screen:
        inside = screen.create_resource_object("window", stage.root.winfo_id())
        name = screen.intern_atom("_NET_WM_DESKTOP")
        found = inside.query_tree().parent.get_full_property(name, Xatom.CARDINAL)
        return None if found is None else int(found.value[0])


def test_the_window_manager_is_asked_to_bring_it_from_another_desktop(stage: Stage) -> None:
    stage.start()
    command = [sys.executable, "-c", MANAGER]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as manager:
        try:
            assert manager.stdout is not None
            assert manager.stdout.readline() == "here\n"
            stage.root.withdraw()
            stage.root.update()
            stage.root.deiconify()
            stage.until(lambda: desktop_of(stage) == 3)
            stage.window.bring_to_front()
            assert manager.stdout.readline() == "_NET_CURRENT_DESKTOP 3 root\n"
            inside = [stage.root.winfo_id()]
            assert manager.stdout.readline() == f"_NET_ACTIVE_WINDOW 2 {inside}\n"
        finally:
            manager.kill()


class PaperTray:
    def __init__(self) -> None:
        self.shown = True
        self.unread: list[int] = []

    def show_unread(self, number: int) -> None:
        self.unread.append(number)

    def stop(self) -> None: ...


def press_close(stage: Stage) -> None:
    stage.root.tk.eval(stage.root.protocol("WM_DELETE_WINDOW"))


def test_the_icon_in_the_tray_shows_what_waits(stage: Stage) -> None:
    tray = PaperTray()
    stage.start()
    stage.handle.show_in(tray)
    assert tray.unread == [0]
    message = stage.node.say(f"@{LI}", "hello", LI)
    stage.window.bridge.handle_events([MessageReceived(message)])
    stage.until(lambda: tray.unread == [0, 1])
    assert stage.root.title() == "(1) p2pchat · Me"
    stage.desk.main.open(f"@{LI}")
    stage.until(lambda: tray.unread == [0, 1, 0])


def test_closing_the_window_leaves_the_icon_where_that_is_wanted(stage: Stage) -> None:
    tray = PaperTray()
    stage.node.current = msgspec.structs.replace(stage.node.current, close_to_tray=True)
    stage.start()
    stage.handle.show_in(tray)
    stage.until(lambda: stage.desk.main.settings.close_to_tray)
    press_close(stage)
    assert stage.root.state() == "withdrawn"
    assert not stage.node.closed
    stage.handle.raise_window()
    stage.until(lambda: stage.root.winfo_viewable())
    stage.handle.open_menu(5, 5)
    stage.until(lambda: stage.window.tray_menu)
    menu = stage.window.tray_menu
    assert [menu.entrycget(n, "label") for n in (0, 1)] == ["Open", "Quit"]
    menu.unpost()
    tray.shown = False  # the panel is gone: nobody would find the window again
    press_close(stage)
    assert stage.node.closed


def test_closing_the_window_ends_the_program_where_nothing_else_is_said(stage: Stage) -> None:
    stage.start()
    stage.handle.show_in(PaperTray())
    press_close(stage)
    assert stage.node.closed


def test_drafts_survive_the_end(stage: Stage) -> None:
    stage.start()
    stage.write("unfinished")
    stage.window.close()
    assert stage.node.drafts["#lobby"] == Draft("unfinished")
    assert stage.node.closed


SCRIPT = """
    import sys
    from paper_node import PaperNode
    from p2pchat.ui.tk.window import run_window

    node = PaperNode()

    async def open_node(name):
        subscribe = node.subscribe
        print("open", flush=True)
        return node

    code = run_window(open_node)
    print("closed" if node.closed else "not closed", flush=True)
    sys.exit(code)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it_in_order(display: str, number: signal.Signals, tmp_path: Path) -> None:
    script = tmp_path / "window.py"
    script.write_text(textwrap.dedent(SCRIPT))
    repository = Path(__file__).resolve().parents[3]
    path = f"{repository}:{repository / 'tests' / 'ui'}"
    process = subprocess.Popen(
        [sys.executable, str(script)],
        env={"DISPLAY": display, "PYTHONPATH": path, "HOME": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "open\n"
    process.send_signal(number)
    out, _ = process.communicate(timeout=20)
    assert (process.returncode, out) == (0, "closed\n")


def test_without_a_display_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    from p2pchat.ui.tk.window import run_window

    async def never(name: str | None) -> Any:
        raise AssertionError

    monkeypatch.setenv("DISPLAY", ":987654")
    with pytest.raises(UsageError, match="display"):
        run_window(never)


# -- languages


def spoken(widget: Any) -> list[str]:
    """The texts of a widget and all that is in it."""
    found = []
    with contextlib.suppress(tk.TclError):
        found.append(str(widget.cget("text")))
    return found + [text for child in widget.winfo_children() for text in spoken(child)]


def test_one_sees_which_row_of_a_list_keys_are_on(stage: Stage) -> None:
    """Also where it is the one that is open, and lit anyway."""
    stage.start()
    canvas = stage.desk.sidebar.list.canvas

    def ring() -> Any:
        return canvas.bbox("ring")

    assert ring() is None
    canvas.focus_set()
    stage.until(ring)
    first = ring()
    assert 0 < first[0] < first[2] < canvas.winfo_width()
    stage.key("<Down>")
    stage.until(lambda: ring() and ring()[1] > first[1])
    stage.desk.composer.focus()
    stage.until(lambda: ring() is None)


def test_escape_in_the_list_ends_the_search_for_people(stage: Stage) -> None:
    stage.start()
    stage.key("<Control-k>")
    stage.desk.sidebar.find.set("Li")
    stage.key("<Down>")
    stage.until(lambda: stage.root.focus_get() is stage.desk.sidebar.list.canvas)
    stage.key("<Escape>")
    assert stage.desk.sidebar.find.text == ""
    stage.until(lambda: stage.root.focus_get() is stage.desk.composer.entry)


def test_the_menu_key_by_its_name(stage: Stage) -> None:
    stage.start()
    windows: Any = SimpleNamespace(tk=SimpleNamespace(call=lambda *_: "win32"))
    assert keys.menu_keys(stage.root) == ("<Shift-F10>", "<Menu>")
    assert keys.menu_keys(windows) == ("<Shift-F10>", "<App>")


def test_a_list_has_its_menu_by_keys(stage: Stage) -> None:
    stage.start()
    stage.desk.sidebar.list.canvas.focus_set()
    stage.root.update()
    stage.key("<Down>", "<Shift-F10>")
    menu = stage.desk.menus.last
    stage.until(menu.winfo_ismapped)
    said = [menu.entrycget(i, "label") for i in range(menu.index("end") + 1)
            if menu.type(i) == "command"]  # fmt: skip
    assert "Who this is" in said
    stage.root.tk.call("tk::MenuUnpost", menu)


def test_a_language_that_cannot_be_read_is_said_and_another_still_chosen(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.start()
    first = stage.desk
    with monkeypatch.context() as broken:
        broken.setattr(language, "prepare", lambda wanted: 1 / 0)
        first.main.change({"language": "zh_CN"})
        stage.until(first.status.notice.winfo_ismapped)
    first.main.change({"language": "zh_CN"})
    stage.until(lambda: stage.desk is not first and not first.winfo_exists())


def test_another_language_is_spoken_without_a_new_start(stage: Stage) -> None:
    stage.node.say("#lobby", "hello", LI)
    stage.node.say("#physics", "hello", LI)
    stage.node.passwords["#physics"] = None
    stage.node.joined.add("#physics")
    stage.start()
    stage.desk.main.open("#physics")
    stage.until(lambda: stage.loaded("#physics"))
    stage.write("not sent yet")
    old = stage.desk
    old.main.change({"language": "zh_CN"})
    stage.until(lambda: stage.desk is not old and not old.winfo_exists())
    assert stage.loaded("#physics")
    assert stage.desk.composer.text() == "not sent yet"
    assert [row.title for row in stage.desk.main.sidebar.rows if not row.conversation] == [
        "房间",
        "联系人",
    ]
    english = [text for text in spoken(stage.root) if re.search("[a-z]{3} [a-z]{3}", text)]
    assert english == []
    # What was bound for the old desk is gone with it; the new one has what it needs.
    stage.key("<Control-f>")
    assert stage.desk.search_panel.winfo_manager() == "grid"
    stage.desk.main.change({"language": "en"})
    stage.until(lambda: "Rooms" in [row.title for row in stage.desk.main.sidebar.rows[:1]])


def test_letters_are_of_a_family_that_suits_the_language(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a Chinese font `…` and quotes are as wide as a character and stand elsewhere."""

    def families() -> set[str]:
        names = ("SunValleyBodyFont", "TkTooltipFont", *map(str, fonts.values()))
        return {stage.root.tk.call("font", "configure", name, "-family") for name in names}

    theme = stage.window.theme
    fonts = {name: font for name, font in theme.fonts.items() if name != "fixed"}
    fixed = theme.fonts["fixed"].cget("family")
    monkeypatch.setattr(theme, "_families", {"Noto Sans CJK SC", "Open Sans", "DejaVu Sans"})
    stage.start()
    assert families() == {"Open Sans"}
    for tag, family in (("zh_CN", "Noto Sans CJK SC"), ("en", "Open Sans")):
        old = stage.desk
        old.main.change({"language": tag})
        stage.until(lambda old=old: stage.desk is not old and not old.winfo_exists())
        assert families() == {family}
    assert theme.fonts["fixed"].cget("family") == fixed


def test_the_window_opens_in_the_language_of_the_settings(stage: Stage) -> None:
    stage.node.current = msgspec.structs.replace(stage.node.current, language="zh_CN")
    stage.start()
    first = stage.desk
    stage.until(lambda: first.main.sidebar.rows)
    assert first.main.sidebar.rows[0].title == "房间"
    assert stage.desk is first
