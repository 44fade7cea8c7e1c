"""An icon in an X desktop's tray (System Tray Protocol Specification 0.3, XEmbed 0.5).

One thread has the connection to the X server for itself: python-xlib waits for ever now and then
where several share one, and pystray's icon on X with it.
"""

from __future__ import annotations

import contextlib
import logging
import select
import socket
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from Xlib import X, Xatom, Xutil
from Xlib.display import Display
from Xlib.error import XError
from Xlib.protocol.event import ClientMessage

if TYPE_CHECKING:
    from PIL.Image import Image

log = logging.getLogger("p2pchat.ui")

REQUEST_DOCK = 0
XEMBED_MAPPED = 1
SMALLEST, LARGEST = 16, 255
"""Pixels of a side: what the tray is asked for, and what fits into one request."""
ARGB_DEPTH = 32
ALL_PLANES = 0xFFFFFFFF
END_S = 2.0
"""How long the end of the thread is waited for: an X server may have stopped answering."""


class X11Icon:
    """In whichever tray there is, or comes. OSError or XError where there is no X server."""

    def __init__(
        self,
        title: str,
        draw: Callable[[int, int], Image],
        clicked: Callable[[], None],
        menu: Callable[[int, int], None],
    ) -> None:
        """`draw` gives a square in RGBA, for its side and how many messages are unread; `menu` is
        asked for at a place of the screen. All are called on the icon's thread."""
        self._title, self._draw_it, self._clicked, self._menu = title, draw, clicked, menu
        self._unread = 0
        self._display = Display()
        # A window of the tray's may be gone whenever we name it; that is no news for stderr.
        self._display.set_error_handler(lambda *_: None)
        self._root = self._display.screen().root
        self._selection = self._atom(f"_NET_SYSTEM_TRAY_S{self._display.get_default_screen()}")
        self._tray: Any = None
        self._window: Any = None
        self._wake, self._woken = socket.socketpair()
        poll: Any = select  # for type checkers: Windows has no poll
        self._waits = poll.poll()
        self._waits.register(self._display, poll.POLLIN)
        self._waits.register(self._woken, poll.POLLIN)
        self._thread = threading.Thread(target=self._run, name="tray", daemon=True)
        self._thread.start()

    @property
    def shown(self) -> bool:
        return self._window is not None

    def show_unread(self, number: int) -> None:
        self._unread = number
        with contextlib.suppress(OSError):  # it has ended
            self._wake.send(b"u")

    def stop(self) -> None:
        """Take the icon away. On any thread but its own."""
        self._wake.close()
        self._thread.join(END_S)

    def _atom(self, name: str) -> int:
        return self._display.intern_atom(name)

    def _run(self) -> None:
        try:
            # A tray that starts later says so to the root window.
            self._root.change_attributes(event_mask=X.StructureNotifyMask)
            self._dock()
            while self._wait():
                while self._display.pending_events():
                    with contextlib.suppress(XError):  # of a window that is gone by now
                        self._handle(self._display.next_event())
        except Exception as error:  # the X server is gone, or not what it should be
            log.debug("the icon in the tray ends: %r", error)
        else:
            self._display.close()
        finally:
            self._woken.close()

    def _wait(self) -> bool:
        """For something from the X server; False once it is to end."""
        self._display.flush()
        if self._display.pending_events():
            return True
        ready = [descriptor for descriptor, _ in self._waits.poll()]
        if self._woken.fileno() in ready:
            if not self._woken.recv(SMALLEST):
                return False
            if self._window is not None:
                with contextlib.suppress(XError):  # it is gone by now
                    self._draw()
        return True

    def _dock(self) -> None:
        owner: Any = self._display.get_selection_owner(self._selection)
        if owner == X.NONE:
            return
        self._tray = owner
        self._window = self._new_window()
        owner.change_attributes(event_mask=X.StructureNotifyMask)  # its end, too
        request = ClientMessage(
            window=owner,
            client_type=self._atom("_NET_SYSTEM_TRAY_OPCODE"),
            data=(32, [X.CurrentTime, REQUEST_DOCK, self._window.id, 0, 0]),
        )
        owner.send_event(request)

    def _visual(self) -> int:
        """The tray's for icons with transparent parts; 0 where it has none."""
        name = self._atom("_NET_SYSTEM_TRAY_VISUAL")
        known = self._tray.get_full_property(name, Xatom.VISUALID)
        wanted = known.value[0] if known else 0
        deep = (d for d in self._display.screen().allowed_depths if d.depth == ARGB_DEPTH)
        return wanted if any(v.visual_id == wanted for d in deep for v in d.visuals) else 0

    def _new_window(self) -> Any:
        visual, clear = self._visual(), {}
        if visual:
            colours = self._root.create_colormap(visual, X.AllocNone)
            clear = {"background_pixel": 0, "border_pixel": 0, "colormap": colours}
        window = self._root.create_window(
            -1,
            -1,
            1,
            1,
            0,
            ARGB_DEPTH if visual else self._display.screen().root_depth,
            visual=visual,  # 0: the root window's
            **clear,
            event_mask=X.ExposureMask | X.StructureNotifyMask | X.ButtonPressMask,
            # A tray that dies leaves it on the root window, where nobody is to frame it.
            override_redirect=True,
        )
        window.set_wm_class("p2pchat", "p2pchat")
        window.set_wm_normal_hints(flags=Xutil.PMinSize, min_width=SMALLEST, min_height=SMALLEST)
        info = self._atom("_XEMBED_INFO")
        window.change_property(info, info, 32, [0, XEMBED_MAPPED])
        return window

    def _handle(self, event: Any) -> None:
        if event.type == X.ClientMessage and event.client_type == self._atom("MANAGER"):
            if event.data[1][1] == self._selection:
                self._leave()
                self._dock()
        elif event.type == X.DestroyNotify and event.window in (self._tray, self._window):
            self._leave()
        elif event.type == X.ReparentNotify and event.window == self._window:
            self._let_through(event.parent)
        elif event.type == X.ButtonPress and event.detail == 1:
            self._clicked()
        elif event.type == X.ButtonPress and event.detail == 3:
            self._menu(event.root_x, event.root_y)
        elif event.type in (X.Expose, X.ConfigureNotify) and event.window == self._window:
            self._draw()

    def _let_through(self, parent: Any) -> None:
        """What is below it is seen beside it; of windows of two depths X allows that to none."""
        if parent.get_geometry().depth == self._window.get_geometry().depth < ARGB_DEPTH:
            self._window.change_attributes(background_pixmap=X.ParentRelative)

    def _leave(self) -> None:
        if self._window is not None:
            self._window.destroy()
        self._tray = self._window = None

    def _draw(self) -> None:
        unread = self._unread
        title = f"({unread}) {self._title}" if unread else self._title
        # WM_NAME holds Latin 1 alone.
        name, utf8 = self._atom("_NET_WM_NAME"), self._atom("UTF8_STRING")
        self._window.change_property(name, utf8, 8, title.encode())
        place = self._window.get_geometry()
        side = min(place.width, place.height, LARGEST)
        where = (place.width - side) // 2, (place.height - side) // 2
        icon = self._draw_it(side, unread)
        if place.depth == ARGB_DEPTH:
            data = icon.convert("RGBa").tobytes("raw", "BGRa")
        else:
            data = self._on_ground(icon, *where).tobytes("raw", "BGRX")
        context = self._window.create_gc()
        self._window.put_image(context, *where, side, side, X.ZPixmap, place.depth, 0, data)
        context.free()

    def _on_ground(self, icon: Image, x: int, y: int) -> Image:
        """The same without transparent parts, of which the X server knows nothing here."""
        from PIL import Image

        self._window.clear_area()
        below = self._window.get_image(x, y, *icon.size, X.ZPixmap, ALL_PLANES)
        ground = Image.frombytes("RGB", icon.size, below.data, "raw", "BGRX")
        ground.paste(icon, mask=icon)
        return ground
