"""What stands in a bubble, one part below the other: name, quote, text, card, reactions, time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from p2pchat.ui.language import _, ngettext
from p2pchat.ui.presenters import markup, words
from p2pchat.ui.presenters.flow import flow
from p2pchat.ui.presenters.markup import Span, SpanKind
from p2pchat.ui.presenters.timeline import Delivery, Row
from p2pchat.ui.tk.block import Block, Hit, Stamp
from p2pchat.ui.tk.filecard import TICK, WIDTH
from p2pchat.ui.tk.marks import width as mark_width

if TYPE_CHECKING:
    from p2pchat.ui.tk.bubble import Typesetter

LARGE_EMOJI = 44
TICKS = {
    Delivery.NONE: "", Delivery.STORED: "tick", Delivery.DELIVERED: "ticks", Delivery.READ: "ticks",
}  # fmt: skip


class Stack:
    """What stands in a bubble, one below the other."""

    def __init__(self, setter: Typesetter, block: Block, most: int, own: bool) -> None:
        self.width = 0
        self.height = 0
        self._last_width = -1
        """Of what the time may stand beside; -1: of nothing."""
        self._ends_with_card = False
        self._setter = setter
        self._brush = setter.brush
        self._block = block
        self._most = most
        self._own = own
        self._placers: list[tuple[int, Callable[[int, int], None]]] = []
        self._px = setter.brush.theme.px
        self._colours = setter.brush.theme.palette

    def _add(self, width: int, height: int, place: Callable[[int, int], None]) -> None:
        self._placers.append((self.height, place))
        self.width = max(self.width, min(width, self._most))
        self.height += height

    def place(self, x: int, y: int) -> None:
        for top, place in self._placers:
            place(x, y + top)

    def fill_in(self) -> None:
        row = self._block.row
        if row.heading and not self._own and not self._setter.direct:
            self._name(row)
        if row.quote is not None:
            self._quote(row)
        card = self._setter.card_height(row.file_id) if row.file_id else None
        if card is not None:
            self._card(card)
        else:
            self._text(row)
        if row.hidden_lines:
            self._more(row)
        if row.reactions:
            self._chips(row)
        self._foot(row)

    def _name(self, row: Row) -> None:
        brush, px = self._brush, self._px
        hue = words.hue(row.author, len(self._colours.names))
        marked = mark_width(brush.theme, row.marks)
        said = brush.cut(row.label, "name", self._most - marked)
        width, height = brush.wide(said, "name"), brush.heights["name"]

        def place(x: int, y: int) -> None:
            colour = self._colours.names[hue]
            brush.rich(self._block, x, y + height // 2, said, "name", colour, self._most)
            self._block.hits.append(Hit(x, y, x + width, y + height, "name", row.author))
            brush.marks(self._block, x + width, y, height, row.marks)

        self._add(width + marked, height + px(2), place)

    def _quote(self, row: Row) -> None:
        brush, px, quote = self._brush, self._px, row.quote
        assert quote is not None
        inner = self._most - px(14)
        marked = mark_width(brush.theme, quote.marks)
        author = brush.cut(quote.author, "badge", inner - marked)
        said = brush.cut(quote.text, "small", inner)
        line = brush.heights["small"]
        height = line * (2 if author else 1) + px(4)
        named = brush.wide(author, "badge")
        width = max(named + marked, brush.wide(said, "small")) + px(14)
        accent = self._colours.accent

        def place(x: int, y: int) -> None:
            block = self._block
            bar = (x, y + px(1), x + px(3), y + height - px(1))
            block.items.append(
                lambda canvas, top, tag: canvas.create_rectangle(
                    bar[0], top + bar[1], bar[2], top + bar[3], fill=accent, width=0, tags=tag
                )
            )  # fmt: skip
            if author:
                brush.rich(block, x + px(11), y + px(2) + line // 2, author, "badge", accent, inner)
                brush.marks(block, x + px(11) + named, y + px(2), line, quote.marks)
            low = y + height - px(2) - line // 2
            brush.rich(block, x + px(11), low, said, "small", self._colours.muted, inner)
            block.hits.append(Hit(x, y, x + width, y + height, "quote", quote.message_id))

        self._add(width, height + px(5), place)

    def _card(self, height: int) -> None:
        width = min(self._most, self._px(WIDTH))

        def place(x: int, y: int) -> None:
            self._block.card = (x, y, width)

        self._add(width, height, place)
        self._ends_with_card = not (self._block.row.hidden_lines or self._block.row.reactions)

    def _text(self, row: Row) -> None:
        setter, block = self._setter, self._block
        names = () if row.removed else setter.mentions
        spans = [Span(SpanKind.PLAIN, row.text)] if row.removed else markup.spans(row.text, names)
        block.line_height = self._px(LARGE_EMOJI + 4) if block.large else setter.line_height
        block.flow = flow(list(spans), self._most, setter.measure_of(block), setter.reorder)
        height = len(block.flow.lines) * block.line_height

        def place(x: int, y: int) -> None:
            block.text_x, block.text_y, block.text_width = x, y, self.width

        self._add(block.flow.width, height, place)
        last = block.flow.lines[-1]
        plain = not (last.rtl or last.block or block.large)
        self._last_width = last.width if plain else -1

    def _more(self, row: Row) -> None:
        brush, px = self._brush, self._px
        said = _("Show less") if row.hidden_lines < 0 else _("Show more")
        if row.hidden_lines > 1:  # else it may be a long one
            lines = ngettext("{number} more line", "{number} more lines", row.hidden_lines)
            said = _("Show more ({lines})").format(lines=lines)
        width, height = brush.wide(said, "small"), brush.heights["small"] + px(6)

        def place(x: int, y: int) -> None:
            brush.text(self._block, x, y + height // 2, said, "small", self._colours.accent)
            self._block.hits.append(Hit(x, y, x + width, y + height, "more", ""))

        self._add(width, height, place)
        self._last_width = width

    def _chips(self, row: Row) -> None:
        setter, px = self._setter, self._px
        height, gap = px(24), px(6)
        placed: list[tuple[int, int, int]] = []
        x, y = 0, px(5)
        for reaction in row.reactions:
            width = px(20) + setter.emoji_size + self._brush.wide(str(reaction.count), "small")
            if x and x + width > self._most:
                x, y = 0, y + height + px(4)
            placed.append((x, y, width))
            x += width + gap
        most = max(left + width for left, _, width in placed)
        self._last_width = x

        def place(x: int, y: int) -> None:
            for reaction, (dx, dy, width) in zip(row.reactions, placed, strict=True):
                self._chip(reaction.emoji, reaction.count, reaction.mine, x + dx, y + dy, width)

        self._add(most, y + height + px(2), place)

    def _chip(self, chars: str, count: int, mine: bool, x: int, y: int, width: int) -> None:
        setter, px, block, colours = self._setter, self._px, self._block, self._colours
        height, middle = px(24), y + px(12)
        fill = colours.chip_mine if mine else colours.surface
        ink = colours.accent if mine else colours.muted
        self._brush.box(block, (x, y, x + width, y + height), fill, px(12))
        image = self._brush.theme.pictures.emoji(chars, setter.emoji_size)
        if image is not None:
            self._brush.picture(block, x + px(7), middle, image, "w")
        else:
            self._brush.text(block, x + px(7), middle, chars[:2], "small", ink)
        right = x + width - px(8)
        self._brush.text(block, right, middle, str(count), "small", ink, "e")
        block.hits.append(Hit(x, y, x + width, y + height, "react", chars))

    def _foot(self, row: Row) -> None:
        """The time, at the right of the last line where there is room, else below it; a card that
        nothing follows shows it beside its buttons."""
        brush, px, block, stamp = self._brush, self._px, self._block, self._stamp(row)
        if self._ends_with_card:
            block.stamp = stamp
            return
        width = brush.wide(stamp.text, "tiny") + (px(20) if stamp.tick else 0)
        height = brush.heights["tiny"]
        beside = self._last_width >= 0 and self._last_width + px(14) + width <= self._most
        if beside:
            self.width = max(self.width, self._last_width + px(14) + width)
        else:
            self._add(width, height, lambda x, y: None)
        bottom = self.height

        def place(x: int, y: int) -> None:
            right = x + self.width
            top = y + bottom - height
            block.hits.append(Hit(right - width, top, right, y + bottom, "time", ""))
            middle = y + bottom - height // 2 - (px(1) if beside else 0)
            if stamp.tick:
                image = brush.theme.icon(stamp.tick, px(TICK), stamp.tick_ink)
                brush.picture(block, right, middle, image, "e")
                right -= px(20)
            brush.text(block, right, middle, stamp.text, "tiny", stamp.ink, "e")

        self._placers.append((0, place))

    def _stamp(self, row: Row) -> Stamp:
        said = " · ".join(part for part in (row.note, row.time) if part)
        ink = self._colours.own_faint if self._own else self._colours.faint
        tick_ink = self._colours.accent if row.delivery == Delivery.READ else ink
        return Stamp(said, ink, TICKS[row.delivery], tick_ink)
