"""From stored rows to what front ends are shown."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache

from p2pchat.model.entry import EntryKind, FileBody
from p2pchat.model.file import FileInfo
from p2pchat.model.ids import FeedId, MessageId, PeerId, order_key
from p2pchat.model.message import Message, MessageKind, Receipts
from p2pchat.model.records import MessageRow
from p2pchat.model.text import quoted
from p2pchat.protocol.conversations import Conversation, Conversations
from p2pchat.protocol.people import People

ReceiptsOf = Callable[[Conversation, PeerId, FeedId, int], Receipts]


class Views:
    def __init__(
        self,
        conversations: Conversations,
        people: People,
        receipts: ReceiptsOf,
        file: Callable[[MessageRow], FileInfo | None],
    ) -> None:
        self._conversations = conversations
        self._people = people
        self._receipts = receipts
        self._file = file
        self._last: tuple[MessageRow, Message] | None = None

    def fresh(self, row: MessageRow) -> Message:
        """`message` for a row that was just stored: made once for who asked and who is told."""
        if self._last is None or self._last[0] is not row:
            self._last = (row, self.message(row))
        return self._last[1]

    def message(self, row: MessageRow) -> Message:
        conversation = self._conversations.get(row.conversation)
        kind, text = self._content(row)
        return Message(
            message_id=MessageId(row.hash.hex()),
            conversation=conversation.label if conversation else "",
            author=row.author,
            author_name=self._people.name(row.author),
            author_label=self._people.label(row.author),
            kind=kind,
            text=text,
            sent_at=rfc3339(row.sent_at),
            order=order_key(row.clock, row.hash),
            edited=row.edited,
            deleted=row.deleted,
            late=row.late,
            reply_to=MessageId(row.reply_to.hex()) if row.reply_to else None,
            mentions=row.mentions,
            reactions=dict(row.reactions),
            receipts=(
                self._receipts(conversation, row.author, row.feed, row.seq)
                if conversation
                else Receipts()
            ),
            file=self._file(row) if row.kind == EntryKind.FILE else None,
            unsupported=row.kind not in _KNOWN,
            clock_off=row.clock_off,
        )

    def _content(self, row: MessageRow) -> tuple[MessageKind, str]:
        who = quoted(self._people.label(row.author))
        match row.kind:
            case EntryKind.TEXT:
                return MessageKind.TEXT, row.text
            case EntryKind.FILE:
                return MessageKind.FILE, row.content.name if isinstance(
                    row.content, FileBody
                ) else ""
            case EntryKind.JOIN:
                return MessageKind.SYSTEM, f"{who} joined"
            case EntryKind.LEAVE:
                return MessageKind.SYSTEM, f"{who} left"
            case _:
                return MessageKind.SYSTEM, f"{who} sent something that needs a newer version"


_KNOWN = frozenset((EntryKind.TEXT, EntryKind.FILE, EntryKind.JOIN, EntryKind.LEAVE))


def rfc3339(ms: int) -> str:
    """UTC with milliseconds. Years beyond 9999 are shown as its end."""
    seconds, rest = divmod(min(ms, 253402300799999), 1000)
    return f"{_second(seconds)}.{rest:03d}Z"


@lru_cache(maxsize=256)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
