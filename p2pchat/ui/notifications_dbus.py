"""Notifications over D-Bus (Desktop Notifications Specification 1.2): Linux and its like.

Not by desktop-notifier, which opens a connection to the bus for each notification that fails, and
can't put one in the place of another."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import Any

from dbus_fast.aio.message_bus import MessageBus
from dbus_fast.constants import MessageType
from dbus_fast.message import Message
from dbus_fast.signature import Variant

from p2pchat.ui.language import _
from p2pchat.ui.notifications import Bubble

NAME, PLACE = "org.freedesktop.Notifications", "/org/freedesktop/Notifications"
BUS, BUS_PLACE = "org.freedesktop.DBus", "/org/freedesktop/DBus"
SIGNALS = f"type='signal',interface='{NAME}'"
CLICK = "default"
"""The action of the bubble itself."""
AS_LONG_AS_USUAL = -1


class BusService:
    """notifications.Service. OSError, and what dbus-fast raises."""

    def __init__(self, clicked: Callable[[str], None]) -> None:
        self._clicked = clicked
        self._bus: MessageBus | None = None
        self._shown: dict[int, Bubble] = {}
        """By the number that the desktop has given."""

    async def show(self, one: Bubble) -> None:
        hints = {"urgency": Variant("y", 1), "category": Variant("s", "im.received")}
        former = 0 if one.lasting else self._number(one.conversation)
        answer = await self._call(
            "Notify",
            "susssasa{sv}i",
            [
                "p2pchat",
                former,
                one.icon.as_uri() if one.icon else "",
                one.title,
                # The body is markup ("Markup" of the specification).
                html.escape(one.text, quote=False),
                [CLICK, _("Open")],
                hints,
                AS_LONG_AS_USUAL,
            ],
        )
        self._shown.pop(former, None)
        self._shown[answer[0]] = one

    async def withdraw(self, conversation: str) -> None:
        number = self._number(conversation)
        if self._shown.pop(number, None) is not None:
            await self._call("CloseNotification", "u", [number])

    def _number(self, conversation: str) -> int:
        """Of the one that another may take the place of; 0: there is none."""
        shown = self._shown.items()
        found = (n for n, one in shown if one.conversation == conversation and not one.lasting)
        return next(found, 0)

    def end(self) -> None:
        if self._bus is not None:
            self._bus.disconnect()

    async def _call(self, member: str, signature: str, body: list[Any]) -> list[Any]:
        if self._bus is None:
            self._bus = MessageBus()
            await self._bus.connect()
            self._bus.add_message_handler(self._heard)
            await self._ask(self._bus, BUS, BUS_PLACE, "AddMatch", "s", [SIGNALS])
        return await self._ask(self._bus, NAME, PLACE, member, signature, body)

    async def _ask(
        self, bus: MessageBus, name: str, place: str, member: str, signature: str, body: list[Any]
    ) -> list[Any]:
        answer = await bus.call(
            Message(
                destination=name, path=place, interface=name, member=member,
                signature=signature, body=body,
            )
        )  # fmt: skip
        if answer is None or answer.message_type is MessageType.ERROR:
            raise OSError(f"{member}: {answer.error_name if answer else None}")
        found: list[Any] = answer.body
        return found

    def _heard(self, message: Message) -> None:
        if message.interface != NAME or message.member not in (
            "ActionInvoked",
            "NotificationClosed",
        ):
            return
        number, what = message.body
        if message.member == "NotificationClosed":
            self._shown.pop(number, None)
        elif number in self._shown and what == CLICK:
            self._clicked(self._shown[number].conversation)
