"""Text of the conversation that is marked with the pointer, to be copied."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from p2pchat.ui.presenters.flow import Line, index_at, marked
from p2pchat.ui.presenters.markup import SpanKind
from p2pchat.ui.tk.block import Block
from p2pchat.ui.tk.theme import Theme

if TYPE_CHECKING:
    from p2pchat.ui.tk.transcript import Transcript

_WORD = re.compile(r"\w+", re.UNICODE)


class Place(NamedTuple):
    """Between two characters of a row; they compare as they stand in the conversation."""

    row: int
    char: int


class Marking:
    def __init__(self, transcript: Transcript, theme: Theme) -> None:
        self._view = transcript
        self._theme = theme
        self._ends: tuple[Place, Place] | None = None
        """Where marking began, and where it is now."""

    def clear(self) -> None:
        self._ends = None
        self.draw()

    def begin(self, x: int, y: int) -> None:
        place = self.place_at(x, y)
        self._ends = (place, place) if place else None
        self.draw()

    def extend(self, x: int, y: int) -> None:
        place = self.place_at(x, y)
        if self._ends is not None and place is not None:
            self._ends = (self._ends[0], place)
            self.draw()

    def word(self, x: int, y: int) -> None:
        place = self.place_at(x, y)
        if place is None:
            return
        text = self._text_of(place.row)
        found = (m for m in _WORD.finditer(text) if m.start() <= place.char <= m.end())
        match = next(found, None)
        if match is not None:
            self._ends = (Place(place.row, match.start()), Place(place.row, match.end()))
            self.draw()

    def whole(self, x: int, y: int) -> None:
        """All of a message."""
        place = self.place_at(x, y)
        if place is not None:
            self._ends = (Place(place.row, 0), Place(place.row, len(self._text_of(place.row))))
            self.draw()

    def shifted(self, at: int, by: int) -> None:
        """Rows came or went before `at`."""
        if self._ends is not None:
            moved = [Place(p.row + by, p.char) if p.row >= at else p for p in self._ends]
            self._ends = (moved[0], moved[1]) if min(p.row for p in moved) >= 0 else None

    @property
    def text(self) -> str:
        """What is marked, as it was written; of several messages with their authors."""
        if self._ends is None:
            return ""
        first, last = sorted(self._ends)
        if first.row == last.row:
            return self._text_of(first.row)[first.char : last.char]
        lines = []
        for index in range(first.row, min(last.row, len(self._view.rows) - 1) + 1):
            row, text = self._view.rows[index], self._text_of(index)
            start = first.char if index == first.row else 0
            end = last.char if index == last.row else len(text)
            if text[start:end]:
                lines.append(f"{row.label}, {row.time}: {text[start:end]}")
        return "\n".join(lines)

    def _text_of(self, index: int) -> str:
        if not 0 <= index < len(self._view.rows):
            return ""
        found = self._view.drawn.get(self._view.rows[index].message_id)
        return found[1].flow.text if found else self._view.rows[index].text

    def place_at(self, x: int, y: int) -> Place | None:
        """The nearest place in view."""
        best: tuple[int, int, Block] | None = None
        for index, row in enumerate(self._view.rows):
            found = self._view.drawn.get(row.message_id)
            if found is None or not found[1].flow.lines:
                continue
            if best is None or found[0] <= y:
                best = (index, found[0], found[1])
        if best is None:
            return None
        index, top, block = best
        number = (y - top - block.text_y) // max(1, block.line_height)
        if number >= len(block.flow.lines):
            return Place(index, len(block.flow.text))
        line = block.flow.lines[max(0, number)]
        if number < 0:
            return Place(index, 0)
        measure = self._view.setter.measure_of(block)
        return Place(index, index_at(line, x - block.line_x(line), measure))

    def draw(self) -> None:
        canvas = self._view.canvas
        canvas.delete("mark")
        if self._ends is None:
            return
        first, last = sorted(self._ends)
        rows = self._view.rows
        for index in range(max(0, first.row), min(last.row, len(rows) - 1) + 1):
            found = self._view.drawn.get(rows[index].message_id)
            if found is not None:
                start = first.char if index == first.row else 0
                end = last.char if index == last.row else len(found[1].flow.text)
                self._draw_row(found[0], found[1], start, end)

    def _draw_row(self, top: int, block: Block, start: int, end: int) -> None:
        """The lines in view: of an opened message with thousands the others aren't even made."""
        for line, y in block.lines_in_view(top, self._view.canvas.winfo_height()):
            if line.end >= start and line.start <= end:
                self._draw_line(block, line, y, start, end)

    def _draw_line(self, block: Block, line: Line, y: int, start: int, end: int) -> None:
        canvas, setter, height = self._view.canvas, self._view.setter, block.line_height
        x, colour = block.line_x(line), self._theme.palette.selection
        for left, right in marked(line, start, end, setter.measure_of(block)):
            item = canvas.create_rectangle(
                x + left, y, x + right, y + height, width=0, tags="mark", fill=colour
            )
            canvas.tag_lower(item, f"{self._view.tag_of(block.row.message_id)}&&ink")
        for part in line.parts:
            # Its picture has a ground of its own.
            if part.kind == SpanKind.EMOJI and start < part.end and part.start < end:
                middle = y + height // 2
                setter.paint_emoji(canvas, block, part, x + part.x, middle, colour, ("mark",))
