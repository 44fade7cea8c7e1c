"""Runs the real window and plays its person; started by window.py, with a display.

    python _window_driver.py WHAT BEGUN_NS HISTORY_ROOM OTHER_ROOM -- WINDOW_OPTIONS

WHAT is `figures`, or `events` (_window_events.py). BEGUN_NS is when the process was started, by
CLOCK_MONOTONIC. Prints JSON: figures by their names.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
import tkinter as tk
from collections.abc import Callable
from pathlib import Path
from typing import Any

from _window_events import Events
from report import percentile

from p2pchat import cli
from p2pchat.ui.tk import window as module

SCROLL_S = 20.0
STEP = 600
"""Pixels scrolled for a frame."""
SWITCHES = 40
PRESSES = 300
PRESS_EVERY_S = 0.02
BEAT_MS = 2

found: dict[str, float] = {}
shown: list[module.Window] = []


class Person:
    def __init__(self, root: tk.Tk, history: str, other: str) -> None:
        self.root = root
        self.history = history
        self.other = other

    @property
    def desk(self) -> Any:
        return shown[0].desk

    def until(self, condition: Callable[[], object], what: str, seconds: float = 60) -> None:
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise RuntimeError(f"not in time: {what}")
            # As the main loop does: waiting, it leaves the interpreter to the node's thread.
            self.root.tk.dooneevent(0)

    def drawn(self, conversation: str) -> bool:
        main = self.desk.main.conversation
        view = self.desk.conversation.transcript
        return bool(main.name == conversation and not main.loading and view.drawn)

    def press(self, char: str) -> None:
        """A key, until what it writes is on the screen."""
        self.desk.composer.entry.event_generate("<Key>", keysym=char)
        self.root.update_idletasks()

    # -- what is measured

    def starts(self, begun_ns: int) -> None:
        self.until(lambda: self.desk is not None and self.drawn("#lobby"), "the first page")
        self.root.focus_force()
        self.desk.composer.focus()
        self.until(lambda: self.root.focus_get() is self.desk.composer.entry, "the focus")
        self.press("a")
        if self.desk.composer.text() != "a":
            raise RuntimeError("the key wrote nothing")
        found["start"] = (time.monotonic_ns() - begun_ns) / 1e9
        self.desk.composer.set_text("")

    def switches(self) -> None:
        taken = []
        for turn in range(SWITCHES):
            name = (self.other, self.history)[turn % 2]
            begun = time.perf_counter()
            self.desk.main.open(name)
            self.until(lambda name=name: self.drawn(name), name)  # type: ignore[misc]  # called at once
            self.root.update_idletasks()
            taken.append((time.perf_counter() - begun) * 1000)
        found["switch"] = percentile(taken, 0.95)
        found["switch, median"] = statistics.median(taken)

    def scrolls(self) -> None:
        """Up, as fast as frames are drawn, while pages of older messages come in."""
        view = self.desk.conversation.transcript
        frames, slowest, rows = [], 0.0, 0
        end = time.perf_counter() + SCROLL_S
        first = view.rows[0].message_id
        while time.perf_counter() < end:
            begun = time.perf_counter()
            view.by(-STEP)
            self.root.update()
            taken = time.perf_counter() - begun
            slowest = max(slowest, taken)
            frames.append(taken)
            if view.rows[0].message_id != first:
                first, rows = view.rows[0].message_id, rows + 1
        seconds = [0] * (int(SCROLL_S) + 1)
        at = 0.0
        for taken in frames:
            at += taken
            seconds[min(int(at), len(seconds) - 1)] += 1
        found["frames"] = float(min(seconds[: int(SCROLL_S) - 1]))
        found["frames, mean"] = len(frames) / SCROLL_S
        found["slowest frame"] = slowest * 1000
        found["pages"] = float(rows)
        found["memory"] = memory_mib()

    def types(self) -> None:
        """While others write: a press is due every PRESS_EVERY_S, whatever the window does."""
        self.desk.main.open(self.history)
        self.until(lambda: self.drawn(self.history), "the conversation")
        self.desk.main.conversation.to_end()
        self.desk.composer.focus()
        taken: list[float] = []
        due = time.perf_counter()
        for _ in range(PRESSES):
            due += PRESS_EVERY_S
            timer = self.root.after(max(0, round((due - time.perf_counter()) * 1000)), str)
            while time.perf_counter() < due:
                self.root.tk.dooneevent(0)
            self.root.after_cancel(timer)
            self.press("a")
            taken.append((time.perf_counter() - due) * 1000)
            if len(self.desk.composer.text()) > 60:
                self.desk.composer.set_text("")
        self.desk.composer.set_text("")  # else it is a draft, and there at the next start
        found["key"] = percentile(taken, 0.99)
        found["key, median"] = statistics.median(taken)
        found["key, slowest"] = max(taken)


def memory_mib() -> float:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024


def main() -> None:
    what, begun_ns, history, other = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
    start = module.Window.start

    def started(self: module.Window, suggested_name: str | None) -> None:
        shown.append(self)
        start(self, suggested_name)

    def play(root: tk.Tk, n: int = 0) -> None:
        person = Person(root, history, other)
        person.starts(begun_ns)
        if what == "events":
            events = Events(root, shown[0])
            events.play(other)
            print(json.dumps(events.held), flush=True)
            shown[0].close()
            return
        person.switches()
        person.scrolls()
        print("ready", flush=True)
        sys.stdin.readline()
        person.types()
        print(json.dumps(found), flush=True)
        shown[0].close()

    module.Window.start = started  # type: ignore[method-assign]  # so that the window is at hand
    tk.Tk.mainloop = play  # type: ignore[assignment]  # the person takes its place
    sys.exit(cli.main(["window", *sys.argv[6:]]))


if __name__ == "__main__":
    main()
