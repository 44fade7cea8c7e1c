"""One client of the JSON-RPC interface, whatever channel its bytes come by."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Protocol

import msgspec

from p2pchat.config.limits import (
    RPC_LINE_BYTES,
    RPC_PAUSE_BYTES,
    RPC_PENDING,
    RPC_UNREAD_BYTES,
)
from p2pchat.events import Event, Warned
from p2pchat.node.api import NodeApi
from p2pchat.ui.rpc.messages import (
    NULL_ID,
    Code,
    Notification,
    Request,
    RpcError,
    answer,
    describe,
    encode,
    error_answer,
    parse_line,
)
from p2pchat.ui.rpc.methods import Method, Order, Params, Table
from p2pchat.ui.rpc.ordering import Sequencer, Stage

_log = logging.getLogger("p2pchat.rpc")


class Channel(Protocol):
    """Where a session's bytes go, and how its input is held back."""

    def write(self, data: bytes) -> None: ...

    def unread(self) -> int:
        """Bytes written that the client hasn't taken yet."""
        ...

    def pause(self, paused: bool) -> None:
        """Stop giving input to the session, or go on."""
        ...

    def overflow(self) -> None:
        """RPC_UNREAD_BYTES are waiting: drop the client, or do nothing: events are left out."""
        ...


class _Batch:
    """Gathers the answers of a batch until the last one is there."""

    def __init__(self, size: int) -> None:
        self.open = size
        self.answers: list[bytes] = []


class Session:
    """Feeds requests to the node and writes answers and events, one JSON object a line.

    Requests run beside each other, in the order that `Sequencer` keeps. The channel calls `feed`
    with what came in, `drained` when the client has read, and `finish` at the end.
    """

    def __init__(self, node: NodeApi, table: Table, channel: Channel, seen: bool = True) -> None:
        """`node` is a façade for this client alone; `seen`: a person sees what it is told."""
        self._node = node
        self._table = table
        self._channel = channel
        self._loop = asyncio.get_running_loop()
        self._sequencer = Sequencer()
        self._tasks: set[asyncio.Task[None]] = set()
        self._done = 0
        self._line: list[bytes] = []
        self._line_bytes = 0
        self._skipping = False
        self._out: list[bytes] = []
        self._flush_due = False
        self._paused = False
        self._lost_events = 0
        self._unsubscribe = node.subscribe(self._tell, seen)

    # -- input

    def feed(self, data: bytes) -> None:
        """Bytes from the client, cut anywhere."""
        head, newline, rest = data.partition(b"\n")
        if not newline:
            self._gather(head)
            return
        self._gather(head)
        self._end_line()
        *lines, tail = rest.split(b"\n")
        for line in lines:
            self._take(line)
        self._gather(tail)
        self._throttle()

    def _gather(self, part: bytes) -> None:
        if self._skipping or not part:
            return
        self._line.append(part)
        self._line_bytes += len(part)
        if self._line_bytes > RPC_LINE_BYTES:
            self._forget_line()
            self._skipping = True
            self._fail(RpcError(Code.INVALID_REQUEST, f"a line is over {RPC_LINE_BYTES} bytes"))

    def _end_line(self) -> None:
        line = b"".join(self._line)
        self._forget_line()
        if self._skipping:
            self._skipping = False
        else:
            self._take(line)

    def _forget_line(self) -> None:
        self._line.clear()
        self._line_bytes = 0

    def _take(self, line: bytes) -> None:
        if not line or line.isspace():
            return
        if len(line) > RPC_LINE_BYTES:
            self._fail(RpcError(Code.INVALID_REQUEST, f"a line is over {RPC_LINE_BYTES} bytes"))
            return
        parsed = parse_line(line)
        if isinstance(parsed, list):
            batch = _Batch(len(parsed))
            for request in parsed:
                self._begin(request, batch)
        else:
            self._begin(parsed, None)

    # -- requests

    def _begin(self, request: Request | RpcError, batch: _Batch | None) -> None:
        if isinstance(request, RpcError):
            self._answer(error_answer(NULL_ID, request), batch)
            return
        try:
            method = self._table.find(request.method)
            params = self._table.decode(request.method, request.params)
        except RpcError as error:
            failed = error_answer(request.id, error) if request.wants_answer else None
            self._answer(failed, batch)
            return
        stage = None
        order = params.order or method.order
        if order != Order.FREE:
            stage = self._sequencer.enter(params.scope, order, params.is_quick)
        task = self._loop.create_task(self._run(request, method, params, stage, batch))
        self._tasks.add(task)

    async def _run(
        self,
        request: Request,
        method: Method,
        params: Params,
        stage: Stage | None,
        batch: _Batch | None,
    ) -> None:
        try:
            if stage is not None:
                await stage.turn()
            result = await method.call(self._node, params)
            data = answer(request.id, result) if request.wants_answer else None
        except asyncio.CancelledError:
            data = self._failed(request, RpcError(Code.INTERNAL_ERROR, "the program ended first"))
        except Exception as error:
            data = self._failed(request, error)
        finally:
            if stage is not None:
                self._sequencer.leave(stage)
        task = asyncio.current_task()
        assert task is not None
        self._tasks.discard(task)
        self._done += 1
        self._answer(data, batch)
        if self._paused:
            self._throttle()

    def _failed(self, request: Request, error: BaseException) -> bytes | None:
        if describe(error).code == Code.INTERNAL_ERROR and not isinstance(error, RpcError):
            _log.error("%s failed: %r", request.method, error, exc_info=error)
        return error_answer(request.id, error) if request.wants_answer else None

    def _fail(self, error: RpcError) -> None:
        self._answer(error_answer(NULL_ID, error), None)

    def _answer(self, data: bytes | None, batch: _Batch | None) -> None:
        if batch is not None:
            batch.open -= 1
            if data is not None:
                batch.answers.append(data)
            if batch.open or not batch.answers:
                return
            data = b"[" + b",".join(batch.answers) + b"]"
        if data is not None:
            self._write(data)

    # -- events

    def _tell(self, events: Sequence[Event]) -> None:
        if self._channel.unread() > RPC_UNREAD_BYTES:
            self._lost_events += len(events)
            self._channel.overflow()
            return
        self._tell_lost()
        for event in events:
            self._write_event(event)

    def _tell_lost(self) -> None:
        if self._lost_events:
            text = f"{self._lost_events} events were left out because nobody read them"
            self._lost_events = 0
            self._write_event(Warned("events-lost", text))

    def _write_event(self, event: Event) -> None:
        try:
            self._write(encode(Notification(event)))
        except (msgspec.MsgspecError, UnicodeError) as error:
            _log.error("an event can't be encoded: %s", error)

    # -- output

    def _write(self, data: bytes) -> None:
        self._out.append(data)
        if not self._flush_due:
            self._flush_due = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flush_due = False
        if self._out:
            self._out.append(b"")
            data = b"\n".join(self._out)
            self._out.clear()
            self._channel.write(data)
            self._throttle()

    def drained(self) -> None:
        """The client has read what was waiting, or most of it."""
        self._tell_lost()
        self._throttle()

    def _throttle(self) -> None:
        share = 0.5 if self._paused else 1.0
        busy = (
            len(self._tasks) > RPC_PENDING * share
            or self._channel.unread() > RPC_PAUSE_BYTES * share
        )
        if busy != self._paused:
            self._paused = busy
            self._channel.pause(busy)

    # -- end

    async def finish(self, within: float, hurry: asyncio.Event) -> None:
        """The end of input: answer everything that was asked, as long as something is done every
        `within` seconds, or only for so long once `hurry` is set. What isn't done then is
        answered by an error."""
        if self._line or self._skipping:
            self._end_line()
        while self._tasks:
            done = self._done
            await asyncio.wait(self._tasks, timeout=within)
            if hurry.is_set() or self._done == done:
                break
        await self.abandon()

    async def abandon(self) -> None:
        """Stop everything that is under way, and tell no more."""
        self._unsubscribe()
        self._unsubscribe = _nothing
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        self._flush()


def _nothing() -> None: ...
