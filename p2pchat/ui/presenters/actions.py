"""What a person can do with a message."""

from __future__ import annotations

from enum import Enum

from p2pchat.model.ids import PeerId
from p2pchat.model.message import Message, MessageKind
from p2pchat.ui.language import N_


class Action(Enum):
    REPLY = N_("Reply")
    REACT = N_("React")
    COPY = N_("Copy text")
    UNFOLD = N_("Show more")
    FOLD = N_("Show less")
    SHOW_ANSWERED = N_("Show what this answers")
    EDIT = N_("Edit")
    DELETE = N_("Delete")


def allowed(message: Message, me: PeerId) -> list[Action]:
    """What the node allows `me`, in the order of a menu."""
    if message.deleted or message.unsupported or message.kind == MessageKind.SYSTEM:
        return []
    common = [Action.REPLY, Action.REACT, Action.COPY]
    if message.author != me:
        return common
    edit = [Action.EDIT] if message.kind == MessageKind.TEXT else []
    return [*common, *edit, Action.DELETE]
