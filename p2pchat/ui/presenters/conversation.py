"""The conversation in the middle: a bounded window of messages that moves over its history."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime
from typing import Any, Protocol

from p2pchat.errors import P2PChatError
from p2pchat.events import Event, MessageChanged, MessageReceipt, MessageReceived
from p2pchat.model.ids import MessageId, PeerId
from p2pchat.model.message import Message
from p2pchat.model.text import safe_text
from p2pchat.node.api import NodeApi
from p2pchat.ui.presenters import timeline, words
from p2pchat.ui.presenters.actions import Action, allowed
from p2pchat.ui.presenters.directory import Directory
from p2pchat.ui.presenters.links import destination
from p2pchat.ui.presenters.loaded import LIMIT, PAGE, Loaded, Placed
from p2pchat.ui.presenters.markup import SpanKind, spans
from p2pchat.ui.presenters.quotes import Quotes
from p2pchat.ui.presenters.runner import Delayed, Runner
from p2pchat.ui.presenters.timeline import Reaction, Row

ADDRESSES = 5
"""Of a message, that its menu offers."""
BURST = 60
"""More than these at once, and only the newest are drawn: the others are a scroll away."""
RECEIPTS_MS = 400


class ConversationView(Protocol):
    def reset(self, rows: Sequence[Row], show: MessageId | None) -> None:
        """Draw another conversation or another part of it, scrolled to `show` or to the end."""
        ...

    def reveal(self, message_id: MessageId | None) -> None:
        """Scroll to one of the rows, or to the end."""
        ...

    def splice(self, at: int, removed: int, rows: Sequence[Row]) -> None:
        """Replace rows. What is in view stays where it is; a view at its end stays there."""
        ...

    def refresh(self) -> None:
        """Title, emptiness, or what waits below have changed."""
        ...


class ConversationPresenter:
    def __init__(
        self,
        node: NodeApi,
        runner: Runner,
        directory: Directory,
        view: ConversationView,
        now: Callable[[], datetime],
        note: Callable[[Sequence[Message]], None] = lambda messages: None,
    ) -> None:
        """`note` is told which messages are about to be drawn."""
        self.name = ""
        self.loading = False
        self.newer = 0
        """Messages that came in behind the part that is in view."""
        self.trouble = ""
        """Why the conversation couldn't be loaded."""
        self._node = node
        self._runner = runner
        self._directory = directory
        self._view = view
        self._now = now
        self._note = note
        self._visit = 0
        """Names the latest load; what an earlier one brings is ignored."""
        self._loaded = Loaded()
        self._maker = timeline.RowMaker()
        self._rows: list[Row] = []
        self._pending: list[Message] = []
        self._skipped = 0
        """Pending messages that were dropped because nobody drew them in time."""
        self._changes: list[Message] = []
        self._at_bottom = True
        self._first_unread: MessageId | None = None
        self._overlooked = False
        """It stands above all that has been in view: so nothing after it counts as read."""
        self._unfolded: set[MessageId] = set()
        self._quotes = Quotes(node, runner, self._sync)
        self._active = False
        self._marked = False
        """The line above the first unread was set since the window lost the focus."""
        self._read: MessageId | None = None
        self._naming = 0
        """The directory's, when labels were last drawn."""
        self._receipts = Delayed(runner, RECEIPTS_MS, self._load_receipts)
        directory.listeners.append(self._relabel)

    # -- what is shown

    @property
    def empty(self) -> bool:
        """There is nothing in this conversation yet."""
        return not self._loaded.messages and not self.loading

    @property
    def behind(self) -> bool:
        """The newest messages are not in view."""
        return not (self._at_bottom and self._loaded.at_end)

    def message(self, message_id: MessageId) -> Message | None:
        return self._loaded.get(message_id)

    def show_answered(self, message_id: MessageId) -> None:
        """What this message answers."""
        message = self.message(message_id)
        if message is not None and message.reply_to is not None:
            self.show(message.reply_to)

    def last_own(self) -> MessageId | None:
        """The newest own message that can be edited."""
        me = self._directory.me.peer_id
        newest = reversed(self._loaded.messages)
        return next((m.message_id for m in newest if Action.EDIT in allowed(m, me)), None)

    def details(self, message_id: MessageId) -> str:
        """When a message was written, and who has it; empty where it isn't here any more."""
        message = self.message(message_id)
        return timeline.details(message, self._context()) if message else ""

    def actions(self, message_id: MessageId) -> list[Action]:
        """What can be done with the message itself, and with what stands in it."""
        message = self.message(message_id)
        found = allowed(message, self._directory.me.peer_id) if message else []
        row = self._row(message_id)
        if found and row is not None:
            if row.hidden_lines:
                found.insert(0, Action.UNFOLD if row.hidden_lines > 0 else Action.FOLD)
            if row.quote is not None:
                found.insert(0, Action.SHOW_ANSWERED)
        return found

    def addresses(self, message_id: MessageId) -> list[tuple[str, str]]:
        """The web addresses in a message, with the computer that each leads to."""
        message = self.message(message_id)
        if message is None or not self.actions(message_id):
            return []
        written = (s.text for s in spans(safe_text(message.text)) if s.kind == SpanKind.LINK)
        found = ((url, destination(url)) for url in dict.fromkeys(written))
        return [(url, host) for url, host in found if host][:ADDRESSES]

    def reactions(self, message_id: MessageId) -> Sequence[Reaction]:
        """With who has reacted so."""
        row = self._row(message_id)
        return row.reactions if row else ()

    def _row(self, message_id: MessageId) -> Row | None:
        return next((row for row in self._rows if row.message_id == message_id), None)

    def speakers(self) -> list[PeerId]:
        """Others who have written what is loaded, the last first."""
        me = self._directory.me.peer_id
        return [
            a for a in dict.fromkeys(m.author for m in reversed(self._loaded.messages)) if a != me
        ]

    def first_unread_above(self) -> bool:
        """There are unread messages before the part that is loaded."""
        first = self._first_unread
        return first is not None and not self._loaded.at_start and self.message(first) is None

    # -- moving about

    def open(self, conversation: str, around: MessageId | None = None) -> None:
        """Show a conversation (its canonical name), at its end or around a message."""
        if conversation != self.name:
            known = self._directory.conversations.get(conversation)
            self._first_unread = known.first_unread if known else None
            self._overlooked = self._first_unread is not None  # until the view has drawn it
            self._unfolded.clear()
            self._quotes.clear()
            self._read = None
            self._clear()
        self.name = conversation
        self._load(around)

    def forget(self) -> None:
        """Show nothing, until something is opened."""
        self._visit += 1
        self.name = ""
        self.loading = False
        self._clear()

    def to_end(self) -> None:
        self._overlooked = False  # whoever goes there wants no more of what is above
        if not self._loaded.at_end:
            self._load(None)
            return
        self._at_bottom = True
        self.newer = 0
        self._view.reveal(None)
        self._view.refresh()
        self._mark_read()

    def to_first_unread(self) -> None:
        if self._first_unread is not None:
            self.show(self._first_unread)

    def show(self, message_id: MessageId) -> None:
        """Bring a message of this conversation into view."""
        if self.message(message_id) is not None:
            self._view.reveal(message_id)
        else:
            self._load(message_id)

    def scrolled(self, near_top: bool, at_bottom: bool) -> None:
        """Told by the view whenever what is in view has moved."""
        changed = at_bottom != self._at_bottom
        self._at_bottom = at_bottom
        held = self._loaded
        if self.loading or not held.messages:
            return
        if near_top and not held.at_start:
            self._load_more(before=held.messages[0].message_id)
        elif at_bottom and not held.at_end:
            self._load_more(after=held.messages[-1].message_id)
        if changed and not self.behind:
            self.newer = 0
            self._mark_read()
        if changed:
            self._view.refresh()

    def overlooked(self, above: bool) -> None:
        """Told by the view when it has drawn: whether the first unread message is above what
        has been in view. Once it was there while somebody looked, that stays so."""
        if self._active and self._overlooked and not above:
            self._overlooked = False
            self._mark_read()

    @property
    def active(self) -> bool:
        """Whether the window has the focus."""
        return self._active

    def set_active(self, active: bool) -> None:
        """Whether the window has the focus: only then what is in view counts as read."""
        self._active = active
        self._marked = self._marked and active
        self._view.refresh()  # what is in view is seen from now on
        self._mark_read()

    def unfold(self, message_id: MessageId) -> None:
        """Show all of a long message, or fold it again."""
        self._unfolded ^= {message_id}
        self._sync()

    # -- acting on messages

    def react(self, message_id: MessageId, emoji: str) -> None:
        """Add one's reaction, or take it back."""
        message = self.message(message_id)
        if message is not None:
            on = self._directory.me.peer_id not in message.reactions.get(emoji, ())
            self._runner.call(lambda: self._node.react(message_id, emoji, on), self.changed)

    def delete(self, message_id: MessageId) -> None:
        self._runner.call(lambda: self._node.delete(message_id), self.changed)

    def sent(self, message: Message) -> None:
        """An own message was stored: show it, and the end of the conversation."""
        self._directory.wrote()
        if message.conversation == self.name:
            self._overlooked = False
            self._pending.append(message)
            self.flush()
            if self.behind:
                self.to_end()

    def changed(self, message: Message) -> None:
        self._directory.message_changed(message)
        if message.conversation == self.name:
            self._changes.append(message)
            self.flush()

    # -- events

    def events(self, events: Sequence[Event]) -> None:
        """Take note; nothing is drawn before `flush`."""
        for event in events:
            match event:
                case MessageReceived(message) if message.conversation == self.name:
                    self._arrived(message)
                case MessageChanged(message) if message.conversation == self.name:
                    self._changes.append(message)
                case MessageReceipt() if event.conversation == self.name:
                    self._receipts.ask()
                case _:
                    pass

    def _arrived(self, message: Message) -> None:
        self._pending.append(message)
        if len(self._pending) > 4 * LIMIT:
            self._skipped += len(self._pending) - LIMIT
            del self._pending[:-LIMIT]
        mine = message.author == self._directory.me.peer_id
        if not self._active and not self._marked and not mine:
            self._marked = True
            if not self._overlooked:
                self._first_unread = message.message_id
            self._overlooked = True

    def flush(self) -> None:
        """Draw what has come in. While a page is loaded it waits, so that none falls between."""
        if self.loading or not (self._pending or self._changes):
            return
        pending, self._pending = self._pending, []
        changes, self._changes = self._changes, []
        skipped, self._skipped = self._skipped, 0
        newer = self.newer
        self._take(pending, skipped)
        for message in changes:
            self._loaded.replace(message)
            self._quotes.update(message)
        self._sync()
        self._quotes.seek(self._loaded.messages)
        self._mark_read()
        if self.newer != newer:
            self._view.refresh()

    def _take(self, pending: list[Message], skipped: int) -> None:
        if not self.behind and len(pending) > BURST:
            self._loaded.only_newest(pending, BURST)
            self._redraw(None)
        elif skipped:
            self._loaded.at_end = False
            self.newer += skipped + len(pending)
        else:
            between = []
            for message in pending:
                placed = self._loaded.insert(message, may_drop=self._at_bottom)
                away = placed == Placed.APPENDED and not self._at_bottom
                self.newer += away or placed == Placed.BELOW
                if placed in (Placed.INSERTED, Placed.ABOVE):
                    between.append(message)
            if between:
                self._came_between(between)
            if self._at_bottom and self._loaded.trim_top():
                self._sync()

    def _came_between(self, messages: Sequence[Message]) -> None:
        """They count as unread until the last is read once more; where they came late, until
        somebody has been where they stand."""
        self._read = None
        me = self._directory.me.peer_id
        late = [message for message in messages if message.late and message.author != me]
        if late and not self._overlooked:
            self._first_unread = min(late, key=lambda message: message.order).message_id
            self._overlooked = True  # until the view has drawn it

    # -- loading

    def _load(self, around: MessageId | None) -> None:
        def keep(found: Sequence[Message]) -> None:
            if around is not None and not found:
                self._load(None)
                return
            self._loaded.page(found, around is not None)
            self._at_bottom = around is None
            if around is None:
                self.newer = 0
            self._redraw(around)

        name = self.name
        self._ask(lambda: self._node.messages(name, limit=PAGE, around=around), keep)
        self._view.refresh()

    def _load_more(self, before: MessageId | None = None, after: MessageId | None = None) -> None:
        def keep(found: Sequence[Message]) -> None:
            if before is not None:
                self._loaded.prepend(found)
                self._sync()
                trimmed = self._loaded.trim_bottom()
            else:
                self.newer = max(0, self.newer - self._loaded.extend(found))
                self.newer *= not self._loaded.at_end
                self._sync()
                trimmed = self._loaded.trim_top()
            if trimmed:
                self._sync()

        name = self.name
        self._ask(lambda: self._node.messages(name, limit=PAGE, before=before, after=after), keep)

    def _ask(
        self,
        start: Callable[[], Coroutine[Any, Any, Sequence[Message]]],
        keep: Callable[[Sequence[Message]], None],
    ) -> None:
        """Load for this visit; what came in meanwhile is drawn afterwards."""
        self._visit += 1
        visit = self._visit
        self.loading = True
        self.trouble = ""

        def done(found: Sequence[Message]) -> None:
            if visit == self._visit:
                self.loading = False
                keep(found)
                self._quotes.seek(self._loaded.messages)
                self._view.refresh()
                self.flush()
                self._mark_read()

        def failed(error: P2PChatError) -> None:
            if visit == self._visit:
                self.loading = False
                self.trouble = words.refusal(error)
                self._view.refresh()

        self._runner.call(start, done, failed)

    def _load_receipts(self) -> None:
        if not (self._loaded.at_end and self._loaded.messages):
            return
        name, number = self.name, len(self._loaded)

        def keep(found: Sequence[Message]) -> None:
            if name == self.name:
                for message in found:
                    self._loaded.replace(message)
                self._sync()

        self._runner.call(lambda: self._node.messages(name, limit=number), keep, lambda _: None)

    # -- drawing

    def _clear(self) -> None:
        self._loaded.clear()
        self._pending.clear()
        self._changes.clear()
        self.newer = self._skipped = 0
        self._at_bottom = True
        self._redraw(None)

    def _redraw(self, show: MessageId | None) -> None:
        self._rows = self._make_rows()
        self._view.reset(self._rows, show)

    def _make_rows(self) -> list[Row]:
        self._note(self._loaded.messages)
        return self._maker.rows(self._loaded.messages, self._context(), self._directory.naming)

    def _context(self) -> timeline.Context:
        return timeline.Context(
            me=self._directory.me.peer_id,
            now=self._now(),
            labels=self._directory.labels,
            said=self._directory.said,
            marks=self._directory.marks,
            quotes=self._quotes.found,
            unfolded=frozenset(self._unfolded),
            first_unread=self._first_unread,
        )

    def _relabel(self) -> None:
        if not self.name:
            return
        if self._naming != self._directory.naming:
            self._naming = self._directory.naming
            self._sync()
        self._view.refresh()

    def _sync(self) -> None:
        """Tell the view what differs from what it shows: one run of rows."""
        new = self._make_rows()
        old, self._rows = self._rows, new
        same = min(len(old), len(new))
        head = next((i for i in range(same) if _differ(old[i], new[i])), same)
        rest = same - head
        tail = next((i for i in range(rest) if _differ(old[-1 - i], new[-1 - i])), rest)
        if head + tail < max(len(old), len(new)):
            self._view.splice(head, len(old) - head - tail, new[head : len(new) - tail])
        if not old or not new:
            self._view.refresh()

    def _mark_read(self) -> None:
        if not self._active or self.behind or self.loading or not self._loaded.messages:
            return
        if self._overlooked:
            return
        name, last = self.name, self._loaded.messages[-1].message_id
        if last != self._read:
            self._read = last
            self._runner.call(
                lambda: self._node.mark_read(name, last), lambda _: self._directory.refresh()
            )


def _differ(one: Row, other: Row) -> bool:
    return one is not other and one != other
