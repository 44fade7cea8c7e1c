"""What a folder's stream begins with: a MessagePack list of (path components, size), size -1 for an
empty folder, in the order of the walk. Written and read piece by piece: it may be of any length,
and comes from the network. docs/decisions/0012.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import BinaryIO

import msgspec

from p2pchat.config.limits import FOLDER_DEPTH, FOLDER_FILES, PATH_PART_BYTES
from p2pchat.errors import RequestError

EMPTY_FOLDER = -1
_HEADER = struct.Struct(">BI")
_LIST = 0xDD
"""array 32: the count is known when all are written."""
_ENTRY_BYTES = 16 + FOLDER_DEPTH * (PATH_PART_BYTES + 3)
"""The longest entry."""
_BUFFER_BYTES = 4 * _ENTRY_BYTES
_encode = msgspec.msgpack.Encoder().encode

Entry = tuple[tuple[str, ...], int]


class ManifestWriter:
    def __init__(self, path: str) -> None:
        self._file = open(path, "wb", buffering=_BUFFER_BYTES)  # noqa: SIM115 - closed by close
        self.count = 0
        self.length = self._file.write(_HEADER.pack(_LIST, 0))

    def add(self, parts: Sequence[str], size: int) -> None:
        self.length += self._file.write(_encode((parts, size)))
        self.count += 1

    def close(self) -> None:
        self._file.seek(0)
        self._file.write(_HEADER.pack(_LIST, self.count))
        self._file.close()


def check_count(head: bytes) -> None:
    """RequestError `too-large` where a manifest that begins so names more files than may be."""
    if head[:1] == bytes((_LIST,)) and len(head) >= _HEADER.size:
        count = _HEADER.unpack_from(head)[1]
        if count > FOLDER_FILES:
            raise RequestError("too-large", f"{count:,} files in one folder")


def read_manifest(file: BinaryIO, length: int, content: int) -> Iterator[Entry]:
    """The entries of a manifest of `length` bytes, for files of `content` bytes together.
    ValueError, perhaps after some entries, where that isn't what it is; as `check_count`."""
    data = file.read(min(length, _BUFFER_BYTES))
    left = length - len(data)
    count, at = _list_header(data)
    check_count(data)
    total = 0
    for _ in range(count):
        if left and len(data) - at < _ENTRY_BYTES:
            more = file.read(min(left, _BUFFER_BYTES))
            left = left - len(more) if more else 0
            data, at = data[at:] + more, 0
        try:
            parts, size, at = _entry(data, at)
        except IndexError:
            raise ValueError("the manifest is cut short") from None
        total += max(size, 0)
        if total > content:
            raise ValueError("the files are longer than their stream")
        yield parts, size
    if left or at != len(data) or total != content:
        raise ValueError("the manifest doesn't fit its stream")


def _list_header(data: bytes) -> tuple[int, int]:
    if len(data) >= _HEADER.size and data[0] == _LIST:
        return _HEADER.unpack_from(data)[1], _HEADER.size
    raise ValueError("no manifest")


def _entry(data: bytes, at: int) -> tuple[tuple[str, ...], int, int]:
    """The entry at this place, and where it ends."""
    if data[at] != 0x92:
        raise ValueError("no entry of a manifest")
    head = data[at + 1]
    if head & 0xF0 == 0x90:
        depth, at = head & 0x0F, at + 2
    elif head == 0xDC:
        depth, at = int.from_bytes(data[at + 2 : at + 4], "big"), at + 4
    else:
        raise ValueError("no path in a manifest")
    # The last component is the file's own.
    if not 1 <= depth <= FOLDER_DEPTH + 1:
        raise ValueError("a path of no or too many components")
    parts = []
    for _ in range(depth):
        head = data[at]
        if head & 0xE0 == 0xA0:
            length, at = head & 0x1F, at + 1
        elif head == 0xD9:
            length, at = data[at + 1], at + 2
        elif head == 0xDA:
            length, at = int.from_bytes(data[at + 1 : at + 3], "big"), at + 3
        else:
            raise ValueError("no name in a path")
        end = at + length
        if length > PATH_PART_BYTES or end > len(data):
            raise ValueError("a name that is too long")
        parts.append(str(data[at:end], "utf-8"))
        at = end
    size, at = _size(data, at)
    return tuple(parts), size, at


def _size(data: bytes, at: int) -> tuple[int, int]:
    head = data[at]
    if head < 0x80:
        return head, at + 1
    if head == 0xFF:
        return EMPTY_FOLDER, at + 1
    if not 0xCC <= head <= 0xCF:
        raise ValueError("no size in a manifest")
    end = at + 1 + (1 << (head - 0xCC))
    if end > len(data):
        raise ValueError("the manifest is cut short")
    return int.from_bytes(data[at + 1 : end], "big"), end
