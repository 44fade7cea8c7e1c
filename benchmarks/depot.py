"""The depot: reading, checking and writing streams, against the same bytes without any of it.

    python benchmarks/depot.py [--mib N] [--directory DIR]

Needs a few GiB in a temporary folder.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ParamSpec, TypeVar

from report import Figure, percentile, tell

from p2pchat.model.stream import Block, Stream, layers
from p2pchat.storage.depot.depot import FileDepot

MIB = 1024 * 1024
FILES = 10_000
FILE_BYTES = 10_240
RUNS = 5

P = ParamSpec("P")
T = TypeVar("T")


def timed(work: Callable[P, T], *args: P.args, **named: P.kwargs) -> tuple[float, T]:
    begun = time.perf_counter()
    result = work(*args, **named)
    return time.perf_counter() - begun, result


def blocks(stream: Stream) -> Iterator[Block]:
    """All, parents first."""
    counts = layers(stream)
    for layer in range(len(counts) - 1, -1, -1):
        for index in range(counts[layer]):
            yield Block(layer, index)


class Run:
    """Seconds that one stream takes from where it is shared to the downloads of another depot."""

    def __init__(self, folder: Path, shared: Path) -> None:
        source = FileDepot(folder / "a" / "files", folder / "a" / "downloads")
        target = FileDepot(folder / "b" / "files", folder / "b" / "downloads")
        self.survey, offer = timed(source.survey, str(shared), lambda done, total: True)
        self.stream = stream = offer.stream
        self.begin, _ = timed(target.begin, stream)
        self.read = self.write = 0.0
        for block in blocks(stream):
            taken, data = timed(source.read, stream, block)
            self.read += taken
            assert data is not None
            taken, kept = timed(target.write, stream, block, data)
            self.write += taken
            assert kept
        again = FileDepot(folder / "b" / "files", folder / "b" / "downloads")
        self.resume, _ = timed(again.begin, stream)
        self.finish, path = timed(again.finish, stream, "came")
        self.look, there = timed(again.path, stream)
        assert there == path

    @property
    def whole(self) -> float:
        return self.survey + self.write + self.finish


def bare_read(path: Path, piece: int) -> None:
    with path.open("rb", buffering=0) as file:
        buffer = bytearray(piece)
        while file.readinto(buffer):
            pass


def bare_write(path: Path, size: int, piece: int) -> None:
    data = bytes(piece)
    with path.open("wb", buffering=0) as file:
        for _ in range(0, size, piece):
            file.write(data)


def random_file(path: Path, size: int) -> Path:
    with path.open("wb") as file:
        for _ in range(size // MIB):
            file.write(os.urandom(MIB))
        file.write(os.urandom(size % MIB))
    return path


def large(folder: Path, mib: int) -> None:
    path = random_file(folder / "large", mib * MIB)
    runs, reads, writes = [], [], []
    for number in range(RUNS):
        with tempfile.TemporaryDirectory(dir=folder) as place:
            run = Run(Path(place), path)
            runs.append(run)
            piece = run.stream.piece
            reads.append(timed(bare_read, path, piece)[0])
        bare = folder / f"bare {number}"
        writes.append(timed(bare_write, bare, mib * MIB, piece)[0])
        bare.unlink()
    note = f"{mib:,} MiB in pieces of {runs[0].stream.piece // 1024} KiB; peer: without checking"
    for name, taken, reach, peer in (
        ("survey", [run.survey for run in runs], 2000, reads),
        ("read and check", [run.read for run in runs], 2500, reads),
        ("check and write", [run.write for run in runs], 1500, writes),
        ("begin again, all of it here", [run.resume for run in runs], 2000, reads),
    ):
        rate, bare_rate = mib * MIB / 1e6 / min(taken), mib * MIB / 1e6 / min(peer)
        tell(
            Figure(
                name=f"depot: {name}",
                value=rate,
                unit="MB/s",
                at_least=reach,
                peer=bare_rate,
                note=note,
            )
        )
    for name, taken in (
        ("begin", [run.begin for run in runs]),
        ("finish", [r.finish for r in runs]),
    ):
        tell(Figure(name=f"depot: {name}", value=percentile(taken, 0.5) * 1000, unit="ms"))


def many(folder: Path) -> None:
    shared = folder / "many"
    for number in range(FILES):
        place = shared / f"unit {number // 100}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"page {number}.txt").write_bytes(os.urandom(FILE_BYTES))
    one = random_file(folder / "one", FILES * FILE_BYTES)
    runs, ones, makes = [], [], []
    # Nothing is deleted in between: for half a minute ext4 looks past inodes that were just freed,
    # one by one, and making files takes ten times as long.
    for number in range(RUNS):
        runs.append(Run(folder / f"many {number}", shared))
        ones.append(Run(folder / f"one {number}", one))
        makes.append(timed(bare_files, folder / f"plain {number}")[0])
    note = f"{FILES:,} files of 10 KB"
    single = min(run.whole for run in ones)
    for name, taken, peer, against in (
        ("survey", [run.survey for run in runs], min(run.survey for run in ones), "one file"),
        ("write", [run.write for run in runs], min(makes), "plain files made"),
        ("read", [run.read for run in runs], min(run.read for run in ones), "one file"),
        ("begin again", [run.resume for run in runs], min(run.resume for run in ones), "one file"),
        ("finish", [run.finish for run in runs], min(run.finish for run in ones), "one file"),
        ("path", [run.look for run in runs], min(run.look for run in ones), "one file"),
        ("survey, write and finish", [run.whole for run in runs], single, "one file"),
    ):
        tell(
            Figure(
                name=f"depot: a folder, {name}",
                value=min(taken) * 1000,
                unit="ms",
                peer=peer * 1000,
                note=f"{note}; peer: {against}",
            )
        )


def bare_files(folder: Path) -> None:
    data = bytes(FILE_BYTES)
    for number in range(FILES):
        if number % 100 == 0:
            place = folder / f"bare {number // 100}"
            place.mkdir(parents=True)
        handle = os.open(place / f"{number}", os.O_WRONLY | os.O_CREAT, 0o666)
        os.write(handle, data)
        os.close(handle)


def memory_kib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the depot.")
    parser.add_argument("--mib", type=int, default=1024)
    parser.add_argument("--directory", type=Path, help="where to make the depots")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.directory) as directory:
        folder = Path(directory)
        before = memory_kib()
        many(folder)
        large(folder, given.mib)
        growth = (memory_kib() - before) / 1024
        tell(Figure(name="depot: memory, above idle", value=growth, unit="MiB", at_most=16))


if __name__ == "__main__":
    main()
