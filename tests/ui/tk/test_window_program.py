"""`p2pchat window` as the real program, with a node: one window a profile, and a clean end."""

from __future__ import annotations

import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.window

DEADLINE = 30.0


def command(name: str, data_dir: Path, *more: str) -> list[str]:
    lan = ["--network", "window-test", "--interface", "127.0.0.1", "--no-mdns", "--no-beacon"]
    return [sys.executable, "-m", "p2pchat", name, *more, "--data-dir", str(data_dir), *lan]


def run(name: str, data_dir: Path, *more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(name, data_dir, *more),
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )


def wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_one_window_a_profile(tmp_path: Path, display: str, how: signal.Signals) -> None:
    profile = tmp_path / "p"
    window = subprocess.Popen(
        command("window", profile, "--name", "Ana"), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        wait(lambda: (profile / "control.sock").exists() or window.poll() is not None)
        text = secrets.token_hex(8)
        assert run("send", profile, "#lobby", text, "--timeout", "0").returncode == 3
        assert text in run("history", profile, "#lobby").stdout
        # with no command it is the window as well
        for again in (
            run("window", profile),
            subprocess.run(
                [part for part in command("window", profile) if part != "window"],
                capture_output=True,
                text=True,
                timeout=DEADLINE,
                check=False,
            ),
        ):
            assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
        assert run("chat", profile).returncode == 4
        window.send_signal(how)
        out, err = window.communicate(timeout=DEADLINE)
        assert (window.returncode, out, err) == (0, b"", b"")
        assert not (profile / "control.sock").exists()
    finally:
        if window.poll() is None:
            window.kill()
            window.communicate()


def test_what_runs_is_no_window(tmp_path: Path, display: str) -> None:
    profile = tmp_path / "p"
    node = subprocess.Popen(
        command("rpc", profile), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    try:
        wait((profile / "control.sock").exists)
        refused = run("window", profile)
        assert refused.returncode == 4
        assert len(refused.stderr.splitlines()) == 1
    finally:
        node.communicate(timeout=DEADLINE)
        assert node.returncode == 0
