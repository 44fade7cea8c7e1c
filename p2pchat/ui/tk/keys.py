"""Keys that Tk gives texts as Emacs has them, and that people know as something else."""

from __future__ import annotations

import tkinter as tk

_MOVES = {
    "<<NextLine>>": "n", "<<PrevLine>>": "p", "<<NextChar>>": "f", "<<PrevChar>>": "b",
    "<<LineEnd>>": "e", "<<SelectNextLine>>": "n", "<<SelectPrevLine>>": "p",
    "<<SelectNextChar>>": "f", "<<SelectPrevChar>>": "b", "<<SelectLineEnd>>": "e",
}  # fmt: skip
_EDITS = "dhikot"
"""They delete, transpose, insert a tab or open a line."""


def press_by_return(root: tk.Misc) -> None:
    """Enter presses the button or switch that keys are on, as the space bar does."""
    for kind in ("TButton", "TCheckbutton"):
        for key in ("<Return>", "<KP_Enter>"):
            root.bind_class(kind, key, lambda event: event.widget.invoke())


def leave_steps(widget: tk.Misc) -> None:
    """Alt with an arrow is the window's: Tk takes it for the plain one where only that is bound."""
    for key in ("<Alt-Up>", "<Alt-Down>"):
        widget.bind(key, lambda event: None)


def free_keys(widget: tk.Misc) -> None:
    """Have Ctrl with these letters do nothing in texts: a shortcut of the window must not change
    what one is writing, as Ctrl+K would, which deletes to the end of the line."""
    for event, letter in _MOVES.items():
        for key in (letter, letter.upper()):
            widget.event_delete(event, f"<Control-{key}>")
    for letter in _EDITS:
        widget.unbind_class("Text", f"<Control-{letter}>")
