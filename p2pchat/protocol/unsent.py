"""What a person has written and nobody else has yet: whom it is for, and whether somebody whom it
is for is there now. People are named by `@PEER_ID`, rooms by `#` and their id in hex."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from p2pchat.model.ids import PeerId

if TYPE_CHECKING:
    from p2pchat.protocol.conversations import Conversation
    from p2pchat.protocol.machine import Machine


def wanted(machine: Machine, besides: PeerId | None = None) -> list[str]:
    """For whom something is here. `besides`: see `Receipts.waits`."""
    waits = machine.receipts.waits
    return [_name(machine, one) for one in machine.conversations if waits(one, besides)]


def _name(machine: Machine, conversation: Conversation) -> str:
    if conversation.direct:
        return f"@{machine.directs.other(conversation)}"
    return f"#{conversation.id.hex()}"


def is_wanted(machine: Machine, names: Collection[str]) -> bool:
    """Whether somebody who is there now, this person too, is one of these or in such a room."""
    me, lobby = machine.identity.peer_id, machine.rooms.lobby.id.hex()
    here = {f"@{me}"}
    for device in machine.directory.devices():
        here.add(f"@{device.person}")
        if device.person != me:
            here.add(f"#{lobby}")
            here.update(f"#{room.id.hex()}" for room in device.rooms)
    return not here.isdisjoint(names)


def reach(machine: Machine, names: Collection[str]) -> None:
    """Have links to those people: in a large network few are linked."""
    for device in machine.directory.devices():
        if f"@{device.person}" in names:
            machine.demand(device.id)
