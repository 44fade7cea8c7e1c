"""The files that a terminal chat knows: their numbers, and what is told of them."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from p2pchat.errors import P2PChatError, RequestError
from p2pchat.events import FileComplete, FileFailed, FileOffered, FileProgress, FileReading
from p2pchat.model.file import FileInfo, FileState
from p2pchat.model.text import one_line, safe_text
from p2pchat.ui.presenters import filecard, words
from p2pchat.ui.presenters.filecard import shown_name

KEPT = 1000
"""Files that are remembered; the oldest lose their numbers."""
CANCELLED = "cancelled"
"""Why an own offer has failed that its person took back, or was refused in time."""
END_S = 3.0
"""So long what is being shared may go on when the chat ends."""

FileEvent = FileOffered | FileProgress | FileComplete | FileFailed


class Shelf:
    """`say` and `warn` show one line, safe to print."""

    def __init__(self, say: Callable[[str], None], warn: Callable[[str], None]) -> None:
        self._say = say
        self._warn = warn
        self._files: OrderedDict[int, FileInfo] = OrderedDict()
        self._numbers: dict[str, int] = {}
        self._count = 0
        self._asked: set[str] = set()
        self._readings: dict[tuple[str, str], tuple[int, int]] = {}
        """What is read, to be shared: bytes done and in all, by conversation and path."""
        self._tasks: set[asyncio.Task[None]] = set()

    # -- what is known

    def put(self, file: FileInfo) -> int:
        """Its number, the same as long as the chat runs."""
        number = self._numbers.get(file.file_id)
        if number is None:
            self._count += 1
            number = self._numbers[file.file_id] = self._count
            if len(self._files) >= KEPT:
                _, oldest = self._files.popitem(last=False)
                del self._numbers[oldest.file_id]
        self._files[number] = file
        return number

    def ask(self, file: FileInfo) -> int:
        """The person wants to hear what becomes of it; its number."""
        self._asked.add(file.file_id)
        return self.put(file)

    def find(self, text: str, conversation: str) -> FileInfo | None:
        """By its number, else the newest of that name, of this conversation before others."""
        if text.isascii() and text.isdecimal() and len(text) < 10:
            found = self._files.get(int(text))
            if found is not None:
                return found
        named = [f for f in reversed(self._files.values()) if text in (f.name, shown_name(f))]
        here = [f for f in named if f.conversation == conversation]
        return next(iter(here + named), None)

    def numbered(self) -> list[tuple[int, FileInfo]]:
        """Newest first."""
        return list(reversed(self._files.items()))

    def clear(self) -> None:
        self._files.clear()
        self._numbers.clear()
        self._asked.clear()

    def hint(self, file: FileInfo, own: bool) -> str:
        """What stands behind the message of a file."""
        number = self.put(self._latest(file))
        file = self._files[number]
        match file.state:
            case FileState.COMPLETE if own:
                return f"(file {number})"
            case FileState.COMPLETE:
                return f"(file {number}, here: {shown_path(file)})"
            case FileState.FETCHING:
                return f"(file {number}, coming)"
            case FileState.PAUSED:
                return f"(to go on: /resume {number})"
            case FileState.OFFERED | FileState.FAILED:
                return f"(to get it: /get {number})"

    def _latest(self, file: FileInfo) -> FileInfo:
        number = self._numbers.get(file.file_id)
        return file if number is None else self._files[number]

    def line(self, number: int, file: FileInfo, own: bool) -> str:
        """`3  notes.pdf  1.2 MiB  40%, 1.0 MiB/s, from 2 sources`."""
        status = filecard.status_of(file, own)
        if own and file.state is FileState.COMPLETE:
            status = filecard.holders_of(file.receivers, file.total)
        elif file.state is FileState.COMPLETE and file.path:
            status = shown_path(file)
        return f"{number}  {shown_name(file)}  {filecard.shown_size(file)}  {status}"

    def toolbar(self) -> str:
        """`reading b.zip… 7%, notes.pdf 40%`, `3 files coming`; empty where nothing is."""
        return ", ".join(filter(None, (self._toolbar_reading(), self._toolbar_coming())))

    def _toolbar_reading(self) -> str:
        if not self._readings:
            return ""
        names = [one_line(os.path.basename(path), 40) for _, path in self._readings]
        done, total = (sum(numbers) for numbers in zip(*self._readings.values(), strict=True))
        return f"reading {words.several(names)}… {filecard.percent(done, total) if done else 0}%"

    def _toolbar_coming(self) -> str:
        coming = [f for f in self._files.values() if f.state is FileState.FETCHING]
        if len(coming) > 1:
            return f"{len(coming)} files coming"
        return "".join(f"{shown_name(f)} {filecard.percent(f.done, f.total)}%" for f in coming)

    # -- what is told

    def take(self, event: FileEvent, loud: bool) -> None:
        """Progress is for the toolbar; the end of a transfer is said, if it is `loud` or was asked
        for here."""
        file = event.file
        known = self._numbers.get(file.file_id)
        # It may be told once more to whoever asks for a file that is here.
        news = known is None or self._files[known].state is not file.state
        if known is not None or isinstance(event, FileComplete | FileFailed | FileProgress):
            self.put(file)
        if not news or not (loud or file.file_id in self._asked):
            return
        if isinstance(event, FileComplete) and file.path:
            self._asked.discard(file.file_id)
            self._say(f"{shown_name(file)} ({filecard.shown_size(file)}) is here: "
                      f"{shown_path(file)}")  # fmt: skip
        elif isinstance(event, FileFailed) and file.reason != CANCELLED:
            self._warn(f"{shown_name(file)}: {filecard.failure_of(file)}")

    # -- what takes its time

    @contextlib.contextmanager
    def reading(self, conversation: str, path: str) -> Iterator[None]:
        """Meanwhile it is read, to be shared."""
        reading = (conversation, path)
        self._readings[reading] = (0, 0)
        try:
            yield
        finally:
            self._readings.pop(reading, None)

    def find_reading(self, name: str) -> tuple[str, str] | None:
        """The conversation and path of what is being read."""
        for reading in self._readings:
            if name in (reading[1], os.path.basename(reading[1])):
                return reading
        return None

    def read(self, event: FileReading) -> None:
        for reading in self._readings:
            if reading[1] == event.path:
                self._readings[reading] = (event.done, event.total)

    def begin(self, job: Coroutine[Any, Any, None]) -> None:
        """Beside the prompt; what is refused is said."""
        task = asyncio.ensure_future(self._run(job))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, job: Coroutine[Any, Any, None]) -> None:
        try:
            await job
        except P2PChatError as error:
            if isinstance(error, RequestError) and error.reason == CANCELLED:
                return
            self._warn(safe_text(words.refusal(error), multiline=False))

    async def close(self) -> None:
        """What was asked for is finished, as long as that doesn't take long."""
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=END_S)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)


def shown_path(file: FileInfo) -> str:
    return safe_text(file.path or "", multiline=False)
