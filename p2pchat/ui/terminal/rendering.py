"""How messages look in a terminal: pure, and safe whatever a peer wrote."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from p2pchat.model.ids import MessageId, PeerId
from p2pchat.model.message import Message, MessageKind
from p2pchat.model.text import is_blank, one_line, quoted, safe_text
from p2pchat.ui.marked import marked
from p2pchat.ui.presenters.filecard import shown_name, shown_size
from p2pchat.ui.presenters.markup import BLANK
from p2pchat.ui.presenters.words import clock, local_time, person_label

Part = tuple[str, str]
"""(style class, text)."""

_QUOTE = 40
INDENT = "      "


IsRegistered = Callable[[PeerId], bool]


def label_of(message: Message, is_registered: IsRegistered) -> str:
    label = person_label(message.author_label, message.author)
    return marked(label, is_registered(message.author))


def message_parts(
    message: Message,
    me: PeerId,
    quoted: Mapping[MessageId, Message],
    place: str = "",
    hint: str = "",
    is_registered: IsRegistered = lambda person: False,
) -> list[Part]:
    """`15:04 Li: text`. `place` names the conversation where it isn't the one on the screen,
    `hint` says what to do with a file."""
    when = ("time", clock(local_time(message.sent_at)) + " ")
    where = [("time", f"[{place}] ")] if place else []
    if message.kind == MessageKind.SYSTEM:
        return [when, *where, ("system", f"* {_body(message)}")]
    own = message.author == me
    style = "own" if own else "other"
    parts = [when, *where, (style, f"{label_of(message, is_registered)}: ")]
    answered = quoted.get(message.reply_to) if message.reply_to else None
    if answered is not None:
        quote = f"{label_of(answered, is_registered)}: {one_line(answered.text, _QUOTE)}"
        parts.append(("time", f"(to {quote}) "))
    mentioned = me in message.mentions and not own
    parts.append(("mention" if mentioned else style if own else "", _body(message)))
    marks = (f" {hint}" if hint else "") + _marks(message)
    return [*parts, ("time", marks)] if marks else parts


def _body(message: Message) -> str:
    if message.deleted:
        return "(deleted)"
    if message.unsupported:
        return "(needs a newer version of p2pchat)"
    if message.file is not None:
        return f"{shown_name(message.file)}, {shown_size(message.file)}"
    if is_blank(message.text):
        return BLANK
    return safe_text(message.text).replace("\n", f"\n{INDENT}")


def _marks(message: Message) -> str:
    marks = [" (edited)"] if message.edited and not message.deleted else []
    for emoji, people in message.reactions.items():
        marks.append(f" {one_line(emoji, 16)}{len(people) if len(people) > 1 else ''}")
    if message.clock_off:
        marks.append(" (their clock is off)")
    return "".join(marks)


def change_parts(
    old: Message,
    new: Message,
    names: Mapping[PeerId, str],
    is_registered: IsRegistered = lambda person: False,
) -> list[Part] | None:
    """One line that tells how a message on the screen has changed; None where nobody sees it."""
    who, what = quoted(label_of(new, is_registered)), quoted(one_line(old.text, _QUOTE))
    if new.deleted:
        return None if old.deleted else [("system", f"* {who} deleted {what}")]
    if new.text != old.text:
        return [("system", f"* {who} changed {what} to: "), ("", _body(new))]
    for emoji, people in new.reactions.items():
        added = [peer for peer in people if peer not in old.reactions.get(emoji, ())]
        if added:
            reacting = quoted(names.get(added[0]) or added[0][:8])
            return [("system", f"* {reacting} {one_line(emoji, 16)} {what}")]
    return None
