"""Files of a node in memory: offers, and transfers that go on when the test says so."""

from __future__ import annotations

import asyncio
import mimetypes
import os
from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from p2pchat.errors import RequestError
from p2pchat.events import Event, FileComplete, FileFailed, FileOffered, FileProgress, FileReading
from p2pchat.model.file import FileInfo, FileState, Receiver
from p2pchat.model.ids import PeerId
from p2pchat.model.message import Message, MessageKind


class ScriptedFiles:
    """The `files.*` part of `NodeApi`. A node in memory says how it tells events and how it makes
    and keeps messages."""

    offered: dict[str, FileInfo]
    slow: dict[str, asyncio.Future[None]]
    """Paths that are being read until the future is done."""

    def tell_files(self, *events: Event) -> None:
        raise NotImplementedError

    def make_message(
        self, conversation: str, name: str, author: PeerId, kind: MessageKind
    ) -> Message:
        raise NotImplementedError

    def keep_message(self, message: Message, own: bool) -> None:
        raise NotImplementedError

    # -- for tests

    def offer(
        self, conversation: str, name: str, author: PeerId, size: int = 1000, **more: Any
    ) -> FileInfo:
        """Somebody offers a file: front ends are told of the message, and of the offer."""
        file = self._make(conversation, name, author, size, own=False, **more)
        self.tell_files(FileOffered(file))
        return file

    def _make(
        self, conversation: str, name: str, author: PeerId, size: int, own: bool, **more: Any
    ) -> FileInfo:
        message = self.make_message(conversation, name, author, MessageKind.FILE)
        given: dict[str, Any] = {
            "state": FileState.COMPLETE if own else FileState.OFFERED,
            "done": size if own else 0,
            "path": None,
            "sources": 0,
            "rate": 0.0,
            "mime": mimetypes.guess_type(name)[0] or "application/octet-stream",
        }
        file = FileInfo(
            file_id=message.message_id,
            message_id=message.message_id,
            conversation=conversation,
            name=name,
            size=size,
            author=author,
            total=size,
            **(given | more),
        )
        self.offered[file.file_id] = file
        self.keep_message(replace(message, file=file), own)
        return file

    def set_file(self, file_id: str, **changes: Any) -> FileInfo:
        """Change it without telling anybody."""
        self.offered[file_id] = replace(self._file(file_id), **changes)
        return self.offered[file_id]

    def progress(
        self, file_id: str, done: int, sources: int = 1, rate: float = 100.0, **more: Any
    ) -> FileInfo:
        state = {"state": FileState.FETCHING}
        file = self.set_file(file_id, done=done, sources=sources, rate=rate, **(state | more))
        self.tell_files(FileProgress(file))
        return file

    def finish(self, file_id: str, path: str) -> FileInfo:
        total = self._file(file_id).total
        file = self.set_file(
            file_id, state=FileState.COMPLETE, done=total, path=path, rate=0.0, sources=0
        )
        self.tell_files(FileComplete(file))
        return file

    def read_so_far(self, path: str, done: int, total: int) -> None:
        self.tell_files(FileReading("#lobby", path, done, total))

    def fail_file(self, file_id: str, reason: str) -> FileInfo:
        file = self.set_file(file_id, state=FileState.FAILED, reason=reason)
        self.tell_files(FileFailed(file))
        return file

    def take_up(self, file_id: str, who: PeerId, done: int) -> FileInfo:
        """Somebody has so much of an own offer."""
        file = self._file(file_id)
        state = FileState.COMPLETE if done >= file.total else FileState.FETCHING
        others = tuple(r for r in file.receivers if r.peer_id != who)
        file = self.set_file(file_id, receivers=(*others, Receiver(who, done, state)))
        self.tell_files(FileProgress(file))
        return file

    # -- NodeApi

    def _file(self, file_id: str) -> FileInfo:
        if file_id not in self.offered:
            raise RequestError("no-such-file")
        return self.offered[file_id]

    def own_id(self) -> PeerId:
        raise NotImplementedError

    async def canonical(self, conversation: str) -> str:
        raise NotImplementedError

    async def share(self, conversation: str, path: str) -> FileInfo:
        name = await self.canonical(conversation)
        if path in self.slow:
            await self.slow[path]
        size = size_of(path)
        return self._make(name, os.path.basename(path), self.own_id(), size, own=True, path=path)

    async def stop_reading(self, conversation: str, path: str) -> None:
        if path not in self.slow:
            raise RequestError("no-such-file")
        reading = self.slow.pop(path)
        if not reading.done():
            reading.set_exception(RequestError("cancelled"))

    async def files(self, conversation: str | None = None, limit: int = 50) -> Sequence[FileInfo]:
        name = None if conversation is None else await self.canonical(conversation)
        found = [f for f in self.offered.values() if name in (None, f.conversation)]
        return found[::-1][:limit]

    async def fetch(self, file_id: str, path: str | None = None) -> FileInfo:
        if self._file(file_id).state is FileState.COMPLETE:
            return self._file(file_id)
        return self.set_file(file_id, state=FileState.FETCHING, reason="")

    async def pause(self, file_id: str) -> FileInfo:
        if self._file(file_id).state is not FileState.FETCHING:
            return self._file(file_id)
        return self.set_file(file_id, state=FileState.PAUSED, rate=0.0, sources=0)

    async def resume(self, file_id: str) -> FileInfo:
        return await self.fetch(file_id)

    async def cancel(self, file_id: str) -> FileInfo:
        file = self._file(file_id)
        if file.author == self.own_id():
            return self.set_file(file_id, state=FileState.FAILED, reason="cancelled")
        if file.state is FileState.COMPLETE:
            return file
        return self.set_file(file_id, state=FileState.OFFERED, done=0, rate=0.0, sources=0)


def size_of(path: str) -> int:
    if not os.path.exists(path):
        raise RequestError("no-such-file", "there is no such file or folder")
    return os.path.getsize(path) if os.path.isfile(path) else 0
