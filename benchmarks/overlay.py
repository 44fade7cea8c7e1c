"""200 nodes of the bounded overlay in virtual time: copies a node, hops, and who is reached.

Ten messages from ten authors, one after another, through the program's own overlays and trees over
links with random delays; then the same after a tenth of the nodes has gone silent, where links that
were lazy have to mend the tree. The worst of ten seeds counts.
"""

from __future__ import annotations

from _simulation import measure
from report import Figure, tell

NODES = 200
SEEDS = 10


def main() -> None:
    for name, failed, warm in (("", 0.0, 0), (", a tenth gone", 0.1, 5)):
        results = [measure(seed, NODES, failed, warm) for seed in range(SEEDS)]
        copies, hops = max(r.copies for r in results), max(r.hops for r in results)
        reached, seconds = min(r.reached for r in results), max(r.seconds for r in results)
        where = f"overlay of {NODES}{name}"
        tell(Figure(name=f"{where}: payload copies a node", value=copies, at_most=1.5))
        tell(Figure(name=f"{where}: hops", value=hops, at_most=None if failed else 12))
        tell(Figure(name=f"{where}: reached", value=100 * reached, unit="%", at_least=100))
        tell(Figure(name=f"{where}: slowest message", value=1000 * seconds, unit="ms"))


if __name__ == "__main__":
    main()
