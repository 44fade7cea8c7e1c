"""The card of a person or a room, at the right of the conversation."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from dataclasses import replace
from tkinter import ttk

from p2pchat.model.ids import PeerId
from p2pchat.model.text import quoted
from p2pchat.ui.language import _
from p2pchat.ui.presenters.about import MemberRow, PersonCard, RoomCard
from p2pchat.ui.tk.inline import Inline, in_order
from p2pchat.ui.tk.marks import Marks, picture
from p2pchat.ui.tk.marks import width as mark_width
from p2pchat.ui.tk.portrait import ROOM, Portrait
from p2pchat.ui.tk.rowlist import RowList
from p2pchat.ui.tk.sheet import Scrolled
from p2pchat.ui.tk.theme import Theme
from p2pchat.ui.tk.tips import tip
from p2pchat.ui.tk.widgets import PANEL, IconButton

TEXT = PANEL - 46
"""Of it, what its text may take: without its edges and the scroll bar."""


class MemberPainter:
    """One line of who is in a room."""

    def __init__(self, theme: Theme) -> None:
        self._theme = theme
        self._inline = Inline(theme)

    def height(self, row: MemberRow) -> int:
        return self._theme.px(44)

    def selectable(self, row: MemberRow) -> bool:
        return not row.me

    def paint(
        self, canvas: tk.Canvas, row: MemberRow, y: int, width: int, hover: bool, marks: Marks
    ) -> None:
        px, theme, colours = self._theme.px, self._theme, self._theme.palette
        if hover:
            image = theme.pill(width - px(12), px(42), px(8), colours.hover)
            canvas.create_image(px(6), y + px(1), image=image, anchor="nw")
        size, left, top = px(32), px(14), y + px(6)
        face, said = theme.face(row.avatar, row.initials, row.peer_id, size)
        canvas.create_image(left, top, image=face, anchor="nw")
        canvas.create_text(
            left + size // 2, top + size // 2, text=said, fill="#ffffff",
            font=theme.fonts["avatar_small"],
        )  # fmt: skip
        dot = theme.presence(row.status, colours.hover if hover else colours.sidebar)
        edge = size + px(2)
        canvas.create_image(left + edge, top + edge, image=dot, anchor="se")
        words = self._inline.width(row.words, "tiny")
        canvas.create_text(
            width - px(14), y + px(22), text=row.words, anchor="e", font=theme.fonts["tiny"],
            fill=colours.muted,
        )  # fmt: skip
        room = width - px(58) - words - px(22) - mark_width(theme, row.marks)
        end = self._inline.put(canvas, px(58), y + px(22), row.label, "body", colours.text, room)
        marks.put(end, y + px(22), row.marks)


class AboutPanel(ttk.Frame):
    """The view of AboutPresenter."""

    def __init__(self, parent: tk.Misc, theme: Theme) -> None:
        super().__init__(parent, style="Sidebar.TFrame")
        self.on_close: Callable[[], None] = lambda: None
        self.on_write: Callable[[PeerId], None] = lambda peer: None
        self.on_compare: Callable[[PeerId], None] = lambda peer: None
        self.on_unverify: Callable[[], None] = lambda: None
        self.on_contact: Callable[[bool], None] = lambda on: None
        self.on_block: Callable[[bool], None] = lambda on: None
        self.on_release: Callable[[PeerId], None] = lambda peer: None
        self.on_choose: Callable[[PeerId], None] = lambda peer: None
        self.on_copy: Callable[[str], None] = lambda text: None
        self.on_join: Callable[[str], None] = lambda room: None
        self.on_leave: Callable[[str], None] = lambda room: None
        self.on_mute: Callable[[str, bool], None] = lambda room, on: None
        self._theme = theme
        self._card: PersonCard | RoomCard | None = None
        px = theme.px
        head = ttk.Frame(self, style="Sidebar.TFrame", padding=(px(14), px(12), px(8), px(6)))
        self._title = ttk.Label(head, style="SidePageTitle.TLabel")
        self._title.grid(row=0, column=0, sticky="w")
        self.close_button = IconButton(
            head, theme, "close", _("Close (Esc)"), lambda: self.on_close(), size=16
        )
        self.close_button.grid(row=0, column=1)
        head.columnconfigure(0, weight=1)
        head.grid(row=0, column=0, columnspan=2, sticky="ew")
        self.scrolled = Scrolled(self, theme, "sidebar", None)
        self.scrolled.grid(row=1, column=0, sticky="nsew")
        self._members: RowList[MemberRow] = RowList(
            self, theme, MemberPainter(theme), lambda row: self.on_write(row.peer_id)
        )
        self._members.canvas.configure(width=1, height=1)
        self._members.grid(row=2, column=0, sticky="nsew")
        self.columnconfigure(0, weight=1, minsize=px(PANEL))
        theme.listen(self, self._recolour)
        self._recolour()

    def _arrange(self, room: bool) -> None:
        """A person's card has the whole height; a room's what it needs, its people the rest."""
        self.rowconfigure(1, weight=0 if room else 1)
        self.rowconfigure(2, weight=1 if room else 0)
        if room:
            self._members.grid()
            self.update_idletasks()
            self.scrolled.canvas.configure(height=self.scrolled.body.winfo_reqheight())
        else:
            self._members.grid_remove()

    def _recolour(self) -> None:
        self._members.canvas.configure(background=self._theme.palette.sidebar)
        self._members.redraw()
        # The pictures on a person's card are in these colours, too.
        card, self._card = self._card, None
        if isinstance(card, PersonCard):
            self.show_person(card)
        else:
            self._card = card

    # -- the presenter's view

    def show_person(self, card: PersonCard) -> None:
        if card == self._card:
            return
        body, focus = self._clear(card, _("Person"))
        px = self._theme.px
        face = Portrait(body, self._theme, px(84), "sidebar")
        face.show(card.initials, card.peer_id, card.avatar, card.status)
        face.pack(pady=(px(8), px(10)))
        self._titled(card)
        if card.calls_themselves:
            called = _("calls themselves {name}").format(name=quoted(card.calls_themselves))
            self._label(called, "SidePageMuted.TLabel", center=True)
        marks = [card.status_words]
        if card.verified:
            marks.append(_("verified"))
        if card.contact:
            marks.append(_("contact"))
        if card.blocked:
            marks.append(_("blocked"))
        self._label(" · ".join(marks), "SidePageMuted.TLabel", center=True)
        if card.note:
            self._label(card.note, "SidePage.TLabel", center=True, space=8)
        if card.warning:
            self._label(card.warning, "SidePageWarning.TLabel", space=8)
        self._person_buttons(card)
        for fact in card.facts:
            self._label(fact.label, "SidePageHead.TLabel", space=12)
            self._label(fact.text, "SidePageMuted.TLabel")
        self._arrange(room=False)
        self._focus_again(focus)

    def _titled(self, card: PersonCard) -> None:
        """The name, and its marks beside it."""
        line = ttk.Frame(self.scrolled.body, style="Sidebar.TFrame")
        room = self._theme.px(TEXT) - mark_width(self._theme, card.marks)
        ttk.Label(
            line, text=in_order(self._theme, card.title, "title", room), wraplength=room,
            style="SidePageTitle.TLabel", justify="center",
        ).pack(side="left")  # fmt: skip
        for mark in card.marks:
            image = picture(self._theme, mark, 18)
            shown = ttk.Label(line, image=image, style="SidePage.TLabel")
            shown.pack(side="left", padx=(self._theme.px(5), 0))
            tip(shown, _(mark.value))
        line.pack(pady=(self._theme.px(1), 0))

    def _person_buttons(self, card: PersonCard) -> None:
        self._button("write", _("Write"), _("Open the conversation with them"),
                     lambda: self.on_write(card.peer_id), accent=True)  # fmt: skip
        if card.verified:
            self._button("verify", _("Remove verification"), _("Take back that it is them"),
                         lambda: self.on_unverify())  # fmt: skip
        else:
            self._button("verify", _("Compare words…"), _("Make sure who it is"),
                         lambda: self.on_compare(card.peer_id))  # fmt: skip
        self._button(
            "contact",
            _("Remove from contacts") if card.contact else _("Add to contacts"),
            _("A contact is remembered, and nobody can take their name unnoticed"),
            lambda: self.on_contact(not card.contact),
        )
        self._button(
            "block",
            _("Unblock") if card.blocked else _("Block"),
            _("Nothing from a blocked person is shown"),
            lambda: self.on_block(not card.blocked),
        )
        if card.releasable:
            self._button("release", _("Release the name…"),
                         _("Somebody else may register it then"),
                         lambda: self.on_release(card.peer_id))  # fmt: skip
        if card.choosable:
            self._button("choose", _("Let them keep accounts…"),
                         _("Their computer stands in for this one while it is off"),
                         lambda: self.on_choose(card.peer_id))  # fmt: skip
        self._button("copy", _("Copy id"), _("What tells this person from all others"),
                     lambda: self.on_copy(card.peer_id))  # fmt: skip

    def show_room(self, card: RoomCard) -> None:
        if card == self._card:
            return
        if isinstance(self._card, RoomCard) and replace(self._card, members=()) == replace(
            card, members=()
        ):
            self._card = card
            self._members.show(card.members)
            return
        body, focus = self._clear(card, _("Room"))
        px = self._theme.px
        face = Portrait(body, self._theme, px(64), "sidebar")
        face.show(ROOM, card.room, None, None)
        face.pack(pady=(px(8), px(10)))
        self._label(card.title, "SidePageTitle.TLabel", center=True)
        self._label(card.people, "SidePageMuted.TLabel", center=True)
        self._label(card.about, "SidePage.TLabel", center=True, space=8)
        if card.joined:
            self._button(
                "mute", _("Unmute") if card.muted else _("Mute"),
                _("A muted room counts and tells only where you are mentioned"),
                lambda: self.on_mute(card.room, not card.muted),
            )  # fmt: skip
        else:
            self._button("join", _("Join"), _("Take part, and read what was said"),
                         lambda: self.on_join(card.room), accent=True)  # fmt: skip
        if card.joined and not card.lobby:
            self._button("leave", _("Leave room"), _("Others see that you left"),
                         lambda: self.on_leave(card.room))  # fmt: skip
        if card.joined:
            self._label(_("Who is in it"), "SidePageHead.TLabel", space=12)
        self._members.show(card.members)
        self._arrange(room=True)
        self._focus_again(focus)

    def close(self) -> None:
        self.on_close()

    # -- building

    def _clear(self, card: PersonCard | RoomCard, title: str) -> tuple[tk.Frame, str]:
        """Empty for this card; and which of its buttons had the focus."""
        focus = str(self.tk.call("focus"))
        named = focus.rpartition(".")[2] if self.scrolled.holds(focus) else ""
        self._card = card
        self._title.configure(text=title)
        for child in self.scrolled.body.winfo_children():
            child.destroy()
        return self.scrolled.body, named

    def _focus_again(self, name: str) -> None:
        if name and name in self.scrolled.body.children:
            self.scrolled.body.children[name].focus_set()
        elif name:
            self.scrolled.canvas.focus_set()

    def _label(self, text: str, style: str, center: bool = False, space: int = 1) -> None:
        px = self._theme.px
        text = in_order(self._theme, text, "body", px(TEXT))
        label = ttk.Label(
            self.scrolled.body, text=text, style=style, wraplength=px(TEXT),
            justify="center" if center else "left", anchor="center" if center else "w",
        )  # fmt: skip
        label.pack(fill="x", padx=px(18), pady=(px(space), 0))

    def _button(
        self, name: str, text: str, about: str, command: Callable[[], None], accent: bool = False
    ) -> None:
        px = self._theme.px
        button = ttk.Button(
            self.scrolled.body, name=name, text=text, command=command,
            style="Page.Accent.TButton" if accent else "Page.TButton",
        )  # fmt: skip
        tip(button, about)
        top = px(14) if name in ("write", "join", "mute") else px(6)
        button.pack(fill="x", padx=px(18), pady=(top, 0))
