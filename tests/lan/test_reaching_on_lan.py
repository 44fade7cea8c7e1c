"""Networks that make it hard to meet: who may, who mustn't, and by what ways."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
from harness import Lan, Node, wait_linked, wait_until
from lan_talk import LOBBY, hear, peer_id, peers, refusal, say, texts, wait_message, warnings

from p2pchat.config import limits

pytestmark = pytest.mark.lan

MIB = 1024 * 1024
QUIET = ("--no-mdns", "--no-beacon")


def port(node: Node) -> int:
    listen: list[str] = node.call("node.info")["listen"]
    return int(listen[0].rsplit(":", 1)[1])


def linked(node: Node, other: Node) -> bool:
    found = peers(node).get(peer_id(other))
    return found is not None and bool(found["linked"])


def heard(node: Node) -> tuple[int | None, int]:
    info = node.call("node.info")
    return info["heard"], info["heard_elsewhere"]


def test_a_node_knows_whether_anybody_is_heard() -> None:
    """Announcements that are filtered are told from nobody being there, and from others being in
    a network of another name."""
    with Lan(hosts=3) as lan:
        ann, bob = lan.node(0), lan.node(1)
        other = lan.node(2, "--network", "other")
        wait_linked([ann, bob])
        wait_until(lambda: heard(ann) == heard(bob) == (1, 1), 15, "both are heard")
        wait_until(lambda: heard(other) == (0, 2), 15, "they are of another network")
    with Lan(hosts=2) as lan:
        lan.block_multicast()
        lan.block_broadcast()
        ann = lan.node(0)
        bob = lan.node(1, "--connect", f"{lan.hosts[0].address}:{port(ann)}")
        deaf = lan.node(1, *QUIET, data_dir=lan.directory / "deaf")
        wait_linked([ann, bob])
        assert heard(ann) == heard(bob) == (0, 0)
        assert heard(deaf) == (None, 0)


def test_who_said_goodbye_is_not_heard_any_more() -> None:
    """Else the window would tell of computers that announce themselves without a link, after
    somebody's commands from a terminal. One that is killed says nothing."""
    with Lan(hosts=3) as lan:
        ann, killed = lan.node(0), lan.node(2)
        for _ in range(3):
            bob = lan.node(1, data_dir=lan.directory / "bob")
            wait_linked([ann, bob, killed])
            wait_until(lambda: heard(ann) == (2, 0), 15, "each is heard once")
            bob.stop()
            wait_until(lambda: heard(ann) == (1, 0), 15, "who has left isn't counted")
        killed.kill9()
        wait_until(lambda: not any(peer["linked"] for peer in peers(ann).values()), 15, "no link")
        assert heard(ann) == (1, 0)


def test_networks_and_codes_keep_apart() -> None:
    """Beside two who may talk there is one of another network, one with a wrong code, and one
    without any."""
    with Lan(hosts=5) as lan:
        options = [
            ("--network-code", "right"),
            ("--network-code", "right"),
            ("--network-code", "wrong"),
            (),
            ("--network", "other", "--network-code", "right"),
        ]
        nodes = [lan.node(host, *more) for host, more in enumerate(options)]
        wait_linked(nodes[:2])
        for node in (nodes[2], nodes[3]):
            node.wait_event("warning", lambda body: body["reason"] == "wrong-code", timeout=15)
        for node in nodes[:2]:
            wait_until(lambda node=node: "wrong-code" in warnings(node), 15, "a warning")  # type: ignore[misc]  # as loops need it
        say(nodes[0], "for the class alone")
        hear(nodes[1], "for the class alone")
        for node in nodes[2:]:
            assert peers(node) == {}
            assert texts(node) == []
        ids = {peer_id(node) for node in nodes}
        assert set(peers(nodes[0])) | {peer_id(nodes[0])} == {peer_id(node) for node in nodes[:2]}
        assert len(ids) == 5
        assert "wrong-code" not in warnings(nodes[4])


@pytest.mark.parametrize("without", ["--no-mdns", "--no-beacon"])
def test_one_way_of_finding_is_enough(without: str) -> None:
    with Lan(hosts=2) as lan:
        wait_linked([lan.node(host, without) for host in range(2)])


def test_two_profiles_of_one_machine_without_a_network() -> None:
    with Lan(hosts=1) as lan:
        lan.unplug(0)
        ann, bob = (lan.node(0, data_dir=lan.directory / name) for name in ("ann", "bob"))
        wait_linked([ann, bob])
        say(ann, "side by side")
        hear(bob, "side by side")


def test_a_blocked_person() -> None:
    with Lan(hosts=3) as lan:
        ann, bob, eve = (
            lan.node(host, "--name", name) for host, name in enumerate(("Ann", "Bob", "Eve"))
        )
        wait_linked([ann, bob, eve])
        ann_id, eve_id = peer_id(ann), peer_id(eve)
        say(eve, "before", f"@{ann_id}")
        hear(ann, "before")
        ann.call("peers.block", peer_id=eve_id)
        since = ann.mark()
        say(eve, "to the lobby")
        say(eve, "whispered", f"@{ann_id}")
        eve.call("conversations.typing", conversation=f"@{ann_id}")
        hear(bob, "to the lobby")
        say(bob, "from somebody else")
        hear(ann, "from somebody else")
        assert texts(ann) == ["from somebody else"]
        told = [
            event for event in ann.events[since:] if event.type in ("message.received", "typing")
        ]
        assert [event["message"]["author"] for event in told] == [peer_id(bob)]

        ann.call("peers.block", peer_id=eve_id, on=False)
        say(eve, "after")
        hear(ann, "after")
        wait_until(lambda: "whispered" in texts(ann, f"@{eve_id}"), 20, "what was said meanwhile")
        assert texts(ann) == texts(bob)


def test_addresses_given_by_hand() -> None:
    """Without multicast: B and C know nothing but A's address, and find each other through A."""
    with Lan(hosts=4) as lan:
        lan.block_multicast()
        lan.block_broadcast()
        ann = lan.node(0, *QUIET)
        address = f"{lan.hosts[0].address}:{port(ann)}"
        bob = lan.node(1, *QUIET, "--connect", address)
        dan = lan.node(2, *QUIET, "--connect", address)
        wait_linked([ann, bob, dan])
        say(bob, "by way of Ann")
        hear(dan, "by way of Ann")
        # By `peers.connect`, while it runs.
        eve = lan.node(3, *QUIET)
        assert peers(eve) == {}
        peer = eve.call("peers.connect", address=address)
        assert (peer["peer_id"], peer["linked"]) == (peer_id(ann), True)
        wait_linked([ann, bob, dan, eve])
        hear(eve, "by way of Ann")
        error = refusal(eve, "peers.connect", 20, address=f"{lan.hosts[1].address}:9")
        assert error.reason == "nobody-answered"
        error = refusal(eve, "peers.connect", address=f"{lan.hosts[3].address}:{port(eve)}")
        assert error.reason == "nobody-answered"


def test_connect_waits_for_who_comes_later() -> None:
    with Lan(hosts=2) as lan:
        bob = lan.node(1, *QUIET, "--connect", f"{lan.hosts[0].address}:27474")
        say(bob, "is anybody there?")
        ann = lan.node(0, *QUIET)
        wait_linked([ann, bob])
        hear(ann, "is anybody there?")


def test_other_subnets_by_address_and_by_peers() -> None:
    with Lan(subnets=(2, 2)) as lan:
        near = [lan.node(0), lan.node(1)]
        wait_linked(near)
        far = [
            lan.node(2, "--connect", f"{lan.hosts[0].address}:{port(near[0])}"),
            lan.node(3),
        ]
        wait_linked([*near, *far], timeout=20)


def test_one_way_firewall() -> None:
    """Nobody can begin a connection to Bob, and he hears no datagrams: he is asked to dial."""
    with Lan(hosts=3) as lan:
        lan.block_inbound(1, tcp=True, udp=True)
        ann = lan.node(0, "--name", "Ann")
        address = f"{lan.hosts[0].address}:{port(ann)}"
        bob = lan.node(1, "--name", "Bob", "--connect", address)
        wait_linked([ann, bob])
        dan = lan.node(2, "--name", "Dan")
        wait_linked([ann, bob, dan], timeout=20)
        sent = say(dan, "through the firewall", f"@{peer_id(bob)}")
        wait_message(bob, sent, bool, f"@{peer_id(dan)}")
        # The link is a direct one: it works without Ann.
        assert ann.stop() == 0
        sent = say(dan, "without Ann", f"@{peer_id(bob)}")
        wait_message(bob, sent, bool, f"@{peer_id(dan)}")


def test_two_that_cannot_dial_each_other_talk_through_a_third() -> None:
    with Lan(hosts=3) as lan:
        lan.block_between(0, 1)
        ann, bob, carrier = (
            lan.node(host, "--name", name) for host, name in enumerate(("Ann", "Bob", "Eve"))
        )
        wait_linked([ann, bob, carrier], timeout=40)
        sent = say(ann, "a secret between us", f"@{peer_id(bob)}")
        wait_message(bob, sent, bool, f"@{peer_id(ann)}")
        wait_message(ann, sent, lambda m: bool(m["receipts"]["delivered"]), f"@{peer_id(bob)}")
        assert {c["conversation"] for c in carrier.call("conversations.list")} == {LOBBY}
        assert not carrier.call("messages.search", query="secret")
        # A small file goes the same way; a large one says that it can't.
        for name, size in (("small.bin", 3 * MIB), ("large.bin", 5 * MIB)):
            path = lan.directory / name
            path.write_bytes(os.urandom(size))
            ann.call("files.share", conversation=f"@{peer_id(bob)}", path=str(path))
        done = bob.wait_event("file.complete", timeout=30)["file"]
        assert Path(done["path"]).read_bytes() == (lan.directory / "small.bin").read_bytes()
        said = bob.wait_event("warning", lambda body: body["reason"] == "file-relayed", timeout=15)
        assert said["text"].startswith("large.bin waits for a direct connection")
        large = bob.call("files.list", limit=1)[0]
        assert (large["name"], large["state"], large["reason"]) == (
            *("large.bin", "fetching", "relayed"),
        )


def test_interfaces_that_lead_nowhere_are_no_trap() -> None:
    """Both have Docker's bridge, with one address: nobody is looked for there."""
    with Lan(hosts=2) as lan:
        for host in range(2):
            lan.add_dead_bridge(host)
        nodes = [lan.node(host) for host in range(2)]
        wait_linked(nodes)
        for node, other in (nodes, nodes[::-1]):
            addresses = peers(node)[peer_id(other)]["addresses"]
            assert addresses
            assert not [address for address in addresses if address.startswith("172.17.")]


def test_only_the_interface_that_was_asked_for() -> None:
    with Lan(subnets=(2, 2)) as lan:
        lan.add_cable(0, 1, "10.77.1.77/24")
        nodes = [lan.node(0, "--interface", "eth1"), lan.node(1), lan.node(2)]
        wait_linked([nodes[0], nodes[2]])
        addresses = peers(nodes[2])[peer_id(nodes[0])]["addresses"]
        assert addresses
        assert all("10.77.1.77" in address or "fe80" in address for address in addresses)


def test_a_cable_that_comes_late_and_goes_and_comes() -> None:
    with Lan(hosts=2) as lan:
        lan.unplug(0)
        ann, bob = lan.node(0), lan.node(1)
        say(ann, "written alone")
        assert peers(ann) == {}
        lan.plug(0)
        wait_linked([ann, bob])
        hear(bob, "written alone")
        lan.unplug(0)
        wait_until(lambda: not linked(ann, bob), 15, "the link is seen to be gone")
        say(ann, "alone again")
        lan.plug(0)
        wait_linked([ann, bob], timeout=20)
        hear(bob, "alone again")


@pytest.mark.parametrize("deaf", [0, 1], ids=["dials", "listens"])
def test_an_interface_that_has_no_address_yet(deaf: int) -> None:
    """Asked for by name before its cable is in: it is dialled from, and listened on, later."""
    with Lan(hosts=2) as lan:
        lan.block_inbound(deaf)
        lan.unplug(0)
        ann, bob = lan.node(0, "--interface", "eth0"), lan.node(1)
        assert peers(ann) == {}
        lan.plug(0)
        wait_linked([ann, bob])
        listen = ann.call("node.info")["listen"]
        assert f"{lan.hosts[0].address}:{port(ann)}" in listen


def test_another_address_of_the_same_host() -> None:
    """As a laptop that moves to another network."""
    with Lan(hosts=2) as lan:
        ann, bob = lan.node(0), lan.node(1)
        wait_linked([ann, bob])
        lan.remove_address(0, f"{lan.hosts[0].address}/24")
        lan.add_address(0, "10.77.0.99/24")
        sent = say(ann, "from elsewhere")
        wait_message(bob, sent, bool, timeout=20)
        wait_linked([ann, bob], timeout=20)
        wait_until(
            lambda: any("10.77.0.99" in a for a in peers(bob)[peer_id(ann)]["addresses"]),
            what="the new address is known",
        )


def test_a_machine_that_wakes_up() -> None:
    """It heard nothing while it slept: who it was linked to has gone, somebody new has come."""
    with Lan(hosts=3) as lan:
        ann, bob = lan.node(0), lan.node(1)
        wait_linked([ann, bob])
        bob_id = peer_id(bob)
        ann.process.send_signal(signal.SIGSTOP)
        asleep = time.monotonic()
        lan.block_inbound(0, tcp=True, udp=True)
        bob.kill9()
        lan.remove_address(1, f"{lan.hosts[1].address}/24")
        lan.add_address(1, "10.77.0.99/24")
        bob, dan = lan.node(1), lan.node(2)
        wait_linked([bob, dan])
        say(bob, "while she slept")
        wait_until(
            lambda: time.monotonic() - asleep > limits.NETWORK_POLL_S + limits.WAKE_UP_S + 1.0,
            30,
            "a sleep that is noticed",
        )
        lan.open_all(0)
        ann.process.send_signal(signal.SIGCONT)
        hear(ann, "while she slept", timeout=15)
        wait_linked([ann, bob, dan])
        assert peers(ann)[bob_id]["linked"]


@pytest.mark.alone
def test_twenty_find_each_other() -> None:
    with Lan(hosts=20) as lan:
        nodes = [lan.node(host, "--name", f"host {host}") for host in range(20)]
        for node in nodes:
            node.call("node.info", 30)
        begun = time.monotonic()
        wait_linked(nodes, timeout=15)
        assert time.monotonic() - begun < 15
        sent = say(nodes[7], "hello, all")
        for node in nodes:
            wait_message(node, sent, bool)
        ids = {peer_id(node) for node in nodes}
        for node in nodes:
            assert set(peers(node)) | {peer_id(node)} == ids
