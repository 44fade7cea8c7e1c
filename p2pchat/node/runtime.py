"""The one place that performs effects: it owns the machine's time, tasks, timers and threads.

Everything runs on the event loop but three kinds of work: writes (one thread, many commits to a
transaction), reads, and slow computations (small pools).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from p2pchat.errors import DiskFull, RequestError, StoreError
from p2pchat.events import Event, MessageReceipt, Warned
from p2pchat.model.entry import EntryKind
from p2pchat.model.frame import RawFrame
from p2pchat.model.ids import FeedId, MessageId
from p2pchat.model.records import Applied, PutEntry, Write
from p2pchat.node import secrets
from p2pchat.node.branches import Branches
from p2pchat.node.carrying import Carrying
from p2pchat.node.ports import (
    Address,
    Depot,
    Discovery,
    LinkId,
    LinkIdentity,
    LinkInfo,
    Links,
    Store,
)
from p2pchat.node.writing import Batch, WriterThread, split
from p2pchat.protocol import effects
from p2pchat.protocol.entries import check
from p2pchat.protocol.machine import Machine
from p2pchat.protocol.registrar.claims import read_records

log = logging.getLogger("p2pchat.node")

GROUP_WRITES = 1000
"""Writes of one transaction at most, so that a burst doesn't delay what comes behind it."""

CLOSE_S = 4.0
"""How long the end waits for the disk."""

Handler = Callable[[Sequence[Event]], None]


class Runtime:
    """Feeds the machine and does what it wants. Made and used on the loop's thread."""

    def __init__(
        self,
        machine: Machine,
        store: Store,
        depot: Depot,
        links: Links,
        discovery: Discovery,
        handlers: dict[int, Handler],
        restart: Callable[[], None],
    ) -> None:
        """`handlers`: the front ends that are told of events, by number. `restart` is called
        where the machine wants a new one in its place."""
        self._machine = machine
        self._store = store
        self._links = links
        self._discovery = discovery
        self._loop = asyncio.get_running_loop()
        self._handlers = handlers
        self._requests: dict[int, asyncio.Future[Any]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._performing = False
        self._told = False
        """Whether front ends have heard something in this turn."""
        self._closing = False
        self._closed = False
        self._pending: list[Batch] = []
        self._committed_count = 0
        self._written_count = 0
        self._readers_waiting: deque[tuple[int, asyncio.Future[None]]] = deque()
        """Queries that wait until so many commits are written."""
        self._writing = False
        self._writer = WriterThread(store, self._loop, self._written)
        self._readers = ThreadPoolExecutor(2, thread_name_prefix="p2pchat-reader")
        self._branches = Branches(self._loop, self._in_pool, store)
        self._computers = ThreadPoolExecutor(2, thread_name_prefix="p2pchat-compute")
        self._idle = asyncio.Event()
        self._idle.set()
        self._tasks: set[asyncio.Future[Any]] = set()
        self._carrying = Carrying(depot, links, machine.files, self.run, self._resume)
        self._perform_one = self._performers(restart) | self._carrying.perform

    def _performers(self, restart: Callable[[], None]) -> dict[type, Callable[[Any], None]]:
        """What carries out an effect, by its type; `Carrying` has those of files."""
        links = self._links
        return {
            effects.Send: self._send,
            effects.Dial: lambda e: links.dial(e.token, e.address),
            effects.CloseLink: lambda e: links.close(LinkId(e.link), e.reason),
            effects.TunnelOpen: lambda e: links.tunnel_open(e.token, e.outgoing),
            effects.TunnelReceive: lambda e: links.tunnel_receive(e.token, e.data),
            effects.TunnelClose: lambda e: links.tunnel_close(e.token),
            effects.Commit: self._commit,
            effects.ReadBranch: lambda e: self._branches.read(e, self._resume(e.query)),
            effects.ReadEntries: self._read_entries,
            effects.ReadUndisclosed: self._read_undisclosed,
            effects.ReadBare: self._read_bare,
            effects.ReadPositions: self._read_positions,
            effects.ReadMessage: self._read_message,
            effects.Check: self._check,
            effects.CheckRecords: self._check_records,
            effects.Compute: self._compute,
            effects.Reply: self._reply,
            effects.Notify: self._notify,
            effects.NotifyReceipt: self._notify_receipt,
            effects.Announce: lambda _: self._discovery.announce(),
            effects.Left: lambda e: self._discovery.left(e.device),
            effects.Restart: lambda _: restart(),
        }

    # -- the machine

    def run(self, call: Callable[..., Any], *args: Any) -> Any:
        """Call a method of the machine at the present time and perform what it wants."""
        self._machine.advance(time.monotonic(), time.time_ns() // 1_000_000)
        result = call(*args)
        self._perform()
        return result

    def _run_safely(self, link: int, call: Callable[..., Any], *args: Any) -> None:
        """For input that a peer controls: whatever it brings about ends with its link."""
        try:
            self.run(call, *args)
        except Exception:
            log.exception("input of link %d", link)
            self._links.close(LinkId(link), "protocol")
            self._perform()

    def _perform(self) -> None:
        if self._performing:
            return
        self._performing = True
        try:
            while wanted := self._machine.take():
                for effect in wanted:
                    self._perform_safely(effect)
        finally:
            self._performing = False
        self._links.flush()
        if self._pending and not self._writing:
            # Now and not before: all that this input has brought about is one transaction.
            self._writing = True
            if self._told:
                # The writer would take the interpreter from what front ends are being told.
                self._loop.call_soon(self._hand_over)
            else:
                self._hand_over()
        self._told = False
        self._schedule()

    def _perform_safely(self, effect: effects.Effect) -> None:
        """One that fails takes no other with it: what wasn't committed after all would leave a
        hole in a feed."""
        try:
            self._perform_one[type(effect)](effect)
        except Exception:
            log.exception("performing %s", type(effect).__name__)

    def _schedule(self) -> None:
        deadline = self._machine.deadline()
        if self._timer is not None:
            if deadline is not None and self._timer.when() == deadline:
                return
            self._timer.cancel()
            self._timer = None
        if deadline is not None and not self._closed:
            # The loop's clock is time.monotonic, as the machine's is.
            self._timer = self._loop.call_at(deadline, self._tick)

    def _tick(self) -> None:
        self._timer = None
        try:
            self.run(self._machine.tick)
        except Exception:
            # The other timers go on, and what came of it before goes out.
            log.exception("a timer")
            self._perform()

    async def ask(self, call: Callable[..., None], *args: Any) -> Any:
        """Call a command of the machine, whose first argument is a request number, and wait for
        its reply. RequestError where it is refused, or the node is closing."""
        if self._closing:
            raise RequestError("busy", "the node is closing")
        future: asyncio.Future[Any] = self._loop.create_future()
        request = self._machine.number()
        self._requests[request] = future
        try:
            self.run(call, request, *args)
            return await future
        finally:
            self._requests.pop(request, None)

    # -- front ends

    def _reply(self, effect: effects.Reply) -> None:
        future = self._requests.pop(effect.request, None)
        if future is None or future.done():
            return
        if isinstance(effect.value, Exception):
            future.set_exception(effect.value)
        else:
            future.set_result(effect.value)

    def _notify(self, effect: effects.Notify) -> None:
        self._told = True
        for event in effect.events:
            if isinstance(event, Warned):
                log.warning("%s: %s", event.reason, event.text)
        for front_end, handler in list(self._handlers.items()):
            if front_end != effect.origin or not front_end:
                try:
                    handler(effect.events)
                except Exception:
                    log.exception("front end %d", front_end)

    def _notify_receipt(self, effect: effects.NotifyReceipt) -> None:
        def told(message: bytes | None) -> None:
            if message is not None:
                event = MessageReceipt(
                    effect.conversation, MessageId(message.hex()), effect.peer_id, effect.kind
                )
                self._notify(effects.Notify((event,)))

        self._read(partial(self._store.message_at, FeedId(effect.feed), effect.seq), told, None)

    # -- links

    def _send(self, effect: effects.Send) -> None:
        for link in effect.links:
            if self._links.send(LinkId(link), effect.frame) > self._machine.queue_bytes:
                self._machine.link_choked(link)

    def link_opened(self, link: LinkId, info: LinkInfo, token: int | None) -> None:
        self._run_safely(link, self._machine.link_opened, link, info, token)

    def link_frames(self, link: LinkId, frames: Sequence[RawFrame]) -> None:
        self._run_safely(link, self._machine.link_frames, link, frames)

    def link_drained(self, link: LinkId) -> None:
        self._run_safely(link, self._machine.link_drained, link)
        self._carrying.drained(link)

    def link_closed(self, link: LinkId, reason: str) -> None:
        self._carrying.link_closed(link)
        self._run_safely(link, self._machine.link_closed, link, reason)

    def dial_failed(self, token: int, address: Address, reason: str) -> None:
        self.run(self._machine.dial_failed, token, address, reason)

    def link_trouble(self, reason: str, address: Address) -> None:
        self.run(self._machine.link_trouble, reason, address)

    def tunnel_data(self, token: int, data: bytes) -> None:
        self.run(self._machine.tunnel_data, token, data)

    def identity(self) -> LinkIdentity:
        """What the links show of this process."""
        person, device = self._machine.identity.person, self._machine.identity.device
        return LinkIdentity(
            person_key=person.key,
            device_key=device.key,
            instance=self._machine.instance,
            sign_person=person.sign_raw,
            sign_device=device.sign_raw,
        )

    # -- discovery

    def found(self, source: str, device_id: str, addresses: Sequence[Address]) -> None:
        self.run(self._machine.found, source, device_id, list(addresses))

    def network_changed(self, why: str) -> None:
        addresses = list(self._discovery.own_addresses())
        self._links.network_changed([host for host, _ in addresses])
        self.run(self._machine.network_changed, why, addresses)

    # -- writing

    def _commit(self, effect: effects.Commit) -> None:
        self._pending.append(Batch(effect.batch, effect.writes))
        if any(map(_is_message, effect.writes)):
            self._carrying.talk()
        self._committed_count += 1
        self._idle.clear()

    def _hand_over(self) -> None:
        size = 0
        count = 0
        while count < len(self._pending) and size < GROUP_WRITES:
            size += len(self._pending[count].writes)
            count += 1
        group, self._pending = self._pending[:count], self._pending[count:]
        self._writer.put(group)

    def _written(self, group: list[Batch], outcome: Applied | Exception) -> None:
        if isinstance(outcome, Exception):
            # What was composed since stands on what has failed: it fails with it.
            group, self._pending = group + self._pending, []
            self._writing = False
            self._failed(group, outcome)
        elif self._pending:
            self._hand_over()
        else:
            self._writing = False
        if not isinstance(outcome, Exception):
            self.run(self._settle, split(group, outcome))
        self._written_count += len(group)
        waiting = self._readers_waiting
        while waiting and waiting[0][0] <= self._written_count:
            told = waiting.popleft()[1]
            if not told.done():
                told.set_result(None)
        if not self._writing and not self._pending:
            self._idle.set()

    def _settle(self, batches: Sequence[tuple[int, Applied]]) -> None:
        """Tell the machine what is durable. Many had one transaction: what one of them leads to
        mustn't keep the others from hearing of it."""
        for batch, applied in batches:
            try:
                self._machine.committed([(batch, applied)])
            except Exception:
                log.exception("what follows from batch %d", batch)

    def _failed(self, group: list[Batch], error: Exception) -> None:
        reason = "disk-full" if isinstance(error, DiskFull) else "store-failed"
        if not isinstance(error, StoreError):
            log.error("the store failed", exc_info=error)
        self.run(self._machine.store_failed, reason, str(error))
        for batch in group:
            try:
                self.run(self._machine.commit_failed, batch.number, reason)
            except Exception:
                log.exception("what follows from the failure of batch %d", batch.number)

    # -- reading and computing

    def _read(
        self, call: Callable[[], Any], then: Callable[[Any], None], nothing: Any = ()
    ) -> None:
        self._in_pool(self._readers, call, then, nothing)

    def _in_pool(
        self,
        pool: ThreadPoolExecutor,
        call: Callable[[], Any],
        then: Callable[[Any], None],
        nothing: Any,
    ) -> None:
        """`then` gets the result on the loop; `nothing` where the call fails, so that nobody waits
        for ever."""
        if self._closed:
            return
        future = self._loop.run_in_executor(pool, call)
        self._tasks.add(future)

        def done(finished: asyncio.Future[Any]) -> None:
            self._tasks.discard(finished)
            if finished.cancelled() or self._closed:
                return
            error = finished.exception()
            if error is not None:
                log.error("a read failed", exc_info=error)
            then(nothing if error is not None else finished.result())

        future.add_done_callback(done)

    async def query(self, call: Callable[[], Any]) -> Any:
        """Run a query of the store for a front end: it sees all that was told before."""
        self._branches.asked()
        if self._written_count < self._committed_count:
            told: asyncio.Future[None] = self._loop.create_future()
            self._readers_waiting.append((self._committed_count, told))
            await told
        if self._closed:
            raise RequestError("busy", "the node is closing")
        return await self._loop.run_in_executor(self._readers, call)

    def _resume(self, query: int) -> Callable[[Any], None]:
        return lambda result: self.run(self._machine.resume, query, result)

    def _read_entries(self, e: effects.ReadEntries) -> None:
        self._read(partial(self._store.read_entries, e.hashes), self._resume(e.query))

    def _read_undisclosed(self, e: effects.ReadUndisclosed) -> None:
        call = partial(self._store.unread_entries, e.conversation, e.feed)
        self._read(call, self._resume(e.query))

    def _read_bare(self, e: effects.ReadBare) -> None:
        self._read(partial(self._store.bare_entries, e.conversation), self._resume(e.query))

    def _read_positions(self, e: effects.ReadPositions) -> None:
        def positions() -> Any:
            row = self._store.message(e.message)
            if row is None or row.conversation != e.conversation:
                return None
            return row, self._store.positions(e.conversation, row.clock, row.hash)

        self._read(positions, self._resume(e.query), None)

    def _read_message(self, e: effects.ReadMessage) -> None:
        self._read(partial(self._store.message, e.message), self._resume(e.query), None)

    def _check(self, e: effects.Check) -> None:
        network = self._machine.network
        half = len(e.entries) // 2

        def checked(part: Sequence[Any]) -> list[Any]:
            return [item for entry in part if (item := check(entry, network)) is not None]

        # Verifying lets go of the interpreter's lock: two halves use two cores.
        first = self._loop.run_in_executor(self._computers, checked, e.entries[:half])
        self._in_pool(
            self._computers,
            partial(checked, e.entries[half:]),
            lambda second: self._join(first, second, self._resume(e.query)),
            [],
        )

    def _join(
        self,
        first: asyncio.Future[list[Any]],
        second: list[Any],
        then: Callable[[Any], None],
    ) -> None:
        if first.done():
            then(first.result() + second)
        else:
            first.add_done_callback(lambda done: then(done.result() + second))

    def _check_records(self, e: effects.CheckRecords) -> None:
        call = partial(read_records, e.records, self._machine.network, e.appointed_by)
        self._in_pool(self._computers, call, self._resume(e.query), [])

    def _compute(self, e: effects.Compute) -> None:
        def job() -> Any:
            try:
                return secrets.perform(e.job, self._machine.identity.sealing)
            except Exception as error:
                return error

        self._in_pool(self._computers, job, self._resume(e.query), None)

    # -- start and end

    async def start(self) -> None:
        self._machine.advance(time.monotonic(), time.time_ns() // 1_000_000)
        self.run(self._machine.start)
        await self._links.start(self, self.identity())
        self.run(self._machine.listening, list(self._links.listening))

    async def discover(self, announcement: Any) -> None:
        await self._discovery.start(self, announcement)
        self.network_changed("start")

    async def close(self) -> None:
        """Goodbye to all, everything stored. The store stays open."""
        if self._closing:
            return
        self._closing = True
        self.run(self._machine.stop)
        await self._discovery.stop()
        await self._links.stop()
        try:
            await asyncio.wait_for(self._idle.wait(), CLOSE_S)
        except TimeoutError:
            log.warning("the disk is slow: what wasn't acknowledged may not be kept")
        self._closed = True
        self._carrying.close()
        if self._timer is not None:
            self._timer.cancel()
        for future in (*self._requests.values(), *(told for _, told in self._readers_waiting)):
            if not future.done():
                future.set_exception(RequestError("busy", "the node is closing"))
        self._writer.end()
        self._readers.shutdown(wait=False, cancel_futures=True)
        self._branches.close()
        self._computers.shutdown(wait=False, cancel_futures=True)
        await self._loop.run_in_executor(None, self._writer.join, CLOSE_S)


def _is_message(write: Write) -> bool:
    """What somebody writes, not the offer of a file: that holds up no transfer."""
    return isinstance(write, PutEntry) and write.entry.header.kind == EntryKind.TEXT
