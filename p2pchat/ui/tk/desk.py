"""The window once a node is open: its panes, their presenters, its keys and dialogs."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from tkinter import ttk

from p2pchat.model.text import one_line, quoted
from p2pchat.node.api import NodeApi
from p2pchat.ui.language import _
from p2pchat.ui.opening import SystemOpener
from p2pchat.ui.presenters.calendar import CalendarPresenter
from p2pchat.ui.presenters.composer import Mode
from p2pchat.ui.presenters.files import FilesView
from p2pchat.ui.presenters.main import MainPresenter
from p2pchat.ui.presenters.preferences import Around
from p2pchat.ui.presenters.runner import Lease, Runner
from p2pchat.ui.presenters.search import Hit, SearchPresenter
from p2pchat.ui.presenters.words import LOBBY
from p2pchat.ui.tk.aboutpanel import AboutPanel
from p2pchat.ui.tk.asking import Asking
from p2pchat.ui.tk.attach import Attach
from p2pchat.ui.tk.bulletin import BulletinBand
from p2pchat.ui.tk.conversation import ConversationPane
from p2pchat.ui.tk.dropping import Drops
from p2pchat.ui.tk.keys import chords
from p2pchat.ui.tk.menus import Menus
from p2pchat.ui.tk.places import Place, Places
from p2pchat.ui.tk.search import SearchPanel
from p2pchat.ui.tk.sidebar import Sidebar
from p2pchat.ui.tk.statusbar import StatusBar
from p2pchat.ui.tk.theme import Theme
from p2pchat.ui.tk.thumbnails import Thumbnails

TOUCHES = ("<Key>", "<Motion>", "<Button>")
"""What shows that somebody is there."""
FOCUS = ("<FocusIn>", "<FocusOut>")
WHEEL = {"<MouseWheel>": 0, "<Button-4>": -1, "<Button-5>": 1}
"""Turns of the wheel; 0: as the event says."""


TITLE_CHARS = 40
"""Of a name in the window's title."""


def local_now() -> datetime:
    return datetime.now().astimezone()


class Desk(ttk.Frame):
    """The view of MainPresenter. It has no parts before `build`."""

    def __init__(
        self,
        root: tk.Tk,
        theme: Theme,
        node: NodeApi,
        runner: Runner,
        around: Around | None = None,
    ) -> None:
        super().__init__(root)
        self._top = root
        self._theme = theme
        self._node = node
        self._runner = Lease(runner)
        self._around = around
        self.on_quit: Callable[[], None] = lambda: None
        self.on_unread: Callable[[int], None] = lambda number: None
        self.on_language: Callable[[str], None] = lambda language: None

    def build(self) -> Iterator[None]:
        """One part in each step."""
        root, theme, node, runner = self._top, self._theme, self._node, self._runner
        self._panes = panes = tk.PanedWindow(
            self, orient="horizontal", borderwidth=0, sashwidth=theme.px(4), sashrelief="flat",
            opaqueresize=True,
        )  # fmt: skip
        self.sidebar = Sidebar(panes, theme)
        yield
        self._middle = ttk.Frame(panes, style="Surface.TFrame")
        self.conversation = ConversationPane(self._middle, theme, self)
        self.composer = self.conversation.composer
        yield
        self._build_around()
        yield
        self.main = MainPresenter(node, runner, self, SystemOpener(), local_now, self._around)
        self.thumbnails = Thumbnails(root, runner, theme.scale)
        self.search = SearchPresenter(
            node, runner, self.main.directory, self.search_panel, local_now
        )
        calendar = CalendarPresenter(node, runner, self.main.conversation, local_now)
        self.conversation.calendar = calendar
        self.asking = Asking(root, theme, node, runner, self.main, self.thumbnails)
        self.attach = Attach(root, self.main.share, self.asking)
        self.drops = Drops(root)
        self.places.attach(self.main, runner, self.asking, self._around)
        self.menus = Menus(root, theme, self.main, self.asking, self.places)
        self._attach()

    def _build_around(self) -> None:
        """What is around the conversation, and the order of all."""
        px, theme, panes = self._theme.px, self._theme, self._panes
        self.search_panel = SearchPanel(self._middle, theme)
        self.about = AboutPanel(self._middle, theme)
        self.places = Places(self._middle, theme, self.conversation, self.search_panel, self.about)
        self.status = StatusBar(self, theme, self._middle)
        self.status.notice.grid(row=0, column=0, columnspan=2, sticky="ew")
        self.status.notice.grid_remove()
        self.conversation.grid(row=1, column=0, sticky="nsew")
        self._middle.columnconfigure(0, weight=1)
        self._middle.rowconfigure(1, weight=1)
        panes.add(self.sidebar, minsize=px(220), width=px(300), stretch="never")
        panes.add(self._middle, minsize=px(360), stretch="always")
        self.bulletin = BulletinBand(self, theme)
        self.bulletin.grid(row=0, column=0, sticky="ew")
        self.bulletin.grid_remove()
        panes.grid(row=1, column=0, sticky="nsew")
        self.status.grid(row=2, column=0, sticky="ew")
        self.columnconfigure(0, weight=1)
        self.rowconfigure(1, weight=1)
        theme.listen(self, self._recolour)
        self._recolour()

    def _attach(self) -> None:
        main, menus = self.main, self.menus
        self.conversation.attach(main.conversation, main.directory)
        self.conversation.on_search = self.places.open_search
        self.conversation.on_about = lambda: self.places.toggle_about(main.conversation.name)
        self.about.on_copy = menus.copy
        self.conversation.on_more = lambda widget: menus.of_conversation(
            main.conversation.name, widget.winfo_rootx(), widget.winfo_rooty() + 30
        )
        transcript = self.conversation.transcript
        transcript.on_menu = menus.of_message
        menus.ask_emoji = lambda message_id: transcript.on_emoji(message_id, 0, 0)
        menus.ask_day = self.conversation.ask_day
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
        composer.on_stop = main.files.stop_reading
        composer.on_attach = menus.to_attach
        composer.on_attach_files = menus.ask_files = self.attach.ask_files
        composer.on_attach_folder = menus.ask_folder = self.attach.ask_folder
        menus.ask_place = self.attach.ask_place
        composer.entry.paste_else = lambda: self.attach.paste(self._runner, self._node)
        composer.entry.on_too_large = lambda: main.status.say(
            _("What was copied is too long for a message. It can be shared as a file.")
        )
        transcript.on_reply = main.composer.reply
        transcript.on_link = main.browse
        cards = transcript.cards
        cards.card_of = main.files.card
        cards.on_file = main.files.act
        cards.find_picture = self.thumbnails.get
        sidebar = self.sidebar
        sidebar.on_open = main.open
        sidebar.on_filter = main.sidebar.filter
        sidebar.on_leave = composer.focus
        sidebar.on_me = menus.of_me
        sidebar.on_settings = lambda: self.places.toggle(Place.SETTINGS)
        sidebar.on_add = menus.to_add
        sidebar.on_menu = menus.of_conversation
        sidebar.on_theme = self._other_theme
        self.bulletin.on_dismiss = main.bulletins.dismiss
        self.bulletin.on_all = lambda: self.places.open(Place.ANNOUNCEMENTS)
        self.status.on_dismiss = main.status.dismiss
        self.status.on_someone_else = self.asking.someone_else
        self.status.on_network = lambda: self.places.toggle(Place.NETWORK)
        self.status.on_transfers = lambda: self.places.toggle(Place.TRANSFERS)
        self.status.on_register = lambda: self.places.toggle(Place.ATTENDANCE)
        self.search_panel.on_search = self._search
        self.search_panel.on_hit = self._open_hit
        self.search_panel.on_close = self.places.close_search

    def _accept_drops(self) -> None:
        """On a row of the list for that conversation, elsewhere for the open one."""

        def find(x: int, y: int) -> str:
            over = self.sidebar.list.row_at(x, y)
            if over is not None and over.conversation:
                return over.conversation if over.joined else ""
            return self.main.conversation.name

        def hover(conversation: str) -> None:
            name = self.main.directory.title(conversation) if conversation else ""
            text = _("Drop to share with {name}").format(name=quoted(name)) if name else ""
            self.conversation.show_dropping(text)

        drops = self.drops
        drops.find, drops.hover, drops.take_text = find, hover, self.main.write
        drops.take_files = lambda conversation, paths: self.asking.share(
            paths, lambda: self.main.share(paths, conversation), conversation
        )
        drops.accept()

    def bind_keys(self) -> None:
        """From now on the keys of the window, and what is dropped onto it, are this desk's, and no
        other's."""
        self._accept_drops()
        root, main, places, menus = self._top, self.main, self.places, self.menus
        keys = {
            "<Control-k>": self.sidebar.start_find,
            "<Control-f>": places.open_search,
            "<Control-g>": self.conversation.ask_day,
            "<Control-i>": lambda: places.toggle_about(main.conversation.name),
            "<Control-j>": lambda: places.toggle(Place.TRANSFERS),
            "<Control-comma>": lambda: places.toggle(Place.SETTINGS),
            "<F3>": lambda: places.toggle(Place.ANNOUNCEMENTS),
            "<F6>": lambda: places.toggle(Place.ATTENDANCE),
            "<F7>": lambda: places.toggle(Place.ACCOUNT),
            "<F8>": main.bulletins.dismiss,
            "<F9>": self.sidebar.open_me,
            "<F10>": self.conversation.more,
            "<Shift-F10>": lambda: None,  # of what keys are on; else Tk takes it for the plain
            "<Control-s>": places.save,
            "<F2>": lambda: places.toggle(Place.NETWORK),
            "<F4>": lambda: menus.on_udp() if menus.on_udp else None,
            "<F1>": lambda: places.toggle(Place.SHORTCUTS),
            "<Control-n>": lambda: self.asking.room(False),
            "<Control-N>": lambda: self.asking.room(True),
            "<Control-l>": self.asking.connect,
            "<Control-p>": places.on_profiles,
            "<Control-q>": lambda: self.on_quit(),
            "<Alt-Up>": lambda: main.step(-1),
            "<Alt-Down>": lambda: main.step(1),
            "<Alt-Shift-Down>": lambda: main.step(1, unread_only=True),
            "<Control-Home>": main.conversation.to_first_unread,
            "<Control-End>": main.conversation.to_end,
            "<Control-o>": self.attach.ask_files,
            "<Control-O>": self.attach.ask_folder,
        }
        for key, action in keys.items():
            for chord in chords(root, key):
                root.bind(chord, lambda event, action=action: action() or "break")  # type: ignore[misc]  # bound now
        for event in TOUCHES:
            root.bind(event, lambda event: main.idle.touched())
        for event in FOCUS:
            root.bind(event, self._focus_moved)
        for event, steps in WHEEL.items():
            root.bind(event, partial(self._wheel, steps))
        root.bind("<Prior>", lambda event: places.page(event.widget, -1))
        root.bind("<Next>", lambda event: places.page(event.widget, 1))
        root.bind("<Escape>", lambda event: places.close() or None)

    # -- another language: this desk in the place of another

    def start_like(self, former: Desk, opened: Callable[[], None]) -> None:
        """Open what the other shows, and take over what is written there; then call `opened`."""
        transcript = former.conversation.transcript
        around = None if transcript.at_bottom else transcript.first_in_view()
        before = self._focus()

        def take_over() -> None:
            # Opening has given it to the entry here, at once where this desk is drawn already.
            focus = before if self._focus().startswith(f"{self}.") else self._focus()
            self.main.composer.take_over(former.main.composer)
            self.composer.entry.mark_set("insert", former.composer.entry.index("insert"))
            self.main.status.take_over(former.main.status)
            self.sidebar.find.set(former.sidebar.find.text)
            self.places.open_like(former.places)
            self._focus_like(former, focus)
            opened()

        self.main.start(former.main.conversation.name or LOBBY, take_over, around)

    def _focus(self) -> str:
        return str(self.tk.call("focus", "-lastfor", self._top))

    def _focus_like(self, former: Desk, focus: str) -> None:
        """Where the focus was, if it was in a page or the list, which are built alike."""
        for old, new in (
            (former.places.sheet, self.places.sheet),
            (former.sidebar, self.sidebar),
        ):
            if focus.startswith(f"{old}."):
                same = f"{new}{focus[len(str(old)) :]}"
                if self.tk.call("winfo", "exists", same):
                    self.tk.call("focus", same)

    def stand_like(self, former: Desk) -> bool:
        """Have the conversation, the page and the list be where they are at the other. False while
        this one is being laid out: then it is to be asked again."""
        width = former.sidebar.winfo_width()
        self.tk.call(self._panes, "paneconfigure", self.sidebar, "-width", width)
        self.conversation.transcript.stand(former.conversation.transcript)
        self.main.set_active(self._focused())
        return self.places.stand_like(former.places)

    def end(self) -> None:
        """Before it is destroyed and the window goes on."""
        self._runner.end()

    # -- the presenter's view

    def show_conversation(self, conversation: str) -> None:
        self.places.show_conversation()
        self.places.follow(conversation)

    def show_transfers_summary(self, text: str) -> None:
        self.status.show_transfers(text)

    @property
    def files(self) -> FilesView:
        return self.conversation

    def set_theme(self, theme: str) -> None:
        self._theme.apply(theme)

    def set_language(self, language: str) -> None:
        self.on_language(language)

    def forget(self) -> None:
        self.thumbnails.forget()
        self.places.forget()

    def show_me(self, name: str, unread: int) -> None:
        me = self.main.directory.me
        self.sidebar.show_me(
            name, me.peer_id, me.avatar, me.status, self.main.directory.marks.get(me.peer_id, ())
        )
        # The name tells the windows of several profiles apart.
        title = f"p2pchat · {one_line(name, TITLE_CHARS)}" if name else "p2pchat"
        self._top.title(f"({unread}) {title}" if unread else title)
        self.on_unread(unread)

    def ask_password(self, room: str) -> None:
        self.asking.room(create=False, protected=room)

    # -- search

    def _search(self, query: str, everywhere: bool) -> None:
        self.search.search(query, None if everywhere else self.main.conversation.name)

    def _open_hit(self, hit: Hit) -> None:
        self.main.open(hit.conversation, hit.message_id)

    # -- small commands

    def _open_author(self, peer_id: str) -> None:
        if peer_id != self.main.directory.me.peer_id:
            self.main.open(f"@{peer_id}")

    def _cancel(self) -> bool:
        """Esc: out of a reply or an edit, else out of what is open beside it, else out of reading
        what is to be shared."""
        if self.main.composer.mode is not Mode.NEW:
            self.main.composer.cancel()
            return True
        return self.places.close() or self.main.files.stop_reading()

    def _other_theme(self) -> None:
        self.main.set_theme("light" if self._theme.palette.name == "dark" else "dark")

    def _focus_moved(self, event: tk.Event[tk.Misc]) -> None:
        if event.type == tk.EventType.FocusIn:
            self.places.focused(event.widget)
        # The focus moves between widgets as well: ask where it is once it has settled.
        self.after_idle(lambda: self.main.set_active(self._focused()))

    def _wheel(self, steps: int, event: tk.Event[tk.Misc]) -> None:
        self.places.wheel(event.widget, steps or (-1 if event.delta > 0 else 1))

    def _focused(self) -> bool:
        return bool(self._top.tk.call("focus"))

    def _recolour(self) -> None:
        colours = self._theme.palette
        self._panes.configure(background=colours.line)
