"""What a node needs of the outside: small protocols that the adapters implement.

Sinks are called on the event loop's thread only. Adapters log under `p2pchat.<package>` and raise
the errors of `p2pchat.errors`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NewType, Protocol

import msgspec

from p2pchat.model.accounts import Download, SignedOut
from p2pchat.model.entry import WireEntry
from p2pchat.model.frame import RawFrame
from p2pchat.model.ids import ConversationId, EntryHash, FeedId, InstanceId, PeerId
from p2pchat.model.records import Applied, FileRow, MessageRow, Overview, StoredState, Write
from p2pchat.model.stream import Block, Stream

LinkId = NewType("LinkId", int)
"""Names one connection of this process; never used twice."""

Address = tuple[str, int]
"""A numeric IPv4 or IPv6 address (a link-local one with its %zone), or a host name, and a port."""


# -- storage


class Store(Protocol):
    """The encrypted store of one profile. Methods block; the runtime calls `apply` in one writer
    thread and the others in reader threads, at the same time."""

    def load(self, clock_bound: int = ...) -> StoredState:
        """Everything. `clock_bound`: see `StoredState.heads`; without it there is none."""
        ...

    def apply(self, writes: Sequence[Write]) -> Applied:
        """Perform all writes in one transaction, durable when this returns, and say what they
        did and how the touched feeds' spans are now. DiskFull and StoreError: nothing was kept."""
        ...

    def read_branch(
        self,
        conversation: ConversationId,
        tip: EntryHash,
        low: int,
        max_bytes: int,
        with_first: bool = False,
    ) -> list[tuple[EntryHash, WireEntry]]:
        """Entries from `tip` down its branch to seq `low` (inclusive), newest first, at least one
        and about `max_bytes` at most; none where the tip isn't here. `with_first`: the feed's
        entry at seq 0 ahead of them, also where the branch is cut short."""
        ...

    def read_entries(self, hashes: Sequence[EntryHash]) -> list[tuple[EntryHash, WireEntry]]:
        """Those of the entries that are here."""
        ...

    def unread_entries(
        self, conversation: ConversationId, feed: FeedId | None = None
    ) -> list[tuple[EntryHash, WireEntry]]:
        """Entries that are stored but can't be shown yet (sealed under a key that wasn't here, or
        of a feed whose first entry wasn't), oldest first, of one feed or all."""
        ...

    def bare_entries(self, conversation: ConversationId) -> list[tuple[EntryHash, FeedId, int]]:
        """(hash, feed, seq) of entries whose body isn't here though no deletion of their author
        says so; at most some hundreds, those of one feed together, newest first."""
        ...

    def messages(
        self,
        conversation: ConversationId,
        limit: int,
        before: EntryHash | None = None,
        after: EntryHash | None = None,
        around: EntryHash | None = None,
    ) -> list[MessageRow]:
        """Oldest first; the newest `limit` where no place is given. An unknown place: none."""
        ...

    def message_since(
        self, conversation: ConversationId, ms: int, skipped: Collection[PeerId] = ()
    ) -> EntryHash | None:
        """The first message written at or after a time, by an author whose clock was right and who
        isn't to be skipped."""
        ...

    def message(self, hash: EntryHash) -> MessageRow | None: ...

    def search(
        self, query: str, conversation: ConversationId | None, limit: int
    ) -> list[MessageRow]:
        """Messages that hold all words of the query (the last as a prefix, Chinese by substring),
        newest first."""
        ...

    def overviews(self) -> list[Overview]: ...

    def positions(
        self, conversation: ConversationId, clock: int, hash: EntryHash
    ) -> list[tuple[FeedId, int]]:
        """For each feed its highest seq at or before this place in the order."""
        ...

    def message_at(self, feed: FeedId, seq: int) -> EntryHash | None:
        """The newest shown message of the feed at or before seq."""
        ...

    def file(self, id: EntryHash) -> FileRow | None: ...

    def files(self, conversation: ConversationId | None, limit: int) -> list[MessageRow]:
        """The offers of one conversation or of all, newest first."""
        ...

    def tidy(self) -> bool:
        """Let nothing of deleted messages remain in the store's files, and keep its log short.
        The runtime calls it in the writer thread soon after the last `apply`, and every
        limits.TIDY_EVERY_S while there are more. True: call again soon, there is more to do."""
        ...

    def close(self) -> None: ...


class Profiles(Protocol):
    """The folders of profiles on this machine: one that is used without an account, and one for
    each account, and for each person who wasn't signed in after that. Methods block."""

    def open(
        self, folder: str, unseal: Callable[[bytes], bytes | None] | None = None
    ) -> tuple[Store, Depot]:
        """Open the profile in that folder, or make one there. `unseal` opens the copy of the
        store's key that `departed` has left, for who signs in: unless `use` or `depart` follows,
        `finish_departures` takes the key away again. ProfileInUse, StoreError."""
        ...

    def of_account(self, account: str) -> str:
        """The folder of an account's profile."""
        ...

    def fresh(self) -> str:
        """A folder for a new person; it is removed again unless `use` or `depart` follows.
        StoreError."""
        ...

    def is_guests(self, folder: str) -> bool:
        """Whether it was made by `fresh`."""
        ...

    def keep_account(self, account: str, folder: str) -> bool:
        """The account's profile is in that folder; whether that is news."""
        ...

    def drop_account(self, account: str) -> None:
        """There is no such account after all; its folder is that of somebody without one."""
        ...

    def use(self, folder: str, left: str) -> None:
        """The next start opens the first. `left` is the one before, whose person may have something
        to send; `parted` says whether that is so."""
        ...

    def parted(self, folder: str, wanted: Collection[str]) -> None:
        """The profile that was left is closed. `wanted`: whom what it has to send is for (see
        `protocol.unsent`), so it waits for them, for 14 days. Else nobody opens it again if it
        was made for a new person who has no account: nothing stays of it but the downloads."""
        ...

    def unsent(self) -> Mapping[str, Collection[str]]:
        """The folders that wait to send something, and for whom; for nobody: that isn't known."""
        ...

    def depart(
        self, folder: str, to: str, seal: Callable[[bytes], bytes], delete: Collection[str]
    ) -> None:
        """The person of the first profile leaves: keep a sealed copy of its store's key. The next
        start opens the other, and does what `departed` does if that wasn't called."""
        ...

    def departed(self, folder: str) -> SignedOut:
        """The profile is closed: leave no key of its store here but the sealed copy, no unfinished
        file, and of the downloads none of those that were to be deleted."""
        ...

    def finish_departures(self) -> None:
        """Leave no key of those who have signed out, or didn't get to the end of signing in."""
        ...


# -- files


class Survey(msgspec.Struct, frozen=True):
    """What a path holds."""

    stream: Stream
    name: str
    """The file's or folder's own, as it is on this machine."""
    mime: str
    size: int
    """Bytes of the file, or of all files of the folder; for people."""
    files: int
    """1, or how many the folder holds."""
    path: str
    """Where it lies, without links."""
    tail: tuple[tuple[int, bytes], ...] = ()
    """Of a folder the last of those pieces that several files have part in, by their index, a few
    megabytes: reading one again takes a dozen system calls, and it is wanted soon."""


class Depot(Protocol):
    """Streams on this machine's disk: what was shared (served from where it lies), what is being
    fetched, and what is complete. Methods block and may be called by several threads at a time,
    each in one of the runtime's pools. DiskFull and StoreError where the disk fails."""

    def survey(self, path: str, going: Callable[[int, int], bool], circle: bytes = b"") -> Survey:
        """Read a file or folder, keep its tree and where it lies, so that it can be served in the
        conversation with this id (`Kept.circle`).
        `going` is told now and then how many bytes of how many are read; False ends it with
        RequestError `busy`. RequestError `no-such-file`: nothing is there, or no file or folder;
        `not-allowed`: it can't be read; `busy` also: it changed meanwhile; `too-large`: a folder
        beyond limits.FOLDER_*. Links in a folder aren't followed out of it."""
        ...

    def begin(self, stream: Stream, circles: Sequence[bytes] = ()) -> Progress:
        """Make ready to fetch a stream, or to go on with it: what the disk has of it counts, of
        other conversations than its own only what is complete in one of the `circles`."""
        ...

    def write(
        self, stream: Stream, block: Block, *parts: bytes | memoryview, soon: bool = False
    ) -> bool:
        """Keep a block, given in parts; False, and nothing is kept, where it isn't what its
        parent says. Its parent must be here (the top's is the root). `soon`: the system begins at
        once to write a piece to the disk, instead of whenever it likes. StoreError also where a
        folder's manifest, whole now, can't be used: such a stream never completes; `begin` says
        the same."""
        ...

    def read(self, stream: Stream, block: Block) -> bytes | None:
        """A block, checked; None where it isn't here, or no longer what it was."""
        ...

    def finish(self, stream: Stream, name: str, place: str = "") -> str:
        """All blocks are here: put the file or folder into the downloads under a harmless name,
        overwriting nothing. Returns the path; it is served from there from now on. Called again:
        the same path, unless that has gone. With a `place`, a folder or a new path, that of a copy
        there; RequestError where that can't be, or where the folder that was chosen isn't there."""
        ...

    @property
    def downloads(self) -> str:
        """The folder where files go that are finished from now on. Doesn't block."""
        ...

    def check_downloads(self, folder: str) -> str:
        """The full path of a folder, made where there is none, that can be chosen for downloads.
        RequestError `not-allowed`: why it can't."""
        ...

    def choose_downloads(self, folder: str) -> None:
        """Files that are finished from now on go there; empty: the profile's own folder. Doesn't
        block, and doesn't look whether it is there."""
        ...

    def path(self, stream: Stream, noted: str | None = None) -> str | None:
        """Where the complete file or folder lies, if it is there still with its size. `noted`:
        where one of several offers of the same content has it."""
        ...

    def discard(self, stream: Stream) -> None:
        """Forget what was fetched of it so far; nothing of what is finished or shared, for another
        offer may be of the same content."""
        ...

    def fetched(self) -> list[Download]:
        """What `finish` has put into the downloads, and is there still with its size."""
        ...

    def leave(self, delete: Collection[str]) -> SignedOut:
        """The person leaves this machine: delete those of the downloads, by their paths, that are
        what `finish` has put there, and never through a link; and whatever is unfinished. Nothing
        else uses the depot meanwhile."""
        ...


class Progress(msgspec.Struct, frozen=True):
    """What is here of a stream: for each layer, from the pieces up, the indexes of the blocks that
    are, as bits (block i is bit i % 8 of byte i // 8)."""

    layers: tuple[bytes, ...]
    path: str | None
    """Where the whole content lies already: shared or fetched before."""


# -- links


class LinkIdentity(msgspec.Struct, frozen=True):
    """Who this process is on its links."""

    person_key: bytes
    """Ed25519 public key, 32 bytes; so is device_key."""
    device_key: bytes
    instance: InstanceId
    sign_person: Callable[[bytes], bytes]
    sign_device: Callable[[bytes], bytes]


class LinkInfo(msgspec.Struct, frozen=True):
    """A TLS connection whose peer has proven these keys. Nothing else of it is trusted yet."""

    outgoing: bool
    address: Address
    """Of the other side; for a tunnel ("relayed", 0)."""
    person_key: bytes
    device_key: bytes
    instance: InstanceId
    own_leaf: bytes
    """SHA-256 of the leaf certificate shown by this side; `peer_leaf` by the other."""
    peer_leaf: bytes
    relayed: bool


class LinkSink(Protocol):
    def link_opened(self, link: LinkId, info: LinkInfo, token: int | None) -> None:
        """`token` is that of `dial` or `tunnel_open`; None for an accepted connection."""
        ...

    def link_frames(self, link: LinkId, frames: Sequence[RawFrame]) -> None:
        """Whole frames in order, without their length prefix."""
        ...

    def link_drained(self, link: LinkId) -> None:
        """What was queued above limits.QUEUE_BYTES has gone out (below a quarter of it)."""
        ...

    def link_closed(self, link: LinkId, reason: str) -> None: ...

    def dial_failed(self, token: int, address: Address, reason: str) -> None:
        """`reason` is one of `refused`, `timeout`, `unreachable`, `not-p2pchat`, `self`."""
        ...

    def link_trouble(self, reason: str, address: Address) -> None:
        """A connection from `address` was dropped before it became a link: for the log, the
        throttle and a warning. `reason`: `no-certificate`, `bad-certificate`, `handshake-timeout`,
        `too-many`, `frame-too-large`, `junk`."""
        ...

    def tunnel_data(self, token: int, data: bytes) -> None:
        """TLS bytes that have to go through the carrier of this tunnel (at most 32 KiB each)."""
        ...


class Links(Protocol):
    """TCP with mutual TLS 1.3, as docs/PROTOCOL.md describes."""

    async def start(self, sink: LinkSink, identity: LinkIdentity) -> None:
        """Begin to accept. UsageError where a wanted port is taken or an address isn't here."""
        ...

    @property
    def listening(self) -> Sequence[Address]: ...

    def network_changed(self, hosts: Sequence[str]) -> None:
        """The addresses of this machine are these now: where only some interfaces may be used,
        links are accepted on theirs, and dialled from them."""
        ...

    def dial(self, token: int, address: Address) -> None: ...

    def tunnel_open(self, token: int, outgoing: bool) -> None:
        """Run TLS through a common peer: the dialler is the TLS client. Bytes come and go by
        `tunnel_receive` and `LinkSink.tunnel_data`; it ends as a dialled connection does."""
        ...

    def tunnel_receive(self, token: int, data: bytes) -> None: ...

    def tunnel_close(self, token: int) -> None: ...

    def allow_large(self, link: LinkId) -> None:
        """Frames of BULK_FRAME_BYTES from now on, to and from this peer."""
        ...

    def send(self, link: LinkId, frame: bytes, data: memoryview | None = None) -> int:
        """Queue one frame, or one that ends with `data`, which stays as it is until it has left;
        the bytes now queued. A link that is gone takes it silently: 0. It leaves with `flush`, or
        when the loop turns next. ValueError: it is empty or above the limit."""
        ...

    def flush(self) -> None:
        """Send what is queued, as far as the links take it."""
        ...

    def close(self, link: LinkId, reason: str) -> None:
        """After what is queued has gone out (for at most a second)."""
        ...

    async def stop(self) -> None: ...


# -- discovery


class Announcement(msgspec.Struct, frozen=True):
    """What is said on the LAN: no name, nothing of the person."""

    device_id: str
    network: str
    """First 16 hex characters of the network's tag."""
    port: int
    """TCP."""


class DiscoverySink(Protocol):
    def found(self, source: str, device_id: str, addresses: Sequence[Address]) -> None:
        """A hint, best address first. `source`: `mdns`, `beacon`."""
        ...

    def network_changed(self, why: str) -> None:
        """Addresses came or went (`addresses`), or the machine slept (`wake-up`)."""
        ...


class Discovery(Protocol):
    """All ways of finding at once; one that can't work warns in the log and is left out. No
    network at all is no error: it goes on watching."""

    async def start(self, sink: DiscoverySink, announcement: Announcement) -> None: ...

    def announce(self) -> None:
        """Say again at once that we are here."""
        ...

    def own_addresses(self) -> Sequence[Address]:
        """Where others may reach us: usable interfaces only, with the announced port."""
        ...

    def heard(self) -> tuple[int, int] | None:
        """How many devices on other computers have announced themselves lately: of this network,
        and of networks of other names. None: nobody listens for that."""
        ...

    def left(self, device_id: str) -> None:
        """That device has gone: it isn't counted as heard until it announces itself again."""
        ...

    async def stop(self) -> None: ...
