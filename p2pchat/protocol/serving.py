"""Answering what peers ask for (`sync` is the asking side)."""

from __future__ import annotations

from collections.abc import Callable

from p2pchat.config import limits
from p2pchat.model.entry import WireEntry
from p2pchat.model.ids import EntryHash, FeedId
from p2pchat.protocol import effects, wire
from p2pchat.protocol.context import Context
from p2pchat.protocol.conversations import Conversation
from p2pchat.protocol.entries import read_header

SERVED = 2 * limits.WANTS_IN_FLIGHT
"""Requests of one link that are answered at once, or postponed."""


class Serving:
    def __init__(
        self,
        context: Context,
        send: Callable[[int, wire.Frame], None],
        shared: Callable[[int, Conversation], bool],
        introduce: Callable[[int, FeedId], None],
    ) -> None:
        """`introduce` tells a link's peer who the author of a feed is."""
        self._ctx = context
        self._send = send
        self._shared = shared
        self._introduce = introduce
        self._reading: dict[int, int] = {}
        """Requests that are being answered, by link."""
        self._postponed: dict[int, list[tuple[Conversation, wire.Want]]] = {}

    def on_want(self, link: int, conversation: Conversation, frame: wire.Want) -> None:
        if self._reading.get(link, 0) >= SERVED:
            self._send(link, wire.Batch(frame.query, conversation.id, (), True))
            return
        self._reading[link] = self._reading.get(link, 0) + 1

        def read(found: list[tuple[EntryHash, WireEntry]]) -> None:
            self._reading[link] -= 1
            if not self._reading[link]:
                del self._reading[link]
            if self._shared(link, conversation):
                self._answer(link, conversation, frame, found)

        low = max(frame.low, 0)
        self._ctx.ask(
            lambda query: effects.ReadBranch(
                query, conversation.id, frame.tip, low, limits.WANT_BYTES, frame.first
            ),
            read,
        )

    def _answer(
        self,
        link: int,
        conversation: Conversation,
        frame: wire.Want,
        found: list[tuple[EntryHash, WireEntry]],
    ) -> None:
        if frame.first and found:
            self._introduce(link, read_header(found[0][1].header).feed)
        parts = wire.chunks([entry for _, entry in found])
        for part in parts[:-1]:
            self._send(link, wire.Batch(frame.query, conversation.id, part, False))
        last = parts[-1] if parts else ()
        self._send(link, wire.Batch(frame.query, conversation.id, last, True))

    def postpone(self, link: int, conversation: Conversation, frame: wire.Want) -> None:
        """Answer when what waits for the peer has gone out."""
        postponed = self._postponed.setdefault(link, [])
        if len(postponed) < SERVED:
            postponed.append((conversation, frame))

    def drained(self, link: int) -> None:
        for conversation, frame in self._postponed.pop(link, ()):
            if self._shared(link, conversation):
                self.on_want(link, conversation, frame)

    def link_closed(self, link: int) -> None:
        self._postponed.pop(link, None)
