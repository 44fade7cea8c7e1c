"""How edits, deletions and reactions change a message: a pure rule, the same on every node."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from p2pchat.model.entry import EntryKind
from p2pchat.model.ids import PeerId
from p2pchat.model.text import is_one_emoji


class Change(msgspec.Struct, frozen=True):
    """An EDIT, DELETE or REACT entry that names a message as its target."""

    clock: int
    hash: bytes
    kind: int
    author: PeerId
    text: str = ""
    mentions: tuple[PeerId, ...] = ()
    emoji: str = ""
    on: bool = True


class Resolved(msgspec.Struct, frozen=True):
    """A message with its changes applied; `text` is None where it is unchanged."""

    text: str | None
    mentions: tuple[PeerId, ...] | None
    edited: bool
    deleted: bool
    reactions: tuple[tuple[str, tuple[PeerId, ...]], ...]


def resolve(author: PeerId, changes: Iterable[Change]) -> Resolved:
    """Apply changes in any order of arrival: the latest by (clock, hash) wins. Only the author
    edits and deletes; a deletion is final; anyone reacts, once for each emoji, and what is none is
    no reaction."""
    edit: Change | None = None
    deleted = False
    reactions: dict[str, dict[PeerId, bool]] = {}
    for change in sorted(changes, key=lambda c: (c.clock, c.hash)):
        if change.kind == EntryKind.REACT:
            if is_one_emoji(change.emoji):
                reactions.setdefault(change.emoji, {})[change.author] = change.on
        elif change.author != author:
            continue
        elif change.kind == EntryKind.DELETE:
            deleted = True
        elif change.kind == EntryKind.EDIT:
            edit = change
    if deleted:
        return Resolved("", (), edited=False, deleted=True, reactions=())
    shown = (
        (emoji, tuple(person for person, on in people.items() if on))
        for emoji, people in reactions.items()
    )
    return Resolved(
        text=edit.text if edit else None,
        mentions=edit.mentions if edit else None,
        edited=edit is not None,
        deleted=False,
        reactions=tuple((emoji, people) for emoji, people in shown if people),
    )
