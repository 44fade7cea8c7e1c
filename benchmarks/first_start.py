"""The first start of a fresh profile, from nothing to a window that is drawn: from the source, and
of the program in one file where `scripts/build` has made it.

Needs Xvfb, which keeps its screen in a file: what is watched is the picture, not the program."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from report import Figure, tell
from window import display, profile

EXECUTABLE = Path(__file__).resolve().parents[1] / "dist" / "p2pchat"
STARTS = 3
ROWS = 600
"""Of the screen that are watched, from its top: below, a cursor blinks."""
ROW_BYTES = 1280 * 4
STILL_S = 1.0
"""A picture that hasn't changed for so long is whole."""
LOOK_S = 0.005
LONGEST_S = 60.0


def picture(screen: Path) -> bytes:
    """The watched part, in which a window is at the top left."""
    with screen.open("rb") as file:
        header = int.from_bytes(file.read(4), "big")
        colours = int.from_bytes(file.read(80)[72:76], "big")  # ncolors, the 20th number
        file.seek(header + 12 * colours)
        return file.read(ROWS * ROW_BYTES)


def seconds_until_drawn(command: Sequence[str]) -> float:
    with tempfile.TemporaryDirectory() as folder, display("-fbdir", folder) as name:
        screen, fresh = Path(folder) / "Xvfb_screen0", Path(folder) / "profile"
        blank = before = picture(screen)
        begun = changed = time.perf_counter()
        process = subprocess.Popen(
            [*command, "window", *profile(fresh, "Maria")], env=os.environ | {"DISPLAY": name}
        )
        try:
            while before == blank or time.perf_counter() - changed < STILL_S:
                if time.perf_counter() - begun > LONGEST_S:
                    raise RuntimeError("nothing was drawn in time")
                time.sleep(LOOK_S)  # looks again
                if (now := picture(screen)) != before:
                    before, changed = now, time.perf_counter()
        finally:
            process.terminate()
            process.wait(20)
    return changed - begun


def main() -> None:
    if shutil.which("Xvfb") is None:
        print("skipped: Xvfb is not installed")
        return
    programs = {"from the source": [sys.executable, "-m", "p2pchat"]}
    if EXECUTABLE.exists():
        programs["in one file"] = [str(EXECUTABLE)]
        size = EXECUTABLE.stat().st_size / 1_000_000
        tell(Figure(name="the program in one file", value=size, unit="MB", at_most=120.0))
    else:
        print("the program in one file isn't built (scripts/build): it isn't measured")
    for name, command in programs.items():
        seconds_until_drawn(command)  # fills the system's caches
        taken = statistics.median(seconds_until_drawn(command) for _ in range(STARTS))
        tell(
            Figure(
                name=f"first start of a fresh profile, {name}",
                value=taken, unit="s", at_most=3.0, note="warm, until the window is drawn",
            )
        )  # fmt: skip


if __name__ == "__main__":
    main()
