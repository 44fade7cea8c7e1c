"""A class that shares a file, without sockets: ports of some rate, links, disks, virtual time.

A port sends the messages of its links in turn, as a kernel does with connections. What arrives at
a port is received in the order in which it came. Hosts run `Swarm` and `Server` as the node does.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from blake3 import blake3

from p2pchat.config import limits
from p2pchat.errors import ProtocolError
from p2pchat.model.stream import HASHES, Stream, layers, piece_size
from p2pchat.protocol.swarm.fetch import Part, Swarm
from p2pchat.protocol.swarm.frames import (
    Follow,
    Forget,
    Give,
    Got,
    Have,
    Piece,
    Read,
    Refused,
    Tell,
    Wanted,
)
from p2pchat.protocol.swarm.serve import Server

FILE = b"f" * 32
DISK_S = 0.0003
FRAME_BYTES = 110
"""Of a message besides what it carries: its header, TLS, TCP, IP and Ethernet."""

BlockKey = tuple[int, int]


def digest(data: bytes) -> bytes:
    return blake3(data).digest()


class Content:
    """A stream with its tree of hashes."""

    def __init__(self, size: int, rng: Random) -> None:
        piece = piece_size(size)
        seed = rng.randbytes(1024)
        data = (seed * (size // len(seed) + 1))[:size]
        count = max(1, -(-size // piece))
        blocks = [
            number.to_bytes(8, "big")[: size - number * piece]
            + data[number * piece + 8 : (number + 1) * piece]
            for number in range(count)
        ]
        self.blocks: dict[BlockKey, bytes] = {}
        layer = 0
        while True:
            self.blocks.update({(layer, index): block for index, block in enumerate(blocks)})
            if len(blocks) == 1:
                break
            hashes = [digest(block) for block in blocks]
            blocks = [
                b"".join(hashes[start : start + HASHES]) for start in range(0, len(hashes), HASHES)
            ]
            layer += 1
        self.stream = Stream(digest(blocks[0]), size, piece)
        assert layers(self.stream) == tuple(
            sum(1 for at in self.blocks if at[0] == each) for each in range(layer + 1)
        )


class Disk:
    """What `node.ports` promises of one: nothing is kept that its parent doesn't vouch for."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.counts = layers(stream)
        self.blocks: dict[BlockKey, bytes] = {}

    def write(self, at: BlockKey, data: bytes) -> bool:
        layer, index = at
        if layer == len(self.counts) - 1:
            expected = self.stream.root
        else:
            parent = self.blocks[layer + 1, index // HASHES]
            expected = parent[index % HASHES * 32 :][:32]
        if digest(data) != expected:
            return False
        self.blocks[at] = data
        return True

    def progress(self) -> list[bytes]:
        found = []
        for layer, count in enumerate(self.counts):
            bits = sum(1 << index for index in range(count) if (layer, index) in self.blocks)
            found.append(bits.to_bytes(-(-count // 8), "little"))
        return found


@dataclass
class Port:
    up: float
    """Bytes a second, as `down`."""
    down: float
    queues: dict[int, deque[tuple[int, Any]]] = field(default_factory=dict)
    """What waits in each link: (bytes, frame)."""
    turn: deque[int] = field(default_factory=deque)
    sending: bool = False
    down_free: float = 0.0


class Host:
    def __init__(self, world: World, name: int, up: float, down: float) -> None:
        self.world = world
        self.name = name
        self.device = name.to_bytes(32, "big")
        self.port = Port(up, down)
        self.links: dict[int, Host] = {}
        self.disk = Disk(world.content.stream)
        self.swarm: Swarm | None = None
        self.server = Server(lambda link, file: True)
        self.lies = False
        self.silent = False
        self.author = False
        self.alive = True
        self.done_at: float | None = None
        self.parts: dict[tuple[int, int, int], list[bytes]] = {}
        self.given: dict[tuple[int, int, int], bytes] = {}
        self.sent_bytes = 0
        """Of blocks, that went out at its port."""
        self.wrong_blocks = 0
        self.tick_at: float | None = None
        self.epoch = 0

    # -- life

    def offer(self) -> None:
        """Has everything."""
        self.disk.blocks = dict(self.world.content.blocks)
        self.server.share(FILE, self.world.content.stream)

    def fetch(self) -> None:
        """Fetch it, or go on."""
        rng = Random(self.world.rng.random())
        self.swarm = Swarm(FILE, self.disk.stream, self.disk.progress(), rng)
        self.server.share(FILE, self.disk.stream, self.swarm.holds)
        for link, other in list(self.links.items()):
            self.swarm.joined(link, other.device, self.world.now, other.author)
        self.perform()

    def kill(self) -> None:
        self.alive = False
        self.epoch += 1
        for link in list(self.links):
            self.world.unlink(link)
        self.swarm = None
        self.server = Server(lambda link, file: True)
        self.parts.clear()
        self.given.clear()
        self.tick_at = None

    # -- inputs

    def linked(self, link: int, other: Host) -> None:
        self.links[link] = other
        if self.swarm is not None:
            self.swarm.joined(link, other.device, self.world.now, other.author)
            self.perform()

    def unlinked(self, link: int) -> None:
        del self.links[link]
        self.port.queues.pop(link, None)
        for key in [key for key in self.parts if key[0] == link]:
            del self.parts[key]
        for key in [key for key in self.given if key[0] == link]:
            del self.given[key]
        self.server.lost(link, self.world.now)
        if self.swarm is not None:
            self.swarm.lost(link, self.world.now)
        self.perform()

    def frame(self, link: int, frame: Any) -> None:
        if link not in self.links:
            return
        try:
            self._frame(link, frame)
        except ProtocolError as error:
            raise AssertionError(f"{self.name} at {self.world.now}: {error}: {frame}") from error
        self.perform()

    def _frame(self, link: int, frame: Any) -> None:
        now, swarm = self.world.now, self.swarm
        match frame:
            case Wanted():
                if not self.silent:
                    self.server.wanted(link, frame, now)
            case Piece():
                self._piece(link, frame)
            case Follow():
                if swarm is not None and not swarm.complete:
                    swarm.followed(link, frame.on, now)
                else:
                    self.server.followed(link, frame)
            case Have():
                self.server.have(link, frame)
                if swarm is not None:
                    swarm.have(link, frame, now)
            case Got():
                self.server.got(link, frame)
                if swarm is not None:
                    swarm.got(link, frame, now)
            case Refused() if swarm is not None:
                swarm.refused(link, frame, now)

    def _piece(self, link: int, frame: Piece) -> None:
        if self.swarm is None:
            return
        layer, index = frame.layer, frame.index
        part = self.swarm.part(link, layer, index, frame.offset, len(frame.data), self.world.now)
        if part is Part.DROPPED:
            return
        key = (link, layer, index)
        gathered = self.parts.setdefault(key, [])
        gathered.append(bytes(frame.data))
        if part is Part.COMPLETED:
            data = b"".join(self.parts.pop(key))
            self.world.after(DISK_S, self._write, self.epoch, (layer, index), data)

    def _write(self, epoch: int, at: BlockKey, data: bytes) -> None:
        if epoch != self.epoch or self.swarm is None:
            return
        assert at not in self.disk.blocks, "a block is fetched once"
        if self.disk.write(at, data):
            self.swarm.stored(*at, self.world.now)
        else:
            self.wrong_blocks += 1
            self.swarm.bad(*at, self.world.now)
        if self.swarm.complete and self.done_at is None:
            self.done_at = self.world.now
            self.server.share(FILE, self.disk.stream)
        self.perform()

    def _read(self, epoch: int, read: Read) -> None:
        if epoch != self.epoch:
            return
        data = self.disk.blocks[read.layer, read.index]
        if self.lies and read.layer == 0:
            data = bytes(len(data))
        key = (read.link, read.layer, read.index)
        self.given[key] = data
        now = self.world.now
        if not self.server.ready(read.link, FILE, read.layer, read.index, True, now):
            del self.given[key]
        self.perform()

    def _tick(self, epoch: int, at: float) -> None:
        if epoch != self.epoch or self.tick_at != at:
            return
        self.tick_at = None
        if self.swarm is not None:
            self.swarm.tick(self.world.now)
        self.server.tick(self.world.now)
        self.perform()

    # -- outputs

    def perform(self) -> None:
        if self.swarm is not None:
            for told in self.swarm.take():
                if isinstance(told, Forget):
                    self.parts.pop((told.link, told.layer, told.index), None)
                else:
                    self._tell(told)
        for effect in self.server.take():
            if isinstance(effect, Tell):
                self._tell(effect)
            elif isinstance(effect, Read):
                self.world.after(DISK_S, self._read, self.epoch, effect)
            else:
                self._give(effect)
        due = [self.server.deadline(), self.swarm.deadline() if self.swarm else None]
        times = [time for time in due if time is not None]
        if times and (self.tick_at is None or min(times) < self.tick_at):
            self.tick_at = max(min(times), self.world.now)
            self.world.at(self.tick_at, self._tick, self.epoch, self.tick_at)

    def _tell(self, told: Tell) -> None:
        frame = told.frame
        size = FRAME_BYTES
        if isinstance(frame, Got):
            size += 3 * len(frame.indexes)
        elif isinstance(frame, Have):
            size += len(frame.bits)
        for link in told.links:
            self.world.send(self, link, size, frame)

    def _give(self, give: Give) -> None:
        key = (give.link, give.layer, give.index)
        data = self.given[key]
        end = give.offset + give.size
        offset = give.offset
        while True:
            part = data[offset : min(end, offset + limits.PART_BYTES)]
            frame = Piece(FILE, give.layer, give.index, offset, memoryview(part))
            self.world.send(self, give.link, FRAME_BYTES + len(part), frame)
            offset += len(part)
            if offset == end:
                break
        if end == len(data):
            del self.given[key]


class World:
    def __init__(self, seed: int, size: int, latency: float = 0.0005) -> None:
        self.rng = Random(seed)
        self.content = Content(size, self.rng)
        self.latency = latency
        self.now = 0.0
        self.hosts: list[Host] = []
        self.ends: dict[int, tuple[Host, Host]] = {}
        self.events = 0
        self.frames: dict[str, int] = {}
        self._heap: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._links = 0

    def host(self, up: float, down: float) -> Host:
        host = Host(self, len(self.hosts), up, down)
        self.hosts.append(host)
        return host

    def link(self, one: Host, other: Host) -> None:
        if one.alive and other.alive and other not in one.links.values():
            self._links += 1
            self.ends[self._links] = (one, other)
            one.linked(self._links, other)
            other.linked(self._links, one)

    def unlink(self, link: int) -> None:
        for end in self.ends.pop(link):
            end.unlinked(link)

    def mesh(self) -> None:
        for one in self.hosts:
            self.mesh_with(one)

    def mesh_with(self, host: Host) -> None:
        for other in self.hosts:
            if other is not host:
                self.link(host, other)

    def at(self, time: float, call: Callable[..., None], *args: Any) -> None:
        self.events += 1
        heapq.heappush(self._heap, (time, self.events, call, args))

    def after(self, delay: float, call: Callable[..., None], *args: Any) -> None:
        self.at(self.now + delay, call, *args)

    def run(self, until: Callable[[], bool], limit: float) -> None:
        """Until it holds, or so many seconds of virtual time."""
        while not until():
            assert self._heap, "nothing happens any more"
            self.now, _, call, args = heapq.heappop(self._heap)
            assert self.now < limit, "it takes too long"
            call(*args)

    # -- ports

    def send(self, host: Host, link: int, size: int, frame: Any) -> None:
        if link not in host.links:
            return
        name = type(frame).__name__
        self.frames[name] = self.frames.get(name, 0) + 1
        port = host.port
        queue = port.queues.get(link)
        if queue is None:
            queue = port.queues[link] = deque()
        if not queue:
            port.turn.append(link)
        queue.append((size, frame))
        if not port.sending:
            self._transmit(host)

    def _transmit(self, host: Host) -> None:
        port = host.port
        port.sending = False
        while port.turn:
            link = port.turn.popleft()
            queue = port.queues.get(link)
            if not queue:
                continue
            size, frame = queue.popleft()
            if queue:
                port.turn.append(link)
            port.sending = True
            left_at = self.now + size / port.up
            there = host.links[link]
            arrived_at = max(there.port.down_free + size / there.port.down, left_at + self.latency)
            there.port.down_free = arrived_at
            self.at(arrived_at, there.frame, link, frame)
            self.at(left_at, self._left, host, link, frame)
            return

    def _left(self, host: Host, link: int, frame: Any) -> None:
        self._transmit(host)
        if isinstance(frame, Piece):
            host.sent_bytes += len(frame.data)
        if isinstance(frame, Piece) and link in host.links:
            host.server.sent(link, len(frame.data), self.now)
            host.perform()
