"""The entry below a conversation: sending, replying, editing, drafts, telling that one types."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from enum import Enum
from typing import Protocol

from msgspec.structs import replace

from p2pchat.config.limits import TEXT_BYTES
from p2pchat.errors import P2PChatError
from p2pchat.events import Event, MessageReceived, Typing
from p2pchat.model.ids import MessageId, PeerId
from p2pchat.model.message import Draft, Message
from p2pchat.model.text import is_blank, quoted, well_formed
from p2pchat.node.api import NodeApi
from p2pchat.ui.language import _, ngettext
from p2pchat.ui.presenters import completion, timeline, words
from p2pchat.ui.presenters.completion import Offer
from p2pchat.ui.presenters.conversation import ConversationPresenter
from p2pchat.ui.presenters.directory import Directory
from p2pchat.ui.presenters.markup import unmarked
from p2pchat.ui.presenters.runner import Runner

TYPING_EVERY = timedelta(seconds=1)
"""How often the node is asked to tell it; the node itself tells others less often."""
TYPING_SHOWN_MS = 6000
"""A typing notice fades by itself: its end isn't told."""
TYPERS = 8


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

    def insert(self, char: str) -> None:
        """What comes from elsewhere, at the cursor."""
        ...


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
        """What is replied to or edited; None also until it has been read."""
        self._node = node
        self._runner = runner
        self._directory = directory
        self._conversation = conversation
        self._view = view
        self._now = now
        self._say = say
        self._name = ""
        self._target_id: MessageId | None = None
        self._drafts: dict[str, Draft] = {}
        self._saved: dict[str, Draft | None] = {}
        """What the node was told; None: it couldn't keep it."""
        self._told: datetime | None = None
        self._typers: dict[PeerId, Callable[[], None]] = {}

    # -- what is shown

    def target_words(self) -> tuple[str, str]:
        """What stands above the entry: `Reply to Li` and the beginning of the message."""
        if self.target is None:
            return "", ""
        text = unmarked(self.target.text, timeline.QUOTE_CHARS)
        if self.mode == Mode.EDIT:
            return _("Edit message"), text
        name = self._directory.in_text(self.target.author, self.target.author_label)
        return _("Reply to {name}").format(name=quoted(name)), text

    def typing_words(self) -> str:
        names = [self._directory.said.get(peer, peer[:8]) for peer in self._typers]
        if not names:
            return ""
        said = words.several(names)
        return words.our_way(
            ngettext("{names} is typing…", "{names} are typing…", len(names), names=said)
        )

    def offers(self, before: str) -> list[Offer]:
        """What may be taken in the place of what stands before the cursor."""
        return completion.offers(before, self._directory, self._conversation.speakers())

    # -- moving between conversations

    def opened(self, conversation: str) -> None:
        """The conversation changed: keep the one's draft, bring back the other's."""
        if conversation == self._name:
            return
        self.save_draft()
        left = self._directory.conversations.get(self._name)
        if left is not None and left.begun != self._drafts[self._name]:
            self._directory.refresh()  # the list shows what was begun there, or no longer
        for cancel in self._typers.values():
            cancel()
        self._typers.clear()
        self._name = conversation
        self._told = None
        self._take_up(self._draft(conversation))

    def _take_up(self, draft: Draft) -> None:
        """Go on with it, in the open conversation."""
        self._leave_mode()
        if draft.edits is not None:
            self.mode, self._target_id = Mode.EDIT, draft.edits
        elif draft.reply_to is not None:
            self.mode, self._target_id = Mode.REPLY, draft.reply_to
        self._view.set_text(draft.edit if self.mode is Mode.EDIT else draft.text)
        if self._target_id is not None:
            self._read_target(self._target_id)
        self._view.refresh()

    def _read_target(self, message_id: MessageId) -> None:
        name = self._name

        def is_wanted() -> bool:
            return self._name == name and self._target_id == message_id

        def read(found: Sequence[Message]) -> None:
            if is_wanted():
                self.target = next((m for m in found if m.message_id == message_id), None)
                if self.target is None or self.target.deleted or self._is_done(self.target):
                    self.cancel()
                self._view.refresh()

        self._runner.call(
            lambda: self._node.messages(name, 1, around=message_id),
            read,
            lambda _: self.cancel() if is_wanted() else None,
        )

    def _is_done(self, target: Message) -> bool:
        """Changed already, as far as it was to be."""
        return self.mode is Mode.EDIT and self._view.text().strip() == target.text

    def _draft(self, conversation: str) -> Draft:
        if conversation not in self._drafts:
            known = self._directory.conversations.get(conversation)
            self._drafts[conversation] = self._saved[conversation] = (
                known.begun if known else Draft()
            )
        return self._drafts[conversation]

    def _written(self, text: str) -> Draft:
        """The draft with what the entry holds. An answer that has no word yet is none."""
        if self.mode is Mode.EDIT:
            return replace(self._draft(self._name), edits=self._target_id, edit=text)
        return Draft(text, self._target_id if text else None)

    def save_draft(self) -> None:
        """Hand the draft to the node, if it has changed."""
        if self._name:
            self._keep(self._name, self._written(self._view.text()))

    def _keep(self, name: str, draft: Draft) -> None:
        self._drafts[name] = draft
        if draft == self._saved.get(name, Draft()):
            return
        self._saved[name] = draft

        def failed(_: P2PChatError) -> None:
            if self._saved.get(name) is draft:
                self._saved[name] = None  # again with the next change, or at the end

        self._runner.call(
            lambda: self._node.set_draft(name, draft),
            lambda _: self._directory.refresh() if name != self._name else None,
            failed,
        )

    def unsaved_drafts(self) -> dict[str, Draft]:
        """By conversation, what the node doesn't know yet: to be kept at the end."""
        if self._name:
            self._drafts[self._name] = self._written(self._view.text())
        return {n: d for n, d in self._drafts.items() if d != self._saved.get(n, Draft())}

    def take_over(self, former: ComposerPresenter) -> None:
        """Go on with what is written in the place of the other, in the same conversation."""
        former.save_draft()
        self._drafts, self._saved = former._drafts, former._saved
        self.mode, self.target, self._target_id = former.mode, former.target, former._target_id
        self._view.set_text(former._view.text())
        if self.target is None and self._target_id is not None:
            self._read_target(self._target_id)
        self._view.refresh()

    def forget(self) -> None:
        """Away with all drafts: they are somebody else's."""
        self._leave_mode()
        self._name = ""
        self._drafts.clear()
        self._saved.clear()
        self._view.set_text("")

    # -- writing

    def typed(self, text: str) -> None:
        """The text in the entry was changed by its person. It goes to the node at once, which is
        where drafts of one moment become one write: whatever ends the window loses none."""
        if self._name:
            self._keep(self._name, self._written(text))
        now = self._now()
        if text.strip() and (self._told is None or now - self._told >= TYPING_EVERY):
            self._told = now
            name = self._name
            self._runner.call(lambda: self._node.typing(name), failed=lambda _: None)

    def submit(self) -> None:
        """Send, or change, what the entry holds."""
        text = well_formed(self._view.text()).strip()
        if is_blank(text) or not self._name:
            return
        if len(text.encode()) > TEXT_BYTES:
            most = TEXT_BYTES // 1024
            self._say(_("A message holds at most {number} KB of text.").format(number=most))
            return
        self._told = None
        if self.mode is Mode.EDIT and self._target_id is not None:
            self._change(self._target_id, text)
        else:
            self._send(text)

    def _send(self, text: str) -> None:
        name, reply_to, draft = self._name, self._target_id, self._written(self._view.text())
        self._leave_mode()
        self._view.set_text("")
        self._view.refresh()
        if self._saved.get(name) == draft:
            self._saved[name] = Draft()  # it goes with the message
        self._keep(name, Draft())

        def failed(error: P2PChatError) -> None:
            self._say(words.refusal(error))
            self._bring_back(name, draft, Draft())

        self._runner.call(
            lambda: self._node.send(name, text, reply_to, draft.text),
            self._conversation.sent,
            failed,
        )

    def _change(self, message_id: MessageId, text: str) -> None:
        """What was being written stays the node's draft until the message is changed."""
        name, draft, former = self._name, self._written(self._view.text()), self.target
        self._end_edit()
        if former is not None and former.text == text:
            self.save_draft()
            return

        def changed(message: Message) -> None:
            self._conversation.changed(message)
            if self._name == name:
                self.save_draft()

        def failed(error: P2PChatError) -> None:
            self._say(words.refusal(error))
            self._bring_back(name, draft, replace(draft, edits=None, edit=""))

        self._runner.call(lambda: self._node.edit(message_id, text), changed, failed)

    def _bring_back(self, name: str, draft: Draft, left: Draft) -> None:
        """What couldn't be sent, or changed, unless there is something else now than was left."""
        is_open = self._name == name
        now = self._written(self._view.text()) if is_open else self._drafts.get(name, Draft())
        if now != left:
            return
        self._keep(name, draft)
        if is_open:
            self._take_up(draft)

    # -- modes

    def reply(self, message_id: MessageId) -> None:
        self.cancel()
        if self._begin(Mode.REPLY, message_id):
            self.save_draft()

    def edit(self, message_id: MessageId) -> None:
        self.cancel()
        if self._begin(Mode.EDIT, message_id) and self.target:
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
        if self.mode is Mode.EDIT:
            self._end_edit()
        else:
            self._leave_mode()
            self._view.refresh()
        self.save_draft()

    def _end_edit(self) -> None:
        self._take_up(replace(self._draft(self._name), edits=None, edit=""))

    def _begin(self, mode: Mode, message_id: MessageId) -> bool:
        self.target = self._conversation.message(message_id)
        if self.target is None:
            return False
        self.mode, self._target_id = mode, message_id
        self._view.refresh()
        self._view.focus()
        return True

    def _leave_mode(self) -> None:
        self.mode, self.target, self._target_id = Mode.NEW, None, None

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
