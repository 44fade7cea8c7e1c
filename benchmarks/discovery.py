"""Twenty hosts that start together: how long until each is linked to each other one."""

from __future__ import annotations

import time

from _lan import Lan, wait_linked
from report import Figure, tell

HOSTS = 20


def main() -> None:
    with Lan(hosts=HOSTS) as lan:
        nodes = [lan.node(host) for host in range(HOSTS)]
        for node in nodes:
            node.call("node.info", call_timeout=60)
        up = time.monotonic()
        # Events cost nothing while they are awaited; asking all the time would slow the nodes.
        for node in nodes:
            node.wait_events("peer.online", HOSTS - 1, timeout=60)
        wait_linked(nodes, 60)
        took = time.monotonic() - up
    tell(
        Figure(
            name=f"{HOSTS} hosts all linked, after the last one is up",
            value=took,
            unit="s",
            at_most=3.0,
            note="all started at once",
        )
    )


if __name__ == "__main__":
    main()
