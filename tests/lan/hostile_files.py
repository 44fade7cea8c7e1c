"""Attacks with files: sources that lie or dawdle, askers who may not, floods on links for files."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial

import msgspec
from hostile import LOBBY, WAIT_S, Address, Author, Peer, attack, device, now_ms, packed
from hostile_entries import ask_vector, linked, push

from p2pchat.config import limits
from p2pchat.model.entry import EntryKind, FileBody, WireEntry
from p2pchat.model.ids import EntryHash, InstanceId
from p2pchat.model.stream import Block, Stream, block_size, piece_size
from p2pchat.protocol import entries, wire
from p2pchat.protocol.hashing import entry_hash
from p2pchat.protocol.swarm import frames

FLOOD_S = 1.0
MIB = 1024 * 1024


class Source:
    """A device with a link and a connection for files beside it."""

    def __init__(self, address: Address, reads: bool = True) -> None:
        self._since = now_ms() << 16
        self.instance = InstanceId(os.urandom(16))
        self.chat = Peer(address, instance=self.instance)
        self.chat.say()
        self.chat.wait(wire.Records)
        self.bulk = self.beside(address, reads)

    def beside(self, address: Address, reads: bool = True) -> Peer:
        """One more connection for files."""
        return Peer(
            address,
            self.chat.identity,
            reads=reads,
            instance=self.instance,
            purpose=wire.BULK,
        )

    def send(self, *said: frames.Frame) -> None:
        self.bulk.send_raw(b"".join(packed(frames.encode(frame)) for frame in said))

    def flood(self, frame: frames.Frame, seconds: float = FLOOD_S) -> int:
        once = packed(frames.encode(frame))
        return self.bulk.flood(once * (256 * 1024 // len(once) + 1), seconds)

    def offer(self) -> tuple[EntryHash, FileBody]:
        """The first offer in the lobby since this one came, pushed here or not."""
        ends, seen, asked = time.monotonic() + WAIT_S, 0, set()
        while time.monotonic() < ends:
            self.chat.send(wire.Digest(LOBBY, bytes(16)))
            self.chat.closed.wait(0.1)
            for frame in self.chat.frames[seen:]:
                seen += 1
                rows = frame.rows if isinstance(frame, wire.Vector) else ()
                for row in rows:
                    if row.tip not in asked:
                        asked.add(row.tip)
                        self.chat.send(
                            wire.Want(seen, LOBBY, row.tip, max(0, row.high - 40), False)
                        )
                if isinstance(frame, wire.Push | wire.Batch):
                    for found in _offer_in(frame.entries, self._since):
                        return found
        raise TimeoutError("no offer came")


def _offer_in(made: Iterable[WireEntry], since: int = 0) -> Iterator[tuple[EntryHash, FileBody]]:
    for entry in made:
        header = entries.read_header(entry.header)
        if header.kind == EntryKind.FILE and header.clock >= since and entry.body:
            body = msgspec.msgpack.decode(entry.body, type=FileBody)
            yield entry_hash(entry.header), body


def answer(source: Source, reply: Callable[[frames.Wanted], None]) -> None:
    """Answer each Wanted, in a thread."""

    def run() -> None:
        seen = 0
        with contextlib.suppress(OSError, TimeoutError):
            while not source.bulk.closed.is_set():
                source.bulk.wait_more(seen)
                for frame in source.bulk.frames[seen:]:
                    seen += 1
                    if isinstance(frame, frames.Wanted):
                        reply(frame)

    threading.Thread(target=run, daemon=True).start()


def claim(source: Source, file: EntryHash) -> None:
    """Say that all of it is here."""
    source.send(frames.Have(file, frames.WHOLE, 0, b"", True))


def parts(wanted: frames.Wanted, data: bytes) -> list[frames.Frame]:
    view = memoryview(data)
    return [
        frames.Piece(wanted.file, wanted.layer, wanted.index, at, view[at : at + limits.PART_BYTES])
        for at in range(0, len(data), limits.PART_BYTES)
    ]


@attack
def bad_source(address: Address, how: str) -> object:
    """Have all of the first file that is offered, and give it away in this manner once asked."""
    source = Source(address)
    file, body = source.offer()

    def reply(wanted: frames.Wanted) -> None:
        if how == "silent":
            return
        if how == "refuses":
            source.send(
                frames.Refused(file, wanted.layer, wanted.index, frames.Reason.LACKING.value)
            )
            return
        if how == "takes back":
            source.send(
                frames.Refused(file, wanted.layer, wanted.index, frames.Reason.LACKING.value)
            )
            claim(source, file)
            return
        index = 0 if wanted.index == frames.ANY else wanted.index
        told = frames.Wanted(file, wanted.layer, index)
        size = block_size(body.stream, Block(told.layer, told.index))
        if how == "wrong":
            source.send(*parts(told, os.urandom(size)))
            return
        if how == "too long":
            source.send(*parts(told, os.urandom(size + 1)))
            return
        if how == "half":
            source.send(frames.Piece(file, told.layer, told.index, 0, memoryview(bytes(4096))))
            return
        for piece in range(0, size, 4096):  # the smallest part that is taken, every 4 s
            data = bytes(min(4096, size - piece))
            source.send(frames.Piece(file, told.layer, told.index, piece, memoryview(data)))
            if source.bulk.closed.wait(4.0):
                return

    answer(source, reply)
    source.bulk.wait(frames.Follow, partial(_follows, file))  # before, nobody would listen
    claim(source, file)
    source.bulk.wait(frames.Wanted)
    return source


# -- who may not


@attack
def asks_by_id(address: Address, *ids: str) -> object:
    """Somebody asks for files of which it knows nothing but the names."""
    source = Source(address)
    ask(source, [EntryHash(bytes.fromhex(text)) for text in ids])
    return source


def ask(source: Source, files: Iterable[EntryHash]) -> None:
    """Ask for files that one may not have. Each request is answered, and by nothing but a no."""
    for file in files:
        source.send(frames.Follow(file, True))
        for layer, index in ((0, frames.ANY), (0, 0), (0, 1), (1, 0)):
            source.send(frames.Wanted(file, layer, index))
            source.bulk.wait(frames.Refused, partial(_answers, (file, layer, index)))
    for frame in source.bulk.frames:
        assert isinstance(frame, frames.Refused | wire.Hello), frame
        if isinstance(frame, frames.Refused):
            assert frame.reason == frames.Reason.GONE


@attack
def holder(address: Address) -> object:
    """Keeps the ciphertext of a direct message for who is off, and asks for the file in it."""
    source = Source(address)
    asked = source.chat.wait(wire.Direct)
    conversation = asked.conversation
    source.chat.send(wire.DirectAnswer(conversation, True))
    vector = ask_vector(source.chat, conversation)
    for query, row in enumerate(vector.rows):
        source.chat.send(wire.Want(query, conversation, row.tip, 0, True))
    batch = source.chat.wait(wire.Batch, lambda frame: frame.conversation == conversation)
    offers = [
        entry_hash(entry.header)
        for entry in batch.entries
        if entries.read_header(entry.header).kind == EntryKind.FILE
    ]
    assert offers, "no offer is held"
    ask(source, offers)
    return source


def _answers(asked: tuple[EntryHash, int, int], frame: frames.Refused) -> bool:
    return (frame.file, frame.layer, frame.index) == asked


# -- floods


@attack
def junk_on_bulk(address: Address) -> object:
    """Each of these ends its connection."""
    source = Source(address)
    file = os.urandom(32)
    for raw in (
        b"\xc1",
        b"\0" + os.urandom(2000),  # random bytes alone: one in 24 is a frame of a later version
        b"\x91" * limits.PART_BYTES,
        frames.encode(frames.Follow(b"short", True)),
        frames.encode(frames.Wanted(os.urandom(40), 0, 0)),
    ):
        source.bulk.send_raw(packed(raw))
        source.bulk.expect_closed()
        source.bulk = source.beside(address)
    source.bulk.send_raw((limits.BULK_FRAME_BYTES + 1).to_bytes(4, "big"))
    source.bulk.expect_closed()
    source.bulk = source.beside(address)
    # And these don't.
    source.bulk.send(wire.Ping(1), wire.Twin(b"", b"", b""))
    source.send(
        frames.Piece(file, 0, 0, 0, memoryview(bytes(limits.PART_BYTES))),
        frames.Refused(file, 0, 0, "whatever"),
        frames.Have(file, 0, 8, b"\xff", False),
        frames.Got(file, 0, (1, 2, 3)),
    )
    return source


@attack
def unknown_files(address: Address) -> object:
    """Thousands of files that don't exist are followed and asked for."""
    source = Source(address)
    for _ in range(20):
        source.send(*(frames.Follow(os.urandom(32), True) for _ in range(500)))
        source.send(*(frames.Wanted(os.urandom(32), 0, frames.ANY) for _ in range(500)))
    return source


@attack
def endless_news(address: Address) -> object:
    """Haves and Gots of a file that is fetched, without an end."""
    source = Source(address)
    file, body = source.offer()
    count = -(-body.stream.size // body.stream.piece)
    bits = bytes(count // 8)
    for frame in (
        frames.Have(file, 0, 0, bits, False),
        frames.Got(file, 0, tuple(range(min(count, limits.GOT_BLOCKS)))),
        frames.Have(file, frames.WHOLE, 0, b"", True),
        frames.Follow(file, False),
    ):
        source.flood(frame, FLOOD_S / 2)
    return source


@attack
def wants_without_reading(address: Address) -> object:
    """Pieces are asked for as fast as it goes, and nobody reads them."""
    source = Source(address)
    file, body = source.offer()
    kept: list[object] = [source]
    count = -(-body.stream.size // body.stream.piece)
    asked = [frames.Wanted(file, 0, index) for index in range(count)]
    for wanted in (asked, [frames.Wanted(file, 0, frames.ANY)], [frames.Wanted(bytes(32), 0, 0)]):
        deaf = source.beside(address, reads=False)
        deaf.tls.settimeout(FLOOD_S)
        once = b"".join(packed(frames.encode(frame)) for frame in wanted)
        deaf.flood(once * (256 * 1024 // len(once) + 1), FLOOD_S)
        deaf.close()
    return kept


@attack
def many_bulks(address: Address) -> object:
    """Connections for files of devices without a link, and a hundred of one that has one."""
    kept: list[object] = []
    for _ in range(50):
        with contextlib.suppress(OSError):
            kept.append(Peer(address, purpose=wire.BULK))
    source = Source(address)
    kept.append(source)
    for _ in range(100):
        with contextlib.suppress(OSError):
            kept.append(source.beside(address))
    return kept


@attack
def reports(address: Address, *ids: str) -> object:
    """How far somebody says to have a file: changing all the time, of many that don't exist."""
    source = linked(address)
    for text in ids:
        file = EntryHash(bytes.fromhex(text))
        said = [
            wire.FileReport(LOBBY, file, number, state)
            for number in range(50)
            for state in ("fetching", "paused", "nonsense", "failed")
        ]
        once = b"".join(packed(wire.encode(frame)) for frame in said)
        source.flood(once * 20, FLOOD_S)
    made_up = [wire.FileReport(LOBBY, EntryHash(os.urandom(32)), 1, "paused") for _ in range(5000)]
    made_up += [wire.FileReport(LOBBY, EntryHash(os.urandom(60_000)), 1, "paused")] * 500
    source.send(*made_up)
    return source


@attack
def dial_me(address: Address) -> object:
    """Asks to be dialled without an end, at addresses that aren't its own."""
    source = linked(address)
    elsewhere = tuple((f"10.77.9.{number}", number) for number in range(1, 9))
    told = device(source.identity, addresses=elsewhere, counter=now_ms() + 1)
    source.send(wire.Records((), (told,)))
    source.flood(packed(wire.encode(wire.BulkBack())) * 1000, FLOOD_S)
    return source


# -- offers


def stream(size: int, piece: int = 0, manifest: int = 0) -> Stream:
    return Stream(os.urandom(32), size, piece or piece_size(size), manifest)


@attack
def impossible_offers(address: Address, good_name: str) -> object:
    """Offers that break the form, then one with an odd name that doesn't."""
    peer = linked(address)
    author = Author(identity=peer.identity)
    made = [author.open()]
    one = stream(1000)
    bodies = (
        FileBody("huge", "a/b", stream(1 << 60), 1 << 60),
        FileBody("beyond", "a/b", stream(1 << 63), 1 << 63),
        FileBody("piece", "a/b", stream(1000, 7), 1000),
        FileBody("none", "a/b", Stream(one.root, 1000, 0), 1000),
        FileBody("root", "a/b", Stream(b"x", 1000, one.piece), 1000),
        FileBody("manifest", "a/b", stream(1000, manifest=2000), 10),
        FileBody("negative", "a/b", Stream(one.root, -5, one.piece), -5),
        FileBody("other size", "a/b", one, 5),
        FileBody("count", "a/b", one, 1000, 1 << 40),
        FileBody("n" * 10_000, "a/b", one, 1000),
        FileBody("", "a/b", one, 1000),
        FileBody("mime", "m" * 10_000, one, 1000),
    )
    made += [author.write(EntryKind.FILE, body) for body in bodies]
    made.append(author.write(EntryKind.FILE, plain=b"\x95\xa1x"))
    made.append(
        author.write(EntryKind.FILE, FileBody(bytes.fromhex(good_name).decode(), "a/b", one, 1000))
    )
    push(peer, made)
    return peer


@attack
def offers_without_end(address: Address, count: str) -> object:
    """Thousands of tiny files that nobody has."""
    peer = linked(address)
    author = Author(identity=peer.identity)
    made = [author.open()]
    for number in range(int(count)):
        body = FileBody(f"tiny {number}", "a/b", stream(1), 1)
        made.append(author.write(EntryKind.FILE, body, sent_at=now_ms()))
    push(peer, made)
    return peer


@attack
def odd_files(address: Address, *names: str) -> object:
    """Offers with names that are there to do harm, and somebody who has the files."""
    from blake3 import blake3

    source = Source(address)
    author = Author(identity=source.chat.identity)
    made, held = [author.open()], {}
    for name in names:
        data = b"odd " + bytes.fromhex(name)
        one = Stream(blake3(data).digest(), len(data), piece_size(len(data)))
        body = FileBody(bytes.fromhex(name).decode(), "text/plain", one, len(data))
        made.append(author.write(EntryKind.FILE, body))
        held[entry_hash(made[-1].header)] = data
    answer(source, lambda wanted: source.send(*parts_of_any(wanted, held[EntryHash(wanted.file)])))
    push(source.chat, made)
    for file in held:
        source.bulk.wait(frames.Follow, partial(_follows, file))  # before, nobody would listen
        claim(source, file)
    return source


def _follows(file: EntryHash, frame: frames.Follow) -> bool:
    return frame.file == file and frame.on


def parts_of_any(wanted: frames.Wanted, data: bytes) -> list[frames.Frame]:
    return parts(frames.Wanted(wanted.file, 0, 0), data)
