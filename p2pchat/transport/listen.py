"""The sockets that links are accepted on: one port, on every address or on those asked for."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Sequence

from p2pchat.config import limits
from p2pchat.errors import UsageError
from p2pchat.transport.addresses import SockAddr

_Place = tuple[socket.AddressFamily, SockAddr]

_TAKEN = (errno.EADDRINUSE, errno.EACCES)
"""Windows forbids a port that a program shares or that Hyper-V has set aside."""

EVERYWHERE: tuple[_Place, ...] = (
    (socket.AF_INET, ("0.0.0.0", 0)),
    (socket.AF_INET6, ("::", 0, 0, 0)),
)


NOWHERE = ("127.0.0.1",)
"""Where interfaces that may be used have no address (yet): not everywhere."""


async def open_listeners(
    host: str, port: int | None, interfaces: Sequence[str]
) -> list[socket.socket]:
    """Bound sockets, all on one port, IPv4 before IPv6. `port` None: the program's own, else the
    next free one of a few, else any. `host` (numeric or a name) goes before `interfaces` (numeric
    addresses of this machine); with neither, every address.

    UsageError: the wanted port is taken, or an address isn't this machine's (of `interfaces`: none
    is).
    """
    places = await _places([host] if host else interfaces)
    for candidate in _candidates(port):
        try:
            return _bind_all(places, candidate, bool(host))
        except OSError as error:
            if error.errno in _TAKEN and port is None:
                continue
            raise UsageError(_why_not(error, host, candidate)) from error
    raise UsageError("there is no free TCP port")


def open_more(hosts: Sequence[str], port: int) -> list[socket.socket]:
    """Bound sockets at further numeric addresses of this machine; those that can't be used are
    left out."""
    sockets = []
    for host in hosts:
        try:
            found = socket.getaddrinfo(
                host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST
            )
            sockets.append(_bind(found[0][0], found[0][4]))
        except OSError:
            continue
    return sockets


def _candidates(port: int | None) -> Sequence[int]:
    """Any port is tried more than once: what is free for IPv4 may be taken for IPv6."""
    if port:
        return (port,)
    any_port = (0,) * 8
    if port is None:
        return (*range(limits.PORT, limits.PORT + 1 + limits.PORT_TRIES), *any_port)
    return any_port


async def _places(hosts: Sequence[str]) -> Sequence[_Place]:
    if not hosts:
        return EVERYWHERE if socket.has_ipv6 else EVERYWHERE[:1]
    loop = asyncio.get_running_loop()
    places: list[_Place] = []
    for host in hosts:
        try:
            found = await loop.getaddrinfo(host, 0, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise UsageError(f"there is no address {host!r} to listen on") from error
        places += [(family, where) for family, _, _, _, where in found]
    return sorted(dict.fromkeys(places), key=lambda place: place[0] != socket.AF_INET)


def _bind_all(places: Sequence[_Place], port: int, by_name: bool) -> list[socket.socket]:
    """`by_name`: each place was asked for, and has to be there."""
    sockets: list[socket.socket] = []
    try:
        for family, where in places:
            try:
                sock = _bind(family, (where[0], port, *where[2:]))
            except OSError as error:
                # A machine without IPv6 listens on IPv4 alone, and an interface's new IPv6
                # address can't be used before the system has made sure that it is the only one.
                if sockets and not by_name and error.errno not in _TAKEN:
                    continue
                raise
            sockets.append(sock)
            port = sock.getsockname()[1]
    except OSError:
        for sock in sockets:
            sock.close()
        raise
    return sockets


def _bind(family: socket.AddressFamily, where: SockAddr) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        elif hasattr(socket, "SO_EXCLUSIVEADDRUSE"):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(where)
        # Not before listening is a port surely ours: two that share it by address reuse can bind.
        sock.listen(128)
    except OSError:
        sock.close()
        raise
    sock.setblocking(False)
    return sock


def _why_not(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"TCP port {port} is taken by another program; choose another with --listen"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{host or 'an interface'} is not an address of this machine"
    if error.errno == errno.EACCES:
        return f"TCP port {port} is taken or not for this user; choose another with --listen"
    return f"TCP port {port} can't be used: {error.strerror or error}"
