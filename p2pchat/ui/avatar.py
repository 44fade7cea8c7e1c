"""A profile's picture out of any picture: a small square that everyone can be sent."""

from __future__ import annotations

import base64
import io
import os

from p2pchat.config.limits import AVATAR_BYTES, MIB
from p2pchat.errors import P2PChatError
from p2pchat.ui.language import _

SIDE = 256
"""Pixels: enough for the largest place where it is shown."""
FILE_BYTES = 50 * MIB
PIXELS = 100_000_000
"""A larger picture would fill memory."""
QUALITIES = (88, 80, 70, 60, 45, 30)


def avatar_from(path: str) -> str:
    """Base64 of a JPEG of at most 32 KiB: the middle of the picture, as it is meant to be turned.
    P2PChatError where it can't be. Takes a while: not for the window's thread."""
    try:
        from PIL import Image, ImageOps
    except ImportError:
        raise P2PChatError(_("pictures can't be read here: Pillow is not installed")) from None
    try:
        if os.path.getsize(path) > FILE_BYTES:
            raise P2PChatError(_("the picture is too large"))
        with Image.open(path) as opened:
            if opened.width * opened.height > PIXELS:
                raise P2PChatError(_("the picture is too large"))
            opened.draft("RGB", (2 * SIDE, 2 * SIDE))  # a JPEG is read smaller at once
            turned = ImageOps.exif_transpose(opened).convert("RGBA")
    except P2PChatError:
        raise
    except Image.DecompressionBombError as error:  # Pillow's own limit comes before ours
        raise P2PChatError(_("the picture is too large")) from error
    except Exception as error:  # decoders raise anything for files that aren't what they seem
        raise P2PChatError(_("that is no picture that can be read")) from error
    square = ImageOps.fit(turned, (SIDE, SIDE), Image.Resampling.LANCZOS)
    flat = Image.new("RGB", square.size, "#ffffff")
    flat.paste(square, mask=square.getchannel("A"))
    for quality in QUALITIES:
        data = io.BytesIO()
        flat.save(data, "JPEG", quality=quality, optimize=True)
        if data.tell() <= AVATAR_BYTES:
            return base64.b64encode(data.getvalue()).decode()
    raise P2PChatError(_("the picture is too large"))
