"""What people see of a conversation: messages, rooms and conversations."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from p2pchat.model.file import FileInfo
from p2pchat.model.ids import MessageId, PeerId


class MessageKind(StrEnum):
    TEXT = "text"
    FILE = "file"
    VOICE = "voice"
    SYSTEM = "system"


class Receipts(msgspec.Struct, frozen=True):
    """Who has a message durably, and who has read it: persons, or counts above 40 members."""

    delivered: tuple[PeerId, ...] | int = ()
    read: tuple[PeerId, ...] | int = ()


class Message(msgspec.Struct, frozen=True):
    """A message as every front end gets it (docs/RPC.md)."""

    message_id: MessageId
    conversation: str
    """The canonical name: `#room` or `@PEER_ID`."""
    author: PeerId
    author_name: str
    """What the author calls themselves."""
    author_label: str
    """What this profile calls them, unique here."""
    kind: MessageKind
    text: str
    sent_at: str
    """RFC 3339, UTC, milliseconds: the author's clock."""
    order: str
    """Sorts as the conversation does."""
    edited: bool = False
    deleted: bool = False
    late: bool = False
    reply_to: MessageId | None = None
    mentions: tuple[PeerId, ...] = ()
    reactions: dict[str, tuple[PeerId, ...]] = {}
    receipts: Receipts = Receipts()
    file: FileInfo | None = None
    unsupported: bool = False
    """Of a kind that this version doesn't know: "needs a newer version"."""
    clock_off: bool = False
    """The author's clock is far off, or breaks the order's rule."""


class Room(msgspec.Struct, frozen=True):
    room: str
    """`#name`, with `_2` and up for a second room of the same name."""
    joined: bool
    members: int
    unread: int
    protected: bool
    looks_like: str | None = None
    """A room that one is in already, with another name that looks like this one's."""


class Member(msgspec.Struct, frozen=True):
    peer_id: PeerId
    name: str
    label: str
    status: str


class Draft(msgspec.Struct, frozen=True):
    """What was begun to be written in a conversation, and isn't sent."""

    text: str = ""
    reply_to: MessageId | None = None
    """What it answers."""
    edits: MessageId | None = None
    """The message that is being changed: until that is done, the text waits below it."""
    edit: str = ""
    """What it is being changed into."""


class Conversation(msgspec.Struct, frozen=True):
    conversation: str
    label: str
    unread: int
    mentions: int
    first_unread: MessageId | None
    last: Message | None
    muted: bool
    draft: str
    reply_to: MessageId | None = None
    edits: MessageId | None = None
    edit: str = ""

    @property
    def begun(self) -> Draft:
        return Draft(self.draft, self.reply_to, self.edits, self.edit)
