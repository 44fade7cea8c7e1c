"""The LAN itself, with simple programs on it: what it can do to a network really happens."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from harness import REPOSITORY, Lan, Node, wait_until
from lan_node import NodeEnded, RpcError

pytestmark = pytest.mark.lan

ECHO = """
import json, sys
def say(**message):
    print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)
for line in sys.stdin:
    request = json.loads(line)
    method, params, number = request["method"], request["params"], request["id"]
    if method == "refuse":
        say(id=number, error={"code": 1001, "message": "no", "data": {"reason": "busy"}})
        continue
    if method == "junk":
        print("no json")
    if method == "burst":
        event = {"jsonrpc": "2.0", "method": "event"}
        sys.stdout.write("".join(
            json.dumps({**event, "params": {"type": "tick", "number": n}}) + "\\n"
            for n in range(params["count"])
        ))
    if method == "complain":
        print("trouble", file=sys.stderr, flush=True)
    say(id=number, result=params)
sys.exit(7)
"""

HEAR = """
import socket, sys
kind, address, device = sys.argv[1:]
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("", 5000))
if kind == "multicast":
    member = socket.inet_aton("224.0.0.251") + socket.inet_aton(address)
    s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
print("up", flush=True)
while True:
    data, sender = s.recvfrom(2000)
    print(data.decode(), sender[0], flush=True)
"""

SAY = """
import socket, sys
target, source, text = sys.argv[1:]
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(source))
try:
    s.sendto(text.encode(), (target, 5000))
except PermissionError:
    pass  # dropped on the way out
"""

SERVE = """
import socket
server = socket.create_server(("", 5001))
print("up", flush=True)
while True:
    server.accept()[0].close()
"""

DIAL = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], 5001), 0.3).close()
    print("yes")
except OSError:
    print("no")
"""


class Ear:
    """A program on a host that prints the datagrams it hears on port 5000."""

    def __init__(self, lan: Lan, host: int, kind: str = "broadcast") -> None:
        place = lan.hosts[host]
        command = [sys.executable, "-u", "-c", HEAR, kind, place.address, "eth0"]
        self._process = lan.popen(host, command, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        self._out = self._process.stdout
        assert self._out.readline() == b"up\n"

    def line(self) -> str:
        return self._out.readline().decode().strip()


def say(lan: Lan, host: int, target: str, text: str) -> None:
    lan.run(host, sys.executable, "-c", SAY, target, lan.hosts[host].address, text)


def can_dial(lan: Lan, host: int, address: str) -> bool:
    return lan.run(host, sys.executable, "-c", DIAL, address).strip() == "yes"


def wait_dial(lan: Lan, host: int, address: str) -> None:
    """A first packet may be lost, or late where the machine is busy."""
    wait_until(lambda: can_dial(lan, host, address), what=f"{host} can dial {address}")


def serve(lan: Lan, host: int) -> None:
    process = lan.popen(host, [sys.executable, "-c", SERVE], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"up\n"


@pytest.fixture
def echo(tmp_path: Path) -> Node:
    return Node([sys.executable, "-c", ECHO], tmp_path, tmp_path / "err", dict(os.environ))


def test_calls_and_errors(echo: Node) -> None:
    assert echo.call("anything", number=1, text="ä") == {"number": 1, "text": "ä"}
    with pytest.raises(RpcError) as refused:
        echo.call("refuse")
    assert (refused.value.code, refused.value.reason) == (1001, "busy")
    echo.call("junk")
    assert echo.junk == [b"no json"]
    echo.call("complain")
    assert echo.stderr() == "trouble\n"
    assert echo.stop() == 7
    with pytest.raises(NodeEnded):
        echo.call("anything")


def test_events_in_a_burst(echo: Node) -> None:
    count = 50_000
    done = echo.request("burst", count=count)
    events = echo.wait_events("tick", count, timeout=30)
    assert [event["number"] for event in events] == list(range(count))
    assert done.result(5) == {"count": count}
    mark = echo.mark()
    with pytest.raises(TimeoutError):
        echo.wait_event("tick", timeout=0.05, since=mark)
    echo.call("burst", count=3)
    assert echo.wait_event("tick", lambda body: body["number"] == 2, since=mark)["number"] == 2
    echo.kill9()
    assert echo.process.returncode == -signal.SIGKILL
    with pytest.raises(NodeEnded):
        echo.wait_event("tick", since=echo.mark())


def test_many_requests_at_once(echo: Node) -> None:
    futures = [echo.request("echo", number=number) for number in range(2000)]
    assert [future.result(10)["number"] for future in futures] == list(range(2000))
    assert echo.stop() == 7


def test_twenty_hosts_are_quick_and_leave_nothing() -> None:
    before = time.monotonic()
    with Lan(hosts=20) as lan:
        assert time.monotonic() - before < 20
        assert not can_dial(lan, 0, lan.hosts[19].address)
        serve(lan, 19)
        wait_dial(lan, 0, lan.hosts[19].address)
        directory = lan.directory
        process = lan.popen(3, ["sleep", "1000"])
    assert process.returncode == -signal.SIGKILL
    assert not directory.exists()
    assert "sw0" not in [name for _, name in socket.if_nameindex()]


def test_broadcast_and_multicast() -> None:
    with Lan(hosts=3) as lan:
        ear = Ear(lan, 1)
        say(lan, 0, lan.hosts[0].broadcast, "to all")
        assert ear.line() == "to all 10.77.0.1"
        group = Ear(lan, 2, "multicast")
        say(lan, 0, "224.0.0.251", "to the group")
        assert group.line() == "to the group 10.77.0.1"

        lan.block_broadcast(1)
        lan.block_multicast(2)
        say(lan, 0, lan.hosts[0].broadcast, "unheard")
        say(lan, 0, "224.0.0.251", "unheard")
        say(lan, 0, lan.hosts[1].address, "heard")
        say(lan, 0, lan.hosts[2].address, "heard")
        assert ear.line() == "heard 10.77.0.1"
        # host 2 hears broadcasts still: only what is sent to the group is dropped
        assert group.line() == "unheard 10.77.0.1"
        assert group.line() == "heard 10.77.0.1"
        lan.open_all()
        say(lan, 0, lan.hosts[0].broadcast, "again")
        assert ear.line() == "again 10.77.0.1"


def test_split_heal_and_cable() -> None:
    with Lan(hosts=4) as lan:
        for host in (1, 3):
            serve(lan, host)
        lan.split([0, 1], [2, 3])
        wait_dial(lan, 0, lan.hosts[1].address)
        wait_dial(lan, 2, lan.hosts[3].address)
        assert not can_dial(lan, 0, lan.hosts[3].address)
        lan.heal()
        wait_dial(lan, 0, lan.hosts[3].address)
        lan.unplug(3)
        assert not can_dial(lan, 0, lan.hosts[3].address)
        assert "NO-CARRIER" in lan.run(3, "ip", "link", "show", "eth0")
        lan.plug(3)
        wait_dial(lan, 0, lan.hosts[3].address)


def test_walls() -> None:
    with Lan(hosts=3) as lan:
        for host in range(3):
            serve(lan, host)
        lan.block_inbound(0)
        assert not can_dial(lan, 1, lan.hosts[0].address)
        wait_dial(lan, 0, lan.hosts[1].address)
        lan.open_all(0)
        wait_dial(lan, 1, lan.hosts[0].address)
        lan.block_between(0, 1)
        assert not can_dial(lan, 1, lan.hosts[0].address)
        assert not can_dial(lan, 0, lan.hosts[1].address)
        wait_dial(lan, 2, lan.hosts[1].address)
        lan.lose(2, 1.0)
        assert not can_dial(lan, 1, lan.hosts[2].address)
        lan.limit_rate(1, 10_000_000)
        assert "rate 10Mbit" in lan.run(1, "tc", "qdisc", "show", "dev", "eth0")
        lan.limit_rate(1, 0)
        assert "tbf" not in lan.run(1, "tc", "qdisc", "show", "dev", "eth0")


def test_subnets_and_more_devices() -> None:
    with Lan(subnets=(1, 2)) as lan:
        assert [host.address for host in lan.hosts] == ["10.77.0.1", "10.77.1.1", "10.77.1.2"]
        serve(lan, 2)
        wait_dial(lan, 0, "10.77.1.2")
        wait_dial(lan, 1, "10.77.1.2")
        lan.add_dead_bridge(0)
        assert "NO-CARRIER" in lan.run(0, "ip", "link", "show", "docker0")
        lan.add_address(2, "192.168.9.1/24")
        lan.add_cable(0, 1, "192.168.9.2/24")
        wait_dial(lan, 0, "192.168.9.1")
        lan.remove_address(2, "192.168.9.1/24")
        assert not can_dial(lan, 0, "192.168.9.1")


def test_everything_ends_with_the_test_process(tmp_path: Path) -> None:
    script = """
import subprocess, sys
from harness import Lan
lan = Lan(hosts=1).__enter__()
sleeper = lan.popen(0, ["sh", "-c", "echo inside; exec sleep 1000"], stdout=subprocess.PIPE)
sleeper.stdout.readline()
print(sleeper.pid, lan._holder.pid, flush=True)
sys.stdin.read()
"""
    child = subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=REPOSITORY / "tests" / "lan",
        env=os.environ | {"TMPDIR": str(tmp_path)},
    )
    assert child.stdout is not None
    pids = [int(word) for word in child.stdout.readline().split()]
    child.kill()
    child.communicate()
    wait_until(lambda: not any(is_alive(pid) for pid in pids), what="the end of all processes")


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_a_failing_test_shows_what_the_nodes_said(capsys: pytest.CaptureFixture[str]) -> None:
    def failing() -> None:
        with Lan(hosts=1, program=(sys.executable, "-c", ECHO)) as lan:
            nodes.append(lan.node(0, "--name", "x"))
            nodes[0].call("complain")
            raise AssertionError

    nodes: list[Node] = []
    with pytest.raises(AssertionError):
        failing()
    assert "trouble" in capsys.readouterr().err
    assert not nodes[0].running
