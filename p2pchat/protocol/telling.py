"""Telling of one file: front ends of how it moves, its author of how far it is here."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec.structs import replace

from p2pchat.events import FileProgress
from p2pchat.model.file import FileState
from p2pchat.model.records import PutFile
from p2pchat.protocol import wire
from p2pchat.protocol.offers import File, info_of_file

if TYPE_CHECKING:
    from p2pchat.protocol.machine import Machine

TELL_EVERY_S = 0.22
"""`file.progress` comes at most so often for a file: five times in any second, also
where it is read with some jitter."""
BEAT_S = 2.0
"""The author hears at least so often that more is on its way."""
_ENDS = (FileState.COMPLETE, FileState.FAILED)


class Telling:
    def __init__(
        self, machine: Machine, keep: Callable[[File], None], forget: Callable[[File], None]
    ) -> None:
        """`keep` writes a file's row; `forget` lets go of one of which all is told."""
        self._m = machine
        self._keep = keep
        self._forget = forget

    def tell(self, file: File) -> None:
        """At once, or as soon as it may be."""
        if file.waits:
            return
        wait = file.told + TELL_EVERY_S - self._m.ctx.now
        if wait <= 0:
            self._tell(file)
            return
        file.waits = True

        def due() -> None:
            file.waits = False
            # Its end is told by itself.
            if not file.over and (file.receivers or file.row.state not in _ENDS):
                self._tell(file)

        self._m.ctx.after(wait, due)

    def _tell(self, file: File) -> None:
        file.told = self._m.ctx.now
        if file.unsaved:
            self._keep(file)
        self._m.ctx.notify(FileProgress(info_of_file(file, self._m.ctx.now)))

    def report(self, file: File) -> None:
        """Say to the author's devices how far it is here."""
        m = self._m
        file.reported = m.ctx.now
        if file.row.author == m.identity.peer_id or file.row.reported:
            return
        links = [
            link
            for link in m.links.of_person(file.row.author)
            if m.sharing.shared(link.id, file.conversation)
        ]
        state = file.row.state
        report = wire.FileReport(file.conversation.id, file.row.id, file.done, state.value)
        m.links.send_all(links, report)
        if links and state is FileState.COMPLETE:
            file.row = replace(file.row, reported=True)
            m.ctx.commit([PutFile(file.row)])
            self._forget(file)

    def beat(self, file: File) -> None:
        """Report now and then that something comes, also of pieces that take long, or will come
        from somebody who serves others first; and tell where nothing does any more."""
        if file.beating:
            return
        file.beating = True

        def due() -> None:
            file.beating = False
            if file.fetch is None or file.row.state is not FileState.FETCHING:
                return
            now = self._m.ctx.now
            file.done = file.fetch.done()
            if file.fetch.hopeful() and now - file.reported >= BEAT_S:
                self.report(file)
            if file.fetch.sources(now) > 0 and now - file.told >= BEAT_S:
                self.tell(file)
            self.beat(file)

        self._m.ctx.after(BEAT_S, due)
