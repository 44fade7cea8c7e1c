"""What is over the frame limit, a vault, goes over a link in parts."""

from __future__ import annotations

from collections.abc import Iterator

from p2pchat.config import limits
from p2pchat.protocol import wire

PART_BYTES = limits.FRAME_BYTES - 4096
MOST = -(-limits.VAULT_BYTES // PART_BYTES)


def in_parts(number: int, raw: bytes) -> Iterator[wire.VaultPart]:
    count = -(-len(raw) // PART_BYTES)
    for index in range(count):
        part = raw[index * PART_BYTES : (index + 1) * PART_BYTES]
        yield wire.VaultPart(number, index, count, part)


class Parts:
    """What came in so far: of one at a time on a link."""

    def __init__(self) -> None:
        self._parts: dict[tuple[int, int], list[bytes]] = {}
        """By link and number."""

    def __len__(self) -> int:
        return len(self._parts)

    def take(self, link: int, frame: wire.VaultPart) -> bytes | None:
        """The whole, where this was its last part."""
        key = (link, frame.number)
        parts = self._parts.setdefault(key, [])
        if frame.index != len(parts) or not 0 < frame.count <= MOST:
            del self._parts[key]
            return None
        parts.append(frame.data)
        for other in [one for one in self._parts if one[0] == link and one != key]:
            del self._parts[other]
        if len(parts) < frame.count:
            return None
        del self._parts[key]
        return b"".join(parts)

    def link_closed(self, link: int) -> None:
        for key in [key for key in self._parts if key[0] == link]:
            del self._parts[key]
