"""Starting with the system: a file or an entry of the user's own, where the system has a place for
it (the freedesktop.org autostart specification, a launch agent, the Run key)."""

from __future__ import annotations

import os
import plistlib
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from p2pchat.errors import P2PChatError
from p2pchat.ui.language import _

_RUN = r"Software\Microsoft\Windows\CurrentVersion\Run"


class Autostart:
    """Of one profile. `command` is what the system runs."""

    def __init__(self, name: str, command: Sequence[str]) -> None:
        """`name`: of the profile; empty for the unnamed one."""
        self._name = f"p2pchat-{name}" if name else "p2pchat"
        self._command = list(command)

    def is_on(self) -> bool | None:
        """None where this system has no place for it."""
        if sys.platform == "win32":
            return self._registered()
        place = self._place()
        return None if place is None else place.exists()

    def set(self, on: bool) -> None:
        """P2PChatError."""
        try:
            if sys.platform == "win32":
                self._register(on)
            elif (place := self._place()) is not None:
                if on:
                    place.parent.mkdir(parents=True, exist_ok=True)
                    place.write_bytes(self._content())
                else:
                    place.unlink(missing_ok=True)
        except OSError as error:
            why = error.strerror or str(error)
            raise P2PChatError(_("it can't be set: {why}").format(why=why)) from error

    def _place(self) -> Path | None:
        if sys.platform == "darwin":
            return Path.home() / "Library" / "LaunchAgents" / f"org.{self._name}.plist"
        if not sys.platform.startswith(("linux", "freebsd", "openbsd", "netbsd")):
            return None
        base = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
        return Path(base) / "autostart" / f"{self._name}.desktop"

    def _content(self) -> bytes:
        if sys.platform == "darwin":
            return plistlib.dumps(
                {
                    "Label": f"org.{self._name}",
                    "ProgramArguments": self._command,
                    "RunAtLoad": True,
                }
            )
        lines = (
            "[Desktop Entry]", "Type=Application", "Name=p2pchat",
            f"Exec={desktop_exec(self._command)}", "X-GNOME-Autostart-enabled=true",
        )  # fmt: skip
        return "\n".join((*lines, "")).encode()

    def _registered(self) -> bool:
        if sys.platform != "win32":
            return False
        import winreg

        try:
            with winreg.OpenKey(winreg.HKEY_CURRENT_USER, _RUN) as key:
                winreg.QueryValueEx(key, self._name)
        except OSError:
            return False
        return True

    def _register(self, on: bool) -> None:
        if sys.platform != "win32":
            return
        import subprocess
        import winreg

        access = winreg.KEY_SET_VALUE
        with winreg.CreateKeyEx(winreg.HKEY_CURRENT_USER, _RUN, 0, access) as key:
            if on:
                line = subprocess.list2cmdline(self._command)
                winreg.SetValueEx(key, self._name, 0, winreg.REG_SZ, line)
            elif self._registered():
                winreg.DeleteValue(key, self._name)


def desktop_exec(command: Sequence[str]) -> str:
    """The value of Exec in a desktop entry: quoted, and % doubled (Desktop Entry Specification,
    "The Exec key")."""
    quoted = []
    for word in command:
        if shlex.quote(word) == word:
            quoted.append(word)
        else:
            inner = "".join(f"\\{c}" if c in '"`$\\' else c for c in word)
            quoted.append(f'"{inner}"')
    # The value as a whole is a string of the file's, in which a backslash is written twice.
    return " ".join(quoted).replace("%", "%%").replace("\\", "\\\\")
