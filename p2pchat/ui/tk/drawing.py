"""Small smooth pictures (circles, pills, icons) drawn here, since Tk draws without smoothing."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Callable, Sequence
from functools import partial

from PIL import Image, ImageDraw

Point = tuple[float, float]
Stroke = Sequence[Point]
"""A line through these points, in a square from (0, 0) to (24, 24)."""

Draw = Callable[[ImageDraw.ImageDraw, int], object]
"""With a pen on a mask that is so many times larger."""
SMOOTH = 6
SIGN_FILL, SIGN_MARK = "#0a62c4", "#ff5a4f"
STROKE = 1.7
"""The pen's width in the square of 24."""


def _arc(x: float, y: float, radius: float, start: float, end: float, steps: int = 20) -> Stroke:
    """Degrees, clockwise from three o'clock."""
    turns = [math.radians(start + (end - start) * i / steps) for i in range(steps + 1)]
    return [(x + radius * math.cos(t), y + radius * math.sin(t)) for t in turns]


_RAYS = [
    [
        (12 + 7 * math.cos(math.radians(a)), 12 + 7 * math.sin(math.radians(a))),
        (12 + 9 * math.cos(math.radians(a)), 12 + 9 * math.sin(math.radians(a))),
    ]
    for a in range(0, 360, 45)
]

ICONS: dict[str, Sequence[Stroke]] = {
    "plus": [[(12, 5), (12, 19)], [(5, 12), (19, 12)]],
    "search": [_arc(10.5, 10.5, 6, 0, 360, 28), [(15, 15), (20, 20)]],
    "link": [
        [(9.5, 14.5), (14.5, 9.5)],
        [*_arc(16, 8, 4.2, -135, 45), (16.5, 13.5)],
        [(11, 5), (13, 5)],
        [*_arc(8, 16, 4.2, 45, 225), (7.5, 10.5)],
        [(11, 19), (13, 19)],
    ],
    "sun": [_arc(12, 12, 4, 0, 360, 24), *_RAYS],
    "moon": [[*_arc(12, 12, 8, 10, 260, 28), *_arc(15.5, 8.5, 6.5, 220, 50, 20)]],
    "send": [
        [(4, 5), (20.5, 12), (4, 19), (6.5, 12), (4, 5)],
        [(6.5, 12), (13, 12)],
    ],
    "close": [[(6, 6), (18, 18)], [(18, 6), (6, 18)]],
    "down": [[(6, 9.5), (12, 15.5), (18, 9.5)]],
    "more": [[(5, 12), (5.01, 12)], [(12, 12), (12.01, 12)], [(19, 12), (19.01, 12)]],
    "lock": [
        [(6, 11), (18, 11), (18, 20), (6, 20), (6, 11)],
        [(8.5, 11), (8.5, 8), *_arc(12, 8, 3.5, 180, 360, 14), (15.5, 11)],
    ],
    "check": [[(5, 12.5), (10, 17.5), (19, 7)]],
    "registered": [
        _arc(12, 9, 5.6, 0, 360, 28),
        [(9, 14), (7.6, 21), (12, 18.4), (16.4, 21), (15, 14)],
    ],
    "announce": [
        [(4, 10), (8, 10), (17, 5), (17, 19), (8, 14), (4, 14), (4, 10)],
        [(8, 14.5), (9.5, 20), (12, 20), (11, 15.5)],
        [(20, 10), (20, 14)],
    ],
    "warning": [
        [(12, 4), (21, 20), (3, 20), (12, 4)],
        [(12, 10), (12, 14.5)],
        [(12, 17.2), (12, 17.3)],
    ],
    "tick": [[(5, 12.5), (10, 17.5), (19, 7)]],
    "ticks": [[(1.5, 12.5), (6.5, 17.5), (15.5, 7)], [(11.5, 16.5), (12.5, 17.5), (21.5, 7)]],
    "smile": [
        _arc(12, 12, 8.5, 0, 360, 36),
        _arc(12, 12.5, 4.6, 20, 160, 14),
        [(9, 9.6), (9, 10.2)],
        [(15, 9.6), (15, 10.2)],
    ],
    "clock": [_arc(12, 12, 8.5, 0, 360, 36), [(12, 7.5), (12, 12), (15, 14)]],
    "up": [[(6, 14.5), (12, 8.5), (18, 14.5)]],
    "left": [[(14.5, 6), (8.5, 12), (14.5, 18)]],
    "right": [[(9.5, 6), (15.5, 12), (9.5, 18)]],
    "reply": [[(9, 6), (4, 11), (9, 16)], [(4, 11), (14, 11), *_arc(14, 17, 6, -90, 0, 12)]],
    "attach": [
        [
            (19, 11.5),
            (12, 18.5),
            *_arc(9, 15.5, 4.2, 45, 225, 14),
            (13, 5.5),
            *_arc(15, 7.5, 2.8, 225, 405, 12),
            (9.5, 17),
            *_arc(8.5, 16, 1.4, 45, 225, 8),
            (14.5, 8.5),
        ]
    ],
    "file": [
        [(6, 3.5), (14, 3.5), (18.5, 8), (18.5, 20.5), (6, 20.5), (6, 3.5)],
        [(14, 3.5), (14, 8), (18.5, 8)],
    ],
    "folder": [
        [(3.5, 6), (9.5, 6), (11.5, 8.5), (20.5, 8.5), (20.5, 19), (3.5, 19), (3.5, 6)],
    ],
    "pencil": [[(5, 19), (6, 15), (16, 5), (19, 8), (9, 18), (5, 19)]],
}


def circle(size: int, colour: str) -> bytes:
    return _shape(
        size, size, colour, lambda pen, n: pen.ellipse((0, 0, n * size - 1, n * size - 1), 255)
    )


def ringed(size: int, ring: int, colour: str, around: str) -> bytes:
    """A dot of `colour` on a larger one of `around`, which sets it off from what it lies on."""
    inner = size - 2 * ring
    image = _filled(
        size, size, around, lambda pen, n: pen.ellipse((0, 0, n * size - 1, n * size - 1), 255)
    )
    dot = _filled(
        inner, inner, colour, lambda pen, n: pen.ellipse((0, 0, n * inner - 1, n * inner - 1), 255)
    )
    image.alpha_composite(dot, (ring, ring))
    return _png(image)


def pill(width: int, height: int, radius: float, colour: str) -> bytes:
    """A rectangle with round corners."""
    width, height = max(width, 1), max(height, 1)
    radius = min(radius, width / 2, height / 2)

    def draw(pen: ImageDraw.ImageDraw, n: int) -> None:
        pen.rounded_rectangle((0, 0, n * width - 1, n * height - 1), n * radius, 255)

    return _shape(width, height, colour, draw)


def button(size: int, radius: float, fill: str, edge: str, line: int) -> bytes:
    """A square with round corners and an edge of `line` pixels."""
    image = _filled(
        size, size, edge,
        lambda pen, n: pen.rounded_rectangle((0, 0, n * size - 1, n * size - 1), n * radius, 255),
    )  # fmt: skip
    inner = size - 2 * line
    image.alpha_composite(
        _filled(
            inner, inner, fill,
            lambda pen, n: pen.rounded_rectangle(
                (0, 0, n * inner - 1, n * inner - 1), n * (radius - line), 255
            ),
        ),
        (line, line),
    )  # fmt: skip
    return _png(image)


def corner(radius: int, size: int, colour: str, which: str, line: int = 0) -> bytes:
    """A square with one round corner: `nw`, `ne`, `sw` or `se`; with `line` only its edge, so
    many pixels wide."""

    def draw(pen: ImageDraw.ImageDraw, n: int) -> None:
        # Of a larger rectangle the other corners lie outside.
        side = n * size
        left, right = (0, 3 * side) if "w" in which else (-2 * side, side - 1)
        top, bottom = (0, 3 * side) if "n" in which else (-2 * side, side - 1)
        box = (left, top, right, bottom)
        if line:
            pen.rounded_rectangle(box, n * radius, 0, 255, n * line)
        else:
            pen.rounded_rectangle(box, n * radius, 255)

    return _shape(size, size, colour, draw)


def choice(size: int, height: int, dot: str, tick: str) -> bytes:
    """A dot, and a tick of this size before it where `tick` is a colour."""
    image = Image.new("RGBA", (3 * size, height))
    if tick:
        image.alpha_composite(_icon("check", size, tick), (0, (height - size) // 2))
    inner = size * 5 // 8
    spot = _filled(
        inner, inner, dot, lambda pen, n: pen.ellipse((0, 0, *(n * inner - 1,) * 2), 255)
    )
    image.alpha_composite(spot, (size * 3 // 2, (height - inner) // 2))
    return _png(image)


def icon(name: str, size: int, colour: str) -> bytes:
    """One of ICONS."""
    return _png(_icon(name, size, colour))


def _icon(name: str, size: int, colour: str) -> Image.Image:
    scale = size / 24
    width = max(STROKE * scale, 1.2) * (1.6 if name == "more" else 1)

    def draw(pen: ImageDraw.ImageDraw, n: int) -> None:
        half = n * width / 2
        for stroke in ICONS[name]:
            points = [(n * scale * x, n * scale * y) for x, y in stroke]
            pen.line(points, 255, round(n * width))
            for x, y in points:
                pen.ellipse((x - half, y - half, x + half, y + half), 255)

    return _filled(size, size, colour, draw)


def _shape(width: int, height: int, colour: str, draw: Draw) -> bytes:
    return _png(_filled(width, height, colour, draw))


def _filled(width: int, height: int, colour: str, draw: Draw) -> Image.Image:
    """Drawn larger, and then made smaller: that smooths its edges."""
    mask = Image.new("L", (SMOOTH * width, SMOOTH * height), 0)
    draw(ImageDraw.Draw(mask), SMOOTH)
    image = Image.new("RGBA", (width, height), colour)
    image.putalpha(mask.resize((width, height), Image.Resampling.BOX))
    return image


def _png(image: Image.Image) -> bytes:
    """As PhotoImage takes it."""
    out = io.BytesIO()
    image.save(out, "PNG", compress_level=1)
    return base64.b64encode(out.getvalue())


def logo(size: int, fill: str, ink: str) -> bytes:
    """The program's sign, in these colours."""
    return _png(_sign(size, fill, ink))


def sign(size: int, marked: bool = False) -> Image.Image:
    """The program's sign, for the desktop around the window; marked: something waits there."""
    image = _sign(size, SIGN_FILL, "#ffffff")
    if marked:
        for radius, colour in ((6.5, SIGN_FILL), (5.5, SIGN_MARK)):
            image.alpha_composite(_filled(size, size, colour, partial(_dot, size / 24, radius)))
    return image


def _dot(scale: float, radius: float, pen: ImageDraw.ImageDraw, n: int) -> None:
    """At the upper right."""
    edges = 18 - radius, 6 - radius, 18 + radius, 6 + radius
    pen.ellipse([n * scale * edge for edge in edges], 255)


def _sign(size: int, fill: str, ink: str) -> Image.Image:
    """A speech bubble with three dots on a rounded square."""
    scale = size / 24

    def box(*edges: float) -> tuple[float, ...]:
        return tuple(SMOOTH * scale * edge for edge in edges)

    def bubble(pen: ImageDraw.ImageDraw, n: int) -> None:
        pen.rounded_rectangle(box(5, 6, 19, 15.5), n * scale * 3, 255)
        pen.polygon(box(7.5, 15, 7.5, 19, 11.5, 15), 255)
        for x in (8.8, 12, 15.2):
            pen.ellipse(box(x - 1.1, 9.65, x + 1.1, 11.85), 0)

    image = _filled(
        size,
        size,
        fill,
        lambda pen, n: pen.rounded_rectangle(box(0, 0, 24, 24), n * scale * 6, 255),
    )
    image.alpha_composite(_filled(size, size, ink, bubble))
    return image
