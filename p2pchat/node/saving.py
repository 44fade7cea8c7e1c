"""Files that a person asks for, at a place of their choice."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import secrets as entropy

from p2pchat.errors import RequestError

_WRITE_REFUSALS = {
    FileExistsError: "{} is there already",
    FileNotFoundError: "there is no folder for {}",
    IsADirectoryError: "{} is a folder",
    PermissionError: "{} can't be written: this isn't allowed there",
}


async def save(path: str, text: str, replace: bool = False) -> str:
    """Write a file of the owner's alone, durably; its absolute path. One that is there stays,
    unless it is to be replaced: then either all of it is new or nothing. `not-allowed`,
    `disk-full`."""
    return await asyncio.to_thread(_save, path, text, replace)


def _save(path: str, text: str, replace: bool) -> str:
    path = os.path.abspath(path)
    try:
        (_replace if replace else _write_new)(path, text)
    except OSError as error:
        raise _refusal(path, error) from error
    except ValueError as error:
        raise RequestError("not-allowed", f"no path of a file: {error}") from error
    return path


def _replace(path: str, text: str) -> None:
    if os.path.isdir(path):
        raise IsADirectoryError
    fresh = f"{path}.{entropy.token_hex(4)}"
    _write_new(fresh, text)
    try:
        os.replace(fresh, path)
    except OSError:
        os.unlink(fresh)
        raise


def _write_new(path: str, text: str) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(path)
        raise


def _refusal(path: str, error: OSError) -> RequestError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return RequestError("disk-full")
    for kind, why in _WRITE_REFUSALS.items():
        if isinstance(error, kind):
            return RequestError("not-allowed", why.format(path))
    return RequestError("not-allowed", f"{path} can't be written: {error.strerror}")
