"""The terminal chat without a terminal: what is shown, and which conversation is written to."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import assert_never

import msgspec

from p2pchat.errors import P2PChatError
from p2pchat.events import (
    RUNS_TWICE,
    AccountRenamed,
    Announced,
    AnnouncementChanged,
    ConversationChanged,
    Event,
    FileComplete,
    FileFailed,
    FileOffered,
    FileProgress,
    FileReading,
    MemberJoined,
    MemberLeft,
    MessageChanged,
    MessageReceipt,
    MessageReceived,
    PeerChanged,
    PeerOffline,
    PeerOnline,
    ProfileRenewed,
    RegistrarChanged,
    RoomChanged,
    Typing,
    Warned,
)
from p2pchat.model.accounts import Announcement
from p2pchat.model.ids import MessageId, PeerId
from p2pchat.model.message import Conversation, Message, Room
from p2pchat.model.people import Peer, Profile, Status
from p2pchat.model.text import one_line, quoted, safe_name, safe_text
from p2pchat.node.api import NodeApi
from p2pchat.ui.marked import marked
from p2pchat.ui.presenters import words
from p2pchat.ui.presenters.bulletins import renamed
from p2pchat.ui.presenters.words import LOBBY
from p2pchat.ui.terminal.lines import Lines
from p2pchat.ui.terminal.rendering import INDENT, Part, change_parts, message_parts
from p2pchat.ui.terminal.shelf import Shelf

HISTORY = 20
"""Messages shown when a conversation is opened."""
BURST = 50
"""Of more that arrive at once only the last so many are shown."""
KEPT = 1000
"""Messages on the screen that are remembered, to tell how they change."""
GATHER_S = 0.3
"""People who come and go, and what was read, are gathered for so long."""
TYPING_EVERY_S = 3.0
TYPING_SHOWN_S = 6.0

log = logging.getLogger("p2pchat.chat")


class Chat:
    """One person's view. `start`, then `events` by itself, `typed` for each change of the prompt;
    commands are in `terminal.commands`."""

    def __init__(
        self,
        node: NodeApi,
        lines: Lines,
        ask_secret: Callable[[str], Awaitable[str | None]] | None = None,
        refresh: Callable[[], None] = lambda: None,
    ) -> None:
        self.node = node
        self.lines = lines
        self.ask_secret = ask_secret
        """Asks for a password without showing it; None where nobody can be asked."""
        self.me = Profile(PeerId(""), "", Status.ONLINE, "", None)
        self.people: dict[PeerId, Peer] = {}
        self.rooms: dict[str, Room] = {}
        self.overviews: dict[str, Conversation] = {}
        self.here = LOBBY
        self.asked_twice = ""
        """A line that does what can't be taken back, and that is written once more to do it."""
        self.downloads_named: frozenset[str] = frozenset()
        """Paths of what signing out would delete, as they were told."""
        self.shown: OrderedDict[MessageId, Message] = OrderedDict()
        """Messages on the screen, newest last."""
        self.shelf = Shelf(self.say, self.warn)
        self._refresh = refresh
        self._typing: dict[tuple[str, PeerId], float] = {}
        self._told_typing = 0.0
        self._there: set[PeerId] = set()
        """Who is here, as far as it was told."""
        self._came: dict[PeerId, bool] = {}
        """Who came (or went) since then."""
        self._read: dict[str, MessageId] = {}
        self._stale = False
        self._renewed = False
        self._news = asyncio.Event()
        self._background: asyncio.Task[None] | None = None
        self._typing_task: asyncio.Task[None] | None = None
        self._unsubscribe: Callable[[], None] = lambda: None

    async def start(self) -> None:
        self._unsubscribe = self.node.subscribe(self.events)
        await self.begin()
        self._background = asyncio.ensure_future(self._keep_up())

    async def begin(self) -> None:
        """Ask for everything and go to the lobby: at the start, and once one is someone else."""
        self._renewed = False
        for kept in (self.shown, self._typing, self._came, self._read):
            kept.clear()
        self.shelf.clear()
        if self.me.peer_id:
            self.lines.forget()
        self.me = await self.node.profile()
        self.people = {peer.peer_id: peer for peer in await self.node.peers()}
        self._there = {id for id, peer in self.people.items() if peer.status != Status.OFFLINE}
        await self._reload()
        self.say(f"You are {self.label(self.me.peer_id)}. /help lists the commands, /quit leaves.")
        self._say_who_keeps(self.people.values())
        await self.open(LOBBY)

    async def close(self) -> None:
        await self.shelf.close()
        self._unsubscribe()
        for task in (self._background, self._typing_task):
            if task is not None:
                task.cancel()
                await asyncio.wait((task,))
        await self._mark_read()

    # -- what is said to the person

    def say(self, text: str) -> None:
        """A system line; the text is already safe."""
        self.lines.show(("system", f"* {text}"))

    def warn(self, text: str) -> None:
        self.lines.show(("warning", f"! {one_line(text, 500)}"))

    def title(self, conversation: str) -> str:
        """What a conversation is called here, safe to show."""
        if conversation.startswith("#"):
            return words.room_title(conversation)
        return "@" + self.label(PeerId(conversation[1:]))

    def label(self, peer_id: PeerId) -> str:
        """With the sign of who is registered."""
        if peer_id == self.me.peer_id:
            label = safe_name(self.me.name) or "you"
        else:
            peer = self.people.get(peer_id)
            label = words.person_label(peer.label if peer else "", peer_id)
        return marked(label, self.is_registered(peer_id))

    def is_registered(self, peer_id: PeerId) -> bool:
        person = self.me if peer_id == self.me.peer_id else self.people.get(peer_id)
        return person is not None and person.account is not None

    def prompt(self) -> str:
        return f"{self.title(self.here)}> "

    def toolbar(self) -> str:
        """Who is here, what is unread elsewhere, who types."""
        there = sum(peer.status != Status.OFFLINE for peer in self.people.values())
        parts = [f"you are {self.me.status.value}", f"{words.count(there, 'other', 'others')} here"]
        for name, overview in self.overviews.items():
            if overview.unread and name != self.here and not overview.muted:
                mark = "!" if overview.mentions or name.startswith("@") else ""
                parts.append(f"{self.title(name)} {overview.unread}{mark}")
        coming = self.shelf.toolbar()
        if coming:
            parts.append(coming)
        typing = self.typing_here()
        if typing:
            parts.append(f"{words.several(typing)} {'is' if len(typing) == 1 else 'are'} typing…")
        return " · ".join(parts)

    def typing_here(self) -> list[str]:
        since = time.monotonic() - TYPING_SHOWN_S
        self._typing = {key: at for key, at in self._typing.items() if at > since}
        return [self.label(peer) for place, peer in self._typing if place == self.here]

    # -- conversations

    async def open(self, conversation: str) -> None:
        """Go to a conversation (by its canonical name) and show its end."""
        self.here = conversation
        messages = await self.node.messages(conversation, HISTORY)
        if messages:
            self.say(f"the last messages of {self.title(conversation)}:")
        for message in messages:
            self.show(message)
        self._refresh()

    def show(self, message: Message) -> None:
        """Print a message, and count it as read."""
        self.shown[message.message_id] = message
        self.shown.move_to_end(message.message_id)
        if len(self.shown) > KEPT:
            self.shown.popitem(last=False)
        place = "" if message.conversation == self.here else self.title(message.conversation)
        self.lines.show(*self.parts(message, place))
        self._read[message.conversation] = message.message_id
        self._news.set()

    def parts(
        self,
        message: Message,
        place: str = "",
        quoted: Mapping[MessageId, Message] | None = None,
    ) -> list[Part]:
        """How a message looks here."""
        file, hint = message.file, ""
        if file is not None and not message.deleted:
            hint = self.shelf.hint(file, file.author == self.me.peer_id)
        me = self.me.peer_id
        known = self.shown if quoted is None else quoted
        return message_parts(message, me, known, place, hint, self.is_registered)

    def last(self, own: bool) -> Message | None:
        """The newest message on the screen, of this conversation, by oneself or by another."""
        for message in reversed(self.shown.values()):
            if (
                message.conversation == self.here
                and (message.author == self.me.peer_id) == own
                and message.kind != "system"
                and not message.deleted
            ):
                return message
        return None

    async def refresh_lists(self) -> None:
        """Something was done that changes rooms or conversations."""
        await self._reload()
        self._refresh()

    async def _reload(self) -> None:
        self._stale = False
        self.rooms = {room.room: room for room in await self.node.rooms()}
        self.overviews = {c.conversation: c for c in await self.node.conversations()}

    # -- events

    def events(self, events: Sequence[Event]) -> None:
        received: list[Message] = []
        for event in events:
            match event:
                case MessageReceived():
                    self._stale = True
                    if self._is_for_screen(event.message):
                        received.append(event.message)
                case MessageChanged():
                    self._changed(event.message)
                case PeerOnline() | PeerOffline() | PeerChanged():
                    self._person(event)
                case MemberJoined() | MemberLeft():
                    self._member(event)
                case Typing():
                    self._typing[event.conversation, event.peer_id] = time.monotonic()
                case Warned():
                    self.warn(event.text)
                    if event.reason == RUNS_TWICE:
                        self.say("Who is somebody else here says so: /someone-else NAME")
                case ProfileRenewed():
                    self._renewed = True
                case FileOffered() | FileProgress() | FileComplete() | FileFailed():
                    place = event.file.conversation
                    self.shelf.take(event, place == self.here or place.startswith("@"))
                case FileReading():
                    self.shelf.read(event)
                case ConversationChanged() | RoomChanged():
                    self._stale = True
                case AccountRenamed():
                    self._account_renamed(event)
                case Announced():
                    self._announced(event.announcement)
                case MessageReceipt() | RegistrarChanged() | AnnouncementChanged():
                    pass
                case _:
                    assert_never(event)
        self._show_received(received)
        self._news.set()
        self._refresh()

    def _is_for_screen(self, message: Message) -> bool:
        """Direct messages and mentions are shown wherever one is; other rooms are counted."""
        if message.message_id in self.shown:
            return False
        if message.conversation == self.here:
            return True
        overview = self.overviews.get(message.conversation)
        if message.author == self.me.peer_id or (overview is not None and overview.muted):
            return False
        return message.conversation.startswith("@") or self.me.peer_id in message.mentions

    def _show_received(self, received: list[Message]) -> None:
        left_out = len(received) - BURST
        if left_out > 0:
            self.say(f"{words.count(left_out, 'message', 'messages')} not shown: /history {BURST}")
        for message in received[-BURST:]:
            self._typing.pop((message.conversation, message.author), None)
            self.show(message)

    def _changed(self, message: Message) -> None:
        old = self.shown.get(message.message_id)
        if old is None:
            return
        self.shown[message.message_id] = message
        names = {peer_id: self.label(peer_id) for peer_id in self.people}
        names[self.me.peer_id] = "you"
        parts = change_parts(old, message, names, self.is_registered)
        if parts is not None:
            self.lines.show(*parts)

    def _account_renamed(self, event: AccountRenamed) -> None:
        if event.account_id == self.me.peer_id:
            self.me = msgspec.structs.replace(self.me, name=event.new_name)
            told = renamed(event)
            self.lines.show(("warning", f"! {told.title}. {told.text}"))
        else:
            old, new = safe_name(event.old_name), safe_name(event.new_name)
            self.say(f"the account {old} is called {new} from now on")

    def _announced(self, one: Announcement) -> None:
        label = marked(safe_name(one.author_label), self.is_registered(one.author))
        to = "everyone" if one.conversation is None else self.title(one.conversation)
        text = safe_text(one.text).replace("\n", f"\n{INDENT}")
        self.lines.show(("warning", f"! {label} announces to {to}: {text}"))

    def _say_who_keeps(self, people: Iterable[Peer]) -> None:
        """Everyone is shown who writes down who is here."""
        for peer in people:
            if peer.keeps_register and peer.status != Status.OFFLINE:
                label = quoted(self.label(peer.peer_id))
                self.say(f"{label} keeps a register of who is here, from when to when")

    def _person(self, event: PeerOnline | PeerOffline | PeerChanged) -> None:
        old = self.people.get(event.peer.peer_id)
        self.people[event.peer.peer_id] = event.peer
        if event.peer.keeps_register and not (old is not None and old.keeps_register):
            self._say_who_keeps([event.peer])
        if isinstance(event, PeerOnline):
            self._came[event.peer.peer_id] = True
        elif isinstance(event, PeerOffline):
            self._came[event.peer.peer_id] = False
        elif old is not None and old.label != event.peer.label:
            new = self.label(event.peer.peer_id)
            before = marked(safe_name(old.label), old.account is not None)
            self.say(f"{quoted(before)} is now called {quoted(new)}")

    def _member(self, event: MemberJoined | MemberLeft) -> None:
        self._stale = True
        if event.room == self.here and event.peer_id != self.me.peer_id:
            did = "has joined" if isinstance(event, MemberJoined) else "has left"
            known = event.peer_id in self.people
            name = self.label(event.peer_id) if known else marked(safe_name(event.name), False)
            self.say(f"{quoted(name)} {did} {self.title(event.room)}")

    # -- by itself

    async def _keep_up(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            await asyncio.sleep(GATHER_S)
            self._tell_who_came()
            try:
                if self._renewed:
                    await self.begin()
                await self._mark_read()
                if self._stale:
                    await self.refresh_lists()
            except P2PChatError as error:
                log.warning("%s", error)

    def _tell_who_came(self) -> None:
        came = [peer for peer, there in self._came.items() if there]
        gone = [peer for peer, there in self._came.items() if not there]
        self._came.clear()
        # Who came and went again meanwhile, or the other way round, is not worth a line.
        for people, verbs in (
            ([peer for peer in came if peer not in self._there], ("is here", "are here")),
            ([peer for peer in gone if peer in self._there], ("is gone", "are gone")),
        ):
            if people:
                who = words.several([self.label(peer) for peer in people])
                self.say(f"{who} {verbs[len(people) > 1]}")
        self._there = (self._there | set(came)) - set(gone)

    async def _mark_read(self) -> None:
        read, self._read = self._read, {}
        for conversation, message_id in read.items():
            try:
                await self.node.mark_read(conversation, message_id)
            except P2PChatError as error:
                log.warning("%s: %s", conversation, error)
            self._stale = True

    def typed(self, text: str) -> None:
        """The prompt's text was changed: tell the others now and then."""
        now = time.monotonic()
        if not text or text.startswith("/") or now - self._told_typing < TYPING_EVERY_S:
            return
        self._told_typing = now
        if self._typing_task is None or self._typing_task.done():
            self._typing_task = asyncio.ensure_future(self._tell_typing(self.here))

    async def _tell_typing(self, conversation: str) -> None:
        try:
            await self.node.typing(conversation)
        except P2PChatError as error:
            log.debug("typing: %s", error)

    # -- sending

    async def send(
        self, text: str, conversation: str | None = None, reply_to: MessageId | None = None
    ) -> None:
        """Send, and show it. RequestError where that isn't possible."""
        message = await self.node.send(conversation or self.here, text, reply_to)
        self.show(message)

    def explain(self, error: P2PChatError) -> None:
        """Say why something was refused."""
        self.lines.show(("warning", f"! {safe_text(words.refusal(error), multiline=False)}"))
