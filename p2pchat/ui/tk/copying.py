"""Text for the clipboard."""

from __future__ import annotations

import tkinter as tk
from typing import NamedTuple


class _Copied(NamedTuple):
    text: str
    read: str
    """What Tk reads back of it."""


_copied: dict[tk.Misc, _Copied] = {}
"""By root: what was copied last."""


def copy(widget: tk.Misc, text: str) -> None:
    """Have others be able to paste it, and this program."""
    root = widget.nametowidget(".")
    root.clipboard_clear()
    root.clipboard_append(text)
    if root not in _copied:
        root.bind("<Destroy>", lambda event: _copied.pop(event.widget, None), add="+")
    _copied[root] = _Copied(text, root.clipboard_get())


def pasted(widget: tk.Misc) -> str:
    """What the clipboard holds; TclError where that is no text."""
    root = widget.nametowidget(".")
    read, copied = str(root.clipboard_get()), _copied.get(root)
    # Tk reads its own in parts of 4000 bytes, and breaks an emoji that lies on the border of two.
    return copied.text if copied is not None and read == copied.read else read


def is_too_large(widget: tk.Misc) -> bool:
    """Whether the clipboard holds more text than Tk reads from another program of X."""
    try:
        widget.clipboard_get(type="UTF8_STRING")
    except tk.TclError as error:
        return str(error).endswith("large")
    return False


def part(text: str, offset: str, length: str) -> str:
    """What Tk asks a handler of a selection for. It counts in units of UTF-16."""
    start, end = 2 * int(offset), 2 * (int(offset) + int(length))
    return text.encode("utf-16-le", "surrogatepass")[start:end].decode("utf-16-le", "surrogatepass")
