"""A stream that isn't complete: which of its blocks the disk has, and where new ones go."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from functools import lru_cache
from itertools import takewhile
from operator import eq
from pathlib import Path

from p2pchat.config.limits import DISK_RESERVE_BYTES, DISK_RESERVE_PART, MIB, PATH_BYTES
from p2pchat.errors import DiskFull, StoreError
from p2pchat.model.filenames import FolderNames
from p2pchat.model.stream import Block, Stream, block_size, layers
from p2pchat.storage.depot.disk import next_data, open_regular, read_into, write_at
from p2pchat.storage.depot.extents import (
    Content,
    Folder,
    Layout,
    LayoutWriter,
    OneFile,
    fill,
    read,
    write,
)
from p2pchat.storage.depot.manifest import EMPTY_FOLDER, check_count, read_manifest
from p2pchat.storage.depot.tree import Tree, digest

DATA, FOLDER, LAYOUT = "data", "folder", "layout"
_LOOK_BYTES = MIB
_DISK_BLOCK = 4096
"""The least that a file or folder takes of most disks."""
_GIVE_BACK_BYTES = 64 * MIB
"""While data moves from `data` to the folder's files, this much lies in both."""


class Fetch:
    """One thread at a time. OSError where the disk fails: then the object is of no use any more,
    a new one finds out what is here."""

    def __init__(self, home: Path, stream: Stream, tree: Tree) -> None:
        """Find out what is here. StoreError where a folder's manifest can't be used; DiskFull
        where the rest will not fit."""
        self._home = home
        self._stream = stream
        self._tree = tree
        self._data = str(home / DATA)
        self.content: Content = OneFile(self._data)
        self._unchecked = 0
        """Bytes written since there was a look at what is free."""
        if stream.size > shutil.disk_usage(home).total:
            raise _no_room(stream.size)
        self._have = [bytearray(-(-count // 8)) for count in layers(stream)]
        self.missing = layers(stream)[0]
        """Pieces."""
        self._scan()
        if self.missing:
            _check_room(home, (self.missing - 1) * stream.piece)

    @property
    def settled(self) -> bool:
        """Of a folder: its files are where they belong."""
        return isinstance(self.content, Folder)

    def bits(self) -> tuple[bytes, ...]:
        return tuple(bytes(layer) for layer in self._have)

    def has(self, block: Block) -> bool:
        return bool(self._have[block.layer][block.index >> 3] >> (block.index & 7) & 1)

    def put(self, block: Block, *parts: bytes | memoryview, soon: bool = False) -> None:
        """Keep a block that has been checked; `soon` as `ports.Depot.write`."""
        if self.has(block):
            return
        if block.layer:
            self._tree.put(block, b"".join(parts))
            self._mark(block)
            return
        if block.index == 0 and self._stream.manifest:
            check_count(bytes(parts[0][:16]))  # before the rest of it, which may be long
        offset = block.index * self._stream.piece
        for part in parts:
            write(self.content, offset, part, soon)
            offset += len(part)
            self._unchecked += len(part)
        if self._unchecked >= _LOOK_BYTES:
            self._unchecked = 0
            _check_room(self._home, 0)
        self._mark(block)
        if block.index < self._head_pieces and not self.settled and self._has_manifest():
            self._settle()

    def read(self, block: Block) -> bytes | None:
        """A piece, not checked."""
        if not self.has(block):
            return None
        return read(self.content, block.index * self._stream.piece, block_size(self._stream, block))

    # -- what is here

    def _scan(self) -> None:
        for block in self._tree.blocks():
            if self._tree.block(block) is not None:
                self._mark(block)
        _cut(self._data, self._stream.size)
        with memoryview(bytearray(min(self._stream.piece, self._stream.size))) as buffer:
            self._scan_data(buffer)
            if self._stream.manifest and self._has_manifest():
                self._settle()
                self._scan_folder(buffer)

    def _scan_data(self, buffer: memoryview) -> None:
        try:
            handle, state = open_regular(self._data)
        except FileNotFoundError:
            return
        try:
            for block, offset, view in self._pieces(buffer):
                if offset + len(view) > state.st_size:
                    break
                expected = self._tree.expected(block)
                if expected is None:
                    continue
                if next_data(handle, offset) >= offset + len(view):
                    # A hole reads as zeros: it is what was never written, or really that.
                    right = _zeros(len(view)) == expected
                else:
                    right = read_into(handle, offset, view) == len(view)
                    right = right and digest(view) == expected
                if right:
                    self._mark(block)
        finally:
            os.close(handle)

    def _scan_folder(self, buffer: memoryview) -> None:
        assert isinstance(self.content, Folder)
        for record in self.content.layout:
            _cut(self.content.place(record), record.size)
        for block, offset, view in self._pieces(buffer):
            if self.has(block) or (expected := self._tree.expected(block)) is None:
                continue
            if fill(self.content, offset, view) and digest(view) == expected:
                self._mark(block)

    def _pieces(self, buffer: memoryview) -> Iterator[tuple[Block, int, memoryview]]:
        """Each piece, its place, and as much of the buffer as it needs."""
        size, piece = self._stream.size, self._stream.piece
        for index in range(layers(self._stream)[0]):
            offset = index * piece
            yield Block(0, index), offset, buffer[: min(piece, size - offset)]

    def _mark(self, block: Block) -> None:
        self._have[block.layer][block.index >> 3] |= 1 << (block.index & 7)
        if block.layer == 0:
            self.missing -= 1

    # -- folders

    @property
    def _head_pieces(self) -> int:
        """The pieces that a folder's manifest lies in."""
        return -(-self._stream.manifest // self._stream.piece)

    def _has_manifest(self) -> bool:
        return all(self.has(Block(0, index)) for index in range(self._head_pieces))

    def _settle(self) -> None:
        """The manifest is here: make the folders, and move what came of the files into them."""
        folder = self._home / FOLDER
        try:
            layout = self._lay_out(folder)
        except ValueError as error:
            raise StoreError(f"the folder can't be made: {error}") from error
        stream, data = self._stream, OneFile(self._data)
        content = Folder(self._data, stream.manifest, str(folder), layout)
        kept = min(self._head_pieces * stream.piece, stream.size)
        if os.path.getsize(self._data) > kept:
            self._move(data, content)
            os.truncate(self._data, kept)
        if rest := read(data, stream.manifest, kept - stream.manifest):
            write(content, stream.manifest, rest)
        self.content = content

    def _lay_out(self, folder: Path) -> Layout:
        path = str(self._home / LAYOUT)
        names, made = FolderNames(), list[str]()
        new = not folder.exists()
        folder.mkdir(exist_ok=True)
        writer = LayoutWriter(path)
        lost = looked = 0
        try:
            with open(self._data, "rb") as file:
                content = self._stream.size - self._stream.manifest
                for parts, size in read_manifest(file, self._stream.manifest, content):
                    lost += _put_in(folder, names.place(parts), size, made, writer)
                    if new and lost - looked >= _LOOK_BYTES:
                        looked = lost
                        _check_room(self._home, lost)
            if new:
                _check_room(self._home, lost + max(0, self.missing - 1) * self._stream.piece)
        except DiskFull:
            shutil.rmtree(folder)  # else it is taken for one that there was room for
            raise
        finally:
            writer.close()
        return Layout(path, self._stream.manifest)

    def _move(self, data: OneFile, content: Folder) -> None:
        """From the end, so that `data` gives back its room on the way."""
        piece = self._stream.piece
        given_back = os.path.getsize(self._data)
        for index in range(layers(self._stream)[0] - 1, self._head_pieces - 1, -1):
            block, offset = Block(0, index), index * piece
            if not self.has(block):
                continue
            moved = read(data, offset, block_size(self._stream, block))
            if moved is None:
                raise OSError("fetched data can't be read again")
            write(content, offset, moved)
            if given_back - offset > _GIVE_BACK_BYTES:
                os.truncate(self._data, offset)
                given_back = offset


def _put_in(
    folder: Path, parts: list[str], size: int, made: list[str], writer: LayoutWriter
) -> int:
    """Make what has no bytes of an entry, and note where the others go; how much of the disk it
    takes besides its bytes. `made`: the folder that was made last."""
    path = os.fsencode(os.sep.join(parts))
    if len(path) > PATH_BYTES:
        raise ValueError("a path in it is too long")
    inside = parts if size == EMPTY_FOLDER else parts[:-1]
    lost = -size % _DISK_BLOCK if size > 0 else 0
    if inside and inside != made:
        there = sum(1 for _ in takewhile(bool, map(eq, inside, made)))
        lost += _DISK_BLOCK * (len(inside) - there)
        os.makedirs(folder.joinpath(*inside), exist_ok=True)
        made[:] = inside
    if size == EMPTY_FOLDER:
        return lost
    if size == 0:
        write_at(os.path.join(os.fsencode(folder), path), 0, b"")
    writer.add(path, size)
    return lost


def _cut(path: str, size: int) -> None:
    """A file that is longer, to this size."""
    if os.path.isfile(path) and not os.path.islink(path) and os.path.getsize(path) > size:
        os.truncate(path, size)


def _check_room(home: Path, wanted: int) -> None:
    """DiskFull where so many bytes more would leave messages and the system no room."""
    usage = shutil.disk_usage(home)
    if wanted > usage.free - min(DISK_RESERVE_BYTES, usage.total // DISK_RESERVE_PART):
        raise _no_room(wanted)


def _no_room(wanted: int) -> DiskFull:
    return DiskFull(f"the disk has no room for {wanted:,} bytes")


@lru_cache(maxsize=4)
def _zeros(length: int) -> bytes:
    return digest(bytes(length))
