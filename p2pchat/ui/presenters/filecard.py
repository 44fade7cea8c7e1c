"""What is shown of a file: words, numbers, and what can be done with it. Pure."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from p2pchat.model.file import FileInfo, FileState, Receiver
from p2pchat.model.filenames import download_name
from p2pchat.model.ids import PeerId
from p2pchat.model.text import one_line
from p2pchat.ui.language import N_, _, ngettext
from p2pchat.ui.presenters import words

NAME_CHARS = 120
SETTLE_S = 3.0
"""A change of the rate is shown to about two thirds after so long."""
LONGEST_S = 99 * 3600
"""What would take longer is not foretold."""
HOLDERS_NAMED = 20
PICTURE_BYTES = 20 * 1024 * 1024
"""Larger pictures get no thumbnail."""
PICTURES = frozenset((".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".ppm", ".pgm"))
"""Names of pictures that may have a thumbnail."""

FAILURES = {
    "gone": N_("nobody has it any more"),
    "changed": N_("it was changed or deleted at the sender"),
    "cancelled": N_("no longer shared"),
    "disk-full": N_("the disk is full"),
    "too-large": N_("it is too large"),
    "not-allowed": N_("it may not be written there"),
    "store-failed": N_("it can't be kept here"),
}


CANCELLED = "cancelled"
RELAYED = "relayed"
"""The reason why a large file doesn't come: nobody who has it is linked directly."""
SLOW = "slow"
"""The reason why nothing comes at the moment, though somebody who has it is linked."""


class FileAction(Enum):
    DOWNLOAD = N_("Download")
    AGAIN = N_("Try again")
    PAUSE = N_("Pause")
    RESUME = N_("Resume")
    CANCEL = N_("Cancel")
    OPEN = N_("Open")
    SHOW = N_("Show in folder")
    UNSHARE = N_("Stop sharing")
    RESHARE = N_("Share again")


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
    save_as: str = ""
    """What it could be called where else somebody wants it; empty: they have it already."""


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
    file: FileInfo, me: PeerId, said: Mapping[PeerId, str], pace: Pace | None = None
) -> FileCard:
    own = file.author == me
    moves = file.state in (FileState.FETCHING, FileState.PAUSED)
    coming = moves or file.state is FileState.OFFERED
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
        holders_named=holders_named(file.receivers, file.total, said) if own else "",
        picture=file.path if has_thumbnail(file) else None,
        save_as="" if own and not coming else download_name(file.name),
    )


def shown_name(file: FileInfo) -> str:
    return one_line(file.name, NAME_CHARS) or "?"


def is_folder(file: FileInfo) -> bool:
    return file.mime == "inode/directory" or file.files != 1


def shown_size(file: FileInfo) -> str:
    """`3.2 MiB`, `12 files, 4.0 MiB`."""
    size = words.size(file.size)
    files = ngettext("{number} file", "{number} files", file.files)
    return _("{files}, {size}").format(files=files, size=size) if is_folder(file) else size


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
            return (*here, FileAction.UNSHARE) if own else here or (FileAction.DOWNLOAD,)
        case FileState.FAILED:
            if own:
                return (FileAction.RESHARE,) if file.reason == CANCELLED else ()
            return (FileAction.AGAIN, FileAction.CANCEL)


def status_of(file: FileInfo, own: bool, pace: Pace | None = None) -> str:
    match file.state:
        case FileState.OFFERED:
            return _("Not downloaded")
        case FileState.FETCHING:
            return _under_way(file, pace)
        case FileState.PAUSED:
            return _("Paused at {percent}%").format(percent=percent(file.done, file.total))
        case FileState.COMPLETE:
            if own:
                return _("Shared by you")
            return _("Downloaded") if file.path else _("No longer on this computer")
        case FileState.FAILED:
            if own and file.reason == CANCELLED:
                return _("Not shared any more")
            return _("Failed: {reason}").format(reason=failure_of(file))


def failure_of(file: FileInfo) -> str:
    known = FAILURES.get(file.reason)
    if known:
        return _(known)
    return one_line(file.reason, 100).replace("-", " ") or _("no reason")


def _under_way(file: FileInfo, pace: Pace | None) -> str:
    parts = [f"{percent(file.done, file.total)}%"]
    if file.sources == 0 and file.reason == RELAYED:
        return _("{percent}, waiting for a direct connection to somebody who has it").format(
            percent=parts[0]
        )
    if file.sources == 0 and file.reason == SLOW:
        return _("{percent}, waiting for its turn at a slow source").format(percent=parts[0])
    if file.sources == 0:
        return _("{percent}, waiting for somebody who has it").format(percent=parts[0])
    rate = pace.rate if pace else file.rate
    if rate >= 1:
        parts.append(f"{words.size(rate)}/s")
    seconds = remaining(file.total - file.done, rate)
    if seconds is not None:
        parts.append(_("{time} left").format(time=words.duration(seconds)))
    parts.append(ngettext("from {number} source", "from {number} sources", file.sources))
    return _(", ").join(parts)


def holders_of(receivers: Sequence[Receiver], total: int) -> str:
    """`3 have it, 2 at 40–60%, 1 stalled, 1 stopped`."""
    whole = sum(r.state is FileState.COMPLETE for r in receivers)
    fetching = [r for r in receivers if r.state is FileState.FETCHING]
    coming = [percent(r.done, total) for r in fetching if not r.stalled]
    stalled = len(fetching) - len(coming)
    stopped = sum(r.state in (FileState.PAUSED, FileState.FAILED) for r in receivers)
    parts = []
    if whole:
        parts.append(ngettext("{number} person has it", "{number} people have it", whole))
    if coming:
        low, high = min(coming), max(coming)
        far = f"{low}%" if low == high else f"{low}–{high}%"
        parts.append(_("{number} at {percent}").format(number=len(coming), percent=far))
    if stalled:
        parts.append(_("{number} stalled").format(number=stalled))
    if stopped:
        parts.append(_("{number} stopped").format(number=stopped))
    return _(", ").join(parts) or _("Nobody has it yet")


def holders_named(receivers: Sequence[Receiver], total: int, said: Mapping[PeerId, str]) -> str:
    """A line for each person: who has it first."""
    told = {
        FileState.COMPLETE: _("has it"),
        FileState.PAUSED: _("paused"),
        FileState.FAILED: _("failed"),
    }
    told_of = (r for r in receivers if r.state is not FileState.OFFERED)
    ordered = sorted(told_of, key=lambda r: (-r.done, r.peer_id))
    lines = []
    for receiver in ordered[:HOLDERS_NAMED]:
        name = said.get(receiver.peer_id) or receiver.peer_id[:8]
        at = f"{percent(receiver.done, total)}%"
        state = _("stalled") if receiver.stalled else told.get(receiver.state)
        how = [state] if state else []
        if receiver.state is not FileState.COMPLETE:
            how.append(at)
        lines.append(_("{name}: {text}").format(name=name, text=_(", ").join(how)))
    left = len(ordered) - HOLDERS_NAMED
    more = [_("and {number} more").format(number=left)] if left > 0 else []
    return "\n".join([*lines, *more])


def has_thumbnail(file: FileInfo) -> bool:
    """Whether it is tried: a picture may still turn out too large, or none."""
    return (
        file.state is FileState.COMPLETE
        and file.path is not None
        and not is_folder(file)
        and file.size <= PICTURE_BYTES
        and os.path.splitext(file.name)[1].lower() in PICTURES
    )
