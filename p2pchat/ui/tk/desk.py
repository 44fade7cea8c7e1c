"""The window once a node is open: its panes, their presenters, its keys and dialogs."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from datetime import datetime
from tkinter import ttk

from p2pchat.model.people import Peer
from p2pchat.node.api import NodeApi
from p2pchat.ui.language import _
from p2pchat.ui.opening import SystemOpener
from p2pchat.ui.presenters.composer import Mode
from p2pchat.ui.presenters.dialogs import (
    ConnectPresenter,
    RoomPresenter,
    SomeoneElsePresenter,
    name_problem,
)
from p2pchat.ui.presenters.files import FilesView
from p2pchat.ui.presenters.main import MainPresenter
from p2pchat.ui.presenters.runner import Lease, Runner
from p2pchat.ui.presenters.search import Hit, SearchPresenter
from p2pchat.ui.tk.attach import Attach
from p2pchat.ui.tk.conversation import ConversationPane
from p2pchat.ui.tk.menus import Menus
from p2pchat.ui.tk.pages import Dialog
from p2pchat.ui.tk.search import SearchPanel
from p2pchat.ui.tk.sidebar import Sidebar
from p2pchat.ui.tk.statusbar import StatusBar
from p2pchat.ui.tk.theme import Theme
from p2pchat.ui.tk.thumbnails import Thumbnails

TOUCHES = ("<Key>", "<Motion>", "<Button>")
"""What shows that somebody is there."""
FOCUS = ("<FocusIn>", "<FocusOut>")


def local_now() -> datetime:
    return datetime.now().astimezone()


class Desk(ttk.Frame):
    """The view of MainPresenter."""

    def __init__(self, root: tk.Tk, theme: Theme, node: NodeApi, runner: Runner) -> None:
        super().__init__(root)
        self._top = root
        self._theme = theme
        self._node = node
        self._runner = runner = Lease(runner)
        self.on_language: Callable[[str], None] = lambda language: None
        self._build()
        self.main = MainPresenter(node, runner, self, SystemOpener(), local_now)
        self.attach = Attach(root, self.main.share)
        self.thumbnails = Thumbnails(root, runner, theme.scale)
        self.search = SearchPresenter(
            node, runner, self.main.directory, self.search_panel, local_now
        )
        self.menus = Menus(root, theme, self.main)
        self._attach()
        self._bind()

    def _build(self) -> None:
        px, theme = self._theme.px, self._theme
        panes = tk.PanedWindow(
            self, orient="horizontal", borderwidth=0, sashwidth=px(4), sashrelief="flat",
            opaqueresize=True,
        )  # fmt: skip
        self._panes = panes
        self.sidebar = Sidebar(panes, theme)
        self._middle = ttk.Frame(panes, style="Surface.TFrame")
        self.conversation = ConversationPane(self._middle, theme)
        self.composer = self.conversation.composer
        self.search_panel = SearchPanel(self._middle, theme)
        self.status = StatusBar(self, theme, self._middle)
        self.status.notice.grid(row=0, column=0, columnspan=2, sticky="ew")
        self.status.notice.grid_remove()
        self.conversation.grid(row=1, column=0, sticky="nsew")
        self._middle.columnconfigure(0, weight=1)
        self._middle.rowconfigure(1, weight=1)
        panes.add(self.sidebar, minsize=px(220), width=px(300), stretch="never")
        panes.add(self._middle, minsize=px(360), stretch="always")
        panes.grid(row=0, column=0, sticky="nsew")
        self.status.grid(row=1, column=0, sticky="ew")
        self.columnconfigure(0, weight=1)
        self.rowconfigure(0, weight=1)
        theme.listeners.append(self._recolour)
        self._recolour()

    def _attach(self) -> None:
        main, menus = self.main, self.menus
        self.conversation.attach(main.conversation, main.directory)
        self.conversation.on_search = self.open_search
        self.conversation.on_more = lambda widget: menus.of_conversation(
            main.conversation.name, widget.winfo_rootx(), widget.winfo_rooty() + 30
        )
        transcript = self.conversation.transcript
        transcript.on_menu = menus.of_message
        transcript.on_author = self._open_author
        composer = self.composer
        composer.on_typed = main.composer.typed
        composer.on_send = main.composer.submit
        composer.on_cancel = self._cancel
        composer.on_edit_last = main.composer.edit_last
        composer.find_offers = main.composer.offers
        composer.is_edit = lambda: main.composer.mode is Mode.EDIT
        composer.target_words = main.composer.target_words
        composer.typing_words = lambda: main.files.reading_words() or main.composer.typing_words()
        composer.on_attach = menus.to_attach
        composer.on_attach_files = menus.ask_files = self.attach.ask_files
        composer.on_attach_folder = menus.ask_folder = self.attach.ask_folder
        self.attach.accept_drops()
        transcript.on_reply = main.composer.reply
        cards = transcript.cards
        cards.card_of = main.files.card
        cards.on_file = main.files.act
        cards.find_picture = self.thumbnails.get
        sidebar = self.sidebar
        sidebar.on_open = main.open
        sidebar.on_filter = main.sidebar.filter
        sidebar.on_leave = composer.focus
        sidebar.on_me = menus.of_me
        sidebar.on_add = menus.to_add
        sidebar.on_menu = menus.of_conversation
        sidebar.on_theme = self._other_theme
        self.status.on_dismiss = main.status.dismiss
        self.status.on_someone_else = self.ask_someone_else
        self.search_panel.on_search = self._search
        self.search_panel.on_hit = self._open_hit
        self.search_panel.on_close = self.close_search
        menus.ask_name, menus.ask_connect, menus.ask_room = (
            self.ask_name, self.ask_connect, self.ask_room,
        )  # fmt: skip
        menus.ask_words = self.ask_words
        menus.ask_someone_else = self.ask_someone_else

    def _bind(self) -> None:
        root, main = self._top, self.main
        keys = {
            "<Control-k>": self.sidebar.start_find,
            "<Control-f>": self.open_search,
            "<Control-n>": lambda: self.ask_room(False),
            "<Alt-Up>": lambda: main.step(-1),
            "<Alt-Down>": lambda: main.step(1),
            "<Alt-Shift-Down>": lambda: main.step(1, unread_only=True),
            "<Control-End>": main.conversation.to_end,
            "<Control-o>": self.attach.ask_files,
            "<Control-O>": self.attach.ask_folder,
        }
        for key, action in keys.items():
            root.bind(key, lambda event, action=action: action() or "break")  # type: ignore[misc]  # bound now
        for event in TOUCHES:
            root.bind(event, lambda event: main.idle.touched(), add="+")
        for event in FOCUS:
            root.bind(event, lambda event: self._active(), add="+")

    def end(self) -> None:
        """Before it is destroyed and the window goes on."""
        self._runner.end()
        for event in (*TOUCHES, *FOCUS):
            self._top.unbind(event)

    # -- the presenter's view

    @property
    def files(self) -> FilesView:
        return self.conversation

    def set_theme(self, theme: str) -> None:
        self._theme.apply(theme)

    def set_language(self, language: str) -> None:
        self.on_language(language)

    def show_me(self, name: str, unread: int) -> None:
        me = self.main.directory.me
        self.sidebar.show_me(name, me.peer_id, me.status)
        self._top.title(f"({unread}) p2pchat" if unread else "p2pchat")

    def ask_password(self, room: str) -> None:
        self._room_dialog(create=False, protected=room)

    # -- dialogs

    def ask_connect(self) -> None:
        dialog = Dialog(
            self._top, self._theme, _("Connect by address"),
            _("For people who don't show up by themselves: write the name or address of their "
              "computer."), _("Connect"),
        )  # fmt: skip
        field = dialog.page.add_field(_("Address"), _("192.168.1.20 or 192.168.1.20:27474"))
        presenter = ConnectPresenter(self._node, self._runner, dialog.page, self.main.open_person)
        dialog.page.on_submit = lambda: presenter.submit(field.text)
        dialog.open(field)

    def ask_room(self, create: bool) -> None:
        self._room_dialog(create)

    def _room_dialog(self, create: bool, protected: str = "") -> None:
        """`protected`: a room that is known to take a password."""
        title = (
            _("Create a room")
            if create
            else _("Join {room}").format(room=protected)
            if protected
            else _("Join a room")
        )
        about = (
            _(
                "Everyone on this network can join an open room. With a password, only those who "
                "know it can join and read."
            )
            if create
            else _("Only those who know its password can join and read.")
            if protected
            else _("An open room that nobody has yet is created.")
        )
        dialog = Dialog(self._top, self._theme, title, about, _("Create") if create else _("Join"))
        name = dialog.page.add_field(_("Room"), _("maths"))
        optional = (_("Password (optional)"), _("none: an open room"))
        label, hint = (_("Password"), "") if protected else optional
        password = dialog.page.add_field(label, hint, secret=True)
        presenter = RoomPresenter(
            self._node, self._runner, dialog.page, create, self.main.entered_room
        )
        dialog.page.on_submit = lambda: presenter.submit(name.text, password.text)
        name.set(protected)
        dialog.open(password if protected else name)

    def ask_words(self, peer: Peer) -> None:
        """Both sides see the same words: who compares them by voice knows who is there."""
        label = self.main.directory.labels[peer.peer_id]

        def show(words: str) -> None:
            dialog = Dialog(
                self._top, self._theme, _("Is this {name}?").format(name=label),
                _("Ask {name}, by voice or face to face, for the words that they see here. If "
                  "they are the same, nobody pretends to be {name}.").format(name=label),
                _("They are the same"),
            )  # fmt: skip
            field = dialog.page.add_field(_("Words"), "")
            field.set(words)
            field.entry.state(["readonly"])

            def submit() -> None:
                dialog.close()
                self.main.directory.set_verified(peer.peer_id, True)

            dialog.page.on_submit = submit
            dialog.open(field)

        self._runner.call(lambda: self._node.verify_words(peer.peer_id), show)

    def ask_name(self) -> None:
        dialog = Dialog(
            self._top, self._theme, _("Change name"), _("The name that others see."), _("Change")
        )
        field = dialog.page.add_field(_("Your name"), "")
        field.set(self.main.directory.me.name)

        def submit() -> None:
            name = field.text.strip()
            problem = name_problem(name)
            dialog.page.show_error(problem)
            if not problem:
                dialog.close()
                self.main.directory.set_profile(name=name)

        dialog.page.on_submit = submit
        dialog.open(field)

    def ask_someone_else(self) -> None:
        dialog = Dialog(
            self._top, self._theme, _("I am someone else"),
            _("For who uses a copy of somebody's profile. You become a new person and keep the "
              "rooms. The old person's direct messages, drafts, and whom they have verified or "
              "blocked go from this computer."), _("Become someone else"),
        )  # fmt: skip
        field = dialog.page.add_field(_("Your name"), _("The name that others will see"))
        presenter = SomeoneElsePresenter(self._node, self._runner, dialog.page, self.main.renewed)
        dialog.page.on_submit = lambda: presenter.submit(field.text)
        dialog.open(field)

    # -- search

    def open_search(self) -> None:
        self.search_panel.grid(row=1, column=1, sticky="ns")
        self.search_panel.field.entry.focus_set()

    def close_search(self) -> None:
        self.search_panel.grid_remove()
        self.composer.focus()

    def _search(self, query: str, everywhere: bool) -> None:
        self.search.search(query, None if everywhere else self.main.conversation.name)

    def _open_hit(self, hit: Hit) -> None:
        self.main.open(hit.conversation, hit.message_id)

    # -- small commands

    def _open_author(self, peer_id: str) -> None:
        if peer_id != self.main.directory.me.peer_id:
            self.main.open(f"@{peer_id}")

    def _cancel(self) -> bool:
        """Esc: out of a reply or an edit, else out of the search, else of reading what is to be
        shared."""
        if self.main.composer.target is not None:
            self.main.composer.cancel()
            return True
        if self.search_panel.winfo_ismapped():
            self.close_search()
            return True
        return self.main.files.stop_reading()

    def _other_theme(self) -> None:
        self.main.set_theme("light" if self._theme.palette.name == "dark" else "dark")

    def _active(self) -> None:
        # The focus moves between widgets as well: ask where it is once it has settled.
        self.after_idle(lambda: self.main.conversation.set_active(self._focused()))

    def _focused(self) -> bool:
        return bool(self._top.tk.call("focus"))

    def _recolour(self) -> None:
        colours = self._theme.palette
        self._panes.configure(background=colours.line)
