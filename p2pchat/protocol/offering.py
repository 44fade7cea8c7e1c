"""Sharing a file or folder: it is read, and then offered in a conversation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from p2pchat.errors import RequestError
from p2pchat.events import FileReading
from p2pchat.model.entry import FileBody
from p2pchat.model.records import MessageRow, Stored
from p2pchat.protocol import effects
from p2pchat.protocol.conversations import Conversation
from p2pchat.protocol.hashing import circle

if TYPE_CHECKING:
    from collections.abc import Callable

    from p2pchat.model.file import FileInfo
    from p2pchat.protocol.machine import Machine


@dataclass(slots=True, eq=False)
class _Reading:
    conversation: Conversation
    path: str
    stopped: bool = False


class Offering:
    def __init__(
        self,
        machine: Machine,
        offered: Callable[[MessageRow, FileBody, Conversation, str], FileInfo],
    ) -> None:
        """`offered` takes an own offer that is durable, and where its file lies."""
        self._m = machine
        self._offered = offered
        self._readings: dict[int, _Reading] = {}
        """By query."""

    def share(self, request: int, origin: int, text: str, path: str) -> None:
        """Replies with the FileInfo, once the offer is durable here."""
        m = self._m
        if not path:
            raise RequestError("no-such-file", "no path")  # it would be the folder it runs in
        conversation = m.commands.conversation(text, create=True)
        reading = _Reading(conversation, path)

        def survey(query: int) -> effects.SurveyPath:
            self._readings[query] = reading
            return effects.SurveyPath(query, path, circle(conversation.id))

        def surveyed(found: Any) -> None:
            self._readings = {q: one for q, one in self._readings.items() if one is not reading}
            if reading.stopped:
                m.ctx.refuse(request, "cancelled")
                return
            if isinstance(found, RequestError):
                m.ctx.reply(request, found)
                return
            body = FileBody(found.name, found.mime, found.stream, found.size, found.files)

            def offered(stored: Stored) -> None:
                if stored.message is None:
                    m.ctx.refuse(request, "no-such-file")
                    return
                file = self._offered(stored.message, body, conversation, found.path)
                m.ctx.reply(request, file)

            m.commands.write_offer(request, origin, conversation, body, offered)

        m.ctx.ask(survey, surveyed)

    def reading(self, query: int, done: int, total: int) -> None:
        """So many bytes of what a survey reads are read."""
        found = self._readings.get(query)
        if found is not None and not found.stopped:
            self._m.ctx.notify(FileReading(found.conversation.label, found.path, done, total))

    def stop_reading(self, request: int, text: str, path: str) -> None:
        """What is being read there isn't offered: `share` is refused as `cancelled`.
        `no-such-file`: nothing is."""
        conversation = self._m.commands.conversation(text)
        stopped = False
        for query, reading in self._readings.items():
            if reading.conversation is conversation and reading.path == path:
                reading.stopped = stopped = True
                self._m.ctx.emit(effects.StopSurvey(query))
        if stopped:
            self._m.ctx.reply(request, None)
        else:
            self._m.ctx.refuse(request, "no-such-file")
