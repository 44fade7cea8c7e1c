"""The UDP test mode's sockets, over loopback."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable

import pytest
from ports import free_port

from p2pchat.errors import UsageError
from p2pchat.node.ports import Address
from p2pchat.transport.udp import open_udp

Datagram = tuple[Address, bytes]


def udp_port() -> int:
    return free_port(socket.SOCK_DGRAM)


def run(body: Callable[[], Awaitable[None]]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(10):
            await body()

    asyncio.run(limited())


def nothing(address: Address, data: bytes) -> None:
    raise AssertionError(f"unexpected datagram from {address}: {data!r}")


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_two_endpoints_exchange_datagrams(host: str) -> None:
    async def body() -> None:
        one_got: asyncio.Queue[Datagram] = asyncio.Queue()
        other_got: asyncio.Queue[Datagram] = asyncio.Queue()
        one_port, other_port = udp_port(), udp_port()
        one = await open_udp(
            (host, one_port), (host, other_port), lambda *got: one_got.put_nowait(got)
        )
        other = await open_udp(
            (host, other_port), (host, one_port), lambda *got: other_got.put_nowait(got)
        )
        one.send("Grüße".encode())
        address, data = await other_got.get()
        assert data == "Grüße".encode()
        assert address == one.local
        other.send(b"")
        assert await one_got.get() == (other.local, b"")
        one.close()
        other.close()
        one.send(b"after close")

    run(body)


def test_every_address_is_bound_and_anyone_is_heard() -> None:
    async def body() -> None:
        got: asyncio.Queue[Datagram] = asyncio.Queue()
        port = udp_port()
        endpoint = await open_udp(
            ("", port), ("127.0.0.1", udp_port()), lambda *datagram: got.put_nowait(datagram)
        )
        for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
            with socket.socket(family, socket.SOCK_DGRAM) as stranger:
                stranger.bind((host, 0))
                stranger.sendto(b"hello", (host, port))
                address, data = await got.get()
                assert address == (host, stranger.getsockname()[1])
                assert data == b"hello"
        endpoint.close()

    run(body)


def test_what_arrives_in_a_burst_waits_while_nobody_reads() -> None:
    async def body() -> None:
        got: asyncio.Queue[Datagram] = asyncio.Queue()
        port = udp_port()
        one = await open_udp(
            ("127.0.0.1", port), ("127.0.0.1", udp_port()), lambda *new: got.put_nowait(new)
        )
        sent = [b"%d" % n for n in range(400)]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            for data in sent:  # the loop stands still meanwhile
                other.sendto(data, ("127.0.0.1", port))
        assert [(await got.get())[1] for _ in sent] == sent
        one.close()

    run(body)


def test_a_peer_that_is_not_there_yet_ends_nothing() -> None:
    async def body() -> None:
        got: asyncio.Queue[Datagram] = asyncio.Queue()
        port, peer_port = udp_port(), udp_port()
        endpoint = await open_udp(("127.0.0.1", port), ("127.0.0.1", peer_port), nothing)
        for _ in range(5):
            endpoint.send(b"is anybody there?")
            await asyncio.sleep(0.01)
        peer = await open_udp(
            ("127.0.0.1", peer_port),
            ("127.0.0.1", port),
            lambda *datagram: got.put_nowait(datagram),
        )
        endpoint.send(b"and now?")
        assert await got.get() == (("127.0.0.1", port), b"and now?")
        endpoint.close()
        peer.close()

    run(body)


def test_a_datagram_that_cannot_be_sent_is_told_and_ends_nothing() -> None:
    async def body() -> None:
        got: asyncio.Queue[Datagram] = asyncio.Queue()
        failures: asyncio.Queue[OSError] = asyncio.Queue()
        port, peer_port = udp_port(), udp_port()
        endpoint = await open_udp(
            ("127.0.0.1", port), ("127.0.0.1", peer_port), nothing, failures.put_nowait
        )
        peer = await open_udp(
            ("127.0.0.1", peer_port),
            ("127.0.0.1", port),
            lambda *datagram: got.put_nowait(datagram),
        )
        endpoint.send(b"x" * 70_000)
        assert isinstance(await failures.get(), OSError)
        endpoint.send(b"short")
        assert (await got.get())[1] == b"short"
        endpoint.close()
        peer.close()

    run(body)


def test_a_port_of_zero_becomes_a_real_one() -> None:
    async def body() -> None:
        endpoint = await open_udp(("", 0), ("127.0.0.1", udp_port()), nothing)
        assert endpoint.local[1] > 0
        endpoint.close()

    run(body)


def test_a_taken_port_is_a_usage_error() -> None:
    async def body() -> None:
        port = udp_port()
        endpoint = await open_udp(("127.0.0.1", port), ("127.0.0.1", udp_port()), nothing)
        with pytest.raises(UsageError, match=f"port {port} is taken"):
            await open_udp(("127.0.0.1", port), ("127.0.0.1", udp_port()), nothing)
        endpoint.close()

    run(body)


@pytest.mark.parametrize(
    ("bind", "peer", "text"),
    [
        (("", 0), ("no-such-host.invalid", 5000), "no address"),
        (("no-such-host.invalid", 0), ("127.0.0.1", 5000), "no address"),
        (("", 0), ("a" * 70 + ".example", 5000), "no address"),
        (("192.0.2.77", 0), ("127.0.0.1", 5000), "not an address of this machine"),
        (("127.0.0.1", 0), ("::1", 5000), "one is IPv4"),
    ],
)
def test_impossible_addresses_are_usage_errors(bind: Address, peer: Address, text: str) -> None:
    async def body() -> None:
        with pytest.raises(UsageError, match=text):
            await open_udp(bind, peer, nothing)

    run(body)
