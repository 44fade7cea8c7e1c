"""What a command of the terminal chat is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from p2pchat.errors import P2PChatError
from p2pchat.ui.terminal.state import Chat


class Wrong(P2PChatError):
    """A command that was written wrongly; the text says how it is meant."""


class Command(NamedTuple):
    name: str
    arguments: str
    does: str
    run: Callable[[Chat, str], Awaitable[None]]
