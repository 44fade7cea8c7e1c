"""The real program on the LAN: from one host's front end to the others', through everything."""

from __future__ import annotations

import signal

import pytest
from harness import Lan, Node, wait_linked

pytestmark = pytest.mark.lan


def say(node: Node, text: str) -> str:
    message_id: str = node.call("messages.send", conversation="#lobby", text=text)["message_id"]
    return message_id


def await_text(node: Node, text: str, timeout: float = 10.0) -> None:
    node.wait_event("message.received", lambda body: body["message"]["text"] == text, timeout)


def texts(node: Node) -> list[str]:
    messages = node.call("messages.list", conversation="#lobby", limit=1000)
    return [message["text"] for message in messages if message["kind"] == "text"]


def test_three_hosts_chat() -> None:
    with Lan(hosts=3) as lan:
        nodes = [lan.node(host, "--name", f"host {host}") for host in range(3)]
        wait_linked(nodes)
        for number, node in enumerate(nodes):
            say(node, f"from {number}")
        for number, node in enumerate(nodes):
            for other in {0, 1, 2} - {number}:
                await_text(node, f"from {other}")
        assert texts(nodes[0]) == texts(nodes[1]) == texts(nodes[2])
        assert [node.stop() for node in nodes] == [0, 0, 0]


def test_twenty_hosts_find_each_other() -> None:
    with Lan(hosts=20) as lan:
        nodes = [lan.node(host, "--name", f"host {host}") for host in range(20)]
        wait_linked(nodes, timeout=30)
        say(nodes[7], "hello, all")
        for node in nodes[:7] + nodes[8:]:
            await_text(node, "hello, all")


@pytest.mark.parametrize("blocked", ["mdns", "beacon"])
def test_one_way_of_finding_is_enough(blocked: str) -> None:
    with Lan(hosts=2) as lan:
        nodes = [lan.node(host, f"--no-{blocked}") for host in range(2)]
        wait_linked(nodes)


def test_two_profiles_of_one_machine_without_a_network() -> None:
    with Lan(hosts=1) as lan:
        lan.unplug(0)
        nodes = [lan.node(0, data_dir=lan.directory / name) for name in ("ann", "bob")]
        wait_linked(nodes)
        say(nodes[0], "side by side")
        await_text(nodes[1], "side by side")


def test_the_network_comes_later() -> None:
    with Lan(hosts=2) as lan:
        lan.unplug(0)
        nodes = [lan.node(host) for host in range(2)]
        alone = say(nodes[0], "is there anybody?")
        assert alone
        lan.plug(0)
        wait_linked(nodes)
        await_text(nodes[1], "is there anybody?")


def test_a_process_that_was_killed_goes_on() -> None:
    with Lan(hosts=2) as lan:
        nodes = [lan.node(host) for host in range(2)]
        wait_linked(nodes)
        say(nodes[0], "before")
        await_text(nodes[1], "before")
        nodes[0].kill9()
        assert nodes[0].process.returncode == -signal.SIGKILL
        again = lan.node(0)
        assert texts(again) == ["before"]
        wait_linked([again, nodes[1]])
        say(again, "after")
        await_text(nodes[1], "after")
