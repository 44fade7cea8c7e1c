"""Notifications and the tray, where the system has neither."""

from __future__ import annotations

import asyncio
import os

import pytest

from p2pchat.ui.notifications import Notifications
from p2pchat.ui.tray import has_tray, start_tray


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


def test_without_a_tray_there_is_no_icon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    assert not has_tray()
    assert start_tray("Maria", lambda: None, lambda: None) is None
    assert os.environ.get("DISPLAY") is None
