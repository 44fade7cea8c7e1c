"""A profile's store in plain, to look for what must not be there."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path
from typing import NamedTuple

from lan_node import Node, wait_until

from p2pchat.storage.database import connect
from p2pchat.storage.keys import obtain_key
from p2pchat.storage.profile import STORE_FILE

PAGE = 4096
_WAL_HEADER, _FRAME_HEADER = 32, 24


class _Frame(NamedTuple):
    page: int
    valid: bool
    """Of the WAL's present life, up to its last commit."""
    open: bool
    """Of its present life, after that; else a leftover."""
    data: bytes


def plain_pages(node: Node, work: Path) -> bytes:
    """Every page that the store's files hold, free ones and all generations in the WAL included."""
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    files = wait_until(lambda: _standing_still(node), what="the end of what is being written")
    assert files is not None
    encrypted, frames = files
    key, _ = obtain_key(node.data_dir, None)
    newest = _with(encrypted, {frame.page: frame.data for frame in frames if frame.valid})
    plain, schema = _decrypted(newest, key, work)
    found = [plain]
    # The schema stays the newest, so that each mixture of generations can be opened; it says
    # nothing that people wrote.
    for layer in (_pages(encrypted), *_layers(frames)):
        older = {number: page for number, page in layer.items() if number not in schema}
        found.append(_decrypted(_with(newest, older), key, work)[0])
    return b"".join(found)


def _standing_still(node: Node) -> tuple[bytes, list[_Frame]] | None:
    """The store and its WAL, while the node does nothing, if it runs. None where that was in the
    midst of a transaction: it may have pages that the store hasn't yet."""
    store = node.data_dir / STORE_FILE
    wal = store.with_name(store.name + "-wal")
    if node.running:
        node.process.send_signal(signal.SIGSTOP)
    try:
        encrypted = store.read_bytes()
        frames = _frames(wal.read_bytes() if wal.exists() else b"")
    finally:
        if node.running:
            node.process.send_signal(signal.SIGCONT)
    return None if any(frame.open for frame in frames) else (encrypted, frames)


def kept(node: Node, key: str) -> bytes | None:
    """What the profile in the node's own folder keeps under this key; the node may be running."""
    connection = connect(node.data_dir / STORE_FILE, obtain_key(node.data_dir, None)[0], 1024)
    try:
        row = connection.one("SELECT value FROM meta WHERE key=?", (key,))
        return None if row is None else bytes(row[0])
    finally:
        connection.close()


def _pages(file: bytes) -> dict[int, bytes]:
    return {at // PAGE + 1: file[at : at + PAGE] for at in range(0, len(file), PAGE)}


def _frames(wal: bytes) -> list[_Frame]:
    """https://www.sqlite.org/fileformat.html#the_write_ahead_log"""
    salt = wal[16:24]
    heads = range(_WAL_HEADER, len(wal) - PAGE, _FRAME_HEADER + PAGE)
    alive = [wal[head + 8 : head + 16] == salt for head in heads]
    commits = [alive[n] and any(wal[head + 4 : head + 8]) for n, head in enumerate(heads)]
    last = max((n for n, commit in enumerate(commits) if commit), default=-1)
    return [
        _Frame(
            int.from_bytes(wal[head : head + 4], "big"),
            n <= last and alive[n],
            n > last and alive[n],
            wal[head + _FRAME_HEADER : head + _FRAME_HEADER + PAGE],
        )
        for n, head in enumerate(heads)
    ]


def _layers(frames: list[_Frame]) -> list[dict[int, bytes]]:
    """The first generation of each page in the WAL, the second ones, and so on."""
    generations: dict[int, list[bytes]] = {}
    for frame in frames:
        generations.setdefault(frame.page, []).append(frame.data)
    deepest = max(map(len, generations.values()), default=0)
    return [
        {number: pages[depth] for number, pages in generations.items() if depth < len(pages)}
        for depth in range(deepest)
    ]


def _with(encrypted: bytes, pages: dict[int, bytes]) -> bytes:
    """The file with these pages in place of its own."""
    file = bytearray(encrypted)
    for number, page in pages.items():
        end = number * PAGE
        file.extend(bytes(max(0, end - len(file))))
        file[end - PAGE : end] = page
    return bytes(file)


def _decrypted(encrypted: bytes, key: bytes, work: Path) -> tuple[bytes, set[int]]:
    """All pages, free ones too, and which of them hold the schema."""
    path = work / "copy.db"
    path.write_bytes(encrypted)
    connection = connect(path, key, 1024)
    schema = {
        int(number)
        for (number,) in connection.all("SELECT pageno FROM dbstat WHERE name='sqlite_schema'")
    }
    plain = connection.serialize("main")
    connection.close()
    path.unlink()
    assert plain.startswith(b"SQLite format 3\0")
    assert len(plain) >= len(encrypted), "no page is left out"
    return plain, schema | {1}
