"""Whether the system is dark, and how large its text is, by what the system says."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import programs
import psutil
import pytest

from p2pchat.ui import appearance

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the answers of Linux")


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither a bus nor a desktop."""
    for name in ("DBUS_SESSION_BUS_ADDRESS", "GTK_THEME", "GDK_SCALE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(appearance, "WITHIN_S", 20.0)  # a busy machine starts a shell late


def program(folder: Path, name: str, says: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{says}\n")
    path.chmod(0o700)


def test_light_where_nobody_says() -> None:
    assert not appearance.is_dark()
    assert appearance.text_scale() == 1.0


def test_a_bus_that_is_not_there_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent")
    assert not appearance.is_dark()


PORTAL = """
import sys
from jeepney import HeaderFields, new_method_return
from jeepney.bus_messages import message_bus
from jeepney.io.blocking import Proxy, open_dbus_connection

bus = open_dbus_connection()
Proxy(message_bus, bus).RequestName("org.freedesktop.portal.Desktop")
print("here", flush=True)
while True:
    asked = bus.receive()
    if asked.header.fields.get(HeaderFields.member) == "Read":
        assert asked.body == ("org.freedesktop.appearance", "color-scheme")
        bus.send(new_method_return(asked, "v", (("v", ("u", int(sys.argv[1]))),)))
"""
"""A desktop's portal, which says what it is started with."""


@pytest.mark.parametrize(("says", "dark"), [("1", True), ("2", False), ("0", True)])
def test_the_portal_is_asked_first(
    bus: psutil.Popen, tmp_path: Path, says: str, dark: bool
) -> None:
    program(tmp_path, "gsettings", "echo \"'prefer-dark'\"")
    with programs.program([sys.executable, "-c", PORTAL, says]) as portal:
        assert programs.line(portal) == "here"
        assert appearance.is_dark() == dark


def test_a_portal_that_is_not_there_or_hangs_is_no_answer(
    bus: psutil.Popen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path, "gsettings", "echo \"'prefer-dark'\"")
    assert appearance.is_dark()
    with programs.program([sys.executable, "-c", PORTAL, "2"]) as portal:
        assert programs.line(portal) == "here"
        monkeypatch.setattr(appearance, "WITHIN_S", 1.0)
        before = len(os.listdir("/proc/self/fd"))
        for process in (portal, bus):
            process.suspend()
            assert appearance.is_dark()
            process.resume()
        assert len(os.listdir("/proc/self/fd")) <= before


@pytest.mark.parametrize(
    ("scheme", "theme", "dark"),
    [
        ("'prefer-dark'", "'Adwaita'", True),
        ("'prefer-light'", "'Adwaita-dark'", False),
        ("'default'", "'Yaru-dark'", True),
        ("'default'", "'Adwaita'", False),
    ],
)
def test_gsettings(tmp_path: Path, scheme: str, theme: str, dark: bool) -> None:
    program(
        tmp_path, "gsettings", f'if [ "$3" = color-scheme ]; then echo "{scheme}"; '
        f'else echo "{theme}"; fi',
    )  # fmt: skip
    assert appearance.is_dark() == dark


def test_a_program_that_fails_or_hangs_is_no_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(appearance, "WITHIN_S", 0.1)
    program(tmp_path, "gsettings", "exec /bin/sleep 20")
    monkeypatch.setenv("GTK_THEME", "Adwaita:dark")
    assert appearance.is_dark()
    program(tmp_path, "gsettings", "echo dark; exit 1")
    monkeypatch.setenv("GTK_THEME", "Adwaita")
    assert not appearance.is_dark()


def test_the_scale_of_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path, "xrdb", "echo 'Xft.hinting:\t1'; echo 'Xft.dpi:\t192'")
    assert appearance.text_scale() == 2.0
    program(tmp_path, "xrdb", "echo 'Xft.dpi:\tnonsense'")
    assert appearance.text_scale() == 1.0
    program(tmp_path, "xrdb", "echo 'Xft.dpi:\t96000'")
    assert appearance.text_scale() == 1.0, "nobody wants that"
    monkeypatch.setenv("GDK_SCALE", "2")
    assert appearance.text_scale() == 2.0
