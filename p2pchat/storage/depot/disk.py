"""The few ways in which the depot touches files: no link is followed, no pipe waited for."""

from __future__ import annotations

import errno
import os
import secrets
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from p2pchat.errors import DiskFull, StoreError

_BINARY = getattr(os, "O_BINARY", 0)
_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
_SAFE = _BINARY | _NOFOLLOW | getattr(os, "O_NONBLOCK", 0)
_FULL = (errno.ENOSPC, errno.EDQUOT)
FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)


def is_full(error: OSError) -> bool:
    return error.errno in _FULL


@contextmanager
def translated(what: str) -> Iterator[None]:
    """The system's errors as DiskFull or StoreError, one line that begins with `what`."""
    try:
        yield
    except OSError as error:
        if is_full(error):
            raise DiskFull("the disk is full") from error
        raise StoreError(f"{what}: {error.strerror or error}") from error


@contextmanager
def listed(folder: str) -> Iterator[Iterator[os.DirEntry[str]]]:
    """What is in a folder, which is no link. Each entry's state is asked for from the open folder
    on, where the system can: it takes a third less. An entry's `path` may be its name alone."""
    if os.scandir not in os.supports_fd:
        with os.scandir(folder) as entries:
            yield entries
        return
    handle = os.open(folder, os.O_RDONLY | _NOFOLLOW)
    try:
        with os.scandir(handle) as entries:
            yield entries
    finally:
        os.close(handle)


def open_safely(path: str | bytes) -> int:
    """A descriptor to read from. Whoever uses it looks, before or after, whether what it has is a
    regular file."""
    if not _NOFOLLOW and os.path.islink(path):
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
    return os.open(path, os.O_RDONLY | _SAFE)


def open_regular(path: str | bytes) -> tuple[int, os.stat_result]:
    """A descriptor to read from; OSError where there is anything but a regular file."""
    handle = open_safely(path)
    try:
        state = os.fstat(handle)
        if not stat.S_ISREG(state.st_mode):
            raise OSError(errno.EINVAL, "no regular file", path)
    except BaseException:
        os.close(handle)
        raise
    return handle, state


def read_into(handle: int, offset: int, view: memoryview, least: int | None = None) -> int:
    """Fill the view from this place on, at least so many bytes of it (None: all); fewer at the
    file's end alone."""
    done, enough = 0, len(view) if least is None else least
    while done < enough:
        if sys.platform == "win32":
            os.lseek(handle, offset + done, os.SEEK_SET)
            data = os.read(handle, len(view) - done)
            count = len(data)
            view[done : done + count] = data
        else:
            count = os.preadv(handle, [view[done:] if done else view], offset + done)
        if count == 0:
            break
        done += count
    return done


def read_at(handle: int, offset: int, length: int) -> bytes:
    """Bytes from this place on; fewer at the file's end alone."""
    if sys.platform != "win32":
        data = os.pread(handle, length, offset)
        if len(data) == length:
            return data
    whole = bytearray(length)
    with memoryview(whole) as view:
        return bytes(view[: read_into(handle, offset, view)])


def write_at(path: str | bytes, offset: int, data: bytes | memoryview, soon: bool = False) -> None:
    """Put the bytes into the file at this place, making it where there is none. `soon`: they begin
    to go to the disk at once, as far as the system can be told so."""
    if not _NOFOLLOW and os.path.islink(path):
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | _SAFE, 0o666)
    try:
        if sys.platform == "win32":
            _write_on_windows(handle, offset, data)
            return
        done = os.pwrite(handle, data, offset)
        while done < len(data):
            done += os.pwrite(handle, memoryview(data)[done:], offset + done)
        if soon and sys.platform == "linux":
            # It begins to write what isn't on the disk yet, and drops from memory only what is.
            with suppress(OSError):
                os.posix_fadvise(handle, offset, done, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(handle)


def replace_with(path: str, data: bytes) -> None:
    """Give the file this content: all of it, or what was there stays."""
    part = path + ".part"
    with open(part, "wb") as file:
        file.write(data)
    os.replace(part, path)


def new_folder(parent: str | Path, prefix: str) -> Path:
    """An empty one of a name of its own, for its owner alone. Where Windows forbids it, tempfile
    takes that for a name that is taken, and tries two milliard others."""
    folder = Path(parent, prefix + secrets.token_hex(8))
    folder.mkdir(mode=0o700)
    return folder


def next_data(handle: int, offset: int) -> int:
    """Where bytes that were ever written begin at or after this place, as far as the system
    tells; far beyond the end where there are none."""
    if not hasattr(os, "SEEK_DATA"):
        return offset
    try:
        return os.lseek(handle, offset, os.SEEK_DATA)
    except OSError as error:
        return 1 << 62 if error.errno == errno.ENXIO else offset


def _write_on_windows(handle: int, offset: int, data: bytes | memoryview) -> None:
    if offset > os.fstat(handle).st_size:
        _make_sparse(handle)
    os.lseek(handle, offset, os.SEEK_SET)
    done = 0
    while done < len(data):
        done += os.write(handle, memoryview(data)[done:])


def _make_sparse(handle: int) -> None:
    """NTFS would fill the gap before a far piece with zeros, gigabytes at a time. File systems that
    know no such thing refuse, and do so."""
    if sys.platform == "win32":
        import ctypes
        import msvcrt

        set_sparse, given = 0x900C4, ctypes.c_ulong()
        file = ctypes.c_void_p(msvcrt.get_osfhandle(handle))
        control = ctypes.windll.kernel32.DeviceIoControl
        control(file, set_sparse, None, 0, None, 0, ctypes.byref(given), None)
