"""An icon in the panel of today's desktops, over the message bus (StatusNotifierItem, with a menu
by com.canonical.dbusmenu), and another sort of icon where there is no such panel."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from jeepney import (
    DBusAddress,
    HeaderFields,
    Message,
    MessageType,
    new_method_return,
    new_signal,
)  # fmt: skip

from p2pchat.ui.bus import BUS, Bus
from p2pchat.ui.language import _

if TYPE_CHECKING:
    from PIL.Image import Image

    from p2pchat.ui.tray import Tray

log = logging.getLogger("p2pchat.ui")

WATCHER = "org.kde.StatusNotifierWatcher"
PANEL = DBusAddress("/StatusNotifierWatcher", WATCHER, WATCHER)
"""Whom an icon is told to, and who knows whether anybody shows it."""
PROPERTIES = "org.freedesktop.DBus.Properties"
NEWS = (
    f"type='signal',interface='{BUS.interface}',member='NameOwnerChanged',arg0='{WATCHER}'",
    f"type='signal',interface='{WATCHER}',member='StatusNotifierHostRegistered'",
    f"type='signal',interface='{WATCHER}',member='StatusNotifierHostUnregistered'",
)
ITEM = DBusAddress("/StatusNotifierItem", interface="org.kde.StatusNotifierItem")
MENU = DBusAddress("/Menu", interface="com.canonical.dbusmenu")
SIDES = (16, 22, 24, 32, 48, 64)
"""Pixels of the pictures that the panel chooses among."""
NO_NAMES = ("IconName", "OverlayIconName", "AttentionIconName", "IconThemePath")
NO_PICTURES = ("OverlayIconPixmap", "AttentionIconPixmap")
"""What the icon does without; a panel complains where that isn't said."""
ANSWER_S = 10.0
"""A panel that doesn't answer within so long isn't there; at a session's start it is busy."""
END_S = 4.0
"""How long the end of the thread is waited for."""


class BusIcon:
    """In whichever panel there is, or comes; while there is none, the icon that `otherwise` makes
    (or can't)."""

    def __init__(
        self,
        title: str,
        draw: Callable[[int, int], Image],
        clicked: Callable[[], None],
        quit: Callable[[], None],
        otherwise: Callable[[], Tray],
    ) -> None:
        """`draw` gives a square, for its side and how many messages are unread. All are called on
        the icon's thread."""
        self._title, self._draw, self._clicked, self._otherwise = title, draw, clicked, otherwise
        self._entries = {1: (_("Open"), clicked), 2: (_("Quit"), quit)}
        self._unread = 0
        self._drawn: dict[bool, list[tuple[int, int, bytes]]] = {}
        """Without and with the mark of unread messages."""
        self._bus: Bus | None = None
        self._owner = ""
        """Of the panel's name, whom the icon is told to."""
        self._hosted = False
        self._other: Tray | None = None
        self._news = asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._life = self._loop.create_task(self._live())
        self._thread = threading.Thread(target=self._run, name="tray by bus", daemon=True)
        self._thread.start()

    @property
    def shown(self) -> bool:
        other = self._other
        return self._hosted or (other is not None and other.shown)

    def show_unread(self, number: int) -> None:
        self._unread = number
        self._soon(self._news.set)

    def stop(self) -> None:
        self._soon(self._life.cancel)
        self._thread.join(END_S)

    def _soon(self, act: Callable[[], object]) -> None:
        with contextlib.suppress(RuntimeError):  # its loop has ended
            self._loop.call_soon_threadsafe(act)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(asyncio.wait([self._life]))

    async def _live(self) -> None:
        try:
            async with asyncio.timeout(ANSWER_S):
                self._bus = await Bus.connect(self._heard, self._news.set)
                for rule in NEWS:
                    await self._bus.call(BUS, "AddMatch", "s", rule)
        except Exception as error:  # no bus, or not one that we know
            log.debug("no panel on the bus: %r", error)
        try:
            while True:
                self._news.clear()
                self._hosted = await self._is_hosted()
                self._choose()
                await self._news.wait()
        finally:
            if self._other is not None:
                self._other.stop()

    def _choose(self) -> None:
        if self._hosted and self._other is not None:
            self._other.stop()
            self._other = None
        elif not self._hosted and self._other is None:
            try:
                self._other = self._otherwise()
            except Exception as error:  # of whichever library
                log.debug("no other icon in the tray: %r", error)
        if self._other is not None:
            self._other.show_unread(self._unread)

    async def _is_hosted(self) -> bool:
        """Tells a panel that is new, and those who know the icon that it may be another."""
        if self._bus is None:
            return False
        try:
            async with asyncio.timeout(ANSWER_S):
                (owner,) = await self._bus.call(BUS, "GetNameOwner", "s", WATCHER)
                if owner != self._owner:
                    where = ITEM.object_path  # of whoever says so: it needs no name on the bus
                    await self._bus.call(PANEL, "RegisterStatusNotifierItem", "s", where)
                    self._owner = owner
                for what in ("NewIcon", "NewTitle", "NewToolTip"):
                    await self._bus.send(new_signal(ITEM, what))
                asked = (WATCHER, "IsStatusNotifierHostRegistered")
                answer = await self._bus.call(PANEL.with_interface(PROPERTIES), "Get", "ss", *asked)
                return bool(answer[0][1])
        except Exception as error:  # there is none, or it isn't what it should be
            log.debug("no panel: %r", error)
            self._owner = ""
            return False

    def _heard(self, message: Message) -> Message | None:
        """The answer to what a panel asks of the icon."""
        fields = message.header.fields
        if message.header.message_type is MessageType.signal:
            self._news.set()
            return None
        interface, member = fields.get(HeaderFields.interface), fields[HeaderFields.member]
        if interface == PROPERTIES and member in ("Get", "GetAll"):
            found = self._menu() if message.body[0] == MENU.interface else self._item()
            if member == "GetAll":
                return new_method_return(message, "a{sv}", (found,))
            value = found.get(message.body[1])
            return new_method_return(message, "v", (value,)) if value else None
        if interface == ITEM.interface and member in ("Activate", "SecondaryActivate"):
            self._clicked()
            return new_method_return(message)
        if interface == MENU.interface:
            return self._of_menu(message, member, message.body)
        return None

    def _item(self) -> dict[str, tuple[str, Any]]:
        title = f"({self._unread}) {self._title}" if self._unread else self._title
        return {
            "Category": ("s", "Communications"),
            "Id": ("s", "p2pchat"),
            "Title": ("s", title),
            "Status": ("s", "Active"),
            "WindowId": ("i", 0),
            "IconPixmap": ("a(iiay)", self._pictures()),
            "ToolTip": ("(sa(iiay)ss)", ("", [], title, "")),
            "ItemIsMenu": ("b", False),
            "Menu": ("o", MENU.object_path),
            **dict.fromkeys(NO_NAMES, ("s", "")),
            **dict.fromkeys(NO_PICTURES, ("a(iiay)", [])),
        }

    def _pictures(self) -> list[tuple[int, int, bytes]]:
        """As the panel wants them: alpha, red, green, blue."""
        from PIL.Image import merge

        marked = self._unread > 0
        if marked not in self._drawn:
            drawn = [self._draw(side, self._unread).convert("RGBA").split() for side in SIDES]
            self._drawn[marked] = [
                (alpha.width, alpha.height, merge("RGBA", (alpha, *colours)).tobytes())
                for *colours, alpha in drawn
            ]
        return self._drawn[marked]

    def _menu(self) -> dict[str, tuple[str, Any]]:
        return {
            "Version": ("u", 3),
            "Status": ("s", "normal"),
            "TextDirection": ("s", "ltr"),
            "IconThemePath": ("as", []),
        }

    def _of_menu(self, message: Message, member: str, body: tuple[Any, ...]) -> Message | None:
        entries = [(n, {"label": ("s", label)}) for n, (label, _act) in self._entries.items()]
        root = (0, {"children-display": ("s", "submenu")})
        if member == "GetLayout":
            below: list[Any] = [("(ia{sv}av)", (*entry, [])) for entry in entries]
            found = next((one for one in entries if one[0] == body[0]), None)
            layout = (*found, []) if found else (*root, below)
            return new_method_return(message, "u(ia{sv}av)", (1, layout))
        if member == "GetGroupProperties":
            asked = [one for one in (root, *entries) if not body[0] or one[0] in body[0]]
            return new_method_return(message, "a(ia{sv})", (asked,))
        if member == "AboutToShow":
            return new_method_return(message, "b", (False,))
        if member == "AboutToShowGroup":
            return new_method_return(message, "aiai", ([], []))
        if member == "Event":
            self._clicked_in_menu(*body)
            return new_method_return(message)
        if member == "EventGroup":
            for event in body[0]:
                self._clicked_in_menu(*event)
            return new_method_return(message, "ai", ([],))
        return None

    def _clicked_in_menu(self, number: int, what: str, *_of_it: Any) -> None:
        if what == "clicked" and number in self._entries:
            self._entries[number][1]()
