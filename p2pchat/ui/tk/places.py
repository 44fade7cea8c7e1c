"""What stands in the place of the conversation, or beside it: pages, the card, the search."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from enum import Enum
from tkinter import ttk

from p2pchat.ui.presenters.main import MainPresenter
from p2pchat.ui.presenters.preferences import Around
from p2pchat.ui.presenters.runner import Runner
from p2pchat.ui.tk.aboutpanel import AboutPanel
from p2pchat.ui.tk.accountpage import AccountPage
from p2pchat.ui.tk.announcementspage import AnnouncementsPage
from p2pchat.ui.tk.asking import Asking
from p2pchat.ui.tk.attendancepage import AttendancePage
from p2pchat.ui.tk.conversation import ConversationPane
from p2pchat.ui.tk.networkpage import NetworkPage
from p2pchat.ui.tk.search import SearchPanel
from p2pchat.ui.tk.settingspage import SettingsPage
from p2pchat.ui.tk.sheet import Scrolled, Sheet
from p2pchat.ui.tk.shortcutspage import ShortcutsPage
from p2pchat.ui.tk.theme import Theme
from p2pchat.ui.tk.transferspage import TransfersPage

NARROW = 560
"""Pixels at a scale of 1: with less, what is opened beside the conversation takes its place."""


class Place(Enum):
    SETTINGS = "settings"
    TRANSFERS = "transfers"
    NETWORK = "network"
    SHORTCUTS = "shortcuts"
    ACCOUNT = "account"
    ANNOUNCEMENTS = "announcements"
    ATTENDANCE = "attendance"


class Places:
    """In the frame `middle`: row 1, the conversation or a page at the left, a panel at the
    right."""

    def __init__(
        self,
        middle: ttk.Frame,
        theme: Theme,
        conversation: ConversationPane,
        search: SearchPanel,
        about: AboutPanel,
    ) -> None:
        self.place: Place | None = None
        """The page that is open."""
        self.sheet: Sheet | None = None
        self.on_profiles: Callable[[], None] = lambda: None
        self._announce_in = ""
        """Which room an announcement is to be written for, once the page opens."""
        self._middle = middle
        self._theme = theme
        self._conversation = conversation
        self._search = search
        self._about = about
        self._panel: SearchPanel | AboutPanel | None = None
        """What is beside the conversation."""
        about.on_close = self.close_about
        middle.bind("<Configure>", lambda event: self._arrange(), add="+")

    def attach(
        self, main: MainPresenter, runner: Runner, asking: Asking, around: Around | None
    ) -> None:
        self._main, self._runner, self._asking, self._around = main, runner, asking, around
        about, presenter = self._about, main.about
        about.on_write = presenter.write
        about.on_compare = lambda peer_id: asking.words(main.directory.peers[peer_id])
        about.on_release = lambda peer_id: asking.release(main.directory.peers[peer_id])
        about.on_choose = lambda peer_id: asking.choose(main.directory.peers[peer_id])
        about.on_unverify = lambda: presenter.set_verified(False)
        about.on_contact = presenter.set_contact
        about.on_block = presenter.set_blocked
        about.on_mute = main.mute
        about.on_join = main.open
        about.on_leave = main.leave

    # -- pages

    def toggle(self, place: Place) -> None:
        if self.place is place:
            self._back()
        else:
            self.open(place)

    def open(self, place: Place) -> None:
        self.show_conversation()
        self.place = place
        self.sheet = sheet = self._made(place)
        self._conversation.grid_remove()
        sheet.grid(row=1, column=0, sticky="nsew")
        # Tk gives the focus to nothing that isn't mapped: until then keys went to the message that
        # was being written, out of sight.
        sheet.update_idletasks()
        sheet.start().focus_set()

    def _made(self, place: Place) -> Sheet:
        middle, theme, main = self._middle, self._theme, self._main
        match place:
            case Place.SETTINGS:
                return self._settings()
            case Place.TRANSFERS:
                return TransfersPage(middle, theme, main.transfers, self._back)
            case Place.NETWORK:
                connect = self._asking.connect
                return NetworkPage(middle, theme, main.network, self._back, connect)
            case Place.SHORTCUTS:
                return ShortcutsPage(middle, theme, self._back)
            case Place.ACCOUNT:
                return AccountPage(middle, theme, main.account, self._back)
            case Place.ANNOUNCEMENTS:
                room, self._announce_in = self._announce_in, ""
                return AnnouncementsPage(middle, theme, main.announcements, self._back, room)
            case Place.ATTENDANCE:
                return AttendancePage(middle, theme, main.attendance, self._back)

    def save(self) -> None:
        """What the page has to write to a file, if anything."""
        if self.sheet is not None:
            self.sheet.save()

    def announce(self, room: str = "") -> None:
        """Write an announcement, to a room or to everyone."""
        self._announce_in = room
        self.open(Place.ANNOUNCEMENTS)

    def _settings(self) -> SettingsPage:
        main = self._main
        page = SettingsPage(
            self._middle, self._theme, main.preferences, self._runner, self._around, self._back
        )
        page.on_network = lambda: self.open(Place.NETWORK)
        page.on_someone_else = self._asking.someone_else
        page.on_profiles = self.on_profiles
        page.on_downloads = self._open_downloads
        return page

    def _open_downloads(self) -> None:
        main = self._main
        main.runner.call(main.node.info, lambda info: main.files.open_folder(info.downloads))

    def show_conversation(self) -> None:
        """Close the page, if one is open."""
        sheet, self.sheet, self.place = self.sheet, None, None
        if sheet is not None:
            sheet.leave()
            self._conversation.grid()
            self._arrange()

    def _back(self) -> None:
        self.show_conversation()
        self._conversation.update_idletasks()
        self._conversation.composer.focus()

    def open_like(self, former: Places) -> None:
        """Open what is open at the other's: a card or the search at the right, or a page."""
        if former._panel is former._search:
            self.open_search()
            self._search.ask_like(former._search)
        elif former._panel is former._about:
            self.open_about(former._main.about.shown)
        if former.place is not None:
            self.open(former.place)
        elif former._panel is None:
            self._conversation.composer.focus()

    def stand_like(self, former: Places) -> bool:
        """Have the page stand where it does at the other's; as `Scrolled.stand`."""
        if self.sheet is None or former.sheet is None:
            return True
        return self.sheet.scrolled.stand(former.sheet.scrolled)

    # -- at the right

    def forget(self) -> None:
        """Away with all that is beside the conversation."""
        self._hide_about()
        self._search.forget()
        self._hide(self._search)

    def open_search(self) -> None:
        self.show_conversation()
        self._hide_about()
        self._show(self._search)
        self._search.field.entry.focus_set()
        self._search.field.select_all()

    def close_search(self) -> None:
        self._hide(self._search)
        self._conversation.composer.focus()

    def toggle_about(self, conversation: str) -> None:
        """The card of a person or room."""
        if self._main.about.shown == conversation:
            self.close_about()
        else:
            self.open_about(conversation)

    def open_about(self, conversation: str) -> None:
        self.show_conversation()
        self._hide(self._search)
        self._show(self._about)
        self._main.about.show(conversation)
        self._about.scrolled.canvas.focus_set()

    def follow(self, conversation: str) -> None:
        """Another conversation was opened: its card, where one was shown beside."""
        if self._panel is not None and self._narrow:
            self._hide_about()
            self._hide(self._search)
        elif self._main.about.shown:
            self._main.about.show(conversation)

    def close_about(self) -> None:
        self._hide_about()
        self._conversation.composer.focus()

    def _hide_about(self) -> None:
        self._main.about.hide()
        self._hide(self._about)

    def _show(self, panel: SearchPanel | AboutPanel) -> None:
        self._panel = panel
        self._arrange()

    def _hide(self, panel: SearchPanel | AboutPanel) -> None:
        panel.grid_remove()
        if self._panel is panel:
            self._panel = None
            self._arrange()

    @property
    def _narrow(self) -> bool:
        return self._middle.winfo_width() < self._theme.px(NARROW)

    def _arrange(self) -> None:
        """The panel beside the conversation, or in its place."""
        panel, alone = self._panel, self._panel is not None and self._narrow
        if self.sheet is None:
            if alone:
                self._conversation.grid_remove()
            else:
                self._conversation.grid()
        if panel is not None:
            column, sticky = (0, "nsew") if alone and self.sheet is None else (1, "ns")
            panel.grid(row=1, column=column, sticky=sticky)

    def close(self) -> bool:
        """What is open, if anything: the page, else what is at the right."""
        if self.sheet is not None:
            self._back()
        elif self._search.winfo_ismapped():
            self.close_search()
        elif self._main.about.shown:
            self.close_about()
        else:
            return False
        return True

    # -- scrolling

    def _scrolled_at(self, widget: tk.Misc | str) -> Scrolled | None:
        found = [self._about.scrolled]
        if self.sheet is not None:
            found.append(self.sheet.scrolled)
        return next((part for part in found if part.holds(widget)), None)

    def wheel(self, widget: tk.Misc | str, steps: float) -> None:
        scrolled = self._scrolled_at(widget)
        if scrolled is not None:
            scrolled.scroll(steps)

    def page(self, widget: tk.Misc | str, direction: int) -> None:
        scrolled = self.sheet.scrolled if self.sheet else self._scrolled_at(widget)
        if scrolled is not None:
            scrolled.page(direction)

    def focused(self, widget: tk.Misc | str) -> None:
        """The focus has moved: have it in sight. Where it moves on at once, this is told late."""
        scrolled = self._scrolled_at(widget)
        if scrolled is not None and not isinstance(widget, str) and widget.focus_get() is widget:
            scrolled.see(widget)
