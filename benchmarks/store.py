"""The store: putting messages, opening and searching a conversation of a million, loading it.

    python benchmarks/store.py [--messages N] [--directory DIR]

Makes a store in a temporary folder, of about 1 KB for each message.
"""

from __future__ import annotations

import argparse
import itertools
import os
import random
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from blake3 import blake3
from report import Figure, percentile, tell

from p2pchat.model.entry import (
    Content,
    Entry,
    EntryKind,
    Header,
    OpenBody,
    TextBody,
    WireEntry,
)
from p2pchat.model.ids import ConversationId, EntryHash, FeedId, PeerId
from p2pchat.model.records import ConversationKind, ConversationRow, PutConversation, PutEntry
from p2pchat.storage.store import SqliteStore

ROOM = ConversationId(b"R" * 32)
KEY = bytes(range(32))
FEEDS = 40
BATCH = 1000
START_MS = 1_700_000_000_000
_encode = msgspec.msgpack.Encoder().encode


def vocabulary() -> tuple[list[str], list[float]]:
    """20,000 words, as frequent as words are (Zipf)."""
    rng = random.Random(1)
    letters = "etaoinshrdlucmfwypvbgkjqxz"
    words = ["".join(rng.choices(letters, k=rng.randint(2, 9))) for _ in range(20_000)]
    return words, list(itertools.accumulate(1 / (rank + 1) for rank in range(len(words))))


class Writer:
    """One feed of made-up entries with real hashes."""

    def __init__(self, number: int) -> None:
        self.feed = FeedId(blake3(b"%d" % number).digest() + b"feedfeed")
        self.person = PeerId(f"{number:032}")
        self.seq = 0
        self.last = b""

    def entry(self, kind: int, content: Content, clock_ms: int, target: bytes = b"") -> Entry:
        body, salt = _encode(content) if content else b"", os.urandom(16)
        header = Header(
            version=1,
            conversation=ROOM,
            feed=self.feed,
            seq=self.seq,
            prev=self.last,
            heads=(os.urandom(32),),
            clock=clock_ms << 16,
            sent_at=clock_ms,
            kind=kind,
            target=target,
            body_hash=os.urandom(32),
            key_id=b"",
        )
        raw = _encode(header)
        hash = EntryHash(blake3(raw).digest())
        self.seq, self.last = self.seq + 1, hash
        return Entry(
            hash=hash,
            header=header,
            wire=WireEntry(raw, os.urandom(64), salt, body),
            author=self.person,
            content=content,
            readable=True,
        )


def conversation(count: int) -> Iterator[Entry]:
    words, weights = vocabulary()
    rng = random.Random(2)
    writers = [Writer(number) for number in range(FEEDS)]
    clock = START_MS
    for writer in writers:
        yield writer.entry(EntryKind.OPEN, OpenBody(b"p" * 32, b"v" * 64), clock)
    for number in range(count):
        clock += rng.randint(100, 2000)
        text = " ".join(rng.choices(words, cum_weights=weights, k=rng.randint(3, 15)))
        if rng.random() < 0.3:
            text += " hello"
        if number == count // 3:
            text += " zebrafish 斑马鱼"
        yield rng.choice(writers).entry(EntryKind.TEXT, TextBody(text), clock)


def timed(work: Callable[[], Any], times: int = 5) -> tuple[float, float]:
    """Milliseconds of the first call, and of the slowest of the others."""
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        work()
        taken.append((time.perf_counter() - begun) * 1000)
    return taken[0], max(taken[1:])


def tell_time(name: str, work: Callable[[], Any], at_most: float | None = None) -> None:
    first, later = timed(work)
    tell(Figure(name=name, value=first, unit="ms", at_most=at_most, note=f"then {later:.1f} ms"))


def fill(store: SqliteStore, count: int) -> None:
    row = ConversationRow(id=ROOM, kind=ConversationKind.OPEN, name="room", label="#room")
    store.apply([PutConversation(row)])
    entries = conversation(count)
    taken, stored = 0.0, 0
    while batch := [PutEntry(entry) for entry in itertools.islice(entries, BATCH)]:
        begun = time.perf_counter()
        store.apply(batch)
        taken += time.perf_counter() - begun
        stored += len(batch)
    name = f"store: put, {BATCH:,} in a transaction"
    tell(Figure(name=name, value=stored / taken, unit="/s", at_least=25_000))
    store.tidy()


def commits(store: SqliteStore) -> None:
    writer, taken = Writer(FEEDS + 1), []
    store.apply([PutEntry(writer.entry(EntryKind.OPEN, OpenBody(b"p" * 32, b""), START_MS))])
    for number in range(1000):
        clock = START_MS * 2 + number
        entry = writer.entry(EntryKind.TEXT, TextBody(f"message number {number}"), clock)
        begun = time.perf_counter()
        store.apply([PutEntry(entry)])
        taken.append((time.perf_counter() - begun) * 1000)
    for share in (0.5, 0.99):
        name = f"store: put one, durably, p{share * 100:.0f}"
        tell(Figure(name=name, value=percentile(taken, share), unit="ms"))


def searches(store: SqliteStore) -> None:
    for name, query in (
        ("a rare word", "zebrafish"),
        ("a rare Chinese word", "斑马"),
        ("a common word", "hello"),
        ("a common and a rare word", "hello zebrafish"),
        ("two common words", "hello th"),
        ("the first letter of a word", "h"),
        ("the first two letters of a word", "he"),
        ("a word that nobody wrote", "nobodywrotethis"),
    ):
        tell_time(f"store: search {name}", partial(store.search, query, ROOM, 50), 100)


def reading(path: Path, count: int) -> None:
    tell(Figure(name="store: a message on disk", value=path.stat().st_size / count, unit="B"))
    begun = time.perf_counter()
    store = SqliteStore(path, KEY)
    opened = (time.perf_counter() - begun) * 1000
    tell(Figure(name="store: open the file", value=opened, unit="ms"))
    tell_time("store: load", store.load, 300)
    tell_time(f"store: open a conversation of {count:,}", partial(store.messages, ROOM, 50), 50)
    for share in (0.1, 0.9, 1.0):
        row = store.messages(ROOM, 1)[0]
        since = START_MS + round(share * (row.sent_at - START_MS))
        name = f"store: the first message since {share:.0%} of the time"
        tell_time(name, partial(store.message_since, ROOM, since), 50)
    tell_time("store: overviews", store.overviews)
    searches(store)
    tip = store.load().spans[ROOM][0].tip
    begun = time.perf_counter()
    branch = store.read_branch(ROOM, tip, 0, 1 << 30)
    rate = len(branch) / (time.perf_counter() - begun)
    tell(Figure(name="store: read a branch", value=rate, unit="/s"))
    deletion(store)
    store.close()


def deletion(store: SqliteStore) -> None:
    writer = Writer(0)
    newest = next(row for row in store.messages(ROOM, 2000) if row.feed == writer.feed)
    span = next(s for s in store.load().spans[ROOM] if s.feed == writer.feed)
    writer.seq, writer.last = span.high + 1, span.tip
    entry = writer.entry(EntryKind.DELETE, None, newest.clock >> 16, newest.hash)
    begun = time.perf_counter()
    store.apply([PutEntry(entry)])
    while store.tidy():
        pass
    taken = (time.perf_counter() - begun) * 1000
    tell(Figure(name="store: delete a message without a trace", value=taken, unit="ms"))


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the store.")
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--directory", type=Path, help="where to make the store's folder")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.directory) as directory:
        path = Path(directory) / "store.db"
        store = SqliteStore(path, KEY)
        fill(store, given.messages)
        commits(store)
        store.close()
        reading(path, given.messages)
    highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    tell(Figure(name="store: memory at its highest", value=highest, unit="MiB"))


if __name__ == "__main__":
    main()
