"""One message as it is drawn: where its parts stand for a width, and how they are painted."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Collection

from p2pchat.ui import emoji
from p2pchat.ui.language import _
from p2pchat.ui.presenters import words
from p2pchat.ui.presenters.flow import Flow, Measure, Part, flow
from p2pchat.ui.presenters.markup import Span, SpanKind
from p2pchat.ui.presenters.timeline import Row, Voice
from p2pchat.ui.tk.block import Block, Brush, Hit
from p2pchat.ui.tk.stack import LARGE_EMOJI, Stack
from p2pchat.ui.tk.theme import Theme

AVATAR = 34
PAD_X, PAD_Y = 12, 7
EDGE = 18
"""Left and right of the column of messages."""
MOST_WIDTH = 580
COLUMN = 1000
"""A wider window has empty margins: lines that are too long read badly."""
RADIUS, INNER_RADIUS = 14, 5
"""Of a bubble's corners; the inner ones stand where it follows another of its author."""
MOST_LARGE = 3
CODE_AIR = 3
"""Left and right of code within a line, on its ground."""
CARD_HEIGHT = 96
"""Until the card has said how high it is."""
FONTS = {
    SpanKind.PLAIN: "body", SpanKind.LINK: "body", SpanKind.CODE: "fixed",
    SpanKind.BLOCK: "fixed", SpanKind.MENTION: "strong", SpanKind.EMOJI: "body",
}  # fmt: skip


class Typesetter:
    """Makes blocks, and paints them."""

    def __init__(self, theme: Theme) -> None:
        self.mentions: Collection[str] = frozenset()
        """Names, in lower case, that stand out after an @."""
        self.direct = False
        """A conversation of two: nobody has to be told apart."""
        self.face_of: Callable[[str], str | None] = lambda peer_id: None
        """A person's picture, as in their profile."""
        self.card_height: Callable[[str], int | None] = lambda file_id: None
        """None: the message has no card."""
        self._theme = theme
        self.reorder = not theme.native_bidi
        self.brush = Brush(theme)
        self._widths: dict[tuple[SpanKind, str], int] = {}
        heights = self.brush.heights
        self.line_height = max(heights["body"], heights["fixed"]) + theme.px(2)
        self.emoji_size = round(theme.px(14) * 1.36)

    # -- measuring

    def measure(self, kind: SpanKind, text: str) -> int:
        if kind == SpanKind.EMOJI:
            return self.emoji_size + self._theme.px(2)
        key = (kind, text)
        width = self._widths.get(key)
        if width is None:
            width = self._theme.fonts[FONTS[kind]].measure(text)
            if kind == SpanKind.CODE:
                width += 2 * self._theme.px(CODE_AIR)
            if len(self._widths) > 20_000:
                self._widths.clear()
            self._widths[key] = width
        return width

    def measure_of(self, block: Block) -> Measure:
        """As the block's text was set."""
        size = self._theme.px(LARGE_EMOJI + 4)
        return (lambda kind, text: size) if block.large else self.measure

    # -- setting

    def guess(self, row: Row) -> int:
        """About how high the row is, for what isn't in view."""
        lines = 1 + row.text.count("\n") + len(row.text) // 70
        more = 24 * bool(row.reactions) + 40 * bool(row.quote) + CARD_HEIGHT * bool(row.file_id)
        return self._theme.px(22 + 24 * row.heading + 44 * bool(row.day) + more) + (
            lines * self.line_height
        )

    def set(self, row: Row, width: int) -> Block:
        block = Block(row, 0, Flow("", (), 0))
        top = self._above(block, width)
        if row.voice == Voice.SYSTEM:
            self._system(block, width, top)
        else:
            self._message(block, width, top)
        return block

    def _above(self, block: Block, width: int) -> int:
        """The day, and the line above the first unread message."""
        px, row, top = self._theme.px, block.row, 0
        if row.day:
            self._day(block, row.day, width // 2, px(26))
            top = px(44)
        if row.first_unread:
            said = _("New messages")
            half, y = self.brush.wide(said, "badge") // 2 + px(12), top + px(15)
            accent = self._theme.palette.accent
            for left, right in (
                (px(EDGE), width // 2 - half),
                (width // 2 + half, width - px(EDGE)),
            ):
                self.brush.line(block, left, y, right, accent)
            self.brush.text(block, width // 2, y, said, "badge", accent, "center")
            top += px(28)
        return top

    def _system(self, block: Block, width: int, top: int) -> None:
        """In the middle, without a bubble or a picture: what nobody can write."""
        px, row = self._theme.px, block.row
        said = f"{row.text}  ·  {row.time}"
        inner = min(width - px(120), px(MOST_WIDTH))
        lines = flow(
            [Span(SpanKind.PLAIN, said)], inner,
            lambda kind, text: self.brush.wide(text, "small"), self.reorder,
        ).lines  # fmt: skip
        height = self.brush.heights["small"] + px(2)
        wide = max(line.width for line in lines)
        y = top + px(8)
        box = (
            (width - wide) // 2 - px(12), y - px(2),
            (width + wide) // 2 + px(12), y + len(lines) * height + px(4),
        )  # fmt: skip
        self.brush.box(block, box, self._theme.palette.system_fill, px(11))
        for index, line in enumerate(lines):
            drawn = "".join(part.drawn for part in line.parts).rstrip()
            self.brush.text(
                block, width // 2, y + px(1) + index * height + height // 2, drawn, "small",
                self._theme.palette.system, "center",
            )  # fmt: skip
        block.flow = Flow(row.text, (), 0)
        block.height = y + len(lines) * height + px(10)

    def _message(self, block: Block, width: int, top: int) -> None:
        px, row = self._theme.px, block.row
        own = row.voice == Voice.OWN
        margin = max(0, (width - px(COLUMN)) // 2)
        left = margin + px(EDGE if own or self.direct else EDGE + AVATAR + 10)
        right = width - margin - px(EDGE)
        top += px(11 if row.heading else 3)
        most = max(px(120), min(px(MOST_WIDTH), right - left - px(36)) - 2 * px(PAD_X))
        colours = self._theme.palette
        block.fill = (
            colours.own_fill if own
            else colours.warning_fill if row.mentions_me
            else colours.other_fill
        )  # fmt: skip
        block.large = self._is_large(row)
        parts = Stack(self, block, most, own)
        parts.fill_in()
        inner, height = parts.width, parts.height
        x = right - inner - 2 * px(PAD_X) if own else left
        box = (x, top, x + inner + 2 * px(PAD_X), top + height + 2 * px(PAD_Y))
        if not block.large:
            self._bubble(block, box, own)
        if row.heading and not own and not self.direct:
            self._avatar(block, margin + px(EDGE), top)
        parts.place(x + px(PAD_X), top + px(PAD_Y))
        block.bubble = box
        block.height = box[3] + px(1)

    def _is_large(self, row: Row) -> bool:
        plain = not (row.removed or row.quote or row.file_id or row.hidden_lines)
        return plain and bool(emoji.only_emoji(row.text, MOST_LARGE))

    # -- parts that are painted

    def _day(self, block: Block, said: str, x: int, y: int) -> None:
        px, colours = self._theme.px, self._theme.palette
        half = self.brush.wide(said, "badge") // 2 + px(12)
        box = (x - half, y - px(12), x + half, y + px(12))
        self.brush.box(block, box, colours.chip, px(12))
        block.hits.append(Hit(*box, "day", ""))
        self.brush.text(block, x, y, said, "badge", colours.muted, "center")

    def _bubble(self, block: Block, box: tuple[int, int, int, int], own: bool) -> None:
        px = self._theme.px
        round_, inner = px(RADIUS), px(INNER_RADIUS)
        near = inner if not block.row.heading else round_
        radii = (round_, near, round_, inner) if own else (near, round_, inner, round_)
        block.radii = radii
        self.brush.rounded(block, box, block.fill, radii)

    def _avatar(self, block: Block, x: int, y: int) -> None:
        theme, row, size = self._theme, block.row, self._theme.px(AVATAR)
        avatar, initials = self.face_of(row.author), words.initials(row.label)
        face, said = theme.face(avatar, initials, row.author, size)
        self.brush.picture(block, x, y, face)
        if said:
            self.brush.text(
                block, x + size // 2, y + size // 2, said, "avatar_small", "#ffffff", "center"
            )
        block.hits.append(Hit(x, y, x + size, y + size, "name", row.author))

    # -- painting

    def paint(self, canvas: tk.Canvas, block: Block, top: int, tag: str) -> None:
        for item in block.items:
            item(canvas, top, tag)
        if block.flow.lines:
            self._paint_lines(canvas, block, top, tag)

    def _paint_lines(self, canvas: tk.Canvas, block: Block, top: int, tag: str) -> None:
        """Those in view only: an opened message may have thousands, and one that is higher than
        the view is painted anew whenever it moves."""
        row = block.row
        own = row.voice == Voice.OWN
        colours = self._theme.palette
        plain = colours.muted if row.removed else colours.own if own else colours.other
        for line, y in block.lines_in_view(top, canvas.winfo_height()):
            x = block.line_x(line)
            if line.block:
                self._code_fill(canvas, block, y, tag)
            for part in line.parts:
                self._paint_part(canvas, block, part, x + part.x, y, tag, plain)

    def _code_fill(self, canvas: tk.Canvas, block: Block, y: int, tag: str) -> None:
        pad = self._theme.px(6)
        canvas.create_rectangle(
            block.text_x - pad, y, block.text_x + block.text_width + pad, y + block.line_height,
            fill=self._code_colour(block), width=0, tags=tag,
        )  # fmt: skip

    def _code_colour(self, block: Block) -> str:
        colours = self._theme.palette
        return colours.own_code_fill if block.row.voice == Voice.OWN else colours.code_fill

    def _paint_part(
        self, canvas: tk.Canvas, block: Block, part: Part, x: int, y: int, tag: str, plain: str
    ) -> None:
        kind, width, drawn = part.kind, part.width, part.drawn
        theme, middle = self._theme, y + block.line_height // 2
        if kind == SpanKind.EMOJI:
            ground = theme.palette.surface if block.large else block.fill
            if self.paint_emoji(canvas, block, part, x, middle, ground, (tag, "ink")):
                return
        if kind == SpanKind.CODE:
            canvas.create_rectangle(
                x, y + theme.px(2), x + width, y + block.line_height - theme.px(1),
                fill=self._code_colour(block), width=0, tags=tag,
            )  # fmt: skip
            x += theme.px(CODE_AIR)
        accent = kind in (SpanKind.LINK, SpanKind.MENTION)
        font = "italic" if block.row.removed else FONTS[kind]
        canvas.create_text(
            x, middle, text=drawn, anchor="w", font=theme.fonts[font], tags=(tag, "ink"),
            fill=theme.palette.accent if accent else plain,
        )  # fmt: skip
        if kind == SpanKind.LINK:
            low = middle + self.brush.heights["body"] // 2 - theme.px(1)
            canvas.create_line(
                x, low, x + width, low, fill=theme.palette.accent, width=theme.px(1), tags=tag
            )

    def paint_emoji(
        self, canvas: tk.Canvas, block: Block, part: Part, x: int, middle: int, ground: str,
        tags: tuple[str, ...],
    ) -> bool:  # fmt: skip
        """False where there is no picture of it."""
        size = self._theme.px(LARGE_EMOJI) if block.large else self.emoji_size
        chars = block.flow.text[part.start : part.end]
        image = self._theme.pictures.emoji(chars, size, ground)
        if image is not None:
            canvas.create_image(
                x + self._theme.px(1), middle, image=image, anchor="w", tags=tags
            )  # fmt: skip
        return image is not None
