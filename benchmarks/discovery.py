"""Twenty hosts: how long until each is linked to each other one, when all start together, and when
one more comes to those that are linked."""

from __future__ import annotations

import time
from collections.abc import Sequence

from _lan import Lan, Node, wait_linked
from report import Figure, tell

HOSTS = 20


def seconds_until_linked(nodes: Sequence[Node], started: Sequence[Node]) -> float:
    """From the moment when the last one of those just started has answered that it listens."""
    answers: list[float] = []
    for node in started:
        node.request("node.info").add_done_callback(lambda _: answers.append(time.monotonic()))
    # Events cost nothing while they are awaited; asking all the time would slow the nodes.
    for node in started:
        node.wait_events("peer.online", len(nodes) - 1, timeout=60)
    wait_linked(nodes, 60)
    return max(0.0, time.monotonic() - max(answers))


def main() -> None:
    with Lan(hosts=HOSTS) as lan:
        nodes = [lan.node(host) for host in range(HOSTS)]
        together = seconds_until_linked(nodes, nodes)
    with Lan(hosts=HOSTS) as lan:
        nodes = [lan.node(host) for host in range(HOSTS - 1)]
        seconds_until_linked(nodes, nodes)
        last = lan.node(HOSTS - 1)
        alone = seconds_until_linked([*nodes, last], [last])
    for took, note in ((together, "all started at once"), (alone, "one comes to nineteen")):
        tell(
            Figure(
                name=f"{HOSTS} hosts all linked, after the last one is up",
                value=took,
                unit="s",
                at_most=3.0,
                note=note,
            )
        )


if __name__ == "__main__":
    main()
