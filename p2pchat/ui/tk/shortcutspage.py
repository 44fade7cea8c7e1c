"""The list under F1."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from tkinter import ttk

from p2pchat.ui.language import _
from p2pchat.ui.presenters.shortcuts import SHORTCUTS
from p2pchat.ui.tk.sheet import Sheet
from p2pchat.ui.tk.theme import Theme


class ShortcutsPage(Sheet):
    def __init__(self, parent: tk.Misc, theme: Theme, close: Callable[[], None]) -> None:
        about = _("Everything works without a mouse")
        super().__init__(parent, theme, _("Keyboard shortcuts"), close, about)
        for title, keys in SHORTCUTS:
            self.section(_(title))
            for key, what in keys:
                place = self.row(_(what))
                for part in key.split("   "):
                    ttk.Label(place, text=part, style="Key.TLabel").pack(
                        side="left", padx=(theme.px(6), 0)
                    )
        self.space()
