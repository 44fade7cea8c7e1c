"""The session's message bus: D-Bus, on Linux and its like.

jeepney's own router isn't used: it leaves the socket open where the bus doesn't answer, and what it
filters has to be waited for by another task."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from jeepney import (
    DBusAddress,
    HeaderFields,
    Message,
    MessageFlag,
    MessageType,
    new_error,
    new_method_call,
)  # fmt: skip
from jeepney.auth import BEGIN, Authenticator
from jeepney.bus import get_bus
from jeepney.io.asyncio import DBusConnection

log = logging.getLogger("p2pchat.ui")

BUS = DBusAddress("/org/freedesktop/DBus", "org.freedesktop.DBus", "org.freedesktop.DBus")
"""The bus itself."""
GONE = "the bus has gone"
UNKNOWN = "org.freedesktop.DBus.Error.UnknownMethod"
Heard = Callable[[Message], Message | None]
"""Is told of what isn't an answer, and may answer it."""


class Bus:
    """A connection, on one event loop, with which it ends. It has no patience of its own: whoever
    calls says how long."""

    @classmethod
    async def connect(
        cls, heard: Heard = lambda message: None, gone: Callable[[], None] = lambda: None
    ) -> Bus:
        """OSError, and what jeepney raises. `gone` is called once the connection has ended."""
        streams: Any = asyncio  # for type checkers: Windows has no such sockets
        reader, writer = await streams.open_unix_connection(get_bus("SESSION"))
        try:
            proof = Authenticator()
            for line in proof:
                writer.write(line)
                proof.feed(await reader.readuntil(b"\n"))
            writer.write(BEGIN)
            bus = cls(DBusConnection(reader, writer), heard)
            bus._reading.add_done_callback(lambda _: gone())
            await bus.call(BUS, "Hello")
        except BaseException:
            writer.transport.abort()
            raise
        return bus

    def __init__(self, connection: DBusConnection, heard: Heard) -> None:
        self._connection, self._heard = connection, heard
        self._asked: dict[int, asyncio.Future[Message | None]] = {}
        self._reading = asyncio.create_task(self._read())

    async def call(
        self, whom: DBusAddress, member: str, signature: str | None = None, *body: Any
    ) -> tuple[Any, ...]:
        """What is answered. OSError for a refusal, and where the bus has gone."""
        if self._reading.done():
            raise ConnectionError(GONE)
        serial = next(self._connection.outgoing_serial)
        self._asked[serial] = asyncio.get_running_loop().create_future()
        try:
            message = new_method_call(whom, member, signature, body)
            await self._connection.send(message, serial=serial)
            answer = await self._asked[serial]
        finally:
            del self._asked[serial]
        if answer is None:
            raise ConnectionError(GONE)
        if answer.header.message_type is MessageType.error:
            raise OSError(f"{member}: {answer.header.fields.get(HeaderFields.error_name)}")
        found: tuple[Any, ...] = answer.body
        return found

    async def send(self, message: Message) -> None:
        """A signal. It may be lost where the bus has gone."""
        await self._connection.send(message)

    def end(self) -> None:
        """Without waiting for a bus that may have stopped answering."""
        self._connection.writer.transport.abort()

    async def _read(self) -> None:
        try:
            while True:
                message = await self._connection.receive()
                asked = self._asked.get(message.header.fields.get(HeaderFields.reply_serial))
                if asked is None:
                    await self._tell(message)
                elif not asked.done():
                    asked.set_result(message)
                    await asyncio.sleep(0)  # who has asked goes on before what came after it
        except Exception as error:  # the bus has gone, or isn't what it should be
            log.debug("%s: %r", GONE, error)
        finally:
            self.end()
            for asked in self._asked.values():
                if not asked.done():
                    asked.set_result(None)

    async def _tell(self, message: Message) -> None:
        answer = None
        try:
            answer = self._heard(message)
        except Exception as error:  # it isn't what its name promises
            log.debug("nonsense on the bus: %r", error)
        header = message.header
        waits = not header.flags & MessageFlag.no_reply_expected
        if header.message_type is MessageType.method_call and waits:
            await self._connection.send(answer or new_error(message, UNKNOWN))
