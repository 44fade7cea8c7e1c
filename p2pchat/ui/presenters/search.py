"""Finding messages, in one conversation or in all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from p2pchat.model.ids import MessageId
from p2pchat.model.message import Message
from p2pchat.model.text import one_line
from p2pchat.node.api import NodeApi
from p2pchat.ui.language import _, ngettext
from p2pchat.ui.presenters import timeline, words
from p2pchat.ui.presenters.directory import Directory
from p2pchat.ui.presenters.marks import Mark
from p2pchat.ui.presenters.runner import Delayed, Runner

WAIT_MS = 200
RESULTS = 50
EXCERPT = 160
BEFORE = 16
"""Characters of a message that are shown before what was found in it."""


@dataclass(frozen=True, slots=True)
class Hit:
    conversation: str
    message_id: MessageId
    title: str
    """Who wrote it."""
    text: str
    when: str
    seed: str
    initials: str
    avatar: str | None = None
    marks: tuple[Mark, ...] = ()
    place: str = ""
    """The conversation, where all are searched."""


def excerpt(text: str, query: str) -> str:
    """One line of a message, from a little before the first of the words that were looked for."""
    line = one_line(text, 1 << 14)
    lower = line.casefold()
    if len(lower) != len(line):  # as of ß: places don't agree
        lower = line
    found = [at for word in query.casefold().split() if (at := lower.find(word)) >= 0]
    first = min(found, default=0)
    if first <= BEFORE:
        return one_line(line, EXCERPT)
    start = line.find(" ", first - BEFORE, first) + 1 or first - BEFORE
    return "…" + one_line(line[start:], EXCERPT)


class SearchView(Protocol):
    def show_hits(self, hits: Sequence[Hit], words: str) -> None:
        """`words` says how many there are, or that there are none."""
        ...


class SearchPresenter:
    def __init__(
        self,
        node: NodeApi,
        runner: Runner,
        directory: Directory,
        view: SearchView,
        now: Callable[[], datetime],
    ) -> None:
        self.hits: list[Hit] = []
        self._node = node
        self._runner = runner
        self._directory = directory
        self._view = view
        self._now = now
        self._query = ""
        self._conversation: str | None = None
        self._round = 0
        self._wait = Delayed(runner, WAIT_MS, self._ask)

    def search(self, query: str, conversation: str | None) -> None:
        """Look for all words of `query` once no key was pressed for a moment; in all
        conversations where none is given."""
        asked = (query.strip(), conversation)
        if asked == (self._query, self._conversation):
            return
        self._query, self._conversation = asked
        self._round += 1
        if self._query:
            self._wait.ask_again()
        else:
            self._wait.cancel()
            self._show([], "")

    def _ask(self) -> None:
        this, query, conversation = self._round, self._query, self._conversation

        def keep(found: Sequence[Message]) -> None:
            if this == self._round:
                self._show([self._hit(message) for message in found], self._words(len(found)))

        self._runner.call(
            lambda: self._node.search(query, conversation, limit=RESULTS),
            keep,
            lambda error: self._show([], words.refusal(error)),
        )

    def _show(self, hits: list[Hit], said: str) -> None:
        self.hits = hits
        self._view.show_hits(hits, said)

    def _words(self, number: int) -> str:
        if not number:
            return _("Nothing found.")
        if number >= RESULTS:
            return _("The newest {number} messages").format(number=RESULTS)
        return ngettext("{number} message", "{number} messages", number)

    def _hit(self, message: Message) -> Hit:
        author = timeline.author_label(message, self._directory.labels)
        return Hit(
            conversation=message.conversation,
            message_id=message.message_id,
            text=excerpt(message.text, self._query),
            title=author,
            when=words.short_when(words.local_time(message.sent_at), self._now()),
            seed=message.author,
            initials=words.initials(author),
            avatar=self._directory.face(message.author),
            marks=self._directory.marks.get(message.author, ()),
            place="" if self._conversation else self._directory.title(message.conversation),
        )
