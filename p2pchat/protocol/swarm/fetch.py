"""One stream on its way to this node: what is asked of whom, and when it is asked of another.

What makes a class fast, as measured in the simulation (1,024 pieces to 19 hosts, equal ports; the
time is told as a multiple of size ÷ rate):

- The first holder chooses what it gives (`ANY`), when it reads it: each piece once, to all in turn.
  Its port is the bottleneck; what it sends twice is time that all of them lose.
- A piece that nobody else has is told at once, for a hop costs as much as its news wait. The others
  are told together: 1.10 with 20 ms and 1.09 with 100 ms between, at a third of the frames.
- Windows are small: with 30 to 50 ms of queue at a source 1.08, with 100 ms 1.11; with at least two
  blocks at each source 1.10, with four 1.12, with eight 1.19. Where the way there and back takes
  100 ms by itself, 1.37, and 1.48 if the window doesn't allow for that.
- Links to all, 1.08; each host to the first holder and to four others of its choice, 1.17 to 1.20.
- A second request for the same block is made only for stragglers, of a peer that has nothing else
  to give: next to nothing comes twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum, auto
from random import Random

from p2pchat.config import limits
from p2pchat.errors import ProtocolError
from p2pchat.model.stream import Stream
from p2pchat.protocol.swarm.asking import Asking
from p2pchat.protocol.swarm.bits import from_bytes, from_indexes, ones
from p2pchat.protocol.swarm.frames import (
    ANY,
    WHOLE,
    Follow,
    Forget,
    Got,
    Have,
    Reason,
    Refused,
    Tell,
)
from p2pchat.protocol.swarm.news import News
from p2pchat.protocol.swarm.picker import Picker, block_of, key_of
from p2pchat.protocol.swarm.sources import Source


class Part(Enum):
    """What becomes of a part that came."""

    DROPPED = auto()
    KEPT = auto()
    """Gather it with those that follow it over the same link."""
    COMPLETED = auto()
    """It was the block's last: check and keep the block, then call `stored` or `bad`."""


class Swarm:
    """Peers are bulk links by number. Inputs are calls, times are monotonic seconds; after each
    the runtime performs what `take` returns and calls `tick` at `deadline`.

    Every input that comes from a peer may raise ProtocolError: then the link is closed, and `lost`
    called as for any link."""

    def __init__(
        self,
        file: bytes,
        stream: Stream,
        progress: Sequence[bytes],
        rng: Random,
        beside: Iterable[Swarm] = (),
    ) -> None:
        """`progress`: what is on disk, as `node.ports.Progress.layers`. `beside`: those of other
        offers of the same content; what one stores the others are told by `found`."""
        self.file = file
        self.wasted = 0
        """Bytes of those `received` that were of no use."""
        self._rng = rng
        self._picker = Picker(stream, progress, rng)
        for other in beside:
            self._picker.join(other._picker)
        self._news = News(file, self._picker)
        self._count = self._picker.counts[0]
        self._all = ones(self._count)
        self._out: list[Tell | Forget] = []
        self._asking = Asking(file, self._picker, self._news, rng, self._out)
        self._sources = self._asking.sources
        self._outcasts: set[bytes] = set()
        self._closed = False
        self._look_at: float | None = None
        self._told = 0
        """`sources` at the last look."""

    # -- what the runtime reads

    @property
    def complete(self) -> bool:
        return self._picker.complete

    @property
    def pieces_left(self) -> int:
        return self._picker.pieces_left

    @property
    def received(self) -> int:
        """Bytes that came."""
        return self._asking.received

    @property
    def paused(self) -> bool:
        return self._asking.paused

    @property
    def hopeful(self) -> bool:
        """Whether peers have something that is missing here."""
        return any(self._has_missing(source) for source in self._sources.values())

    @property
    def provided(self) -> bool:
        """Whether peers that aren't silent have something that is missing here."""
        return any(map(self._gives, self._sources.values()))

    def sources(self, now: float) -> int:
        """How many peers it comes from: of those that have given anything the ones that aren't
        silent and have something that is missing here, also in a moment in which they owe nothing,
        as the disk or a port is behind; and those that gave something just now. What a peer says
        to have makes it none. None while it is paused."""
        if self.paused:
            return 0
        since = now - limits.SWARM_RECENT_S
        return sum(
            source.gave
            and (self._gives(source) or (source.heard_at > since and not source.outcast))
            for source in self._sources.values()
        )

    def _gives(self, source: Source) -> bool:
        return not source.silent and self._has_missing(source)

    def _has_missing(self, source: Source) -> bool:
        return not source.outcast and bool(source.has & self._all & ~self._picker.stored[0])

    def is_owed_by(self, link: int) -> bool:
        """Whether anything that was asked of this peer is still to come, of use or not."""
        source = self._sources.get(link)
        return source is not None and bool(source.owes or source.anys or source.given_up_anys)

    def owed_by(self) -> list[int]:
        """Peers of whom something is still to come."""
        return [link for link in self._sources if self.is_owed_by(link)]

    def holds(self, layer: int, index: int) -> bool:
        """Whether a block that exists is here: for `Server.share`."""
        return self._picker.has(layer, index)

    def take(self) -> list[Tell | Forget]:
        taken = self._out[:]
        self._out.clear()
        return taken

    def deadline(self) -> float | None:
        due = self._news.due()
        if due is None or self._look_at is None:
            return self._look_at if due is None else due
        return min(due, self._look_at)

    # -- peers come, tell, and go

    def joined(self, link: int, device: bytes, now: float, author: bool = False) -> bool:
        """A member has a bulk link, perhaps the offer's `author`. False, and nothing is asked of
        it, where it served wrong pieces before, where there are enough, or where nothing more is
        wanted."""
        full = len(self._sources) >= limits.SWARM_PEERS
        if device in self._outcasts or full or self._closed:
            return False
        if link not in self._sources:
            source = Source(link, device, self._picker.stream.piece, author)
            self._sources[link] = source
            self._picker.random = len(self._sources) > 1
            self._follow(source, now)
            if self._look_at is None:
                self._look_at = now + limits.SWARM_LOOK_S
        return True

    def _follow(self, source: Source, now: float) -> None:
        source.follow_at = now + source.follow_after
        source.follow_after = min(2 * source.follow_after, limits.FOLLOW_RARELY_S)
        self._out.append(Tell((source.link,), Follow(self.file, True)))

    def followed(self, link: int, on: bool, now: float) -> None:
        """A peer wants to know what is here, and what comes; or not any more."""
        self._out += self._news.followed(link, on, now)
        source = self._sources.get(link)
        if on and source is not None and not source.told and not self._closed:
            self._follow(source, now)

    def close(self) -> None:
        """Nothing more is wanted: it is complete, or given up. What still comes is dropped."""
        if self._closed:
            return
        self._closed = self._asking.paused = True
        self._picker.part()
        for source in self._sources.values():
            self._out.append(Tell((source.link,), Follow(self.file, False)))
            self._asking.give_up(source)

    def have(self, link: int, frame: Have, now: float) -> None:
        source = self._sources.get(link)
        if source is None or source.outcast or self._closed:
            return
        if frame.layer == WHOLE:
            self._forget_pieces(source)
            source.has, source.whole, source.told = self._all, True, True
            self._asking.find_chooser()
        elif not 0 <= frame.layer < len(self._picker.counts):
            raise ProtocolError("a layer that a file can't have")
        else:
            bits = from_bytes(frame.bits, frame.first, self._picker.counts[frame.layer])
            source.told |= frame.last
            if frame.layer:
                source.upper |= bits != 0
            else:
                self._learn(source, bits)
        self._asking.fill(source, now)

    def got(self, link: int, frame: Got, now: float) -> None:
        if frame.layer != 0:
            raise ProtocolError("only pieces are told")
        bits = from_indexes(frame.indexes, self._count)
        source = self._sources.get(link)
        if source is not None and not source.outcast and not self._closed:
            self._learn(source, bits)
            self._asking.fill(source, now)

    def lost(self, link: int, now: float) -> None:
        """The link has closed. What was gathered from it is forgotten by the runtime."""
        self._news.lost(link)
        source = self._sources.get(link)
        if source is None:
            return
        self._dismiss(source)
        del self._sources[link]
        self._asking.find_chooser()
        self._asking.fill_all(now)

    def _learn(self, source: Source, bits: int) -> None:
        new = bits & ~source.has
        if new:
            source.has |= new
            self._picker.rarity.add(new)

    def _forget_pieces(self, source: Source) -> None:
        if not source.whole:
            self._picker.rarity.remove(source.has)
        source.has, source.whole = 0, False

    def _dismiss(self, source: Source) -> None:
        self._forget_pieces(source)
        source.upper = False
        self._asking.give_up(source)

    def _cast_out(self, device: bytes, now: float) -> None:
        """Nothing is asked of this device again for this file."""
        if len(self._outcasts) < limits.SWARM_OUTCASTS:
            self._outcasts.add(device)
        for source in self._sources.values():
            if source.device == device and not source.outcast:
                self._leave(source)
        self._asking.fill_all(now)

    def _leave(self, source: Source) -> None:
        """Nothing is asked again over this link."""
        source.outcast = True
        self._out.append(Tell((source.link,), Follow(self.file, False)))
        self._dismiss(source)
        self._asking.find_chooser()

    # -- blocks come

    def part(self, link: int, layer: int, index: int, offset: int, size: int, now: float) -> Part:
        """A Piece with so many bytes of data has come."""
        source = self._sources.get(link)
        if source is None or not self._picker.exists(layer, index):
            raise ProtocolError("a piece that nobody asked for")
        key = key_of(layer, index)
        ask = source.owes.get(key) or self._asking.chosen(source, key)
        last = ask.got + size == ask.size
        if offset != ask.got or ask.got + size > ask.size:
            raise ProtocolError("part of a piece at the wrong place")
        if size < limits.PART_MIN_BYTES and not last:
            raise ProtocolError("part of a piece that is too small")
        ask.got += size
        self._asking.received += size
        source.heard_at = self._asking.heard_at = now
        source.heard = self._asking.received
        source.silent = False
        source.gave = True
        if ask.given_up and not offset and self._may_revive(source, key):
            self._asking.revive(source, key, ask)
        if last:
            del source.owes[key]
            self._asking.came(now - ask.asked_at)
        if not ask.given_up and last:
            self._asking.answered(source, key, now, now - ask.asked_at)
        if last and self._asking.starved:
            self._asking.fill_all(now)
        elif last:
            self._asking.fill(source, now)
        if ask.given_up:
            self.wasted += size
            return Part.DROPPED
        return Part.COMPLETED if last else Part.KEPT

    def _may_revive(self, source: Source, key: int) -> bool:
        return not source.outcast and not self._closed and self._picker.is_free(key)

    def stored(self, layer: int, index: int, now: float) -> None:
        """A block that came is checked and on disk."""
        self._asking.settle(key_of(layer, index))
        self._keep(layer, index, now)
        if layer or self._asking.starved:
            self._asking.fill_all(now)

    def found(self, layer: int, index: int, now: float) -> None:
        """A block is here that another offer of the same content has brought."""
        key = key_of(layer, index)
        if self._picker.has(layer, index) or key in self._asking.arrived:
            return
        self._asking.here(key)
        self._picker.take(key)
        self._keep(layer, index, now)
        self._asking.fill_all(now)

    def _keep(self, layer: int, index: int, now: float) -> None:
        self._picker.keep(layer, index)
        if layer == 0:
            fresh = not self._picker.rarity.known() >> index & 1
            self._out += self._news.add(index, fresh, now)
        if self.complete:
            self.close()

    def bad(self, layer: int, index: int, now: float) -> None:
        """A block that came isn't what its hash says: whoever sent it lies."""
        key = key_of(layer, index)
        device = self._asking.arrived[key]
        self.failed(layer, index, now)
        self._cast_out(device, now)

    def failed(self, layer: int, index: int, now: float) -> None:
        """A block that came couldn't be kept: it has to be fetched again. The runtime pauses, if
        that won't go better."""
        self._asking.settle(key_of(layer, index))
        self._picker.release(key_of(layer, index))
        self.wasted += self._picker.size(layer, index)

    def refused(self, link: int, frame: Refused, now: float) -> None:
        source = self._sources.get(link)
        if source is None:
            return
        if frame.layer == 0 and frame.index == ANY:
            self._refused_any(source, frame.reason)
        elif self._picker.exists(frame.layer, frame.index):
            self._refused_block(source, key_of(frame.layer, frame.index), frame.reason)
        else:
            raise ProtocolError("a refusal of nothing")
        source.silent = False
        source.heard_at = now
        if frame.reason == Reason.GONE and not source.outcast:
            self._leave(source)
        elif frame.reason == Reason.BUSY:
            source.busy_until = now + self._rng.uniform(*limits.SWARM_BUSY_S)
        self._asking.fill_all(now)

    def _refused_any(self, source: Source, reason: str) -> None:
        if source.given_up_anys:
            source.given_up_anys.popleft()
        elif source.anys:
            source.anys.popleft()
            self._asking.landed(source)
        else:
            raise ProtocolError("a refusal of nothing")
        if reason == Reason.LACKING:
            source.chooses = False

    def _refused_block(self, source: Source, key: int, reason: str) -> None:
        ask = source.owes.pop(key, None)
        if ask is None:  # a piece that the peer chose, and then couldn't read
            self._refused_any(source, reason)
            return
        if not ask.given_up:
            self._asking.free(source, key)
        if reason != Reason.LACKING:
            return
        layer, index = block_of(key)
        if layer:
            source.lacks.add(key)
            return
        has = source.has & ~(1 << index)
        self._forget_pieces(source)
        self._asking.find_chooser()
        self._learn(source, has)

    # -- time

    def pause(self, on: bool, now: float) -> None:
        """Ask nobody for more, or go on. What was asked for still comes, and is kept."""
        self._asking.paused = on or self._closed
        self._asking.fill_all(now)

    def tick(self, now: float) -> bool:
        """Tell what is due, and look for silence and stragglers. Whether `sources` are others than
        at the last look."""
        self._out += self._news.tell_if_due(now)
        if self._look_at is None or now < self._look_at:
            return False
        self._look_at = now + limits.SWARM_LOOK_S if self._sources and not self._closed else None
        for source in self._sources.values():
            if not source.told and not source.outcast and source.follow_at <= now:
                self._follow(source, now)
        self._asking.look(now)
        before, self._told = self._told, self.sources(now)
        return self._told != before
