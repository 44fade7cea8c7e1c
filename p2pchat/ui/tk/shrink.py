"""A program of its own that makes the thumbnail of one picture: what others sent is decoded here,
where it can neither hold up nor harm the window.

    python -I shrink.py WIDTH HEIGHT PATH

writes a PNG of at most that size to its output; it ends with 1 where there is none. Uses nothing
but the standard library, so that it starts at once.
"""

from __future__ import annotations

import base64
import contextlib
import re
import struct
import sys

PIXELS = 40_000_000
"""Pictures of more are not decoded."""
BYTES = 20 * 1024 * 1024
"""Files of more are not read."""
MEMORY_BYTES = 1536 * 1024 * 1024
"""Of this program: twice what the largest picture takes."""
CPU_S = 20

_PNG = b"\x89PNG\r\n\x1a\n"
_PNM = re.compile(rb"P[56]\s+(?:#[^\n]*\n\s*)*(\d{1,7})\s+(?:#[^\n]*\n\s*)*(\d{1,7})\s")


def size_of(head: bytes) -> tuple[int, int] | None:
    """Width and height, by the beginning of a PNG, GIF, PPM or PGM file; None where it is none."""
    if head.startswith(_PNG) and head[12:16] == b"IHDR" and len(head) >= 24:
        width, height = struct.unpack(">II", head[16:24])
    elif head[:6] in (b"GIF87a", b"GIF89a") and len(head) >= 10:
        width, height = struct.unpack("<HH", head[6:10])
    elif found := _PNM.match(head):
        width, height = int(found[1]), int(found[2])
    else:
        return None
    return (width, height) if width and height and width * height <= PIXELS else None


def shrink(data: bytes, width: int, height: int) -> bytes | None:
    """A PNG of at most this size; None where the data isn't a picture that may be decoded."""
    size = size_of(data[:4096])
    if size is None:
        return None
    import tkinter as tk

    root = tk.Tk()
    root.withdraw()
    try:
        picture = tk.PhotoImage(master=root, data=data)
        step = max(1, -(-picture.width() // width), -(-picture.height() // height))
        small = picture.subsample(step)
        encoded = root.tk.call(small, "data", "-format", "png")
        return encoded if isinstance(encoded, bytes) else base64.b64decode(str(encoded))
    except tk.TclError:
        return None
    finally:
        root.destroy()


def _limit() -> None:
    """Where the system can: a picture that is a bomb ends this program and nothing else."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))


def main(arguments: list[str]) -> int:
    _limit()
    width, height, path = int(arguments[0]), int(arguments[1]), arguments[2]
    with open(path, "rb") as file:
        data = file.read(BYTES + 1)
    small = shrink(data, width, height) if len(data) <= BYTES else None
    if small is None:
        return 1
    sys.stdout.buffer.write(small)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
