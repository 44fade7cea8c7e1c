"""Six hosts, split for 15 s while both sides talk, and healed: how long until all are equal."""

from __future__ import annotations

import time

from _lan import Lan, Node, wait_linked, wait_until
from report import Figure, tell

HOSTS = 6
SPLIT_S = 15.0
EVERY_S = 0.5
ROOM = "#lobby"


def talk(nodes: list[Node], seconds: float) -> int:
    """Every node says something twice a second; how many messages that were."""
    count = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for node in nodes:
            node.call("messages.send", conversation=ROOM, text=f"message {count}")
            count += 1
        time.sleep(EVERY_S)
    return count


def history(node: Node) -> list[str]:
    messages = node.call("messages.list", conversation=ROOM, limit=10_000)
    return [message["message_id"] for message in messages if message["kind"] == "text"]


def equal(nodes: list[Node], count: int) -> bool:
    histories = [history(node) for node in nodes]
    return len(histories[0]) == count and all(one == histories[0] for one in histories)


def main() -> None:
    with Lan(hosts=HOSTS) as lan:
        nodes = [lan.node(host) for host in range(HOSTS)]
        wait_linked(nodes, 30)
        lan.split(range(3), range(3, HOSTS))
        count = talk(nodes, SPLIT_S)
        lan.heal()
        healed = time.monotonic()
        wait_until(lambda: equal(nodes, count), 120, "the same history everywhere")
        took = time.monotonic() - healed
    tell(
        Figure(
            name="six hosts split for 15 s, healed: all equal",
            value=took,
            unit="s",
            at_most=20.0,
            note=f"{count} messages, half on each side",
        )
    )


if __name__ == "__main__":
    main()
