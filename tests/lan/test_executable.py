"""The program in one file, where there is no Python: it opens its window, finds a node that runs
from the source, chats with it, and leaves nothing behind.

It is built first, unless P2PCHAT_EXECUTABLE names one."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import Lan, Node, wait_until
from lan_talk import say, texts
from PIL import Image

ROOT = Path(__file__).parents[2]
SIZE = 120 * 1024 * 1024
START_S = 3.0
"""Of the second start, until the window is on the screen."""
TIMES = 4
"""How much slower than a quiet machine this one may be."""

pytestmark = [
    pytest.mark.lan,
    pytest.mark.window,
    pytest.mark.soak,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(
        not all(map(shutil.which, ("Xvfb", "xdotool"))), reason="needs Xvfb and xdotool"
    ),
]


@pytest.fixture(scope="module")
def executable() -> Path:
    given = os.environ.get("P2PCHAT_EXECUTABLE")
    if given:
        return Path(given)
    subprocess.run([ROOT / "scripts" / "build"], check=True, timeout=900)
    assert [path.name for path in (ROOT / "dist").iterdir()] == ["p2pchat"]
    return ROOT / "dist" / "p2pchat"


@pytest.fixture
def display() -> Iterator[str]:
    reading, writing = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1080x720x24", "-nolisten", "tcp"],
        pass_fds=[writing],
        stderr=subprocess.DEVNULL,
    )
    os.close(writing)
    with os.fdopen(reading) as pipe:
        number = pipe.readline().strip()
    yield f":{number}"
    server.terminate()
    server.wait(10)


class Bare:
    """A host with the file, an empty home, and nothing on its paths."""

    def __init__(self, lan: Lan, host: int, executable: Path, folder: Path, display: str) -> None:
        self.home, self.temp = folder / "home", folder / "temp"
        self.said = folder / "stderr"
        self.home.mkdir()
        self.temp.mkdir()
        self._lan, self._host, self._program, self._display = lan, host, executable, display

    def command(self, *arguments: str) -> list[str]:
        names = {"PATH": "", "LD_LIBRARY_PATH": "", "HOME": self.home, "TMPDIR": self.temp,
                 "DISPLAY": self._display, "LANG": "C.UTF-8"}  # fmt: skip
        given = [f"{name}={value}" for name, value in names.items()]
        return ["/usr/bin/env", "-i", *given, str(self._program), *arguments]

    def start(self) -> subprocess.Popen[bytes]:
        with self.said.open("wb") as said:
            command = self.command("window", "--name", "Ann")
            return self._lan.popen(self._host, command, stderr=said)

    def tool(self, *arguments: str) -> str:
        environment = {**os.environ, "DISPLAY": self._display}
        return subprocess.run(
            ["xdotool", *arguments], env=environment, capture_output=True, text=True, timeout=30
        ).stdout.strip()

    def window(self) -> str:
        return self.tool("search", "--onlyvisible", "--name", "p2pchat")

    def writes(self, text: str, to: Node) -> bool:
        """Once more, maybe: it is linked before its window is drawn, and what is typed before that
        goes nowhere."""
        # No window manager is there to give the focus.
        self.tool("windowfocus", "--sync", self.window())
        self.tool("mousemove", "640", "650", "click", "1")
        self.tool("type", text)
        self.tool("key", "Return")
        with contextlib.suppress(TimeoutError):
            return wait_until(lambda: any(text in said for said in texts(to)), 3)
        return False

    def left(self) -> list[str]:
        """What lies around in the home and among temporary files."""
        found = [p for p in self.home.rglob("*") if p.is_file() or p.is_socket()]
        return sorted(str(p.relative_to(self.home)) for p in found) + os.listdir(self.temp)


def end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    assert process.wait(20) == 0


def test_the_file_alone_chats_with_a_node_from_the_source(
    executable: Path, display: str, tmp_path: Path
) -> None:
    assert executable.stat().st_size <= SIZE
    with Lan(hosts=2) as lan:
        wang: Node = lan.node(0, "--name", "Wang")
        bare = Bare(lan, 1, executable, tmp_path, display)
        version = subprocess.run(
            bare.command("--version"), check=True, capture_output=True, text=True, timeout=60
        ).stdout
        assert version.startswith("p2pchat ")
        # What the window has decoded apart, in a program that is this file again.
        picture = tmp_path / "picture.png"
        Image.new("RGB", (400, 300)).save(picture)
        small = subprocess.run(
            bare.command("--shrink", "80", "80", str(picture)),
            check=True, capture_output=True, timeout=60,
        ).stdout  # fmt: skip
        assert Image.open(io.BytesIO(small)).size == (80, 60)
        process = bare.start()
        try:
            wait_until(lambda: bare.window() != "", 60)
            wait_until(
                lambda: [p["name"] for p in wang.call("peers.list") if p["linked"]] == ["Ann"], 60
            )
            say(wang, "hello from the source 😀")  # which is drawn as a picture
            wait_until(lambda: bare.writes("hello from one file", wang), 60)
        finally:
            end(process)
        assert "unexpected failure" not in bare.said.read_text()
        began = time.monotonic()
        process = bare.start()
        try:
            wait_until(lambda: bare.window() != "", 60)
            assert time.monotonic() - began < START_S * TIMES
        finally:
            end(process)
        profile = ".local/share/p2pchat/"
        assert all(name.startswith(profile) for name in bare.left()), bare.left()
        # It holds what was said on both sides.
        history = subprocess.run(
            [*lan.enter(1), *bare.command("history", "#lobby")],
            check=True, capture_output=True, text=True, timeout=60,
        ).stdout  # fmt: skip
        assert "hello from the source" in history
        assert "hello from one file" in history
        assert os.listdir(bare.temp) == []
