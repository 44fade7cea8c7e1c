"""Pictures through Pillow: emoji in colour, and people's own pictures. Bounded, each made once."""

from __future__ import annotations

import base64
import io
import logging
import tkinter as tk
from collections import OrderedDict
from collections.abc import Callable

from PIL import Image, ImageChops, ImageDraw, ImageTk

from p2pchat.ui import emoji

log = logging.getLogger("p2pchat.ui")

KEPT = 4000
"""Pictures: more than are ever shown at once, for Tk draws nothing where one was let go of."""
FACE_PIXELS = 1024 * 1024
"""A profile's picture of more isn't decoded: 32 KiB may hold a bomb."""
FORMATS = ("PNG", "JPEG")
Picture = ImageTk.PhotoImage | tk.PhotoImage


class Pictures:
    """One for a window."""

    def __init__(self, root: tk.Misc) -> None:
        self._root = root
        self._kept: OrderedDict[tuple[str, str, int], Picture | None] = OrderedDict()

    def emoji(self, chars: str, size: int, ground: str = "") -> Picture | None:
        """None where there is no picture of it: then Tk's own glyph is drawn.

        `ground`: the colour that it stands on. For each picture that is transparent in part, Tk
        asks the X server for what is below it whenever it draws it: 40 ms for hundreds."""
        known = emoji.table().get(chars)
        if known is None:
            return None
        what = known.chars + ground
        return self._get("emoji", what, size, lambda: _grounded(_emoji(known, size), ground))

    def has_emoji(self, chars: str, size: int) -> bool:
        """Whether `emoji` has it at hand: to make one takes half a millisecond."""
        known = emoji.table().get(chars)
        return known is None or ("emoji", known.chars, size) in self._kept

    def face(self, avatar: str, size: int) -> Picture | None:
        """A profile's picture (base64 of a PNG or JPEG) as a circle; None where it is none."""
        return self._get("face", avatar, size, lambda: _face(avatar, size))

    def emblem(self, chars: str, colour: str, size: int) -> Picture | None:
        """An emoji on a circle; None where there is no picture of it."""
        known = emoji.table().get(chars)
        if known is None:
            return None
        return self._get("emblem", known.chars + colour, size, lambda: _emblem(known, colour, size))

    def _get(
        self, kind: str, what: str, size: int, make: Callable[[], Image.Image | None]
    ) -> Picture | None:
        key = (kind, what, size)
        if key not in self._kept:
            image = make()
            made = None if image is None else ImageTk.PhotoImage(image, master=self._root)
            self._kept[key] = made
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]


def _emoji(known: emoji.Emoji, size: int) -> Image.Image:
    # Asked for a format that it doesn't know yet, Pillow loads every one that it has: 50 ms.
    import PIL.WebPImagePlugin  # noqa: F401  # registers itself

    with Image.open(io.BytesIO(emoji.picture(known)), formats=("WEBP",)) as image:
        return image.convert("RGBA").resize((size, size), Image.Resampling.LANCZOS)


def _grounded(image: Image.Image, ground: str) -> Image.Image:
    if not ground:
        return image
    whole = Image.new("RGB", image.size, ground)
    whole.paste(image, mask=image)
    return whole


def _face(avatar: str, size: int) -> Image.Image | None:
    try:
        data = base64.b64decode(avatar, validate=True)
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            if image.width * image.height > FACE_PIXELS:
                return None
            side = min(image.size)
            left, top = (image.width - side) // 2, (image.height - side) // 2
            square = image.convert("RGBA").crop((left, top, left + side, top + side))
    except Exception as error:  # what others sent, and what decoders raise for it, is anything
        log.debug("no picture of a person: %r", error)
        return None
    return _round(square.resize((size, size), Image.Resampling.LANCZOS))


def _emblem(known: emoji.Emoji, colour: str, size: int) -> Image.Image:
    ground = _round(Image.new("RGBA", (size, size), colour))
    sign = _emoji(known, round(size * 0.6))
    edge = (size - sign.width) // 2
    ground.alpha_composite(sign, (edge, edge))
    return ground


def _round(square: Image.Image) -> Image.Image:
    """The circle within it."""
    size = square.width
    mask = Image.new("L", (4 * size, 4 * size), 0)
    ImageDraw.Draw(mask).ellipse((0, 0, 4 * size - 1, 4 * size - 1), fill=255)
    small = mask.resize((size, size), Image.Resampling.LANCZOS)
    square.putalpha(ImageChops.multiply(square.getchannel("A"), small))
    return square
