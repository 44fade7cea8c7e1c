"""Sets of blocks as integers: bit i stands for block i.

A set of 2,048 pieces is 256 bytes, and one operation on it takes 50 ns. So nothing here walks over
pieces, and nothing has to be kept in buckets or lists.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from random import Random

from p2pchat.config.limits import GOT_BLOCKS, HAVE_BYTES
from p2pchat.errors import ProtocolError


def ones(count: int) -> int:
    return (1 << count) - 1


def lowest(bits: int) -> int:
    """The smallest index of a set that isn't empty."""
    return (bits & -bits).bit_length() - 1


def some(bits: int, count: int, rng: Random) -> int:
    """An index of a set that isn't empty, from a random place on."""
    start = int(rng.random() * count)
    above = bits >> start
    return start + lowest(above) if above else lowest(bits)


def indexes(bits: int) -> Iterator[int]:
    """In order."""
    for place, byte in enumerate(bits.to_bytes(-(-bits.bit_length() // 8), "little")):
        if byte:
            yield from (place * 8 + bit for bit in range(8) if byte >> bit & 1)


def from_bytes(bits: bytes, first: int, count: int) -> int:
    """What a peer says of a layer of `count` blocks, from block `first` on. ProtocolError."""
    if first < 0 or first % 8 or len(bits) > HAVE_BYTES or first + 8 * len(bits) > count + 7:
        raise ProtocolError("blocks that a file can't have")
    found = int.from_bytes(bits, "little") << first
    if found >> count:
        raise ProtocolError("blocks behind the end of a file")
    return found


def to_parts(bits: int, count: int) -> Iterator[tuple[int, bytes]]:
    """(first block, bits) for each frame."""
    whole = bits.to_bytes(-(-count // 8), "little")
    for start in range(0, len(whole), HAVE_BYTES):
        yield start * 8, whole[start : start + HAVE_BYTES]


def from_indexes(numbers: Iterable[int], count: int) -> int:
    """What a peer says it got of a layer of `count` blocks. ProtocolError."""
    bits = 0
    for told, index in enumerate(numbers):
        if not 0 <= index < count or told >= GOT_BLOCKS:
            raise ProtocolError("news of blocks that a file can't have")
        bits |= 1 << index
    return bits


class Rarity:
    """How many peers have each block, as a binary number of which each digit is a set: a whole set
    of blocks is counted by a few operations, and so is looking for the rarest ones."""

    def __init__(self) -> None:
        self._digits: list[int] = []

    def add(self, bits: int) -> None:
        digits = self._digits
        for place, digit in enumerate(digits):
            if not bits:
                return
            digits[place] = digit ^ bits
            bits &= digit
        if bits:
            digits.append(bits)

    def remove(self, bits: int) -> None:
        """Take back what was added."""
        digits = self._digits
        for place, digit in enumerate(digits):
            if not bits:
                return
            digits[place] = digit ^ bits
            bits &= digits[place]

    def known(self) -> int:
        """Blocks that anybody has."""
        found = 0
        for digit in self._digits:
            found |= digit
        return found

    def rarest(self, bits: int) -> int:
        """Of these the ones that the fewest peers have."""
        for digit in reversed(self._digits):
            fewer = bits ^ (bits & digit)
            if fewer:
                bits = fewer
        return bits
