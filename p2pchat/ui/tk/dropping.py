"""What is dragged out of other programs onto the window, by tkdnd."""

from __future__ import annotations

import re
import tkinter as tk
from collections.abc import Callable, Sequence

from tkinterdnd2 import TkinterDnD

FILES, TEXT = "DND_Files", "DND_Text"
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+:", re.IGNORECASE)
"""Of the web, or the like: a browser's link comes in a list as files do. One letter and a colon is
a drive of Windows."""


class Drops:
    """Of one window. What is to happen with them is set by who makes it."""

    def __init__(self, root: tk.Tk) -> None:
        self.find: Callable[[int, int], str] = lambda x, y: ""
        """The conversation at a place of the screen; empty where nothing can be dropped."""
        self.hover: Callable[[str], None] = lambda conversation: None
        """Files are above that conversation; empty: no longer."""
        self.take_files: Callable[[str, Sequence[str]], None] = lambda conversation, paths: None
        self.take_text: Callable[[str, str], None] = lambda conversation, text: None
        self._root = root

    def accept(self) -> bool:
        """From now on; false where there is no extension of Tk for that (tkdnd), neither the
        system's nor one that we have brought."""
        tcl = self._root.tk
        try:
            self._load()
            tcl.call("tkdnd::drop_target", "register", ".", (FILES, TEXT))
        except (tk.TclError, RuntimeError):
            return False
        # The extension puts what it knows in the places of %D and the like; what a script returns
        # is the action that the source is told.
        for event, take, values in (
            ("<<DropPosition>>", self._above, "%X %Y %CPT"),
            ("<<DropLeave>>", self._left, ""),
            (f"<<Drop:{FILES}>>", self._files, "%X %Y %D"),
            (f"<<Drop:{TEXT}>>", self._text, "%X %Y %D"),
        ):
            command = self._root.register(take)
            tcl.call("bind", ".", event, f"{command} {values}")
        return True

    def _load(self) -> None:
        """tk.TclError, RuntimeError (for which system there is none)."""
        try:
            self._root.tk.call("package", "require", "tkdnd")
        except tk.TclError:
            # What the package itself calls for a root that it hasn't made.
            TkinterDnD._require(self._root)

    def _found(self, x: str, y: str) -> str:
        """Nothing is dropped behind a dialog."""
        return "" if self._root.tk.call("grab", "current") else self.find(int(x), int(y))

    def _above(self, x: str, y: str, kind: str) -> str:
        found = self._found(x, y)
        self.hover(found if kind == FILES else "")
        return "copy" if found else "refuse_drop"

    def _left(self) -> None:
        self.hover("")

    def _files(self, x: str, y: str, listed: str) -> str:
        self.hover("")
        found = [str(path) for path in self._root.tk.splitlist(listed)]
        addresses = [one for one in found if _ADDRESS.match(one)]
        paths = [one for one in found if one not in addresses]
        conversation = self._found(x, y)
        if not conversation or not found:
            return "refuse_drop"
        if paths:
            self._later(lambda: self.take_files(conversation, paths))
        else:
            self._later(lambda: self.take_text(conversation, "\n".join(addresses)))
        return "copy"

    def _text(self, x: str, y: str, text: str) -> str:
        conversation = self._found(x, y)
        if not conversation or not text:
            return "refuse_drop"
        self._later(lambda: self.take_text(conversation, text))
        return "copy"

    def _later(self, take: Callable[[], None]) -> None:
        """The other program waits for the end of what is called here."""
        self._root.after_idle(take)
