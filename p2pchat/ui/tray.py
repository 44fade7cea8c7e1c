"""An icon in the system's tray, where there is one: on Windows pystray's, on X our own."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable
from typing import Any, Protocol

from p2pchat.ui.language import _

log = logging.getLogger("p2pchat.ui")

SIZE = 64
FILL, INK = "#0a62c4", "#ffffff"


class Tray(Protocol):
    """An icon that is shown, or is to be once there is a tray."""

    def stop(self) -> None:
        """On any thread."""


def start_tray(name: str, bring: Callable[[], None], quit: Callable[[], None]) -> Tray | None:
    """Show the icon; None where there can be none: no display, no library, or macOS, where it
    would need the main thread, which is the window's. On any thread but the window's: it takes a
    moment. A click brings the window; on Windows there is a menu that ends the program, too."""
    title = f"p2pchat · {name}" if name else "p2pchat"
    try:
        if sys.platform == "win32":
            return _start_on_windows(title, bring, quit)
        if sys.platform.startswith("linux"):
            from p2pchat.ui.tray_x11 import X11Icon

            return X11Icon(title, _picture().convert("RGB"), bring)
    except Exception as error:  # of whichever system's libraries
        log.debug("no icon in the tray: %r", error)
    return None


def _start_on_windows(title: str, bring: Callable[[], None], quit: Callable[[], None]) -> Tray:
    import pystray

    menu = pystray.Menu(
        pystray.MenuItem(_("Open"), lambda: bring(), default=True),
        pystray.MenuItem(_("Quit"), lambda: quit()),
    )
    icon: Any = pystray.Icon("p2pchat", _picture(), title, menu)
    threading.Thread(target=icon.run, name="tray", daemon=True).start()
    found: Tray = icon
    return found


def _picture() -> Any:
    """The program's sign: a bubble with three dots."""
    from PIL import Image, ImageDraw

    image = Image.new("RGBA", (SIZE, SIZE), FILL[:7] + "00")
    draw = ImageDraw.Draw(image)
    draw.rounded_rectangle((0, 0, SIZE - 1, SIZE - 1), 16, fill=FILL)
    draw.rounded_rectangle((12, 15, 52, 42), 8, fill=INK)
    draw.polygon(((20, 40), (32, 40), (20, 52)), fill=INK)
    for x in (22, 32, 42):
        draw.ellipse((x - 3, 26, x + 3, 32), fill=FILL)
    return image
