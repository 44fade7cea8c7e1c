"""The UDP test mode as a real program against real sockets and netcat."""

from __future__ import annotations

import os
import pty
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from ports import free_port

from p2pchat.ui.udp import arrival

DEADLINE = 15.0


class Program:
    """`p2pchat udp` on 127.0.0.1, and the socket of its peer."""

    def __init__(self, **pipes: Any) -> None:
        self.peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.peer.bind(("127.0.0.1", 0))
        self.peer.settimeout(DEADLINE)
        self.address = ("127.0.0.1", free_port(socket.SOCK_DGRAM))
        self.name = f"127.0.0.1:{self.peer.getsockname()[1]}"
        command = [
            sys.executable,
            "-m",
            "p2pchat",
            "udp",
            f"127.0.0.1:{self.address[1]}",
            self.name,
        ]
        given: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        self.process = subprocess.Popen(command, **(given | pipes))
        self.ready()

    def ready(self) -> None:
        """Wait until its socket is bound."""
        deadline = time.monotonic() + DEADLINE
        wanted = f"0100007F:{self.address[1]:04X}"
        while wanted not in Path("/proc/net/udp").read_text():
            assert self.process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def type(self, data: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def arrive(self, data: bytes) -> None:
        self.peer.sendto(data, self.address)

    def line(self) -> str:
        assert self.process.stdout is not None
        return str(self.process.stdout.readline(), "utf-8")

    def complaint(self) -> str:
        assert self.process.stderr is not None
        return str(self.process.stderr.readline(), "utf-8")

    def end(self, data: bytes = b"") -> tuple[bytes, bytes]:
        out, err = self.process.communicate(data, DEADLINE)
        assert self.process.returncode == 0
        return out, err


@contextmanager
def program(**pipes: Any) -> Iterator[Program]:
    running = Program(**pipes)
    try:
        yield running
    finally:
        running.peer.close()
        if running.process.poll() is None:
            running.process.kill()
        for stream in (running.process.stdin, running.process.stdout, running.process.stderr):
            if stream is not None:
                stream.close()
        running.process.wait()


def test_lines_are_datagrams() -> None:
    with program() as udp:
        udp.type("hello\n\nzażółć 你好\r\n".encode())
        assert [udp.peer.recv(2000) for _ in range(3)] == [b"hello", b"", "zażółć 你好".encode()]
        udp.arrive(b"hi\n")
        assert udp.line() == f"{udp.name} say: hi\n"
        udp.arrive(b"")
        assert udp.line() == f"{udp.name} say: \n"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.sendto(b"from elsewhere", udp.address)
            port = other.getsockname()[1]
            assert udp.line() == f"127.0.0.1:{port} say: from elsewhere\n"
        assert udp.end() == (b"", b"")


@pytest.mark.parametrize("word", [b"over\n", b"OVER\n", b"oVeR"])
def test_over_is_sent_and_ends(word: bytes) -> None:
    with program() as udp:
        assert udp.end(b"over and out\n over\n" + word + b"never sent\n") == (b"", b"") or (
            not word.endswith(b"\n")
        )
        assert udp.peer.recv(2000) == b"over and out"
        assert udp.peer.recv(2000) == b" over"
        if word.endswith(b"\n"):
            assert udp.peer.recv(2000) == word.strip()
        udp.peer.setblocking(False)
        if word.endswith(b"\n"):
            with pytest.raises(BlockingIOError):
                udp.peer.recv(2000)


def test_over_that_arrives_ends_nothing() -> None:
    with program() as udp:
        udp.arrive(b"over")
        assert udp.line() == f"{udp.name} say: over\n"
        udp.arrive(b"still here")
        assert udp.line() == f"{udp.name} say: still here\n"
        udp.end(b"last, without a newline")
        assert udp.peer.recv(2000) == b"last, without a newline"


def test_too_long_is_refused_and_whole_characters_stay() -> None:
    with program() as udp:
        udp.type(b"x" * 1025 + b"\n" + "é".encode() * 513 + b"\n" + b"x" * 200_000 + b"\n")
        for _ in range(3):
            assert udp.complaint().startswith("not sent")
        udp.type(b"\xff\xfe\n")
        assert udp.complaint().startswith("not sent")
        udp.type("é".encode() * 512 + b"\n")
        assert udp.peer.recv(2000) == "é".encode() * 512
        udp.end()


def test_what_arrives_cannot_control_the_terminal() -> None:
    with program() as udp:
        udp.arrive(b"\x1b[2Ja\x00\xffb\tc\nd\r\n")
        assert udp.line() == f"{udp.name} say: \\x1b[2Ja\\x00\\xffb\\x09c\\x0ad\n"
        udp.arrive(b"x" * 9000)
        assert udp.line() == f"{udp.name} say: {'x' * 9000}\n"
        udp.end()


def test_a_peer_that_is_not_there_yet() -> None:
    with program() as udp:
        port = udp.peer.getsockname()[1]
        udp.peer.close()
        udp.type(b"anyone?\n")
        udp.peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.peer.bind(("127.0.0.1", port))
        udp.peer.settimeout(DEADLINE)
        udp.type(b"now?\n")
        heard = [udp.peer.recv(2000)]  # the first one too, if it went out late
        assert heard == [b"now?"] or (heard == [b"anyone?"] and udp.peer.recv(2000) == b"now?")
        udp.end()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it(how: signal.Signals) -> None:
    with program() as udp:
        udp.process.send_signal(how)
        assert udp.process.wait(DEADLINE) == 0


def test_a_reader_that_stops_reading_blocks_nothing() -> None:
    with program() as udp:
        for _ in range(200):
            for _ in range(50):
                udp.arrive(b"y" * 1000)
            udp.type(b"ping\n")
            assert udp.peer.recv(2000) == b"ping"
        udp.process.send_signal(signal.SIGTERM)
        assert udp.process.wait(DEADLINE) == 0


def test_a_terminal_shows_what_arrives_while_typing() -> None:
    master, terminal = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80", "LINES": "24"}
    with program(stdin=terminal, stdout=terminal, stderr=terminal, env=environment) as udp:
        os.close(terminal)
        os.write(master, b"half a li")
        screen = read_until(master, b"half a li")
        udp.arrive(b"news")
        screen = read_until(master, f"{udp.name} say: news".encode())
        os.write(master, b"ne\r")
        assert udp.peer.recv(2000) == b"half a line"
        os.write(master, b"over\r")
        assert udp.peer.recv(2000) == b"over"
        assert udp.process.wait(DEADLINE) == 0
        assert b"Traceback" not in screen
    os.close(master)


def read_until(master: int, wanted: bytes) -> bytes:
    """What the terminal gets, until it holds `wanted`; the cursor's place is told when asked."""
    seen = b""
    deadline = time.monotonic() + DEADLINE
    while wanted not in seen:
        assert time.monotonic() < deadline, seen
        if select.select([master], [], [], 0.1)[0]:
            data = os.read(master, 65536)
            if b"\x1b[6n" in data:
                os.write(master, b"\x1b[1;1R")
            seen += data
    return seen


@pytest.mark.parametrize(
    "arguments",
    [
        ["5000"],
        ["port", "127.0.0.1:5"],
        ["5000", "127.0.0.1"],
        ["5000", "127.0.0.1:0"],
        ["70000", "127.0.0.1:5"],
        ["203.0.113.1:5000", "127.0.0.1:5"],
        ["127.0.0.1:0", "[::1]:5"],
    ],
)
def test_impossible_addresses(arguments: list[str]) -> None:
    command = [sys.executable, "-m", "p2pchat", "udp", *arguments]
    ended = subprocess.run(command, capture_output=True, timeout=DEADLINE, check=False)
    assert ended.returncode == 2
    assert ended.stderr.strip()
    assert b"Traceback" not in ended.stderr


def test_a_port_that_is_taken() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        bind = f"127.0.0.1:{taken.getsockname()[1]}"
        command = [sys.executable, "-m", "p2pchat", "udp", bind, "127.0.0.1:5"]
        ended = subprocess.run(command, capture_output=True, timeout=DEADLINE, check=False)
        assert ended.returncode == 2
        assert len(ended.stderr.splitlines()) == 1


def test_ipv6_and_line_ends() -> None:
    assert arrival(("::1", 5), b"a\r\n") == "[::1]:5 say: a"
    assert arrival(("::1", 5), b"a\n\n") == "[::1]:5 say: a\\x0a"
