"""Whatever peers send, in whatever order: the books of a fetch and of a server stay right."""

from __future__ import annotations

from collections import Counter, deque
from random import Random

import pytest

from p2pchat.config import limits
from p2pchat.errors import ProtocolError
from p2pchat.model.stream import PIECE_MIN_BYTES, Stream
from p2pchat.protocol.swarm.fetch import Part, Swarm
from p2pchat.protocol.swarm.frames import (
    ANY,
    WHOLE,
    Follow,
    Give,
    Got,
    Have,
    Read,
    Refused,
    Tell,
    Wanted,
)
from p2pchat.protocol.swarm.picker import block_of, key_of
from p2pchat.protocol.swarm.serve import Server

FILE = b"f" * 32
PIECES = 12
STREAM = Stream(b"r" * 32, PIECES * PIECE_MIN_BYTES - 7, PIECE_MIN_BYTES)
HERE, ELSEWHERE = 1, 2
INDEXES = (*range(-2, PIECES + 1), 1 << 32, 1 << 63)


class Peers:
    """Half of what they send answers what they were asked, the rest is anything."""

    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)
        self.made = Swarm(FILE, STREAM, (), Random(seed))
        self.links: list[int] = []
        self.asked: list[tuple[int, int, int]] = []
        self.now = 0.0
        self.number = 0

    def step(self) -> None:
        self.now += self.rng.choice((0.0, 0.001, 0.1, 2.0))
        link = self.rng.choice(self.links) if self.links and self.rng.random() < 0.97 else -1
        try:
            self.rng.choice((self.answer, self.answer, self.say, self.disturb))(link)
        except ProtocolError:
            self.leave(link)
        for told in self.made.take():
            if isinstance(told, Tell) and isinstance(told.frame, Wanted):
                self.asked.append((told.links[0], told.frame.layer, told.frame.index))

    def answer(self, link: int) -> None:
        if not self.asked:
            return
        link, layer, index = self.asked.pop(self.rng.randrange(len(self.asked)))
        if self.rng.random() < 0.2:
            reason = self.rng.choice(("busy", "lacking", "busy", "lacking", "gone"))
            self.made.refused(link, Refused(FILE, layer, index, reason), self.now)
            return
        if index == ANY:
            index = self.rng.randrange(PIECES)
        size = self.made._picker.size(layer, index)
        half = min(size // 2, limits.PART_BYTES)
        if size > limits.PART_MIN_BYTES * 2:
            self.made.part(link, layer, index, 0, half, self.now)
            if self.rng.random() < 0.1:
                return
            part = self.made.part(link, layer, index, half, size - half, self.now)
        else:
            part = self.made.part(link, layer, index, 0, size, self.now)
        if part is Part.COMPLETED and self.rng.random() < 0.8:
            self.settle(key_of(layer, index))

    def settle(self, key: int) -> None:
        call = self.rng.choices(
            (self.made.stored, self.made.bad, self.made.failed), weights=(9, 1, 1)
        )[0]
        call(*block_of(key), self.now)

    def say(self, link: int) -> None:
        rng, made = self.rng, self.made
        match rng.randrange(6):
            case 0:
                made.have(link, Have(FILE, WHOLE, 0, b"", True), self.now)
            case 1:
                bits = rng.randbytes(rng.choice((0, 1, 1, 2, 3)))
                layer = rng.choice((-2, 0, 0, 0, 1, 2))
                made.have(link, Have(FILE, layer, rng.choice((0, 8, 3)), bits, False), self.now)
            case 2 | 3:
                news = tuple(rng.randrange(PIECES) for _ in range(rng.randrange(4)))
                made.got(link, Got(FILE, 0, news), self.now)
            case 4:
                made.got(link, Got(FILE, rng.choice((0, 1)), (rng.choice(INDEXES),)), self.now)
            case 5:
                size = rng.choice((0, 1, 4096, PIECE_MIN_BYTES))
                offset = rng.choice((-1, 0, 4096))
                made.part(link, rng.randrange(-1, 3), rng.choice(INDEXES), offset, size, self.now)

    def disturb(self, link: int) -> None:
        match self.rng.randrange(6):
            case 0 | 1:
                self.number += 1
                device = b"%d" % self.rng.randrange(8)
                if self.made.joined(self.number, device, self.now):
                    self.links.append(self.number)
            case 2:
                self.leave(link)
            case 3:
                self.made.pause(self.rng.random() < 0.3, self.now)
            case 4:
                self.made.followed(link, self.rng.random() < 0.7, self.now)
            case 5:
                self.made.tick(self.now)
                for key in list(self.made._asking.arrived):
                    self.settle(key)

    def leave(self, link: int) -> None:
        self.made.lost(link, self.now)
        self.links = [each for each in self.links if each != link]
        self.asked = [each for each in self.asked if each[0] != link]

    def check(self) -> None:
        made, picker = self.made, self.made._picker
        asked: Counter[int] = Counter()
        for source in made._sources.values():
            live = [key for key, ask in source.owes.items() if not ask.given_up]
            assert source.flying == len(live) + len(source.anys)
            asked.update(live)
        assert asked == made._asking.asked
        flying = sum(source.flying for source in made._sources.values())
        assert (
            flying + len(made._asking.arrived) + made._asking.room
            == limits.SWARM_BYTES // STREAM.piece
        )
        for layer, count in enumerate(picker.counts):
            opened = layer == 1 or picker.has(1, 0)
            for index in range(count):
                key = key_of(layer, index)
                states = [
                    picker.has(layer, index),
                    picker.is_free(key),
                    key in made._asking.asked,
                    key in made._asking.arrived,
                ]
                assert sum(states) == opened, (layer, index, states)
        told = [source.has for source in made._sources.values() if not source.whole]
        known = 0
        for bits in told:
            known |= bits
        assert picker.rarity.known() == known


@pytest.mark.parametrize("seed", range(60))
def test_the_books_of_a_fetch_stay_right(seed: int) -> None:
    peers = Peers(seed)
    for _ in range(400):
        peers.step()
        peers.check()


@pytest.mark.parametrize("seed", range(40))
def test_the_books_of_a_server_stay_right(seed: int) -> None:
    rng = Random(seed)
    made = Server(lambda link, file: link != 5, rng.choice((0, 100_000)))
    made.share(FILE, STREAM)
    reading: list[Read] = []
    unsent: list[tuple[int, int]] = []
    now = 0.0
    for _ in range(400):
        now += rng.choice((0.0, 0.01, 0.3))
        link = rng.randrange(6)
        try:
            match rng.randrange(9):
                case 0 | 1 | 2:
                    frame = Wanted(FILE, rng.choice((0, 0, 0, 1, 2)), rng.choice(INDEXES))
                    made.wanted(link, frame, now)
                case 3:
                    made.followed(link, Follow(FILE, rng.random() < 0.8))
                case 4:
                    made.got(link, Got(FILE, 0, (rng.choice(INDEXES),)))
                case 5 if reading:
                    read = reading.pop(rng.randrange(len(reading)))
                    made.ready(read.link, FILE, read.layer, read.index, rng.random() < 0.9, now)
                case 6 if unsent:
                    made.sent(*unsent.pop(rng.randrange(len(unsent))), now)
                case 7:
                    made.tick(now)
                case 8 if rng.random() < 0.2:
                    raise ProtocolError("it goes")
        except ProtocolError:
            made.lost(link, now)
            reading = [each for each in reading if each.link != link]
            unsent = [each for each in unsent if each[0] != link]
        for effect in made.take():
            if isinstance(effect, Read):
                assert effect.link != 5
                reading.append(effect)
            elif isinstance(effect, Give):
                unsent.append((effect.link, effect.size))
        there = made._links.values()
        assert made._ahead == sum(each.ahead for each in there) >= 0
        ready = [block for each in there for block in each.ready]
        assert made._ahead == (
            sum(size for each in there for size in each.reading.values())
            + sum(block.size - block.given for block in ready)
            + sum(size for _, size in unsent)
        )
        for each in there:
            due = {request for request in each.queue if request[2] != ANY}
            assert each.open == due | set(each.reading) | {block.request for block in each.ready}
        assert set(made._giving) == {link for link, each in made._links.items() if each.ready}
        assert set(made._waiting) == {link for link, each in made._links.items() if each.queue}


class Pair:
    """A fetch and its only source, whose frames take a while each way, as do its reads. Time stands
    still: nothing is helped by asking again."""

    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)
        self.server = Server(lambda link, file: True)
        self.server.share(FILE, STREAM)
        self.swarm = Swarm(FILE, STREAM, (), Random(seed))
        self.asked: deque[Wanted] = deque()
        self.told: deque[Refused | Give] = deque()
        self.reading: list[Read] = []
        self.swarm.joined(HERE, bytes(32), 0.0)
        self.swarm.have(HERE, Have(FILE, WHOLE, 0, b"", True), 0.0)
        self.collect()

    def collect(self) -> None:
        for told in self.swarm.take():
            if isinstance(told, Tell) and isinstance(told.frame, Wanted):
                self.asked.append(told.frame)
        for effect in self.server.take():
            if isinstance(effect, Read):
                self.reading.append(effect)
            elif isinstance(effect, Give):
                self.server.sent(effect.link, effect.size, 0.0)
                if effect.link == HERE:
                    self.told.append(effect)
            elif effect.links == (HERE,) and isinstance(effect.frame, Refused):
                self.told.append(effect.frame)

    def step(self) -> bool:
        """Whether anything was left to do."""
        steps = [self.others] * bool(self.swarm.pieces_left)
        steps += [self.ask] * bool(self.asked) + [self.read] * bool(self.reading)
        steps += [self.hear] * bool(self.told)
        if steps:
            self.rng.choice(steps)()
            self.collect()
        return bool(steps)

    def others(self) -> None:
        """Somebody else asks for much, or goes."""
        if self.rng.random() < 0.5:
            for index in range(PIECES):
                self.server.wanted(ELSEWHERE, Wanted(FILE, 0, index), 0.0)
        else:
            self.server.lost(ELSEWHERE, 0.0)
            self.reading = [read for read in self.reading if read.link != ELSEWHERE]

    def ask(self) -> None:
        self.server.wanted(HERE, self.asked.popleft(), 0.0)

    def read(self) -> None:
        read = self.reading.pop(self.rng.randrange(len(self.reading)))
        self.server.ready(read.link, FILE, read.layer, read.index, True, 0.0)

    def hear(self) -> None:
        frame = self.told.popleft()
        if isinstance(frame, Refused):
            self.swarm.refused(HERE, frame, 0.0)
            return
        part = self.swarm.part(HERE, frame.layer, frame.index, frame.offset, frame.size, 0.0)
        if part is Part.COMPLETED:
            self.swarm.stored(frame.layer, frame.index, 0.0)


@pytest.mark.parametrize("seed", range(60))
def test_each_request_of_an_honest_fetch_is_answered(seed: int) -> None:
    pair = Pair(seed)
    for _ in range(5000):
        if not pair.step():
            break
    assert pair.swarm.complete
    assert not pair.swarm.owed_by()
