"""What the machine is called."""

from __future__ import annotations

import socket

from p2pchat.errors import RequestError
from p2pchat.model.names import display_name


def host_name() -> str:
    """What an empty name becomes."""
    try:
        return display_name(socket.gethostname().split(".")[0]) or "someone"
    except RequestError:
        return "someone"
