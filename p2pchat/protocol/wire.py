"""The frames of a link: one struct each, in MessagePack arrays led by a number.

Every field is typed and bounded by its frame's size, so that decoding needs no recursion and no
trust. Fields may be added at the end of a frame; older nodes ignore them.
"""

from __future__ import annotations

import msgspec

from p2pchat.config.limits import FRAME_BYTES, HELLO_BYTES
from p2pchat.errors import ProtocolError
from p2pchat.model.entry import WireEntry
from p2pchat.model.frame import RawFrame
from p2pchat.model.ids import ConversationId, DeviceId, EntryHash, FeedId

VERSION_LOW = 1
VERSION_HIGH = 1


class _Frame(msgspec.Struct, frozen=True, array_like=True, gc=False):
    pass


class Hello(_Frame, frozen=True, array_like=True, gc=False, tag=1):
    """The first frame in both directions. Before it nothing of the peer is believed."""

    low: int
    """Lowest protocol version that is spoken; `high` the highest. The highest common one holds."""
    high: int
    network: bytes
    """The network's tag (`hashing.network_tag`)."""
    nonce: bytes
    """32 random bytes for the proofs of this link."""
    wall_ms: int
    code: bool
    """A network code must be proven before anything else."""
    port: int
    """Where this side accepts links; 0: nowhere."""
    agent: str
    purpose: int = 0
    """Of the connection, as its dialler says: 0 a link, BULK a further one for files."""


BULK = 1


class Ping(_Frame, frozen=True, array_like=True, gc=False, tag=2):
    number: int


class Pong(_Frame, frozen=True, array_like=True, gc=False, tag=3):
    number: int


class Goodbye(_Frame, frozen=True, array_like=True, gc=False, tag=4):
    """The last frame. `reason` is one of `leaving`, `duplicate`, `other-network`, `other-version`,
    `wrong-code`, `busy`, `idle`, `blocked`, `protocol`."""

    reason: str


class Records(_Frame, frozen=True, array_like=True, gc=False, tag=5):
    """Signed records of persons and devices, one's own or others' (`announce`)."""

    profiles: tuple[bytes, ...] = ()
    devices: tuple[bytes, ...] = ()


class AvatarWanted(_Frame, frozen=True, array_like=True, gc=False, tag=6):
    digest: bytes


class Avatar(_Frame, frozen=True, array_like=True, gc=False, tag=7):
    image: bytes


class Twin(_Frame, frozen=True, array_like=True, gc=False, tag=8):
    """Another process answers under your device's key; `instance` is the other's. With a nonce:
    let that instance sign it (`twins`); with a proof too: it has."""

    instance: bytes
    nonce: bytes = b""
    proof: bytes = b""


class Digest(_Frame, frozen=True, array_like=True, gc=False, tag=10):
    """A hash over the tips of a conversation. All zero: send me your vector in any case."""

    conversation: ConversationId
    digest: bytes
    lows: bytes = b""
    """A hash over where the sender's spans begin: `conversations.lows_digest`."""


class Row(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A span that a store holds: (feed, low, high, tip)."""

    feed: FeedId
    low: int
    high: int
    tip: EntryHash


class Vector(_Frame, frozen=True, array_like=True, gc=False, tag=11):
    """All spans of a conversation, in parts below the frame limit."""

    conversation: ConversationId
    rows: tuple[Row, ...]
    last: bool
    """No part follows."""
    answer: bool
    """The receiver answers with its own vector where it holds what the sender lacks."""


class Want(_Frame, frozen=True, array_like=True, gc=False, tag=12):
    """Send the branch that ends in `tip`, newest first, down to seq `low`."""

    query: int
    conversation: ConversationId
    tip: EntryHash
    low: int
    first: bool
    """The feed isn't known yet: send its first entry ahead, whatever `low` is."""


class Batch(_Frame, frozen=True, array_like=True, gc=False, tag=13):
    """Part of the answer to a Want."""

    query: int
    conversation: ConversationId
    entries: tuple[WireEntry, ...]
    last: bool
    """Nothing more comes for this query; ask again for what is below."""


class Push(_Frame, frozen=True, array_like=True, gc=False, tag=14):
    """New entries, not asked for."""

    conversation: ConversationId
    entries: tuple[WireEntry, ...]
    hops: int
    """Links crossed on arrival. 0: the author reaches all members, nobody passes it on."""


class IHave(_Frame, frozen=True, array_like=True, gc=False, tag=15):
    """(entry, the hops that its copy would have) for each."""

    conversation: ConversationId
    entries: tuple[tuple[EntryHash, int], ...]


class Graft(_Frame, frozen=True, array_like=True, gc=False, tag=16):
    conversation: ConversationId
    entries: tuple[EntryHash, ...]


class Prune(_Frame, frozen=True, array_like=True, gc=False, tag=17):
    conversation: ConversationId


class Receipt(_Frame, frozen=True, array_like=True, gc=False, tag=18):
    """How far the sender's person has feeds of a conversation: (feed, delivered, read); -1: not
    at all."""

    conversation: ConversationId
    rows: tuple[tuple[FeedId, int, int], ...]


class Typing(_Frame, frozen=True, array_like=True, gc=False, tag=19):
    conversation: ConversationId


class RoomProof(_Frame, frozen=True, array_like=True, gc=False, tag=20):
    """The sender knows the key of this protected room (`sealing.membership_proof`)."""

    conversation: ConversationId
    proof: bytes


class Pake(_Frame, frozen=True, array_like=True, gc=False, tag=21):
    """A step of proving a password (`pake`): of a room, or of the network where `conversation`
    is empty."""

    session: bytes
    conversation: bytes
    step: int
    data: bytes


class Direct(_Frame, frozen=True, array_like=True, gc=False, tag=22):
    """There is a direct conversation of these two here. To one of them: let us compare. To anyone
    else: please keep its ciphertext for the one who is off."""

    conversation: ConversationId
    one: str
    other: str


class DirectAnswer(_Frame, frozen=True, array_like=True, gc=False, tag=23):
    """Whether the ciphertext will be kept; or, unasked, that it is no longer."""

    conversation: ConversationId
    kept: bool


class DialBack(_Frame, frozen=True, array_like=True, gc=False, tag=24):
    """To a common peer: tell `target` that `source` would like to be dialled. The common peer
    passes it on to `target`, with `source` as the link proves it."""

    source: DeviceId
    target: DeviceId


class Tunnel(_Frame, frozen=True, array_like=True, gc=False, tag=25):
    """TLS bytes between two that can't dial each other, through a common peer. Empty data of
    `opening` False ends the tunnel."""

    source: DeviceId
    target: DeviceId
    number: int
    """Chosen by `source`, who began."""
    back: bool
    """From target to source."""
    opening: bool
    data: bytes


class BulkBack(_Frame, frozen=True, array_like=True, gc=False, tag=26):
    """I can't dial you: please make the connection for files."""


class FileReport(_Frame, frozen=True, array_like=True, gc=False, tag=27):
    """To a file's author: how far the sender's person has it. `state` is a `FileState`."""

    conversation: ConversationId
    file: EntryHash
    done: int
    state: str


class Lease(_Frame, frozen=True, array_like=True, gc=False, tag=40):
    """The registrar's lease (`registrar.lease`), as its device signed it."""

    record: bytes
    age_ms: int
    """Since it was made, as far as the sender knows."""


class RecordSet(_Frame, frozen=True, array_like=True, gc=False, tag=41):
    """A hash over the sender's set of registry records, or of keyboxes (`held`)."""

    held: bool
    digest: bytes


class RecordIds(_Frame, frozen=True, array_like=True, gc=False, tag=42):
    """All ids of the sender's set, one after another, in parts below the frame limit."""

    held: bool
    ids: bytes
    last: bool


class RecordsWanted(_Frame, frozen=True, array_like=True, gc=False, tag=43):
    held: bool
    ids: bytes


class RegistryRecords(_Frame, frozen=True, array_like=True, gc=False, tag=44):
    held: bool
    records: tuple[bytes, ...]


class Register(_Frame, frozen=True, array_like=True, gc=False, tag=45):
    """To the registrar: take this request, or this keybox of an account that is there (with an
    empty request)."""

    number: int
    request: bytes
    keybox: bytes


class Registered(_Frame, frozen=True, array_like=True, gc=False, tag=46):
    """The answer: a reason why not, or the records that say so."""

    number: int
    reason: str
    records: tuple[bytes, ...] = ()


class Keep(_Frame, frozen=True, array_like=True, gc=False, tag=47):
    """From the registrar to another of the willing: make these durable, and say so."""

    number: int
    records: tuple[bytes, ...]
    keybox: bytes


class Kept(_Frame, frozen=True, array_like=True, gc=False, tag=48):
    number: int


class VaultPart(_Frame, frozen=True, array_like=True, gc=False, tag=49):
    """Part of a vault, in order. `number` is the sender's; 0 between two that hold them."""

    number: int
    index: int
    count: int
    data: bytes


class VaultWanted(_Frame, frozen=True, array_like=True, gc=False, tag=50):
    """To the registrar: the vault of the person at this end, if its version is larger."""

    counter: int
    keybox: int = 0
    """The counter of the keybox that is at this end."""
    id: bytes = b""
    """Of the vault, beside its counter."""


Frame = (
    Hello
    | Ping
    | Pong
    | Goodbye
    | Records
    | AvatarWanted
    | Avatar
    | Twin
    | Digest
    | Vector
    | Want
    | Batch
    | Push
    | IHave
    | Graft
    | Prune
    | Receipt
    | Typing
    | RoomProof
    | Pake
    | Direct
    | DirectAnswer
    | DialBack
    | Tunnel
    | BulkBack
    | FileReport
    | Lease
    | RecordSet
    | RecordIds
    | RecordsWanted
    | RegistryRecords
    | Register
    | Registered
    | Keep
    | Kept
    | VaultPart
    | VaultWanted
)

_decoder = msgspec.msgpack.Decoder(Frame)
_encoder = msgspec.msgpack.Encoder()

ENTRIES_PER_FRAME_BYTES = FRAME_BYTES - 4096
"""How much of a frame may be entries; the rest is room for everything around them."""


def encode(frame: Frame) -> bytes:
    return _encoder.encode(frame)


class UnknownFrame(ProtocolError):
    """A frame of a number that this version doesn't know: passed over."""


def unreadable(error: Exception) -> ProtocolError:
    """What to raise where a frame's decoder has raised this."""
    if "Invalid value" in str(error) and "$[0]" in str(error):
        return UnknownFrame(str(error))
    return ProtocolError(f"a frame can't be read: {error}")


def decode(data: RawFrame) -> Frame:
    """ProtocolError where the bytes are no frame; UnknownFrame where only the number is new."""
    if len(data) > FRAME_BYTES:
        raise ProtocolError("a frame is too large")
    try:
        frame: Frame = _decoder.decode(data)
        return frame
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise unreadable(error) from error


def is_goodbye(data: RawFrame) -> bool:
    """Whether these bytes begin as a Goodbye does: on a connection for files it is the one frame
    besides those of files."""
    return data[:1] > b"\x90" and data[1:2] == b"\x04"


def decode_hello(data: RawFrame) -> Hello | Goodbye:
    """The first frame of a peer; ProtocolError for anything but Hello (or a Goodbye)."""
    if len(data) > HELLO_BYTES:
        raise ProtocolError("Hello is too large")
    frame = decode(data)
    if not isinstance(frame, Hello | Goodbye):
        raise ProtocolError("the first frame isn't Hello")
    if isinstance(frame, Hello) and not _hello_fits(frame):
        raise ProtocolError("Hello is malformed")
    return frame


def _hello_fits(hello: Hello) -> bool:
    return (
        len(hello.network) == 32
        and len(hello.nonce) == 32
        and 0 <= hello.port < 1 << 16
        and 0 <= hello.wall_ms < 1 << 53
    )


def chunks(entries: list[WireEntry]) -> list[tuple[WireEntry, ...]]:
    """Split entries into runs that fit a frame each."""
    result: list[tuple[WireEntry, ...]] = []
    run: list[WireEntry] = []
    size = 0
    for entry in entries:
        length = len(entry.header) + len(entry.body or b"") + 110
        if run and size + length > ENTRIES_PER_FRAME_BYTES:
            result.append(tuple(run))
            run, size = [], 0
        run.append(entry)
        size += length
    if run:
        result.append(tuple(run))
    return result
