"""What strangers do to a listening port, while others go on being served."""

from __future__ import annotations

import asyncio
import gc
import logging
import socket
import ssl
import time
from random import Random

import psutil
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from transport_support import (
    HOST,
    SOON_S,
    BareTls,
    Node,
    Outsider,
    linked,
    make_identity,
    run,
    until,
)

from p2pchat.config import limits
from p2pchat.transport.frames import pack_length
from p2pchat.transport.leaf import (
    Credentials,
    credentials_of,
    make_credentials,
    make_voucher,
    sign_leaf,
)


def without_certificate() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def pretender() -> Credentials:
    """Its own leaf, with the voucher of somebody else."""
    key, theirs = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    return credentials_of(key, sign_leaf(key, make_voucher(make_identity(), theirs.public_key())))


async def is_answered(node: Node) -> None:
    """A fresh node links to it and gets a frame there and back in time."""
    other = await Node().start()
    began = time.monotonic()
    link, theirs = await linked(other, node)
    other.links.send(link, b"ping")
    await until(lambda: node.sink.frames[theirs] == [b"ping"])
    node.links.send(theirs, b"pong")
    await until(lambda: other.sink.frames[link] == [b"pong"])
    assert time.monotonic() - began < SOON_S
    await other.links.stop()
    await until(lambda: theirs in node.sink.closed)


def test_a_client_without_a_certificate_is_refused() -> None:
    async def body() -> None:
        node = await Node().start()
        outsider = await Outsider.connect(node.address, without_certificate())
        await outsider.ended()
        await until(lambda: node.sink.troubles == [("no-certificate", HOST)])
        assert node.sink.opened == {}
        outsider.gone()
        await node.links.stop()

    run(body)


def test_a_leaf_that_vouches_for_another_identity_is_refused_in_both_directions() -> None:
    async def body() -> None:
        node = await Node().start()
        forged = pretender()
        outsider = await Outsider.connect(node.address, forged.client)
        await outsider.ended()
        await until(lambda: node.sink.troubles == [("bad-certificate", HOST)])
        server = await asyncio.start_server(
            lambda reader, writer: writer.close(), HOST, 0, ssl=forged.server
        )
        token = node.dial(server.sockets[0].getsockname())
        await until(lambda: node.sink.failed == {token: "not-p2pchat"})
        assert node.sink.troubles == [("bad-certificate", HOST)] * 2
        assert node.sink.opened == {}
        outsider.gone()
        server.close()
        await node.links.stop()

    run(body)


def test_a_foreign_authority_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("p2pchat.transport.leaf.AUTHORITY_SEED", b"somebody else's")
        foreign = make_credentials(make_identity())
    foreign.client.verify_mode = ssl.CERT_NONE

    async def body() -> None:
        node = await Node().start()
        outsider = await Outsider.connect(node.address, foreign.client)
        await outsider.ended()
        await until(lambda: node.sink.troubles == [("bad-certificate", HOST)])
        outsider.gone()
        await node.links.stop()

    run(body)


def test_older_tls_is_refused() -> None:
    context = make_credentials(make_identity()).client
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.maximum_version = ssl.TLSVersion.TLSv1_2

    async def body() -> None:
        node = await Node().start()
        with pytest.raises(OSError, match="SSL"):
            await Outsider.connect(node.address, context)
        await until(lambda: node.sink.troubles == [("junk", HOST)])
        await node.links.stop()

    run(body)


@pytest.mark.parametrize(
    "junk",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        Random(1).randbytes(4096),
        b"\x16\x03\x01\x40\x00" + b"\x01\x00\x3f\xfc" + bytes(20_000),
        b"\x00" * 300_000,
    ],
    ids=["http", "random", "half-a-hello", "zeroes"],
)
def test_junk_instead_of_tls_is_refused(junk: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "TLS_HANDSHAKE_S", 2.0)

    async def body() -> None:
        node = await Node().start()
        outsider = await Outsider.connect(node.address)
        outsider.writer.write(junk)
        await is_answered(node)
        await outsider.ended()
        await until(lambda: bool(node.sink.troubles))
        assert node.sink.troubles[0][0] in ("junk", "handshake-timeout")
        outsider.gone()
        await node.links.stop()

    run(body)


def test_bad_frames_end_the_link(caplog: pytest.LogCaptureFixture) -> None:
    async def after(node: Node, data: bytes) -> str:
        outsider = await Outsider.connect(node.address, make_credentials(make_identity()).client)
        outsider.writer.write(pack_length(2) + b"ok" + data)
        await outsider.ended()
        outsider.gone()
        link = max(node.sink.opened)
        await until(lambda: link in node.sink.closed)
        assert node.sink.troubles[-1] == (node.sink.closed[link], HOST)
        return node.sink.closed[link]

    async def body() -> None:
        node = await Node().start()
        assert await after(node, pack_length(limits.FRAME_BYTES + 1)) == "frame-too-large"
        assert await after(node, b"\xff\xff\xff\xff") == "frame-too-large"
        assert await after(node, pack_length(0)) == "junk"
        await is_answered(node)
        await node.links.stop()

    with caplog.at_level(logging.WARNING, "p2pchat.transport"):
        run(body)
    assert len(caplog.records) == 2


def test_damaged_records_end_the_link() -> None:
    """Bytes changed on the way: TLS notices, nothing of them is delivered."""

    async def body() -> None:
        node = await Node().start()
        bare = BareTls()
        outsider = await Outsider.connect(node.address)
        while not bare.shake_hands():
            outsider.writer.write(bare.outgoing.read())
            bare.incoming.write(await outsider.reader.read(1 << 16))
        record = bytearray(bare.outgoing.read() + bare.record(pack_length(4) + b"true"))
        record[-20] ^= 1
        outsider.writer.write(record)
        await outsider.ended()
        await until(lambda: list(node.sink.closed.values()) == ["junk"])
        assert list(node.sink.frames.values()) == [[]]
        outsider.gone()
        await node.links.stop()

    run(body)


def test_who_is_gone_when_the_goodbye_is_said_makes_no_noise(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def body() -> None:
        node = await Node().start()
        bare, outsider = BareTls(), await Outsider.connect(node.address)
        while not bare.shake_hands():
            outsider.writer.write(bare.outgoing.read())
            bare.incoming.write(await outsider.reader.read(1 << 16))
        outsider.writer.write(bare.outgoing.read())
        await until(lambda: bool(node.sink.opened))
        link = node.sink.only
        # It closes, and before that is noticed here the goodbye makes its system answer: reset.
        outsider.gone()
        node.links.close(link, "idle")
        await until(lambda: link in node.sink.closed)
        await node.links.stop()

    run(body)
    assert [record.getMessage() for record in caplog.records] == []


async def idle_connection(node: Node, source: str) -> socket.socket:
    sock = socket.socket()
    sock.setblocking(False)
    sock.bind((source, 0))
    await asyncio.get_running_loop().sock_connect(sock, node.address)
    return sock


@pytest.mark.parametrize(
    "sources",
    [[HOST], [f"127.0.9.{number}" for number in range(1, 101)]],
    ids=["the-dialler's-address", "many-addresses"],
)
def test_a_flood_of_idle_connections_holds_up_nobody(sources: list[str]) -> None:
    async def body() -> None:
        node = await Node().start()
        idle = [await idle_connection(node, sources[n % len(sources)]) for n in range(200)]
        await is_answered(node)
        await until(lambda: bool(node.sink.troubles))
        assert {reason for reason, _ in node.sink.troubles} == {"too-many"}
        await is_answered(node)
        for sock in idle:
            sock.close()
        await node.links.stop()

    run(body)


def test_a_flood_that_goes_on_holds_up_no_other_address() -> None:
    async def body() -> None:
        node = await Node().start()
        idle: list[socket.socket] = []

        async def flood() -> None:
            while True:
                idle.append(await idle_connection(node, "127.0.9.1"))
                if len(idle) > 300:
                    idle.pop(0).close()

        flooding = asyncio.create_task(flood())
        await until(lambda: len(idle) > 250)
        for _ in range(3):
            await is_answered(node)
            assert not flooding.done()
        flooding.cancel()
        await asyncio.gather(flooding, return_exceptions=True)
        for sock in idle:
            sock.close()
        await node.links.stop()

    run(body)


def test_idle_connections_are_dropped_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "TLS_HANDSHAKE_S", 0.5)

    async def body() -> None:
        node = await Node().start()
        idle = [await Outsider.connect(node.address) for _ in range(3)]
        slow = await Outsider.connect(node.address)
        slow.writer.write(b"\x16\x03\x01")
        began = time.monotonic()
        for one in (*idle, slow):
            await one.ended()
        assert time.monotonic() - began < SOON_S
        await until(lambda: node.sink.troubles == [("handshake-timeout", HOST)] * 4)
        for one in (*idle, slow):
            one.gone()
        await node.links.stop()

    run(body)


def test_who_has_to_wait_cannot_fill_memory_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "HANDSHAKE_GRACE_S", 60.0)

    async def body() -> None:
        node = await Node().start()
        idle = [await Outsider.connect(node.address) for _ in range(limits.MAX_PENDING_PER_ADDRESS)]
        eager = await Outsider.connect(node.address)
        eager.writer.write(bytes(500_000))
        await eager.ended()
        await until(lambda: node.sink.troubles == [("junk", HOST)])
        for one in (*idle, eager):
            one.gone()
        await node.links.stop()

    run(body)


def test_one_address_cannot_take_all_the_links(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_LINKS_PER_ADDRESS", 3)

    async def body() -> None:
        node = await Node().start()
        context = make_credentials(make_identity()).client
        outsiders = [await Outsider.connect(node.address, context) for _ in range(3)]
        await until(lambda: len(node.sink.opened) == 3)
        with pytest.raises(ConnectionError):
            await Outsider.connect(node.address, context)
        assert node.sink.troubles == [("too-many", HOST)]
        outsiders[0].gone()
        await until(lambda: len(node.sink.closed) == 1)
        await is_answered(node)
        for one in outsiders[1:]:
            one.gone()
        await node.links.stop()

    run(body)


def test_memory_and_descriptors_come_back() -> None:
    process = psutil.Process()

    async def attack(node: Node, context: ssl.SSLContext) -> None:
        for _ in range(4):
            with_tls = [await Outsider.connect(node.address, context) for _ in range(10)]
            for outsider in with_tls:
                outsider.writer.write(pack_length(60_000) + bytes(59_000))
            plain = [await Outsider.connect(node.address) for _ in range(50)]
            for outsider in plain:
                outsider.writer.write(b"\x16\x03\x01\x3f\x00" + bytes(9000))
            await asyncio.sleep(0)
            for outsider in with_tls + plain:
                outsider.gone()
        await until(lambda: set(node.sink.closed) == set(node.sink.opened))

    async def body() -> None:
        node = await Node().start()
        context = make_credentials(make_identity()).client
        await attack(node, context)
        gc.collect()
        memory, descriptors = process.memory_info().rss, process.num_fds()
        for _ in range(3):
            await attack(node, context)
        await is_answered(node)
        await until(lambda: process.num_fds() <= descriptors)
        gc.collect()
        assert process.memory_info().rss - memory < 10 * limits.MIB
        await node.links.stop()

    run(body, 60)


def test_credentials_name_both_roles() -> None:
    credentials = make_credentials(make_identity())
    for context in (credentials.server, credentials.client):
        assert context.verify_mode == ssl.CERT_REQUIRED
        assert context.minimum_version == ssl.TLSVersion.TLSv1_3
    assert credentials.server.num_tickets == 0
