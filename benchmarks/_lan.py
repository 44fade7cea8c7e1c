"""Gives benchmarks the LAN of namespaces that the tests use."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "lan"))

from harness import Lan, LanUnavailable, Node, unavailable, wait_linked, wait_until

__all__ = ["Lan", "LanUnavailable", "Node", "unavailable", "wait_linked", "wait_until"]
