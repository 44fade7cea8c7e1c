"""What a file or folder is on the network: one stream of bytes under a tree of hashes.

Layer 0 are the stream's pieces; a block of layer n + 1 are the hashes of HASHES blocks of layer n.
The one block of the top layer is what `root` is the hash of. docs/decisions/0012 says why.
"""

from __future__ import annotations

import functools
import re

import msgspec

HASH_BYTES = 32
"""BLAKE3."""
HASHES = 2048
"""In a block of the layers above the pieces: 64 KiB."""
PIECE_MIN_BYTES = 64 * 1024
"""A piece is passed on when it is whole: what is passed on must be small against the file."""
PIECE_MAX_BYTES = 8 * 1024 * 1024
"""A piece is in memory while it is fetched, and lost when its source goes."""


class Stream(msgspec.Struct, frozen=True, array_like=True):
    """Names content: whoever has the same bytes, cut in the same way, has the same Stream."""

    root: bytes
    size: int
    """Bytes of all: of a folder its manifest and its files."""
    piece: int
    """Bytes of a piece; the last one may be shorter."""
    manifest: int = 0
    """How much of the beginning is a folder's manifest; 0: a single file."""

    def name(self) -> str:
        """Of the folder that it is kept in."""
        return f"{self.root.hex()}-{self.size:x}-{self.manifest:x}"


class Kept(Stream, frozen=True, array_like=True):
    """Content as this node has it in one conversation. What came in one is in no other, unless it
    is fetched there as well: whoever offers a copy can't learn from that where else it is."""

    circle: bytes = b""
    """Names the conversation (`protocol.hashing.circle`)."""

    def name(self) -> str:
        """`Stream.name`"""
        own = Stream.name(self)
        return f"{own}-{self.circle.hex()}" if self.circle else own


def kept(stream: Stream, circle: bytes) -> Kept:
    return Kept(stream.root, stream.size, stream.piece, stream.manifest, circle)


def read_name(text: str) -> Stream | None:
    """The stream whose `name` this is."""
    match = _NAME.fullmatch(text)
    if match is None:
        return None
    root, size, manifest, circle = match.groups()
    length = int(size, 16)
    stream = Stream(bytes.fromhex(root), length, piece_size(length), int(manifest, 16))
    return kept(stream, bytes.fromhex(circle)) if circle else stream


_NAME = re.compile("([0-9a-f]{64})-([0-9a-f]+)-([0-9a-f]+)(?:-((?:[0-9a-f]{2})+))?")


class Block(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Part of a stream's tree; a piece where the layer is 0."""

    layer: int
    index: int


def piece_size(size: int) -> int:
    """Of a stream of so many bytes: the smallest power of two with which one block of hashes
    names all pieces, within the bounds."""
    piece = PIECE_MIN_BYTES
    while piece < PIECE_MAX_BYTES and piece * HASHES < size:
        piece *= 2
    return piece


def layers(stream: Stream) -> tuple[int, ...]:
    """The number of blocks in each layer, from the pieces up to the top's one."""
    return _layers(stream.size, stream.piece)


@functools.lru_cache(maxsize=64)
def _layers(size: int, piece: int) -> tuple[int, ...]:
    counts = [max(1, -(-size // piece))]
    while counts[-1] > 1:
        counts.append(-(-counts[-1] // HASHES))
    return tuple(counts)


def block_size(stream: Stream, block: Block) -> int:
    """Bytes of a block of the tree; ValueError where the stream has none there."""
    counts = layers(stream)
    if not 0 <= block.layer < len(counts) or not 0 <= block.index < counts[block.layer]:
        raise ValueError("no such block")
    if block.layer == 0:
        return min(stream.piece, stream.size - block.index * stream.piece)
    below = counts[block.layer - 1] - block.index * HASHES
    return min(HASHES, below) * HASH_BYTES


def is_well_formed(stream: Stream) -> bool:
    """Whether a peer's description is one that `piece_size` could have made."""
    return (
        len(stream.root) == HASH_BYTES
        and 0 <= stream.size < 1 << 53
        and stream.piece == piece_size(stream.size)
        and 0 <= stream.manifest <= stream.size
    )
