"""Small parts that several panes use: icon buttons, fields with a hint."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from tkinter import ttk

from p2pchat.ui.tk.theme import Theme
from p2pchat.ui.tk.tips import tip

FIELD_FILLS = {"light": ("#fdfdfd", "#ffffff"), "dark": ("#292929", "#1c1c1c")}
"""What the theme's pictures of an entry are filled with, without the focus and with it."""


class IconButton(ttk.Button):
    """A flat button with a picture and a tip."""

    def __init__(
        self,
        parent: tk.Misc,
        theme: Theme,
        icon: str,
        text: str,
        command: Callable[[], None],
        style: str = "Sidebar.Toolbutton",
        size: int = 20,
        accent: bool = False,
    ) -> None:
        super().__init__(parent, style=style, command=command, takefocus=True)
        self._theme = theme
        self._icon = icon
        self._size = size
        self._accent = accent
        tip(self, text)
        theme.listeners.append(self._draw)
        self.bind("<Destroy>", lambda event: theme.listeners.remove(self._draw))
        self.bind("<Return>", lambda event: self.invoke())
        self._draw()

    def set_icon(self, icon: str) -> None:
        self._icon = icon
        self._draw()

    def _draw(self) -> None:
        colours = self._theme.palette
        colour = colours.on_accent if self._accent else colours.muted
        self.configure(image=self._theme.icon(self._icon, self._theme.px(self._size), colour))


class Field(ttk.Frame):
    """An entry with a hint that goes when something is written."""

    def __init__(self, parent: tk.Misc, theme: Theme, hint: str, show: str = "") -> None:
        super().__init__(parent)
        self.on_change: Callable[[str], None] = lambda text: None
        self._theme = theme
        self._text = tk.StringVar(self)
        self.entry = ttk.Entry(self, textvariable=self._text, show=show, font=theme.fonts["body"])
        self.entry.pack(fill="x")
        self._hint = tk.Label(
            self,
            text=hint,
            font=theme.fonts["small"],
            borderwidth=0,
            padx=0,
            pady=0,
            cursor="xterm",
        )  # fmt: skip
        self._hint.bind("<Button-1>", lambda event: self.entry.focus_set())
        self._focused = False
        # Where Tk follows Emacs, as on Linux, it would go to the beginning of the line.
        self.entry.bind("<Control-a>", lambda event: self.select_all())
        self.entry.bind("<FocusIn>", lambda event: self._focus_moved(True), add="+")
        self.entry.bind("<FocusOut>", lambda event: self._focus_moved(False), add="+")
        self._text.trace_add("write", lambda *_: self._written())
        theme.listeners.append(self._recolour)
        self.bind("<Destroy>", self._gone)
        self._recolour()
        self._written()

    @property
    def text(self) -> str:
        return self._text.get()

    def set(self, text: str) -> None:
        self._text.set(text)
        self.entry.icursor("end")

    def clear(self) -> None:
        self._text.set("")

    def select_all(self) -> str:
        self.entry.select_range(0, "end")
        self.entry.icursor("end")
        return "break"

    def _written(self) -> None:
        if self._text.get():
            self._hint.place_forget()
        else:
            # Right of the cursor, which it would cover.
            self._hint.place(x=self._theme.px(13), rely=0.5, anchor="w")
        self.on_change(self._text.get())

    def _focus_moved(self, focused: bool) -> None:
        self._focused = focused
        self._recolour()

    def _recolour(self) -> None:
        fill = FIELD_FILLS[self._theme.palette.name][self._focused]
        self._hint.configure(foreground=self._theme.palette.faint, background=fill)

    def _gone(self, event: tk.Event[tk.Misc]) -> None:
        if event.widget is self and self._recolour in self._theme.listeners:
            self._theme.listeners.remove(self._recolour)
