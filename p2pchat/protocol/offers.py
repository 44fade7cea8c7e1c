"""One offer as this node has it: its row, and how people see it."""

from __future__ import annotations

from dataclasses import dataclass, field

from p2pchat.model.entry import FileBody
from p2pchat.model.file import FileInfo, FileState, Receiver
from p2pchat.model.ids import EntryHash, PeerId
from p2pchat.model.records import FileRow, MessageRow
from p2pchat.model.stream import kept
from p2pchat.model.text import safe_text
from p2pchat.protocol import receivers
from p2pchat.protocol.conversations import Conversation
from p2pchat.protocol.fetch import Fetch
from p2pchat.protocol.hashing import circle


@dataclass(slots=True, eq=False)
class File:
    """One that is being fetched or paused, or an own offer that others fetch."""

    row: FileRow
    body: FileBody
    conversation: Conversation
    fetch: Fetch | None = None
    done: int = 0
    told: float = -1e9
    reported: float = -1e9
    waits: bool = False
    """A timer will tell."""
    unsaved: bool = False
    """Receivers have moved that the store doesn't know of; it is told when people are."""
    gone: bool = False
    """The author doesn't have it any more."""
    receivers: dict[PeerId, Receiver] = field(default_factory=dict)
    heard: dict[PeerId, float] = field(default_factory=dict)
    """When each of them reported, since the start."""
    coming: int = 0
    """How many of them were under way when that was looked at."""
    watched: bool = False
    """A timer will look again."""
    beating: bool = False
    """A timer will report again."""
    over: bool = False
    """It is let go of: nothing more is told of it."""
    dropped: bool = False
    """And for good: its offer was deleted, or its room left."""


def row_of(message: MessageRow, body: FileBody, own: bool) -> FileRow:
    return FileRow(
        id=message.hash,
        conversation=message.conversation,
        author=message.author,
        clock=message.clock,
        stream=kept(body.stream, circle(message.conversation)),
        state=FileState.COMPLETE if own else FileState.OFFERED,
        reported=own,
    )


def storable(path: str) -> str | None:
    """A path as a row can have it: some systems' needn't be text. Of such a one the depot knows."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return None
    return path


def info_of_file(file: File, now: float) -> FileInfo:
    fetch = file.fetch
    sources = fetch.sources(now) if fetch else 0
    slow = file.row.state is FileState.FETCHING and fetch and not sources and fetch.hopeful()
    return _info(
        file.row.id,
        file.body,
        file.row.author,
        file.conversation.label,
        file.row.state,
        done=file.done if file.row.state is not FileState.COMPLETE else file.row.stream.size,
        path=file.row.path,
        receivers=receivers.shown(file, now),
        reason=file.row.reason or ("slow" if slow else ""),
        sources=sources,
        rate=fetch.rate(now) if fetch else 0.0,
    )


def info_of_row(row: MessageRow, body: FileBody, label: str) -> FileInfo:
    """Of an offer of which nothing is under way. `label`: its conversation's name here."""
    kept = row.file
    state = kept.state if kept is not None else FileState.OFFERED
    return _info(
        row.hash,
        body,
        row.author,
        label,
        state,
        done=body.stream.size if state is FileState.COMPLETE else 0,
        path=kept.path if kept else None,
        receivers=receivers.unheard(kept.receivers) if kept else (),
        reason=kept.reason if kept else "",
    )


def _info(
    id: EntryHash,
    body: FileBody,
    author: PeerId,
    conversation: str,
    state: FileState,
    *,
    done: int,
    path: str | None,
    receivers: tuple[Receiver, ...],
    reason: str,
    sources: int = 0,
    rate: float = 0.0,
) -> FileInfo:
    return FileInfo(
        file_id=id.hex(),
        message_id=id.hex(),
        conversation=conversation,
        name=safe_text(body.name, multiline=False),
        size=body.size,
        mime=safe_text(body.mime, multiline=False),
        author=author,
        state=state,
        done=done,
        total=body.stream.size,
        path=path,
        sources=sources,
        rate=rate,
        receivers=receivers,
        files=body.files,
        reason=reason,
    )
