"""Ports that nobody else takes between their choice and their use."""

from __future__ import annotations

import itertools
import os
import socket
from contextlib import ExitStack

FIRST, EACH = 10_000, 2_000
"""Each worker of a parallel run has a range of its own, all of them below those from which the
system gives ports to whoever asks for any."""
_FROM = FIRST + EACH * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
_tried = itertools.count(os.getpid())


def free_port(kind: socket.SocketKind, together: int = 1) -> int:
    """The first of so many neighbours that are free, of TCP (SOCK_STREAM) or UDP (SOCK_DGRAM).
    Within a process none is given again before all others were."""
    places = EACH // together
    for _ in range(places):
        first = _FROM + next(_tried) % places * together
        with ExitStack() as held:
            try:
                for port in range(first, first + together):
                    held.enter_context(socket.socket(socket.AF_INET, kind)).bind(("", port))
            except OSError:
                continue
            return first
    raise OSError("all ports are taken")
