"""One real program on a host of the LAN, driven by JSON-RPC over its stdin and stdout."""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")
READ_BYTES = 1 << 20
"""The pipes' size: a burst of events costs few wake-ups on either side."""


class RpcError(Exception):
    """The node's error answer; `reason` is that of `data`, or empty."""

    def __init__(self, code: int, message: str, data: Any) -> None:
        self.code = code
        self.data: dict[str, Any] = data if isinstance(data, dict) else {}
        self.reason: str = self.data.get("reason", "")
        super().__init__(f"{code} {self.reason or message}: {message}")


class NodeEnded(Exception):
    """The program's output ended while an answer or an event was awaited."""


class Event:
    """One event notification. `at` is time.monotonic() when it was read."""

    __slots__ = ("_body", "at", "raw", "type")

    def __init__(self, at: float, type: str, raw: msgspec.Raw) -> None:
        self.at = at
        self.type = type
        self.raw = raw
        self._body: dict[str, Any] | None = None

    @property
    def body(self) -> dict[str, Any]:
        """The params, decoded when first asked for."""
        if self._body is None:
            self._body = msgspec.json.decode(self.raw, type=dict[str, Any])
        return self._body

    def __getitem__(self, key: str) -> Any:
        return self.body[key]

    def __repr__(self) -> str:
        return f"Event({self.body!r})"


class _Line(msgspec.Struct):
    id: int | str | None = None
    method: str = ""
    params: msgspec.Raw = msgspec.Raw()
    result: msgspec.Raw = msgspec.Raw()
    error: msgspec.Raw = msgspec.Raw()


class _Type(msgspec.Struct):
    type: str


class _Error(msgspec.Struct):
    code: int
    message: str = ""
    data: Any = None


def wait_until(condition: Callable[[], T], timeout: float = 10.0, what: str = "the condition") -> T:
    """Poll until `condition` gives something true, and return that; TimeoutError otherwise."""
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not come true in {timeout} s")
        time.sleep(0.02)
    return value


class Node:
    """A process that speaks JSON-RPC 2.0, one object a line, on stdin and stdout.

    Answers and events are taken by a thread of its own. All methods may be called by any thread.
    """

    def __init__(
        self, argv: Sequence[str], data_dir: Path, stderr: Path, env: dict[str, str]
    ) -> None:
        self.data_dir = data_dir
        self.events: list[Event] = []
        """Everything so far, in order; only ever appended to."""
        self.junk: list[bytes] = []
        """Lines that are no JSON-RPC."""
        self._stderr = stderr
        with stderr.open("ab") as log:
            self.process = subprocess.Popen(
                argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=env,
                start_new_session=True,
            )
        self.pid = self.process.pid
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self._in = self.process.stdin
        self._out = self.process.stdout
        for pipe in (self._in, self._out):
            fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, READ_BYTES)
        self._ids = itertools.count(1)
        self._calls: dict[int, Future[Any]] = {}
        self._writing = threading.Lock()
        self._changed = threading.Condition()
        self._waiting = 0
        self._ended = False
        self._line = msgspec.json.Decoder(_Line)
        self._type = msgspec.json.Decoder(_Type)
        self._reader = threading.Thread(target=self._read, name=f"node-{self.pid}", daemon=True)
        self._reader.start()

    # -- requests

    def request(self, method: str, **params: Any) -> Future[Any]:
        """Send a request; the future gets the result, RpcError or NodeEnded."""
        number = next(self._ids)
        future: Future[Any] = Future()
        self._calls[number] = future
        request = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        if self._ended:
            self._fail(number)
        else:
            try:
                self.write(msgspec.json.encode(request) + b"\n")
            except (OSError, ValueError):  # it has just ended; or was ended, and its input closed
                self._fail(number)
        return future

    def call(self, method: str, /, call_timeout: float = 15.0, **params: Any) -> Any:
        """The result of a request; RpcError, NodeEnded or TimeoutError (seconds)."""
        try:
            return self.request(method, **params).result(call_timeout)
        except TimeoutError:
            raise TimeoutError(f"{method} was not answered in {call_timeout} s") from None

    def write(self, data: bytes) -> None:
        """Raw bytes to the program's input."""
        with self._writing:
            self._in.write(data)
            self._in.flush()

    # -- events

    def mark(self) -> int:
        """The place behind the newest event, for `since`."""
        return len(self.events)

    def wait_events(
        self,
        type: str,
        count: int,
        predicate: Callable[[dict[str, Any]], bool] | None = None,
        timeout: float = 10.0,
        since: int = 0,
    ) -> list[Event]:
        """The first `count` such events from the place `since` on, those already there too."""
        deadline = time.monotonic() + timeout
        found: list[Event] = []
        place = since
        while True:
            ended = self._ended
            for event in self.events[place:]:
                place += 1
                if event.type == type and (predicate is None or predicate(event.body)):
                    found.append(event)
                    if len(found) == count:
                        return found
            if ended:
                raise NodeEnded(f"{type}: {len(found)} of {count}; stderr: {self.stderr()}")
            self._wait_news(place, deadline, f"{type}: {len(found)} of {count} in {timeout} s")

    def wait_event(
        self,
        type: str,
        predicate: Callable[[dict[str, Any]], bool] | None = None,
        timeout: float = 10.0,
        since: int = 0,
    ) -> Event:
        return self.wait_events(type, 1, predicate, timeout, since)[0]

    def _wait_news(self, place: int, deadline: float, what: str) -> None:
        with self._changed:
            self._waiting += 1
            try:
                while len(self.events) == place and not self._ended:
                    left = deadline - time.monotonic()
                    if left <= 0 or not self._changed.wait(left):
                        raise TimeoutError(what)
            finally:
                self._waiting -= 1

    # -- the process

    def stderr(self) -> str:
        return self._stderr.read_text(errors="replace")

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    def kill9(self) -> None:
        """SIGKILL; returns when the process is gone."""
        if self.running:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self._close()

    def stop(self, timeout: float = 10.0) -> int:
        """End its input and return its exit code; killed, with TimeoutError, where it stays."""
        if self.running:
            with self._writing, contextlib.suppress(BrokenPipeError):
                self._in.close()
        return self.wait(timeout)

    def wait(self, timeout: float = 10.0) -> int:
        """The exit code, once it ends by itself."""
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill9()
            raise TimeoutError(f"did not end in {timeout} s; stderr: {self.stderr()}") from None
        self._close()
        return code

    def _close(self) -> None:
        self._reader.join()
        with contextlib.suppress(BrokenPipeError):
            self._in.close()
        self._out.close()

    # -- the reader

    def _read(self) -> None:
        descriptor = self._out.fileno()
        rest = b""
        while chunk := os.read(descriptor, READ_BYTES):
            at = time.monotonic()
            lines = (rest + chunk).split(b"\n")
            rest = lines.pop()
            for line in lines:
                self._take(line, at)
            self._wake()
        self._ended = True
        for number in list(self._calls):
            self._fail(number)
        self._wake()

    def _wake(self) -> None:
        if self._waiting or self._ended:
            with self._changed:
                self._changed.notify_all()

    def _take(self, text: bytes, at: float) -> None:
        try:
            line = self._line.decode(text)
            if line.method:
                self.events.append(Event(at, self._type.decode(line.params).type, line.params))
                return
        except msgspec.MsgspecError:
            self.junk.append(text)
            return
        future = self._calls.pop(line.id, None) if isinstance(line.id, int) else None
        if future is None:
            self.junk.append(text)
        elif bytes(line.error):
            error = msgspec.json.decode(line.error, type=_Error)
            future.set_exception(RpcError(error.code, error.message, error.data))
        else:
            future.set_result(msgspec.json.decode(line.result))

    def _fail(self, number: int) -> None:
        if future := self._calls.pop(number, None):
            future.set_exception(NodeEnded(f"exit code {self.process.poll()}: {self.stderr()}"))
