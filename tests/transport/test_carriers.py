"""A socket's end, whenever it comes."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import cast

from transport_support import run

from p2pchat.transport.carriers import TcpCarrier, raw_buffer
from p2pchat.transport.connection import CARRIER_HIGH, Connection


class Ending:
    """A connection that finds out that it is over when its carrier takes more again."""

    def __init__(self) -> None:
        self.carrier: TcpCarrier | None = None
        self.held_up = False
        self.ended = asyncio.Event()

    def hold_up(self) -> None:
        self.held_up = True

    def resume(self) -> None:
        assert self.carrier is not None
        self.carrier.abort()

    def lost(self) -> None:
        self.ended.set()


def test_a_connection_may_end_when_it_can_go_on() -> None:
    async def scenario() -> None:
        """`run` fails where asyncio finds something wrong."""
        loop, ending = asyncio.get_running_loop(), Ending()
        carrier = ending.carrier = TcpCarrier(lambda _: cast("Connection", ending), raw_buffer())
        with socket.create_server(("127.0.0.1", 0)) as server:
            await loop.create_connection(lambda: carrier, *server.getsockname())
            there, _ = server.accept()
        with there:
            there.setblocking(False)
            while not ending.held_up:
                carrier.write(bytes(CARRIER_HIGH))
            while not ending.ended.is_set():
                with contextlib.suppress(ConnectionResetError):
                    await loop.sock_recv(there, CARRIER_HIGH)
                await asyncio.sleep(0)

    run(scenario)
