"""The UDP test mode: lines that are typed go to one peer as datagrams, what arrives is printed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from p2pchat.config import addresses
from p2pchat.config.limits import DATAGRAM_BYTES
from p2pchat.errors import UsageError
from p2pchat.model.text import safe_bytes
from p2pchat.ui.terminal.lines import Lines

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


async def talk(open_endpoint: OpenEndpoint, lines: Lines, stop: asyncio.Event) -> None:
    """Until `over` is typed, the input ends or `stop` is set."""
    trouble = _Trouble(lines)
    endpoint = await open_endpoint(lambda who, data: lines.show(arrival(who, data)), trouble.tell)
    try:
        while (line := await lines.read(stop)) is not None:
            trouble.forget()
            try:
                endpoint.send(datagram(line))
            except UsageError as error:
                lines.complain(str(error))
                continue
            if is_end(line):
                return
    finally:
        endpoint.close()


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


class _Trouble:
    """Tells of the same network error once for each line that is typed: a peer that isn't there
    yet answers every datagram with a refusal."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._told = ""

    def tell(self, error: OSError) -> None:
        text = error.strerror or str(error)
        if isinstance(error, ConnectionRefusedError):
            text = "nobody listens there yet"
        if text != self._told:
            self._told = text
            self._lines.complain(text)

    def forget(self) -> None:
        self._told = ""
