"""What a person can do with a message."""

from __future__ import annotations

from enum import Enum

from p2pchat.model.ids import PeerId
from p2pchat.model.message import Message, MessageKind


class Action(Enum):
    REPLY = "Reply"
    REACT = "React"
    COPY = "Copy text"
    EDIT = "Edit"
    DELETE = "Delete"


def allowed(message: Message, me: PeerId) -> list[Action]:
    """What the node allows `me`, in the order of a menu."""
    if message.deleted or message.unsupported or message.kind == MessageKind.SYSTEM:
        return []
    common = [Action.REPLY, Action.REACT, Action.COPY]
    if message.author != me:
        return common
    edit = [Action.EDIT] if message.kind == MessageKind.TEXT else []
    return [*common, *edit, Action.DELETE]
