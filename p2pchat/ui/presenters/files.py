"""The files of the conversation on the screen: their cards, and what is done with them."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from p2pchat.errors import P2PChatError, RequestError
from p2pchat.events import Event, FileComplete, FileFailed, FileOffered, FileProgress, FileReading
from p2pchat.model.file import FileInfo, FileState
from p2pchat.model.ids import MessageId
from p2pchat.model.message import Message
from p2pchat.model.text import one_line, quoted
from p2pchat.node.api import NodeApi
from p2pchat.ui.language import _
from p2pchat.ui.presenters import words
from p2pchat.ui.presenters.directory import Directory
from p2pchat.ui.presenters.filecard import FileAction, FileCard, Pace, make_card, percent
from p2pchat.ui.presenters.runner import Runner

MOST_AT_ONCE = 100
"""Files that are dropped or chosen at once; who has more shares their folder."""
TOLD = 2000
"""Files whose latest state is kept: more than messages are held."""


class FilesView(Protocol):
    def show_file(self, card: FileCard) -> None:
        """Draw the card of a file anew, where it is on the screen."""
        ...

    def show_reading(self) -> None:
        """`FilesPresenter.reading` has changed."""
        ...


class Opener(Protocol):
    """Opens what is on the disk with the system's own programs, never executing it. P2PChatError
    where that isn't possible."""

    def open(self, path: str) -> Awaitable[None]: ...

    def show(self, path: str) -> Awaitable[None]: ...

    def browse(self, url: str) -> Coroutine[Any, Any, None]:
        """A web address, in the browser."""
        ...


class FilesPresenter:
    """`note` says which files are on the screen."""

    def __init__(
        self,
        node: NodeApi,
        runner: Runner,
        directory: Directory,
        view: FilesView,
        opener: Opener,
        now: Callable[[], datetime],
        say: Callable[[str], None],
    ) -> None:
        self.on_shared: Callable[[Message], None] = lambda message: None
        """An own offer was stored: its message."""
        self._node = node
        self._runner = runner
        self._directory = directory
        self._view = view
        self._opener = opener
        self._now = now
        self._say = say
        self._files: dict[str, FileInfo] = {}
        """Those on the screen."""
        self._told: OrderedDict[str, FileInfo] = OrderedDict()
        """The latest that was told of any file: it may come before its message is drawn."""
        self._paces: dict[str, Pace] = {}
        self._reading: list[_Reading] = []
        """What is read at the moment, to be shared."""
        self._naming = 0
        directory.listeners.append(self._relabel)

    # -- what is shown

    def card(self, file_id: str) -> FileCard | None:
        file = self._files.get(file_id)
        if file is None:
            return None
        me, said = self._directory.me.peer_id, self._directory.said
        return make_card(file, me, said, self._paces.get(file_id))

    def reading_words(self) -> str:
        """`Reading holiday.zip… 40%`: a large file takes a moment before it can be offered."""
        if not self._reading:
            return ""
        names = words.several([one.name for one in self._reading])
        done = sum(one.done for one in self._reading)
        if not done:
            return _("Reading {names}…").format(names=names)
        part = percent(done, sum(one.total for one in self._reading))
        return _("Reading {names}… {part}%  (Esc, or a click here: stop)").format(
            names=names, part=part
        )

    def note(self, messages: Sequence[Message]) -> None:
        """These messages are on the screen. What was told of a file is newer than its message."""
        there = {m.file.file_id: m.file for m in messages if m.file is not None and not m.deleted}
        self._files = {id: self._told.get(id, file) for id, file in there.items()}
        self._paces = {id: pace for id, pace in self._paces.items() if id in self._files}

    def clear(self) -> None:
        """What is known may be old: messages that are loaded from now on say it anew."""
        self._told.clear()
        self._paces.clear()

    def events(self, events: Sequence[Event]) -> None:
        latest: dict[str, FileInfo] = {}
        for event in events:
            match event:
                case FileOffered() | FileProgress() | FileComplete() | FileFailed():
                    latest[event.file.file_id] = event.file
                case FileReading():
                    self._read_more(event)
                case _:
                    pass
        for file in latest.values():
            self._keep(file)

    def _keep(self, file: FileInfo) -> None:
        self._told[file.file_id] = file
        self._told.move_to_end(file.file_id)
        if len(self._told) > TOLD:
            self._told.popitem(last=False)
        if file.file_id not in self._files:
            return
        self._files[file.file_id] = file
        if file.state is FileState.FETCHING:
            self._paces.setdefault(file.file_id, Pace()).take(file.rate, self._now())
        else:
            self._paces.pop(file.file_id, None)
        self._show(file.file_id)

    def _show(self, file_id: str) -> None:
        card = self.card(file_id)
        if card is not None:
            self._view.show_file(card)

    def _relabel(self) -> None:
        if self._naming != self._directory.naming:
            self._naming = self._directory.naming
            for file_id in self._files:
                self._show(file_id)

    # -- acting on a file

    def act(self, file_id: str, action: FileAction) -> None:
        file = self._files.get(file_id)
        if file is not None:
            perform(self._node, self._runner, self._opener, file, action, self._keep)

    def save(self, file_id: str, place: str) -> None:
        """Put it there as well: at once, or when it has come. `place` is a new name."""
        self._runner.call(lambda: self._node.fetch(file_id, place), self._keep)

    def open_folder(self, path: str) -> None:
        """With the system's file manager."""
        self._runner.call(lambda: _wait(self._opener.open(path)))

    # -- sharing

    def share(self, conversation: str, paths: Sequence[str]) -> None:
        """Offer files and folders of this machine, each by itself, in their order."""
        if self.may_share(len(paths)):
            for path in paths:
                self._share(conversation, path)

    def may_share(self, number: int) -> bool:
        """Whether so many can be offered at once; if not, it is said."""
        if number > MOST_AT_ONCE:
            text = _("At most {number} files at once. Share the folder that holds them.")
            self._say(text.format(number=MOST_AT_ONCE))
        return number <= MOST_AT_ONCE

    def _share(self, conversation: str, path: str) -> None:
        name = one_line(os.path.basename(path.rstrip("/\\")) or path, 60)
        reading = _Reading(conversation, path, name)
        self._reading.append(reading)
        self._view.show_reading()

        async def offer() -> Message | None:
            file = await self._node.share(conversation, path)
            place = MessageId(file.message_id)
            found = await self._node.messages(file.conversation, 1, around=place)
            return next((m for m in found if m.message_id == place), None)

        def done(message: Message | None) -> None:
            self._read(reading)
            if message is not None:
                self.on_shared(message)

        def failed(error: P2PChatError) -> None:
            self._read(reading)
            reason = error.reason if isinstance(error, RequestError) else ""
            if reason == "cancelled":
                return
            gone = reason == "no-such-file"
            why = _("There is no such file or folder.") if gone else words.refusal(error)
            self._say(_("{name} was not shared. {why}").format(name=quoted(name), why=why))

        self._runner.call(offer, done, failed)

    def _read_more(self, event: FileReading) -> None:
        for one in self._reading:
            if one.path == event.path:
                one.done, one.total = event.done, event.total
                self._view.show_reading()

    def stop_reading(self) -> bool:
        """Share nothing of what is still being read; whether anything was."""
        for one in self._reading:
            self._stop(one)
        return bool(self._reading)

    def _stop(self, one: _Reading) -> None:
        stop = self._node.stop_reading
        # It may be read by now.
        self._runner.call(lambda: _wait(stop(one.conversation, one.path)), None, lambda error: None)

    def _read(self, reading: _Reading) -> None:
        self._reading.remove(reading)
        self._view.show_reading()


@dataclass(slots=True, eq=False)
class _Reading:
    conversation: str
    path: str
    name: str
    done: int = 0
    total: int = 0


def perform(
    node: NodeApi,
    runner: Runner,
    opener: Opener,
    file: FileInfo,
    action: FileAction,
    keep: Callable[[FileInfo], None],
) -> None:
    """Do it; `keep` gets what the file is then."""
    file_id, path = file.file_id, file.path
    match action:
        case FileAction.DOWNLOAD | FileAction.AGAIN:
            runner.call(lambda: node.fetch(file_id), keep)
        case FileAction.RESUME | FileAction.RESHARE:
            runner.call(lambda: node.resume(file_id), keep)
        case FileAction.PAUSE:
            runner.call(lambda: node.pause(file_id), keep)
        case FileAction.CANCEL | FileAction.UNSHARE:
            runner.call(lambda: node.cancel(file_id), keep)
        case FileAction.OPEN if path is not None:
            runner.call(lambda: _wait(opener.open(path)))
        case FileAction.SHOW if path is not None:
            runner.call(lambda: _wait(opener.show(path)))
        case _:
            pass


async def _wait(awaitable: Awaitable[None]) -> None:
    await awaitable
