"""Small smooth pictures (circles, pills, icons) drawn here, since Tk draws without smoothing.

Shapes are distance fields: a pixel's opacity follows from its distance to the outline.
"""

from __future__ import annotations

import base64
import itertools
import math
import struct
import zlib
from collections.abc import Callable, Sequence

Point = tuple[float, float]
Stroke = Sequence[Point]
"""A line through these points, in a square from (0, 0) to (24, 24)."""

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


def circle(size: int, colour: str) -> str:
    middle = size / 2

    def distance(x: float, y: float) -> float:
        return math.hypot(x - middle, y - middle) - middle

    return _picture(size, size, colour, distance)


def ringed(size: int, ring: int, colour: str, around: str) -> str:
    """A dot of `colour` on a larger one of `around`, which sets it off from what it lies on."""
    middle = size / 2
    inner, outer = _rgb(colour), _rgb(around)

    def pixel(x: int, y: int) -> bytes:
        distance = math.hypot(x + 0.5 - middle, y + 0.5 - middle)
        part = _clamp(middle - ring - distance + 0.5)
        mixed = [round(i * part + o * (1 - part)) for i, o in zip(inner, outer, strict=True)]
        return bytes([*mixed, round(255 * _clamp(middle - distance + 0.5))])

    rows = [b"".join(pixel(x, y) for x in range(size)) for y in range(size)]
    return _png(size, size, rows)


def pill(width: int, height: int, radius: float, colour: str) -> str:
    """A rectangle with round corners."""
    width, height = max(width, 1), max(height, 1)
    radius = min(radius, width / 2, height / 2)
    rgb = bytes(_rgb(colour))
    edge = math.ceil(radius)
    full = rgb + b"\xff"

    def row(y: float) -> bytes:
        dy = max(radius - y, y - (height - radius), 0.0)
        corner = [
            rgb + bytes([round(255 * _clamp(radius - math.hypot(radius - x - 0.5, dy) + 0.5))])
            for x in range(edge)
        ]
        return b"".join(corner) + full * (width - 2 * edge) + b"".join(reversed(corner))

    if width < 2 * edge:
        width = 2 * edge
    middle = full * width
    rows = [middle if radius <= y <= height - radius - 1 else row(y + 0.5) for y in range(height)]
    return _png(width, height, rows)


def corner(radius: int, size: int, colour: str, which: str) -> str:
    """A square with one round corner: `nw`, `ne`, `sw` or `se`."""
    x0 = radius if "w" in which else size - radius
    y0 = radius if "n" in which else size - radius

    def distance(x: float, y: float) -> float:
        dx = x0 - x if "w" in which else x - x0
        dy = y0 - y if "n" in which else y - y0
        return math.hypot(dx, dy) - radius if dx > 0 and dy > 0 else -1.0

    return _picture(size, size, colour, distance)


def logo(size: int, fill: str, ink: str) -> str:
    """The program's sign: two speech bubbles' worth of lines on a rounded square."""
    background, foreground = _rgb(fill), _rgb(ink)
    scale = size / 24

    def box(
        x: float, y: float, left: float, top: float, right: float, bottom: float, r: float
    ) -> float:
        dx = abs(x - (left + right) / 2) - (right - left) / 2 + r
        dy = abs(y - (top + bottom) / 2) - (bottom - top) / 2 + r
        return math.hypot(max(dx, 0), max(dy, 0)) + min(max(dx, dy), 0) - r

    def pixel(column: int, row: int) -> bytes:
        x, y = (column + 0.5) / scale, (row + 0.5) / scale
        bubble = box(x, y, 5, 6, 19, 15.5, 3)
        tail = max(7.5 - x, (x - 7.5) + (y - 19), 14 - y)
        dots = min(math.hypot(x - at, y - 10.75) for at in (8.8, 12, 15.2)) - 1.1
        part = _clamp(0.5 - max(min(bubble, tail), -dots) * scale)
        mixed = [
            round(f * part + b * (1 - part)) for f, b in zip(foreground, background, strict=True)
        ]
        return bytes([*mixed, round(255 * _clamp(0.5 - box(x, y, 0, 0, 24, 24, 6) * scale))])

    return _png(size, size, [b"".join(pixel(x, y) for x in range(size)) for y in range(size)])


def icon(name: str, size: int, colour: str) -> str:
    """One of ICONS."""
    scale = size / 24
    pen = max(STROKE * scale, 1.2) / 2
    lines = [
        (a[0] * scale, a[1] * scale, b[0] * scale, b[1] * scale)
        for stroke in ICONS[name]
        for a, b in itertools.pairwise(stroke)
        if a != b
    ]
    pen = pen * 1.6 if name == "more" else pen

    def distance(x: float, y: float) -> float:
        return min(_to_line(x, y, *line) for line in lines) - pen

    return _picture(size, size, colour, distance)


def _to_line(x: float, y: float, ax: float, ay: float, bx: float, by: float) -> float:
    dx, dy = bx - ax, by - ay
    along = ((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy)
    along = _clamp(along)
    return math.hypot(x - ax - along * dx, y - ay - along * dy)


def _picture(
    width: int, height: int, colour: str, distance: Callable[[float, float], float]
) -> str:
    rgb = bytes(_rgb(colour))
    rows = [
        b"".join(
            rgb + bytes([round(255 * _clamp(0.5 - distance(x + 0.5, y + 0.5)))])
            for x in range(width)
        )
        for y in range(height)
    ]
    return _png(width, height, rows)


def _png(width: int, height: int, rows: Sequence[bytes]) -> str:
    """Rows of RGBA as a PNG in base64, as PhotoImage takes it (PNG specification, chapter 5)."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row for row in rows), 1)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    return base64.b64encode(png).decode()


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _clamp(value: float) -> float:
    return min(1.0, max(0.0, value))
