"""A terminal with a prompt below and everything else above it, on prompt_toolkit."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from prompt_toolkit import PromptSession, print_formatted_text
from prompt_toolkit.application import run_in_terminal
from prompt_toolkit.completion import Completer
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.patch_stdout import patch_stdout
from prompt_toolkit.styles import Style

from p2pchat.ui.terminal.lines import Fragments

STYLE = Style.from_dict(
    {
        "own": "ansigreen",
        "other": "ansicyan",
        "system": "ansiyellow",
        "warning": "ansired bold",
        "mention": "bold reverse",
        "time": "ansibrightblack",
        "bottom-toolbar": "noreverse ansibrightblack",
    }
)
_WAITING_LINES = 5000
"""Lines that wait to be printed; older ones are left out when more come."""


class TtyLines:
    """Reads by a prompt and prints above it, both at any time."""

    def __init__(
        self,
        prompt: Callable[[], str] = str,
        toolbar: Callable[[], str] | None = None,
        completer: Completer | None = None,
        changed: Callable[[str], None] | None = None,
    ) -> None:
        self._session: PromptSession[str] = PromptSession(
            message=prompt,
            bottom_toolbar=toolbar,
            completer=completer,
            complete_while_typing=False,
            history=InMemoryHistory(),
            style=STYLE,
            enable_suspend=True,
        )
        if changed is not None:
            self._session.default_buffer.on_text_changed += lambda buffer: changed(buffer.text)
        self._read_ahead: deque[bytes] = deque()
        self._waiting: deque[Fragments] = deque(maxlen=_WAITING_LINES)
        self._printing: asyncio.Task[None] | None = None

    async def read(self, stop: asyncio.Event) -> bytes | None:
        if self._read_ahead:
            return self._read_ahead.popleft()
        if stop.is_set():
            return None
        stopped = asyncio.ensure_future(self._end_with(stop))
        try:
            # Whatever else writes to the terminal (a library, the log) goes above the prompt too.
            with patch_stdout(raw=False):
                text = await self._session.prompt_async()
        except (EOFError, KeyboardInterrupt):
            return None
        finally:
            stopped.cancel()
        # What was pasted may be several lines.
        self._read_ahead.extend(line.encode("utf-8", "replace") for line in text.split("\n"))
        return self._read_ahead.popleft()

    async def _end_with(self, stop: asyncio.Event) -> None:
        await stop.wait()
        if self._session.app.is_running:
            self._session.app.exit(exception=EOFError)

    async def ask_secret(self, question: str) -> str | None:
        """A password, hidden while it is typed; None where none was given."""
        hidden: PromptSession[str] = PromptSession(is_password=True)
        try:
            return await hidden.prompt_async(question) or None
        except (EOFError, KeyboardInterrupt):
            return None

    def show(self, *parts: str | tuple[str, str]) -> None:
        self._waiting.append(
            [("", p) if isinstance(p, str) else (f"class:{p[0]}", p[1]) for p in parts]
        )
        if self._printing is None or self._printing.done():
            self._printing = asyncio.ensure_future(self._print())

    async def _print(self) -> None:
        while self._waiting:
            await run_in_terminal(self._print_waiting)

    def _print_waiting(self) -> None:
        fragments: Fragments = []
        for line in self._waiting:
            fragments += [*line, ("", "\n")]
        self._waiting.clear()
        print_formatted_text(FormattedText(fragments), style=STYLE, end="")

    def complain(self, text: str) -> None:
        self.show(("system", text))

    def refresh(self) -> None:
        """The prompt or the toolbar may have changed."""
        self._session.app.invalidate()

    async def close(self) -> None:
        if self._printing is not None:
            await self._printing
