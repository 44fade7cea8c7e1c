"""Files that are offered in conversations."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from p2pchat.model.ids import PeerId


class FileState(StrEnum):
    OFFERED = "offered"
    FETCHING = "fetching"
    PAUSED = "paused"
    COMPLETE = "complete"
    FAILED = "failed"


class Receiver(msgspec.Struct, frozen=True):
    """How far somebody has a file that this person offers."""

    peer_id: PeerId
    done: int
    """Bytes."""
    state: FileState
    stalled: bool = False
    """It is fetching, and nothing has been heard of it for some seconds."""


class FileInfo(msgspec.Struct, frozen=True):
    """A file as every front end gets it. Sizes are bytes, rates bytes a second."""

    file_id: str
    message_id: str
    """The same: the message is the offer."""
    conversation: str
    name: str
    size: int
    mime: str
    author: PeerId
    state: FileState
    done: int
    total: int
    """Of the stream: a folder's is a little larger than its files."""
    path: str | None
    """Where the finished file or folder lies."""
    sources: int
    """Peers that it comes from at the moment."""
    rate: float
    receivers: tuple[Receiver, ...] = ()
    """Of one's own offer."""
    files: int = 1
    """In a folder."""
    reason: str = ""
    """Why it failed: `gone`, `changed`, `disk-full`, `too-large`, or of the store. While it is
    fetched: `relayed` where it is too large for the only ways to those who may have it, `slow`
    where somebody has it and sends nothing at the moment."""
