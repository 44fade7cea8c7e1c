"""`p2pchat share`: offer files and folders, and wait until somebody has each of them whole."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TextIO

from p2pchat.errors import P2PChatError, RequestError, UsageError
from p2pchat.events import Event, FileComplete, FileFailed, FileOffered, FileProgress, FileReading
from p2pchat.model.file import FileInfo, FileState
from p2pchat.model.ids import PeerId
from p2pchat.model.text import one_line
from p2pchat.ui.presenters import filecard, words
from p2pchat.ui.terminal.once import DONE, NOBODY, Asked, enter

FAILED, REFUSED = 1, 2
_BAR = 24
"""Characters of the progress bar."""
_STOP_S = 2.0
"""So long an interrupted command waits for the node."""
_NAME = 40


async def share(node: Asked, conversation: str, paths: Sequence[str], within: float) -> int:
    """Join, offer each path, and wait until one peer has each whole, or for `within` seconds nobody
    has taken any more of any, or been at it."""
    watch = _Watch()
    unsubscribe = node.subscribe(watch.events)
    board = Board(sys.stdout)
    try:
        await enter(node, conversation, asyncio.get_running_loop().time() + within)
        offered = [await _offer(node, conversation, path, watch, board) for path in paths]
        files = [file for file in offered if file is not None]
        code = await _Wait(node, watch, board, files).until_taken(within)
        return code if len(files) == len(paths) else max(code, REFUSED)
    finally:
        unsubscribe()
        board.close()


async def _offer(
    node: Asked, conversation: str, path: str, watch: _Watch, board: Board
) -> FileInfo | None:
    """None where it was refused: the others go on."""
    name = one_line(os.path.basename(path) or path, _NAME)

    def tell(event: FileReading) -> None:
        if event.path == path and event.done:
            board.progress(f"{name}: reading", event.done / max(event.done, event.total), "")

    board.status(f"{name}: reading…")
    watch.on_reading = tell
    try:
        file = await node.share(conversation, path)
    except RequestError as error:
        board.complain(f"{name} was not shared: {one_line(str(error), 200)}")
        return None
    except asyncio.CancelledError:
        # The node may go on without this command.
        with suppress(P2PChatError, TimeoutError):
            await asyncio.wait_for(node.stop_reading(conversation, path), _STOP_S)
        raise
    finally:
        watch.on_reading = lambda event: None
    board.line(f"{_name(file)}: offered ({filecard.shown_size(file)})")
    return file


def _name(file: FileInfo) -> str:
    return one_line(file.name, _NAME)


class _Wait:
    """Until one peer has each file."""

    def __init__(self, node: Asked, watch: _Watch, board: Board, files: Sequence[FileInfo]) -> None:
        self._node = node
        self._watch = watch
        self._board = board
        self._open = {file.file_id: file for file in files}
        self._failed = False

    async def until_taken(self, within: float) -> int:
        loop = asyncio.get_running_loop()
        await self._look()
        ends = loop.time() + within
        while self._open:
            self._draw()
            try:
                async with asyncio.timeout_at(ends):
                    await self._watch.wait()
            except TimeoutError:
                if any(_is_taken(file) for file in self._open.values()):
                    ends = loop.time() + within
                    continue
                for file in self._open.values():
                    self._board.complain(
                        f"{_name(file)}: nobody took more of it within {within:g} s;"
                        " it goes out the next time p2pchat runs"
                    )
                return NOBODY
            if await self._look():
                ends = loop.time() + within
        return FAILED if self._failed else DONE

    async def _look(self) -> bool:
        """Whether there is anything new of these files: others may be under way as well."""
        news = False
        for old in list(self._open.values()):
            file = self._open[old.file_id] = self._watch.latest(old)
            news |= file != old
            whole = [r.peer_id for r in file.receivers if r.state is FileState.COMPLETE]
            if whole:
                self._board.line(f"{_name(file)}: {await self._people(whole)} it")
            elif file.state is FileState.FAILED:
                why = filecard.failure_of(file)
                self._board.complain(f"{_name(file)} is no longer shared: {why}")
                self._failed = True
            if whole or file.state is FileState.FAILED:
                del self._open[file.file_id]
        return news

    async def _people(self, peer_ids: Sequence[PeerId]) -> str:
        """`Li has`, `Li and Wang have`."""
        labels = {peer.peer_id: peer.label for peer in await self._node.peers()}
        people = words.several([words.person_label(labels.get(id, ""), id) for id in peer_ids])
        return f"{people} {'has' if len(peer_ids) == 1 else 'have'}"

    def _draw(self) -> None:
        file = next(iter(self._open.values()))
        more = f" (and {len(self._open) - 1} more)" if len(self._open) > 1 else ""
        done = max((receiver.done for receiver in file.receivers), default=0)
        part = min(1.0, done / file.total) if file.total else 0.0
        holders = filecard.holders_of(file.receivers, file.total)
        self._board.progress(_name(file) + more, part, holders)


def _is_taken(file: FileInfo) -> bool:
    """Whether anybody is at it: a piece on a slow way may take long, and counts once it is there.
    Who says nothing for some seconds is stalled."""
    return any(r.state is FileState.FETCHING and not r.stalled for r in file.receivers)


def checked(paths: Sequence[str]) -> list[str]:
    """Absolute, for a node that runs elsewhere. UsageError where nothing is there."""
    for path in paths:
        try:
            path.encode()
        except UnicodeEncodeError:
            raise UsageError(f"{one_line(path, 100)}: its name isn't UTF-8") from None
        if not os.path.exists(path):
            raise UsageError(f"{one_line(path, 100)}: there is no such file or folder")
    return [os.path.abspath(path) for path in paths]


class _Watch:
    """What was told of files, the latest of each."""

    def __init__(self) -> None:
        self._told: dict[str, FileInfo] = {}
        self._news = asyncio.Event()
        self.on_reading: Callable[[FileReading], None] = lambda event: None

    def events(self, events: Sequence[Event]) -> None:
        for event in events:
            if isinstance(event, FileReading):
                self.on_reading(event)
            elif isinstance(event, FileOffered | FileProgress | FileComplete | FileFailed):
                old = self._told.get(event.file.file_id)
                self._told[event.file.file_id] = event.file
                if (
                    old is None
                    or old.receivers != event.file.receivers
                    or (old.state is not event.file.state)
                ):
                    self._news.set()

    def latest(self, file: FileInfo) -> FileInfo:
        return self._told.get(file.file_id, file)

    async def wait(self) -> None:
        """Until something is told that `latest` hasn't seen."""
        await self._news.wait()
        self._news.clear()


class Board:
    """A terminal's line that is drawn anew, or plain lines where there is no terminal."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._live = stream.isatty() and os.environ.get("TERM", "") not in ("dumb", "unknown")
        self._drawn = False

    def line(self, text: str) -> None:
        """One that stays."""
        self._clear()
        self._write(f"{text}\n")

    def complain(self, text: str) -> None:
        self._clear()
        sys.stderr.write(f"p2pchat: {text}\n")

    def progress(self, name: str, part: float, text: str) -> None:
        filled = round(_BAR * part)
        bar = "█" * filled + "░" * (_BAR - filled)
        self.status(f"{name} {bar} {int(100 * part):3d}%  {text}")

    def status(self, text: str) -> None:
        """On a terminal only, in the place of the last one."""
        if not self._live:
            return
        columns = os.get_terminal_size(self._stream.fileno()).columns or 80
        self._clear()
        self._write(text[: max(1, columns - 1)])
        self._drawn = True

    def close(self) -> None:
        self._clear()

    def _clear(self) -> None:
        if self._drawn:
            self._write("\r\x1b[K")
            self._drawn = False

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
        except UnicodeEncodeError:
            self._stream.write(text.encode("ascii", "replace").decode())
        self._stream.flush()
