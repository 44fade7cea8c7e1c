"""Socket addresses of the operating system, and how they are written in this program."""

from __future__ import annotations

import contextlib
import socket
from typing import Any

from p2pchat.node.ports import Address

SockAddr = tuple[Any, ...]
"""(host, port) of IPv4, (host, port, flow, scope) of IPv6, as Python's sockets take and give it."""


def address_of(where: SockAddr) -> Address:
    """Host and port; a link-local IPv6 host gets its %zone, without which it means nothing."""
    host, port = str(where[0]), int(where[1])
    if len(where) == 4 and where[3] and "%" not in host:
        zone = str(where[3])
        with contextlib.suppress(OSError):
            zone = socket.if_indextoname(where[3])
        host = f"{host}%{zone}"
    return (host, port)
