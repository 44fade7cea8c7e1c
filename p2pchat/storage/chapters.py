"""What people wrote, and the full-text index over it, in chapters of limited size.

SQLite's secure_delete overwrites what is freed, but when it balances a B-tree, copies of moved
cells may stay in the unused part of a page, where a later deletion doesn't reach them. Therefore

- texts are only ever appended, and erased in place (a row shrinks, no cell moves); what has to
  change is written anew and the old row erased;
- each chapter has an FTS5 index of its own; after a deletion `purge` merges it into one segment
  and writes its tables anew, in order, which takes milliseconds, as a chapter is small.

A place in the index is `milliseconds of the clock << 16 | low bits of the text's id`: FTS5 yields
places in order of their rowid, so the newest matches come first without looking at the others.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from itertools import islice
from typing import Any, NamedTuple

from p2pchat.config.limits import MIB
from p2pchat.storage.database import Connection
from p2pchat.storage.words import indexed

CHAPTER_TEXTS = 32_768
"""Texts in one chapter: 31 indexes to ask for a million messages, some 30 ms to purge one."""
CHAPTER_BYTES = 8 * MIB
"""Of content, so that purging a chapter of long texts takes no longer."""
ID_BITS = 16
_LOW = (1 << ID_BITS) - 1

PURGE, COMPACT = 1, 2
"""Bits of chapters.dirty: forget what was deleted from the index; give back pruned texts."""


class Text(NamedTuple):
    """A row of a chapter's texts."""

    entry: int
    salt: bytes | None
    body: bytes | None
    content: bytes | None


def place_of(clock: int, text: int) -> int:
    return (clock >> 16) << ID_BITS | (text & _LOW)


def read_text(connection: Connection, id: int | None) -> Text | None:
    if id is None:
        return None
    row = connection.one(
        f"SELECT entry, salt, body, content FROM texts{id >> ID_BITS} WHERE id=?", (id,)
    )
    return None if row is None else Text(*row)


def read_texts(connection: Connection, ids: Iterable[int | None]) -> dict[int, Text]:
    """Those that are there, by id: far faster than one by one."""
    chapters: dict[int, list[int]] = {}
    for id in ids:
        if id is not None:
            chapters.setdefault(id >> ID_BITS, []).append(id)
    found: dict[int, Text] = {}
    for num, wanted in chapters.items():
        rows = connection.execute(
            f"SELECT id, entry, salt, body, content FROM texts{num}"
            " WHERE id IN (SELECT value FROM json_each(?))",
            (str(wanted),),
        )
        found.update((id, Text(*row)) for id, *row in rows)
    return found


def find(
    connection: Connection, expression: str, conversation: int | None, limit: int
) -> list[int]:
    """Ids of the newest `limit` texts that match, newest first (by the millisecond)."""
    if conversation is not None:
        expression = f'{{c}} : "c{conversation}" AND {expression}'
    found: list[tuple[int, int]] = []
    chapters = connection.all("SELECT num, top FROM chapters WHERE top > 0 ORDER BY top DESC")
    for num, top in chapters:
        if len(found) == limit and found[-1][0] > top:
            break
        rows = connection.all(
            f"SELECT rowid FROM words{num} WHERE words{num} MATCH ? ORDER BY rowid DESC LIMIT ?",
            (expression, limit),
        )
        base = num << ID_BITS
        fresh = ((place, base | (place & _LOW)) for (place,) in rows)
        found = list(islice(heapq.merge(found, fresh, reverse=True), limit))
    return [id for _, id in found]


class Chapters:
    """The writer's side. Rows are gathered and written by `flush`, within the transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._num = 0
        self._used = 0
        self._bytes = 0
        self._tops: dict[int, int] = {}
        self._texts: dict[int, list[tuple[int, int, Any, Any, Any]]] = {}
        self._added: dict[int, dict[int, tuple[str, str]]] = {}
        self._removed: dict[int, dict[int, tuple[str, str]]] = {}
        self.reload()

    def reload(self) -> None:
        """Forget what is gathered, and see where the last transaction left off."""
        self._texts.clear()
        self._added.clear()
        self._removed.clear()
        rows = self._connection.all("SELECT num, used, bytes, top FROM chapters")
        self._tops = {num: top for num, _, _, top in rows}
        self._num, self._used, self._bytes = max((row[:3] for row in rows), default=(0, 0, 0))

    # -- texts

    def append(
        self, entry: int, salt: bytes | None, body: bytes | None, content: bytes | None
    ) -> int:
        """Keep a text; its id."""
        if not self._num or self._used >= CHAPTER_TEXTS or self._bytes >= CHAPTER_BYTES:
            self._begin()
        id = self._num << ID_BITS | self._used
        self._used += 1
        self._bytes += len(content) if content else 0
        self._texts.setdefault(self._num, []).append((id, entry, salt, body, content))
        return id

    def _begin(self) -> None:
        self.flush()
        num = max(self._tops, default=0) + 1
        self._connection.run(
            f"CREATE TABLE texts{num}("
            " id INTEGER PRIMARY KEY, entry INTEGER NOT NULL, salt BLOB, body BLOB, content BLOB)"
        )
        self._connection.run(
            f"CREATE VIRTUAL TABLE words{num} USING fts5(c, t, content='', columnsize=0,"
            " prefix='1 2', tokenize='unicode61 remove_diacritics 2')"
        )
        self._connection.run("INSERT INTO chapters VALUES(?, 0, 0, 0, 0)", (num,))
        self._tops[num] = 0
        self._num, self._used, self._bytes = num, 0, 0

    def erase(self, id: int) -> None:
        """Take the words of a text out of its row; the row stays, empty."""
        self.flush_texts()
        self._connection.run(
            f"UPDATE texts{id >> ID_BITS} SET salt=NULL, body=NULL, content=NULL WHERE id=?", (id,)
        )

    def mark(self, ids: Iterable[int], dirty: int) -> None:
        """Let `tidy` come by the chapters of these texts."""
        for num in {id >> ID_BITS for id in ids}:
            self._connection.run("UPDATE chapters SET dirty=dirty|? WHERE num=?", (dirty, num))

    # -- index

    def index(self, id: int, clock: int, conversation: int, text: str) -> None:
        """Let the text `id` be found by the words of `text`, at its message's place."""
        place = place_of(clock, id)
        row = (f"c{conversation}", indexed(text))
        self._added.setdefault(id >> ID_BITS, {})[place] = row

    def unindex(self, id: int, clock: int, conversation: int, text: str) -> None:
        """Undo `index`, given the same arguments."""
        num, place = id >> ID_BITS, place_of(clock, id)
        if self._added.get(num, {}).pop(place, None) is None:
            row = (f"c{conversation}", indexed(text))
            self._removed.setdefault(num, {})[place] = row

    def flush(self) -> None:
        self.flush_texts()
        for num, removed in self._removed.items():
            self._connection.executemany(
                f"INSERT INTO words{num}(words{num}, rowid, c, t) VALUES('delete', ?, ?, ?)",
                [(place, *removed[place]) for place in sorted(removed)],
            )
        self._removed.clear()
        for num, added in self._added.items():
            # FTS5 begins a new segment at every rowid that isn't above the one before.
            self._connection.executemany(
                f"INSERT INTO words{num}(rowid, c, t) VALUES(?, ?, ?)",
                [(place, *added[place]) for place in sorted(added)],
            )
            if added:
                self._tops[num] = max(self._tops[num], max(added))
                self._connection.run(
                    "UPDATE chapters SET top=? WHERE num=?", (self._tops[num], num)
                )
        self._added.clear()

    def flush_texts(self) -> None:
        """Before anything reads texts."""
        for num, rows in self._texts.items():
            self._connection.executemany(f"INSERT INTO texts{num} VALUES(?, ?, ?, ?, ?)", rows)
        if self._texts:
            self._connection.run(
                "UPDATE chapters SET used=?, bytes=? WHERE num=?",
                (self._used, self._bytes, self._num),
            )
        self._texts.clear()

    # -- tidying

    def dirty(self) -> list[tuple[int, int]]:
        """(chapter, what to do) of those that `tidy` has to come by."""
        return self._connection.all("SELECT num, dirty FROM chapters WHERE dirty > 0")

    def tidy(self, num: int, dirty: int) -> None:
        """Do it, within a transaction."""
        if dirty & COMPACT:
            self._compact(num)
        if num in self._tops:
            if dirty & PURGE:
                self._purge(num)
            self._connection.run("UPDATE chapters SET dirty=0 WHERE num=?", (num,))

    def _purge(self, num: int) -> None:
        """Leave nothing of removed words, nor of cells that were moved, in the index's pages."""
        self._connection.run(f"INSERT INTO words{num}(words{num}) VALUES('optimize')")
        for table, order in ((f"words{num}_data", "id"), (f"words{num}_idx", "segid, term")):
            self._rewrite(table, "", order)

    def _compact(self, num: int) -> None:
        """Give back the pages of erased texts: all of them where none is left, else once more
        than half are erased."""
        texts = f"texts{num}"
        alive = "body NOT NULL OR content NOT NULL"
        row = self._connection.one(f"SELECT count(*), total({alive}) FROM {texts}")
        rows, living = row if row else (0, 0)
        if num != self._num and not living:
            self._connection.run(f"DROP TABLE {texts}")
            self._connection.run(f"DROP TABLE words{num}")
            self._connection.run("DELETE FROM chapters WHERE num=?", (num,))
            del self._tops[num]
        elif num != self._num and living * 2 < rows:
            self._rewrite(texts, f"WHERE {alive}", "id")

    def _rewrite(self, table: str, where: str, order: str) -> None:
        """Write a table anew in the order of its key: rows are appended, so no cell moves, and
        the pages it had are overwritten as they are freed."""
        run = self._connection.run
        run(f"CREATE TEMP TABLE rewritten AS SELECT * FROM main.{table} {where}")
        run(f"DELETE FROM main.{table}")
        run(f"INSERT INTO main.{table} SELECT * FROM temp.rewritten ORDER BY {order}")
        run("DROP TABLE temp.rewritten")
