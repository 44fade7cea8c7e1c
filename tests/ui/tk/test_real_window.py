"""The real program: its window, real key presses, and another node that hears of them."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("tkinter", reason="this Python has no tkinter")
pytestmark = [
    pytest.mark.window,
    pytest.mark.skipif(shutil.which("xdotool") is None, reason="xdotool is not installed"),
]

REPOSITORY = Path(__file__).resolve().parents[3]
ALONE = ("--no-mdns", "--no-beacon", "--listen", "127.0.0.1:0")
DEADLINE_S = 30.0


def program(command: str, folder: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "p2pchat", command, "--data-dir", str(folder), *ALONE, *options]


class Headless:
    """A node driven by JSON-RPC on its standard streams."""

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            program("rpc", folder, "--name", "Li"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=REPOSITORY,
        )
        self._lines: queue.Queue[dict[str, Any]] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(json.loads(line))

    def ask(self, method: str, **params: Any) -> Any:
        request = {"jsonrpc": "2.0", "id": method, "method": method, "params": params}
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return self.wait(lambda line: line.get("id") == method)["result"]

    def wait(self, wanted: Any, seconds: float = DEADLINE_S) -> dict[str, Any]:
        """The next line that is wanted; others are forgotten. queue.Empty: it didn't come."""
        end = time.monotonic() + seconds
        while True:
            line = self._lines.get(timeout=max(0.01, end - time.monotonic()))
            if wanted(line):
                return line

    def event(self, type: str, seconds: float = DEADLINE_S, **more: str) -> dict[str, Any]:
        def wanted(line: dict[str, Any]) -> bool:
            params = line.get("params", {})
            text = json.dumps(params, ensure_ascii=False)
            return params.get("type") == type and all(value in text for value in more.values())

        return self.wait(wanted, seconds)

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        assert self._process.wait(15) == 0


@pytest.fixture
def li(tmp_path: Path) -> Iterator[Headless]:
    node = Headless(tmp_path / "li")
    yield node
    node.close()


def xdotool(display: str, *arguments: str) -> None:
    subprocess.run(
        ["xdotool", *arguments], env={**os.environ, "DISPLAY": display}, check=True, timeout=20
    )


def write_until_heard(li: Headless, display: str, text: str) -> None:
    """The node is linked before the window is drawn: what is typed too early goes nowhere."""
    for _ in range(10):
        xdotool(display, "type", "--delay", "20", text)
        xdotool(display, "key", "Return")
        with contextlib.suppress(queue.Empty):
            li.event("message.received", 2.0, text=text)
            return
    raise AssertionError("nothing that was typed was heard")


def write_until_typing_is_told(li: Headless, display: str) -> None:
    """Notices are rare on the network: one in some seconds."""
    for _ in range(20):
        xdotool(display, "type", "x")
        with contextlib.suppress(queue.Empty):
            li.event("typing", 0.5)
            return
    raise AssertionError("typing was not told")


def test_what_is_typed_into_a_fresh_window_is_heard(
    li: Headless, display: str, tmp_path: Path
) -> None:
    address = li.ask("node.info")["listen"][0]
    folder = tmp_path / "maria"
    begin = program("window", folder, "--name", "Maria", "--connect", address)
    environment = {**os.environ, "DISPLAY": display}
    window = subprocess.Popen(begin, cwd=REPOSITORY, env=environment)
    try:
        li.event("peer.online", name="Maria")
        xdotool(display, "mousemove", "700", "400")  # the focus, without a window manager
        write_until_heard(li, display, "Hello from the window")
        again = subprocess.run(
            program("window", folder), cwd=REPOSITORY, env=environment, timeout=DEADLINE_S
        )
        assert again.returncode == 0  # it has raised the one that is there
        write_until_typing_is_told(li, display)
    finally:
        window.terminate()
        assert window.wait(15) == 0
    kept = Headless(folder)
    try:
        drafts = [c["draft"] for c in kept.ask("conversations.list")]
        assert [set(draft) for draft in drafts] == [{"x"}]
    finally:
        kept.close()


def fill(display: str, *fields: str) -> None:
    """Write into the fields of a dialog, beginning with that which has the focus, and enter it."""
    for number, text in enumerate(fields):
        if number:
            xdotool(display, "key", "Tab")
        xdotool(display, "key", "ctrl+a")
        xdotool(display, "type", "--delay", "20", text)
    xdotool(display, "key", "Return")


def wait_dialog(display: str, title: str) -> None:
    xdotool(display, "search", "--sync", "--onlyvisible", "--name", title)


def test_rooms_with_a_password_are_joined_and_made_by_keys(
    li: Headless, display: str, tmp_path: Path
) -> None:
    li.ask("rooms.create", room="#vault", password="open sesame")
    address = li.ask("node.info")["listen"][0]
    begin = program("window", tmp_path / "maria", "--name", "Maria", "--connect", address)
    environment = {**os.environ, "DISPLAY": display}
    window = subprocess.Popen(begin, cwd=REPOSITORY, env=environment)
    try:
        li.event("peer.online", name="Maria")
        xdotool(display, "mousemove", "700", "400")
        write_until_heard(li, display, "here")
        xdotool(display, "key", "ctrl+n")
        wait_dialog(display, "Join a room")
        fill(display, "vault", "wrong")
        for _ in range(10):  # until the wrong one is refused, nothing can be typed
            fill(display, "open sesame")
            with contextlib.suppress(queue.Empty):
                li.event("member.joined", 2.0, room="#vault")
                break
        write_until_heard(li, display, "in the vault")
        xdotool(display, "key", "--delay", "100", "ctrl+k", "shift+Tab", "space", "Down", "Down")
        xdotool(display, "key", "Return")
        wait_dialog(display, "Create a room")
        fill(display, "mine", "secret")
        li.event("room.changed", room="#mine")
        assert [r["protected"] for r in li.ask("rooms.list") if r["room"] == "#mine"] == [True]
    finally:
        window.terminate()
        assert window.wait(15) == 0


def test_a_file_is_chosen_by_keys_and_arrives(li: Headless, display: str, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_bytes(b"homework" * 1000)
    address = li.ask("node.info")["listen"][0]
    begin = program("window", tmp_path / "maria", "--name", "Maria", "--connect", address)
    window = subprocess.Popen(begin, cwd=REPOSITORY, env={**os.environ, "DISPLAY": display})
    try:
        li.event("peer.online", name="Maria")
        xdotool(display, "mousemove", "700", "400")
        write_until_heard(li, display, "here")
        xdotool(display, "key", "ctrl+o")
        wait_dialog(display, "Share files")
        fill(display, str(tmp_path / "notes.txt"))
        arrived = li.event("file.complete", name="notes.txt")["params"]["file"]
        assert Path(arrived["path"]).read_bytes() == b"homework" * 1000
    finally:
        window.terminate()
        assert window.wait(15) == 0
