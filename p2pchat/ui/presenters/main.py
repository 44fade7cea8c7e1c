"""The window as a whole: builds the other presenters and leads events and commands to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from p2pchat.config.settings import Settings
from p2pchat.events import Event, PeerChanged, ProfileRenewed
from p2pchat.model.ids import MessageId, PeerId
from p2pchat.model.message import Room
from p2pchat.model.people import Peer
from p2pchat.node.api import NodeApi
from p2pchat.ui.presenters.about import AboutPresenter, AboutView
from p2pchat.ui.presenters.account import AccountPresenter
from p2pchat.ui.presenters.alerts import AlertsPresenter, Notifier
from p2pchat.ui.presenters.announcements import AnnouncementsPresenter
from p2pchat.ui.presenters.attendance import AttendancePresenter
from p2pchat.ui.presenters.bulletins import BulletinsPresenter, BulletinView
from p2pchat.ui.presenters.composer import ComposerPresenter, ComposerView
from p2pchat.ui.presenters.conversation import ConversationPresenter, ConversationView
from p2pchat.ui.presenters.directory import Directory
from p2pchat.ui.presenters.files import FilesPresenter, FilesView, Opener
from p2pchat.ui.presenters.idle import IdlePresenter
from p2pchat.ui.presenters.links import destination
from p2pchat.ui.presenters.network import NetworkPresenter
from p2pchat.ui.presenters.preferences import PreferencesPresenter
from p2pchat.ui.presenters.runner import Paced, Runner
from p2pchat.ui.presenters.sidebar import SidebarPresenter, SidebarView
from p2pchat.ui.presenters.status import StatusPresenter, StatusView
from p2pchat.ui.presenters.transfers import TransfersPresenter
from p2pchat.ui.presenters.words import LOBBY

DRAW_MS = 40
"""Between two drawings of what has come in: leaves time for the keys."""


class MainView(Protocol):
    """The parts of the window."""

    @property
    def sidebar(self) -> SidebarView: ...

    @property
    def conversation(self) -> ConversationView: ...

    @property
    def composer(self) -> ComposerView: ...

    @property
    def status(self) -> StatusView: ...

    @property
    def files(self) -> FilesView: ...

    @property
    def about(self) -> AboutView: ...

    @property
    def bulletin(self) -> BulletinView: ...

    def show_conversation(self, conversation: str) -> None:
        """It is opened: in the place of a page, if one is open."""
        ...

    def forget(self) -> None:
        """What is shown of another person's is none of the present one's business: thumbnails, what
        was searched for, a card."""
        ...

    def show_transfers_summary(self, text: str) -> None:
        """What is under way, in a few words; empty: nothing."""
        ...

    def set_theme(self, theme: str) -> None:
        """`system`, `light` or `dark`."""
        ...

    def set_language(self, language: str) -> None:
        """A tag; empty: the system's. The window may be built anew."""
        ...

    def show_me(self, name: str, unread: int) -> None:
        """One's own name, and how many messages wait, for the window's title."""
        ...

    def ask_password(self, room: str) -> None:
        """Open the page that joins a protected room."""
        ...


class MainPresenter:
    def __init__(
        self,
        node: NodeApi,
        runner: Runner,
        view: MainView,
        opener: Opener,
        now: Callable[[], datetime],
        notifier: Notifier | None = None,
    ) -> None:
        self.node = node
        self.runner = runner
        self.settings = Settings()
        self.directory = Directory(node, runner)
        self.sidebar = SidebarPresenter(self.directory, view.sidebar, now)
        self.status = StatusPresenter(self.directory, view.status)
        self.files = FilesPresenter(
            node, runner, self.directory, view.files, opener, now, self.status.say
        )
        self.conversation = ConversationPresenter(
            node, runner, self.directory, view.conversation, now, self.files.note
        )
        self.files.on_shared = self.conversation.sent
        self.composer = ComposerPresenter(
            node, runner, self.directory, self.conversation, view.composer, now, self.status.say
        )
        self.idle = IdlePresenter(runner, self.directory, now)
        self.about = AboutPresenter(node, runner, self.directory, view.about, self.open)
        self.transfers = TransfersPresenter(
            node, runner, self.directory, opener, now, self.open, view.show_transfers_summary
        )
        self.network = NetworkPresenter(node, runner, self.directory, self.status.network_changed)
        self.account = AccountPresenter(
            node, runner, self.directory, self.renewed, self.status.tell
        )
        self.preferences = PreferencesPresenter(
            node, runner, self.directory, self.change, self._set_up
        )
        self.bulletins = BulletinsPresenter(node, runner, self.directory, view.bulletin, now)
        self.announcements = AnnouncementsPresenter(node, runner, self.directory, now)
        self.attendance = AttendancePresenter(node, runner, self.directory, now)
        self._drawing = Paced(runner, DRAW_MS, self.conversation.flush)
        self.alerts = (
            AlertsPresenter(runner, self.directory, notifier, lambda: self.conversation.active)
            if notifier
            else None
        )
        self._view = view
        self._opener = opener
        self.directory.listeners.append(self._show_me)

    def browse(self, url: str) -> None:
        """Open a web address that somebody wrote; anything else isn't opened."""
        if destination(url):
            self.runner.call(lambda: self._opener.browse(url))

    def start(
        self,
        conversation: str = LOBBY,
        opened: Callable[[], None] = lambda: None,
        around: MessageId | None = None,
    ) -> None:
        """Load everything, open the conversation (at its end, or around a message) and put the
        focus into the entry; then call `opened`."""

        def loaded() -> None:
            self.open(conversation, around)
            opened()

        self.runner.call(self.node.info, self.network.opened)
        self.runner.call(self.node.settings, self._set_up)
        self.directory.load(loaded)
        self.idle.start()

    def events(self, events: Sequence[Event]) -> None:
        batch = list(events)
        self.directory.events(batch)
        self.conversation.events(batch)
        self.files.events(batch)
        self.composer.events(batch)
        for part in (
            self.status, self.bulletins, self.about, self.transfers, self.network, self.account,
            self.announcements,
        ):  # fmt: skip
            part.events(batch)
        if self.alerts is not None:
            self.alerts.events(batch)
        if any(isinstance(event, ProfileRenewed) for event in batch):
            self.renewed()

    def set_active(self, active: bool) -> None:
        """Whether the window has the focus."""
        self.conversation.set_active(active)
        self._seen()
        self.bulletins.set_active(active)
        self.announcements.set_active(active)

    def flush(self) -> None:
        """After a run of events: draw."""
        self._drawing.ask()

    def reload(self) -> None:
        """Events were lost: ask for everything anew."""
        self.files.clear()
        self.directory.load(lambda: self.conversation.open(self.conversation.name))

    # -- moving about

    def renewed(self) -> None:
        """This profile is someone else's from now on: begin anew."""
        self.composer.forget()
        self.conversation.forget()
        self.files.clear()
        self.status.renewed()
        self.bulletins.renewed()
        self._view.forget()
        self.runner.call(self.node.info, self.network.opened)
        self.runner.call(self.node.settings, self._set_up)
        self.directory.load(lambda: self.open(LOBBY))

    def open(self, conversation: str, around: MessageId | None = None) -> None:
        """Show a conversation by its canonical name; a room that isn't joined is joined."""
        room = self.directory.rooms.get(conversation)
        if room is not None and not room.joined:
            self._join(room)
            return
        self._view.show_conversation(conversation)
        self.composer.opened(conversation)
        self.sidebar.select(conversation)
        if around is not None and conversation == self.conversation.name:
            self.conversation.show(around)
        else:
            self.conversation.open(conversation, around)
        self._seen()
        self._view.composer.focus()

    def _seen(self) -> None:
        """The open conversation needs no notification while the window is in front."""
        if self.alerts is not None and self.conversation.active:
            self.alerts.seen(self.conversation.name)

    def open_person(self, peer: Peer) -> None:
        self.directory.events([PeerChanged(peer)])
        self.open(f"@{peer.peer_id}")

    def share(self, paths: Sequence[str], conversation: str = "") -> None:
        """Offer files and folders to a conversation, which is opened; empty: the open one."""
        if conversation and conversation != self.conversation.name:
            self.open(conversation)
        if self.conversation.name:
            self.files.share(self.conversation.name, paths)

    def write(self, conversation: str, text: str) -> None:
        """Put it into what is being written to the conversation, which is opened."""
        if conversation != self.conversation.name:
            self.open(conversation)
        self._view.composer.insert(text)

    def entered_room(self, room: str) -> None:
        """Joined or created just now."""
        self.directory.load(lambda: self.open(room))

    def step(self, by: int, unread_only: bool = False) -> None:
        """The next or previous conversation of the list."""
        name = self.sidebar.neighbour(by, unread_only)
        if name and name != self.conversation.name:
            self.open(name)

    def _join(self, room: Room) -> None:
        if room.protected:
            self._view.ask_password(room.room)
            return
        self.runner.call(
            lambda: self.node.join_room(room.room), lambda found: self.entered_room(found.room)
        )

    def leave(self, room: str) -> None:
        def left(_: None) -> None:
            self.directory.load(lambda: self.open(LOBBY))

        self.runner.call(lambda: self.node.leave_room(room), left)

    # -- settings and the like

    def mute(self, conversation: str, on: bool) -> None:
        self.runner.call(
            lambda: self.node.mute(conversation, on), lambda _: self.directory.refresh()
        )

    def block(self, peer_id: PeerId, on: bool) -> None:
        self.directory.block(peer_id, on)

    def set_theme(self, theme: str) -> None:
        self.change({"theme": theme})

    def change(self, settings: Mapping[str, object]) -> None:
        """Keep these settings, and follow them."""
        self.runner.call(lambda: self.node.set_settings(settings), self._set_up)

    def _set_up(self, settings: Settings) -> None:
        self.settings = settings
        self.idle.away_after = settings.away_after
        self.preferences.follow(settings)
        if self.alerts is not None:
            self.alerts.on = settings.notifications
            self.alerts.with_text = settings.notification_text
        self._view.set_theme(settings.theme)
        self._view.set_language(settings.language)

    def _show_me(self) -> None:
        self._view.show_me(
            self.directory.labels.get(self.directory.me.peer_id, ""), self.sidebar.unread_total()
        )
