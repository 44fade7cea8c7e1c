"""Offers that don't come by themselves: that this was decided is written when there is time."""

from __future__ import annotations

from itertools import islice

from msgspec.structs import replace

from p2pchat.model.ids import EntryHash
from p2pchat.model.records import FileRow, PutFile, Write
from p2pchat.protocol.context import Context

AT_ONCE = 256
"""Rows of one commit: a message that is sent meanwhile waits for no more."""


class PassedOver:
    """One commit at a time, so that a flood of offers holds up no message. What isn't written when
    the program ends is decided again."""

    def __init__(self, context: Context) -> None:
        self._ctx = context
        self._rows: dict[EntryHash, FileRow] = {}
        self._writing = False

    def add(self, row: FileRow) -> None:
        self._rows[row.id] = replace(row, undecided=False)
        if not self._writing:
            self._write()

    def take(self, row: FileRow) -> FileRow:
        """The row of one with which something is done after all; nothing is written here then."""
        return self._rows.pop(row.id, row)

    def _write(self) -> None:
        part = [self._rows.pop(id) for id in list(islice(self._rows, AT_ONCE))]
        self._writing = bool(part)
        if part:
            writes: list[Write] = [PutFile(row) for row in part]
            self._ctx.commit(writes, lambda _: self._write(), lambda _: self._write())
