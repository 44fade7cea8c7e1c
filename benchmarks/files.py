"""Files between hosts of a LAN: a class, one large file, a folder of small ones, memory, a chat
beside a transfer, and resume; libtorrent, scp and magic-wormhole beside the first two.

Times run from calling `files.share` to the last `file.complete`. Every copy is compared.

    files.py [PART...]    only these: class, pair, folder, latency, resume, memory
"""

from __future__ import annotations

import contextlib
import filecmp
import os
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import copy_peers
import torrent_peer
from _lan import Lan, Node, wait_linked
from lan_node import Event
from report import Figure, percentile, tell

ROOM = "#lobby"
MIB, GIB = 1 << 20, 1 << 30
CLASS_HOSTS, CLASS_BYTES, PORT_BITS = 20, 32 * MIB, 100_000_000
PAIR_BYTES, ROUNDS = GIB, 3
FOLDER_FILES, FOLDER_FILE_BYTES, FOLDER_ROUNDS = 10_000, 10_000, 9
LARGE_BYTES, SMALLER_BYTES = 10 * GIB, 4 * GIB
LATENCY_BYTES, EVERY_S = 4 * GIB, 0.05
SETTLE_S = 2.0
"""Until what comes with new links is over."""


# -- what is shared


def make_file(path: Path, size: int) -> Path:
    """No two blocks of it are the same, and making it costs little."""
    block = bytearray(os.urandom(MIB))
    with path.open("wb") as file:
        for number in range(-(-size // MIB)):
            block[:8] = number.to_bytes(8, "big")
            file.write(block[: min(MIB, size - number * MIB)])
    return path


def make_folder(path: Path) -> Path:
    path.mkdir()
    for number in range(FOLDER_FILES):
        (path / f"{number}.bin").write_bytes(os.urandom(FOLDER_FILE_BYTES))
    return path


def touch_memory(directory: Path) -> None:
    """See to it that memory for a copy is at hand. A virtual machine that gives free memory back
    gets it again page by page, which takes longer than the copying; whoever comes second would
    find what the first has left."""
    make_file(directory / "touched", PAIR_BYTES).unlink()


def remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def same(first: Path, second: Path) -> bool:
    if not first.is_dir():
        return filecmp.cmp(first, second, shallow=False)
    names = sorted(os.listdir(first))
    if names != sorted(os.listdir(second)):
        return False
    return filecmp.cmpfiles(first, second, names, shallow=False)[0] == names


# -- sharing it


@contextlib.contextmanager
def network(hosts: int, directory: Path | None = None) -> Iterator[tuple[Lan, list[Node]]]:
    """A LAN with a node on each host, all linked, that take whatever is shared."""
    with Lan(hosts=hosts, directory=directory) as lan:
        nodes = [lan.node(host) for host in range(hosts)]
        wait_linked(nodes, 30)
        for node in nodes:
            node.call("settings.set", settings={"auto_fetch": LARGE_BYTES})
        time.sleep(SETTLE_S)
        yield lan, nodes


def share(node: Node, path: Path) -> dict[str, Any]:
    found: dict[str, Any] = node.call(
        "files.share", conversation=ROOM, path=str(path), call_timeout=120
    )
    return found


def seconds(nodes: list[Node], path: Path) -> float:
    """Until all the others have what the first shares; what came is compared and away."""
    marks = [node.mark() for node in nodes]
    begun = time.monotonic()
    file = share(nodes[0], path)
    events = [completed(node, file, mark) for node, mark in zip(nodes[1:], marks[1:], strict=True)]
    for event in events:
        check(path, event)
    return max(event.at for event in events) - begun


def completed(node: Node, file: dict[str, Any], since: int = 0) -> Event:
    def is_it(body: dict[str, Any]) -> bool:
        return bool(body["file"]["file_id"] == file["file_id"])

    return node.wait_event("file.complete", is_it, timeout=170, since=since)


def check(source: Path, event: Event) -> None:
    copy = Path(event["file"]["path"])
    assert same(source, copy)
    remove(copy)


# -- the figures


def a_class() -> None:
    with network(CLASS_HOSTS) as (lan, nodes):
        (lan.directory / "shared").mkdir()
        path = make_file(lan.directory / "shared" / "film.bin", CLASS_BYTES)
        for host in range(CLASS_HOSTS):
            lan.limit_rate(host, PORT_BITS)
        ideal = CLASS_BYTES * 8 / PORT_BITS
        touch_memory(lan.directory)
        taken = seconds(nodes, path)
        for node in nodes:
            node.stop()
        touch_memory(lan.directory)
        peer = torrent_peer.measure(lan, path)
    tell(
        Figure(
            name="32 MiB to 19 others, ports of 100 Mbit/s: time × rate ÷ size",
            value=taken / ideal,
            at_most=1.5,
            peer=peer / ideal if peer else None,
            note=f"ideal {ideal:.2f} s; peer: libtorrent, its torrent made before",
        )
    )


def pair() -> None:
    """Ours and theirs in turn, so that both meet the same disk; and the same memory."""
    ours = list[float]()
    scps, wormholes = list[float](), list[float]()
    with network(2) as (lan, nodes), copy_peers.scp(lan) as scp, copy_peers.wormhole(lan) as hole:
        for number in range(ROUNDS):
            path = make_file(lan.directory / f"{number}.bin", PAIR_BYTES)
            touch_memory(lan.directory)
            ours.append(seconds(nodes, path))
            for peer, taken in ((scp, scps), (hole, wormholes)):
                if peer is not None:
                    touch_memory(lan.directory)
                    taken.append(peer.seconds(path, lan.directory / "copy"))
            path.unlink()
    rate = PAIR_BYTES / statistics.median(ours) / 1e6
    told: list[tuple[str, float | None]] = [
        (name, PAIR_BYTES / statistics.median(taken) / 1e6)
        for name, taken in (("scp", scps), ("magic-wormhole", wormholes))
        if taken
    ]
    for name, theirs in told or [("", None)]:
        tell(
            Figure(
                name="1 GiB to one other, complete and verified",
                value=rate,
                unit="MB/s",
                at_least=1.3 * theirs if name == "scp" and theirs else None,
                peer=theirs,
                note=f"medians of {ROUNDS}" + (f"; peer: {name}, the whole command" * bool(name)),
            )
        )


def folder() -> None:
    """In memory, as making files costs what the disk did before: ext4 takes long to make many
    where others were deleted lately. In turn and often: one takes half a second, in which a virtual
    machine may have half of its processors or all of them."""
    many, one = [], []
    shm = Path("/dev/shm")
    with (
        tempfile.TemporaryDirectory(dir=shm if shm.is_dir() else None) as directory,
        network(2, Path(directory)) as (_, nodes),
    ):
        for number in range(FOLDER_ROUNDS):
            size = FOLDER_FILES * FOLDER_FILE_BYTES
            one.append(seconds(nodes, make_file(Path(directory) / f"{number}.bin", size)))
            many.append(seconds(nodes, make_folder(Path(directory) / f"{number}")))
    tell(
        Figure(
            name="a folder of 10,000 files of 10 KB ÷ one file of that size",
            value=statistics.median(many) / statistics.median(one),
            at_most=2.0,
            note=f"{statistics.median(many):.2f} s and {statistics.median(one):.2f} s, "
            f"medians of {FOLDER_ROUNDS}, on a disk in memory",
        )
    )


class Watched:
    """The private memory of processes, looked at all the time in a `with` block."""

    def __init__(self, nodes: list[Node]) -> None:
        self._pids = [node.pid for node in nodes]
        self._before = [_private_bytes(pid) for pid in self._pids]
        self._most = self._before
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Watched:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    @property
    def grown(self) -> list[int]:
        """Bytes at most above what there was at first, of each process."""
        return [most - before for most, before in zip(self._most, self._before, strict=True)]

    def _watch(self) -> None:
        while not self._over.wait(0.05):
            now = [_private_bytes(pid) for pid in self._pids]
            self._most = [max(pair) for pair in zip(self._most, now, strict=True)]


def _private_bytes(pid: int) -> int:
    """RssAnon: without pages of files, which are the system's to keep or drop."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    raise ValueError(f"no RssAnon of {pid}")


def memory() -> None:
    with network(2) as (lan, nodes):
        roomy = shutil.disk_usage(lan.directory).free > 2.5 * LARGE_BYTES
        size = LARGE_BYTES if roomy else SMALLER_BYTES
        path = make_file(lan.directory / "large.bin", size)
        with Watched(nodes) as watched:
            seconds(nodes, path)
    for name, grown in zip(("sender", "receiver"), watched.grown, strict=True):
        tell(
            Figure(
                name=f"memory of the {name} above idle, at most",
                value=grown / 1e6,
                unit="MB",
                at_most=60.0,
                note=f"RssAnon while {size // GIB} GiB go by"
                + (", as the disk has no room for 10" * (size < LARGE_BYTES)),
            )
        )


def latencies(sender: Node, receiver: Node, over: threading.Event) -> list[float]:
    """Seconds from a request to the other's event; one each EVERY_S, whether the last has come or
    not."""
    mark, sent = receiver.mark(), []
    while not over.is_set():
        sent.append(time.monotonic())
        sender.request("messages.send", conversation=ROOM, text=str(len(sent)))
        over.wait(max(0.0, sent[0] + len(sent) * EVERY_S - time.monotonic()))

    def is_text(body: dict[str, Any]) -> bool:
        return bool(body["message"]["kind"] == "text")

    events = receiver.wait_events("message.received", len(sent), is_text, since=mark, timeout=30)
    return [event.at - at for event, at in zip(events, sent, strict=True)]


def latency() -> None:
    """Two hosts have two disks: here the receiver's is in memory. With one disk for both, shown
    beside it, the sender's commits wait for what the receiver has just been sent."""
    shm = Path("/dev/shm")
    if shm.is_dir() and shutil.disk_usage(shm).free > 1.5 * LATENCY_BYTES:
        with tempfile.TemporaryDirectory(dir=shm) as directory:
            _latency("each host on a disk of its own", Path(directory) / "h1")
    _latency("both hosts on one disk", None)


def _latency(disks: str, receivers: Path | None) -> None:
    """What is shared is on the disk before, as people's files are: a commit would wait for what the
    benchmark itself has just written, which is no part of the transfer."""
    with Lan(hosts=2) as lan:
        nodes = [lan.node(0), lan.node(1, data_dir=receivers)]
        wait_linked(nodes, 30)
        nodes[1].call("settings.set", settings={"auto_fetch": LARGE_BYTES})
        path = make_file(lan.directory / "large.bin", LATENCY_BYTES)
        os.sync()
        over, found = threading.Event(), list[float]()
        chat = threading.Thread(target=lambda: found.extend(latencies(nodes[0], nodes[1], over)))
        mark, begun = nodes[1].mark(), time.monotonic()
        chat.start()
        file = share(nodes[0], path)
        event = completed(nodes[1], file, mark)
        over.set()
        chat.join()
    rate = LATENCY_BYTES / (event.at - begun) / 1e6
    for share_of, at_most in ((0.5, None), (0.99, 50.0)):
        tell(
            Figure(
                name=f"message during a transfer, {disks}, p{share_of * 100:.0f}",
                value=percentile(found, share_of) * 1000,
                unit="ms",
                at_most=at_most,
                note=f"{len(found)} messages while 4 GiB go by at {rate:.0f} MB/s",
            )
        )


def resume() -> None:
    """Bytes on the cable with a kill at half, above those of the same transfer without one."""
    with network(2) as (lan, nodes):
        plain = make_file(lan.directory / "plain.bin", PAIR_BYTES)
        before = _received_bytes(lan)
        seconds(nodes, plain)
        usual = _received_bytes(lan) - before
        path = make_file(lan.directory / "broken.bin", PAIR_BYTES)
        before, mark = _received_bytes(lan), nodes[1].mark()
        file = share(nodes[0], path)
        at = nodes[1].wait_event(
            "file.progress",
            lambda body: (
                body["file"]["name"] == path.name and body["file"]["done"] * 2 > PAIR_BYTES
            ),
            timeout=60,
            since=mark,
        )
        nodes[1].kill9()
        check(path, completed(lan.node(1), file))
        again = _received_bytes(lan) - before - usual
    tell(
        Figure(
            name="fetched again after kill -9 at half of 1 GiB",
            value=max(0.0, 100 * again / PAIR_BYTES),
            unit="%",
            at_most=1.0,
            note=f"killed at {100 * at['file']['done'] / PAIR_BYTES:.0f}%; bytes on the cable",
        )
    )


def _received_bytes(lan: Lan) -> int:
    return int(lan.run(1, "cat", "/sys/class/net/eth0/statistics/rx_bytes"))


PARTS = {
    "class": a_class,
    "pair": pair,
    "folder": folder,
    "latency": latency,
    "resume": resume,
    "memory": memory,  # last: a disk that is told of 20 GiB that are free again is busy with that
}


def main() -> None:
    for name in sys.argv[1:] or PARTS:
        PARTS[name]()


if __name__ == "__main__":
    main()
