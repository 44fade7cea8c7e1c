"""Moves the blocks of files between the disk and the links. What goes where, and when, the
machine says; here are the bytes.

Reading, checking and writing blocks runs in a pool of its own, so that a large file delays neither
the loop nor the store.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from p2pchat.config import limits
from p2pchat.errors import DiskFull, P2PChatError, RequestError
from p2pchat.model.stream import Block, Stream, block_size, kept
from p2pchat.node.ports import Depot, LinkId, Links, Survey
from p2pchat.protocol import effects
from p2pchat.protocol.files import Files
from p2pchat.protocol.swarm.frames import encode_piece

log = logging.getLogger("p2pchat.node")

BATCH = 32
"""Jobs of one visit at most, so that a slow disk is told of soon."""
THREADS = 3
TAIL_S = 10.0
"""How long pieces of what was just shared are kept in memory: later nobody is in a hurry, and what
was deleted meanwhile is to be gone."""
READING_EVERY_S = 0.2
"""How often it is told how far a survey is."""

_Key = tuple[int, bytes, Block]
Done = Callable[[Any], None]


class _Batches:
    """Small jobs, many to one visit of the pool: a visit costs more than to hash and write a piece
    of 32 KiB. What comes while one is under way makes the next."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        in_pool: Callable[..., None],
        run: Callable[..., Any],
    ) -> None:
        self._loop = loop
        self._in_pool = in_pool
        self._run = run
        self._jobs: list[tuple[Callable[[], Any], Done]] = []
        self._busy = False

    def add(self, call: Callable[[], Any], then: Done) -> None:
        """`then` gets the result, or as a RequestError what went wrong, within an input of the
        machine."""
        self._jobs.append((call, then))
        self._go_on()

    def _go_on(self) -> None:
        """With all that comes in this turn of the loop."""
        if self._jobs and not self._busy:
            self._busy = True
            self._loop.call_soon(self._visit)

    def _visit(self) -> None:
        jobs, self._jobs = self._jobs[:BATCH], self._jobs[BATCH:]

        def work() -> list[Any]:
            return [_attempt(call) for call, _ in jobs]

        def done(results: list[Any]) -> None:
            self._busy = False
            self._run(self._settle, jobs, results)
            self._go_on()

        self._in_pool(work, done)

    @staticmethod
    def _settle(jobs: list[tuple[Callable[[], Any], Done]], results: list[Any]) -> None:
        for (_, then), result in zip(jobs, results, strict=True):
            then(result)


class Carrying:
    """`run` calls the machine and performs what it wants; made and used on the loop's thread."""

    def __init__(
        self,
        depot: Depot,
        links: Links,
        files: Files,
        run: Callable[..., Any],
        resume: Callable[[int], Callable[[Any], None]],
    ) -> None:
        self._depot = depot
        self._links = links
        self._exchange = files.exchange
        self._offering = files.offering
        self._run = run
        self._resume = resume
        self._loop = asyncio.get_running_loop()
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="p2pchat-files")
        # Who surveys mustn't keep blocks from being kept and served; nor a large file a small one.
        self._surveyor = ThreadPoolExecutor(2, thread_name_prefix="p2pchat-survey")
        self._surveys: set[int] = set()
        """Queries."""
        self._parts: dict[_Key, list[memoryview]] = {}
        self._given: dict[int, dict[tuple[bytes, Block], memoryview]] = {}
        """Blocks that were read, by the link that they are for, until their end is given."""
        self._sending: dict[int, deque[tuple[effects.GiveBlock, int, memoryview]]] = {}
        """By link what it is given, in order: where the next part begins, and the block."""
        self._full: set[int] = set()
        """Links that take nothing more until they have `drained`."""
        self._large: set[int] = set()
        """Links whose frames may be large."""
        self._recent: OrderedDict[tuple[bytes, Block], memoryview] = OrderedDict()
        """Blocks that came in one part and were kept, the newest last."""
        self._recent_bytes = 0
        self._tail: dict[tuple[Stream, Block], bytes] = {}
        """Pieces of the folder that was shared last, for TAIL_S."""
        self._writes = _Batches(self._loop, self._in_pool, self._run)
        self._folders = _Batches(self._loop, self._in_pool, self._run)
        """Writes of folders' blocks: the one that completes a manifest makes all the files, which
        may be a million."""
        self._reads = _Batches(self._loop, self._in_pool, self._run)
        self._talked_at = -limits.TALK_S
        """When a message was last on its way to the disk."""
        self._closed = False
        self.perform: dict[type, Callable[[Any], None]] = {
            effects.AllowLarge: self._allow_large,
            effects.SurveyPath: self._survey,
            effects.StopSurvey: lambda e: self._surveys.discard(e.query),
            effects.BeginFetch: self._begin,
            effects.FinishFetch: self._finish,
            effects.DiscardStream: lambda e: self._in_pool(self._depot.discard, None, e.stream),
            effects.KeepPart: self._keep_part,
            effects.DropPart: self._drop_part,
            effects.ReadBlock: self._read,
            effects.GiveBlock: self._give,
        }

    def close(self) -> None:
        self._closed = True
        for pool in (self._pool, self._surveyor):
            pool.shutdown(wait=False, cancel_futures=True)

    def talk(self) -> None:
        """A message goes to the disk, and more may follow. What comes of files is written there bit
        by bit meanwhile: a commit would wait for tens of megabytes that the system has gathered and
        writes at once."""
        self._talked_at = self._loop.time()

    # -- whole streams

    def _survey(self, e: effects.SurveyPath) -> None:
        self._surveys.add(e.query)
        told = 0.0

        def going(done: int, total: int) -> bool:
            nonlocal told
            if self._closed or e.query not in self._surveys:
                return False
            if time.monotonic() - told >= READING_EVERY_S:
                told = time.monotonic()
                with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                    self._loop.call_soon_threadsafe(self._tell_reading, e.query, done, total)
            return True

        def work(path: str) -> Any:
            if not going(0, 0):
                raise RequestError("busy", "the reading was ended")
            return self._depot.survey(path, going, e.circle)

        def done(found: Any) -> None:
            self._surveys.discard(e.query)
            if isinstance(found, Survey):
                self._keep_tail(kept(found.stream, e.circle), found.tail)
            self._resume(e.query)(found)

        self._in_pool(work, done, os.path.abspath(e.path), pool=self._surveyor)

    def _keep_tail(self, stream: Stream, tail: tuple[tuple[int, bytes], ...]) -> None:
        self._tail = held = {(stream, Block(0, index)): data for index, data in tail}
        if held:
            self._loop.call_later(TAIL_S, held.clear)

    def _tell_reading(self, query: int, done: int, total: int) -> None:
        if query in self._surveys and not self._closed:
            self._run(self._offering.reading, query, done, total)

    def _begin(self, e: effects.BeginFetch) -> None:
        self._in_pool(self._depot.begin, self._resume(e.query), e.stream, e.circles)

    def _finish(self, e: effects.FinishFetch) -> None:
        self._in_pool(self._depot.finish, self._resume(e.query), e.stream, e.name, e.place)

    # -- blocks that come

    def _keep_part(self, e: effects.KeepPart) -> None:
        key = (e.link, e.file, e.block)
        parts = self._parts.setdefault(key, [])
        parts.append(e.data)
        if e.offset + len(e.data) == block_size(e.stream, e.block):
            del self._parts[key]

            def written(outcome: Any) -> None:
                if outcome is True and len(parts) == 1:
                    self._remember((e.file, e.block), parts[0])
                self._exchange.kept(e.link, e.file, e.block, outcome)

            writes = self._folders if e.stream.manifest else self._writes
            soon = self._loop.time() - self._talked_at < limits.TALK_S
            writes.add(partial(self._depot.write, e.stream, e.block, *parts, soon=soon), written)

    def _remember(self, key: tuple[bytes, Block], data: memoryview) -> None:
        if key not in self._recent:
            self._recent[key] = data
            self._recent_bytes += len(data)
        while self._recent_bytes > limits.SERVE_RECENT_BYTES:
            self._recent_bytes -= len(self._recent.popitem(last=False)[1])

    def _drop_part(self, e: effects.DropPart) -> None:
        self._parts.pop((e.link, e.file, e.block), None)

    # -- blocks that go

    def _read(self, e: effects.ReadBlock) -> None:
        def read(data: Any) -> None:
            if e.link not in self._given:
                return  # closed meanwhile
            here = isinstance(data, bytes | memoryview)
            if self._exchange.read(e.link, e.file, e.block, here) and here:
                self._given[e.link][e.file, e.block] = memoryview(data)

        self._given.setdefault(e.link, {})
        recent = self._recent.get((e.file, e.block)) or self._tail.get((e.stream, e.block))
        if recent is not None:
            self._run(read, recent)
        else:
            self._reads.add(partial(self._depot.read, e.stream, e.block), read)

    def _allow_large(self, e: effects.AllowLarge) -> None:
        self._large.add(e.link)
        self._links.allow_large(LinkId(e.link))

    def _give(self, e: effects.GiveBlock) -> None:
        blocks, key = self._given[e.link], (e.file, e.block)
        data = blocks[key]
        if e.offset + e.size == len(data):
            del blocks[key]
        self._sending.setdefault(e.link, deque()).append((e, e.offset, data))
        if e.link not in self._full:
            self._pump(e.link)

    def drained(self, link: int) -> None:
        self._full.discard(link)
        if link in self._sending:
            self._pump(link)
            self._links.flush()

    def _pump(self, link: int) -> None:
        """Hand to the link as much as it takes now."""
        queue = self._sending[link]
        most = limits.LARGE_PART_BYTES if link in self._large else limits.PART_BYTES
        sent = 0
        while queue and link not in self._full:
            e, at, data = queue.popleft()
            end = min(at + most, e.offset + e.size)
            head = encode_piece(e.file, e.block, at, end - at)
            if self._links.send(LinkId(link), head, data[at:end]) > limits.QUEUE_BYTES:
                self._full.add(link)
            sent += end - at
            if end < e.offset + e.size:
                queue.appendleft((e, end, data))
        if not queue:
            del self._sending[link]
        self._run(self._exchange.sent, link, sent)

    def link_closed(self, link: int) -> None:
        self._large.discard(link)
        self._full.discard(link)
        self._sending.pop(link, None)
        self._given.pop(link, None)
        for key in [key for key in self._parts if key[0] == link]:
            del self._parts[key]

    # -- the pool

    def _in_pool(
        self,
        call: Callable[..., Any],
        then: Callable[[Any], None] | None,
        *args: Any,
        pool: ThreadPoolExecutor | None = None,
    ) -> None:
        """`then` gets the result, or as a RequestError what went wrong."""
        if self._closed:
            return
        future = self._loop.run_in_executor(pool or self._pool, _attempt, call, *args)

        def done(finished: asyncio.Future[Any]) -> None:
            if not finished.cancelled() and not self._closed and then is not None:
                then(finished.result())

        future.add_done_callback(done)


def _attempt(call: Callable[..., Any], *args: Any) -> Any:
    try:
        return call(*args)
    except RequestError as error:
        return error
    except DiskFull as error:
        return RequestError("disk-full", str(error))
    except P2PChatError as error:
        return RequestError("store-failed", str(error))
    except Exception as error:
        log.exception("a file's %s", getattr(call, "__name__", "work"))
        return RequestError("store-failed", str(error))
