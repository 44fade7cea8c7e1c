"""Reading what is shared: walking a folder, and hashing a stream."""

from __future__ import annotations

import mimetypes
import os
import stat
from collections import deque
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import msgspec
from blake3 import blake3

from p2pchat.config.limits import FOLDER_DEPTH, FOLDER_FILES, FOLDER_NAMES, MIB, PATH_BYTES
from p2pchat.errors import RequestError
from p2pchat.model.stream import Stream, piece_size
from p2pchat.model.text import one_line, well_formed
from p2pchat.node.ports import Survey
from p2pchat.storage.depot.disk import listed, open_safely, read_into
from p2pchat.storage.depot.extents import Layout, LayoutWriter
from p2pchat.storage.depot.fetching import DATA, LAYOUT
from p2pchat.storage.depot.manifest import EMPTY_FOLDER, ManifestWriter
from p2pchat.storage.depot.tree import TreeBuilder

Going = Callable[[int, int], bool]

_BUFFER_BYTES = MIB
"""What is read at once; fits the processor's cache."""
_TELL_BYTES = 16 * MIB
TAIL_BYTES = 16 * MIB
"""Of `Survey.tail`, which stands in memory."""
_MOUNT_POINT = 0xA0000003
"""IO_REPARSE_TAG_MOUNT_POINT: Windows' links between folders."""


class Surveyed(NamedTuple):
    survey: Survey
    mtime_ns: int
    """Of a file; 0 for a folder."""


def take(path: str, work: Path, hashes: Path, avoid: str, going: Going) -> Surveyed:
    """`ports.Depot.survey` into the files of an empty folder; nothing below `avoid` is part of
    it."""
    real, state = _real(path)
    name = os.path.basename(os.path.abspath(path)) or os.path.basename(real) or "folder"
    name = well_formed(name)
    if stat.S_ISDIR(state.st_mode):
        walk = _Walk(real, work, avoid, going)
        walk.run()
        size = walk.length + walk.content
        reader = _Reader(hashes, size, going)
        reader.take(str(work / DATA), walk.length, None)
        prefix = os.path.join(os.fsencode(real), b"")
        for record in Layout(str(work / LAYOUT), walk.length):
            reader.take(prefix + record.path, record.size, record.mtime_ns)
        stream = Stream(reader.root(), size, piece_size(size), walk.length)
        tail = tuple(reader.tail)
        survey = Survey(stream, name, "inode/directory", walk.content, walk.files, real, tail)
        return Surveyed(survey, 0)
    reader = _Reader(hashes, state.st_size, going)
    reader.take(real, state.st_size, state.st_mtime_ns)
    stream = Stream(reader.root(), state.st_size, piece_size(state.st_size))
    mime = _types().guess_type(name)[0] or "application/octet-stream"
    return Surveyed(Survey(stream, name, mime, state.st_size, 1, real), state.st_mtime_ns)


@cache
def _types() -> mimetypes.MimeTypes:
    """Without what this machine's files say: the same everywhere. Made when it is needed, since
    Python reads those files all the same."""
    return mimetypes.MimeTypes()


def refuse_own(path: str, profile: Path, downloads: Path) -> None:
    """RequestError `not-allowed` where the path is in the profile's folder, or that is in it:
    whoever has its key and its store is that person. Downloads are the person's to share."""
    inside, own = _states(Path(path)), _states(profile)
    where = _where(inside, own, downloads)
    if where is None and inside and any(os.path.samestat(inside[0], state) for state in own):
        raise RequestError("not-allowed", f"this profile is in it: {_shown(path)}")
    if where == "profile":
        raise RequestError("not-allowed", f"part of this profile: {_shown(path)}")


def refuse_part_of(path: str, profile: Path, downloads: Path) -> None:
    """RequestError `not-allowed` where what lies at the path, or would be made there, is part of
    the profile's folder, but for the downloads."""
    found = map(_states, (Path(path), *Path(path).parents))
    there: list[os.stat_result] = next(filter(None, found), [])
    if _where(there, _states(profile), downloads) == "profile":
        raise RequestError("not-allowed", f"part of this profile: {_shown(path)}")


def _where(
    inside: Sequence[os.stat_result], own: Sequence[os.stat_result], downloads: Path
) -> str | None:
    """In the `downloads`, or elsewhere in the `profile`; None: outside of it."""
    kept = _states(downloads)[:1]
    for state in inside:
        if kept and os.path.samestat(state, kept[0]):
            return "downloads"
        if own and os.path.samestat(state, own[0]):
            return "profile"
    return None


def _states(path: Path) -> list[os.stat_result]:
    """Of what a path names and of the folders that it is in, from the inside outwards; compared
    by these, a folder is the same under every name. None where there is no such path."""
    try:
        real = Path(os.path.realpath(path, strict=True))
        return [os.stat(one) for one in (real, *real.parents)]
    except (OSError, ValueError):
        return []


def _real(path: str) -> tuple[str, os.stat_result]:
    try:
        real = os.path.realpath(path, strict=True)
        state = os.stat(real)
    except PermissionError:
        raise _refused(path) from None
    except (OSError, ValueError):
        raise RequestError("no-such-file", f"there is no {_shown(path)}") from None
    if not stat.S_ISREG(state.st_mode) and not stat.S_ISDIR(state.st_mode):
        raise RequestError("no-such-file", f"no file or folder: {_shown(path)}")
    return real, state


_IS_FOLDER = -1


class _Found(msgspec.Struct, gc=False):
    """There may be FOLDER_NAMES at once."""

    name: str
    """In the manifest."""
    path: str | None
    """From the shared folder on, where that isn't (folder, name): of a link where it leads, of a
    name that isn't text how it is written."""
    size: int
    """_IS_FOLDER for a folder."""
    mtime_ns: int


class _Walk:
    """Notes all files and empty folders, sorted by name: the same folder elsewhere is the same
    stream."""

    def __init__(self, root: str, work: Path, avoid: str, going: Going) -> None:
        self._root = root
        self._inside = os.path.join(root, "")
        self._avoid = avoid
        self._going = going
        self._manifest = ManifestWriter(str(work / DATA))
        self._layout = LayoutWriter(str(work / LAYOUT))
        self.length = 0
        """Of the manifest."""
        self.content = 0
        """Bytes of all files."""
        self.files = 0

    def run(self) -> None:
        try:
            self._walk("", ())
        finally:
            self._manifest.close()
            self._layout.close()
        self.length = self._manifest.length

    def _walk(self, folder: str, parts: tuple[str, ...]) -> None:
        if len(parts) > FOLDER_DEPTH:
            raise RequestError("too-large", f"folders too deep in one another: {_shown(folder)}")
        if not self._going(0, self.content):
            raise RequestError("busy", "the reading was ended")
        found = self._list(folder)
        if self._manifest.count + len(found) > FOLDER_FILES:
            raise RequestError("too-large", f"more than {FOLDER_FILES:,} files in one folder")
        if not found and parts:
            self._manifest.add(parts, EMPTY_FOLDER)
        prefix = os.path.join(folder, "")
        found.reverse()
        while found:
            one = found.pop()
            path = prefix + one.name if one.path is None else one.path
            if one.size == _IS_FOLDER:
                self._walk(path, (*parts, one.name))
                continue
            raw = os.fsencode(path)
            if len(raw) > PATH_BYTES:
                raise RequestError("too-large", f"a path is too long: {_shown(path)}")
            self._manifest.add((*parts, one.name), one.size)
            self._layout.add(raw, one.size, one.mtime_ns)
            self.content += one.size
            self.files += 1

    def _list(self, folder: str) -> list[_Found]:
        found, prefix = [], os.path.join(folder, "")
        try:
            with listed(self._inside + folder) as entries:
                for entry in entries:
                    if one := self._look(entry, prefix + entry.name):
                        found.append(one)
                    if len(found) > FOLDER_NAMES // 2:
                        raise RequestError("too-large", f"too many files in {_shown(folder)}")
        except PermissionError as error:
            raise _refused(os.fsdecode(error.filename or folder)) from None
        except OSError:
            raise _changed(folder) from None
        found.sort(key=_order)
        return found

    def _look(self, entry: os.DirEntry[str], path: str) -> _Found | None:
        """None for what isn't shared: pipes, devices, and links to anything but a file in the
        folder."""
        name = well_formed(entry.name)
        if entry.is_symlink():
            target = os.path.realpath(self._inside + path)
            if not target.startswith(self._inside) or not os.path.isfile(target):
                return None
            there = os.lstat(target)
            return _Found(name, target[len(self._inside) :], there.st_size, there.st_mtime_ns)
        other = None if name == entry.name else path
        state = entry.stat(follow_symlinks=False)
        if stat.S_ISDIR(state.st_mode):
            junction = getattr(state, "st_reparse_tag", 0) == _MOUNT_POINT
            if junction or self._inside + path == self._avoid:
                return None
            return _Found(name, other, _IS_FOLDER, 0)
        # On Windows scandir's sizes and times may be those of before.
        if os.name == "nt":
            state = os.lstat(self._inside + path)
        if not stat.S_ISREG(state.st_mode):
            return None
        return _Found(name, other, state.st_size, state.st_mtime_ns)


def _order(found: _Found) -> tuple[str, str]:
    return found.name, found.path or ""


class _Reader:
    """Hashes the files of a stream one after another."""

    def __init__(self, hashes: Path, size: int, going: Going) -> None:
        self._size = size
        self._piece = piece_size(size)
        self._going = going
        self._builder = TreeBuilder(str(hashes), size, self._piece)
        self._whole = min(self._piece, _BUFFER_BYTES)
        """Bytes that are hashed at once."""
        self._buffer = memoryview(bytearray(self._whole + 1))
        self._filled = 0
        self._hasher = blake3()
        self._done = 0
        """Bytes hashed."""
        self._told = 0
        self._files = 0
        """Of which something is in the buffer."""
        self.tail = deque[tuple[int, bytes]](maxlen=TAIL_BYTES // self._piece)
        """`Survey.tail`"""

    def take(self, path: str | bytes, size: int, mtime_ns: int | None) -> None:
        """Read a file that has this size; and, where it takes more than one read, this time (None:
        any)."""
        try:
            handle = open_safely(path)
        except PermissionError:
            raise _refused(path) from None
        except OSError:
            raise _changed(path) from None
        try:
            offset, filled, end = 0, self._filled, False
            while not end:
                count = size - offset
                end = count <= self._whole - filled
                if not end:
                    count = self._whole - filled
                # Whoever asks for a byte more than there should be, and gets none, knows the size.
                view = self._buffer[filled : filled + count + end]
                self._files += 1
                got = _read(path, handle, offset, view, count or 1)
                if got != count:
                    raise _changed(path) if size else _sizeless(path)
                offset += count
                filled += count
                if filled == self._whole:
                    self._flush(filled)
                    filled = 0
            self._filled = filled
            # What was read in one go is as it was then: for ten thousand small files the time that
            # this takes is felt. Whoever serves it compares it with its hash.
            if count < size and _differs(os.fstat(handle), size, mtime_ns):
                raise _changed(path)
        finally:
            os.close(handle)

    def root(self) -> bytes:
        """All was taken."""
        if self._filled:
            self._flush(self._filled)
        if self._done % self._piece or not self._size:
            self._builder.add(self._hasher.digest())
        return self._builder.root()

    def _flush(self, filled: int) -> None:
        # The buffer divides a piece, so it never holds parts of two.
        self._hasher.update(self._buffer[:filled])
        if self._files > 1 and self._whole == self._piece:
            left = self._size - self._done
            if left <= TAIL_BYTES:
                self.tail.append((self._done // self._piece, bytes(self._buffer[:filled])))
        self._files = 0
        self._done += filled
        if self._done % self._piece == 0:
            self._builder.add(self._hasher.digest())
            self._hasher = blake3()
        if self._done - self._told >= _TELL_BYTES:
            self._told = self._done
            if not self._going(self._done, self._size):
                raise RequestError("busy", "the reading was ended")


def _differs(state: os.stat_result, size: int, mtime_ns: int | None) -> bool:
    same = stat.S_ISREG(state.st_mode) and state.st_size == size
    return not same or (mtime_ns is not None and state.st_mtime_ns != mtime_ns)


def _read(path: str | bytes, handle: int, offset: int, view: memoryview, least: int) -> int:
    try:
        return read_into(handle, offset, view, least)
    except OSError as error:
        text = f"can't read {_shown(path)}: {error.strerror}"
        raise RequestError("not-allowed", text) from error


def _refused(path: str | bytes) -> RequestError:
    return RequestError("not-allowed", f"can't read {_shown(path)}")


def _sizeless(path: str | bytes) -> RequestError:
    text = f"has no size of its own, the system makes it: {_shown(path)}"
    return RequestError("not-allowed", text)


def _changed(path: str | bytes) -> RequestError:
    return RequestError("busy", f"changed while it was read: {_shown(path)}")


def _shown(path: str | bytes) -> str:
    return one_line(os.fsencode(path).decode("utf-8", "backslashreplace"), 200)
