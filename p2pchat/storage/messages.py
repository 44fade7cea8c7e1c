"""Entries as messages: what an entry says, resolved with the changes to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from p2pchat.model.changes import Change, resolve
from p2pchat.model.entry import Content, EntryKind, FileBody, TextBody
from p2pchat.model.ids import ConversationId, EntryHash, FeedId, PeerId
from p2pchat.model.records import MessageRow
from p2pchat.storage.chapters import read_text
from p2pchat.storage.database import Connection, Row
from p2pchat.storage.files import file_row
from p2pchat.storage.hashes import find_id
from p2pchat.storage.schema import CLOCK_OFF, LATE, Link

_encode = msgspec.msgpack.Encoder().encode
_text_body = msgspec.msgpack.Decoder(TextBody)
_file_body = msgspec.msgpack.Decoder(FileBody)

NO_MESSAGE = frozenset(
    (EntryKind.OPEN, EntryKind.KEY, EntryKind.EDIT, EntryKind.DELETE, EntryKind.REACT)
)
"""Kinds that make no message of their own."""
CHANGES = frozenset((EntryKind.EDIT, EntryKind.DELETE, EntryKind.REACT))
NOT_DELETED = frozenset((*NO_MESSAGE, EntryKind.JOIN, EntryKind.LEAVE))
"""Kinds that a deletion leaves alone: feeds, keys and membership rest on them."""


def encode_content(content: Content) -> bytes | None:
    """What is kept of a body besides its bytes, so that it is read without its key: only of kinds
    that show it."""
    return _encode(content) if isinstance(content, TextBody | FileBody) else None


def decode_content(kind: int, content: bytes | None) -> TextBody | FileBody | None:
    if content is None:
        return None
    return _file_body.decode(content) if kind == EntryKind.FILE else _text_body.decode(content)


COLUMNS = """e.id, e.hash, e.conv, c.id, f.id, e.feed, e.seq, e.clock, e.kind, f.author, e.sent_at,
    e.flags, e.text, e.counts, e.state"""
TABLES = "entries e JOIN feeds f ON f.num=e.feed JOIN conversations c ON c.num=e.conv"


class Found(NamedTuple):
    """COLUMNS of an entry."""

    id: int
    hash: EntryHash
    conv: int
    conversation: ConversationId
    feed: FeedId
    feed_num: int
    seq: int
    clock: int
    kind: int
    author: PeerId
    sent_at: int
    flags: int
    text: int | None
    counts: int
    state: int


def find_entry(connection: Connection, hash: bytes) -> Found | None:
    id = find_id(connection, hash)
    return None if id is None else entry_at(connection, id)


def entry_at(connection: Connection, id: int) -> Found | None:
    row = connection.one(f"SELECT {COLUMNS} FROM {TABLES} WHERE e.id=?", (id,))
    return None if row is None else Found(*row)


class Known(NamedTuple):
    """A live change of a message, and where its text lies."""

    change: Change
    text: int | None


def live_changes(connection: Connection, conv: int, target: bytes) -> list[Known]:
    rows = connection.execute(
        "SELECT e.clock, e.hash, e.kind, f.author, e.slot, e.text FROM entries e"
        " JOIN feeds f ON f.num=e.feed WHERE e.target=? AND e.link=? AND e.conv=?",
        (target, Link.LIVE, conv),
    )
    return [_change(connection, row) for row in rows.fetchall()]


def _change(connection: Connection, row: Row) -> Known:
    clock, hash, kind, author, slot, text = row
    said: Content = None
    if kind == EntryKind.EDIT:
        found = read_text(connection, text)
        said = decode_content(kind, found.content) if found else None
    edit = said if isinstance(said, TextBody) else TextBody("")
    change = Change(
        clock=clock,
        hash=hash,
        kind=kind,
        author=author,
        text=edit.text,
        mentions=edit.mentions,
        emoji=slot[1:] if slot else "",
        on=bool(slot) and slot[0] == "+",
    )
    return Known(change, text)


class Resolved(NamedTuple):
    """A message, and the id of the text that it is found by."""

    row: MessageRow
    text: int | None


def resolved(connection: Connection, found: Found) -> Resolved:
    text = read_text(connection, found.text)
    content = decode_content(found.kind, text.content) if text else None
    changes = live_changes(connection, found.conv, found.hash)
    outcome = resolve_message(found, content, changes)
    if found.kind == EntryKind.FILE and not outcome.row.deleted:
        row = replace(outcome.row, file=file_row(connection, found.hash))
        return outcome._replace(row=row)
    return outcome


def resolve_message(found: Found, content: Content, changes: Sequence[Known]) -> Resolved:
    said = content if isinstance(content, TextBody) else TextBody("")
    text, mentions, source = said.text, said.mentions, found.text
    edited = deleted = False
    reactions: tuple[tuple[str, tuple[PeerId, ...]], ...] = ()
    changes = [known for known in changes if _applies(found.kind, known.change.kind)]
    if changes:
        outcome = resolve(found.author, [known.change for known in changes])
        edited, deleted, reactions = outcome.edited, outcome.deleted, outcome.reactions
        if outcome.text is not None:
            text = outcome.text
            mentions = outcome.mentions or ()
            source = _edit_text(found.author, changes) if edited else None
    if deleted:
        said, content, source = TextBody(""), None, None
    row = MessageRow(
        hash=found.hash,
        conversation=found.conversation,
        feed=found.feed,
        seq=found.seq,
        clock=found.clock,
        kind=found.kind,
        author=found.author,
        sent_at=found.sent_at,
        text=text,
        reply_to=said.reply_to,
        mentions=mentions,
        edited=edited,
        deleted=deleted,
        late=bool(found.flags & LATE),
        clock_off=bool(found.flags & CLOCK_OFF),
        reactions=reactions,
        content=None if isinstance(content, TextBody) else content,
    )
    return Resolved(row, source)


def _applies(kind: int, change: int) -> bool:
    """Texts are edited; what makes members stays; all is reacted to."""
    if kind in (EntryKind.JOIN, EntryKind.LEAVE):
        return change == EntryKind.REACT
    return kind == EntryKind.TEXT or change != EntryKind.EDIT


def _edit_text(author: PeerId, changes: Sequence[Known]) -> int | None:
    edits = [
        known
        for known in changes
        if known.change.kind == EntryKind.EDIT and known.change.author == author
    ]
    return max(edits, key=lambda known: (known.change.clock, known.change.hash)).text


def searchable(row: MessageRow) -> str:
    """The words by which a message is found; empty: by none."""
    if row.deleted:
        return ""
    return row.content.name if isinstance(row.content, FileBody) else row.text
