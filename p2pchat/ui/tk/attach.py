"""Choosing what to share: the system's dialogs, and files that are dropped onto the window."""

from __future__ import annotations

import asyncio
import tkinter as tk
from collections.abc import Callable, Sequence
from tkinter import filedialog

from tkinterdnd2 import TkinterDnD

from p2pchat.node.api import NodeApi
from p2pchat.ui.clipboard import copied_picture, keep_pasted, picture
from p2pchat.ui.language import _
from p2pchat.ui.presenters.runner import Runner

Share = Callable[[Sequence[str]], None]


class Attach:
    """`share` gets the paths that were chosen or dropped."""

    def __init__(self, root: tk.Tk, share: Share) -> None:
        self._root = root
        self._share = share

    def ask_files(self) -> None:
        chosen = filedialog.askopenfilenames(parent=self._root, title=_("Share files"))
        if chosen:
            self._share([str(path) for path in self._root.tk.splitlist(chosen)])

    def ask_folder(self) -> None:
        chosen = filedialog.askdirectory(
            parent=self._root, title=_("Share a folder"), mustexist=True
        )
        if chosen:
            self._share([str(chosen)])

    def paste(self, runner: Runner, node: NodeApi) -> bool:
        """Share the picture that was copied, kept among the downloads; false where the clipboard
        holds text or none."""
        if not self._holds_picture():
            return False

        def keep(found: bytes | None) -> None:
            found = found or self._from_tk()
            if found is not None:
                data = found

                async def kept() -> str:
                    folder = (await node.info()).downloads
                    return await asyncio.to_thread(keep_pasted, data, folder)

                runner.call(kept, lambda path: self._share([path]))

        runner.call(lambda: asyncio.to_thread(copied_picture), keep)
        return True

    def _holds_picture(self) -> bool:
        on_x11 = bool(self._root.tk.call("tk", "windowingsystem") == "x11")
        try:
            if on_x11:
                kinds = str(self._root.clipboard_get(type="TARGETS")).split()
                return "image/png" in kinds and "UTF8_STRING" not in kinds
            self._root.clipboard_get()
        except tk.TclError:
            # Windows and macOS tell Tk of text alone.
            return not on_x11
        return False

    def _from_tk(self) -> bytes | None:
        """By Tk itself, which spells bytes as numbers: for displays without a tool for that."""
        try:
            words = str(self._root.clipboard_get(type="image/png")).split()
            return picture(bytes(int(word, 16) & 0xFF for word in words))
        except (tk.TclError, ValueError):
            return None

    def accept_drops(self) -> bool:
        """From now on what is dropped onto the window is shared; false where there is no
        extension of Tk for that (tkdnd), neither the system's nor one that we have brought."""
        tcl = self._root.tk
        try:
            self._load()
            tcl.call("tkdnd::drop_target", "register", ".", "DND_Files")
        except (tk.TclError, RuntimeError):
            return False
        take = self._root.register(self._dropped)
        # The extension puts the list of paths in the place of %D; what the script returns is the
        # action that the source is told.
        tcl.call("bind", ".", "<<Drop:DND_Files>>", f"{take} %D")
        return True

    def _load(self) -> None:
        """tk.TclError, RuntimeError (for which system there is none)."""
        try:
            self._root.tk.call("package", "require", "tkdnd")
        except tk.TclError:
            # What the package itself calls for a root that it hasn't made.
            TkinterDnD._require(self._root)

    def _dropped(self, paths: str) -> str:
        found = [str(path) for path in self._root.tk.splitlist(paths)]
        if not found:
            return "refuse_drop"
        self._share(found)
        return "copy"
