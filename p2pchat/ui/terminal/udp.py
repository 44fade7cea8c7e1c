"""The UDP test mode: lines that are typed go to one peer as datagrams, what arrives is printed."""

from __future__ import annotations

import asyncio

from p2pchat.errors import UsageError
from p2pchat.ui.terminal.lines import Lines
from p2pchat.ui.udp import OpenEndpoint, arrival, datagram, is_end, trouble_of


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


class _Trouble:
    """Tells of the same network error once for each line that is typed: a peer that isn't there
    yet answers every datagram with a refusal."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._told = ""

    def tell(self, error: OSError) -> None:
        text = trouble_of(error)
        if text != self._told:
            self._told = text
            self._lines.complain(text)

    def forget(self) -> None:
        self._told = ""
