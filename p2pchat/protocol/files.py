"""The files of a node: what is offered, what is being fetched, what has become of it.

An offer is an entry; this is what the person does about it and is told of it. `exchange` gets the
blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from p2pchat.config import limits
from p2pchat.errors import RequestError
from p2pchat.events import FileComplete, FileFailed, FileOffered
from p2pchat.model.entry import EntryKind, FileBody
from p2pchat.model.file import FileInfo, FileState, Receiver
from p2pchat.model.ids import EntryHash, PeerId
from p2pchat.model.records import ConversationKind, FileRow, MessageRow, PutFile
from p2pchat.protocol import effects, wire
from p2pchat.protocol.conversations import Conversation
from p2pchat.protocol.exchange import Exchange
from p2pchat.protocol.hashing import circle
from p2pchat.protocol.ingest import Arrival
from p2pchat.protocol.link import Link
from p2pchat.protocol.offering import Offering
from p2pchat.protocol.offers import File, info_of_file, info_of_row, row_of, storable
from p2pchat.protocol.passed import PassedOver
from p2pchat.protocol.receivers import Receivers
from p2pchat.protocol.reports import Quota, Reports
from p2pchat.protocol.telling import Telling

if TYPE_CHECKING:
    from p2pchat.protocol.machine import Machine

REPORT_EVERY_S = 2.0
"""How often the author hears how far a file is here."""
PAUSED_FOUND = 100
"""Paused files that may wait, after a start, to be looked at; further ones are when they go on."""
GONE_S = 10.0
"""How long a fetch whose author no longer has the file waits for others who do."""
ALONE_S = 4.0
"""The same while none of them is known: so long it takes to ask a class."""


class Files:
    def __init__(self, machine: Machine) -> None:
        self._m = machine
        self._files: dict[EntryHash, File] = {}
        self._quota = Quota()
        self._passed = PassedOver(machine.ctx)
        self._queue: dict[EntryHash, None] = {}
        """What comes by itself and waits for its turn, in order."""
        self._beginning = 0
        """Fetches of which it is being found out what is here."""
        self._paused: list[File] = []
        """Of which it is to be found out what is here."""
        self._reports = Reports(self._look_up, self._reported)
        self._telling = Telling(machine, self._keep, self._forget)
        self._receivers = Receivers(machine.ctx, self._keep, self._telling.tell)
        self.exchange = Exchange(machine, self)
        self.offering = Offering(machine, self._shared)

    # -- start

    def load(self, rows: Sequence[FileRow]) -> None:
        """Go on with what was under way."""
        for row in rows:
            self._look_up(row.id, self._take_up)

    def _take_up(self, found: MessageRow | None) -> None:
        file = self._of_row(found)
        if file is None:
            return
        if file.row.state is FileState.FETCHING:
            self._begin_in_turn(file)
        elif file.row.undecided:
            self._decide(file)
        elif file.row.state is FileState.COMPLETE:
            file.done = file.row.stream.size
            self._telling.report(file)
        elif file.row.state is FileState.PAUSED and len(self._paused) < PAUSED_FOUND:
            self._paused.append(file)
            if len(self._paused) == 1:
                self._find_paused(file)

    def _find_paused(self, file: File) -> None:
        """What is here of it counts, and is served, though no more is asked for. One after the
        other: each is hashed."""

        def ready(found: Any) -> None:
            self._paused.pop(0)
            if self._paused:
                self._find_paused(self._paused[0])
            paused = file.row.state is FileState.PAUSED and file.fetch is None
            if not paused or isinstance(found, RequestError) or found.path is not None:
                return
            fetch = self.exchange.begin(file.row, file.conversation, found.layers)
            file.done = fetch.done()
            if fetch.complete():
                self.exchange.end(file.row.id)
            else:
                self.exchange.pause(fetch, True)
                file.fetch = fetch
            self._telling.tell(file)
            self._telling.report(file)

        self._m.ctx.ask(lambda query: effects.BeginFetch(query, file.row.stream, ()), ready)

    def _file(self, row: FileRow, body: FileBody, conversation: Conversation) -> File:
        file = self._files.get(row.id)
        if file is None:
            row = self._passed.take(row)
            file = self._files[row.id] = File(row, body, conversation)
            file.receivers = {receiver.peer_id: receiver for receiver in row.receivers}
        return file

    def _look_up(self, id: EntryHash, then: Callable[[MessageRow | None], None]) -> None:
        self._m.ctx.ask(lambda query: effects.ReadMessage(query, id), then)

    # -- what front ends see

    def info(self, row: MessageRow) -> FileInfo | None:
        """Of an offer's message; None where it was deleted, or its room was left."""
        conversation = self._m.conversations.get(row.conversation)
        if not isinstance(row.content, FileBody) or row.deleted:
            return None
        if conversation is None or not conversation.mine:
            return None
        file = self._files.get(row.hash)
        return self._info(file) if file else info_of_row(row, row.content, conversation.label)

    def _info(self, file: File) -> FileInfo:
        return info_of_file(file, self._m.ctx.now)

    def _shared(
        self, row: MessageRow, body: FileBody, conversation: Conversation, path: str
    ) -> FileInfo:
        """An own offer is durable."""
        file = self._file(row_of(row, body, own=True), body, conversation)
        file.row = replace(file.row, path=storable(path))
        self._m.ctx.commit([PutFile(file.row)])
        return self._info(file)

    # -- offers that are durable

    def arrived(self, arrival: Arrival) -> None:
        if not arrival.conversation.mine:
            return
        for entry, stored in arrival.new():
            if entry.header.kind == EntryKind.DELETE:
                self._deleted(EntryHash(entry.header.target))
            body = entry.content
            if stored.message is None or not isinstance(body, FileBody):
                continue
            if stored.message.deleted:
                continue
            row = row_of(stored.message, body, entry.own)
            file = self._file(row, body, arrival.conversation)
            if not self._m.people.blocked(entry.author):
                self._m.ctx.notify(FileOffered(self._info(file)), origin=arrival.origin)
            if not entry.own:
                self._decide(file)

    def _decide(self, file: File) -> None:
        """Whether it comes by itself."""
        if self._comes_by_itself(file):
            self._begin_in_turn(file)
        else:
            self._passed.add(file.row)
            self._forget(file)

    def _comes_by_itself(self, file: File) -> bool:
        """Small enough, and within what its author may bring here in a day."""
        if len(self._queue) >= limits.FETCHES_WAITING or self._m.people.blocked(file.row.author):
            return False
        largest, now = self._m.ctx.settings.auto_fetch, self._m.ctx.now
        return self._quota.take(file.row.author, file.row.stream, largest, now)

    def _begin_in_turn(self, file: File) -> None:
        """At once, or when others are through: thousands at a time would be slower for all."""
        if self._beginning + self.exchange.fetches < limits.FETCHES_AT_ONCE:
            self._begin(0, file)
            return
        self._queue[file.row.id] = None
        if file.row.state is not FileState.FETCHING:
            self._set(file, FileState.FETCHING)

    def _begin_next(self) -> None:
        """A fetch is over."""
        while self._queue and self._beginning + self.exchange.fetches < limits.FETCHES_AT_ONCE:
            id = next(iter(self._queue))
            del self._queue[id]
            file = self._files.get(id)
            if file is not None and file.row.state is FileState.FETCHING:
                self._begin(0, file)

    def _deleted(self, id: EntryHash) -> None:
        """What was fetched of it so far goes; a finished file is the person's."""
        file = self._files.get(id)
        if file is not None:
            self._stop(file)
            if file.row.state is not FileState.COMPLETE:
                self._discard(file)
            self._drop(file)
        self.exchange.forget(id)

    def _discard(self, file: File) -> None:
        """What is here of it, unless another offer of the same content is on its way."""
        stream, begun = file.row.stream, (FileState.FETCHING, FileState.PAUSED)
        others = (other.row for other in self._files.values() if other is not file)
        if not any(other.stream == stream and other.state in begun for other in others):
            self._m.ctx.emit(effects.DiscardStream(stream))

    def leaving(self, conversation: Conversation) -> None:
        """The room is about to be left: its members are still told."""
        for file in list(self._files.values()):
            if file.conversation is conversation:
                self._give_up(file)
                self._drop(file)

    def blocked(self, person: PeerId) -> None:
        """Nothing more comes of what they offer."""
        for file in list(self._files.values()):
            if file.row.author == person:
                self._give_up(file)
        self._begin_next()

    def _drop(self, file: File) -> None:
        """Nothing more comes of it, also of what the disk is being asked."""
        file.dropped = True
        self._forget(file)

    def _forget(self, file: File) -> None:
        file.over = True
        self._files.pop(file.row.id, None)
        self._queue.pop(file.row.id, None)
        self._begin_next()

    # -- fetching

    def fetch(self, request: int, origin: int, row: MessageRow, put_to: str | None) -> None:
        """Replies when it is under way, or at once if it is complete."""
        file = self._of(row)
        file.row = replace(file.row, put_to=put_to or file.row.put_to)
        if file.row.state is FileState.FETCHING:
            self._keep(file)
        if file.row.state is FileState.FETCHING and file.fetch is not None:
            self._m.ctx.reply(request, self._info(file))
        elif file.row.state is FileState.COMPLETE and row.file is not None and row.file.path:
            file.row = replace(file.row, path=row.file.path)
            if put_to:
                self._finish(request, file)
            else:
                self._complete(request, file)
        else:
            file.gone = False
            self._begin(request, file)

    def pause(self, request: int, origin: int, row: MessageRow) -> None:
        file = self._of(row)
        if file.row.state is FileState.FETCHING:
            if file.fetch is not None:
                self.exchange.pause(file.fetch, True)
            self._set(file, FileState.PAUSED)
            self._telling.tell(file)
            self._telling.report(file)
        self._m.ctx.reply(request, self._info(file))

    def cancel(self, request: int, origin: int, row: MessageRow) -> None:
        """An unfinished one is given up; an own offer is withdrawn."""
        file = self._of(row)
        self._give_up(file)
        if file.row.author == self._m.identity.peer_id and file.row.state is FileState.COMPLETE:
            self._withdraw(file, "cancelled")
        self._m.ctx.reply(request, self._info(file))
        self._begin_next()

    def _withdraw(self, file: File, reason: str) -> None:
        self.exchange.withdraw(file.row.id, file.conversation)
        self._fail(file, reason)

    def _give_up(self, file: File) -> None:
        file.fetch = None
        self.exchange.forget(file.row.id)
        self._queue.pop(file.row.id, None)
        if file.row.state is not FileState.COMPLETE:
            self._discard(file)
            file.done = 0
            file.row = replace(file.row, put_to=None)
            self._set(file, FileState.OFFERED)
            self._telling.tell(file)
            self._telling.report(file)

    def _of(self, row: MessageRow) -> File:
        file = self._of_row(row)
        if file is None:
            raise RequestError("no-such-file")
        return file

    def _begin(self, request: int, file: File) -> None:
        """Find out what is here already, then ask for the rest."""
        if file.row.state is not FileState.FETCHING:
            self._set(file, FileState.FETCHING)
        m = self._m
        if file.fetch is not None:  # it was paused
            self.exchange.pause(file.fetch, False)
            m.ctx.reply(request, self._info(file))
            self._telling.tell(file)
            self._telling.beat(file)
            return
        self._queue.pop(file.row.id, None)
        self._beginning += 1

        def ready(found: Any) -> None:
            self._beginning -= 1
            if file.dropped:
                self._discard(file)
                m.ctx.reply(request, RequestError("no-such-file"))
                self._begin_next()
            elif isinstance(found, RequestError):
                self._fail(file, found.reason)
                m.ctx.reply(request, found)
            elif file.row.state is not FileState.FETCHING or file.fetch is not None:
                m.ctx.reply(request, self._info(file))
                self._begin_next()
            elif found.path is not None:
                self._finish(request, file)
            else:
                file.fetch = self.exchange.begin(file.row, file.conversation, found.layers)
                file.done = file.fetch.done()
                m.ctx.reply(request, self._info(file))
                self._telling.tell(file)
                self._telling.beat(file)
                if file.fetch.complete():
                    self._finish(0, file)

        # What came in another conversation is fetched again, lest who offers a copy learn of it;
        # but for open rooms, of which anybody can ask for any file.
        mine = m.conversations.mine()
        anybodys = tuple(circle(it.id) for it in mine if it.row.kind == ConversationKind.OPEN)
        m.ctx.ask(lambda query: effects.BeginFetch(query, file.row.stream, anybodys), ready)

    def _stop(self, file: File) -> None:
        if file.fetch is not None:
            file.fetch = None
            self.exchange.end(file.row.id)

    def _keep(self, file: File) -> None:
        self._set(file, file.row.state, file.row.reason)

    def _set(self, file: File, state: FileState, reason: str = "") -> None:
        self._change(file, state, reason)
        self._m.ctx.commit([PutFile(file.row)])

    def _change(self, file: File, state: FileState, reason: str) -> None:
        file.unsaved = False
        told = tuple(file.receivers.values())
        file.row = replace(file.row, state=state, reason=reason, receivers=told, undecided=False)

    # -- what the exchange tells

    def moved(self, id: EntryHash) -> None:
        """More of it is here, or its sources have changed."""
        file = self._files.get(id)
        if file is None or file.fetch is None:
            return
        file.done = file.fetch.done()
        if file.fetch.complete():
            self._finish(0, file)
            return
        self._telling.tell(file)
        if self._m.ctx.now - file.reported >= REPORT_EVERY_S:
            self._telling.report(file)

    def broke(self, id: EntryHash, reason: str) -> None:
        """The disk here has failed it."""
        file = self._files.get(id)
        if file is not None:
            self._stop(file)
            self._fail(file, reason)

    def barred(self, id: EntryHash, on: bool) -> None:
        """Those who may have it can be reached through others only, and it is too large for that;
        or not any more."""
        file = self._files.get(id)
        if file is None or file.row.state is not FileState.FETCHING:
            return
        file.row = replace(file.row, reason="relayed" if on else "")
        self._telling.tell(file)
        if on:
            self._m.watch.file_barred(file.body.name, file.conversation)

    def author_lost(self, id: EntryHash) -> None:
        """The author's machine no longer has it as it was, or doesn't give it any more."""
        file = self._files.get(id)
        if file is None or file.gone:
            return
        file.gone = True

        def look() -> None:
            if not file.gone or file.fetch is None or file.row.state is not FileState.FETCHING:
                return
            if file.fetch.hopeful():
                self._m.ctx.after(GONE_S, look)
            else:
                self._stop(file)
                self._fail(file, "gone")

        self._m.ctx.after(GONE_S if file.fetch and file.fetch.hopeful() else ALONE_S, look)

    def changed(self, id: EntryHash) -> None:
        """What is complete here isn't there any more as it was. Said of an own offer; what was
        fetched is the person's, who may do with it what they like."""

        def found(row: MessageRow | None) -> None:
            file = self._own(row)
            if file is not None:
                self._withdraw(file, "changed")

        self._look_up(id, found)

    def _own(self, row: MessageRow | None) -> File | None:
        """Of an own offer."""
        if row is None or row.author != self._m.identity.peer_id:
            return None
        return self._of_row(row)

    def _of_row(self, row: MessageRow | None) -> File | None:
        if row is None or row.file is None or not isinstance(row.content, FileBody):
            return None
        conversation = self._m.conversations.get(row.conversation)
        if conversation is None or not conversation.mine or row.deleted:
            return None
        return self._file(row.file, row.content, conversation)

    # -- the end of a fetch

    def _finish(self, request: int, file: File) -> None:
        m = self._m
        self._stop(file)

        def finished(found: Any) -> None:
            if file.dropped:
                m.ctx.reply(request, RequestError("no-such-file"))
            elif isinstance(found, RequestError):
                if file.row.state is not FileState.COMPLETE:  # else it is asked for once more
                    self._fail(file, found.reason)
                m.ctx.reply(request, found)
            else:
                file.row = replace(file.row, path=storable(found), put_to=None)
                self._complete(request, file)

        stream, name, place = file.row.stream, file.body.name, file.row.put_to or ""
        m.ctx.ask(lambda query: effects.FinishFetch(query, stream, name, place), finished)

    def _complete(self, request: int, file: File) -> None:
        m = self._m
        file.done = file.row.stream.size
        self._set(file, FileState.COMPLETE)
        self.exchange.serve(file.row, file.conversation)
        m.ctx.notify(FileComplete(self._info(file)))
        m.ctx.reply(request, self._info(file))
        self._telling.report(file)
        self._begin_next()

    def _fail(self, file: File, reason: str) -> None:
        file.row = replace(file.row, path=None, put_to=None)
        self._change(file, FileState.FAILED, reason)

        def is_so() -> bool:
            return self._files.get(file.row.id) is file and file.row.state is FileState.FAILED

        # It is shown from here until the store knows, which a full disk doesn't let it.
        self._m.ctx.commit_at_last(lambda: [PutFile(file.row)], is_so, lambda: self._forget(file))
        self._m.ctx.notify(FileFailed(self._info(file)))
        self._telling.report(file)
        self._queue.pop(file.row.id, None)
        self._begin_next()

    # -- what others tell

    def link_shares(self, link: Link, conversation: Conversation) -> None:
        """A peer and this node share the conversation from now on."""
        for file in list(self._files.values()):
            if file.conversation is conversation and file.row.author == link.person:
                self._telling.report(file)
        self.exchange.link_shares(link, conversation)

    def on_report(self, link: Link, conversation: Conversation, frame: wire.FileReport) -> None:
        if self._m.sharing.member(link.id, conversation):
            self._reports.heard(link, conversation, frame)

    def _reported(
        self, row: MessageRow | None, conversation: Conversation, receiver: Receiver
    ) -> None:
        file = self._own(row)
        if file is not None and file.conversation is conversation:
            self._receivers.told(file, receiver)
