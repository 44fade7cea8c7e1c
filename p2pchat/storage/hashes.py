"""Finding entries by their hash.

Hashes are random: in one index of a large store every new entry changes a page of its own, 4 KiB
for each message of some hundred bytes. So the index lies in parts by the entries' numbers, each
small enough to stay in the cache while it grows; looking a hash up asks the parts, newest first.
"""

from __future__ import annotations

from collections.abc import Sequence

from p2pchat.storage.database import Connection

PART_BITS = 15
"""32,768 entries in a part: some 600 KB, and 31 parts for a million entries."""


def part_of(entry: int) -> int:
    return entry >> PART_BITS


def key_of(hash: bytes) -> int:
    """What stands in the index for a hash: its first 8 bytes, as SQLite's integer."""
    return int.from_bytes(hash[:8], "big", signed=True)


def find_id(connection: Connection, hash: bytes) -> int | None:
    """The number of the entry with this hash."""
    newest = connection.one("SELECT max(id) FROM entries")
    if newest is None or newest[0] is None:
        return None
    key = key_of(hash)
    for part in range(part_of(newest[0]), -1, -1):
        for (id,) in connection.all(f"SELECT entry FROM hashes{part} WHERE key=?", (key,)):
            row = connection.one("SELECT hash FROM entries WHERE id=?", (id,))
            if row is not None and row[0] == hash:
                found: int = id
                return found
    return None


def add(connection: Connection, entries: Sequence[tuple[int, bytes]]) -> None:
    """Entries that were put, as (number, hash); their numbers rise."""
    parts: dict[int, list[tuple[int, int]]] = {}
    for id, hash in entries:
        parts.setdefault(part_of(id), []).append((key_of(hash), id))
    for part, rows in parts.items():
        sql = f"INSERT INTO hashes{part} VALUES(?, ?)"
        connection.executemany(sql, sorted(rows))


def prepare(connection: Connection, entry: int) -> int:
    """Make the part for this entry; the first number that belongs into the next one."""
    part = part_of(entry)
    connection.run(
        f"CREATE TABLE IF NOT EXISTS hashes{part}("
        " key INTEGER, entry INTEGER, PRIMARY KEY(key, entry)) WITHOUT ROWID"
    )
    return (part + 1) << PART_BITS


def remove(connection: Connection, id: int, hash: bytes) -> None:
    connection.run(f"DELETE FROM hashes{part_of(id)} WHERE key=? AND entry=?", (key_of(hash), id))
