"""The commands of the terminal chat that are about files: `/send`, `/files`, `/get` and so on."""

from __future__ import annotations

import contextlib
import os
import shlex
from collections.abc import Awaitable, Callable

from p2pchat.model.file import FileInfo, FileState
from p2pchat.model.ids import MessageId
from p2pchat.model.text import one_line
from p2pchat.ui.presenters.filecard import shown_name
from p2pchat.ui.terminal.command import Command, Wrong
from p2pchat.ui.terminal.state import Chat

LISTED = 50


async def _send(chat: Chat, rest: str) -> None:
    path = _existing(rest)
    name, here = one_line(os.path.basename(path), 60), chat.here
    chat.say(f"reading {name}…")

    async def share() -> None:
        with chat.shelf.reading(here, path):
            file = await chat.node.share(here, path)
        place = MessageId(file.message_id)
        for message in await chat.node.messages(file.conversation, 1, around=place):
            if message.message_id == place:
                chat.show(message)

    chat.shelf.begin(share())


def _existing(typed: str) -> str:
    path = local_path(typed)
    if not path:
        raise Wrong("what? /send PATH, of a file or a folder")
    if not os.path.exists(path):
        raise Wrong(f"there is no file or folder {one_line(path, 200)}")
    return path


def local_path(text: str) -> str:
    """The absolute path that was typed, or dropped onto the terminal, which quotes it as a shell
    would. Empty where there is none."""
    text = text.strip()
    if not text:
        return ""
    path = os.path.abspath(os.path.expanduser(text))
    if not os.path.exists(path):
        with contextlib.suppress(ValueError):  # a quotation mark that isn't closed
            words = shlex.split(text)
            if len(words) == 1:
                return os.path.abspath(os.path.expanduser(words[0]))
    return path


async def _files(chat: Chat, rest: str) -> None:
    everywhere = rest.lower() == "all"
    found = await chat.node.files(None if everywhere else chat.here, LISTED)
    for file in reversed(found):
        own = file.author == chat.me.peer_id
        place = f"[{chat.title(file.conversation)}] " if everywhere else ""
        chat.say(place + chat.shelf.line(chat.shelf.put(file), file, own))
    if not found:
        chat.say("no files here" if not everywhere else "no files")


async def _find(chat: Chat, text: str, command: str) -> FileInfo:
    if not text:
        raise Wrong(f"which file? /{command} NUMBER, as /files lists them, or its name")
    found = chat.shelf.find(text, chat.here)
    if found is None:
        for file in reversed(await chat.node.files(chat.here, 10 * LISTED)):
            if text in (file.name, shown_name(file)):
                chat.shelf.put(file)
        found = chat.shelf.find(text, chat.here)
    if found is None:
        raise Wrong(f"there is no file {one_line(text, 100)}; /files lists them")
    return found


async def _get(chat: Chat, rest: str) -> None:
    known = await _find(chat, rest, "get")
    file = await chat.node.fetch(known.file_id)
    if file.state is FileState.COMPLETE:
        _tell(chat, file)
    else:
        number = chat.shelf.ask(file)
        chat.say(f"{shown_name(file)} is coming; /files shows how far, /pause {number} stops it")


async def _cancel(chat: Chat, rest: str) -> None:
    reading = chat.shelf.find_reading(rest)
    if reading is None:
        await _changing("cancel", lambda chat, file_id: chat.node.cancel(file_id))(chat, rest)
    else:
        await chat.node.stop_reading(*reading)
        chat.say(f"{one_line(os.path.basename(reading[1]), 60)} is not shared")


def _changing(
    command: str, change: Callable[[Chat, str], Awaitable[FileInfo]]
) -> Callable[[Chat, str], Awaitable[None]]:
    async def run(chat: Chat, rest: str) -> None:
        known = await _find(chat, rest, command)
        _tell(chat, await change(chat, known.file_id))

    return run


def _tell(chat: Chat, file: FileInfo) -> None:
    chat.say(chat.shelf.line(chat.shelf.put(file), file, file.author == chat.me.peer_id))


FILE_COMMANDS = (
    Command("send", "PATH", "share a file or a folder", _send),
    Command("files", "[all]", "the files of this conversation, or of all", _files),
    Command("get", "NUMBER|NAME", "fetch a file", _get),
    Command(
        "pause", "NUMBER|NAME", "stop fetching for now",
        _changing("pause", lambda chat, file_id: chat.node.pause(file_id)),
    ),
    Command(
        "resume", "NUMBER|NAME", "go on fetching",
        _changing("resume", lambda chat, file_id: chat.node.resume(file_id)),
    ),
    Command(
        "cancel", "NUMBER|NAME", "fetch it no more; of your own: share it no more",
        _cancel,
    ),
)  # fmt: skip
