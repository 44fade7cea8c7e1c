"""The registrar, and what it keeps for people."""

from __future__ import annotations

import msgspec

from p2pchat.model.ids import PeerId


class RegistrarInfo(msgspec.Struct, frozen=True):
    """Who leads, and what this node is in that."""

    peer_id: PeerId | None
    device_id: str | None
    label: str | None
    term: int
    """Its number; where nobody leads, the highest that is known."""
    state: str
    """Of this node: `off`, `follower`, `candidate` or `registrar`."""
