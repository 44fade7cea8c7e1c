"""Which blocks of a stream are here, which may be asked for, and which is asked for next."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import chain
from random import Random

from p2pchat.model.stream import HASHES, Block, Stream, block_size, layers
from p2pchat.protocol.swarm.bits import Rarity, lowest, ones, some

LAYER_SHIFT = 32
"""A block as one number: its layer above these bits, its index in them. A stream of 2**53 bytes
has 2**30 pieces."""


def key_of(layer: int, index: int) -> int:
    return layer << LAYER_SHIFT | index


def block_of(key: int) -> tuple[int, int]:
    """(layer, index)"""
    return key >> LAYER_SHIFT, key & (1 << LAYER_SHIFT) - 1


class Picker:
    """The blocks of one stream. Each is here, being fetched, or free; of the free ones those may be
    asked for whose parent is here, since nothing else can check them."""

    def __init__(self, stream: Stream, progress: Sequence[bytes], rng: Random) -> None:
        """`progress`: as `node.ports.Progress.layers`."""
        self.stream = stream
        self.counts = layers(stream)
        self.stored = [
            int.from_bytes(progress[layer] if layer < len(progress) else b"", "little")
            & ones(count)
            for layer, count in enumerate(self.counts)
        ]
        self.rarity = Rarity()
        """Of pieces, over the peers that don't have all of them."""
        self.random = False
        """Ties between pieces fall at random; else in the order of the stream, which suits disks,
        and is as good where no others fetch."""
        self._rng = rng
        self._beside: list[Picker] = []
        """Of other fetches of the same stream: what one of them fetches comes here too."""
        self._left = [
            count - self.stored[layer].bit_count() for layer, count in enumerate(self.counts)
        ]
        self._free = [0] * len(self.counts)
        """That may be asked for."""
        self._usual = block_size(stream, Block(0, 0))
        top = len(self.counts) - 1
        self._open(top, 1)
        for layer in range(top, 0, -1):
            for parent in range(self.counts[layer]):
                if self.stored[layer] >> parent & 1:
                    self._open(layer - 1, ones(HASHES) << parent * HASHES)

    @property
    def complete(self) -> bool:
        return not any(self._left)

    @property
    def all_taken(self) -> bool:
        """Whether every block is here or being fetched."""
        return not any(self._free) and not self.uppers_left

    @property
    def pieces_left(self) -> int:
        return self._left[0]

    @property
    def uppers_left(self) -> int:
        """Blocks of hashes that aren't here."""
        return sum(self._left[1:])

    def has(self, layer: int, index: int) -> bool:
        return bool(self.stored[layer] >> index & 1)

    def is_free(self, key: int) -> bool:
        layer, index = block_of(key)
        return bool(self._free[layer] >> index & 1)

    def exists(self, layer: int, index: int) -> bool:
        return 0 <= layer < len(self.counts) and 0 <= index < self.counts[layer]

    def size(self, layer: int, index: int) -> int:
        """Bytes of a block that exists."""
        if layer == 0 and index < self.counts[0] - 1:
            return self._usual
        return block_size(self.stream, Block(layer, index))

    def take(self, key: int) -> None:
        """It is being fetched."""
        layer, index = block_of(key)
        self._free[layer] &= ~(1 << index)

    def release(self, key: int) -> None:
        """It isn't being fetched any more, and didn't come."""
        layer, index = block_of(key)
        self._free[layer] |= 1 << index

    def keep(self, layer: int, index: int) -> None:
        """It is here now."""
        self.stored[layer] |= 1 << index
        self._left[layer] -= 1
        if layer:
            self._open(layer - 1, ones(HASHES) << index * HASHES)

    def upper(self, *without: Collection[int]) -> int | None:
        """The key of a free block of hashes, of the highest layer that has any."""
        for layer in range(len(self.counts) - 1, 0, -1):
            free = self._free[layer]
            for key in chain(*without) if free else ():
                if key >> LAYER_SHIFT == layer:
                    free &= ~(1 << block_of(key)[1])
            if free:
                return key_of(layer, some(free, self.counts[layer], self._rng))
        return None

    def join(self, other: Picker) -> None:
        """It is one of the same stream."""
        self._beside.append(other)
        other._beside.append(self)

    def part(self) -> None:
        """Nothing more is fetched by this one."""
        for other in self._beside:
            other._beside.remove(self)
        self._beside.clear()

    @property
    def alone(self) -> bool:
        return not self._beside

    def piece(self, among: int, also_others: bool = False) -> int | None:
        """The rarest free one of a set; `also_others`: whether or not another fetch of the same
        stream is at it."""
        free = self._free[0] & among
        if self._beside and not also_others:
            for other in self._beside:
                free &= other._free[0]
        if not free:
            return None
        free = self.rarity.rarest(free)
        return some(free, self.counts[0], self._rng) if self.random else lowest(free)

    def lonely(self) -> int:
        """The free pieces that only those have who have all."""
        return self._free[0] & ~self.rarity.known()

    def _open(self, layer: int, children: int) -> None:
        self._free[layer] |= children & ones(self.counts[layer]) & ~self.stored[layer]
