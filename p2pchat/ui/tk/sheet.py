"""A page in the place of the conversation: a heading, and sections that scroll."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from tkinter import ttk

from p2pchat.ui.language import _
from p2pchat.ui.tk.theme import Theme
from p2pchat.ui.tk.thinbar import ThinBar
from p2pchat.ui.tk.widgets import IconButton, Wrapped

WIDTH = 640
"""Of the column of text, in pixels at a scale of 1: lines that are easy to read."""
ALL_WIDTH = 10_000
"""Of a column that is a table's."""
SIDE = 24
"""Left and right of it, at least."""
LEAST = 110
"""What a row's label needs beside its control, at a scale of 1."""
STEP = 60
"""Pixels that one turn of the wheel scrolls, at a scale of 1."""
AT_ONCE = 50
"""Rows of a page that are destroyed in one turn of the loop."""


class Scrolled(ttk.Frame):
    """A column that scrolls: `body` holds what is in it."""

    def __init__(self, parent: tk.Misc, theme: Theme, ground: str, width: int | None) -> None:
        """`ground` names a colour of the palette and the style of frames (`surface`,
        `sidebar`); `width`: of the column, None: all there is."""
        super().__init__(parent, style=f"{ground.title()}.TFrame")
        self._theme = theme
        self._ground = ground
        self._width = width
        self._laid_out = 0
        """How high it was when it was last asked to stand as another."""
        self.canvas = tk.Canvas(
            self, highlightthickness=0, borderwidth=0, yscrollincrement=1, takefocus=False,
            width=1, height=1,
        )  # fmt: skip
        self._bar = ThinBar(self, theme, ground, self.canvas.yview)
        self.canvas.configure(yscrollcommand=self._bar.set)
        # Not ttk's, which is drawn whole, in memory first, whenever its height changes.
        self.body = tk.Frame(self.canvas, borderwidth=0, highlightthickness=0)
        self._item = self.canvas.create_window(0, 0, window=self.body, anchor="nw")
        self.canvas.grid(row=0, column=0, sticky="nsew")
        self._bar.grid(row=0, column=1, sticky="ns")
        self.columnconfigure(0, weight=1)
        self.rowconfigure(0, weight=1)
        self.body.columnconfigure(0, weight=1)
        self.body.bind("<Configure>", lambda event: self._fit())
        self.canvas.bind("<Configure>", lambda event: self._fit())
        theme.listen(self, self._recolour)
        self._recolour()

    def _fit(self) -> None:
        room = self.canvas.winfo_width()
        side = self._theme.px(SIDE) if self._width else 0
        width = min(room - 2 * side, self._theme.px(self._width)) if self._width else room
        self.canvas.itemconfigure(self._item, width=max(1, width))
        self.canvas.coords(self._item, max(side, (room - width) // 2), 0)
        height = max(self.body.winfo_reqheight(), 1)
        self.canvas.configure(scrollregion=(0, 0, room, height))

    def scroll(self, steps: float) -> None:
        """By so many turns of the wheel; down is positive."""
        if self.body.winfo_reqheight() > self.canvas.winfo_height():
            self.canvas.yview_scroll(round(steps * self._theme.px(STEP)), "units")

    def page(self, direction: int) -> None:
        self.canvas.yview_scroll(direction * self.canvas.winfo_height() * 9 // 10, "units")

    def holds(self, widget: tk.Misc | str) -> bool:
        """By its name as well: tkinter knows no widget of Tk's own dialogs."""
        return str(widget).startswith(f"{self}.")

    def stand(self, former: Scrolled) -> bool:
        """Have the same row at the top as another column of such rows, as far down in it. False
        while this one is being laid out: then it is to be asked again."""
        height = self.body.winfo_reqheight()
        settled = height == self._laid_out and self.canvas.winfo_height() > 1
        self._laid_out = height
        if settled:
            top = int(former.canvas.canvasy(0))
            row = former.body.grid_location(0, top)[1]
            into = top - former.body.grid_bbox(0, row)[1]  # type: ignore[index]  # of one cell
            first = self.body.grid_bbox(0, row)[1] + into  # type: ignore[index]  # of one cell
            self.canvas.yview_scroll(first - int(self.canvas.canvasy(0)), "units")
        return settled

    def see(self, widget: tk.Misc) -> None:
        """Scroll so far that it is in sight."""
        if not str(widget).startswith(f"{self.body}."):
            return
        top = widget.winfo_rooty() - self.body.winfo_rooty()
        bottom = top + widget.winfo_height()
        first = int(self.canvas.canvasy(0))
        room, margin = self.canvas.winfo_height(), self._theme.px(16)
        if top - margin < first:
            # Not above the top: that nothing is there Tk minds only where there is much below.
            self.canvas.yview_scroll(max(0, top - margin) - first, "units")
        elif bottom + margin > first + room:
            self.canvas.yview_scroll(bottom + margin - first - room, "units")

    def _recolour(self) -> None:
        colour = getattr(self._theme.palette, self._ground)
        self.canvas.configure(background=colour)
        self.body.configure(background=colour)


class Line(ttk.Frame):
    """A label with what it is about, and at its right the control; below, where it leaves too
    little room beside it."""

    def __init__(self, parent: tk.Misc, theme: Theme, label: str, about: str) -> None:
        px = theme.px
        super().__init__(parent, style="Surface.TFrame", padding=(0, px(8), 0, px(8)))
        self._gap, self._least = px(16), px(LEAST)
        self._beside: bool | None = None
        words = ttk.Frame(self, style="Surface.TFrame")
        Wrapped(words, theme, label, "Page.TLabel", px(WIDTH)).pack(fill="x")
        if about:
            said = Wrapped(words, theme, about, "PageMuted.TLabel", px(340))
            said.pack(fill="x", pady=(px(1), 0))
        words.grid(row=0, column=0, sticky="ew")
        self.control = ttk.Frame(self, style="Surface.TFrame")
        self.columnconfigure(0, weight=1)
        self._arrange(True)
        for widget in (self, self.control):
            widget.bind("<Configure>", lambda event: self._fit(), add="+")

    def _fit(self) -> None:
        room = self.winfo_width()
        if room > 1:
            self._arrange(self.control.winfo_reqwidth() + self._gap + self._least <= room)

    def _arrange(self, beside: bool) -> None:
        if beside == self._beside:
            return
        self._beside = beside
        if beside:
            self.control.grid(row=0, column=1, sticky="e", padx=(self._gap, 0), pady=0)
        else:
            self.control.grid(row=1, column=0, sticky="w", padx=0, pady=(self._gap // 4, 0))


class Head(ttk.Frame):
    """Over a part of a page: what it is about, and a line."""

    def __init__(self, parent: tk.Misc, theme: Theme, title: str) -> None:
        super().__init__(parent, style="Surface.TFrame")
        px = theme.px
        ttk.Label(self, text=title, style="PageHead.TLabel").pack(anchor="w", pady=(px(22), px(4)))
        ttk.Frame(self, style="Line.TFrame", height=px(1)).pack(fill="x")


class Sheet(ttk.Frame):
    """Its rows are made by `section`, `row` and `text`."""

    def __init__(
        self,
        parent: tk.Misc,
        theme: Theme,
        title: str,
        close: Callable[[], None],
        subtitle: str = "",
        width: int = WIDTH,
    ) -> None:
        """`width`: of what scrolls, at a scale of 1, where there is so much room."""
        super().__init__(parent, style="Surface.TFrame")
        self.theme = theme
        px = theme.px
        head = ttk.Frame(self, style="Surface.TFrame", padding=(px(18), px(10), px(12), px(10)))
        head.grid(row=0, column=0, sticky="ew")
        ttk.Label(head, text=title, style="PageTitle.TLabel").grid(row=0, column=0, sticky="w")
        self.subtitle = Wrapped(head, theme, subtitle, "PageMuted.TLabel", px(ALL_WIDTH))
        self.subtitle.grid(row=1, column=0, sticky="ew")
        head.columnconfigure(0, weight=1)
        self.close_button = IconButton(
            head, theme, "close", _("Close (Esc)"), close, style="Surface.Toolbutton"
        )
        self.close_button.grid(row=0, column=1, rowspan=2)
        ttk.Frame(self, style="Line.TFrame", height=px(1)).grid(row=1, column=0, sticky="ew")
        self.scrolled = Scrolled(self, theme, "surface", width)
        self.scrolled.grid(row=2, column=0, sticky="nsew")
        self.body = self.scrolled.body
        self.columnconfigure(0, weight=1)
        self.rowconfigure(2, weight=1)
        self._next = 0

    def end(self) -> None:
        """It is closed: before it is destroyed."""

    def save(self) -> None:
        """Ask where to write to a file what it shows, if there is anything of that kind."""

    def leave(self) -> None:
        """Off the screen at once, and destroyed over some turns of the loop: of a page of hundreds
        of rows that takes 40 ms."""
        self.end()
        self.grid_remove()
        self._take_apart()

    def _take_apart(self) -> None:
        if not self.winfo_exists():
            return  # it went with the window
        rows = self.body.winfo_children()
        for row in rows[:AT_ONCE]:
            row.destroy()
        if len(rows) > AT_ONCE:
            self.after(1, self._take_apart)
        else:
            self.destroy()

    def start(self) -> tk.Misc:
        """What gets the focus: nothing that shows it, until Tab is pressed."""
        return self.scrolled.canvas

    def say_below(self, text: str) -> None:
        """Below the heading."""
        self.subtitle.say(text)

    # -- building

    def section(self, title: str) -> None:
        self._put(Head(self.body, self.theme, title))

    def row(self, label: str, about: str = "") -> ttk.Frame:
        """A line with a label; what is put into the frame stands at its right, or below."""
        line = Line(self.body, self.theme, label, about)
        self._put(line)
        return line.control

    def text(self, text: str = "", style: str = "PageMuted.TLabel") -> Wrapped:
        label = Wrapped(self.body, self.theme, text, style, self.theme.px(WIDTH - 40))
        self._put(label, pady=(self.theme.px(6), self.theme.px(6)))
        return label

    def frame(self) -> ttk.Frame:
        """A place for something else, over the whole width."""
        frame = ttk.Frame(self.body, style="Surface.TFrame")
        frame.columnconfigure(0, weight=1)
        self._put(frame)
        return frame

    def space(self, height: int = 24) -> None:
        self._put(ttk.Frame(self.body, style="Surface.TFrame", height=self.theme.px(height)))

    def _put(self, widget: tk.Widget, pady: tuple[int, int] = (0, 0)) -> None:
        widget.grid(row=self._next, column=0, sticky="ew", pady=pady)
        self._next += 1
