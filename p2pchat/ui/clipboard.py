"""What was copied elsewhere, to be shared: files, or a picture, which becomes one."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import unquote_to_bytes, urlsplit

from p2pchat.config.limits import MIB
from p2pchat.errors import P2PChatError
from p2pchat.ui.language import _

PASTED_BYTES = 64 * MIB
"""A larger picture isn't taken from the clipboard."""
ASK_S = 5.0
_TOOLS = (
    # By the kind of display, what hands out a picture there.
    ("WAYLAND_DISPLAY", ["wl-paste", "--type", "image/png"]),
    ("DISPLAY", ["xclip", "-selection", "clipboard", "-t", "image/png", "-o"]),
)


def copied() -> bytes | list[str] | None:
    """A picture as a PNG, or on Windows and macOS the paths of files; None where there is neither,
    or no way to ask for it. Takes a moment: not for the window's thread."""
    if sys.platform in ("win32", "darwin"):
        return _grabbed()
    for variable, command in _TOOLS:
        if os.environ.get(variable) and shutil.which(command[0]):
            found = _asked(command)
            if found:
                return found
    return None


def _asked(command: list[str]) -> bytes | None:
    try:
        answer = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, timeout=ASK_S, check=False,
        ).stdout  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return picture(answer)


def picture(data: bytes) -> bytes | None:
    is_one = data.startswith(b"\x89PNG\r\n\x1a\n") and len(data) <= PASTED_BYTES
    return data if is_one else None


def _grabbed() -> bytes | list[str] | None:
    try:
        from PIL import Image, ImageGrab

        found = ImageGrab.grabclipboard()
        if isinstance(found, list):
            return [str(path) for path in found]
        if not isinstance(found, Image.Image):
            return None
        data = io.BytesIO()
        found.save(data, "PNG")
    except Exception:  # no library, or a clipboard that somebody holds
        return None
    return picture(data.getvalue())


def file_paths(uris: str) -> list[str]:
    """Of a list of URIs (RFC 2483, "text/uri-list"); none where one isn't of a file here."""
    lines = [line.strip() for line in uris.splitlines()]
    parts = [urlsplit(line) for line in lines if line and not line.startswith("#")]
    if any(part.scheme != "file" or part.netloc not in ("", "localhost") for part in parts):
        return []
    return [os.fsdecode(unquote_to_bytes(part.path)) for part in parts]


def keep_pasted(data: bytes, folder: str) -> str:
    """The path of a new file for it in the folder, of a name that says when."""
    name = time.strftime("Picture %Y-%m-%d %H.%M.%S")
    for number in range(1, 100):
        path = Path(folder, f"{name} ({number}).png" if number > 1 else f"{name}.png")
        try:
            path.parent.mkdir(exist_ok=True)
            with path.open("xb") as file:
                file.write(data)
        except FileExistsError:
            continue
        except OSError as error:
            why = error.strerror or str(error)
            raise P2PChatError(_("it can't be kept: {why}").format(why=why)) from error
        return str(path)
    raise P2PChatError(_("too many pictures at once"))
