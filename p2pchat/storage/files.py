"""Rows of files: what became of the offers."""

from __future__ import annotations

import msgspec

from p2pchat.model.file import FileState
from p2pchat.model.ids import ConversationId, EntryHash
from p2pchat.model.records import FileRow
from p2pchat.storage.database import Connection

_row = msgspec.msgpack.Decoder(FileRow)
_OPEN = (FileState.FETCHING, FileState.PAUSED)


def is_open(row: FileRow) -> bool:
    """Whether the node has something to do about it after a start."""
    unreported = row.state == FileState.COMPLETE and not row.reported
    return row.undecided or unreported or row.state in _OPEN


def file_row(connection: Connection, id: EntryHash) -> FileRow | None:
    found = connection.one("SELECT row FROM files WHERE id=?", (id,))
    return None if found is None else _row.decode(found[0])


def file_ids(
    connection: Connection, conversation: ConversationId | None, limit: int
) -> list[EntryHash]:
    """Newest first."""
    where, args = ("WHERE conv=?", (conversation,)) if conversation is not None else ("", ())
    sql = f"SELECT id FROM files {where} ORDER BY clock DESC LIMIT ?"
    return [id for (id,) in connection.all(sql, (*args, limit))]


def open_files(connection: Connection) -> tuple[FileRow, ...]:
    return tuple(_row.decode(row) for (row,) in connection.all("SELECT row FROM files WHERE open"))
