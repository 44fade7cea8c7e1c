"""What Windows has to be told of a window; elsewhere nothing is done."""

from __future__ import annotations

import sys
import tkinter as tk
from collections.abc import Callable

TITLE_IS_DARK = (20, 19)
"""DWMWA_USE_IMMERSIVE_DARK_MODE (dwmapi.h), and what it was in Windows 10 before version 2004."""


def be_sharp() -> None:
    """Have Windows not scale the window's bitmap up. Before the first window is made."""
    if sys.platform == "win32":
        import ctypes

        try:
            ctypes.windll.shcore.SetProcessDpiAwareness(1)
        except (AttributeError, OSError):
            return  # before Windows 8.1


def paint_title(window: tk.Tk, dark: bool) -> None:
    """Have Windows paint the window's title bar dark, or light; others do as the system says."""
    if sys.platform == "win32":
        import ctypes

        try:
            handle = ctypes.c_void_p(int(window.wm_frame(), 16))
            value = ctypes.c_int(dark)
            for number in TITLE_IS_DARK:
                how = number, ctypes.byref(value), ctypes.sizeof(value)
                if ctypes.windll.dwmapi.DwmSetWindowAttribute(handle, *how) == 0:
                    return
        except (AttributeError, OSError, ValueError):
            return  # before Windows 10


def when_shown(window: tk.Tk, do: Callable[[], None]) -> None:
    """Each time that Windows shows it: before the first there is no frame to be told of."""
    if sys.platform == "win32":
        window.bind("<Map>", lambda event: do() if event.widget is window else None, add="+")
