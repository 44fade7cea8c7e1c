"""Notifications of the system's: when somebody writes and the window isn't in front."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from p2pchat.events import Announced, Event, MessageReceived
from p2pchat.model.accounts import Announcement
from p2pchat.model.message import Message, MessageKind
from p2pchat.model.people import Status
from p2pchat.model.text import one_line, quoted
from p2pchat.ui.language import _, ngettext
from p2pchat.ui.presenters import words
from p2pchat.ui.presenters.directory import Directory
from p2pchat.ui.presenters.markup import unmarked
from p2pchat.ui.presenters.runner import Delayed, Runner
from p2pchat.ui.presenters.words import LOBBY

GATHER_MS = 1200
"""What comes within so long in a conversation is told at once."""
TEXT_CHARS = 160
TITLE_CHARS = 80


class Notifier(Protocol):
    async def notify(self, conversation: str, title: str, text: str, lasting: bool = False) -> None:
        """Plain text, in the place of what was told of the conversation before, but of what is
        lasting. Never raises; does nothing where the system has no notifications."""
        ...

    async def withdraw(self, conversation: str) -> None:
        """Its notification, if one is still shown: what it tells of is seen. Never raises."""
        ...


class AlertsPresenter:
    def __init__(
        self,
        runner: Runner,
        directory: Directory,
        notifier: Notifier,
        is_active: Callable[[], bool],
    ) -> None:
        """`is_active`: whether the window is in front."""
        self.on = True
        self.with_text = True
        """What was written stands in a notification; else only who wrote, and where."""
        self._runner = runner
        self._directory = directory
        self._notifier = notifier
        self._is_active = is_active
        self._new: dict[str, list[Message]] = {}
        self._told: dict[str, int] = {}
        """By conversation, of how many messages a notification tells."""
        self._tell = Delayed(runner, GATHER_MS, self._tell_all)

    def events(self, events: Sequence[Event]) -> None:
        for event in events:
            if isinstance(event, Announced):
                self._announced(event.announcement)
            elif isinstance(event, MessageReceived) and self._matters(event.message):
                self._new.setdefault(event.message.conversation, []).append(event.message)
                self._tell.ask()

    def seen(self, conversation: str) -> None:
        """It is open in a window that is in front."""
        self._new.pop(conversation, None)
        if self._told.pop(conversation, 0):
            self._runner.call(lambda: self._notifier.withdraw(conversation))

    def _is_quiet(self) -> bool:
        """Who is busy is told of nothing; what they haven't read counts as unread all the same."""
        busy = self._directory.me.status is Status.BUSY
        return busy or not self.on or self._is_active()

    def _announced(self, one: Announcement) -> None:
        """Each by itself, also where everything is muted."""
        if self._is_quiet():
            return
        label = self._directory.in_text(one.author, one.author_label)
        title = words.our_way(_("{name} announces").format(name=quoted(label)))
        title = one_line(title, TITLE_CHARS)
        text = one_line(one.text, TEXT_CHARS) if self.with_text else ""
        place = one.conversation or LOBBY
        self._runner.call(lambda: self._notifier.notify(place, title, text, lasting=True))

    def _matters(self, message: Message) -> bool:
        """A muted conversation matters only where one is mentioned; what came late never does."""
        if self._is_quiet() or message.late or message.deleted:
            return False
        if message.kind == MessageKind.SYSTEM or message.author == self._directory.me.peer_id:
            return False
        known = self._directory.conversations.get(message.conversation)
        return not (known and known.muted) or self._directory.me.peer_id in message.mentions

    def _tell_all(self) -> None:
        new, self._new = self._new, {}
        if self._is_quiet():
            return
        for conversation, messages in new.items():
            self._tell_of(conversation, messages)

    def _tell_of(self, conversation: str, messages: Sequence[Message]) -> None:
        last = messages[-1]
        author = self._directory.in_text(last.author, last.author_label)
        if conversation.startswith("#"):
            title = _("{name} in {room}").format(
                name=quoted(author), room=self._directory.title(conversation)
            )
        else:
            title = author
        number = self._told[conversation] = self._told.get(conversation, 0) + len(messages)
        lines = []
        if number > 1 or not self.with_text:
            lines.append(ngettext("{number} new message", "{number} new messages", number))
        if self.with_text:
            lines.append(unmarked(last.text, TEXT_CHARS))
        text = "\n".join(lines)
        shown = one_line(title, TITLE_CHARS)
        self._runner.call(lambda: self._notifier.notify(conversation, shown, text))
