"""How a benchmark tells its figures: printed at once, and kept for the table of `scripts/bench`.

A benchmark is a file `benchmarks/NAME.py` with a `main()` that calls `tell` for each figure, and
runs by itself as well: `python benchmarks/NAME.py`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

FIGURES_FILE = "P2PCHAT_BENCH_FIGURES"
"""The environment variable that names the file to which figures are added, a JSON line each."""


class Figure(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    name: str
    value: float
    unit: str = ""
    at_most: float | None = None
    """What is to be reached, in the same unit; so is `at_least`."""
    at_least: float | None = None
    peer: float | None = None
    """The same of the program that we measure ourselves against, from the same run."""
    note: str = ""
    """Under which conditions, or which peer."""

    @property
    def reached(self) -> bool | None:
        """None where there is nothing to reach."""
        if self.at_most is None and self.at_least is None:
            return None
        low = self.at_least is None or self.value >= self.at_least
        return low and (self.at_most is None or self.value <= self.at_most)

    def row(self) -> tuple[str, str, str, str, str]:
        """Name, figure, reach, peer and note as they stand in the table."""
        return (
            self.name,
            f"{_number(self.value)} {self.unit}".strip() + ("  !" if self.reached is False else ""),
            f"≤ {_number(self.at_most)}" * (self.at_most is not None)
            + f"≥ {_number(self.at_least)}" * (self.at_least is not None),
            _number(self.peer),
            self.note,
        )


def tell(figure: Figure) -> None:
    """Print the figure, and add it to the run's table where there is one."""
    print("  ".join(cell for cell in figure.row() if cell), flush=True)
    if file := os.environ.get(FIGURES_FILE):
        with Path(file).open("ab") as lines:
            lines.write(msgspec.json.encode(figure) + b"\n")


def figures_in(file: Path) -> list[Figure]:
    """All figures that were told into the file, in their order."""
    lines = file.read_bytes().splitlines() if file.exists() else []
    return [msgspec.json.decode(line, type=Figure) for line in lines]


def table(figures: Sequence[Figure]) -> str:
    """A text table; `!` marks a figure that isn't reached."""
    rows = [("what", "figure", "reach", "peer", "note"), *(figure.row() for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest of the values that at least this share (0 to 1) of them doesn't exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -int(-len(ordered) * share // 1) - 1))]


def _number(value: float | None) -> str:
    """Three digits that count; thousands with commas."""
    if value is None:
        return ""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
