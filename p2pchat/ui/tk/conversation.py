"""The middle: the conversation's heading, its messages, and the entry below."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Sequence
from tkinter import ttk

from p2pchat.model.ids import MessageId, PeerId
from p2pchat.ui.language import _, ngettext
from p2pchat.ui.presenters.calendar import CalendarPresenter
from p2pchat.ui.presenters.conversation import ConversationPresenter
from p2pchat.ui.presenters.directory import Directory, heading
from p2pchat.ui.presenters.filecard import FileCard
from p2pchat.ui.presenters.marks import Mark
from p2pchat.ui.presenters.picker import PickerPresenter
from p2pchat.ui.presenters.timeline import Row
from p2pchat.ui.tk.calendar import DayPicker
from p2pchat.ui.tk.composer import Composer
from p2pchat.ui.tk.inline import Inline, in_order
from p2pchat.ui.tk.marks import put as put_marks
from p2pchat.ui.tk.marks import width as mark_width
from p2pchat.ui.tk.picker import EmojiPicker
from p2pchat.ui.tk.theme import Theme
from p2pchat.ui.tk.tips import ChangingTip, tip
from p2pchat.ui.tk.transcript import Transcript
from p2pchat.ui.tk.widgets import IconButton


class Head(tk.Canvas):
    """The conversation's name, and below it who is there or how they are."""

    def __init__(self, parent: tk.Misc, theme: Theme) -> None:
        super().__init__(parent, height=theme.px(44), highlightthickness=0, borderwidth=0)
        self.shown: tuple[str, str, tuple[Mark, ...]] = ("", "", ())
        """Title, subtitle, and what is drawn after the title."""
        self._tip = ChangingTip(self)
        self._theme = theme
        self._inline = Inline(theme)
        self.bind("<Configure>", lambda event: self._draw())
        theme.listen(self, self._draw)

    def show(self, title: str, subtitle: str, marks: tuple[Mark, ...]) -> None:
        self.shown = (title, subtitle, marks)
        about = _("Who this is, or who is in the room (Ctrl+I)")
        # There is no room for a tip of a mark's own.
        self._tip.text = "\n".join([about, *(_(mark.value) for mark in marks)])
        self._draw()

    def _draw(self) -> None:
        px, colours, width = self._theme.px, self._theme.palette, self.winfo_width()
        title, subtitle, marks = self.shown
        self.configure(background=colours.surface)
        self.delete("all")
        room = width - mark_width(self._theme, marks)
        end = self._inline.put(self, 0, px(12), title, "title", colours.text, room)
        put_marks(self, self._theme, end, px(12), marks)
        warned = not {Mark.WARNED, Mark.ALIKE}.isdisjoint(marks)
        tone = colours.system if warned else colours.muted
        self._inline.put(self, 0, px(34), subtitle, "small", tone, width)


class ConversationPane(ttk.Frame):
    """The view of ConversationPresenter; also holds the composer. `attach` joins them."""

    def __init__(self, parent: tk.Misc, theme: Theme, whole: tk.Misc) -> None:
        """`whole`: what fills the window, where the picker may lie in front of all."""
        super().__init__(parent, style="Surface.TFrame")
        self._whole = whole
        self.on_search: Callable[[], None] = lambda: None
        self.on_about: Callable[[], None] = lambda: None
        self.on_more: Callable[[tk.Widget], None] = lambda widget: None
        self._theme = theme
        self._presenter: ConversationPresenter | None = None
        self._directory: Directory | None = None
        self._faces: dict[PeerId, str | None] = {}
        self._seen_unread: MessageId | None = None
        self._picking = PickerPresenter()
        self._picker: EmojiPicker | None = None
        self.calendar: CalendarPresenter | None = None
        self.day_picker: DayPicker | None = None
        self._build_head()
        self.transcript = Transcript(self, theme)
        self.transcript.grid(row=2, column=0, sticky="nsew")
        self.composer = Composer(self, theme)
        self.composer.grid(row=3, column=0, sticky="ew")
        self.columnconfigure(0, weight=1)
        self.rowconfigure(2, weight=1)
        self._build_overlays()
        theme.listen(self, self._recolour)
        self._recolour()

    def _build_head(self) -> None:
        px, theme = self._theme.px, self._theme
        head = ttk.Frame(self, style="Surface.TFrame", padding=(px(18), px(10), px(12), px(10)))
        self.head = Head(head, theme)
        self.head.configure(cursor="hand2")
        self.head.bind("<Button-1>", lambda event: self.on_about())
        self.search_button = IconButton(
            head, theme, "search", _("Search messages (Ctrl+F)"), lambda: self.on_search(),
            style="Surface.Toolbutton",
        )  # fmt: skip
        self.more_button = IconButton(
            head, theme, "more", _("More for this conversation"), self.more,
            style="Surface.Toolbutton",
        )  # fmt: skip
        self.head.grid(row=0, column=0, rowspan=2, sticky="ew")
        self.search_button.grid(row=0, column=1, rowspan=2)
        self.more_button.grid(row=0, column=2, rowspan=2)
        head.columnconfigure(0, weight=1)
        head.grid(row=0, column=0, sticky="ew")
        self._line = tk.Frame(self, height=theme.px(1))
        self._line.grid(row=1, column=0, sticky="ew")

    def _build_overlays(self) -> None:
        theme = self._theme
        self._empty = tk.Label(
            self.transcript, font=theme.fonts["body"], borderwidth=0, justify="center"
        )
        self._down = ttk.Button(self.transcript, command=self._to_end, takefocus=False)
        self._up = ttk.Button(
            self.transcript, command=self._to_unread, takefocus=False, style="Small.TButton",
            compound="left",
        )  # fmt: skip
        self._up.configure(text=_("Jump to the first unread message"))
        self._dropping = tk.Label(
            self, font=theme.fonts["title"], borderwidth=0, padx=theme.px(24), pady=theme.px(14)
        )
        tip(self._down, _("To the newest messages (Ctrl+End)"))
        tip(self._up, _("To where you stopped reading (Ctrl+Home)"))

    def attach(self, presenter: ConversationPresenter, directory: Directory) -> None:
        self._presenter, self._directory = presenter, directory
        transcript = self.transcript
        transcript.on_scroll = self._scrolled
        transcript.on_show = presenter.show
        transcript.on_day = self.ask_day
        transcript.on_unfold = presenter.unfold
        transcript.on_key = self.composer.insert
        transcript.on_react = presenter.react
        transcript.details_of = presenter.details
        transcript.setter.face_of = lambda peer_id: directory.face(PeerId(peer_id))
        transcript.on_emoji = lambda message_id, x, y: self.pick_emoji(
            lambda chars: presenter.react(message_id, chars)
        )
        self.composer.on_page = transcript.page
        self.composer.on_emoji = lambda: self.pick_emoji(self.composer.insert)
        self.composer.offers.face_of = lambda peer_id: directory.face(PeerId(peer_id))

    def show_dropping(self, text: str) -> None:
        """What becomes of the files that are dragged above the window; empty: there are none."""
        if text:
            self._dropping.configure(text=in_order(self._theme, text, "title"))
            self._dropping.place(relx=0.5, rely=0.5, anchor="center")
            self._dropping.lift()
        else:
            self._dropping.place_forget()

    # -- the emoji picker

    def pick_emoji(self, pick: Callable[[str], None]) -> None:
        """Open it above the entry, or close it."""
        if self._picker is not None and self._picker.winfo_ismapped():
            self._close_picker()
            return
        if self._picker is None:
            self._picker = EmojiPicker(self._whole, self._theme, self._picking, self._close_picker)
            self._close_without_focus(self._picker, self._picker.field.entry, self._picker.canvas)
        self._place_picker(self._picker)
        self._picker.tkraise()
        self._picker.open(pick)

    def _place_picker(self, picker: EmojiPicker) -> None:
        """Above the entry, as far as there is room."""
        px, top = self._theme.px, self._whole
        picker.update_idletasks()  # else a new one doesn't know its size
        right = self.winfo_rootx() + self.winfo_width() - px(16) - top.winfo_rootx()
        bottom = self.composer.winfo_rooty() + px(8) - top.winfo_rooty()
        x, y = right - picker.winfo_reqwidth(), bottom - picker.winfo_reqheight()
        picker.place(x=max(0, x), y=max(0, y), anchor="nw")

    def _close_without_focus(self, card: ttk.Frame, *parts: tk.Misc) -> None:
        """When the focus has gone elsewhere in the window."""

        def check() -> None:
            focus = str(self.tk.call("focus"))
            if focus and not focus.startswith(str(card)):
                card.place_forget()

        for part in (card, *parts):
            part.bind("<FocusOut>", lambda event: self.after_idle(check), add="+")

    def _close_picker(self) -> None:
        if self._picker is not None:
            self._picker.place_forget()
            self.composer.focus()

    # -- the calendar

    def ask_day(self, message_id: MessageId | None = None) -> None:
        """Open the calendar, at the day whose heading stands above a message, or of what is in
        view; or close it."""
        if self.calendar is None or not self.transcript.winfo_ismapped():
            return
        if self.day_picker is None:
            picker = DayPicker(self._whole, self._theme, self.calendar, self._close_day_picker)
            self._close_without_focus(picker, picker.canvas, picker.before, picker.after_it)
            self.day_picker = picker
        if self.day_picker.winfo_ismapped():
            self._close_day_picker()
            return
        self.calendar.begin(message_id or self.transcript.first_in_view())
        self._place_day_picker(self.day_picker, message_id)
        self.day_picker.open()

    def _place_day_picker(self, picker: DayPicker, message_id: MessageId | None) -> None:
        """Below the heading, or at the top, as far as there is room."""
        px, view = self._theme.px, self.transcript
        picker.update_idletasks()
        y = view.drawn[message_id][0] + px(44) if message_id in view.drawn else px(10)
        y = max(0, min(y, view.winfo_height() - picker.winfo_reqheight()))
        picker.place(in_=view, relx=0.5, y=y, anchor="n")
        picker.tkraise()

    def _close_day_picker(self) -> None:
        if self.day_picker is not None:
            self.day_picker.place_forget()
            self.composer.focus()

    # -- the presenter's view

    def reset(self, rows: Sequence[Row], show: MessageId | None) -> None:
        self._name_mentions()
        self.transcript.setter.direct = bool(
            self._presenter and self._presenter.name.startswith("@")
        )
        self.transcript.reset(rows, show)

    def reveal(self, message_id: MessageId | None) -> None:
        self.transcript.reveal(message_id)

    def splice(self, at: int, removed: int, rows: Sequence[Row]) -> None:
        self.transcript.splice(at, removed, rows)

    def show_file(self, card: FileCard) -> None:
        self.transcript.cards.show_file(card)

    def show_reading(self) -> None:
        self.composer.refresh()

    def refresh(self) -> None:
        presenter, directory = self._presenter, self._directory
        if presenter is None or directory is None or not presenter.name:
            return
        title, subtitle = heading(directory, presenter.name)
        peer = directory.peer_of(presenter.name)
        room = directory.rooms.get(presenter.name)
        alike = (Mark.ALIKE,) if room and room.looks_like else ()
        self.head.show(title, subtitle, directory.marks[peer.peer_id] if peer else alike)
        self._show_faces(directory)
        self.composer.set_hint(_("Message {title}").format(title=title))
        self._show_overlays(presenter)

    def _show_overlays(self, presenter: ConversationPresenter) -> None:
        px = self._theme.px
        if presenter.trouble or presenter.empty:
            nothing = _("No messages yet.\nWhat you write stays on this network.")
            said = presenter.trouble or nothing
            self._empty.configure(text=said)
            self._empty.place(relx=0.5, rely=0.45, anchor="center")
        else:
            self._empty.place_forget()
        if presenter.behind and not presenter.empty:
            number = presenter.newer
            said = ngettext("{number} new", "{number} new", number) if number else ""
            icon = self._theme.icon("down", px(18), self._theme.palette.accent)
            self._down.configure(text=said, image=icon, compound="left" if number else "image")
            self._down.place(relx=1, rely=1, x=-px(30), y=-px(12), anchor="se")
        else:
            self._down.place_forget()
        self._show_way_up(presenter)

    def _scrolled(self, near_top: bool, at_bottom: bool) -> None:
        if self._presenter is not None:
            self._presenter.scrolled(near_top, at_bottom)
            self._show_way_up(self._presenter)

    def _show_way_up(self, presenter: ConversationPresenter) -> None:
        """Until one has seen the first unread message: not by what passes by while one is away."""
        first = self.transcript.unread()
        if first is not None and presenter.active and first[0] in self.transcript.drawn:
            self._seen_unread = first[0]
        above = first is not None and first[1] and first[0] != self._seen_unread
        above = above or presenter.first_unread_above()
        if not presenter.loading and self.transcript.drawn:
            presenter.overlooked(above)
        if above:
            px = self._theme.px
            icon = self._theme.icon("up", px(16), self._theme.palette.accent)
            self._up.configure(image=icon)
            self._up.place(relx=0.5, y=self._theme.px(10), anchor="n")
        else:
            self._up.place_forget()

    def _show_faces(self, directory: Directory) -> None:
        """Draw anew where somebody has another picture."""
        authors = {row.author for row in self.transcript.rows}
        faces = {author: directory.face(author) for author in authors}
        if any(self._faces.get(author, face) != face for author, face in faces.items()):
            self.transcript.redraw()
        self._faces = faces

    def _name_mentions(self) -> None:
        if self._directory is not None:
            names = (label.casefold() for label in self._directory.labels.values())
            self.transcript.setter.mentions = frozenset(names)

    def _to_end(self) -> None:
        if self._presenter:
            self._presenter.to_end()

    def _to_unread(self) -> None:
        if self._presenter:
            self._presenter.to_first_unread()

    def more(self) -> None:
        """What can be done with the conversation, where it is in sight."""
        if self.more_button.winfo_ismapped():
            self.on_more(self.more_button)

    def _recolour(self) -> None:
        colours = self._theme.palette
        self._line.configure(background=colours.line)
        self._empty.configure(background=colours.surface, foreground=colours.muted)
        self._dropping.configure(background=colours.accent, foreground=colours.on_accent)
        self.refresh()
