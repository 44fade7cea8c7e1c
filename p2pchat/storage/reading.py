"""Reading the store: each function is of one moment, on a connection of its own."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterator, Sequence

import msgspec

from p2pchat.config.limits import HEADS
from p2pchat.model.entry import EntryKind, Span, WireEntry
from p2pchat.model.ids import ConversationId, EntryHash, FeedId, PeerId
from p2pchat.model.records import (
    ConversationRow,
    DeviceRow,
    MemberRow,
    MessageRow,
    Overview,
    PersonRow,
    ReceiptRow,
    StoredState,
)
from p2pchat.storage.chapters import Text, find, read_text, read_texts
from p2pchat.storage.database import Connection
from p2pchat.storage.files import file_ids, open_files
from p2pchat.storage.hashes import find_id
from p2pchat.storage.messages import COLUMNS, TABLES, Found, entry_at, find_entry, resolved
from p2pchat.storage.schema import CLOCK_OFF, State
from p2pchat.storage.spans import Run, spans_of
from p2pchat.storage.words import match_expression

Entries = list[tuple[EntryHash, WireEntry]]

NO_BOUND = (1 << 63) - 1
"""Above every clock."""
BARE = 500
"""Entries without a body that are told of at once."""
STEP = 64
"""Numbers of a feed whose entries are read in one go."""
_conversation = msgspec.msgpack.Decoder(ConversationRow)
_person = msgspec.msgpack.Decoder(PersonRow)
_device = msgspec.msgpack.Decoder(DeviceRow)


# -- everything that a node has in memory


def load(connection: Connection, clock_bound: int) -> StoredState:
    read = connection.execute
    conversations = connection.all("SELECT num, id, row FROM conversations")
    opens = connection.all("SELECT id, opener FROM feeds WHERE opener IS NOT NULL")
    rows = [(num, _conversation.decode(row)) for num, _, row in conversations if row]
    return StoredState(
        meta=dict(connection.all("SELECT key, value FROM meta")),
        conversations=tuple(row for _, row in rows),
        persons=tuple(_person.decode(row) for (row,) in read("SELECT row FROM persons")),
        devices=tuple(_device.decode(row) for (row,) in read("SELECT row FROM devices")),
        members=tuple(
            MemberRow(conversation=conv, person=person, joined=bool(joined), clock=clock, hash=hash)
            for conv, person, joined, clock, hash in read("SELECT * FROM members")
        ),
        receipts=tuple(
            ReceiptRow(conversation=conv, feed=feed, person=person, delivered=got, read=seen)
            for conv, feed, person, got, seen in read("SELECT * FROM receipts")
        ),
        files=open_files(connection),
        spans=_spans(connection),
        heads={id: _heads(connection, num, clock_bound) for num, id, _ in conversations},
        own_clocks={
            row.id: clock
            for num, row in rows
            if (clock := _own_clock(connection, num, row.own_feed)) is not None
        },
        opens=dict(opens),
    )


def _spans(connection: Connection) -> dict[ConversationId, tuple[Span, ...]]:
    runs: dict[ConversationId, dict[FeedId, list[Run]]] = {}
    rows = connection.execute(
        "SELECT c.id, f.id, s.low, s.high, s.tip, s.bottom, s.wanted FROM spans s"
        " JOIN feeds f ON f.num=s.feed JOIN conversations c ON c.num=f.conv"
    )
    for conv, feed, low, high, tip, bottom, wanted in rows:
        run = Run(low, high, tip, bottom, bool(wanted))
        runs.setdefault(conv, {}).setdefault(feed, []).append(run)
    return {
        conv: tuple(span for feed, found in feeds.items() for span in spans_of(feed, found))
        for conv, feeds in runs.items()
    }


def _heads(connection: Connection, conv: int, bound: int) -> tuple[tuple[int, EntryHash], ...]:
    found: set[tuple[int, EntryHash]] = set()
    for upto in {NO_BOUND, bound}:
        newest: list[tuple[int, EntryHash]] = []
        for state in State:
            newest += connection.execute(
                "SELECT clock, hash FROM entries WHERE conv=? AND state=? AND clock <= ?"
                " ORDER BY clock DESC, hash DESC LIMIT ?",
                (conv, state, upto, HEADS),
            )
        found.update(heapq.nlargest(HEADS, newest))
    return tuple(sorted(found, reverse=True))


def _own_clock(connection: Connection, conv: int, feed: FeedId | None) -> int | None:
    row = connection.one(
        "SELECT e.clock FROM entries e JOIN feeds f ON f.num=e.feed WHERE f.id=? AND f.conv=?"
        " ORDER BY e.seq DESC LIMIT 1",
        (feed, conv),
    )
    return None if row is None else row[0]


# -- entries as they travel


def read_branch(
    connection: Connection,
    conversation: ConversationId,
    tip: EntryHash,
    low: int,
    max_bytes: int,
    with_first: bool,
) -> Entries:
    top = find_entry(connection, tip)
    if top is None or top.conversation != conversation:
        return []
    found = list(_walk(connection, top, low, max_bytes))
    if with_first and found and found[-1][1] > 0:
        found[:0] = _first(connection, top)
    return [(hash, wire) for hash, _, wire in found]


def _walk(
    connection: Connection, top: Found, low: int, max_bytes: int
) -> Iterator[tuple[EntryHash, int, WireEntry]]:
    """Down from `top`, link by link. Entries of other branches at the same seq are passed by."""
    wanted, next_seq, size = bytes(top.hash), top.seq, 0
    while next_seq >= low:
        rows = connection.all(
            "SELECT hash, seq, prev, text, header, signature FROM entries"
            " WHERE feed=? AND seq BETWEEN ? AND ? ORDER BY seq DESC",
            (top.feed_num, max(low, next_seq - STEP + 1), next_seq),
        )
        reached = next_seq - STEP
        texts = read_texts(connection, [row[3] for row in rows])
        for hash, seq, prev, text, header, signature in rows:
            if hash != wanted or seq != next_seq:
                continue
            wire = _wire_of(texts.get(text), header, signature)
            size += len(header) + len(signature) + len(wire.body or b"")
            yield hash, seq, wire
            if size >= max_bytes:
                return
            wanted, next_seq = prev, seq - 1
        if next_seq > reached:
            return


def _first(connection: Connection, top: Found) -> list[tuple[EntryHash, int, WireEntry]]:
    rows = connection.all(
        "SELECT hash, text, header, signature FROM entries WHERE feed=? AND seq=0",
        (top.feed_num,),
    )
    return [(hash, 0, _wire(connection, text, *rest)) for hash, text, *rest in rows]


def _wire(connection: Connection, text: int | None, header: bytes, signature: bytes) -> WireEntry:
    return _wire_of(read_text(connection, text), header, signature)


def _wire_of(kept: Text | None, header: bytes, signature: bytes) -> WireEntry:
    if kept is None or kept.body is None:
        return WireEntry(header, signature, b"", None)
    return WireEntry(header, signature, kept.salt or b"", kept.body)


def read_entries(connection: Connection, hashes: Sequence[EntryHash]) -> Entries:
    found: Entries = []
    for hash in hashes:
        row = connection.one(
            "SELECT text, header, signature FROM entries WHERE id=?",
            (find_id(connection, hash),),
        )
        if row is not None:
            found.append((hash, _wire(connection, *row)))
    return found


def unread_entries(
    connection: Connection, conversation: ConversationId, feed: FeedId | None
) -> Entries:
    conv = _number(connection, conversation)
    rows = connection.all(
        "SELECT e.hash, e.text, e.header, e.signature FROM entries e"
        " JOIN feeds f ON f.num=e.feed WHERE e.conv=? AND e.state=? AND (?3 IS NULL OR f.id=?3)"
        " ORDER BY e.clock, e.hash",
        (conv, State.PENDING, feed),
    )
    return [(hash, _wire(connection, *rest)) for hash, *rest in rows]


def bare_entries(
    connection: Connection, conversation: ConversationId
) -> list[tuple[EntryHash, FeedId, int]]:
    return connection.all(
        "SELECT e.hash, f.id, e.seq FROM entries e JOIN feeds f ON f.num=e.feed"
        " WHERE e.conv=? AND e.state=? AND e.text IS NULL AND e.kind<>?"
        " AND NOT EXISTS (SELECT 1 FROM entries d JOIN feeds g ON g.num=d.feed WHERE d.kind=?"
        " AND d.target=CASE e.kind WHEN ? THEN e.target ELSE e.hash END"
        " AND d.conv=e.conv AND g.author=f.author) ORDER BY f.id, e.seq DESC LIMIT ?",
        (
            _number(connection, conversation),
            State.HIDDEN,
            EntryKind.DELETE,
            EntryKind.DELETE,
            EntryKind.EDIT,
            BARE,
        ),
    )


# -- messages


def _number(connection: Connection, conversation: ConversationId) -> int | None:
    row = connection.one("SELECT num FROM conversations WHERE id=?", (conversation,))
    return row[0] if row else None


def messages(
    connection: Connection,
    conversation: ConversationId,
    limit: int,
    before: EntryHash | None,
    after: EntryHash | None,
    around: EntryHash | None,
) -> list[MessageRow]:
    conv = _number(connection, conversation)
    place = before or after or around
    if conv is None:
        return []
    if place is None:
        found = _page(connection, conv, "<", (1 << 63) - 1, b"\xff" * 33, limit)
    else:
        here = find_entry(connection, place)
        if here is None or here.conv != conv:
            return []
        at = (here.clock, here.hash)
        if before is not None:
            found = _page(connection, conv, "<", *at, limit)
        elif after is not None:
            found = _page(connection, conv, ">", *at, limit)
        else:
            newer = _page(connection, conv, ">", *at, limit // 2)
            found = _page(connection, conv, "<=", *at, limit - len(newer)) + newer
    return [resolved(connection, entry).row for entry in found]


def _page(
    connection: Connection, conv: int, side: str, clock: int, hash: bytes, limit: int
) -> list[Found]:
    """At most `limit` shown entries on one side of a place, nearest to it, oldest first."""
    direction = "ASC" if side == ">" else "DESC"
    rows = connection.all(
        f"SELECT {COLUMNS} FROM {TABLES} WHERE e.conv=? AND e.state=?"
        f" AND (e.clock, e.hash) {side} (?, ?)"
        f" ORDER BY e.clock {direction}, e.hash {direction} LIMIT ?",
        (conv, State.SHOWN, clock, hash, limit),
    )
    found = [Found(*row) for row in rows]
    return found if side == ">" else found[::-1]


def message(connection: Connection, hash: EntryHash) -> MessageRow | None:
    found = find_entry(connection, hash)
    if found is None or found.state != State.SHOWN:
        return None
    return resolved(connection, found).row


def message_since(
    connection: Connection, conversation: ConversationId, ms: int, skipped: Collection[PeerId]
) -> EntryHash | None:
    """The clock is never behind the time that a message bears, but may be ahead of it, by as much
    as a clock that was off had pushed it: the place to begin at is found by the index."""
    rows = connection.execute(
        "SELECT e.hash, f.author FROM entries e JOIN feeds f ON f.num=e.feed"
        " WHERE e.conv=? AND e.state=? AND e.clock >= ? AND e.sent_at >= ? AND e.flags & ? = 0"
        " ORDER BY e.clock, e.hash",
        (
            _number(connection, conversation),
            State.SHOWN,
            min(max(ms, 0), NO_BOUND >> 16) << 16,
            ms,
            CLOCK_OFF,
        ),
    )
    return next((EntryHash(hash) for hash, author in rows if author not in skipped), None)


def search(
    connection: Connection, query: str, conversation: ConversationId | None, limit: int
) -> list[MessageRow]:
    expression = match_expression(query)
    conv = None if conversation is None else _number(connection, conversation)
    if expression is None or limit == 0 or (conversation is not None and conv is None):
        return []
    rows = [
        resolved(connection, entry).row
        for id in find(connection, expression, conv, limit)
        if (entry := _message_of(connection, id)) is not None
    ]
    return sorted(rows, key=lambda row: (row.clock, row.hash), reverse=True)


def _message_of(connection: Connection, text: int) -> Found | None:
    """The message that is found by this text: its own, or an edit's."""
    kept = read_text(connection, text)
    if kept is None:
        return None
    row = connection.one("SELECT kind, target FROM entries WHERE id=?", (kept.entry,))
    if row is None:
        return None
    if row[0] == EntryKind.EDIT:
        found = find_entry(connection, row[1])
    else:
        found = entry_at(connection, kept.entry)
    return found if found is not None and found.state == State.SHOWN else None


def files(
    connection: Connection, conversation: ConversationId | None, limit: int
) -> list[MessageRow]:
    found = (message(connection, id) for id in file_ids(connection, conversation, limit))
    return [row for row in found if row is not None and not row.deleted]


def overviews(connection: Connection) -> list[Overview]:
    rows = connection.all(
        "SELECT num, id, unread, mentions, first_clock, first_hash FROM conversations"
        " WHERE row IS NOT NULL"
    )
    return [_overview(connection, *row) for row in rows]


def _overview(
    connection: Connection,
    conv: int,
    id: ConversationId,
    unread: int,
    mentions: int,
    first_clock: int | None,
    first_hash: EntryHash | None,
) -> Overview:
    late = connection.one(
        "SELECT clock, hash FROM late WHERE conv=? ORDER BY clock, hash LIMIT 1", (conv,)
    )
    firsts = [late] if late else []
    if first_clock is not None:
        firsts.append((first_clock, first_hash))
    newest = _page(connection, conv, "<", (1 << 63) - 1, b"\xff" * 33, 1)
    return Overview(
        conversation=id,
        unread=unread,
        mentions=mentions,
        first_unread=min(firsts)[1] if firsts else None,
        last=resolved(connection, newest[0]).row if newest else None,
    )


# -- places


def positions(
    connection: Connection, conversation: ConversationId, clock: int, hash: EntryHash
) -> list[tuple[FeedId, int]]:
    feeds = connection.all(
        "SELECT f.num, f.id, s.low, s.high FROM feeds f JOIN spans s ON s.feed=f.num"
        " WHERE f.conv=? ORDER BY f.num, s.high DESC",
        (_number(connection, conversation),),
    )
    best: dict[FeedId, int] = {}
    for num, feed, low, high in feeds:
        if high > best.get(feed, -1):
            seq = _last_at(connection, num, low, high, (clock, hash))
            if seq > best.get(feed, -1):
                best[feed] = seq
    return list(best.items())


def _last_at(
    connection: Connection, feed: int, low: int, high: int, place: tuple[int, bytes]
) -> int:
    """The highest seq of a run that stands at or before the place; -1: none. Clocks rise along a
    feed, so halving finds it; where an author broke that rule, it may be an earlier one."""
    left, right = low - 1, high
    while left < right:
        # The newest is the most likely.
        middle = right if right == high else (left + right + 1) // 2
        row = connection.one(
            "SELECT clock, hash FROM entries WHERE feed=? AND seq=? ORDER BY clock, hash LIMIT 1",
            (feed, middle),
        )
        if row is not None and (row[0], row[1]) <= place:
            left = middle
        else:
            right = middle - 1
    return left if left >= low else -1


def message_at(connection: Connection, feed: FeedId, seq: int) -> EntryHash | None:
    row = connection.one(
        "SELECT hash FROM entries WHERE feed IN (SELECT num FROM feeds WHERE id=?)"
        " AND seq <= ? AND state=? ORDER BY seq DESC LIMIT 1",
        (feed, seq, State.SHOWN),
    )
    return None if row is None else EntryHash(row[0])
