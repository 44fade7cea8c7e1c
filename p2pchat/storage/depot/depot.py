"""The depot: `node.ports.Depot` in a folder of the profile."""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from weakref import WeakValueDictionary

from p2pchat.errors import RequestError
from p2pchat.model.accounts import Download, SignedOut
from p2pchat.model.stream import Block, Stream, kept, read_name
from p2pchat.node.ports import Progress, Survey
from p2pchat.storage.depot.disk import FORBIDDEN, new_folder, translated
from p2pchat.storage.depot.downloads import Downloads, check, put_copy
from p2pchat.storage.depot.holding import HASHES_FILE, WORK_PREFIX, Holding, note_source
from p2pchat.storage.depot.survey import refuse_own, refuse_part_of, take

_KEPT = 64
"""Streams that are remembered in memory after use, at up to 256 KiB of checked hashes."""
_FAILED = "a shared file can't be kept"


class FileDepot:
    def __init__(self, folder: Path, downloads: Path, profile: Path | None = None) -> None:
        """`folder` is the depot's own, `downloads` where files go until another is chosen. Where
        both are on one file system nothing has to be copied; they are made when there is need. Of
        the folder of the `profile` nothing can be shared but what lies in the downloads.
        DiskFull, StoreError."""
        self._folder = folder
        self._downloads = Downloads(downloads)
        self._profile = profile
        self._lock = threading.Lock()
        self._holdings: WeakValueDictionary[Stream, Holding] = WeakValueDictionary()
        self._recent: OrderedDict[Stream, Holding] = OrderedDict()
        with translated("the folder for shared files can't be used"):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._remove_work()

    def survey(self, path: str, going: Callable[[int, int], bool], circle: bytes = b"") -> Survey:
        """`ports.Depot.survey`."""
        if self._profile is not None:
            refuse_own(path, self._profile, self._downloads.own)
        with translated(_FAILED):
            work = new_folder(self._folder, WORK_PREFIX)
            try:
                avoid = os.path.realpath(self._folder)
                taken = take(path, work, work / HASHES_FILE, avoid, going)
                note_source(work, taken.survey.path, taken.mtime_ns)
                stream = taken.survey.stream
                self._holding(kept(stream, circle) if circle else stream).adopt(work)
            finally:
                shutil.rmtree(work, ignore_errors=True)
        return taken.survey

    def begin(self, stream: Stream, circles: Sequence[bytes] = ()) -> Progress:
        """`ports.Depot.begin`."""
        with translated(_FAILED):
            holding = self._holding(stream)
            progress = holding.begin()
            if progress.path is None and any(
                self._lend(kept(stream, circle), holding) for circle in circles
            ):
                progress = holding.begin()
            return progress

    def _lend(self, stream: Stream, borrower: Holding) -> bool:
        """Whether what lies elsewhere is known to the borrower now."""
        if not (self._folder / stream.name()).exists():
            return False
        lender = self._holding(stream)
        if lender is borrower:
            return False
        work = new_folder(self._folder, WORK_PREFIX)
        try:
            if not lender.lend(work):
                return False
            borrower.adopt(work)
            return True
        finally:
            shutil.rmtree(work, ignore_errors=True)

    def write(
        self, stream: Stream, block: Block, *parts: bytes | memoryview, soon: bool = False
    ) -> bool:
        """`ports.Depot.write`."""
        with translated(_FAILED):
            return self._holding(stream).write(block, *parts, soon=soon)

    def read(self, stream: Stream, block: Block) -> bytes | None:
        """`ports.Depot.read`."""
        with translated(_FAILED):
            return self._holding(stream).read(block)

    def finish(self, stream: Stream, name: str, place: str = "") -> str:
        """`ports.Depot.finish`."""
        with translated("a file can't be put into the downloads"):
            try:
                path = self._holding(stream).finish(name, self._downloads)
            except OSError as error:
                if error.errno not in FORBIDDEN:
                    raise
                text = f"{self._downloads.path} can't be written to: {error.strerror}"
                raise RequestError("not-allowed", text) from error
        return put_copy(path, place) if place else path

    @property
    def downloads(self) -> str:
        """`ports.Depot.downloads`."""
        return self._downloads.path

    def check_downloads(self, folder: str) -> str:
        """`ports.Depot.check_downloads`."""
        path = os.path.abspath(os.path.expanduser(folder))
        if self._profile is not None:
            with translated("the folder for downloads can't be made"):
                self._downloads.own.mkdir(parents=True, exist_ok=True)
            refuse_part_of(path, self._profile, self._downloads.own)
        return check(path)

    def choose_downloads(self, folder: str) -> None:
        """`ports.Depot.choose_downloads`."""
        self._downloads.choose(folder)

    def path(self, stream: Stream, noted: str | None = None) -> str | None:
        """`ports.Depot.path`. Of a folder every file is looked at: some 5 µs each."""
        with translated(_FAILED):
            return self._holding(stream).path(noted)

    def discard(self, stream: Stream) -> None:
        """`ports.Depot.discard`."""
        with translated(_FAILED):
            self._holding(stream).discard()

    def fetched(self) -> list[Download]:
        """`ports.Depot.fetched`."""
        with translated(_FAILED):
            found = {path: stream for stream, path in self._finished()}
        return [
            Download(path, os.path.basename(path), stream.size - stream.manifest)
            for path, stream in sorted(found.items())
        ]

    def leave(self, delete: Collection[str]) -> SignedOut:
        """`ports.Depot.leave`."""
        wanted, gone = set(delete), set()
        with translated(_FAILED):
            for stream, path in list(self._finished()):
                if path in wanted:
                    with contextlib.suppress(OSError):  # it is said that it is there still
                        if self._holding(stream).delete_download():
                            gone.add(path)
            for stream in self._streams():
                with contextlib.suppress(OSError):
                    self._holding(stream).leave()
            self._remove_work()
        return SignedOut(tuple(sorted(gone)), tuple(sorted(wanted - gone)))

    def _remove_work(self) -> None:
        for left in self._folder.glob(WORK_PREFIX + "*"):
            shutil.rmtree(left, ignore_errors=True)

    def _finished(self) -> Iterator[tuple[Stream, str]]:
        """Streams that were put into the downloads and are there still."""
        for stream in self._streams():
            path = self._holding(stream).download()
            if path is not None:
                yield stream, path

    def _streams(self) -> list[Stream]:
        """Of which something is kept here."""
        found = (read_name(name) for name in os.listdir(self._folder))
        return [stream for stream in found if stream is not None]

    def _holding(self, stream: Stream) -> Holding:
        """The one object for a stream, as long as anyone uses it."""
        with self._lock:
            holding = self._holdings.get(stream)
            if holding is None:
                holding = Holding(self._folder / stream.name(), stream)
                self._holdings[stream] = holding
            self._recent[stream] = holding
            self._recent.move_to_end(stream)
            # What is being fetched knows what of it is here; finding out takes time.
            idle = (known for known, held in self._recent.items() if not held.fetching)
            if len(self._recent) > _KEPT and (oldest := next(idle, stream)) != stream:
                del self._recent[oldest]
            return holding
