"""Keys and buttons that Tk takes for something else than people do, in texts and on macOS."""

from __future__ import annotations

import tkinter as tk

_MOVES = {
    "<<NextLine>>": "n", "<<PrevLine>>": "p", "<<NextChar>>": "f", "<<PrevChar>>": "b",
    "<<LineEnd>>": "e", "<<SelectNextLine>>": "n", "<<SelectPrevLine>>": "p",
    "<<SelectNextChar>>": "f", "<<SelectPrevChar>>": "b", "<<SelectLineEnd>>": "e",
}  # fmt: skip
_EDITS = "dhikot"
"""They delete, transpose, insert a tab or open a line."""


def on_mac(widget: tk.Misc) -> bool:
    return bool(widget.tk.call("tk", "windowingsystem") == "aqua")


def chords(widget: tk.Misc, key: str) -> tuple[str, ...]:
    """A shortcut with Control, and on macOS also the one with Command that people know there."""
    return (key, key.replace("Control", "Command")) if on_mac(widget) else (key,)


def right_clicks(widget: tk.Misc) -> tuple[str, ...]:
    """On macOS Tk counts the right button as the second one; Tk 9 as the third, as elsewhere."""
    return ("<Button-3>", "<Button-2>") if on_mac(widget) else ("<Button-3>",)


def menu_keys(widget: tk.Misc) -> tuple[str, ...]:
    """Windows has another name for the menu key, which X doesn't know."""
    windows = widget.tk.call("tk", "windowingsystem") == "win32"
    return ("<Shift-F10>", "<App>" if windows else "<Menu>")


def press_by_return(root: tk.Misc) -> None:
    """Enter presses the button or switch that keys are on, as the space bar does, also in dialogs
    that are Tk's own."""

    def press(event: tk.Event[tk.Misc]) -> None:
        root.tk.call(str(event.widget), "invoke")  # tkinter knows no widgets of Tk's dialogs

    for kind in ("TButton", "TCheckbutton"):
        for key in ("<Return>", "<KP_Enter>"):
            root.bind_class(kind, key, press)


def follow(*widgets: tk.Misc) -> None:
    """Tab leads through these in this order, whichever was made first: Tk goes by what lies above
    what."""
    for widget in widgets:
        widget.tk.call("raise", str(widget))


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
