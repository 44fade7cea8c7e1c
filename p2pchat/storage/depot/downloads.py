"""Into the downloads folder under a free name, and copies elsewhere: whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from p2pchat.errors import RequestError
from p2pchat.model.filenames import download_name, key, numbered
from p2pchat.storage.depot.disk import is_full, new_folder

_NO_LINKS = (
    errno.EPERM,
    errno.EACCES,
    errno.EMLINK,
    errno.ENOSYS,
    errno.ENOTSUP,
    errno.EOPNOTSUPP,
)
"""What file systems without hard links (sticks, some network drives) answer."""
PART_PREFIX = ".p2pchat-"


class Downloads:
    """Where finished files go: the profile's own folder, or one that its person has chosen."""

    def __init__(self, own: Path) -> None:
        self.own = own
        self._chosen: Path | None = None

    def choose(self, folder: str) -> None:
        """From now on this one, as `check` says it; empty: the profile's own."""
        self._chosen = Path(folder) if folder else None

    @property
    def path(self) -> str:
        """Where they go; it may not be there."""
        return str(self._chosen or self.own)

    @property
    def folder(self) -> Path:
        """The same, and it is there. RequestError `not-allowed` where the chosen one is not (the
        stick was pulled out): it isn't made anew, which would be elsewhere."""
        if self._chosen is None:
            self.own.mkdir(parents=True, exist_ok=True)
            return self.own
        if not self._chosen.is_dir():
            raise RequestError("not-allowed", f"there is no folder {self._chosen}")
        return self._chosen


def check(path: str) -> str:
    """The folder, made where there is none, if files can be put there. RequestError `not-allowed`
    says why not."""
    try:
        os.makedirs(path, exist_ok=True)
        new_folder(path, PART_PREFIX).rmdir()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else None
        text = f"files can't be put into {path}: {why or error}"
        raise RequestError("not-allowed", text) from error
    return path


def put(source: Path, downloads: Path, name: str, note: Callable[[Path], None]) -> Path:
    """Move a file or folder there and return its path; nothing is overwritten, at no moment there
    is part of it under its name. `note` is told each path before it is tried, so that whoever is
    ended in between finds it. OSError EXDEV: it is on another file system, `bring` it there."""
    for target in _free(downloads, download_name(name)):
        note(target)
        try:
            _move(source, target)
        except FileExistsError:
            continue
        return target
    raise AssertionError("names don't end")


def bring(source: Path, downloads: Path, tag: str) -> Path:
    """A copy there under a hidden name, which is the same for the same tag: who was ended in
    between begins anew and leaves nothing."""
    part = downloads / f"{PART_PREFIX}{tag}"
    remove(part)
    try:
        _copy_to(source, part)
    except BaseException:
        remove(part)
        raise
    return part


def remove(path: Path) -> None:
    """A file, or a folder with all that is in it."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def put_copy(path: str, place: str) -> str:
    """Put a copy of a file or folder into a folder, or under a new name; its path. RequestError
    `disk-full`, or `not-allowed` where something is there or nothing can be put there."""
    target = os.path.abspath(place)
    if os.path.isdir(target):
        target = os.path.join(target, os.path.basename(path))
    try:
        _copy(Path(path), Path(target))
    except FileExistsError:
        raise RequestError("not-allowed", f"it would overwrite {target}") from None
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and is_full(error):
            raise RequestError("disk-full", f"the disk is full: {target}") from error
        why = getattr(error, "strerror", None) or error
        raise RequestError("not-allowed", f"{target}: {why}") from error
    return target


def delete_folder(path: str, files: Iterable[str]) -> bool:
    """Delete these files of a folder, then what of it is empty; what else somebody has put there
    stays. Whether the folder is gone. Links, also to folders, are left alone."""
    plain = {path}
    for file in files:
        if _is_plain_folder(os.path.dirname(file), plain):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(file)
    folders = [path]
    for folder in folders:
        with os.scandir(folder) as entries:
            folders += [entry.path for entry in entries if _is_folder(entry.path)]
    for folder in reversed(folders):
        with contextlib.suppress(OSError):  # not empty
            os.rmdir(folder)
    return not os.path.lexists(path)


def _is_plain_folder(path: str, plain: set[str]) -> bool:
    """Whether no part of the path below those that are known is a link."""
    if path not in plain:
        if not _is_folder(path) or not _is_plain_folder(os.path.dirname(path), plain):
            return False
        plain.add(path)
    return True


def _is_folder(path: str) -> bool:
    """And no link: Windows' links between folders are folders with a reparse tag."""
    state = os.lstat(path)
    return stat.S_ISDIR(state.st_mode) and not getattr(state, "st_reparse_tag", 0)


def _copy(source: Path, target: Path) -> None:
    """FileExistsError where something is there; whatever happens, nothing half is."""
    if os.path.lexists(target):
        raise FileExistsError(target)
    work = new_folder(target.parent, PART_PREFIX)
    try:
        part = work / "part"
        _copy_to(source, part)
        _move(part, target)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _copy_to(source: Path, part: Path) -> None:
    (_copy_folder if source.is_dir() else shutil.copyfile)(source, part)


def _copy_folder(source: Path, target: Path) -> None:
    """Its files and folders; what else somebody has put there meanwhile isn't part of it."""
    for folder, _, names in os.walk(source, onerror=_refuse):
        here = target / os.path.relpath(folder, source)
        here.mkdir()
        for name in names:
            path = Path(folder, name)
            if path.is_file() and not path.is_symlink():
                shutil.copyfile(path, here / name)


def _refuse(error: OSError) -> None:
    """Without what can't be read it would be a part of the folder."""
    raise error


def _move(source: Path, target: Path) -> None:
    """FileExistsError where something is there."""
    (_move_folder if source.is_dir() else _move_file)(source, target)


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
