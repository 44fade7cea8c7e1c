"""What a front end was told of, it can ask about at once."""

from __future__ import annotations

import pytest
from harness import Lan, wait_linked

pytestmark = pytest.mark.lan

MESSAGES = 100


def test_a_message_that_was_told_can_be_answered_at_once() -> None:
    """The event may come before the message is stored; whatever is asked afterwards waits."""
    with Lan(hosts=2) as lan:
        ann, ben = lan.node(0, "--name", "Ann"), lan.node(1, "--name", "Ben")
        wait_linked([ann, ben])
        for number in range(MESSAGES):
            mark = ben.mark()
            ann.request("messages.send", conversation="#lobby", text=f"question {number}")
            told = ben.wait_event("message.received", since=mark)["message"]
            reaction = ben.call("messages.react", message_id=told["message_id"], emoji="👍")
            assert reaction["text"] == f"question {number}"
            newest = ben.call("messages.list", conversation="#lobby", limit=1)
            assert newest[0]["message_id"] == told["message_id"]


def test_each_message_of_a_burst_is_told_once() -> None:
    with Lan(hosts=3) as lan:
        nodes = [lan.node(host, "--name", f"N{host}") for host in range(3)]
        wait_linked(nodes)
        marks = [node.mark() for node in nodes]
        answers = [
            node.request("messages.send", conversation="#lobby", text=f"{host} says {number}")
            for number in range(300)
            for host, node in enumerate(nodes)
        ]
        ids = {answer.result(20)["message_id"] for answer in answers}
        assert len(ids) == 900
        for node, mark in zip(nodes, marks, strict=True):
            events = node.wait_events("message.received", 600, timeout=20, since=mark)
            node.call("messages.list", conversation="#lobby", limit=1)
            told = [event["message"]["message_id"] for event in events]
            assert len(set(told)) == len(told)
            assert set(told) <= ids
