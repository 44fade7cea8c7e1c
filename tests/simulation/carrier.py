"""A simulated host's files: what `storage.depot` and `node.carrying` do, in memory.

A crash leaves what was written, and loses what was on its way.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from blake3 import blake3

from p2pchat.config import limits
from p2pchat.errors import RequestError
from p2pchat.model.stream import (
    HASH_BYTES,
    HASHES,
    Block,
    Stream,
    block_size,
    kept,
    layers,
    piece_size,
)
from p2pchat.node.ports import Progress, Survey
from p2pchat.protocol import effects
from p2pchat.protocol.swarm.frames import Piece, encode

if TYPE_CHECKING:
    from host import Host

Blocks = dict[Block, bytes]


@dataclass
class Disk:
    """What survives the power."""

    paths: dict[str, bytes] = field(default_factory=dict)
    """Files of the person, by path."""
    fetched: dict[Stream, Blocks] = field(default_factory=dict)
    whole: dict[Stream, str] = field(default_factory=dict)
    """Where a complete stream lies."""


def survey(name: str, data: bytes) -> tuple[Survey, Blocks]:
    piece = piece_size(len(data))
    row = [data[at : at + piece] for at in range(0, max(1, len(data)), piece)]
    blocks: Blocks = {}
    layer = 0
    while True:
        blocks |= {Block(layer, index): block for index, block in enumerate(row)}
        if len(row) == 1:
            break
        hashes = b"".join(blake3(block).digest() for block in row)
        size = HASHES * HASH_BYTES
        row = [hashes[at : at + size] for at in range(0, len(hashes), size)]
        layer += 1
    stream = Stream(blake3(row[0]).digest(), len(data), piece)
    return Survey(stream, name, "application/octet-stream", len(data), 1, name), blocks


class Carrier:
    """Of one run of the program. What the disk does takes a while."""

    def __init__(self, host: Host, disk: Disk) -> None:
        self._host = host
        self._disk = disk
        self._parts: dict[tuple[int, bytes, Block], bytes] = {}
        self._given: dict[tuple[int, bytes, Block], bytes] = {}
        self.perform: dict[type, Callable[[Any], None]] = {
            effects.SurveyPath: lambda e: self._resume(e.query, lambda: self._survey(e)),
            effects.BeginFetch: lambda e: self._resume(e.query, lambda: self._begin(e)),
            effects.FinishFetch: lambda e: self._resume(e.query, lambda: self._finish(e)),
            effects.DiscardStream: self._discard,
            effects.KeepPart: self._keep_part,
            effects.DropPart: self._drop_part,
            effects.ReadBlock: self._read,
            effects.GiveBlock: self._give,
        }

    def link_closed(self, link: int) -> None:
        self._parts = {key: part for key, part in self._parts.items() if key[0] != link}
        self._given = {key: data for key, data in self._given.items() if key[0] != link}

    def _soon(self, action: Callable[[], None]) -> None:
        self._host.later(self._host.rng.choice((0.0005, 0.003, 0.05)), action)

    def _resume(self, query: int, call: Callable[[], Any]) -> None:
        self._soon(lambda: self._host.run(self._host.machine.resume, query, call()))

    # -- whole streams

    def _survey(self, e: effects.SurveyPath) -> Survey | RequestError:
        data = self._disk.paths.get(e.path)
        if data is None:
            return RequestError("no-such-file")
        found, _ = survey(e.path, data)
        stream = kept(found.stream, e.circle)
        self._disk.whole[stream] = e.path
        self._disk.fetched.pop(stream, None)
        return found

    def _begin(self, e: effects.BeginFetch) -> Progress:
        stream = e.stream
        for one in (stream, *(kept(stream, circle) for circle in e.circles)):
            path = self._disk.whole.get(one)
            if path is not None and path in self._disk.paths:
                self._disk.whole[stream] = path
                return Progress((), path)
        here = self._disk.fetched.setdefault(stream, {})
        bits = [bytearray(-(-count // 8)) for count in layers(stream)]
        for block in here:
            bits[block.layer][block.index >> 3] |= 1 << (block.index & 7)
        return Progress(tuple(bytes(layer) for layer in bits), None)

    def _finish(self, e: effects.FinishFetch) -> str:
        if e.stream not in self._disk.whole:
            here = self._disk.fetched.pop(e.stream)
            pieces = [here[Block(0, index)] for index in range(layers(e.stream)[0])]
            path = f"downloads/{e.name}"
            while path in self._disk.paths:
                path += "~"
            self._disk.paths[path] = b"".join(pieces)
            self._disk.whole[e.stream] = path
        return self._disk.whole[e.stream]

    def _discard(self, e: effects.DiscardStream) -> None:
        self._disk.fetched.pop(e.stream, None)

    # -- blocks

    def _drop_part(self, e: effects.DropPart) -> None:
        self._parts.pop((e.link, e.file, e.block), None)

    def _keep_part(self, e: effects.KeepPart) -> None:
        key = (e.link, e.file, e.block)
        part = self._parts.pop(key, b"")
        assert e.offset == len(part), "the parts of a block come in order"
        part += e.data
        if len(part) < block_size(e.stream, e.block):
            self._parts[key] = part
            return
        run, kept = self._host.run, self._host.machine.files.exchange.kept
        self._soon(lambda: run(kept, e.link, e.file, e.block, self._keep(e.stream, e.block, part)))

    def _keep(self, stream: Stream, block: Block, data: bytes) -> bool:
        if stream in self._disk.whole:  # another offer of it was quicker
            return self._block(stream, block) == data
        here = self._disk.fetched.setdefault(stream, {})
        if block.layer + 1 == len(layers(stream)):
            expected = stream.root
        else:
            above = here.get(Block(block.layer + 1, block.index // HASHES))
            if above is None:
                return False  # it was given up meanwhile
            at = block.index % HASHES * HASH_BYTES
            expected = above[at : at + HASH_BYTES]
        if blake3(data).digest() != expected:
            return False
        here[block] = data
        return True

    def _block(self, stream: Stream, block: Block) -> bytes | None:
        path = self._disk.whole.get(stream)
        if path is None:
            return self._disk.fetched.get(stream, {}).get(block)
        found, blocks = survey(path, self._disk.paths.get(path, b""))
        return blocks[block] if found.stream.root == stream.root else None

    def _read(self, e: effects.ReadBlock) -> None:
        def read() -> None:
            data = self._block(e.stream, e.block)
            if data is not None:
                self._given[e.link, e.file, e.block] = data
            exchange = self._host.machine.files.exchange
            self._host.run(exchange.read, e.link, e.file, e.block, data is not None)

        self._soon(read)

    def _give(self, e: effects.GiveBlock) -> None:
        data = self._given[e.link, e.file, e.block]
        for at in range(e.offset, e.offset + max(1, e.size), limits.PART_BYTES):
            part = data[at : min(at + limits.PART_BYTES, e.offset + e.size)]
            piece = Piece(e.file, e.block.layer, e.block.index, at, memoryview(part))
            self._host.send((e.link,), encode(piece))
        if e.offset + e.size == len(data):
            del self._given[e.link, e.file, e.block]
        exchange = self._host.machine.files.exchange
        self._soon(lambda: self._host.run(exchange.sent, e.link, e.size))
