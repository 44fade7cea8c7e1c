"""The pages under a real display, by keys and clicks."""

from __future__ import annotations

import asyncio
import gc
import io
import os
import queue
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from paper_node import make_peer, peer_id
from ports import free_port

from p2pchat.errors import P2PChatError, RequestError
from p2pchat.events import FileComplete, FileOffered, FileProgress, MessageReceived, PeerChanged
from p2pchat.model.accounts import Download
from p2pchat.model.file import FileInfo, FileState
from p2pchat.model.people import Status
from p2pchat.transport.udp import open_udp
from p2pchat.ui import language

tk = pytest.importorskip("tkinter", reason="this Python has no tkinter")
from p2pchat.ui.tk.places import Place  # noqa: E402  # it needs tkinter

ttk = pytest.importorskip("tkinter.ttk")
pytestmark = pytest.mark.window

Stage = Any
"""conftest.Stage, which can't be imported by name from here."""

LI = peer_id("a")


class Around:
    """A system that remembers what it was told."""

    def __init__(self) -> None:
        self.starts = False
        self.opened: list[str] = []
        self.named = ["school"]
        self.fail = ""
        self.told: list[tuple[str, str, str]] = []
        self.withdrawn: list[str] = []
        self.tray = False
        self.clicks: queue.SimpleQueue[str] = queue.SimpleQueue()

    def in_tray(self) -> bool:
        return self.tray

    def autostart(self) -> bool | None:
        return self.starts

    def set_autostart(self, on: bool) -> None:
        if self.fail:
            raise P2PChatError(self.fail)
        self.starts = on

    async def notify(self, conversation: str, title: str, text: str, lasting: bool = False) -> None:
        self.told.append((conversation, title, text))

    async def withdraw(self, conversation: str) -> None:
        self.withdrawn.append(conversation)

    async def clicked(self) -> str:
        return await asyncio.to_thread(self.clicks.get)

    def profiles(self) -> Sequence[str]:
        return ["", *self.named]

    async def delete_profile(self, name: str) -> None:
        if name not in self.named:
            raise P2PChatError("there is no profile of that name")
        self.named.remove(name)

    def open_profile(self, name: str) -> None:
        if self.fail:
            raise P2PChatError(self.fail)
        self.opened.append(name)


@pytest.fixture
def around(stage: Stage) -> Iterator[Around]:
    made = Around()
    stage.window._around = made
    yield made
    made.clicks.put("#lobby")


def inside(widget: Any) -> Iterator[Any]:
    yield widget
    for child in widget.winfo_children():
        yield from inside(child)


def button(widget: Any, text: str) -> Any:
    return next(
        w for w in inside(widget) if isinstance(w, ttk.Button) and str(w.cget("text")) == text
    )


def texts(widget: Any) -> str:
    return "\n".join(
        str(w.cget("text")) for w in inside(widget) if isinstance(w, ttk.Label | ttk.Button)
    )


def sheet(stage: Stage) -> Any:
    return stage.desk.places.sheet


def dialog(stage: Stage) -> Any:
    """The one that is open."""
    from p2pchat.ui.tk.pages import Dialog

    found = (child for child in stage.root.winfo_children() if isinstance(child, Dialog))
    return next(found, None)


# -- pages by their keys


@pytest.mark.parametrize(
    ("key", "place"),
    [("<Control-comma>", "settings"), ("<Control-j>", "transfers"), ("<F1>", "shortcuts")],
)
def test_a_page_opens_and_closes_by_its_key_and_by_escape(
    stage: Stage, key: str, place: str
) -> None:
    stage.start()
    stage.key(key)
    assert stage.desk.places.place.value == place
    assert sheet(stage).winfo_ismapped()
    assert not stage.desk.conversation.winfo_ismapped()
    stage.key("<Escape>")
    assert stage.desk.conversation.winfo_ismapped()
    assert stage.root.focus_get() is stage.desk.composer.entry
    stage.key(key, key)
    assert stage.desk.places.sheet is None


@pytest.mark.parametrize("place", ["settings", "announcements", "account"])
def test_what_is_typed_while_a_page_appears_is_for_nothing_out_of_sight(
    stage: Stage, place: str
) -> None:
    from p2pchat.ui.tk.places import Place

    stage.start()
    places = stage.desk.places
    places.open(Place(place))  # the loop hasn't run since
    assert str(stage.root.tk.call("focus")).startswith(str(places.sheet))
    stage.root.update()
    places.toggle(Place(place))
    assert str(stage.root.tk.call("focus")) == str(stage.desk.composer.entry)


def test_the_line_at_the_bottom_leads_to_the_network(stage: Stage) -> None:
    stage.start()
    stage.until(lambda: "Linked with" in stage.desk.status.network.cget("text"))
    stage.desk.status.network.invoke()
    stage.until(lambda: "Linked directly with 2 people." in texts(sheet(stage)))
    stage.desk.status.network.focus_set()
    stage.key("<Return>")
    assert stage.desk.places.sheet is None


def test_a_conversation_takes_the_place_of_a_page(stage: Stage) -> None:
    stage.start()
    stage.key("<F1>")
    stage.desk.main.open(f"@{LI}")
    stage.until(lambda: stage.loaded(f"@{LI}"))
    assert stage.desk.places.sheet is None
    assert stage.desk.conversation.winfo_ismapped()


def test_every_key_of_the_list_does_something(stage: Stage) -> None:
    from p2pchat.ui.presenters.shortcuts import SHORTCUTS

    stage.start()
    names = {"↑": "Up", "↓": "Down", "Enter": "Return", "Esc": "Escape", "Page Up": "Prior",
             "Page Down": "Next", ",": "comma", "Ctrl": "Control"}  # fmt: skip
    bound = {*stage.root.bind(), *stage.desk.composer.entry.bind()}
    bound |= {*stage.root.bind_class("all"), *stage.root.bind_class("Text")}
    bound |= {*stage.desk.conversation.transcript.canvas.bind()}
    spelled = {name.strip("<>").replace("Key-", "") for name in bound}
    for _, keys in SHORTCUTS:
        for key, _ in keys:
            for one in key.split("   "):
                parts = [names.get(part, part) for part in one.split("+")]
                letter = parts[-1]
                if len(letter) == 1:
                    shifted = "Shift" in parts
                    parts = [part for part in parts if part != "Shift"]
                    parts[-1] = letter.upper() if shifted else letter.lower()
                wanted = "-".join(parts)
                others = {"Control-v": "<Paste>", "Shift-Tab": "<PrevWindow>"}
                others["Alt-Shift-Down"] = "Shift-Alt-Down"
                assert {wanted, others.get(wanted, "").strip("<>")} & spelled, (one, wanted)


def test_pages_scroll_by_wheel_and_keys_and_to_the_focus(stage: Stage, around: Around) -> None:
    stage.start()
    stage.root.geometry("800x420")
    stage.key("<Control-comma>")
    canvas = sheet(stage).scrolled.canvas
    stage.until(lambda: canvas.yview()[1] < 1)
    sheet(stage)._name.event_generate("<Button-5>")
    stage.until(lambda: canvas.yview()[0] > 0)
    sheet(stage)._name.event_generate("<Button-4>")
    stage.until(lambda: canvas.yview()[0] == 0)
    canvas.focus_force()
    stage.until(lambda: stage.root.focus_get() is canvas)
    stage.key("<Next>")
    stage.until(lambda: canvas.yview()[0] > 0)
    last = button(sheet(stage), "Become someone else…")
    last.focus_set()
    stage.until(lambda: canvas.winfo_rooty() < last.winfo_rooty() < canvas.winfo_rooty() + 420)


def controls(widget: Any) -> list[Any]:
    kinds = (ttk.Button, ttk.Checkbutton, ttk.Combobox, ttk.Entry, ttk.Menubutton)
    return [w for w in inside(widget) if isinstance(w, kinds) and w.winfo_ismapped()]


@pytest.mark.parametrize("key", ["<Control-comma>", "<Control-j>", "<F1>", "<Control-i>"])
def test_every_control_can_be_reached_by_tab_and_has_a_tip(
    stage: Stage, around: Around, key: str
) -> None:
    stage.node.offer("#lobby", "plan.pdf", LI, 10_000_000)
    stage.start()
    stage.key(key)
    for _ in range(20):
        stage.root.update()
    shown = stage.desk.places.sheet or stage.desk.about
    found = {str(w): w for w in controls(shown) if "disabled" not in w.state()}
    assert found
    reached, focus = set(), stage.root.focus_get()
    for _ in range(100):
        focus = focus.tk_focusNext()
        reached.add(str(focus))
    assert found.keys() <= reached
    for widget in found.values():
        if not isinstance(widget, ttk.Entry) or isinstance(widget, ttk.Combobox):
            assert "make" in str(widget.bind("<Enter>")), widget


# -- settings


def test_nothing_of_ones_own_is_cut_off_in_a_small_window(stage: Stage, around: Around) -> None:
    stage.start()
    stage.key("<Control-comma>")
    page = sheet(stage)
    stage.root.geometry("640x720")
    stage.until(lambda: stage.root.winfo_width() == 640)
    stage.until(lambda: page.no_picture.winfo_ismapped())
    edge = page.winfo_rootx() + page.winfo_width()
    for button in (page.picture, page.no_picture):
        stage.until(lambda button=button: button.winfo_width() >= button.winfo_reqwidth())
        stage.until(lambda button=button: button.winfo_rootx() + button.winfo_width() <= edge)
        foot = button.master
        stage.until(lambda foot=foot: foot.winfo_width() >= foot.winfo_reqwidth())


def test_a_hint_stays_within_its_field(stage: Stage, around: Around) -> None:
    stage.start()
    stage.key("<Control-comma>")
    stage.root.geometry("640x720")
    field = stage.desk.places.sheet._note
    stage.until(lambda: str(field._hint.cget("text")).endswith("…"))
    stage.until(lambda: field._hint.winfo_ismapped())
    right = field._hint.winfo_x() + field._hint.winfo_width()
    assert right < field.winfo_width() - 5
    stage.root.geometry("1200x720")
    stage.until(lambda: str(field._hint.cget("text")) == "What you are up to: others see it")


def test_the_line_at_the_bottom_ends_with_an_ellipsis(stage: Stage) -> None:
    for letter, name in zip(
        "cdef", ("Anneliese", "Bartholomew", "Christabel", "Dominique"), strict=True
    ):
        stage.node.add_peer(make_peer(letter, name * 2))
    stage.start()
    status = stage.desk.status
    stage.until(lambda: "Network lan" in str(status._detail.cget("text")))
    stage.node.people[LI] = msgspec.structs.replace(stage.node.people[LI], keeps_register=True)
    stage.desk.main.directory.load()
    stage.root.geometry("640x720")
    stage.until(lambda: str(status.network.cget("text")).endswith("…"))
    assert status._detail.cget("text") == ""
    assert status.attendance.cget("text") == "Attendance is kept by “Li”", (
        "what all are to see stays"
    )
    stage.root.update()
    assert status.network.winfo_width() >= status.network.winfo_reqwidth()
    assert status.attendance.winfo_x() >= status.network.winfo_x() + status.network.winfo_width()
    assert status.attendance.winfo_width() >= status.attendance.winfo_reqwidth()
    stage.root.geometry("1200x720")
    stage.until(lambda: "Network lan" in str(status._detail.cget("text")))
    assert not str(status.network.cget("text")).endswith("…")


def test_names_are_in_their_order_at_the_bottom_on_cards_and_pages(stage: Stage) -> None:
    """Tk draws the characters of its labels as they come."""
    written, seen = "ליאור", "רואיל"
    stage.node.add_peer(make_peer("c", written, note=written))
    stage.start()
    stage.until(lambda: seen in str(stage.desk.status.network.cget("text")))
    stage.desk.main.open_person(stage.node.people[peer_id("c")])
    stage.until(lambda: stage.loaded(f"@{peer_id('c')}"))
    stage.until(lambda: seen in str(stage.desk.composer._hint.cget("text")))
    stage.key("<Control-i>")
    stage.until(lambda: texts(stage.desk.about).count(seen) == 2)
    assert written not in texts(stage.desk.about)


def test_settings_are_changed_by_keys(stage: Stage, around: Around) -> None:
    stage.start()
    stage.key("<Control-comma>")
    page = sheet(stage)
    stage.until(lambda: page._choices["theme"].get())
    box = page._choices["theme"]
    box.focus_set()
    box.current(2)
    stage.key("<<ComboboxSelected>>")
    stage.until(lambda: stage.node.current.theme == "dark")
    stage.until(lambda: stage.window.theme.palette.name == "dark")
    switch = next(w for w in inside(page) if isinstance(w, ttk.Checkbutton))
    switch.focus_set()
    stage.key("<Return>")
    stage.until(lambda: not stage.node.current.notifications)
    stage.key("<space>")
    stage.until(lambda: stage.node.current.notifications)


def test_a_key_for_the_network_is_made_in_the_window(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "tkinter.filedialog.asksaveasfilename", lambda **how: "/home/li/network.key"
    )
    stage.start()
    stage.key("<Control-comma>")
    page = sheet(stage)
    page.make_key.focus_set()
    stage.key("<Return>")
    stage.until(lambda: "/home/li/network.key" in texts(page))
    assert stage.root.clipboard_get() == "public"
    page._key.set("b" * 52)
    page._key.entry.focus_set()
    stage.key("<Return>")
    stage.until(lambda: stage.node.current.appointed_by == "b" * 52)


def test_another_language_is_chosen_on_the_page_and_the_page_stays(stage: Stage) -> None:
    stage.start()
    stage.key("<Control-comma>")
    first, page = stage.desk, sheet(stage)
    stage.until(lambda: page._choices["language"].get())
    names = list(page._choices["language"].cget("values"))
    page._choices["language"].current(names.index("简体中文"))
    page._choices["language"].event_generate("<<ComboboxSelected>>")
    stage.until(lambda: stage.desk is not first and sheet(stage) is not None)
    assert "外观和语言" in texts(sheet(stage))
    stage.until(lambda: sheet(stage)._choices["language"].get() == "简体中文")
    language.use("en")


def test_name_and_note_are_kept_when_the_page_is_left(stage: Stage) -> None:
    stage.start()
    stage.key("<Control-comma>")
    page = sheet(stage)
    page._name.set("Maria")
    page._note.set("in the lab")
    stage.key("<Escape>")
    stage.until(lambda: (stage.node.me.name, stage.node.me.note) == ("Maria", "in the lab"))
    stage.until(lambda: stage.desk.sidebar._name.cget("text") == "Maria")


def test_a_bad_name_is_said_on_the_page(stage: Stage) -> None:
    stage.start()
    stage.key("<Control-comma>")
    page = sheet(stage)
    page._name.set("")
    page._name.entry.focus_set()
    stage.key("<Return>")
    assert "write a name" in page.errors["person"].cget("text")
    assert page.errors["person"].winfo_manager()


def test_a_picture_is_chosen_scaled_and_shown(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from PIL import Image

    Image.new("RGB", (1200, 800), "#aa3355").save(tmp_path / "me.png")
    monkeypatch.setattr(
        "tkinter.filedialog.askopenfilename", lambda **options: str(tmp_path / "me.png")
    )
    stage.start()
    stage.key("<Control-comma>")
    page = sheet(stage)
    assert "disabled" in page.no_picture.state()
    page.picture.invoke()
    stage.until(lambda: stage.node.me.avatar)
    stage.until(lambda: "disabled" not in page.no_picture.state())
    page.no_picture.invoke()
    stage.until(lambda: not stage.node.me.avatar)
    (tmp_path / "me.png").write_text("no picture")
    page.picture.invoke()
    stage.until(lambda: "no picture" in page.errors["person"].cget("text"))


def test_the_name_of_the_network_is_kept_for_the_next_start(stage: Stage) -> None:
    stage.start()
    stage.key("<Control-comma>")
    sheet(stage)._network.set("7b")
    stage.key("<Escape>")
    stage.until(lambda: stage.node.current.network == "7b")


def test_a_bad_name_of_a_network_is_said_below_its_field(stage: Stage) -> None:
    stage.start()
    stage.key("<Control-comma>")
    page = sheet(stage)
    field = page._network
    field.set("n" * 65)
    field.entry.focus_set()
    stage.key("<Return>")
    error = page.errors["network"]
    stage.until(error.winfo_viewable)
    below = error.winfo_rooty() - field.winfo_rooty() - field.winfo_height()
    assert 0 <= below < field.winfo_height()
    assert not page.errors["person"].winfo_viewable()


def test_starting_with_the_system(stage: Stage, around: Around) -> None:
    stage.start()
    stage.key("<Control-comma>")
    page = sheet(stage)
    *_, switch, registrar = (w for w in inside(page) if isinstance(w, ttk.Checkbutton))
    registrar.invoke()
    stage.until(lambda: stage.node.current.registrar)
    switch.invoke()
    assert around.starts
    around.fail = "it can't be set: read-only"
    switch.invoke()
    assert "read-only" in page.errors["autostart"].cget("text")
    assert page._switches["autostart"].get()


def test_staying_in_the_tray_is_offered_where_there_is_one(stage: Stage, around: Around) -> None:
    stage.start()
    stage.key("<Control-comma>")
    assert "Stay when the window is closed" not in texts(sheet(stage))
    stage.key("<Escape>")
    around.tray = True
    stage.key("<Control-comma>")
    assert "Stay when the window is closed" in texts(sheet(stage))
    stage.root.update()
    stage.until(lambda: "close_to_tray" in sheet(stage)._switches)
    sheet(stage)._switches["close_to_tray"].set(True)
    sheet(stage)._presenter.switch("close_to_tray", True)
    stage.until(lambda: stage.node.current.close_to_tray)


def test_other_profiles(stage: Stage, around: Around) -> None:
    stage.start()
    stage.key("<Control-comma>")
    button(sheet(stage), "Other profiles…").invoke()
    dialog = next(w for w in stage.root.winfo_children() if isinstance(w, tk.Toplevel))
    stage.root.update()
    dialog.page.on_submit()
    assert "write a name" in dialog.page._error.cget("text")
    around.fail = "a profile has a plain name"
    dialog.name.set("../x")
    dialog.page.on_submit()
    assert "plain name" in dialog.page._error.cget("text")
    around.fail = ""
    button(dialog, "school").invoke()
    assert around.opened == ["school"]
    assert not dialog.winfo_exists()


def test_a_profile_is_deleted_by_keys(stage: Stage, around: Around) -> None:
    stage.start()
    stage.key("<Control-p>")
    stage.until(lambda: dialog(stage) and dialog(stage).title() == "Profiles")
    dialog(stage).focus_force()
    button(dialog(stage), "Delete one…").focus_set()
    stage.key("<space>")
    stage.until(lambda: dialog(stage) and dialog(stage).title() == "Delete a profile")
    said = texts(dialog(stage))
    for lost in ("messages, files and keys", "nobody can be that person", "downloaded stays"):
        assert lost in said.replace("\n", " ")
    stage.until(lambda: isinstance(stage.root.focus_get(), tk.Entry | ttk.Entry))
    stage.key("<Return>")
    assert "write its name" in texts(dialog(stage))
    stage.key("c", "l", "u", "b", "<Return>")
    stage.until(lambda: "no profile of that name" in texts(dialog(stage)))
    stage.key("<Control-a>", "s", "c", "h", "o", "o", "l", "<Return>")
    stage.until(lambda: dialog(stage) and dialog(stage).title() == "Profiles")
    assert around.named == []
    assert "school" not in texts(dialog(stage))
    assert "Delete one…" not in texts(dialog(stage)), "there is none"


def test_other_profiles_by_their_key_and_from_the_menu(stage: Stage, around: Around) -> None:
    stage.start()
    stage.write("what was written stays")
    stage.key("<Control-p>")
    stage.until(lambda: dialog(stage) and dialog(stage).title() == "Profiles")
    stage.key("<Escape>")
    stage.until(lambda: dialog(stage) is None)
    assert stage.desk.composer.text() == "what was written stays"
    menus = stage.desk.menus
    menus.of_me(stage.desk.sidebar._name)
    menus.last.invoke("Other profiles…")
    stage.root.tk.call("tk::MenuUnpost", menus.last)
    stage.until(lambda: dialog(stage) and dialog(stage).title() == "Profiles")


# -- the card


def test_the_card_of_a_person(stage: Stage) -> None:
    stage.start()
    stage.desk.main.open(f"@{LI}")
    stage.until(lambda: stage.loaded(f"@{LI}"))
    stage.key("<Control-i>")
    about = stage.desk.about
    assert about.winfo_ismapped()
    button(about, "Add to contacts").invoke()
    stage.until(lambda: stage.node.people[LI].contact)
    stage.until(lambda: "Remove from contacts" in texts(about))
    blocking = button(about, "Block")
    blocking.focus_set()
    stage.key("<Return>")
    stage.until(lambda: stage.node.people[LI].blocked)
    stage.until(lambda: "Unblock" in texts(about))
    # What was pressed is drawn anew, and keeps the focus.
    assert str(stage.root.focus_get().cget("text")) == "Unblock"
    button(about, "Copy id").invoke()
    assert stage.root.clipboard_get() == LI
    stage.key("<Escape>")
    assert not about.winfo_ismapped()


def test_words_are_compared_from_the_card(stage: Stage) -> None:
    stage.start()
    stage.desk.places.open_about(f"@{LI}")
    button(stage.desk.about, "Compare words…").invoke()
    stage.until(lambda: any(isinstance(w, tk.Toplevel) for w in stage.root.winfo_children()))
    dialog = next(w for w in stage.root.winfo_children() if isinstance(w, tk.Toplevel))
    stage.until(lambda: dialog.winfo_ismapped())
    dialog.page.on_submit()
    stage.until(lambda: stage.node.people[LI].verified)
    stage.until(lambda: "Remove verification" in texts(stage.desk.about))
    button(stage.desk.about, "Remove verification").invoke()
    stage.until(lambda: not stage.node.people[LI].verified)


def members(stage: Stage) -> list[str]:
    return [row.label for row in stage.desk.about._members._rows]


def test_the_card_of_a_room_leads_to_its_people(stage: Stage) -> None:
    stage.start()
    stage.key("<Control-i>")
    stage.until(lambda: members(stage) == ["Li", "Me (you)", "王小明"])
    stage.desk.about._members.canvas.focus_force()
    stage.until(lambda: stage.root.focus_get() is stage.desk.about._members.canvas)
    stage.key("<Down>", "<Return>")
    stage.until(lambda: stage.loaded(f"@{LI}"))
    # The card goes along.
    stage.until(lambda: "Compare words…" in texts(stage.desk.about))


def test_a_room_of_five_hundred_does_not_hold_up_the_window(stage: Stage) -> None:
    for number in range(500):
        one = make_peer("a", f"P{number:03}", note="x")
        stage.node.add_peer(
            msgspec.structs.replace(one, peer_id=peer_id("b")[:29] + f"{number:03}")
        )
    stage.start()
    stage.key("<Control-i>")
    stage.until(lambda: len(members(stage)) == 503)
    changed = msgspec.structs.replace(stage.node.people[LI], note="another")
    began = time.thread_time()
    stage.desk.main.events([PeerChanged(changed)])
    stage.root.update()
    assert time.thread_time() - began < 1.0


def test_leaving_a_room_from_its_card(stage: Stage) -> None:
    stage.node.passwords["#maths"] = None
    stage.node.joined.add("#maths")
    stage.node.say("#maths", "hi", LI)
    stage.start()
    stage.desk.main.open("#maths")
    stage.until(lambda: stage.loaded("#maths"))
    stage.key("<Control-i>")
    button(stage.desk.about, "Mute").invoke()
    stage.until(lambda: "#maths" in stage.node.muted)
    button(stage.desk.about, "Leave room").invoke()
    stage.until(lambda: "#maths" not in stage.node.joined)
    stage.until(lambda: stage.loaded("#lobby"))


# -- transfers


def transfer(state: FileState, done: int = 0, **more: Any) -> FileInfo:
    fields: dict[str, Any] = {
        "file_id": "f" * 64, "message_id": "f" * 64, "conversation": "#lobby", "name": "film.mkv",
        "size": 1000, "mime": "x", "author": LI, "state": state, "done": done, "total": 1000,
        "path": None, "sources": 1, "rate": 100.0,
    }  # fmt: skip
    return FileInfo(**{**fields, **more})


def test_a_page_of_hundreds_of_rows_goes_over_some_turns_of_the_loop(stage: Stage) -> None:
    stage.start()
    stage.key("<Control-j>")
    stage.until(lambda: "No files yet" in texts(sheet(stage)))
    many = [transfer(FileState.FETCHING, 300, file_id=f"{n:064x}") for n in range(120)]
    stage.window.bridge.handle_events([FileProgress(one) for one in many])
    page = sheet(stage)
    stage.until(lambda: len(page._rows) == 120)
    stage.root.update()
    stage.desk.places.close()
    assert sheet(stage) is None
    assert 0 < len(page.body.winfo_children()) < 100, "not all in one go"
    stage.window.theme.apply("dark")
    stage.until(lambda: stage.desk.conversation.winfo_ismapped() and not page.winfo_exists())
    stage.key("<Control-comma>")
    few = sheet(stage)
    stage.desk.places.close()
    assert not few.winfo_exists()


def test_a_transfer_on_its_page(stage: Stage) -> None:
    stage.start()
    stage.key("<Control-j>")
    stage.until(lambda: "No files yet" in texts(sheet(stage)))
    events = stage.window.bridge.handle_events
    events([FileProgress(transfer(FileState.FETCHING, 300))])
    stage.until(lambda: "30%" in texts(sheet(stage)))
    assert "1 download" in stage.desk.status.transfers.cget("text")
    stage.desk.main.transfers._files["f" * 64] = transfer(FileState.FETCHING, 300)
    stage.node.offered["f" * 64] = transfer(FileState.FETCHING, 300)
    pause = button(sheet(stage), "Pause")
    pause.focus_set()
    stage.key("<Return>")
    stage.until(lambda: stage.node.named("pause"))
    events([FileComplete(transfer(FileState.COMPLETE, 1000, path="/home/ann/film.mkv"))])
    stage.until(lambda: "Show in folder" in texts(sheet(stage)))
    assert stage.desk.status.transfers.winfo_manager() == ""
    button(sheet(stage), "Show the message").invoke()
    assert stage.desk.places.sheet is None


def test_pictures_of_cameras_can_be_chosen(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are named IMG_1.JPG, and Tk's own dialog tells upper case from lower."""
    stage.start()
    (tmp_path / "IMG_1.JPG").touch()
    (tmp_path / "letter.odt").touch()
    listed: list[str] = []

    def ask(**how: Any) -> str:
        ((_said, patterns),) = how["filetypes"]
        found = stage.root.tk.call("glob", "-tails", "-directory", str(tmp_path), *patterns)
        listed.extend(stage.root.tk.splitlist(found))
        return ""

    monkeypatch.setattr("tkinter.filedialog.askopenfilename", ask)
    stage.key("<Control-comma>")
    sheet(stage).picture.invoke()
    assert listed == ["IMG_1.JPG"]


def test_tab_leads_through_transfers_as_they_stand(stage: Stage) -> None:
    """Files that came later stand above, and buttons were made when they were first needed."""
    stage.start()
    stage.key("<Control-j>")
    stage.until(lambda: "No files yet" in texts(sheet(stage)))
    events = stage.window.bridge.handle_events
    old = transfer(FileState.FETCHING, 300)
    new = msgspec.structs.replace(transfer(FileState.OFFERED), file_id="e" * 64, name="later.pdf")
    events([FileProgress(old)])
    stage.until(lambda: "30%" in texts(sheet(stage)))
    events([FileProgress(msgspec.structs.replace(old, state=FileState.PAUSED)), FileOffered(new)])
    stage.until(lambda: "later.pdf" in texts(sheet(stage)) and "Paused" in texts(sheet(stage)))
    events([FileProgress(msgspec.structs.replace(new, state=FileState.PAUSED))])
    stage.until(lambda: texts(sheet(stage)).count("Paused") == 2)
    stage.root.update()
    seen = [button(sheet(stage), "Resume")]
    for _ in range(5):
        seen.append(seen[-1].tk_focusNext())
    assert [widget.cget("text") for widget in seen] == 2 * ["Resume", "Cancel", "Show the message"]
    places = [(widget.winfo_rooty(), widget.winfo_rootx()) for widget in seen]
    assert places == sorted(places)


def test_a_presence_that_changes_is_seen_on_the_open_page(stage: Stage) -> None:
    stage.start()
    stage.desk.status.network.invoke()
    stage.until(lambda: "Linked directly with 2 people." in texts(sheet(stage)))
    gone = msgspec.structs.replace(stage.node.people[LI], linked=False)
    stage.window.bridge.handle_events([PeerChanged(gone)])
    stage.until(lambda: "Linked directly with 1 person." in texts(sheet(stage)))


# -- the UDP test


@contextmanager
def udp_peer() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind(("127.0.0.1", 0))
        peer.settimeout(10)
        yield peer


def open_test(stage: Stage, peer: socket.socket, port: int) -> Any:
    stage.window._open_udp = open_udp
    stage.window.open_udp_test()
    window = stage.window.udp
    window.own.set(f"127.0.0.1:{port}")
    window.peer.set(f"127.0.0.1:{peer.getsockname()[1]}")
    window.own.entry.focus_force()
    stage.root.update()
    window.own.entry.event_generate("<Return>")
    stage.until(lambda: window.presenter.is_open)
    return window


def test_lines_go_both_ways_as_datagrams(stage: Stage) -> None:
    stage.start()
    port = free_port(socket.SOCK_DGRAM)
    with udp_peer() as peer:
        window = open_test(stage, peer, port)
        window.entry.set("hello, 你好")
        window.entry.entry.event_generate("<Return>")
        stage.root.update()
        assert peer.recv(2000) == "hello, 你好".encode()
        assert window.entry.text == ""
        peer.sendto(b"fine\n", ("127.0.0.1", port))
        who = f"127.0.0.1:{peer.getsockname()[1]}"
        stage.until(lambda: f"{who} say: fine\n" in window.text.get("1.0", "end"))
        peer.sendto(b"\xff\x1b[31m", ("127.0.0.1", port))
        stage.until(lambda: r"\xff\x1b[31m" in window.text.get("1.0", "end"))
        window.entry.set("x" * 1025)
        window.entry.entry.event_generate("<Return>")
        stage.root.update()
        assert "1024" in window._error.cget("text")
        assert window.entry.text == "x" * 1025
        window.entry.set("Over")
        window.entry.entry.event_generate("<Return>")
        assert peer.recv(2000) == b"Over"
    assert stage.window.udp is None
    assert not window.winfo_exists()


def test_a_test_goes_on_in_another_language(stage: Stage) -> None:
    stage.start()
    first, port = stage.desk, free_port(socket.SOCK_DGRAM)
    with udp_peer() as peer:
        window = open_test(stage, peer, port)
        peer.sendto(b"fine\n", ("127.0.0.1", port))
        stage.until(lambda: "say: fine\n" in window.text.get("1.0", "end"))
        window.entry.set("half a li")
        first.main.change({"language": "zh_CN"})
        stage.until(lambda: not first.winfo_exists())
        assert stage.window.udp is window
        assert window.button.cget("text") == "停止"
        assert "say: fine\n" in window.text.get("1.0", "end")
        assert window.entry.text == "half a li"
        window.entry.set("over there")
        window.entry.entry.event_generate("<Return>")
        assert peer.recv(2000) == b"over there"
        window.close()


def test_a_flood_does_not_freeze_the_test(stage: Stage) -> None:
    stage.start()
    port = free_port(socket.SOCK_DGRAM)
    with udp_peer() as peer:
        window = open_test(stage, peer, port)
        for number in range(5000):
            peer.sendto(f"line {number}".encode(), ("127.0.0.1", port))
            if number % 500 == 0:
                stage.root.update()
        peer.sendto(b"the last", ("127.0.0.1", port))
        stage.until(lambda: "line" in window.text.get("1.0", "end"))
        assert int(window.text.index("end-1c").partition(".")[0]) <= 2002
        window.close()
    stage.until(lambda: port_is_free(port))


def port_is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def test_what_is_no_address_is_said(stage: Stage) -> None:
    stage.start()
    stage.window._open_udp = open_udp
    stage.window.open_udp_test()
    window = stage.window.udp
    window.own.set("nonsense")
    window.button.invoke()
    assert "port" in window._error.cget("text")
    window.own.set("127.0.0.1:0")
    window.peer.set("no.such.host.invalid:5000")
    window.button.invoke()
    stage.until(lambda: "no address" in window._error.cget("text"))
    assert "disabled" not in window.button.state()
    window.close()


# -- the first start


def test_the_first_page_has_the_language_the_profiles_and_the_udp_test(
    stage: Stage, around: Around
) -> None:
    stage.window._open_udp = open_udp
    stage.window.start("Maria")
    stage.root.update()
    page = stage.window.first_page
    page.name.set("Maria Lopez")
    page.on_language("zh_CN")
    stage.root.update()
    page = stage.window.first_page
    assert page.name.text == "Maria Lopez"
    assert page.page.button.cget("text") == "开始聊天"
    button(page, "UDP 测试…").invoke()
    assert stage.window.udp is not None
    stage.window.udp.close()
    button(page, "其他资料…").invoke()
    dialog = next(w for w in stage.root.winfo_children() if isinstance(w, tk.Toplevel))
    dialog.close()
    page.presenter.submit("Maria Lopez")
    stage.until(lambda: stage.window.desk is not None and stage.loaded("#lobby"))
    assert stage.node.current.language == "zh_CN"
    assert stage.opened_with == ["Maria Lopez"]


def test_the_first_page_is_readable_on_a_dark_system(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which is learned only while the page is there."""
    monkeypatch.setattr("p2pchat.ui.appearance.is_dark", lambda: True)
    stage.window.start("Maria")
    stage.until(lambda: stage.window.theme.palette.name == "dark")
    about = stage.window.first_page.page._about
    stage.until(lambda: str(about.cget("foreground")) == stage.window.theme.palette.muted)


# -- in every language


@pytest.mark.parametrize("place", list(Place), ids=lambda place: place.value)
def test_a_page_speaks_the_language_that_was_chosen(
    stage: Stage, around: Around, place: Place
) -> None:
    stage.node.current = msgspec.structs.replace(stage.node.current, language="zh_CN")
    stage.node.offer("#lobby", "plan.pdf", LI, 10_000_000)
    stage.start()
    stage.desk.places.open(place)
    for _ in range(30):
        stage.root.update()
    found = [
        text for text in texts(stage.root).splitlines() if re.search("[a-z]{3} [a-z]{2}", text)
    ]
    assert found == []
    language.use("en")


def test_the_card_and_the_dialogs_speak_it_as_well(stage: Stage, around: Around) -> None:
    stage.node.current = msgspec.structs.replace(stage.node.current, language="zh_CN")
    stage.window._open_udp = open_udp
    stage.start()
    for conversation in ("#lobby", f"@{LI}"):
        stage.desk.places.open_about(conversation)
        stage.root.update()
        assert not re.search("[a-z]{3} [a-z]{2}", texts(stage.desk.about))
    stage.window.open_udp_test()
    stage.window.open_profiles()
    stage.desk.asking.connect()
    stage.root.update()
    for window in stage.root.winfo_children():
        if isinstance(window, tk.Toplevel):
            assert not re.search("[a-z]{3} [a-z]{2}", texts(window).replace("nc -u", ""))
    language.use("en")


# -- notifications, and what is pasted


def test_who_writes_while_the_window_is_elsewhere_is_told_of(
    stage: Stage, around: Around, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.start()
    stage.until(lambda: stage.desk.main.conversation.active)
    events = stage.window.bridge.handle_events
    events([MessageReceived(stage.node.say("#lobby", "seen at once", LI))])
    stage.until(lambda: "seen at once" in stage.shown)
    monkeypatch.setattr(stage.desk, "_focused", lambda: False)
    stage.desk.main.conversation.set_active(False)
    events([MessageReceived(stage.node.say("#lobby", "<b>are you</b> there?", LI))])
    stage.until(lambda: around.told)
    assert around.told == [("#lobby", "“Li” in #lobby", "<b>are you</b> there?")]
    events([MessageReceived(stage.node.say(f"@{LI}", "hello", LI))])
    stage.until(lambda: len(around.told) == 2)
    around.clicks.put(f"@{LI}")
    stage.until(lambda: stage.loaded(f"@{LI}"))
    assert around.withdrawn == []
    monkeypatch.undo()
    stage.desk.main.set_active(True)
    stage.until(lambda: around.withdrawn == [f"@{LI}"])
    stage.desk.main.open("#lobby")
    stage.until(lambda: around.withdrawn == [f"@{LI}", "#lobby"])


def test_who_is_busy_is_told_of_nothing_and_it_counts(
    stage: Stage, around: Around, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.start()
    menus = stage.desk.menus
    menus.of_me(stage.desk.sidebar._name)
    menus.last.invoke("Busy (no notifications)")
    stage.root.tk.call("tk::MenuUnpost", menus.last)
    stage.until(lambda: stage.desk.main.directory.me.status is Status.BUSY)
    monkeypatch.setattr(stage.desk, "_focused", lambda: False)
    stage.desk.main.conversation.set_active(False)
    events = stage.window.bridge.handle_events
    events([MessageReceived(stage.node.say(f"@{LI}", "hello?", LI))])
    stage.until(lambda: stage.root.title().startswith("(1)"))
    stage.desk.main.directory.set_profile(status="online")
    stage.until(lambda: stage.desk.main.directory.me.status is Status.ONLINE)
    events([MessageReceived(stage.node.say("#lobby", "now?", LI))])
    stage.until(lambda: around.told)
    assert around.told == [("#lobby", "“Li” in #lobby", "now?")]


OWNER = """
import sys
from Xlib import X, Xatom, display
from Xlib.protocol import event
data = sys.stdin.buffer.read()
screen = display.Display()
window = screen.screen().root.create_window(0, 0, 1, 1, 0, X.CopyFromParent)
clipboard, kind, targets = map(screen.intern_atom, ("CLIPBOARD", sys.argv[1], "TARGETS"))
window.set_selection_owner(clipboard, X.CurrentTime)
screen.sync()
print("here", flush=True)
while True:
    asked = screen.next_event()
    if asked.type == X.SelectionClear:
        break
    if asked.type != X.SelectionRequest:
        continue
    if asked.target == targets:
        asked.requestor.change_property(asked.property, Xatom.ATOM, 32, [targets, kind])
    elif asked.target == kind:
        for start in range(0, len(data), 200_000):  # more isn't taken in one request
            part = data[start : start + 200_000]
            asked.requestor.change_property(asked.property, kind, 8, part, X.PropModeAppend)
    elif asked.target == screen.intern_atom("text/uri-list"):
        break
    asked.requestor.send_event(event.SelectionNotify(
        time=asked.time, requestor=asked.requestor, selection=asked.selection,
        target=asked.target, property=asked.property if asked.target in (targets, kind) else 0))
    screen.flush()
"""
"""Another program that has copied something of one kind (ICCCM, chapter 2). Asked for files that
it hasn't, it hands out nothing more: so does xclip with a large picture."""


class Copied:
    def __init__(self, display: str, kind: str, data: bytes) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", OWNER, kind], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env={**os.environ, "DISPLAY": display},
        )  # fmt: skip
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(data)
        self._process.stdin.close()
        assert self._process.stdout.readline() == b"here\n"

    def end(self) -> None:
        self._process.kill()
        self._process.wait(10)


def preview(stage: Stage) -> tuple[int, int] | None:
    """The size of the picture in the dialog, once it is there."""
    for label in inside(dialog(stage)):
        if isinstance(label, ttk.Label) and label.cget("image"):
            image = label.cget("image")[0]
            call = stage.root.tk.call
            return call("image", "width", image), call("image", "height", image)
    return None


def test_a_picture_too_large_to_be_shown_is_asked_about_all_the_same(
    stage: Stage, display: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from PIL import Image

    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("p2pchat.ui.tk.shrink.BYTES", 1000)
    noise = io.BytesIO()
    Image.effect_noise((400, 300), 50).save(noise, "PNG")
    stage.start()
    other = Copied(display, "image/png", noise.getvalue())
    try:
        stage.root.update()
        stage.key("<<Paste>>")
        stage.until(lambda: dialog(stage))
        stage.until(lambda: dialog(stage).winfo_reqheight() < 250)
    finally:
        other.end()
    assert preview(stage) is None
    assert button(dialog(stage), "Share").winfo_viewable()


def test_a_copied_picture_is_shared(
    stage: Stage, display: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from PIL import Image

    monkeypatch.setenv("PATH", "")  # without any tool of the system's
    (tmp_path / "downloads").mkdir()
    Image.effect_noise((40, 30), 50).save(tmp_path / "copied.png")
    data = (tmp_path / "copied.png").read_bytes()
    stage.node.data_dir = str(tmp_path)
    stage.start()
    gc.disable()  # what is left of the dialogs goes on this thread, not on the node's
    other = Copied(display, "image/png", data)
    try:
        stage.root.update()  # what this program has copied before is its no more
        for number in (1, 2):
            stage.key("<<Paste>>")
            stage.until(lambda: dialog(stage))
            assert "The picture that was copied" in texts(dialog(stage))
            stage.until(lambda: preview(stage) == (40, 30))
            button(dialog(stage), "Share").invoke()
            stage.until(lambda number=number: len(stage.node.named("share")) == number)
        stage.key("<<Paste>>")
        stage.until(lambda: dialog(stage))
        button(dialog(stage), "Cancel").invoke()
    finally:
        other.end()
        gc.collect()
        gc.enable()
    shared = [call[2] for call in stage.node.named("share")]
    assert [Path(path).read_bytes() for path in shared] == [data, data]
    assert shared[0] != shared[1]
    assert len(list((tmp_path / "downloads").iterdir())) == 2
    assert stage.desk.composer.text() == ""
    stage.root.clipboard_clear()
    stage.root.clipboard_append("text")
    stage.key("<<Paste>>")
    assert stage.desk.composer.text() == "text"


def test_copied_files_are_shared(stage: Stage, display: str) -> None:
    """As a file manager copies them."""
    stage.start()
    listed = b"file:///home/li/a%20b%25.txt\r\nfile:///home/li/%E8%AF%BE\r\n"
    other = Copied(display, "text/uri-list", listed)
    try:
        stage.root.update()
        stage.key("<<Paste>>")
        stage.until(lambda: dialog(stage))
        button(dialog(stage), "Share").invoke()
        stage.until(lambda: len(stage.node.named("share")) == 2)
    finally:
        other.end()
    shared = [call[1:] for call in stage.node.named("share")]
    assert shared == [("#lobby", "/home/li/a b%.txt"), ("#lobby", "/home/li/课")]


def test_more_text_than_can_be_pasted_is_said_to_be_too_much(stage: Stage, display: str) -> None:
    stage.start()
    other = Copied(display, "UTF8_STRING", b"word " * 100_000)
    try:
        stage.root.update()
        stage.key("<<Paste>>")
    finally:
        other.end()
    stage.until(lambda: stage.desk.status.notice.winfo_ismapped())
    assert "too long for a message" in stage.desk.status._notice_text.cget("text")


# -- accounts


def test_signing_up_and_in_on_the_page(stage: Stage) -> None:
    stage.start()
    stage.desk.places.open(_account())
    stage.until(lambda: "needs no account" in str(sheet(stage).subtitle.cget("text")))
    page = sheet(stage)
    assert "guess passwords" in texts(page)
    page.name.set("Ann")
    page.password.set("correct horse")
    button(page, "Sign in").invoke()
    stage.until(lambda: "account" in str(page.error.cget("text")).lower())
    page.new_name.set("Ann")
    page.new_password.set("correct horse")
    page.again.set("another")
    button(page, "Sign up").invoke()
    stage.until(lambda: "two different" in str(page.error.cget("text")))
    stage.root.update()
    shown, canvas = page.error, page.scrolled.canvas
    assert shown.winfo_rooty() >= canvas.winfo_rooty()
    below = canvas.winfo_rooty() + canvas.winfo_height()
    assert shown.winfo_rooty() + shown.winfo_height() <= below, "in sight"
    assert page.new_name.text == "Ann", "what was typed stays"
    stage.key("<Escape>")
    assert stage.desk.places.sheet is None


def test_keys_stay_on_the_page_of_the_account_once_one_is_signed_up(stage: Stage) -> None:
    accounts = stage.node.accounts
    accounts.id_of = lambda name: stage.node.me.peer_id
    accounts.leads = msgspec.structs.replace(accounts.leads, peer_id=LI)
    stage.start()
    stage.desk.places.open(_account())
    page = sheet(stage)
    stage.until(lambda: "Sign in" in texts(page))
    for field, written in (
        (page.new_name, "Ann"), (page.new_password, "correct horse"), (page.again, "correct horse")
    ):  # fmt: skip
        field.set(written)
        field.entry.focus_set()
    stage.key("<Return>")
    stage.until(lambda: "Signed in as “Ann”" in texts(page))
    stage.key("<Tab>")
    assert str(stage.root.tk.call("focus")).startswith(str(page))


def test_signing_out_asks_about_the_downloads_on_the_page(stage: Stage) -> None:
    accounts = stage.node.accounts
    accounts.id_of = lambda name: stage.node.me.peer_id
    accounts.passwords, accounts.signed = {"Ann": "correct horse"}, "Ann"
    accounts.fetched = [
        Download(f"/d/Worksheet {n}.pdf", f"Worksheet {n}.pdf", n * 12_345) for n in range(1, 30)
    ]
    stage.start()
    stage.desk.places.open(_account())
    page = sheet(stage)
    stage.until(lambda: "Signed in as “Ann”" in texts(page))
    button(page, "Sign out").invoke()
    stage.until(lambda: "Delete them?" in texts(page))
    listed = page.files.get("1.0", "end").splitlines()
    assert (len(listed), listed[28]) == (29, "Worksheet 29.pdf  ·  349.6 KiB")
    assert accounts.signed == "Ann"
    stage.until(lambda: "Stay signed in" in str(stage.root.focus_get().cget("text")))
    stage.key("<Return>")
    stage.until(lambda: "Signed in as “Ann”" in texts(page))
    button(page, "Sign out").invoke()
    stage.until(lambda: "Delete them?" in texts(page))
    button(page, "Delete them and sign out").invoke()
    stage.until(lambda: accounts.signed == "" and accounts.fetched == [])


def _account() -> Any:
    from p2pchat.ui.tk.places import Place

    return Place.ACCOUNT


# -- the folder for downloads


@pytest.mark.parametrize("ask", ["askopenfilename", "askdirectory"])
def test_where_files_are_chosen_they_stand_in_the_colours_of_the_theme(
    stage: Stage, tmp_path: Path, ask: str
) -> None:
    """Tk's own list is white, with black names. It keeps a dialog, and shows it again."""
    from tkinter import filedialog

    if stage.root.tk.call("tk", "windowingsystem") != "x11":
        pytest.skip("the system's own dialog")
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    call = stage.root.tk.call
    kind = "choosedir" if ask == "askdirectory" else "filedialog"
    icons = f"{'' if str(stage.root) == '.' else stage.root}.__tk_{kind}.contents.icons"
    canvas = f"{icons}.cHull.canvas"
    seen: list[tuple[str, set[str]]] = []

    def names() -> list[Any]:
        """That aren't selected."""
        items = stage.root.tk.splitlist(call(canvas, "find", "withtag", "!selectionText"))
        return [item for item in items if call(canvas, "type", item) == "text"]

    def look(number: int = 2) -> None:
        there = int(call("winfo", "exists", canvas)) and int(call("winfo", "viewable", canvas))
        if not there or len(names()) < number:
            stage.root.after(5, look, number)
        elif number == 2:  # names that are selected, and then aren't, are written anew
            call(icons, "selection", "set", 0)
            look(1)
        else:
            call(icons, "selection", "clear", 0)
            call(icons, "selection", "set", 1)
            fills = {call(canvas, "itemcget", name, "-fill") for name in names()}
            seen.append((call(canvas, "cget", "-background"), fills))
            call(icons.replace("icons", "f2.cancel"), "invoke")

    stage.start()
    stage.root.tk.eval("set ::failed {}; proc ::bgerror {why} {lappend ::failed $why}")
    for theme in ("light", "dark", "light"):
        stage.desk.main.set_theme(theme)
        stage.until(lambda theme=theme: stage.window.theme.palette.name == theme)
        stage.root.after(5, look)
        getattr(filedialog, ask)(parent=stage.root, initialdir=str(tmp_path))
        colours = stage.window.theme.palette
        assert seen.pop() == (colours.surface, {colours.text})
    stage.root.update()
    assert stage.root.tk.call("set", "::failed") in ("", ()), "Tk would show it"


def test_a_dialog_for_files_that_is_open_follows_the_theme(stage: Stage, tmp_path: Path) -> None:
    from tkinter import filedialog

    if stage.root.tk.call("tk", "windowingsystem") != "x11":
        pytest.skip("the system's own dialog")
    (tmp_path / "school").write_bytes(b"")
    call = stage.root.tk.call
    dialog = f"{'' if str(stage.root) == '.' else stage.root}.__tk_filedialog.contents"
    canvas = f"{dialog}.icons.cHull.canvas"
    seen: list[object] = []

    def follow() -> None:
        if not int(call("winfo", "viewable", canvas)) or not call(
            canvas, "find", "withtag", "text"
        ):
            stage.root.after(5, follow)
        elif not seen:
            seen.append(call(canvas, "cget", "-background"))
            stage.window.theme.follow(dark=True)
            stage.root.after(5, follow)
        elif call(canvas, "cget", "-background") == seen[0]:
            stage.root.after(5, follow)
        else:
            text = call(canvas, "find", "withtag", "text")
            seen.append(call(canvas, "itemcget", text, "-fill"))
            call(f"{dialog}.f2.cancel", "invoke")

    stage.start()
    stage.window.theme.follow(dark=False)
    stage.desk.main.set_theme("system")
    stage.until(lambda: stage.window.theme.palette.name == "light")
    stage.root.after(5, follow)
    filedialog.askopenfilename(parent=stage.root, initialdir=str(tmp_path))
    assert seen[1:] == [stage.window.theme.palette.text]
    assert stage.window.theme.palette.name == "dark"


def test_the_folder_for_downloads_is_chosen_in_the_settings(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tkinter import filedialog

    asked: list[str] = []

    def choose(**how: Any) -> str:
        asked.append(how["initialdir"])
        return f"{tmp_path}/School"

    monkeypatch.setattr(filedialog, "askdirectory", choose)
    stage.node.data_dir = str(tmp_path)
    stage.start()
    stage.key("<Control-comma>")
    stage.until(lambda: f"{tmp_path}/downloads" in texts(sheet(stage)))
    assert not sheet(stage).usual_downloads.winfo_ismapped()
    button(sheet(stage), "Choose a folder…").invoke()
    stage.until(lambda: f"{tmp_path}/School" in texts(sheet(stage)))
    assert asked == [f"{tmp_path}/downloads"]
    stage.node.fail["set_settings"] = RequestError("not-allowed", "files can't be put into /x: no")
    button(sheet(stage), "Choose a folder…").invoke()
    stage.until(lambda: "Files can't be put into /x: no." in texts(sheet(stage)))
    stage.until(lambda: sheet(stage).usual_downloads.winfo_manager())
    button(sheet(stage), "Back to the default").invoke()
    stage.until(lambda: f"{tmp_path}/downloads" in texts(sheet(stage)))
    assert "Files can't" not in texts(sheet(stage))
    assert not sheet(stage).usual_downloads.winfo_manager()
