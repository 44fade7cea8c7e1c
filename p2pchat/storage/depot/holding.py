"""What this machine has of one stream."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
import threading
from pathlib import Path

import msgspec

from p2pchat.errors import StoreError
from p2pchat.model.stream import Block, Stream, block_size, layers
from p2pchat.node.ports import Progress
from p2pchat.storage.depot import downloads, extents
from p2pchat.storage.depot.disk import new_folder, replace_with
from p2pchat.storage.depot.downloads import Downloads
from p2pchat.storage.depot.extents import Content, Folder, Layout, OneFile
from p2pchat.storage.depot.fetching import DATA, FOLDER, LAYOUT, Fetch
from p2pchat.storage.depot.tree import Tree, digest

HASHES_FILE, SOURCE = "hashes", "source"
WORK_PREFIX = "new-"
"""Of folders that nothing needs after a restart."""


class Source(msgspec.Struct, frozen=True, array_like=True):
    """Where the complete file or folder lies."""

    path: bytes
    """As the system has it."""
    mtime_ns: int
    """Of a file when it was read last; of a folder 0, the layout has them."""
    fetched: bool = False
    """It was put there by `finish`; else by the person, who shared it."""


def note_source(home: Path, path: str, mtime_ns: int, fetched: bool = False) -> None:
    """Write down where the complete content lies."""
    source = Source(os.fsencode(path), mtime_ns, fetched)
    replace_with(str(home / SOURCE), msgspec.msgpack.encode(source))


class Holding:
    """May be called by several threads. Hashing is done outside its lock."""

    def __init__(self, home: Path, stream: Stream) -> None:
        self._home = home
        self._stream = stream
        self._lock = threading.RLock()
        self._finishing = threading.Lock()
        """Two offers of one content are finished one after the other: else the copy that one
        brings to another disk is taken away from it by the other."""
        self._tree = Tree(str(home / HASHES_FILE), stream)
        self._fetch: Fetch | None = None
        self._source: Source | None = None
        self._whole: Content | None = None
        """The content at the source; None where there is no source, or it wasn't looked for."""
        self._looked = False
        self._discarded = False
        """And not begun again: what was still on its way to the disk isn't kept."""

    @property
    def fetching(self) -> bool:
        return self._fetch is not None

    def begin(self) -> Progress:
        with self._lock:
            self._tree.forget()
            self._fetch, self._looked, self._discarded = None, False, False
            path = self._path()
            if path is not None and self._is_right():
                return Progress(_all_ones(self._stream), path)
            return Progress(self._fetching(fresh=True).bits(), None)

    def write(self, block: Block, *parts: bytes | memoryview, soon: bool = False) -> bool:
        try:
            if sum(map(len, parts)) != block_size(self._stream, block):
                return False
        except ValueError:
            return False
        with self._lock:
            expected = self._tree.expected(block)
        if expected is None or digest(*parts) != expected:
            return False
        with self._lock:
            if self._path() is None and not self._discarded:
                fetch = self._fetching()
                try:
                    fetch.put(block, *parts, soon=soon)
                except BaseException:
                    self._fetch = None
                    raise
        return True

    def read(self, block: Block) -> bytes | None:
        try:
            size = block_size(self._stream, block)
        except ValueError:
            return None
        with self._lock:
            if block.layer:
                return self._tree.block(block)
            expected = self._tree.expected(block)
            if expected is None:
                return None
            data = self._piece(block, size)
        return data if data is not None and digest(data) == expected else None

    def finish(self, name: str, place: Downloads) -> str:
        with self._finishing:
            return self._finish_or_bring(name, place)

    def _finish_or_bring(self, name: str, place: Downloads) -> str:
        try:
            return self._finish(name, place)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
        # Outside the lock: it may take minutes, and others want its pieces meanwhile.
        copy = downloads.bring(self._part, place.folder, self._home.name)
        try:
            path = self._finish(name, place, copy)
        finally:
            downloads.remove(copy)
        downloads.remove(self._part)
        return path

    @property
    def _part(self) -> Path:
        """What is put together here."""
        return self._home / (FOLDER if self._stream.manifest else DATA)

    def _finish(self, name: str, place: Downloads, copy: Path | None = None) -> str:
        """`copy`: what is put there instead of the part that was put together here."""
        with self._lock:
            if (path := self._path()) is not None:
                return path
            fetch = self._fetching()
            if fetch.missing:
                raise StoreError("not all of it is here")
            part = self._part
            if not self._stream.size:
                part.touch()
            state = (copy or part).stat()
            if not self._stream.manifest and state.st_size != self._stream.size:
                self._fetch = None
                raise StoreError("what was fetched has been changed on disk")
            mtime_ns = 0 if self._stream.manifest else state.st_mtime_ns
            target = downloads.put(
                copy or part,
                place.folder,
                name,
                lambda path: note_source(self._home, str(path), mtime_ns, fetched=True),
            )
            if self._stream.manifest:
                os.truncate(self._home / DATA, self._stream.manifest)
            self._fetch, self._looked = None, False
            return str(target)

    def path(self, noted: str | None) -> str | None:
        """`noted`: where one offer of it lies, which isn't where it is served from if there are
        several; of those it is asked only whether they are there, with their size."""
        with self._lock:
            path = self._path(thorough=True)
        if noted is None or noted == path:
            return path
        return noted if self._is_there(noted) else None

    def _is_there(self, path: str) -> bool:
        try:
            state = os.lstat(path)
        except (OSError, ValueError):
            return False
        if self._stream.manifest:
            return stat.S_ISDIR(state.st_mode)
        return stat.S_ISREG(state.st_mode) and state.st_size == self._stream.size

    def lend(self, work: Path) -> bool:
        """Copy what is known of the complete content into an empty folder, for `adopt` of another;
        False where it isn't here, or not what it was."""
        with self._lock:
            self._tree.forget()
            if self._path() is None or not self._is_right():
                return False
            for name in (HASHES_FILE, SOURCE, LAYOUT, DATA):
                with contextlib.suppress(FileNotFoundError):
                    shutil.copyfile(self._home / name, work / name)
            return True

    def adopt(self, work: Path) -> None:
        """Take over what a survey has made of the stream: it is complete there."""
        with self._lock:
            self._look()
            if self._source is not None and self._source.fetched:
                _still_fetched(work, os.fsdecode(self._source.path))
            self._drop()
            os.rename(work, self._home)

    def discard(self) -> None:
        with self._lock:
            if self._path() is None:
                self._drop()
                self._discarded = True

    def _drop(self) -> None:
        """Rename first: whoever is ended in between leaves nothing that is half there."""
        self._fetch, self._looked = None, False
        self._tree.forget()
        if self._home.exists():
            away = new_folder(self._home.parent, WORK_PREFIX)
            os.rename(self._home, away / "old")
            shutil.rmtree(away, ignore_errors=True)

    # -- when the person leaves this machine

    def download(self) -> str | None:
        """Where `finish` has put it, if it is there still with its size."""
        with self._lock:
            path = self._path(thorough=True)
            return path if self._source is not None and self._source.fetched else None

    def delete_download(self) -> bool:
        """Delete it, if it is what `finish` has put there: nothing that was changed since, and
        nothing through a link. Whether it is gone, all of it."""
        with self._lock:
            path = self.download()
            if path is None or not self._is_right():
                return False
            if isinstance(self._whole, Folder):
                return downloads.delete_folder(path, map(self._whole.place, self._whole.layout))
            os.unlink(path)
            return True

    def leave(self) -> None:
        """Of what isn't complete, or is no longer there, nothing stays here."""
        with self._lock:
            if self._path() is None:
                self._drop()

    # -- while it is fetched

    def _fetching(self, fresh: bool = False) -> Fetch:
        if self._fetch is None or fresh:
            self._home.mkdir(mode=0o700, exist_ok=True)
            self._fetch = Fetch(self._home, self._stream, self._tree)
        return self._fetch

    def _piece(self, block: Block, size: int) -> bytes | None:
        if self._fetch is not None:
            return self._fetch.read(block)
        self._look()
        if self._whole is None:
            return None
        return extents.read(self._whole, block.index * self._stream.piece, size)

    # -- once it is complete

    def _look(self) -> None:
        """Read where the complete content lies, once."""
        if self._looked:
            return
        self._looked, self._source, self._whole = True, None, None
        try:
            raw = (self._home / SOURCE).read_bytes()
            self._source = msgspec.msgpack.decode(raw, type=Source)
            self._whole = self._content(os.fsdecode(self._source.path))
        except (OSError, msgspec.DecodeError):
            self._source = None

    def _content(self, path: str) -> Content:
        if not self._stream.manifest:
            return OneFile(path)
        layout = Layout(str(self._home / LAYOUT), self._stream.manifest)
        return Folder(str(self._home / DATA), self._stream.manifest, path, layout)

    def _path(self, thorough: bool = False) -> str | None:
        """Where the source lies, if it is there with its size; of a folder's files that is asked
        only where `thorough`."""
        if self._fetch is not None:
            return None
        self._look()
        if self._source is None:
            return None
        path = os.fsdecode(self._source.path)
        try:
            state = os.lstat(path)
            if not self._stream.manifest:
                there = stat.S_ISREG(state.st_mode) and state.st_size == self._stream.size
            else:
                there = stat.S_ISDIR(state.st_mode) and (not thorough or self._same(times=False))
        except OSError:
            return None
        return path if there else None

    def _is_right(self) -> bool:
        """Whether all of the source is what it was, and can be served."""
        return self._tree.is_whole() and (self._untouched() or self._verified())

    def _untouched(self) -> bool:
        """By size and time; a folder that was fetched has no times yet."""
        assert self._source is not None
        try:
            if self._stream.manifest:
                return self._same(times=True)
            state = os.lstat(os.fsdecode(self._source.path))
            return state.st_mtime_ns == self._source.mtime_ns
        except OSError:
            return False

    def _same(self, times: bool) -> bool:
        """OSError where a file of the folder isn't there."""
        assert isinstance(self._whole, Folder)
        for record in self._whole.layout:
            state = os.lstat(self._whole.place(record))
            if not stat.S_ISREG(state.st_mode) or state.st_size != record.size:
                return False
            if times and state.st_mtime_ns != record.mtime_ns:
                return False
        return True

    def _verified(self) -> bool:
        """By hashing all of it. What isn't what it was is left alone, and forgotten as a source."""
        assert self._source is not None
        assert self._whole is not None
        path, stream = os.fsdecode(self._source.path), self._stream
        mtime_ns = 0 if stream.manifest else os.lstat(path).st_mtime_ns
        with memoryview(bytearray(min(stream.piece, stream.size))) as buffer:
            for index in range(layers(stream)[0]):
                offset = index * stream.piece
                view = buffer[: min(stream.piece, stream.size - offset)]
                right = extents.fill(self._whole, offset, view)
                if not right or digest(view) != self._tree.expected(Block(0, index)):
                    self._forget_source()
                    return False
        note_source(self._home, path, mtime_ns, self._source.fetched)
        return True

    def _forget_source(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._home / SOURCE)
        self._looked = False


def _still_fetched(work: Path, path: str) -> None:
    """Who shares a download doesn't make it theirs."""
    shared = msgspec.msgpack.decode((work / SOURCE).read_bytes(), type=Source)
    if os.path.realpath(path) == os.fsdecode(shared.path):
        note_source(work, path, shared.mtime_ns, fetched=True)


def _all_ones(stream: Stream) -> tuple[bytes, ...]:
    """Bits of a stream of which everything is here."""
    return tuple(((1 << count) - 1).to_bytes(-(-count // 8), "little") for count in layers(stream))
