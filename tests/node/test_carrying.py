"""Blocks between links and disk: what comes in parts, in whatever order offers take turns."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

from p2pchat.model.stream import PIECE_MIN_BYTES, Block, Stream
from p2pchat.node.carrying import Carrying
from p2pchat.node.ports import Depot, Links
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
        self.told: list[tuple[bytes, Any]] = []
        self.all = asyncio.Event()

    def write(self, stream: Stream, block: Block, data: bytes) -> bool:
        self.written.append(bytes(data))
        return True

    def kept(self, link: int, file: bytes, block: Block, outcome: Any) -> None:
        self.told.append((file, outcome))
        if len(self.told) == 2:
            self.all.set()


def part(file: bytes, offset: int) -> effects.KeepPart:
    return effects.KeepPart(1, file, STREAM, BLOCK, offset, DATA[offset : offset + HALF])


def test_two_offers_of_one_content_come_over_one_link_at_once() -> None:
    """Under a limit of the rate the parts of their blocks take turns."""

    async def main() -> None:
        kept = Kept()
        files = SimpleNamespace(exchange=kept, offering=None)
        carrying = Carrying(
            cast(Depot, kept),
            cast(Links, None),
            cast(Files, files),
            lambda call, *args: call(*args),
            lambda query: lambda result: None,
        )
        for offset in (0, HALF):
            for file in (b"one", b"other"):
                carrying.perform[effects.KeepPart](part(file, offset))
        await asyncio.wait_for(kept.all.wait(), 10)
        carrying.close()
        assert kept.written == [DATA, DATA]
        assert sorted(kept.told) == [(b"one", True), (b"other", True)]

    asyncio.run(main())
