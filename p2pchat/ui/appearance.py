"""Whether the system is dark, as its person has set it; light where nobody says."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from typing import Any

WITHIN_S = 1.0
_SCHEME = ("org.freedesktop.appearance", "color-scheme")
_DARK = 1
"""Of the portal's color-scheme; 0 is no preference, 2 light (XDG Desktop Portal, Settings)."""


def is_dark() -> bool:
    """Asks the system: takes up to a second or two, so not for the window's thread."""
    if sys.platform == "win32":
        return _by_registry()
    asks = (_by_defaults,) if sys.platform == "darwin" else (_by_portal, _by_gsettings, _by_gtk)
    return next((found for ask in asks if (found := ask()) is not None), False)


def _by_registry() -> bool:
    if sys.platform != "win32":
        return False
    import winreg

    path = r"Software\Microsoft\Windows\CurrentVersion\Themes\Personalize"
    try:
        with winreg.OpenKey(winreg.HKEY_CURRENT_USER, path) as key:
            return bool(winreg.QueryValueEx(key, "AppsUseLightTheme")[0] == 0)
    except OSError:
        return False


def _by_defaults() -> bool | None:
    said = _output("defaults", "read", "-g", "AppleInterfaceStyle")
    return None if said is None else said.strip() == "Dark"


def _by_portal() -> bool | None:
    """The desktop portal, which GNOME, KDE and others speak."""
    if "DBUS_SESSION_BUS_ADDRESS" not in os.environ:
        return None
    try:
        value = asyncio.run(_said_by_portal())
    except Exception:  # whatever a bus does, the window has colours
        return None
    while isinstance(value, tuple):  # a variant, in older portals within another
        value = value[1]
    return None if value == 0 else bool(value == _DARK)


async def _said_by_portal() -> Any:
    from jeepney import DBusAddress

    from p2pchat.ui.bus import Bus

    settings = DBusAddress(
        "/org/freedesktop/portal/desktop", "org.freedesktop.portal.Desktop",
        "org.freedesktop.portal.Settings",
    )  # fmt: skip
    async with asyncio.timeout(WITHIN_S):
        bus = await Bus.connect()
        value, *_rest = await bus.call(settings, "Read", "ss", *_SCHEME)
    return value


def _by_gsettings() -> bool | None:
    said = _output("gsettings", "get", "org.gnome.desktop.interface", "color-scheme")
    if said is None or "default" in said:
        said = _output("gsettings", "get", "org.gnome.desktop.interface", "gtk-theme")
    return None if said is None else "dark" in said.lower()


def _by_gtk() -> bool | None:
    theme = os.environ.get("GTK_THEME", "")
    return theme.lower().endswith("dark") if theme else None


def _output(*command: str) -> str | None:
    if shutil.which(command[0]) is None:
        return None
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=WITHIN_S, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def text_scale(output: Callable[..., str | None] = _output) -> float:
    """How many times larger than usual the system's person wants text, where X knows (Xft.dpi)
    and for the whole desktop (GDK_SCALE); 1.0 where nobody says."""
    scales = [1.0]
    for line in (output("xrdb", "-query") or "").splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "Xft.dpi":
            scales.append(_number(value) / 96)
    scales.append(_number(os.environ.get("GDK_SCALE", "")))
    return max(scale for scale in scales if scale <= 4)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
