"""A real display for the window's tests: Xvfb, on a number of its own choosing."""

from __future__ import annotations

import gc
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from types import TracebackType

import pytest
from paper_node import PaperNode, make_peer

from p2pchat.model.people import Status
from p2pchat.node.api import NodeApi
from p2pchat.ui import language

tk = pytest.importorskip("tkinter", reason="this Python has no tkinter")

SIZE = "1280x900x24"


def pytest_runtest_logfinish() -> None:
    """After each test in this folder, once pytest has let go of it: what is left of its windows
    goes on the thread that made them. On another one, such as the next test's node's, Tcl ends the
    whole process."""
    gc.collect()


@pytest.fixture(scope="session")
def display() -> Iterator[str]:
    if shutil.which("Xvfb") is None:
        pytest.skip("Xvfb is not installed")
    reading, writing = os.pipe()
    command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", SIZE, "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=[writing], stderr=subprocess.DEVNULL)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        number = pipe.readline().strip()
    if not number:
        server.wait(10)
        pytest.skip("Xvfb does not start here")
    before = os.environ.get("DISPLAY")
    os.environ["DISPLAY"] = f":{number}"
    yield f":{number}"
    if before is None:
        del os.environ["DISPLAY"]
    else:
        os.environ["DISPLAY"] = before
    server.terminate()
    server.wait(10)


class Stage:
    """A window with a node on paper. An exception in a callback of Tk fails the test."""

    def __init__(self) -> None:
        from p2pchat.ui.tk.window import Window, WindowHandle

        self.node = PaperNode()
        self.node.add_peer(make_peer("a", "Li"))
        self.node.add_peer(make_peer("b", "王小明", Status.AWAY))
        self.opened_with: list[str | None] = []
        self.errors: list[BaseException] = []
        self.handle = WindowHandle()
        self.root = tk.Tk(className="p2pchat")
        self.window = Window(self.root, self.open_node, self.handle)
        self.root.report_callback_exception = self._failed
        self.root.geometry("+0+0")

    async def open_node(self, name: str | None) -> NodeApi:
        self.opened_with.append(name)
        return self.node

    def _failed(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        self.errors.append(error)

    @property
    def desk(self):  # type: ignore[no-untyped-def]  # the module can't be imported without tkinter
        assert self.window.desk is not None
        return self.window.desk

    def start(self) -> Stage:
        """Up to the open #lobby, with the focus."""
        self.window.start(None)
        self.until(lambda: self.window.desk is not None and self.loaded("#lobby"))
        self.root.focus_force()
        self.desk.composer.focus()
        self.until(lambda: self.root.focus_get() is self.desk.composer.entry)
        return self

    def loaded(self, conversation: str) -> bool:
        presenter = self.desk.main.conversation
        return bool(presenter.name == conversation and not presenter.loading)

    def until(self, condition: Callable[[], object], seconds: float = 30) -> None:
        """Run the window until the condition holds."""
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "it did not happen in time"
            self.root.update()
            time.sleep(0.002)  # a turn of the main loop; what is awaited is checked each time
        self.check()

    def check(self) -> None:
        if self.errors:
            raise self.errors[0]

    def key(self, *keys: str) -> None:
        for key in keys:
            widget = self.root.focus_get()
            assert widget is not None
            widget.event_generate(key)
            self.root.update()
        self.check()

    def write(self, text: str) -> None:
        self.desk.composer.insert(text)
        self.root.update()

    @property
    def shown(self) -> str:
        """All text of the conversation, also what isn't in view."""
        return "\n".join(row.text for row in self.desk.conversation.transcript.rows)

    def top_of(self, needle: str) -> int | None:
        """Where the first row with this text begins in the view; None where it isn't in view."""
        for top, block in self.desk.conversation.transcript.drawn.values():
            if needle in block.row.text:
                return int(top)
        return None

    def drawn_text(self, needle: str) -> str:
        """What stands on the canvas of the row with this text."""
        transcript = self.desk.conversation.transcript
        row = next(row for row in transcript.rows if needle in row.text)
        items = transcript.canvas.find_withtag(transcript.tag_of(row.message_id))
        canvas = transcript.canvas
        return " ".join(
            canvas.itemcget(item, "text") for item in items if canvas.type(item) == "text"
        )

    def end(self) -> None:
        if not self.window._closing:
            self.window.close()
        language.use("en")  # what one test has chosen isn't the next one's
        self.check()


@pytest.fixture
def stage(display: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    # As on most machines; what this one is set to isn't the test's.
    monkeypatch.setenv("LANGUAGE", "en")
    monkeypatch.setattr("p2pchat.ui.appearance.is_dark", lambda: False)
    made = Stage()
    yield made
    made.end()
