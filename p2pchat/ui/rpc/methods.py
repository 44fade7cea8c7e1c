"""The methods of the interface: what each takes, what it calls, what must not overtake what."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from enum import Enum
from typing import Annotated, Any, NamedTuple

import msgspec

from p2pchat.errors import RequestError
from p2pchat.model.ids import MessageId, PeerId
from p2pchat.model.people import Peer, Status
from p2pchat.node.api import NodeApi
from p2pchat.ui.rpc.messages import Code, RpcError

Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]


class Order(Enum):
    """How a request stands to others of one client that were made before it in its scope."""

    FREE = "runs at once"
    READ = "beside other reads, after sends and writes"
    SEND = "begun in order beside other sends, after reads and writes"
    WRITE = "after everything, alone"


class Params(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Parameters by name; an array gives them in the order of the fields."""

    @property
    def scope(self) -> str:
        """What the request is about: a conversation, a message, or (empty) everything."""
        return ""

    @property
    def order(self) -> Order | None:
        """Where it isn't the method's."""
        return None

    @property
    def is_quick(self) -> bool:
        """False: others may have to answer first."""
        return True


class Nothing(Params, frozen=True):
    pass


class SettingsSet(Params, frozen=True):
    settings: dict[str, Any]


class ProfileSet(Params, frozen=True):
    name: str | None = None
    status: Status | None = None
    note: str | None = None
    avatar: str | None = None


class ProfileRenew(Params, frozen=True):
    name: str | None = None

    @property
    def is_quick(self) -> bool:
        return False


class OfPeer(Params, frozen=True):
    peer_id: str


class SetVerified(Params, frozen=True):
    peer_id: str
    verified: bool


class Block(Params, frozen=True):
    peer_id: str
    on: bool = True


class Connect(Params, frozen=True):
    address: str


class OfConversation(Params, frozen=True):
    conversation: str

    @property
    def scope(self) -> str:
        return self.conversation


class Mute(OfConversation, frozen=True):
    on: bool


class OfRoom(Params, frozen=True):
    room: str

    @property
    def scope(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        """With its `#`, which callers may leave out."""
        return self.room if self.room.startswith("#") else f"#{self.room}"


class WithPassword(OfRoom, frozen=True):
    password: str | None = None

    @property
    def is_quick(self) -> bool:
        return self.password is None


class Send(OfConversation, frozen=True):
    text: str
    reply_to: str | None = None

    @property
    def order(self) -> Order | None:
        """What is replied to is looked up first: others must not overtake it meanwhile."""
        return None if self.reply_to is None else Order.WRITE


class OfMessage(Params, frozen=True):
    message_id: str

    @property
    def scope(self) -> str:
        return self.message_id


class Edit(OfMessage, frozen=True):
    text: str


class React(OfMessage, frozen=True):
    emoji: str
    on: bool = True


class ListMessages(OfConversation, frozen=True):
    limit: Count = 50
    before: str | None = None
    after: str | None = None
    around: str | None = None


class Since(OfConversation, frozen=True):
    time: str


class Search(Params, frozen=True):
    query: str
    conversation: str | None = None
    limit: Count = 50

    @property
    def scope(self) -> str:
        return self.conversation or ""


class MarkRead(OfConversation, frozen=True):
    message_id: str


class Share(OfConversation, frozen=True):
    path: str

    @property
    def is_quick(self) -> bool:
        """To read gigabytes takes its time."""
        return False


class StopReading(OfConversation, frozen=True):
    path: str


class ListFiles(Params, frozen=True):
    conversation: str | None = None
    limit: Count = 50

    @property
    def scope(self) -> str:
        return self.conversation or ""


class OfFile(Params, frozen=True):
    file_id: str

    @property
    def scope(self) -> str:
        return self.file_id


class Fetch(OfFile, frozen=True):
    path: str | None = None


class Appoint(Params, frozen=True):
    path: str | None = None
    device_id: str | None = None
    peer_id: str | None = None


class Slow(Params, frozen=True):
    """A registrar has to answer."""

    @property
    def is_quick(self) -> bool:
        return False


class SignIn(Slow, frozen=True):
    name: str
    password: str


class Recover(Slow, frozen=True):
    name: str
    recovery_code: str
    new: str


class Logout(Slow, frozen=True):
    delete: tuple[str, ...] = ()


class ChangePassword(Slow, frozen=True):
    old: str
    new: str


class Announce(Params, frozen=True):
    text: str
    conversation: str | None = None


class OfAttendance(Params, frozen=True, rename={"since": "from", "until": "to"}):
    since: str | None = None
    until: str | None = None


class ExportAttendance(Params, frozen=True, rename={"since": "from", "until": "to"}):
    path: str
    since: str | None = None
    until: str | None = None
    replace: bool = False
    spreadsheet: bool = False


class OfAnnouncement(Params, frozen=True):
    announcement_id: str


class OfAccount(Params, frozen=True):
    account_id: str


class Method(NamedTuple):
    params: type[Params]
    call: Callable[[NodeApi, Any], Awaitable[Any]]
    order: Order = Order.FREE


def _message_id(text: str) -> MessageId:
    """RequestError where the text can't be the id of a message."""
    if len(text) != 64 or not set(text) <= set("0123456789abcdef"):
        raise RequestError("no-such-message")
    return MessageId(text)


def _place(text: str | None) -> MessageId | None:
    return None if text is None else _message_id(text)


async def _verify(node: NodeApi, p: OfPeer) -> dict[str, str]:
    return {"words": await node.verify_words(PeerId(p.peer_id))}


async def _contacts(node: NodeApi, p: Nothing) -> list[Peer]:
    return [peer for peer in await node.peers() if peer.contact]


async def _empty(awaitable: Awaitable[None]) -> dict[str, Any]:
    await awaitable
    return {}


async def _list(node: NodeApi, p: ListMessages) -> Any:
    before, after, around = places = _place(p.before), _place(p.after), _place(p.around)
    given = [place for place in places if place is not None]
    if len(given) > 1:
        raise RpcError(Code.INVALID_PARAMS, "only one of before, after and around")
    found = await node.messages(p.conversation, p.limit, before, after, around)
    if given and not found and not await node.messages(p.conversation, 1, around=given[0]):
        raise RequestError("no-such-message")
    return found


async def _since(node: NodeApi, p: Since) -> dict[str, MessageId | None]:
    return {"message_id": await node.message_since(p.conversation, p.time)}


async def _send(node: NodeApi, p: Send) -> Any:
    return await node.send(p.conversation, p.text, _place(p.reply_to))


async def _edit(node: NodeApi, p: Edit) -> Any:
    return await node.edit(_message_id(p.message_id), p.text)


async def _delete(node: NodeApi, p: OfMessage) -> Any:
    return await node.delete(_message_id(p.message_id))


async def _react(node: NodeApi, p: React) -> Any:
    return await node.react(_message_id(p.message_id), p.emoji, p.on)


async def _mark_read(node: NodeApi, p: MarkRead) -> dict[str, Any]:
    return await _empty(node.mark_read(p.conversation, _message_id(p.message_id)))


async def _appoint(node: NodeApi, p: Appoint) -> dict[str, str]:
    match (p.path, p.device_id, p.peer_id):
        case (str(path), None, None):
            public = await node.accounts.make_appointing_key(path)
        case (None, str(device), None):
            public = await node.accounts.sign_holder(device)
        case (None, None, str(person)):
            public = await node.accounts.sign_holders(PeerId(person))
        case _:
            raise RpcError(Code.INVALID_PARAMS, "one of path, device_id and peer_id")
    return {"appointed_by": public}


async def _export_attendance(node: NodeApi, p: ExportAttendance) -> dict[str, str]:
    written = await node.accounts.export_attendance(
        p.path, p.since, p.until, p.replace, p.spreadsheet
    )
    return {"path": written}


METHODS: dict[str, Method] = {
    "node.info": Method(Nothing, lambda node, p: node.info()),
    "settings.get": Method(Nothing, lambda node, p: node.settings(), Order.READ),
    "settings.set": Method(SettingsSet, lambda node, p: node.set_settings(p.settings), Order.WRITE),
    "profile.set": Method(
        ProfileSet,
        lambda node, p: node.set_profile(p.name, p.status, p.note, p.avatar),
        Order.WRITE,
    ),
    "profile.renew": Method(
        ProfileRenew, lambda node, p: node.become_someone_else(p.name), Order.WRITE
    ),
    "peers.list": Method(Nothing, lambda node, p: node.peers()),
    "peers.verify": Method(OfPeer, _verify),
    "peers.set_verified": Method(
        SetVerified, lambda node, p: node.set_verified(PeerId(p.peer_id), p.verified)
    ),
    "peers.connect": Method(Connect, lambda node, p: node.connect(p.address)),
    "peers.block": Method(Block, lambda node, p: node.block(PeerId(p.peer_id), p.on)),
    "contacts.list": Method(Nothing, _contacts),
    "contacts.add": Method(OfPeer, lambda node, p: node.set_contact(PeerId(p.peer_id), True)),
    "contacts.remove": Method(OfPeer, lambda node, p: node.set_contact(PeerId(p.peer_id), False)),
    "conversations.list": Method(Nothing, lambda node, p: node.conversations(), Order.READ),
    "conversations.typing": Method(
        OfConversation, lambda node, p: _empty(node.typing(p.conversation))
    ),
    "conversations.mute": Method(
        Mute, lambda node, p: _empty(node.mute(p.conversation, p.on)), Order.WRITE
    ),
    "rooms.list": Method(Nothing, lambda node, p: node.rooms(), Order.READ),
    "rooms.create": Method(
        WithPassword, lambda node, p: node.create_room(p.name, p.password), Order.WRITE
    ),
    "rooms.join": Method(
        WithPassword, lambda node, p: node.join_room(p.name, p.password), Order.WRITE
    ),
    "rooms.leave": Method(OfRoom, lambda node, p: _empty(node.leave_room(p.name)), Order.WRITE),
    "rooms.members": Method(OfRoom, lambda node, p: node.members(p.name), Order.READ),
    "messages.send": Method(Send, _send, Order.SEND),
    "messages.edit": Method(Edit, _edit, Order.WRITE),
    "messages.delete": Method(OfMessage, _delete, Order.WRITE),
    "messages.react": Method(React, _react, Order.WRITE),
    "messages.list": Method(ListMessages, _list, Order.READ),
    "messages.since": Method(Since, _since, Order.READ),
    "messages.search": Method(
        Search, lambda node, p: node.search(p.query, p.conversation, p.limit), Order.READ
    ),
    "messages.mark_read": Method(MarkRead, _mark_read, Order.WRITE),
    "registrar.info": Method(Nothing, lambda node, p: node.accounts.registrar()),
    "registrar.appoint": Method(Appoint, _appoint),
    "accounts.register": Method(
        SignIn, lambda node, p: node.accounts.register(p.name, p.password), Order.WRITE
    ),
    "accounts.login": Method(
        SignIn, lambda node, p: node.accounts.login(p.name, p.password), Order.WRITE
    ),
    "accounts.logout": Method(Logout, lambda node, p: node.accounts.logout(p.delete), Order.WRITE),
    "accounts.downloads": Method(Nothing, lambda node, p: node.accounts.downloads(), Order.READ),
    "accounts.list": Method(Nothing, lambda node, p: node.accounts.accounts()),
    "accounts.change_password": Method(
        ChangePassword,
        lambda node, p: _empty(node.accounts.change_password(p.old, p.new)),
        Order.WRITE,
    ),
    "accounts.recover": Method(
        Recover, lambda node, p: node.accounts.recover(p.name, p.recovery_code, p.new), Order.WRITE
    ),
    "accounts.release": Method(
        OfAccount, lambda node, p: _empty(node.accounts.release(p.account_id)), Order.WRITE
    ),
    "announcements.send": Method(
        Announce, lambda node, p: node.accounts.announce(p.text, p.conversation), Order.WRITE
    ),
    "announcements.list": Method(Nothing, lambda node, p: node.accounts.announcements()),
    "announcements.seen": Method(
        OfAnnouncement, lambda node, p: _empty(node.accounts.saw(p.announcement_id)), Order.WRITE
    ),
    "attendance.list": Method(
        OfAttendance, lambda node, p: node.accounts.attendance(p.since, p.until)
    ),
    "attendance.export": Method(ExportAttendance, _export_attendance),
    "files.share": Method(Share, lambda node, p: node.share(p.conversation, p.path), Order.SEND),
    "files.stop_reading": Method(
        StopReading, lambda node, p: node.stop_reading(p.conversation, p.path), Order.FREE
    ),
    "files.list": Method(
        ListFiles, lambda node, p: node.files(p.conversation, p.limit), Order.READ
    ),
    "files.fetch": Method(Fetch, lambda node, p: node.fetch(p.file_id, p.path), Order.WRITE),
    "files.pause": Method(OfFile, lambda node, p: node.pause(p.file_id), Order.WRITE),
    "files.resume": Method(OfFile, lambda node, p: node.resume(p.file_id), Order.WRITE),
    "files.cancel": Method(OfFile, lambda node, p: node.cancel(p.file_id), Order.WRITE),
}


class Table:
    """Decodes parameters and finds methods; `more` are methods of one front end, such as the one
    that raises the window."""

    def __init__(self, more: Mapping[str, Method] | None = None) -> None:
        self._methods = METHODS | dict(more or {})
        self._decoders = {
            name: msgspec.json.Decoder(method.params) for name, method in self._methods.items()
        }

    def find(self, name: str) -> Method:
        method = self._methods.get(name)
        if method is None:
            raise RpcError(Code.METHOD_NOT_FOUND, f"no such method: {name[:100]}")
        return method

    def decode(self, name: str, params: msgspec.Raw) -> Params:
        """RpcError where a parameter is missing, unknown or of a wrong type."""
        raw = bytes(params) or b"{}"
        try:
            if raw[:1] == b"[":
                raw = self._by_name(name, raw)
            return self._decoders[name].decode(raw)
        except RecursionError:
            raise RpcError(Code.INVALID_PARAMS, "nested too deeply") from None
        except msgspec.ValidationError as error:
            raise RpcError(Code.INVALID_PARAMS, str(error)) from None

    def _by_name(self, name: str, raw: bytes) -> bytes:
        values = msgspec.json.decode(raw, type=list[msgspec.Raw])
        fields = self._methods[name].params.__struct_encode_fields__
        if len(values) > len(fields):
            raise RpcError(Code.INVALID_PARAMS, f"at most {len(fields)} parameters")
        return msgspec.json.encode(dict(zip(fields, values, strict=False)))
