"""The terminal chat of a host, at a terminal of its own."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import sys
import termios
import threading
from types import TracebackType

from harness import Lan, environment, wait_until

ROWS, COLUMNS = 12, 200
"""Wide enough for a line to be one."""
_ESCAPE = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07]*\x07|[@-Z\\^_=>])")
WHERE = b"\x1b[6n"
"""Asks the terminal for the cursor's place."""


class Terminal:
    """`with Terminal(lan, 1, "--name", "Li") as li`: what is shown, and what is typed."""

    def __init__(self, lan: Lan, host: int, *options: str) -> None:
        self.data_dir = lan.directory / f"{lan.hosts[host].name}-chat"
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        command = [sys.executable, "-m", "p2pchat", "chat", "--data-dir", str(self.data_dir)]
        env = environment(lan.directory / "home") | {"TERM": "xterm"}
        self.process = lan.popen(
            host, [*command, *options], stdin=slave, stdout=slave, stderr=slave, env=env
        )
        os.close(slave)
        self._shown = b""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._master, 65536)
            except OSError:  # EIO: the program has ended
                return
            if WHERE in data:
                os.write(self._master, b"\x1b[1;1R")
            self._shown += data

    def text(self) -> str:
        """All that was ever written, without the escapes."""
        return _ESCAPE.sub(b"", self._shown).decode(errors="replace")

    def mark(self) -> int:
        return len(self.text())

    def wait(self, wanted: str, timeout: float = 15.0, since: int = 0) -> str:
        """What was shown from `since` on, once it holds the text."""
        try:
            wait_until(lambda: wanted in self.text()[since:], timeout, f"{wanted!r} on the screen")
        except TimeoutError as error:
            error.add_note(self.text()[-3000:])
            raise
        return self.text()[since:]

    def enter(self, line: str, *answers: tuple[str, str], wanted: str) -> str:
        """A line, then the answer to each question as (question, answer); what is shown from
        then on, once it holds `wanted`."""
        since = self.mark()
        os.write(self._master, f"{line}\r".encode())
        place = since
        for question, answer in answers:
            self.wait(question, since=place)
            place = self.mark()
            os.write(self._master, f"{answer}\r".encode())
        return self.wait(wanted, 30.0, since)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if kind is not None:
            sys.stderr.write(f"-- the terminal:\n{self.text()[-3000:]}\n")
        self.process.kill()
        self.process.wait()
        self._reader.join(5.0)
        os.close(self._master)
