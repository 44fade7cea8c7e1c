"""What this node gives to others of the streams that it has: to whom, in which order, how fast."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from p2pchat.config import limits
from p2pchat.errors import ProtocolError
from p2pchat.model.stream import Block, Stream, block_size, layers
from p2pchat.protocol.buckets import Bucket
from p2pchat.protocol.swarm.bits import from_bytes, from_indexes, lowest, ones
from p2pchat.protocol.swarm.frames import (
    ANY,
    WHOLE,
    Follow,
    Give,
    Got,
    Have,
    Read,
    Reason,
    Refused,
    Tell,
    Wanted,
)

Request = tuple[bytes, int, int]
"""(file, layer, index)"""


class _Shared:
    """A stream that is served."""

    def __init__(self, stream: Stream, holds: Callable[[int, int], bool] | None) -> None:
        self.stream = stream
        self.counts = layers(stream)
        self.holds = holds
        self.fresh = ones(self.counts[0])
        """Pieces that nobody else is known to have or to have been given."""
        self.known: dict[int, int] = {}
        """What the peer of each link told that it has, as sets."""
        self.given: dict[int, int] = {}
        """What each link asked for or was given by choice."""

    def exists(self, layer: int, index: int) -> bool:
        return 0 <= layer < len(self.counts) and 0 <= index < self.counts[layer]

    def learn(self, link: int, bits: int) -> None:
        self.known[link] = self.known.get(link, 0) | bits
        self.fresh &= ~bits

    def give(self, link: int, piece: int) -> None:
        bit = 1 << piece
        self.given[link] = self.given.get(link, 0) | bit
        self.fresh &= ~bit

    def choose(self, link: int) -> int | None:
        """A piece that nobody has; in order, which suits the disk."""
        fresh = self.fresh & ~self.known.get(link, 0)
        return lowest(fresh) if fresh else None

    def lost(self, link: int) -> None:
        """What it was given has gone with it, unless others have it."""
        self.known.pop(link, None)
        back = self.given.pop(link, 0)
        for others in (*self.known.values(), *self.given.values()):
            back &= ~others
        self.fresh |= back


class _Ready:
    """A block that was read, and how much of it was given."""

    __slots__ = ("given", "request", "size")

    def __init__(self, request: Request, size: int) -> None:
        self.request = request
        self.size = size
        self.given = 0


class _Link:
    def __init__(self) -> None:
        self.queue: deque[Request] = deque()
        self.open: set[Request] = set()
        """Asked for and not answered yet."""
        self.chosen: set[Request] = set()
        """Of these, what answers an ANY."""
        self.reading: dict[Request, int] = {}
        """Bytes of blocks that are being read."""
        self.ready: deque[_Ready] = deque()
        self.ahead = 0
        """Bytes that are being read, or were read and aren't sent."""
        self.served = 0.0
        """Bytes, as far as fairness is concerned: whoever had nothing to ask for gains nothing."""

    def close(self, request: Request) -> None:
        """It is answered."""
        self.open.discard(request)
        self.chosen.discard(request)


class Server:
    """Links are bulk links by number; times are monotonic seconds. After each input the runtime
    performs what `take` returns and calls `tick` at `deadline`.

    Links take turns by bytes. Not more than SERVE_AHEAD_BYTES and a block is in memory."""

    def __init__(self, allowed: Callable[[int, bytes], bool], limit: int = 0) -> None:
        """`allowed`: whether the peer of a link may have a file. `limit`: bytes a second; 0: none.
        Whoever may not have it is answered as if it weren't there."""
        self._allowed = allowed
        self._files: dict[bytes, _Shared] = {}
        self._links: dict[int, _Link] = {}
        self._waiting: dict[int, _Link] = {}
        """Those with a queue."""
        self._giving: deque[int] = deque()
        """Links with something ready; each once, in turn."""
        self._ahead = 0
        self._turn = 0.0
        """`served` of the link that was read for last."""
        self._limit = 0
        self._part = limits.PART_BYTES
        self._bucket: Bucket | None = None
        self._give_at: float | None = None
        self._out: list[Tell | Read | Give] = []
        self.limit(limit, 0.0)

    def take(self) -> list[Tell | Read | Give]:
        taken, self._out = self._out, []
        return taken

    def deadline(self) -> float | None:
        """When the rate limit lets more go out."""
        return self._give_at

    def tick(self, now: float) -> None:
        if self._give_at is not None and now >= self._give_at:
            self._pump(now)

    def limit(self, per_s: int, now: float) -> bool:
        """Bytes a second over all links; 0: as fast as they take it. Whether it was another."""
        if per_s == self._limit:
            return False
        self._limit = per_s
        half_second = max(limits.PART_MIN_BYTES, per_s // 2)
        self._part = min(limits.PART_BYTES, half_second)
        burst = max(float(self._part), per_s * limits.SERVE_BURST_S)
        self._bucket = Bucket(burst, per_s) if per_s else None
        self._pump(now)
        return True

    # -- what there is

    def share(
        self, file: bytes, stream: Stream, holds: Callable[[int, int], bool] | None = None
    ) -> None:
        """Serve a file. `holds` (layer, index) tells which blocks are here while it is being
        fetched; None: all are. Called again when it is complete."""
        old = self._files.get(file)
        if old is None:
            self._files[file] = _Shared(stream, holds)
        else:
            old.holds = holds

    def unshare(self, file: bytes, now: float) -> None:
        """It is deleted, changed or withdrawn: whoever asks for it is refused."""
        if self._files.pop(file, None) is not None:
            self._pump(now)

    def size(self, file: bytes) -> int:
        """Bytes of a file that is served; 0 for any other."""
        shared = self._files.get(file)
        return shared.stream.size if shared is not None else 0

    def progress(self, file: bytes) -> dict[int, int]:
        """How many pieces the peer of each link has that follows."""
        shared = self._files.get(file)
        if shared is None:
            return {}
        return {link: bits.bit_count() for link, bits in shared.known.items()}

    def is_followed(self, file: bytes) -> bool:
        """Whether any peer counts on hearing of it."""
        shared = self._files.get(file)
        return shared is not None and bool(shared.known)

    # -- what peers say

    def followed(self, link: int, frame: Follow) -> None:
        """For files that are complete; `Swarm.followed` answers for those that are fetched."""
        shared = self._may_have(link, frame.file)
        if shared is None or shared.holds is not None or not frame.on:
            return
        self._out.append(Tell((link,), Have(frame.file, WHOLE, 0, b"", True)))
        if link not in shared.known and self._follows(link) < limits.SERVE_FOLLOWED:
            shared.known[link] = 0
            self._out.append(Tell((link,), Follow(frame.file, True)))

    def _follows(self, link: int) -> int:
        """How many files this peer follows."""
        if len(self._files) < limits.SERVE_FOLLOWED:
            return 0  # no more than that
        return sum(link in shared.known for shared in self._files.values())

    def have(self, link: int, frame: Have) -> None:
        """Of one that follows."""
        shared = self._files.get(frame.file)
        if shared is None or link not in shared.known:
            return
        if frame.layer == WHOLE:
            shared.learn(link, ones(shared.counts[0]))
        elif not 0 <= frame.layer < len(shared.counts):
            raise ProtocolError("a layer that a file can't have")
        else:
            bits = from_bytes(frame.bits, frame.first, shared.counts[frame.layer])
            if frame.layer == 0:
                shared.learn(link, bits)

    def got(self, link: int, frame: Got) -> None:
        shared = self._files.get(frame.file)
        if shared is None or link not in shared.known:
            return
        if frame.layer != 0:
            raise ProtocolError("only pieces are told")
        shared.learn(link, from_indexes(frame.indexes, shared.counts[0]))

    def wanted(self, link: int, frame: Wanted, now: float) -> None:
        shared = self._may_have(link, frame.file)
        request = (frame.file, frame.layer, frame.index)
        if shared is None:
            self._refuse(link, request, Reason.GONE)
            return
        chosen = frame.layer == 0 and frame.index == ANY
        if not chosen and not shared.exists(frame.layer, frame.index):
            raise ProtocolError("a block that a file can't have")
        there = self._links.get(link)
        if there is None:
            there = self._links[link] = _Link()
        if len(there.queue) >= limits.SERVE_QUEUE:
            self._refuse(link, request, Reason.BUSY)
            return
        if request in there.chosen:
            # On its way: of two that are owed, it answers this one. The ANY gets another piece.
            there.chosen.remove(request)
            request = (frame.file, 0, ANY)
        elif not chosen:
            if request in there.open:
                return
            there.open.add(request)
            if frame.layer == 0:
                shared.give(link, frame.index)
        if not there.queue:
            there.served = max(there.served, self._turn)
            self._waiting[link] = there
        there.queue.append(request)
        self._pump(now)

    def lost(self, link: int, now: float) -> None:
        """The link has closed; what was read for it is dropped by the runtime."""
        for shared in self._files.values():
            shared.lost(link)
        there = self._links.pop(link, None)
        if there is not None:
            self._waiting.pop(link, None)
            if there.ready:
                self._giving.remove(link)
            self._ahead -= there.ahead
            self._pump(now)

    # -- what the runtime has done

    def ready(self, link: int, file: bytes, layer: int, index: int, ok: bool, now: float) -> bool:
        """A block was read; not `ok`: it isn't there any more, or not what it was. True: keep the
        data until the Give that ends it."""
        there = self._links.get(link)
        if there is None:
            return False
        request = (file, layer, index)
        size = there.reading.pop(request)
        kept = ok and file in self._files
        if kept:
            if not there.ready:
                self._giving.append(link)
            there.ready.append(_Ready(request, size))
        else:
            there.close(request)
            self._release(there, size)
            self._refuse(link, request, Reason.LACKING if file in self._files else Reason.GONE)
        self._pump(now)
        return kept

    def sent(self, link: int, size: int, now: float) -> None:
        """So many bytes of what was given have left this node's own queue."""
        there = self._links.get(link)
        if there is not None:
            self._release(there, size)
            self._pump(now)

    # -- turns

    def _pump(self, now: float) -> None:
        self._give(now)
        while self._waiting and self._ahead < limits.SERVE_AHEAD_BYTES:
            link = min(
                (
                    link
                    for link, there in self._waiting.items()
                    if there.ahead < limits.SERVE_LINK_BYTES
                ),
                key=lambda link: self._waiting[link].served,
                default=None,
            )
            if link is None:
                return
            self._read(link, self._waiting[link])

    def _read(self, link: int, there: _Link) -> None:
        request = there.queue.popleft()
        if not there.queue:
            del self._waiting[link]
        file, layer, index = request
        shared = self._files.get(file)
        if shared is None:
            there.open.discard(request)
            self._refuse(link, request, Reason.GONE)
            return
        if index == ANY:
            piece = shared.choose(link) if shared.holds is None else None
            if piece is None or (file, 0, piece) in there.open:
                self._refuse(link, request, Reason.LACKING)
                return
            shared.give(link, piece)
            index = piece
            request = (file, 0, piece)
            there.open.add(request)
            there.chosen.add(request)
        elif shared.holds is not None and not shared.holds(layer, index):
            there.open.discard(request)
            self._refuse(link, request, Reason.LACKING)
            return
        size = block_size(shared.stream, Block(layer, index))
        there.reading[request] = size
        there.ahead += size
        self._ahead += size
        self._turn = there.served
        there.served += size
        self._out.append(Read(link, file, shared.stream, layer, index))

    def _give(self, now: float) -> None:
        """Without a limit whole blocks, else parts as the bucket fills, block by block: whoever
        gets one isn't left waiting in the midst of it."""
        self._give_at = None
        while self._giving:
            link = self._giving[0]
            there = self._links[link]
            block = there.ready[0]
            part = block.size - block.given
            if self._bucket is not None:
                part = min(part, self._part)
                if not self._bucket.take(part, now):
                    wait = (part - self._bucket.left) / self._limit
                    self._give_at = now + max(wait, limits.SERVE_PAUSE_S)
                    return
            self._out.append(Give(link, *block.request, block.given, part))
            block.given += part
            if block.given == block.size:
                there.ready.popleft()
                there.close(block.request)
                self._giving.popleft()
                if there.ready:
                    self._giving.append(link)

    def _release(self, there: _Link, size: int) -> None:
        there.ahead -= size
        self._ahead -= size

    def _refuse(self, link: int, request: Request, reason: Reason) -> None:
        self._out.append(Tell((link,), Refused(*request, reason.value)))

    def _may_have(self, link: int, file: bytes) -> _Shared | None:
        shared = self._files.get(file)
        return shared if shared is not None and self._allowed(link, file) else None
