"""What peers owe of fetches that are over is remembered, and bounded."""

from __future__ import annotations

from random import Random

import pytest

from p2pchat.config import limits
from p2pchat.model.stream import PIECE_MIN_BYTES, Stream
from p2pchat.protocol.swarm.fetch import Swarm
from p2pchat.protocol.swarm.frames import WHOLE, Have
from p2pchat.protocol.swarm.late import Late


def ended(number: int, *links: int) -> Swarm:
    """A fetch that these peers were asked for something of before it was given up."""
    file = number.to_bytes(32, "big")
    stream = Stream(b"r" * 32, 64 * PIECE_MIN_BYTES, PIECE_MIN_BYTES)
    swarm = Swarm(file, stream, (bytes(8), b"\1"), Random(number))
    for link in links:
        assert swarm.joined(link, b"device %d" % link, 0.0)
        swarm.have(link, Have(file, WHOLE, 0, b"", True), 0.0)
        swarm.tick(0.0)
        assert swarm.is_owed_by(link)
    swarm.close()
    return swarm


def test_whoever_gives_nothing_of_file_after_file_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "LATE_FETCHES", 20)
    late = Late()
    for number in range(20):
        assert late.add(ended(number, *((1, 2) if number % 2 else (2,)))) is None
    assert late.add(ended(20, 1)) == 2, "it owes more than the other"
    late.lost(2, 1.0)
    assert late.of(2, (0).to_bytes(32, "big")) is None
    assert late.of(1, (1).to_bytes(32, "big")) is not None
    assert late.add(ended(21, 1)) is None, "there is room again"


def test_whoever_owes_nothing_is_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "LATE_FETCHES", 0)
    assert Late().add(ended(1)) is None
