"""What front ends ask of the machine. Each command gets a request number first and replies to it,
now or once what it needs is durable; `origin` names the front end, which isn't told of its own
doing a second time."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from p2pchat.config import limits
from p2pchat.errors import RequestError
from p2pchat.events import ConversationChanged, PeerChanged
from p2pchat.model.entry import EntryKind, FileBody, ReactBody, TextBody
from p2pchat.model.ids import FeedId, PeerId
from p2pchat.model.message import Draft, Member
from p2pchat.model.names import display_name
from p2pchat.model.people import Profile, Status
from p2pchat.model.records import ConversationRow, MarkRead, MessageRow, PutConversation, Stored
from p2pchat.model.text import is_blank, is_one_emoji
from p2pchat.protocol import effects, wire
from p2pchat.protocol.conversations import Conversation
from p2pchat.protocol.direct import as_refusal
from p2pchat.protocol.words import verify_words

if TYPE_CHECKING:
    from p2pchat.protocol.machine import Machine

_PICTURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")
TYPING_EVERY_S = 3.0
KEPT_NOTHING = "nothing was kept: the disk is full"


class Commands:
    def __init__(self, machine: Machine) -> None:
        self._m = machine
        self._typed: dict[str, float] = {}

    # -- conversations

    def conversation(self, text: str, *, create: bool = False) -> Conversation:
        """By `#room`, `@PEER_ID`, `@LABEL` or `@NAME`. A direct one that has nothing in it yet is
        made where `create` says so. `no-such-room`, `no-such-peer`, `ambiguous-name`."""
        if text.startswith("#"):
            return self._m.rooms.find(text)
        if not text.startswith("@"):
            raise RequestError("no-such-room", "a conversation is #room or @person")
        person = self._m.people.resolve(text)
        found = self._m.directs.existing(person)
        if found is not None and found.mine:
            return found
        if not create:
            raise RequestError("no-such-peer", "nothing has been written to them yet")
        return self._m.directs.with_person(person)

    def open(self, request: int, text: str) -> None:
        self._m.ctx.reply(request, self.conversation(text, create=True).label)

    def members_of(self, conversation: Conversation) -> list[Member]:
        m = self._m
        me = m.identity.peer_id
        if conversation is m.rooms.lobby:
            persons = [me, *(peer.peer_id for peer in m.people.peers())]
        else:
            persons = conversation.joined_members()
        return [self._member(person) for person in persons]

    def _member(self, person: PeerId) -> Member:
        m = self._m
        own = person == m.identity.peer_id
        status = m.directory.status if own else m.people.status(person)
        return Member(person, m.people.name(person), m.people.label(person), status.value)

    # -- messages

    def send(
        self,
        request: int,
        origin: int,
        text: str,
        body: str,
        reply_to: MessageRow | None,
        draft: str | None = None,
    ) -> None:
        """Replies with the Message, durable here."""
        content = self._text(body, reply_to)
        conversation = self.conversation(text, create=True)
        if reply_to is not None and reply_to.conversation != conversation.id:
            raise RequestError("no-such-message", "an answer stays in its conversation")
        self._with_key(
            request,
            conversation,
            lambda: self._write_text(request, origin, conversation, content, draft),
        )
        if conversation.direct:
            self._written(conversation)

    def _write_text(
        self,
        request: int,
        origin: int,
        conversation: Conversation,
        content: TextBody,
        draft: str | None,
    ) -> None:
        """A draft that is still this one becomes the message: in one transaction with it."""
        m, row = self._m, conversation.row
        if draft is None or row.draft != draft:
            self._write(request, origin, conversation, EntryKind.TEXT, content)
            return
        rest = msgspec.structs.replace(row.begun, text="", reply_to=None)
        m.conversations.update(conversation, row.with_draft(rest))

        def back() -> None:
            if not conversation.row.draft:
                m.conversations.update(conversation, conversation.row.with_draft(row.begun))

        self._write(request, origin, conversation, EntryKind.TEXT, content, undo=back)

    def write_offer(
        self,
        request: int,
        origin: int,
        conversation: Conversation,
        content: FileBody,
        then: Callable[[Stored], None],
    ) -> None:
        def write() -> None:
            self._m.ingest.write(
                conversation,
                EntryKind.FILE,
                content,
                origin=origin,
                then=then,
                failed=lambda reason: self._m.ctx.refuse(request, reason, KEPT_NOTHING),
            )

        self._with_key(request, conversation, write)
        if conversation.direct:
            self._written(conversation)

    def edit(self, request: int, origin: int, row: MessageRow, body: str) -> None:
        conversation = self._of(row, own=True)
        if row.kind != EntryKind.TEXT:
            raise RequestError("not-allowed", "only texts can be edited")
        content = self._text(body, None)
        self._write(request, origin, conversation, EntryKind.EDIT, content, row.hash)

    def delete(self, request: int, origin: int, row: MessageRow) -> None:
        if row.kind in (EntryKind.JOIN, EntryKind.LEAVE):
            raise RequestError("not-allowed", "only messages can be deleted")
        conversation = self._of(row, own=True)
        self._write(request, origin, conversation, EntryKind.DELETE, None, row.hash)

    def react(self, request: int, origin: int, row: MessageRow, emoji: str, on: bool) -> None:
        conversation = self._of(row, own=False)
        if len(emoji) > limits.EMOJI_CHARS or not is_one_emoji(emoji):
            raise RequestError("too-large", "a reaction is one emoji")
        content = ReactBody(emoji, on)
        self._write(request, origin, conversation, EntryKind.REACT, content, row.hash)

    def _of(self, row: MessageRow, own: bool) -> Conversation:
        conversation = self._m.conversations.get(row.conversation)
        if conversation is None or not conversation.mine:
            raise RequestError("no-such-message")
        if own and row.author != self._m.identity.peer_id:
            raise RequestError("not-allowed", "only its author changes a message")
        if row.deleted:
            raise RequestError("no-such-message", "it was deleted")
        return conversation

    def _text(self, body: str, reply_to: MessageRow | None) -> TextBody:
        size = len(body.encode("utf-8", "surrogatepass"))
        if size > limits.TEXT_BYTES:
            raise RequestError("too-large", f"a message has at most {limits.TEXT_BYTES} bytes")
        if is_blank(body):
            raise RequestError("not-allowed", "a message needs some text")
        clean = body.encode("utf-8", "replace").decode("utf-8")
        return TextBody(clean, reply_to.hash if reply_to else b"", self._mentions(clean))

    def _mentions(self, text: str) -> tuple[PeerId, ...]:
        """Persons of whom the text has `@` and their id, label or name. The longest name that
        fits at an `@` is meant."""
        if "@" not in text:
            return ()
        m = self._m
        names: dict[str, PeerId] = {}
        own = m.identity.peer_id
        for person in (own, *(peer.peer_id for peer in m.people.peers())):
            for name in (m.people.name(person), m.people.label(person), person):
                if name:
                    names.setdefault(name, person)
        longest_first = sorted(names, key=len, reverse=True)
        found: dict[PeerId, None] = {}
        at = text.find("@")
        while at >= 0 and len(found) < limits.MENTIONS:
            for name in longest_first:
                if text.startswith(name, at + 1) and not text[at + 1 + len(name) :][:1].isalnum():
                    found[names[name]] = None
                    break
            at = text.find("@", at + 1)
        return tuple(found)

    def _with_key(
        self, request: int, conversation: Conversation, write: Callable[[], None]
    ) -> None:
        if not conversation.direct:
            write()
            return

        def ready(reason: str) -> None:
            if reason:
                self._m.ctx.reply(request, as_refusal(reason))
            else:
                write()

        self._m.directs.with_key(conversation, ready)

    def _write(
        self,
        request: int,
        origin: int,
        conversation: Conversation,
        kind: EntryKind,
        content: TextBody | ReactBody | None,
        target: bytes = b"",
        undo: Callable[[], None] | None = None,
    ) -> None:
        """`undo`: the conversation's row is stored with the entry; called where neither was."""
        m = self._m

        def done(stored: Stored) -> None:
            row = stored.changed or stored.message
            if row is None:
                m.ctx.refuse(request, "no-such-message")
            else:
                m.ctx.reply(request, m.views.fresh(row))

        def failed(reason: str) -> None:
            if undo is not None:
                undo()
            m.ctx.refuse(request, reason, KEPT_NOTHING)

        m.ingest.write(
            conversation,
            kind,
            content,
            target,
            origin=origin,
            with_row=undo is not None,
            then=done,
            failed=failed,
        )

    def _written(self, conversation: Conversation) -> None:
        m = self._m
        other = m.directs.other(conversation)
        if other in m.people:
            m.directory.apply(m.people.set_written(other))

    def mark_read(self, request: int, origin: int, text: str, row: MessageRow) -> None:
        m = self._m
        conversation = self.conversation(text)
        if row.conversation != conversation.id:
            raise RequestError("no-such-message")

        def read(found: tuple[MessageRow, list[tuple[FeedId, int]]] | None) -> None:
            if found is None:
                m.ctx.refuse(request, "no-such-message")
                return
            m.receipts.read(conversation, found[1])

            def marked(_: object) -> None:
                m.ctx.notify(ConversationChanged(conversation.label), origin=origin)
                m.ctx.reply(request, None)

            mark = MarkRead(conversation.id, row.clock, row.hash)
            m.ctx.commit([mark], marked, lambda reason: m.ctx.refuse(request, reason))

        m.ctx.ask(lambda query: effects.ReadPositions(query, conversation.id, row.hash), read)

    # -- small things of a conversation

    def typing(self, request: int, text: str) -> None:
        m = self._m
        conversation = self.conversation(text, create=True)
        last = self._typed.get(conversation.label, -TYPING_EVERY_S)
        if m.ctx.settings.send_typing and m.ctx.now - last >= TYPING_EVERY_S:
            self._typed[conversation.label] = m.ctx.now
            frame = wire.Typing(conversation.id)
            m.links.send_all(m.sharing.audience(conversation), frame)
        m.ctx.reply(request, None)

    def mute(self, request: int, origin: int, text: str, on: bool) -> None:
        conversation = self.conversation(text, create=True)
        row = msgspec.structs.replace(conversation.row, muted=on)
        self._keep(request, origin, conversation, row)

    def set_draft(self, request: int, origin: int, text: str, draft: Draft) -> None:
        for part in (draft.text, draft.edit):
            if len(part.encode("utf-8", "surrogatepass")) > limits.TEXT_BYTES:
                raise RequestError("too-large", f"a draft has at most {limits.TEXT_BYTES} bytes")
        conversation = self.conversation(text, create=True)
        row = conversation.row.with_draft(draft)
        self._keep(request, origin, conversation, row, may_wait=True)

    def _keep(
        self,
        request: int,
        origin: int,
        conversation: Conversation,
        row: ConversationRow,
        may_wait: bool = False,
    ) -> None:
        m = self._m
        m.conversations.update(conversation, row)

        def kept(_: object) -> None:
            m.ctx.notify(ConversationChanged(conversation.label), origin=origin)
            m.ctx.reply(request, None)

        m.ctx.commit(
            [PutConversation(row, may_wait)], kept, lambda reason: m.ctx.refuse(request, reason)
        )

    # -- persons

    def words(self, person: PeerId) -> str:
        key = self._m.people.key(person)
        if key is None:
            raise RequestError("no-such-peer")
        return verify_words(self._m.identity.person.key, key)

    def set_verified(self, request: int, person: PeerId, on: bool) -> None:
        self._m.directory.apply(self._m.people.set_verified(person, on))
        self._m.ctx.reply(request, self._m.people.peer(person))

    def set_contact(self, request: int, person: PeerId, on: bool) -> None:
        self._m.directory.apply(self._m.people.set_contact(person, on))
        self._m.ctx.reply(request, self._m.people.peer(person))

    def block(self, request: int, person: PeerId, on: bool) -> None:
        m = self._m
        m.directory.apply(m.people.set_blocked(person, on))
        if on:
            m.files.blocked(person)
        existing = m.directs.existing(person)
        if existing is not None:
            # What was refused meanwhile isn't known to be refused any more.
            m.sharing.forget(existing)
        for link in m.links.up() if not on else ():
            if link.person == person:
                m.directs.link_up(link)
            if existing is not None:
                m.sharing.begin(link, existing)
        m.ctx.notify(PeerChanged(m.people.peer(person)))
        m.ctx.reply(request, m.people.peer(person))

    # -- oneself

    def profile(self) -> Profile:
        m = self._m
        record = m.directory.profile.record
        avatar = m.directory.own_avatar()
        return Profile(
            peer_id=m.identity.peer_id,
            name=record.name,
            status=m.directory.status,
            note=record.note,
            avatar=base64.b64encode(avatar).decode() if avatar else None,
            account=m.identity.peer_id if m.people.registered_as(m.identity.peer_id) else None,
        )

    def set_profile(
        self,
        request: int,
        name: str | None,
        status: str | None,
        note: str | None,
        avatar: str | None,
    ) -> None:
        m = self._m
        old = self.profile()
        image = m.directory.own_avatar() if avatar is None else _picture(avatar)
        new_status = old.status if status is None else _status(status)
        if note is not None and len(note) > limits.NOTE_CHARS:
            raise RequestError("too-large", f"a note has at most {limits.NOTE_CHARS} characters")
        new_name = old.name if name is None else display_name(name)
        m.directory.status = new_status
        if (new_name, note, avatar) == (old.name, None, None):
            m.directory.tell()
            m.ctx.reply(request, self.profile())
            return
        writes = m.directory.set_profile(new_name, old.note if note is None else note, image)
        m.people.rename_self(new_name)

        def done(_: object) -> None:
            m.directory.tell()
            m.ctx.reply(request, self.profile())

        m.ctx.commit(writes, done, lambda reason: m.ctx.refuse(request, reason))


def _status(text: str) -> Status:
    try:
        status = Status(text)
    except ValueError:
        status = Status.OFFLINE
    if status is Status.OFFLINE:
        raise RequestError("not-allowed", "a status is online, away or busy")
    return status


def _picture(text: str) -> bytes:
    """The bytes of a base64 picture; empty removes it. `too-large`, `not-allowed`."""
    try:
        image = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise RequestError("not-allowed", "an avatar is base64 of a PNG or JPEG") from None
    if len(image) > limits.AVATAR_BYTES:
        raise RequestError("too-large", f"an avatar has at most {limits.AVATAR_BYTES} bytes")
    if image and not image.startswith(_PICTURES):
        raise RequestError("not-allowed", "an avatar is a PNG or JPEG")
    return image
