"""What the store keeps besides entries: rows read at the start and written as they change."""

from __future__ import annotations

from enum import IntEnum

import msgspec

from p2pchat.model.entry import Content, Entry, Span
from p2pchat.model.file import FileState, Receiver
from p2pchat.model.ids import ConversationId, DeviceId, EntryHash, FeedId, MessageId, PeerId
from p2pchat.model.message import Draft
from p2pchat.model.stream import Kept


class ConversationKind(IntEnum):
    OPEN = 0
    PROTECTED = 1
    DIRECT = 2


class ConversationRow(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation of this profile, or one whose ciphertext is held for others."""

    id: ConversationId
    kind: ConversationKind
    name: str = ""
    """A room's name without `#`; empty for a direct conversation."""
    label: str = ""
    """The canonical name here: `#room`, `#room_2` or `@PEER_ID`."""
    peers: tuple[PeerId, ...] = ()
    """The two persons of a direct conversation."""
    joined: bool = True
    """False: left, or only held for others."""
    keys: tuple[tuple[bytes, bytes], ...] = ()
    """(key id, 256-bit key), oldest first."""
    secret: bytes = b""
    """A protected room's stretched password, for proving it to those who join."""
    muted: bool = False
    draft: str = ""
    reply_to: MessageId | None = None
    """What the draft answers."""
    edits: MessageId | None = None
    edit: str = ""
    """Which own message is being changed, and into what."""
    seen: int = 0
    """The highest clock that was here when the conversation was last up to date; what comes in
    below it is `late`."""
    joined_at: int = 0
    """Wall clock, ms, of joining here: what was sent before is history and not unread."""
    own_feed: FeedId | None = None
    """The feed that this device writes to; None: the next entry opens one."""

    @property
    def begun(self) -> Draft:
        return Draft(self.draft, self.reply_to, self.edits, self.edit)

    def with_draft(self, draft: Draft) -> ConversationRow:
        return msgspec.structs.replace(
            self, draft=draft.text, reply_to=draft.reply_to, edits=draft.edits, edit=draft.edit
        )


class PersonRow(msgspec.Struct, frozen=True, kw_only=True):
    """A person that this profile has met."""

    id: PeerId
    key: bytes
    """Ed25519 public key."""
    record: bytes = b""
    """Their newest signed profile record, as received; empty: only their key is known."""
    name: str = ""
    label: str = ""
    verified: bool = False
    contact: bool = False
    blocked: bool = False
    written: bool = False
    """Someone that this person has written to."""
    warning: str = ""
    first_seen: int = 0
    """Wall clock, ms."""


class DeviceRow(msgspec.Struct, frozen=True, kw_only=True):
    """A device that was linked before: where to look for it, and whose it is."""

    id: DeviceId
    key: bytes
    person: PeerId
    record: bytes = b""
    """Its newest signed device record, as received."""
    addresses: tuple[tuple[str, int], ...] = ()
    """Where it was reached last, best first."""
    last_seen: int = 0
    """Wall clock, ms."""


class ReceiptRow(msgspec.Struct, frozen=True, kw_only=True):
    """How far one member has one feed of a conversation; -1: nothing."""

    conversation: ConversationId
    person: PeerId
    feed: FeedId
    delivered: int = -1
    read: int = -1


class MemberRow(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a person is in a room, by the latest of their JOIN and LEAVE entries."""

    conversation: ConversationId
    person: PeerId
    joined: bool
    clock: int
    hash: EntryHash
    """Of that entry; the larger (clock, hash) wins."""


class FileRow(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an offer here. The offer itself, its name too, is the message `id`."""

    id: EntryHash
    conversation: ConversationId
    author: PeerId
    clock: int
    """Of the entry; files are listed by it."""
    stream: Kept
    state: FileState
    reason: str = ""
    receivers: tuple[Receiver, ...] = ()
    reported: bool = False
    """The author has heard that it is complete here, or doesn't wait for it."""
    path: str | None = None
    """Where this offer's finished file or folder was put; in a row that was read None where it is
    no longer there."""
    put_to: str | None = None
    """Where it is to be put when it is finished, if not into the downloads alone."""
    undecided: bool = False
    """It has just come, and may have to be fetched by itself."""


class MessageRow(msgspec.Struct, frozen=True, kw_only=True):
    """A message as the store resolves it from its entry and the edits, deletions and reactions
    to it (`model.changes`). Made by entries of the kinds TEXT, FILE, JOIN, LEAVE and by those
    that this version doesn't know; OPEN, KEY, EDIT, DELETE and REACT make none."""

    hash: EntryHash
    conversation: ConversationId
    feed: FeedId
    seq: int
    clock: int
    kind: int
    author: PeerId
    sent_at: int
    text: str
    reply_to: bytes = b""
    mentions: tuple[PeerId, ...] = ()
    edited: bool = False
    deleted: bool = False
    late: bool = False
    clock_off: bool = False
    reactions: tuple[tuple[str, tuple[PeerId, ...]], ...] = ()
    content: Content = None
    """For kinds other than text."""
    file: FileRow | None = None
    """Of an offer, what became of it."""


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """What a list of conversations shows of one."""

    conversation: ConversationId
    unread: int
    mentions: int
    first_unread: EntryHash | None
    last: MessageRow | None


# -- writes: performed in one transaction, all or none


class PutEntry(msgspec.Struct, frozen=True):
    """Keep an entry. Known already: nothing happens, but a body that was missing is filled in,
    unless it was deleted."""

    entry: Entry
    conversation_mine: bool = True
    """False: ciphertext held for others; it makes no message."""


class Disclose(msgspec.Struct, frozen=True):
    """What an entry that is stored already says, now that its key or its author is known."""

    entry: Entry


class PutConversation(msgspec.Struct, frozen=True):
    row: ConversationRow
    may_wait: bool = False
    """Whether it may reach the disk later: it outlives the process, but not the machine's power. A
    draft is written at each key, and nothing that others hear waits for the disk behind it."""


class DropConversation(msgspec.Struct, frozen=True):
    """Forget a conversation and every entry of it."""

    conversation: ConversationId


class PutPerson(msgspec.Struct, frozen=True):
    row: PersonRow


class DropPerson(msgspec.Struct, frozen=True):
    """Forget a person, and their devices."""

    person: PeerId


class PutDevice(msgspec.Struct, frozen=True):
    row: DeviceRow


class PutMember(msgspec.Struct, frozen=True):
    row: MemberRow


class PutFile(msgspec.Struct, frozen=True):
    row: FileRow
    new: bool = False
    """Only where there is none."""


class DropFile(msgspec.Struct, frozen=True):
    id: EntryHash


class PutReceipt(msgspec.Struct, frozen=True):
    row: ReceiptRow


class DropReceipt(msgspec.Struct, frozen=True):
    conversation: ConversationId
    person: PeerId
    feed: FeedId


class PutMeta(msgspec.Struct, frozen=True):
    """A small named value: keys of the profile, settings, its own profile record."""

    key: str
    value: bytes
    may_wait: bool = False
    """As of PutConversation."""


class MarkRead(msgspec.Struct, frozen=True):
    """The person has read everything up to this place, and what came in late above it."""

    conversation: ConversationId
    clock: int
    hash: EntryHash


class Prune(msgspec.Struct, frozen=True):
    """Drop the oldest entries of the conversation until it is within the budget (bytes). First
    entries of feeds, keys and own unsent entries stay."""

    conversation: ConversationId
    budget: int


Write = (
    PutEntry
    | Disclose
    | PutConversation
    | DropConversation
    | PutPerson
    | DropPerson
    | PutDevice
    | PutMember
    | PutFile
    | DropFile
    | PutReceipt
    | DropReceipt
    | PutMeta
    | MarkRead
    | Prune
)


class PutStatus(IntEnum):
    NEW = 0
    KNOWN = 1
    FORK = 2
    """New, and another entry stands at the same place of its feed: both are kept."""


class Stored(msgspec.Struct, frozen=True):
    """What became of one PutEntry (or Disclose), in the order of the writes."""

    hash: EntryHash
    status: PutStatus
    message: MessageRow | None = None
    """The message that it made, if it made one that is shown."""
    changed: MessageRow | None = None
    """The message that it changed: the target of an edit, deletion or reaction."""


class Applied(msgspec.Struct, frozen=True):
    """What one transaction did."""

    stored: list[Stored]
    """One for each PutEntry and Disclose, in order."""
    spans: dict[FeedId, tuple[Span, ...]]
    """Of every feed that was touched (also by Prune): all its spans as they are now, highest
    first. More than one span without a `bottom` means that the feed is forked."""


class StoredState(msgspec.Struct, frozen=True):
    """Everything that a node needs in memory to go on where it stopped."""

    meta: dict[str, bytes]
    conversations: tuple[ConversationRow, ...]
    persons: tuple[PersonRow, ...]
    devices: tuple[DeviceRow, ...]
    members: tuple[MemberRow, ...]
    receipts: tuple[ReceiptRow, ...]
    files: tuple[FileRow, ...]
    """Those that are being fetched, or paused, or of which the author is to hear yet."""
    spans: dict[ConversationId, tuple[Span, ...]]
    heads: dict[ConversationId, tuple[tuple[int, EntryHash], ...]]
    """(clock, hash) of the newest entries of each conversation, at most 16, and as many of the
    newest within the clock's bound; newest first."""
    own_clocks: dict[ConversationId, int]
    """The clock of the newest entry of `own_feed` in each conversation that has one."""
    opens: dict[FeedId, bytes]
    """The person's key that each feed's first entry names."""
