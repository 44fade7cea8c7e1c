"""An icon in the system's tray, where there is one: on Windows pystray's, elsewhere our own."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
import threading
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any, Protocol

from p2pchat.ui.language import _

if TYPE_CHECKING:
    from PIL.Image import Image

log = logging.getLogger("p2pchat.ui")

SIZE = 64


class Tray(Protocol):
    """An icon that is shown, or is to be once there is a tray. On any thread."""

    @property
    def shown(self) -> bool: ...

    def show_unread(self, number: int) -> None:
        """Of messages: a mark on the icon, unless there are none."""
        ...

    def stop(self) -> None: ...


class TrayWindow(Protocol):
    """What the icon does with the window. On any thread."""

    def raise_window(self) -> None: ...

    def close_window(self) -> None: ...

    def open_menu(self, x: int, y: int) -> None:
        """At a place of the screen."""
        ...

    def show_in(self, tray: Tray) -> None:
        """This is its icon."""
        ...


@contextlib.asynccontextmanager
async def in_tray(name: str, window: TrayWindow) -> AsyncIterator[None]:
    """An icon in the tray, where there is one; nobody waits for it."""

    def start() -> Tray | None:
        icon = start_tray(name, window.raise_window, window.close_window, window.open_menu)
        if icon is not None:
            window.show_in(icon)
        return icon

    showing = asyncio.create_task(asyncio.to_thread(start))
    try:
        yield
    finally:
        icon = await showing
        if icon is not None:
            icon.stop()


def start_tray(
    name: str,
    bring: Callable[[], None],
    quit: Callable[[], None],
    menu: Callable[[int, int], None],
) -> Tray | None:
    """Show the icon; None where there can be none: no library, or macOS, where it would need the
    main thread, which is the window's. On any thread but the window's: it takes a moment. A click
    brings the window; the other button opens a menu that ends the program, too: on X the window's,
    by `menu` and a place of the screen."""
    title = f"p2pchat · {name}" if name else "p2pchat"
    try:
        if sys.platform == "win32":
            return _WindowsIcon(title, bring, quit)
        if sys.platform.startswith("linux"):
            from p2pchat.ui.tray_dbus import BusIcon

            return BusIcon(title, picture, bring, quit, lambda: _x11_icon(title, bring, menu))
    except Exception as error:  # of whichever system's libraries
        log.debug("no icon in the tray: %r", error)
    return None


def _x11_icon(title: str, bring: Callable[[], None], menu: Callable[[int, int], None]) -> Tray:
    from p2pchat.ui.tray_x11 import X11Icon

    return X11Icon(title, picture, bring, menu)


class _WindowsIcon:
    """By pystray."""

    shown = True

    def __init__(self, title: str, bring: Callable[[], None], quit: Callable[[], None]) -> None:
        import pystray

        menu = pystray.Menu(
            pystray.MenuItem(_("Open"), lambda: bring(), default=True),
            pystray.MenuItem(_("Quit"), lambda: quit()),
        )
        self._title = title
        self._icon: Any = pystray.Icon("p2pchat", picture(SIZE, 0), title, menu)
        threading.Thread(target=self._icon.run, name="tray", daemon=True).start()

    def show_unread(self, number: int) -> None:
        self._icon.title = f"({number}) {self._title}" if number else self._title
        self._icon.icon = picture(SIZE, number)

    def stop(self) -> None:
        self._icon.stop()


def picture(size: int, unread: int) -> Image:
    from p2pchat.ui.tk.drawing import sign

    return sign(size, marked=unread > 0)
