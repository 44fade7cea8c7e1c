"""Bodies that are missing though nobody deleted them.

Whoever passes entries on may leave their bodies out, and the bare headers are as valid as those of
deleted entries. So what came bare, and for which no deletion is here either, is asked for once more
from everyone else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from p2pchat.model.entry import EntryKind
from p2pchat.model.ids import ConversationId, EntryHash, FeedId
from p2pchat.model.records import PutStatus
from p2pchat.protocol import effects
from p2pchat.protocol.context import Context, Timer
from p2pchat.protocol.conversations import Conversation
from p2pchat.protocol.ingest import Arrival
from p2pchat.protocol.link import Link

LOOK_S = 1.0
"""Deletions come with what they are about, or a little later."""
MAX_TRIED = 4096
"""Pairs of link and feed that are remembered."""

Refetch = Callable[[Conversation, int, FeedId, EntryHash, int], bool]


class Bodies:
    def __init__(
        self, context: Context, audience: Callable[[Conversation], list[Link]], refetch: Refetch
    ) -> None:
        """`refetch` asks a link for entries that are here; False: not now."""
        self._ctx = context
        self._audience = audience
        self._refetch = refetch
        self._whole: set[ConversationId] = set()
        """Conversations in which nothing was missing at the last look."""
        self._due: dict[ConversationId, Conversation] = {}
        self._timer: Timer | None = None
        self._tried: dict[tuple[int, FeedId], None] = {}

    def arrived(self, arrival: Arrival) -> None:
        feeds = {
            entry.header.feed
            for entry, stored in zip(arrival.entries, arrival.stored, strict=True)
            if (entry.wire.body is None and entry.header.kind != EntryKind.DELETE)
            or (stored.status == PutStatus.KNOWN and stored.message is not None)
        }
        if feeds and arrival.conversation.mine:
            for pair in [
                pair for pair in self._tried if pair[1] in feeds and pair[0] != arrival.link
            ]:
                del self._tried[pair]
            self._whole.discard(arrival.conversation.id)
            self._look_later(arrival.conversation)

    def begun(self, conversation: Conversation) -> None:
        """One more peer shares the conversation: it may have what is missing."""
        if conversation.mine and conversation.id not in self._whole:
            self._look_later(conversation)

    def _look_later(self, conversation: Conversation) -> None:
        self._due[conversation.id] = conversation
        if self._timer is None:
            self._timer = self._ctx.after(LOOK_S, self._look)

    def _look(self) -> None:
        self._timer = None
        due, self._due = self._due, {}
        for conversation in due.values():
            self._read(conversation)

    def _read(self, conversation: Conversation) -> None:
        self._ctx.ask(
            lambda query: effects.ReadBare(query, conversation.id),
            lambda found: self._found(conversation, found),
        )

    def _found(
        self, conversation: Conversation, found: Iterable[tuple[EntryHash, FeedId, int]]
    ) -> None:
        """Of each feed, ask one more peer for the range that has gaps."""
        ranges: dict[FeedId, tuple[EntryHash, int]] = {}
        for hash, feed, seq in found:
            top, low = ranges.get(feed, (hash, seq))
            ranges[feed] = (top, min(low, seq))
        if not ranges:
            self._whole.add(conversation.id)
            return
        links = self._audience(conversation)
        waits = False
        for feed, (top, low) in ranges.items():
            link = next((link.id for link in links if (link.id, feed) not in self._tried), None)
            if link is None:
                continue
            waits = True
            if self._refetch(conversation, link, feed, top, low):
                self._tried[link, feed] = None
        while len(self._tried) > MAX_TRIED:
            del self._tried[next(iter(self._tried))]
        if waits:
            self._look_later(conversation)
