"""Whether there can be a window at all."""

from __future__ import annotations


def why_no_display() -> str | None:
    """One reason, or None where a window can be opened. It is tried: DISPLAY may be stale."""
    try:
        import tkinter
    except ImportError:
        return "tkinter is not installed (Debian and Ubuntu: apt install python3-tk)"
    try:
        root = tkinter.Tk()
    except tkinter.TclError as error:
        return str(error)
    root.destroy()
    return None
