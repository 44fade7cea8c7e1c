"""Into the downloads folder under a free name, by renaming alone."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from p2pchat.storage.depot.names import download_name, key, numbered

_NO_LINKS = (
    errno.EPERM,
    errno.EACCES,
    errno.EMLINK,
    errno.ENOSYS,
    errno.ENOTSUP,
    errno.EOPNOTSUPP,
)
"""What file systems without hard links (sticks, some network drives) answer."""


def put(source: Path, downloads: Path, name: str, note: Callable[[Path], None]) -> Path:
    """Move a file or folder there and return its path; nothing is overwritten, at no moment there
    is part of it. `note` is told each path before it is tried, so that whoever is ended in between
    finds it."""
    downloads.mkdir(parents=True, exist_ok=True)
    move = _move_folder if source.is_dir() else _move_file
    for target in _free(downloads, download_name(name)):
        note(target)
        try:
            move(source, target)
        except FileExistsError:
            continue
        return target
    raise AssertionError("names don't end")


def _free(downloads: Path, name: str) -> Iterator[Path]:
    """Paths whose names nothing there has, whatever file system it may be copied to."""
    taken = {key(there) for there in os.listdir(downloads)}
    return (downloads / free for free in numbered(name) if key(free) not in taken)


def _move_file(source: Path, target: Path) -> None:
    if sys.platform == "win32":
        os.rename(source, target)  # never replaces on Windows
        return
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        # The name is taken with an empty file, which is replaced at once.
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
        os.replace(source, target)
    else:
        os.unlink(source)


def _move_folder(source: Path, target: Path) -> None:
    if sys.platform == "win32":
        os.rename(source, target)
        return
    # rename replaces an empty folder: this one, which nobody else has made.
    target.mkdir()
    try:
        os.rename(source, target)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            target.rmdir()
            raise
        raise FileExistsError(target) from error
