"""What the tests of links share: an identity, a sink that remembers, and a bounded run."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from p2pchat.config import limits
from p2pchat.model.frame import RawFrame
from p2pchat.model.ids import InstanceId
from p2pchat.node.ports import Address, LinkId, LinkIdentity, LinkInfo
from p2pchat.transport.leaf import make_credentials
from p2pchat.transport.links import TlsLinks

HOST = "127.0.0.1"
SOON_S = 5.0
"""A busy machine's second, and half of what those who say nothing are given."""


def run(body: Callable[[], Awaitable[None]], seconds: float = 30) -> None:
    """Run to the end; a task that failed unseen or an exception out of a callback fails it."""
    problems: list[str] = []

    async def limited() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: problems.append(str(context)))
        async with asyncio.timeout(seconds):
            await body()

    asyncio.run(limited())
    assert not problems, "\n".join(problems)


async def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - conditions of any kind, no event tells of them
            await asyncio.sleep(0.005)


def make_identity() -> LinkIdentity:
    person, device = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    return LinkIdentity(
        person_key=person.public_key().public_bytes_raw(),
        device_key=device.public_key().public_bytes_raw(),
        instance=InstanceId(os.urandom(16)),
        sign_person=person.sign,
        sign_device=device.sign,
    )


class Sink:
    """Remembers everything; `on_frames` and `on_tunnel` may do something with it."""

    def __init__(self) -> None:
        self.opened: dict[LinkId, LinkInfo] = {}
        self.tokens: dict[int, LinkId] = {}
        self.frames: dict[LinkId, list[bytes]] = {}
        self.batches: list[int] = []
        self.drained: list[LinkId] = []
        self.closed: dict[LinkId, str] = {}
        self.failed: dict[int, str] = {}
        self.troubles: list[tuple[str, str]] = []
        self.on_frames: Callable[[LinkId, Sequence[RawFrame]], None] | None = None
        self.on_tunnel: Callable[[int, bytes], None] | None = None

    def link_opened(self, link: LinkId, info: LinkInfo, token: int | None) -> None:
        assert link not in self.opened
        self.opened[link] = info
        self.frames[link] = []
        if token is not None:
            self.tokens[token] = link

    def link_frames(self, link: LinkId, frames: Sequence[RawFrame]) -> None:
        assert link in self.opened
        assert link not in self.closed
        self.batches.append(len(frames))
        if self.on_frames is not None:
            self.on_frames(link, frames)
        else:
            self.frames[link] += map(bytes, frames)

    def link_drained(self, link: LinkId) -> None:
        self.drained.append(link)

    def link_closed(self, link: LinkId, reason: str) -> None:
        assert link in self.opened
        assert link not in self.closed
        self.closed[link] = reason

    def dial_failed(self, token: int, address: Address, reason: str) -> None:
        assert token not in self.failed
        assert token not in self.tokens
        self.failed[token] = reason

    def link_trouble(self, reason: str, address: Address) -> None:
        self.troubles.append((reason, address[0]))

    def tunnel_data(self, token: int, data: bytes) -> None:
        assert self.on_tunnel is not None
        self.on_tunnel(token, data)

    @property
    def only(self) -> LinkId:
        """The one open link."""
        (link,) = set(self.opened) - set(self.closed)
        return link


class Node:
    """TlsLinks on a free port of loopback, with its sink."""

    def __init__(self, host: str = HOST) -> None:
        self.links = TlsLinks(host, 0)
        self.sink = Sink()
        self.identity = make_identity()
        self._dials = 0

    async def start(self) -> Node:
        await self.links.start(self.sink, self.identity)
        return self

    @property
    def address(self) -> Address:
        return self.links.listening[0]

    def dial(self, address: Address) -> int:
        self._dials += 1
        self.links.dial(self._dials, address)
        return self._dials


async def linked(one: Node, other: Node) -> tuple[LinkId, LinkId]:
    """Dial from one to the other; the link at either side."""
    before = set(other.sink.opened)
    token = one.dial(other.address)
    await until(lambda: token in one.sink.tokens and len(other.sink.opened) > len(before))
    (theirs,) = set(other.sink.opened) - before
    return one.sink.tokens[token], theirs


class Outsider:
    """The other end of a connection, without any of this program's links: it may do anything."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def connect(cls, address: Address, context: ssl.SSLContext | None = None) -> Outsider:
        """Reads a little at a time, and holds little that it hasn't read."""
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * limits.KIB)
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, address)
        return cls(
            *await asyncio.open_connection(
                sock=sock, ssl=context, server_hostname="" if context else None, limit=1024
            )
        )

    async def ended(self) -> None:
        """Wait until the other side has closed."""
        with contextlib.suppress(OSError):
            while await self.reader.read(1 << 16):
                pass

    def gone(self) -> None:
        self.writer.transport.abort()


class BareTls:
    """The client's TLS of a node that may say anything; bytes in and out by hand."""

    def __init__(self) -> None:
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = make_credentials(make_identity()).client.wrap_bio(self.incoming, self.outgoing)

    def shake_hands(self) -> bool:
        """Whether that was the last step."""
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def record(self, data: bytes) -> bytes:
        self.tls.write(data)
        return self.outgoing.read()


async def fill(node: Node, link: LinkId) -> int:
    """Send until the system's buffers are full and 1 MiB stays queued here, or the link is closed
    for that; the bytes sent."""
    sent = full = 0
    while full < 5 and link not in node.sink.closed:
        queued = node.links.send(link, b"x" * 60_000)
        sent += 60_004
        full = full + 1 if queued > limits.QUEUE_BYTES else 0
        await asyncio.sleep(0.01 if full else 0)
    return sent


async def two() -> tuple[Node, Node]:
    return await Node().start(), await Node().start()
