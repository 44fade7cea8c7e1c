"""What the pointer and the keys do with messages: clicks, a message's tools, its menu."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from typing import TYPE_CHECKING

from p2pchat.model.ids import MessageId, PeerId
from p2pchat.ui.language import _
from p2pchat.ui.presenters.flow import part_at
from p2pchat.ui.presenters.links import destination
from p2pchat.ui.presenters.marks import Mark
from p2pchat.ui.presenters.markup import SpanKind
from p2pchat.ui.presenters.timeline import Row, Voice
from p2pchat.ui.tk.block import Block
from p2pchat.ui.tk.cards import CHILD
from p2pchat.ui.tk.copying import copy
from p2pchat.ui.tk.hovertip import HoverTip
from p2pchat.ui.tk.keys import chords, leave_steps, menu_keys, right_clicks
from p2pchat.ui.tk.theme import Theme

if TYPE_CHECKING:
    from p2pchat.ui.tk.transcript import Transcript

TOOLS = ("smile", "reply", "more")
TOOL = 28
"""Pixels of one at a scale of 1."""
DRAG = 3
"""Pixels that the pointer moves before a press becomes marking."""
AUTO_SCROLL_MS = 40


class Pointing:
    def __init__(self, transcript: Transcript, theme: Theme) -> None:
        self.current: MessageId | None = None
        """The message that keys act on, while the conversation has the focus."""
        self._kept: MessageId | None = None
        """The one they were on when a menu or another program took the focus, which comes back."""
        self._view = transcript
        self._theme = theme
        self._hovered: MessageId | None = None
        self._tools: list[tuple[int, int, int, int]] = []
        self._pressed: tuple[int, int] | None = None
        self._clicked = False
        """The focus comes by a click."""
        self._dragging = False
        self._last = (0, 0)
        self._auto = ""
        self._flashed: MessageId | None = None
        self._tip = HoverTip(transcript.canvas, theme)
        self._bind()

    def _bind(self) -> None:
        canvas = self._view.canvas
        canvas.bind("<Motion>", lambda event: self._hover(event.x, event.y))
        canvas.bind("<Leave>", lambda event: self._left())
        canvas.bind("<Button-1>", self._press)
        canvas.bind("<B1-Motion>", self._drag)
        canvas.bind("<ButtonRelease-1>", self._release)
        canvas.bind("<Double-Button-1>", lambda event: self._mark_more(event, whole=False))
        canvas.bind("<Triple-Button-1>", lambda event: self._mark_more(event, whole=True))
        for button in (*right_clicks(canvas), "<Control-Button-1>"):
            canvas.bind(button, lambda event: self._menu(event.x_root, event.y_root))
        for button in right_clicks(canvas):
            canvas.bind_class(CHILD, button, lambda e: self._menu(e.x_root, e.y_root))
        for key, action in (
            ("<Up>", lambda: self._step(-1)),
            ("<Down>", lambda: self._step(1)),
            *((key, self._menu_of_current) for key in menu_keys(canvas)),
            ("<Return>", self._menu_of_current),
            ("<Control-c>", self._copy),
        ):
            for chord in chords(canvas, key):
                canvas.bind(chord, self._doer(action))
        leave_steps(canvas)
        canvas.bind("<FocusIn>", lambda event: self._focused())
        canvas.bind("<FocusOut>", lambda event: self._unfocused())
        # Between the canvas and what is on it Tk tells only the latter.
        canvas.bind_class(CHILD, "<FocusIn>", lambda event: self._set_current(None))
        canvas.bind_class(CHILD, "<FocusOut>", lambda event: canvas.after_idle(self._focused))

    def _doer(self, action: Callable[[], object]) -> Callable[[tk.Event[tk.Canvas]], str]:
        def do(event: tk.Event[tk.Canvas]) -> str:
            action()
            return "break"

        return do

    # -- what is where

    def row_at(self, y: int) -> tuple[int, Block] | None:
        """The top and the block of the row at a height of the view."""
        for top, block in self._view.drawn.values():
            if top <= y < top + block.height:
                return top, block
        return None

    def _hit(self, x: int, y: int) -> tuple[Row, str, str] | None:
        """(row, what, value) of what a click at this place does."""
        found = self.row_at(y)
        if found is None:
            return None
        top, block = found
        for hit in block.hits:
            if hit.left <= x < hit.right and hit.top <= y - top < hit.bottom:
                return block.row, hit.what, hit.value
        link = self._link(block, x, y - top)
        return (block.row, "link", link) if link else None

    def _link(self, block: Block, x: int, y: int) -> str:
        """The address below the pointer, also where it is broken into lines."""
        number = (y - block.text_y) // max(1, block.line_height)
        if not 0 <= number < len(block.flow.lines):
            return ""
        line = block.flow.lines[number]
        part = part_at(line, x - block.line_x(line))
        if part is None or part.kind != SpanKind.LINK:
            return ""
        parts = [p for one in block.flow.lines for p in one.parts if p.kind == SpanKind.LINK]
        start, end = part.start, part.end
        for other in parts:
            if other.start == end:
                end = other.end
        for other in reversed(parts):
            if other.end == start:
                start = other.start
        return block.flow.text[start:end].strip()

    # -- hovering

    def _hover(self, x: int, y: int) -> None:
        self._last = (x, y)
        canvas = self._view.canvas
        found = self.row_at(y)
        over_tools = self._tool_at(x, y) is not None
        if not over_tools:
            self._set_hovered(found[1].row.message_id if found else None)
        hit = None if over_tools else self._hit(x, y)
        self._tip.point(self._tip_words(hit, x, y), x, y)
        hand = over_tools or (hit is not None and hit[1] not in ("time", "mark"))
        wanted = "hand2" if hand else "xterm" if self._over_text(x, y) else "arrow"
        if str(canvas.cget("cursor")) != wanted:
            canvas.configure(cursor=wanted)

    def _tip_words(self, hit: tuple[Row, str, str] | None, x: int, y: int) -> str:
        """What the pointer is told of the part that it rests on."""
        tool = self._tool_at(x, y)
        if tool is not None:
            return (_("React"), _("Reply"), _("More"))[tool]
        if hit is None:
            return ""
        row, what, value = hit
        if what == "time":
            return self._view.details_of(row.message_id)
        if what == "link":
            host = destination(value)
            return _("Opens {host} in the browser").format(host=host) if host else ""
        if what == "mark":
            return _(Mark[value].value)
        if what == "day":
            return _("Go to a day (Ctrl+G)")
        if what == "react":
            return next((r.people for r in row.reactions if r.emoji == value), "")
        return ""

    def _over_text(self, x: int, y: int) -> bool:
        found = self.row_at(y)
        if found is None or not found[1].flow.lines:
            return False
        left, top, right, bottom = found[1].bubble
        return left <= x < right and top <= y - found[0] < bottom

    def _left(self) -> None:
        self._last = (-1, -1)
        self._tip.hide()
        self._set_hovered(None)

    def _set_hovered(self, message_id: MessageId | None) -> None:
        if message_id != self._hovered:
            self._hovered = message_id
            self._draw_tools()

    def _draw_tools(self) -> None:
        """Beside the bubble that the pointer is above."""
        canvas, px = self._view.canvas, self._theme.px
        canvas.delete("tools")
        self._tools = []
        found = self._view.drawn.get(self._hovered) if self._hovered else None
        if found is None or self._dragging:
            return
        top, block = found
        if block.row.voice == Voice.SYSTEM or block.row.removed:
            return
        size = px(TOOL)
        width = size * len(TOOLS)
        left, bubble_top, right, _ = block.bubble
        own = block.row.voice == Voice.OWN
        x = max(px(8), left - width - px(8)) if own else right + px(8)
        x = min(x, canvas.winfo_width() - width - px(8))
        y = max(px(4), top + bubble_top + px(2))
        colours = self._theme.palette
        image = self._theme.pill(width, size, px(9), colours.chip)
        canvas.create_image(x, y, image=image, anchor="nw", tags="tools")
        for index, tool in enumerate(TOOLS):
            icon = self._theme.icon(tool, px(17), colours.muted)
            at = x + index * size
            canvas.create_image(
                at + size // 2, y + size // 2, image=icon, anchor="center", tags="tools"
            )
            self._tools.append((at, y, at + size, y + size))

    def _tool_at(self, x: int, y: int) -> int | None:
        found = (
            index for index, (left, top, right, bottom) in enumerate(self._tools)
            if left <= x < right and top <= y < bottom
        )  # fmt: skip
        return next(found, None)

    # -- pressing

    def _press(self, event: tk.Event[tk.Canvas]) -> None:
        canvas = self._view.canvas
        self._clicked = str(canvas.tk.call("focus")) != str(canvas)
        canvas.focus_set()
        self._pressed = (event.x, event.y)
        self._dragging = False
        if self._tool_at(event.x, event.y) is None:
            self._view.marking.begin(event.x, event.y)

    def _drag(self, event: tk.Event[tk.Canvas]) -> None:
        if self._pressed is None:
            return
        x, y = self._pressed
        if not self._dragging and abs(event.x - x) + abs(event.y - y) > self._theme.px(DRAG):
            self._dragging = True
            self._set_hovered(None)
        if self._dragging:
            self._last = (event.x, event.y)
            self._view.marking.extend(event.x, event.y)
            if not self._auto:
                self._scroll_on()

    def _scroll_on(self) -> None:
        """While one marks beyond the edge, the view follows."""
        self._auto = ""
        height = self._view.canvas.winfo_height()
        x, y = self._last
        beyond = y if y < 0 else y - height if y > height else 0
        if self._dragging and beyond:
            self._view.by(max(-60, min(60, beyond)))
            self._view.marking.extend(x, y)
            self._auto = self._view.after(AUTO_SCROLL_MS, self._scroll_on)

    def _release(self, event: tk.Event[tk.Canvas]) -> None:
        pressed, self._pressed = self._pressed, None
        if self._dragging or pressed is None:
            self._dragging = False
            return
        tool = self._tool_at(event.x, event.y)
        if tool is not None:
            self._use(TOOLS[tool], event)
            return
        found = self._hit(event.x, event.y)
        if found is not None:
            self._view.marking.clear()
            self._click(*found)

    def _mark_more(self, event: tk.Event[tk.Canvas], whole: bool) -> None:
        self._pressed = None
        if self._tool_at(event.x, event.y) is None and self._hit(event.x, event.y) is None:
            marking = self._view.marking
            (marking.whole if whole else marking.word)(event.x, event.y)

    def _click(self, row: Row, what: str, value: str) -> None:
        view = self._view
        if what == "link":
            view.on_link(value)
        elif what == "more":
            view.on_unfold(row.message_id)
        elif what == "name":
            view.on_author(PeerId(value))
        elif what == "react":
            view.on_react(row.message_id, value)
        elif what == "quote":
            view.on_show(MessageId(value))
        elif what == "day":
            view.on_day(row.message_id)

    def _use(self, tool: str, event: tk.Event[tk.Canvas]) -> None:
        if self._hovered is None:
            return
        if tool == "smile":
            self._view.on_emoji(self._hovered, event.x_root, event.y_root)
        elif tool == "reply":
            self._view.on_reply(self._hovered)
        else:
            self._view.on_menu(self._hovered, event.x_root, event.y_root)

    def _menu(self, x_root: int, y_root: int) -> None:
        found = self.row_at(y_root - self._view.canvas.winfo_rooty())
        if found is not None:
            self._view.on_menu(found[1].row.message_id, x_root, y_root)

    # -- keys

    def _step(self, by: int) -> None:
        """To the message above or below; at first to the lowest in view."""
        rows, drawn = self._view.rows, self._view.drawn
        index = next((i for i, r in enumerate(rows) if r.message_id == self.current), None)
        if index is None:
            shown = [i for i, row in enumerate(rows) if row.message_id in drawn]
            index = shown[-1] if shown else None
        else:
            index = min(max(index + by, 0), len(rows) - 1)
        if index is not None:
            self._set_current(rows[index].message_id)
            self._view.show_row(index)

    def _focused(self) -> None:
        """By a key: which message keys act on is seen at once. A click has its own place."""
        canvas = self._view.canvas
        if str(canvas.tk.call("focus")) != str(canvas):
            return  # a button on a card has it: then keys are that one's
        clicked, self._clicked = self._clicked, False
        if not clicked and self.current is None:
            self._set_current(self._kept if self._kept in self._view.drawn else None)
            self._step(0)
        self._draw_current()

    def _unfocused(self) -> None:
        focus = str(self._view.tk.call("focus"))
        comes_back = not focus or self._view.tk.call("winfo", "class", focus) == "Menu"
        self._kept = self.current if comes_back else None
        self._set_current(None)

    def _set_current(self, message_id: MessageId | None) -> None:
        self.current = message_id
        self._draw_current()

    def _draw_current(self) -> None:
        canvas, px = self._view.canvas, self._theme.px
        canvas.delete("current-row")
        found = self._view.drawn.get(self.current) if self.current else None
        if found is None:
            return
        top, block = found
        left, y1, right, y2 = block.bubble if any(block.bubble) else (
            px(8), px(2), canvas.winfo_width() - px(8), block.height
        )  # fmt: skip
        gap = px(3)
        nw, ne, sw, se = (radius and radius + gap for radius in block.radii)
        self._view.setter.brush.ring(
            canvas, (left - gap, top + y1 - gap, right + gap, top + y2 + gap), (nw, ne, sw, se),
            self._theme.palette.accent, "current-row",
        )  # fmt: skip

    def _menu_of_current(self) -> None:
        """By the keyboard: of the current message, else of the lowest in view."""
        if self.current is None:
            self._step(0)
        found = self._view.drawn.get(self.current) if self.current else None
        if found is not None and self.current is not None:
            canvas = self._view.canvas
            left, _, _, bottom = found[1].bubble
            y = min(max(found[0] + bottom, 0), canvas.winfo_height())
            self._view.on_menu(self.current, canvas.winfo_rootx() + left, canvas.winfo_rooty() + y)

    def _copy(self) -> None:
        text = self._view.marking.text
        if not text and self.current is not None:
            found = (row.text for row in self._view.rows if row.message_id == self.current)
            text = next(found, "")
        if text:
            copy(self._view, text)

    # -- told by the view

    def placed(self) -> None:
        """Rows were drawn or moved."""
        self._tip.hide()
        if self._hovered is not None or self._tools:
            self._draw_tools()
        if self.current is not None:
            self._draw_current()
        self._draw_flash()

    def flash(self, message_id: MessageId | None) -> None:
        """Light a row up, or none any more."""
        self._flashed = message_id
        self._draw_flash()

    def _draw_flash(self) -> None:
        canvas = self._view.canvas
        canvas.delete("flash")
        found = self._view.drawn.get(self._flashed) if self._flashed else None
        if found is not None:
            top, block = found
            canvas.create_rectangle(
                0, top, canvas.winfo_width(), top + block.height, width=0, tags="flash",
                fill=self._theme.palette.selected,
            )  # fmt: skip
            canvas.tag_lower("flash")
