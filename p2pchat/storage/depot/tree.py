"""The layers of a stream's tree above its pieces, in a file that isn't believed."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterator

from blake3 import blake3

from p2pchat.model.stream import HASH_BYTES, HASHES, Block, Stream, block_size, layers
from p2pchat.storage.depot.disk import open_regular, read_at, write_at

_KEPT = 4
"""Checked blocks of hashes in memory, 64 KiB each: one for each layer that a stream may have."""
_BLOCK_BYTES = HASHES * HASH_BYTES


def digest(*parts: bytes | memoryview) -> bytes:
    hasher = blake3(parts[0])
    for part in parts[1:]:
        hasher.update(part)
    return hasher.digest()


class Tree:
    """What the hashes of a stream's blocks are, as far as they are here. One thread at a time."""

    def __init__(self, path: str, stream: Stream) -> None:
        self._path = path
        self._stream = stream
        self._starts = _starts(stream)
        self._checked: OrderedDict[Block, bytes] = OrderedDict()

    def expected(self, block: Block) -> bytes | None:
        """The hash of a block of the tree; None where the block above it isn't here."""
        if block.layer == len(self._starts):
            return self._stream.root
        above = self.block(Block(block.layer + 1, block.index // HASHES))
        at = block.index % HASHES * HASH_BYTES
        return above and above[at : at + HASH_BYTES]

    def block(self, block: Block) -> bytes | None:
        """A block above the pieces, checked."""
        if data := self._checked.get(block):
            self._checked.move_to_end(block)
            return data
        expected = self.expected(block)
        if expected is None:
            return None
        try:
            handle, _ = open_regular(self._path)
        except OSError:
            return None
        try:
            data = read_at(handle, self._place(block), block_size(self._stream, block))
        finally:
            os.close(handle)
        if digest(data) != expected:
            return None
        self._keep(block, data)
        return data

    def blocks(self) -> Iterator[Block]:
        """All that there are above the pieces, those above others first."""
        counts = layers(self._stream)
        for layer in range(len(counts) - 1, 0, -1):
            yield from (Block(layer, index) for index in range(counts[layer]))

    def is_whole(self) -> bool:
        """Whether all of them are here."""
        return all(self.block(block) is not None for block in self.blocks())

    def put(self, block: Block, data: bytes) -> None:
        """Keep a block that has been checked."""
        write_at(self._path, self._place(block), data)
        self._keep(block, bytes(data))

    def forget(self) -> None:
        """Check again what the file holds."""
        self._checked.clear()

    def _place(self, block: Block) -> int:
        return self._starts[block.layer - 1] + block.index * _BLOCK_BYTES

    def _keep(self, block: Block, data: bytes) -> None:
        self._checked[block] = data
        if len(self._checked) > _KEPT:
            self._checked.popitem(last=False)


class TreeBuilder:
    """Makes the tree of a stream of known size from the hashes of its pieces, in order."""

    def __init__(self, path: str, size: int, piece: int) -> None:
        stream = Stream(b"", size, piece)
        self._path = path
        self._places = _starts(stream)
        self._open = [bytearray() for _ in self._places]
        """Of each layer above the pieces the block that isn't full yet."""
        self._last = b""

    def add(self, hash: bytes) -> None:
        """The next piece's."""
        self._add(0, hash)

    def root(self) -> bytes:
        """All pieces were added."""
        for layer, block in enumerate(self._open):
            if block:
                self._close(layer)
        return self._last

    def _add(self, layer: int, hash: bytes) -> None:
        self._last = hash
        if layer < len(self._open):
            self._open[layer] += hash
            if len(self._open[layer]) == _BLOCK_BYTES:
                self._close(layer)

    def _close(self, layer: int) -> None:
        block = bytes(self._open[layer])
        self._open[layer].clear()
        write_at(self._path, self._places[layer], block)
        self._places[layer] += len(block)
        self._add(layer + 1, digest(block))


def _starts(stream: Stream) -> list[int]:
    """Where each layer above the pieces begins in the file."""
    starts, at = [], 0
    for below in layers(stream)[:-1]:
        starts.append(at)
        at += below * HASH_BYTES
    return starts
