"""The entry below a conversation: sending, replying, editing, drafts, telling that one types."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from enum import Enum
from typing import Protocol

from p2pchat.config.limits import TEXT_BYTES
from p2pchat.errors import P2PChatError
from p2pchat.events import Event, MessageReceived, Typing
from p2pchat.model.ids import MessageId, PeerId
from p2pchat.model.message import Message
from p2pchat.model.text import well_formed
from p2pchat.node.api import NodeApi
from p2pchat.ui.language import _, ngettext
from p2pchat.ui.presenters import completion, timeline, words
from p2pchat.ui.presenters.completion import Offer
from p2pchat.ui.presenters.conversation import ConversationPresenter
from p2pchat.ui.presenters.directory import Directory
from p2pchat.ui.presenters.markup import unmarked
from p2pchat.ui.presenters.runner import Delayed, Runner

TYPING_EVERY = timedelta(seconds=1)
"""How often the node is asked to tell it; the node itself tells others less often."""
TYPING_SHOWN_MS = 6000
"""A typing notice fades by itself: its end isn't told."""
TYPERS = 8
DRAFT_MS = 300


class Mode(Enum):
    NEW = "new"
    REPLY = "reply"
    EDIT = "edit"


class ComposerView(Protocol):
    def text(self) -> str: ...

    def set_text(self, text: str) -> None: ...

    def refresh(self) -> None:
        """Mode, what is replied to, or who types has changed."""
        ...

    def focus(self) -> None: ...


class ComposerPresenter:
    def __init__(
        self,
        node: NodeApi,
        runner: Runner,
        directory: Directory,
        conversation: ConversationPresenter,
        view: ComposerView,
        now: Callable[[], datetime],
        say: Callable[[str], None],
    ) -> None:
        self.mode = Mode.NEW
        self.target: Message | None = None
        """What is replied to or edited."""
        self._node = node
        self._runner = runner
        self._directory = directory
        self._conversation = conversation
        self._view = view
        self._now = now
        self._say = say
        self._name = ""
        self._drafts: dict[str, str] = {}
        self._saved: dict[str, str] = {}
        self._told: datetime | None = None
        self._typers: dict[PeerId, Callable[[], None]] = {}
        self._save = Delayed(runner, DRAFT_MS, self.save_draft)

    # -- what is shown

    def target_words(self) -> tuple[str, str]:
        """What stands above the entry: `Reply to Li` and the beginning of the message."""
        if self.target is None:
            return "", ""
        text = unmarked(self.target.text, timeline.QUOTE_CHARS)
        if self.mode == Mode.EDIT:
            return _("Edit message"), text
        name = self._directory.in_text(self.target.author, self.target.author_label)
        return _("Reply to {name}").format(name=name), text

    def typing_words(self) -> str:
        names = [self._directory.said.get(peer, peer[:8]) for peer in self._typers]
        if not names:
            return ""
        said = words.several(names)
        return ngettext("{names} is typing…", "{names} are typing…", len(names), names=said)

    def offers(self, before: str) -> list[Offer]:
        """What may be taken in the place of what stands before the cursor."""
        return completion.offers(before, self._directory, self._conversation.speakers())

    # -- moving between conversations

    def opened(self, conversation: str) -> None:
        """The conversation changed: keep the one's draft, bring back the other's."""
        if conversation == self._name:
            return
        self.save_draft()
        self._leave_mode()
        for cancel in self._typers.values():
            cancel()
        self._typers.clear()
        self._name = conversation
        self._told = None
        self._view.set_text(self._draft(conversation))
        self._view.refresh()

    def _draft(self, conversation: str) -> str:
        if conversation not in self._drafts:
            known = self._directory.conversations.get(conversation)
            self._drafts[conversation] = self._saved[conversation] = known.draft if known else ""
        return self._drafts[conversation]

    def save_draft(self) -> None:
        """Hand the draft to the node, if it has changed."""
        self._save.cancel()
        name = self._name
        if not name:
            return
        if self.mode != Mode.EDIT:
            self._drafts[name] = self._view.text()
        draft = self._drafts.get(name, "")
        if draft != self._saved.get(name, ""):
            self._saved[name] = draft
            self._runner.call(
                lambda: self._node.set_draft(name, draft),
                lambda _: self._directory.refresh() if name != self._name else None,
                lambda _: None,
            )

    def unsaved_drafts(self) -> dict[str, str]:
        """By conversation, what the node doesn't know yet: to be kept at the end."""
        if self._name and self.mode != Mode.EDIT:
            self._drafts[self._name] = self._view.text()
        return {n: d for n, d in self._drafts.items() if d != self._saved.get(n, "")}

    def take_over(self, former: ComposerPresenter) -> None:
        """Go on with what is written in the place of the other, in the same conversation."""
        former.save_draft()
        self._drafts, self._saved = former._drafts, former._saved
        self.mode, self.target = former.mode, former.target
        self._view.set_text(former._view.text())
        self._view.refresh()

    def forget(self) -> None:
        """Away with all drafts: they are somebody else's."""
        self._save.cancel()
        self._leave_mode()
        self._name = ""
        self._drafts.clear()
        self._saved.clear()
        self._view.set_text("")

    # -- writing

    def typed(self, text: str) -> None:
        """The text in the entry was changed by its person."""
        if self.mode != Mode.EDIT:
            self._save.ask()
        now = self._now()
        if text.strip() and (self._told is None or now - self._told >= TYPING_EVERY):
            self._told = now
            name = self._name
            self._runner.call(lambda: self._node.typing(name), failed=lambda _: None)

    def submit(self) -> None:
        """Send, or change, what the entry holds."""
        text = well_formed(self._view.text()).strip()
        if not text or not self._name:
            return
        if len(text.encode()) > TEXT_BYTES:
            most = TEXT_BYTES // 1024
            self._say(_("A message holds at most {number} KB of text.").format(number=most))
            return
        self._told = None
        if self.mode == Mode.EDIT and self.target is not None:
            self._change(self.target, text)
        else:
            self._send(text, self.target.message_id if self.target else None)

    def _send(self, text: str, reply_to: MessageId | None) -> None:
        name = self._name
        self._view.set_text("")
        self._leave_mode()
        self._view.refresh()
        self.save_draft()

        def failed(error: P2PChatError) -> None:
            self._say(words.refusal(error))
            if self._name == name and not self._view.text():
                self._view.set_text(text)

        self._runner.call(
            lambda: self._node.send(name, text, reply_to), self._conversation.sent, failed
        )

    def _change(self, message: Message, text: str) -> None:
        self.cancel()
        if text != message.text:
            self._runner.call(
                lambda: self._node.edit(message.message_id, text), self._conversation.changed
            )

    # -- modes

    def reply(self, message_id: MessageId) -> None:
        self.cancel()
        self._begin(Mode.REPLY, message_id)

    def edit(self, message_id: MessageId) -> None:
        self.cancel()
        if self._begin(Mode.EDIT, message_id) and self.target:
            self._drafts[self._name] = self._view.text()
            self._view.set_text(self.target.text)

    def edit_last(self) -> bool:
        """Edit the newest own message, if nothing is being written."""
        last = self._conversation.last_own()
        if self.mode != Mode.NEW or self._view.text().strip() or last is None:
            return False
        self.edit(last)
        return True

    def cancel(self) -> None:
        """Back to a new message; what stood there before an edit comes back."""
        if self.mode == Mode.EDIT:
            self._view.set_text(self._drafts.get(self._name, ""))
        self._leave_mode()
        self._view.refresh()

    def _begin(self, mode: Mode, message_id: MessageId) -> bool:
        self.target = self._conversation.message(message_id)
        if self.target is None:
            return False
        self.mode = mode
        self._view.refresh()
        self._view.focus()
        return True

    def _leave_mode(self) -> None:
        self.mode, self.target = Mode.NEW, None

    # -- who types

    def events(self, events: list[Event]) -> None:
        before = list(self._typers)
        for event in events:
            if isinstance(event, Typing) and event.conversation == self._name:
                self._types(event.peer_id)
            elif isinstance(event, MessageReceived) and event.message.conversation == self._name:
                self._stops(event.message.author)
        if before != list(self._typers):
            self._view.refresh()

    def _types(self, peer: PeerId) -> None:
        if peer == self._directory.me.peer_id:
            return
        if peer in self._typers:
            self._typers[peer]()
        elif len(self._typers) >= TYPERS:
            return
        self._typers[peer] = self._runner.later(TYPING_SHOWN_MS, lambda: self._fade(peer))

    def _fade(self, peer: PeerId) -> None:
        self._typers.pop(peer, None)
        self._view.refresh()

    def _stops(self, peer: PeerId) -> None:
        cancel = self._typers.pop(peer, None)
        if cancel:
            cancel()
