"""The system around the window: starting with it, and the other profiles of this user."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from p2pchat.config.profiles import PROFILES, is_profile_name
from p2pchat.errors import P2PChatError, ProfileInUse
from p2pchat.ui.autostart import Autostart
from p2pchat.ui.language import _
from p2pchat.ui.notifications import Notifications


class SystemAround:
    """Of the profile in `data_dir`; `base` is the folder of the unnamed one."""

    def __init__(
        self,
        data_dir: Path,
        base: Path,
        program: Sequence[str],
        in_tray: Callable[[], bool] = lambda: False,
        is_profile: Callable[[Path], bool] = Path.is_dir,
        delete: Callable[[Path], None] = lambda folder: None,
    ) -> None:
        """`program`: how this program is started, without arguments. `is_profile` and `delete` are
        for data folders; the latter blocks, and raises P2PChatError."""
        self.in_tray = in_tray
        self._base = base
        self._is_profile = is_profile
        self._delete = delete
        self._program = list(program)
        self._own = own = data_dir.name if data_dir.parent == base / PROFILES else ""
        if own:
            where, name = ["--profile", own], own
        elif data_dir == base:
            where, name = [], ""
        else:
            where, name = ["--data-dir", str(data_dir)], data_dir.name
        notifications = Notifications(data_dir)
        self.notify = notifications.notify
        self.withdraw = notifications.withdraw
        self.clicked = notifications.clicked
        self._autostart = Autostart(name, [*self._program, "window", *where])

    def autostart(self) -> bool | None:
        return self._autostart.is_on()

    def set_autostart(self, on: bool) -> None:
        self._autostart.set(on)

    def profiles(self) -> Sequence[str]:
        try:
            found = list(os.scandir(self._base / PROFILES))
        except OSError:
            found = []
        return ["", *sorted(e.name for e in found if self._is_one(e))]

    def _is_one(self, entry: os.DirEntry[str]) -> bool:
        return is_profile_name(entry.name) and self._is_profile(Path(entry.path))

    async def delete_profile(self, name: str) -> None:
        if name not in self.profiles()[1:]:
            raise P2PChatError(_("there is no profile of that name"))
        if name == self._own:
            raise P2PChatError(_("this is the profile that is open here"))
        try:
            await asyncio.to_thread(self._delete, self._base / PROFILES / name)
        except ProfileInUse:
            raise P2PChatError(_("it is open: close it first")) from None
        Autostart(name, ()).set(False)

    def open_profile(self, name: str) -> None:
        if name and not is_profile_name(name):
            raise P2PChatError(_("a profile has a plain name: letters, digits, space, - and _"))
        where = ["--profile", name] if name else []
        # A bundle's environment belongs to one process: another one unpacks itself.
        environment = {**os.environ, "PYINSTALLER_RESET_ENVIRONMENT": "1"}
        try:
            subprocess.Popen(
                [*self._program, "window", *where],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                env=environment,
            )
        except OSError as error:
            raise P2PChatError(_("it can't be opened: {why}").format(why=error.strerror)) from error


def this_program() -> list[str]:
    """How it was started: a bundle of its own, or as a module of an interpreter."""
    if getattr(sys, "frozen", False):
        return [sys.executable]
    return [sys.executable, "-P", "-m", "p2pchat"]
