"""The left side: oneself, a field to find, the list, and what adds to it."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Sequence
from tkinter import ttk

from p2pchat.model.people import Status
from p2pchat.ui.language import _
from p2pchat.ui.presenters import words
from p2pchat.ui.presenters.marks import Mark
from p2pchat.ui.presenters.sidebar import SidebarRow
from p2pchat.ui.tk.inline import Elider, Inline, in_order
from p2pchat.ui.tk.keys import leave_steps
from p2pchat.ui.tk.marks import Marks, picture
from p2pchat.ui.tk.marks import width as mark_width
from p2pchat.ui.tk.pictures import Picture
from p2pchat.ui.tk.portrait import Portrait
from p2pchat.ui.tk.rowlist import RowList
from p2pchat.ui.tk.theme import Theme
from p2pchat.ui.tk.tips import ChangingTip, tip
from p2pchat.ui.tk.widgets import Field, IconButton


class RowPainter:
    """One line: avatar with presence, name, what was said last, when, and how much is unread."""

    def __init__(self, theme: Theme) -> None:
        self._theme = theme
        self._inline = Inline(theme)

    def height(self, row: SidebarRow) -> int:
        return self._theme.px(58 if row.conversation else 34)

    def selectable(self, row: SidebarRow) -> bool:
        return bool(row.conversation)

    def paint(
        self, canvas: tk.Canvas, row: SidebarRow, y: int, width: int, hover: bool, marks: Marks
    ) -> None:
        px, colours = self._theme.px, self._theme.palette
        if not row.conversation:
            canvas.create_text(
                px(18), y + px(19), text=row.title, anchor="w", fill=colours.muted,
                font=self._theme.fonts["badge"],
            )  # fmt: skip
            return
        fill = colours.selected if row.selected else colours.hover if hover else colours.sidebar
        if fill != colours.sidebar:
            image = self._theme.pill(width - px(16), px(54), px(10), fill)
            canvas.create_image(px(8), y + px(2), image=image, anchor="nw")
        self._avatar(canvas, row, px(18), y + px(10), fill)
        self._texts(canvas, row, y, width, marks)

    def _avatar(self, canvas: tk.Canvas, row: SidebarRow, x: int, y: int, fill: str) -> None:
        px, theme = self._theme.px, self._theme
        size = px(38)
        image: Picture
        if row.status is None:
            colour = theme.avatar_colour(row.seed) if row.joined else theme.palette.faint
            image, said = theme.pill(size, size, px(10), colour), row.initials
        else:
            image, said = theme.face(row.avatar, row.initials, row.seed, size)
        canvas.create_image(x, y, image=image, anchor="nw")
        canvas.create_text(
            x + size // 2, y + size // 2, text=said, fill="#ffffff",
            font=theme.fonts["avatar" if row.status else "title"],
        )  # fmt: skip
        if row.status is not None:
            dot = theme.presence(row.status, fill)
            canvas.create_image(x + size + px(2), y + size + px(2), image=dot, anchor="se")

    def _texts(self, canvas: tk.Canvas, row: SidebarRow, y: int, width: int, marks: Marks) -> None:
        px, theme, colours = self._theme.px, self._theme, self._theme.palette
        left, right = px(66), width - px(20)
        strong = row.unread and not row.muted
        when_width = self._inline.width(row.when, "tiny") if row.when else 0
        canvas.create_text(
            right, y + px(20), text=row.when, anchor="e", font=theme.fonts["tiny"],
            fill=colours.accent if strong else colours.muted if row.selected else colours.faint,
        )  # fmt: skip
        room = right - left - when_width - px(8) - mark_width(theme, row.marks)
        absent = row.status == Status.OFFLINE or not row.joined
        end = self._inline.put(
            canvas, left, y + px(20), row.title, "strong",
            colours.muted if absent and not strong else colours.text, room,
        )  # fmt: skip
        marks.put(end, y + px(20), row.marks)
        badge = self._badge(canvas, row, right, y + px(39))
        self._inline.put(
            canvas, left, y + px(39), row.subtitle, "small",
            colours.text if strong else colours.muted, right - left - badge,
        )  # fmt: skip

    def _badge(self, canvas: tk.Canvas, row: SidebarRow, right: int, y: int) -> int:
        """Draw the count of unread messages; its width."""
        if not row.unread or row.selected:
            return 0
        px, theme, colours = self._theme.px, self._theme, self._theme.palette
        count = "99+" if row.unread > 99 else str(row.unread)
        text = f"@{count}" if row.mentions else count
        width = max(px(20), self._inline.width(text, "badge") + px(12))
        fill = colours.faint if row.muted and not row.mentions else colours.accent
        image = theme.pill(width, px(19), px(9.5), fill)
        canvas.create_image(right, y, image=image, anchor="e")
        canvas.create_text(
            right - width / 2, y, text=text, font=theme.fonts["badge"], fill=colours.on_accent
        )
        return width + px(8)


class Sidebar(ttk.Frame):
    """The view of SidebarPresenter. Commands are set by the window."""

    def __init__(self, parent: tk.Misc, theme: Theme) -> None:
        super().__init__(parent, style="Sidebar.TFrame")
        self.on_open: Callable[[str], None] = lambda conversation: None
        self.on_filter: Callable[[str], None] = lambda text: None
        self.on_add: Callable[[tk.Widget], None] = lambda widget: None
        self.on_me: Callable[[tk.Widget], None] = lambda widget: None
        self.on_settings: Callable[[], None] = lambda: None
        self.on_theme: Callable[[], None] = lambda: None
        self.on_menu: Callable[[str, int, int], None] = lambda conversation, x, y: None
        self.on_leave: Callable[[], None] = lambda: None
        self._theme = theme
        self._selected: SidebarRow | None = None
        self._said = ""
        self._marks: tuple[Mark, ...] = ()
        """After one's own name."""
        self._elider = Elider(theme)
        self._build()
        theme.listen(self, self._recolour)
        self._recolour()

    def _build(self) -> None:
        px = self._theme.px
        top = ttk.Frame(self, style="Sidebar.TFrame", padding=(px(18), px(12), px(12), px(8)))
        self._avatar = Portrait(top, self._theme, px(34), "sidebar")
        self._avatar.configure(cursor="hand2")
        self._avatar.bind("<ButtonRelease-1>", lambda event: self.on_settings())
        self._name = ttk.Button(
            top, style="Sidebar.Toolbutton", takefocus=True, command=self.open_me
        )
        tip(self._avatar, _("Profile and settings (Ctrl+,)"))
        self._bare = self._name.winfo_reqwidth()
        """Of the button around its text."""
        self._name_tip = ChangingTip(self._name)
        self.theme_button = IconButton(
            top, self._theme, "moon", _("Light or dark"), lambda: self.on_theme()
        )
        self.add_button = IconButton(
            top, self._theme, "plus", _("New room, or connect by address"), self._open_add
        )
        self._avatar.grid(row=0, column=0)
        self._name.grid(row=0, column=1, sticky="w", padx=(px(4), 0))
        self.theme_button.grid(row=0, column=2)
        self.add_button.grid(row=0, column=3)
        top.columnconfigure(1, weight=1)
        top.grid(row=0, column=0, sticky="ew")
        self.theme_button.bind("<Configure>", lambda event: self._fit_name(), add="+")
        self.find = Field(self, self._theme, _("Find people and rooms  (Ctrl+K)"))
        self.find.grid(row=1, column=0, sticky="ew", padx=px(12), pady=(0, px(6)))
        self.find.on_change = self._filter
        self.find.entry.bind("<Return>", lambda event: self._found())
        self.find.entry.bind("<Escape>", lambda event: self._give_up())
        self.find.entry.bind("<Down>", lambda event: self._into_list())
        leave_steps(self.find.entry)
        self.list = RowList(self, self._theme, RowPainter(self._theme), self._chosen, self._menu_of)
        self.list.canvas.bind("<Escape>", lambda event: self._leave_list())
        self.list.grid(row=2, column=0, sticky="nsew")
        self.columnconfigure(0, weight=1)
        self.rowconfigure(2, weight=1)

    def _filter(self, text: str) -> None:
        self.on_filter(text)
        self.list.to_top()  # the best of what was found
        if not text:
            self._reveal_selected()

    def show(self, rows: Sequence[SidebarRow]) -> None:
        before = self._selected
        self._selected = next((row for row in rows if row.selected), None)
        self.list.show(rows)
        if before is None or self._selected is None:
            return
        if before.conversation != self._selected.conversation:
            self._reveal_selected()

    def _reveal_selected(self) -> None:
        if self._selected is not None:
            self.list.reveal(self._selected)

    def show_me(
        self, name: str, seed: str, avatar: str | None, status: Status, marks: tuple[Mark, ...]
    ) -> None:
        self._said, self._marks = name, marks
        about = _("Your status, pages and account (F9)")
        self._name_tip.text = "\n".join([about, *(_(mark.value) for mark in marks)])
        self._show_marks()
        self._avatar.show(words.initials(name), seed, avatar, status)

    def _show_marks(self) -> None:
        image = picture(self._theme, self._marks[0]) if self._marks else ""
        self._name.configure(image=image, compound="right" if image else "none")
        self._fit_name()

    def _fit_name(self) -> None:
        """As much of it as there is room for before the buttons."""
        room = self.theme_button.winfo_x() - self._name.winfo_x() - self._bare
        said = self._elider.cut(
            self._said, "strong", room - mark_width(self._theme, self._marks[:1])
        )
        self._name.configure(text=in_order(self._theme, said, "strong"))

    def start_find(self) -> None:
        self.find.entry.focus_set()
        self.find.entry.select_range(0, "end")

    def _found(self) -> None:
        self.list.choose_first()
        self.find.clear()

    def _give_up(self) -> None:
        self.find.clear()
        self.on_leave()

    def _leave_list(self) -> str | None:
        """Out of what was looked for; where nothing was, out of what is open."""
        if not self.find.text:
            return None
        self._give_up()
        return "break"

    def _into_list(self) -> None:
        self.list.canvas.focus_set()
        self.list.move(1)

    def _chosen(self, row: SidebarRow) -> None:
        self.on_open(row.conversation)

    def _menu_of(self, row: SidebarRow, x: int, y: int) -> None:
        self.on_menu(row.conversation, x, y)

    def open_me(self) -> None:
        self.on_me(self._name)

    def _open_add(self) -> None:
        self.on_add(self.add_button)

    def _recolour(self) -> None:
        colours = self._theme.palette
        self.list.canvas.configure(background=colours.sidebar)
        self._show_marks()
        self.theme_button.set_icon("sun" if colours.name == "dark" else "moon")
        self.list.redraw()
