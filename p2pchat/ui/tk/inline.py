"""One line of text on a canvas: emoji as pictures, right-to-left in its order, cut to a width; and
texts for widgets that draw one as it comes."""

from __future__ import annotations

import tkinter as tk
from tkinter import font as tkfont

from p2pchat.ui import emoji
from p2pchat.ui.presenters import bidi
from p2pchat.ui.presenters.flow import flow, has_wide
from p2pchat.ui.presenters.markup import Span, SpanKind
from p2pchat.ui.tk.theme import Theme


class Elider:
    """Cuts texts to a width, with an ellipsis. Remembers, since asking Tk for widths is slow."""

    def __init__(self, theme: Theme) -> None:
        self._theme = theme
        self._known: dict[tuple[str, str, int], str] = {}

    def cut(self, text: str, font: str, width: int) -> str:
        key = (text, font, width)
        if key not in self._known:
            if len(self._known) > 5000:
                self._known.clear()
            self._known[key] = self._cut(text, font, width)
        return self._known[key]

    def width(self, text: str, font: str) -> int:
        return self._theme.fonts[font].measure(text)

    def _cut(self, text: str, font: str, width: int) -> str:
        if self.width(text, font) <= width:
            return text
        low, high = 0, len(text)
        while low < high:
            middle = (low + high + 1) // 2
            if self.width(text[:middle].rstrip() + "…", font) <= width:
                low = middle
            else:
                high = middle - 1
        return text[:low].rstrip() + "…"


def in_order(theme: Theme, text: str, font: str = "small", width: int = 0) -> str:
    """What a label of Tk's has to be given for `text` to be read; see `as_read`."""
    return as_read(text, theme.fonts[font], width, theme.native_bidi)


def as_read(text: str, font: tkfont.Font, width: int, native_bidi: bool) -> str:
    """Right-to-left text in the order and the shapes in which it is seen, and East Asian text
    broken where it may be: Tk does neither. `width`: of the lines that the label would break, in
    pixels: their order is that of what was written, not of what is seen."""
    turned = not native_bidi and bidi.has_rtl(text)
    if not turned and not (width and not bidi.has_rtl(text) and has_wide(text)):
        return text
    lines = flow(
        [Span(SpanKind.PLAIN, text)], width or 1 << 15, lambda kind, part: font.measure(part), True
    ).lines
    return "\n".join("".join(part.drawn for part in line.parts).rstrip() for line in lines)


class Inline:
    def __init__(self, theme: Theme) -> None:
        self._theme = theme
        self._elider = Elider(theme)
        self._reorder = not theme.native_bidi

    def width(self, text: str, font: str) -> int:
        return self._elider.width(text, font)

    def cut(self, text: str, font: str, width: int) -> str:
        return self._elider.cut(text, font, width)

    def put(
        self,
        canvas: tk.Canvas,
        x: int,
        y: int,
        text: str,
        font: str,
        fill: str,
        width: int,
        tags: tuple[str, ...] = (),
    ) -> int:
        """Draw it with its middle at `y`, no wider than `width`; where it ends."""
        said = self.cut(text, font, width)
        named = self._theme.fonts[font]
        plain = not bidi.has_rtl(said) and not any(emoji.find(said))
        if plain:
            canvas.create_text(x, y, text=said, anchor="w", font=named, fill=fill, tags=tags)
            return x + self.width(said, font)
        size = round(-int(named.cget("size")) * 1.3)

        def measure(kind: SpanKind, part: str) -> int:
            return size + 1 if kind == SpanKind.EMOJI else self.width(part, font)

        lines = flow([Span(SpanKind.PLAIN, said)], 1 << 15, measure, self._reorder).lines
        for part in lines[0].parts if lines else ():
            chars = said[part.start : part.end]
            image = self._theme.pictures.emoji(chars, size) if part.kind == SpanKind.EMOJI else None
            if image is None:
                canvas.create_text(
                    x + part.x, y, text=part.drawn, anchor="w", font=named, fill=fill, tags=tags
                )
            else:
                canvas.create_image(x + part.x, y, image=image, anchor="w", tags=tags)
        return x + (lines[0].width if lines else 0)
