"""The panel at the right that finds messages."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Sequence
from tkinter import ttk

from p2pchat.ui.language import _
from p2pchat.ui.presenters.search import Hit
from p2pchat.ui.tk.inline import Inline
from p2pchat.ui.tk.keys import leave_steps
from p2pchat.ui.tk.marks import Marks
from p2pchat.ui.tk.marks import width as mark_width
from p2pchat.ui.tk.rowlist import RowList
from p2pchat.ui.tk.theme import Theme
from p2pchat.ui.tk.widgets import PANEL, Field, IconButton


class HitPainter:
    def __init__(self, theme: Theme) -> None:
        self._theme = theme
        self._inline = Inline(theme)

    def height(self, row: Hit) -> int:
        return self._theme.px(60)

    def selectable(self, row: Hit) -> bool:
        return True

    def paint(
        self, canvas: tk.Canvas, row: Hit, y: int, width: int, hover: bool, marks: Marks
    ) -> None:
        px, theme, colours = self._theme.px, self._theme, self._theme.palette
        if hover:
            image = theme.pill(width - px(12), px(56), px(8), colours.hover)
            canvas.create_image(px(6), y + px(2), image=image, anchor="nw")
        size = px(32)
        face, said = theme.face(row.avatar, row.initials, row.seed, size)
        canvas.create_image(px(14), y + px(14), image=face, anchor="nw")
        canvas.create_text(
            px(14) + size // 2, y + px(14) + size // 2, text=said, fill="#ffffff",
            font=theme.fonts["avatar_small"],
        )  # fmt: skip
        when = self._inline.width(row.when, "tiny")
        right = width - px(14)
        canvas.create_text(
            right, y + px(20), text=row.when, anchor="e", font=theme.fonts["tiny"],
            fill=colours.faint,
        )  # fmt: skip
        room = right - px(56) - when - px(8) - mark_width(theme, row.marks)
        end = self._inline.put(canvas, px(56), y + px(20), row.title, "badge", colours.text, room)
        end = marks.put(end, y + px(20), row.marks)
        if row.place:
            said, room = f" · {row.place}", right - end - when - px(8)
            self._inline.put(canvas, end, y + px(20), said, "badge", colours.muted, max(0, room))
        self._inline.put(
            canvas, px(56), y + px(39), row.text, "small", colours.muted, right - px(56)
        )


class SearchPanel(ttk.Frame):
    """The view of SearchPresenter."""

    def __init__(self, parent: tk.Misc, theme: Theme) -> None:
        super().__init__(parent, style="Sidebar.TFrame")
        self.on_search: Callable[[str, bool], None] = lambda query, everywhere: None
        self.on_hit: Callable[[Hit], None] = lambda hit: None
        self.on_close: Callable[[], None] = lambda: None
        self._theme = theme
        px = theme.px
        head = ttk.Frame(self, style="Sidebar.TFrame", padding=(px(14), px(12), px(8), px(6)))
        self._title = tk.Label(head, text=_("Search"), font=theme.fonts["title"], borderwidth=0)
        self._title.grid(row=0, column=0, sticky="w")
        IconButton(head, theme, "close", _("Close (Esc)"), lambda: self.on_close(), size=16).grid(
            row=0, column=1
        )
        head.columnconfigure(0, weight=1)
        head.grid(row=0, column=0, sticky="ew")
        self.field = Field(self, theme, _("Words to find"))
        self.field.grid(row=1, column=0, sticky="ew", padx=px(12))
        self.field.on_change = lambda text: self._ask()
        self.field.entry.bind("<Escape>", lambda event: self.on_close())
        self.field.entry.bind("<Return>", lambda event: self.list.choose_first())
        self.field.entry.bind("<Down>", lambda event: self._into_list())
        leave_steps(self.field.entry)
        self._everywhere = tk.BooleanVar(self, value=False)
        ttk.Checkbutton(
            self, text=_("In all conversations"), variable=self._everywhere, command=self._ask,
            style="Sidebar.TCheckbutton",
        ).grid(row=2, column=0, sticky="w", padx=px(12), pady=px(4))  # fmt: skip
        self._said = tk.Label(self, font=theme.fonts["small"], anchor="w", borderwidth=0)
        self._said.grid(row=3, column=0, sticky="ew", padx=px(16), pady=(px(2), px(4)))
        self.list: RowList[Hit] = RowList(self, theme, HitPainter(theme), self._chosen)
        self.list.grid(row=4, column=0, sticky="nsew")
        self.list.canvas.bind("<Escape>", lambda event: self.on_close())
        self.list.canvas.configure(width=1)
        self.columnconfigure(0, weight=1, minsize=px(PANEL))
        self.rowconfigure(4, weight=1)
        theme.listen(self, self._recolour)
        self._recolour()

    def show_hits(self, hits: Sequence[Hit], words: str) -> None:
        self._said.configure(text=words)
        self.list.show(hits)

    def ask_like(self, former: SearchPanel) -> None:
        """What the other was asked for."""
        self._everywhere.set(former._everywhere.get())
        self.field.set(former.field.text)

    def forget(self) -> None:
        """What was asked for, and found."""
        self._everywhere.set(False)
        self.field.set("")

    def again(self) -> None:
        """Ask anew: the conversation has changed."""
        self._ask()

    def _ask(self) -> None:
        self.on_search(self.field.text, self._everywhere.get())

    def _chosen(self, hit: Hit) -> None:
        self.on_hit(hit)

    def _into_list(self) -> None:
        self.list.canvas.focus_set()
        self.list.move(1)

    def _recolour(self) -> None:
        colours = self._theme.palette
        self._title.configure(background=colours.sidebar, foreground=colours.text)
        self._said.configure(background=colours.sidebar, foreground=colours.muted)
        self.list.canvas.configure(background=colours.sidebar)
        self.list.redraw()
