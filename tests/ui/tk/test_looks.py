"""What is told apart at a glance: sizes by the screen's scale, states of buttons and fields."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from paper_node import peer_id

from p2pchat.model.people import Status

tk = pytest.importorskip("tkinter", reason="this Python has no tkinter")
ttk = pytest.importorskip("tkinter.ttk")
tkfont = pytest.importorskip("tkinter.font")
pytestmark = pytest.mark.window

Stage = Any
"""conftest.Stage, which can't be imported by name from here."""

LI = peer_id("a")


def click(widget: Any) -> None:
    """With the pointer, which comes and goes."""
    for event in ("<Enter>", "<Button-1>", "<ButtonRelease-1>"):
        widget.event_generate(event, x=5, y=5)
        widget.update()


@pytest.fixture
def scaled(display: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[float], Any]]:
    """A theme on a window of its own, for a screen of this scale."""
    from p2pchat.ui.tk.theme import Theme

    roots: list[Any] = []

    def make(scale: float) -> Any:
        monkeypatch.setattr("p2pchat.ui.tk.theme.text_scale", lambda: scale)
        roots.append(tk.Tk())
        return roots[-1], Theme(roots[-1])

    yield make
    for root in roots:
        # Tk keeps it for the display, also for the windows of other tests.
        root.tk.call("tk", "scaling", 96 / 72)
        root.destroy()


@pytest.mark.parametrize("palette", ["light", "dark"])
def test_parts_of_the_theme_grow_with_the_scale(
    scaled: Callable[[float], Any], palette: str
) -> None:
    sizes = []
    for scale in (1.0, 1.5, 2.0):
        root, theme = scaled(scale)
        theme.apply(palette)
        root.update()
        made = [
            ttk.Entry(root, font=theme.fonts["body"]),
            ttk.Button(root, text="Open", style="Page.TButton"),
            ttk.Checkbutton(root, text=""),
            ttk.Combobox(root, style="Page.TCombobox", font=theme.fonts["small"]),
        ]
        sizes.append([part.winfo_reqheight() for part in made])
    for one, larger, twice in zip(*sizes, strict=True):
        assert 1.4 * one < larger < 1.6 * one
        assert 1.85 * one < twice < 2.15 * one


def test_all_of_the_window_is_on_a_small_screen_of_large_text(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setattr("p2pchat.ui.tk.theme.text_scale", lambda: 3.0)
    stage = request.getfixturevalue("stage")
    stage.start()
    root, bar = stage.root, stage.desk.status
    stage.until(lambda: bar.winfo_ismapped() and root.winfo_height() > 1)
    stage.root.update()
    assert bar.winfo_rooty() + bar.winfo_height() <= root.winfo_screenheight()
    assert bar.winfo_rootx() + bar.winfo_width() <= root.winfo_screenwidth()
    root.tk.call("tk", "scaling", 96 / 72)


def test_the_style_command_is_itself_again(scaled: Callable[[float], Any]) -> None:
    root, _theme = scaled(2.0)
    ttk.Style(root).configure("Mine.TButton", padding=7)
    assert str(ttk.Style(root).lookup("Mine.TButton", "padding")) == "7"


def test_no_tools_are_left_where_nothing_is(stage: Stage) -> None:
    stage.node.say("#lobby", "hover me", LI)
    stage.start()
    view = stage.desk.conversation.transcript
    stage.until(lambda: stage.top_of("hover me") is not None)
    view.canvas.event_generate("<Motion>", x=120, y=stage.top_of("hover me") + 60)
    stage.until(lambda: view.canvas.find_withtag("tools"))
    stage.desk.main.open(f"@{LI}")
    stage.until(lambda: stage.loaded(f"@{LI}") and not view.rows)
    assert not view.canvas.find_withtag("tools")
    assert not view.pointing._tools


def test_ones_own_name_ends_where_there_is_no_room(stage: Stage) -> None:
    stage.node.me = msgspec.structs.replace(stage.node.me, name="Maria Lee Park")
    stage.start()
    name = stage.desk.sidebar._name
    stage.root.geometry("1080x720")
    stage.until(lambda: name.cget("text") == "Maria Lee Park")
    stage.root.geometry("620x420")
    stage.desk._panes.sash_place(0, 220, 0)
    stage.until(lambda: name.cget("text").endswith("…"))
    stage.root.update()
    assert len(name.cget("text")) > 5
    assert name.winfo_width() >= name.winfo_reqwidth(), "nothing of it is cut off"


def test_ones_own_picture_opens_the_settings_and_ones_name_the_menu(stage: Stage) -> None:
    from p2pchat.ui.tk.places import Place

    stage.start()
    asked: list[object] = []
    stage.desk.sidebar.on_me = asked.append
    click(stage.desk.sidebar._avatar)
    assert stage.desk.places.place is Place.SETTINGS
    click(stage.desk.sidebar._name)
    assert asked == [stage.desk.sidebar._name]


def test_an_icon_that_is_clicked_leaves_the_focus_where_one_writes(stage: Stage) -> None:
    stage.start()
    before = stage.desk.main.settings.theme
    click(stage.desk.sidebar.theme_button)
    stage.until(lambda: stage.desk.main.settings.theme != before)
    assert stage.root.focus_get() is stage.desk.composer.entry
    stage.desk.sidebar.theme_button.focus_set()
    stage.root.update()
    assert stage.root.focus_get() is stage.desk.sidebar.theme_button


def test_who_is_in_a_room_stands_right_below_its_card(stage: Stage) -> None:
    stage.start()
    stage.key("<Control-i>")
    about = stage.desk.about
    stage.until(lambda: about._members.canvas.winfo_ismapped())
    stage.root.update()
    assert about.scrolled.winfo_height() == about.scrolled.body.winfo_reqheight()


@pytest.mark.parametrize(("scale", "thick"), [(1.0, 1), (2.0, 2)])
def test_lines_are_as_thick_as_the_screen_is_fine(
    scaled: Callable[[float], Any], scale: float, thick: int
) -> None:
    from p2pchat.ui.tk.sheet import Sheet

    root, theme = scaled(scale)
    page = Sheet(root, theme, "Page", lambda: None)
    page.section("Part")
    page.pack(fill="both", expand=True)
    root.update()

    def lines(widget: Any) -> list[int]:
        inner = [found for child in widget.winfo_children() for found in lines(child)]
        mine = widget.winfo_class() == "TFrame" and str(widget.cget("style")) == "Line.TFrame"
        return [widget.winfo_height(), *inner] if mine else inner

    assert lines(page) == [thick, thick]


def test_a_field_that_is_off_has_its_hint_on_its_own_colour(stage: Stage) -> None:
    from p2pchat.ui.tk.widgets import FIELD_FILLS, Field

    stage.start()
    field = Field(stage.root, stage.window.theme, "hint")
    fills = FIELD_FILLS["light"]
    assert str(field._hint.cget("background")) == fills[""]
    field.enable(False)
    assert str(field._hint.cget("background")) == fills["disabled"]
    field.enable(True)
    assert str(field._hint.cget("background")) == fills[""]
    field.destroy()


def test_the_pointer_is_told_where_a_link_leads(stage: Stage) -> None:
    stage.node.say("#lobby", "https://good.example@evil.example/", LI)
    stage.start()
    view = stage.desk.conversation.transcript
    stage.until(lambda: stage.top_of("good.example") is not None)
    top, block = next(iter(view.drawn.values()))
    y = top + block.text_y + block.line_height // 2
    view.canvas.event_generate("<Motion>", x=block.text_x + 20, y=y)
    assert view.pointing._tip.text == "Opens evil.example in the browser"


def test_a_room_is_created_by_keys(stage: Stage) -> None:
    stage.start()
    stage.key("<Control-N>")
    dialog = next(w for w in stage.root.winfo_children() if w.winfo_class() == "Toplevel")
    assert dialog.title() == "Create a room"
    dialog.close()
    stage.root.update()


def test_a_tip_stays_on_the_screen(stage: Stage) -> None:
    from p2pchat.ui.tk.tips import _make

    stage.start()
    corner = ttk.Button(stage.root, text="x")
    corner.place(relx=1, rely=1, anchor="se")
    width, height = stage.root.winfo_screenwidth(), stage.root.winfo_screenheight()
    stage.root.geometry(f"800x600+{width - 800}+{height - 600}")
    stage.until(lambda: corner.winfo_ismapped() and stage.root.winfo_rootx() == width - 800)
    shown = _make(corner, "Many words that tell what this button does, whatever it may be. " * 3)
    corner.event_generate("<Enter>", x=2, y=2)
    stage.until(shown.winfo_viewable)
    stage.root.update()
    assert shown.winfo_rootx() + shown.winfo_width() <= width
    assert shown.winfo_rooty() + shown.winfo_height() <= corner.winfo_rooty()
    corner.destroy()


def hold_focus(stage: Stage) -> None:
    """Without a window manager it goes where the pointer is, which may now be outside."""
    widget = stage.root.focus_lastfor()
    widget.focus_force()
    stage.until(lambda: stage.root.focus_get() is widget)


def small(stage: Stage) -> None:
    stage.root.minsize(1, 1)
    stage.root.geometry("640x400")
    stage.until(lambda: stage.root.winfo_height() == 400)
    hold_focus(stage)


def test_in_a_small_window_a_card_takes_the_place_of_the_conversation(stage: Stage) -> None:
    stage.node.say("#lobby", "find me", LI)
    stage.start()
    desk = stage.desk
    stage.key("<Control-f>")
    stage.until(desk.search_panel.winfo_ismapped)
    assert desk.conversation.winfo_ismapped()
    small(stage)
    stage.until(lambda: not desk.conversation.winfo_ismapped())
    assert desk.search_panel.winfo_width() > 300
    desk.search_panel.field.set("find")
    stage.until(lambda: desk.search.hits)
    desk.search_panel.list.choose_first()
    stage.until(lambda: desk.conversation.winfo_ismapped())
    assert not desk.search_panel.winfo_ismapped()
    stage.key("<Control-i>")
    stage.until(lambda: desk.about.winfo_ismapped() and not desk.conversation.winfo_ismapped())
    stage.root.geometry("1080x720")
    stage.until(lambda: desk.about.winfo_ismapped() and desk.conversation.winfo_ismapped())
    small(stage)
    stage.until(lambda: not desk.conversation.winfo_ismapped())
    stage.key("<Escape>")
    stage.until(lambda: desk.conversation.winfo_ismapped() and not desk.about.winfo_ismapped())
    stage.until(lambda: stage.root.focus_get() is desk.composer.entry)


def test_the_search_takes_as_much_room_as_a_card(stage: Stage) -> None:
    stage.start()
    desk, wide = stage.desk, []
    for key, panel in (("<Control-i>", desk.about), ("<Control-f>", desk.search_panel)):
        stage.key(key)
        stage.until(panel.winfo_ismapped)
        stage.root.update()
        wide.append(panel.winfo_width())
    assert wide[0] == wide[1]


def test_ones_status_is_written_alike_wherever_it_is_chosen(stage: Stage) -> None:
    stage.start()
    stage.key("<Control-comma>")
    page = stage.desk.places.sheet
    stage.until(lambda: page._status.get())
    offered = page._status.cget("values")
    assert page._status.get() == "Online"
    stage.desk.menus.of_me(stage.desk.sidebar._name)
    menu = stage.desk.menus.last
    assert tuple(menu.entrycget(at, "label") for at in range(len(offered))) == tuple(offered)
    stage.root.tk.call("tk::MenuUnpost", menu)


def test_the_marks_of_a_menu_grow_with_the_scale(stage: Stage) -> None:
    """Tk's own mark of the status that is chosen was a few pixels at 200%."""
    stage.start()
    theme = stage.window.theme
    stage.desk.menus.of_me(stage.desk.sidebar._name)
    menu = stage.desk.menus.last
    marks = [menu.entrycget(at, "image") for at in range(3)]
    assert {menu.type(at) for at in range(3)} == {"command"}
    assert {stage.root.tk.call("image", "height", mark) for mark in marks} == {theme.px(28)}
    assert len(set(marks)) == 3
    assert marks[0] == str(theme.choice(Status.ONLINE, True))
    assert marks[1] == str(theme.choice(Status.AWAY, False))
    menu.invoke("Busy (no notifications)")
    stage.root.tk.call("tk::MenuUnpost", menu)
    stage.until(lambda: stage.desk.main.directory.me.status is Status.BUSY)


def test_chinese_is_broken_where_it_may_be(stage: Stage) -> None:
    """Tk breaks it at the spaces around other words, and before a full stop."""
    from p2pchat.ui.presenters.flow import _NOT_FIRST
    from p2pchat.ui.tk.places import Place
    from p2pchat.ui.tk.widgets import Wrapped

    stage.start()
    stage.desk.main.change({"language": "zh_CN"})
    stage.until(lambda: stage.desk.places.sheet is None and "已与" in status_line(stage))
    small(stage)

    def shown() -> dict[Any, list[str]]:
        labels = [one for one in inside_of(stage.desk.places.sheet) if isinstance(one, Wrapped)]
        return {label: str(label.cget("text")).split("\n") for label in labels}

    for place, broken in (
        (Place.SETTINGS, 2), (Place.NETWORK, 0), (Place.SHORTCUTS, 0), (Place.ACCOUNT, 1)
    ):  # fmt: skip
        stage.desk.places.open(place)
        stage.until(stage.desk.places.sheet.winfo_ismapped)
        stage.until(lambda: sum(len(lines) > 1 for lines in shown().values()) >= broken)  # noqa: B023 - called at once
        for label, lines in shown().items():
            assert "".join(lines).replace(" ", "") == label.said.replace(" ", "")
            assert not any(line[:1] in _NOT_FIRST for line in lines if line), lines
            wide = max(label._font.measure(line) for line in lines)
            assert wide <= int(str(label.cget("wraplength"))), "else Tk breaks it once more"


def test_what_breaks_its_lines_has_all_the_room_there_is(stage: Stage) -> None:
    from p2pchat.transport.udp import open_udp
    from p2pchat.ui.tk.places import Place
    from p2pchat.ui.tk.udpwindow import UdpWindow
    from p2pchat.ui.tk.widgets import Wrapped

    stage.start()
    udp = UdpWindow(stage.root, stage.window.theme, stage.window.bridge, open_udp)
    udp.open()
    udp.show_error("Something is not right with this address, and is to be written.")
    found = 0
    for place in Place:
        stage.desk.places.open(place)
        stage.until(stage.desk.places.sheet.winfo_ismapped)
        stage.root.update()
        for label in (*inside_of(stage.desk.places.sheet), *inside_of(udp)):
            if isinstance(label, Wrapped) and label.winfo_ismapped() and label.said:
                assert label._room >= 200, label.said
                found += 1
    assert found > 20
    udp.close()


def inside_of(widget: Any) -> Iterator[Any]:
    for child in widget.winfo_children():
        yield child
        yield from inside_of(child)


def status_line(stage: Stage) -> str:
    return str(stage.desk.status.network.cget("text"))


def test_tips_and_lists_are_in_their_order_too(stage: Stage) -> None:
    written, seen = "ליאור", "רואיל"
    stage.start()
    stage.desk.main.directory.set_profile(name=written)
    name, tip = stage.desk.sidebar._name, stage.desk.sidebar._name_tip
    stage.until(lambda: name.cget("text") == seen)
    tip.text = f"{written} and Li"
    name.event_generate("<Enter>")
    stage.until(lambda: seen in tip._shown.msg_var.get())
    assert written not in tip._shown.msg_var.get()
    assert list(as_shown(stage, [written, "Li"])) == [seen, "Li"]


def as_shown(stage: Stage, titles: list[str]) -> tuple[str, ...]:
    """A list of whom an announcement is for."""
    from p2pchat.ui.presenters.announcements import AnnouncementsState
    from p2pchat.ui.tk.places import Place

    stage.desk.places.open(Place.ANNOUNCEMENTS)
    page = stage.desk.places.sheet
    places = tuple((title, title) for title in titles)
    page.show_announcements(AnnouncementsState(may_announce=True, places=places))
    return tuple(page.to.cget("values"))


def test_in_a_small_window_the_emoji_are_all_in_it(stage: Stage) -> None:
    stage.start()
    small(stage)
    stage.key("<Control-e>")
    picker = stage.desk.conversation._picker
    stage.until(picker.winfo_ismapped)
    assert picker.winfo_rootx() >= stage.root.winfo_rootx()
    assert picker.winfo_rooty() >= stage.root.winfo_rooty()
    assert picker.winfo_rooty() + picker.winfo_height() <= stage.root.winfo_rooty() + 400
    stage.desk.main.change({"language": "zh_CN"})
    stage.until(lambda: not picker.winfo_exists())
    stage.until(lambda: stage.window.desk is not None and stage.loaded("#lobby"))
    stage.desk.main.set_theme("dark")  # nobody draws what is gone
    stage.until(lambda: stage.window.theme.palette.name == "dark")


def test_in_a_small_window_pages_break_their_lines(stage: Stage) -> None:
    from p2pchat.ui.tk.places import Place

    stage.start()
    small(stage)
    for key in ("<F1>", "<F2>", "<Control-comma>", ""):
        if key:
            stage.key(key)
        else:
            stage.desk.places.open(Place.ACCOUNT)
        sheet = stage.desk.places.sheet
        stage.until(sheet.winfo_ismapped)
        stage.root.update()
        edge = sheet.body.winfo_rootx() + sheet.body.winfo_width()
        waiting = [sheet.body]
        while waiting:
            widget = waiting.pop()
            waiting += widget.winfo_children()
            if isinstance(widget, (ttk.Button, ttk.Entry)) and widget.winfo_ismapped():
                assert widget.winfo_rootx() + widget.winfo_width() <= edge, str(widget)
            if isinstance(widget, ttk.Label) and widget.winfo_ismapped():
                font = tkfont.Font(font=ttk.Style().lookup(widget.cget("style"), "font"))
                words = str(widget.cget("text")).split() if key != "<F2>" else []
                assert all(font.measure(word) <= widget.winfo_width() for word in words), words
                assert widget.winfo_reqwidth() <= widget.winfo_width() + 1, widget.cget("text")
                assert widget.winfo_rootx() + widget.winfo_width() <= edge, widget.cget("text")
        stage.key("<Escape>")


def test_tab_goes_as_one_reads_and_is_always_seen(stage: Stage) -> None:
    stage.node.say("#lobby", "first", LI)
    stage.node.say("#lobby", "second", LI)
    stage.start()
    desk, composer = stage.desk, stage.desk.composer
    transcript = desk.conversation.transcript
    composer.attach_button.focus_force()
    stage.until(lambda: stage.root.focus_get() is composer.attach_button)
    walked = []
    for _ in range(3):
        widget = stage.root.focus_get()
        widget.tk_focusNext().focus_set()
        stage.root.update()
        walked.append(stage.root.focus_get())
    assert walked == [composer.entry, composer.emoji_button, composer.send_button]
    composer.attach_button.tk_focusPrev().focus_set()
    stage.until(lambda: transcript.canvas.find_withtag("current-row"))
    assert transcript.pointing.current == transcript.rows[-1].message_id
    rows = desk.sidebar.list
    rows.canvas.focus_set()
    stage.until(lambda: rows._cursor >= 0)
    assert rows._painter.selectable(rows._rows[rows._cursor])
    composer.focus()
    stage.until(lambda: rows._cursor == -1)


def test_a_click_shows_no_ring_around_a_message(stage: Stage) -> None:
    stage.node.say("#lobby", "here", LI)
    stage.start()
    canvas = stage.desk.conversation.transcript.canvas
    canvas.event_generate("<Button-1>", x=300, y=300)
    stage.until(lambda: stage.root.focus_get() is canvas)
    canvas.event_generate("<ButtonRelease-1>", x=300, y=300)
    stage.root.update()
    assert not canvas.find_withtag("current-row")


def light(colour: str) -> float:
    channels = (c / 255 for c in bytes.fromhex(colour[1:]))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(ink: str, fill: str) -> float:
    high, low = sorted((light(ink), light(fill)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("palette", ["light", "dark"])
def test_a_hint_can_be_read(stage: Stage, palette: str) -> None:
    from p2pchat.ui.tk.widgets import FIELD_FILLS, Field

    stage.start()
    stage.window.theme.apply(palette)
    field = Field(stage.root, stage.window.theme, "192.168.1.20")
    ink = str(field._hint.cget("foreground"))
    for fill in FIELD_FILLS[palette].values():
        assert contrast(ink, fill) >= 4.5
    field.destroy()


def test_the_lines_of_a_menu_are_all_as_high(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tk.Menu, "tk_popup", lambda menu, x, y: None)
    said = stage.node.say("#lobby", "hello", LI)
    stage.node.replace(said.message_id, reactions={"👍": (LI,)})
    stage.start()
    stage.desk.menus.of_message(said.message_id, 0, 0)
    menu = stage.desk.menus.last
    stage.desk.menus._pad(menu)
    lines = [at for at in range(menu.index("end") + 1) if menu.type(at) != "separator"]
    heights = {stage.root.tk.call("image", "height", menu.entrycget(at, "image")) for at in lines}
    assert len(lines) > 4
    assert len(heights) == 1


@pytest.mark.parametrize("palette", ["light", "dark"])
def test_what_is_said_can_be_read(palette: str) -> None:
    """WCAG 2.1, 1.4.3: 4.5 to 1 for text; what is only looked at in passing has at least 3."""
    from p2pchat.ui.tk.theme import DARK, LIGHT

    colours = LIGHT if palette == "light" else DARK
    for ink, fills in (
        (colours.text, (colours.window, colours.sidebar, colours.surface, colours.chip)),
        (
            colours.muted,
            (
                colours.window,
                colours.sidebar,
                colours.surface,
                colours.other_fill,
                colours.selected,
            ),
        ),
        (colours.accent, (colours.surface, colours.other_fill, colours.own_fill)),
        (colours.trouble, (colours.window, colours.surface)),
        (colours.own, (colours.own_fill, colours.own_code_fill)),
        (colours.system, (colours.system_fill, colours.sidebar)),
        *((name, (colours.other_fill, colours.warning_fill)) for name in colours.names),
    ):
        for fill in fills:
            assert contrast(ink, fill) >= 4.5, (ink, fill, contrast(ink, fill))
    for ink, fills in (
        (
            colours.faint,
            (colours.surface, colours.sidebar, colours.other_fill, colours.warning_fill),
        ),
        (colours.own_faint, (colours.own_fill,)),
    ):
        for fill in fills:
            assert contrast(ink, fill) > 3, (ink, fill, contrast(ink, fill))


@pytest.mark.parametrize("scale", [1.0, 1.75])
def test_the_picture_of_nothing_has_nothing_to_stretch(
    scaled: Callable[[float], Any], scale: float
) -> None:
    """Else Tk lays it over a flat button tile by tile: some thousand for a wide one."""
    root, _ = scaled(scale)
    for name in ("light", "dark"):
        picture = root.tk.call("set", f"::ttk::theme::sv_{name}::I(empty)")
        border = round(4 * scale)
        for side in ("width", "height"):
            assert int(root.tk.call("image", side, picture)) == 2 * border


def test_the_ground_of_what_scrolls_follows_the_theme(stage: Stage) -> None:
    """Also where a page is shorter than the window, and beside its column."""
    from p2pchat.ui.tk.places import Place

    stage.start()
    stage.desk.places.open(Place.TRANSFERS)
    stage.until(stage.desk.places.sheet.winfo_ismapped)
    for name in ("dark", "light"):
        stage.desk.main.set_theme(name)
        stage.until(lambda name=name: stage.window.theme.palette.name == name)
        scrolled, wanted = stage.desk.places.sheet.scrolled, stage.window.theme.palette.surface
        for part in (scrolled.body, scrolled.canvas):
            stage.until(lambda part=part, wanted=wanted: str(part.cget("background")) == wanted)
