"""Gives benchmarks the simulation that the tests use."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "simulation"))

from spread import measure

__all__ = ["measure"]
