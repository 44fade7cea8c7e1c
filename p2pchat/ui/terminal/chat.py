"""The terminal chat: a prompt below, messages above; plain lines where there is no terminal."""

from __future__ import annotations

import asyncio

from p2pchat.model.text import well_formed
from p2pchat.node.api import NodeApi
from p2pchat.ui.terminal.commands import take_line
from p2pchat.ui.terminal.lines import Lines, PlainLines, is_terminal
from p2pchat.ui.terminal.state import Chat


async def chat(node: NodeApi, stop: asyncio.Event) -> None:
    """Until the person leaves, the input ends or `stop` is set."""
    if is_terminal():
        from p2pchat.ui.terminal.screen import open_screen

        view = open_screen(node)
    else:
        view = Chat(node, PlainLines())
    try:
        await view.start()
        await read_lines(view, view.lines, stop)
    finally:
        await view.close()
        await view.lines.close()


async def read_lines(view: Chat, lines: Lines, stop: asyncio.Event) -> None:
    while (line := await lines.read(stop)) is not None:
        if not await take_line(view, well_formed(line.decode("utf-8", "replace"))):
            return
