"""A peer that a stream is fetched from, and what it owes."""

from __future__ import annotations

from collections import deque

from p2pchat.config import limits

_FEWEST, _MOST = limits.WINDOW_BLOCKS


class Ask:
    """A block that a peer owes."""

    __slots__ = ("asked_at", "given_up", "got", "size")

    def __init__(self, asked_at: float, size: int) -> None:
        self.asked_at = asked_at
        self.size = size
        self.got = 0
        """Bytes of it that have come."""
        self.given_up = False
        """Of no use any more, or asked of another; it may still come."""


class Window:
    """How many blocks may be in flight at a peer: so many that a block comes SWARM_LATENCY_S later
    than it would if it were the only one (as in LEDBAT, RFC 6817)."""

    __slots__ = ("blocks", "least", "most", "shortest")

    def __init__(self, piece: int) -> None:
        """`piece`: bytes."""
        self.least = max(_FEWEST, limits.WINDOW_MIN_BYTES // piece)
        self.most = min(_MOST, max(_FEWEST, limits.WINDOW_MAX_BYTES // piece))
        self.blocks = float(self.least)
        self.shortest = float("inf")
        """The least latency that was seen: the way there and back, and a block's own time."""

    def adapt(self, latency: float, flying: int) -> None:
        """A block came so long after it was asked for, while so many others were in flight. The
        window grows while blocks come quickly (it doubles in a round trip) and as many are asked
        for as may be, and shrinks while they queue."""
        self.shortest = min(self.shortest, latency)
        if latency > self.shortest + limits.SWARM_LATENCY_S:
            self.blocks = max(self.least, self.blocks - 0.5)
        elif flying + 2 >= self.blocks:
            self.blocks = min(self.most, self.blocks + 1.0)


class Source:
    __slots__ = (
        "anys",
        "author",
        "busy_until",
        "chooses",
        "device",
        "flying",
        "follow_after",
        "follow_at",
        "gave",
        "gave_at",
        "given_up_anys",
        "has",
        "heard",
        "heard_at",
        "lacks",
        "link",
        "outcast",
        "owes",
        "silent",
        "told",
        "upper",
        "useless",
        "whole",
        "window",
    )

    def __init__(self, link: int, device: bytes, piece: int, author: bool = False) -> None:
        self.link = link
        self.device = device
        self.author = author
        """Of the offer: if it lies, nobody has what it offered."""
        self.has = 0
        """Pieces, as a set."""
        self.whole = False
        """Said that it has everything."""
        self.told = False
        """Its Have is complete."""
        self.follow_at = 0.0
        """When it is asked again to tell, for it may not have known of the file."""
        self.follow_after = limits.FOLLOW_AGAIN_S
        """How long after that again."""
        self.upper = False
        """Has blocks of hashes."""
        self.lacks: set[int] = set()
        """Keys of blocks of hashes that it refused."""
        self.chooses = True
        """May be asked for ANY."""
        self.useless = 0
        """Blocks that it chose though they were here."""
        self.owes: dict[int, Ask] = {}
        """By key."""
        self.anys: deque[float] = deque()
        """When each ANY was asked that isn't answered."""
        self.given_up_anys: deque[float] = deque()
        self.flying = 0
        """Requests that are neither answered nor given up."""
        self.window = Window(piece)
        self.heard_at = float("-inf")
        """When it delivered, or was asked while it owed nothing."""
        self.heard = 0
        """How many bytes had come from all by then."""
        self.gave = False
        """Any part of any block."""
        self.gave_at = -1.0
        """When the last whole block came that was of use, right or wrong; negative: never."""
        self.silent = False
        self.busy_until = 0.0
        self.outcast = False

    def may_be_asked(self, now: float) -> bool:
        return (
            self.flying < self.window.blocks
            and not self.silent
            and not self.outcast
            and self.busy_until <= now
        )
