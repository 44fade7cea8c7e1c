"""What a person can do in the window, and what others can do to it, each as a named event: how long
the window's loop was held at most, in one go, until it was done. For _window_driver.py.

The window and its node are real; people, files and messages come in at the bridge between them, as
a node's events do: so many are quickly there.
"""

from __future__ import annotations

import time
import tkinter as tk
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from p2pchat.config.limits import TEXT_BYTES
from p2pchat.events import FileProgress, MessageReceived, PeerChanged, PeerOnline
from p2pchat.model.file import FileInfo, FileState
from p2pchat.model.ids import MessageId, PeerId
from p2pchat.model.message import Member, Message, MessageKind
from p2pchat.model.people import Peer, Status
from p2pchat.ui.tk.places import Place

PEOPLE = 500
FILES = 200
BURST = 10_000
DONT_WAIT = 2
"""TCL_DONT_WAIT."""
QUIET_S = 0.03
"""An event is over once the loop has had next to nothing to do for so long."""
WORK_S = 0.003
"""A shorter turn is none: the bridge to the node looks for news all the time."""
BUSY_S = 2.0
"""The longest that an event is waited for to be over."""
REST_S = 0.5
"""After each kind of events, with the loop running: what timers do then counts as well."""
SETTLE_S = 2.5
"""After the start, before the first event: as long as a person looks at the new window."""


def person(number: int, status: Status = Status.ONLINE, note: str = "") -> Peer:
    name = f"Pupil {number}"
    return Peer(
        peer_id=PeerId(f"{number:032}"), name=name, label=name, status=status, note=note,
        avatar=None, linked=True, addresses=("192.0.2.1:1",), verified=False, contact=False,
        account=None,
    )  # fmt: skip


def message(number: int, text: str, conversation: str) -> Message:
    author = person(number % PEOPLE)
    at = datetime.now(UTC) + timedelta(milliseconds=number)
    return Message(
        message_id=MessageId(f"{number:064x}"), conversation=conversation,
        author=author.peer_id, author_name=author.name, author_label=author.label,
        kind=MessageKind.TEXT, text=text, sent_at=at.isoformat(),
        order=f"f{number:079x}",
    )  # fmt: skip


def file(number: int, done: int = 0) -> FileInfo:
    moving = number % 4 == 0
    return FileInfo(
        file_id=f"{number:064x}", message_id=f"{number:064x}", conversation="#lobby",
        name=f"Lecture {number}.pdf", size=10_000_000, mime="application/pdf",
        author=person(number).peer_id, state=FileState.FETCHING if moving else FileState.OFFERED,
        done=done, total=10_000_000, path=None, sources=3, rate=1_000_000.0,
    )  # fmt: skip


class Events:
    """Milliseconds by the names of events: `held`, the longest that the loop was in one go;
    `taken`, until all was done and drawn. Of events of one name the slowest."""

    def __init__(self, root: tk.Tk, window: Any) -> None:
        self.held: dict[str, float] = {}
        self.taken: dict[str, float] = {}
        self._root = root
        self._window = window
        self._worst = 0.0
        self._messages = 1 << 40

    @property
    def desk(self) -> Any:
        return self._window.desk

    # -- measuring

    def event(
        self,
        name: str,
        action: Callable[[], object],
        done: Callable[[], object] = lambda: True,
    ) -> None:
        """What the loop does from the action until it is quiet; each turn of the loop is one
        measurement."""
        self._worst = 0.0
        begun = time.perf_counter()
        self._timed(action)
        self._until(done, name)
        ended = last = time.perf_counter()
        while last - ended < QUIET_S and last - begun < BUSY_S:
            before = last
            self._turn()
            last = time.perf_counter()
            ended = last if last - before > WORK_S else ended
        taken = ended - begun
        for found, value in ((self.held, self._worst), (self.taken, taken)):
            found[name] = max(found.get(name, 0.0), value * 1000)

    def _timed(self, action: Callable[[], object]) -> object:
        begun = time.perf_counter()
        found = action()
        self._worst = max(self._worst, time.perf_counter() - begun)
        return found

    def _until(self, condition: Callable[[], object], what: str, seconds: float = 60) -> None:
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise RuntimeError(f"not in time: {what}")
            self._turn()

    def _rest(self, after: str, seconds: float = REST_S) -> None:
        end = time.monotonic() + seconds
        self.event(f"timers after {after}", lambda: None, lambda: time.monotonic() > end)

    def _turn(self) -> None:
        if not self._timed(lambda: self._root.tk.dooneevent(DONT_WAIT)):
            time.sleep(0.001)  # as a loop that waits: the node's thread has the interpreter

    # -- means

    def _key(self, keys: str) -> Callable[[], object]:
        """To whatever has the focus."""
        return lambda: (self._root.focus_get() or self._root).event_generate(keys)

    def _tell(self, events: Sequence[Any]) -> None:
        self._window.bridge.handle_events(events)

    def _drawn(self, conversation: str) -> bool:
        main, view = self.desk.main.conversation, self.desk.conversation.transcript
        return bool(main.name == conversation and not main.loading and view.drawn)

    def _page(self, place: Place) -> bool:
        return self.desk.places.place is place and bool(self.desk.places.sheet.winfo_ismapped())

    def _arrive(self, text: str) -> Callable[[], object]:
        self._messages += 1
        found = message(self._messages, text, self.desk.main.conversation.name)
        return lambda: self._tell([MessageReceived(found)])

    # -- what happens

    def play(self, other: str) -> None:
        self._rest("the start", SETTLE_S)
        for turn in ("first", "again"):
            for act in (self._pages, self._asking, self._menus, self._picker, self._search):
                act(turn)
                self._rest(act.__name__.strip("_"))
            if turn == "first":
                self._crowd()
                self._rest("crowd")
        self._conversations(other)
        self._rest("conversations")
        for last in (self._texts, self._burst, self._resize, self._looks):
            last()
            self._rest(last.__name__.strip("_"))

    def _pages(self, turn: str) -> None:
        node = self._window._node
        files = [file(number) for number in range(FILES)]

        async def listed(conversation: str | None = None, limit: int = 50) -> list[FileInfo]:
            return files[:limit]

        node.files = listed
        places = self.desk.places
        for place in Place:
            self.event(
                f"page {place.value}, {turn}",
                lambda place=place: places.toggle(place),  # type: ignore[misc]  # called at once
                lambda place=place: self._page(place),  # type: ignore[misc]
            )
            if place is Place.TRANSFERS:
                for _ in range(FILES // 15):
                    self.event("page transfers, more", self.desk.main.transfers.older)
                self.event(
                    f"page transfers, {FILES} rows and progress",
                    lambda: self._tell([FileProgress(one) for one in files[::4]]),
                )
            self.event("page closed", self._key("<Escape>"), lambda: places.sheet is None)
        del node.files

    def _asking(self, turn: str) -> None:
        asking = self.desk.asking
        for name, ask in (
            ("connect", asking.connect),
            ("join a room", lambda: asking.room(False)),
            ("create a room", lambda: asking.room(True)),
            ("change name", asking.name),
            ("someone else", asking.someone_else),
            ("profiles", self._window.open_profiles),
        ):
            self.event(f"dialog {name}, {turn}", ask, self._dialog)
            self.event("dialog closed", self._key("<Escape>"), lambda: not self._dialog())
        self.event(f"UDP window, {turn}", self._window.open_udp_test)
        self.event("UDP window closed", self._window.udp.close)

    def _dialog(self) -> bool:
        return any(
            isinstance(child, tk.Toplevel) and child.winfo_ismapped()
            for child in self._root.winfo_children()
        )

    def _menus(self, turn: str) -> None:
        menus, desk = self.desk.menus, self.desk
        rows = [row for row in desk.conversation.transcript.rows if row.message_id]
        shown = next(row.message_id for row in rows if row.message_id in self._visible())
        for name, open_it in (
            ("message", lambda: menus.of_message(shown, 500, 400)),
            ("conversation", lambda: menus.of_conversation("#lobby", 300, 300)),
            ("me", lambda: menus.of_me(desk.sidebar._name)),
            ("add", lambda: menus.to_add(desk.sidebar.add_button)),
            ("attach", lambda: menus.to_attach(desk.composer.attach_button)),
        ):
            self.event(f"menu {name}, {turn}", open_it)
            self.event("menu closed", lambda: self._root.tk.call("tk::MenuUnpost", menus.last))

    def _visible(self) -> set[str]:
        return set(self.desk.conversation.transcript.drawn)

    def _picker(self, turn: str) -> None:
        pane = self.desk.conversation
        self.event(f"emoji picker, {turn}", self.desk.composer.on_emoji)
        picker = pane._picker
        for letter in "heart":
            self.event(f"emoji picker, search, {turn}", self._key(letter))
        self.event(f"emoji picker, all again, {turn}", picker.field.clear)
        for _ in range(20):
            self.event(f"emoji picker, scroll, {turn}", lambda: picker._by(7))
        self.event("emoji picker closed", self._key("<Escape>"))

    def _search(self, turn: str) -> None:
        desk = self.desk
        self.event(f"search opens, {turn}", desk.places.open_search)
        for letter in "hello":
            self.event(f"search, key, {turn}", self._key(letter))
        panel = desk.search_panel
        self.event(f"search, results, {turn}", lambda: None, lambda: panel.list._rows)
        self.event(f"search, message shown, {turn}", panel.list.choose_first)
        self.event("search closes", desk.places.close_search)
        self.event("to the end", desk.main.conversation.to_end)
        self.event(f"find, opens, {turn}", desk.sidebar.start_find)
        for letter in "pup":
            self.event(f"find, key, {turn}", self._key(letter))
        self.event("find closes", self._key("<Escape>"))

    def _crowd(self) -> None:
        node, desk = self._window._node, self.desk
        self.event(
            f"{PEOPLE} people come",
            lambda: self._tell([PeerOnline(person(number)) for number in range(PEOPLE)]),
            lambda: len(desk.main.directory.peers) >= PEOPLE,
        )

        async def members(room: str) -> list[Member]:
            return [
                Member(one.peer_id, one.name, one.label, one.status.value)
                for one in map(person, range(PEOPLE))
            ]

        node.members = members
        for turn in ("first", "again"):
            self.event(
                f"card of a room of {PEOPLE}, {turn}",
                lambda: desk.places.open_about("#lobby"),
                lambda: desk.about.winfo_ismapped(),
            )
            for number in range(5):
                one = person(number, Status.AWAY, note=f"{turn} {number}")
                self.event(
                    f"one of {PEOPLE} changes, beside the card",
                    lambda one=one: self._tell([PeerChanged(one)]),  # type: ignore[misc]  # called at once
                )
            self.event(
                f"card of a person, {turn}", lambda: desk.places.open_about(f"@{PeerId('0' * 32)}")
            )
            self.event("card closes", desk.places.close_about)
        for number in range(10):
            one = person(number, Status.BUSY, note=str(number))
            self.event(
                f"one of {PEOPLE} changes",
                lambda one=one: self._tell([PeerChanged(one)]),  # type: ignore[misc]  # called at once
            )
        everyone = [PeerChanged(person(n, Status.BUSY)) for n in range(PEOPLE)]
        self.event(f"all of {PEOPLE} change", lambda: self._tell(everyone))

    def _conversations(self, other: str) -> None:
        for turn in range(10):
            name = (other, "#lobby")[turn % 2]
            self.event(
                "switch of conversation",
                lambda name=name: self.desk.main.open(name),  # type: ignore[misc]  # called at once
                lambda name=name: self._drawn(name),  # type: ignore[misc]
            )

    def _texts(self) -> None:
        desk, entry = self.desk, self.desk.composer.entry
        transcript = desk.conversation.transcript
        word = "w" * TEXT_BYTES
        words = ("Twelve chars " * TEXT_BYTES)[:TEXT_BYTES]
        emoji = "👨‍👩‍👧‍👦 👍🏽 " * (TEXT_BYTES // 40)
        for name, text in (
            ("16 KiB of words", words),
            ("16 KiB without a space", word),
            ("8,000 lines", "x\n" * (TEXT_BYTES // 2)),
            ("16,000 empty lines", "a" + "\n" * (TEXT_BYTES - 2) + "b"),
            ("16 KiB of emoji", emoji),
            ("16 KiB of Arabic", "مرحبا بالعالم " * (TEXT_BYTES // 26)),
            ("16 KiB of Chinese", "你好世界" * (TEXT_BYTES // 12)),
            ("16 KiB of combining marks", "e" + "\u0301" * (TEXT_BYTES // 2 - 1)),
        ):
            desk.composer.focus()
            desk.menus.copy(text)
            self.event(f"paste, {name}", self._key("<<Paste>>"))
            self.event(f"a key after it, {name}", self._key("a"))
            self.event(f"undo, {name}", self._key("<<Undo>>"))
            self.event(f"entry emptied, {name}", lambda: desk.composer.set_text(""))
            entry.edit_reset()
            self.event(f"a message comes, {name}", self._arrive(text))
            rows = [row for row in transcript.rows if row.message_id in transcript.drawn]
            last = rows[-1].message_id
            self.event(f"unfolded, {name}", lambda last=last: desk.main.conversation.unfold(last))  # type: ignore[misc]  # called at once
            self.event(f"scrolled, {name}", partial(transcript.by, -400))
            self.event(f"to the end, {name}", desk.main.conversation.to_end)
            self.event("a short message after it", self._arrive("short"))

    def _burst(self) -> None:
        room = self.desk.main.conversation.name
        first = self._messages + 1
        self._messages += BURST
        found = [
            MessageReceived(message(first + n, f"message {n} of many", room)) for n in range(BURST)
        ]
        last = found[-1].message.message_id
        conversation = self.desk.main.conversation
        self.event(
            f"{BURST:,} messages at once",
            lambda: self._tell(found),
            lambda: conversation.message(last) is not None,
        )

    def _resize(self) -> None:
        root = self._root
        for width, height in ((900, 700), (700, 500), (1200, 800), (1080, 720)):
            self.event(
                "resized",
                lambda w=width, h=height: root.geometry(f"{w}x{h}"),  # type: ignore[misc]  # called at once
                lambda w=width: root.winfo_width() == w,  # type: ignore[misc]
            )

    def _looks(self) -> None:
        main = self.desk.main
        for theme in ("dark", "light", "dark", "light"):
            self.event(
                "switch of theme",
                lambda theme=theme: main.set_theme(theme),  # type: ignore[misc]  # called at once
                lambda theme=theme: self.desk._theme.palette.name == theme,  # type: ignore[misc]
            )
        for tag in ("zh_CN", "en", "zh_CN", "en"):
            before = self.desk
            self.event(
                "switch of language",
                lambda tag=tag: self.desk.main.change({"language": tag}),  # type: ignore[misc]  # called at once
                lambda before=before: self.desk is not before and self._drawn("#lobby"),  # type: ignore[misc]
            )
