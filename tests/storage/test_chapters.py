"""The index of a chapter keeps no copy of removed words in the unused parts of its pages."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from p2pchat.storage.chapters import PURGE, Chapters
from p2pchat.storage.database import Connection
from p2pchat.storage.schema import TABLES


def word(rng: random.Random) -> str:
    return "".join(rng.choices("bcdfghjklmnpqrstvwxz", k=14))


@pytest.mark.parametrize("seed", [292, 303])
def test_no_copy_of_a_moved_cell_stays(tmp_path: Path, seed: int) -> None:
    """With these seeds, merging the index alone leaves a word behind: SQLite moved its cell to
    another page before it was deleted. The file isn't encrypted, so that it can be searched."""
    rng = random.Random(seed)
    connection = Connection(str(tmp_path / "plain.db"))
    connection.run("PRAGMA journal_mode=WAL")
    connection.run("PRAGMA secure_delete=ON")
    connection.run(TABLES)
    chapters, texts = Chapters(connection), dict[int, tuple[int, str]]()
    for _ in range(40):
        connection.run("BEGIN")
        for _ in range(rng.choice((1, 5, 40, 200))):
            id = chapters.append(1, None, None, b"x")
            text, clock = f"{word(rng)} {word(rng)}", rng.randrange(1 << 40) << 16
            texts[id] = (clock, text)
            chapters.index(id, clock, 1, text)
        chapters.flush()
        connection.run("COMMIT")
    gone = rng.sample(sorted(texts), len(texts) // 10)
    connection.run("BEGIN")
    for id in gone:
        chapters.unindex(id, texts[id][0], 1, texts[id][1])
    chapters.flush()
    chapters.tidy(1, PURGE)
    connection.run("COMMIT")
    connection.run("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    plain = (tmp_path / "plain.db").read_bytes()
    # The index leaves out the first letters that a word shares with the one before it.
    words = [found[4:].encode() for id in gone for found in texts[id][1].split()]
    assert [found for found in words if found in plain] == []
