"""What a machine may do to the program: one clear line and the right exit code, nothing lost."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import psutil
import pytest
from harness import Lan, Node, environment, wait_linked, wait_until
from lan_talk import (
    hear,
    message,
    messages,
    peers,
    refusal,
    say,
    texts,
    wait_equal,
    wait_message,
    warnings,
)

from p2pchat.config.limits import CONTROL_CLIENTS

pytestmark = pytest.mark.lan
USAGE, IN_USE = 2, 4
END_S = 15.0
MIB = 1024 * 1024
QUESTIONS = 10_000


@pytest.fixture
def lan() -> Iterator[Lan]:
    with Lan(hosts=3) as lan:
        yield lan


@pytest.fixture
def node(lan: Lan, tmp_path: Path) -> Iterator[Node]:
    node = lan.node(0, data_dir=tmp_path / "profile")
    node.call("node.info")
    yield node
    node.kill9()


def run(lan: Lan, *words: str, text: str = "") -> subprocess.CompletedProcess[str]:
    """A command of the program on host 0, to its end."""
    return subprocess.run(
        [*lan.enter(0), sys.executable, "-m", "p2pchat", *words],
        input=text,
        capture_output=True,
        text=True,
        timeout=20,
        env=environment(lan.directory / "home"),
    )


def one_line(ended: subprocess.CompletedProcess[str], code: int, *words: str) -> None:
    """Ended with this code, after one line that holds the words."""
    assert ended.returncode == code, ended
    lines = ended.stderr.splitlines()
    assert len(lines) == 1, ended.stderr
    assert lines[0].startswith("p2pchat: ")
    for word in words:
        assert word in lines[0]


# -- a profile in use


@pytest.mark.parametrize("command", ["rpc", "chat"])
def test_a_profile_in_use(lan: Lan, node: Node, command: str) -> None:
    profile = str(node.data_dir)
    one_line(run(lan, command, "--data-dir", profile), IN_USE, "another process", profile)
    assert say(node, "goes on")


def test_commands_that_use_what_runs(lan: Lan, node: Node) -> None:
    friend = lan.node(1, data_dir=node.data_dir.with_name("friend"))
    wait_linked([node, friend])
    profile = ("--data-dir", str(node.data_dir))
    sent = run(lan, "send", "#lobby", "by another command", *profile)
    assert (sent.returncode, sent.stderr) == (0, "")
    wait_until(lambda: "by another command" in texts(friend), what="the message")
    assert "by another command" in run(lan, "history", "#lobby", *profile).stdout
    listed = json.loads(run(lan, "peers", "--json", *profile).stdout)
    assert [peer["peer_id"] for peer in listed] == list(peers(node))
    assert friend.stop() == 0


# -- a store that can't be used


def break_store(profile: Path) -> None:
    data = bytearray((profile / "store.db").read_bytes())
    data[: len(data) // 2] = os.urandom(len(data) // 2)
    (profile / "store.db").write_bytes(data)


def break_key(profile: Path) -> None:
    (profile / "store.key").write_bytes(b"\xff" * 40)


def empty_store(profile: Path) -> None:
    (profile / "store.db").write_bytes(b"")


def another_key(profile: Path) -> None:
    key = json.loads((profile / "store.key").read_text())
    name = next(name for name, value in key.items() if isinstance(value, str) and len(value) > 30)
    value = key[name]
    key[name] = value[:-3] + ("AAA" if value[-3:] != "AAA" else "BBB")
    (profile / "store.key").write_text(json.dumps(key))


@pytest.mark.parametrize("harm", [break_store, empty_store, break_key, another_key])
def test_a_store_that_cannot_be_read_stays_as_it_is(
    lan: Lan, tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    profile = tmp_path / "profile"
    node = lan.node(0, data_dir=profile)
    say(node, "before")
    assert node.stop() == 0
    saved = {file.name: file.read_bytes() for file in profile.iterdir() if file.is_file()}
    harm(profile)
    harmed = {file.name: file.read_bytes() for file in profile.iterdir() if file.is_file()}
    for command in (["rpc"], ["chat"], ["history", "#lobby"], ["send", "#lobby", "x"]):
        one_line(run(lan, *command, "--data-dir", str(profile)), USAGE)
    now = {name: (profile / name).read_bytes() for name in harmed}
    assert now == harmed
    for name, data in saved.items():
        (profile / name).write_bytes(data)
    again = lan.node(0, data_dir=profile)
    assert texts(again) == ["before"]
    assert again.stop() == 0


def test_a_folder_that_cannot_be_written(lan: Lan, tmp_path: Path) -> None:
    """Read-only, as on a disk that has gone wrong; root is stopped by such a mount alone."""
    profile = tmp_path / "profile"
    node = lan.node(0, data_dir=profile)
    say(node, "before")
    assert node.stop() == 0
    lan.shell(f"mount --bind {profile} {profile} && mount -o remount,bind,ro {profile}")
    try:
        one_line(run(lan, "rpc", "--data-dir", str(profile)), USAGE)
    finally:
        lan.shell(f"umount {profile}")
    again = lan.node(0, data_dir=profile)
    assert texts(again) == ["before"]
    assert again.stop() == 0


# -- a full disk


def sends(node: Node, text: str) -> bool:
    """Whether a message is acknowledged."""
    return node.request("messages.send", conversation="#lobby", text=text).exception(15) is None


@pytest.fixture
def disk(lan: Lan, tmp_path: Path) -> Path:
    """A small one."""
    return lan.disk(tmp_path / "disk", "6m")


def test_a_start_on_a_full_disk(lan: Lan, disk: Path) -> None:
    node = lan.node(0, data_dir=disk / "profile")
    say(node, "before")
    assert node.stop() == 0
    lan.fill(disk)
    for profile in ("profile", "new"):
        for command in (["rpc"], ["send", "#lobby", "x"]):
            one_line(run(lan, *command, "--data-dir", str(disk / profile)), USAGE, "full")
    lan.shell(f"rm {disk}/filler")
    again = lan.node(0, data_dir=disk / "profile")
    assert texts(again) == ["before"]
    new = lan.node(1, data_dir=disk / "new")
    assert say(new, "the first words")
    assert again.stop() == new.stop() == 0


def test_a_full_disk_loses_nothing(lan: Lan, disk: Path, tmp_path: Path) -> None:
    node, friend = lan.node(0, data_dir=disk / "profile"), lan.node(1, data_dir=tmp_path / "friend")
    wait_linked([node, friend])
    kept = {"before"}
    say(node, "before")
    lan.fill(disk)
    reasons = set()
    for number in range(200):
        answer = node.request("messages.send", conversation="#lobby", text=f"{number} " * 1000)
        try:
            kept.add(answer.result(15)["text"])
        except Exception as error:
            reasons.add(getattr(error, "reason", repr(error)))
    assert reasons == {"disk-full"}
    assert warnings(node).count("disk-full") == 1
    # What others say meanwhile comes with the next of their words that there is room for.
    say(friend, "said meanwhile")
    lan.shell(f"rm {disk}/filler")
    wait_until(lambda: sends(node, "after"), what="a message after there is room")
    say(friend, "said afterwards")
    kept |= {"said meanwhile", "after", "said afterwards"}
    wait_equal([node, friend], kept)
    node.kill9()
    again = lan.node(0, data_dir=disk / "profile")
    wait_linked([again, friend])
    say(again, "at the end")
    wait_equal([again, friend], kept | {"at the end"})
    for one in (node, again, friend):
        assert not {"forked-feed", "feed-rolled-back"} & set(warnings(one))
    assert again.stop() == friend.stop() == 0


# -- ports, interfaces, networks, clocks


def test_a_port_that_is_taken(lan: Lan, node: Node) -> None:
    port = node.call("node.info")["listen"][0].rsplit(":", 1)[1]
    other = str(node.data_dir.with_name("other"))
    one_line(run(lan, "rpc", "--data-dir", other, "--listen", port), USAGE, port)
    # The program's own port is another matter: the next one is as good.
    second = lan.node(0, data_dir=node.data_dir.with_name("second"))
    assert second.call("node.info")["listen"][0].rsplit(":", 1)[1] != port
    assert second.stop() == 0


def test_an_interface_that_is_not_there(lan: Lan, tmp_path: Path) -> None:
    where = ("--data-dir", str(tmp_path / "p"))
    one_line(run(lan, "rpc", *where, "--interface", "wlan7"), USAGE, "wlan7")
    one_line(run(lan, "rpc", *where, "--interface", "192.0.2.7"), USAGE, "192.0.2.7")
    one_line(run(lan, "rpc", *where, "--listen", "192.0.2.7:4000"), USAGE, "192.0.2.7")


def test_no_network_at_all_is_no_error() -> None:
    with Lan(hosts=2) as lan:
        for host in range(2):
            lan.run(host, "ip", "addr", "flush", "dev", "eth0")
            lan.run(host, "ip", "link", "set", "eth0", "down")
            lan.run(host, "ip", "link", "set", "lo", "down")
        nodes = [lan.node(host) for host in range(2)]
        assert say(nodes[0], "into the void")
        for host in range(2):
            lan.run(host, "ip", "link", "set", "lo", "up")
            lan.run(host, "ip", "link", "set", "eth0", "up")
            lan.add_address(host, f"{lan.hosts[host].address}/24")
        wait_linked(nodes, 30)
        wait_equal(nodes, {"into the void"})
        assert [node.stderr() for node in nodes] == ["", ""]
        assert [node.stop() for node in nodes] == [0, 0]


CLOCK = """
import os, time

real, real_ns = time.time, time.time_ns


def off() -> int:
    with open(os.environ["CLOCK"]) as file:
        return int(file.read() or 0)


time.time = lambda: real() + off()
time.time_ns = lambda: real_ns() + off() * 1_000_000_000
"""
DAY_S = 24 * 3600


def test_a_clock_that_jumps(lan: Lan, tmp_path: Path) -> None:
    """Forth and back by two days while the program runs: the order stays that of the words."""
    (tmp_path / "sitecustomize.py").write_text(CLOCK)
    clock = tmp_path / "clock"
    clock.write_text("0")
    env = environment(lan.directory / "home")
    env["PYTHONPATH"] = f"{tmp_path}:{env['PYTHONPATH']}"
    node = lan.node(0, env={"PYTHONPATH": env["PYTHONPATH"], "CLOCK": str(clock)})
    friend = lan.node(1)
    wait_linked([node, friend])
    said = []
    for round, off in enumerate((0, 2 * DAY_S, -2 * DAY_S, 0)):
        clock.write_text(str(off))
        for one, other in ((node, friend), (friend, node)):
            said.append(f"{round} of {one.data_dir.name}")
            sent = say(one, said[-1])
            hear(other, said[-1])
            if one is node:
                written = datetime.fromisoformat(message(friend, sent)["sent_at"]).timestamp()
                assert abs(written - time.time() - off) < 60
    latecomer = lan.node(2)
    wait_linked([node, friend, latecomer])
    assert wait_equal([node, friend, latecomer], set(said)) == said
    clock.write_text(str(2 * DAY_S))
    # Whoever is linked anew is told that the two don't go together.
    node.kill9()
    again = lan.node(0, env={"PYTHONPATH": env["PYTHONPATH"], "CLOCK": str(clock)})
    wait_linked([again, friend, latecomer])
    for one in (again, friend, latecomer):
        one.wait_event("warning", lambda body: bool(body["reason"] == "clock-off"))
    said.append(message(again, say(again, "at the end"))["text"])
    assert wait_equal([again, friend, latecomer], set(said)) == said
    for one in (again, friend, latecomer):
        assert not {"forked-feed", "feed-rolled-back"} & set(warnings(one))
        assert "Traceback" not in one.stderr()
        assert one.stop() == 0


# -- ends


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, None])
def test_it_ends_well_and_at_once(lan: Lan, tmp_path: Path, how: signal.Signals | None) -> None:
    node = lan.node(0, data_dir=tmp_path / "profile")
    friend = lan.node(1, data_dir=tmp_path / "friend")
    wait_linked([node, friend])
    say(node, "last words")
    mark, began = friend.mark(), time.monotonic()
    if how is not None:
        node.process.send_signal(how)
        assert node.wait(END_S) == 0
    else:
        # In the middle of a request.
        node.write(b'{"jsonrpc":"2.0","id":1,"method":"messages.send","params":{"conv')
        assert node.stop(END_S) == 0
    assert time.monotonic() - began < END_S
    friend.wait_event("peer.offline", since=mark)
    assert node.stderr() == ""
    assert friend.stop() == 0


# -- front ends that misbehave


def test_a_front_end_that_does_not_read(lan: Lan, tmp_path: Path) -> None:
    """Its node goes on for its peers, within bounds, and tells it the rest when it reads again."""
    friend = lan.node(1, data_dir=tmp_path / "friend")
    friend.call("node.info")
    deaf = lan.popen(
        0,
        [sys.executable, "-m", "p2pchat", "rpc", "--data-dir", str(tmp_path / "deaf")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment(lan.directory / "home"),
    )
    process = psutil.Process(deaf.pid)
    wait_until(lambda: any(peer["linked"] for peer in peers(friend).values()), what="the link")
    memory = process.memory_info().rss
    # It stops to take requests as well, so that writing them waits for the reading below.
    asking = threading.Thread(target=ask_much, args=(deaf,))
    asking.start()
    for number in range(40):
        futures = [
            friend.request(
                "messages.send", conversation="#lobby", text=f"{number} {n} " + "x" * 5000
            )
            for n in range(25)
        ]
        for future in futures:
            future.result(15)
    last = say(friend, "the last one")
    wait_message(friend, last, lambda found: len(found["receipts"]["delivered"]) == 1, timeout=30)
    assert process.memory_info().rss - memory < 100 * MIB
    assert deaf.stdout is not None
    answers = heard = 0
    for line in deaf.stdout:
        answers += b'"result"' in line
        heard += b'"message.received"' in line
        if answers == QUESTIONS and heard == 1001:
            break
    asking.join()
    deaf.send_signal(signal.SIGTERM)
    assert deaf.wait(END_S) == 0
    assert friend.stop() == 0


def ask_much(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    process.stdin.write(b'{"jsonrpc":"2.0","id":1,"method":"conversations.list"}\n' * QUESTIONS)
    process.stdin.flush()


def test_huge_and_broken_requests(node: Node) -> None:
    memory = psutil.Process(node.pid).memory_info().rss
    for junk in (
        b"\xff\xfe\0" * 100 + b"\n",
        b"[" * 200_000 + b"\n",
        b'{"a":' * 100_000 + b"\n",
        b"x" * (20 * MIB) + b"\n",
        b'"' + b"\\ud800" * 1000 + b'"\n',
    ):
        node.write(junk)
    assert say(node, "still here")
    assert (
        refusal(node, "messages.send", conversation="#lobby", text="x" * MIB).reason == "too-large"
    )
    wait_until(lambda: len(node.junk) >= 4, what="answers to what can't be read")
    wait_until(
        lambda: psutil.Process(node.pid).memory_info().rss - memory < 40 * MIB, 15, "memory back"
    )
    assert "Traceback" not in node.stderr()


def is_served(client: socket.socket) -> bool:
    try:
        client.sendall(b'{"jsonrpc":"2.0","id":1,"method":"node.info"}\n')
        return client.recv(1 << 16) != b""
    except (BrokenPipeError, ConnectionResetError):
        return False


def test_a_hundred_clients_of_the_control_socket(lan: Lan, node: Node) -> None:
    path = next(path for path in node.data_dir.rglob("*") if path.is_socket())
    clients = []
    for _ in range(100):
        client = socket.socket(socket.AF_UNIX)
        client.connect(str(path))
        client.settimeout(10)
        clients.append(client)
    served = sum(is_served(client) for client in clients)
    assert 10 < served <= CONTROL_CLIENTS
    assert psutil.Process(node.pid).num_fds() < 100
    assert say(node, "still here")
    for client in clients:
        client.close()
    listed = wait_until(
        lambda: run(lan, "history", "#lobby", "--data-dir", str(node.data_dir)).stdout, 15
    )
    assert "still here" in listed
    assert [found["text"] for found in messages(node)] == ["still here"]
