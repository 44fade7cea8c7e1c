"""A terminal with a prompt below and everything else above it, on prompt_toolkit."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable

from prompt_toolkit import PromptSession, print_formatted_text
from prompt_toolkit.application import run_in_terminal
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.completion import Completer
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings
from prompt_toolkit.keys import Keys
from prompt_toolkit.patch_stdout import patch_stdout
from prompt_toolkit.styles import Style

from p2pchat.model.text import safe_text
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
_REFRESH_S = 1.0
"""How often the toolbar is drawn anew: typing notices fade by themselves."""
_NOTHING_ABOVE = "\x1b[3J"
"""Clears what was scrolled out of sight (xterm's ED 3)."""
_WAITING_LINES = 5000
"""Lines that wait to be printed; older ones are left out when more come."""


def _keys() -> KeyBindings:
    """The pointer isn't asked for, so what looks like its events was typed or pasted; the library
    fails at what then isn't one."""
    keys = KeyBindings()
    keys.add(Keys.Vt100MouseEvent)(lambda _: None)
    return keys


class TtyLines:
    """One prompt that stays while lines come and go. With `echo` a line that was entered is
    printed like any other; without, its meaning is shown by whoever reads it."""

    def __init__(
        self,
        prompt: Callable[[], str] = str,
        toolbar: Callable[[], str] | None = None,
        completer: Completer | None = None,
        changed: Callable[[str], None] | None = None,
        echo: bool = False,
    ) -> None:
        self._prompt = prompt
        self._session: PromptSession[str] = PromptSession(
            message=self._message,
            bottom_toolbar=toolbar,
            completer=completer,
            complete_while_typing=False,
            history=InMemoryHistory(),
            style=STYLE,
            key_bindings=_keys(),
            is_password=Condition(lambda: self._secret is not None),
            erase_when_done=True,
            refresh_interval=_REFRESH_S if toolbar is not None else 0,
        )
        self._session.default_buffer.accept_handler = self._accept
        # Printing above the prompt would leave raw mode for a moment, and the terminal would echo
        # what is typed meanwhile into the text.
        self._session.input.cooked_mode = contextlib.nullcontext  # type: ignore[method-assign]
        if changed is not None:
            self._session.default_buffer.on_text_changed += lambda buffer: changed(buffer.text)
        self._echo = echo
        self._question = ""
        self._secret: asyncio.Future[str | None] | None = None
        self._lines: deque[bytes] = deque()
        self._news = asyncio.Event()
        self._running: asyncio.Task[None] | None = None
        self._waiting: deque[Fragments] = deque(maxlen=_WAITING_LINES)
        self._printing: asyncio.Task[None] | None = None

    def _message(self) -> str:
        return self._question if self._secret is not None else self._prompt()

    def _accept(self, buffer: Buffer) -> bool:
        """Enter was pressed; false clears the prompt."""
        if self._secret is not None:
            if not self._secret.done():
                self._secret.set_result(buffer.text or None)
            buffer.text = ""  # so that it isn't kept in the history
            return False
        # What was pasted may be several lines.
        for line in buffer.text.split("\n"):
            self._lines.append(line.encode("utf-8", "replace"))
            if self._echo:
                self.show(safe_text(line, multiline=False))
        self._news.set()
        return False

    async def read(self, stop: asyncio.Event) -> bytes | None:
        if self._running is None:
            self._running = asyncio.ensure_future(self._run())
        stopped = asyncio.ensure_future(stop.wait())
        try:
            while not self._lines and not stop.is_set() and not self._running.done():
                self._news.clear()
                news = asyncio.ensure_future(self._news.wait())
                waiting = (news, stopped, self._running)
                await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                news.cancel()
        finally:
            stopped.cancel()
        if stop.is_set() or not self._lines:
            return None
        return self._lines.popleft()

    async def _run(self) -> None:
        # Whatever else writes to the terminal (a library, the log) goes above the prompt too.
        with contextlib.suppress(EOFError, KeyboardInterrupt), patch_stdout(raw=False):
            # What the library fails at belongs into the log, not in between what is said.
            await self._session.prompt_async(handle_sigint=False, set_exception_handler=False)

    async def ask_secret(self, question: str) -> str | None:
        """A password, hidden while it is typed; None where none was given."""
        if self._running is None:
            return None
        self._question = question
        self._secret = asyncio.get_running_loop().create_future()
        self.refresh()
        try:
            await asyncio.wait((self._secret, self._running), return_when=asyncio.FIRST_COMPLETED)
            return self._secret.result() if self._secret.done() else None
        finally:
            self._secret = None
            self.refresh()

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

    def forget(self) -> None:
        self._waiting.clear()
        buffer, app = self._session.default_buffer, self._session.app
        self._session.history = buffer.history = InMemoryHistory()
        buffer.reset()
        app.renderer.clear()  # some terminals have what is cleared above then
        app.output.write_raw(_NOTHING_ABOVE)
        app.output.flush()
        self.refresh()

    def refresh(self) -> None:
        """The prompt or the toolbar may have changed."""
        self._session.app.invalidate()

    async def close(self) -> None:
        if self._printing is not None:
            await self._printing
        if self._running is not None:
            if self._session.app.is_running:
                self._session.app.exit(exception=EOFError)
            await asyncio.wait((self._running,))
