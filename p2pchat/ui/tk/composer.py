"""The entry below the conversation: it grows with its text, Enter sends."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Sequence
from tkinter import ttk

from p2pchat.ui.language import _
from p2pchat.ui.presenters.completion import Offer
from p2pchat.ui.tk.entry import Entry
from p2pchat.ui.tk.inline import in_order
from p2pchat.ui.tk.keys import chords, free_keys, leave_steps
from p2pchat.ui.tk.offers import OfferList
from p2pchat.ui.tk.theme import Theme
from p2pchat.ui.tk.widgets import IconButton

MAX_LINES = 7


class Composer(ttk.Frame):
    """The view of ComposerPresenter. Commands are set by the window."""

    def __init__(self, parent: tk.Misc, theme: Theme) -> None:
        super().__init__(parent, style="Surface.TFrame")
        self.on_typed: Callable[[str], None] = lambda text: None
        self.on_send: Callable[[], None] = lambda: None
        self.on_attach: Callable[[tk.Widget], None] = lambda below: None
        self.on_attach_files: Callable[[], None] = lambda: None
        self.on_attach_folder: Callable[[], None] = lambda: None
        self.on_cancel: Callable[[], bool] = lambda: False
        self.on_stop: Callable[[], object] = lambda: None
        """A click on what is being read to be shared."""
        self.on_edit_last: Callable[[], bool] = lambda: False
        self.on_page: Callable[[int], object] = lambda direction: None
        self.target_words: Callable[[], tuple[str, str]] = lambda: ("", "")
        self.is_edit: Callable[[], bool] = lambda: False
        self.typing_words: Callable[[], str] = lambda: ""
        self.find_offers: Callable[[str], Sequence[Offer]] = lambda before: ()
        self.on_emoji: Callable[[], None] = lambda: None
        self._theme = theme
        self._declined = ""
        """The text for which one wanted no offers."""
        self._build()
        theme.listen(self, self._recolour)
        self._recolour()

    def _build(self) -> None:
        px, theme = self._theme.px, self._theme
        self._typing = tk.Label(self, anchor="w", font=theme.fonts["small"], borderwidth=0)
        self._typing.grid(row=0, column=0, sticky="w", padx=px(22))
        self._typing.bind("<ButtonRelease-1>", lambda event: self.on_stop())
        self._target = ttk.Frame(self, style="Surface.TFrame", padding=(px(16), px(2)))
        self._target_icon = tk.Label(self._target, borderwidth=0)
        self._target_title = tk.Label(self._target, font=theme.fonts["badge"], borderwidth=0)
        self._target_text = tk.Label(
            self._target, font=theme.fonts["small"], borderwidth=0, anchor="w"
        )
        self._target_close = IconButton(
            self._target, theme, "close", _("Cancel (Esc)"), self._cancel,
            style="Surface.Toolbutton", size=14,
        )  # fmt: skip
        self._target_icon.grid(row=0, column=0, padx=(px(6), px(6)))
        self._target_title.grid(row=0, column=1)
        self._target_text.grid(row=0, column=2, sticky="ew", padx=px(8))
        self._target_close.grid(row=0, column=3)
        self._target.columnconfigure(2, weight=1)
        card = ttk.Frame(self, style="Card.TFrame", padding=(px(10), px(6), px(6), px(6)))
        card.grid(row=2, column=0, sticky="ew", padx=px(16), pady=(px(2), px(14)))
        self.entry = Entry(
            card, theme, height=1, wrap="word", borderwidth=0, highlightthickness=0,
            font=theme.fonts["body"], padx=px(4), pady=px(5), spacing3=px(2),
        )  # fmt: skip
        self._hint = tk.Label(
            self.entry, font=theme.fonts["body"], borderwidth=0, padx=0, pady=0, cursor="xterm"
        )
        self._hint.bind("<Button-1>", lambda event: self.entry.focus_set())
        self.attach_button = IconButton(
            card, theme, "attach", _("Share files (Ctrl+O) or a folder (Ctrl+Shift+O)"),
            lambda: self.on_attach(self.attach_button), style="Composer.Toolbutton",
        )  # fmt: skip
        self.emoji_button = IconButton(
            card, theme, "smile", _("Emoji (Ctrl+E)"), lambda: self.on_emoji(),
            style="Composer.Toolbutton",
        )  # fmt: skip
        self.send_button = IconButton(
            card, theme, "send", _("Send (Enter)"), lambda: self.on_send(), style="Accent.TButton",
            accent=True,
        )  # fmt: skip
        self.send_button.configure(padding=(px(8), px(4)))
        self.attach_button.lower(self.entry)  # Tab goes as one reads
        self.emoji_button.grid(row=0, column=2, sticky="se", padx=(px(4), 0))
        self.attach_button.grid(row=0, column=0, sticky="sw", padx=(0, px(4)))
        self.entry.grid(row=0, column=1, sticky="ew")
        self.send_button.grid(row=0, column=3, sticky="se", padx=(px(8), 0))
        card.columnconfigure(1, weight=1)
        self.columnconfigure(0, weight=1)
        self.offers = OfferList(self, self._theme, self._take)
        self._bind_keys()

    def _bind_keys(self) -> None:
        entry = self.entry
        free_keys(self)
        entry.bind("<Return>", self._return)
        entry.bind("<KP_Enter>", self._return)
        entry.bind("<Shift-Return>", lambda event: None)
        entry.bind("<Escape>", self._escape)
        entry.bind("<Up>", self._up)
        entry.bind("<Down>", self._down)
        leave_steps(entry)
        entry.bind("<KeyRelease>", lambda event: self._offer(), add="+")
        entry.bind("<ButtonRelease-1>", lambda event: self._offer(), add="+")
        entry.bind("<FocusOut>", lambda event: self.offers.show(()), add="+")
        for key in chords(entry, "<Control-e>"):
            entry.bind(key, self._emoji)
        entry.bind("<Tab>", self._next)
        entry.bind("<Shift-Tab>", self._previous)
        if self.tk.call("tk", "windowingsystem") == "x11":
            entry.bind("<ISO_Left_Tab>", self._previous)
        entry.bind("<Prior>", lambda event: self.on_page(-1))
        entry.bind("<Next>", lambda event: self.on_page(1))
        entry.bind("<Control-a>", self._select_all)
        # Tk's own Control-o opens a line, as in Emacs. Shift makes a capital of the letter.
        for key in (*chords(entry, "<Control-o>"), *chords(entry, "<Control-O>")):
            entry.bind(key, self._attach)
        entry.on_change = self._changed
        entry.bind("<Configure>", lambda event: self._fit())

    # -- the presenter's view

    def text(self) -> str:
        return self.entry.text()

    def set_text(self, text: str) -> None:
        self.entry.set_text(text)
        self._fit()

    def focus(self) -> None:
        self.entry.focus_set()

    def refresh(self) -> None:
        self._typing.configure(text=in_order(self._theme, self.typing_words()))
        title, text = self.target_words()
        if title:
            icon = "pencil" if self.is_edit() else "reply"
            colour = self._theme.palette.accent
            self._target_icon.configure(image=self._theme.icon(icon, self._theme.px(16), colour))
            self._target_title.configure(text=in_order(self._theme, title, "badge"))
            self._target_text.configure(text=in_order(self._theme, text))
            self._target.grid(row=1, column=0, sticky="ew")
        else:
            self._target.grid_remove()

    # -- for the window

    def set_hint(self, hint: str) -> None:
        self._hint.configure(text=in_order(self._theme, hint, "body"))

    def insert(self, char: str) -> None:
        """Something typed elsewhere."""
        self.entry.focus_set()
        self.entry.put(char)

    def _cancel(self) -> None:
        self.on_cancel()

    # -- what is offered

    def _offer(self) -> None:
        before = self.entry.text("1.0", "insert")
        if before == self._declined:
            return
        self._declined = ""
        focused = str(self.tk.call("focus")) == str(self.entry)
        self.offers.show(self.find_offers(before) if focused else ())

    def _take(self, offer: Offer) -> None:
        before = self.entry.text("1.0", "insert")
        self.offers.show(())
        self.entry.take_back(len(before) - offer.start)
        self.entry.put(offer.text)
        self.entry.focus_set()

    # -- keys

    def _return(self, event: tk.Event[tk.Text]) -> str | None:
        if int(event.state) & 0x1:
            return None  # Shift: a new line
        if self.offers.offers:
            self.offers.take_chosen()
        else:
            self.on_send()
        return "break"

    def _attach(self, event: tk.Event[tk.Text]) -> str:
        (self.on_attach_folder if int(event.state) & 0x1 else self.on_attach_files)()
        return "break"

    def _escape(self, event: tk.Event[tk.Text]) -> str | None:
        if self.offers.offers:
            self._declined = self.entry.text("1.0", "insert")
            self.offers.show(())
            return "break"
        return "break" if self.on_cancel() else None

    def _emoji(self, event: tk.Event[tk.Text]) -> str:
        self.on_emoji()
        return "break"

    def _up(self, event: tk.Event[tk.Text]) -> str | None:
        if self.offers.offers:
            self.offers.choose(self.offers.chosen - 1)
            return "break"
        return "break" if not self.text() and self.on_edit_last() else None

    def _down(self, event: tk.Event[tk.Text]) -> str | None:
        if self.offers.offers:
            self.offers.choose(self.offers.chosen + 1)
            return "break"
        return None

    def _next(self, event: tk.Event[tk.Text]) -> str:
        if self.offers.offers:
            self.offers.take_chosen()
            return "break"
        self.entry.tk_focusNext().focus_set()  # type: ignore[union-attr]  # there is always one
        return "break"

    def _previous(self, event: tk.Event[tk.Text]) -> str:
        self.entry.tk_focusPrev().focus_set()  # type: ignore[union-attr]  # there is always one
        return "break"

    def _select_all(self, event: tk.Event[tk.Text]) -> str:
        self.entry.tag_add("sel", "1.0", "end-1c")
        return "break"

    def _changed(self) -> None:
        self._fit()
        self.on_typed(self.text())

    def _fit(self) -> None:
        """As high as the text, up to MAX_LINES."""
        if not self.entry.empty:
            self._hint.place_forget()
        else:
            self._hint.place(x=self._theme.px(5), rely=0.5, anchor="w")
        lines = int(self.entry.index("end-1c").partition(".")[0])
        if lines < MAX_LINES:  # else Tk would lay out all there are, to count them
            count = self.entry.tk.call(self.entry, "count", "-displaylines", "1.0", "end")
            lines = int(count or 1)
        height = max(1, min(MAX_LINES, lines))
        if int(self.entry.cget("height")) != height:
            self.entry.configure(height=height)

    def _recolour(self) -> None:
        colours = self._theme.palette
        surface = colours.surface
        card = colours.window  # what the theme's picture of a card is filled with
        self.entry.configure(
            background=card, foreground=colours.text, insertbackground=colours.text,
            selectbackground=colours.selection, selectforeground=colours.text,
            insertwidth=self._theme.px(1.5),
        )  # fmt: skip
        self._hint.configure(background=card, foreground=colours.faint)
        self._typing.configure(background=surface, foreground=colours.muted)
        self._target_icon.configure(background=surface)
        self._target_title.configure(background=surface, foreground=colours.accent)
        self._target_text.configure(background=surface, foreground=colours.muted)
