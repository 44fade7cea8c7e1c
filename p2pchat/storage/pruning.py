"""Letting go of old entries, and of whole conversations."""

from __future__ import annotations

import heapq
from collections.abc import Iterator

from p2pchat.model.entry import EntryKind
from p2pchat.storage import hashes
from p2pchat.storage.chapters import COMPACT, PURGE, Chapters, read_text
from p2pchat.storage.database import Connection
from p2pchat.storage.ledger import Book, Feed, Ledger
from p2pchat.storage.messages import (
    CHANGES,
    COLUMNS,
    TABLES,
    Found,
    find_entry,
    resolved,
    searchable,
)
from p2pchat.storage.schema import Counts, State
from p2pchat.storage.spans import Runs

SLACK = 32
"""One 32nd of the budget more is pruned, so that not every entry afterwards prunes again."""
KEPT_KINDS = (EntryKind.OPEN, EntryKind.KEY)
STEP = 512
"""Entries read in one go."""


class Pruning:
    def __init__(self, connection: Connection, ledger: Ledger, chapters: Chapters) -> None:
        self._connection = connection
        self._ledger = ledger
        self._chapters = chapters

    def prune(self, book: Book, budget: int) -> None:
        """`records.Prune`; everything gathered has been flushed. The tips of all branches stay as
        well, since they say what is here, and a change as long as its message."""
        if book.bytes <= budget:
            return
        goal = budget - budget // SLACK
        tips = self._tips(book)
        unsent = self._unsent(book)
        forked: dict[int, Feed] = {}
        texts: set[int] = set()
        for found in self._oldest(book):
            if book.bytes <= goal:
                break
            if (
                found.kind in KEPT_KINDS
                or found.hash in tips
                or found.seq >= unsent.get(found.feed_num, found.seq + 1)
                or (found.kind in CHANGES and self._has_target(found))
            ):
                continue
            self._forget(found, book, texts)
            feed = self._ledger.feed(book, found.feed)
            feed.floor = max(feed.floor, found.seq + 1)
            self._cut(feed, found, forked)
        for feed in forked.values():
            self._rebuild(feed)
        for feed in self._ledger.touched.values():
            self._connection.run("UPDATE feeds SET floor=? WHERE num=?", (feed.floor, feed.num))
        self._chapters.mark(texts, COMPACT | PURGE)

    def drop(self, book: Book) -> None:
        """`records.DropConversation`; everything gathered has been flushed."""
        texts: set[int] = set()
        for found in self._oldest(book):
            self._forget(found, book, texts)
        self._chapters.mark(texts, COMPACT | PURGE)
        run = self._connection.run
        run("DELETE FROM spans WHERE feed IN (SELECT num FROM feeds WHERE conv=?)", (book.num,))
        for table in ("feeds", "late"):
            run(f"DELETE FROM {table} WHERE conv=?", (book.num,))
        for table in ("members", "receipts", "files"):
            run(f"DELETE FROM {table} WHERE conv=?", (book.id,))
        run("DELETE FROM conversations WHERE num=?", (book.num,))
        self._ledger.forget_book(book)

    # -- what goes and what stays

    def _oldest(self, book: Book) -> Iterator[Found]:
        """All entries of the conversation, oldest first."""
        sources = [self._oldest_in(book, state) for state in State]
        return heapq.merge(*sources, key=lambda found: (found.clock, found.hash))

    def _oldest_in(self, book: Book, state: State) -> Iterator[Found]:
        clock, hash = -1, b""
        while True:
            rows = self._connection.all(
                f"SELECT {COLUMNS} FROM {TABLES} WHERE e.conv=? AND e.state=?"
                " AND (e.clock, e.hash) > (?, ?) ORDER BY e.clock, e.hash LIMIT ?",
                (book.num, state, clock, hash, STEP),
            )
            for row in rows:
                found = Found(*row)
                clock, hash = found.clock, found.hash
                yield found
            if len(rows) < STEP:
                return

    def _tips(self, book: Book) -> set[bytes]:
        rows = self._connection.execute(
            "SELECT s.tip FROM spans s JOIN feeds f ON f.num=s.feed WHERE f.conv=?", (book.num,)
        )
        return {tip for (tip,) in rows}

    def _unsent(self, book: Book) -> dict[int, int]:
        """By feed of this person, the first seq that nobody else is known to have."""
        person = self._ledger.person
        rows = self._connection.all(
            "SELECT f.num, max(coalesce(r.delivered, -1)) + 1 FROM feeds f"
            " LEFT JOIN receipts r ON r.conv=? AND r.feed=f.id AND r.person<>?"
            " WHERE f.conv=? AND f.author=? GROUP BY f.num",
            (book.id, person, book.num, person),
        )
        return dict(rows) if person else {}

    def _has_target(self, found: Found) -> bool:
        row = self._connection.one("SELECT target FROM entries WHERE id=?", (found.id,))
        return row is not None and find_entry(self._connection, row[0]) is not None

    # -- letting go

    def _forget(self, found: Found, book: Book, texts: set[int]) -> None:
        if found.state == State.SHOWN:
            outcome = resolved(self._connection, found)
            words = searchable(outcome.row)
            if words and outcome.text is not None:
                self._chapters.unindex(outcome.text, found.clock, found.conv, words)
                texts.add(outcome.text)
        kept = read_text(self._connection, found.text)
        if found.text is not None and kept is not None:
            book.bytes -= len(kept.body or b"") + len(kept.salt or b"")
            self._chapters.erase(found.text)
            texts.add(found.text)
        row = self._connection.one(
            "SELECT length(header) + length(signature) FROM entries WHERE id=?", (found.id,)
        )
        book.bytes -= row[0] if row else 0
        book.changed = True
        self._connection.run("DELETE FROM entries WHERE id=?", (found.id,))
        hashes.remove(self._connection, found.id, found.hash)
        if found.kind == EntryKind.FILE:
            self._connection.run("DELETE FROM files WHERE id=?", (found.hash,))
        self._ledger.recount(book, found.clock, found.hash, found.counts, Counts.NOT)

    def _cut(self, feed: Feed, found: Found, forked: dict[int, Feed]) -> None:
        runs = [run for run in feed.runs.runs if run.low <= found.seq <= run.high]
        if len(runs) > 1:
            forked[feed.num] = feed
        elif runs:
            feed.runs.cut(runs[0], found.seq + 1, found.hash)

    def _rebuild(self, feed: Feed) -> None:
        """Find the runs of a forked feed anew. What doesn't lead up to a tip (a first entry that
        was kept) is in none."""
        old = {run.tip: run for run in feed.runs.runs}
        wanted = {run.bottom for run in feed.runs.runs if run.wanted}
        new, seen = Runs(), set[bytes]()
        rows = self._connection.all(
            "SELECT seq, hash, prev FROM entries WHERE feed=? ORDER BY seq", (feed.num,)
        )
        for seq, hash, prev in rows:
            new.add(seq, hash, prev, lambda below, _: below in seen)
            seen.add(hash)
        new.runs = [run for run in new.runs if run.tip in old]
        for run in new.runs:
            run.wanted = run.wanted and run.bottom in wanted
        new.changed = {id(run): run for run in new.runs}
        new.removed = feed.runs.runs
        feed.runs = new
