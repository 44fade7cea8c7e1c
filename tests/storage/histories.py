"""Entries for tests of the store, which verifies nothing: real hashes, made-up signatures."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec
from blake3 import blake3

from p2pchat.model.entry import (
    Content,
    Entry,
    EntryKind,
    Header,
    OpenBody,
    ReactBody,
    TextBody,
    WireEntry,
)
from p2pchat.model.ids import ConversationId, EntryHash, FeedId, PeerId
from p2pchat.model.records import PutEntry, Write

KEY = bytes(range(32))
ROOM = ConversationId(b"R" * 32)
ME = PeerId("m" * 32)
START_MS = 1_790_000_000_000
SIGNATURE = b"s" * 64


def peer(letter: str) -> PeerId:
    return PeerId(letter * 32)


@dataclass
class Author:
    """Writes one feed; every entry follows the last one made, unless told otherwise."""

    person: PeerId
    conversation: ConversationId = ROOM
    device: bytes = b""
    mine: bool = False
    clock_ms: int = START_MS
    made: list[Entry] = field(default_factory=list)

    def __post_init__(self) -> None:
        name = self.device or self.person.encode()
        self.feed = FeedId(blake3(name).digest() + blake3(name + self.conversation).digest()[:8])

    def entry(
        self,
        kind: int,
        content: Content = None,
        target: bytes = b"",
        *,
        after: Entry | None = None,
        clock_ms: int | None = None,
        sent_at: int | None = None,
        readable: bool = True,
        late: bool = False,
        author: PeerId | None = None,
    ) -> Entry:
        last = after or (self.made[-1] if self.made else None)
        self.clock_ms = clock_ms if clock_ms is not None else self.clock_ms + 1000
        body = b"" if content is None else msgspec.msgpack.encode(content)
        body = body if readable else blake3(body).digest() + bytes(len(body))
        salt = blake3(body + bytes([len(self.made) % 256])).digest()[:16]
        header = Header(
            version=1,
            conversation=self.conversation,
            feed=self.feed,
            seq=last.header.seq + 1 if last else 0,
            prev=last.hash if last else b"",
            heads=(),
            clock=self.clock_ms << 16,
            sent_at=self.clock_ms if sent_at is None else sent_at,
            kind=kind,
            target=target,
            body_hash=blake3(salt + body).digest(),
            key_id=b"" if readable else b"k" * 16,
        )
        raw = msgspec.msgpack.encode(header)
        made = Entry(
            hash=EntryHash(blake3(raw).digest()),
            header=header,
            wire=WireEntry(raw, SIGNATURE, salt, body),
            author=self.person if author is None else author,
            content=content if readable else None,
            readable=readable,
            late=late,
            own=self.mine,
            mine=self.mine,
        )
        self.made.append(made)
        return made

    def open(self) -> Entry:
        key = blake3(self.person.encode()).digest()
        return self.entry(EntryKind.OPEN, OpenBody(key, b"v" * 64))

    def text(
        self, text: str, *, mentions: Sequence[PeerId] = (), reply_to: bytes = b"", **how: object
    ) -> Entry:
        return self.entry(
            EntryKind.TEXT,
            TextBody(text, reply_to, tuple(mentions)),
            **how,  # type: ignore[arg-type]  # handed on to `entry`
        )

    def edit(self, target: Entry, text: str, mentions: Sequence[PeerId] = ()) -> Entry:
        return self.entry(EntryKind.EDIT, TextBody(text, b"", tuple(mentions)), target.hash)

    def delete(self, target: Entry) -> Entry:
        return self.entry(EntryKind.DELETE, None, target.hash)

    def react(self, target: Entry, emoji: str, on: bool = True) -> Entry:
        return self.entry(EntryKind.REACT, ReactBody(emoji, on), target.hash)


def puts(*entries: Entry, mine: bool = True) -> list[Write]:
    return [PutEntry(entry, mine) for entry in entries]


def without_body(entry: Entry) -> Entry:
    """As it comes from one who has had a deletion."""
    wire = msgspec.structs.replace(entry.wire, salt=b"", body=None)
    return msgspec.structs.replace(entry, wire=wire, content=None)


def sealed(entry: Entry) -> Entry:
    """As it comes where its key isn't known."""
    return msgspec.structs.replace(entry, content=None, readable=False)


def shuffled(entries: Sequence[Entry], seed: int) -> list[Entry]:
    mixed = list(entries)
    random.Random(seed).shuffle(mixed)
    return mixed
