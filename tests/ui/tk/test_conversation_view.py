"""The conversation under a real display: pointer, keys, marking, emoji, completion, attacks."""

from __future__ import annotations

import base64
import io
import shutil
import subprocess
import time
from dataclasses import replace
from typing import Any

import pytest
from paper_node import ME, make_peer, peer_id

from p2pchat.model.message import MessageKind, Receipts
from p2pchat.ui.presenters import words
from p2pchat.ui.presenters.loaded import LIMIT

pytest.importorskip("tkinter", reason="this Python has no tkinter")
pytestmark = pytest.mark.window

Stage = Any
"""conftest.Stage, which can't be imported by name from here."""

LI, WANG = peer_id("a"), peer_id("b")


def view(stage: Stage) -> Any:
    return stage.desk.conversation.transcript


def block_of(stage: Stage, needle: str) -> tuple[int, Any]:
    stage.until(lambda: stage.top_of(needle) is not None)
    return next(
        (top, block) for top, block in view(stage).drawn.values() if needle in block.row.text
    )


def click(stage: Stage, x: int, y: int) -> None:
    canvas = view(stage).canvas
    canvas.event_generate("<Motion>", x=x, y=y)
    canvas.event_generate("<Button-1>", x=x, y=y)
    canvas.event_generate("<ButtonRelease-1>", x=x, y=y)
    stage.root.update()
    stage.check()


def place_of(stage: Stage, needle: str, what: str) -> tuple[int, int]:
    """The middle of what a click does something on."""
    top, block = block_of(stage, needle)
    hit = next(hit for hit in block.hits if hit.what == what)
    return (hit.left + hit.right) // 2, top + (hit.top + hit.bottom) // 2


def text_place(stage: Stage, needle: str, chars: int) -> tuple[int, int]:
    """Where this many characters of a message's first line end."""
    top, block = block_of(stage, needle)
    line = block.flow.lines[0]
    measure = view(stage).setter.measure_of(block)
    width = measure(line.parts[0].kind, block.flow.text[:chars])
    return block.line_x(line) + width, top + block.text_y + block.line_height // 2


# -- the pointer


def test_a_click_on_a_link_opens_it_also_where_it_is_broken(stage: Stage) -> None:
    link = "https://example.org/" + "/".join(f"part{n}" for n in range(40))
    stage.node.say("#lobby", f"see {link} now", LI)
    stage.start()
    opened: list[str] = []
    view(stage).on_link = opened.append
    top, block = block_of(stage, "part39")
    assert len(block.flow.lines) > 3
    for index in (0, 2):
        part = next(p for p in block.flow.lines[index].parts if p.kind.value == "link")
        x = block.text_x + part.x + part.width // 2
        click(stage, x, top + block.text_y + index * block.line_height + 8)
    assert opened == [link, link]


def test_clicks_on_names_quotes_reactions_and_more(stage: Stage) -> None:
    first = stage.node.say("#lobby", "\n".join(f"line {n}" for n in range(30)), LI)
    stage.node.say("#lobby", "an answer", WANG, reply_to=first.message_id, reactions={"🎉": (LI,)})
    stage.start()
    x, y = place_of(stage, "an answer", "react")
    click(stage, x, y)
    stage.until(lambda: stage.node.named("react"))
    assert stage.node.named("react")[0][2:] == ("🎉", True)
    shown: list[str] = []
    view(stage).on_show = shown.append
    click(stage, *place_of(stage, "an answer", "quote"))
    assert shown == [first.message_id]
    unfold = place_of(stage, "line 0", "more")
    click(stage, *unfold)
    stage.until(lambda: "line 29" in stage.shown)
    click(stage, *place_of(stage, "an answer", "name"))
    stage.until(lambda: stage.loaded(f"@{WANG}"))


def test_the_tools_beside_a_message(stage: Stage) -> None:
    message = stage.node.say("#lobby", "hover me", LI)
    stage.node.say("#lobby", "gone", LI, deleted=True)
    stage.start()
    top, block = block_of(stage, "hover me")
    pointing = view(stage).pointing
    x, y = block.bubble[0] + 5, top + block.bubble[1] + 5
    view(stage).canvas.event_generate("<Motion>", x=x, y=y)
    stage.until(lambda: pointing._tools)
    left, upper, right, lower = pointing._tools[1]
    click(stage, (left + right) // 2, (upper + lower) // 2)
    assert stage.desk.main.composer.target.message_id == message.message_id
    deleted_top, deleted = block_of(stage, "deleted")
    view(stage).canvas.event_generate("<Motion>", x=x, y=deleted_top + deleted.bubble[1] + 5)
    stage.root.update()
    assert not pointing._tools


def test_the_pointer_is_told_who_has_reacted_and_who_has_read(stage: Stage) -> None:
    stage.node.say("#lobby", "liked", LI, reactions={"🎉": (WANG,)})
    stage.node.say("#lobby", "mine", ME, receipts=Receipts(delivered=(LI, WANG), read=(LI,)))
    stage.start()
    canvas = view(stage).canvas

    def tip() -> str:
        found = [i for i in canvas.find_withtag("tip") if canvas.type(i) == "text"]
        return str(canvas.itemcget(found[0], "text")) if found else ""

    x, y = place_of(stage, "liked", "react")
    canvas.event_generate("<Motion>", x=x, y=y)
    stage.until(lambda: tip() == "“王小明”")
    x, y = place_of(stage, "mine", "time")
    canvas.event_generate("<Motion>", x=x, y=y)
    stage.until(lambda: "Read by “Li”\nDelivered to “王小明”" in tip())
    canvas.event_generate("<Motion>", x=5, y=5)
    assert not tip()


def test_marking_with_the_pointer_and_copying(stage: Stage) -> None:
    stage.node.say("#lobby", "one two three", LI)
    stage.node.say("#lobby", "four", ME)
    stage.start()
    canvas = view(stage).canvas
    x, y = text_place(stage, "one two", 4)
    end_x, end_y = text_place(stage, "one two", 7)
    canvas.event_generate("<Button-1>", x=x, y=y)
    canvas.event_generate("<B1-Motion>", x=end_x, y=end_y)
    assert canvas.find_withtag("mark")
    canvas.event_generate("<ButtonRelease-1>", x=end_x, y=end_y)
    assert view(stage).marking.text == "two"
    canvas.focus_force()
    stage.until(lambda: stage.root.focus_get() is canvas)
    stage.key("<Control-c>")
    assert stage.root.clipboard_get() == "two"
    canvas.event_generate("<Button-1>", x=x, y=y)
    far = text_place(stage, "four", 4)
    canvas.event_generate("<B1-Motion>", x=far[0], y=far[1])
    canvas.event_generate("<ButtonRelease-1>", x=far[0], y=far[1])
    lines = view(stage).marking.text.split("\n")
    assert [line.partition(": ")[2] for line in lines] == ["two three", "four"]
    assert lines[0].startswith("Li, ")


def test_a_double_click_marks_a_word_and_a_third_all(stage: Stage) -> None:
    stage.node.say("#lobby", "one two three", LI)
    stage.start()
    x, y = text_place(stage, "one two", 5)
    canvas = view(stage).canvas
    for _ in range(2):
        canvas.event_generate("<Button-1>", x=x, y=y)
        canvas.event_generate("<ButtonRelease-1>", x=x, y=y)
    assert view(stage).marking.text == "two"
    canvas.event_generate("<Button-1>", x=x, y=y)
    canvas.event_generate("<ButtonRelease-1>", x=x, y=y)
    assert view(stage).marking.text == "one two three"


def test_what_is_marked_stays_when_rows_come_above(stage: Stage) -> None:
    stage.node.say("#lobby", "later", LI)
    stage.start()
    canvas = view(stage).canvas
    x, y = text_place(stage, "later", 0)
    canvas.event_generate("<Button-1>", x=x, y=y)
    canvas.event_generate("<B1-Motion>", x=x + 400, y=y)
    canvas.event_generate("<ButtonRelease-1>", x=x + 400, y=y)
    rows = [replace(view(stage).rows[0], message_id=f"{n:064x}") for n in range(900, 905)]
    view(stage).splice(0, 0, rows)
    assert view(stage).marking.text == "later"


# -- keys


def test_messages_by_keyboard(stage: Stage) -> None:
    for number in range(40):
        stage.node.say("#lobby", f"<{number}>", LI)
    stage.start()
    canvas = view(stage).canvas
    canvas.focus_force()
    stage.until(lambda: stage.root.focus_get() is canvas)
    asked: list[str] = []
    view(stage).on_menu = lambda message_id, x, y: asked.append(message_id)
    stage.key("<Up>", "<Up>", "<Up>", "<Return>")
    rows = view(stage).rows
    assert asked == [rows[-3].message_id]
    for _ in range(30):
        stage.key("<Up>")
    assert view(stage).pointing.current == rows[-33].message_id
    assert rows[-33].message_id in view(stage).drawn
    stage.key("<Control-c>")
    assert stage.root.clipboard_get() == rows[-33].text
    stage.key("<End>")
    assert view(stage).at_bottom
    stage.key("<Home>", "<Prior>")
    top, _block = view(stage).drawn[view(stage).rows[0].message_id]
    assert top >= 0


# -- emoji


def test_the_picker_by_keyboard(stage: Stage) -> None:
    stage.start()
    stage.key("<Control-e>")
    picker = stage.desk.conversation._picker
    stage.until(lambda: stage.root.focus_get() is picker.field.entry)
    picker.field.set("birthday")
    stage.until(lambda: picker.cells and picker.cells[0].emoji.chars == "🎂")
    stage.key("<Return>")
    assert stage.desk.composer.text() == "🎂"
    assert stage.root.focus_get() is stage.desk.composer.entry
    assert not picker.winfo_ismapped()
    stage.key("<Control-e>")
    stage.until(lambda: picker.winfo_ismapped())
    assert picker.cells[0].emoji.chars == "🎂", "what was picked last comes first"
    stage.key("<Down>", "<Escape>")
    assert not picker.winfo_ismapped()


def test_pictures_of_the_picker_are_made_over_some_turns_of_the_loop(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    from p2pchat.ui.tk.picker import EmojiPicker

    turns: list[int] = []
    draw = EmojiPicker._draw

    def drawn(picker: EmojiPicker) -> None:
        draw(picker)
        kinds = [str(picker.canvas.type(item)) for item in picker.canvas.find_all()]
        turns.append(kinds.count("image") - 1)  # the chosen one has a ground

    monkeypatch.setattr(EmojiPicker, "_draw", drawn)
    monkeypatch.setattr("p2pchat.ui.tk.picker.MAKE_S", 0.0)  # a slow computer
    stage.start()
    stage.key("<Control-e>")
    picker = stage.desk.conversation._picker
    shown = sum(cell.top < picker.canvas.winfo_reqheight() for cell in picker.cells)
    stage.until(lambda: turns[-1] == shown)
    assert turns == sorted(turns)
    assert len(turns) > 10
    assert not picker._rest_id, "and then it rests"


def test_a_reaction_from_the_picker(stage: Stage) -> None:
    message = stage.node.say("#lobby", "react to me", LI)
    stage.start()
    view(stage).on_emoji(message.message_id, 0, 0)
    picker = stage.desk.conversation._picker
    stage.until(lambda: picker.winfo_ismapped())
    picker.canvas.event_generate("<Motion>", x=10, y=40)
    picker.canvas.event_generate("<Button-1>", x=10, y=40)
    stage.until(lambda: stage.node.named("react"))
    assert stage.node.named("react") == [("react", message.message_id, "👍", True)]
    picker._to(5000)
    assert len(picker.canvas.find_all()) < 200, "only what is in view is drawn"


def test_emoji_are_pictures_and_newer_ones_glyphs(stage: Stage) -> None:
    stage.node.say("#lobby", "family 👨‍👩‍👧 done", LI)
    stage.start()
    block_of(stage, "family")
    assert "👨‍👩‍👧" not in stage.drawn_text("family")
    pictures = stage.window.theme.pictures
    assert pictures.emoji("👨‍👩‍👧", 20) is pictures.emoji("👨‍👩‍👧", 20)
    assert pictures.emoji("x", 20) is None


# -- completion


def test_an_emoji_has_the_ground_that_it_stands_on(stage: Stage) -> None:
    """For one that is transparent in part Tk asks the X server whenever it draws it."""
    stage.node.say("#lobby", "a 😀 in words", LI)
    stage.start()
    top, block = block_of(stage, "in words")
    canvas, palette = view(stage).canvas, stage.desk._theme.palette

    def grounds(tag: str) -> list[tuple[int, int, int]]:
        images = [i for i in canvas.find_withtag(tag) if canvas.type(i) == "image"]
        corner = [(canvas.itemcget(image, "image"), 0, 0) for image in images]
        return [stage.root.tk.call(name, "get", x, y) for name, x, y in corner]

    def colour(name: str) -> tuple[int, ...]:
        return tuple(bytes.fromhex(name[1:]))

    assert colour(block.fill) in grounds(f"{view(stage).tag_of(block.row.message_id)}&&ink")
    view(stage).marking.whole(block.text_x + 1, top + block.text_y + 1)
    assert grounds("mark") == [colour(palette.selection)]
    view(stage).marking.clear()
    assert grounds("mark") == []


def test_people_are_offered_after_an_at(stage: Stage) -> None:
    stage.node.add_peer(make_peer("c", "Zoë Maria"))
    stage.start()
    offers = stage.desk.composer.offers
    stage.write("Hi @")
    stage.key("<KeyRelease>")
    stage.until(lambda: offers.winfo_ismapped())
    assert len(offers.offers) == 3
    stage.write("mar")
    stage.key("<KeyRelease>")
    assert [offer.title for offer in offers.offers] == ["Zoë Maria"], "also by a later word"
    stage.key("<Tab>")
    assert stage.desk.composer.text() == "Hi @Zoë Maria "
    assert not offers.winfo_ismapped()
    stage.write("😀 :birthd")
    stage.key("<KeyRelease>", "<Return>")
    assert stage.desk.composer.text() == "Hi @Zoë Maria 😀 🎂"
    stage.write(" @")
    stage.key("<KeyRelease>", "<Escape>", "<KeyRelease>")
    assert not offers.offers
    stage.key("<Return>")
    stage.until(lambda: stage.node.named("send"))


@pytest.mark.skipif(shutil.which("xdotool") is None, reason="xdotool is not installed")
def test_completion_with_real_keys(stage: Stage, display: str) -> None:
    stage.start()
    for arguments in (["type", "@l"], ["key", "Tab"], ["type", "hello"], ["key", "Return"]):
        subprocess.run(["xdotool", *arguments], env={"DISPLAY": display}, check=True, timeout=20)
        for _ in range(20):
            stage.root.update()
    stage.until(lambda: stage.node.named("send"))
    assert stage.node.named("send") == [("send", "#lobby", "@Li hello", None)]


def test_no_shortcut_changes_what_one_writes(stage: Stage) -> None:
    """Tk has keys of Emacs: Ctrl+K deletes to the end of the line, Ctrl+I inserts a tab."""
    stage.start()
    stage.write("what I write")
    entry = stage.desk.composer.entry
    for letter in "bdefhijkptBEFNP":
        entry.mark_set("insert", "1.4")
        entry.focus_force()
        stage.until(lambda: str(stage.root.tk.call("focus")) == str(entry))
        stage.key(f"<Control-{letter}>")
        assert entry.get("1.0", "end-1c") == "what I write", letter
        if stage.root.focus_get() is not entry:
            stage.key("<Escape>")  # away from the page that it leads to


# -- pictures of people


def face(colour: str) -> str:
    image = pytest.importorskip("PIL.Image")
    data = io.BytesIO()
    image.new("RGB", (40, 40), colour).save(data, "PNG")
    return base64.b64encode(data.getvalue()).decode()


def test_pictures_of_people_come_with_their_profiles(stage: Stage) -> None:
    stage.node.say("#lobby", "hello", LI)
    stage.start()
    block_of(stage, "hello")
    assert "L" in stage.drawn_text("hello").split()
    from p2pchat.events import PeerChanged

    stage.node.people[LI] = make_peer("a", "Li", avatar=face("red"))
    stage.node.emit(PeerChanged(stage.node.people[LI]))
    stage.until(lambda: "L" not in stage.drawn_text("hello").split())


def test_a_name_of_emoji_alone_has_one_as_its_picture(stage: Stage) -> None:
    stage.node.add_peer(make_peer("e", "🎉🐸"))
    stage.start()
    theme, size = stage.window.theme, 38
    face, said = theme.face(None, words.initials("🎉🐸"), "e", size)
    assert said == ""
    assert face is theme.face(None, "🎉", "e", size)[0]
    assert face is not theme.face(None, "🐸", "e", size)[0]
    assert theme.face(None, "L", "e", size)[1] == "L"
    canvas = stage.desk.sidebar.list.canvas
    texts = [item for item in canvas.find_all() if canvas.type(item) == "text"]
    assert "?" not in [canvas.itemcget(item, "text") for item in texts]


@pytest.mark.parametrize("avatar", ["", "no base64!", base64.b64encode(b"\x89PNG\r\n").decode()])
def test_a_picture_that_is_none_leaves_the_initials(stage: Stage, avatar: str) -> None:
    stage.start()
    assert stage.window.theme.pictures.face(avatar, 34) is None


def test_a_picture_that_is_a_bomb_is_not_decoded(stage: Stage) -> None:
    stage.start()
    image = pytest.importorskip("PIL.Image")
    data = io.BytesIO()
    image.new("1", (20_000, 20_000)).save(data, "PNG")
    avatar = base64.b64encode(data.getvalue()).decode()
    begun = time.thread_time()
    assert stage.window.theme.pictures.face(avatar, 34) is None
    assert time.thread_time() - begun < 1.0


# -- what others send

HOSTILE = {
    "no space": "x" * 16_000,
    "newlines": "\n" * 16_000 + "end",
    "overrides": "\u202e\u2066evil\u2069\u202c" * 200,
    "marks": ("a" + "\u0301" * 30) * 400,
    "arabic": "سلام " * 3000,
    "emoji": "👨‍👩‍👧‍👦" * 600,
    "controls": "\x00\x1b[31m\x07\x7f\u2028" * 500,
    "back ticks": "`" * 8000 + "```" * 2000,
    "links": "https://" + "a/" * 7000,
    "at signs": "@a" * 8000,
    "tcl": '{[$;\\" }%s %d #' * 500,
}


def test_the_ground_of_code_covers_nothing_beside_it(stage: Stage) -> None:
    stage.node.say("#lobby", "答案`42`答案 then `go` on", LI)
    stage.start()
    canvas = view(stage).canvas
    items = canvas.find_withtag(view(stage).tag_of(view(stage).rows[-1].message_id))
    where = {canvas.itemcget(i, "text"): canvas.bbox(i) for i in items if canvas.type(i) == "text"}
    ground = stage.window.theme.palette.code_fill
    around = [
        canvas.coords(i)
        for i in items
        if canvas.type(i) == "rectangle" and canvas.itemcget(i, "fill") == ground
    ]
    assert len(around) == 2
    edges = [(round(left), round(right)) for left, _top, right, _bottom in sorted(around)]
    for (left, right), (before, code, after) in zip(
        edges, (("答案", "42", "答案 then "), ("答案 then ", "go", " on")), strict=True
    ):
        assert where[before][2] <= left + 1
        assert left < where[code][0] < where[code][2] < right
        assert right <= where[after][0] + 1


@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_that_is_sent_breaks_the_view(stage: Stage, name: str) -> None:
    text = HOSTILE[name]
    stage.start()
    transcript = view(stage)
    width, height = transcript.winfo_width(), transcript.winfo_height()
    message = stage.node.receive("#lobby", text, LI)
    stage.node.receive("#lobby", "after it", LI)
    stage.until(lambda: stage.top_of("after it") is not None)
    canvas = transcript.canvas
    stage.desk.main.conversation.unfold(message.message_id)
    begun = time.thread_time()
    stage.root.update()
    for part in (0.0, 0.5, 1.0):
        transcript.scroll("moveto", part)
        stage.root.update()
        assert len(canvas.find_all()) < 4000
    assert time.thread_time() - begun < 3.0
    for _, block in transcript.drawn.values():
        assert block.bubble[2] <= canvas.winfo_width()
    assert (transcript.winfo_width(), transcript.winfo_height()) == (width, height)
    stage.check()


def test_names_can_not_pose_as_others_or_as_the_program(stage: Stage) -> None:
    stage.node.add_peer(make_peer("c", "Li\n\u202eMe joined\u2066" + "x" * 300))
    stage.node.say("#lobby", "Me joined the room  ·  12:00", peer_id("c"))
    stage.node.say("#lobby", "Li joined", LI, kind=MessageKind.SYSTEM)
    stage.start()
    _, posing = block_of(stage, "Me joined")
    _, system = block_of(stage, "Li joined")
    assert any(posing.bubble)
    assert any(hit.what == "name" for hit in posing.hits)
    assert not any(system.bubble)
    assert "\u202e" not in stage.drawn_text("Me joined")


def test_a_huge_history_is_scrolled_with_few_rows(stage: Stage) -> None:
    for number in range(3000):
        stage.node.say("#lobby", f"<{number}> " + "word " * (number % 40), LI if number % 3 else ME)
    stage.start()
    transcript = view(stage)
    for _ in range(400):
        transcript.by(-150)
        stage.root.update()
    stage.check()
    assert len(transcript.rows) <= LIMIT
    assert len(transcript.drawn) < 40
    first = int(transcript.rows[0].text.split(">")[0][1:])
    assert first < 2700
    assert [row.text.split()[0] for row in transcript.rows[:3]] == [
        f"<{first + n}>" for n in range(3)
    ]


def test_of_an_opened_message_the_lines_in_view_are_drawn(stage: Stage) -> None:
    stage.node.say("#lobby", "\n".join(f"line {n}" for n in range(3000)), LI)
    stage.start()
    _, block = block_of(stage, "line 1")
    stage.desk.main.conversation.unfold(block.row.message_id)
    stage.until(lambda: block_of(stage, "line 2999")[1].height > view(stage).winfo_height())
    canvas, tag = view(stage).canvas, view(stage).tag_of(block.row.message_id)

    def drawn() -> None:
        top, opened = block_of(stage, "line 2999")
        height, line = canvas.winfo_height(), opened.line_height
        middles = sorted(
            canvas.coords(item)[1]
            for item in canvas.find_withtag(tag)
            if canvas.type(item) == "text" and canvas.itemcget(item, "text").startswith("line")
        )
        first, end = top + opened.text_y, top + opened.text_y + 3000 * line
        assert middles[0] <= max(first, 0) + line
        assert middles[-1] >= min(end, height) - line
        assert len(middles) <= height // line + 2

    drawn()
    for step in (-60, -300, -20_000, 7):
        view(stage).by(step)
        stage.root.update()
        drawn()
    view(stage).marking.whole(block.text_x + 1, 100)
    assert len(canvas.find_withtag("mark")) <= canvas.winfo_height() // block.line_height + 2
    view(stage).page(-1)
    before = canvas.winfo_height()
    stage.root.geometry("1000x850")
    stage.until(lambda: canvas.winfo_height() > before + 100)
    drawn()


def test_the_way_to_the_first_unread_message_until_it_was_seen(stage: Stage) -> None:
    for number in range(30):
        last = stage.node.say("#lobby", f"<{number}>", LI)
        if number == 5:
            stage.node.read["#lobby"] = last.message_id
    stage.start()
    pane = stage.desk.conversation
    stage.until(lambda: stage.top_of("<29>") is not None and pane._up.winfo_ismapped())
    assert not stage.node.named("mark_read"), "what is above the view wasn't seen"
    pane._up.invoke()
    stage.until(lambda: stage.top_of("<6>") is not None)
    stage.until(lambda: not pane._up.winfo_ismapped())
    assert stage.window.desk is not None
    stage.desk.main.set_active(True)
    view(stage).to_end()
    stage.until(lambda: stage.node.named("mark_read"))
    stage.until(lambda: stage.top_of("<29>") is not None)
    stage.root.update()
    assert not pane._up.winfo_ismapped()


def test_the_unread_that_are_all_in_view_are_read(stage: Stage) -> None:
    for number in range(3):
        stage.node.say("#lobby", f"<{number}>", LI)
    stage.start()
    stage.desk.main.set_active(True)
    stage.until(lambda: stage.node.named("mark_read"))


def test_what_pours_in_while_one_is_away_is_read_only_when_seen(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.node.say("#lobby", "<seen>", LI)
    stage.start()
    focused = [True]
    monkeypatch.setattr(stage.desk, "_focused", lambda: focused[0])
    stage.desk.main.set_active(True)
    stage.until(lambda: stage.node.named("mark_read"))
    focused[0] = False
    stage.desk.main.set_active(False)
    # At first they are all in view, then the first of them are above it.
    for number in range(40):
        stage.node.receive("#lobby", f"<{number}>", LI)
        stage.until(lambda number=number: stage.top_of(f"<{number}>") is not None)
    pane = stage.desk.conversation
    focused[0] = True
    stage.desk.main.set_active(True)
    stage.until(pane._up.winfo_ismapped)
    assert len(stage.node.named("mark_read")) == 1, "nobody has seen the first of them"
    pane._up.invoke()
    stage.until(lambda: stage.top_of("<0>") is not None and not pane._up.winfo_ismapped())
    view(stage).to_end()
    stage.until(lambda: len(stage.node.named("mark_read")) == 2)


# -- colours


def test_the_window_follows_the_system_until_one_chooses(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("p2pchat.ui.appearance.is_dark", lambda: True)
    stage.start()
    theme = stage.window.theme
    stage.until(lambda: theme.palette.name == "dark")
    stage.desk.main.set_theme("light")
    stage.until(lambda: theme.palette.name == "light")
    theme.follow(True)
    assert theme.palette.name == "light"
    stage.desk.main.set_theme("system")
    stage.until(lambda: theme.palette.name == "dark")
    theme.follow(False)
    stage.until(lambda: view(stage).canvas.cget("background") == theme.palette.surface)
    assert theme.palette.name == "light"
