"""Choosing what to share: the system's dialogs, and files that are dropped onto the window."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Sequence
from tkinter import filedialog

from tkinterdnd2 import TkinterDnD

from p2pchat.ui.language import _

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
