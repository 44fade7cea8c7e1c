"""The page of all files: what is under way, and what came and went."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from p2pchat.events import (
    Event,
    FileComplete,
    FileFailed,
    FileOffered,
    FileProgress,
    ProfileRenewed,
)
from p2pchat.model.file import FileInfo, FileState
from p2pchat.model.text import quoted, safe_name
from p2pchat.node.api import NodeApi
from p2pchat.ui.language import _, ngettext
from p2pchat.ui.presenters import words
from p2pchat.ui.presenters.directory import Directory
from p2pchat.ui.presenters.filecard import FileAction, FileCard, Pace, make_card
from p2pchat.ui.presenters.files import Opener, perform
from p2pchat.ui.presenters.runner import Delayed, Runner

PAGE = 15
"""Files that are shown at first, and that each press of a button adds."""
MOST = 1000
REFRESH_MS = 200
"""Progress is drawn so often."""

MOVING = (FileState.FETCHING, FileState.PAUSED)


@dataclass(frozen=True, slots=True)
class TransferRow:
    card: FileCard
    place: str
    """Who offers it, and where."""


@dataclass(frozen=True, slots=True)
class TransferList:
    moving: tuple[TransferRow, ...]
    others: tuple[TransferRow, ...]
    summary: str
    more: bool
    """There are older ones."""


class TransfersView(Protocol):
    def show_transfers(self, found: TransferList) -> None: ...


class TransfersPresenter:
    """`show_summary` gets a few words on what is under way, and an empty text when nothing is:
    for the line at the bottom, also while the page isn't shown."""

    def __init__(
        self,
        node: NodeApi,
        runner: Runner,
        directory: Directory,
        opener: Opener,
        now: Callable[[], datetime],
        open_conversation: Callable[[str], None],
        show_summary: Callable[[str], None],
    ) -> None:
        self.view: TransfersView | None = None
        """Where the page is shown."""
        self._node = node
        self._runner = runner
        self._directory = directory
        self._opener = opener
        self._now = now
        self._open = open_conversation
        self._show_summary = show_summary
        self._files: dict[str, FileInfo] = {}
        """Newest first; while no page is shown, only those under way."""
        self._told: dict[str, FileInfo] | None = None
        """While the list is on its way: what was told since it was asked for."""
        self._paces: dict[str, Pace] = {}
        self._limit = PAGE
        self._more = False
        self._draw = Delayed(runner, REFRESH_MS, self._show)

    # -- the page

    def open(self, view: TransfersView) -> None:
        self.view = view
        self._limit = PAGE
        self._load()

    def close(self) -> None:
        self.view = self._told = None
        self._files = {id: file for id, file in self._files.items() if file.state in MOVING}

    def older(self) -> None:
        self._limit = min(MOST, self._limit + PAGE)
        self._load()

    def _load(self) -> None:
        limit = self._limit
        told = self._told = dict[str, FileInfo]()

        def keep(found: Sequence[FileInfo]) -> None:
            if self._told is not told:  # the page was closed, or another list is on its way
                return
            self._told = None
            self._more = len(found) > limit and limit < MOST
            listed = {file.file_id: file for file in found[:limit]}
            fresh = {id: file for id, file in reversed(told.items()) if id not in listed}
            self._files = fresh | listed | told
            self._show()

        self._runner.call(lambda: self._node.files(None, limit + 1), keep)

    # -- what happens

    def events(self, events: Sequence[Event]) -> None:
        for event in events:
            match event:
                case FileOffered() | FileProgress() | FileComplete() | FileFailed():
                    self._keep(event.file)
                case ProfileRenewed():
                    for files in (self._files, self._told or {}):
                        files.clear()
                    self._draw.ask()
                case _:
                    pass

    def _keep(self, file: FileInfo) -> None:
        if self._told is not None:
            self._told[file.file_id] = file
        known = file.file_id in self._files
        if file.state is FileState.FETCHING:
            self._paces.setdefault(file.file_id, Pace()).take(file.rate, self._now())
        else:
            self._paces.pop(file.file_id, None)
        if known:
            self._files[file.file_id] = file
        elif self.view is not None or file.state in MOVING:
            self._files = {file.file_id: file, **self._files}
        if self.view is None and file.state not in MOVING:
            self._files.pop(file.file_id, None)
        self._draw.ask()

    def _show(self) -> None:
        self._show_summary(self._summary())
        if self.view is not None:
            self.view.show_transfers(self.found())

    def found(self) -> TransferList:
        rows = [self._row(file) for file in self._files.values()]
        return TransferList(
            moving=tuple(row for row in rows if row.card.state in MOVING),
            others=tuple(row for row in rows if row.card.state not in MOVING),
            summary=self._summary() or _("Nothing is under way."),
            more=self._more,
        )

    def _row(self, file: FileInfo) -> TransferRow:
        directory = self._directory
        card = make_card(file, directory.me.peer_id, directory.said, self._paces.get(file.file_id))
        return TransferRow(card, self._place(file))

    def _place(self, file: FileInfo) -> str:
        directory = self._directory
        title = directory.title(file.conversation)
        if file.author == directory.me.peer_id:
            return _("from you, in {conversation}").format(conversation=title)
        name = directory.said.get(file.author) or safe_name(file.author[:8])
        if file.conversation.startswith("@"):
            return _("from {name}").format(name=quoted(name))
        return _("from {name}, in {conversation}").format(name=quoted(name), conversation=title)

    def _summary(self) -> str:
        moving = [f for f in self._files.values() if f.state is FileState.FETCHING]
        if not moving:
            return ""
        said = ngettext("{number} download", "{number} downloads", len(moving))
        coming = [f.file_id for f in moving if f.sources]
        rate = sum(self._paces[id].rate for id in coming if id in self._paces)
        return f"{said} · {words.size(rate)}/s" if rate >= 1 else said

    # -- what can be done

    def act(self, file_id: str, action: FileAction) -> None:
        file = self._files.get(file_id)
        if file is not None:
            perform(self._node, self._runner, self._opener, file, action, self._keep)

    def go_to(self, file_id: str) -> None:
        """Open the conversation that it was offered in."""
        file = self._files.get(file_id)
        if file is not None:
            self._open(file.conversation)
