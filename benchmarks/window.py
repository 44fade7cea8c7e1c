"""The window on a virtual display, on a real node with a long history: its start, moving between
conversations, scrolling, typing while others write, and the slowest of all events.

    python benchmarks/window.py [--messages N]

Needs Xvfb. Makes a profile in a temporary folder, of about 1 KB for each message.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import store as made_up
from report import Figure, tell

from p2pchat.model.ids import ConversationId
from p2pchat.model.records import PutEntry
from p2pchat.storage import open_profile

HERE = Path(__file__).parent
SCREEN = "1280x900x24"
OTHER = "#second"
RATE = 500
FRESH = 2
"""Windows in which each event is measured; of all of them the slowest counts."""
SLOWEST = 10
"""Events that are printed by their names."""
WRITE_S = 12.0


class Peer:
    """A headless node, driven by JSON-RPC."""

    def __init__(self, folder: Path, name: str, *options: str) -> None:
        self._count = 0
        self._process = subprocess.Popen(
            [sys.executable, "-m", "p2pchat", "rpc", *profile(folder, name), *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def tell(self, method: str, **params: Any) -> int:
        """Ask, and don't wait for the answer."""
        self._count += 1
        request = {"jsonrpc": "2.0", "id": self._count, "method": method, "params": params}
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return self._count

    def call(self, method: str, **params: Any) -> Any:
        number = self.tell(method, **params)
        assert self._process.stdout is not None
        for line in self._process.stdout:
            answer = json.loads(line)
            if answer.get("id") == number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
        raise RuntimeError(f"{method}: the node has ended")

    def write(self, conversation: str, rate: int, seconds: float) -> None:
        """Messages, evenly over the time."""
        threading.Thread(target=self._drain, daemon=True).start()
        begun = time.perf_counter()
        for number in range(int(rate * seconds)):
            ahead = begun + number / rate - time.perf_counter()
            if ahead > 0.002:
                time.sleep(ahead)  # the rate is what is asked for
            self.tell("messages.send", conversation=conversation, text=f"message {number} of many")

    def _drain(self) -> None:
        """Read the answers, so that the node isn't held up."""
        assert self._process.stdout is not None
        for _ in self._process.stdout:
            pass

    def stop(self) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()


def profile(folder: Path, name: str) -> list[str]:
    alone = ["--no-mdns", "--no-beacon", "--listen", "127.0.0.1:0"]
    return ["--data-dir", str(folder), "--name", name, *alone]


def fill(folder: Path, count: int) -> None:
    """The profile with two rooms: the lobby with `count` messages, and another with a tenth."""
    node = Peer(folder, "Maria")
    node.call("rooms.create", room=OTHER)
    node.stop()
    store = open_profile(folder, None)
    try:
        rooms = {row.label: row.id for row in store.load().conversations}
        for label, number in (("#lobby", count), (OTHER, count // 10)):
            made_up.ROOM = ConversationId(rooms[label])
            entries = made_up.conversation(number)
            while batch := [PutEntry(entry) for entry in itertools.islice(entries, 1000)]:
                store.apply(batch)
        store.tidy()
    finally:
        store.close()


@contextlib.contextmanager
def display(*options: str) -> Iterator[str]:
    """The name of a new one; `options` are more of Xvfb's."""
    reading, writing = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(writing), "-screen", "0", SCREEN, "-nolisten", "tcp", *options],
        pass_fds=[writing],
        stderr=subprocess.DEVNULL,
    )
    os.close(writing)
    with os.fdopen(reading) as pipe:
        number = pipe.readline().strip()
    try:
        yield f":{number}"
    finally:
        server.terminate()
        server.wait(10)


def play(folder: Path, screen: str) -> dict[str, float]:
    """What the driver found. A first start, which isn't measured, fills the system's caches."""
    writer = Peer(folder.parent / "writer", "Li")
    address = writer.call("node.info")["listen"][0]
    options = [*profile(folder, "Maria"), "--connect", address]
    driver = subprocess.Popen(
        [
            sys.executable, str(HERE / "_window_driver.py"), "figures",
            str(time.monotonic_ns()), "#lobby", OTHER, "--", *options,
        ],
        env=os.environ | {"DISPLAY": screen, "PYTHONPATH": f"{HERE}:{HERE.parent}"},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert driver.stdin is not None
    assert driver.stdout is not None
    try:
        if driver.stdout.readline().strip() != "ready":
            raise RuntimeError("the window did not come so far")
        linked = time.monotonic() + 30
        while not any(peer["linked"] for peer in writer.call("peers.list")):
            if time.monotonic() > linked:
                raise RuntimeError("the writer is not linked")
            time.sleep(0.1)  # asks again
        driver.stdin.write("go\n")
        driver.stdin.flush()
        writer.write("#lobby", RATE, WRITE_S)
        found: dict[str, float] = json.loads(driver.stdout.readline())
        driver.wait(30)
        return found
    finally:
        driver.kill()
        writer.stop()


def events(folder: Path, screen: str) -> dict[str, float]:
    """Milliseconds that the loop was held in one go, by event: the worst of several windows."""
    worst: dict[str, float] = {}
    for _ in range(FRESH):
        done = subprocess.run(
            [
                sys.executable, str(HERE / "_window_driver.py"), "events",
                str(time.monotonic_ns()), "#lobby", OTHER, "--", *profile(folder, "Maria"),
            ],
            env=os.environ | {"DISPLAY": screen, "PYTHONPATH": f"{HERE}:{HERE.parent}"},
            stdout=subprocess.PIPE, text=True, check=True, timeout=300,
        )  # fmt: skip
        for name, held in json.loads(done.stdout.splitlines()[-1]).items():
            worst[name] = max(worst.get(name, 0.0), held)
    return worst


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=100_000)
    count = parser.parse_args().messages
    if shutil.which("Xvfb") is None:
        print("skipped: Xvfb is not installed")
        return
    with tempfile.TemporaryDirectory() as folder, display() as screen:
        path = Path(folder) / "maria"
        fill(path, count)
        found = play(path, screen)
        held = events(path, screen)
    many = f"{count:,} messages"
    for name, key, unit, most, least in (
        ("window: start to usable", "start", "s", 1.0, None),
        ("window: switch of conversation, p95", "switch", "ms", 50.0, None),
        ("window: scrolling, the slowest second", "frames", "/s", None, 30.0),
        ("window: slowest frame while scrolling", "slowest frame", "ms", 50.0, None),
        ("window: memory after scrolling", "memory", "MiB", 200.0, None),
        (f"window: key to letter, {RATE} messages/s, p99", "key", "ms", 50.0, None),
    ):
        tell(
            Figure(name=name, value=found[key], unit=unit, at_most=most, at_least=least, note=many)
        )

    slowest = sorted(held, key=held.__getitem__, reverse=True)
    for name in slowest[:SLOWEST]:
        print(f"  {held[name]:6.1f} ms  {name}")
    tell(
        Figure(
            name=f"window: slowest of {len(held)} events, worst of {FRESH} windows",
            value=held[slowest[0]], unit="ms", at_most=50.0, note=slowest[0],
        )
    )  # fmt: skip


if __name__ == "__main__":
    main()
