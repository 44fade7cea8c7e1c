"""What the word before the cursor may become: commands, rooms, people. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from p2pchat.model.people import Peer, Status
from p2pchat.model.text import safe_name
from p2pchat.ui.presenters import words
from p2pchat.ui.terminal.commands import COMMANDS
from p2pchat.ui.terminal.state import Chat

PEOPLE_COMMANDS = frozenset(("/msg", "/verify", "/block"))
ROOM_COMMANDS = frozenset(("/join", "/leave", "/who"))


class Candidate(NamedTuple):
    text: str
    """What takes the place of the word."""
    length: int
    """Characters before the cursor that it replaces."""
    shown: str
    about: str = ""


def candidates(chat: Chat, before: str) -> Iterator[Candidate]:
    """`before` is the line up to the cursor."""
    first, space, rest = before.partition(" ")
    if before.startswith("/") and not space:
        yield from _commands(before)
        return
    command = first.lower()
    word = before.rpartition(" ")[2]
    if command in ROOM_COMMANDS and " " not in rest:
        yield from _rooms(chat, word)
    elif command in PEOPLE_COMMANDS and " " not in rest:
        yield from _people(chat, word, by_id=True)
    elif word.startswith("@"):
        yield from _people(chat, word, by_id=False)
    elif word.startswith("#"):
        yield from _rooms(chat, word)


def _commands(word: str) -> Iterator[Candidate]:
    for command in COMMANDS:
        name = f"/{command.name}"
        if name.startswith(word.lower()):
            yield Candidate(
                name + (" " if command.arguments else ""), len(word), name, command.does
            )


def _rooms(chat: Chat, word: str) -> Iterator[Candidate]:
    wanted = word.removeprefix("#").casefold()
    for room in sorted(chat.rooms.values(), key=lambda room: (not room.joined, room.room)):
        if room.room[1:].casefold().startswith(wanted):
            yield Candidate(room.room, len(word), chat.title(room.room))


def _people(chat: Chat, word: str, by_id: bool) -> Iterator[Candidate]:
    """Who is there comes first. A command gets the id, for a label may mean several people; a
    mention in a text the label, which people can read, unless it means several."""
    wanted = word.removeprefix("@").casefold()
    people = [p for p in chat.people.values() if _fits(p, wanted)]
    for peer in sorted(people, key=lambda p: (p.status == Status.OFFLINE, p.label.casefold())):
        label = words.person_label(peer.label, peer.peer_id)
        written = peer.peer_id if by_id or not _is_plain(chat, peer) else peer.label
        about = f"{peer.status.value} {peer.peer_id[:8]}"
        yield Candidate(f"@{written} ", len(word), f"@{label}", about)


def _fits(peer: Peer, wanted: str) -> bool:
    return peer.label.casefold().startswith(wanted) or peer.peer_id.startswith(wanted)


def _is_plain(chat: Chat, peer: Peer) -> bool:
    """Whether the label is safe to write and means nobody else."""
    same = sum(peer.label in (other.label, other.name) for other in chat.people.values())
    return same == 1 and safe_name(peer.label) == peer.label
