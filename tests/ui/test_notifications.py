"""Notifications over a real message bus, and without one."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import psutil
import pytest
from PIL import Image
from programs import line, program

from p2pchat.ui.notifications import Notifications

DESKTOP = """
import json
from jeepney import DBusAddress, HeaderFields, new_method_return, new_signal
from jeepney.bus_messages import message_bus
from jeepney.io.blocking import Proxy, open_dbus_connection

name = "org.freedesktop.Notifications"
here = DBusAddress("/org/freedesktop/Notifications", name, name)
bus = open_dbus_connection()
Proxy(message_bus, bus).RequestName(name)
print("here", flush=True)
number = 6
while True:
    asked = bus.receive()
    member = asked.header.fields.get(HeaderFields.member)
    if member == "Notify":
        app, replaces, icon, title, body, actions, hints, timeout = asked.body
        print(json.dumps([app, title, body, actions, replaces, icon]), flush=True)
        number += not replaces
        bus.send(new_method_return(asked, "u", (replaces or number,)))
        bus.send(new_signal(here, "ActionInvoked", "us", (replaces or number, "default")))
    elif member == "CloseNotification":
        print(json.dumps(["closed", *asked.body]), flush=True)
        bus.send(new_method_return(asked))
"""
"""A desktop that shows notifications, and clicks each of them at once."""


@pytest.fixture
def desktop(bus: psutil.Popen) -> Iterator[psutil.Popen]:
    """On a message bus of its own."""
    with program([sys.executable, "-c", DESKTOP]) as shown:
        assert line(shown) == "here"
        yield shown


def test_a_notification_is_shown_as_text_and_its_click_comes_back(
    desktop: psutil.Popen, tmp_path: Path
) -> None:
    async def tell() -> str:
        notifications = Notifications(tmp_path)
        await notifications.notify("#lobby", "“Li” in #lobby", "<b>1 & 2</b>")
        return await asyncio.wait_for(notifications.clicked(), 10)

    assert asyncio.run(tell()) == "#lobby"
    app, title, body, actions, _, icon = json.loads(line(desktop))
    assert (app, title, body) == ("p2pchat", "“Li” in #lobby", "&lt;b&gt;1 &amp; 2&lt;/b&gt;")
    assert "default" in actions
    with Image.open(unquote(urlsplit(icon).path)) as picture:
        assert picture.size == (128, 128)


def test_a_conversation_has_one_notification_until_it_is_seen(
    desktop: psutil.Popen, tmp_path: Path
) -> None:
    async def tell() -> None:
        notifications = Notifications(tmp_path)
        await notifications.notify("#lobby", "Li", "1")
        await notifications.notify("#lobby", "Maria announces", "all", lasting=True)
        await notifications.notify("#lobby", "Li", "2")
        await notifications.notify("@li", "Li", "3")
        await notifications.withdraw("#lobby")
        await notifications.withdraw("#lobby")

    asyncio.run(tell())
    shown = [json.loads(line(desktop)) for _ in range(5)]
    assert [(one[2], one[4]) for one in shown[:4]] == [("1", 0), ("all", 0), ("2", 7), ("3", 0)]
    assert shown[4] == ["closed", 7]


def test_without_a_message_bus_nothing_is_told_and_nothing_fails(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere")

    async def tell() -> None:
        notifications = Notifications(tmp_path)
        await notifications.notify("#lobby", "Li", "hello")
        await notifications.notify("#lobby", "Li", "again")
        await notifications.withdraw("#lobby")

    asyncio.run(asyncio.wait_for(tell(), 10))
    assert capfd.readouterr().err == ""


def test_a_desktop_that_starts_later_is_found_and_costs_nothing_before(
    bus: psutil.Popen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection to the bus for each message would fill it in the end."""
    monkeypatch.setattr("p2pchat.ui.notifications.AGAIN_S", 0.0)
    notifications = Notifications(tmp_path)

    async def tell() -> None:
        await notifications.notify("#lobby", "Li", "nobody sees it")
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(5):
            await notifications.notify("#lobby", "Li", "nor this")
        assert len(os.listdir("/proc/self/fd")) <= before
        with program([sys.executable, "-c", DESKTOP]) as shown:
            assert await asyncio.to_thread(line, shown) == "here"
            await notifications.notify("#lobby", "Li", "hello")
            assert json.loads(await asyncio.to_thread(line, shown))[2] == "hello"

    asyncio.run(tell())


def test_notifications_at_once_take_turns(desktop: psutil.Popen, tmp_path: Path) -> None:
    async def tell() -> None:
        notifications = Notifications(tmp_path)
        await asyncio.gather(*(notifications.notify("#lobby", "Li", f"{n}") for n in range(5)))

    asyncio.run(tell())
    assert [json.loads(line(desktop))[4] for _ in range(5)] == [0, 7, 7, 7, 7]


@pytest.mark.parametrize("stopped", ["bus", "desktop"])
def test_who_stops_answering_costs_nothing_and_is_found_again(
    bus: psutil.Popen,
    desktop: psutil.Popen,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    stopped: str,
) -> None:
    monkeypatch.setattr("p2pchat.ui.notifications.AGAIN_S", 0.0)
    notifications = Notifications(tmp_path)

    async def tell() -> None:
        await notifications.notify("#lobby", "Li", "before")
        connected = len(os.listdir("/proc/self/fd"))
        (bus if stopped == "bus" else desktop).suspend()
        monkeypatch.setattr("p2pchat.ui.notifications.SEND_S", 0.2)
        for _ in range(5):
            await notifications.notify("#lobby", "Li", "meanwhile")
        assert len(os.listdir("/proc/self/fd")) <= connected
        (bus if stopped == "bus" else desktop).resume()
        monkeypatch.setattr("p2pchat.ui.notifications.SEND_S", 20.0)
        await notifications.notify("#lobby", "Li", "after")

    asyncio.run(tell())
    while json.loads(line(desktop))[2] != "after":
        pass
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_a_desktop_that_restarts_shows_the_next_one(bus: psutil.Popen, tmp_path: Path) -> None:
    notifications = Notifications(tmp_path)

    async def tell() -> None:
        for text in ("1", "2"):
            with program([sys.executable, "-c", DESKTOP]) as shown:
                assert await asyncio.to_thread(line, shown) == "here"
                await notifications.notify("#lobby", "Li", text)
                assert json.loads(await asyncio.to_thread(line, shown))[2] == text

    asyncio.run(tell())


def test_a_bus_that_ends_takes_nothing_with_it(
    bus: psutil.Popen,
    desktop: psutil.Popen,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("p2pchat.ui.notifications.AGAIN_S", 0.0)

    async def tell() -> None:
        before = len(os.listdir("/proc/self/fd"))
        notifications = Notifications(tmp_path)
        await notifications.notify("#lobby", "Li", "hello")
        bus.kill()
        bus.wait(10)
        for _ in range(3):
            await notifications.notify("#lobby", "Li", "nobody sees it")
        assert len(os.listdir("/proc/self/fd")) <= before

    asyncio.run(tell())
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
