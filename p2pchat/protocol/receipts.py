"""Receipts: how far each member of a conversation has each feed, durably (delivered) and read.

Each member says it in vectors of (feed, delivered, read); the latest wins, and numbers only grow.
In a small room everyone is told; above `limits.RECEIPT_MEMBERS` vectors are gathered and go to the
authors alone. Of others' they are kept for the feeds that were active last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from p2pchat.config import limits
from p2pchat.model.ids import ConversationId, FeedId, PeerId
from p2pchat.model.message import Receipts as Shown
from p2pchat.model.records import DropReceipt, PutReceipt, ReceiptRow, Write
from p2pchat.protocol import effects, wire
from p2pchat.protocol.context import Context, Timer
from p2pchat.protocol.conversations import Conversation, Conversations
from p2pchat.protocol.ingest import Arrival
from p2pchat.protocol.link import Link
from p2pchat.protocol.links import Links

SAVE_DELAY_S = 1.0
ROWS_PER_FRAME = 800
EARLY = 512
"""Claims of more than is here that are remembered: receipts may overtake what they speak of."""
SLACK = 8
"""One 8th of the receipts are let go of at once, so that not every one that comes does that."""

Upto = tuple[int, int]
"""(delivered, read); -1: nothing."""
NOTHING: Upto = (-1, -1)


@dataclass(slots=True)
class _Book:
    """The receipts of one conversation."""

    feeds: dict[FeedId, dict[PeerId, Upto]]
    """Others', that feed first of which nothing has come for the longest time. Of feeds that
    aren't in it none are kept, until something comes of them again: numbers only grow, so what
    is let go of comes back whole."""
    mine: dict[FeedId, Upto] = field(default_factory=dict)
    count: int = 0
    """Of others'."""


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
        self._books: dict[ConversationId, _Book] = {}
        self._unsent: dict[ConversationId, tuple[Conversation, set[FeedId]]] = {}
        self._early: dict[tuple[ConversationId, PeerId, FeedId], Upto] = {}
        """What was claimed of entries that aren't here yet."""
        self._unsaved: dict[tuple[ConversationId, PeerId, FeedId], bool] = {}
        """What is to be written, or taken off the disk; True: it was never there."""
        self._send_timer: Timer | None = None
        self._save_timer: Timer | None = None

    def load(self, rows: Iterable[ReceiptRow], conversations: Conversations) -> None:
        me = self._ctx.identity.peer_id
        for conversation in conversations:
            # What is known of age: first come first, own feeds last.
            order = sorted(conversation.spans, key=lambda feed: self._author(feed) == me)
            self._books[conversation.id] = _Book({feed: {} for feed in order})
        for row in rows:
            book = self._books.get(row.conversation)
            if book is not None and (row.person == me or row.feed in book.feeds):
                self._set(book, row.person, row.feed, (row.delivered, row.read))
            else:
                self._unsave(row.conversation, row.person, row.feed)
        for conversation in conversations:
            self._make_room(conversation, conversation.spans)

    def forget(self, conversation: Conversation) -> None:
        """The conversation was dropped."""
        self._books.pop(conversation.id, None)
        self._unsent.pop(conversation.id, None)
        for marks in (self._unsaved, self._early):
            for key in [key for key in marks if key[0] == conversation.id]:
                del marks[key]

    # -- the books

    def _book(self, conversation: Conversation) -> _Book:
        return self._books.setdefault(conversation.id, _Book({}))

    def _get(self, conversation: ConversationId, person: PeerId, feed: FeedId) -> Upto | None:
        book = self._books.get(conversation)
        if book is None:
            return None
        if person == self._ctx.identity.peer_id:
            return book.mine.get(feed)
        return book.feeds.get(feed, {}).get(person)

    def _set(self, book: _Book, person: PeerId, feed: FeedId, upto: Upto) -> None:
        if person == self._ctx.identity.peer_id:
            book.mine[feed] = upto
            return
        persons = book.feeds[feed]
        book.count += persons.pop(person, None) is None
        persons[person] = upto

    def _make_room(self, conversation: Conversation, feeds: Iterable[FeedId]) -> None:
        """Keep the book within its bounds; `feeds` are those that have more receipts now."""
        id, book = conversation.id, self._book(conversation)
        for feed in feeds:
            persons = book.feeds.get(feed, {})
            while len(persons) > limits.RECEIPTS_PER_FEED:
                oldest = next(iter(persons))
                del persons[oldest]
                book.count -= 1
                self._unsave(id, oldest, feed)
        if book.count <= limits.RECEIPTS_PER_CONVERSATION:
            return
        goal = limits.RECEIPTS_PER_CONVERSATION * (SLACK - 1) // SLACK
        for feed in list(book.feeds):
            if book.count <= goal:
                return
            gone = book.feeds.pop(feed)
            book.count -= len(gone)
            for person in gone:
                self._unsave(id, person, feed)

    # -- what others have

    def shown(self, conversation: Conversation, author: PeerId, feed: FeedId, seq: int) -> Shown:
        """Who has the entry, apart from its author."""
        delivered: list[PeerId] = []
        read: list[PeerId] = []
        me = self._ctx.identity.peer_id
        book = self._book(conversation)
        for person, upto in ((me, book.mine.get(feed)), *book.feeds.get(feed, {}).items()):
            if person == author or upto is None:
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
        return (self._get(conversation.id, person, feed) or NOTHING)[0]

    def waits(self, conversation: Conversation, besides: PeerId | None = None) -> bool:
        """Whether something of this person's is here that nobody else says to have, and somebody
        else could want: of a direct conversation the other side, of a room anyone. `besides`:
        whose word doesn't count for a room."""
        me = self._ctx.identity.peer_id
        if not conversation.mine or (conversation.direct and set(conversation.row.peers) == {me}):
            return False
        feeds, deaf = self._book(conversation).feeds, None if conversation.direct else besides

        def highest(feed: FeedId) -> int:
            said = feeds.get(feed, {}).items()
            return max((upto[0] for person, upto in said if person != deaf), default=-1)

        return any(
            self._author(feed) == me and spans[0].high > highest(feed)
            for feed, spans in conversation.spans.items()
        )

    def on_receipt(self, link: Link, conversation: Conversation, frame: wire.Receipt) -> None:
        if conversation.direct and link.person not in conversation.row.peers:
            # Who holds the ciphertext for one of the two has delivered it to nobody.
            return
        changed = [
            feed
            for feed, delivered, read in frame.rows
            if self._raise(conversation, link.person, feed, (delivered, read))
        ]
        self._make_room(conversation, changed)

    def _raise(self, conversation: Conversation, person: PeerId, feed: FeedId, claim: Upto) -> bool:
        """Whether there is more than before."""
        book, spans = self._book(conversation), conversation.spans.get(feed)
        top = spans[0].high if spans else -1
        if max(claim) > top:
            # Nobody has more of a feed than there is, but it may be on its way here as well.
            self._early[conversation.id, person, feed] = claim
            if len(self._early) > EARLY:
                del self._early[next(iter(self._early))]
        if not spans or not (feed in book.feeds or person == self._ctx.identity.peer_id):
            return False
        delivered, read = min(claim[0], top), min(claim[1], top)
        known = self._get(conversation.id, person, feed)
        old = known or NOTHING
        new = (max(old[0], delivered, read), max(old[1], read))
        if new == old:
            return False
        self._set(book, person, feed, new)
        self._save(conversation.id, person, feed, new=known is None)
        self._tell(conversation, person, feed, old, new)
        return True

    def _tell(
        self,
        conversation: Conversation,
        person: PeerId,
        feed: FeedId,
        old: Upto,
        new: Upto,
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
        feeds = {entry.header.feed for entry in arrival.entries}
        id, active = arrival.conversation.id, self._book(arrival.conversation).feeds
        for feed in feeds:
            active[feed] = active.pop(feed, {})
        early = [key for key in self._early if key[0] == id and key[2] in feeds]
        for key in early:
            self._raise(arrival.conversation, key[1], key[2], self._early.pop(key))
        if early:
            self._make_room(arrival.conversation, feeds)
        self.changed(arrival.conversation, feeds)

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
        if conversation.dropped:
            return
        me, mine = self._ctx.identity.peer_id, self._book(conversation).mine
        touched = set()
        for feed, seq in positions:
            old = mine.get(feed, NOTHING)
            if seq > old[1]:
                mine[feed] = (max(old[0], seq), seq)
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
        mine = self._book(conversation).mine
        rows = [
            (feed, conversation.delivered(feed), mine.get(feed, NOTHING)[1] if told_read else -1)
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

    def _unsave(self, conversation: ConversationId, person: PeerId, feed: FeedId) -> None:
        """It is kept no longer."""
        if self._unsaved.get((conversation, person, feed)):
            del self._unsaved[conversation, person, feed]
        else:
            self._save(conversation, person, feed)

    def _save(
        self, conversation: ConversationId, person: PeerId, feed: FeedId, new: bool = False
    ) -> None:
        self._unsaved.setdefault((conversation, person, feed), new)
        if self._save_timer is None:
            self._save_timer = self._ctx.after(SAVE_DELAY_S, self.save)

    def save(self) -> None:
        """Write what has changed; what a crash loses comes again at the next link."""
        self._save_timer = None
        unsaved, self._unsaved = self._unsaved, {}
        writes: list[Write] = []
        for conversation, person, feed in unsaved:
            upto = self._get(conversation, person, feed)
            if upto is None:
                writes.append(DropReceipt(conversation, person, feed))
                continue
            row = ReceiptRow(
                conversation=conversation,
                person=person,
                feed=feed,
                delivered=upto[0],
                read=upto[1],
            )
            writes.append(PutReceipt(row))
        if writes:
            self._ctx.commit(writes)
