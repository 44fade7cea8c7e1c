"""Writing to one's own feeds: clock, heads, body, signature."""

from __future__ import annotations

import msgspec

from p2pchat.model.entry import Content, Entry, EntryKind, Header, OpenBody, WireEntry
from p2pchat.model.ids import EntryHash, FeedId
from p2pchat.protocol import entries, sealing
from p2pchat.protocol.context import Context
from p2pchat.protocol.conversations import Conversation, OwnFeed
from p2pchat.protocol.hashing import body_hash, entry_hash


class Writer:
    """Makes the entries of this device. What it makes isn't durable yet: the caller commits it
    before anything leaves the machine, and calls `forget` where that fails."""

    def __init__(self, context: Context) -> None:
        self._ctx = context

    def compose(
        self,
        conversation: Conversation,
        kind: EntryKind,
        content: Content,
        target: bytes,
        clock_bound: int,
        wall_ms: int,
    ) -> list[Entry]:
        """The new entry, behind the one that opens a feed where that is needed. In a sealed
        conversation its key must be known. `wall_ms` is what the order goes by."""
        made: list[Entry] = []
        conversation.move_bound(clock_bound)
        own = conversation.own
        # A feed may be left of the device that this one was before it went on as a new one.
        foreign = own is not None and own.feed[:32] != self._ctx.identity.device.key
        if own is None or foreign or own.clock > clock_bound:
            made.append(self._open(conversation, wall_ms))
        made.append(self._entry(conversation, kind, content, target, wall_ms))
        return made

    def forget(self, conversation: Conversation) -> None:
        """Go back to what is durable, after a commit that failed."""
        # The clock of what is undone is as good as that of the tip below it.
        clock = conversation.own.clock if conversation.own else conversation.clock
        conversation.own = None
        feed = conversation.row.own_feed
        if feed is None:
            return
        spans = conversation.spans.get(feed, ())
        if len(spans) == 1:
            conversation.own = OwnFeed(feed, spans[0].high, spans[0].tip, clock)
        else:
            self._set_row_feed(conversation, None)

    def retire(self, conversation: Conversation) -> None:
        """Never write to the present feed again; the next entry opens a new one."""
        conversation.own = None
        self._set_row_feed(conversation, None)

    def _open(self, conversation: Conversation, wall_ms: int) -> Entry:
        identity = self._ctx.identity
        feed = FeedId(identity.device.key + self._ctx.rng.randbytes(8))
        conversation.own = OwnFeed(feed, -1, EntryHash(b""), 0)
        self._set_row_feed(conversation, feed)
        body = OpenBody(identity.person.key, identity.vouch)
        return self._entry(conversation, EntryKind.OPEN, body, b"", wall_ms)

    @staticmethod
    def _set_row_feed(conversation: Conversation, feed: FeedId | None) -> None:
        conversation.row = msgspec.structs.replace(conversation.row, own_feed=feed)

    def _entry(
        self,
        conversation: Conversation,
        kind: EntryKind,
        content: Content,
        target: bytes,
        wall_ms: int,
    ) -> Entry:
        ctx = self._ctx
        own = conversation.own
        assert own is not None, "the feed was opened above"
        clock = max(wall_ms << 16, conversation.clock + 1, own.clock + 1)
        salt = ctx.rng.randbytes(16)
        body, key_id = self._body(conversation, kind, own, salt, content)
        header = Header(
            version=entries.VERSION,
            conversation=conversation.id,
            feed=own.feed,
            seq=own.seq + 1,
            prev=own.tip,
            heads=tuple(head for head in conversation.heads() if head != own.tip),
            clock=clock,
            sent_at=ctx.wall_ms,
            kind=kind,
            target=target,
            body_hash=body_hash(salt, body),
            key_id=key_id,
        )
        raw = entries.encode_header(header)
        signature = ctx.identity.device.sign_raw(entries.signed_bytes(ctx.network, raw))
        entry = Entry(
            hash=entry_hash(raw),
            header=header,
            wire=WireEntry(raw, signature, salt, body),
            author=ctx.identity.peer_id,
            content=content,
            readable=True,
            own=True,
            mine=True,
        )
        own.seq, own.tip, own.clock = header.seq, entry.hash, clock
        named = (*header.heads, header.prev) if header.prev else header.heads
        conversation.add_head(entry.hash, clock, named)
        return entry

    def _body(
        self, conversation: Conversation, kind: EntryKind, own: OwnFeed, salt: bytes, what: Content
    ) -> tuple[bytes, bytes]:
        plain = entries.encode_body(what)
        if not conversation.sealed or kind in entries.UNSEALED:
            return plain, b""
        key_id, key = conversation.row.keys[-1]
        place = own.feed + (own.seq + 1).to_bytes(8, "big")
        return sealing.seal_body(key, salt, plain, place), key_id
