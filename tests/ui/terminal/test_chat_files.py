"""Files in the terminal chat: `/send`, `/files`, `/get` and what is told of transfers."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from paper_node import LI, ME, PaperNode
from terminal_room import Room, chatting

from p2pchat.events import FileOffered
from p2pchat.model.file import FileInfo, FileState
from p2pchat.ui.terminal import shelf
from p2pchat.ui.terminal.completion import candidates
from p2pchat.ui.terminal.filecommands import local_path

MIB = 1024 * 1024


def offer(room: Room, name: str = "notes.pdf", size: int = 3 * MIB, **more: object) -> FileInfo:
    return room.node.offer("#lobby", name, LI, size, **more)


def test_an_offer_says_how_to_get_it() -> None:
    async def test(room: Room) -> None:
        offer(room)
        assert room.screen.last().endswith("Li: notes.pdf, 3.0 MiB (to get it: /get 1)")
        offer(room, "photos", mime="inode/directory", files=12)
        assert "photos, 12 files, 3.0 MiB (to get it: /get 2)" in room.screen.last()

    chatting(test)


def test_getting_a_file_by_number_and_by_name() -> None:
    async def test(room: Room) -> None:
        first, second = offer(room), offer(room, "two words.txt")
        assert "notes.pdf is coming" in await room.type("/get 1")
        assert "two words.txt is coming" in await room.type("/GET two words.txt")
        assert room.node.offered[second.file_id].state is FileState.FETCHING
        room.node.finish(first.file_id, "/downloads/notes.pdf")
        assert room.screen.last() == "* notes.pdf (3.0 MiB) is here: /downloads/notes.pdf"
        assert "/downloads/notes.pdf" in await room.type("/get 1")

    chatting(test)


def test_pausing_going_on_and_giving_up() -> None:
    async def test(room: Room) -> None:
        file = offer(room)
        await room.type("/get 1")
        room.node.progress(file.file_id, MIB)
        assert "Paused at 33%" in await room.type("/pause 1")
        assert "33%" in await room.type("/resume notes.pdf")
        assert "Not downloaded" in await room.type("/cancel 1")

    chatting(test)


def test_the_list() -> None:
    async def test(room: Room) -> None:
        assert room.screen.texts()[-1] != "* no files here"
        assert await room.type("/files") == "* no files here"
        file = offer(room)
        room.node.offer(f"@{LI}", "private.txt", LI, 512)
        room.node.progress(file.file_id, MIB, sources=2, rate=MIB)
        listed = await room.type("/files")
        assert listed == "* 1  notes.pdf  3.0 MiB  33%, 1.0 MiB/s, 2 s left, from 2 sources"
        assert await room.type("/files all") == "* [@Li] 2  private.txt  512 B  Not downloaded"

    chatting(test)


def test_numbers_stay() -> None:
    async def test(room: Room) -> None:
        offer(room, "a")
        offer(room, "b")
        await room.type("/files")
        assert [line[2:6] for line in room.screen.texts()[-2:]] == ["1  a", "2  b"]
        await room.type("/files", "/history")
        assert "/get 2" in room.screen.last()

    chatting(test)


def test_a_file_of_before_is_found_by_its_name() -> None:
    def before(node: PaperNode) -> None:
        file = node.offer("#lobby", "old.txt", LI)
        node.history["#lobby"].clear()
        assert file.file_id in node.offered

    async def test(room: Room) -> None:
        assert "old.txt is coming" in await room.type("/get old.txt")

    chatting(test, before)


@pytest.mark.parametrize("line", ["/get", "/get 7", "/pause nothing", "/resume", "/cancel x y"])
def test_files_that_are_not_there(line: str) -> None:
    async def test(room: Room) -> None:
        assert room.node.offered == {}
        assert (await room.type(line)).startswith("! ")

    chatting(test)


def test_sending(tmp_path: Path) -> None:
    (tmp_path / "my file.txt").write_bytes(b"x" * 2048)

    async def test(room: Room) -> None:
        await room.type(f"/send {tmp_path}/my file.txt")
        await room.until(lambda: "my file.txt, 2.0 KiB" in room.screen.last())
        (file,) = room.node.offered.values()
        assert (file.author, file.name) == (ME, "my file.txt")
        room.node.take_up(file.file_id, LI, 2048)
        assert "1 person has it" in await room.type("/files")
        assert "Not shared any more" in await room.type("/cancel 1")

    chatting(test)


def test_what_is_read_shows_how_far_it_is_and_can_be_stopped(tmp_path: Path) -> None:
    path = tmp_path / "a.iso"
    path.write_text("a")

    async def test(room: Room) -> None:
        room.node.slow[str(path)] = asyncio.get_running_loop().create_future()
        await room.type(f"/send {path}")
        await room.until(lambda: "reading “a.iso”… 0%" in room.chat.toolbar())
        room.node.read_so_far(str(path), 41, 100)
        await room.until(lambda: "reading “a.iso”… 41%" in room.chat.toolbar())
        assert await room.type("/cancel a.iso") == "* a.iso is not shared"
        await room.until(lambda: "a.iso" not in room.chat.toolbar())
        assert room.node.offered == {}
        assert not [line for line in room.screen.texts() if line.startswith("! ")]

    chatting(test)


def test_sending_what_is_not_there() -> None:
    async def test(room: Room) -> None:
        assert "no file or folder" in await room.type("/send /nowhere/at all.txt")
        assert (await room.type("/send")).startswith("! what?")

    chatting(test)


def test_what_is_refused_later_is_said(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("a")

    async def test(room: Room) -> None:
        room.node.delay = 0.05
        await room.type(f"/send {path}")
        path.unlink()
        await room.until(lambda: room.screen.last().startswith("! "))

    chatting(test)


def test_the_end_waits_for_what_is_shared(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")
    rooms: list[Room] = []

    async def test(room: Room) -> None:
        rooms.append(room)
        room.node.delay = 0.1
        await room.type(f"/send {tmp_path}/a.txt")

    chatting(test)
    assert len(rooms[0].node.offered) == 1


def test_the_end_does_not_wait_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelf, "END_S", 0.05)
    (tmp_path / "a.txt").write_text("a")

    async def main() -> None:
        room = Room()
        await room.chat.start()
        room.node.delay = 600
        await room.type(f"/send {tmp_path}/a.txt")
        async with asyncio.timeout(20):
            await room.chat.shelf.close()
        room.node.delay = 0
        await room.chat.close()
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(main())


def test_paths_as_they_are_typed_or_dropped(tmp_path: Path) -> None:
    path = tmp_path / "it's a file.txt"
    path.write_text("a")
    plain = str(path)
    for typed in (plain, f'"{plain}"', plain.replace(" ", "\\ ").replace("'", "\\'"), f"{plain}  "):
        assert local_path(typed) == plain
    assert local_path("~") == os.path.expanduser("~")
    assert local_path(" ") == ""
    assert os.path.isabs(local_path("not 'closed"))


def test_hostile_names_do_not_control_the_terminal() -> None:
    name = "a\x1b]0;x\x07\x1b[2J\u202etxt.exe\nfake line"

    async def test(room: Room) -> None:
        file = offer(room, name)
        await room.type("/get 1", "/files")
        room.node.progress(file.file_id, 5)
        assert "\x1b" not in room.chat.toolbar()
        room.node.finish(file.file_id, "/d/\x1b[31m\u202e")
        await room.type("/get 1", "/files all", "/search a")
        room.node.fail_file(file.file_id, "\x1b[2J")
        for text in room.screen.texts():
            assert not any(char in text for char in "\x1b\x07\u202e\n")

    chatting(test)


def test_files_elsewhere_are_quiet_unless_they_were_asked_for() -> None:
    async def test(room: Room) -> None:
        await room.type("/create #maths", "/join #lobby")
        quiet = room.node.offer("#maths", "quiet.txt", LI)
        wanted = room.node.offer("#maths", "wanted.txt", LI)
        await room.type("/files all", "/get wanted.txt")
        room.node.finish(quiet.file_id, "/d/quiet.txt")
        assert "quiet.txt" not in room.screen.last()
        room.node.finish(wanted.file_id, "/d/wanted.txt")
        assert room.screen.last().endswith("wanted.txt (1000 B) is here: /d/wanted.txt")

    chatting(test)


def test_failures_are_said_and_progress_stands_in_the_toolbar() -> None:
    async def test(room: Room) -> None:
        file, other = offer(room), offer(room, "b.txt")
        room.node.progress(file.file_id, MIB)
        assert "notes.pdf 33%" in room.chat.toolbar()
        room.node.progress(other.file_id, MIB)
        assert "2 files coming" in room.chat.toolbar()
        room.node.fail_file(file.file_id, "gone")
        assert room.screen.last() == "! notes.pdf: nobody has it any more"
        assert "b.txt 33%" in room.chat.toolbar()

    chatting(test)


def test_nothing_is_said_twice() -> None:
    async def test(room: Room) -> None:
        file = offer(room)
        room.node.finish(file.file_id, "/d/notes.pdf")
        shown = len(room.screen.texts())
        room.node.finish(file.file_id, "/d/notes.pdf")
        room.node.fail_file(file.file_id, "cancelled")
        assert len(room.screen.texts()) == shown

    chatting(test)


def test_so_many_files_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelf, "KEPT", 5)

    async def test(room: Room) -> None:
        for number in range(20):
            offer(room, f"{number}.txt")
        assert [number for number, _ in room.chat.shelf.numbered()] == [20, 19, 18, 17, 16]
        assert room.chat.shelf.find("3", "#lobby") is None
        room.node.emit(FileOffered(next(iter(room.node.offered.values()))))
        assert len(room.chat.shelf.numbered()) == 5

    chatting(test)


def test_completion_of_paths_and_files(tmp_path: Path) -> None:
    (tmp_path / "Photos").mkdir()
    for name in ("plan.txt", "plan two.txt", ".hidden", "bad\x1b[2J"):
        (tmp_path / name).write_text("a")

    async def test(room: Room) -> None:
        def offered(before: str) -> list[str]:
            return [found.text for found in candidates(room.chat, before)]

        base = f"/send {tmp_path}/"
        assert offered(base) == [f"Photos{os.sep}", "plan two.txt", "plan.txt"]
        assert offered(f"{base}plan t") == ["plan two.txt"]
        (found,) = candidates(room.chat, f"{base}plan t")
        assert found.length == len("plan t")
        assert offered(f"{base}.h") == [".hidden"]
        assert offered("/send /nowhere/at/all/") == []
        offer(room)
        offer(room, "other.txt")
        assert offered("/get ") == ["2", "1"]
        assert offered("/pause no") == ["1"]

    chatting(test)
