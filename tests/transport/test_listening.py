"""Where links are accepted: ports, addresses, and clear refusals."""

from __future__ import annotations

import asyncio
import errno
import socket
from typing import Any

import pytest
from ports import free_port
from transport_support import HOST, Node, Sink, linked, make_identity, run, until

from p2pchat.config import limits
from p2pchat.errors import UsageError
from p2pchat.transport.links import TlsLinks
from p2pchat.transport.listen import open_listeners


@pytest.fixture
def base_port(monkeypatch: pytest.MonkeyPatch) -> int:
    """The program's own port, moved to where this test alone is; a few after it are free too."""
    port = free_port(socket.SOCK_STREAM, together=4)
    monkeypatch.setattr(limits, "PORT", port)
    return port


def taken(port: int, host: str = "0.0.0.0") -> socket.socket:
    return socket.create_server((host, port))


async def ports(port: int | None, host: str = "") -> list[tuple[str, int]]:
    sockets = await open_listeners(host, port, ())
    try:
        return [sock.getsockname()[:2] for sock in sockets]
    finally:
        for sock in sockets:
            sock.close()


def test_every_address_of_both_families_on_the_programs_port(base_port: int) -> None:
    async def body() -> None:
        links, sink = TlsLinks(), Sink()
        await links.start(sink, make_identity())
        assert list(links.listening) == [("0.0.0.0", base_port), ("::", base_port)]
        client = await Node().start()
        tokens = {client.dial((host, base_port)) for host in (HOST, "::1")}
        await until(lambda: set(client.sink.tokens) == tokens)
        await client.links.stop()
        await links.stop()

    run(body)


def test_two_on_one_machine_take_neighbouring_ports(base_port: int) -> None:
    async def body() -> None:
        with taken(base_port), taken(base_port + 1):
            assert {port for _, port in await ports(None)} == {base_port + 2}

    run(body)


def test_a_port_that_windows_has_set_aside_is_taken(
    base_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    bind = socket.socket.bind

    def forbid(sock: socket.socket, where: tuple[Any, ...]) -> None:
        if where[1] == base_port or (where[1], sock.family) == (base_port + 1, socket.AF_INET6):
            raise PermissionError(errno.EACCES, "forbidden by its access permissions")
        bind(sock, where)

    monkeypatch.setattr(socket.socket, "bind", forbid)

    async def body() -> None:
        ((_, four), (_, six)) = await ports(None)
        assert four == six == base_port + 2
        with pytest.raises(UsageError, match="taken or not for this user"):
            await ports(base_port)

    run(body)


def test_a_port_that_one_family_has_taken_is_taken(base_port: int) -> None:
    async def body() -> None:
        with socket.create_server(("::1", base_port), family=socket.AF_INET6):
            assert {port for _, port in await ports(None)} == {base_port + 1}

    run(body)


def test_any_port_where_all_neighbours_are_taken(
    base_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "PORT_TRIES", 1)

    async def body() -> None:
        with taken(base_port), taken(base_port + 1):
            ((_, four), (_, six)) = await ports(None)
            assert four == six
            assert four not in (base_port, base_port + 1)

    run(body)


def test_a_wanted_port_that_is_taken_is_a_clear_refusal(base_port: int) -> None:
    async def body() -> None:
        with taken(base_port), pytest.raises(UsageError, match=f"port {base_port} is taken"):
            await TlsLinks("", base_port).start(Sink(), make_identity())

    run(body)


@pytest.mark.parametrize(
    ("host", "text"),
    [("192.0.2.77", "not an address of this machine"), ("no-such.invalid", "no address")],
)
def test_an_address_that_is_not_here_is_a_clear_refusal(host: str, text: str) -> None:
    async def body() -> None:
        with pytest.raises(UsageError, match=text):
            await TlsLinks(host, 0).start(Sink(), make_identity())
        with pytest.raises(UsageError, match=text):
            await TlsLinks("", 0, [host]).start(Sink(), make_identity())

    run(body)


def test_one_usable_address_of_the_interfaces_is_enough() -> None:
    """As while an IPv6 address that is new is still being checked by the system."""

    async def body() -> None:
        links = TlsLinks("", 0, ["127.0.0.2", "192.0.2.77"])
        await links.start(Sink(), make_identity())
        assert [host for host, _ in links.listening] == ["127.0.0.2"]
        await links.stop()

    run(body)


def test_interfaces_restrict_where_links_come_from_and_go_to() -> None:
    async def body() -> None:
        node = Node()
        node.links = TlsLinks("", 0, ["127.0.0.2"])
        await node.start()
        ((host, port),) = node.links.listening
        assert host == "127.0.0.2"
        other = await Node().start()
        elsewhere = other.dial((HOST, port))
        await until(lambda: other.sink.failed == {elsewhere: "refused"})
        await linked(other, node)
        _, theirs = await linked(node, other)
        assert other.sink.opened[theirs].address[0] == "127.0.0.2"
        six = node.dial(("::1", port))
        await until(lambda: node.sink.failed == {six: "unreachable"})
        await node.links.stop()
        await other.links.stop()

    run(body)


def test_a_port_is_free_again_after_stop(base_port: int) -> None:
    async def body() -> None:
        for _ in range(3):
            links = TlsLinks("", base_port)
            await links.start(Sink(), make_identity())
            reader, writer = await asyncio.open_connection(HOST, base_port)
            await links.stop()
            assert await reader.read() == b""
            writer.close()

    run(body)
