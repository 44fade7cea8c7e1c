"""Who has vanished is missed before long; who only stands still is not, and loses nothing."""

from __future__ import annotations

import signal
import time

import pytest
from harness import Lan, wait_linked
from lan_talk import hear, peers, say

pytestmark = pytest.mark.lan

MISSED_S = 15.0
STALL_S = 5.0


def test_a_cable_that_is_pulled_and_a_process_that_stands_still() -> None:
    with Lan(hosts=3) as lan:
        nodes = [lan.node(host, "--name", f"host {host}") for host in range(3)]
        wait_linked(nodes)
        still, one, gone = nodes
        ids = [node.call("node.info")["peer_id"] for node in nodes]
        marks = [node.mark() for node in nodes]

        def missed(node: int) -> list[str]:
            events = nodes[node].events[marks[node] :]
            return [e["peer"]["peer_id"] for e in events if e.type == "peer.offline"]

        def stands_still(then: str) -> None:
            still.process.send_signal(signal.SIGSTOP)
            time.sleep(STALL_S)  # what is tried: so long nothing of it runs
            still.process.send_signal(signal.SIGCONT)
            say(still, then)
            hear(one, then)

        stands_still("back")
        assert [missed(node) for node in range(3)] == [[], [], []]
        lan.unplug(2)
        before = time.monotonic()
        stands_still("back again")
        for node in (still, one):
            left = MISSED_S + 5.0 - (time.monotonic() - before)
            node.wait_event("peer.offline", timeout=left, since=marks[nodes.index(node)])
        assert [missed(node) for node in range(2)] == [[ids[2]], [ids[2]]]
        assert peers(one)[ids[0]]["linked"]
        assert gone.running
