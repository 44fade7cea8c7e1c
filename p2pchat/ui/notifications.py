"""Notifications by desktop-notifier (D-Bus on Linux, the notification centers of Windows and
macOS), without complaint where there are none."""

from __future__ import annotations

import asyncio
import html
import importlib
import logging
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from desktop_notifier import DesktopNotifier

log = logging.getLogger("p2pchat.ui")

SEND_S = 3.0
"""A service that doesn't answer within so long isn't asked again."""
WAITING = 20
"""Clicks that nobody has asked for yet."""


class Notifications:
    """All on the node's event loop."""

    def __init__(self) -> None:
        self._notifier: DesktopNotifier | None = None
        self._gone = False
        self._clicks: asyncio.Queue[str] = asyncio.Queue(WAITING)

    async def notify(self, conversation: str, title: str, text: str) -> None:
        """As presenters.alerts.Notifier says."""
        if self._gone:
            return
        try:
            async with asyncio.timeout(SEND_S):
                await self._send(conversation, title, text)
        except Exception as error:  # of whichever system's services, or none is installed
            self._gone = True
            log.debug("no notifications: %r", error)

    async def _send(self, conversation: str, title: str, text: str) -> None:
        if self._notifier is None:
            # It takes a while: the loop goes on meanwhile.
            library = await asyncio.to_thread(importlib.import_module, "desktop_notifier")
            # It logs what fails, and goes on: a system without notifications is no trouble.
            logging.getLogger("desktop_notifier").setLevel(logging.CRITICAL)
            self._notifier = library.DesktopNotifier(app_name="p2pchat")
        if sys.platform not in ("win32", "darwin"):
            # The body is markup there (Desktop Notifications Specification, "Markup").
            text = html.escape(text, quote=False)
        await self._notifier.send(
            title=title, message=text, on_clicked=lambda: self._clicked(conversation)
        )

    def _clicked(self, conversation: str) -> None:
        if not self._clicks.full():
            self._clicks.put_nowait(conversation)

    async def clicked(self) -> str:
        """The conversation of the next notification that is clicked."""
        return await self._clicks.get()
