"""Which bytes of a stream lie where on disk."""

from __future__ import annotations

import os
import struct
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from typing import Protocol

import msgspec

from p2pchat.storage.depot.disk import open_safely, read_at, read_into, write_at

_RECORD = struct.Struct("<QqH")
"""Size of a file, its mtime in ns (0: unknown), length of its path; then the path."""
_MARK_BYTES = 256
"""Of a layout, for which one place is remembered, in 16 bytes of memory: some eight files."""
_CHUNK_BYTES = 16 * 1024
"""Read at once, and kept in memory; a record has up to 3 KiB."""
_WRITE_BYTES = 256 * 1024


Extent = tuple[str | bytes, int, int]
"""Path of a file, where the part begins in it, and its length: there are ten thousands a second."""


class Content(Protocol):
    """The bytes of one stream, as they lie on disk."""

    def extents(self, offset: int, length: int) -> Iterator[Extent]:
        """In order, without gaps. OSError where what lies where can't be read."""
        ...


class Record(msgspec.Struct, gc=False):
    start: int
    """Where the file begins in the stream."""
    size: int
    mtime_ns: int
    path: bytes
    """As the system has it, from the folder on."""


class LayoutWriter:
    """Makes the file that says which files make up a folder's stream, in order."""

    def __init__(self, path: str) -> None:
        self._file = open(path, "wb", buffering=_WRITE_BYTES)  # noqa: SIM115 - closed by close

    def add(self, path: bytes, size: int, mtime_ns: int = 0) -> None:
        self._file.write(_RECORD.pack(size, mtime_ns, len(path)) + path)

    def close(self) -> None:
        self._file.close()


class Layout:
    """Such a file: where is which part of the stream, found by a few marks in memory. They are set
    while it is read: a stream goes by in order, or nearly, and nothing is read twice for them."""

    def __init__(self, path: str, start: int) -> None:
        """`start`: where the first file begins in the stream. OSError where it can't be read."""
        self._path = path
        self._held = (0, self._chunk(0))
        """Part of the file, and where it begins."""
        self._starts = array("Q", [start])
        self._places = array("Q", [0])

    def __iter__(self) -> Iterator[Record]:
        return self._from(0, self._starts[0], -1)

    def at(self, offset: int) -> Iterator[Record]:
        """From the file on that has this place of the stream."""
        mark = bisect_right(self._starts, offset) - 1
        return self._from(self._places[mark], self._starts[mark], offset)

    def _from(self, place: int, start: int, offset: int) -> Iterator[Record]:
        """From a place in the file on, those that end behind `offset`. What was read last mostly
        serves what comes next too."""
        begin, held = self._held
        while True:
            at = place - begin
            path_at = at + _RECORD.size
            if at >= 0 and path_at <= len(held):
                size, mtime_ns, length = _RECORD.unpack_from(held, at)
                end = path_at + length
                if end <= len(held):
                    if place - self._places[-1] >= _MARK_BYTES:
                        self._starts.append(start)
                        self._places.append(place)
                    if start + size > offset:
                        yield Record(start, size, mtime_ns, held[path_at:end])
                    place, start = begin + end, start + size
                    continue
            if begin == place and held:
                return
            begin, held = self._held = place, self._chunk(place)
            if not held:
                return

    def _chunk(self, place: int) -> bytes:
        with open(self._path, "rb", buffering=0) as file:
            file.seek(place)
            return file.read(_CHUNK_BYTES)


class OneFile:
    """A stream that is one file."""

    def __init__(self, path: str) -> None:
        self.path = path

    def extents(self, offset: int, length: int) -> Iterator[Extent]:
        yield self.path, offset, length


class Folder:
    """A manifest in a file of its own, and the files that it names."""

    def __init__(self, head: str, manifest: int, folder: str, layout: Layout) -> None:
        self.path = folder
        self.layout = layout
        self._head = head
        self._manifest = manifest
        self._prefix = os.path.join(os.fsencode(folder), b"")

    def place(self, record: Record) -> str:
        return os.fsdecode(self._prefix + record.path)

    def extents(self, offset: int, length: int) -> Iterator[Extent]:
        end = offset + length
        if offset < self._manifest:
            count = min(end, self._manifest) - offset
            yield self._head, offset, count
            offset += count
        if offset >= end:
            return
        for record in self.layout.at(offset):
            count = min(end, record.start + record.size) - offset
            yield self._prefix + record.path, offset - record.start, count
            offset += count
            if offset >= end:
                return


# What is read is checked against its hash. So it needn't be asked what it is: of a folder or a pipe
# nothing can be read at a place, and a device has other bytes.


def read(content: Content, offset: int, length: int) -> bytes | None:
    """Part of a stream; None where it can't be read or isn't all there."""
    parts = []
    try:
        for path, at, count in content.extents(offset, length):
            handle = open_safely(path)
            try:
                parts.append(read_at(handle, at, count))
            finally:
                os.close(handle)
    except OSError:
        return None
    data = parts[0] if len(parts) == 1 else b"".join(parts)
    return data if len(data) == length else None


def fill(content: Content, offset: int, view: memoryview) -> bool:
    """The same, into a buffer."""
    done = 0
    try:
        for path, at, count in content.extents(offset, len(view)):
            handle = open_safely(path)
            try:
                if read_into(handle, at, view[done : done + count]) < count:
                    return False
            finally:
                os.close(handle)
            done += count
    except OSError:
        return False
    return done == len(view)


def write(content: Content, offset: int, data: bytes | memoryview, soon: bool = False) -> None:
    """Put part of a stream where it belongs, as `disk.write_at`. OSError where the disk doesn't
    take it."""
    done, view = 0, memoryview(data)
    for path, at, count in content.extents(offset, len(view)):
        write_at(path, at, view[done : done + count], soon)
        done += count
    if done < len(view):
        raise OSError("the folder's layout doesn't cover its stream")
