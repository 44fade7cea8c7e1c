"""A front end's façade of a node: `node.api.NodeApi` on the parts of a `Node`."""

from __future__ import annotations

import os
from asyncio import to_thread
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import NoneType
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from p2pchat import __version__
from p2pchat.config import addresses, limits
from p2pchat.config.settings import Settings
from p2pchat.errors import BadParams, RequestError, UsageError
from p2pchat.events import Event, ProfileRenewed
from p2pchat.model.file import FileInfo
from p2pchat.model.ids import ConversationId, EntryHash, MessageId, PeerId
from p2pchat.model.message import Conversation, Draft, Member, Message, Room
from p2pchat.model.names import display_name
from p2pchat.model.people import NodeInfo, Peer, Profile
from p2pchat.model.records import MessageRow, Overview, PutMeta
from p2pchat.node.accounts import Accounts
from p2pchat.node.host import host_name
from p2pchat.node.times import milliseconds
from p2pchat.protocol.commands import Commands
from p2pchat.protocol.directory import host_port
from p2pchat.protocol.machine import Machine

if TYPE_CHECKING:
    from p2pchat.node.node import Node

T = TypeVar("T")


class FrontEnd:
    """A front end's façade (`node.api.NodeApi`)."""

    def __init__(self, node: Node, number: int) -> None:
        self._node = node
        self._origin = number
        self.accounts = Accounts(node, number)

    # The node may get a new machine at any time: nothing of it is kept here.

    @property
    def _machine(self) -> Machine:
        return self._node.machine

    @property
    def _commands(self) -> Commands:
        return self._node.machine.commands

    def front_end(self) -> FrontEnd:
        return self._node.front_end()

    def subscribe(
        self, handler: Callable[[Sequence[Event]], None], seen: bool = True
    ) -> Callable[[], None]:
        self._node.handlers[self._origin] = handler
        if seen:
            self._node.seeing.add(self._origin)

        def end() -> None:
            self._node.handlers.pop(self._origin, None)
            self._node.seeing.discard(self._origin)

        return end

    # -- the node and the person

    async def info(self) -> NodeInfo:
        machine = self._machine
        listening = self._node.links.listening
        heard, elsewhere = self._node.heard() or (None, 0)
        return NodeInfo(
            peer_id=machine.identity.peer_id,
            device_id=machine.identity.device_id,
            name=machine.directory.profile.record.name,
            network=machine.config.network,
            version=__version__,
            listen=tuple(host_port(address) for address in listening),
            data_dir=self._node.options.data_dir,
            downloads=self._node.depot.downloads,
            addresses=tuple(host_port(address) for address in self._node.own_addresses()),
            heard=heard,
            heard_elsewhere=elsewhere,
        )

    async def settings(self) -> Settings:
        return self._machine.ctx.settings

    async def set_settings(self, changes: Mapping[str, Any]) -> Settings:
        if isinstance(folder := changes.get("downloads"), str) and folder:
            depot = self._node.depot
            changes = {**changes, "downloads": await to_thread(depot.check_downloads, folder)}
        try:
            choice = self._node.choice.changed(changes)
        except msgspec.ValidationError as error:
            raise BadParams(str(error)) from error

        def keep(request: int) -> None:
            ctx = self._machine.ctx
            meta = PutMeta("settings", msgspec.json.encode(choice.kept))

            def kept(_: object) -> None:
                self._node.choice = choice
                ctx.settings = choice.in_force
                self._node.depot.choose_downloads(choice.in_force.downloads)
                self._machine.registrar.settings_changed()
                ctx.reply(request, choice.in_force)

            ctx.commit([meta], kept, lambda reason: ctx.refuse(request, reason))

        return await self._ask(Settings, lambda m: keep)

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
        return await self._ask(
            Profile, lambda m: m.commands.set_profile, name, status, note, avatar
        )

    async def become_someone_else(self, name: str | None = None) -> Profile:
        name = display_name(name or "") or host_name()
        return await self._node.to_its_end(self._become(name))

    async def _become(self, name: str) -> Profile:
        await self._node.become_someone_else(name)
        profile = self._commands.profile()
        self._node.tell(ProfileRenewed(profile), self._origin)
        return profile

    # -- persons

    async def peers(self) -> Sequence[Peer]:
        return self._machine.people.peers()

    async def verify_words(self, peer_id: PeerId) -> str:
        return self._commands.words(peer_id)

    async def set_verified(self, peer_id: PeerId, verified: bool) -> Peer:
        return await self._ask(Peer, lambda m: m.commands.set_verified, peer_id, verified)

    async def set_contact(self, peer_id: PeerId, on: bool = True) -> Peer:
        return await self._ask(Peer, lambda m: m.commands.set_contact, peer_id, on)

    async def connect(self, address: str) -> Peer:
        return await self._ask(Peer, lambda m: m.topology.connect, parse_address(address))

    async def block(self, peer_id: PeerId, on: bool = True) -> Peer:
        return await self._ask(Peer, lambda m: m.commands.block, peer_id, on)

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
                    reply_to=conversation.row.reply_to,
                    edits=conversation.row.edits,
                    edit=conversation.row.edit,
                )
            )
        return shown

    async def _overviews(self) -> dict[ConversationId, Overview]:
        found = await self._query(self._node.store.overviews)
        return {overview.conversation: overview for overview in found}

    async def open_conversation(self, conversation: str) -> str:
        return await self._ask(str, lambda m: m.commands.open, conversation)

    async def typing(self, conversation: str) -> None:
        await self._ask(NoneType, lambda m: m.commands.typing, conversation)

    async def mute(self, conversation: str, on: bool) -> None:
        await self._ask(NoneType, lambda m: m.commands.mute, self._origin, conversation, on)

    async def set_draft(self, conversation: str, draft: Draft) -> None:
        await self._ask(NoneType, lambda m: m.commands.set_draft, self._origin, conversation, draft)

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
        return await self._ask(Room, lambda m: m.rooms.create, self._origin, room, password)

    async def join_room(self, room: str, password: str | None = None) -> Room:
        return await self._ask(Room, lambda m: m.rooms.join, self._origin, room, password)

    async def leave_room(self, room: str) -> None:
        await self._ask(NoneType, lambda m: m.rooms.leave, self._origin, room)

    async def members(self, room: str) -> Sequence[Member]:
        return self._commands.members_of(self._machine.rooms.find(room))

    # -- messages

    async def send(
        self,
        conversation: str,
        text: str,
        reply_to: MessageId | None = None,
        draft: str | None = None,
    ) -> Message:
        row = await self._row(reply_to) if reply_to is not None else None
        return await self._ask(
            Message, lambda m: m.commands.send, self._origin, conversation, text, row, draft
        )

    async def edit(self, message_id: MessageId, text: str) -> Message:
        row = await self._row(message_id)
        return await self._ask(Message, lambda m: m.commands.edit, self._origin, row, text)

    async def delete(self, message_id: MessageId) -> Message:
        row = await self._row(message_id)
        return await self._ask(Message, lambda m: m.commands.delete, self._origin, row)

    async def react(self, message_id: MessageId, emoji: str, on: bool = True) -> Message:
        row = await self._row(message_id)
        return await self._ask(Message, lambda m: m.commands.react, self._origin, row, emoji, on)

    async def _row(self, message_id: str) -> MessageRow:
        row = await self._query(partial(self._node.message, _hash(message_id)))
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
        rows = await self._query(partial(self._node.messages, found, limit, *places))
        return self._messages(rows)

    async def message_since(self, conversation: str, time: str) -> MessageId | None:
        ms, found = milliseconds(time), self._known(conversation)
        if found is None:
            return None
        blocked = {row.id for row in self._machine.people.rows() if row.blocked}
        store = self._node.store
        hash = await self._query(partial(store.message_since, found, ms, blocked))
        return None if hash is None else MessageId(hash.hex())

    async def search(
        self, query: str, conversation: str | None = None, limit: int = 50
    ) -> Sequence[Message]:
        found = None
        if conversation is not None:
            found = self._known(conversation)
            if found is None:
                return []
        rows = await self._query(partial(self._node.store.search, query, found, limit))
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

    # -- files

    async def share(self, conversation: str, path: str) -> FileInfo:
        return await self._ask(
            FileInfo, lambda m: m.files.offering.share, self._origin, conversation, path
        )

    async def stop_reading(self, conversation: str, path: str) -> None:
        await self._ask(NoneType, lambda m: m.files.offering.stop_reading, conversation, path)

    async def files(self, conversation: str | None = None, limit: int = 50) -> Sequence[FileInfo]:
        found = None
        if conversation is not None:
            found = self._known(conversation)
            if found is None:
                return []
        rows = await self._query(partial(self._node.files, found, limit))
        machine = self._machine
        infos = (machine.files.info(row) for row in rows if not machine.people.blocked(row.author))
        return [info for info in infos if info is not None]

    async def fetch(self, file_id: str, path: str | None = None) -> FileInfo:
        row = await self._file(file_id)
        place = await to_thread(_place, path) if path else None
        return await self._ask(FileInfo, lambda m: m.files.fetch, self._origin, row, place)

    async def pause(self, file_id: str) -> FileInfo:
        row = await self._file(file_id)
        return await self._ask(FileInfo, lambda m: m.files.pause, self._origin, row)

    async def resume(self, file_id: str) -> FileInfo:
        return await self.fetch(file_id)

    async def cancel(self, file_id: str) -> FileInfo:
        row = await self._file(file_id)
        return await self._ask(FileInfo, lambda m: m.files.cancel, self._origin, row)

    async def _file(self, file_id: str) -> MessageRow:
        try:
            row = await self._row(file_id)
        except RequestError:
            raise RequestError("no-such-file") from None
        if row.file is None:
            raise RequestError("no-such-file")
        return row

    async def mark_read(self, conversation: str, message_id: MessageId) -> None:
        row = await self._row(message_id)
        await self._ask(NoneType, lambda m: m.commands.mark_read, self._origin, conversation, row)

    async def close(self) -> None:
        await self._node.close()

    async def _query(self, call: Callable[[], Any]) -> Any:
        await self._node.ready()
        return await self._node.runtime.query(call)

    async def _ask(
        self, kind: type[T], command: Callable[[Machine], Callable[..., None]], *args: Any
    ) -> T:
        """Run a command of the machine; its reply, which is of this kind."""
        await self._node.ready()
        reply = await self._node.runtime.ask(command(self._machine), *args)
        assert isinstance(reply, kind)
        return reply


def _hash(message_id: str) -> EntryHash:
    try:
        raw = bytes.fromhex(message_id)
    except ValueError:
        raise RequestError("no-such-message") from None
    if len(raw) != 32:
        raise RequestError("no-such-message")
    return EntryHash(raw)


def parse_address(text: str) -> tuple[str, int]:
    """HOST, HOST:PORT or [IPV6]:PORT; without a port the program's own. BadParams."""
    try:
        return addresses.parse(text.strip(), limits.PORT)
    except UsageError as error:
        raise BadParams(str(error)) from error


def _place(path: str) -> str:
    """The same after a start in another folder. It is refused before anything is fetched, rather
    than at the end."""
    place = os.path.abspath(os.path.expanduser(path))
    if os.path.lexists(place) and not os.path.isdir(place):
        raise RequestError("not-allowed", f"it would overwrite {place}")
    folder = place if os.path.isdir(place) else os.path.dirname(place)
    if not os.path.isdir(folder):
        raise RequestError("not-allowed", f"there is no folder {folder}")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise RequestError("not-allowed", f"nothing may be written in {folder}")
    return place
