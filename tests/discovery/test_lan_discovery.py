"""LanDiscovery on real networks: each way alone, and what happens to networks."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from finder import device_id
from harness import Lan, Node
from zeroconf import ServiceInfo
from zeroconf._dns import DNSText
from zeroconf._protocol.incoming import DNSIncoming

pytestmark = pytest.mark.lan

HERE = Path(__file__).parent
BEACON = ("--no-mdns",)
MDNS = ("--no-beacon",)
MIB = 1024 * 1024
MDNS_PORT = 5353
UDP_AT = {b"\x08\x00": 34, b"\x86\xdd": 54}
"""Where a datagram begins in a frame of IPv4 or IPv6."""

SNIFF = """
import socket, sys
frames = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
print("up", flush=True)
while True:
    frame = frames.recv(9000)
    sys.stdout.write(frame.hex() + "\\n")
    sys.stdout.flush()
"""

ASK = """
import os, socket, sys
from p2pchat.discovery.beacon_packet import Beacon, decode, encode
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
s.bind(("10.77.0.2", int(sys.argv[2])))
s.settimeout(float(sys.argv[3]))
mine = Beacon(answer=sys.argv[1] == "True", network="0123456789abcdef", device_id="b" * 32,
              port=4321, instance=os.urandom(8))
s.sendto(encode(mine), ("10.77.0.255", 27474))
try:
    print(decode(s.recv(1000)).device_id)
except TimeoutError:
    print("none")
"""


@contextmanager
def network(hosts: int) -> Iterator[Lan]:
    with Lan(hosts=hosts, program=(sys.executable, str(HERE / "finder.py"))) as lan:
        yield lan


def start(lan: Lan, host: int, *options: str, number: int | None = None) -> Node:
    number = host if number is None else number
    data_dir = lan.directory / f"node{number}"
    node = lan.node(host, "--number", str(number), *options, data_dir=data_dir)
    node.call("own")
    return node


def await_found(node: Node, number: int, since: int = 0, timeout: float = 10.0) -> list[str]:
    """The addresses of the first hint for a device."""

    def is_it(body: dict[str, object]) -> bool:
        return body["device"] == device_id(number)

    addresses: list[str] = node.wait_event("found", is_it, timeout, since)["addresses"]
    return addresses


@pytest.mark.alone
@pytest.mark.parametrize("way", [BEACON, MDNS, ()])
def test_twenty_find_each_other(way: tuple[str, ...]) -> None:
    with network(20) as lan:
        nodes = [lan.node(n, "--number", str(n), *way) for n in range(20)]
        for node in nodes:
            node.call("own")
        deadline = time.monotonic() + 10
        for number, node in enumerate(nodes):
            for other in range(20):
                if other != number:
                    await_found(node, other, timeout=deadline - time.monotonic())
        devices = {event["device"] for event in nodes[0].events}
        assert devices == {device_id(n) for n in range(1, 20)}, "itself is no find"
        assert nodes[0].stop() == 0
        assert nodes[0].stderr() == ""


def test_who_goes_on_as_another_device_is_answered_as_a_newcomer() -> None:
    """In the same process: whoever signs in is another one at the same address. What the other
    host says to all is lost, so that its answers alone tell of it."""
    with network(2) as lan:
        for program, target in (
            ("iptables", "255.255.255.255"),
            ("iptables", lan.hosts[1].broadcast),
            ("ip6tables", "ff00::/8"),
        ):
            rule = ["-A", "OUTPUT", "-p", "udp", "-d", target, "-j", "DROP"]
            lan.run(1, program, "-w", *rule)
        node, other = start(lan, 0, *BEACON), start(lan, 1, *BEACON)
        await_found(node, 1)
        node.wait_event("found", lambda body: "::" in body["addresses"][0])  # by both ways
        mark = node.mark()
        node.call("become", number=5)
        await_found(other, 5)
        await_found(node, 1, mark)


@pytest.mark.parametrize("way", [BEACON, MDNS])
def test_a_hint_says_where_to_dial(way: tuple[str, ...]) -> None:
    with network(2) as lan:
        lan.add_dead_bridge(0)
        lan.add_address(0, "192.168.44.1/24")
        first, second = (start(lan, n, *way) for n in range(2))
        own = ["10.77.0.1:20000", "192.168.44.1:20000", "fe80::1%eth0:20000"]
        assert first.call("own") == own, "nothing of the bridge that leads nowhere"
        assert await_found(second, 0)[0] == "10.77.0.1:20000"
        assert await_found(first, 1)[0] == "10.77.0.2:20001"


@pytest.mark.parametrize("way", [BEACON, MDNS])
def test_without_ipv4(way: tuple[str, ...]) -> None:
    with network(2) as lan:
        for host in lan.hosts:
            lan.remove_address(host.number, f"{host.address}/24")
        first, second = (start(lan, n, *way) for n in range(2))
        assert await_found(first, 1) == ["fe80::2%eth0:20001"]
        assert await_found(second, 0) == ["fe80::1%eth0:20000"]


def test_subnets_that_do_not_fit_are_bridged_by_ipv6() -> None:
    with network(2) as lan:
        lan.remove_address(1, "10.77.0.2/24")
        lan.add_address(1, "169.254.3.4/16")
        first, second = (start(lan, n, *BEACON) for n in range(2))
        assert await_found(first, 1) == ["fe80::2%eth0:20001"]
        assert await_found(second, 0) == ["fe80::1%eth0:20000"]


@pytest.mark.parametrize("way", [BEACON, MDNS])
def test_other_networks_are_none_of_ours(way: tuple[str, ...]) -> None:
    with network(3) as lan:
        stranger = start(lan, 2, *way, "--network", "f" * 16)
        first, second = (start(lan, n, *way) for n in range(2))
        await_found(first, 1)
        await_found(second, 0)
        mark = stranger.mark()
        assert mark == 0
        assert all(event["device"] != device_id(2) for event in first.events + second.events)


def test_profiles_of_one_machine_without_any_network() -> None:
    with network(1) as lan:
        lan.run(0, "ip", "link", "del", "eth0")
        nodes = [start(lan, 0, number=n) for n in range(3)]
        assert nodes[0].call("own") == []
        for number, node in enumerate(nodes):
            for other in {0, 1, 2} - {number}:
                assert await_found(node, other) == [f"127.0.0.1:{20000 + other}"]
        assert [node.stop() for node in nodes] == [0, 0, 0]
        assert nodes[0].stderr() == "", "no network is no error"


def test_a_clone_with_the_same_device_id_is_a_find() -> None:
    with network(2) as lan:
        first = start(lan, 0, number=5)
        second = lan.node(1, "--number", "5", data_dir=lan.directory / "clone")
        for node in (first, second):
            await_found(node, 5)


@pytest.mark.parametrize("blocked", ["broadcast", "multicast"])
def test_one_way_is_enough(blocked: str) -> None:
    with network(2) as lan:
        if blocked == "broadcast":
            lan.block_broadcast()
        else:
            lan.block_multicast()
        first, second = (start(lan, n) for n in range(2))
        await_found(first, 1)
        await_found(second, 0)


def test_a_newcomer_is_answered_at_once() -> None:
    """So that one that can't be dialled learns of the others. Nothing else is answered."""
    with network(2) as lan:
        node = start(lan, 0, *BEACON)

        def ask(answer: bool, port: int, within: float) -> str:
            question = [sys.executable, "-c", ASK, str(answer), str(port), str(within)]
            return lan.run(1, "env", f"PYTHONPATH={HERE.parents[1]}", *question).strip()

        assert ask(answer=False, port=27474, within=10) == device_id(0)
        assert node.wait_event("found")["addresses"] == ["10.77.0.2:4321"]
        assert ask(answer=True, port=27474, within=0.5) == "none"
        assert ask(answer=False, port=53, within=0.5) == "none"
        node.wait_events("found", 3)


def test_the_network_comes_later_and_changes() -> None:
    with network(2) as lan:
        lan.unplug(0)
        first, second = (start(lan, n) for n in range(2))
        assert first.call("own") == []
        lan.plug(0)
        assert first.wait_event("changed")["why"] == "addresses"
        await_found(first, 1)
        await_found(second, 0)
        assert first.call("own")[0] == "10.77.0.1:20000"

        mark, mark2 = first.mark(), second.mark()
        lan.remove_address(0, "10.77.0.1/24")
        lan.add_address(0, "10.77.0.9/24")
        first.wait_event("changed", since=mark)
        moved = second.wait_event(
            "found", lambda body: "10.77.0.9:20000" in body["addresses"], since=mark2
        )
        assert moved["device"] == device_id(0)
        assert [first.stop(), second.stop()] == [0, 0]


@pytest.mark.parametrize("way", [BEACON, MDNS])
def test_after_a_sleep_all_is_said_again(way: tuple[str, ...]) -> None:
    with network(2) as lan:
        first, second = (start(lan, n, *way) for n in range(2))
        await_found(first, 1)
        await_found(second, 0)
        mark, mark2 = first.mark(), second.mark()
        first.call("sleep")
        lan.add_address(0, "127.0.0.2/8", "lo")  # makes it look at once; nothing that is used
        assert first.wait_event("changed", since=mark)["why"] == "wake-up"
        await_found(second, 0, since=mark2)
        second.call("announce")
        await_found(first, 1, since=mark)


@pytest.mark.parametrize("way", [BEACON, MDNS])
def test_loopback_alone_where_it_is_asked_for(way: tuple[str, ...]) -> None:
    with network(1) as lan:
        nodes = [start(lan, 0, *way, "--interface", "lo", number=n) for n in range(2)]
        assert await_found(nodes[0], 1) == ["127.0.0.1:20001"]
        assert await_found(nodes[1], 0) == ["127.0.0.1:20000"]


def test_only_the_wanted_interface() -> None:
    with network(2) as lan:
        for host in (0, 1):
            lan.add_cable(host, 0, f"10.88.0.{host + 1}/24")
        first = start(lan, 0, "--interface", "eth1")
        assert first.call("own")[0] == "10.88.0.1:20000"
        second = start(lan, 1)
        hosts = {
            address.rsplit(":", 1)[0]
            for event in second.wait_events("found", 3, timeout=10)
            for address in event["addresses"]
        }
        assert "10.88.0.1" in hosts
        assert "10.77.0.1" not in hosts
        assert await_found(first, 1)[0] == "10.88.0.2:20001"


def test_an_unknown_interface_is_wrong_usage() -> None:
    with network(1) as lan:
        node = lan.node(0, "--interface", "wlan7")
        assert node.wait() == 2
        assert "wlan7" in node.stderr()


def test_nothing_of_the_person_or_the_machine_is_sent() -> None:
    with network(2) as lan:
        sniffer = lan.popen(1, [sys.executable, "-c", SNIFF], stdout=subprocess.PIPE)
        assert sniffer.stdout is not None
        assert sniffer.stdout.readline() == b"up\n"
        node = start(lan, 0)
        frames: list[bytes] = []
        deadline = time.monotonic() + 10
        while not (txt_keys(frames) and any(b"p2pchat\x01" in frame for frame in frames)):
            assert time.monotonic() < deadline
            frames.append(bytes.fromhex(sniffer.stdout.readline().decode()))
        node.stop()
        assert socket.gethostname().encode() not in b"".join(frames)
        assert txt_keys(frames) == {"v", "id", "net"}


def txt_keys(frames: list[bytes]) -> set[str]:
    """Of the services' TXT records, in frames with mDNS."""
    datagrams = [frame[UDP_AT[frame[12:14]] :] for frame in frames if frame[12:14] in UDP_AT]
    mdns = [udp[8:] for udp in datagrams if udp[2:4] == MDNS_PORT.to_bytes(2, "big")]
    records = [record for data in mdns for record in DNSIncoming(data).answers()]
    texts = [record.text for record in records if isinstance(record, DNSText)]
    infos = [ServiceInfo("_x._tcp.local.", "x._x._tcp.local.", properties=text) for text in texts]
    return {key for info in infos for key in info.decoded_properties}


@pytest.mark.alone
@pytest.mark.parametrize("kind", ["beacon", "mdns"])
def test_a_flood_of_junk_is_bounded(kind: str) -> None:
    with network(3) as lan:
        victim = start(lan, 0)
        start(lan, 1, number=1).stop()
        await_found(victim, 1)
        before = victim.call("figures")["resident_bytes"]
        place = lan.hosts[1]
        flooder = lan.popen(
            1,
            [sys.executable, str(HERE / "flooder.py"), kind, place.address, place.broadcast, "3"],
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": str(HERE.parents[1])},
        )
        victim.wait_event("found", lambda body: body["device"] not in map(device_id, range(9)))
        start(lan, 2)
        await_found(victim, 2)
        asked = time.monotonic()
        victim.call("own")
        assert time.monotonic() - asked < 1
        assert int(flooder.communicate(timeout=30)[0]) > 10_000
        assert victim.call("figures")["resident_bytes"] < before + 20 * MIB
        assert len(victim.events) < 3000
        assert victim.stop() == 0
