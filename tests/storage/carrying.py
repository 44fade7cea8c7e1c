"""Streams carried from one depot to another, block by block."""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from pathlib import Path

from blake3 import blake3

from p2pchat.model.stream import HASHES, Block, Stream, layers, piece_size
from p2pchat.node.ports import Progress, Survey
from p2pchat.storage.depot.depot import FileDepot


def depot(folder: Path) -> FileDepot:
    return FileDepot(folder / "files", folder / "downloads")


def survey(source: FileDepot, path: Path | str) -> Survey:
    return source.survey(str(path), lambda done, total: True)


def blocks(stream: Stream, seed: int | None = None) -> list[Block]:
    """All, parents first; with a seed the pieces in random order."""
    counts = layers(stream)
    above = [
        Block(layer, i) for layer in range(len(counts) - 1, 0, -1) for i in range(counts[layer])
    ]
    pieces = [Block(0, index) for index in range(counts[0])]
    if seed is not None:
        random.Random(seed).shuffle(pieces)
    return above + pieces


def carry(source: FileDepot, target: FileDepot, stream: Stream, wanted: Sequence[Block]) -> None:
    for block in wanted:
        data = source.read(stream, block)
        assert data is not None, block
        assert target.write(stream, block, data), block


def fetch(source: FileDepot, target: FileDepot, offer: Survey, seed: int | None = None) -> Path:
    """All of it, and the path of what came."""
    target.begin(offer.stream)
    carry(source, target, offer.stream, blocks(offer.stream, seed))
    return Path(target.finish(offer.stream, offer.name))


def has(progress: Progress, block: Block) -> bool:
    return bool(progress.layers[block.layer][block.index // 8] >> block.index % 8 & 1)


def here(progress: Progress) -> int:
    """How many pieces."""
    return sum(byte.bit_count() for byte in progress.layers[0])


def hostile(manifest: bytes, content: bytes = b"") -> tuple[Stream, list[tuple[Block, bytes]]]:
    """A folder's stream as anyone can make one up, and its blocks, parents first."""
    data = manifest + content
    size = piece_size(len(data))
    layer = [data[at : at + size] for at in range(0, len(data), size)] or [b""]
    made: list[tuple[Block, bytes]] = []
    number = 0
    while True:
        made = [(Block(number, i), block) for i, block in enumerate(layer)] + made
        if len(layer) == 1:
            break
        hashes = [blake3(block).digest() for block in layer]
        layer = [b"".join(hashes[at : at + HASHES]) for at in range(0, len(hashes), HASHES)]
        number += 1
    return Stream(blake3(layer[0]).digest(), len(data), size, len(manifest)), made


def snapshot(folder: Path) -> dict[str, bytes | None]:
    """All that a folder holds: content by path; None for a folder."""
    found: dict[str, bytes | None] = {}
    for parent, folders, files in os.walk(folder):
        for name in folders:
            found[os.path.relpath(os.path.join(parent, name), folder)] = None
        for name in files:
            path = os.path.join(parent, name)
            found[os.path.relpath(path, folder)] = Path(path).read_bytes()
    return found
