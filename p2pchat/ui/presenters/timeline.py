"""From messages to the rows that are shown: grouping, days, folding. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from operator import is_

from p2pchat.model.ids import MessageId, PeerId
from p2pchat.model.message import Message, MessageKind
from p2pchat.model.text import is_blank, one_line, safe_text
from p2pchat.ui.language import _
from p2pchat.ui.presenters import words
from p2pchat.ui.presenters.marks import Mark
from p2pchat.ui.presenters.markup import BLANK, FENCE, unmarked

FOLD_LINES = 12
"""Lines of a message that are shown before "show more"."""
FOLD_CHARS = 1200
GROUP_GAP = timedelta(minutes=5)
"""A longer silence begins a new group with a heading of its own."""
QUOTE_CHARS = 120
REACTIONS_SHOWN = 12


class Voice(Enum):
    """Who speaks: each is told apart at a glance."""

    OWN = "own"
    OTHER = "other"
    SYSTEM = "system"


class Delivery(Enum):
    """How far an own message has come."""

    NONE = "none"
    STORED = "stored"
    DELIVERED = "delivered"
    READ = "read"


@dataclass(frozen=True, slots=True)
class Quote:
    message_id: MessageId
    author: str
    text: str
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True, slots=True)
class Reaction:
    emoji: str
    count: int
    mine: bool
    people: str


@dataclass(frozen=True, slots=True)
class Row:
    """One message as it is drawn. All texts are safe to show."""

    message_id: MessageId
    voice: Voice
    author: PeerId
    label: str
    """The author's, with `marks` drawn after it."""
    text: str
    time: str
    day: str
    """Drawn above the row where not empty."""
    heading: bool
    """Avatar, name and time stand above the text."""
    first_unread: bool
    removed: bool
    """Deleted, or of what can't be shown: `text` says so."""
    hidden_lines: int
    """More of the text is there to be shown; -1: it is all shown and can be folded again."""
    note: str
    quote: Quote | None
    reactions: tuple[Reaction, ...]
    delivery: Delivery
    mentions_me: bool = False
    marks: tuple[Mark, ...] = ()
    file_id: str = ""
    """Of a file, whose card stands in the place of the text: it changes without its message."""


@dataclass(frozen=True, slots=True)
class Context:
    """What rows depend on besides the messages."""

    me: PeerId
    now: datetime
    labels: Mapping[PeerId, str]
    said: Mapping[PeerId, str]
    """Labels for sentences."""
    quotes: Mapping[MessageId, Message]
    unfolded: frozenset[MessageId] = frozenset()
    first_unread: MessageId | None = None
    marks: Mapping[PeerId, tuple[Mark, ...]] = field(default_factory=dict)


def rows(messages: Sequence[Message], context: Context) -> list[Row]:
    """One row for each message, in their order."""
    return RowMaker().rows(messages, context)


class RowMaker:
    """Keeps what it made: while messages come in, most rows stay as they are."""

    def __init__(self) -> None:
        self._kept: dict[MessageId, tuple[Row, tuple[object, ...]]] = {}
        """By message, with what it was made of."""
        self._key: object = None

    def rows(self, messages: Sequence[Message], context: Context, naming: int = 0) -> list[Row]:
        """As `rows`; `naming` is another number whenever a label or its marks have changed."""
        key = (naming, context.me, context.now.date())
        known = self._kept if key == self._key else {}
        self._key, self._kept = key, {}
        made: list[Row] = []
        before: Message | None = None
        dated: Message | None = None
        for message in messages:
            id = message.message_id
            made_of = (message, before, dated, id in context.unfolded, id == context.first_unread)
            kept = known.get(id)
            if kept is not None and all(map(is_, kept[1], made_of)):
                row = kept[0]
            else:
                row = _row_after(message, before, dated, context)
            if message.reply_to is None:  # else its quote may come, or change
                self._kept[id] = (row, made_of)
            made.append(row)
            before = message
            dated = dated if message.clock_off else message
        return made


def _row_after(
    message: Message, before: Message | None, dated: Message | None, context: Context
) -> Row:
    """`dated`: the last before it whose author's clock is right. Those of others begin no day."""
    at = words.local_time(message.sent_at)
    before_at = words.local_time(before.sent_at) if before else None
    dated_at = words.local_time(dated.sent_at) if dated else None
    new_day = not message.clock_off and (dated is None or _date(at) != _date(dated_at))
    unread = message.message_id == context.first_unread
    heading = (
        message.kind != MessageKind.SYSTEM
        and (new_day or unread or _begins_group(message, at, before, before_at))
    )  # fmt: skip
    day = words.day(at, context.now) if new_day else ""
    return _row(message, at, day, heading, unread, context)


def _date(moment: datetime | None) -> object:
    return moment.date() if moment else None


def _begins_group(
    message: Message, at: datetime | None, before: Message | None, before_at: datetime | None
) -> bool:
    if before is None or before.kind == MessageKind.SYSTEM or before.author != message.author:
        return True
    if at is None or before_at is None:
        return at is not before_at
    return abs(at - before_at) > GROUP_GAP


def _row(
    message: Message,
    at: datetime | None,
    day: str,
    heading: bool,
    unread: bool,
    context: Context,
) -> Row:
    instead = _instead(message)
    unfolded = message.message_id in context.unfolded
    text, hidden = (instead, 0) if instead else _text(message, unfolded)
    own = message.author == context.me
    system = message.kind == MessageKind.SYSTEM
    return Row(
        message_id=message.message_id,
        voice=Voice.SYSTEM if system else Voice.OWN if own else Voice.OTHER,
        author=message.author,
        label=author_label(message, context.labels),
        text=text,
        time=_time(message, at, context.now),
        day=day,
        heading=heading,
        first_unread=unread,
        removed=bool(instead),
        hidden_lines=hidden,
        note=_note(message),
        quote=_quote(message, context),
        reactions=_reactions(message, context),
        delivery=_delivery(message, context.me) if own and not system else Delivery.NONE,
        marks=context.marks.get(message.author, ()),
        mentions_me=context.me in message.mentions and not own,
        file_id=message.file.file_id if message.file and not message.deleted else "",
    )


def _time(message: Message, at: datetime | None, now: datetime) -> str:
    """With the day where no line above says it."""
    if message.clock_off and _date(at) != now.date():
        return f"{words.short_when(at, now)} {words.clock(at)}".strip()
    return words.clock(at)


def author_label(message: Message, labels: Mapping[PeerId, str]) -> str:
    """The author's label here as it is now, else as it came with the message."""
    return labels.get(message.author) or words.person_label(message.author_label, message.author)


def _instead(message: Message) -> str:
    """What is said in the place of what can't be shown; empty where it can."""
    if message.deleted:
        return _("This message was deleted.")
    if message.unsupported:
        return _("This message needs a newer version of p2pchat.")
    if message.kind == MessageKind.TEXT and is_blank(message.text):
        return _(BLANK)
    return ""


def _text(message: Message, unfolded: bool) -> tuple[str, int]:
    if message.kind == MessageKind.SYSTEM:
        return one_line(words.of_a_person(message.text), FOLD_CHARS), 0
    return fold(safe_text(message.text).strip("\n"), unfolded)


def fold(text: str, unfolded: bool) -> tuple[str, int]:
    """The part that is shown, and how many lines more there are (-1: all are shown)."""
    lines = text.split("\n")
    if len(lines) <= FOLD_LINES and len(text) <= FOLD_CHARS:
        return text, 0
    if unfolded:
        return text, -1
    shown = "\n".join(lines[:FOLD_LINES])[:FOLD_CHARS].rstrip()
    within = shown.count(FENCE) % 2 == 1 and text.count(FENCE) % 2 == 0
    more = max(1, len(lines) - shown.count("\n") - 1)
    # A block of code that is cut stays one.
    return (f"{shown}\n…\n{FENCE}" if within else f"{shown} …"), more


def _note(message: Message) -> str:
    notes = []
    if message.edited:
        notes.append(_("edited"))
    if message.late:
        notes.append(_("came late"))
    if message.clock_off:
        notes.append(_("the author's clock is off"))
    return _(", ").join(notes)


def _quote(message: Message, context: Context) -> Quote | None:
    if message.reply_to is None or message.deleted:
        return None
    target = context.quotes.get(message.reply_to)
    if target is None:
        return Quote(message.reply_to, "", _("an earlier message"))
    text = _("deleted") if target.deleted else unmarked(target.text, QUOTE_CHARS)
    marks = context.marks.get(target.author, ())
    return Quote(message.reply_to, author_label(target, context.labels), text, marks)


def _reactions(message: Message, context: Context) -> tuple[Reaction, ...]:
    shown = []
    for emoji, people in list(message.reactions.items())[:REACTIONS_SHOWN]:
        names = [context.said.get(p, p[:8]) for p in people if p != context.me]
        own = context.me in people
        said = words.several(names, you=own)
        shown.append(Reaction(one_line(emoji, 16), len(people), own, said))
    return tuple(shown)


def _delivery(message: Message, me: PeerId) -> Delivery:
    if message.deleted:
        return Delivery.NONE
    if _others(message.receipts.read, me):
        return Delivery.READ
    if _others(message.receipts.delivered, me):
        return Delivery.DELIVERED
    return Delivery.STORED


def _others(people: tuple[PeerId, ...] | int, me: PeerId) -> int:
    return people if isinstance(people, int) else sum(person != me for person in people)


def details(message: Message, context: Context) -> str:
    """When it was written, and who has it: lines for whoever asks more of a message."""
    at = words.local_time(message.sent_at)
    lines = [f"{words.day(at, context.now)}  {at:%H:%M:%S}".strip() if at else words.clock(at)]
    if message.author == context.me and message.kind != MessageKind.SYSTEM:
        read, delivered = message.receipts.read, message.receipts.delivered
        if isinstance(read, int) or isinstance(delivered, int):
            numbers = {"read": _others(read, context.me), "all": _others(delivered, context.me)}
            lines.append(_("delivered to {all}, read by {read}").format(**numbers))
        else:
            only = tuple(person for person in delivered if person not in read)
            lines += _named(_("Read by {names}"), read, context)
            lines += _named(_("Delivered to {names}"), only, context)
            if len(lines) == 1:
                lines.append(_("Kept here; nobody has it yet"))
    note = _note(message)
    return "\n".join([*lines, note] if note else lines)


def _named(said: str, people: tuple[PeerId, ...], context: Context) -> list[str]:
    names = [context.said.get(p, p[:8]) for p in people if p != context.me]
    return [said.format(names=words.several(names, 6))] if names else []
