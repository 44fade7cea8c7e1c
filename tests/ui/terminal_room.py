"""A terminal chat on a node on paper, for tests: what lines do, and what is shown."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from paper_node import PaperNode, with_two_called_li

from p2pchat.ui.terminal.commands import take_line
from p2pchat.ui.terminal.state import Chat


class Screen:
    """Keeps what is shown, with its styles."""

    def __init__(self) -> None:
        self.shown: list[list[tuple[str, str]]] = []
        self.forgotten = 0
        """How often it was told that somebody else sits here."""

    async def read(self, stop: asyncio.Event) -> bytes | None:
        return None

    def show(self, *parts: str | tuple[str, str]) -> None:
        self.shown.append([("", part) if isinstance(part, str) else part for part in parts])

    def complain(self, text: str) -> None:
        self.show(("system", text))

    def forget(self) -> None:
        self.forgotten += 1

    async def close(self) -> None: ...

    def texts(self) -> list[str]:
        return ["".join(text for _, text in line) for line in self.shown]

    def last(self) -> str:
        return self.texts()[-1]


class Room:
    """A chat on a node in memory, its screen, and the password that is given when asked."""

    def __init__(self) -> None:
        self.node = with_two_called_li()
        self.screen = Screen()
        self.password: str | None = "secret"
        self.asked: list[str] = []
        self.chat = Chat(self.node.front_end(), self.screen, self.ask)

    async def ask(self, question: str) -> str | None:
        self.asked.append(question)
        return self.password

    async def type(self, *lines: str) -> str:
        for line in lines:
            assert await take_line(self.chat, line)
        return self.screen.last()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while True:
                if condition():
                    return
                await asyncio.sleep(0.01)


def chatting(
    test: Callable[[Room], Coroutine[Any, Any, None]],
    before: Callable[[PaperNode], object] = lambda node: None,
) -> None:
    async def main() -> None:
        room = Room()
        before(room.node)
        await room.chat.start()
        await test(room)
        await room.chat.close()
        assert room.node.handlers == []
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(main())
