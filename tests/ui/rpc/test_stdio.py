"""The interface on real pipes, files and descriptors, with a real process around it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest

from p2pchat.ui.rpc.streams import TURN_BYTES, PipeInput

PROGRAM = """
import asyncio, signal, sys
from paper_node import LI, with_two_called_li
from p2pchat.ui.rpc.stdio import serve_stdio

async def main():
    node, stop = with_two_called_li(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    if "flood" in sys.argv:
        node.handlers_flood = asyncio.ensure_future(flood(node))
    await serve_stdio(node, stop)
    sys.stderr.write(f"{len(node.stored)} stored")

async def flood(node):
    for _ in range(300):
        for _ in range(20):
            node.receive("#lobby", "x" * 16000, LI)
        await asyncio.sleep(0)
    node.history.clear()
    sys.stderr.write("flooded\\n")
    sys.stderr.flush()

asyncio.run(main())
"""
ASK = b'{"jsonrpc":"2.0","id":1,"method":"node.info"}\n'
SEND = b'{"jsonrpc":"2.0","id":%d,"method":"messages.send","params":["#lobby","x"]}\n'
DEADLINE = 20


def start(*arguments: str, **pipes: Any) -> subprocess.Popen[bytes]:
    given: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    command = [sys.executable, "-c", PROGRAM, *arguments]
    return subprocess.Popen(command, env=environment, **(given | pipes))


@contextmanager
def running(*arguments: str, **pipes: Any) -> Iterator[subprocess.Popen[bytes]]:
    process = start(*arguments, **pipes)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def pipe(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None
    return stream


def test_everything_asked_before_the_end_of_input_is_answered() -> None:
    with running() as process:
        out, err = process.communicate(b"".join(SEND % n for n in range(10_000)), DEADLINE)
        assert process.returncode == 0
        assert [json.loads(line)["id"] for line in out.splitlines()] == list(range(10_000))
        assert err == b"10000 stored"


def test_a_flood_is_taken_a_little_at_a_time() -> None:
    """So that its first answers, and all else, get their turn before its end is read."""

    async def main() -> list[int]:
        sizes: list[int] = []
        ended = asyncio.Event()
        reading, writing = os.pipe()
        os.write(writing, bytes(60_000))
        os.close(writing)
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: PipeInput(lambda data: sizes.append(len(data)), ended.set),
            os.fdopen(reading, "rb", 0),
        )
        await ended.wait()
        return sizes

    sizes = asyncio.run(main())
    assert sum(sizes) == 60_000
    assert max(sizes) <= TURN_BYTES


def test_files_as_input_and_output(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(b"".join(SEND % n for n in range(5000)) + ASK.rstrip())
    with (tmp_path / "in").open() as stdin, (tmp_path / "out").open("w") as stdout:
        process = start(stdin=stdin, stdout=stdout)
    process.communicate(timeout=DEADLINE)
    assert process.returncode == 0
    assert len((tmp_path / "out").read_bytes().splitlines()) == 5001


def test_output_and_log_in_one_pipe() -> None:
    with running(stderr=subprocess.STDOUT) as process:
        out, _ = process.communicate(ASK, DEADLINE)
        assert process.returncode == 0
        assert json.loads(out.splitlines()[0])["id"] == 1


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it_as_the_end_of_input_does(how: signal.Signals) -> None:
    with running() as process:
        pipe(process.stdin).write(ASK)
        pipe(process.stdin).flush()
        assert json.loads(pipe(process.stdout).readline())["id"] == 1
        process.send_signal(how)
        assert process.wait(DEADLINE) == 0


def test_a_terminal_as_input(tmp_path: Path) -> None:
    master, terminal = os.openpty()
    with running(stdin=terminal) as process:
        os.close(terminal)
        os.write(master, ASK)
        assert json.loads(pipe(process.stdout).readline())["id"] == 1
        os.write(master, b"\x04")
        assert process.wait(DEADLINE) == 0
    os.close(master)


def test_a_parent_that_no_longer_listens_ends_it() -> None:
    with running() as process:
        pipe(process.stdout).close()
        pipe(process.stdin).write(ASK)
        pipe(process.stdin).flush()
        assert process.wait(DEADLINE) == 0
        process.stdout = None


def test_a_parent_that_does_not_read_blocks_and_fills_nothing() -> None:
    with running("flood") as process:
        assert pipe(process.stderr).readline() == b"flooded\n"
        memory = Path(f"/proc/{process.pid}/status").read_text()
        used = int(memory.split("VmRSS:")[1].split()[0]) * 1024
        assert used < 220 * 1024 * 1024
        lines: list[bytes] = []
        reader = threading.Thread(target=lambda: lines.extend(pipe(process.stdout)))
        reader.start()
        pipe(process.stdin).write(ASK)
        pipe(process.stdin).close()
        reader.join(DEADLINE)
        assert process.wait(DEADLINE) == 0
        said = [json.loads(line) for line in lines]
        warnings = [s for s in said if s.get("params", {}).get("type") == "warning"]
        assert [w["params"]["reason"] for w in warnings] == ["events-lost"]
        assert sum(s.get("id") == 1 for s in said) == 1
        process.stdin = process.stdout = None


def test_nothing_is_left_running(tmp_path: Path) -> None:
    """Serving twice in one process: no descriptor, task or thread of the first is in the way."""
    from paper_node import with_two_called_li

    from p2pchat.ui.rpc.stdio import serve_stdio

    async def once() -> bytes:
        read_in, write_in = os.pipe()
        read_out, write_out = os.pipe()
        os.write(write_in, ASK)
        os.close(write_in)
        await serve_stdio(with_two_called_li(), asyncio.Event(), read_in, write_out)
        os.close(read_in)
        os.close(write_out)
        answer = os.read(read_out, 65536)
        os.close(read_out)
        assert len(asyncio.all_tasks()) == 1
        return answer

    for _ in range(3):
        assert json.loads(asyncio.run(once()))["id"] == 1
