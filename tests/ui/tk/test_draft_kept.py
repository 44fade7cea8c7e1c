"""What one has begun to write is there again, however the window ended: the real program, and keys
of a real keyboard."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

pytestmark = [
    pytest.mark.window,
    pytest.mark.skipif(shutil.which("xdotool") is None, reason="xdotool is not installed"),
]

DEADLINE_S = 30.0
ALONE = ("--network", "draft-test", "--listen", "127.0.0.1:0", "--no-mdns", "--no-beacon")
PROGRAM = """
import os, signal, sys
from p2pchat import cli
from p2pchat.ui.tk import desk

*shown, how = sys.argv[1].split("|")
end = lambda: os.kill(os.getpid(), signal.SIGTERM if how == "ask" else signal.Signals[how])

def look(at):
    main = at.main
    loaded = main.conversation.name and not main.conversation.loading
    ready = loaded and str(at.tk.call("focus")) == str(at.composer.entry)
    if ready:
        tell("ready")
    if not ready or at.composer.text() != shown[0]:
        at.after(1, look, at)
        return
    at.update_idletasks()  # it is on the screen
    if shown[1:]:
        del shown[0]
        look(at)
    elif how == "ask":
        target = main.composer.target
        tell(f"{main.composer.mode.value} {target.text if target else ''}")
        end()
    elif shown[0]:
        # What the node was told before has reached the file before it answers this.
        main.runner.call(main.node.conversations, lambda _: end())
    else:
        end()

def tell(text, told=[]):
    if text not in told:
        told.append(text)
        print(text, flush=True)

def bind_keys(at, before=desk.Desk.bind_keys):
    before(at)
    look(at)

desk.Desk.bind_keys = bind_keys
sys.exit(cli.main(sys.argv[2:]))
"""
"""The window, which is killed by a signal once its entry holds a text (where it is none: in that
moment), or several, one after the other: `TEXT|TEXT|SIGKILL`. Or it says then what it is at."""


PAGE = """
import os, signal, sys
from p2pchat import cli
from p2pchat.ui.tk import desk
from p2pchat.ui.tk.places import Place

text, how = sys.argv[1].split("|")

def look(at, told=[]):
    page = at.places.sheet
    if page is None and at.main.directory.registrar.appointed:
        at.places.open(Place.ANNOUNCEMENTS)
    ready = page is not None and page._taken_up and str(at.tk.call("focus")) == str(page.entry)
    if ready and not told:
        told.append(True)
        print("ready", flush=True)
    if not ready or page.entry.text() != text:
        at.after(1, look, at)
    elif how == "ask":
        print(page.to.get(), flush=True)
        os.kill(os.getpid(), signal.SIGTERM)
    else:
        at.update()
        # What the node was told before has reached the file before it answers this.
        at.main.runner.call(
            at.main.node.conversations, lambda _: os.kill(os.getpid(), signal.SIGKILL)
        )

def bind_keys(at, before=desk.Desk.bind_keys):
    before(at)
    look(at)

desk.Desk.bind_keys = bind_keys
sys.exit(cli.main(sys.argv[2:]))
"""
"""The same with the page of announcements: `TEXT|SIGKILL`, or `TEXT|ask` for whom it is."""


class Shown:
    """The program on a profile."""

    def __init__(self, profile: Path, until: str, *more: str, program: str = PROGRAM) -> None:
        options = ["window", "--data-dir", str(profile), "--name", "Ana", *ALONE, *more]
        self.process = subprocess.Popen(
            [sys.executable, "-c", program, until, *options], stdout=subprocess.PIPE, text=True
        )
        self._deadline = threading.Timer(DEADLINE_S, self.process.kill)
        self._deadline.start()
        assert self.line() == "ready"

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def end(self) -> int:
        try:
            return self.process.wait(DEADLINE_S)
        finally:
            self._deadline.cancel()
            self.process.kill()
            assert self.process.stdout is not None
            self.process.stdout.close()


def xdotool(display: str, *how: str) -> None:
    environment = {**os.environ, "DISPLAY": display}
    subprocess.run(["xdotool", *how], env=environment, check=True, timeout=DEADLINE_S)


def is_there(profile: Path, text: str) -> str:
    """The window is started again; what it is at, once the entry holds the text."""
    shown = Shown(profile, f"{text}|ask")
    try:
        return shown.line()
    finally:
        assert shown.end() == 0


def ask(profile: Path, method: str, **params: Any) -> Any:
    """Of a node without a window on the profile."""
    node = subprocess.run(
        [sys.executable, "-m", "p2pchat", "rpc", "--data-dir", str(profile), *ALONE],
        input=json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}) + "\n",
        stdout=subprocess.PIPE, text=True, timeout=DEADLINE_S, check=True,
    )  # fmt: skip
    answers = map(json.loads, node.stdout.splitlines())
    return next(answer["result"] for answer in answers if answer.get("id") == 1)


def write(display: str, profile: Path, until: str, *steps: str) -> int:
    """Press the keys in a window; how it ended."""
    xdotool(display, "mousemove", "700", "400")  # the focus, without a window manager
    shown = Shown(profile, until)
    try:
        for step in steps:
            how = ("type", step[5:]) if step.startswith("type:") else ("key", step)
            xdotool(display, *how)
    finally:
        code = shown.end()
    return code


@pytest.mark.parametrize("how", ["SIGKILL", "SIGTERM"])
def test_a_draft_outlives_the_window(tmp_path: Path, display: str, how: str) -> None:
    code = write(display, tmp_path, f"half a thought|{how}", "type:half a thought")
    assert code == (-signal.SIGKILL if how == "SIGKILL" else 0)
    assert is_there(tmp_path, "half a thought") == "new"


def test_an_edit_outlives_the_window(tmp_path: Path, display: str) -> None:
    write(display, tmp_path, "half|SIGKILL", "type:tpyo", "Return", "type:half")
    code = write(
        display, tmp_path, "tpyo|tpyo, sorry|SIGKILL", "ctrl+a", "BackSpace", "Up", "type:, sorry"
    )
    assert code == -signal.SIGKILL
    assert is_there(tmp_path, "tpyo, sorry") == "edit tpyo"


def test_what_was_sent_is_sent_once(tmp_path: Path, display: str) -> None:
    """Killed as soon as the entry is empty: it is a draft still, or a message."""
    assert write(display, tmp_path, "told|SIGKILL", "type:told") == -signal.SIGKILL
    for _ in range(3):
        write(display, tmp_path, "told||SIGKILL", "Return")
        said = [m["text"] for m in ask(tmp_path, "messages.list", conversation="#lobby")]
        drafts = [c["draft"] for c in ask(tmp_path, "conversations.list")]
        assert (said, drafts) in ((["told"], [""]), ([], ["told"]))
        if said:
            return


def test_a_begun_announcement_outlives_the_window(tmp_path: Path, display: str) -> None:
    key, profile = tmp_path / "network.key", tmp_path / "profile"
    ask(profile, "registrar.appoint", path=str(key))
    appointed = ("--appointing-key", str(key))
    xdotool(display, "mousemove", "700", "400")  # the focus, without a window manager
    shown = Shown(profile, "Books away|SIGKILL", *appointed, program=PAGE)
    xdotool(display, "type", "Books away")
    assert shown.end() == -signal.SIGKILL
    again = Shown(profile, "Books away|ask", *appointed, program=PAGE)
    try:
        assert again.line() == "everyone"
    finally:
        assert again.end() == 0
