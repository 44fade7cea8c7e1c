"""Styles of ttk for what lies on the surface of a page."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Mapping
from tkinter import font as tkfont
from tkinter import ttk
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from p2pchat.ui.tk.theme import Palette


def configure(
    root: tk.Tk, colours: Palette, fonts: Mapping[str, tkfont.Font], px: Callable[[float], int]
) -> None:
    """Called by the theme, whenever its colours have changed."""
    style = ttk.Style(root)
    for name, font, colour in (
        ("Page", "body", colours.text),
        ("PageStrong", "strong", colours.text),
        ("PageTitle", "title", colours.text),
        ("PageHead", "badge", colours.muted),
        ("PageMuted", "small", colours.muted),
        ("PageWarning", "small", colours.system),
        ("PageTrouble", "small", colours.trouble),
    ):
        for ground, fill in (("", colours.surface), ("Side", colours.sidebar)):
            style.configure(
                f"{ground}{name}.TLabel", font=fonts[font], foreground=colour, background=fill
            )
    style.configure("Key.TLabel", background=colours.chip, foreground=colours.text,
                    font=fonts["small"], padding=(px(8), px(2)))  # fmt: skip
    style.configure("Line.TFrame", background=colours.line)
    style.layout(
        "Page.Switch.TCheckbutton",
        [("Checkbutton.focus", {"sticky": "nswe", "children": [("Checkbutton.label", {})]})],
    )
    style.configure(
        "Page.Switch.TCheckbutton",
        background=colours.surface,
        padding=px(2),
        focuscolor=colours.text,
    )
    style.configure("Link.Toolbutton", background=colours.sidebar, foreground=colours.muted,
                    font=fonts["small"], padding=(px(8), px(3)))  # fmt: skip
    style.configure("Page.TCombobox", padding=(px(8), px(4)))
    style.configure(
        "Page.TMenubutton",
        padding=(px(12), px(4), px(10), px(4)),
        font=fonts["small"],
        width=-10,
        anchor="w",
    )
    style.configure("Page.TButton", padding=(px(12), px(4)), font=fonts["small"])
    style.configure("Page.Accent.TButton", padding=(px(12), px(4)), font=fonts["small"])
    # What a combobox opens, with a line around it. Its lines are as high as the font.
    style.configure("ComboboxPopdownFrame", relief="flat", borderwidth=0, background=colours.line)
    for option, value in (
        ("font", fonts["body"]), ("selectBorderWidth", 0), ("borderWidth", 0),
        ("highlightThickness", 0), ("activeStyle", "none"),
    ):  # fmt: skip
        root.option_add(f"*TCombobox*Listbox.{option}", value, "interactive")
