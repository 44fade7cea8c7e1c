"""The UDP test window: two addresses, what was said, an entry."""

from __future__ import annotations

import tkinter as tk
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from tkinter import ttk

from p2pchat.ui.language import _
from p2pchat.ui.presenters.runner import Lease, Runner
from p2pchat.ui.presenters.udptest import Line, UdpPresenter, Voice
from p2pchat.ui.tk.theme import Theme
from p2pchat.ui.tk.thinbar import ThinBar
from p2pchat.ui.tk.tips import tip
from p2pchat.ui.tk.widgets import Field, IconButton, Wrapped
from p2pchat.ui.udp import OpenUdp

MOST_LINES = 2000
"""Shown; the oldest go."""


class UdpWindow(tk.Toplevel):
    """The view of UdpPresenter. Needs no profile."""

    def __init__(self, parent: tk.Tk, theme: Theme, runner: Runner, open_udp: OpenUdp) -> None:
        super().__init__(parent)
        self.withdraw()
        self._theme = theme
        self.on_closed: Callable[[], None] = lambda: None
        self._lines: deque[Line] = deque(maxlen=MOST_LINES)
        self._state = (False, False)
        self._lease = Lease(runner)
        self.presenter = UdpPresenter(self._lease, open_udp, self)
        px = theme.px
        self.geometry(f"{px(560)}x{px(480)}")
        self.minsize(px(420), px(320))
        self._build()
        self.bind("<Escape>", lambda event: self.close())
        self.protocol("WM_DELETE_WINDOW", self.close)
        theme.listen(self, self._recolour)

    def say_anew(self) -> None:
        """In another language; the test goes on."""
        texts = [field.text for field in (self.own, self.peer, self.entry)]
        said = self._error.said
        self._page.destroy()
        self._build()
        for field, text in zip((self.own, self.peer, self.entry), texts, strict=True):
            field.set(text)
        self._error.say(said)

    def _build(self) -> None:
        px, theme = self._theme.px, self._theme
        self.title(_("UDP test"))
        self._page = page = ttk.Frame(self, style="Surface.TFrame", padding=px(18))
        page.pack(fill="both", expand=True)
        ttk.Label(page, text=_("UDP test"), style="PageTitle.TLabel").grid(
            row=0, column=0, columnspan=3, sticky="w"
        )
        about = Wrapped(
            page, theme,
            _("Plain lines of text to one other computer, without a profile or encryption. "
              "It talks to any program that sends text as datagrams, such as nc -u."),
            "PageMuted.TLabel", px(510),
        )  # fmt: skip
        about.grid(row=1, column=0, columnspan=3, sticky="ew", pady=(px(2), px(10)))
        self.own = self._field(page, 0, _("This computer's port"), "5000")
        self.peer = self._field(page, 1, _("The other's address"), "192.168.1.20:5000")
        self.button = ttk.Button(page, text=_("Open"), style="Accent.TButton", command=self._open)
        tip(self.button, _("Listen on the one address, and talk to the other (Enter)"))
        self.button.grid(row=3, column=2, sticky="ew", padx=(px(10), 0))
        self._error = Wrapped(page, theme, "", "PageTrouble.TLabel", px(510))
        self._error.grid(row=4, column=0, columnspan=3, sticky="ew", pady=px(4))
        self._build_text(page)
        self.entry = Field(page, theme, _("A line to send (over ends it)"))
        self.entry.entry.bind("<Return>", lambda event: self._send())
        self.entry.grid(row=6, column=0, columnspan=2, sticky="ew", pady=(px(10), 0))
        self.send_button = IconButton(
            page, theme, "send", _("Send (Enter)"), self._send, style="Accent.TButton", accent=True
        )
        self.send_button.grid(row=6, column=2, sticky="ew", padx=(px(10), 0), pady=(px(10), 0))
        page.columnconfigure((0, 1), weight=1)
        page.rowconfigure(5, weight=1)
        self._recolour()
        self.show_state(*self._state)
        self._write(self._lines)
        self.text.see("end")

    def _field(self, page: ttk.Frame, column: int, label: str, hint: str) -> Field:
        px = self._theme.px
        ttk.Label(page, text=label, style="PageHead.TLabel").grid(
            row=2, column=column, sticky="w", padx=(px(10) * column, 0)
        )
        field = Field(page, self._theme, hint)
        field.entry.bind("<Return>", lambda event: self._open())
        field.grid(row=3, column=column, sticky="ew", padx=(px(10) * column, 0))
        return field

    def _build_text(self, page: ttk.Frame) -> None:
        px, theme = self._theme.px, self._theme
        frame = tk.Frame(page, highlightthickness=1)
        self._frame = frame
        self.text = tk.Text(
            frame, height=8, wrap="char", state="disabled", font=theme.fonts["fixed"], padx=px(8),
            pady=px(6), borderwidth=0, highlightthickness=0, takefocus=True,
        )  # fmt: skip
        bar = ThinBar(frame, theme, "surface", self.text.yview)
        self.text.configure(yscrollcommand=bar.set)
        self.text.grid(row=0, column=0, sticky="nsew")
        bar.grid(row=0, column=1, sticky="ns")
        frame.columnconfigure(0, weight=1)
        frame.rowconfigure(0, weight=1)
        frame.grid(row=5, column=0, columnspan=3, sticky="nsew")

    def open(self) -> None:
        parent = self.master
        aside = self._theme.px(40)
        self.geometry(f"+{parent.winfo_rootx() + aside}+{parent.winfo_rooty() + aside}")
        self.deiconify()
        self.lift()
        self.own.entry.focus_force()

    # -- the presenter's view

    def show_lines(self, lines: Sequence[Line]) -> None:
        self._lines.extend(lines)
        self._write(lines)

    def _write(self, lines: Iterable[Line]) -> None:
        at_end = self.text.yview()[1] >= 1.0
        self.text.configure(state="normal")
        for line in lines:
            text = f"> {line.text}" if line.voice is Voice.OWN else line.text
            self.text.insert("end", f"{text}\n", line.voice.value)
        left = int(self.text.index("end-1c").partition(".")[0]) - 1 - MOST_LINES
        if left > 0:
            self.text.delete("1.0", f"{left + 1}.0")
        self.text.configure(state="disabled")
        if at_end:
            self.text.see("end")

    def show_state(self, is_open: bool, busy: bool) -> None:
        self._state = (is_open, busy)
        for field in (self.own, self.peer):
            field.enable(not (is_open or busy))
        self.button.configure(text=_("Stop") if is_open else _("Open"))
        self.button.state(["disabled" if busy else "!disabled"])
        self.entry.enable(is_open)
        self.send_button.state(["!disabled" if is_open else "disabled"])
        if is_open:
            self.entry.entry.focus_set()

    def show_error(self, text: str) -> None:
        self._error.say(text)

    def close(self) -> None:
        self._lease.end()
        self.presenter.close_socket()
        self.destroy()
        self.on_closed()

    # -- what is done

    def _open(self) -> None:
        if self.presenter.is_open:
            self.presenter.close_socket()
            self.own.entry.focus_set()
        else:
            self.presenter.open(self.own.text, self.peer.text)

    def _send(self) -> None:
        if self.presenter.send(self.entry.text) and self.winfo_exists():
            self.entry.clear()

    def _recolour(self) -> None:
        colours = self._theme.palette
        self.configure(background=colours.surface)
        self.text.configure(
            background=colours.surface, foreground=colours.text, selectbackground=colours.selection,
        )  # fmt: skip
        self._frame.configure(
            background=colours.surface, highlightbackground=colours.line,
            highlightcolor=colours.accent,
        )  # fmt: skip
        self.text.tag_configure(Voice.OWN.value, foreground=colours.accent)
        self.text.tag_configure(Voice.NOTE.value, foreground=colours.system)
