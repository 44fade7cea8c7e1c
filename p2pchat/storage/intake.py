"""Taking entries in: what becomes of each, what it shows, and what it changes."""

from __future__ import annotations

from p2pchat.config.limits import REACTIONS_PER_PERSON
from p2pchat.model.entry import Content, Entry, EntryKind, OpenBody, ReactBody, TextBody
from p2pchat.model.ids import EntryHash
from p2pchat.model.records import PutStatus, Stored
from p2pchat.storage import hashes
from p2pchat.storage.chapters import PURGE, Chapters, read_text
from p2pchat.storage.database import Connection, Row
from p2pchat.storage.ledger import Book, Feed, Ledger
from p2pchat.storage.messages import (
    CHANGES,
    NO_MESSAGE,
    NOT_DELETED,
    Found,
    Resolved,
    encode_content,
    find_entry,
    live_changes,
    resolve_message,
    resolved,
    searchable,
)
from p2pchat.storage.schema import CLOCK_OFF, LATE, MINE, OWN, Counts, Link, State

DEVICE_KEY_BYTES = 32
"""A feed's id begins with the key of its device."""


class Intake:
    def __init__(self, connection: Connection, ledger: Ledger, chapters: Chapters) -> None:
        self._connection = connection
        self._ledger = ledger
        self._chapters = chapters
        self._rows: list[Row] = []
        self._next = self._prepared = 0
        self.reload()

    def reload(self) -> None:
        """Forget what was gathered: the transaction was rolled back."""
        self._rows.clear()
        row = self._connection.one("SELECT max(id) FROM entries")
        self._next = (row[0] or 0) + 1 if row else 1
        self._prepared = 0
        """Entries with smaller numbers have their place in `hashes`."""

    def flush(self) -> None:
        """Write the rows that were gathered; before anything reads entries or texts."""
        if self._rows:
            self._connection.executemany(
                "INSERT INTO entries VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)", self._rows
            )
            hashes.add(self._connection, [(row[0], row[4]) for row in self._rows])
            self._rows.clear()
        self._chapters.flush_texts()

    # -- entries that come

    def put(self, entry: Entry, mine: bool) -> Stored:
        """`records.PutEntry`."""
        header = entry.header
        book = self._ledger.book(header.conversation)
        feed = self._ledger.feed(book, header.feed)
        status = PutStatus.NEW
        if header.seq < feed.floor or feed.runs.covers(header.seq):
            self.flush()
            found = find_entry(self._connection, entry.hash)
            if found is not None:
                return self._fill(entry, mine, found, book, feed)
            if header.seq < feed.floor:
                return Stored(entry.hash, PutStatus.KNOWN)
            status = PutStatus.FORK
        feed.runs.add(
            header.seq, entry.hash, header.prev, lambda below, at: self._holds(feed, below, at)
        )
        self._introduce(entry, feed)
        return self._insert(entry, mine, status, book, feed)

    def _holds(self, feed: Feed, hash: bytes, seq: int) -> bool:
        self.flush()
        found = find_entry(self._connection, hash)
        return found is not None and found.feed == feed.id and found.seq == seq

    def _introduce(self, entry: Entry, feed: Feed) -> None:
        """What the entry tells of its feed."""
        self._ledger.set_author(feed, entry.author)
        if isinstance(entry.content, OpenBody):
            self._connection.run(
                "UPDATE feeds SET opener=? WHERE num=?", (entry.content.person_key, feed.num)
            )

    def _insert(
        self, entry: Entry, mine: bool, status: PutStatus, book: Book, feed: Feed
    ) -> Stored:
        kind = entry.header.kind
        plain = kind not in CHANGES
        if plain and kind not in NOT_DELETED:
            plain = not self._is_target(entry.hash)
        body = entry.wire.body
        if not plain and self._is_deleted(entry, book, feed):
            body = None
        found = self._keep(entry, book, feed, body)
        state = _state(entry, mine, body)
        if plain and state == State.SHOWN:
            return self._show(entry, found, book, resolve_message(found, entry.content, ()), status)
        self._row(entry, found, state if state == State.PENDING else State.HIDDEN, Counts.NOT)
        if plain:
            return Stored(entry.hash, status)
        self.flush()
        if kind == EntryKind.DELETE:
            self._erase_target(entry, book, feed)
        if state == State.PENDING:
            return Stored(entry.hash, status)
        return self._reveal(entry, entry.content if body is not None else None, found, book, status)

    def _keep(self, entry: Entry, book: Book, feed: Feed, body: bytes | None) -> Found:
        """Give the entry its number, and keep its body and content."""
        header, id = entry.header, self._next
        self._next += 1
        if id >= self._prepared:
            self._prepared = hashes.prepare(self._connection, id)
        text = None
        if body is not None:
            content = encode_content(entry.content) if entry.readable else None
            text = self._chapters.append(id, entry.wire.salt, body, content)
        book.bytes += _size(entry, body)
        book.changed = True
        flags = LATE * entry.late | CLOCK_OFF * entry.clock_off | OWN * entry.own
        return Found(
            id=id,
            hash=entry.hash,
            conv=book.num,
            conversation=header.conversation,
            feed=header.feed,
            feed_num=feed.num,
            seq=header.seq,
            clock=header.clock,
            kind=header.kind,
            author=entry.author,
            sent_at=header.sent_at,
            flags=flags | MINE * entry.mine,
            text=text,
            counts=Counts.NOT,
            state=State.HIDDEN,
        )

    def _row(self, entry: Entry, found: Found, state: State, counts: int) -> None:
        header, wire = entry.header, entry.wire
        link = Link.UNREAD if header.target else None
        self._rows.append(
            (
                found.id,
                found.conv,
                found.feed_num,
                found.seq,
                found.hash,
                header.prev,
                found.clock,
                found.kind,
                found.sent_at,
                found.flags,
                state,
                counts,
                found.text,
                header.target or None,
                link,
                None,
                wire.header,
                wire.signature,
            )
        )

    def _show(
        self, entry: Entry, found: Found, book: Book, outcome: Resolved, status: PutStatus
    ) -> Stored:
        """The usual case: a new message that nothing has changed yet."""
        counts = self._ledger.counts(book, outcome.row, entry.mine)
        self._row(entry, found, State.SHOWN, counts)
        self._ledger.count(book, found.clock, found.hash, counts)
        self._index(outcome, found)
        return Stored(entry.hash, status, message=outcome.row)

    # -- entries that are here

    def _fill(self, entry: Entry, mine: bool, found: Found, book: Book, feed: Feed) -> Stored:
        """An entry that is here comes again, perhaps with the body that was missing."""
        body = entry.wire.body
        known = Stored(entry.hash, PutStatus.KNOWN)
        if found.text is not None or body is None or self._is_deleted(entry, book, feed):
            return known
        self._introduce(entry, feed)
        content = encode_content(entry.content) if entry.readable else None
        text = self._chapters.append(found.id, entry.wire.salt, body, content)
        self._chapters.flush_texts()
        book.bytes += len(body) + len(entry.wire.salt)
        book.changed = True
        state = _state(entry, mine, body)
        stored = State.PENDING if state == State.PENDING else State.HIDDEN
        self._connection.run(
            "UPDATE entries SET text=?, state=? WHERE id=?", (text, stored, found.id)
        )
        if state == State.PENDING:
            return known
        found = found._replace(text=text, author=entry.author)
        return self._reveal(entry, entry.content, found, book, PutStatus.KNOWN)

    def disclose(self, entry: Entry) -> Stored:
        """`records.Disclose`."""
        self.flush()
        found = find_entry(self._connection, entry.hash)
        if found is None or found.state != State.PENDING or not (entry.author and entry.readable):
            return Stored(entry.hash, PutStatus.KNOWN)
        book = self._ledger.book(entry.header.conversation)
        feed = self._ledger.feed(book, entry.header.feed)
        self._introduce(entry, feed)
        if self._is_deleted(entry, book, feed):
            self._erase(found, book)
            found = found._replace(text=None)
        kept = read_text(self._connection, found.text)
        content = entry.content if kept and kept.body is not None else None
        encoded = encode_content(content)
        found = found._replace(author=entry.author)
        if kept is not None and found.text is not None and encoded is not None:
            self._chapters.erase(found.text)
            text = self._chapters.append(found.id, kept.salt, kept.body, encoded)
            self._chapters.flush_texts()
            self._connection.run("UPDATE entries SET text=? WHERE id=?", (text, found.id))
            found = found._replace(text=text)
        return self._reveal(entry, content, found, book, PutStatus.KNOWN)

    def _reveal(
        self, entry: Entry, content: Content, found: Found, book: Book, status: PutStatus
    ) -> Stored:
        """Let an entry that can be read and stands in `entries` take its effect."""
        if found.kind in CHANGES:
            return self._change(entry, content, found, book, status)
        if found.kind in NO_MESSAGE:
            self._set_state(found, State.HIDDEN, Counts.NOT)
            return Stored(entry.hash, status)
        outcome = resolve_message(
            found, content, live_changes(self._connection, found.conv, found.hash)
        )
        if found.text is None and not outcome.row.deleted:
            self._set_state(found, State.HIDDEN, Counts.NOT)
            return Stored(entry.hash, status)
        counts = self._ledger.counts(book, outcome.row, entry.mine)
        self._set_state(found, State.SHOWN, counts)
        self._ledger.count(book, found.clock, found.hash, counts)
        self._index(outcome, found)
        return Stored(entry.hash, status, message=outcome.row)

    def _set_state(self, found: Found, state: State, counts: int) -> None:
        self._connection.run(
            "UPDATE entries SET state=?, counts=? WHERE id=?", (state, counts, found.id)
        )

    # -- changes

    def _change(
        self, entry: Entry, content: Content, found: Found, book: Book, status: PutStatus
    ) -> Stored:
        """An edit, deletion or reaction whose author and content are known."""
        self._set_state(found, State.HIDDEN, Counts.NOT)
        done = Stored(entry.hash, status)
        if not self._is_whole(found.kind, content):
            return done
        target = find_entry(self._connection, entry.header.target)
        if target is not None and (target.conv != found.conv or target.kind in NO_MESSAGE):
            target = None
        before = None
        if found.kind == EntryKind.DELETE:
            self._erase_target(entry, book, self._ledger.feed(book, found.feed))
        elif found.kind == EntryKind.EDIT and target is not None and target.state == State.SHOWN:
            before = resolved(self._connection, target)
        live = self._link(entry, content, found)
        if not live or target is None or target.state == State.PENDING:
            return done
        after = resolved(self._connection, target)
        if target.state == State.HIDDEN and not after.row.deleted:
            return done
        self._update(target, book, before, after)
        return Stored(entry.hash, status, changed=after.row)

    @staticmethod
    def _is_whole(kind: int, content: Content) -> bool:
        match kind:
            case EntryKind.EDIT:
                return isinstance(content, TextBody)
            case EntryKind.REACT:
                return isinstance(content, ReactBody)
        return True

    def _link(self, entry: Entry, content: Content, found: Found) -> bool:
        """Put the change in its place among those of its author to the same message: the latest
        by order is live. Returns whether this one is."""
        slot = None
        if isinstance(content, ReactBody):
            slot = f"{'+' if content.on else '-'}{content.emoji}"
        rivals = self._connection.all(
            "SELECT e.clock, e.hash, e.id, e.slot FROM entries e JOIN feeds f ON f.num=e.feed"
            " WHERE e.target=? AND e.kind=? AND e.link=? AND e.conv=? AND f.author=?",
            (entry.header.target, found.kind, Link.LIVE, found.conv, entry.author),
        )
        new = (found.clock, found.hash, found.id, slot)
        same = [row for row in rivals if slot is None or row[3][1:] == slot[1:]]
        last = max([*same, new])
        live = sorted([row for row in rivals if row not in same] + [last])
        live = live[-REACTIONS_PER_PERSON:]
        for row in (*rivals, new):
            link = Link.LIVE if row in live else Link.SUPERSEDED
            if row is new or link != Link.LIVE:
                self._connection.run(
                    "UPDATE entries SET link=?, slot=? WHERE id=?", (link, row[3], row[2])
                )
        return new in live

    def _update(self, target: Found, book: Book, before: Resolved | None, after: Resolved) -> None:
        """The message `target` reads otherwise now; `before` where its words may have changed."""
        counts = self._ledger.counts(book, after.row, bool(target.flags & MINE))
        if target.state != State.SHOWN or counts != target.counts:
            self._set_state(target, State.SHOWN, counts)
            self._ledger.recount(book, target.clock, target.hash, target.counts, counts)
        if before is not None and (before.text, searchable(before.row)) != (
            after.text,
            searchable(after.row),
        ):
            self._unindex(before, target)
            self._index(after, target)

    # -- deletion

    def _is_target(self, hash: EntryHash) -> bool:
        sql = "SELECT 1 FROM entries WHERE target=? LIMIT 1"
        return self._connection.one(sql, (hash,)) is not None

    def _is_deleted(self, entry: Entry, book: Book, feed: Feed) -> bool:
        """Whether a deletion of this message, or of the message that this edits, is here. Without
        knowing persons (ciphertext held for others) the same device is the same author."""
        kind = entry.header.kind
        if kind in NOT_DELETED and kind != EntryKind.EDIT:
            return False
        target = entry.header.target if kind == EntryKind.EDIT else entry.hash
        rows = self._connection.all(
            "SELECT DISTINCT f.author, f.id FROM entries e JOIN feeds f ON f.num=e.feed"
            " WHERE e.target=? AND e.kind=? AND e.conv=?",
            (target, EntryKind.DELETE, book.num),
        )
        return any(_same_author(feed, author, id) for author, id in rows)

    def _erase_target(self, entry: Entry, book: Book, feed: Feed) -> None:
        """Take the words of the deleted message out of the store, and those of its edits."""
        target = find_entry(self._connection, entry.header.target)
        if (
            target is not None
            and target.conv == book.num
            and target.kind not in NOT_DELETED
            and _same_author(feed, target.author, target.feed)
        ):
            if target.state == State.SHOWN:
                self._unindex(resolved(self._connection, target), target)
            self._erase(target, book)
            if target.kind == EntryKind.FILE:
                self._connection.run("DELETE FROM files WHERE id=?", (target.hash,))
        edits = self._connection.all(
            "SELECT e.hash FROM entries e WHERE e.target=? AND e.kind=? AND e.conv=?",
            (entry.header.target, EntryKind.EDIT, book.num),
        )
        for (hash,) in edits:
            edit = find_entry(self._connection, hash)
            if edit is not None and _same_author(feed, edit.author, edit.feed):
                self._erase(edit, book)

    def _erase(self, found: Found, book: Book) -> None:
        kept = read_text(self._connection, found.text)
        if found.text is None or kept is None:
            return
        self._chapters.erase(found.text)
        self._chapters.mark((found.text,), PURGE)
        self._connection.run("UPDATE entries SET text=NULL WHERE id=?", (found.id,))
        book.bytes -= len(kept.body or b"") + len(kept.salt or b"")
        book.changed = True

    # -- index

    def _index(self, outcome: Resolved, found: Found) -> None:
        words = searchable(outcome.row)
        if words and outcome.text is not None:
            self._chapters.index(outcome.text, found.clock, found.conv, words)

    def _unindex(self, outcome: Resolved, found: Found) -> None:
        words = searchable(outcome.row)
        if words and outcome.text is not None:
            self._chapters.unindex(outcome.text, found.clock, found.conv, words)
            self._chapters.mark((outcome.text,), PURGE)


def _size(entry: Entry, body: bytes | None) -> int:
    """Bytes that an entry takes of its conversation's budget."""
    wire = entry.wire
    kept = 0 if body is None else len(wire.salt) + len(body)
    return len(wire.header) + len(wire.signature) + kept


def _state(entry: Entry, mine: bool, body: bytes | None) -> State:
    """What the entry is to people as long as nothing has changed it."""
    kind = entry.header.kind
    if kind == EntryKind.OPEN:
        return State.HIDDEN
    if not mine or not entry.author or not entry.readable:
        return State.PENDING
    return State.HIDDEN if kind in NO_MESSAGE or body is None else State.SHOWN


def _same_author(feed: Feed, author: str, id: bytes) -> bool:
    return (feed.author != "" and feed.author == author) or (
        feed.id[:DEVICE_KEY_BYTES] == id[:DEVICE_KEY_BYTES]
    )
