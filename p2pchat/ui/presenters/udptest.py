"""The UDP test window: plain lines of text to one peer, and what arrives from anybody."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from p2pchat.config import addresses
from p2pchat.config.limits import DATAGRAM_BYTES
from p2pchat.errors import P2PChatError, UsageError
from p2pchat.model.text import safe_bytes, well_formed
from p2pchat.ui.language import _
from p2pchat.ui.presenters import words
from p2pchat.ui.presenters.runner import Runner
from p2pchat.ui.udp import Address, Endpoint, OpenUdp, arrival, datagram, is_end, trouble_of

WAITING = 500
"""Lines that wait for the window; of a flood the rest is counted only."""


class Voice(Enum):
    OWN = "own"
    OTHER = "other"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Line:
    voice: Voice
    text: str


class UdpView(Protocol):
    def show_lines(self, lines: Sequence[Line]) -> None:
        """Add them at the end."""
        ...

    def show_state(self, is_open: bool, busy: bool) -> None: ...

    def show_error(self, text: str) -> None: ...

    def close(self) -> None: ...


class _Inbox:
    """Between the socket's thread and the window's: bounded, and emptied at once."""

    def __init__(self) -> None:
        self._lines: deque[Line] = deque()
        self._dropped = 0
        self._come = asyncio.Event()

    def put(self, line: Line) -> None:
        if len(self._lines) < WAITING:
            self._lines.append(line)
        else:
            self._dropped += 1
        self._come.set()

    async def get(self) -> list[Line]:
        await self._come.wait()
        self._come.clear()
        lines = list(self._lines)
        self._lines.clear()
        if self._dropped:
            text = _("{number} more were not shown").format(number=self._dropped)
            lines.append(Line(Voice.NOTE, text))
            self._dropped = 0
        return lines


class UdpPresenter:
    def __init__(self, runner: Runner, open_udp: OpenUdp, view: UdpView) -> None:
        self._runner = runner
        self._open_udp = open_udp
        self._view = view
        self._endpoint: Endpoint | None = None
        self._round = 0
        """Of opening: what an earlier one brings is passed over."""
        self._trouble = ""

    @property
    def is_open(self) -> bool:
        return self._endpoint is not None

    # -- opening and closing

    def open(self, own: str, peer: str) -> None:
        """Bind to `[HOST:]PORT`, and talk to `HOST:PORT`."""
        self.close_socket()
        try:
            local, other = addresses.parse_listen(own.strip()), addresses.parse(peer.strip())
        except UsageError as error:
            self._view.show_error(words.refusal(error))
            return
        self._view.show_error("")
        self._view.show_state(False, True)
        self._round += 1
        this = self._round

        async def opening() -> tuple[Endpoint, _Inbox]:
            inbox = _Inbox()

            def failed(error: OSError) -> None:
                inbox.put(Line(Voice.NOTE, trouble_of(error)))

            def came(who: Address, data: bytes) -> None:
                inbox.put(Line(Voice.OTHER, arrival(who, data)))

            return await self._open_udp(local, other, came, failed), inbox

        def opened(found: tuple[Endpoint, _Inbox]) -> None:
            endpoint, inbox = found
            if this != self._round:
                self._runner.call(lambda: _closing(endpoint))
                return
            self._endpoint = endpoint
            self._view.show_state(True, False)
            self._listen(inbox, this)

        def refused(error: P2PChatError) -> None:
            self._view.show_state(False, False)
            self._view.show_error(words.refusal(error))

        self._runner.call(opening, opened, refused)

    def close_socket(self) -> None:
        endpoint, self._endpoint = self._endpoint, None
        self._round += 1
        if endpoint is not None:
            self._runner.call(lambda: _closing(endpoint))
            self._view.show_state(False, False)

    def _listen(self, inbox: _Inbox, this: int) -> None:
        def came(lines: list[Line]) -> None:
            if this == self._round:
                self._view.show_lines([line for line in lines if self._is_news(line)])
                self._listen(inbox, this)

        self._runner.call(inbox.get, came, lambda error: None)

    def _is_news(self, line: Line) -> bool:
        """The same trouble is told once for each line that is sent."""
        if line.voice is not Voice.NOTE:
            return True
        again, self._trouble = line.text == self._trouble, line.text
        return not again

    # -- talking

    def send(self, text: str) -> bool:
        """One line, as one datagram; whether it was sent. `over` is sent, and ends the window."""
        endpoint = self._endpoint
        if endpoint is None:
            self._view.show_error(_("Open the two addresses first."))
            return False
        line = well_formed(text).encode()
        try:
            data = datagram(line)
        except UsageError:
            most = _("Not sent: a line has at most {number} bytes.").format(number=DATAGRAM_BYTES)
            self._view.show_error(most)
            return False
        self._view.show_error("")
        self._trouble = ""
        self._runner.call(lambda: _sending(endpoint, data))
        self._view.show_lines([Line(Voice.OWN, safe_bytes(line))])
        if is_end(line):
            self.close_socket()
            self._view.close()
        return True


async def _sending(endpoint: Endpoint, data: bytes) -> None:
    endpoint.send(data)


async def _closing(endpoint: Endpoint) -> None:
    endpoint.close()
