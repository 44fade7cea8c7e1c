"""Blocks between links and disk: what comes in parts, in whatever order offers take turns."""

from __future__ import annotations

import asyncio
import threading
from types import SimpleNamespace
from typing import Any, cast

import pytest

from p2pchat.config import limits
from p2pchat.model.stream import PIECE_MIN_BYTES, Block, Stream, kept
from p2pchat.node.carrying import Carrying
from p2pchat.node.ports import Depot, Links, Survey
from p2pchat.protocol import effects
from p2pchat.protocol.files import Files

STREAM = Stream(bytes(32), 2 * PIECE_MIN_BYTES, PIECE_MIN_BYTES)
BLOCK = Block(0, 1)
DATA = bytes(range(256)) * (PIECE_MIN_BYTES // 256)
HALF = PIECE_MIN_BYTES // 2


class Kept:
    """A depot that keeps what is written, and an exchange that is told of it."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.soon: list[bool] = []
        self.told: list[tuple[bytes, Any]] = []
        self.all = asyncio.Event()
        self.made = threading.Event()
        """Until then folders are being made."""

    def write(self, stream: Stream, block: Block, *parts: memoryview, soon: bool) -> bool:
        if stream.manifest:
            self.made.wait(10)
        self.soon.append(soon)
        self.written.append(b"".join(parts))
        return True

    def kept(self, link: int, file: bytes, block: Block, outcome: Any) -> None:
        self.told.append((file, outcome))
        if len(self.told) == 2:
            self.all.set()


class Given:
    """A depot that is read, a server that wants all of it given, and a link that takes what it is
    told to."""

    def __init__(self) -> None:
        self.read_now = asyncio.Event()
        self.sent_bytes = 0
        self.frames: list[bytes] = []
        self.full = True

    def read(self, *args: Any) -> Any:
        if len(args) == 2:  # of the depot: (stream, block)
            return DATA
        self.read_now.set()
        return True

    def sent(self, link: int, size: int) -> None:
        self.sent_bytes += size

    def send(self, link: int, head: bytes, data: memoryview) -> int:
        self.frames.append(bytes(data))
        return limits.QUEUE_BYTES + 1 if self.full else 0

    def flush(self) -> None:
        pass


def carrying_to(kept: Kept | Given) -> Carrying:
    return Carrying(
        cast(Depot, kept),
        cast(Links, kept),
        cast(Files, SimpleNamespace(exchange=kept, offering=None)),
        lambda call, *args: call(*args),
        lambda query: lambda result: None,
    )


def part(file: bytes, offset: int) -> effects.KeepPart:
    return effects.KeepPart(
        1, file, STREAM, BLOCK, offset, memoryview(DATA)[offset : offset + HALF]
    )


def test_two_offers_of_one_content_come_over_one_link_at_once() -> None:
    """Under a limit of the rate the parts of their blocks take turns."""

    async def main() -> None:
        kept = Kept()
        carrying = carrying_to(kept)
        for offset in (0, HALF):
            for file in (b"one", b"other"):
                carrying.perform[effects.KeepPart](part(file, offset))
        await asyncio.wait_for(kept.all.wait(), 10)
        carrying.close()
        assert kept.written == [DATA, DATA]
        assert sorted(kept.told) == [(b"one", True), (b"other", True)]

    asyncio.run(main())


def test_a_large_folder_that_is_being_made_holds_up_no_other_file() -> None:
    async def main() -> None:
        kept = Kept()
        carrying = carrying_to(kept)
        keep = carrying.perform[effects.KeepPart]
        folder = Stream(bytes(32), STREAM.size, STREAM.piece, PIECE_MIN_BYTES)
        keep(effects.KeepPart(1, b"folder", folder, Block(0, 0), 0, memoryview(DATA)))
        keep(effects.KeepPart(1, b"file", STREAM, BLOCK, 0, memoryview(DATA)))
        async with asyncio.timeout(10):
            while not kept.told:  # noqa: ASYNC110 - the one that is awaited is told without one
                await asyncio.sleep(0.01)
        assert kept.told == [(b"file", True)]
        kept.made.set()
        await asyncio.wait_for(kept.all.wait(), 10)
        carrying.close()

    asyncio.run(main())


def test_what_comes_in_one_turn_goes_to_the_disk_in_one_visit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def main() -> None:
        kept, loop, visits = Kept(), asyncio.get_running_loop(), 0
        in_pool = loop.run_in_executor

        def counted(*args: Any) -> Any:
            nonlocal visits
            visits += 1
            return in_pool(*args)

        monkeypatch.setattr(loop, "run_in_executor", counted)
        carrying = carrying_to(kept)
        for file in (b"one", b"other"):
            keep = effects.KeepPart(1, file, STREAM, BLOCK, 0, memoryview(DATA))
            carrying.perform[effects.KeepPart](keep)
        await asyncio.wait_for(kept.all.wait(), 10)
        carrying.close()
        assert visits == 1

    asyncio.run(main())


def test_while_messages_are_stored_files_go_to_the_disk_bit_by_bit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def main() -> None:
        loop, later = asyncio.get_running_loop(), 0.0
        kept = Kept()
        carrying = carrying_to(kept)
        clock = loop.time
        monkeypatch.setattr(loop, "time", lambda: clock() + later)

        def keep(file: bytes) -> None:
            block = effects.KeepPart(1, file, STREAM, BLOCK, 0, memoryview(DATA))
            carrying.perform[effects.KeepPart](block)

        keep(b"before")
        carrying.talk()
        keep(b"meanwhile")
        later = limits.TALK_S
        keep(b"after")
        await asyncio.wait_for(kept.all.wait(), 10)
        carrying.close()
        assert kept.soon == [False, True, False]

    asyncio.run(main())


def test_a_full_link_is_given_nothing_more_and_a_block_twice() -> None:
    """Who gets a block may ask for it again before the first copy has left."""

    async def main() -> None:
        given = Given()
        carrying = carrying_to(given)
        for _ in range(3):
            carrying.perform[effects.ReadBlock](effects.ReadBlock(1, b"file", STREAM, BLOCK))
            await asyncio.wait_for(given.read_now.wait(), 10)
            given.read_now.clear()
            give = effects.GiveBlock(1, b"file", BLOCK, 0, len(DATA))
            carrying.perform[effects.GiveBlock](give)
        assert given.sent_bytes == limits.PART_BYTES
        given.full = False
        carrying.drained(1)
        carrying.close()
        assert b"".join(given.frames) == 3 * DATA
        assert given.sent_bytes == 3 * len(DATA)

    asyncio.run(main())


def test_what_was_just_shared_is_given_from_memory_for_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("p2pchat.node.carrying.TAIL_S", 0.5)

    class Shared(Given):
        def __init__(self) -> None:
            super().__init__()
            self.surveyed = asyncio.Event()
            self.visits = 0

        def survey(self, path: str, going: Any, circle: bytes) -> Survey:
            return Survey(STREAM, "x", "inode/directory", 1, 2, path, ((1, DATA),))

        def read(self, *args: Any) -> Any:
            self.visits += len(args) == 2
            return super().read(*args)

    async def main() -> None:
        given = Shared()
        carrying = Carrying(
            cast(Depot, given),
            cast(Links, given),
            cast(Files, SimpleNamespace(exchange=given, offering=None)),
            lambda call, *args: call(*args),
            lambda query: lambda result: given.surveyed.set(),
        )

        async def read(circle: bytes) -> int:
            """How often the disk was visited for it."""
            before = given.visits
            given.read_now.clear()
            ask = effects.ReadBlock(1, b"file", kept(STREAM, circle), BLOCK)
            carrying.perform[effects.ReadBlock](ask)
            await asyncio.wait_for(given.read_now.wait(), 10)
            return given.visits - before

        carrying.perform[effects.SurveyPath](effects.SurveyPath(7, "x", b"here"))
        await asyncio.wait_for(given.surveyed.wait(), 10)
        assert await read(b"here") == 0
        assert await read(b"elsewhere") == 1
        async with asyncio.timeout(10):
            while not await read(b"here"):  # noqa: ASYNC110 - no event says that time has passed
                await asyncio.sleep(0.01)
        carrying.close()

    asyncio.run(main())
