"""Files in the window under a real display: cards, buttons, thumbnails, attaching, dropping."""

from __future__ import annotations

import asyncio
import io
import os
import re
import struct
import subprocess
import sys
import threading
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from paper_node import ME, peer_id
from paper_runner import PaperRunner
from PIL import Image

from p2pchat.errors import RequestError
from p2pchat.model.file import FileInfo, FileState
from p2pchat.ui import language
from p2pchat.ui.presenters.filecard import FileAction

pytest.importorskip("tkinter", reason="this Python has no tkinter")
pytestmark = pytest.mark.window

Stage = Any
"""conftest.Stage, which can't be imported by name from here."""

LI = peer_id("a")
MIB = 1024 * 1024


def png(path: Path, width: int, height: int, rows: bytes | None = None) -> str:
    """A picture of one colour; or with `rows` whatever they are."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress((b"\0" + b"\x20\x80\xc0" * width) * height if rows is None else rows)
    parts = chunk(b"IHDR", head), chunk(b"IDAT", data), chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    return str(path)


def offer(stage: Stage, name: str = "plan.pdf", **more: Any) -> FileInfo:
    file: FileInfo = stage.node.offer("#lobby", name, LI, 10 * MIB, **more)
    stage.until(lambda: card(stage, file) is not None)
    return file


def card(stage: Stage, file: FileInfo) -> Any:
    return stage.desk.conversation.transcript.cards.views.get(file.file_id)


def status(stage: Stage, file: FileInfo) -> str:
    return str(card(stage, file)._status.cget("text"))


def click(stage: Stage, file: FileInfo, action: FileAction) -> None:
    stage.until(lambda: card(stage, file).button(action) is not None)
    card(stage, file).button(action).invoke()


# -- cards


def test_from_the_offer_to_the_end(stage: Stage) -> None:
    stage.start()
    file = offer(stage)
    view = card(stage, file)
    click(stage, file, FileAction.DOWNLOAD)
    stage.until(lambda: view.button(FileAction.PAUSE))
    assert stage.node.named("fetch") == [("fetch", file.file_id)]
    pause = view.button(FileAction.PAUSE)
    stage.node.progress(file.file_id, 4 * MIB, sources=2, rate=MIB)
    stage.until(lambda: "40%" in status(stage, file))
    assert status(stage, file).endswith("6 s left, from 2 sources")
    assert int(view._bar.cget("value")) == 400
    stage.node.progress(file.file_id, 5 * MIB)
    stage.until(lambda: "50%" in status(stage, file))
    assert card(stage, file) is view, "it changes in place"
    assert view.button(FileAction.PAUSE) is pause, "a button stays under the pointer"
    stage.node.finish(file.file_id, "/d/plan.pdf")
    stage.until(lambda: view.button(FileAction.OPEN))
    assert not view._bar.winfo_ismapped()
    assert "Downloaded" in status(stage, file)


def test_pausing_and_giving_up(stage: Stage) -> None:
    stage.start()
    file = offer(stage, state=FileState.FETCHING)
    click(stage, file, FileAction.PAUSE)
    stage.until(lambda: "Paused" in status(stage, file))
    click(stage, file, FileAction.CANCEL)
    stage.until(lambda: "Not downloaded" in status(stage, file))
    assert [call[0] for call in stage.node.calls if call[0] in ("pause", "cancel")] == [
        "pause", "cancel",
    ]  # fmt: skip


def test_the_menu_has_what_the_buttons_have(stage: Stage) -> None:
    stage.start()
    file = offer(stage)
    stage.desk.menus.of_message(file.message_id, 10, 10)
    menu = stage.desk.menus.last
    assert menu.entrycget(0, "label") == "Download"
    menu.invoke(0)
    menu.unpost()
    stage.until(lambda: stage.node.named("fetch"))


def save_as(stage: Stage, file: FileInfo) -> Any:
    """The menu of its message by keys, and the place of "Save as…" in it."""
    transcript = stage.desk.conversation.transcript
    transcript.canvas.focus_set()
    stage.until(lambda: transcript.pointing.current == file.message_id)
    stage.key("<Shift-F10>")
    menu = stage.desk.menus.last
    stage.until(menu.winfo_ismapped)
    labels = {menu.entrycget(at, "label"): at for at in range(menu.index("end") + 1)
              if menu.type(at) == "command"}  # fmt: skip
    menu.unpost()
    return menu, labels["Save as…"]


def in_dialog(stage: Stage, then: Callable[[str], None]) -> None:
    """Once Tk's own dialog for files is there: `then` gets the part with its entry and buttons. The
    dialog is modal: whoever opens it waits meanwhile."""
    part = "%s.__tk_filedialog.contents.f2" % ("" if str(stage.root) == "." else stage.root)

    def look() -> None:
        if int(stage.root.tk.eval(f"winfo exists {part}.cancel")):
            then(part)
        else:
            stage.root.after(5, look)

    stage.root.after(5, look)


def test_a_file_is_saved_where_somebody_chooses(stage: Stage, tmp_path: Path) -> None:
    """With the dialog itself, which suggests a harmless name and doesn't ask about overwriting what
    the node wouldn't overwrite."""
    suggested: list[str] = []

    def answer(part: str) -> None:
        name = f"{part}.ent"
        suggested.append(stage.root.tk.eval(f"{name} get"))
        stage.root.tk.eval(f"{name} delete 0 end; {name} insert end {{{place}}}; {part}.ok invoke")

    stage.start()
    file = offer(stage, "../plan: 1.pdf")
    place = tmp_path / "here.pdf"
    menu, at = save_as(stage, file)
    in_dialog(stage, answer)
    menu.invoke(at)
    stage.until(lambda: stage.node.named("fetch"))
    place.write_text("something else")
    stage.node.fail["fetch"] = RequestError("not-allowed", f"it would overwrite {place}")
    in_dialog(stage, answer)
    menu.invoke(at)
    stage.until(lambda: stage.desk.status.notice.winfo_ismapped())
    assert f"It would overwrite {place}." in stage.desk.status._notice_text.cget("text")
    assert suggested == ["_._plan_ 1.pdf"] * 2
    assert stage.node.named("fetch") == [("fetch", file.file_id, str(place))] * 2


def test_the_dialog_for_files_speaks_the_language_that_was_chosen(stage: Stage) -> None:
    """It is Tk's own: it speaks as the system does, and keeps the words of its first time."""
    said: list[str] = []

    def read(part: str) -> None:
        said.append(stage.root.tk.eval(f"{part}.cancel cget -text"))
        stage.root.tk.eval(f"{part}.cancel invoke")

    stage.start()
    for tag in ("en", "zh_CN", "en"):
        if tag != language.tag():
            old = stage.desk
            old.main.change({"language": tag})
            stage.until(lambda old=old: stage.desk is not old and not old.winfo_exists())
        in_dialog(stage, read)
        stage.desk.attach.ask_files()
    assert said == ["Cancel", "取消", "Cancel"]


def test_a_folder_is_saved_in_another(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tkinter import filedialog

    chosen = ["", str(tmp_path)]
    monkeypatch.setattr(filedialog, "askdirectory", lambda **how: chosen.pop(0))
    stage.start()
    file = offer(stage, "photos", mime="inode/directory", files=3)
    menu, at = save_as(stage, file)
    menu.invoke(at)
    assert not stage.node.named("fetch"), "thought better of it"
    menu.invoke(at)
    stage.until(lambda: stage.node.named("fetch"))
    assert stage.node.named("fetch") == [("fetch", file.file_id, str(tmp_path / "photos"))]


def test_who_has_an_own_file(stage: Stage, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("x" * 100)
    stage.start()
    stage.desk.main.share([str(tmp_path / "mine.txt")])
    stage.until(lambda: stage.desk.conversation.transcript.cards.views)
    (file,) = stage.node.offered.values()
    assert file.author == ME
    stage.node.take_up(file.file_id, LI, 100)
    stage.until(lambda: card(stage, file)._holders.cget("text") == "1 person has it")
    assert card(stage, file)._holders_tip.text == "Li: has it"


def test_a_deleted_offer_loses_its_card(stage: Stage) -> None:
    stage.start()
    file = offer(stage)
    view = card(stage, file)
    stage.until(lambda: view.winfo_ismapped())
    stage.desk.main.conversation.delete(file.message_id)
    stage.until(lambda: card(stage, file) is None and not view.winfo_ismapped())
    stage.node.progress(file.file_id, 100)
    stage.until(lambda: "deleted" in stage.shown)


def test_cards_are_used_again(stage: Stage) -> None:
    """What Tk keeps of a widget for ever is kept of so many only as were shown at once."""
    stage.start()
    files = [offer(stage, f"{number}.bin") for number in range(3)]
    before = {card(stage, file) for file in files}
    click(stage, files[0], FileAction.DOWNLOAD)
    stage.until(lambda: card(stage, files[0]).button(FileAction.PAUSE))
    for _ in range(5):
        stage.desk.main.conversation.to_end()
        stage.root.update()
    assert {card(stage, file) for file in files} == before
    for file, action in zip(files, (FileAction.PAUSE, *[FileAction.DOWNLOAD] * 2), strict=True):
        view = card(stage, file)
        assert view._name.cget("text") == file.name
        assert view._shown[0] is action
        assert view.winfo_ismapped()
        view.button(action).invoke()
    stage.until(lambda: len(stage.node.named("fetch")) == 3)
    assert stage.node.named("pause") == [("pause", files[0].file_id)]


def test_another_theme_draws_cards_anew(stage: Stage) -> None:
    stage.start()
    file = offer(stage)
    light = card(stage, file).cget("background")
    stage.window.theme.apply("dark")
    stage.until(lambda: card(stage, file).cget("background") != light)
    stage.node.progress(file.file_id, MIB)
    stage.until(lambda: "10%" in status(stage, file))


def test_a_card_changes_while_a_dialog_of_tk_itself_has_the_focus(stage: Stage) -> None:
    """Such as the one that chooses files, of which tkinter knows no widget."""
    stage.start()
    file = offer(stage, state=FileState.FETCHING)
    stage.root.tk.eval("toplevel .chooser; entry .chooser.name; pack .chooser.name; update")
    stage.root.tk.eval("focus -force .chooser.name")
    stage.until(lambda: stage.root.tk.eval("focus") == ".chooser.name")
    stage.node.finish(file.file_id, "/d/plan.pdf")
    stage.until(lambda: card(stage, file).button(FileAction.OPEN))
    stage.root.tk.eval("destroy .chooser")


def test_enter_presses_a_button_of_a_dialog_that_is_tks_own(stage: Stage) -> None:
    """Such as the one that says that there is no such file."""
    stage.start()
    stage.root.tk.eval("toplevel .said; ttk::button .said.ok -command {destroy .said}")
    stage.root.tk.eval("pack .said.ok; update; focus -force .said.ok")
    stage.until(lambda: stage.root.tk.eval("focus") == ".said.ok")
    stage.root.tk.eval("event generate .said.ok <Return>")
    assert stage.root.tk.eval("winfo exists .said") == "0"


def test_tab_leads_from_resume_to_cancel(stage: Stage) -> None:
    """Though that one was made first."""
    stage.start()
    file = offer(stage, state=FileState.FETCHING)
    view = card(stage, file)
    stage.until(lambda: view.button(FileAction.CANCEL))
    pause = view.button(FileAction.PAUSE)
    assert pause is not None
    pause.invoke()
    stage.until(lambda: view.button(FileAction.RESUME))
    stage.root.update()
    resume = view.button(FileAction.RESUME)
    assert resume is not None
    assert resume.tk_focusNext() is view.button(FileAction.CANCEL)


def test_names_are_harmless_and_fit(stage: Stage) -> None:
    stage.start()
    file = offer(stage, "a\x1b[2J\u202e" + "很长的名字" * 40 + ".exe")
    view = card(stage, file)
    name = str(view._name.cget("text"))
    assert "\u202e" not in name
    stage.until(lambda: view.winfo_width() > 100)
    assert view.winfo_width() < stage.window.theme.px(470)


def test_a_narrow_window_has_narrow_cards(stage: Stage) -> None:
    stage.start()
    file = offer(stage, "a name that is rather long for a file.pdf")
    view, canvas = card(stage, file), stage.desk.conversation.transcript.canvas
    stage.until(lambda: view.winfo_ismapped() and view.winfo_width() > 400)
    stage.root.geometry("620x420")
    stage.until(lambda: view.winfo_x() + view.winfo_width() <= canvas.winfo_width() < 420)
    stage.root.geometry("1080x720")
    stage.until(lambda: view.winfo_width() > 400)


def test_keys_are_on_a_button_of_a_card_or_on_a_message_not_on_both(stage: Stage) -> None:
    stage.start()
    stage.node.receive("#lobby", "look at this", LI)
    file = offer(stage)
    stage.until(lambda: card(stage, file).button(FileAction.DOWNLOAD))
    button = card(stage, file).button(FileAction.DOWNLOAD)
    transcript = stage.desk.conversation.transcript
    button.focus_set()
    stage.until(lambda: str(stage.root.tk.call("focus")) == str(button))
    stage.root.update()
    assert transcript.pointing.current is None
    transcript.canvas.focus_set()
    stage.until(lambda: transcript.pointing.current is not None)


def test_the_time_stands_beside_the_buttons_where_there_is_room(stage: Stage) -> None:
    stage.start()
    file = offer(stage)
    view = card(stage, file)
    stage.until(lambda: view.winfo_ismapped() and view._time.winfo_width() > 1)
    time, buttons = view._time, view._foot

    def bottom(part: Any) -> int:
        return int(part.winfo_y() + part.winfo_height())

    assert re.fullmatch(r"\d\d:\d\d", time.cget("text"))
    assert view.winfo_height() - bottom(buttons) <= stage.window.theme.px(4), "no empty strip"
    assert bottom(time) <= bottom(buttons) + stage.window.theme.px(4)
    assert time.winfo_x() >= buttons.winfo_x() + buttons.winfo_width()
    view.fit(buttons.winfo_width() + 30)
    view._place_time()
    assert time.grid_info()["row"] > buttons.grid_info()["row"], "too narrow: below them"


def test_the_time_of_a_card_tells_its_details(stage: Stage) -> None:
    stage.start()
    view = card(stage, offer(stage))
    stage.until(view._time.winfo_ismapped)
    view._time.event_generate("<Enter>")
    row = stage.desk.conversation.transcript.rows[-1]
    details = stage.desk.main.conversation.details(row.message_id)
    assert details
    assert view._time_tip.text == details


def test_a_card_with_reactions_has_the_time_beside_them(stage: Stage) -> None:
    stage.start()
    file = offer(stage)
    stage.until(card(stage, file)._time.winfo_ismapped)
    stage.desk.main.conversation.react(file.message_id, "👍")
    stage.until(lambda: stage.desk.conversation.transcript.rows[-1].reactions)
    stage.until(lambda: card(stage, file) and not card(stage, file)._time.winfo_ismapped())
    assert re.search(r"\d\d:\d\d", stage.drawn_text(stage.shown.splitlines()[-1]))


def test_the_wheel_above_a_card_scrolls_the_conversation(stage: Stage) -> None:
    for number in range(60):
        stage.node.say("#lobby", f"line {number}", LI)
    stage.start()
    file = offer(stage)
    transcript = stage.desk.conversation.transcript
    stage.until(lambda: card(stage, file).winfo_ismapped() and transcript.at_bottom)
    view = card(stage, file)
    view._name.event_generate("<Button-4>", rootx=view.winfo_rootx(), rooty=view.winfo_rooty())
    stage.until(lambda: not transcript.at_bottom)


def test_many_transfers_at_once(stage: Stage) -> None:
    stage.start()
    files = [offer(stage, f"{number}.bin") for number in range(20)]
    for step in range(1, 30):
        for file in files:
            stage.node.progress(file.file_id, step * MIB // 4, rate=MIB)

    def in_view() -> list[FileInfo]:
        # Cards grow as they get a bar: the first of them may leave the view.
        return [file for file in files if card(stage, file) is not None]

    assert in_view()
    stage.until(lambda: all("72%" in status(stage, file) for file in in_view()))


# -- thumbnails


def picture_of(stage: Stage, file: FileInfo) -> Any:
    view = card(stage, file)
    return view._picture if view._picture.winfo_ismapped() else None


def finished(stage: Stage, path: str) -> FileInfo:
    file = offer(stage, Path(path).name)
    stage.node.set_file(file.file_id, size=Path(path).stat().st_size)
    stage.node.finish(file.file_id, path)
    return file


def test_a_picture_gets_a_thumbnail(stage: Stage, tmp_path: Path) -> None:
    stage.start()
    file = finished(stage, png(tmp_path / "photo.png", 1600, 400))
    stage.until(lambda: picture_of(stage, file))
    theme = stage.window.theme
    assert theme.px(100) < picture_of(stage, file).winfo_width() <= theme.px(281)
    assert picture_of(stage, file).winfo_height() <= theme.px(181)


@pytest.fixture
def drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every thumbnail is the same, and made at once."""
    small = Path(png(tmp_path / "small.png", 4, 4)).read_bytes()

    async def run_shrink(path: str, width: int, height: int) -> bytes | None:
        return None if path.endswith("none.png") else small

    monkeypatch.setattr("p2pchat.ui.tk.thumbnails.run_shrink", run_shrink)


def test_whoever_waits_for_a_thumbnail_is_told(stage: Stage, drawn: None) -> None:
    """Rows may be drawn anew, with other cards, while a thumbnail is on its way."""
    from p2pchat.ui.tk.thumbnails import Thumbnails

    stage.start()
    told: list[str] = []
    runner = PaperRunner()
    thumbnails = Thumbnails(stage.root, runner, 1.0)
    for path in ("/d/a.png", "/d/none.png"):
        for who in ("first", "second"):
            assert thumbnails.get(path, lambda who=who: told.append(who)) is None  # type: ignore[misc]  # bound now
        runner.settle()
        assert told == ["first", "second"]
        told.clear()
    assert thumbnails.get("/d/a.png", told.clear) is not None
    assert thumbnails.get("/d/none.png", told.clear) is None


def test_a_picture_is_there_as_long_as_it_is_shown(
    stage: Stage, drawn: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("p2pchat.ui.tk.thumbnails.KEPT", 1)
    stage.start()
    files = [offer(stage, f"{number}.png") for number in range(3)]
    for file in files:
        stage.node.finish(file.file_id, f"/d/{file.name}")
    stage.until(lambda: all(picture_of(stage, file) for file in files))
    shown = {str(picture_of(stage, file).cget("image")) for file in files}
    assert len(shown) == 3
    assert shown <= set(stage.root.image_names())


def test_the_end_stays_in_sight_when_a_card_grows(stage: Stage, tmp_path: Path) -> None:
    for number in range(60):
        stage.node.say("#lobby", f"line {number}", LI)
    stage.start()
    transcript = stage.desk.conversation.transcript
    file = finished(stage, png(tmp_path / "photo.png", 280, 180))
    stage.until(lambda: picture_of(stage, file))
    stage.until(lambda: transcript.at_bottom)


def thumbnail(source: str | bytes) -> bytes | None:
    from p2pchat.ui.tk.thumbnails import run_shrink

    return asyncio.run(run_shrink(source, 100, 100))


def test_thumbnails_keep_the_shape(display: str, tmp_path: Path) -> None:
    data = thumbnail(png(tmp_path / "a.png", 800, 300))
    assert data is not None
    assert struct.unpack(">II", data[16:24]) == (100, 38)
    pnm = tmp_path / "a.ppm"
    pnm.write_bytes(b"P6\n# by hand\n20 10\n255\n" + b"\x10\x20\x30" * 200)
    data = thumbnail(str(pnm))
    assert data is not None
    assert struct.unpack(">II", data[16:24]) == (20, 10)


def test_a_thumbnail_of_what_is_no_file(display: str, tmp_path: Path) -> None:
    noise = io.BytesIO()
    Image.effect_noise((1200, 600), 90).save(noise, "PNG")
    assert len(noise.getvalue()) > 300_000, "more than a pipe holds"
    assert opened(thumbnail(noise.getvalue())).size == (100, 50)
    assert thumbnail(b"no picture" * 100_000) is None
    bomb = Path(png(tmp_path / "bomb.png", 20_000, 20_000)).read_bytes()
    assert len(bomb) < 2_000_000
    assert thumbnail(bomb) is None
    assert thumbnail(noise.getvalue().ljust(21 * 1024 * 1024)) is None


def opened(data: bytes | None) -> Image.Image:
    assert data is not None
    return Image.open(io.BytesIO(data), formats=("PNG",)).convert("RGBA")


def colour(image: Image.Image, x: int, y: int) -> tuple[int, ...]:
    found = image.getpixel((x, y))
    assert isinstance(found, tuple)
    return found


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "GIF", "BMP", "PNG"])
def test_a_picture_of_any_usual_kind_has_one(kind: str, tmp_path: Path) -> None:
    """Whatever its name says."""
    path = tmp_path / "a.png"
    Image.new("RGB", (900, 1800), (200, 30, 40)).save(path, kind)
    small = opened(thumbnail(str(path)))
    assert small.size == (50, 100)
    red, green, blue, alpha = colour(small, 25, 50)
    assert red > 180
    assert green < 60
    assert blue < 70
    assert alpha == 255


def test_a_photo_stands_as_its_camera_was_held(tmp_path: Path) -> None:
    photo = Image.new("RGB", (1000, 500), (0, 0, 0))
    photo.paste((255, 255, 255), (0, 0, 100, 500))  # its left, which is above
    exif = Image.Exif()
    exif[0x0112] = 6
    photo.save(tmp_path / "a.jpg", exif=exif)
    small = opened(thumbnail(str(tmp_path / "a.jpg")))
    assert small.size == (50, 100)
    assert colour(small, 25, 2)[0] > 200
    assert colour(small, 25, 60)[0] < 50


def test_of_what_moves_it_is_the_first_frame(tmp_path: Path) -> None:
    colours = ((0, 0, 250), *((250, number, 0) for number in range(200)))
    first, *others = (Image.new("RGB", (60, 30), colour) for colour in colours)
    first.save(tmp_path / "a.gif", save_all=True, append_images=others)
    small = opened(thumbnail(str(tmp_path / "a.gif")))
    assert small.size == (60, 30)
    assert colour(small, 5, 5)[2] > 200


def jpeg_bomb(path: Path) -> None:
    """Says that it is of 65,000 by 65,000."""
    held = io.BytesIO()
    Image.new("L", (16, 16)).save(held, "JPEG")
    data = held.getvalue()
    at = data.index(b"\xff\xc0") + 5
    path.write_bytes(data[:at] + struct.pack(">HH", 65000, 65000) + data[at + 4 :])


def gif_bomb(path: Path) -> None:
    held = io.BytesIO()
    Image.new("L", (16, 16)).save(held, "GIF")
    data = held.getvalue()
    path.write_bytes(data[:6] + struct.pack("<HH", 60000, 60000) + data[10:])


@pytest.mark.parametrize(
    "make",
    [
        jpeg_bomb,
        gif_bomb,
        lambda path: path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"),
        lambda path: png(path, 8000, 6000, rows=b""),
        lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 100),
        lambda path: path.write_bytes(b"GIF89a\x00\x00\x00\x00" + b"\xff" * 100),
        lambda path: path.write_bytes(b"P6 99999 99999 255 "),
        lambda path: path.write_bytes(b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"P6 2 2 255 " + b"x" * (21 * MIB)),
    ],
    ids=[
        "jpeg bomb",
        "gif bomb",
        "postscript",
        "megapixels",
        "broken",
        "no size",
        "claims",
        "other kind",
        "empty",
        "large",
    ],
)
def test_what_is_no_picture_or_too_large_has_none(
    make: Callable[[Path], object], display: str, tmp_path: Path
) -> None:
    make(tmp_path / "x.png")
    assert thumbnail(str(tmp_path / "x.png")) is None
    assert thumbnail(str(tmp_path / "none.png")) is None


# -- attaching


def test_attaching_by_keys_and_by_the_button(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tkinter import filedialog

    one, two, folder = tmp_path / "one 1.txt", tmp_path / "two.txt", tmp_path / "folder"
    one.write_text("1")
    two.write_text("2")
    folder.mkdir()
    monkeypatch.setattr(filedialog, "askopenfilenames", lambda **how: (str(one), str(two)))
    monkeypatch.setattr(filedialog, "askdirectory", lambda **how: str(folder))
    stage.start()
    stage.key("<Control-o>")
    stage.until(lambda: len(stage.node.named("share")) == 2)
    stage.key("<Control-Shift-O>")
    stage.until(lambda: len(stage.node.named("share")) == 3)
    assert [call[2] for call in stage.node.named("share")] == [str(one), str(two), str(folder)]
    assert stage.desk.composer.text() == ""
    monkeypatch.setattr(filedialog, "askopenfilenames", lambda **how: "")
    stage.key("<Control-o>")
    stage.desk.composer.attach_button.invoke()
    menu = stage.desk.menus.last
    assert [menu.entrycget(n, "label") for n in (0, 1)] == ["Share files…", "Share a folder…"]
    menu.invoke(1)
    menu.unpost()
    stage.until(lambda: len(stage.node.named("share")) == 4)


def test_what_can_not_be_shared_is_said(stage: Stage) -> None:
    stage.start()
    stage.desk.main.share(["/nowhere/at all.txt"])
    stage.until(lambda: stage.desk.status.notice.winfo_ismapped())
    assert "at all.txt” was not shared" in stage.desk.status._notice_text.cget("text")


def test_what_is_shared_stands_in_the_list_at_once(stage: Stage, tmp_path: Path) -> None:
    """Also while the window isn't in front, as when files are dragged out of another program."""
    (tmp_path / "one.txt").write_text("1")
    stage.start()
    stage.desk.main.share([str(tmp_path / "one.txt")])
    directory = stage.desk.main.directory
    stage.until(lambda: directory.conversations["#lobby"].last)
    assert directory.conversations["#lobby"].last.file.name == "one.txt"


# -- dropping


class Dragging:
    """Another program that drags something to a place of the screen."""

    def __init__(self, stage: Stage, x: int, y: int, *dropped: str) -> None:
        source = Path(__file__).with_name("xdnd_source.py")
        command = [sys.executable, str(source), str(x), str(y), *dropped]
        self._stage = stage
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        os.set_blocking(self._process.stdout.fileno(), False)
        self._said: list[str] = []

    def __enter__(self) -> Dragging:
        self._stage.until(self._speaks)
        return self

    def __exit__(self, *how: object) -> None:
        self._process.kill()
        self._process.communicate()

    def _speaks(self) -> bool:
        assert self._process.stdout is not None
        self._said.extend(self._process.stdout)
        return bool(self._said)

    def drop(self) -> str:
        """What it is told then."""
        if self._said.pop() != "above\n":
            return "refused"
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        self._stage.until(self._speaks)
        return self._said.pop().strip()


def place(widget: Any) -> tuple[int, int]:
    """The middle, on the screen."""
    return (
        widget.winfo_rootx() + widget.winfo_width() // 2,
        widget.winfo_rooty() + widget.winfo_height() // 2,
    )


def place_of(stage: Stage, conversation: str) -> tuple[int, int]:
    """Of its row in the list."""
    rows = stage.desk.sidebar.list
    x, top = place(rows.canvas)[0], rows.canvas.winfo_rooty()
    heights = range(top, top + rows.canvas.winfo_height(), 5)
    found = ((y, rows.row_at(x, y)) for y in heights)
    return x, next(y for y, row in found if row is not None and row.conversation == conversation)


def asked(stage: Stage) -> Any:
    """The dialog that is open."""
    from p2pchat.ui.tk.pages import Dialog

    children = stage.root.winfo_children()
    return next((child for child in children if isinstance(child, Dialog)), None)


def test_files_dragged_out_of_another_program(stage: Stage, tmp_path: Path) -> None:
    paths = [str(tmp_path / name) for name in ("two words {1}.txt", "课 100%.txt", "a folder")]
    for path in paths[:2]:
        Path(path).write_text("1")
    Path(paths[2]).mkdir()
    stage.start()
    hint = stage.desk.conversation._dropping
    with Dragging(stage, *place(stage.desk.conversation.transcript), *paths) as other:
        stage.until(hint.winfo_ismapped)
        assert hint.cget("text") == "Drop to share with “#lobby”"
        assert other.drop() == "XdndActionCopy"
    stage.until(lambda: asked(stage))
    assert not hint.winfo_ismapped()
    assert stage.node.named("share") == []  # it is asked first
    dialog = asked(stage)
    for name in ("two words {1}.txt", "课 100%.txt", "a folder"):
        assert name in dialog.page._about.cget("text")
    stage.until(lambda: stage.root.focus_get() is dialog.page.button)
    stage.key("<Return>")
    stage.until(lambda: len(stage.node.named("share")) == 3)
    assert stage.node.named("share") == [("share", "#lobby", path) for path in paths]


def test_files_dropped_on_somebody_in_the_list_are_for_them(stage: Stage, tmp_path: Path) -> None:
    path = str(tmp_path / "one.txt")
    Path(path).write_text("1")
    stage.start()
    li = f"@{LI}"
    with Dragging(stage, *place_of(stage, li), path) as other:
        hint = stage.desk.conversation._dropping
        stage.until(lambda: hint.cget("text") == "Drop to share with “Li”")
        assert other.drop() == "XdndActionCopy"
    stage.until(lambda: asked(stage))
    dialog = asked(stage)
    assert dialog.page.title.cget("text") == "Share with “Li”"
    dialog.page.button.invoke()
    stage.until(lambda: stage.node.named("share"))
    assert stage.node.named("share") == [("share", li, path)]
    stage.until(lambda: stage.loaded(li))


def test_nothing_is_shared_where_it_is_not_wanted(stage: Stage, tmp_path: Path) -> None:
    path = str(tmp_path / "one.txt")
    Path(path).write_text("1")
    stage.start()
    middle = place(stage.desk.conversation.transcript)
    with Dragging(stage, *middle, path) as other:
        assert other.drop() == "XdndActionCopy"
    stage.until(lambda: asked(stage))
    with Dragging(stage, *middle, path) as other:  # behind the dialog
        assert other.drop() == "refused"
    dialog = asked(stage)
    stage.until(lambda: stage.root.focus_get() is dialog.page.button)
    stage.key("<Escape>")
    stage.until(lambda: asked(stage) is None)
    assert stage.node.named("share") == []


def test_drops_are_for_the_desk_whose_keys_hold(stage: Stage) -> None:
    """Not for one that was built for another language and never stood there."""
    stage.start()
    other = stage.window._desk_for(stage.node)
    for _step in other.build():
        pass
    other.end()
    other.destroy()
    with Dragging(stage, *place(stage.desk.conversation.transcript), "--text", "words") as source:
        assert source.drop() == "XdndActionCopy"
    stage.until(lambda: stage.desk.composer.text() == "words")


def test_more_than_can_be_shared_at_once_are_not_asked_about(stage: Stage) -> None:
    stage.start()
    stage.desk.drops.take_files("#lobby", [f"/nowhere/{number}" for number in range(101)])
    stage.until(lambda: stage.desk.status.notice.winfo_ismapped())
    assert "At most 100 files" in stage.desk.status._notice_text.cget("text")
    assert asked(stage) is None


@pytest.mark.parametrize(
    ("dropped", "written"),
    [
        (["--text", "some words 课"], "some words 课"),
        (["https://example.org/a%20page"], "https://example.org/a%20page"),
    ],
)
def test_text_and_links_go_into_what_is_written(
    stage: Stage, dropped: list[str], written: str
) -> None:
    stage.start()
    with Dragging(stage, *place(stage.desk.conversation.transcript), *dropped) as other:
        assert other.drop() == "XdndActionCopy"
    stage.until(lambda: stage.desk.composer.text() == written)
    assert not stage.desk.status.notice.winfo_ismapped()


def test_without_the_extension_nothing_is_said(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(root: object) -> None:
        raise RuntimeError("Unable to load tkdnd library.")

    monkeypatch.setattr("tkinterdnd2.TkinterDnD._require", missing)
    stage.start()
    assert not stage.desk.drops.accept()
    assert not stage.desk.status.notice.winfo_ismapped()


def test_reading_is_shown_and_escape_stops_it(stage: Stage, tmp_path: Path) -> None:
    path = str(tmp_path / "large.iso")
    stopped = threading.Event()

    async def share(conversation: str, path: str) -> FileInfo:
        while not stopped.is_set():  # noqa: ASYNC110 - set by another call of the node
            await asyncio.sleep(0.01)
        raise RequestError("cancelled")

    async def stop_reading(conversation: str, path: str) -> None:
        stopped.set()

    stage.node.share, stage.node.stop_reading = share, stop_reading
    stage.start()
    composer = stage.desk.composer
    stage.desk.main.share([path])
    stage.until(lambda: composer._typing.cget("text") == "Reading “large.iso”…")
    stage.node.read_so_far(path, 41, 100)
    stage.until(lambda: "41%" in composer._typing.cget("text"))
    composer.entry.focus_force()
    composer.entry.event_generate("<Escape>")
    stage.until(lambda: composer._typing.cget("text") == "")
    assert stopped.is_set()
    assert not stage.desk.status.notice.winfo_ismapped()
