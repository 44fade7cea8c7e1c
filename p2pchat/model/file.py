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


class FileInfo(msgspec.Struct, frozen=True):
    """A file as every front end gets it. Sizes are bytes, rates bytes a second."""

    file_id: str
    message_id: str
    conversation: str
    name: str
    size: int
    mime: str
    author: PeerId
    state: FileState
    done: int
    total: int
    path: str | None
    sources: int
    rate: float
