"""The program's window: opens the node beside it, and ends both."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import sys
import time
import tkinter as tk
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from tkinter import ttk
from types import FrameType, TracebackType

from p2pchat.config.settings import Settings
from p2pchat.errors import P2PChatError, ProfileInUse, StoreError, UsageError
from p2pchat.model.message import Draft
from p2pchat.node.api import NodeApi
from p2pchat.ui import language
from p2pchat.ui.activating_x11 import activate
from p2pchat.ui.bridge import Bridge
from p2pchat.ui.language import _
from p2pchat.ui.presenters import words
from p2pchat.ui.presenters.preferences import Around
from p2pchat.ui.tk.collecting import between_events
from p2pchat.ui.tk.desk import Desk
from p2pchat.ui.tk.following import Following
from p2pchat.ui.tk.keys import on_mac, press_by_return
from p2pchat.ui.tk.on_windows import be_sharp
from p2pchat.ui.tk.pages import FirstPage, TroublePage
from p2pchat.ui.tk.profiles import ProfilesDialog
from p2pchat.ui.tk.theme import Theme
from p2pchat.ui.tk.turns import in_turns
from p2pchat.ui.tk.udpwindow import UdpWindow
from p2pchat.ui.tray import Tray
from p2pchat.ui.udp import OpenUdp

log = logging.getLogger("p2pchat.ui")

CLOSE_S = 4.0
"""For drafts and the node's goodbye; signals end the program within 5 s."""
LOOK_MS = 5
"""Between two looks whether a desk has loaded its conversation."""
ANEW_S = 15.0
"""How long a desk in another language may take to load what it shows."""
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_IN_USE = 4

OpenNode = Callable[[str | None], Awaitable[NodeApi]]
"""Opens the node, on its event loop. The name is what the first-start page asked for, else
None. It may raise P2PChatError."""


class WindowHandle:
    """A window that may not be there yet, for other threads. All but `attach` and `show_unread` on
    any thread, at any time."""

    def __init__(self) -> None:
        self._bridge: Bridge | None = None
        self._window: Window | None = None
        self._tray: Tray | None = None
        self._unread = 0

    def attach(self, bridge: Bridge, window: Window) -> None:
        self._window, self._bridge = window, bridge

    def close_window(self) -> None:
        self._post(lambda window: window.close())

    def raise_window(self) -> None:
        """Bring the window to the front."""
        self._post(lambda window: window.bring_to_front())

    def open_menu(self, x: int, y: int) -> None:
        """The menu of the icon in the tray, at a place of the screen."""
        self._post(lambda window: window.open_tray_menu(x, y))

    def _post(self, act: Callable[[Window], None]) -> None:
        bridge, window = self._bridge, self._window
        if bridge is not None and window is not None:
            bridge.post(lambda: act(window))

    def show_in(self, tray: Tray) -> None:
        """This is the window's icon."""
        self._tray = tray
        tray.show_unread(self._unread)

    def in_tray(self) -> bool:
        return self._tray is not None and self._tray.shown

    def show_unread(self, number: int) -> None:
        if number != self._unread:
            self._unread = number
            if self._tray is not None:
                self._tray.show_unread(number)


def run_window(
    open_node: OpenNode,
    *,
    first_start: bool = False,
    name_given: bool = False,
    suggested_name: str = "",
    handle: WindowHandle | None = None,
    around: Around | None = None,
    open_udp: OpenUdp | None = None,
) -> int:
    """Show the window until it is closed; the exit code. On the main thread.

    `first_start`: the profile is fresh; then a page asks for the name before the node is opened,
    unless `name_given`. `around` is the system around the program, `open_udp` opens the socket of a
    UDP test; without them the window does without. UsageError where there is no display."""
    be_sharp()
    try:
        root = tk.Tk(className="p2pchat")
    except tk.TclError as error:
        raise UsageError(f"there is no display for a window ({error})") from error
    window = Window(root, open_node, handle or WindowHandle(), around, open_udp)
    with window.signals(), between_events(root):
        window.start(suggested_name if first_start and not name_given else None)
        root.mainloop()
    return window.exit_code


class Window:
    """The root window and what it shows: the first page, the desk, or why there is none."""

    def __init__(
        self,
        root: tk.Tk,
        open_node: OpenNode,
        handle: WindowHandle,
        around: Around | None = None,
        open_udp: OpenUdp | None = None,
    ) -> None:
        self.exit_code = 0
        self.desk: Desk | None = None
        self.first_page: FirstPage | None = None
        self.root = root
        self.udp: UdpWindow | None = None
        self.tray_menu: tk.Menu | None = None
        self._open_node = open_node
        self._around = around
        self._open_udp = open_udp
        self._node: NodeApi | None = None
        self._chosen_language: str | None = None
        self._wanted_language = ""
        self._changing = False
        """The window's language."""
        self._closing = False
        self._shown: ttk.Frame | None = None
        language.use("")
        root.withdraw()
        root.report_callback_exception = self._unexpected
        press_by_return(root)
        self.theme = Theme(root)
        self.bridge = Bridge(root, self._say)
        self._handle = handle
        handle.attach(self.bridge, self)
        root.title("p2pchat")
        width, height = self.theme.px(1080), self.theme.px(720)
        screen = root.winfo_screenwidth(), root.winfo_screenheight()
        width, height = min(width, screen[0]), min(height, screen[1])
        root.geometry(f"{width}x{height}")
        root.minsize(min(self.theme.px(620), screen[0]), min(self.theme.px(420), screen[1]))
        root.protocol("WM_DELETE_WINDOW", self._leave)
        if on_mac(root):
            # Of its own menu and dock: Tk's quitting would end the program in the middle.
            root.createcommand("::tk::mac::Quit", self.close)
            root.createcommand("::tk::mac::ReopenApplication", self.bring_to_front)
        root.iconphoto(True, self.theme.logo(64))

    def start(self, suggested_name: str | None) -> None:
        """With the first-start page where a name is suggested (it may be empty)."""
        self.bridge.start()
        Following(self.root, self.theme, self.bridge).start()
        if suggested_name is None:
            self._open(None)
        else:
            self._show_first_page(suggested_name)
        self.root.deiconify()

    def _show_first_page(self, suggested_name: str) -> None:
        page = FirstPage(self.root, self.theme, suggested_name, self._open)
        page.on_language = lambda tag: self._first_language(tag, page)
        page.on_udp = self.open_udp_test if self._open_udp else None
        page.on_profiles = self.open_profiles if self._around else None
        page.show_more()
        self.first_page = page
        self._show(page)
        page.focus_name()

    def _first_language(self, tag: str, page: FirstPage) -> None:
        """One was chosen before there is a profile: it is kept once there is."""
        self._chosen_language = tag
        if language.use(tag):
            self.theme.speak(language.tag())
            name = page.name.text
            self._clear()
            self._show_first_page(name)
            if self.udp is not None:
                self.udp.say_anew()

    def open_udp_test(self) -> None:
        """The one there is, or a new one."""
        if self._open_udp is None:
            return
        if self.udp is None:
            self.udp = UdpWindow(self.root, self.theme, self.bridge, self._open_udp)
            self.udp.on_closed = self._udp_closed
        self.udp.open()

    def _udp_closed(self) -> None:
        self.udp = None

    def open_profiles(self) -> None:
        """Where the window has a system around it."""
        assert self._around is not None
        ProfilesDialog(self.root, self.theme, self._around, self.bridge).show()

    def bring_to_front(self) -> None:
        self.root.deiconify()
        self.root.lift()
        # To the widget that had it: forcing it on the root would take it from the entry.
        (self.root.focus_lastfor() or self.root).focus_force()
        if self.root.tk.call("tk", "windowingsystem") == "x11":
            activate(self.root.winfo_id())

    def open_tray_menu(self, x: int, y: int) -> None:
        menu = tk.Menu(self.root, tearoff=False, font=self.theme.fonts["small"])
        menu.add_command(label=_("Open"), command=self.bring_to_front)
        menu.add_command(label=_("Quit"), command=self.close)
        self.tray_menu = menu
        menu.tk_popup(x, y)
        menu.focus_force()  # for its keys: another program may have the focus

    def _leave(self) -> None:
        """The window's own button to close it."""
        stays = self.desk is not None and self.desk.main.settings.close_to_tray
        if stays and self._handle.in_tray():
            self.root.withdraw()
        else:
            self.close()

    @contextmanager
    def signals(self) -> Iterator[None]:
        """SIGTERM and SIGINT close the window."""

        def end(number: int, frame: FrameType | None) -> None:
            self.bridge.post(self.close)

        before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def close(self) -> None:
        """Keep the drafts, say goodbye, and end the main loop."""
        if self._closing:
            return
        self._closing = True
        # While this thread waits for the node's, that one mustn't find variables of Tk in its
        # garbage: it would wait for this one.
        gc.disable()
        self.root.withdraw()
        drafts = self.desk.main.composer.unsaved_drafts() if self.desk else {}
        self.bridge.close(lambda: self._farewell(drafts), CLOSE_S)
        for event in ("<FocusIn>", "<FocusOut>"):
            self.root.unbind(event)
        for timer in self.root.tk.splitlist(self.root.tk.call("after", "info")):
            self.root.tk.call("after", "cancel", timer)  # leaves its command to destroy()
        self.root.destroy()
        gc.enable()

    async def _farewell(self, drafts: Mapping[str, Draft]) -> None:
        """On the node's thread."""
        node = self._node
        if node is None:
            return
        try:
            for conversation, draft in drafts.items():
                await node.set_draft(conversation, draft)
        finally:
            await node.close()

    # -- opening

    def _open(self, name: str | None) -> None:
        async def opening() -> tuple[NodeApi, Settings]:
            node = await self._open_node(name)
            self._node = node  # here already: the window may be closed before it is told
            node.subscribe(self.bridge.handle_events, seen=False)
            if self._chosen_language is not None:
                return node, await node.set_settings({"language": self._chosen_language})
            return node, await node.settings()

        self.bridge.call(opening, self._opened, self._not_opened)

    def _opened(self, opened: tuple[NodeApi, Settings]) -> None:
        node, settings = opened
        language.use(settings.language)
        self.theme.speak(language.tag())
        self.theme.apply(settings.theme)
        self._clear()
        self.first_page = None
        desk = self._desk_for(node)
        for _step in desk.build():
            pass
        self._set_out(desk)
        self._show(desk)
        self._work_at(desk)
        self._lead_events_to(desk)
        desk.main.start()
        if self._around is not None:
            self._listen(self._around)

    def _desk_for(self, node: NodeApi) -> Desk:
        return Desk(self.root, self.theme, node, self.bridge, self._around)

    def _set_out(self, desk: Desk) -> None:
        """What it asks of the window."""
        desk.on_language = self._speak
        desk.on_quit = desk.menus.on_quit = self.close
        desk.on_unread = self._handle.show_unread
        desk.menus.on_udp = self.open_udp_test if self._open_udp else None
        if self._around is not None:
            desk.places.on_profiles = desk.menus.on_profiles = self.open_profiles

    def _work_at(self, desk: Desk) -> None:
        self.desk = desk
        desk.bind_keys()

    def _lead_events_to(self, desk: Desk) -> None:
        self.bridge.on_events = desk.main.events
        self.bridge.on_flush = desk.main.flush
        self.bridge.on_lagged = desk.main.reload

    def _listen(self, around: Around) -> None:
        """For notifications that are clicked."""

        def clicked(conversation: str) -> None:
            self._listen(around)
            self.bring_to_front()
            if self.desk is not None:
                self.desk.main.open(conversation)

        self.bridge.call(around.clicked, clicked, lambda error: None)

    def _speak(self, wanted: str) -> None:
        """Another language; where one is just being changed, once that is done."""
        self._wanted_language = wanted
        desk, node = self.desk, self._node
        if desk is None or node is None or self._changing:
            return
        self._changing = True

        def failed(error: P2PChatError) -> None:
            self._changing = False
            self._say(words.refusal(error))

        self.bridge.call(
            lambda: asyncio.to_thread(language.prepare, wanted),
            lambda _: in_turns(self.root, self._say_anew(desk, node, wanted)),
            failed,
        )

    def _say_anew(self, former: Desk, node: NodeApi, wanted: str) -> Iterator[int | None]:
        """At a desk of its own, behind the former until it shows the same."""
        before = language.tag()
        if language.use(wanted):
            yield None
            self.theme.speak(language.tag())
            desk = self._desk_for(node)
            try:
                yield from desk.build()
                yield from self._load_like(former, desk)
            finally:
                if self.desk is not desk and not self._closing:
                    self._stay_at(former, desk, before)
            if self.desk is former:
                return
            if self.udp is not None:
                self.udp.say_anew()
        self._changing = False
        if self._wanted_language != wanted:
            self._speak(self._wanted_language)

    def _load_like(self, former: Desk, desk: Desk) -> Iterator[int | None]:
        """What the former shows, and put it in its place; not so where the node has no answer."""
        end = time.monotonic() + ANEW_S
        self._set_out(desk)
        desk.place(x=0, y=0, relwidth=1, relheight=1)
        desk.lower(former)
        self._lead_events_to(desk)
        desk.start_like(former, lambda: self._work_at(desk))
        while self.desk is former or desk.main.conversation.loading:
            if time.monotonic() > end:
                break
            yield LOOK_MS
        if self.desk is former:
            return
        while not desk.stand_like(former) and time.monotonic() < end:
            yield LOOK_MS
        yield LOOK_MS
        former.end()
        self._clear()
        self._shown = desk

    def _stay_at(self, former: Desk, desk: Desk, spoken: str) -> None:
        """The other desk couldn't be had."""
        self._changing = False
        language.use(spoken)
        self.theme.speak(spoken)
        desk.end()
        desk.destroy()
        self._lead_events_to(former)
        former.main.reload()
        self._say(_("The language couldn't be changed just now. It will be at the next start."))

    def _not_opened(self, error: P2PChatError) -> None:
        codes = {ProfileInUse: EXIT_IN_USE, UsageError: EXIT_USAGE, StoreError: EXIT_USAGE}
        found = (code for kind, code in codes.items() if isinstance(error, kind))
        self.exit_code = next(found, EXIT_FAILED)
        print(f"p2pchat: {error}", file=sys.stderr)  # noqa: T201  # one line, as every command
        self._show(TroublePage(self.root, self.theme, words.refusal(error), self.close))

    def _clear(self) -> None:
        """Away with what is shown, and its dialogs."""
        if self._shown is not None:
            self._shown.destroy()
            self._shown = None
        for child in self.root.winfo_children():
            if isinstance(child, tk.Toplevel | tk.Menu) and child is not self.udp:
                child.destroy()

    def _show(self, frame: ttk.Frame) -> None:
        if self._shown is not None:
            self._shown.destroy()
        self._shown = frame
        frame.place(x=0, y=0, relwidth=1, relheight=1)

    # -- trouble

    def _say(self, text: str) -> None:
        if self.desk is not None:
            self.desk.main.status.say(text)

    def _unexpected(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        """An exception in a callback: a line for the person, the traceback for the log."""
        debug = log.isEnabledFor(logging.DEBUG)
        log.error("unexpected failure: %r", error, exc_info=(kind, error, trace) if debug else None)
        self._say(_("Something went wrong inside p2pchat ({kind}).").format(kind=kind.__name__))
