"""Flow control for a tunnel: nobody on the way says that it is full, so the far end must."""

from __future__ import annotations

from p2pchat.config import limits
from p2pchat.errors import ProtocolError


class Window:
    """Bytes of frames, lengths included. Each end acknowledges every TUNNEL_ACK_BYTES that it
    took; acknowledgements themselves don't count."""

    def __init__(self) -> None:
        self.in_flight = 0
        self._taken = 0

    @property
    def full(self) -> bool:
        return self.in_flight >= limits.TUNNEL_WINDOW_BYTES

    def sent(self, size: int) -> None:
        self.in_flight += size

    def acknowledged(self, count: int) -> None:
        """ProtocolError where more is acknowledged than was sent."""
        size = count * limits.TUNNEL_ACK_BYTES
        if size > self.in_flight:
            raise ProtocolError("more acknowledged than was sent")
        self.in_flight -= size

    def took(self, size: int) -> int:
        """How many acknowledgements are due now."""
        due, self._taken = divmod(self._taken + size, limits.TUNNEL_ACK_BYTES)
        return due
