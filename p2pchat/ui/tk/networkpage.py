"""The page that says how this computer is linked with others, and what stands in the way."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from functools import partial
from tkinter import ttk

from p2pchat.ui.language import _
from p2pchat.ui.presenters.network import Check, NetworkPresenter, NetworkState
from p2pchat.ui.tk.sheet import WIDTH, Sheet
from p2pchat.ui.tk.theme import VERDICTS, Theme
from p2pchat.ui.tk.tips import tip
from p2pchat.ui.tk.widgets import Wrapped


class NetworkPage(Sheet):
    """The view of NetworkPresenter."""

    def __init__(
        self, parent: tk.Misc, theme: Theme, presenter: NetworkPresenter,
        close: Callable[[], None], connect: Callable[[], None],
    ) -> None:  # fmt: skip
        super().__init__(parent, theme, _("Network"), close)
        self._presenter = presenter
        self._connect = connect
        self._shown: NetworkState | None = None
        presenter.open(self)

    def end(self) -> None:
        self._presenter.close()

    def show_network(self, state: NetworkState) -> None:
        if state == self._shown:
            return
        self._shown = state
        focused = str(self.tk.call("focus")).startswith(f"{self.body}.")
        for child in self.body.winfo_children():
            child.destroy()
        self.say_below(state.headline)
        self.section(_("State"))
        for check in state.checks:
            self._check(check)
        self.section(_("Details"))
        for label, text in state.facts:
            place = self.row(label)
            said = ttk.Label(place, text=text, style="PageMuted.TLabel")
            said.pack()
            place.master.bind("<Configure>", partial(_wrap, said), add="+")
        self.space(12)
        button = ttk.Button(
            self.frame(), text=_("Connect by address…"), style="Page.TButton", command=self._connect
        )
        tip(button, _("For people who don't show up by themselves"))
        button.grid(row=0, column=0, sticky="w")
        self.space()
        if focused:
            button.focus_set()

    def _check(self, check: Check) -> None:
        px, theme = self.theme.px, self.theme
        frame = self.frame()
        dot = ttk.Label(
            frame, image=theme.circle(px(10), VERDICTS[check.verdict]), style="Page.TLabel"
        )
        dot.grid(row=0, column=0, padx=(px(2), px(12)), pady=(px(8), 0))
        wide = px(WIDTH - 70)
        ttk.Label(frame, text=check.title, style="PageStrong.TLabel").grid(
            row=0, column=1, sticky="w", pady=(px(8), 0)
        )
        for row, (text, style) in enumerate(
            ((check.text, "Page.TLabel"), (check.advice, "PageMuted.TLabel")), 1
        ):
            if text:
                label = Wrapped(frame, theme, text, style, wide)
                label.grid(row=row, column=1, sticky="ew", pady=(px(1), 0))
        frame.columnconfigure(0, weight=0)
        frame.columnconfigure(1, weight=1)


def _wrap(label: ttk.Label, event: tk.Event[tk.Misc]) -> None:
    """Into the width of its line."""
    label.configure(wraplength=event.width)
