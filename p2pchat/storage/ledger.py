"""Conversations and feeds as the writer has them in memory, and how many messages are unread.

Unread are messages of others that were written after joining here: above the read mark, or put in
below it afterwards (`late`) and not marked since. "After joining" holds where the author's wall
clock or the entry's hybrid clock says so: an author whose clock is slow, but who has seen anything
written here, is above it by the hybrid clock. Members' comings and goings don't count.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from p2pchat.model.entry import EntryKind
from p2pchat.model.ids import ConversationId, FeedId, PeerId
from p2pchat.model.records import ConversationRow, MessageRow
from p2pchat.storage.database import Connection
from p2pchat.storage.schema import Counts, State
from p2pchat.storage.spans import Run, Runs

PERSON_KEY = "person_id"
"""The own person's PeerId in meta, as UTF-8."""
MAX_CACHED = 4096
"""Conversations or feeds in the writer's memory, about 1 KiB each."""
_row = msgspec.msgpack.Decoder(ConversationRow)


@dataclass(slots=True, eq=False)
class Book:
    """What the writer keeps of a conversation; written back when the transaction ends."""

    num: int
    id: ConversationId
    joined_at: int = 0
    mark: tuple[int, bytes] = (-1, b"")
    unread: int = 0
    mentions: int = 0
    first: tuple[int, bytes] | None = None
    """The first unread above the mark."""
    bytes: int = 0
    changed: bool = False


@dataclass(slots=True, eq=False)
class Feed:
    num: int
    id: FeedId
    author: PeerId
    floor: int
    runs: Runs = field(default_factory=Runs)


class Ledger:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._books: dict[ConversationId, Book] = {}
        self._feeds: dict[tuple[int, FeedId], Feed] = {}
        self.touched: dict[FeedId, Feed] = {}
        self.person = PeerId("")
        self.reload()

    def reload(self) -> None:
        """Forget what is in memory: the transaction was rolled back."""
        self._books.clear()
        self._feeds.clear()
        self.touched.clear()
        row = self._connection.one("SELECT value FROM meta WHERE key=?", (PERSON_KEY,))
        self.person = PeerId(row[0].decode()) if row else PeerId("")

    def begin(self) -> None:
        self.touched.clear()
        if len(self._books) > MAX_CACHED:
            self._books.clear()
        if len(self._feeds) > MAX_CACHED:
            self._feeds.clear()

    # -- conversations

    def book(self, id: ConversationId) -> Book:
        known = self._books.get(id)
        if known is None:
            known = self._books[id] = self._load_book(id) or self._new_book(id)
        return known

    def _load_book(self, id: ConversationId) -> Book | None:
        row = self._connection.one(
            "SELECT num, row, mark_clock, mark_hash, unread, mentions, first_clock, first_hash,"
            " bytes FROM conversations WHERE id=?",
            (id,),
        )
        if row is None:
            return None
        num, encoded, mark_clock, mark_hash, unread, mentions, first_clock, first_hash, size = row
        return Book(
            num=num,
            id=id,
            joined_at=_row.decode(encoded).joined_at if encoded else 0,
            mark=(mark_clock, mark_hash),
            unread=unread,
            mentions=mentions,
            first=None if first_clock is None else (first_clock, first_hash),
            bytes=size,
        )

    def _new_book(self, id: ConversationId) -> Book:
        self._connection.run("INSERT INTO conversations(id) VALUES(?)", (id,))
        return Book(self._connection.last_insert_rowid(), id)

    def forget_book(self, book: Book) -> None:
        self._books.pop(book.id, None)
        for key in [key for key in self._feeds if key[0] == book.num]:
            self.touched.pop(self._feeds.pop(key).id, None)

    # -- feeds

    def feed(self, book: Book, id: FeedId) -> Feed:
        """The feed, from now on among the touched ones."""
        key = (book.num, id)
        known = self._feeds.get(key)
        if known is None:
            known = self._feeds[key] = self._load_feed(book, id) or self._new_feed(book, id)
        self.touched[id] = known
        return known

    def _load_feed(self, book: Book, id: FeedId) -> Feed | None:
        row = self._connection.one(
            "SELECT num, author, floor FROM feeds WHERE id=? AND conv=?", (id, book.num)
        )
        if row is None:
            return None
        num, author, floor = row
        runs = self._connection.execute(
            "SELECT low, high, tip, bottom, wanted FROM spans WHERE feed=?", (num,)
        )
        found = [
            Run(low, high, tip, bottom, bool(wanted), tip)
            for low, high, tip, bottom, wanted in runs
        ]
        return Feed(num, id, author, floor, Runs(found))

    def _new_feed(self, book: Book, id: FeedId) -> Feed:
        self._connection.run("INSERT INTO feeds(id, conv) VALUES(?, ?)", (id, book.num))
        return Feed(self._connection.last_insert_rowid(), id, PeerId(""), 0)

    def set_author(self, feed: Feed, author: PeerId) -> None:
        if author and feed.author != author:
            feed.author = author
            self._connection.run("UPDATE feeds SET author=? WHERE num=?", (author, feed.num))

    # -- unread

    def counts(self, book: Book, row: MessageRow, mine: bool) -> Counts:
        """How the message counts while it is unread."""
        if mine or row.deleted or row.kind in (EntryKind.JOIN, EntryKind.LEAVE):
            return Counts.NOT
        if max(row.sent_at, row.clock >> 16) < book.joined_at:
            return Counts.NOT
        return Counts.MENTION if self.person in row.mentions else Counts.YES

    def count(self, book: Book, clock: int, hash: bytes, counts: int) -> None:
        """A message that counts is here now."""
        if counts == Counts.NOT:
            return
        place = (clock, hash)
        if place > book.mark:
            book.first = place if book.first is None else min(book.first, place)
        else:
            self._connection.run(
                "INSERT INTO late VALUES(?, ?, ?, ?)",
                (book.num, clock, hash, counts == Counts.MENTION),
            )
        book.unread += 1
        book.mentions += counts == Counts.MENTION
        book.changed = True

    def recount(self, book: Book, clock: int, hash: bytes, before: int, now: int) -> None:
        """A message counts otherwise than before (`entries` is up to date already)."""
        if before == now or not self._is_unread(book, clock, hash):
            return
        book.unread += bool(now) - bool(before)
        book.mentions += (now == Counts.MENTION) - (before == Counts.MENTION)
        book.changed = True
        if (clock, hash) > book.mark:
            book.first = self._first_above(book, book.mark)
        elif now == Counts.NOT:
            self._connection.run(
                "DELETE FROM late WHERE conv=? AND clock=? AND hash=?", (book.num, clock, hash)
            )
        else:
            self._connection.run(
                "UPDATE late SET mention=? WHERE conv=? AND clock=? AND hash=?",
                (now == Counts.MENTION, book.num, clock, hash),
            )

    def _is_unread(self, book: Book, clock: int, hash: bytes) -> bool:
        if (clock, hash) > book.mark:
            return True
        sql = "SELECT 1 FROM late WHERE conv=? AND clock=? AND hash=?"
        return self._connection.one(sql, (book.num, clock, hash)) is not None

    def mark_read(self, book: Book, clock: int, hash: bytes) -> None:
        """Everything up to this place is read; a mark never goes back. Takes as long as what is
        read by it is long: above it there may be a million."""
        place = (clock, hash)
        upto = "FROM late WHERE conv=? AND (clock, hash) <= (?, ?)"
        self._read(book, f"SELECT count(*), total(mention) {upto}", (book.num, *place))
        self._connection.run(f"DELETE {upto}", (book.num, *place))
        book.mark = max(book.mark, place)
        if book.first is not None and book.first <= place:
            self._read(
                book,
                "SELECT total(counts > 0), total(counts = ?) FROM entries WHERE conv=? AND state=?"
                " AND (clock, hash) >= (?, ?) AND (clock, hash) <= (?, ?)",
                (Counts.MENTION, book.num, State.SHOWN, *book.first, *place),
            )
            book.first = self._first_above(book, place)
        book.changed = True

    def _read(self, book: Book, counted: str, args: tuple[object, ...]) -> None:
        """What is counted is no longer unread."""
        unread, mentions = self._connection.one(counted, args) or (0, 0)
        book.unread -= int(unread)
        book.mentions -= int(mentions)

    def _first_above(self, book: Book, place: tuple[int, bytes]) -> tuple[int, bytes] | None:
        row = self._connection.one(
            "SELECT clock, hash FROM entries WHERE conv=? AND state=? AND (clock, hash) > (?, ?)"
            " AND counts > 0 ORDER BY clock, hash LIMIT 1",
            (book.num, State.SHOWN, *place),
        )
        return None if row is None else (row[0], row[1])

    # -- writing back

    def flush(self) -> None:
        for book in self._books.values():
            if book.changed:
                self._write_book(book)
        for feed in self.touched.values():
            self._write_runs(feed)

    def _write_book(self, book: Book) -> None:
        first_clock, first_hash = book.first or (None, None)
        self._connection.run(
            "UPDATE conversations SET mark_clock=?, mark_hash=?, unread=?, mentions=?,"
            " first_clock=?, first_hash=?, bytes=? WHERE num=?",
            (
                *book.mark,
                book.unread,
                book.mentions,
                first_clock,
                first_hash,
                book.bytes,
                book.num,
            ),
        )
        book.changed = False

    def _write_runs(self, feed: Feed) -> None:
        for run in (*feed.runs.removed, *feed.runs.changed.values()):
            if run.kept_as:
                self._connection.run(
                    "DELETE FROM spans WHERE feed=? AND tip=?", (feed.num, run.kept_as)
                )
        for run in feed.runs.changed.values():
            self._connection.run(
                "INSERT INTO spans VALUES(?, ?, ?, ?, ?, ?)",
                (feed.num, run.tip, run.low, run.high, run.bottom, run.wanted),
            )
            run.kept_as = run.tip
        feed.runs.changed.clear()
        feed.runs.removed.clear()
