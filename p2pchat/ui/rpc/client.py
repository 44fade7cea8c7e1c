"""The other end of the control socket: a running node, asked by another command."""

from __future__ import annotations

import asyncio
import itertools
import socket
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

import msgspec

from p2pchat.errors import BadParams, P2PChatError, RequestError
from p2pchat.events import Event
from p2pchat.model.accounts import RegistrarInfo
from p2pchat.model.file import FileInfo
from p2pchat.model.ids import MessageId
from p2pchat.model.message import Message, Room
from p2pchat.model.people import NodeInfo, Peer
from p2pchat.ui.rpc.control import CONTROL_KEY, pipe_name, socket_path
from p2pchat.ui.rpc.messages import Code, ErrorInfo, encode

T = TypeVar("T")
_ONCE = {"messages.send", "files.share"}
"""Done twice, it would be there twice."""


class NodeEnded(P2PChatError):
    """The connection is gone before the answer came."""

    def __init__(self) -> None:
        super().__init__("the running p2pchat has ended")


class _Incoming(msgspec.Struct, frozen=True):
    """An answer or an event, whichever it is."""

    id: int | None = None
    result: msgspec.Raw = msgspec.Raw()
    error: ErrorInfo | None = None
    params: msgspec.Raw = msgspec.Raw()


_incoming = msgspec.json.Decoder(_Incoming)
_event: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)


class RemoteAccounts:
    """The part of `AccountsApi` that one-shot commands use."""

    def __init__(self, node: RemoteNode) -> None:
        self._node = node

    async def registrar(self) -> RegistrarInfo:
        return await self._node.call("registrar.info", RegistrarInfo)


class RemoteNode(asyncio.Protocol):
    """A node in another process: the part of `NodeApi` that one-shot commands use."""

    def __init__(self) -> None:
        self.accounts = RemoteAccounts(self)
        self.acted = False
        """Something was answered that mustn't be asked again elsewhere. What a node that is closing
        hasn't answered it hasn't done."""
        self._transport: asyncio.Transport | None = None
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[msgspec.Raw]] = {}
        self._handlers: list[Callable[[Sequence[Event]], None]] = []
        self._parts: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(NodeEnded())
        self._waiting.clear()

    def data_received(self, data: bytes) -> None:
        if b"\n" not in data:
            self._parts.append(data)
            return
        *lines, rest = b"".join((*self._parts, data)).split(b"\n")
        self._parts = [rest] if rest else []
        for line in lines:
            self._take(_incoming.decode(line))

    def _take(self, incoming: _Incoming) -> None:
        if incoming.id is None:
            self._tell(incoming)
            return
        future = self._waiting.pop(incoming.id, None)
        if future is None or future.done():
            return
        if incoming.error is not None:
            future.set_exception(_raised(incoming.error))
        else:
            future.set_result(incoming.result.copy())

    def _tell(self, incoming: _Incoming) -> None:
        if not self._handlers:
            return
        try:
            event = _event.decode(bytes(incoming.params))
        except msgspec.MsgspecError:
            return  # of a newer version
        for handler in list(self._handlers):
            handler([event])

    async def call(self, method: str, type: type[T], **params: Any) -> T:
        """The result, as `type`. What the other side refused is raised as it was there."""
        if self._transport is None:
            raise NodeEnded
        number = next(self._numbers)
        future = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        request = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        self._transport.write(encode(request) + b"\n")
        answer = await future
        self.acted |= method in _ONCE
        return msgspec.json.decode(bytes(answer), type=type)

    def subscribe(self, handler: Callable[[Sequence[Event]], None]) -> Callable[[], None]:
        self._handlers.append(handler)
        return lambda: self._handlers.remove(handler)

    async def info(self) -> NodeInfo:
        return await self.call("node.info", NodeInfo)

    async def peers(self) -> Sequence[Peer]:
        return await self.call("peers.list", list[Peer])

    async def rooms(self) -> Sequence[Room]:
        return await self.call("rooms.list", list[Room])

    async def join_room(self, room: str, password: str | None = None) -> Room:
        return await self.call("rooms.join", Room, room=room, password=password)

    async def send(
        self, conversation: str, text: str, reply_to: MessageId | None = None
    ) -> Message:
        return await self.call(
            "messages.send", Message, conversation=conversation, text=text, reply_to=reply_to
        )

    async def share(self, conversation: str, path: str) -> FileInfo:
        return await self.call("files.share", FileInfo, conversation=conversation, path=path)

    async def stop_reading(self, conversation: str, path: str) -> None:
        params = {"conversation": conversation, "path": path}
        await self.call("files.stop_reading", dict[str, Any], **params)

    async def messages(
        self,
        conversation: str,
        limit: int = 50,
        before: MessageId | None = None,
        after: MessageId | None = None,
        around: MessageId | None = None,
    ) -> Sequence[Message]:
        places = {"before": before, "after": after, "around": around}
        return await self.call(
            "messages.list", list[Message], conversation=conversation, limit=limit, **places
        )

    async def message_since(self, conversation: str, time: str) -> MessageId | None:
        params = {"conversation": conversation, "time": time}
        found = await self.call("messages.since", dict[str, MessageId | None], **params)
        return found["message_id"]

    async def search(
        self, query: str, conversation: str | None = None, limit: int = 50
    ) -> Sequence[Message]:
        return await self.call(
            "messages.search", list[Message], query=query, conversation=conversation, limit=limit
        )

    async def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


def _raised(error: ErrorInfo) -> Exception:
    if error.data and "reason" in error.data:
        data = dict(error.data)
        return RequestError(str(data.pop("reason")), error.message, **data)
    if error.code in (Code.INVALID_PARAMS, Code.METHOD_NOT_FOUND):
        return BadParams(error.message)
    return P2PChatError(error.message)


async def connect_running(data_dir: Path) -> RemoteNode | None:
    """The node that runs on the profile, or None where none does."""
    node = RemoteNode()
    try:
        if sys.platform == "win32":
            await _connect_pipe(node, data_dir)
        else:
            await _connect_socket(node, data_dir)
    except OSError:
        return None
    return node


async def _connect_socket(node: RemoteNode, data_dir: Path) -> None:
    loop = asyncio.get_running_loop()
    sock = socket.socket(socket.AF_UNIX)  # type: ignore[attr-defined,unused-ignore]
    try:
        sock.setblocking(False)
        with socket_path(data_dir) as path:
            await loop.sock_connect(sock, path)
        await loop.create_unix_connection(lambda: node, sock=sock)
    except OSError:
        sock.close()
        raise


async def _connect_pipe(node: RemoteNode, data_dir: Path) -> None:
    if sys.platform == "win32":
        secret = (data_dir / CONTROL_KEY).read_bytes()
        loop: Any = asyncio.get_running_loop()  # its types know of no protocol but a stream's
        transport, _ = await loop.create_pipe_connection(lambda: node, pipe_name(data_dir))
        transport.write(secret + b"\n")
        await asyncio.sleep(0)  # unlike a socket's, `connection_made` comes only now
