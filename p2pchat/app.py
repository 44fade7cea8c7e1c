"""The composition root: builds a node of concrete parts and puts a front end on it."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import logging.handlers
import os
import signal
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from msgspec.structs import replace

from p2pchat.config.settings import Options
from p2pchat.errors import BadParams, PassphraseNeeded, ProfileInUse, RequestError

if TYPE_CHECKING:
    from p2pchat.node.api import NodeApi
    from p2pchat.node.ports import Depot, Store
    from p2pchat.ui.rpc.methods import Method
    from p2pchat.ui.terminal.once import Asked
    from p2pchat.ui.tk.window import WindowHandle

DONE, NOBODY = 0, 3
RAISE_WINDOW = "window.raise"
"""A method of the control socket where the front end is a window."""
LOG_FILE = "p2pchat.log"
_LOG_BYTES = 1024 * 1024
"""Of the log file beside a front end that fills the terminal; one older file is kept."""
_END_S = 4.7
"""After a signal; the interface promises 5 s."""
_HANDOVER_S = 5.0
"""How long a profile may be in use and nobody answer on its socket: a process that is just starting
or ending."""
_ASK_AGAIN_S = 0.1
_LINGER_S = 30.0
"""How much longer a command that asks once stays for others that use its node meanwhile."""

T = TypeVar("T")


# -- the node


@contextlib.asynccontextmanager
async def open_node(options: Options) -> AsyncIterator[NodeApi]:
    """A node on the profile, started; closed at the end. ProfileInUse, StoreError, UsageError."""
    from p2pchat.discovery.lan import LanDiscovery
    from p2pchat.node.couriers import Couriers
    from p2pchat.node.node import Node
    from p2pchat.storage.profiles import ProfileFolders
    from p2pchat.transport.links import TlsLinks

    profiles = ProfileFolders(Path(options.data_dir), options.passphrase)

    def make(options: Options, store: Store, depot: Depot) -> Node:
        links = TlsLinks(options.listen_host, options.listen_port, hosts)
        discovery = LanDiscovery(options.interfaces, options.mdns, options.beacon)
        return Node(
            store=store,
            depot=depot,
            links=links,
            discovery=discovery,
            options=options,
            profiles=profiles,
        )

    with profiles.held():
        await asyncio.to_thread(profiles.finish_departures)
        folder = await asyncio.to_thread(profiles.last)
        store, depot = await asyncio.to_thread(profiles.open, folder)
        try:
            hosts = await asyncio.to_thread(_hosts_of, options.interfaces)
        except BaseException:
            store.close()
            raise
        node = make(replace(options, data_dir=folder), store, depot)
        couriers = Couriers(node, profiles, make)
        try:
            await node.start()
            couriers.start()
            # Modules and what was read live to the end: the collector needn't look at them again.
            gc.freeze()
            yield node.front_end()
        finally:
            await couriers.close()
            await node.close()


def _hosts_of(wanted: Sequence[str]) -> tuple[str, ...]:
    """The numeric addresses of the interfaces that may be used; none: any. UsageError."""
    from p2pchat.discovery import interfaces
    from p2pchat.transport.listen import NOWHERE

    if not wanted:
        return ()
    here = interfaces.list_interfaces()
    interfaces.check_wanted(here, wanted)
    hosts = [host for host, _ in interfaces.addresses_of(interfaces.select(here, wanted), 0)]
    return tuple(hosts) or NOWHERE


@contextlib.asynccontextmanager
async def open_shared(
    options: Options, more: Mapping[str, Method] | None = None
) -> AsyncIterator[NodeApi]:
    """A node with the profile's control socket beside it; `more` are its further methods."""
    from p2pchat.ui.rpc.control import ControlServer

    async with open_node(options) as node:
        control = ControlServer(node, Path(options.data_dir), more)
        await control.start()
        try:
            yield node
        finally:
            await control.close()


def unlocked(options: Options) -> Options:
    """With the passphrase, asked for on the terminal where it is needed and wasn't given.
    PassphraseNeeded where there is no terminal."""
    from p2pchat.storage.keys import is_under_passphrase

    if options.passphrase or not is_under_passphrase(_last_profile(options)):
        return options
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise PassphraseNeeded("the profile is under a passphrase: --passphrase-file gives it")
    import getpass

    try:
        passphrase = getpass.getpass("Passphrase of the profile: ", sys.stderr)
    except EOFError:
        raise KeyboardInterrupt from None
    return replace(options, passphrase=passphrase)


def is_fresh(options: Options) -> bool:
    """Whether the profile is still to be made. StoreError."""
    from p2pchat.storage.keys import has_key

    return not has_key(_last_profile(options))


def _last_profile(options: Options) -> Path:
    """The folder of the profile that is going to be opened: an account's, perhaps. StoreError."""
    from p2pchat.storage.profiles import ProfileFolders

    return Path(ProfileFolders(Path(options.data_dir), None).last())


# -- commands


def run_rpc(options: Options, log_level: str) -> int:
    from p2pchat.ui.rpc.stdio import serve_stdio

    log_to_stderr(log_level)
    # What a library prints must not get between the answers.
    sys.stdout = sys.stderr

    options = unlocked(options)

    async def main(stop: asyncio.Event) -> int:
        async with open_shared(options) as node:
            await serve_stdio(node, stop)
        return DONE

    return run_loop(main)


def run_chat(options: Options, log_level: str) -> int:
    from p2pchat.ui.terminal.chat import chat
    from p2pchat.ui.terminal.lines import is_terminal

    options = unlocked(options)
    if is_terminal():
        if options.name is None and is_fresh(options):
            options = replace(options, name=_ask_name())
        log_to_file(options.data_dir, log_level)
    else:
        log_to_stderr(log_level)

    async def main(stop: asyncio.Event) -> int:
        async with open_shared(options) as node:
            await chat(node, stop)
        return DONE

    return run_loop(main)


def _ask_name() -> str:
    """At the first start; empty: the host's name."""
    from p2pchat.model.names import display_name
    from p2pchat.model.text import well_formed
    from p2pchat.node.host import host_name

    while True:
        try:
            return display_name(well_formed(input(f"Your name [{host_name()}]: ")))
        except EOFError:
            raise KeyboardInterrupt from None
        except RequestError as error:
            sys.stderr.write(f"{error}\n")


def run_udp(bind: tuple[str, int], peer: tuple[str, int], log_level: str) -> int:
    from p2pchat.transport.udp import open_udp
    from p2pchat.ui.terminal.lines import open_lines
    from p2pchat.ui.terminal.udp import talk

    log_to_stderr(log_level)

    async def main(stop: asyncio.Event) -> int:
        lines = open_lines()
        try:
            await talk(lambda got, failed: open_udp(bind, peer, got, failed), lines, stop)
        finally:
            await lines.close()
        return DONE

    return run_loop(main)


def run_send(options: Options, log_level: str, conversation: str, text: str, within: float) -> int:
    from p2pchat.ui.terminal import once

    return _run_once(
        options, log_level, lambda node, _: once.send(node, conversation, text, within), NOBODY
    )


def run_share(
    options: Options, log_level: str, conversation: str, paths: Sequence[str], within: float
) -> int:
    from p2pchat.ui.terminal import share

    found = share.checked(paths)
    return _run_once(
        options, log_level, lambda node, _: share.share(node, conversation, found, within), NOBODY
    )


def run_peers(options: Options, log_level: str, wait: float, as_json: bool) -> int:
    from p2pchat.ui.terminal import once

    return _run_once(
        options, log_level, lambda node, fresh: once.peers(node, wait, as_json, fresh), DONE
    )


def run_history(
    options: Options,
    log_level: str,
    conversation: str,
    query: str | None,
    limit: int,
    as_json: bool,
) -> int:
    from p2pchat.ui.terminal import once

    return _run_once(
        _alone(options),
        log_level,
        lambda node, _: once.history(node, conversation, query, limit, as_json),
        DONE,
        shared=False,
    )


def _alone(options: Options) -> Options:
    """For a node that only reads its store: nobody is looked for, nobody finds it."""
    return replace(
        options, mdns=False, beacon=False, connect=(), listen_host="127.0.0.1", listen_port=0
    )


def _run_once(
    options: Options,
    log_level: str,
    ask: Callable[[Asked, bool], Coroutine[Any, Any, int]],
    stopped: int,
    shared: bool = True,
) -> int:
    """Ask the node that runs on the profile, else a fresh one (then the second argument is true).
    `stopped` is the exit code where a signal ends it first. What others ask meanwhile is answered
    by the fresh node too if it is `shared`; else they wait for its end."""
    from p2pchat.ui.rpc.client import NodeEnded, connect_running
    from p2pchat.ui.rpc.control import ControlServer

    log_to_stderr(log_level)

    async def ask_running(stop: asyncio.Event) -> int | None:
        running = await connect_running(Path(options.data_dir))
        if running is None:
            return None
        try:
            return await _until(stop, ask(running, False), stopped)
        except NodeEnded:
            if running.acted:
                raise
            return None  # it was closing when it was reached
        finally:
            await running.close()

    async def ask_fresh(stop: asyncio.Event) -> int:
        async with open_node(own) as node:
            control = ControlServer(node, Path(own.data_dir))
            if shared:
                await control.start()
            try:
                code = await _until(stop, ask(node, True), stopped)
                return await _until(stop, _after(control.unused(_LINGER_S), code), code)
            finally:
                await control.close()

    own, patience = options, time.monotonic() + _HANDOVER_S
    while (code := run_loop(ask_running)) is None:
        own = unlocked(own)
        try:
            return run_loop(ask_fresh)
        except ProfileInUse:
            if time.monotonic() > patience:
                raise
            time.sleep(_ASK_AGAIN_S)
    return code


async def _after(work: Coroutine[Any, Any, None], result: T) -> T:
    await work
    return result


async def _until(stop: asyncio.Event, work: Coroutine[Any, Any, int], stopped: int) -> int:
    """The result of `work`, or `stopped` if the event is set before it is there."""
    task, signalled = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait((task, signalled), return_when=asyncio.FIRST_COMPLETED)
        return task.result() if task.done() else stopped
    finally:
        for future in (task, signalled):
            future.cancel()
        await asyncio.wait((task, signalled))


# -- the window


def why_no_window() -> str | None:
    """One reason, or None where there can be a window."""
    if sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
        return "there is no display (DISPLAY is not set)"
    from p2pchat.ui.tk.display import why_no_display

    return why_no_display()


def run_window(options: Options, log_level: str) -> int:
    """The window; one that is open for the profile already comes to the front instead.
    ProfileInUse where what runs there is no window."""
    import platformdirs

    from p2pchat.node.host import host_name
    from p2pchat.storage.profiles import ProfileFolders, is_profile
    from p2pchat.transport.udp import open_udp
    from p2pchat.ui.around import SystemAround, this_program
    from p2pchat.ui.tk import window
    from p2pchat.ui.tray import in_tray

    log_to_stderr(log_level)
    if asyncio.run(_raise_running(options)):
        return DONE
    fresh, options = is_fresh(options), unlocked(options)
    handle = window.WindowHandle()

    async def open_for_window(name: str | None) -> NodeApi:
        named = options if name is None else replace(options, name=name)
        stack = contextlib.AsyncExitStack()
        node = await stack.enter_async_context(open_shared(named, _window_methods(handle)))
        shown = (await node.profile()).name
        await stack.enter_async_context(in_tray(shown, handle))
        node.close = stack.aclose  # type: ignore[method-assign]  # the window closes what it opened
        return node

    return window.run_window(
        open_for_window,
        first_start=fresh,
        name_given=options.name is not None,
        suggested_name=host_name(),
        handle=handle,
        around=SystemAround(
            Path(options.data_dir),
            Path(platformdirs.user_data_dir("p2pchat", appauthor=False)),
            this_program(),
            handle.in_tray,
            is_profile,
            lambda folder: ProfileFolders(folder, None).delete(),
        ),
        open_udp=open_udp,
    )


def _window_methods(handle: WindowHandle) -> dict[str, Method]:
    from p2pchat.ui.rpc.methods import Method, Nothing

    async def bring(node: NodeApi, params: object) -> dict[str, str]:
        handle.raise_window()
        return {}

    return {RAISE_WINDOW: Method(Nothing, bring)}


async def _raise_running(options: Options) -> bool:
    from p2pchat.ui.rpc.client import connect_running

    running = await connect_running(Path(options.data_dir))
    if running is None:
        return False
    try:
        await running.call(RAISE_WINDOW, dict[str, str])
    except BadParams:
        raise ProfileInUse("another p2pchat without a window runs on this profile") from None
    finally:
        await running.close()
    return True


# -- the loop and the log


def run_loop(main: Callable[[asyncio.Event], Coroutine[Any, Any, T]]) -> T:
    """Run `main` to its end; SIGTERM and SIGINT set its event."""

    from p2pchat.ui.loop import Loop

    async def with_signals() -> T:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()

        def end() -> None:
            stop.set()
            last = threading.Timer(_END_S, _give_up)
            last.daemon = True
            last.start()

        for number in (signal.SIGTERM, signal.SIGINT):
            try:
                loop.add_signal_handler(number, end)
            except NotImplementedError:  # Windows
                signal.signal(number, lambda *_: loop.call_soon_threadsafe(end))
        return await main(stop)

    with asyncio.Runner(loop_factory=Loop) as runner:
        return runner.run(with_signals())


def _give_up() -> None:
    """Something hangs: a disk, say. What was acknowledged is stored, so nothing of it is lost."""
    sys.stderr.write("p2pchat: ended without saying goodbye\n")
    sys.stderr.flush()
    os._exit(1)


def log_to_stderr(level: str) -> None:
    _log_to(logging.StreamHandler(sys.stderr), level)


def log_to_file(data_dir: str, level: str) -> None:
    """For a front end that fills the terminal: nothing may be written between its lines."""
    with contextlib.suppress(OSError):  # whoever opens the profile says so
        os.makedirs(data_dir, mode=0o700, exist_ok=True)
    path = os.path.join(data_dir, LOG_FILE)
    _log_to(
        logging.handlers.RotatingFileHandler(
            path, maxBytes=_LOG_BYTES, backupCount=1, encoding="utf-8", delay=True
        ),
        level,
    )


def _log_to(handler: logging.Handler, level: str) -> None:
    logging.raiseExceptions = False  # a log that can't be written is no reason to say more
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
