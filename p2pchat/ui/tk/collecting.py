"""When the garbage collector goes through everything: between events, not in the midst of one."""

from __future__ import annotations

import gc
import tkinter as tk
from collections.abc import Iterator
from contextlib import contextmanager

LOOK_MS = 1000
RARELY = 10
"""So many times as much may gather where the window's thread comes to no look."""


@contextmanager
def between_events(root: tk.Tk) -> Iterator[None]:
    """With a long history and hundreds of people a full run takes 10 to 30 ms: added to an event's
    own time, that is what a person notices."""
    young, middling, old = gc.get_threshold()

    def look() -> None:
        if gc.get_count()[2] > old:
            gc.collect()
        root.after(LOOK_MS, look)

    gc.set_threshold(young, middling, old * RARELY)
    root.after(LOOK_MS, look)
    try:
        yield
    finally:
        gc.set_threshold(young, middling, old)
