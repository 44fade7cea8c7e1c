"""What a node costs that has 20 links and nothing to do."""

from __future__ import annotations

import time

import psutil
from _lan import Lan, wait_linked
from report import Figure, tell

LINKS = 20
SETTLE_S = 20.0
"""Until what comes with new links (profiles, first digests) is over."""
MEASURE_S = 60.0


def main() -> None:
    with Lan(hosts=LINKS + 1) as lan:
        nodes = [lan.node(host) for host in range(LINKS + 1)]
        wait_linked(nodes, 60)
        time.sleep(SETTLE_S)
        process = psutil.Process(nodes[0].pid)
        before, start = process.cpu_times(), time.monotonic()
        time.sleep(MEASURE_S)
        after, took = process.cpu_times(), time.monotonic() - start
        resident = process.memory_info().rss
    used = after.user + after.system - before.user - before.system
    name = f"an idle node with {LINKS} links"
    tell(Figure(name=f"{name}, of a core", value=100 * used / took, unit="%", at_most=1.0))
    tell(Figure(name=f"{name}, resident", value=resident / 1e6, unit="MB", at_most=80.0))


if __name__ == "__main__":
    main()
