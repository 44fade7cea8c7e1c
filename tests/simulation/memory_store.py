"""A store in memory that keeps what `node.ports.Store` promises, as plainly as it can be said.

Spans are worked out anew from the entries that are here: slow, and a check on the real store's
bookkeeping. `copy` is what a crash, a backup or a cloned disk comes down to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import msgspec

from p2pchat.config.limits import HEADS
from p2pchat.model.changes import Change, resolve
from p2pchat.model.entry import Entry, EntryKind, OpenBody, ReactBody, Span, TextBody, WireEntry
from p2pchat.model.ids import ConversationId, EntryHash, FeedId, PeerId
from p2pchat.model.records import (
    Applied,
    ConversationRow,
    DeviceRow,
    Disclose,
    DropConversation,
    DropFile,
    DropPerson,
    DropReceipt,
    FileRow,
    MarkRead,
    MemberRow,
    MessageRow,
    PersonRow,
    Prune,
    PutConversation,
    PutDevice,
    PutEntry,
    PutFile,
    PutMember,
    PutMeta,
    PutPerson,
    PutReceipt,
    PutStatus,
    ReceiptRow,
    Stored,
    StoredState,
    Write,
)
from p2pchat.storage.files import is_open

_SILENT = (EntryKind.OPEN, EntryKind.KEY, EntryKind.EDIT, EntryKind.DELETE, EntryKind.REACT)
_CHANGES = (EntryKind.EDIT, EntryKind.DELETE, EntryKind.REACT)


@dataclass
class _Tables:
    meta: dict[str, bytes] = field(default_factory=dict)
    conversations: dict[ConversationId, ConversationRow] = field(default_factory=dict)
    persons: dict[PeerId, PersonRow] = field(default_factory=dict)
    devices: dict[str, DeviceRow] = field(default_factory=dict)
    members: dict[tuple[ConversationId, PeerId], MemberRow] = field(default_factory=dict)
    receipts: dict[tuple[ConversationId, PeerId, FeedId], ReceiptRow] = field(default_factory=dict)
    entries: dict[EntryHash, Entry] = field(default_factory=dict)
    feeds: dict[FeedId, dict[EntryHash, Entry]] = field(default_factory=dict)
    targets: dict[bytes, dict[EntryHash, Entry]] = field(default_factory=dict)
    """Edits, deletions and reactions by what they are about."""
    floors: dict[FeedId, int] = field(default_factory=dict)
    """Of what was pruned: the lowest that is kept, besides the first entry."""
    files: dict[EntryHash, FileRow] = field(default_factory=dict)
    held: set[EntryHash] = field(default_factory=set)
    """Ciphertext held for others: it makes no message."""


class MemoryStore:
    def __init__(self) -> None:
        self._t = _Tables()

    def copy(self) -> MemoryStore:
        made = MemoryStore()
        t = self._t
        made._t = replace(
            t,
            meta=dict(t.meta),
            conversations=dict(t.conversations),
            persons=dict(t.persons),
            devices=dict(t.devices),
            members=dict(t.members),
            receipts=dict(t.receipts),
            entries=dict(t.entries),
            feeds={feed: dict(found) for feed, found in t.feeds.items()},
            targets={target: dict(found) for target, found in t.targets.items()},
            floors=dict(t.floors),
            files=dict(t.files),
            held=set(t.held),
        )
        return made

    def prune(self, conversation: ConversationId, keep: int) -> None:
        """Keep the newest of each feed, and its first entry."""
        t = self._t
        for feed in {entry.header.feed for entry in self.entries_of(conversation)}:
            (span, *_) = self._spans(feed)
            floor = t.floors[feed] = max(1, span.high - keep + 1)
            for entry in list(t.feeds[feed].values()):
                if 0 < entry.header.seq < floor:
                    del t.entries[entry.hash], t.feeds[feed][entry.hash]

    # -- what tests look at

    def all_entries(self) -> list[Entry]:
        return list(self._t.entries.values())

    def entries_of(self, conversation: ConversationId) -> list[Entry]:
        return [e for e in self._t.entries.values() if e.header.conversation == conversation]

    def hashes(self, conversation: ConversationId) -> set[EntryHash]:
        return {entry.hash for entry in self.entries_of(conversation)}

    def entry(self, hash: EntryHash) -> Entry | None:
        return self._t.entries.get(hash)

    def meta(self, key: str) -> bytes | None:
        return self._t.meta.get(key)

    def forked_feeds(self) -> set[FeedId]:
        return {
            feed for feed in self._t.feeds if sum(not span.bottom for span in self._spans(feed)) > 1
        }

    def all_messages(self, conversation: ConversationId) -> list[MessageRow]:
        rows = [self._message(e) for e in self._t.entries.values()]
        shown = [row for row in rows if row is not None and row.conversation == conversation]
        return sorted(shown, key=lambda row: (row.clock, row.hash))

    # -- writing

    def apply(self, writes: Sequence[Write]) -> Applied:
        stored: list[Stored] = []
        touched: dict[FeedId, None] = {}
        for write in writes:
            match write:
                case PutEntry(entry=entry, conversation_mine=mine):
                    stored.append(self._put(entry, mine))
                    touched[entry.header.feed] = None
                case Disclose(entry=entry):
                    self._keep(entry)
                    stored.append(self._stored(entry, PutStatus.KNOWN))
                    touched[entry.header.feed] = None
                case _:
                    self._put_row(write)
        return Applied(stored, {feed: self._spans(feed) for feed in touched})

    def _put_row(self, write: Write) -> None:
        t = self._t
        match write:
            case PutConversation(row=row):
                t.conversations[row.id] = row
            case PutPerson(row=person):
                t.persons[person.id] = person
            case PutDevice(row=device):
                t.devices[device.id] = device
            case PutMember(row=member):
                t.members[member.conversation, member.person] = member
            case PutReceipt(row=receipt):
                t.receipts[receipt.conversation, receipt.person, receipt.feed] = receipt
            case DropReceipt(conversation=conversation, person=gone, feed=feed):
                t.receipts.pop((conversation, gone, feed), None)
            case PutMeta(key=key, value=value):
                t.meta[key] = value
            case DropPerson(person=gone):
                t.persons.pop(gone, None)
                t.devices = {id: row for id, row in t.devices.items() if row.person != gone}
            case DropConversation(conversation=conversation):
                self._drop(conversation)
            case Prune(conversation=conversation, budget=budget):
                size = sum(
                    len(self._t.entries[h].wire.body or b"") for h in self.hashes(conversation)
                )
                assert size <= budget, "this store doesn't prune"
            case PutFile(row=file, new=new):
                if not new or file.id not in t.files:
                    t.files[file.id] = file
            case DropFile(id=id):
                t.files.pop(id, None)
            case MarkRead():
                pass
            case _:
                raise AssertionError(f"unexpected {write}")

    def _drop(self, conversation: ConversationId) -> None:
        t = self._t
        for hash in self.hashes(conversation):
            entry = t.entries.pop(hash)
            t.feeds.pop(entry.header.feed, None)
            t.held.discard(hash)
        t.conversations.pop(conversation, None)
        t.receipts = {key: row for key, row in t.receipts.items() if key[0] != conversation}

    def _put(self, entry: Entry, mine: bool) -> Stored:
        t = self._t
        header = entry.header
        known = t.entries.get(entry.hash)
        if known is not None:
            if known.wire.body is None and not self._is_deleted(known):
                self._keep(entry)
                if entry.wire.body is not None:
                    return self._stored(entry, PutStatus.KNOWN)
            return Stored(entry.hash, PutStatus.KNOWN)
        if header.seq < t.floors.get(header.feed, 0):
            return Stored(entry.hash, PutStatus.KNOWN)
        others = t.feeds.get(header.feed, {}).values()
        fork = any(other.header.seq == header.seq for other in others)
        if not mine:
            t.held.add(entry.hash)
        self._keep(entry)
        return self._stored(entry, PutStatus.FORK if fork else PutStatus.NEW)

    def _keep(self, entry: Entry) -> None:
        t = self._t
        if self._is_deleted(entry):
            entry = _without_body(entry)
        t.entries[entry.hash] = entry
        t.feeds.setdefault(entry.header.feed, {})[entry.hash] = entry
        if entry.header.kind in _CHANGES and entry.readable and entry.author:
            t.targets.setdefault(entry.header.target, {})[entry.hash] = entry
            target = t.entries.get(EntryHash(entry.header.target))
            if target is not None and entry.header.kind == EntryKind.DELETE:
                self._keep(target)

    def _is_deleted(self, entry: Entry) -> bool:
        changes = self._t.targets.get(entry.hash, {}).values()
        return any(
            change.header.kind == EntryKind.DELETE and change.author == entry.author
            for change in changes
        )

    def _stored(self, entry: Entry, status: PutStatus) -> Stored:
        changed = None
        if entry.header.kind in _CHANGES and entry.readable and entry.author:
            target = self._t.entries.get(EntryHash(entry.header.target))
            changed = self._message(target) if target is not None else None
        return Stored(entry.hash, status, self._message(entry), changed)

    # -- messages

    def _message(self, entry: Entry) -> MessageRow | None:
        header = entry.header
        if header.kind in _SILENT or not entry.readable or not entry.author:
            return None
        if entry.hash in self._t.held:
            return None
        changes = [_change(change) for change in self._t.targets.get(entry.hash, {}).values()]
        resolved = resolve(entry.author, changes)
        text = entry.content.text if isinstance(entry.content, TextBody) else ""
        return MessageRow(
            hash=entry.hash,
            conversation=header.conversation,
            feed=header.feed,
            seq=header.seq,
            clock=header.clock,
            kind=header.kind,
            author=entry.author,
            sent_at=header.sent_at,
            text=text if resolved.text is None else resolved.text,
            edited=resolved.edited,
            deleted=resolved.deleted,
            late=entry.late,
            clock_off=entry.clock_off,
            reactions=resolved.reactions,
            content=entry.content,
            file=None if resolved.deleted else self._t.files.get(entry.hash),
        )

    def message(self, hash: EntryHash) -> MessageRow | None:
        entry = self._t.entries.get(hash)
        return self._message(entry) if entry is not None else None

    def positions(
        self, conversation: ConversationId, clock: int, hash: EntryHash
    ) -> list[tuple[FeedId, int]]:
        highest: dict[FeedId, int] = {}
        for entry in self._t.entries.values():
            if entry.header.conversation == conversation and entry.order <= (clock, hash):
                feed = entry.header.feed
                highest[feed] = max(highest.get(feed, -1), entry.header.seq)
        return list(highest.items())

    # -- reading entries

    def _spans(self, feed: FeedId) -> tuple[Span, ...]:
        """Each entry belongs to one run; of those that meet, the higher one goes on."""
        here = self._t.feeds.get(feed, {})
        followed = {entry.header.prev for entry in here.values()}
        tips = sorted(
            (entry for hash, entry in here.items() if hash not in followed),
            key=lambda entry: (-entry.header.seq, entry.hash),
        )
        claimed: set[bytes] = set()
        spans: list[Span] = []
        for tip in tips:
            low = tip
            while (below := here.get(EntryHash(low.header.prev))) is not None:
                if below.hash in claimed:
                    break
                claimed.add(low.hash)
                low = below
            claimed.add(low.hash)
            missing = b"" if low.header.prev in claimed else low.header.prev
            floor = self._t.floors.get(feed, 0)
            if floor and tip.header.seq == 0 and spans:
                continue  # what is kept apart of a feed whose beginning was pruned
            if low.header.seq == floor:
                missing = b""
            spans.append(Span(feed, low.header.seq, tip.header.seq, tip.hash, missing))
        return tuple(spans)

    def load(self, clock_bound: int = 1 << 63) -> StoredState:
        t = self._t
        spans: dict[ConversationId, tuple[Span, ...]] = {}
        opens: dict[FeedId, bytes] = {}
        orders: dict[ConversationId, list[tuple[int, EntryHash]]] = {}
        for feed, found in t.feeds.items():
            conversation = next(iter(found.values())).header.conversation
            spans[conversation] = spans.get(conversation, ()) + self._spans(feed)
            for entry in found.values():
                orders.setdefault(conversation, []).append((entry.header.clock, entry.hash))
                if isinstance(entry.content, OpenBody):
                    opens[feed] = entry.content.person_key
        heads = {}
        for conversation, order in orders.items():
            newest = sorted(order, reverse=True)[:HEADS]
            within = sorted((at for at in order if at[0] <= clock_bound), reverse=True)[:HEADS]
            heads[conversation] = tuple(sorted({*newest, *within}, reverse=True))
        own_clocks = {}
        for row in t.conversations.values():
            own = t.feeds.get(row.own_feed, {}).values() if row.own_feed else ()
            if own:
                own_clocks[row.id] = max(own, key=lambda entry: entry.header.seq).header.clock
        return StoredState(
            meta=dict(t.meta),
            conversations=tuple(t.conversations.values()),
            persons=tuple(t.persons.values()),
            devices=tuple(t.devices.values()),
            members=tuple(t.members.values()),
            receipts=tuple(t.receipts.values()),
            files=tuple(row for row in t.files.values() if is_open(row)),
            spans=spans,
            heads=heads,
            own_clocks=own_clocks,
            opens=opens,
        )

    def read_branch(
        self,
        conversation: ConversationId,
        tip: EntryHash,
        low: int,
        max_bytes: int,
        with_first: bool = False,
    ) -> list[tuple[EntryHash, WireEntry]]:
        entry = self._t.entries.get(tip)
        if entry is None or entry.header.conversation != conversation:
            return []
        here = self._t.feeds[entry.header.feed]
        found: list[tuple[EntryHash, WireEntry]] = []
        size = 0
        at: Entry | None = entry
        while at is not None and at.header.seq >= low and size < max_bytes:
            found.append((at.hash, at.wire))
            size += len(at.wire.header) + len(at.wire.body or b"")
            at = here.get(EntryHash(at.header.prev))
        if with_first and found and self._t.entries[found[-1][0]].header.seq:
            first = [e for e in here.values() if e.header.seq == 0]
            found[:0] = [(e.hash, e.wire) for e in first]
        return found

    def read_entries(self, hashes: Sequence[EntryHash]) -> list[tuple[EntryHash, WireEntry]]:
        return [(hash, self._t.entries[hash].wire) for hash in hashes if hash in self._t.entries]

    def bare_entries(self, conversation: ConversationId) -> list[tuple[EntryHash, FeedId, int]]:
        bare = [
            entry
            for entry in self.entries_of(conversation)
            if _has_lost_its_body(entry) and not self._is_deleted(entry)
        ]
        bare.sort(key=lambda entry: (entry.header.feed, -entry.header.seq))
        return [(entry.hash, entry.header.feed, entry.header.seq) for entry in bare]

    def unread_entries(
        self, conversation: ConversationId, feed: FeedId | None = None
    ) -> list[tuple[EntryHash, WireEntry]]:
        found = [
            entry
            for entry in self._t.entries.values()
            if entry.header.conversation == conversation
            and feed in (None, entry.header.feed)
            and not (entry.readable and entry.author)
        ]
        found.sort(key=lambda entry: entry.order)
        return [(entry.hash, entry.wire) for entry in found]


def _has_lost_its_body(entry: Entry) -> bool:
    return entry.wire.body is None and entry.header.kind not in (EntryKind.DELETE, EntryKind.EDIT)


def _without_body(entry: Entry) -> Entry:
    wire = msgspec.structs.replace(entry.wire, salt=b"", body=None)
    return msgspec.structs.replace(entry, wire=wire, content=None)


def _change(entry: Entry) -> Change:
    content = entry.content
    return Change(
        clock=entry.header.clock,
        hash=entry.hash,
        kind=entry.header.kind,
        author=entry.author,
        text=content.text if isinstance(content, TextBody) else "",
        emoji=content.emoji if isinstance(content, ReactBody) else "",
        on=content.on if isinstance(content, ReactBody) else True,
    )
