"""What one has begun to write is there again, however the window ended: the real program."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from p2pchat.ui.rpc.client import connect_running

pytestmark = [
    pytest.mark.window,
    pytest.mark.skipif(shutil.which("xdotool") is None, reason="xdotool is not installed"),
]

DEADLINE = 30.0


def window(profile: Path) -> subprocess.Popen[bytes]:
    alone = ["--network", "draft-test", "--listen", "127.0.0.1:0", "--no-mdns", "--no-beacon"]
    options = ["--data-dir", str(profile), "--name", "Ana", *alone]
    return subprocess.Popen([sys.executable, "-m", "p2pchat", "window", *options])


def lobby(profile: Path) -> dict[str, Any]:
    """What the running window's node says of #lobby; empty while it doesn't answer."""

    async def ask() -> dict[str, Any]:
        node = await connect_running(profile)
        if node is None:
            return {}
        try:
            found = await node.call("conversations.list", list[dict[str, Any]])
        finally:
            await node.close()
        return next((one for one in found if one["conversation"] == "#lobby"), {})

    try:
        return asyncio.run(ask())
    except Exception:  # it is only just starting
        return {}


def write_until_kept(profile: Path, display: str, text: str) -> None:
    """Type it; the window may not be there yet, so again until all of it is."""
    end = time.monotonic() + DEADLINE
    while not lobby(profile):
        assert time.monotonic() < end
        time.sleep(0.05)
    environment = {**os.environ, "DISPLAY": display}
    while text not in lobby(profile).get("draft", ""):
        assert time.monotonic() < end
        for how in (["key", "ctrl+a", "BackSpace"], ["type", text]):
            subprocess.run(["xdotool", *how], env=environment, check=True, timeout=20)
        soon = time.monotonic() + 2
        while time.monotonic() < soon and text not in lobby(profile).get("draft", ""):
            time.sleep(0.05)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_draft_outlives_the_window(tmp_path: Path, display: str, how: signal.Signals) -> None:
    profile = tmp_path / "p"
    first = window(profile)
    try:
        write_until_kept(profile, display, "half a thought")
        first.send_signal(how)
        first.wait(10)
        second = window(profile)
        try:
            end = time.monotonic() + DEADLINE
            while "half a thought" not in lobby(profile).get("draft", ""):
                assert time.monotonic() < end
                time.sleep(0.05)
        finally:
            second.terminate()
            second.wait(10)
    finally:
        if first.poll() is None:
            first.kill()
            first.wait(10)
