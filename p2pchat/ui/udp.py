"""The UDP test mode, as the terminal and the window share it: one datagram is one line of text."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from p2pchat.config import addresses
from p2pchat.config.limits import DATAGRAM_BYTES
from p2pchat.errors import UsageError
from p2pchat.model.text import safe_bytes

Address = tuple[str, int]

END = "over"


class Endpoint(Protocol):
    """An open UDP socket with a peer."""

    def send(self, data: bytes) -> None: ...

    def close(self) -> None: ...


OpenEndpoint = Callable[
    [Callable[[Address, bytes], None], Callable[[OSError], None]], Awaitable[Endpoint]
]
"""Bind and open; the first callable gets what arrives, the second what went wrong."""

OpenUdp = Callable[
    [Address, Address, Callable[[Address, bytes], None], Callable[[OSError], None]],
    Awaitable[Endpoint],
]
"""The same, with the address to bind and the peer's. UsageError."""


def datagram(line: bytes) -> bytes:
    """What a line without its line end is sent as. UsageError where it is too long or no text."""
    if len(line) > DATAGRAM_BYTES:
        raise UsageError(f"not sent: over {DATAGRAM_BYTES} bytes")
    try:
        line.decode()
    except UnicodeDecodeError:
        raise UsageError("not sent: it isn't UTF-8") from None
    return line


def is_end(line: bytes) -> bool:
    return line.lower() == END.encode()


def arrival(sender: Address, data: bytes) -> str:
    """`HOST:PORT say: TEXT`, safe to print; one trailing line end isn't shown."""
    if data.endswith(b"\n"):
        data = data[:-1].removesuffix(b"\r")
    return f"{addresses.join(*sender)} say: {safe_bytes(data)}"


def trouble_of(error: OSError) -> str:
    """What went wrong at sending, in short: a peer that isn't there yet answers every datagram
    with a refusal."""
    if isinstance(error, ConnectionRefusedError):
        return "nobody listens there yet"
    return error.strerror or str(error)
