"""One stream on its way to this node: what is asked of whom, and when it is asked of another.

What makes a class fast, as measured in the simulation (1,024 pieces to 19 hosts, equal ports; the
time is told as a multiple of size ÷ rate):

- The first holder chooses what it gives (`ANY`), when it reads it: each piece once, to all in turn.
  Its port is the bottleneck; what it sends twice is time that all of them lose.
- A piece that nobody else has is told at once, for a hop costs as much as its news wait. The others
  are told together: 1.10 with 20 ms and 1.09 with 100 ms between, at a third of the frames.
- Windows are small: with 30 to 50 ms of queue at a source 1.08, with 100 ms 1.11; with at least two
  blocks at each source 1.10, with four 1.12, with eight 1.19. Where the way there and back takes
  100 ms by itself, 1.34, and 1.48 if the window doesn't allow for that.
- Links to all, 1.08; each host to the first holder and to four others of its choice, 1.17.
- A second request for the same block is made only for stragglers, of a peer that has nothing else
  to give: next to nothing comes twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto
from random import Random

from p2pchat.config import limits
from p2pchat.errors import ProtocolError
from p2pchat.model.stream import Stream
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
    Wanted,
)
from p2pchat.protocol.swarm.news import News
from p2pchat.protocol.swarm.picker import Picker, block_of, key_of
from p2pchat.protocol.swarm.sources import Ask, Source


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

    def __init__(self, file: bytes, stream: Stream, progress: Sequence[bytes], rng: Random) -> None:
        """`progress`: what is on disk, as `node.ports.Progress.layers`."""
        self.file = file
        self.paused = False
        self.received = 0
        """Bytes that came; `wasted` of them were of no use."""
        self.wasted = 0
        self._rng = rng
        self._picker = Picker(stream, progress, rng)
        self._news = News(file, self._picker)
        self._count = self._picker.counts[0]
        self._all = ones(self._count)
        self._sources: dict[int, Source] = {}
        self._chooser: Source | None = None
        """The only one that has everything: of two, both would choose the same."""
        self._outcasts: set[bytes] = set()
        self._asked: dict[int, int] = {}
        """Key of a block that is being fetched: how many are asked for it."""
        self._arrived: dict[int, bytes] = {}
        """Key of a block that came and isn't stored yet: the device that sent it."""
        self._unstored = max(2, limits.SWARM_UNSTORED_BYTES // stream.piece)
        self._room = max(4, limits.SWARM_BYTES // stream.piece)
        """Further blocks that may be on their way to the disk."""
        self._starved = False
        """More could have been asked for, but the disk is behind."""
        self._latency = 0.0
        """Between request and block, smoothed."""
        self._look_at: float | None = None
        self._out: list[Tell | Forget] = []

    # -- what the runtime reads

    @property
    def complete(self) -> bool:
        return self._picker.complete

    @property
    def pieces_left(self) -> int:
        return self._picker.pieces_left

    @property
    def sources(self) -> int:
        """Peers that owe something now."""
        return sum(1 for source in self._sources.values() if source.flying)

    def holds(self, layer: int, index: int) -> bool:
        """Whether a block that exists is here: for `Server.share`."""
        return self._picker.has(layer, index)

    def take(self) -> list[Tell | Forget]:
        taken, self._out = self._out, []
        return taken

    def deadline(self) -> float | None:
        due = self._news.due()
        if due is None or self._look_at is None:
            return self._look_at if due is None else due
        return min(due, self._look_at)

    # -- peers come, tell, and go

    def joined(self, link: int, device: bytes, now: float) -> bool:
        """A member has a bulk link. False, and nothing is asked of it, where it served wrong
        pieces before, or where there are enough."""
        if device in self._outcasts or len(self._sources) >= limits.SWARM_PEERS:
            return False
        if link not in self._sources:
            self._sources[link] = Source(link, device, self._picker.stream.piece)
            self._picker.random = len(self._sources) > 1
            self._out.append(Tell((link,), Follow(self.file, True)))
            if self._look_at is None:
                self._look_at = now + limits.SWARM_LOOK_S
        return True

    def followed(self, link: int, on: bool) -> None:
        """A peer wants to know what is here, and what comes; or not any more. ProtocolError where
        it asks again and again."""
        self._out += self._news.followed(link, on)

    def have(self, link: int, frame: Have, now: float) -> None:
        source = self._sources.get(link)
        if source is None or source.outcast:
            return
        if frame.layer == WHOLE:
            self._forget_pieces(source)
            source.has, source.whole, source.told = self._all, True, True
            self._find_chooser()
        elif source.told:
            raise ProtocolError("it has been told what is there")
        elif not 0 <= frame.layer < len(self._picker.counts):
            raise ProtocolError("a layer that a file can't have")
        else:
            bits = from_bytes(frame.bits, frame.first, self._picker.counts[frame.layer])
            source.told = frame.last
            if frame.layer:
                source.upper |= bits != 0
            else:
                self._learn(source, bits)
        self._fill(source, now)

    def got(self, link: int, frame: Got, now: float) -> None:
        if frame.layer != 0:
            raise ProtocolError("only pieces are told")
        bits = from_indexes(frame.indexes, self._count)
        source = self._sources.get(link)
        if source is not None and not source.outcast:
            self._learn(source, bits)
            self._fill(source, now)

    def lost(self, link: int, now: float) -> None:
        """The link has closed. What was gathered from it is forgotten by the runtime."""
        self._news.lost(link)
        source = self._sources.get(link)
        if source is None:
            return
        self._dismiss(source)
        del self._sources[link]
        self._find_chooser()
        self._fill_all(now)

    def _learn(self, source: Source, bits: int) -> None:
        new = bits & ~source.has
        if new:
            source.has |= new
            self._picker.rarity.add(new)

    def _forget_pieces(self, source: Source) -> None:
        if not source.whole:
            self._picker.rarity.remove(source.has)
        source.has, source.whole = 0, False

    def _find_chooser(self) -> None:
        whole = [source for source in self._sources.values() if source.whole]
        self._chooser = whole[0] if len(whole) == 1 else None

    def _dismiss(self, source: Source) -> None:
        self._forget_pieces(source)
        source.upper = False
        self._give_up(source)

    def _cast_out(self, device: bytes, now: float) -> None:
        """Nothing is asked of this device again for this file."""
        if len(self._outcasts) < limits.SWARM_OUTCASTS:
            self._outcasts.add(device)
        for source in self._sources.values():
            if source.device == device and not source.outcast:
                source.outcast = True
                self._out.append(Tell((source.link,), Follow(self.file, False)))
                self._dismiss(source)
        self._find_chooser()
        self._fill_all(now)

    # -- blocks come

    def part(self, link: int, layer: int, index: int, offset: int, size: int, now: float) -> Part:
        """A Piece with so many bytes of data has come."""
        source = self._sources.get(link)
        if source is None or not self._picker.exists(layer, index):
            raise ProtocolError("a piece that nobody asked for")
        key = key_of(layer, index)
        ask = source.owes.get(key) or self._chosen(source, key)
        last = ask.got + size == ask.size
        if offset != ask.got or ask.got + size > ask.size:
            raise ProtocolError("part of a piece at the wrong place")
        if size < limits.PART_MIN_BYTES and not last:
            raise ProtocolError("part of a piece that is too small")
        ask.got += size
        source.heard_at = now
        source.silent = False
        self.received += size
        if ask.given_up and not offset and not source.outcast and self._picker.is_free(key):
            self._revive(source, key, ask, now)
        if last:
            del source.owes[key]
        if not ask.given_up and last:
            self._answered(source, key, now - ask.asked_at)
        if last:
            self._fill(source, now)
        if ask.given_up:
            self.wasted += size
            return Part.DROPPED
        return Part.COMPLETED if last else Part.KEPT

    def stored(self, layer: int, index: int, now: float) -> None:
        """A block that came is checked and on disk."""
        self._settle(key_of(layer, index))
        self._picker.keep(layer, index)
        if layer == 0:
            fresh = not self._picker.rarity.known() >> index & 1
            self._out += self._news.add(index, fresh, now)
        if layer or self._starved:
            self._fill_all(now)

    def bad(self, layer: int, index: int, now: float) -> None:
        """A block that came isn't what its hash says: whoever sent it lies."""
        key = key_of(layer, index)
        device = self._arrived[key]
        self.failed(layer, index, now)
        self._cast_out(device, now)

    def failed(self, layer: int, index: int, now: float) -> None:
        """A block that came couldn't be kept: it has to be fetched again. The runtime pauses, if
        that won't go better."""
        self._settle(key_of(layer, index))
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
        if frame.reason == Reason.GONE:
            self._cast_out(source.device, now)
        elif frame.reason == Reason.BUSY:
            source.busy_until = now + self._rng.uniform(*limits.SWARM_BUSY_S)
        self._fill_all(now)

    def _refused_any(self, source: Source, reason: str) -> None:
        if source.given_up_anys:
            source.given_up_anys -= 1
        elif source.anys:
            source.anys.popleft()
            self._landed(source)
        else:
            raise ProtocolError("a refusal of nothing")
        if reason == Reason.LACKING:
            source.chooses = False

    def _refused_block(self, source: Source, key: int, reason: str) -> None:
        ask = source.owes.pop(key, None)
        if ask is None:
            raise ProtocolError("a refusal of nothing")
        if not ask.given_up:
            self._free(source, key)
        if reason != Reason.LACKING:
            return
        layer, index = block_of(key)
        if layer:
            source.lacks.add(key)
            return
        has = source.has & ~(1 << index)
        self._forget_pieces(source)
        self._find_chooser()
        self._learn(source, has)

    def _chosen(self, source: Source, key: int) -> Ask:
        """The first part of a block that the peer chose."""
        layer, index = block_of(key)
        if layer or not (source.anys or source.given_up_anys):
            raise ProtocolError("a piece that wasn't asked for")
        ask = Ask(0.0, self._picker.size(layer, index))
        source.owes[key] = ask
        if source.given_up_anys:
            source.given_up_anys -= 1
            ask.given_up = True
            return ask
        ask.asked_at = source.anys.popleft()
        here = key in self._arrived or self._picker.has(layer, index)
        if here or key in self._asked:
            source.useless += 1
            source.chooses &= source.useless < limits.SWARM_USELESS
        if here:
            ask.given_up = True
            self._landed(source)
        else:
            self._picker.take(key)
            self._asked[key] = self._asked.get(key, 0) + 1
        return ask

    def _revive(self, source: Source, key: int, ask: Ask, now: float) -> None:
        """What was given up comes after all, and nobody else was asked."""
        ask.given_up = False
        ask.asked_at = now
        source.flying += 1
        self._room -= 1
        self._asked[key] = 1
        self._picker.take(key)

    def _answered(self, source: Source, key: int, latency: float) -> None:
        """A block is here: whoever else was asked for it comes too late."""
        source.flying -= 1
        source.window.adapt(latency, source.flying)
        self._latency += (latency - self._latency) / 16
        self._arrived[key] = source.device
        if self._asked.pop(key) > 1:
            for other in self._sources.values():
                late = other.owes.get(key)
                if late is not None and not late.given_up:
                    self._abandon(other, key, late)
                    self._landed(other)

    def _settle(self, key: int) -> None:
        del self._arrived[key]
        self._room += 1

    # -- blocks are asked for

    def pause(self, on: bool, now: float) -> None:
        """Ask nobody for more, or go on. What was asked for still comes, and is kept."""
        self.paused = on
        self._fill_all(now)

    def tick(self, now: float) -> None:
        """Tell what is due, and look for silence and stragglers."""
        self._out += self._news.tell_if_due(now)
        if self._look_at is None or now < self._look_at:
            return
        self._look_at = now + limits.SWARM_LOOK_S if self._sources else None
        for source in self._sources.values():
            if source.flying and now - source.heard_at >= limits.SWARM_SILENT_S:
                source.silent = True
                self._give_up(source)
        self._fill_all(now)
        if not self.paused:
            self._ask_again(now)

    def _ask_again(self, now: float) -> None:
        """Stragglers are asked of one more peer, of those that could be asked for nothing new."""
        late = now - max(limits.SWARM_STRAGGLER_S, 2 * self._latency)
        for source in list(self._sources.values()):
            for key, ask in list(source.owes.items()):
                if ask.given_up or ask.asked_at > late or self._asked[key] > 1 or self._room <= 0:
                    continue
                others = [
                    other
                    for other in self._sources.values()
                    if key not in other.owes and other.may_be_asked(now) and self._has(other, key)
                ]
                if others:
                    self._ask(min(others, key=lambda other: other.flying), key, now)

    def _has(self, source: Source, key: int) -> bool:
        if key < self._count:
            return bool(source.has >> key & 1)
        return bool(source.has or source.upper) and key not in source.lacks

    def _fill_all(self, now: float) -> None:
        self._starved = False
        sources = list(self._sources.values())
        self._rng.shuffle(sources)
        for source in sources:
            self._fill(source, now)

    def _fill(self, source: Source, now: float) -> None:
        """Ask this peer for as much as it may have in flight."""
        if self.paused:
            return
        while source.may_be_asked(now):
            if self._room <= 0 or len(self._arrived) >= self._unstored:
                self._starved = True
                return
            key = self._choose(source)
            if key is None:
                return
            self._ask(source, key, now)

    def _choose(self, source: Source) -> int | None:
        """A block's key, top down and the rarest first; or ANY."""
        picker = self._picker
        if picker.uppers_left and (source.has or source.upper):
            upper = picker.upper(source.lacks, source.owes)
            if upper is not None:
                return upper
        if source is self._chooser and source.chooses and (lonely := picker.lonely()):
            return ANY if lonely.bit_count() > len(source.anys) else None
        piece = picker.piece(source.has)
        if piece is None or piece not in source.owes:
            return piece
        given_up = 0
        for key in source.owes:
            given_up |= 1 << key if key < self._count else 0
        return picker.piece(source.has & ~given_up)

    def _ask(self, source: Source, key: int, now: float) -> None:
        if not source.flying:
            source.heard_at = now
        source.flying += 1
        self._room -= 1
        if key == ANY:
            source.anys.append(now)
            self._out.append(Tell((source.link,), Wanted(self.file, 0, ANY)))
            return
        layer, index = block_of(key)
        source.owes[key] = Ask(now, self._picker.size(layer, index))
        self._asked[key] = self._asked.get(key, 0) + 1
        self._picker.take(key)
        self._out.append(Tell((source.link,), Wanted(self.file, layer, index)))

    def _landed(self, source: Source) -> None:
        source.flying -= 1
        self._room += 1

    def _free(self, source: Source, key: int) -> None:
        """A request came to nothing."""
        self._landed(source)
        self._asked[key] -= 1
        if not self._asked[key]:
            del self._asked[key]
            self._picker.release(key)

    def _abandon(self, source: Source, key: int, ask: Ask) -> None:
        ask.given_up = True
        if ask.got:
            self._out.append(Forget(source.link, *block_of(key)))

    def _give_up(self, source: Source) -> None:
        """Others may be asked for all that this peer owes."""
        for key, ask in source.owes.items():
            if not ask.given_up:
                self._abandon(source, key, ask)
                self._free(source, key)
        source.given_up_anys += len(source.anys)
        while source.anys:
            source.anys.popleft()
            self._landed(source)
