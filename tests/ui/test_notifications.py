"""Notifications over a real message bus and an icon in a real tray; and without either."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from p2pchat.ui.notifications import Notifications
from p2pchat.ui.tray import has_tray, start_tray

CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:dir=PLACE</listen><policy context="default">
<allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/>
</policy></busconfig>"""

DESKTOP = """
import asyncio, json
from dbus_fast.aio import MessageBus
from dbus_fast.service import ServiceInterface, dbus_method, dbus_signal

class Desktop(ServiceInterface):
    @dbus_method()
    def GetCapabilities(self) -> "as":
        return ["body", "actions"]

    @dbus_method()
    def GetServerInformation(self) -> "ssss":
        return ["desktop", "test", "1", "1.2"]

    @dbus_method()
    def Notify(self, app: "s", replaces: "u", icon: "s", title: "s", body: "s",
               actions: "as", hints: "a{sv}", timeout: "i") -> "u":
        print(json.dumps([app, title, body, actions]), flush=True)
        asyncio.get_running_loop().call_later(0.1, self.ActionInvoked, 7, "default")
        return 7

    @dbus_signal()
    def ActionInvoked(self, number, action) -> "us":
        return [number, action]

async def main():
    bus = await MessageBus().connect()
    bus.export("/org/freedesktop/Notifications", Desktop("org.freedesktop.Notifications"))
    await bus.request_name("org.freedesktop.Notifications")
    print("here", flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""
"""A desktop that shows notifications, and clicks each of them."""

TRAY = """
import sys
from Xlib import X, display
screen = display.Display()
root = screen.screen().root
window = root.create_window(0, 0, 200, 40, 0, X.CopyFromParent)
window.map()
selection = screen.intern_atom("_NET_SYSTEM_TRAY_S0")
window.set_selection_owner(selection, X.CurrentTime)
screen.sync()
print("here", flush=True)
opcode = screen.intern_atom("_NET_SYSTEM_TRAY_OPCODE")
while True:
    event = screen.next_event()
    if event.type == X.ClientMessage and event.client_type == opcode:
        icon = screen.create_resource_object("window", event.data[1][2])
        icon.reparent(window, 0, 0)
        icon.map()
        screen.sync()
        print("docked", flush=True)
"""
"""A panel with a place for icons (System Tray Protocol Specification)."""


@contextmanager
def program(command: Sequence[str], **env: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, **env})
    try:
        yield process
    finally:
        process.kill()
        process.wait(10)


def line(process: subprocess.Popen[bytes]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().decode().strip()


@pytest.fixture
def desktop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[bytes]]:
    """On a message bus of its own."""
    if shutil.which("dbus-daemon") is None:
        pytest.skip("dbus-daemon is not installed")
    pytest.importorskip("dbus_fast")
    (tmp_path / "bus.conf").write_text(CONFIG.replace("PLACE", str(tmp_path)))
    options = [f"--config-file={tmp_path / 'bus.conf'}", "--nofork", "--print-address"]
    with program(["dbus-daemon", *options]) as daemon:
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", line(daemon))
        with program([sys.executable, "-c", DESKTOP]) as shown:
            assert line(shown) == "here"
            yield shown


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a message bus of Linux")
def test_a_notification_is_shown_as_text_and_its_click_comes_back(
    desktop: subprocess.Popen[bytes],
) -> None:
    async def tell() -> str:
        notifications = Notifications()
        await notifications.notify("#lobby", "Li in #lobby", "<b>1 & 2</b>")
        return await asyncio.wait_for(notifications.clicked(), 10)

    assert asyncio.run(tell()) == "#lobby"
    app, title, body, actions = json.loads(line(desktop))
    assert (app, title, body) == ("p2pchat", "Li in #lobby", "&lt;b&gt;1 &amp; 2&lt;/b&gt;")
    assert "default" in actions


def test_without_a_message_bus_nothing_is_told_and_nothing_fails(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere")

    async def tell() -> None:
        notifications = Notifications()
        await notifications.notify("#lobby", "Li", "hello")
        await notifications.notify("#lobby", "Li", "again")

    asyncio.run(asyncio.wait_for(tell(), 10))
    assert capfd.readouterr().err == ""


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A display without a tray."""
    if shutil.which("Xvfb") is None:
        pytest.skip("Xvfb is not installed")
    monkeypatch.setenv("PYSTRAY_BACKEND", "xorg")
    reading, writing = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(writing), "-nolisten", "tcp"],
        pass_fds=[writing],
        stderr=subprocess.DEVNULL,
    )
    os.close(writing)
    with os.fdopen(reading) as pipe:
        name = f":{pipe.readline().strip()}"
    monkeypatch.setenv("DISPLAY", name)
    yield name
    server.terminate()
    server.wait(10)


@pytest.mark.window
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a tray of X")
def test_the_icon_is_in_the_tray_until_the_end(screen: str) -> None:
    assert not has_tray()
    assert start_tray("Maria", lambda: None, lambda: None) is None
    with program([sys.executable, "-c", TRAY]) as panel:
        assert line(panel) == "here"
        assert has_tray()
        opened: list[str] = []
        icon: Any = start_tray("Maria", lambda: opened.append("open"), lambda: None)
        assert line(panel) == "docked"
        icon()
        assert opened == ["open"]
        icon.stop()
        for thread in threading.enumerate():
            if thread.name == "tray":
                thread.join(10)
                assert not thread.is_alive()


def test_without_a_display_there_is_no_icon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    assert start_tray("Maria", lambda: None, lambda: None) is None
