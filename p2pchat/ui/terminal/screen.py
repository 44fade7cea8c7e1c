"""The terminal chat on a real terminal."""

from __future__ import annotations

from collections.abc import Iterator

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from p2pchat.node.api import NodeApi
from p2pchat.ui.terminal.completion import candidates
from p2pchat.ui.terminal.state import Chat
from p2pchat.ui.terminal.tty import TtyLines


class _Completer(Completer):
    def __init__(self) -> None:
        self.chat: Chat | None = None

    def get_completions(self, document: Document, event: CompleteEvent) -> Iterator[Completion]:
        if self.chat is None:
            return
        for found in candidates(self.chat, document.text_before_cursor):
            yield Completion(found.text, -found.length, found.shown, found.about)


def open_screen(node: NodeApi) -> Chat:
    """A chat whose lines are the terminal."""
    completer = _Completer()
    lines = TtyLines(
        prompt=lambda: view.prompt(),
        toolbar=lambda: view.toolbar(),
        completer=completer,
        changed=lambda text: view.typed(text),
    )
    view = Chat(node, lines, lines.ask_secret, lines.refresh)
    completer.chat = view
    return view
