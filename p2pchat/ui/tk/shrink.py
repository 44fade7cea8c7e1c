"""A program of its own that makes the thumbnail of one picture: what others sent is decoded here,
where it can neither hold up nor harm the window.

    python -I shrink.py WIDTH HEIGHT PATH

writes a PNG of at most that size to its output; it ends with 1 where there is none. Of a picture
that moves it is the first frame. The path `-` is its input.
"""

from __future__ import annotations

import contextlib
import io
import sys

from PIL import Image, ImageOps

FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "PPM")
"""Decoders that are used, whatever the name says: those of the pictures that people send."""
PIXELS = 40_000_000
"""Pictures of more are not decoded."""
JPEG_PIXELS = 120_000_000
"""Of JPEGs, which are made smaller while they are decoded."""
BYTES = 20 * 1024 * 1024
"""Files of more are not read."""
MEMORY_BYTES = 1536 * 1024 * 1024
"""Of this program: twice what the largest picture takes."""
CPU_S = 20


def shrink(data: bytes, width: int, height: int) -> bytes | None:
    """A PNG of at most this size; None where the data isn't a picture that may be decoded."""
    Image.MAX_IMAGE_PIXELS = None  # the bound is below
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            most = JPEG_PIXELS if image.format == "JPEG" else PIXELS
            if image.width * image.height > most:
                return None
            # A JPEG is turned by its EXIF afterwards: large enough either way.
            image.draft("RGB", (2 * max(width, height),) * 2)
            image.thumbnail((max(width, height),) * 2, Image.Resampling.LANCZOS)
            small = ImageOps.exif_transpose(image).convert("RGBA")
        small.thumbnail((width, height), Image.Resampling.LANCZOS)
    # What broken files raise in a decoder, Pillow doesn't say.
    except Exception:
        return None
    encoded = io.BytesIO()
    small.save(encoded, "PNG")
    return encoded.getvalue()


def _limit() -> None:
    """Where the system can: a picture that is a bomb ends this program and nothing else."""
    if sys.platform != "win32":
        import resource

        for what, most in ((resource.RLIMIT_AS, MEMORY_BYTES), (resource.RLIMIT_CPU, CPU_S)):
            with contextlib.suppress(OSError, ValueError):  # macOS bounds no memory
                resource.setrlimit(what, (most, most))


def main(arguments: list[str]) -> int:
    _limit()
    width, height, path = int(arguments[0]), int(arguments[1]), arguments[2]
    with open(0 if path == "-" else path, "rb") as file:
        data = file.read(BYTES + 1)
    small = shrink(data, width, height) if len(data) <= BYTES else None
    if small is None:
        return 1
    sys.stdout.buffer.write(small)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
