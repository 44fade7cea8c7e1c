"""Opening finished files and web addresses with the system's own programs. What came from others
is never executed: of what could be a program its folder is shown instead."""

from __future__ import annotations

import asyncio
import os
import stat
import subprocess
import sys
import threading

from p2pchat.errors import P2PChatError
from p2pchat.ui.language import _

WAIT_S = 1.5
"""So long it is looked whether the system's program fails at once; some stay, as what they open."""

RUNNABLE = frozenset(
    [
        ".action",
        ".app",
        ".appimage",
        ".appref-ms",
        ".application",
        ".apk",
        ".bash",
        ".bat",
        ".bin",
        ".cgi",
        ".chm",
        ".cmd",
        ".com",
        ".command",
        ".cpl",
        ".csh",
        ".deb",
        ".desktop",
        ".diagcab",
        ".dll",
        ".dmg",
        ".elf",
        ".exe",
        ".fish",
        ".gadget",
        ".hta",
        ".inf",
        ".ins",
        ".inx",
        ".ipa",
        ".iso",
        ".isu",
        ".jar",
        ".jnlp",
        ".job",
        ".js",
        ".jse",
        ".ksh",
        ".lnk",
        ".lua",
        ".mjs",
        ".mof",
        ".mpkg",
        ".msc",
        ".msi",
        ".msix",
        ".msp",
        ".mst",
        ".osx",
        ".out",
        ".paf",
        ".pif",
        ".php",
        ".pkg",
        ".pl",
        ".prefpane",
        ".prg",
        ".ps1",
        ".psd1",
        ".psm1",
        ".py",
        ".pyc",
        ".pyw",
        ".pyz",
        ".rb",
        ".reg",
        ".rgs",
        ".rpm",
        ".run",
        ".scf",
        ".scpt",
        ".scr",
        ".sct",
        ".service",
        ".settingcontent-ms",
        ".sh",
        ".shb",
        ".shs",
        ".snap",
        ".sys",
        ".tcl",
        ".terminal",
        ".tool",
        ".url",
        ".vb",
        ".vbe",
        ".vbs",
        ".vbscript",
        ".website",
        ".webloc",
        ".workflow",
        ".ws",
        ".wsc",
        ".wsf",
        ".wsh",
        ".xbap",
        ".xll",
        ".zsh",
    ]
)
"""Endings that one system or another runs, or follows to something that it runs."""


class SystemOpener:
    """`presenters.files.Opener`. On the event loop's thread, which it doesn't block."""

    async def open(self, path: str) -> None:
        await asyncio.to_thread(_open, path)

    async def show(self, path: str) -> None:
        await asyncio.to_thread(_show, path)

    async def browse(self, url: str) -> None:
        await asyncio.to_thread(_hand_over, url)


def may_run(path: str) -> bool:
    """Whether the system could execute it when it is asked to open it."""
    # Windows ignores dots and spaces at the end of a name.
    ending = os.path.splitext(path.rstrip(". /\\"))[1].lower()
    if ending in RUNNABLE:
        return True
    mode = os.stat(path).st_mode
    if stat.S_ISDIR(mode):
        return False
    return not stat.S_ISREG(mode) or (os.name != "nt" and bool(mode & 0o111))


def _open(path: str) -> None:
    path = _present(path)
    if may_run(path):
        _show(path)
    else:
        _hand_over(path)


def _show(path: str) -> None:
    path = _present(path)
    if sys.platform == "darwin":
        _launch(["open", "-R", path])
    elif sys.platform == "win32":
        # Outside quotes a comma would end the path, and quotes around all would be one.
        _launch(f'explorer /select,"{path}"', fails=False)
    else:
        _hand_over(os.path.dirname(path))


def _present(path: str) -> str:
    path = os.path.abspath(path)
    if not os.path.exists(path):
        raise P2PChatError(_("the file is no longer where it was put"))
    return path


def _hand_over(target: str) -> None:
    if sys.platform == "win32":
        try:
            os.startfile(target)
        except OSError as error:
            raise P2PChatError(_("it can't be opened: {why}").format(why=error.strerror)) from error
    else:
        _launch(["open" if sys.platform == "darwin" else "xdg-open", target])


def _launch(command: list[str] | str, fails: bool = True) -> None:
    """`fails`: whether its exit code says something."""
    try:
        program = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError:
        text = _("it can't be opened: there is no {program} here")
        name = command.split()[0] if isinstance(command, str) else command[0]
        raise P2PChatError(text.format(program=name)) from None
    try:
        code = program.wait(WAIT_S)
    except subprocess.TimeoutExpired:
        threading.Thread(target=program.wait, name="opened", daemon=True).start()
        return
    if code and fails:
        raise P2PChatError(_("the system has no program that opens it"))
