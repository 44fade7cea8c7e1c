"""What the word before the cursor may become: commands, rooms, people, files, paths."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import NamedTuple

from p2pchat.model.people import Peer, Status
from p2pchat.model.text import safe_name, safe_text
from p2pchat.ui.presenters import words
from p2pchat.ui.presenters.filecard import shown_name, shown_size
from p2pchat.ui.terminal.commands import COMMANDS
from p2pchat.ui.terminal.state import Chat

PEOPLE_COMMANDS = frozenset(("/msg", "/verify", "/contacts", "/block"))
FILE_COMMANDS = frozenset(("/get", "/pause", "/resume", "/cancel"))
PATHS = 200
"""Of a folder so many names are offered."""
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
    if command == "/send":
        yield from _paths(rest)
    elif command in FILE_COMMANDS:
        yield from _files(chat, rest)
    elif command in ROOM_COMMANDS and " " not in rest:
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


def _paths(typed: str) -> Iterator[Candidate]:
    """Names in the folder that is typed so far; hidden ones only when they are begun."""
    folder, begun = os.path.split(typed)
    found = []
    with contextlib.suppress(OSError), os.scandir(os.path.expanduser(folder) or ".") as entries:
        for entry in entries:
            if _continues(entry.name, begun):
                found.append((entry.name, _is_folder(entry)))
            if len(found) >= PATHS:
                break
    for name, is_folder in sorted(found, key=lambda entry: entry[0].casefold()):
        written = name + (os.sep if is_folder else "")
        yield Candidate(written, len(begun), written)


def _continues(name: str, begun: str) -> bool:
    shown = not name.startswith(".") or begun.startswith(".")
    same = os.path.normcase(name).startswith(os.path.normcase(begun))
    return shown and same and safe_text(name, multiline=False) == name


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _files(chat: Chat, typed: str) -> Iterator[Candidate]:
    for number, file in chat.shelf.numbered():
        name = shown_name(file)
        if str(number).startswith(typed) or name.casefold().startswith(typed.casefold()):
            yield Candidate(str(number), len(typed), f"{number} {name}", shown_size(file))


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
