"""What is shown of a file: words, numbers, and what can be done with it. Pure."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from p2pchat.model.file import FileInfo, FileState, Receiver
from p2pchat.model.ids import PeerId
from p2pchat.model.text import one_line
from p2pchat.ui.presenters import words

NAME_CHARS = 120
SETTLE_S = 3.0
"""A change of the rate is shown to about two thirds after so long."""
LONGEST_S = 99 * 3600
"""What would take longer is not foretold."""
HOLDERS_NAMED = 20
PICTURE_BYTES = 20 * 1024 * 1024
"""Larger pictures get no thumbnail."""
PICTURES = frozenset((".png", ".gif", ".ppm", ".pgm"))
"""What Tk reads by itself."""

FAILURES = {
    "gone": "nobody has it any more",
    "changed": "it was changed or deleted at the sender",
    "cancelled": "no longer shared",
    "disk-full": "the disk is full",
    "too-large": "it is too large",
    "not-allowed": "it may not be written there",
    "store-failed": "it can't be kept here",
}


class FileAction(Enum):
    DOWNLOAD = "Download"
    AGAIN = "Try again"
    PAUSE = "Pause"
    RESUME = "Resume"
    CANCEL = "Cancel"
    OPEN = "Open"
    SHOW = "Show in folder"
    UNSHARE = "Stop sharing"


@dataclass(frozen=True, slots=True)
class FileCard:
    """A file as it is drawn. All texts are safe to show."""

    file_id: str
    name: str
    folder: bool
    size: str
    state: FileState
    status: str
    """One line: how far it is, or why it isn't here."""
    part: float | None
    """Of the progress bar, from 0 to 1; None: there is none."""
    actions: tuple[FileAction, ...]
    holders: str
    """Who has an own offer, in short; and by name."""
    holders_named: str
    picture: str | None
    """The path of a finished picture that may have a thumbnail."""


class Pace:
    """The rate of a transfer, smoothed: it is measured several times a second, and jumps."""

    def __init__(self) -> None:
        self.rate = 0.0
        self._at: datetime | None = None

    def take(self, rate: float, now: datetime) -> None:
        """Bytes a second, as measured at this moment."""
        if self._at is None or self.rate < 1:
            self.rate = rate  # it has only now begun, or begun again
        else:
            passed = max(0.0, (now - self._at).total_seconds())
            self.rate += (rate - self.rate) * (1 - 2.0 ** (-passed * 1.5 / SETTLE_S))
        self._at = now


def remaining(left: int, rate: float) -> float | None:
    """Seconds for so many bytes; None where it can't be told."""
    if rate < 1 or left / rate > LONGEST_S:
        return None
    return left / rate


def make_card(
    file: FileInfo, me: PeerId, labels: Mapping[PeerId, str], pace: Pace | None = None
) -> FileCard:
    own = file.author == me
    moves = file.state in (FileState.FETCHING, FileState.PAUSED)
    return FileCard(
        file_id=file.file_id,
        name=shown_name(file),
        folder=is_folder(file),
        size=shown_size(file),
        state=file.state,
        status=status_of(file, own, pace),
        part=part_of(file) if moves else None,
        actions=actions_of(file, own),
        holders=holders_of(file.receivers, file.total) if own else "",
        holders_named=holders_named(file.receivers, file.total, labels) if own else "",
        picture=file.path if has_thumbnail(file) else None,
    )


def shown_name(file: FileInfo) -> str:
    return one_line(file.name, NAME_CHARS) or "?"


def is_folder(file: FileInfo) -> bool:
    return file.mime == "inode/directory" or file.files != 1


def shown_size(file: FileInfo) -> str:
    """`3.2 MiB`, `12 files, 4.0 MiB`."""
    size = words.size(file.size)
    return f"{words.count(file.files, 'file', 'files')}, {size}" if is_folder(file) else size


def part_of(file: FileInfo) -> float:
    return min(1.0, max(0.0, file.done / file.total)) if file.total > 0 else 1.0


def percent(done: int, total: int) -> int:
    """Never 100 before it is all there."""
    return 100 if done >= total else max(0, 100 * done // total)


def actions_of(file: FileInfo, own: bool) -> tuple[FileAction, ...]:
    """What can be done with it in its state, what is most likely wanted first."""
    here = (FileAction.OPEN, FileAction.SHOW) if file.path else ()
    match file.state:
        case FileState.OFFERED:
            return (FileAction.DOWNLOAD,)
        case FileState.FETCHING:
            return (FileAction.PAUSE, FileAction.CANCEL)
        case FileState.PAUSED:
            return (FileAction.RESUME, FileAction.CANCEL)
        case FileState.COMPLETE:
            return (*here, FileAction.UNSHARE) if own else here
        case FileState.FAILED:
            return () if own else (FileAction.AGAIN,)


def status_of(file: FileInfo, own: bool, pace: Pace | None = None) -> str:
    match file.state:
        case FileState.OFFERED:
            return "Not downloaded"
        case FileState.FETCHING:
            return _under_way(file, pace)
        case FileState.PAUSED:
            return f"Paused at {percent(file.done, file.total)}%"
        case FileState.COMPLETE:
            return "Shared by you" if own else "Downloaded"
        case FileState.FAILED:
            return f"Failed: {failure_of(file)}"


def failure_of(file: FileInfo) -> str:
    return FAILURES.get(file.reason) or one_line(file.reason, 100).replace("-", " ") or "no reason"


def _under_way(file: FileInfo, pace: Pace | None) -> str:
    parts = [f"{percent(file.done, file.total)}%"]
    if file.sources == 0:
        return f"{parts[0]}, waiting for somebody who has it"
    rate = pace.rate if pace else file.rate
    if rate >= 1:
        parts.append(f"{words.size(rate)}/s")
    seconds = remaining(file.total - file.done, rate)
    if seconds is not None:
        parts.append(f"{words.duration(seconds)} left")
    parts.append(f"from {words.count(file.sources, 'source', 'sources')}")
    return ", ".join(parts)


def holders_of(receivers: Sequence[Receiver], total: int) -> str:
    """`3 have it, 2 at 40–60%, 1 stopped`."""
    whole = sum(r.state is FileState.COMPLETE for r in receivers)
    coming = [percent(r.done, total) for r in receivers if r.state is FileState.FETCHING]
    stopped = sum(r.state in (FileState.PAUSED, FileState.FAILED) for r in receivers)
    parts = []
    if whole:
        parts.append(f"{words.count(whole, 'person has', 'people have')} it")
    if coming:
        low, high = min(coming), max(coming)
        parts.append(
            f"{len(coming)} at {low}%" if low == high else f"{len(coming)} at {low}–{high}%"
        )
    if stopped:
        parts.append(f"{stopped} stopped")
    return ", ".join(parts) or "Nobody has it yet"


def holders_named(receivers: Sequence[Receiver], total: int, labels: Mapping[PeerId, str]) -> str:
    """A line for each person: who has it first."""
    told = {
        FileState.COMPLETE: "has it",
        FileState.PAUSED: "paused",
        FileState.FAILED: "failed",
    }
    ordered = sorted(receivers, key=lambda r: (-r.done, r.peer_id))
    lines = []
    for receiver in ordered[:HOLDERS_NAMED]:
        name = labels.get(receiver.peer_id) or receiver.peer_id[:8]
        at = f"{percent(receiver.done, total)}%"
        how = told.get(receiver.state, "")
        lines.append(f"{name}: {how if how == 'has it' else ', '.join(filter(None, (how, at)))}")
    left = len(ordered) - HOLDERS_NAMED
    return "\n".join([*lines, f"and {left} more"] if left > 0 else lines)


def has_thumbnail(file: FileInfo) -> bool:
    """Whether it is tried: a picture may still turn out too large, or none."""
    return (
        file.state is FileState.COMPLETE
        and file.path is not None
        and not is_folder(file)
        and file.size <= PICTURE_BYTES
        and os.path.splitext(file.name)[1].lower() in PICTURES
    )
