"""An icon in the system's tray, by pystray, where there is a tray."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable
from typing import Any

from p2pchat.ui.language import _

log = logging.getLogger("p2pchat.ui")

SIZE = 64
FILL, INK = "#0a62c4", "#ffffff"


def start_tray(name: str, bring: Callable[[], None], quit: Callable[[], None]) -> Any:
    """Show the icon; what ends it (`stop`), or None where there is no tray or no library. On any
    thread but the window's: it takes a moment."""
    if not has_tray():
        return None
    try:
        import pystray

        icon = pystray.Icon(
            "p2pchat",
            _picture(),
            f"p2pchat · {name}" if name else "p2pchat",
            pystray.Menu(
                pystray.MenuItem(_("Open"), lambda: bring(), default=True),
                pystray.MenuItem(_("Quit"), lambda: quit()),
            ),
        )
        thread = threading.Thread(target=icon.run, name="tray", daemon=True)
        thread.start()
    except Exception as error:  # of whichever system's libraries
        log.debug("no icon in the tray: %r", error)
        return None
    return icon


def has_tray() -> bool:
    """Whether somebody shows icons (System Tray Protocol Specification); on Windows always. On
    macOS it would need the main thread, which is the window's."""
    if sys.platform == "win32":
        return True
    if sys.platform == "darwin":
        return False
    try:
        from Xlib import X, display

        screen = display.Display()
        try:
            number = screen.get_default_screen()
            owner = screen.get_selection_owner(screen.intern_atom(f"_NET_SYSTEM_TRAY_S{number}"))
            return bool(owner != X.NONE)
        finally:
            screen.close()
    except Exception as error:  # no library, or no X
        log.debug("no tray: %r", error)
        return False


def _picture() -> Any:
    """The program's sign: a bubble with three dots."""
    from PIL import Image, ImageDraw

    image = Image.new("RGBA", (SIZE, SIZE), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    draw.rounded_rectangle((0, 0, SIZE - 1, SIZE - 1), 16, fill=FILL)
    draw.rounded_rectangle((12, 15, 52, 42), 8, fill=INK)
    draw.polygon(((20, 40), (32, 40), (20, 52)), fill=INK)
    for x in (22, 32, 42):
        draw.ellipse((x - 3, 26, x + 3, 32), fill=FILL)
    return image
