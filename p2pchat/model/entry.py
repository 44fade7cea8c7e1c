"""What a conversation's history is made of: entries as they travel and as they are stored."""

from __future__ import annotations

from enum import IntEnum

import msgspec

from p2pchat.model.ids import ConversationId, EntryHash, FeedId, PeerId
from p2pchat.model.stream import Stream


class EntryKind(IntEnum):
    """What an entry does. Numbers that are not listed are kept and passed on all the same."""

    OPEN = 0
    """The first of a feed: names the person and the device, with the person's vouching."""
    TEXT = 1
    EDIT = 2
    DELETE = 3
    REACT = 4
    JOIN = 5
    LEAVE = 6
    KEY = 7
    """A conversation key, sealed to each person who may have it."""
    FILE = 8


class Header(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The signed part of an entry. Its encoded bytes are what is signed and hashed, never a
    re-encoding of this struct."""

    version: int
    conversation: ConversationId
    feed: FeedId
    seq: int
    """From 0, without gaps."""
    prev: bytes
    """EntryHash of seq - 1; empty for seq 0."""
    heads: tuple[bytes, ...]
    """At most 16 entries of the conversation that the author had seen and nobody had named."""
    clock: int
    """Hybrid logical clock: milliseconds of the Unix epoch << 16, plus a counter."""
    sent_at: int
    """The author's wall clock, ms of the Unix epoch; for people, never for order."""
    kind: int
    target: bytes
    """EntryHash that an edit, deletion or reaction is about; else empty. In the header, so that
    who holds only ciphertext can delete as well."""
    body_hash: bytes
    """BLAKE3 of salt and body, 32 bytes; tells nothing about a body that was deleted."""
    key_id: bytes
    """16 bytes that name the conversation key of the body; empty: the body is not sealed."""


class WireEntry(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An entry as it travels: bytes exactly as its author made them."""

    header: bytes
    signature: bytes
    """Ed25519 by the feed's device key, 64 bytes, over context, network tag and header."""
    salt: bytes
    """16 random bytes; empty once deleted."""
    body: bytes | None
    """None once deleted."""


class TextBody(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The plain body of TEXT and EDIT (an edit's `reply_to` is ignored)."""

    text: str
    reply_to: bytes = b""
    """EntryHash of the message that this answers; else empty."""
    mentions: tuple[PeerId, ...] = ()


class ReactBody(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The plain body of REACT."""

    emoji: str
    on: bool


class OpenBody(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The plain body of OPEN: the person behind the feed's device."""

    person_key: bytes
    vouch: bytes
    """The person's signature over the device's key: `protocol.identity.check_vouch`."""


class KeyBody(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The plain body of KEY."""

    key_id: bytes
    boxes: tuple[tuple[PeerId, bytes], ...]
    """An HPKE box of the 32-byte key for each person."""


class FileBody(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The plain body of FILE: an offer. The hash of its entry is the `file_id`."""

    name: str
    mime: str
    stream: Stream
    size: int
    """Bytes of the file, or of the folder's files; for people."""
    files: int = 1
    """In a folder."""


Content = TextBody | ReactBody | OpenBody | KeyBody | FileBody | None
"""A decoded body. None: deleted, without content, of an unknown kind, or not (yet) readable."""


class Entry(msgspec.Struct, frozen=True, gc=False):
    """An entry that was checked, decoded and classified: what the store keeps."""

    hash: EntryHash
    header: Header
    wire: WireEntry
    author: PeerId
    """The person behind the feed; empty while the feed's first entry isn't known: not shown."""
    content: Content
    readable: bool
    """False: sealed under a key that isn't here (yet); stored and passed on, not shown."""
    late: bool = False
    """It came in behind newer entries that a person may have seen already."""
    clock_off: bool = False
    """It breaks the clock's rule; kept in its place and marked."""
    own: bool = False
    """Made by this device."""
    mine: bool = False
    """Made by this person (on whatever device)."""

    @property
    def order(self) -> tuple[int, bytes]:
        return (self.header.clock, self.hash)


class Span(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A run of one branch of a feed that a store holds without gaps."""

    feed: FeedId
    low: int
    """seq of the oldest entry, inclusive."""
    high: int
    """seq of the newest entry, inclusive."""
    tip: EntryHash
    """The entry at `high`: one that no stored entry of the feed follows."""
    bottom: bytes
    """EntryHash of the entry below `low` that is missing here and wanted: where an older part
    must fit. Empty where nothing is missing: low is 0, the branch sprang from an entry that is
    here (inside another span of the feed), or what is below was pruned on purpose."""
