"""Text for the clipboard."""

from __future__ import annotations

import tkinter as tk

_texts: dict[tk.Misc, str] = {}
"""By root: what was copied last."""


def copy(widget: tk.Misc, text: str) -> None:
    """Have others be able to paste it, and this program."""
    root = widget.nametowidget(".")
    root.clipboard_clear()
    if str(root.tk.call("tk", "windowingsystem")) != "x11":
        root.clipboard_append(text)
        return
    # Owned by the root, so that `pasted` can tell that it is still ours.
    if root not in _texts:
        for kind in ("STRING", "UTF8_STRING"):
            root.selection_handle(
                lambda offset, length: part(_texts[root], offset, length),
                selection="CLIPBOARD", type=kind,
            )  # fmt: skip
        root.bind("<Destroy>", lambda event: event.widget is root and _texts.pop(root, ""), add="+")
    _texts[root] = text
    root.selection_own(selection="CLIPBOARD")


def pasted(widget: tk.Misc) -> str:
    """What the clipboard holds; TclError where that is no text."""
    root = widget.nametowidget(".")
    if root in _texts and root.selection_own_get(selection="CLIPBOARD") is root:
        # Tk would read it from itself in parts of 4000 bytes, and break an emoji that lies on the
        # border of two.
        return _texts[root]
    return str(root.clipboard_get())


def part(text: str, offset: str, length: str) -> str:
    """What Tk asks a handler of a selection for."""
    return text[int(offset) : int(offset) + int(length)]
