"""Attacks of a linked device with entries: forged, forked, from impossible times."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import msgspec
from hostile import LOBBY, Address, Author, Peer, attack, new_identity, now_ms

from p2pchat.model.entry import EntryKind, Header, TextBody, WireEntry
from p2pchat.model.ids import ConversationId
from p2pchat.protocol import entries, wire
from p2pchat.protocol.hashing import body_hash

WEEKS_3_MS = 21 * 24 * 3600 * 1000


def push(peer: Peer, made: Sequence[WireEntry], hops: int = 1) -> None:
    for part in wire.chunks(list(made)):
        peer.send(wire.Push(LOBBY, part, hops))


def linked(address: Address, **fields: object) -> Peer:
    """A link whose device has told of itself."""
    peer = Peer(address, **fields)  # type: ignore[arg-type]  # fields of Hello
    peer.say()
    peer.wait(wire.Records)
    return peer


def ask_vector(peer: Peer, conversation: ConversationId = LOBBY) -> wire.Vector:
    """What the node has. Who is still being greeted is answered later, so ask again."""
    for _ in range(20):
        peer.send(wire.Digest(conversation, bytes(16)))
        with contextlib.suppress(TimeoutError):
            vector: wire.Vector = peer.wait(
                wire.Vector,
                lambda frame: bool(frame.conversation == conversation and frame.rows),
                0.5,
            )
            return vector
    raise TimeoutError("no vector")


@attack
def forged_author(address: Address) -> None:
    """Entries in a feed of somebody else's device, and a feed that somebody else would vouch
    for. Each ends its link."""
    other = Author()
    taken = Author(feed=other.feed)
    vouched = Author()
    for made in (
        taken.open(),
        taken.text("not from the device of this feed"),
        vouched.open(vouch=other.identity.vouch),
        Author(identity=other.identity, feed=Author().feed).text("nor this"),
    ):
        peer = linked(address)
        push(peer, [made])
        peer.expect_closed()


@attack
def altered_entries(address: Address) -> None:
    """Signed ones with another body, another salt, a cut header. Each ends its link."""
    author = Author()
    push(peer := linked(address), [author.open()])
    made = author.text("as it was signed")
    replace = msgspec.structs.replace
    for altered in (
        replace(made, body=msgspec.msgpack.encode(TextBody("otherwise"))),
        replace(made, salt=bytes(16)),
        replace(made, header=made.header[:-1]),
        replace(made, signature=made.signature[:63]),
    ):
        push(hit := linked(address), [altered])
        hit.expect_closed()
    peer.close()


@attack
def replayed(address: Address) -> object:
    """What honest nodes wrote, again and again and in another order."""
    peer = linked(address)
    vector = ask_vector(peer)
    for query, row in enumerate(vector.rows):
        peer.send(wire.Want(query, LOBBY, row.tip, 0, True))
        peer.wait(wire.Batch, lambda frame: frame.last and frame.query == query)  # noqa: B023 - called at once
    batches = [frame for frame in peer.frames if isinstance(frame, wire.Batch)]
    found = [entry for batch in batches for entry in batch.entries]
    assert found, "there is nothing to replay"
    for _ in range(20):
        push(peer, found[::-1])
        push(peer, found)
        push(peer, found, hops=3)
    return peer


@attack
def reordered(address: Address) -> object:
    """A feed of its own back to front, and with a hole that is never filled."""
    peer = linked(address)
    author = Author()
    made = [author.open(), *(author.text(f"reordered {number}") for number in range(200))]
    for entry in made[::-1]:
        push(peer, [entry])
    holed = Author()
    kept = [holed.open(), *(holed.text(f"holed {number}") for number in range(60))]
    for entry in kept[::2]:
        push(peer, [entry])
    return peer


@attack
def forked_feed(address: Address) -> object:
    """One device writes two histories."""
    peer = linked(address)
    author = Author(identity=peer.identity)
    push(peer, [author.open()])
    seq, tip = author.seq, author.tip
    push(peer, [author.text("the one history"), author.text("goes on")])
    author.back(seq, tip)
    push(peer, [author.text("the other history"), author.text("goes on too")])
    return peer


@attack
def fork_bomb(address: Address) -> object:
    """One device writes thousands of histories."""
    peer = linked(address)
    author = Author(identity=peer.identity)
    push(peer, [author.open()])
    seq, tip = author.seq, author.tip
    made = []
    for number in range(6000):
        author.back(seq, tip)
        made.append(author.text(f"history {number}"))
    with contextlib.suppress(OSError):
        push(peer, made)
    return peer


@attack
def impossible_clocks(address: Address) -> object:
    """Entries from the end of time, from three weeks ahead, and from its beginning; in between a
    Hello that claims to live there, so that the median would follow."""
    peers = []
    for wall_ms in (now_ms(), now_ms() + 10 * WEEKS_3_MS, (1 << 53) - 1, 1):
        peer = linked(address, wall_ms=wall_ms)
        author = Author(identity=peer.identity)
        push(peer, [author.open()])
        for clock in (1 << 62, (1 << 63) - 1, now_ms() + WEEKS_3_MS << 16, 0, 1):
            fields = {"clock": clock, "sent_at": clock >> 16}
            push(peer, [author.text(f"clock {clock} of {wall_ms}", **fields)])
        push(peer, [author.text("sent at the end of time", sent_at=(1 << 53) - 1)])
        peers.append(peer)
    return peers


@attack
def odd_bodies(address: Address) -> object:
    """Signed entries whose bodies aren't what their kinds say."""
    peer = linked(address)
    author = Author(identity=peer.identity)
    made = [author.open()]
    bodies = (
        b"",
        b"\xc1",
        b"\x91" * 20_000,
        b"\x93\xa3\xed\xa0\x80\xa0\x90",
        msgspec.msgpack.encode(["x" * 17_000, b"", []]),
        msgspec.msgpack.encode(["\x1b]0;odd\x07\x1b[2J\u202e\u2066\r\n\0", b"", []]),
        msgspec.msgpack.encode(["\x1b[2J\u202egnp.exe\u2066\r\n\x07\0", b"", ["\x1b"] * 3]),
        msgspec.msgpack.encode([b"\xff" * 32, "\u202e\x00name/../..", (1 << 64) - 1, "\x1b"]),
    )
    for plain in bodies:
        for kind in (*EntryKind, 99, 65_535):
            if kind != EntryKind.OPEN:
                target = made[0].signature[:32] if kind in (2, 3, 4) else b""
                made.append(author.write(kind, plain=plain, target=target))
    push(peer, made)
    return peer


@attack
def flood_of_entries(address: Address) -> object:
    """Valid ones, as fast as they go: many feeds and many entries."""
    peer = linked(address)
    made = []
    for number in range(300):
        author = Author(identity=new_identity())
        made.append(author.open())
        made += [author.text(f"flood {number} {count}") for count in range(20)]
    with contextlib.suppress(OSError):
        for at in range(0, len(made), 4):
            push(peer, made[at : at + 4])
    return peer


@attack
def bad_signatures(address: Address) -> object:
    """Thousands that look well and aren't signed. A connection's first ends it, unless they come
    so fast that nobody looks at them."""
    author = Author()
    made = author.text("x")
    header = entries.read_header(made.header)
    forged = []
    for number in range(150):
        plain = entries.encode_body(TextBody(f"forged {number}"))
        other: Header = msgspec.structs.replace(
            header, clock=header.clock + number, body_hash=body_hash(bytes(16), plain)
        )
        raw = entries.encode_header(other)
        forged.append(WireEntry(raw, bytes(64), bytes(16), plain))
    for _ in range(20):
        peer = linked(address)
        with contextlib.suppress(OSError):
            for _ in range(50):
                push(peer, forged)
    return None
