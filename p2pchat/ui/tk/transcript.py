"""The messages of a conversation in one text widget: a bounded number of rows."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Sequence
from tkinter import ttk

from p2pchat.model.ids import MessageId, PeerId
from p2pchat.ui.presenters.timeline import Row
from p2pchat.ui.tk.rowwriter import CLICKABLE, RowWriter
from p2pchat.ui.tk.theme import Theme
from p2pchat.ui.tk.thinbar import ThinBar

NEAR_TOP = 0.15
"""Of the loaded part; older messages are asked for before the top is reached."""
FLASH_MS = 1200
SCROLLING = ("<MouseWheel>", "<Button-4>", "<Button-5>", "<B1-Motion>", "<Up>", "<Down>", "<Home>",
             "<End>", "<Control-Home>", "<Control-End>")  # fmt: skip
"""What moves a text widget's view by its own bindings."""


class Transcript(ttk.Frame):
    """Rows are told apart by a tag each, `row:ID`, that spans all of the row's lines."""

    def __init__(self, parent: tk.Misc, theme: Theme) -> None:
        super().__init__(parent, style="Surface.TFrame")
        self.on_scroll: Callable[[bool, bool], None] = lambda near_top, at_bottom: None
        self.on_menu: Callable[[MessageId, int, int], None] = lambda message_id, x, y: None
        self.on_link: Callable[[str], object] = lambda url: None
        self.on_show: Callable[[MessageId], None] = lambda message_id: None
        self.on_unfold: Callable[[MessageId], None] = lambda message_id: None
        self.on_author: Callable[[PeerId], None] = lambda peer_id: None
        self.on_key: Callable[[str], None] = lambda char: None
        self._theme = theme
        self._rows: list[Row] = []
        self._following = True
        self._hovered = ""
        self._scroll_id = ""
        self._scrolled = False
        """The person has moved the view since it was last looked at."""
        self.text = tk.Text(
            self, wrap="word", state="disabled", borderwidth=0, highlightthickness=0,
            padx=0, pady=theme.px(8), cursor="arrow", takefocus=True, insertwidth=0,
            font=theme.fonts["body"], exportselection=False,
        )  # fmt: skip
        self._bar = ThinBar(self, theme, "surface", self.scroll)
        self.text.configure(yscrollcommand=self._moved)
        self.text.grid(row=0, column=0, sticky="nsew")
        self._bar.grid(row=0, column=1, sticky="ns")
        self.columnconfigure(0, weight=1)
        self.rowconfigure(0, weight=1)
        self.writer = RowWriter(self.text, theme)
        self._bind()
        theme.listeners.append(self._recolour)
        self._recolour()

    def _bind(self) -> None:
        text = self.text
        for button in ("<Button-3>", "<Control-Button-1>"):
            text.bind(button, self._menu)
        for name in CLICKABLE:
            text.tag_bind(name, "<ButtonRelease-1>", self._clicker(name))
        for name in SCROLLING:
            text.bind(name, self._note_scroll)
        text.bind("<Motion>", self._hover)
        text.bind("<Leave>", lambda event: self._light(""))
        text.bind("<Configure>", self._resized)
        text.bind("<Key>", self._key)
        text.bind("<Menu>", lambda event: self._menu_of_last())
        text.bind("<Shift-F10>", lambda event: self._menu_of_last())
        text.bind("<Prior>", lambda event: self.page(-1))
        text.bind("<Next>", lambda event: self.page(1))

    # -- the presenter's view

    def reset(self, rows: Sequence[Row], show: MessageId | None) -> None:
        self._edit(lambda: self._replace(0, len(self._rows), rows))
        self._following = show is None
        if show is None:
            self.to_end()
        else:
            self._reveal(show)

    def splice(self, at: int, removed: int, rows: Sequence[Row]) -> None:
        if self._following:
            self._edit(lambda: self._replace(at, removed, rows))
            self.to_end()
            return
        anchor, offset = self._anchor()
        self._edit(lambda: self._replace(at, removed, rows))
        if anchor:
            self._restore(anchor, offset)

    # -- drawing

    def _edit(self, change: Callable[[], None]) -> None:
        self.text.configure(state="normal")
        change()
        self.text.configure(state="disabled")

    def _replace(self, at: int, removed: int, rows: Sequence[Row]) -> None:
        if removed:
            last = self._rows[at + removed - 1]
            start, end = self._range(self._rows[at])[0], self._range(last)[1]
            self.writer.forget(self._rows[at : at + removed])
            self.text.delete(start, end)
        place = self._range(self._rows[at - 1])[1] if at else "1.0"
        self._rows[at : at + removed] = rows
        # Backwards, each at the same place, so that no index has to be computed anew.
        for row in reversed(rows):
            self.writer.write(place, row)

    def _range(self, row: Row) -> tuple[str, str]:
        first, last, *_ = (str(index) for index in self.text.tag_ranges(tag_of(row.message_id)))
        return first, last

    def _recolour(self) -> None:
        self.writer.configure()
        self.text.configure(
            background=self._theme.palette.surface, foreground=self._theme.palette.text,
            selectbackground=self._theme.palette.selection,
            inactiveselectbackground=self._theme.palette.selection,
            selectforeground=self._theme.palette.text,
        )  # fmt: skip
        if self._rows:
            rows = list(self._rows)
            self.splice(0, len(rows), rows)

    # -- where one is

    def to_end(self) -> None:
        self._following = True
        self.text.yview_moveto(1.0)

    def page(self, direction: int) -> str:
        self.scroll("scroll", direction, "pages")
        return "break"

    def _anchor(self) -> tuple[str, int]:
        """A row in view, and how far the view's top is below its start (pixels): the first that
        begins in view, since the one at the top may lose its heading."""
        tag = self._tag_at("@0,0")
        if not tag:
            return "", 0
        following = str(self.text.tag_ranges(tag)[1])
        next_tag = self._tag_at(following)
        if next_tag and self.text.dlineinfo(following):
            tag = next_tag
        return tag, self._pixels(str(self.text.tag_ranges(tag)[0]), "@0,0") + self._cut_off()

    def _cut_off(self) -> int:
        """Pixels of the topmost line that are above the view: `@0,0` is that line's start."""
        line = self.text.dlineinfo("@0,0")
        return -line[1] + int(self.text.cget("pady")) if line else 0

    def _restore(self, tag: str, offset: int) -> None:
        ranges = self.text.tag_ranges(tag)
        if ranges:
            self.text.yview(str(ranges[0]))
            self.text.tk.call(self.text, "yview", "scroll", offset, "pixels")

    def _pixels(self, start: str, end: str) -> int:
        counted = self.text.tk.call(self.text, "count", "-update", "-ypixels", start, end)
        return int(counted)

    def _reveal(self, message_id: MessageId) -> None:
        ranges = self.text.tag_ranges(tag_of(message_id))
        if not ranges:
            return
        self.update_idletasks()
        above = self.text.winfo_height() // 3
        self.text.yview(str(ranges[0]))
        self.text.tk.call(self.text, "yview", "scroll", -above, "pixels")
        self.text.tag_add("flash", str(ranges[0]), str(ranges[1]))
        self.after(FLASH_MS, lambda: self.text.tag_remove("flash", "1.0", "end"))

    def _moved(self, first: float | str, last: float | str) -> None:
        self._bar.set(first, last)
        if not self._scroll_id:
            self._scroll_id = self.after_idle(self._tell)

    def _tell(self) -> None:
        """Say where the view is, once Tk has settled. A view that follows leaves the end only
        when its person scrolls: Tk learns the height of new lines bit by bit."""
        self._scroll_id = ""
        bottom = self._at_bottom()
        if self._following and not bottom and not self._scrolled:
            self.text.yview_moveto(1.0)
            return
        self._scrolled = False
        self._following = bottom
        self.on_scroll(self.text.yview()[0] < NEAR_TOP, bottom)

    def _at_bottom(self) -> bool:
        line = self.text.dlineinfo("end-1c")
        return line is not None and line[1] + line[3] <= self.text.winfo_height() + line[3] // 2

    def _note_scroll(self, event: tk.Event[tk.Text] | None = None) -> None:
        self._scrolled = True

    def scroll(self, *how: str | float) -> None:
        """As `yview` of the text, by its person."""
        self._scrolled = True
        self.text.yview(*how)

    def _resized(self, event: tk.Event[tk.Text]) -> None:
        self.writer.fit()
        if self._following:
            self.text.yview_moveto(1.0)

    # -- the pointer and keys

    def row_at(self, x: int, y: int) -> MessageId | None:
        tag = self._tag_at(f"@{x},{y}")
        return MessageId(tag.removeprefix("row:")) if tag else None

    def _tag_at(self, index: str) -> str:
        return next((t for t in self.text.tag_names(index) if t.startswith("row:")), "")

    def _menu(self, event: tk.Event[tk.Text]) -> None:
        message_id = self.row_at(event.x, event.y)
        if message_id:
            self.on_menu(message_id, event.x_root, event.y_root)

    def _menu_of_last(self) -> None:
        """By the keyboard: the lowest message in view."""
        message_id = self.row_at(5, self.text.winfo_height() - 5)
        if message_id:
            root = (self.text.winfo_rootx(), self.text.winfo_rooty())
            self.on_menu(message_id, root[0] + 80, root[1] + self.text.winfo_height() - 80)

    def _clicker(self, what: str) -> Callable[[tk.Event[tk.Text]], None]:
        return lambda event: self._click(event, what)

    def _click(self, event: tk.Event[tk.Text], what: str) -> None:
        place = f"@{event.x},{event.y}"
        message_id = self.row_at(event.x, event.y)
        row = next((row for row in self._rows if row.message_id == message_id), None)
        if row is None or self.text.tag_ranges("sel"):
            return
        if what == "link":
            ends = self.text.tag_prevrange("link", f"{place} +1c")
            self.on_link(self.text.get(*ends))
        elif what == "more":
            self.on_unfold(row.message_id)
        elif what == "name":
            self.on_author(row.author)
        elif row.quote is not None:
            self.on_show(row.quote.message_id)

    def _hover(self, event: tk.Event[tk.Text]) -> None:
        self._light(self._tag_at(f"@{event.x},{event.y}"))

    def _light(self, tag: str) -> None:
        if tag == self._hovered:
            return
        self._hovered = tag
        self.text.tag_remove("hover", "1.0", "end")
        ranges = self.text.tag_ranges(tag) if tag else ()
        if ranges:
            self.text.tag_add("hover", str(ranges[0]), str(ranges[1]))

    def _key(self, event: tk.Event[tk.Text]) -> str | None:
        """What is typed here is meant for the entry."""
        plain = not int(event.state) & 0x4 and event.char and event.char.isprintable()
        if plain:
            self.on_key(event.char)
            return "break"
        return None

    def selected(self) -> str:
        """What is marked with the pointer."""
        ranges = self.text.tag_ranges("sel")
        return self.text.get(str(ranges[0]), str(ranges[1])) if ranges else ""


def tag_of(message_id: MessageId) -> str:
    return f"row:{message_id}"
