"""Links between two processes on loopback: throughput, rate and latency of small frames, time to
link. Beside them asyncio's streams over plain TCP, without any encryption."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from report import Figure, percentile, tell

from p2pchat.config import limits
from p2pchat.model.frame import RawFrame
from p2pchat.model.ids import InstanceId
from p2pchat.node.ports import Address, LinkId, LinkIdentity, LinkInfo
from p2pchat.transport.links import TlsLinks

HOST = "127.0.0.1"
LARGE, LARGE_COUNT = 60 * limits.KIB, 8_000
SMALL, SMALL_COUNT = 300, 200_000
ROUND_TRIPS = 5_000
DIALS = 100
PING, DATA, END = b"p", b"d", b"e"

Answer = Callable[[bytes], None]


def answered(frame: bytes) -> bool:
    """A ping comes back, and so does the end of a run; data is only taken."""
    return frame[:1] != DATA


# -- this program's links


class Sink:
    def __init__(self, links: TlsLinks, echo: bool) -> None:
        self.links = links
        self.echo = echo
        self.opened: asyncio.Queue[LinkId] = asyncio.Queue()
        self.back: asyncio.Queue[bytes] = asyncio.Queue()
        self.room = asyncio.Event()

    def link_opened(self, link: LinkId, info: LinkInfo, token: int | None) -> None:
        self.opened.put_nowait(link)

    def link_frames(self, link: LinkId, frames: Sequence[RawFrame]) -> None:
        for frame in map(bytes, frames):
            if answered(frame):
                if self.echo:
                    self.links.send(link, frame)
                else:
                    self.back.put_nowait(frame)

    def link_drained(self, link: LinkId) -> None:
        self.room.set()

    def link_closed(self, link: LinkId, reason: str) -> None: ...

    def dial_failed(self, token: int, address: Address, reason: str) -> None:
        raise ConnectionError(reason)

    def link_trouble(self, reason: str, address: Address) -> None: ...

    def tunnel_data(self, token: int, data: bytes) -> None: ...


async def start_links(echo: bool) -> tuple[TlsLinks, Sink]:
    person, device = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    links = TlsLinks(HOST, 0)
    sink = Sink(links, echo)
    identity = LinkIdentity(
        person_key=person.public_key().public_bytes_raw(),
        device_key=device.public_key().public_bytes_raw(),
        instance=InstanceId(os.urandom(16)),
        sign_person=person.sign,
        sign_device=device.sign,
    )
    await links.start(sink, identity)
    return links, sink


class LinkClient:
    def __init__(self, links: TlsLinks, sink: Sink, address: Address) -> None:
        self._links, self._sink, self._address = links, sink, address
        self._link = LinkId(0)
        self._dials = 0

    async def dial(self) -> None:
        self._dials += 1
        self._links.dial(self._dials, self._address)
        self._link = await self._sink.opened.get()

    def leave(self) -> None:
        self._links.close(self._link, "done")

    async def send(self, frame: bytes) -> None:
        if self._links.send(self._link, frame) > limits.QUEUE_BYTES:
            self._sink.room.clear()
            await self._sink.room.wait()

    async def receive(self) -> bytes:
        return await self._sink.back.get()


# -- the peer: streams over plain TCP


async def echo_stream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            frame = await read_frame(reader)
            if answered(frame):
                writer.write(len(frame).to_bytes(4, "big") + frame)
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def read_frame(reader: asyncio.StreamReader) -> bytes:
    return await reader.readexactly(int.from_bytes(await reader.readexactly(4), "big"))


class StreamClient:
    def __init__(self, address: Address) -> None:
        self._address = address
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter

    async def dial(self) -> None:
        self._reader, self._writer = await asyncio.open_connection(*self._address)

    def leave(self) -> None:
        self._writer.close()

    async def send(self, frame: bytes) -> None:
        self._writer.write(len(frame).to_bytes(4, "big") + frame)
        await self._writer.drain()

    async def receive(self) -> bytes:
        return await read_frame(self._reader)


# -- measuring

Client = LinkClient | StreamClient


async def dial_times(client: Client) -> list[float]:
    times = []
    for _ in range(DIALS):
        began = time.perf_counter()
        await client.dial()
        await client.send(PING)
        await client.receive()
        times.append(time.perf_counter() - began)
        client.leave()
    await client.dial()
    return times


async def flood(client: Client, size: int, count: int) -> float:
    """Seconds until the other side has taken all."""
    frame = DATA.ljust(size, b".")
    began = time.perf_counter()
    for _ in range(count):
        await client.send(frame)
    await client.send(END)
    await client.receive()
    return time.perf_counter() - began


async def round_trips(client: Client) -> list[float]:
    frame = PING.ljust(SMALL, b".")
    times = []
    for _ in range(ROUND_TRIPS):
        began = time.perf_counter()
        await client.send(frame)
        await client.receive()
        times.append(time.perf_counter() - began)
    return times


async def measured(client: Client) -> dict[str, float]:
    dials = await dial_times(client)
    trips = await round_trips(client)
    small = await flood(client, SMALL, SMALL_COUNT)
    large = await flood(client, LARGE, LARGE_COUNT)
    return {
        "dial": percentile(dials, 0.5) * 1e3,
        "p50": percentile(trips, 0.5) * 1e3,
        "p99": percentile(trips, 0.99) * 1e3,
        "rate": SMALL_COUNT / small,
        "throughput": LARGE * LARGE_COUNT / large / 1e6,
    }


async def serve(kind: str) -> None:
    """The other process: print the port, answer until the end of input."""
    if kind == "links":
        links, _ = await start_links(echo=True)
        port = links.listening[0][1]
    else:
        server = await asyncio.start_server(echo_stream, HOST, 0)
        port = server.sockets[0].getsockname()[1]
    print(port, flush=True)
    await asyncio.to_thread(sys.stdin.read)


async def against_links(address: Address) -> dict[str, float]:
    links, sink = await start_links(echo=False)
    figures = await measured(LinkClient(links, sink, address))
    await links.stop()
    return figures


async def against_streams(address: Address) -> dict[str, float]:
    return await measured(StreamClient(address))


def beside(kind: str, body: Callable[[Address], Awaitable[dict[str, float]]]) -> dict[str, float]:
    command = [sys.executable, str(Path(__file__)), "serve", kind]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None

        async def inside(port: int) -> dict[str, float]:
            return await body((HOST, port))

        return asyncio.run(inside(int(server.stdout.readline())))


def main() -> None:
    ours, plain = beside("links", against_links), beside("streams", against_streams)
    note = "TLS between two processes on loopback; peer: asyncio streams, plain TCP"
    for name, key, unit in (
        ("link: dial, handshake and a first answer, p50", "dial", "ms"),
        (f"link: round trip of {SMALL} bytes, p50", "p50", "ms"),
        (f"link: round trip of {SMALL} bytes, p99", "p99", "ms"),
        (f"link: frames of {SMALL} bytes", "rate", "/s"),
        (f"link: frames of {LARGE // limits.KIB} KiB", "throughput", "MB/s"),
    ):
        tell(Figure(name=name, value=ours[key], unit=unit, peer=plain[key], note=note))


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        asyncio.run(serve(sys.argv[2]))
    else:
        main()
