"""Notifications over D-Bus (Desktop Notifications Specification 1.2): Linux and its like.

Not by desktop-notifier, which opens a connection to the bus for each notification that fails, and
can't put one in the place of another."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import Any

from jeepney import DBusAddress, HeaderFields, Message

from p2pchat.ui.bus import BUS, Bus
from p2pchat.ui.language import _
from p2pchat.ui.notifications import Bubble

NAME = "org.freedesktop.Notifications"
DESKTOP = DBusAddress("/org/freedesktop/Notifications", NAME, NAME)
SIGNALS = f"type='signal',interface='{NAME}'"
CLICK = "default"
"""The action of the bubble itself."""
AS_LONG_AS_USUAL = -1


class BusService:
    """notifications.Service. OSError, and what jeepney raises."""

    def __init__(self, clicked: Callable[[str], None]) -> None:
        self._clicked = clicked
        self._bus: Bus | None = None
        self._shown: dict[int, Bubble] = {}
        """By the number that the desktop has given."""

    async def show(self, one: Bubble) -> None:
        hints = {"urgency": ("y", 1), "category": ("s", "im.received")}
        former = 0 if one.lasting else self._number(one.conversation)
        number, *_rest = await self._call(
            "Notify",
            "susssasa{sv}i",
            "p2pchat",
            former,
            one.icon.as_uri() if one.icon else "",
            one.title,
            # The body is markup ("Markup" of the specification).
            html.escape(one.text, quote=False),
            [CLICK, _("Open")],
            hints,
            AS_LONG_AS_USUAL,
        )
        self._shown.pop(former, None)
        self._shown[number] = one

    async def withdraw(self, conversation: str) -> None:
        number = self._number(conversation)
        if self._shown.pop(number, None) is not None:
            await self._call("CloseNotification", "u", number)

    def _number(self, conversation: str) -> int:
        """Of the one that another may take the place of; 0: there is none."""
        shown = self._shown.items()
        found = (n for n, one in shown if one.conversation == conversation and not one.lasting)
        return next(found, 0)

    def end(self) -> None:
        if self._bus is not None:
            self._bus.end()

    async def _call(self, member: str, signature: str, *body: Any) -> tuple[Any, ...]:
        if self._bus is None:
            self._bus = await Bus.connect(self._heard)
            await self._bus.call(BUS, "AddMatch", "s", SIGNALS)
        return await self._bus.call(DESKTOP, member, signature, *body)

    def _heard(self, message: Message) -> None:
        fields = message.header.fields
        member = fields.get(HeaderFields.member)
        if fields.get(HeaderFields.interface) != NAME or member not in (
            "ActionInvoked",
            "NotificationClosed",
        ):
            return
        number, what = message.body
        if member == "NotificationClosed":
            self._shown.pop(number, None)
        elif number in self._shown and what == CLICK:
            self._clicked(self._shown[number].conversation)
