"""Choosing what to share, and where to put what others did: the system's dialogs, and what was
copied elsewhere."""

from __future__ import annotations

import asyncio
import os
import tkinter as tk
from collections.abc import Callable, Sequence
from tkinter import filedialog

from p2pchat.node.api import NodeApi
from p2pchat.ui.clipboard import copied, file_paths, keep_pasted, picture
from p2pchat.ui.language import _
from p2pchat.ui.presenters import words
from p2pchat.ui.presenters.filecard import FileCard
from p2pchat.ui.presenters.runner import Runner
from p2pchat.ui.tk.asking import Asking

URIS = "text/uri-list"

Share = Callable[[Sequence[str]], None]


class Attach:
    """`share` gets the paths that were chosen. What was copied is shown before: keys are pressed by
    mistake."""

    def __init__(self, root: tk.Tk, share: Share, asking: Asking) -> None:
        self._root = root
        self._share = share
        self._asking = asking

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

    def ask_place(self, card: FileCard) -> str:
        """Where it is to be put, a new name; empty where somebody has thought better of it."""
        if card.folder:
            folder = filedialog.askdirectory(
                parent=self._root, title=_("Save the folder in"), mustexist=True
            )
            return os.path.join(folder, card.save_as) if folder else ""
        # The node overwrites nothing, so nobody is asked whether to.
        chosen = filedialog.asksaveasfilename(
            parent=self._root, title=_("Save as…"), initialfile=card.save_as,
            defaultextension=os.path.splitext(card.save_as)[1], confirmoverwrite=False,
        )  # fmt: skip
        return str(chosen or "")

    def paste(self, runner: Runner, node: NodeApi) -> bool:
        """Share the files that were copied, or the picture, which is kept among the downloads;
        false where the clipboard holds text or nothing."""
        files = self._copied_files()
        if files:
            self._offer(files)
            return True
        if not self._holds_picture():
            return False

        def take(found: bytes | Sequence[str] | None) -> None:
            found = found or self._from_tk()
            if isinstance(found, bytes):
                self._offer_picture(runner, node, found)
            elif found:
                self._offer(found)

        runner.call(lambda: asyncio.to_thread(copied), take)
        return True

    def _offer(self, paths: Sequence[str]) -> None:
        self._asking.share(paths, lambda: self._share(paths))

    def _offer_picture(self, runner: Runner, node: NodeApi, data: bytes) -> None:
        async def kept() -> str:
            folder = (await node.info()).downloads
            return await asyncio.to_thread(keep_pasted, data, folder)

        shown = _("The picture that was copied ({size})").format(size=words.size(len(data)))
        self._asking.share(
            [shown], lambda: runner.call(kept, lambda path: self._share([path])), picture=data
        )

    def _copied_files(self) -> list[str]:
        """What a file manager of X has copied; elsewhere Tk isn't told of it."""
        data = self._bytes(URIS) if URIS in self._kinds() else None
        return file_paths(data.decode(errors="replace")) if data else []

    def _holds_picture(self) -> bool:
        if self._root.tk.call("tk", "windowingsystem") == "x11":
            kinds = self._kinds()
            return "image/png" in kinds and "UTF8_STRING" not in kinds
        try:
            self._root.clipboard_get()
        except tk.TclError:
            return True  # Windows and macOS tell Tk of text alone.
        return False

    def _kinds(self) -> list[str]:
        """What the clipboard offers on X. Nothing else may be asked for: xclip hands out what it
        has whatever the kind, and is stuck where Tk doesn't take all of that."""
        try:
            return str(self._root.clipboard_get(type="TARGETS")).split()
        except tk.TclError:
            return []

    def _from_tk(self) -> bytes | None:
        """The picture, for displays without a tool that hands it out."""
        data = self._bytes("image/png")
        return picture(data) if data else None

    def _bytes(self, kind: str) -> bytes | None:
        """As Tk reads them, which spells bytes as numbers."""
        try:
            spelt = str(self._root.clipboard_get(type=kind)).split()
            return bytes(int(word, 16) & 0xFF for word in spelt)
        except (tk.TclError, ValueError):
            return None
