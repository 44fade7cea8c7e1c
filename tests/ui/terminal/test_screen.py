"""The terminal chat as a program: on a real terminal (tmux), and with pipes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

PROGRAM = """
import asyncio, os, pathlib, signal, sys
from paper_node import LI, with_two_called_li
from p2pchat.ui.terminal.chat import chat

async def main():
    node, stop = with_two_called_li(), asyncio.Event()
    node.passwords["#vault"] = "secret"
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    answering = asyncio.ensure_future(answer(node))
    await chat(node.front_end(), stop)
    answering.cancel()
    print("the end", flush=True)

async def answer(node):
    answered = 0
    while True:
        await asyncio.sleep(0.01)
        for message in node.stored[answered:]:
            if message.author != LI and message.text.startswith("ask"):
                node.receive(message.conversation, "answer \\x1b[31mred", LI)
        answered = len(node.stored)

pathlib.Path(sys.argv[0]).with_suffix(".pid").write_text(str(os.getpid()))
asyncio.run(main())
"""
ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
}
DEADLINE = 15.0


class Terminal:
    """A program in tmux: keys go in, and the screen is what a person sees."""

    def __init__(self, program: Path, socket: Path) -> None:
        self._tmux = ["tmux", "-S", str(socket), "-f", "/dev/null"]
        command = f"{sys.executable} {program}; sleep 1000"
        self.run(
            "new-session", "-d", "-x", "100", "-y", "40", "-e", "TERM=screen-256color", command
        )

    def run(self, *arguments: str) -> str:
        ended = subprocess.run(
            [*self._tmux, *arguments], env=ENVIRONMENT, capture_output=True, check=True, timeout=10
        )
        return ended.stdout.decode()

    def keys(self, *keys: str) -> None:
        self.run("send-keys", *keys)

    def bytes(self, typed: bytes) -> None:
        """As they are."""
        self.run("send-keys", "-H", *(f"{byte:02x}" for byte in typed))

    def screen(self, colours: bool = False) -> str:
        return self.run("capture-pane", "-p", *(["-e"] if colours else []))

    def wait(self, wanted: str | Callable[[str], bool]) -> str:
        deadline = time.monotonic() + DEADLINE
        found = wanted if callable(wanted) else lambda screen: wanted in screen
        while not found(screen := self.screen()):
            assert time.monotonic() < deadline, f"no {wanted!r} in:\n{screen}"
            time.sleep(0.05)
        return screen


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    if shutil.which("tmux") is None:
        pytest.skip("needs tmux")
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    running = Terminal(program, tmp_path / "tmux")
    yield running
    running.run("kill-server")


def test_on_a_terminal(terminal: Terminal) -> None:
    terminal.wait("#lobby>")
    terminal.keys("ask", "Enter")
    screen = terminal.wait("answer")
    assert "Ana: ask" in screen
    assert "\\x1b[31mred" in screen
    assert screen.count("ask") == 1  # the line that was typed has become the message
    coloured = terminal.screen(colours=True)
    assert "\x1b[32mAna" in coloured or "\x1b[32m" in coloured
    assert "\x1b[36m" in coloured
    assert "\x1b[33m" in coloured
    terminal.keys("half a li")
    terminal.wait("#lobby> half a li")
    terminal.keys("ne", "Enter")
    terminal.wait("Ana: half a line")
    terminal.keys("/HEL", "Tab")
    terminal.wait("> /help")
    terminal.keys("Enter")
    terminal.wait("/connect HOST:PORT")
    terminal.keys("/join #vault", "Enter")
    terminal.wait("password of #vault:")
    terminal.keys("secret", "Enter")
    screen = terminal.wait("#vault>")
    assert "secret" not in screen
    terminal.keys("over", "Enter")
    assert "Traceback" not in terminal.wait("the end")


def test_who_comes_next_sees_nothing_of_the_one_before(terminal: Terminal) -> None:
    terminal.wait("#lobby>")
    terminal.keys("/join #vault", "Enter")
    terminal.wait("password of #vault:")
    terminal.keys("secret", "Enter")
    terminal.wait("#vault>")
    for number in range(50):
        terminal.keys(f"my diary {number}", "Enter")
    terminal.wait("Ana: my diary 49")
    terminal.keys("/someone-else Bo", "Enter", "/someone-else Bo", "Enter")
    terminal.wait(lambda screen: "You are Bo" in screen and "#lobby>" in screen)
    assert "diary" not in terminal.run("capture-pane", "-p", "-S", "-")
    terminal.keys("Up", "Up", "mine", "Enter")
    terminal.wait("Bo: mine")


def test_what_arrives_while_typing_does_not_tear_the_line(terminal: Terminal) -> None:
    terminal.wait("#lobby>")
    terminal.keys("ask 1", "Enter", "still typing")
    wanted = ("answer", "#lobby> still typing", "you are online")
    screen = terminal.wait(lambda text: all(words in text for words in wanted))
    lines = [line for line in screen.splitlines() if line.strip()]
    prompt = next(n for n, line in enumerate(lines) if line.startswith("#lobby> still typing"))
    answer = next(n for n, line in enumerate(lines) if "answer" in line)
    assert answer < prompt
    assert "you are online" in lines[-1]  # the toolbar
    terminal.keys("C-c")
    assert "Traceback" not in terminal.wait("the end")


def test_keys_that_are_pressed_while_much_is_printed(terminal: Terminal) -> None:
    terminal.wait("#lobby>")
    for n in range(20):
        terminal.keys(f"ask {n}", "Enter")
    terminal.keys("the end of it")
    screen = terminal.wait(lambda text: text.count("answer") >= 10 and "> the end of it" in text)
    for line in screen.splitlines():
        assert not line or line.startswith(("*", "#lobby>", "09:0", "you are")), screen


def test_end_of_input_on_a_terminal(terminal: Terminal) -> None:
    terminal.wait("#lobby>")
    terminal.keys("C-d")
    assert "Traceback" not in terminal.wait("the end")


def test_sigterm_on_a_terminal(terminal: Terminal, tmp_path: Path) -> None:
    terminal.wait("#lobby>")
    terminal.keys("half a line")
    terminal.wait("half a line")
    os.kill(int((tmp_path / "program.pid").read_text()), signal.SIGTERM)
    screen = terminal.wait("the end")
    assert "Traceback" not in screen
    assert "half" not in screen


def test_with_pipes(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    lines = b"/HELP\nhello\n/join #vault\n/join #vault secret\n/who\nlast line"
    ended = subprocess.run(
        [sys.executable, str(program)],
        input=lines,
        env=ENVIRONMENT,
        capture_output=True,
        timeout=DEADLINE,
        check=False,
    )
    said = ended.stdout.decode()
    assert ended.returncode == 0
    assert ended.stderr == b""
    assert "\x1b" not in said
    assert "Ana: hello" in said
    assert "/join #vault PASSWORD" in said
    assert "Ana: last line" in said
    assert said.endswith("the end\n")


@pytest.mark.parametrize(
    "typed", [b"\x1b[6Mx?x", b"\x1b[MmDH", b"\x1b[<0;1M", b"\x1b[0DF0<", b"\x1b[1;1R\x1b]0;t\x07"]
)
def test_escapes_that_are_typed_end_nothing_and_show_no_traceback(
    terminal: Terminal, typed: bytes
) -> None:
    """Some look like the pointer's events, and are none."""
    terminal.wait("#lobby>")
    terminal.bytes(typed)
    terminal.keys("C-a", "C-k", "still here", "Enter")
    screen = terminal.wait("Ana: still here")
    assert "Traceback" not in screen
    assert "ENTER" not in screen
