"""Who has an own offer, as its author sees it: complete, at 60%, stalled."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec.structs import replace

from p2pchat.config import limits
from p2pchat.model.file import FileState, Receiver
from p2pchat.protocol.context import Context

if TYPE_CHECKING:
    from p2pchat.protocol.offers import File

STALLED_S = 10.0
"""Whoever fetches and says nothing for so long is stalled: its link is cut, or it has no source. It
reports at least every `telling.BEAT_S` while anything comes."""


def shown(file: File, now: float) -> tuple[Receiver, ...]:
    """The receivers, with who is stalled."""
    return tuple(
        replace(one, stalled=True) if is_stalled(file, one, now) else one
        for one in file.receivers.values()
    )


def unheard(receivers: tuple[Receiver, ...]) -> tuple[Receiver, ...]:
    """The same of a file of which nobody has said anything since the start."""
    return tuple(replace(one, stalled=one.state is FileState.FETCHING) for one in receivers)


def is_stalled(file: File, receiver: Receiver, now: float) -> bool:
    heard = file.heard.get(receiver.peer_id)
    return receiver.state is FileState.FETCHING and (heard is None or now - heard > STALLED_S)


class Receivers:
    def __init__(
        self, context: Context, keep: Callable[[File], None], tell: Callable[[File], None]
    ) -> None:
        """`keep` writes a file's row; `tell` tells front ends of it soon."""
        self._ctx = context
        self._keep = keep
        self._tell = tell

    def told(self, file: File, receiver: Receiver) -> None:
        """Somebody says how far it has an own offer. Who has had it all has had it, whatever comes
        of another device of the person."""
        now, before = self._ctx.now, file.receivers.get(receiver.peer_id)
        if before is not None and before.state is FileState.COMPLETE:
            return
        if before is None and len(file.receivers) >= limits.FILE_RECEIVERS:
            return
        same = before == receiver and not is_stalled(file, receiver, now)
        file.heard[receiver.peer_id] = now
        self._watch(file)
        if same:
            return
        file.receivers[receiver.peer_id] = receiver
        if receiver.state is FileState.COMPLETE:
            self._keep(file)
        elif before is None or before.state is not receiver.state:
            file.unsaved = True
        self._tell(file)

    def _watch(self, file: File) -> None:
        """Notice who says nothing more."""
        if file.watched or not self._coming(file):
            return
        file.watched = True

        def look() -> None:
            file.watched = False
            if self._coming(file) < file.coming:
                self._tell(file)
            self._watch(file)

        file.coming = self._coming(file)
        self._ctx.after(STALLED_S / 4, look)

    def _coming(self, file: File) -> int:
        """How many are under way and not stalled."""
        now, fetching = self._ctx.now, FileState.FETCHING
        return sum(
            one.state is fetching and not is_stalled(file, one, now)
            for one in file.receivers.values()
        )
