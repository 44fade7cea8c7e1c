"""What the machine wants done. The runtime performs effects in order; what comes of them comes back
as calls of the machine's methods, or of its Exchange's, named in each docstring."""

from __future__ import annotations

from typing import Any

import msgspec

from p2pchat.events import Event
from p2pchat.model.entry import WireEntry
from p2pchat.model.ids import ConversationId, DeviceId, EntryHash, FeedId, PeerId
from p2pchat.model.records import Write
from p2pchat.model.stream import Block, Stream


class _Effect(msgspec.Struct, frozen=True, gc=False):
    pass


class _Query(_Effect, frozen=True, gc=False):
    """-> resume, with the number and what the docstring says (`Context.ask`)."""

    query: int


class Send(_Effect, frozen=True, gc=False):
    links: tuple[int, ...]
    frame: bytes


class Dial(_Effect, frozen=True, gc=False):
    """-> link_opened or dial_failed, with the token."""

    token: int
    address: tuple[str, int]


class CloseLink(_Effect, frozen=True, gc=False):
    """-> link_closed."""

    link: int
    reason: str


class AllowLarge(_Effect, frozen=True, gc=False):
    """The link is for files: its frames may have BULK_FRAME_BYTES."""

    link: int


class TunnelOpen(_Effect, frozen=True, gc=False):
    """-> link_opened or dial_failed, with the token; tunnel_data meanwhile."""

    token: int
    outgoing: bool


class TunnelReceive(_Effect, frozen=True, gc=False):
    token: int
    data: bytes


class TunnelClose(_Effect, frozen=True, gc=False):
    token: int


class Commit(_Effect, frozen=True):
    """-> committed or commit_failed, with the batch. Commits keep their order."""

    batch: int
    writes: list[Write]


class ReadBranch(_Query, frozen=True, gc=False):
    """What `ports.Store.read_branch` gives."""

    conversation: ConversationId
    tip: EntryHash
    low: int
    max_bytes: int
    with_first: bool


class ReadEntries(_Query, frozen=True, gc=False):
    """Those that are here, as a list of (hash, WireEntry)."""

    hashes: tuple[EntryHash, ...]


class ReadUndisclosed(_Query, frozen=True, gc=False):
    """What is stored and can't be shown yet, of one feed or all, as a list of (hash, WireEntry)."""

    conversation: ConversationId
    feed: FeedId | None


class ReadBare(_Query, frozen=True, gc=False):
    """Entries whose body isn't here though nobody deleted them: (hash, feed, seq) of each, newest
    first by feed."""

    conversation: ConversationId


class ReadPositions(_Query, frozen=True, gc=False):
    """The MessageRow, and how far each feed is at it; None where it isn't in the conversation."""

    conversation: ConversationId
    message: EntryHash


class Check(_Query, frozen=True, gc=False):
    """Check many entries off the loop: a list of `entries.Checked`, of those that pass."""

    entries: tuple[WireEntry, ...]


class CheckRecords(_Query, frozen=True, gc=False):
    """Check records of the registry off the loop: what `claims.read_records` gives."""

    records: tuple[bytes, ...]
    appointed_by: bytes


class Compute(_Query, frozen=True):
    """A job of `node.secrets`, slow or in need of entropy: its result, or the exception that it
    raised."""

    job: SecretJob


class ReadMessage(_Query, frozen=True, gc=False):
    """The MessageRow, or None."""

    message: EntryHash


class SurveyPath(_Query, frozen=True, gc=False):
    """Read a file or folder that is to be shared: `ports.Survey` or RequestError."""

    path: str
    circle: bytes
    """The conversation's id."""


class StopSurvey(_Effect, frozen=True, gc=False):
    """It is of no use any more; its query is answered nevertheless."""

    query: int


class BeginFetch(_Query, frozen=True, gc=False):
    """What is here of it: `ports.Progress` or RequestError."""

    stream: Stream
    circles: tuple[bytes, ...]
    """Conversations of which anybody may know what is here of their files."""


class FinishFetch(_Query, frozen=True, gc=False):
    """All is here: give it its place among the downloads, and say the path; or RequestError."""

    stream: Stream
    name: str
    place: str
    """A folder, or a new path, that a person has asked for; empty: the downloads."""


class DiscardStream(_Effect, frozen=True, gc=False):
    """Forget what is here of it, but for what was finished or shared."""

    stream: Stream


class KeepPart(_Effect, frozen=True, gc=False):
    """Part of a block; those of a block come in order. The last one: check and keep the block.
    -> Exchange.kept."""

    link: int
    file: bytes
    stream: Stream
    block: Block
    offset: int
    data: memoryview


class DropPart(_Effect, frozen=True, gc=False):
    """What was gathered of a block from this link is of no use."""

    link: int
    file: bytes
    block: Block


class ReadBlock(_Effect, frozen=True, gc=False):
    """Read a block for this link. -> Exchange.read."""

    link: int
    file: bytes
    stream: Stream
    block: Block


class GiveBlock(_Effect, frozen=True, gc=False):
    """Send so much of the block that was read, in Piece frames, as the link takes them.
    -> Exchange.sent, with the bytes. What ends at the block's end is the last of it."""

    link: int
    file: bytes
    block: Block
    offset: int
    size: int


class Reply(_Effect, frozen=True):
    """Answers a front end's request: a value or an error."""

    request: int
    value: Any


class Notify(_Effect, frozen=True):
    """`origin`: the front end whose own doing this is; it is told by its answer already."""

    events: tuple[Event, ...]
    origin: int = 0


class NotifyReceipt(_Effect, frozen=True, gc=False):
    """Look up the message at (feed, seq), then tell the front ends (`events.MessageReceipt`)."""

    conversation: str
    feed: FeedId
    seq: int
    peer_id: PeerId
    kind: str


class Announce(_Effect, frozen=True, gc=False):
    """Say on the LAN again that we are here."""


class Left(_Effect, frozen=True, gc=False):
    """A device says that it goes: what it announced before is no sign that it is there."""

    device: DeviceId


class Restart(_Effect, frozen=True, gc=False):
    """What is stored has a new identity: go on with a new machine, with links made anew."""


# -- jobs of Compute


class Seal(_Effect, frozen=True):
    """HPKE: the secret for each person. -> tuple of boxes, in order."""

    secret: bytes
    keys: tuple[bytes, ...]
    info: bytes


class Open(_Effect, frozen=True, gc=False):
    """HPKE, with the person's own key. -> bytes."""

    box: bytes
    info: bytes


class Stretch(_Effect, frozen=True, gc=False):
    """Argon2id of a password. -> 32 bytes."""

    password: str
    salt: bytes


class PakeStart(_Effect, frozen=True, gc=False):
    """SPAKE2. -> (state, message): the state is opaque, the message for the other side."""

    first: bool
    """Whether this side is the one who asks."""
    secret: bytes
    asker: bytes
    answerer: bytes


class PakeFinish(_Effect, frozen=True, gc=False):
    """-> 32-byte key; ValueError where the message can't be one."""

    state: Any
    message: bytes


SecretJob = Seal | Open | Stretch | PakeStart | PakeFinish

Effect = (
    Send
    | Dial
    | CloseLink
    | AllowLarge
    | TunnelOpen
    | TunnelReceive
    | TunnelClose
    | Commit
    | ReadBranch
    | ReadEntries
    | ReadUndisclosed
    | ReadBare
    | ReadPositions
    | Check
    | CheckRecords
    | Compute
    | ReadMessage
    | SurveyPath
    | StopSurvey
    | BeginFetch
    | FinishFetch
    | DiscardStream
    | KeepPart
    | DropPart
    | ReadBlock
    | GiveBlock
    | Reply
    | Notify
    | NotifyReceipt
    | Announce
    | Left
    | Restart
)
