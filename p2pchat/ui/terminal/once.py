"""Commands that ask once and end: `send`, `peers`, `history`.

They work on a node of their own or on one that runs already (`ui.rpc.client`).
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Container, Sequence
from typing import Any, Protocol

import msgspec

from p2pchat.errors import UsageError
from p2pchat.events import Event, MessageReceipt
from p2pchat.model.accounts import RegistrarInfo
from p2pchat.model.file import FileInfo
from p2pchat.model.ids import MessageId, PeerId
from p2pchat.model.message import Message, MessageKind, Room
from p2pchat.model.people import NodeInfo, Peer, Status
from p2pchat.model.text import is_blank, one_line, safe_text
from p2pchat.ui.marked import marked
from p2pchat.ui.presenters.filecard import shown_name, shown_size
from p2pchat.ui.presenters.markup import BLANK
from p2pchat.ui.presenters.words import local_time, person_label
from p2pchat.ui.terminal.rendering import label_of

DONE, NOBODY = 0, 3


class AskedAccounts(Protocol):
    async def registrar(self) -> RegistrarInfo: ...


class Asked(Protocol):
    """What these commands use of `NodeApi`."""

    @property
    def accounts(self) -> AskedAccounts: ...

    def subscribe(self, handler: Callable[[Sequence[Event]], None]) -> Callable[[], None]: ...

    async def info(self) -> NodeInfo: ...

    async def peers(self) -> Sequence[Peer]: ...

    async def rooms(self) -> Sequence[Room]: ...

    async def join_room(self, room: str, password: str | None = None) -> Room: ...

    async def send(
        self, conversation: str, text: str, reply_to: MessageId | None = None
    ) -> Message: ...

    async def share(self, conversation: str, path: str) -> FileInfo: ...

    async def stop_reading(self, conversation: str, path: str) -> None: ...

    async def messages(
        self,
        conversation: str,
        limit: int = 50,
        before: MessageId | None = None,
        after: MessageId | None = None,
        around: MessageId | None = None,
    ) -> Sequence[Message]: ...

    async def search(
        self, query: str, conversation: str | None = None, limit: int = 50
    ) -> Sequence[Message]: ...


async def send(node: Asked, conversation: str, text: str, within: float) -> int:
    """Join, send, and wait for `within` seconds until one peer has stored the message."""
    deadline = asyncio.get_running_loop().time() + within
    receipt = asyncio.Event()

    def hear(events: Sequence[Event]) -> None:
        if any(isinstance(event, MessageReceipt) for event in events):
            receipt.set()

    unsubscribe = node.subscribe(hear)
    try:
        await enter(node, conversation, deadline)
        message = await node.send(conversation, text)
        async with asyncio.timeout_at(deadline):
            while not await _is_delivered(node, message):
                await receipt.wait()
                receipt.clear()
        return DONE
    except TimeoutError:
        sys.stderr.write(
            f"p2pchat: nobody has stored it within {within:g} s; it is queued and goes out"
            " the next time p2pchat runs\n"
        )
        return NOBODY
    finally:
        unsubscribe()


async def _is_delivered(node: Asked, message: Message) -> bool:
    found = await node.messages(message.conversation, 1, around=message.message_id)
    return any(m.message_id == message.message_id and m.receipts.delivered for m in found)


async def enter(node: Asked, conversation: str, deadline: float) -> None:
    """Join a room that isn't joined yet, once there is somebody who can say whether it takes a
    password; wait for a person that isn't known yet to appear."""
    if conversation.startswith("#"):
        joined = {room.room for room in await node.rooms() if room.joined}
        if conversation not in joined:
            await _appears(node, lambda peer: peer.linked, deadline)
            await node.join_room(conversation)
    elif conversation.startswith("@"):
        who = conversation[1:]
        await _appears(node, lambda p: who in (p.peer_id, p.label, p.name), deadline)
    else:
        raise UsageError(f"{conversation!r} is no conversation: write #room or @person")


async def _appears(node: Asked, wanted: Callable[[Peer], bool], deadline: float) -> None:
    """Wait until such a person is here, or until the deadline."""
    while not any(wanted(peer) for peer in await node.peers()):
        if asyncio.get_running_loop().time() >= deadline:
            return
        await asyncio.sleep(0.1)


# -- who is there


async def peers(node: Asked, wait: float, as_json: bool, fresh: bool) -> int:
    """Who is there, and who leads as registrar. A `fresh` node looks around for `wait` seconds
    first."""
    if fresh:
        await asyncio.sleep(wait)
    there = [peer for peer in await node.peers() if peer.status != Status.OFFLINE]
    registrar = await node.accounts.registrar()
    if as_json:
        _print_json([_with_role(peer, registrar) for peer in there])
        return DONE
    for peer in sorted(there, key=lambda peer: peer.label.casefold()):
        note = f"  {one_line(peer.note, 80)}" if peer.note else ""
        label = marked(person_label(peer.label, peer.peer_id), peer.account is not None)
        role = "  registrar" if peer.peer_id == registrar.peer_id else ""
        role += "  keeps attendance" if peer.keeps_register else ""
        role += "  keeps accounts" if peer.holder else ""
        sys.stdout.write(f"{label}  {peer.status}  {peer.peer_id}{role}{note}\n")
    if not there:
        sys.stderr.write("p2pchat: nobody else is here\n")
    if registrar.state == "registrar":
        sys.stdout.write("registrar: this node\n")
    if registrar.appointed:
        sys.stdout.write("attendance: kept by this node\n")
    return DONE


def _with_role(peer: Peer, registrar: RegistrarInfo) -> dict[str, Any]:
    role = {"registrar": peer.peer_id == registrar.peer_id}
    return msgspec.to_builtins(peer) | role  # type: ignore[no-any-return]  # a struct is a dict


# -- what was said


async def history(
    node: Asked, conversation: str, query: str | None, limit: int, as_json: bool
) -> int:
    """Stored messages, oldest first; with a query those that hold all its words."""
    if query is None:
        found = list(await node.messages(conversation, limit))
    else:
        found = list(await node.search(query, conversation, limit))[::-1]
    if as_json:
        _print_json(found)
        return DONE
    own: PeerId = (await node.info()).peer_id
    registered = {peer.peer_id for peer in await node.peers() if peer.account is not None}
    for message in found:
        sys.stdout.write(line_of(message, own, registered) + "\n")
    return DONE


def line_of(message: Message, own: PeerId, registered: Container[PeerId] = ()) -> str:
    """`2026-01-02 15:04 Li: text`, safe to print; further lines are indented."""
    moment = local_time(message.sent_at)
    when = f"{moment:%Y-%m-%d %H:%M}" if moment else "----------------"
    text = safe_text(message.text).replace("\n", "\n    ")
    if message.deleted:
        text = "(deleted)"
    elif message.unsupported:
        text = "(needs a newer version)"
    elif message.file is not None:
        text = f"{shown_name(message.file)}, {shown_size(message.file)}"
    elif is_blank(message.text):
        text = BLANK
    elif message.edited:
        text += " (edited)"
    if message.kind == MessageKind.SYSTEM:
        return f"{when} * {text}"
    label = label_of(message, lambda person: person in registered)
    return f"{when} {label}{' (you)' if message.author == own else ''}: {text}"


def _print_json(value: Any) -> None:
    """UTF-8 whatever the terminal speaks: a Windows code page would break its strings."""
    sys.stdout.buffer.write(msgspec.json.encode(value) + b"\n")
