"""Programs beside the one that is tested, which say line by line what happens to them."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil
import pytest

DAEMON = shutil.which("dbus-daemon")
CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:dir=PLACE</listen><policy context="default">
<allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/>
</policy></busconfig>"""


@contextlib.contextmanager
def program(command: Sequence[str]) -> Iterator[psutil.Popen]:
    process = psutil.Popen(command, stdout=subprocess.PIPE, env=os.environ)
    try:
        yield process
    finally:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
        process.wait(10)
        process.stdout.close()


def line(process: psutil.Popen) -> str:
    said: bytes = process.stdout.readline()
    return said.decode().strip()


@contextlib.contextmanager
def message_bus(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[psutil.Popen]:
    """The daemon of the session's bus, which nobody else is on."""
    if not sys.platform.startswith("linux") or DAEMON is None:
        pytest.skip("dbus-daemon is not installed")
    (folder / "bus.conf").write_text(CONFIG.replace("PLACE", str(folder)))
    options = [f"--config-file={folder / 'bus.conf'}", "--nofork", "--print-address"]
    with program([DAEMON, *options]) as daemon:
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", line(daemon))
        yield daemon
