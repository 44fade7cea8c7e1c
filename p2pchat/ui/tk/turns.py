"""Work that is too long for one turn of the window's loop goes over several: keys come between."""

from __future__ import annotations

import time
import tkinter as tk
from collections.abc import Iterator

BUDGET_S = 0.004
"""No step is begun after this in the same turn."""


def in_turns(widget: tk.Misc, steps: Iterator[int | None]) -> None:
    """Take the steps, as long as the widget is there; a step may yield milliseconds, and the next
    is taken so much later."""

    def turn() -> None:
        if not widget.winfo_exists():
            return
        end = time.perf_counter() + BUDGET_S
        for pause in steps:
            if pause or time.perf_counter() >= end:
                widget.after(pause or 1, turn)
                return

    widget.after(1, turn)
