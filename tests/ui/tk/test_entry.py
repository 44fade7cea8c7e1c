"""Emoji that one writes are pictures, and what is sent is what was typed. With real keys."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from p2pchat.model.message import Draft

pytest.importorskip("tkinter", reason="this Python has no tkinter")
pytestmark = pytest.mark.window

Stage = Any
FAMILY = "👨‍👩‍👧‍👦"
TONED = "👍🏽"
FLAG = "🇨🇳"
OTHER_PROGRAM = """
import sys, tkinter
text = tkinter.Tk().selection_get(selection=sys.argv[1], type="UTF8_STRING")
print(ascii(text), end="")
"""


def entry(stage: Stage) -> Any:
    return stage.desk.composer.entry


def pictures(stage: Stage) -> int:
    return len(entry(stage).image_names())


@pytest.mark.parametrize("emoji", ["😀", FAMILY, TONED, FLAG, "❤️"])
def test_an_emoji_is_one_picture_and_one_step(stage: Stage, emoji: str) -> None:
    stage.start()
    stage.desk.composer.set_text(f"a{emoji}b")
    assert pictures(stage) == 1
    assert stage.desk.composer.text() == f"a{emoji}b"
    stage.key("<Left>", "<Left>", "<Key-x>")
    assert stage.desk.composer.text() == f"ax{emoji}b"
    stage.key("<Delete>")
    assert stage.desk.composer.text() == "axb"
    stage.key("<<Undo>>")
    assert stage.desk.composer.text() == f"ax{emoji}b"
    assert pictures(stage) == 1
    stage.key("<Right>", "<BackSpace>")
    assert stage.desk.composer.text() == "axb"


def test_one_alone_is_something_written(stage: Stage) -> None:
    stage.start()
    hint = stage.desk.composer._hint
    stage.until(hint.winfo_ismapped)
    stage.desk.composer.insert(FAMILY)  # as the picker does
    stage.until(lambda: not hint.winfo_ismapped())
    stage.until(lambda: stage.node.drafts.get("#lobby") == Draft(FAMILY))
    stage.key("<<Undo>>")
    assert stage.desk.composer.text() == ""
    stage.until(hint.winfo_ismapped)


def test_what_is_typed_becomes_a_picture_and_joins(stage: Stage) -> None:
    """As an input method commits it: a person, a joiner, another person."""
    stage.start()
    for part in ("👨", "\u200d", "👩", "\u200d", "👧", "\u200d", "👦", "!"):
        entry(stage).insert("insert", part)  # what Tk does with a key
        stage.root.update()
    assert stage.desk.composer.text() == FAMILY + "!"
    assert pictures(stage) == 1
    stage.key("<Return>")
    stage.until(lambda: stage.node.named("send"))
    assert stage.node.stored[-1].text == FAMILY + "!"
    assert stage.desk.composer.text() == ""


def test_it_is_copied_cut_and_pasted_as_it_is(stage: Stage) -> None:
    stage.start()
    text = f"one {FAMILY} two\n{TONED} three {FLAG}"
    stage.desk.composer.set_text(text)
    stage.key("<Control-a>", "<<Copy>>")
    assert stage.root.clipboard_get() == text
    assert stage.root.selection_get(selection="PRIMARY", type="UTF8_STRING") == text
    stage.key("<<Cut>>")
    assert stage.desk.composer.text() == ""
    stage.key("<<Paste>>", "<Control-a>", "<<Paste>>")
    assert stage.desk.composer.text() == text
    assert pictures(stage) == 3
    stage.key("<Control-Home>", "<Shift-End>", "<<Copy>>")
    assert stage.root.clipboard_get() == f"one {FAMILY} two"


@pytest.mark.parametrize("selection", ["CLIPBOARD", "PRIMARY"])
def test_another_program_gets_what_was_copied_or_marked(stage: Stage, selection: str) -> None:
    """In any script, and longer than what is handed over at once."""
    stage.start()
    text = f"{FAMILY} {TONED} " + "é وأنا 王小明\n" * 400
    stage.desk.composer.set_text(text)
    stage.key("<Control-a>", "<<Copy>>")
    command = [sys.executable, "-c", OTHER_PROGRAM, selection]
    other = subprocess.Popen(command, stdout=subprocess.PIPE)
    stage.until(lambda: other.poll() is not None)
    assert other.stdout is not None
    with other.stdout as said:
        assert said.read().decode() == ascii(text)


def test_undo_and_redo_bring_back_what_was_written_and_the_cursor(stage: Stage) -> None:
    stage.start()
    stage.write(f"hi {FAMILY} ")
    stage.key("<Key-y>", "<Key-o>")
    stage.key("<<Undo>>")
    assert stage.desk.composer.text() == f"hi {FAMILY} "
    stage.key("<<Redo>>", "<Key-u>")
    assert stage.desk.composer.text() == f"hi {FAMILY} you"
    stage.key("<<Undo>>", "<<Undo>>", "<<Undo>>", "<<Undo>>", "<<Undo>>")
    assert stage.desk.composer.text() == ""
    stage.key("<<Redo>>")
    assert stage.desk.composer.text() == f"hi {FAMILY} "


def test_drafts_keep_it(stage: Stage) -> None:
    stage.start()
    stage.write(f"half {TONED}")
    stage.key("<Alt-Down>")
    stage.until(lambda: stage.desk.main.conversation.name != "#lobby")
    assert stage.desk.composer.text() == ""
    stage.until(lambda: stage.node.drafts["#lobby"].text == f"half {TONED}")
    stage.key("<Alt-Up>")
    stage.until(lambda: stage.loaded("#lobby"))
    assert stage.desk.composer.text() == f"half {TONED}"
    assert pictures(stage) == 1


def test_offers_are_made_and_taken_beside_emoji(stage: Stage) -> None:
    stage.start()
    stage.write(f"{FAMILY}{TONED} @")
    stage.key("<Key-l>", "<Key-i>", "<KeyRelease-i>")
    stage.until(lambda: stage.desk.composer.offers.offers)
    stage.key("<Tab>")
    assert stage.desk.composer.text() == f"{FAMILY}{TONED} @Li "


def test_two_forms_of_one_emoji_stay_what_they_are(stage: Stage) -> None:
    stage.start()
    text = "👁️‍🗨️ 👁‍🗨️ 👁‍🗨 © ⚽ ⚽︎"
    stage.desk.composer.set_text(text)
    assert stage.desk.composer.text() == text


def test_a_character_of_two_places_is_one_step(stage: Stage) -> None:
    stage.start()
    stage.write("a𠮷𠮷")
    stage.key("<BackSpace>")
    assert stage.desk.composer.text() == "a𠮷"
    stage.key("<Left>", "<Delete>")
    assert stage.desk.composer.text() == "a"


def test_thousands_of_lines_are_not_looked_through(stage: Stage) -> None:
    """That held the window for some 40 ms."""
    from p2pchat.ui.tk.composer import MAX_LINES

    stage.start()
    entry, tcl = stage.desk.composer.entry, stage.root.tk
    tcl.eval("set ::asked {}; proc ::ask {said how} {lappend ::asked [lrange $said 1 2]}")
    tcl.eval(f"trace add execution {entry} enter ::ask")
    text = "a" + "\n" * 5000 + "b"
    stage.desk.menus.copy(text)
    stage.key("<<Paste>>")
    stage.until(lambda: int(entry.cget("height")) == MAX_LINES)
    tcl.eval(f"trace remove execution {entry} enter ::ask")
    asked = tcl.eval("set ::asked")
    assert "configure" in asked, "what is asked is noted"
    assert "dump" not in asked
    assert "displaylines" not in asked
    assert stage.desk.composer.text() == text
    stage.desk.composer.set_text("one\ntwo")
    stage.until(lambda: int(entry.cget("height")) == 2)
    stage.desk.composer.set_text("word " * 100)
    stage.until(lambda: int(entry.cget("height")) > 3)


def test_thousands_of_emoji_are_folded_and_sent_as_they_are(stage: Stage) -> None:
    stage.start()
    text = f"see {FAMILY} {TONED} " * 300
    stage.desk.menus.copy(text)
    stage.key("<<Paste>>")
    assert pictures(stage) == 301
    assert stage.desk.composer.text() == text
    stage.key("<Key-x>", "<<Undo>>", "<Control-a>", "<<Copy>>")
    assert stage.desk.composer.text() == text
    stage.key("<<Paste>>")
    assert stage.desk.composer.text() == text
    stage.key("<Control-End>", "<BackSpace>", "<BackSpace>")
    assert len(stage.desk.composer.text()) < len(text) * 0.6
    stage.key("<<Undo>>")
    stage.key("<<Undo>>")
    stage.key("<Return>")
    stage.until(lambda: stage.node.named("send"))
