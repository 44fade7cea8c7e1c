"""Pictures of the window: a class of real nodes chats on loopback, and the window of one of them
is opened on a virtual display.

    python scripts/screenshots.py [FOLDER]          those of the README
    python scripts/screenshots.py --all FOLDER      every page, light and dark, in each language,
                                                    at 100% and 200%
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

REPOSITORY = Path(__file__).resolve().parents[1]
SIZE = (1080, 720)
ALONE = ("--no-mdns", "--no-beacon", "--listen", "127.0.0.1:0")
FORMS = tuple(itertools.product((1, 2), ("light", "dark"), ("en", "zh_CN")))
"""Scale, theme and language."""
READY_S = 30.0
STILL_S = 0.5
"""So long a window that is drawn stays as it is."""
CURSOR_BYTES = 300
"""Of a screen, at least as many as a text cursor changes when it blinks."""


class Page(NamedTuple):
    """A page that keys lead to, and others away from it."""

    name: str
    keys: tuple[str, ...] = ()
    """As xdotool names them; `type:` writes."""
    back: tuple[str, ...] = ("Escape",)


TO_MENU = ("ctrl+k", *("shift+Tab",) * 3, "space")
"""That under one's own name."""
TO_ACCOUNT = (*TO_MENU, *("Down",) * 5, "Return")
TO_MESSAGES = ("shift+Tab",) * 4
"""From the entry, past the buttons of the file's card."""
PAGES = (
    Page("conversation", back=()),
    Page("emoji", ("ctrl+e",)),
    Page("emoji-search", ("ctrl+e", "type:heart")),
    Page("offers", ("type:@",), ("Escape", "BackSpace")),
    Page("search", ("ctrl+f", "type:sheet")),
    Page("calendar", ("ctrl+g",)),
    Page("messages-by-keys", (*TO_MESSAGES, "Up"), ("ctrl+k", "Escape")),
    Page("message-menu", (*TO_MESSAGES, "Up", "Return"), ("Escape", "ctrl+k", "Escape")),
    Page("my-menu", TO_MENU),
    Page("list-menu", ("ctrl+k", "Tab", "Down", "shift+F10"), ("Escape", "ctrl+k", "Escape")),
    Page("about-room", ("ctrl+i",)),
    Page("direct", ("alt+Down", "alt+Down", "alt+Down"), ()),
    Page("about-person", ("ctrl+i",)),
    Page("compare-words", ("ctrl+i", "Tab", "Tab", "Return"), ("Escape", "Escape")),
    Page("transfers", ("ctrl+j",)),
    Page("settings", ("ctrl+comma",)),
    Page("settings-below", ("ctrl+comma", "Next", "Next")),
    Page("network", ("F2",)),
    Page("udp", ("F4",)),
    Page("new-room", ("ctrl+n",)),
    Page("connect", ("ctrl+l",)),
    Page("shortcuts", ("F1",)),
    Page("sign-up", TO_ACCOUNT),
)
OF_A_SCHOOL = (
    Page("announcement", back=("F8",)),
    Page("announcements", ("F3", "type:Please bring the stopwatch.")),
    Page("attendance", ("F6",)),
    Page("account", TO_ACCOUNT),
)
"""Where a teacher is appointed, and has just announced something."""
ANNOUNCED = "Books away, please. The test begins at ten, in room 204."
PASSWORD = "a long one for pictures"


class Node:
    """A headless node, driven over its standard input and output."""

    def __init__(self, folder: Path, name: str, *options: str) -> None:
        self.folder = folder
        self._count = 0
        self._process = subprocess.Popen(
            [*program("rpc", folder, name), *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=REPOSITORY,
        )
        self.info = self("node.info")

    def __call__(self, method: str, **params: Any) -> Any:
        self._count += 1
        request = {"jsonrpc": "2.0", "id": self._count, "method": method, "params": params}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        for line in self._process.stdout:
            answer = json.loads(line)
            if answer.get("id") == self._count:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
        raise RuntimeError(f"{method}: the node has ended")

    def say(self, text: str, conversation: str = "#lobby", **more: Any) -> str:
        sent = self("messages.send", conversation=conversation, text=text, **more)
        return str(sent["message_id"])

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)


def program(command: str, folder: Path, name: str) -> list[str]:
    base = [sys.executable, "-m", "p2pchat", command, "--data-dir", str(folder), "--name", name]
    return [*base, *ALONE]


def until(condition: Any, what: str) -> None:
    end = time.monotonic() + READY_S
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError(f"not in time: {what}")
        time.sleep(0.05)


class Classroom:
    """Maria, whose window is shown, and the others."""

    def __init__(self, folder: Path, appointed: bool = False, registered: bool = False) -> None:
        """`registered`: most have registered their names; `appointed`: that too, and Maria and
        Mr. Okafor run the network."""
        self.folder = folder
        self.appointed = appointed
        self._teacher, self._pupil = self._roles() if appointed else ((), ())
        if registered:
            self._teacher = ("--registrar",)
        self.maria = Node(folder / "maria", "Maria", *self._teacher)
        first = self.maria.info["listen"][0]
        self.others = {
            name: Node(
                folder / name, name, "--connect", first,
                *(self._teacher if name.startswith("Mr.") else self._pupil),
            )
            for name in ("Li Wei", "王小明", "Zoë", "Mr. Okafor", "ليلى")
        }  # fmt: skip
        for name in self.others:
            until(lambda name=name: self._sees(name), f"{name} is linked")
        if appointed or registered:
            self._register()
        if appointed:
            self.maria("announcements.send", text="Sports day is on Friday. No lessons after ten.")

    def _roles(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Options of those who have an appointing key, and of those who were given its public
        half."""
        maker, key = Node(self.folder / "maker", "Maker"), str(self.folder / "class.key")
        public = maker("registrar.appoint", path=key)["appointed_by"]
        maker.close()
        given = ("--appointed-by", public)
        return (*given, "--appointing-key", key), given

    def _register(self) -> None:
        until(lambda: self.maria("registrar.info")["peer_id"], "somebody leads")
        for name in ("Li Wei", "王小明", "Mr. Okafor"):
            self.others[name]("accounts.register", name=name, password=PASSWORD)
        self.maria("accounts.register", name="Maria", password=PASSWORD)

    def _sees(self, name: str) -> bool:
        return any(p["name"] == name and p["linked"] for p in self.maria("peers.list"))

    def _arrived(self, message_id: str) -> bool:
        newest = self.maria("messages.list", conversation="#lobby", limit=1)
        return bool(newest and newest[0]["message_id"] == message_id)

    def talk(self) -> None:
        li, wang, zoe, okafor, layla = self.others.values()
        maria = self.maria
        wang("profile.set", status="busy", note="in the lab until four")
        okafor("profile.set", note="Room 204")
        maria("rooms.create", room="#physics")
        maria("rooms.create", room="#exam-board", password="a secret of teachers")
        okafor("rooms.join", room="#exam-board", password="a secret of teachers")
        for node in (li, zoe):
            node("rooms.join", room="#physics")
        said = self._in_turn(
            (okafor, "Good morning! The worksheet for this week is up."),
            (wang, "谢谢老师！"),
            (zoe, "Did anyone get question 4? I end up with 12.4 m/s, the sheet says 14."),
            (li, "Same here, I think the sheet has the old numbers 🤔"),
            (wang, "我也是。问题四的答案好像不对，应该用新的高度再算一次。"),
            (layla, "وأنا أيضا، أعتقد أن السؤال 4 فيه خطأ"),
        )
        mine = maria.say("The height is 10 m now, then it works out:\n`v = sqrt(2 * 9.81 * 10)`")
        until(lambda: zoe("messages.search", query="works out"), "what Maria said")
        for node, emoji in ((li, "👍"), (zoe, "👍"), (wang, "🎉")):
            node("messages.react", message_id=mine, emoji=emoji)
        said = self._in_turn(
            (zoe, "Oh nice, thanks @Maria! https://en.wikipedia.org/wiki/Torricelli%27s_law"),
            reply_to=mine,
        )
        said = self._in_turn((okafor, "Good catch. The corrected sheet is up, see you at two."))
        maria("messages.react", message_id=said, emoji="🙏")
        said = self._share(okafor, "Worksheet 12, corrected.pdf", 318_000)
        maria("messages.mark_read", conversation="#lobby", message_id=said)
        me = "@" + maria.info["peer_id"]
        li.say("Are you coming to chess club?", me)
        okafor.say("@Maria the draft is ready for you", "#exam-board")
        li.say("Who has the stopwatch?", "#physics")
        zoe.say("Me!", "#physics")
        until(self._all_unread, "what is unread")

    def _in_turn(self, *lines: tuple[Node, str], **more: Any) -> str:
        """Each speaks once the former was heard."""
        said = ""
        for node, text in lines:
            said = node.say(text, **more)
            until(lambda said=said: self._arrived(said), text)
        return said

    def _share(self, node: Node, name: str, size: int) -> str:
        """A file, until Maria has it."""
        path = self.folder / name
        path.write_bytes(os.urandom(size))
        shared = node("files.share", conversation="#lobby", path=str(path))
        until(lambda: self._has(shared["file_id"]), f"Maria has {name}")
        return str(shared["message_id"])

    def _has(self, file_id: str) -> bool:
        files = self.maria("files.list", conversation="#lobby")
        return any(f["file_id"] == file_id and f["state"] == "complete" for f in files)

    def _all_unread(self) -> bool:
        counts = {c["conversation"]: c["unread"] for c in self.maria("conversations.list")}
        return counts.get("#physics") == 2 and sum(counts.values()) == 4

    def pictures(
        self, display: str, folder: Path, pages: Sequence[Page], ending: str, **settings: str
    ) -> None:
        """Maria's node gives way to her window, on the same profile; then it comes back."""
        self.maria("settings.set", settings=settings)
        self.maria.close()
        addresses = [
            option
            for node in self.others.values()
            for option in ("--connect", node.info["listen"][0])
        ]
        shown = screen(display)
        window = subprocess.Popen(
            [*program("window", self.folder / "maria", "Maria"), *addresses, *self._teacher],
            cwd=REPOSITORY,
            env={**os.environ, "DISPLAY": display},
        )
        try:
            self._wait_for_maria()
            shown = settle(display, shown)
            self.others["Li Wei"]("conversations.typing", conversation="#lobby")
            shown = settle(display, shown)
            if self.appointed:
                self.others["Mr. Okafor"]("announcements.send", text=ANNOUNCED)
                shown = settle(display, shown)
            for page in pages:
                press(display, page.keys)
                shown = still(display)
                shoot(display, folder / f"{page.name}{ending}.png")
                press(display, page.back)
                still(display)
        finally:
            window.terminate()
            window.wait(10)
        self.maria = Node(self.folder / "maria", "Maria", *addresses, *self._teacher)

    def _wait_for_maria(self) -> None:
        for name, node in self.others.items():
            until(
                lambda node=node: any(
                    p["name"] == "Maria" and p["linked"] for p in node("peers.list")
                ),
                f"Maria's window is linked with {name}",
            )

    def close(self) -> None:
        for node in (self.maria, *self.others.values()):
            node.close()


def settle(display: str, before: bytes) -> bytes:
    """What the display shows once it has changed from `before`, and stays so."""
    shown = [before]

    def is_still() -> bool:
        time.sleep(STILL_S)
        shown.append(screen(display))
        return differ(before, shown[-1]) and not differ(shown[-2], shown[-1])

    until(is_still, "the window has drawn what it was told")
    return shown[-1]


def still(display: str) -> bytes:
    """What the display shows once it stays so."""
    shown = [screen(display)]

    def is_still() -> bool:
        time.sleep(STILL_S)
        shown.append(screen(display))
        return not differ(shown[-2], shown[-1])

    until(is_still, "the window has drawn a page")
    return shown[-1]


def press(display: str, keys: Sequence[str]) -> None:
    for key in keys:
        how = ["type", key[5:]] if key.startswith("type:") else ["key", key]
        env = {**os.environ, "DISPLAY": display}
        subprocess.run(["xdotool", *how], env=env, check=True, timeout=30)
        time.sleep(0.1)  # as fast as people are


def screen(display: str) -> bytes:
    command = ["import", "-display", display, "-window", "root", "-depth", "8", "rgb:-"]
    return subprocess.run(command, check=True, timeout=30, stdout=subprocess.PIPE).stdout


def differ(one: bytes, other: bytes) -> bool:
    """By more than a cursor that blinks."""
    return sum(a != b for a, b in zip(one, other, strict=True)) > CURSOR_BYTES


def shoot(display: str, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # A palette keeps the files small; of the few colours of a window nothing is lost by it.
    small = ["-dither", "None", "-colors", "255", "-strip", f"PNG8:{path}"]
    command = ["import", "-display", display, "-window", "root", *small]
    subprocess.run(command, check=True, timeout=30)


def first_start(display: str, path: Path, theme: str = "light", language: str = "en") -> None:
    """The page of a fresh profile, in the colours and the language of the system."""
    empty = screen(display)
    with tempfile.TemporaryDirectory() as fresh:
        asked = Path(fresh, "gsettings")  # what the window asks the system with
        asked.write_text(f"#!/bin/sh\necho prefer-{theme}\n")
        asked.chmod(0o755)
        system = {"PATH": f"{fresh}:{os.environ['PATH']}", "LANGUAGE": language}
        window = subprocess.Popen(
            [sys.executable, "-m", "p2pchat", "window", "--data-dir", os.path.join(fresh, "new")],
            cwd=REPOSITORY,
            env={**os.environ, **system, "DISPLAY": display},
        )
        try:
            shown = settle(display, empty)
            press(display, ("ctrl+a", "type:Maria"))
            settle(display, shown)
            shoot(display, path)
        finally:
            window.terminate()
            window.wait(10)


@contextlib.contextmanager
def virtual_display(scale: int = 1) -> Iterator[str]:
    reading, writing = os.pipe()
    size = f"{SIZE[0] * scale}x{SIZE[1] * scale}x24"
    server = subprocess.Popen(
        [
            "Xvfb", "-displayfd", str(writing), "-screen", "0", size, "-dpi", str(96 * scale),
            "-nolisten", "tcp",
        ],
        pass_fds=[writing],
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(writing)
    with os.fdopen(reading) as pipe:
        number = pipe.readline().strip()
    try:
        yield f":{number}"
    finally:
        server.terminate()
        server.wait(10)


def for_readme(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as profiles, virtual_display() as display:
        first_start(display, folder / "first-start.png")
        with classroom(Path(profiles), registered=True) as made:
            for theme, ending in (("light", ""), ("dark", "-dark")):
                made.pictures(display, folder, [Page("window", back=())], ending, theme=theme)
            made.pictures(display, folder, [Page("settings", ("ctrl+comma",))], "", theme="light")
            made.pictures(
                display, folder, [Page("window", back=())], "-zh", theme="light", language="zh_CN"
            )


def everything(folder: Path) -> None:
    for appointed, pages in ((False, PAGES), (True, OF_A_SCHOOL)):
        with tempfile.TemporaryDirectory() as there, classroom(Path(there), appointed) as made:
            in_every_form(made, folder, pages)
    for scale, theme, language in FORMS:
        with virtual_display(scale) as display:
            path = folder / f"first-start.{theme}.{language}.{scale}00.png"
            first_start(display, path, theme, language)


def in_every_form(made: Classroom, folder: Path, pages: Sequence[Page]) -> None:
    for scale, theme, language in FORMS:
        with virtual_display(scale) as display:
            ending = f".{theme}.{language}.{scale}00"
            made.pictures(display, folder, pages, ending, theme=theme, language=language)


@contextlib.contextmanager
def classroom(
    folder: Path, appointed: bool = False, registered: bool = False
) -> Iterator[Classroom]:
    made = Classroom(folder, appointed, registered)
    try:
        made.talk()
        yield made
    finally:
        made.close()


def main(arguments: Sequence[str]) -> int:
    if arguments[:1] == ["--all"]:
        everything(Path(arguments[1]))
    else:
        for_readme(Path(arguments[0]) if arguments else REPOSITORY / "docs" / "images")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
