"""The line at the bottom, and the bar that says what a person should know."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from tkinter import ttk

from p2pchat.ui.language import _
from p2pchat.ui.presenters.network import Verdict
from p2pchat.ui.presenters.status import Notice
from p2pchat.ui.tk.inline import Elider, in_order
from p2pchat.ui.tk.theme import VERDICTS, Theme
from p2pchat.ui.tk.tips import tip
from p2pchat.ui.tk.widgets import IconButton


class StatusBar(ttk.Frame):
    """The view of StatusPresenter; the notice is a frame of its own, placed by the window."""

    def __init__(self, parent: tk.Misc, theme: Theme, notice_parent: tk.Misc) -> None:
        super().__init__(parent, style="Sidebar.TFrame")
        self.on_dismiss: Callable[[], None] = lambda: None
        self.on_someone_else: Callable[[], None] = lambda: None
        self.on_network: Callable[[], None] = lambda: None
        self.on_transfers: Callable[[], None] = lambda: None
        self.on_register: Callable[[], None] = lambda: None
        self._theme = theme
        self._said_of_network = self._register_said = self._aside = ""
        self._verdict = Verdict.WARN
        self._notice: Notice | None = None
        self._said = ""
        self._elider = Elider(theme)
        self._build_line()
        self._build_notice(notice_parent)
        theme.listen(self, self._recolour)
        self._recolour()

    def _build_line(self) -> None:
        px, theme = self._theme.px, self._theme
        self._line = tk.Frame(self, height=px(1))
        self._dot = tk.Label(self, borderwidth=0)
        self.network = ttk.Button(
            self, style="Link.Toolbutton", command=lambda: self.on_network(), takefocus=True
        )
        tip(self.network, _("How this computer is linked, and what stands in the way"))
        self.transfers = ttk.Button(
            self, style="Link.Toolbutton", command=lambda: self.on_transfers(), takefocus=True
        )
        tip(self.transfers, _("All transfers (Ctrl+J)"))
        self.attendance = ttk.Button(
            self, style="Link.Toolbutton", command=lambda: self.on_register(), takefocus=True
        )
        tip(self.attendance, _("Who was there, and from when to when (F6)"))
        self._detail = tk.Label(self, font=theme.fonts["small"], anchor="e", borderwidth=0)
        self._line.grid(row=0, column=0, columnspan=5, sticky="ew")
        self._dot.grid(row=1, column=0, padx=(px(16), 0), pady=px(3))
        self.network.grid(row=1, column=1, sticky="w")
        self.transfers.grid(row=1, column=2)
        self.transfers.grid_remove()
        self.attendance.grid(row=1, column=3)
        self.attendance.grid_remove()
        self._detail.grid(row=1, column=4, padx=px(16))
        self.columnconfigure(1, weight=1)
        self._bare = self.network.winfo_reqwidth()
        """Of the button around its text."""
        self.bind("<Configure>", lambda event: self._fit())

    def _build_notice(self, parent: tk.Misc) -> None:
        px, theme = self._theme.px, self._theme
        self.notice = tk.Frame(parent)
        self._notice_text = tk.Label(
            self.notice, font=theme.fonts["small"], anchor="w", justify="left", borderwidth=0
        )
        self._notice_close = IconButton(
            self.notice, theme, "close", _("Dismiss"), lambda: self.on_dismiss(),
            style="Warning.Toolbutton", size=14,
        )  # fmt: skip
        self.someone_else = ttk.Button(
            self.notice, text=_("I am someone else…"), command=lambda: self.on_someone_else()
        )
        self.still_me = ttk.Button(
            self.notice, text=_("It is me"), command=lambda: self.on_dismiss()
        )
        tip(self.someone_else, _("Go on as a new person, with a name of your own"))
        tip(self.still_me, _("The same person on several machines"))
        self._notice_text.grid(row=0, column=0, sticky="ew", padx=px(18), pady=px(8))
        self._notice_close.grid(row=0, column=3, padx=px(8))
        self.notice.columnconfigure(0, weight=1)
        self.notice.bind("<Configure>", lambda event: self._wrap(event.width))

    def show_status(self, text: str, register: str, aside: str, verdict: Verdict) -> None:
        self._said_of_network, self._register_said, self._aside = text, register, aside
        self.attendance.configure(text=in_order(self._theme, register))
        if register:
            self.attendance.grid()
        else:
            self.attendance.grid_remove()
        self._fit()
        if verdict is not self._verdict:
            self._verdict = verdict
            self._recolour()

    def show_transfers(self, text: str) -> None:
        self.transfers.configure(text=text)
        if text:
            self.transfers.grid()
        else:
            self.transfers.grid_remove()
        self._fit()

    def _fit(self) -> None:
        """What stands aside goes first where there is no room; then the line ends earlier."""
        room = self.winfo_width() - self._dot.winfo_reqwidth() - self._bare - 3 * self._theme.px(16)
        for button in (self.transfers, self.attendance):
            if button.winfo_manager():
                room -= button.winfo_reqwidth()

        def wide(text: str) -> int:
            return self._elider.width(text, "small")

        said, aside = self._said_of_network, self._aside
        if wide(said) + wide(aside) > room:
            aside = ""
        said = self._elider.cut(said, "small", max(room - wide(aside), 0))
        self.network.configure(text=in_order(self._theme, said))
        self._detail.configure(text=in_order(self._theme, aside))

    def show_notice(self, notice: Notice | None, more: int) -> None:
        self._notice = notice
        if notice is None:
            self.notice.grid_remove()
            return
        waits = "  " + _("(and {number} more)").format(number=more) if more else ""
        self._said = notice.text + waits
        self._wrap(self.notice.winfo_width())
        for column, button in enumerate((self.someone_else, self.still_me), 1):
            if notice.someone_else:
                button.grid(
                    row=0, column=column, padx=(self._theme.px(4), 0), pady=self._theme.px(4)
                )
            else:
                button.grid_remove()
        self._recolour()
        self.notice.grid()

    def _wrap(self, width: int) -> None:
        taken = self._theme.px(90)
        if self._notice is not None and self._notice.someone_else:
            taken += self.someone_else.winfo_reqwidth() + self.still_me.winfo_reqwidth()
        room = max(self._theme.px(160), width - taken)
        said = in_order(self._theme, self._said, "small", room)
        self._notice_text.configure(text=said, wraplength=room)

    def _recolour(self) -> None:
        colours = self._theme.palette
        self._line.configure(background=colours.line)
        alone = self._verdict is Verdict.WARN
        colour = colours.faint if alone else VERDICTS[self._verdict]
        self._dot.configure(image=self._theme.circle(self._theme.px(8), colour))
        for label in (self._dot, self._detail):
            label.configure(background=colours.sidebar, foreground=colours.muted)
        trouble = self._notice is not None and self._notice.trouble
        fill = colours.trouble_fill if trouble else colours.warning_fill
        self._notice_close.configure(style=f"{'Trouble' if trouble else 'Warning'}.Toolbutton")
        self.notice.configure(background=fill)
        self._notice_text.configure(background=fill, foreground=colours.text)
