"""The control socket, on real sockets: for its owner alone, bounded, and of any path's length."""

from __future__ import annotations

import asyncio
import json
import socket
import stat
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from paper_node import LI, PaperNode, with_two_called_li

from p2pchat.config import limits
from p2pchat.errors import P2PChatError, RequestError
from p2pchat.events import Event, MessageReceived
from p2pchat.ui.rpc.client import RemoteNode, connect_running
from p2pchat.ui.rpc.control import (
    CONTROL_KEY,
    CONTROL_SOCKET,
    ControlServer,
    pipe_name,
    socket_path,
)
from p2pchat.ui.rpc.methods import Method, Nothing
from p2pchat.ui.rpc.session import Session
from p2pchat.ui.rpc.streams import TURN_BYTES


def with_server(
    data_dir: Path, test: Callable[[PaperNode, ControlServer], Coroutine[Any, Any, None]]
) -> None:
    async def main() -> None:
        node = with_two_called_li()
        server = ControlServer(node, data_dir)
        await server.start()
        try:
            async with asyncio.timeout(30):
                await test(node, server)
        finally:
            await server.close()
        assert not (data_dir / CONTROL_SOCKET).exists()
        assert node.handlers == []

    asyncio.run(main())


async def connected(data_dir: Path) -> RemoteNode:
    node = await connect_running(data_dir)
    assert node is not None
    return node


async def raw(data_dir: Path) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    with socket_path(data_dir) as path:
        return await asyncio.open_unix_connection(path)


def test_another_command_asks_the_running_node(tmp_path: Path) -> None:
    async def test(node: PaperNode, server: ControlServer) -> None:
        client = await connected(tmp_path)
        events: list[Event] = []
        client.subscribe(events.extend)
        assert (await client.info()).name == "Ana"
        assert [peer.label for peer in await client.peers()] == ["Li", "Li_2"]
        assert (await client.join_room("#new")).joined
        message = await client.send("#new", "over the socket")
        assert list(await client.messages("#new")) == [message]
        assert await client.search("socket") == [message]
        received = node.receive("#lobby", "to all", LI)
        assert (await client.info()).name == "Ana"
        assert events == [MessageReceived(received)]
        with pytest.raises(RequestError) as refused:
            await client.send("@Li", "to whom?")
        assert refused.value.reason == "ambiguous-name"
        assert len(refused.value.data["candidates"]) == 2
        await client.close()

    with_server(tmp_path, test)


def with_pipes(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Windows' named pipes, played by Unix sockets: a client has its transport before its protocol
    has heard of it, as with the Proactor loop."""
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr("p2pchat.ui.rpc.control.CONTROL_SOCKET", "no.sock")
    path = str(folder / CONTROL_SOCKET)

    async def serve(loop: Any, factory: Any, name: str) -> list[asyncio.Server]:
        assert name == pipe_name(folder)
        return [await loop.create_unix_server(factory, path)]

    async def connect(loop: Any, factory: Any, name: str) -> tuple[Any, Any]:
        assert name == pipe_name(folder)
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(path)
        sock.setblocking(False)
        protocol = factory()
        return loop._make_socket_transport(sock, protocol), protocol

    loop = asyncio.SelectorEventLoop
    monkeypatch.setattr(loop, "start_serving_pipe", serve, raising=False)
    monkeypatch.setattr(loop, "create_pipe_connection", connect, raising=False)


def test_a_named_pipe_opens_with_the_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_pipes(monkeypatch, tmp_path)

    async def main() -> None:
        server = ControlServer(with_two_called_li(), tmp_path)
        await server.start()
        try:
            async with asyncio.timeout(30):
                client = await connected(tmp_path)
                assert (await client.info()).name == "Ana"
                await client.close()
                (tmp_path / CONTROL_KEY).write_bytes(b"of another run")
                stranger = await connected(tmp_path)
                with pytest.raises(P2PChatError, match="has ended"):
                    await stranger.info()
        finally:
            await server.close()

    asyncio.run(main())


def test_only_the_owner_may_use_it(tmp_path: Path) -> None:
    async def test(node: PaperNode, server: ControlServer) -> None:
        assert stat.S_IMODE((tmp_path / CONTROL_SOCKET).stat().st_mode) == 0o600

    with_server(tmp_path, test)


def test_a_long_path_and_a_socket_left_over(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 100) / ("y" * 100)
    deep.mkdir(parents=True)
    with socket_path(deep) as path:
        left = socket.socket(socket.AF_UNIX)
        left.bind(path)
        left.close()

    async def test(node: PaperNode, server: ControlServer) -> None:
        client = await connected(deep)
        assert (await client.info()).name == "Ana"
        await client.close()

    with_server(deep, test)


def test_nobody_runs_on_the_profile(tmp_path: Path) -> None:
    assert asyncio.run(connect_running(tmp_path)) is None
    assert asyncio.run(connect_running(tmp_path / "missing")) is None


def test_a_flood_is_taken_a_little_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    feed = Session.feed

    def measure(session: Session, data: bytes) -> None:
        sizes.append(len(data))
        feed(session, data)

    async def test(node: PaperNode, server: ControlServer) -> None:
        reader, writer = await raw(tmp_path)
        writer.write(b'{"jsonrpc":"2.0","id":1,"method":"node.info"}\n' * 5000)
        writer.write_eof()
        assert len([line async for line in reader]) == 5000
        writer.close()

    monkeypatch.setattr(Session, "feed", measure)
    with_server(tmp_path, test)
    assert max(sizes) <= TURN_BYTES


def test_each_client_is_served_and_may_end_its_input_first(tmp_path: Path) -> None:
    async def test(node: PaperNode, server: ControlServer) -> None:
        first, second = await raw(tmp_path), await raw(tmp_path)
        first[1].write(b'{"jsonrpc":"2.0","id":1,"method":"messages.send","params":["#lobby","a"]}')
        first[1].write_eof()
        said = [json.loads(line) async for line in first[0]]
        assert [answer["id"] for answer in said] == [1]
        event = json.loads(await second[0].readline())
        assert event["params"]["message"]["text"] == "a"
        for _, writer in (first, second):
            writer.close()

    with_server(tmp_path, test)


def test_waiting_until_nobody_uses_it(tmp_path: Path) -> None:
    async def test(node: PaperNode, server: ControlServer) -> None:
        client = await connected(tmp_path)
        assert (await client.info()).name == "Ana"
        unused = asyncio.create_task(server.unused(30))
        assert (await client.info()).name == "Ana"
        assert not unused.done()
        await server.unused(0.01)
        await client.close()
        await unused

    with_server(tmp_path, test)


def test_no_more_clients_than_the_bound(tmp_path: Path) -> None:
    async def test(node: PaperNode, server: ControlServer) -> None:
        clients = [await connected(tmp_path) for _ in range(limits.CONTROL_CLIENTS)]
        for client in clients:
            await client.info()
        reader, writer = await raw(tmp_path)
        assert await reader.read() == b""
        writer.close()
        await clients.pop().close()
        for client in clients:
            assert (await client.info()).name == "Ana"
            await client.close()

    with_server(tmp_path, test)


def test_a_client_that_does_not_read_is_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("p2pchat.ui.rpc.session.RPC_UNREAD_BYTES", 100_000)

    async def test(node: PaperNode, server: ControlServer) -> None:
        sock = socket.socket(socket.AF_UNIX)
        with socket_path(tmp_path) as path:
            sock.connect(path)
        reader = await connected(tmp_path)
        await reader.info()
        while len(node.handlers) == 2:
            node.receive("#lobby", "x" * 10_000, LI)
            await reader.info()
        assert (await reader.info()).name == "Ana"
        await reader.close()
        sock.close()

    with_server(tmp_path, test)


def test_the_running_node_ends(tmp_path: Path) -> None:
    async def main() -> None:
        server = ControlServer(with_two_called_li(), tmp_path)
        await server.start()
        client = await connected(tmp_path)
        await client.info()
        await server.close()
        with pytest.raises(P2PChatError):
            await client.info()

    asyncio.run(main())


def test_methods_of_the_front_end_that_runs(tmp_path: Path) -> None:
    raised: list[str] = []

    async def show(node: object, params: object) -> dict[str, str]:
        raised.append("window")
        return {}

    async def main() -> None:
        server = ControlServer(
            with_two_called_li(), tmp_path, {"window.raise": Method(Nothing, show)}
        )
        await server.start()
        client = await connected(tmp_path)
        assert await client.call("window.raise", dict[str, str]) == {}
        await client.close()
        await server.close()

    asyncio.run(main())
    assert raised == ["window"]
