"""The tables of the store.

What people wrote (bodies and decoded contents) lies apart, in tables and indexes of one chapter
each: `chapters.py` says why. Conversations and feeds are named by small numbers inside the store.
"""

from __future__ import annotations

from enum import IntEnum

from p2pchat.errors import StoreError
from p2pchat.storage.database import Connection

VERSION = 2

TABLES = """
CREATE TABLE meta(key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE persons(id TEXT PRIMARY KEY, row BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE devices(
    id TEXT PRIMARY KEY, person TEXT NOT NULL, row BLOB NOT NULL
) WITHOUT ROWID;

-- `row` is the encoded ConversationRow. Read is everything up to (mark_clock, mark_hash) but what
-- stands in `late`; `unread` and `mentions` count both, `first_*` is the first above the mark.
CREATE TABLE conversations(
    num INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, row BLOB,
    mark_clock INTEGER NOT NULL DEFAULT -1, mark_hash BLOB NOT NULL DEFAULT x'',
    unread INTEGER NOT NULL DEFAULT 0, mentions INTEGER NOT NULL DEFAULT 0,
    first_clock INTEGER, first_hash BLOB,
    bytes INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE late(
    conv INTEGER, clock INTEGER, hash BLOB, mention INTEGER NOT NULL,
    PRIMARY KEY(conv, clock, hash)
) WITHOUT ROWID;
CREATE TABLE members(
    conv BLOB, person TEXT, joined INTEGER NOT NULL, clock INTEGER NOT NULL, hash BLOB NOT NULL,
    PRIMARY KEY(conv, person)
) WITHOUT ROWID;
CREATE TABLE receipts(
    conv BLOB, feed BLOB, person TEXT, delivered INTEGER NOT NULL, read INTEGER NOT NULL,
    PRIMARY KEY(conv, feed, person)
) WITHOUT ROWID;

-- `opener` is the person's key in the first entry; entries below `floor` were pruned.
CREATE TABLE feeds(
    num INTEGER PRIMARY KEY, id BLOB NOT NULL, conv INTEGER NOT NULL,
    author TEXT NOT NULL DEFAULT '', opener BLOB, floor INTEGER NOT NULL DEFAULT 0,
    UNIQUE(id, conv)
);
CREATE TABLE spans(
    feed INTEGER, tip BLOB, low INTEGER NOT NULL, high INTEGER NOT NULL,
    bottom BLOB NOT NULL, wanted INTEGER NOT NULL,
    PRIMARY KEY(feed, tip)
) WITHOUT ROWID;

-- `hashes.py` finds them by hash. `text` names a row of a chapter's texts. `slot` is a reaction:
-- `+` or `-`, then the emoji.
CREATE TABLE entries(
    id INTEGER PRIMARY KEY, conv INTEGER NOT NULL, feed INTEGER NOT NULL, seq INTEGER NOT NULL,
    hash BLOB NOT NULL, prev BLOB NOT NULL, clock INTEGER NOT NULL, kind INTEGER NOT NULL,
    sent_at INTEGER NOT NULL, flags INTEGER NOT NULL, state INTEGER NOT NULL,
    counts INTEGER NOT NULL, text INTEGER, target BLOB, link INTEGER, slot TEXT,
    header BLOB NOT NULL, signature BLOB NOT NULL
);
CREATE INDEX entries_by_seq ON entries(feed, seq);
CREATE INDEX entries_by_order ON entries(conv, state, clock, hash, counts);
CREATE INDEX entries_by_target ON entries(target, kind, link) WHERE target IS NOT NULL;

-- `top` is the highest place of the chapter's index; `dirty` says what `tidy` has to do.
CREATE TABLE chapters(
    num INTEGER PRIMARY KEY, used INTEGER NOT NULL, bytes INTEGER NOT NULL,
    top INTEGER NOT NULL, dirty INTEGER NOT NULL
);
"""


FILES = """
-- `open`: it is not done with (`records.StoredState.files`).
CREATE TABLE files(
    id BLOB PRIMARY KEY, conv BLOB NOT NULL, clock INTEGER NOT NULL, open INTEGER NOT NULL,
    row BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX files_by_order ON files(clock);
CREATE INDEX files_open ON files(open) WHERE open;
"""
SINCE = {1: TABLES, 2: FILES}
"""What each version has added."""


class State(IntEnum):
    """What an entry is to people."""

    HIDDEN = 0
    """It makes no message."""
    SHOWN = 1
    PENDING = 2
    """It can't be shown yet: its key or its author isn't known."""


class Link(IntEnum):
    """Where an entry with a target stands among the changes of that target."""

    LIVE = 1
    SUPERSEDED = 2
    """A later edit of the same author, or reaction with the same emoji, is here."""
    UNREAD = 3
    """Its key or author isn't known yet."""


class Counts(IntEnum):
    """How a message counts while it is unread."""

    NOT = 0
    YES = 1
    MENTION = 2


LATE, CLOCK_OFF, OWN, MINE = 1, 2, 4, 8
"""Bits of entries.flags."""


def prepare(writer: Connection) -> None:
    """Make the tables of a new file, or those that an older program's lacks; StoreError where a
    newer one wrote it."""
    found = writer.one("PRAGMA user_version")
    version = found[0] if found else 0
    if version > VERSION:
        raise StoreError("the profile was written by a newer version of p2pchat: update it")
    if version < VERSION:
        writer.run("BEGIN IMMEDIATE")
        for number in range(version + 1, VERSION + 1):
            writer.run(SINCE[number])
        writer.run(f"PRAGMA user_version={VERSION}")
        writer.run("COMMIT")
