"""What a row consists of on the canvas, and the brush that its parts are put down with."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from p2pchat.ui.presenters.flow import Flow, Line
from p2pchat.ui.presenters.marks import Mark
from p2pchat.ui.presenters.timeline import Row
from p2pchat.ui.tk.inline import Inline
from p2pchat.ui.tk.marks import GAP, SIZE, picture
from p2pchat.ui.tk.pictures import Picture
from p2pchat.ui.tk.theme import Theme

Anchor = Literal["w", "e", "center", "nw"]


class Hit(NamedTuple):
    """What a click on a part does; relative to the row."""

    left: int
    top: int
    right: int
    bottom: int
    what: str
    """`name`, `quote`, `more`, `react` or `day`; `time` and `mark` only tell more when the pointer
    rests on them."""
    value: str


class Stamp(NamedTuple):
    """When a message was written, and a tick for how far it has come."""

    text: str
    ink: str
    tick: str
    """An icon's name; empty: none."""
    tick_ink: str


@dataclass(slots=True)
class Block:
    """A row for one width. Coordinates are relative to the row's top left."""

    row: Row
    height: int
    flow: Flow
    text_x: int = 0
    text_y: int = 0
    text_width: int = 0
    line_height: int = 0
    bubble: tuple[int, int, int, int] = (0, 0, 0, 0)
    radii: tuple[int, int, int, int] = (0, 0, 0, 0)
    """Of the bubble's corners, as `Brush.rounded` takes them."""
    items: list[Callable[[tk.Canvas, int, str], object]] = field(default_factory=list)
    hits: list[Hit] = field(default_factory=list)
    card: tuple[int, int, int] | None = None
    """Left, top and width of its file's card."""
    stamp: Stamp | None = None
    """What the card has to show beside its buttons."""
    large: bool = False
    fill: str = ""

    def line_x(self, line: Line) -> int:
        """Where a line begins."""
        return self.text_x + (self.text_width - line.width if line.rtl else 0)

    def lines_in_view(self, top: int, height: int) -> Iterator[tuple[Line, int]]:
        """Those of the text that a view of this height shows, and how far down each stands, where
        the row is at `top`; a row that isn't higher than the view has all."""
        whole = self.height <= height or not self.flow.lines
        low = top + self.text_y
        first = 0 if whole else max(0, -low // self.line_height)
        end = len(self.flow.lines)
        last = end if whole else min(end, (height - low) // self.line_height + 1)
        for index in range(first, last):
            yield self.flow.lines[index], low + index * self.line_height


class Brush:
    """Adds to blocks what is painted of them; knows how wide and high texts are."""

    def __init__(self, theme: Theme) -> None:
        self.theme = theme
        self.heights = {name: font.metrics("linespace") for name, font in theme.fonts.items()}
        self._inline = Inline(theme)

    def wide(self, text: str, font: str) -> int:
        return self._inline.width(text, font)

    def cut(self, text: str, font: str, width: int) -> str:
        """With an ellipsis where it is wider."""
        return self._inline.cut(text, font, width)

    def text(
        self, block: Block, x: int, y: int, said: str, font: str, colour: str, anchor: Anchor = "w"
    ) -> None:
        named = self.theme.fonts[font]
        block.items.append(
            lambda canvas, top, tag: canvas.create_text(
                x, top + y, text=said, font=named, fill=colour, anchor=anchor, tags=(tag, "ink"),
            )
        )  # fmt: skip

    def rich(
        self, block: Block, x: int, y: int, said: str, font: str, colour: str, width: int
    ) -> None:
        """One line of what others wrote, cut at `width`."""
        block.items.append(
            lambda canvas, top, tag: self._inline.put(
                canvas, x, top + y, said, font, colour, width, (tag, "ink")
            )
        )

    def line(self, block: Block, left: int, y: int, right: int, colour: str) -> None:
        block.items.append(
            lambda canvas, top, tag: canvas.create_line(
                left, top + y, right, top + y, fill=colour, width=self.theme.px(1), tags=tag
            )
        )  # fmt: skip

    def picture(self, block: Block, x: int, y: int, image: Picture, anchor: Anchor = "nw") -> None:
        block.items.append(
            lambda canvas, top, tag: canvas.create_image(
                x, top + y, image=image, anchor=anchor, tags=(tag, "ink"),
            )
        )  # fmt: skip

    def marks(self, block: Block, x: int, y: int, height: int, marks: Iterable[Mark]) -> None:
        """After a name that ends at `x`, on a line of this height; each tells what it means."""
        size, gap = self.theme.px(SIZE), self.theme.px(GAP)
        for mark in marks:
            x += gap
            self.picture(block, x, y + height // 2, picture(self.theme, mark), "w")
            block.hits.append(Hit(x, y, x + size, y + height, "mark", mark.name))
            x += size

    def box(self, block: Block, box: tuple[int, int, int, int], colour: str, radius: int) -> None:
        left, top, right, bottom = box
        image = self.theme.pill(right - left, bottom - top, radius, colour)
        self.picture(block, left, top, image)

    def rounded(
        self,
        block: Block,
        box: tuple[int, int, int, int],
        colour: str,
        radii: tuple[int, int, int, int],
    ) -> None:
        """Corners north-west, north-east, south-west, south-east: pictures, and boxes between."""
        left, top, right, bottom = box
        size = min(max(radii), (right - left) // 2, (bottom - top) // 2)
        corners = [
            self.theme.corner(min(radius, size), size, colour, which)
            for radius, which in zip(radii, ("nw", "ne", "sw", "se"), strict=True)
        ]
        places = (
            (left, top), (right - size, top), (left, bottom - size), (right - size, bottom - size)
        )  # fmt: skip

        def paint(canvas: tk.Canvas, y: int, tag: str) -> None:
            low, high = -canvas.winfo_height(), 2 * canvas.winfo_height()
            for x1, y1, x2, y2 in (
                (left + size, top, right - size, bottom),
                (left, top + size, left + size, bottom - size),
                (right - size, top + size, right, bottom - size),
            ):
                # X knows 16 bits of a coordinate: what is far out of view isn't drawn.
                canvas.create_rectangle(
                    x1, max(y + y1, low), x2, min(y + y2, high), fill=colour, width=0, tags=tag
                )
            for (x, at), image in zip(places, corners, strict=True):
                canvas.create_image(x, y + at, image=image, anchor="nw", tags=tag)

        block.items.append(paint)

    def ring(
        self, canvas: tk.Canvas, box: tuple[int, int, int, int], radii: tuple[int, int, int, int],
        colour: str, tag: str,
    ) -> None:  # fmt: skip
        """A line around a box of the canvas; corners as of `rounded`."""
        left, top, right, bottom = box
        line = self.theme.px(2)
        size = min(max(radii) or line, (right - left) // 2, (bottom - top) // 2)
        for which, radius, x, y in zip(
            ("nw", "ne", "sw", "se"), radii, (left, right - size, left, right - size),
            (top, top, bottom - size, bottom - size), strict=True,
        ):  # fmt: skip
            image = self.theme.corner(min(radius, size), size, colour, which, line)
            canvas.create_image(x, y, image=image, anchor="nw", tags=tag)
        first, height = int(canvas.canvasy(0)), canvas.winfo_height()
        low, high = first - height, first + 2 * height
        for x1, y1, x2, y2 in (
            (left + size, top, right - size, top + line),
            (left + size, bottom - line, right - size, bottom),
            (left, top + size, left + line, bottom - size),
            (right - line, top + size, right, bottom - size),
        ):
            canvas.create_rectangle(
                x1, max(y1, low), x2, min(y2, high), fill=colour, width=0, tags=tag
            )
