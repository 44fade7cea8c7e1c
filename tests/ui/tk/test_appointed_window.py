"""What the appointed announces and writes down, under a real display, by keys and clicks."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from msgspec.structs import replace
from paper_node import ME, make_peer, peer_id

from p2pchat.events import (
    AccountRenamed,
    Announced,
    AnnouncementChanged,
    PeerChanged,
    RegistrarChanged,
)
from p2pchat.model.accounts import Announcement, AnnouncementDraft, Stay

tk = pytest.importorskip("tkinter", reason="this Python has no tkinter")
from p2pchat.ui.tk.places import Place  # noqa: E402  # it needs tkinter
from p2pchat.ui.tk.richtext import NameLine, RichText  # noqa: E402  # it needs tkinter
from p2pchat.ui.tk.widgets import Field  # noqa: E402  # it needs tkinter

ttk = pytest.importorskip("tkinter.ttk")
pytestmark = pytest.mark.window

Stage = Any
"""conftest.Stage, which can't be imported by name from here."""

LI = peer_id("a")


def notice(number: int, text: str, room: str | None = None) -> Announcement:
    return Announcement(f"{number:064x}", LI, "Li", room, text, "2026-03-16T08:00:00.000Z", ())


def inside(widget: Any) -> Iterator[Any]:
    yield widget
    for child in widget.winfo_children():
        yield from inside(child)


def texts(widget: Any) -> str:
    kinds, drawn = (ttk.Label, ttk.Button, tk.Label), (RichText, NameLine)
    found = [str(w.cget("text")) for w in inside(widget) if isinstance(w, kinds)]
    return "\n".join([*found, *(w.said for w in inside(widget) if isinstance(w, drawn))])


def tips(canvas: Any) -> str:
    shown = [item for item in canvas.find_withtag("tip") if canvas.type(item) == "text"]
    return "\n".join(canvas.itemcget(item, "text") for item in shown)


def appoint(stage: Stage) -> None:
    accounts = stage.node.accounts
    accounts.leads = replace(accounts.leads, appointed=True, state="registrar")


def labels(menu: Any) -> list[str]:
    last = menu.index("end")
    return [menu.entrycget(i, "label") for i in range(last + 1) if menu.type(i) != "separator"]


def take(stage: Stage, label: str) -> None:
    """By the keyboard, from the menu that is open."""
    menu = stage.desk.menus.last
    stage.until(menu.winfo_ismapped)
    menu.activate(menu.index(label))
    menu.event_generate("<Return>")
    stage.root.update()


def click(stage: Stage, widget: Any) -> None:
    stage.root.update()
    x, y = widget.winfo_width() // 2, widget.winfo_height() // 2
    for event in ("<Enter>", "<ButtonPress-1>", "<ButtonRelease-1>"):
        widget.event_generate(event, x=x, y=y)
    stage.root.update()


def test_an_announcement_stands_above_everything_until_it_is_clicked_away(stage: Stage) -> None:
    stage.start()
    stage.key("<Control-comma>")
    band = stage.desk.bulletin
    assert not band.winfo_ismapped()
    stage.node.emit(Announced(notice(1, "Books away")), Announced(notice(2, "Room 204")))
    stage.until(band.winfo_ismapped)
    stage.root.update()
    assert "Li announces" in texts(band)
    assert "Books away" in texts(band)
    assert "(and 1 more)" in texts(band)
    assert band.winfo_rooty() == stage.root.winfo_rooty()
    assert band.winfo_width() == stage.root.winfo_width()
    assert stage.desk.places.sheet.winfo_ismapped(), "above pages as well"
    click(stage, band.dismiss)
    stage.until(lambda: "Room 204" in texts(band))
    stage.key("<F8>")
    stage.until(lambda: not band.winfo_ismapped())
    stage.until(lambda: stage.node.accounts.seen == [notice(n, "").announcement_id for n in (1, 2)])


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_the_band_is_of_one_calm_colour_with_its_buttons(stage: Stage, colours: str) -> None:
    stage.start()
    stage.window.theme.apply(colours)
    stage.node.emit(Announced(notice(1, "Books away")))
    band, fill = stage.desk.bulletin, stage.window.theme.palette.notice_fill
    stage.until(band.winfo_ismapped)
    stage.until(lambda: str(band.cget("background")) == fill)
    style = ttk.Style(stage.root)
    for button in (band.all, band.dismiss):
        assert style.lookup(str(button.cget("style")), "background") == fill
    red, green, blue = (part // 256 for part in stage.root.winfo_rgb(fill))
    assert 0.3 * red + 0.59 * green + 0.11 * blue < 100, "no lamp in a dark room"


def test_by_keys_alone(stage: Stage) -> None:
    stage.start()
    stage.node.accounts.told = [notice(1, "Books away")]
    stage.node.emit(Announced(notice(1, "Books away")))
    band = stage.desk.bulletin
    stage.until(band.winfo_ismapped)
    reached, focus = set(), stage.desk.composer.entry
    for _ in range(40):
        focus = focus.tk_focusNext()
        reached.add(str(focus))
    assert {str(band.all), str(band.dismiss)} <= reached
    band.all.focus_set()
    stage.key("<Return>")
    stage.until(lambda: stage.desk.places.place is Place.ANNOUNCEMENTS)
    stage.until(lambda: "Books away" in texts(stage.desk.places.sheet))
    band.dismiss.focus_set()
    stage.key("<Return>")
    stage.until(lambda: not band.winfo_ismapped())
    stage.key("<F3>")
    assert stage.desk.places.sheet is None


def test_the_appointed_writes_one_and_sees_who_has_seen_it(stage: Stage) -> None:
    appoint(stage)
    stage.start()
    stage.desk.sidebar.add_button.invoke()
    assert "Announce something…" in labels(stage.desk.menus.last)
    take(stage, "Announce something…")
    page = stage.desk.places.sheet
    stage.until(lambda: stage.root.focus_get() is page.entry)
    page.entry.insert("end", "Books away")
    stage.key("<Control-Return>")
    stage.until(lambda: stage.node.accounts.told)
    assert stage.node.accounts.told[0].text == "Books away"
    assert stage.node.accounts.told[0].conversation is None
    stage.until(lambda: "Nobody has seen it yet" in texts(page))
    assert "Not yet seen by “Li” and “王小明”" in texts(page)
    assert page.entry.get("1.0", "end").strip() == ""
    seen = replace(stage.node.accounts.told[0], seen_by=(LI,))
    stage.node.accounts.told = [seen]
    page.entry.insert("end", "the next one")
    stage.node.emit(AnnouncementChanged(seen))
    stage.until(lambda: "Seen by “Li”" in texts(page))
    assert page.entry.get("1.0", "end").strip() == "the next one", "what is being written stays"
    stage.desk.sidebar.theme_button.invoke()
    stage.until(lambda: stage.window.theme.palette.name == "dark")
    stage.until(lambda: str(page.entry.cget("background")) == stage.window.theme.palette.window)
    stage.key("<F3>", "<F3>")
    page = stage.desk.places.sheet
    stage.until(lambda: page.entry.text() == "the next one")


@pytest.mark.parametrize("many", [1, 20])
def test_a_page_opens_at_its_top(stage: Stage, many: int) -> None:
    """Though what has the focus is kept in sight, with some room above it."""
    appoint(stage)
    stage.node.accounts.told = [notice(number, "Books away") for number in range(many)]
    stage.start()
    stage.key("<F3>")
    page = stage.desk.places.sheet
    stage.until(lambda: stage.root.focus_get() is page.entry)
    stage.until(lambda: page.entry.winfo_height() > 1)
    stage.root.update()
    assert page.scrolled.canvas.canvasy(0) == 0


def test_an_announcement_to_a_room_from_its_menu(stage: Stage) -> None:
    appoint(stage)
    stage.start()
    stage.desk.menus.of_conversation("#lobby", 10, 10)
    take(stage, "Announce something here…")
    page = stage.desk.places.sheet
    stage.until(lambda: page.to.get() == "#lobby")
    page.entry.put("Room 204 😀")
    assert len(page.entry.image_names()) == 1
    click(stage, page.announce)
    stage.until(lambda: stage.node.accounts.told)
    assert stage.node.accounts.told[0].text == "Room 204 😀"
    assert stage.node.accounts.told[0].conversation == "#lobby"


def test_a_begun_announcement_is_there_in_another_language_and_once_the_page_is_back(
    stage: Stage,
) -> None:
    appoint(stage)
    stage.start()
    stage.key("<F3>")
    page = stage.desk.places.sheet
    stage.until(lambda: stage.root.focus_get() is page.entry)
    page.entry.put("Room 204")
    page.to.current(1)
    page.to.event_generate("<<ComboboxSelected>>")
    begun = AnnouncementDraft("Room 204", "#lobby")
    stage.until(lambda: stage.node.accounts.draft == begun)
    old = stage.desk
    old.main.change({"language": "zh_CN"})
    stage.until(lambda: stage.desk is not old and not old.winfo_exists())
    page = stage.desk.places.sheet
    stage.until(lambda: page.entry.text() == "Room 204")
    assert page.to.get() == "#lobby"
    page.entry.put(" now")
    stage.key("<F3>", "<F3>")
    page = stage.desk.places.sheet
    stage.until(lambda: page.entry.text() == "Room 204 now")
    stage.key("<Control-Return>")
    stage.until(lambda: stage.node.accounts.told and page.entry.empty)
    assert stage.node.accounts.told[0].conversation == "#lobby"
    stage.until(lambda: stage.node.accounts.draft.text == "")


def test_whoever_is_not_appointed_looks_past_ones_up(stage: Stage) -> None:
    stage.node.accounts.told = [notice(1, "Books away")]
    stage.start()
    stage.desk.menus.of_me(stage.desk.sidebar._name)
    assert "Announcements" in labels(stage.desk.menus.last)
    assert "Attendance" not in labels(stage.desk.menus.last)
    stage.root.tk.call("tk::MenuUnpost", stage.desk.menus.last)
    stage.desk.composer.focus()
    stage.key("<F3>")
    stage.until(lambda: "Books away" in texts(stage.desk.places.sheet))
    assert "Announce something" not in texts(stage.desk.places.sheet)
    keeps = replace(stage.node.people[LI], keeps_register=True)
    stage.node.people[LI] = keeps
    stage.node.emit(PeerChanged(keeps))
    stage.until(lambda: "kept by “Li”" in str(stage.desk.status.attendance.cget("text")))
    stage.desk.menus.of_me(stage.desk.sidebar._name)
    take(stage, "Attendance")
    stage.until(lambda: "“Li” keeps a register" in texts(stage.desk.places.sheet))
    stage.node.emit(RegistrarChanged(replace(stage.node.accounts.leads, appointed=True)))
    stage.until(lambda: "Export as CSV…" in texts(stage.desk.places.sheet))


def open_register(stage: Stage) -> Any:
    """The page of a register with one person in it."""
    appoint(stage)
    stage.node.accounts.stays = [Stay("Li", LI, LI, "2026-03-16T08:00:00.000Z", None)]
    stage.start()
    stage.key("<F6>")
    page = stage.desk.places.sheet
    stage.until(lambda: "1 person" in texts(page))
    return page


def test_the_register_is_read_and_exported(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    page = open_register(stage)
    assert [row.label for row in page.list._rows] == ["Li"]
    assert page.usual.get() == "Today"
    stage.root.update()
    first = page._columns.bbox("all")[0] + page._columns.winfo_rootx()
    assert abs(page.usual.winfo_rootx() - first) <= 2, "the table begins where the rest does"
    drawn = page.list.canvas
    (line,) = (item for item in drawn.find_all() if drawn.type(item) == "line")
    last = drawn.winfo_rootx() + round(drawn.coords(line)[2])
    assert page.export.winfo_rootx() + page.export.winfo_width() == last, "and ends there"
    page.usual.current(2)
    page.usual.focus_set()
    stage.key("<<ComboboxSelected>>")
    stage.until(lambda: page.usual.get() == "The last 7 days")
    page.since.set("nonsense")
    page.since.entry.focus_set()
    stage.key("<Return>")
    stage.until(lambda: "Write a day" in texts(page))
    page.since.set("2026-03-01")
    stage.key("<Return>")
    stage.until(lambda: page.usual.get() == "From then to then")
    offered = []

    def ask(**options: Any) -> str:
        offered.append(options["initialfile"])
        return "/home/li/here.csv" if len(offered) > 1 else ""

    monkeypatch.setattr("tkinter.filedialog.asksaveasfilename", ask)
    click(stage, page.export)
    assert stage.node.accounts.exported == [], "thought better of it"
    page.export.focus_set()
    stage.key("<Return>")
    stage.until(lambda: "Written to /home/li/here.csv" in texts(page))
    assert offered[0].startswith("attendance 2026-03-01")
    stage.key("<Escape>")
    assert stage.desk.places.sheet is None


def test_a_long_register_is_read_by_keys(stage: Stage) -> None:
    page = open_register(stage)
    canvas = page.list.canvas
    page.list.show([page.list._rows[0]] * 300)
    canvas.focus_force()
    stage.until(lambda: stage.root.focus_get() is canvas)
    for key, reached in (
        ("<End>", lambda: canvas.yview()[1] == 1),
        ("<Prior>", lambda: canvas.yview()[1] < 1),
        ("<Home>", lambda: canvas.yview()[0] == 0),
        ("<Down>", lambda: canvas.yview()[0] > 0),
        ("<Up>", lambda: canvas.yview()[0] == 0),
        ("<Next>", lambda: canvas.yview()[0] > 0),
    ):
        stage.key(key)
        stage.until(reached)


def test_the_register_is_exported_by_two_clicks_or_two_keys(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tkinter.filedialog.asksaveasfilename", lambda **_: "/home/li/here.csv")
    appoint(stage)
    stage.start()
    stage.until(stage.desk.status.attendance.winfo_ismapped)
    click(stage, stage.desk.status.attendance)
    page = stage.desk.places.sheet
    stage.until(lambda: page._built and page.export.winfo_ismapped())
    click(stage, page.export)
    stage.until(lambda: len(stage.node.accounts.exported) == 1)
    stage.key("<Escape>", "<Control-s>", "<F6>")
    page = stage.desk.places.sheet
    stage.until(lambda: page._built)
    stage.key("<Control-s>")
    stage.until(lambda: len(stage.node.accounts.exported) == 2)


def entries(menu: Any) -> dict[str, int]:
    last = menu.index("end")
    kinds = {at: menu.type(at) for at in range(last + 1)}
    return {menu.entrycget(at, "label"): at for at, kind in kinds.items() if kind == "command"}


def test_one_signs_out_by_two_clicks_or_keys(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tk.Menu, "tk_popup", lambda menu, x, y: None)
    stage.start()
    stage.key("<F9>")
    assert "Sign out" not in entries(stage.desk.menus.last)
    stage.node.accounts.signed = "Me"
    stage.node.me = replace(stage.node.me, account=ME)
    stage.desk.main.directory.load()
    stage.until(lambda: stage.desk.main.directory.me.account)
    click(stage, stage.desk.sidebar._name)
    menu = stage.desk.menus.last
    menu.invoke(entries(menu)["Sign out"])
    stage.until(lambda: not stage.node.accounts.signed)


def test_menus_and_pages_have_keys(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tk.Menu, "tk_popup", lambda menu, x, y: None)
    stage.start()
    stage.key("<F10>")
    assert "About this room" in entries(stage.desk.menus.last)
    stage.key("<F9>")
    assert {"Account", "Quit"} <= entries(stage.desk.menus.last).keys()
    stage.key("<F7>")
    stage.until(lambda: stage.desk.places.place is Place.ACCOUNT)
    stage.key("<F10>")
    assert "Account" in entries(stage.desk.menus.last), "a page has no menu of a conversation"
    click(stage, stage.desk.sidebar._avatar)
    stage.until(lambda: stage.desk.places.place is Place.SETTINGS)


def test_in_a_small_window_the_register_is_all_in_it(stage: Stage) -> None:
    page = open_register(stage)
    for size in ("640x480", "1080x720"):
        stage.root.geometry(size)
        stage.until(lambda size=size: stage.root.winfo_width() == int(size.split("x")[0]))
        stage.root.update()
        edge = page.winfo_rootx() + page.winfo_width()
        for part in (page.usual, page.since, page.until, page.export):
            assert part.winfo_rootx() + part.winfo_width() <= edge
        heads = [page._columns.bbox(item) for item in page._columns.find_all()]
        assert all(one[2] < next_one[0] for one, next_one in pairwise(heads))


@pytest.mark.parametrize("key", ["<F3>", "<F6>"])
def test_every_control_can_be_reached_by_tab_and_has_a_tip(stage: Stage, key: str) -> None:
    appoint(stage)
    stage.start()
    stage.key(key)
    page = stage.desk.places.sheet
    kinds = (ttk.Button, ttk.Combobox, ttk.Entry, tk.Text)
    for _ in range(20):
        stage.root.update()
    found = {str(w): w for w in inside(page) if isinstance(w, kinds) and w.winfo_ismapped()}
    assert len(found) >= 4
    reached, focus = set(), stage.root.focus_get()
    for _ in range(60):
        focus = focus.tk_focusNext()
        reached.add(str(focus))
    assert found.keys() <= reached
    for widget in found.values():
        if not isinstance(widget, tk.Text):
            assert "make" in str(widget.bind("<Enter>")), widget
    if key == "<F3>":
        page.entry.focus_set()
        stage.key("<Tab>")
        assert stage.root.focus_get() is page.to, "Tab leaves the entry"


def test_who_is_renamed_cannot_miss_it(stage: Stage) -> None:
    stage.start()
    stage.node.me = replace(stage.node.me, name="Me_2", account=ME)
    stage.node.emit(AccountRenamed(ME, "Me", "Me_2", "name-taken"))
    band = stage.desk.bulletin
    stage.until(band.winfo_ismapped)
    assert "Your account is called “Me_2” now" in texts(band)
    stage.until(lambda: stage.desk.sidebar._name.cget("text") == "Me_2")
    stage.key("<Escape>", "<F1>", "<F1>")
    assert band.winfo_ismapped()
    click(stage, band.dismiss)
    stage.until(lambda: not band.winfo_ismapped())


def test_a_registered_name_is_marked_and_says_what_that_means(stage: Stage) -> None:
    stage.node.people[LI] = replace(stage.node.people[LI], account=LI)
    stage.node.add_peer(make_peer("f", "Li ®"))
    stage.node.say("#lobby", "hello", LI)
    stage.start()
    canvas = stage.desk.sidebar.list.canvas
    stage.until(lambda: canvas.find_withtag("mark-registered"))
    (item,) = canvas.find_withtag("mark-registered")
    assert canvas.type(item) == "image"
    left, top, right, bottom = canvas.bbox(item)
    canvas.event_generate("<Motion>", x=(left + right) // 2, y=(top + bottom) // 2, warp=True)
    stage.until(lambda: "Registered: " in tips(canvas))
    transcript = stage.desk.conversation.transcript
    _, block = next(iter(transcript.drawn.values()))
    hit = next(hit for hit in block.hits if hit.what == "mark")
    assert "Registered: " in transcript.pointing._tip_words(
        (block.row, hit.what, hit.value), -1, -1
    )
    stage.desk.places.open_about(f"@{LI}")
    stage.until(lambda: "nobody else can have this name" in texts(stage.desk.about))
    stage.desk.sidebar.theme_button.invoke()
    stage.until(lambda: stage.window.theme.palette.name == "dark")
    stage.until(lambda: "nobody else can have this name" in texts(stage.desk.about))


def test_the_account_page_says_what_others_could_do_and_marks_who_is_registered(
    stage: Stage,
) -> None:
    stage.node.accounts.passwords.update({"Li": "x", "王小明": "x", "Zoë": "x"})
    stage.start()
    stage.desk.places.open(Place.ACCOUNT)
    page = stage.desk.places.sheet
    stage.until(lambda: "any computer that helps to keep the accounts could" in texts(page))
    canvas = page.listed
    stage.until(lambda: len(canvas.find_withtag("mark-registered")) == 3)
    drawn = [canvas.itemcget(i, "text") for i in canvas.find_all() if canvas.type(i) == "text"]
    assert {"Li", "王小明", "Zoë"} <= set(drawn)
    leads = stage.node.accounts.leads = replace(stage.node.accounts.leads, guarded=True)
    stage.node.emit(RegistrarChanged(leads))
    stage.until(lambda: "Only whoever runs this network" in texts(page))


def form(stage: Stage) -> list[Any]:
    """The fields of the account page."""
    stage.desk.places.open(Place.ACCOUNT)
    page = stage.desk.places.sheet
    stage.until(lambda: page._buttons)
    return [widget for widget in inside(page.body) if isinstance(widget, Field)]


def write(stage: Stage, fields: list[Any], *texts: str) -> None:
    for field, text in zip(fields, texts, strict=True):
        field.set(text)
    fields[-1].entry.focus_force()
    stage.until(lambda: stage.root.focus_get() is fields[-1].entry)
    stage.key("<Return>")


def test_no_password_stands_in_the_form_once_it_is_changed(stage: Stage) -> None:
    stage.node.accounts.id_of = lambda name: ME
    stage.node.accounts.passwords["Me"] = "the old one"
    stage.node.accounts.signed = "Me"
    stage.start()
    old, new, again = form(stage)
    write(stage, [old, new, again], "not it", "another one", "another one")
    stage.until(lambda: stage.root.focus_get() is old.entry)
    assert old.entry.selection_present()
    assert new.text == "another one"
    write(stage, [old, new, again], "the old one", "another one", "another")
    stage.until(lambda: stage.root.focus_get() is again.entry)
    assert again.entry.selection_present()
    write(stage, [old, new, again], "the old one", "another one", "another one")
    stage.until(lambda: not old.text)
    assert (new.text, again.text) == ("", "")
    assert stage.node.accounts.passwords == {"Me": "another one"}


def test_what_was_wrong_is_written_anew(stage: Stage) -> None:
    stage.node.accounts.id_of = lambda name: LI
    stage.node.accounts.passwords["Li"] = "the right one"
    stage.start()
    name, password, *_rest, lost, code, new = form(stage)
    write(stage, [name, password], "Lee", "the right one")
    stage.until(lambda: stage.root.focus_get() is name.entry and name.entry.selection_present())
    write(stage, [name, password], "Li", "a wrong one")
    stage.until(lambda: stage.root.focus_get() is password.entry)
    assert password.entry.selection_present()
    write(stage, [lost, code, new], "Li", "no code", "the next one")
    stage.until(lambda: stage.root.focus_get() is code.entry and code.entry.selection_present())
    stage.key("x")
    assert code.text == "x"


def test_the_appointed_releases_a_name_from_its_owners_card(stage: Stage) -> None:
    stage.node.people[LI] = replace(stage.node.people[LI], account=LI)
    stage.start()
    stage.desk.places.open_about(f"@{LI}")
    stage.until(lambda: "nobody else can have this name" in texts(stage.desk.about))
    assert "Release the name…" not in texts(stage.desk.about)
    appoint(stage)
    stage.node.emit(RegistrarChanged(stage.node.accounts.leads))
    stage.until(lambda: "Release the name…" in texts(stage.desk.about))
    button = stage.desk.about.scrolled.body.children["release"]
    button.focus_set()
    stage.key("<Return>")
    dialog = next(w for w in stage.root.winfo_children() if isinstance(w, tk.Toplevel))
    stage.until(dialog.winfo_ismapped)
    assert stage.node.accounts.released == []
    dialog.page.on_submit()
    stage.until(lambda: stage.node.accounts.released == [LI])
    assert not dialog.winfo_exists()


def point(stage: Stage, display: str, widget: Any) -> None:
    """A real click."""
    stage.until(widget.winfo_viewable)
    stage.root.update()
    x = widget.winfo_rootx() + widget.winfo_width() // 2
    y = widget.winfo_rooty() + widget.winfo_height() // 2
    how = ["mousemove", str(x), str(y), "click", "1"]
    subprocess.run(["xdotool", *how], env={"DISPLAY": display}, check=True, timeout=20)


@pytest.mark.skipif(shutil.which("xdotool") is None, reason="xdotool is not installed")
def test_the_appointed_lets_somebodys_computer_keep_accounts(stage: Stage, display: str) -> None:
    """One click on the name above the conversation, another on the card; then it is confirmed."""
    appoint(stage)
    stage.start()
    stage.desk.main.open(f"@{LI}")
    stage.until(lambda: stage.loaded(f"@{LI}"))
    point(stage, display, stage.desk.conversation.head)
    stage.until(lambda: "Let them keep accounts…" in texts(stage.desk.about))
    point(stage, display, stage.desk.about.scrolled.body.children["choose"])

    def dialogs() -> list[Any]:
        return [w for w in stage.root.winfo_children() if isinstance(w, tk.Toplevel)]

    stage.until(dialogs)
    (dialog,) = dialogs()
    assert "This can't be taken back" in texts(dialog)
    point(stage, display, dialog.page.cancel)
    stage.until(lambda: not dialogs())
    assert stage.node.accounts.chosen == []
    point(stage, display, stage.desk.about.scrolled.body.children["choose"])
    stage.until(dialogs)
    point(stage, display, dialogs()[0].page.button)
    stage.until(lambda: stage.node.accounts.chosen == [LI])
    chosen = stage.node.people[LI] = replace(stage.node.people[LI], holder=True)
    stage.node.emit(PeerChanged(chosen))
    stage.until(lambda: "has chosen their computer to keep accounts" in texts(stage.desk.about))
    assert "choose" not in stage.desk.about.scrolled.body.children


def test_whoever_isnt_appointed_chooses_nobody(stage: Stage) -> None:
    stage.start()
    stage.desk.places.open_about(f"@{LI}")
    stage.until(lambda: "write" in stage.desk.about.scrolled.body.children)
    assert "choose" not in stage.desk.about.scrolled.body.children


@pytest.mark.parametrize(
    ("place", "title"),
    [
        (Place.SETTINGS, "You"),
        (Place.NETWORK, "State"),
        (Place.SHORTCUTS, "Writing"),
        (Place.ACCOUNT, "Sign in"),
        (Place.TRANSFERS, "Earlier"),
        (Place.ANNOUNCEMENTS, "Announce something"),
        (Place.ANNOUNCEMENTS, "What was announced"),
    ],
)
def test_each_part_of_a_page_has_a_head_with_a_line(stage: Stage, place: Place, title: str) -> None:
    appoint(stage)
    stage.node.offer("#lobby", "plan.pdf", LI, 10_000)
    stage.start()
    stage.desk.places.open(place)
    body = stage.desk.places.sheet.body

    def lines() -> list[Any]:
        labels = [w for w in inside(body) if isinstance(w, ttk.Label) and w.cget("text") == title]
        beside = [w for label in labels for w in label.master.winfo_children()]
        return [w for w in beside if str(w.cget("style")) == "Line.TFrame" and w.winfo_ismapped()]

    stage.until(lambda: lines() and lines()[0].winfo_width() == body.winfo_width() > 1)
