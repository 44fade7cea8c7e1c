"""The messages that are replied to: found among those loaded, else asked for, each once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from p2pchat.model.ids import MessageId
from p2pchat.model.message import Message
from p2pchat.node.api import NodeApi
from p2pchat.ui.presenters.runner import Runner


class Quotes:
    def __init__(self, node: NodeApi, runner: Runner, changed: Callable[[], None]) -> None:
        self.found: dict[MessageId, Message] = {}
        self._node = node
        self._runner = runner
        self._changed = changed
        self._sought: set[MessageId] = set()

    def clear(self) -> None:
        self.found.clear()
        self._sought.clear()

    def update(self, message: Message) -> None:
        if message.message_id in self.found:
            self.found[message.message_id] = message

    def seek(self, messages: Sequence[Message]) -> None:
        """See to what these messages reply to; `changed` is called once more of it is known."""
        wanted = {m.reply_to for m in messages if m.reply_to is not None} - self._sought
        if not wanted:
            return
        self._sought |= wanted
        here = {m.message_id: m for m in messages if m.message_id in wanted}
        self.found |= here
        for target in wanted - here.keys():
            self._ask(target, next(m.conversation for m in messages if m.reply_to == target))
        if here:
            self._changed()

    def _ask(self, target: MessageId, conversation: str) -> None:
        def keep(found: Iterable[Message]) -> None:
            if target in self._sought:
                self.found |= {m.message_id: m for m in found if m.message_id == target}
                self._changed()

        self._runner.call(
            lambda: self._node.messages(conversation, limit=1, around=target),
            keep,
            lambda _: None,
        )
