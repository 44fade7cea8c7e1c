"""The page of announcements: for the appointed a place to write one, then all there were."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from tkinter import ttk

from p2pchat.model.accounts import AnnouncementDraft
from p2pchat.ui.language import _
from p2pchat.ui.presenters.announcements import (
    AnnouncementRow,
    AnnouncementsPresenter,
    AnnouncementsState,
)
from p2pchat.ui.tk.entry import Entry
from p2pchat.ui.tk.inline import in_order
from p2pchat.ui.tk.keys import chords, free_keys
from p2pchat.ui.tk.richtext import NameLine, RichText
from p2pchat.ui.tk.sheet import WIDTH, Head, Sheet
from p2pchat.ui.tk.theme import Theme
from p2pchat.ui.tk.tips import tip
from p2pchat.ui.tk.widgets import Wrapped

LINES = 3
"""Of the entry."""


class _Item(ttk.Frame):
    """One announcement: drawn anew where something of it has changed."""

    def __init__(
        self, parent: tk.Misc, theme: Theme, row: AnnouncementRow, toggle: Callable[[], None]
    ) -> None:
        px = theme.px
        super().__init__(parent, style="Surface.TFrame", padding=(0, px(12), 0, px(4)))
        self.row = row
        head = NameLine(self, theme)
        head.show(row.author, row.marks, row.detail)
        head.pack(fill="x")
        self._lines(theme, row.text, "body", "text", 3)
        ttk.Label(self, text=row.count, style="PageHead.TLabel").pack(anchor="w", pady=(px(7), 0))
        if row.seen:
            self._lines(theme, _("Seen by {names}").format(names=row.seen), "small", "muted", 2)
        if row.missing:
            said = _("Not yet seen by {names}").format(names=row.missing)
            self._lines(theme, said, "small", "muted", 2)
        if row.folded:
            more = ttk.Button(self, text=_("Show more or less"), style="Small.TButton",
                              command=toggle)  # fmt: skip
            tip(more, _("All of the text, and all names"))
            more.pack(anchor="w", pady=(px(6), 0))

    def _lines(self, theme: Theme, said: str, font: str, ink: str, above: int) -> None:
        text = RichText(self, theme, font, ink)
        text.show(said)
        text.pack(fill="x", pady=(theme.px(above), 0))


class AnnouncementsPage(Sheet):
    """The view of AnnouncementsPresenter."""

    def __init__(
        self,
        parent: tk.Misc,
        theme: Theme,
        presenter: AnnouncementsPresenter,
        close: Callable[[], None],
        conversation: str = "",
    ) -> None:
        """`conversation`: the room that one is written for, at first; empty: everyone."""
        about = _("What whoever runs the network tells everyone, or a room")
        super().__init__(parent, theme, _("Announcements"), close, about)
        self._presenter = presenter
        self._wanted = conversation
        self._places: tuple[tuple[str, str], ...] = ()
        self._items: dict[str, _Item] = {}
        self._writing = self.frame()
        self._built = self._taken_up = False
        self.section(_("What was announced"))
        self._none = self.text(_("Nothing yet."))
        self._list = self.frame()
        self.more = ttk.Button(self.frame(), text=_("Older ones"), style="Page.TButton",
                               command=presenter.older)  # fmt: skip
        tip(self.more, _("Show what was announced before these"))
        self.space()
        presenter.open(self)

    def end(self) -> None:
        if self._taken_up:
            self._typed()
        self._presenter.close()

    def start(self) -> tk.Misc:
        return self.entry if self._built else super().start()

    # -- writing one

    def _build_writing(self) -> None:
        self._built = True
        theme, px, frame = self.theme, self.theme.px, self._writing
        head = Head(frame, theme, _("Announce something"))
        head.grid(row=0, column=0, columnspan=3, sticky="ew", pady=(0, px(10)))
        self.entry = Entry(
            frame, theme, height=LINES, width=10, wrap="word", font=theme.fonts["body"],
            padx=px(10), pady=px(8), borderwidth=0, highlightthickness=px(1),
        )  # fmt: skip
        for key in chords(self.entry, "<Control-Return>"):
            self.entry.bind(key, self._send_by_key)
        self.entry.bind("<Tab>", lambda event: self._move(event, 1))
        self.entry.bind("<Shift-Tab>", lambda event: self._move(event, -1))
        free_keys(self.entry)
        self.entry.grid(row=1, column=0, columnspan=3, sticky="ew")
        self.to = ttk.Combobox(frame, state="readonly", style="Page.TCombobox", width=24,
                               font=theme.fonts["small"])  # fmt: skip
        tip(self.to, _("Who is to see it"))
        self.announce = ttk.Button(frame, text=_("Announce"), style="Page.Accent.TButton",
                                   command=self._send)  # fmt: skip
        tip(self.announce, _("It stands above everything at the others (Ctrl+Enter)"))
        ttk.Label(frame, text=_("To"), style="Page.TLabel").grid(row=2, column=0, sticky="w")
        self.to.grid(row=2, column=1, sticky="w", padx=px(10), pady=px(10))
        self.announce.grid(row=2, column=2, sticky="e")
        self.error = Wrapped(frame, theme, "", "PageTrouble.TLabel", px(WIDTH - 40))
        frame.columnconfigure(0, weight=0)
        frame.columnconfigure(1, weight=1)
        theme.listen(self, self._recolour)
        self._recolour()
        self.entry.on_change = self._typed
        self.to.bind("<<ComboboxSelected>>", lambda event: self._typed(), add="+")
        self.entry.focus_set()

    def _take_up(self, draft: AnnouncementDraft) -> None:
        """Go on with it, unless there is something else by now."""
        self._taken_up = True
        if self.entry.empty and draft.text:
            self.entry.set_text(draft.text)
            names = [name for name, _title in self._places]
            if not self._wanted and draft.conversation in names:
                self.to.current(names.index(draft.conversation))

    def _typed(self) -> None:
        self._presenter.typed(self.entry.text(), self._conversation())

    def _conversation(self) -> str:
        return self._places[max(0, self.to.current())][0] if self._places else ""

    def _move(self, event: tk.Event[tk.Text], by: int) -> str:
        (event.widget.tk_focusNext() if by > 0 else event.widget.tk_focusPrev()).focus_set()  # type: ignore[union-attr]  # the page has others
        return "break"

    def _send_by_key(self, event: tk.Event[tk.Text]) -> str:
        self._send()
        return "break"

    def _send(self) -> None:
        self._presenter.announce(self.entry.text().strip(), self._conversation())

    def announced(self) -> None:
        if self._built:
            self.entry.set_text("")
            self.entry.focus_set()

    def _recolour(self) -> None:
        colours = self.theme.palette
        self.entry.configure(
            background=colours.window, foreground=colours.text, insertbackground=colours.text,
            highlightbackground=colours.line, highlightcolor=colours.accent,
            selectbackground=colours.selection, selectforeground=colours.text,
        )  # fmt: skip

    def _show_writing(self, state: AnnouncementsState) -> None:
        if not self._built:
            self._build_writing()
        if state.places != self._places:
            chosen = self._places[self.to.current()][0] if self._places else self._wanted
            self._places = state.places
            self.to.configure(values=[in_order(self.theme, title) for _name, title in state.places])
            names = [name for name, _title in state.places]
            self.to.current(names.index(chosen) if chosen in names else 0)
        if state.draft is not None and not self._taken_up:
            self._take_up(state.draft)
        self.announce.state(["disabled" if state.busy else "!disabled"])
        self.error.say(state.error)
        if state.error:
            self.error.grid(row=3, column=0, columnspan=3, sticky="ew")
        else:
            self.error.grid_remove()

    # -- all there were

    def show_announcements(self, state: AnnouncementsState) -> None:
        if state.may_announce:
            self._show_writing(state)
        if state.rows or not state.loaded:
            self._none.grid_remove()
        else:
            self._none.grid()
        if state.older:
            self.more.grid(row=0, column=0, sticky="w", pady=self.theme.px(8))
        else:
            self.more.grid_remove()
        shown = {row.announcement_id for row in state.rows}
        for id in [id for id in self._items if id not in shown]:
            self._items.pop(id).destroy()
        for place, row in enumerate(state.rows):
            item = self._items.get(row.announcement_id)
            if item is None or item.row != row:
                focused = item is not None and str(self.tk.call("focus")).startswith(f"{item}.")
                if item is not None:
                    item.destroy()
                item = _Item(self._list, self.theme, row, self._toggle_of(row.announcement_id))
                self._items[row.announcement_id] = item
                if focused:
                    self.scrolled.canvas.focus_set()
            item.grid(row=place, column=0, sticky="ew")

    def _toggle_of(self, announcement_id: str) -> Callable[[], None]:
        return lambda: self._presenter.toggle(announcement_id)
