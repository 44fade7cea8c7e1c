"""The node as front ends see it: `Node` owns the running parts, `FrontEnd` is a façade of them."""

from __future__ import annotations

import asyncio
import contextlib
import secrets as entropy
import socket
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from random import SystemRandom
from types import NoneType
from typing import Any, TypeVar

import msgspec

from p2pchat import __version__
from p2pchat.config import limits
from p2pchat.config.settings import Options, Settings
from p2pchat.errors import BadParams, RequestError, UsageError
from p2pchat.events import Event
from p2pchat.model.ids import ConversationId, EntryHash, InstanceId, MessageId, PeerId
from p2pchat.model.message import Conversation, Member, Message, Room
from p2pchat.model.names import display_name
from p2pchat.model.people import NodeInfo, Peer, Profile
from p2pchat.model.records import MessageRow, Overview, PutMeta, StoredState
from p2pchat.node.lookalike import skeleton
from p2pchat.node.ports import Announcement, Discovery, Links, Store
from p2pchat.node.runtime import Handler, Runtime
from p2pchat.protocol.commands import Commands
from p2pchat.protocol.directory import host_port
from p2pchat.protocol.machine import Config, Machine

DISCOVERY_STOP_S = 3.0

T = TypeVar("T")


class Node:
    """One running profile. Made on the loop's thread; `start` before anything else."""

    def __init__(
        self, *, store: Store, links: Links, discovery: Discovery, options: Options
    ) -> None:
        self._store = store
        self._links = links
        self._discovery = discovery
        self._options = options
        self._front_ends = 0
        self.handlers: dict[int, Handler] = {}
        self._restarting: asyncio.Task[None] | None = None
        self._discovering: asyncio.Task[None] | None = None
        self._closed = False
        self.runtime: Runtime
        self.machine: Machine

    async def start(self) -> None:
        """Open everything; the socket is listening when this returns. UsageError, StoreError."""
        loop = asyncio.get_running_loop()
        state = await loop.run_in_executor(None, self._load)
        name, rename = self._name(state)
        config = Config(
            network=self._options.network,
            agent=f"p2pchat/{__version__}",
            instance=InstanceId(entropy.token_bytes(16)),
            name=name,
            rename=rename,
            code=self._options.network_code,
            connect=self._options.connect,
        )
        self.machine = Machine(config, state, _settings(state), SystemRandom(), skeleton)
        self.runtime = Runtime(
            self.machine, self._store, self._links, self._discovery, self.handlers, self._restart
        )
        await self.runtime.start()
        listening = self._links.listening
        announcement = Announcement(
            device_id=self.machine.identity.device_id,
            network=self.machine.network.hex()[:16],
            port=listening[0][1] if listening else 0,
        )
        self._discovering = loop.create_task(self.runtime.discover(announcement))

    def _load(self) -> StoredState:
        """What is stored, with keys for a fresh profile."""
        state = self._store.load()
        if "person_seed" in state.meta and "device_seed" in state.meta:
            return state
        seeds = [PutMeta(key, entropy.token_bytes(32)) for key in ("person_seed", "device_seed")]
        self._store.apply(seeds)
        return self._store.load()

    def _name(self, state: StoredState) -> tuple[str, bool]:
        """The name to use, and whether it takes the place of a stored one. An empty one becomes
        the host's."""
        asked = self._options.name
        try:
            name = display_name(asked) if asked is not None else ""
        except RequestError as error:
            raise UsageError(f"--name: {error}") from error
        return name or host_name(), asked is not None

    def _restart(self) -> None:
        self._restarting = asyncio.get_running_loop().create_task(self._start_anew())

    async def _start_anew(self) -> None:
        """The stored identity has changed: a new machine in place of the old one."""
        await self._stop()
        await self.start()

    async def _stop(self) -> None:
        if self._discovering is not None:
            self._discovering.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await asyncio.wait_for(self._discovering, DISCOVERY_STOP_S)
        await self.runtime.close()

    def front_end(self) -> FrontEnd:
        """A façade of its own for one more front end."""
        self._front_ends += 1
        return FrontEnd(self, self._front_ends)

    async def close(self) -> None:
        """Goodbye to the peers, everything stored, the profile released."""
        if self._closed:
            return
        self._closed = True
        if self._restarting is not None:
            await asyncio.wait((self._restarting,))
        if hasattr(self, "runtime"):
            await self._stop()
        self._store.close()


class FrontEnd:
    """A front end's façade (`node.api.NodeApi`)."""

    def __init__(self, node: Node, number: int) -> None:
        self._node = node
        self._origin = number

    # The node may get a new machine at any time: nothing of it is kept here.

    @property
    def _machine(self) -> Machine:
        return self._node.machine

    @property
    def _commands(self) -> Commands:
        return self._node.machine.commands

    def front_end(self) -> FrontEnd:
        return self._node.front_end()

    def subscribe(self, handler: Callable[[Sequence[Event]], None]) -> Callable[[], None]:
        self._node.handlers[self._origin] = handler

        def end() -> None:
            self._node.handlers.pop(self._origin, None)

        return end

    # -- the node and the person

    async def info(self) -> NodeInfo:
        machine = self._machine
        listening = self._node._links.listening
        return NodeInfo(
            peer_id=machine.identity.peer_id,
            device_id=machine.identity.device_id,
            name=machine.directory.profile.record.name,
            network=machine.config.network,
            version=__version__,
            listen=tuple(host_port(address) for address in listening),
            data_dir=self._node._options.data_dir,
        )

    async def settings(self) -> Settings:
        return self._machine.ctx.settings

    async def set_settings(self, changes: Mapping[str, Any]) -> Settings:
        values = {**msgspec.to_builtins(self._machine.ctx.settings), **changes}
        try:
            settings = msgspec.convert(values, Settings)
        except msgspec.ValidationError as error:
            raise BadParams(str(error)) from error

        def keep(request: int) -> None:
            ctx = self._machine.ctx
            meta = PutMeta("settings", msgspec.json.encode(settings))

            def kept(_: object) -> None:
                ctx.settings = settings
                ctx.reply(request, settings)

            ctx.commit([meta], kept, lambda reason: ctx.refuse(request, reason))

        return await self._ask(Settings, keep)

    async def profile(self) -> Profile:
        return self._commands.profile()

    async def set_profile(
        self,
        name: str | None = None,
        status: str | None = None,
        note: str | None = None,
        avatar: str | None = None,
    ) -> Profile:
        if name is not None:
            name = display_name(name) or host_name()
        return await self._ask(Profile, self._commands.set_profile, name, status, note, avatar)

    # -- persons

    async def peers(self) -> Sequence[Peer]:
        return self._machine.people.peers()

    async def verify_words(self, peer_id: PeerId) -> str:
        return self._commands.words(peer_id)

    async def set_verified(self, peer_id: PeerId, verified: bool) -> Peer:
        return await self._ask(Peer, self._commands.set_verified, peer_id, verified)

    async def connect(self, address: str) -> Peer:
        return await self._ask(Peer, self._machine.topology.connect, parse_address(address))

    async def block(self, peer_id: PeerId, on: bool = True) -> Peer:
        return await self._ask(Peer, self._commands.block, peer_id, on)

    # -- conversations and rooms

    async def conversations(self) -> Sequence[Conversation]:
        overviews = await self._overviews()
        machine = self._machine
        shown = []
        for conversation in machine.conversations.mine():
            overview = overviews.get(conversation.id)
            first = overview.first_unread if overview else None
            last = overview.last if overview else None
            if conversation.direct:
                label = machine.people.label(machine.directs.other(conversation))
            else:
                label = conversation.label
            shown.append(
                Conversation(
                    conversation=conversation.label,
                    label=label,
                    unread=overview.unread if overview else 0,
                    mentions=overview.mentions if overview else 0,
                    first_unread=MessageId(first.hex()) if first else None,
                    last=machine.views.message(last) if last else None,
                    muted=conversation.row.muted,
                    draft=conversation.row.draft,
                )
            )
        return shown

    async def _overviews(self) -> dict[ConversationId, Overview]:
        found = await self._node.runtime.query(self._node._store.overviews)
        return {overview.conversation: overview for overview in found}

    async def open_conversation(self, conversation: str) -> str:
        return await self._ask(str, self._commands.open, conversation)

    async def typing(self, conversation: str) -> None:
        await self._ask(NoneType, self._commands.typing, conversation)

    async def mute(self, conversation: str, on: bool) -> None:
        await self._ask(NoneType, self._commands.mute, self._origin, conversation, on)

    async def set_draft(self, conversation: str, text: str) -> None:
        await self._ask(NoneType, self._commands.set_draft, self._origin, conversation, text)

    async def rooms(self) -> Sequence[Room]:
        overviews = await self._overviews()
        unread = {}
        for conversation in self._machine.conversations.mine():
            overview = overviews.get(conversation.id)
            unread[conversation.label] = overview.unread if overview else 0
        return [
            msgspec.structs.replace(room, unread=unread.get(room.room, 0))
            for room in self._machine.rooms.rooms()
        ]

    async def create_room(self, room: str, password: str | None = None) -> Room:
        return await self._ask(Room, self._machine.rooms.create, self._origin, room, password)

    async def join_room(self, room: str, password: str | None = None) -> Room:
        return await self._ask(Room, self._machine.rooms.join, self._origin, room, password)

    async def leave_room(self, room: str) -> None:
        await self._ask(NoneType, self._machine.rooms.leave, self._origin, room)

    async def members(self, room: str) -> Sequence[Member]:
        return self._commands.members_of(self._machine.rooms.find(room))

    # -- messages

    async def send(
        self, conversation: str, text: str, reply_to: MessageId | None = None
    ) -> Message:
        row = await self._row(reply_to) if reply_to is not None else None
        return await self._ask(Message, self._commands.send, self._origin, conversation, text, row)

    async def edit(self, message_id: MessageId, text: str) -> Message:
        row = await self._row(message_id)
        return await self._ask(Message, self._commands.edit, self._origin, row, text)

    async def delete(self, message_id: MessageId) -> Message:
        row = await self._row(message_id)
        return await self._ask(Message, self._commands.delete, self._origin, row)

    async def react(self, message_id: MessageId, emoji: str, on: bool = True) -> Message:
        row = await self._row(message_id)
        return await self._ask(Message, self._commands.react, self._origin, row, emoji, on)

    async def _row(self, message_id: str) -> MessageRow:
        row = await self._node.runtime.query(partial(self._node._store.message, _hash(message_id)))
        if row is None:
            raise RequestError("no-such-message")
        assert isinstance(row, MessageRow)
        return row

    async def messages(
        self,
        conversation: str,
        limit: int = 50,
        before: MessageId | None = None,
        after: MessageId | None = None,
        around: MessageId | None = None,
    ) -> Sequence[Message]:
        found = self._known(conversation)
        if found is None:
            return []
        places = [_hash(place) if place else None for place in (before, after, around)]
        rows = await self._node.runtime.query(
            partial(self._node._store.messages, found, limit, *places)
        )
        return self._messages(rows)

    async def search(
        self, query: str, conversation: str | None = None, limit: int = 50
    ) -> Sequence[Message]:
        found = None
        if conversation is not None:
            found = self._known(conversation)
            if found is None:
                return []
        rows = await self._node.runtime.query(
            partial(self._node._store.search, query, found, limit)
        )
        return self._messages(rows)

    def _known(self, conversation: str) -> ConversationId | None:
        """The id of a conversation; None where it is with a person, and empty."""
        if conversation.startswith("@"):
            person = self._machine.people.resolve(conversation)
            existing = self._machine.directs.existing(person)
            return existing.id if existing is not None and existing.mine else None
        return self._commands.conversation(conversation).id

    def _messages(self, rows: Sequence[MessageRow]) -> list[Message]:
        machine = self._machine
        return [
            machine.views.message(row) for row in rows if not machine.people.blocked(row.author)
        ]

    async def mark_read(self, conversation: str, message_id: MessageId) -> None:
        row = await self._row(message_id)
        await self._ask(NoneType, self._commands.mark_read, self._origin, conversation, row)

    async def close(self) -> None:
        await self._node.close()

    async def _ask(self, kind: type[T], call: Callable[..., None], *args: Any) -> T:
        """Run a command of the machine; its reply, which is of this kind."""
        reply = await self._node.runtime.ask(call, *args)
        assert isinstance(reply, kind)
        return reply


def _settings(state: StoredState) -> Settings:
    """The stored settings; one that this version doesn't take falls back to its default."""
    raw = state.meta.get("settings")
    if raw is None:
        return Settings()
    try:
        return msgspec.json.decode(raw, type=Settings)
    except msgspec.MsgspecError:
        pass
    kept: dict[str, Any] = {}
    try:
        stored = msgspec.json.decode(raw, type=dict[str, Any])
    except msgspec.MsgspecError:
        return Settings()
    for name, value in stored.items():
        with contextlib.suppress(msgspec.ValidationError):
            msgspec.convert({name: value}, Settings)
            kept[name] = value
    return msgspec.convert(kept, Settings)


def _hash(message_id: str) -> EntryHash:
    try:
        raw = bytes.fromhex(message_id)
    except ValueError:
        raise RequestError("no-such-message") from None
    if len(raw) != 32:
        raise RequestError("no-such-message")
    return EntryHash(raw)


def host_name() -> str:
    """What an empty name becomes."""
    try:
        return display_name(socket.gethostname().split(".")[0]) or "someone"
    except RequestError:
        return "someone"


def parse_address(text: str) -> tuple[str, int]:
    """HOST, HOST:PORT or [IPV6]:PORT; without a port the program's own. BadParams."""
    host, port = text.strip(), str(limits.PORT)
    if host.startswith("["):
        host, _, rest = host[1:].partition("]")
        port = rest.removeprefix(":") or port
    elif host.count(":") == 1:
        host, port = host.split(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise BadParams(f"not an address: {text[:80]}")
    return host, int(port)
