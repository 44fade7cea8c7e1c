"""Notifications of the system's, one a conversation, without complaint where there are none."""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

log = logging.getLogger("p2pchat.ui")

SEND_S = 3.0
"""A service that doesn't answer within so long has failed."""
AGAIN_S = 60.0
"""After a failure nothing is asked of it for so long: it may start later than this program."""
WAITING = 20
"""Clicks that nobody has asked for yet."""
ICON = "notification.png"
ICON_PX = 128


@dataclass(frozen=True, slots=True)
class Bubble:
    """A notification, in plain text."""

    conversation: str
    title: str
    text: str
    lasting: bool
    """Another of the conversation doesn't take its place."""
    icon: Path | None


class Service(Protocol):
    """The system's. All of it raises whatever the system's library does."""

    async def show(self, one: Bubble) -> None: ...

    async def withdraw(self, conversation: str) -> None: ...

    def end(self) -> None:
        """It has failed: leave it."""
        ...


class Notifications:
    """All on the node's event loop."""

    def __init__(self, folder: Path) -> None:
        """`folder`: for the picture that is shown beside them."""
        self._folder = folder
        self._service: Service | None = None
        self._quiet_until = 0.0
        self._clicks: asyncio.Queue[str] = asyncio.Queue(WAITING)
        self._turn = asyncio.Lock()
        """One after the other: what another takes the place of is known once it is shown."""

    async def notify(self, conversation: str, title: str, text: str, lasting: bool = False) -> None:
        """As presenters.alerts.Notifier says."""
        async with self._turn:
            if time.monotonic() < self._quiet_until:
                return
            try:
                async with asyncio.timeout(SEND_S):
                    if self._service is None:
                        # It takes a while: the loop goes on meanwhile.
                        self._service = await asyncio.to_thread(_service, self._clicked)
                    icon = await asyncio.to_thread(self._icon)
                    await self._service.show(Bubble(conversation, title, text, lasting, icon))
            except Exception as error:  # of whichever system's services, or none is installed
                self._failed(error)

    async def withdraw(self, conversation: str) -> None:
        """As presenters.alerts.Notifier says."""
        async with self._turn:
            if self._service is None:
                return
            try:
                async with asyncio.timeout(SEND_S):
                    await self._service.withdraw(conversation)
            except Exception as error:  # as above
                self._failed(error)

    def _failed(self, error: Exception) -> None:
        log.debug("no notifications: %r", error)
        self._quiet_until = time.monotonic() + AGAIN_S
        if self._service is not None:
            self._service.end()
            self._service = None

    def _icon(self) -> Path | None:
        """The program's sign, as a file for the system to read."""
        from p2pchat.ui.tk.drawing import sign

        path = self._folder / ICON
        try:
            if not path.exists():
                sign(ICON_PX).save(path, "PNG")
        except OSError as error:
            log.debug("no picture beside notifications: %r", error)
            return None
        return path

    def _clicked(self, conversation: str) -> None:
        if not self._clicks.full():
            self._clicks.put_nowait(conversation)

    async def clicked(self) -> str:
        """The conversation of the next notification that is clicked."""
        return await self._clicks.get()


def _service(clicked: Callable[[str], None]) -> Service:
    if sys.platform in ("win32", "darwin"):
        return _Library(clicked)
    from p2pchat.ui.notifications_dbus import BusService

    return BusService(clicked)


class _Library:
    """desktop-notifier: the notification centers of Windows and macOS."""

    def __init__(self, clicked: Callable[[str], None]) -> None:
        import desktop_notifier

        # It logs what fails, and goes on: a system without notifications is no trouble.
        logging.getLogger("desktop_notifier").setLevel(logging.CRITICAL)
        self._icon = desktop_notifier.Icon
        self._notifier: Any = desktop_notifier.DesktopNotifier(app_name="p2pchat")
        self._clicked = clicked
        self._shown: dict[str, str] = {}

    async def show(self, one: Bubble) -> None:
        if not one.lasting:
            await self.withdraw(one.conversation)
        number = await self._notifier.send(
            title=one.title,
            message=one.text,
            icon=self._icon(path=one.icon) if one.icon else None,
            on_clicked=lambda: self._clicked(one.conversation),
        )
        if not one.lasting:
            self._shown[one.conversation] = number

    async def withdraw(self, conversation: str) -> None:
        if conversation in self._shown:
            await self._notifier.clear(self._shown.pop(conversation))

    def end(self) -> None:
        self._shown.clear()
