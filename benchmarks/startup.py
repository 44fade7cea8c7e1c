"""How long the program takes to start: until it has said its version, and until `rpc` listens."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from _lan import Lan
from report import Figure, tell

STARTS = 10


def seconds_of(*command: str) -> float:
    """The median of several runs."""
    taken = []
    for _ in range(STARTS):
        start = time.perf_counter()
        subprocess.run([sys.executable, *command], check=True, capture_output=True)
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def seconds_until_listening(lan: Lan) -> tuple[float, float]:
    """Of `rpc`, until `node.info` answers: on a new profile, and (median) on that one again."""
    taken = []
    for _ in range(STARTS + 1):
        start = time.perf_counter()
        node = lan.node(0)
        assert node.call("node.info")["listen"]
        taken.append(time.perf_counter() - start)
        node.stop()
    return taken[0], statistics.median(taken[1:])


def main() -> None:
    tell(
        Figure(
            name="p2pchat --version",
            value=seconds_of("-m", "p2pchat", "--version"),
            unit="s",
            at_most=0.3,
            peer=seconds_of("-c", "pass"),
            note="peer: Python itself",
        )
    )
    with Lan(hosts=1) as lan:
        first, again = seconds_until_listening(lan)
    tell(Figure(name="rpc until it listens", value=again, unit="s", at_most=1.0))
    tell(Figure(name="rpc until it listens, new profile", value=first, unit="s", at_most=1.0))


if __name__ == "__main__":
    main()
