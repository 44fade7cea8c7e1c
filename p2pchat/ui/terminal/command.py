"""What a command of the terminal chat is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from p2pchat.errors import P2PChatError
from p2pchat.model.ids import PeerId
from p2pchat.ui.terminal.state import Chat


class Wrong(P2PChatError):
    """A command that was written wrongly; the text says how it is meant."""


class Command(NamedTuple):
    name: str
    arguments: str
    does: str
    run: Callable[[Chat, str], Awaitable[None]]


async def person_of(chat: Chat, text: str) -> tuple[PeerId, str]:
    """The person that `@LABEL…` (a label may hold spaces), a name or an id means, and what
    follows."""
    text = text.removeprefix("@")
    if not text:
        raise Wrong("who? /msg @name text")
    for peer in sorted(chat.people.values(), key=lambda peer: len(peer.label), reverse=True):
        if " " in peer.label and (text == peer.label or text.startswith(f"{peer.label} ")):
            return peer.peer_id, text[len(peer.label) :].strip()
    name, _, rest = text.partition(" ")
    canonical = await chat.node.open_conversation(f"@{name}")
    return PeerId(canonical[1:]), rest.strip()
