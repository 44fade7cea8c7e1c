"""Names from elsewhere made harmless as names of files: one rule on every system, so that a folder
can go on to a stick or a Windows machine as it is.

Sources: "Naming Files, Paths, and Namespaces" of Microsoft's documentation; Unicode UAX #9, #15.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterator, Sequence

from p2pchat.config.limits import FILE_NAME_BYTES, FOLDER_NAMES, PATH_PART_BYTES
from p2pchat.model.names import fold
from p2pchat.model.text import safe_text, well_formed

_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f/\\<>:"|?*]')
_DIRECTIONS = re.compile("[\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]")
_SELECTORS = re.compile("[\ufe00-\ufe0f]")
_DEVICE = re.compile(
    r"(?:con|prn|aux|nul|conin\$|conout\$|clock\$|(?:com|lpt)[0-9¹²³]) *(?:\..*)?",
    re.IGNORECASE | re.DOTALL,
)
_SHORT_NAME = re.compile(r"[^.]{1,6}~\d{1,6}(?:\.[^.]{0,3})?", re.DOTALL)
"""What Windows makes of long names by itself: it would open the other file."""
_CHARS = "[A-Za-z0-9_()+,=@#&' -]*"
_PLAIN = re.compile(
    r"(?!(?i:con|prn|aux|nul|(?:com|lpt)[0-9]) *(?:\.|\Z))"
    rf"[A-Za-z0-9_(]{_CHARS}(?:\.[A-Za-z0-9_(]{_CHARS})*(?<! )"
)
"""What stays as it is, if it isn't too long: none is a device or a short name."""
_SUFFIX_BYTES = 12
"""Room for the number that tells two names apart."""
_EXTENSION_CHARS = 16
"""What is longer than this after the last dot isn't kept when a name is shortened."""


def harmless(name: str) -> str:
    """The name as that of one file or folder in the folder where it is put: it leads nowhere else,
    names no device, shows itself whole and in order, and fits every usual file system."""
    if len(name) < FILE_NAME_BYTES - _SUFFIX_BYTES and _PLAIN.fullmatch(name):
        return name
    name = safe_text(well_formed(name[:PATH_PART_BYTES]), multiline=False)
    name = _FORBIDDEN.sub("_", _DIRECTIONS.sub("", name))
    name = unicodedata.normalize("NFC", name)
    name = _shortened(_stripped(name))
    if _DEVICE.fullmatch(name):
        return "_" + name
    if _SHORT_NAME.fullmatch(name):
        return name.replace("~", "_")
    return name or "_"


def download_name(name: str) -> str:
    """A harmless name that isn't hidden."""
    name = harmless(name)
    return "_" + name[1:] if name.startswith(".") else name


def numbered(name: str) -> Iterator[str]:
    """The name, and then with a number before its extension: `x.txt`, `x_2.txt`, …"""
    yield name
    yield from (_with_number(name, number) for number in itertools.count(2))


def key(name: str) -> str:
    """Equal for names that some file system takes for the same: those that differ in case, normal
    form, or characters that don't show."""
    if name.isascii():
        return name.lower()
    shown = (char for char in fold(name) if unicodedata.category(char) != "Cf")
    return _SELECTORS.sub("", "".join(shown))


class FolderNames:
    """Harmless paths for those of a manifest, in its order, no two the same.

    A folder's paths stand together in a manifest: a folder that comes again after others has
    another name. So only the names beside those of the open folders have to be remembered."""

    def __init__(self) -> None:
        self._offered: list[str] = []
        """The open folder's path, as offered."""
        self._here: list[str] = []
        """The same as it is here."""
        self._taken: list[dict[int, int]] = [{}]
        """For the outermost and each open folder: the hash of each name's key there, with the
        number that the next such name gets."""
        self._count = 0

    def place(self, parts: Sequence[str]) -> list[str]:
        """The harmless path of a file or an empty folder. ValueError where there are too many
        names beside one another."""
        *folder, name = parts
        if folder != self._offered:
            self._open(folder)
        return [*self._here, self._free(name)]

    def _open(self, folder: list[str]) -> None:
        depth = 0
        while depth < len(folder) and folder[depth : depth + 1] == self._offered[depth : depth + 1]:
            depth += 1
        self._count -= sum(map(len, self._taken[depth + 1 :]))
        del self._offered[depth:], self._here[depth:], self._taken[depth + 1 :]
        for part in folder[depth:]:
            self._here.append(self._free(part))
            self._offered.append(part)
            self._taken.append({})

    def _free(self, part: str) -> str:
        taken, name = self._taken[-1], harmless(part)
        place = hash(key(name))
        if place in taken:
            wanted, first, number = name, place, taken[place]
            while place in taken:
                name, number = _with_number(wanted, number), number + 1
                place = hash(key(name))
            taken[first] = number
        taken[place] = 2
        self._count += 1
        if self._count > FOLDER_NAMES:
            raise ValueError("too many names in one folder")
        return name


def _with_number(name: str, number: int) -> str:
    stem, dot, extension = name.rpartition(".")
    if not stem or len(extension) > _EXTENSION_CHARS:
        return f"{name}_{number}"
    return f"{stem}_{number}{dot}{extension}"


def _stripped(name: str) -> str:
    """Without what Windows takes away at the end by itself, and blanks in front."""
    return name.lstrip().rstrip(". \u00a0\u3000")


def _shortened(name: str) -> str:
    limit = FILE_NAME_BYTES - _SUFFIX_BYTES
    if len(name.encode()) <= limit:
        return name
    stem, dot, extension = name.rpartition(".")
    tail = dot + extension if stem and len(extension) <= _EXTENSION_CHARS else ""
    head = (stem if tail else name).encode()[: limit - len(tail.encode())]
    return _stripped(head.decode("utf-8", "ignore")) + tail
