"""`p2pchat share` on a node in memory: what is printed, how long it waits, how it ends."""

from __future__ import annotations

import asyncio
import os
import select
from collections.abc import Callable
from pathlib import Path

import pytest
import virtual_time
from paper_node import LI, LI_2, PaperNode, make_peer, with_two_called_li

from p2pchat.errors import RequestError, UsageError
from p2pchat.events import FileProgress
from p2pchat.model.file import FileInfo, FileState, Receiver
from p2pchat.ui.terminal.share import Board, checked, share

SOON = 0.3


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "notes.txt"
    path.write_bytes(b"x" * 1000)
    return str(path)


def run(
    paths: list[str],
    script: Callable[[PaperNode, FileInfo], object] = lambda node, file: None,
    within: float = SOON,
    node: PaperNode | None = None,
) -> int:
    """Share, and do what the script says once each file is offered."""
    node = node or with_two_called_li()

    async def play() -> None:
        seen: set[str] = set()
        while len(seen) < len(paths):
            for file in [f for f in node.offered.values() if f.file_id not in seen]:
                seen.add(file.file_id)
                script(node, file)
            await asyncio.sleep(0.005)

    async def main() -> int:
        playing = asyncio.ensure_future(play())
        try:
            return await share(node.front_end(), "#lobby", paths, within)
        finally:
            playing.cancel()
            await asyncio.wait((playing,))
            assert node.handlers == []
            assert len(asyncio.all_tasks()) == 1

    return virtual_time.run(main())


def test_until_one_has_it(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    def script(node: PaperNode, offered: FileInfo) -> None:
        node.take_up(offered.file_id, LI, 400)
        node.take_up(offered.file_id, LI_2, 1000)

    assert run([file], script, within=20) == 0
    said = capsys.readouterr()
    assert said.out == "notes.txt: offered (1000 B)\nnotes.txt: “Li_2” has it\n"
    assert said.err == ""


def test_nobody_takes_it(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([file]) == 3
    assert "nobody took more of it within 0.3 s" in capsys.readouterr().err


def test_as_long_as_somebody_takes_more_it_waits(file: str) -> None:
    """Longer in all than it would wait for nothing."""

    def script(node: PaperNode, offered: FileInfo) -> None:
        loop = asyncio.get_running_loop()
        for step in range(1, 6):
            loop.call_later(0.15 * step, node.take_up, offered.file_id, LI, 200 * step)

    assert run([file], script) == 0


def test_who_is_at_a_long_piece_is_waited_for_until_stalled(file: str) -> None:
    """It counts once it is there and was checked."""
    ended = 0.0

    def script(node: PaperNode, offered: FileInfo) -> None:
        def stall() -> None:
            nonlocal ended
            ended = loop.time()
            stalled = Receiver(LI, 200, FileState.FETCHING, stalled=True)
            file = node.set_file(offered.file_id, receivers=(stalled,))
            node.tell_files(FileProgress(file))

        loop = asyncio.get_running_loop()
        node.take_up(offered.file_id, LI, 200)
        loop.call_later(7 * SOON, stall)

    assert run([file], script) == 3
    assert ended, "it gave up before"


def test_what_is_taken_of_another_file_is_no_progress(file: str) -> None:
    node = with_two_called_li()
    other = node.offer("#lobby", "another.bin", node.own_id(), size=10**6)

    def all_of_each() -> None:
        for offered in list(node.offered.values()):
            node.take_up(offered.file_id, LI, offered.total)

    def script(node: PaperNode, offered: FileInfo) -> None:
        loop = asyncio.get_running_loop()
        for step in range(10):
            loop.call_later(0.1 * step, node.take_up, other.file_id, LI, step)
        loop.call_later(1.0, all_of_each)

    assert run([file], script, node=node) == 3


def test_several_are_offered_at_once(
    file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "folder").mkdir()
    assert (
        run(
            [file, str(tmp_path / "folder")],
            lambda node, offered: node.take_up(offered.file_id, LI, offered.total),
            within=20,
        )
        == 0
    )
    out = capsys.readouterr().out.splitlines()
    assert len(out) == 4
    assert out[:2] == ["notes.txt: offered (1000 B)", "folder: offered (0 B)"]


def test_one_that_is_refused_leaves_the_others(
    file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    class Refusing(PaperNode):
        async def share(self, conversation: str, path: str) -> FileInfo:
            if path.endswith("bad"):
                raise RequestError("not-allowed", "it may not be read")
            return await PaperNode.share(self, conversation, path)

        def front_end(self) -> PaperNode:
            return self

    node = Refusing("Ana")
    node.add_peer(make_peer("b", "Li"))
    code = run(
        ["/bad", file],
        lambda node, offered: node.take_up(offered.file_id, LI, 1000),
        within=20,
        node=node,
    )
    assert code == 2
    said = capsys.readouterr()
    assert said.err == "p2pchat: bad was not shared: it may not be read\n"
    assert said.out.endswith("notes.txt: “Li” has it\n")


def test_a_file_that_changes_meanwhile(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([file], lambda node, f: node.fail_file(f.file_id, "changed"), within=20) == 1
    assert "it was changed or deleted at the sender" in capsys.readouterr().err


def test_paths_are_checked_before_anything_is_opened(
    file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert checked(["notes.txt"]) == [file]
    for path in ("none.txt", "\udcff.txt", "a\x1b[2J"):
        with pytest.raises(UsageError) as refused:
            checked([path])
        assert "\x1b" not in str(refused.value)
        str(refused.value).encode()


def test_the_bar_on_a_terminal() -> None:
    master, slave = os.openpty()
    with os.fdopen(slave, "w", encoding="utf-8") as stream:
        board = Board(stream)
        board.progress("a.bin", 0.5, "1 at 50%")
        board.line("a.bin: Li has it")
        board.status("b.bin: reading…")
        board.close()
        bar = "a.bin " + "█" * 12 + "░" * 12 + "  50%  1 at 50%"
        wanted = f"{bar}\r\x1b[Ka.bin: Li has it\r\nb.bin: reading…\r\x1b[K".encode()
        shown = b""
        while len(shown) < len(wanted) and select.select([master], [], [], 10)[0]:
            shown += os.read(master, 4096)  # a terminal gives what it has by now
    os.close(master)
    assert shown.decode() == wanted.decode()


def test_interrupted_while_it_is_read(
    file: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The node that runs on the profile would share it after all."""
    node = with_two_called_li()
    shown: list[tuple[str, float]] = []
    monkeypatch.setattr(
        Board, "progress", lambda board, name, part, text: shown.append((name, part))
    )

    async def main() -> None:
        node.slow[file] = asyncio.get_running_loop().create_future()
        task = asyncio.ensure_future(share(node.front_end(), "#lobby", [file], 60))
        while not node.named("share"):  # noqa: ASYNC110 - as below
            await asyncio.sleep(0.005)
        node.read_so_far(file, 41, 100)
        task.cancel()
        await asyncio.wait((task,))
        assert task.cancelled()
        assert not node.slow
        assert node.offered == {}
        assert node.handlers == []

    asyncio.run(main())
    assert shown == [("notes.txt: reading", 0.41)]


def test_an_interrupted_share_leaves_nothing_behind(file: str) -> None:
    node = with_two_called_li()

    async def main() -> None:
        task = asyncio.ensure_future(share(node.front_end(), "#lobby", [file], 60))
        while not node.offered:  # noqa: ASYNC110 - the node in memory has no event for it
            await asyncio.sleep(0.005)
        task.cancel()
        await asyncio.wait((task,))
        assert task.cancelled()
        assert node.handlers == []

    asyncio.run(main())
