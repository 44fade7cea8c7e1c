"""Small parts that several panes use: icon buttons, fields with a hint."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from tkinter import font as tkfont
from tkinter import ttk

from p2pchat.ui.tk.inline import Elider, as_read
from p2pchat.ui.tk.theme import Theme
from p2pchat.ui.tk.tips import tip

FIELD_FILLS = {
    "light": {"": "#fdfdfd", "hover": "#f9f9f9", "focus": "#ffffff", "disabled": "#fafafa"},
    "dark": {"": "#292929", "hover": "#2f2f2f", "focus": "#1c1c1c", "disabled": "#262626"},
}
"""What the theme's pictures of an entry are filled with, by its state."""
PANEL = 300
"""Pixels of what stands at the right of a conversation, at a scale of 1."""
HINT_AT = 13
"""Pixels from a field's edge to its hint, at a scale of 1: right of the cursor."""
OFF = "#a5a5a5"
"""The ink of a disabled accent button, whatever the colours."""


ICON = "P2PChatIcon"
"""The binding tag of icon buttons."""


def _press(event: tk.Event[tk.Misc]) -> str:
    if isinstance(event.widget, ttk.Button) and event.widget.instate(["!disabled"]):
        event.widget.state(["pressed"])
    return "break"


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
        # With the pointer it is pressed without taking the focus from where one writes.
        first, *others = self.bindtags()
        self.bindtags((first, ICON, *others))
        self.bind_class(ICON, "<Button-1>", _press)
        self._theme = theme
        self._icon = icon
        self._size = size
        self._accent = accent
        tip(self, text)
        theme.listen(self, self._draw)
        self._draw()

    def set_icon(self, icon: str) -> None:
        self._icon = icon
        self._draw()

    def _draw(self) -> None:
        colours = self._theme.palette
        size = self._theme.px(self._size)
        colour = colours.on_accent if self._accent else colours.muted
        # Without one for it Tk draws the picture of a disabled button through a coarse grid.
        off = self._theme.icon(self._icon, size, OFF if self._accent else colours.faint)
        on = self._theme.icon(self._icon, size, colour)
        self.configure(image=f"{on} disabled {off}")


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
        self._words, self._elider = hint, Elider(theme)
        self._hint.bind("<Button-1>", lambda event: self.entry.focus_set())
        self.bind("<Configure>", lambda event: self._fit(event.width))
        # Where Tk follows Emacs, as on Linux, it would go to the beginning of the line.
        self.entry.bind("<Control-a>", lambda event: self.select_all())
        for event in ("<FocusIn>", "<FocusOut>", "<Enter>", "<Leave>"):
            self.entry.bind(event, lambda event: self._recolour(), add="+")
        self._text.trace_add("write", lambda *_: self._written())
        theme.listen(self, self._recolour)
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

    def enable(self, on: bool) -> None:
        self.entry.state(["!disabled" if on else "disabled"])
        self._recolour()

    def select_all(self) -> str:
        self.entry.select_range(0, "end")
        self.entry.icursor("end")
        return "break"

    def to_write_anew(self) -> None:
        """It was wrong: what is typed next stands in its place."""
        self.entry.focus_set()
        self.select_all()

    def _written(self) -> None:
        if self._text.get():
            self._hint.place_forget()
        else:
            self._hint.place(x=self._theme.px(HINT_AT), rely=0.5, anchor="w")
        self.on_change(self._text.get())

    def _fit(self, width: int) -> None:
        """No hint over the border."""
        room = width - 2 * self._theme.px(HINT_AT)
        self._hint.configure(text=self._elider.cut(self._words, "small", room))

    def _recolour(self) -> None:
        fills = FIELD_FILLS[self._theme.palette.name]
        now = next((s for s in ("disabled", "focus", "hover") if self.entry.instate([s])), "")
        self._hint.configure(foreground=self._theme.palette.muted, background=fills[now])


class Wrapped(ttk.Label):
    """Breaks its text where it gets less room than `most` pixels, which it takes at most. Its
    master must stretch it."""

    def __init__(self, parent: tk.Misc, theme: Theme, text: str, style: str, most: int) -> None:
        super().__init__(parent, style=style, justify="left")
        self._native = theme.native_bidi
        self._font = tkfont.nametofont(str(ttk.Style(parent).lookup(style, "font")), parent)
        self._most = self._room = most
        self.bind("<Configure>", lambda event: self._fit(event.width))
        self.say(text)

    def say(self, text: str) -> None:
        self.said = text
        shown = as_read(text, self._font, self._room, self._native)
        self.configure(text=shown, wraplength=self._room)

    def _fit(self, width: int) -> None:
        room = min(self._most, width)
        if room not in (1, self._room):  # nothing is that narrow but what isn't placed yet
            self._room = room
            self.say(self.said)
