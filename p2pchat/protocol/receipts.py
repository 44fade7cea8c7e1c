"""Receipts: how far each member of a conversation has each feed, durably (delivered) and read.

Each member says it in vectors of (feed, delivered, read); the latest wins, and numbers only grow.
In a small room everyone is told; above `limits.RECEIPT_MEMBERS` vectors are gathered and go to the
authors alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from p2pchat.config import limits
from p2pchat.model.ids import ConversationId, FeedId, PeerId
from p2pchat.model.message import Receipts as Shown
from p2pchat.model.records import PutReceipt, ReceiptRow, Write
from p2pchat.protocol import effects, wire
from p2pchat.protocol.context import Context, Timer
from p2pchat.protocol.conversations import Conversation
from p2pchat.protocol.ingest import Arrival
from p2pchat.protocol.links import Link, Links

SAVE_DELAY_S = 1.0
ROWS_PER_FRAME = 800
MAX_FEEDS = 20_000
"""Feeds of one conversation that one member's receipts may speak of."""

_Upto = dict[FeedId, tuple[int, int]]
"""(delivered, read) by feed."""


class Receipts:
    def __init__(
        self,
        context: Context,
        links: Links,
        author: Callable[[FeedId], PeerId | None],
        audience: Callable[[Conversation], list[Link]],
        members: Callable[[Conversation], int],
    ) -> None:
        self._ctx = context
        self._links = links
        self._author = author
        self._audience = audience
        self._members = members
        self._rows: dict[ConversationId, dict[PeerId, _Upto]] = {}
        self._unsent: dict[ConversationId, tuple[Conversation, set[FeedId]]] = {}
        self._unsaved: dict[tuple[ConversationId, PeerId, FeedId], None] = {}
        self._send_timer: Timer | None = None
        self._save_timer: Timer | None = None

    def load(self, rows: Iterable[ReceiptRow]) -> None:
        for row in rows:
            self._upto(row.conversation, row.person)[row.feed] = (row.delivered, row.read)

    def _upto(self, conversation: ConversationId, person: PeerId) -> _Upto:
        return self._rows.setdefault(conversation, {}).setdefault(person, {})

    # -- what others have

    def shown(self, conversation: Conversation, author: PeerId, feed: FeedId, seq: int) -> Shown:
        """Who has the entry, apart from its author."""
        delivered: list[PeerId] = []
        read: list[PeerId] = []
        for person, feeds in self._rows.get(conversation.id, {}).items():
            if person == author:
                continue
            upto = feeds.get(feed)
            if upto is None:
                continue
            if upto[0] >= seq:
                delivered.append(person)
            if upto[1] >= seq:
                read.append(person)
        if self._members(conversation) > limits.RECEIPT_MEMBERS:
            return Shown(len(delivered), len(read))
        return Shown(tuple(sorted(delivered)), tuple(sorted(read)))

    def delivered_to(self, conversation: Conversation, person: PeerId, feed: FeedId) -> int:
        """The highest seq of the feed that the person says to have; -1: none."""
        return self._rows.get(conversation.id, {}).get(person, {}).get(feed, (-1, -1))[0]

    def on_receipt(self, link: Link, conversation: Conversation, frame: wire.Receipt) -> None:
        if conversation.direct and link.person not in conversation.row.peers:
            # Who holds the ciphertext for one of the two has delivered it to nobody.
            return
        feeds = self._upto(conversation.id, link.person)
        for feed, delivered, read in frame.rows:
            spans = conversation.spans.get(feed)
            if not spans or len(feeds) >= MAX_FEEDS:
                continue
            # Nobody has more of a feed than there is: what is claimed above it is cut off.
            delivered, read = min(delivered, spans[0].high), min(read, spans[0].high)
            old = feeds.get(feed, (-1, -1))
            new = (max(old[0], delivered, read), max(old[1], read))
            if new != old:
                feeds[feed] = new
                self._save(conversation.id, link.person, feed)
                self._tell(conversation, link.person, feed, old, new)

    def _tell(
        self,
        conversation: Conversation,
        person: PeerId,
        feed: FeedId,
        old: tuple[int, int],
        new: tuple[int, int],
    ) -> None:
        if self._author(feed) != self._ctx.identity.peer_id:
            return
        if person == self._ctx.identity.peer_id:
            return
        for kind, before, now in (("delivered", old[0], new[0]), ("read", old[1], new[1])):
            if now > before:
                self._ctx.emit(effects.NotifyReceipt(conversation.label, feed, now, person, kind))

    # -- what is here

    def arrived(self, arrival: Arrival) -> None:
        self.changed(arrival.conversation, {entry.header.feed for entry in arrival.entries})

    def changed(self, conversation: Conversation, feeds: Iterable[FeedId]) -> None:
        """More of these feeds is durable here: say so before long."""
        own = self._ctx.identity.device.key
        told = {feed for feed in feeds if feed[:32] != own}
        if not told or not conversation.mine:
            return
        self._unsent.setdefault(conversation.id, (conversation, set()))[1].update(told)
        if self._send_timer is None:
            many = self._members(conversation) > limits.RECEIPT_MEMBERS
            delay = limits.RECEIPT_BATCH_S if many else limits.RECEIPT_DELAY_S
            self._send_timer = self._ctx.after(delay, self._send_all)

    def read(self, conversation: Conversation, positions: Iterable[tuple[FeedId, int]]) -> None:
        """This person has read the feeds so far."""
        me = self._ctx.identity.peer_id
        feeds = self._upto(conversation.id, me)
        touched = set()
        for feed, seq in positions:
            old = feeds.get(feed, (-1, -1))
            if seq > old[1]:
                feeds[feed] = (max(old[0], seq), seq)
                self._save(conversation.id, me, feed)
                touched.add(feed)
        self.changed(conversation, touched)

    def greet(self, link: Link, conversation: Conversation) -> None:
        """All that is here, to a peer that has just begun to share the conversation."""
        if conversation.mine:
            self._send(conversation, conversation.spans, [link])

    def _send_all(self) -> None:
        self._send_timer = None
        unsent, self._unsent = self._unsent, {}
        for conversation, feeds in unsent.values():
            self._send(conversation, feeds, self._audience(conversation))

    def _send(self, conversation: Conversation, feeds: Iterable[FeedId], links: list[Link]) -> None:
        told_read = self._ctx.settings.send_receipts
        mine = self._rows.get(conversation.id, {}).get(self._ctx.identity.peer_id, {})
        rows = [
            (feed, conversation.delivered(feed), mine.get(feed, (-1, -1))[1] if told_read else -1)
            for feed in feeds
        ]
        rows = [row for row in rows if row[1] >= 0 or row[2] >= 0]
        if self._members(conversation) <= limits.RECEIPT_MEMBERS:
            self._send_rows(conversation, rows, links)
            return
        for link in links:
            theirs = [row for row in rows if self._author(row[0]) == link.person]
            self._send_rows(conversation, theirs, [link])

    def _send_rows(
        self, conversation: Conversation, rows: list[tuple[FeedId, int, int]], links: list[Link]
    ) -> None:
        for start in range(0, len(rows), ROWS_PER_FRAME):
            part = tuple(rows[start : start + ROWS_PER_FRAME])
            self._links.send_all(links, wire.Receipt(conversation.id, part))

    # -- saving

    def _save(self, conversation: ConversationId, person: PeerId, feed: FeedId) -> None:
        self._unsaved[(conversation, person, feed)] = None
        if self._save_timer is None:
            self._save_timer = self._ctx.after(SAVE_DELAY_S, self.save)

    def save(self) -> None:
        """Write what has changed; what a crash loses comes again at the next link."""
        self._save_timer = None
        unsaved, self._unsaved = self._unsaved, {}
        writes: list[Write] = []
        for conversation, person, feed in unsaved:
            delivered, read = self._rows[conversation][person][feed]
            row = ReceiptRow(
                conversation=conversation,
                person=person,
                feed=feed,
                delivered=delivered,
                read=read,
            )
            writes.append(PutReceipt(row))
        if writes:
            self._ctx.commit(writes)
