"""Buttons on a message's bubble or a band: as light as its colour needs, with corners of that
colour."""

from __future__ import annotations

import tkinter as tk
from tkinter import ttk
from typing import Any

from p2pchat.ui.tk.theme import Theme

RADIUS = 5
SHADES = {"light": (0.8, 1.0, 0.5), "dark": (0.11, 0.19, 0.05)}
"""How far from the bubble's colour to white: at rest, under the pointer, pressed."""


def button_style(theme: Theme, parent: tk.Misc, fill: str, kind: str = "Small.TButton") -> str:
    """The style for a button of this kind on `fill`, made when it is first asked for in these
    colours."""
    style = ttk.Style(parent)
    name = f"On{fill[1:]}.{kind}"
    if style.lookup(name, "background") != fill:
        style.configure(name, background=fill)
        if "Accent" not in kind:
            element = f"On{fill[1:]}.button"
            if element not in style.element_names():
                _make(style, theme, element, fill)
            inside: list[Any] = [("Button.label", {"side": "left", "expand": True})]
            inside = [("Button.padding", {"children": inside})]
            style.layout(name, [(element, {"sticky": "nswe", "children": inside})])
    return name


def _make(style: ttk.Style, theme: Theme, element: str, fill: str) -> None:
    rest, over, pressed = (_whiter(fill, part) for part in SHADES[theme.palette.name])
    size, radius = 4 * theme.px(RADIUS), theme.px(RADIUS)

    def picture(colour: str, edge: str = "") -> tk.PhotoImage:
        return theme.button(size, radius, colour, edge or colour)

    ring = theme.palette.text
    style.element_create(
        element, "image", picture(rest), ("pressed", picture(pressed)),
        ("active", "focus", picture(over, ring)), ("active", picture(over)),
        ("focus", picture(rest, ring)), border=radius, sticky="nswe",
    )  # fmt: skip


def _whiter(colour: str, part: float) -> str:
    channels = bytes.fromhex(colour[1:])
    return "#" + bytes(round(c + (255 - c) * part) for c in channels).hex()
