"""The composition root: builds a node of concrete parts and puts a front end on it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import logging.handlers
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

from p2pchat.config.settings import Options
from p2pchat.errors import UsageError

if TYPE_CHECKING:
    from p2pchat.node.api import NodeApi
    from p2pchat.ui.terminal.once import Asked

DONE, NOBODY = 0, 3
LOG_FILE = "p2pchat.log"
_LOG_BYTES = 1024 * 1024
"""Of the log file beside a front end that fills the terminal; one older file is kept."""

Work = Callable[["NodeApi", asyncio.Event], Awaitable[int]]
"""What a front end does on a node until it is done or the event is set; its exit code."""


# -- the node


@contextlib.asynccontextmanager
async def open_node(options: Options) -> AsyncIterator[NodeApi]:
    """A node on the profile, started; closed at the end. ProfileInUse, StoreError, UsageError."""
    from p2pchat.discovery.lan import LanDiscovery
    from p2pchat.node.node import Node
    from p2pchat.storage import open_profile
    from p2pchat.transport.links import TlsLinks

    store = await asyncio.to_thread(open_profile, Path(options.data_dir), options.passphrase)
    node = Node(
        store=store,
        links=TlsLinks(options.listen_host, options.listen_port, options.interfaces),
        discovery=LanDiscovery(options.interfaces, options.mdns, options.beacon),
        options=options,
    )
    try:
        await node.start()
        yield node.front_end()
    finally:
        await node.close()


async def _serve(options: Options, stop: asyncio.Event, work: Work) -> int:
    """A front end's `work` on a node of its own, with the profile's control socket beside it."""
    from p2pchat.ui.rpc.control import ControlServer

    async with open_node(options) as node:
        control = ControlServer(node, Path(options.data_dir))
        await control.start()
        try:
            return await work(node, stop)
        finally:
            await control.close()


# -- commands


def run_rpc(options: Options, log_level: str) -> int:
    from p2pchat.ui.rpc.stdio import serve_stdio

    log_to_stderr(log_level)
    # What a library prints must not get between the answers.
    sys.stdout = sys.stderr

    async def work(node: NodeApi, stop: asyncio.Event) -> int:
        await serve_stdio(node, stop)
        return DONE

    return run_loop(lambda stop: _serve(options, stop, work))


def run_chat(options: Options, log_level: str) -> int:
    from p2pchat.ui.terminal.chat import chat
    from p2pchat.ui.terminal.lines import is_terminal

    if is_terminal():
        log_to_file(options.data_dir, log_level)
    else:
        log_to_stderr(log_level)

    async def work(node: NodeApi, stop: asyncio.Event) -> int:
        await chat(node, stop)
        return DONE

    return run_loop(lambda stop: _serve(options, stop, work))


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
    )


def _alone(options: Options) -> Options:
    """For a node that only reads its store: nobody is looked for, nobody finds it."""
    import msgspec

    return msgspec.structs.replace(
        options, mdns=False, beacon=False, connect=(), listen_host="127.0.0.1", listen_port=0
    )


def _run_once(
    options: Options,
    log_level: str,
    ask: Callable[[Asked, bool], Coroutine[Any, Any, int]],
    stopped: int,
) -> int:
    """Ask the node that runs on the profile, else a fresh one (then the second argument is true).
    `stopped` is the exit code where a signal ends it first."""
    log_to_stderr(log_level)

    async def on_fresh(node: NodeApi, stop: asyncio.Event) -> int:
        return await _until(stop, ask(node, True), stopped)

    async def main(stop: asyncio.Event) -> int:
        from p2pchat.ui.rpc.client import connect_running

        running = await connect_running(Path(options.data_dir))
        if running is None:
            return await _serve(options, stop, on_fresh)
        try:
            return await _until(stop, ask(running, False), stopped)
        finally:
            await running.close()

    return run_loop(main)


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
    raise UsageError("the window isn't there")


# -- the loop and the log


def run_loop(main: Callable[[asyncio.Event], Coroutine[Any, Any, int]]) -> int:
    """Run `main` to its end; SIGTERM and SIGINT set its event."""

    async def with_signals() -> int:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            try:
                loop.add_signal_handler(number, stop.set)
            except NotImplementedError:  # Windows
                signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))
        return await main(stop)

    return asyncio.run(with_signals())


def log_to_stderr(level: str) -> None:
    _log_to(logging.StreamHandler(sys.stderr), level)


def log_to_file(data_dir: str, level: str) -> None:
    """For a front end that fills the terminal: nothing may be written between its lines."""
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
