"""Telling front ends of messages: each once, and as soon as it is certain.

A pushed text that continues its feed without a gap can't be here already, so it is told before it
is durable: a receipt, and passing it on, wait for the disk, a person needn't. Whatever else comes
is told once it is stored, when it shows whether it is new.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from p2pchat.events import MemberJoined, MemberLeft, MessageChanged, MessageReceived
from p2pchat.model.entry import Entry, EntryKind, TextBody
from p2pchat.model.ids import EntryHash, FeedId
from p2pchat.model.message import Message
from p2pchat.model.records import MessageRow
from p2pchat.protocol.conversations import Conversation
from p2pchat.protocol.ingest import Arrival, Road

if TYPE_CHECKING:
    from p2pchat.protocol.machine import Machine

MAX_EARLY = 8192
"""Messages that were told and aren't stored yet; more come only while the disk is stuck."""


class Showing:
    def __init__(self, machine: Machine) -> None:
        self._m = machine
        self._early: dict[EntryHash, Message] = {}
        self._tips: dict[FeedId, EntryHash] = {}
        """The newest entry of each feed that is on its way to the disk."""

    def coming(self, conversation: Conversation, entries: Sequence[Entry]) -> None:
        """Pushed entries, in the order of their feeds, are checked and about to be stored."""
        if not conversation.mine:
            return
        for entry in entries:
            if not self._continues(conversation, entry):
                continue
            self._tips[entry.header.feed] = entry.hash
            if len(self._tips) > MAX_EARLY:
                del self._tips[next(iter(self._tips))]
            row = _row(entry) if entry.readable else None
            if row is None or self._m.people.blocked(entry.author):
                continue
            message = self._early[entry.hash] = self._m.views.message(row)
            if len(self._early) > MAX_EARLY:
                del self._early[next(iter(self._early))]
            self._m.ctx.notify(MessageReceived(message))

    def _continues(self, conversation: Conversation, entry: Entry) -> bool:
        feed, prev = entry.header.feed, entry.header.prev
        if self._tips.get(feed) == prev:
            return True
        spans = conversation.spans.get(feed, ())
        return len(spans) > 0 and spans[0].tip == prev

    def arrived(self, arrival: Arrival) -> None:
        """Entries are stored."""
        for entry in arrival.entries:
            if self._tips.get(entry.header.feed) == entry.hash:
                del self._tips[entry.header.feed]
        if not arrival.conversation.mine:
            return
        for entry, stored in arrival.new():
            early = self._early.pop(entry.hash, None)
            if self._m.people.blocked(entry.author):
                continue
            if stored.message is not None:
                self._tell(stored.message, early, arrival.origin)
            if stored.changed is not None:
                changed = self._m.views.fresh(stored.changed)
                self._m.ctx.notify(MessageChanged(changed), origin=arrival.origin)
            if entry.header.kind in (EntryKind.JOIN, EntryKind.LEAVE):
                self._tell_member(arrival, entry)

    def _tell(self, row: MessageRow, early: Message | None, origin: int) -> None:
        message = self._m.views.fresh(row)
        if early is None:
            self._m.ctx.notify(MessageReceived(message), origin=origin)
        elif row.edited or row.deleted or row.reactions:
            # What changes it had come before it.
            self._m.ctx.notify(MessageChanged(message))

    def _tell_member(self, arrival: Arrival, entry: Entry) -> None:
        """Of who came or went since one joined, also where that is heard by syncing only: who
        comes to a protected room shares nothing with its members before."""
        conversation, person = arrival.conversation, entry.author
        if person == self._m.identity.peer_id:
            return
        if arrival.road is Road.SYNCED and conversation.is_history(entry.header.clock):
            return
        latest = conversation.members.get(person)
        if latest is not None and latest.hash == entry.hash:
            event = MemberJoined if latest.joined else MemberLeft
            self._m.ctx.notify(event(conversation.label, person, self._m.people.name(person)))


def _row(entry: Entry) -> MessageRow | None:
    """The message that a text makes, nothing having changed it; None for other kinds."""
    content = entry.content
    if entry.header.kind != EntryKind.TEXT or not isinstance(content, TextBody):
        return None
    header = entry.header
    return MessageRow(
        hash=entry.hash,
        conversation=header.conversation,
        feed=header.feed,
        seq=header.seq,
        clock=header.clock,
        kind=header.kind,
        author=entry.author,
        sent_at=header.sent_at,
        text=content.text,
        reply_to=content.reply_to,
        mentions=content.mentions,
        late=entry.late,
        clock_off=entry.clock_off,
    )
