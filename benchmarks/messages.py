"""Messages between hosts of a LAN: latency, a burst, and a latecomer's catch-up; mosquitto beside
the first two."""

from __future__ import annotations

import os
import time
from pathlib import Path

import mosquitto_peer
from _lan import Lan, Node, wait_linked
from report import Figure, percentile, tell

ROOM = "#lobby"
MESSAGES = 1_000
PACE_S = 0.005
BURST = 10_000
HISTORY = 100_000
TEXT_BYTES = 100
AT_ONCE = 2_000
"""Requests in flight while the history is written: enough to fill a commit, and answers are read
before they pile up."""


def text(number: int) -> str:
    return f"message {number} ".ljust(TEXT_BYTES, "x")


def latencies(sender: Node, receiver: Node) -> list[float]:
    """Seconds from the request to the event on the other host, one message at a time."""
    found = []
    for number in range(MESSAGES):
        mark = receiver.mark()
        sent = time.monotonic()
        answer = sender.request("messages.send", conversation=ROOM, text=text(number))
        event = receiver.wait_event("message.received", since=mark)
        assert event["message"]["text"] == text(number)
        answer.result(10)
        found.append(event.at - sent)
        time.sleep(PACE_S)
    return found


def burst_rate(sender: Node, receiver: Node) -> float:
    """Messages a second from the first request until all are stored on the other host."""
    mark = receiver.mark()
    start = time.monotonic()
    answers = [
        sender.request("messages.send", conversation=ROOM, text=text(number))
        for number in range(BURST)
    ]
    receiver.wait_events("message.received", BURST, timeout=120, since=mark)
    # A message may be told just before it is durable; a query waits for what was told.
    newest = receiver.call("messages.list", conversation=ROOM, limit=1)
    seconds = time.monotonic() - start
    assert newest[0]["text"] == text(BURST - 1)
    for answer in answers:
        answer.result(60)
    return BURST / seconds


def write_history(node: Node, count: int) -> None:
    for first in range(0, count, AT_ONCE):
        answers = [
            node.request("messages.send", conversation=ROOM, text=text(number))
            for number in range(first, min(first + AT_ONCE, count))
        ]
        for answer in answers:
            answer.result(60)


def catch_up_rate(lan: Lan, holder: Node, host: int) -> float:
    """Messages a second that a new node takes from its first link until it has the last one."""
    late = lan.node(host)
    linked = late.wait_event("peer.online", timeout=30)
    events = late.wait_events("message.received", HISTORY, timeout=180)
    newest = [
        node.call("messages.list", conversation=ROOM, limit=1)[0]["message_id"]
        for node in (holder, late)
    ]
    assert newest[0] == newest[1]
    return HISTORY / (events[-1].at - linked.at)


def sync_times(folder: Path) -> list[float]:
    """Seconds that the disk takes to make 4 KiB durable. A message waits for that at least once;
    mosquitto writes its store now and then only, so its figures are free of it."""
    taken = []
    with (folder / "sync").open("wb", buffering=0) as file:
        for _ in range(300):
            file.write(bytes(4096))
            start = time.perf_counter()
            os.fsync(file.fileno())
            taken.append(time.perf_counter() - start)
    return taken


def main() -> None:
    with Lan(hosts=3) as lan:
        tell(
            Figure(
                name="the disk's fsync of 4 KiB, p50",
                value=percentile(sync_times(lan.directory), 0.5) * 1000,
                unit="ms",
                note="what durability costs here, for comparison",
            )
        )
        peer = mosquitto_peer.measure(lan, MESSAGES, PACE_S, BURST, TEXT_BYTES)
        nodes = [lan.node(host) for host in range(2)]
        wait_linked(nodes, 30)
        found = latencies(nodes[0], nodes[1])
        for share, reach in ((0.5, 1.5), (0.99, 5.0)):
            tell(
                Figure(
                    name=f"message to another host's event, p{share * 100:.0f}",
                    value=percentile(found, share) * 1000,
                    unit="ms",
                    at_most=reach,
                    peer=percentile(peer.latencies, share) * 1000 if peer else None,
                    note="durable at the sender first; peer: mosquitto, QoS 1",
                )
            )
        tell(
            Figure(
                name="burst of 10,000 messages, stored at another host",
                value=burst_rate(nodes[0], nodes[1]),
                unit="/s",
                at_least=5_000,
                peer=peer.rate if peer else None,
                note="all stored at both hosts; peer: mosquitto, QoS 1",
            )
        )
    with Lan(hosts=2) as lan:
        holder = lan.node(0)
        write_history(holder, HISTORY)
        tell(
            Figure(
                name="catch-up of 100,000 messages by a latecomer",
                value=catch_up_rate(lan, holder, 1),
                unit="/s",
                at_least=8_000,
                note="from its first link to the last message's event",
            )
        )


if __name__ == "__main__":
    main()
