"""One TLS connection, whatever carries its bytes: handshake, frames, queue, ending.

A carrier (a TCP socket, or a tunnel through a common peer) hands in the bytes that came and takes
those that have to go. The owner hears of what happened: `established` at most once, then frames,
and `ended` exactly once.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import functools
import logging
import ssl
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol, cast

from p2pchat.config import limits
from p2pchat.errors import ProtocolError
from p2pchat.model.frame import RawFrame
from p2pchat.transport.endings import Reason, SelfConnection, reason_of
from p2pchat.transport.frames import (
    PREFIX_BYTES,
    FrameTooLarge,
    next_length,
    pack_length,
    split_frames,
)
from p2pchat.transport.window import Window

log = logging.getLogger("p2pchat.transport")

READ_BYTES = 256 * limits.KIB
"""Read from a socket, and out of TLS, at once: asyncio's throughput grows up to about this."""
TLS_BYTES = 64 * limits.KIB
"""Put through TLS at once, either way. Its buffers grow to this and never shrink, for each link.
Where frames may be large it is READ_BYTES: each go costs a system call and a wake-up."""
LARGE_BYTES = 8 * limits.KIB
"""A frame of which more than this is still to come is read to its own place."""
KEPT_BYTES = 4 * limits.MIB
"""Of memory that frames have left. Until it has seen a block of this size go, glibc gives the place
of each large frame back to the system, and gets the next one page by page (mallopt(3),
M_MMAP_THRESHOLD): 100,000 page faults for 1 GiB."""
WAITING_BYTES = 16 * limits.KIB
"""From a client whose turn hasn't come: until it has an answer it sends one ClientHello."""
CARRIER_HIGH, CARRIER_LOW = 128 * limits.KIB, 32 * limits.KIB
"""Bytes in a carrier above which it takes no more, and below which it does again. What is above
waits unencrypted in the queue. High is below a quarter of QUEUE_BYTES, so that a link that isn't
held up has always drained."""
QUEUED_FRAME_BYTES = 64
"""What a frame in the queue takes besides its bytes: millions of small ones are large."""

_UNIT = limits.TUNNEL_ACK_BYTES


class State(enum.Enum):
    WAITING = enum.auto()
    """For its turn to shake hands."""
    HANDSHAKING = enum.auto()
    OPEN = enum.auto()
    CLOSING = enum.auto()
    """Sends what is queued and takes nothing in."""
    LEAVING = enum.auto()
    """Has said goodbye and waits for the other side's."""
    CLOSED = enum.auto()


class Carrier(Protocol):
    def write(self, data: bytes) -> None: ...

    def backlog(self) -> int:
        """Bytes that it was given and still holds."""
        ...

    def finish(self) -> None:
        """Nothing more will be written; let go of what it holds, then tell the other side."""
        ...

    def abort(self) -> None:
        """Be gone at once. May be called again."""
        ...


class Owner(Protocol):
    """Called on the loop's thread, never from within a method that the owner itself calls."""

    def established(self, connection: Connection, leaf: bytes) -> None:
        """The handshake is done; `leaf` is the peer's certificate (DER). ProtocolError: it won't
        do."""
        ...

    def frames(self, connection: Connection, frames: Sequence[RawFrame]) -> None: ...

    def drained(self, connection: Connection) -> None: ...

    def ended(self, connection: Connection, reason: str) -> None: ...


_Step = Callable[[], None]


@functools.cache
def _keep_memory() -> None:
    """See KEPT_BYTES; glibc remembers it for the process."""
    bytes(KEPT_BYTES)


class Connection:
    """See the module. `window` is for a carrier that can't say when it is full."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        owner: Owner,
        carrier: Carrier,
        context: ssl.SSLContext,
        outgoing: bool,
        scratch: memoryview,
        window: Window | None = None,
    ) -> None:
        self._loop = loop
        self._owner = owner
        self._carrier = carrier
        self._scratch = scratch
        self._window = window
        self.state = State.WAITING
        self.heard = False
        """Whether the other side has sent a single byte."""
        self.delivered = 0
        """Frames handed to the owner."""
        self._proven = False
        """Whether the owner has taken the peer's certificate."""
        self._reason: str = Reason.CLOSED
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=not outgoing)
        self._limit = limits.FRAME_BYTES
        self._at_once = TLS_BYTES
        self._one_by_one = False
        """Whether frames are looked for after each record of TLS: one may begin a large frame,
        whose rest needn't be copied to its place then."""
        self._unfinished = b""
        self._large: bytearray | None = None
        """A frame that is on its way to its own place, of which `_filled` bytes are there."""
        self._filled = 0
        self._queue: deque[bytes | memoryview] = deque()
        """Frames with their lengths, in parts that may leave one by one."""
        self._queued = 0
        self._over = False
        self._held_up = False
        self._gone = 0
        self._deadline: asyncio.TimerHandle | None = loop.call_later(
            limits.TLS_HANDSHAKE_S, self._end, Reason.HANDSHAKE_TIMEOUT
        )
        self._stall: asyncio.TimerHandle | None = None

    # -- called by the owner

    def start(self) -> None:
        """Begin the handshake; the time for it has run since the connection was made."""
        if self.state is not State.WAITING:
            return
        self.state = State.HANDSHAKING
        self._guard(self._shake_hands)

    def allow_large(self) -> None:
        """Frames of BULK_FRAME_BYTES from now on, from either side."""
        self._limit = limits.BULK_FRAME_BYTES
        self._at_once = READ_BYTES
        self._one_by_one = True
        _keep_memory()

    def send(self, frame: bytes, data: memoryview | None = None) -> int:
        """Queue a frame, or one that ends with `data`, for `flush`; what is queued now. Many leave
        together. ValueError: it is empty or above the limit."""
        length = len(frame) if data is None else len(frame) + len(data)
        if not 0 < length <= self._limit:
            raise ValueError(f"a frame of {length} bytes")
        if self.state is not State.OPEN:
            return 0
        if data is not None and self._window is not None:
            # Acknowledgements go between frames, so none may be in parts.
            frame, data = frame + data, None
        self._queue.append(pack_length(length) + frame)
        if data is not None:
            self._queue += (
                data[at : at + self._at_once] for at in range(0, len(data), self._at_once)
            )
        self._queued += PREFIX_BYTES + length
        queued = self._unsent()
        if queued > limits.QUEUE_BYTES:
            self._over = True
            if queued > limits.QUEUE_MAX_BYTES:
                self._end(Reason.OVERFLOW)
        return queued

    def flush(self) -> None:
        """Hand what is queued to the carrier."""
        self._guard(self._flush)

    def close(self, reason: str) -> None:
        """Send what is queued (for CLOSE_FLUSH_S at most), say goodbye, end with `reason`."""
        if self.state in (State.WAITING, State.HANDSHAKING):
            self._end(reason)
        if self.state is not State.OPEN:
            return
        self.state = State.CLOSING
        self._reason = reason
        self._deadline = self._loop.call_later(limits.CLOSE_FLUSH_S, self._end, reason)
        self._loop.call_soon(self._guard, self._flush)

    def abort(self, reason: str) -> None:
        """End at once, whatever is queued."""
        self._end(reason)

    # -- called by the carrier

    def receive(self, data: memoryview | bytes) -> None:
        self.heard = True
        for at in range(0, len(data), self._at_once):
            if self.state in (State.LEAVING, State.CLOSED):
                return
            self._incoming.write(data[at : at + self._at_once])
            self._guard(self._received)

    def lost(self, reason: str = Reason.LOST) -> None:
        """The carrier is gone, or the other side sends nothing more."""
        ours = self.state in (State.CLOSING, State.LEAVING)
        self._end(self._reason if ours else reason)

    def hold_up(self) -> None:
        """The carrier is full."""
        self._held_up = True

    def resume(self) -> None:
        self._held_up = False
        self._guard(self._flush)

    # -- inside

    def _guard(self, step: _Step) -> None:
        """Whatever bytes do to TLS or to the owner ends this connection and nothing else."""
        if self.state is State.CLOSED:
            return
        try:
            step()
        except ssl.SSLError as error:
            log.debug("TLS: %s", error)
            self._say_why()
            self._end(reason_of(error))
        except FrameTooLarge:
            self._end(Reason.FRAME_TOO_LARGE)
        except SelfConnection:
            self._end(Reason.SELF)
        except ProtocolError as error:
            log.debug("connection refused: %s", error)
            self._end(Reason.JUNK if self._proven else Reason.BAD_CERTIFICATE)
        except Exception:
            log.exception("a connection had to be dropped")
            self._end(Reason.INTERNAL)

    def _received(self) -> None:
        if self.state is State.WAITING and self._incoming.pending > WAITING_BYTES:
            self._end(Reason.JUNK)
        if self.state is State.HANDSHAKING:
            self._shake_hands()
        if self.state in (State.OPEN, State.CLOSING):
            self._read()

    def _shake_hands(self) -> None:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._write_out()
            return
        self._write_out()
        leaf = self._tls.getpeercert(True)
        if leaf is None:
            raise ProtocolError("no certificate")
        self._cancel_deadline()
        self.state = State.OPEN
        self._owner.established(self, leaf)
        self._proven = True

    def _read(self) -> None:
        """Everything that has come, told at once: whatever one frame brings about costs as much as
        what many do."""
        more, closed = True, False
        come: list[RawFrame] = []
        while more and not closed:
            if self._large is None:
                frames, more, closed = self._read_small()
            else:
                frames, more, closed = self._read_large(self._large)
            come += frames
        if come:
            self._deliver(come)
        if closed and self.state is not State.CLOSED:
            self.lost(Reason.CLOSED)
        if self.state is not State.CLOSED:
            self._write_out()

    def _read_small(self) -> tuple[Sequence[RawFrame], bool, bool]:
        """Through the scratch buffer: the frames that are whole; then as `_decrypt`."""
        begun = len(self._unfinished)
        if begun:
            self._scratch[:begun] = self._unfinished
        filled, more, closed = self._decrypt(self._scratch, begun, self._one_by_one)
        frames, used = split_frames(self._scratch[:filled], self._limit)
        left = self._scratch[used:filled]
        length = next_length(left)
        if length is not None and PREFIX_BYTES + length - len(left) > LARGE_BYTES:
            self._large, self._filled = bytearray(length), len(left) - PREFIX_BYTES
            with memoryview(self._large) as view:  # a bytearray would copy it once more
                view[: self._filled] = left[PREFIX_BYTES:]
            self._unfinished = b""
        else:
            self._unfinished = bytes(left)
        return frames, more, closed

    def _read_large(self, frame: bytearray) -> tuple[Sequence[RawFrame], bool, bool]:
        """To the place of the frame that has begun."""
        with memoryview(frame) as view:
            self._filled, more, closed = self._decrypt(view, self._filled)
        if self._filled < len(frame):
            return [], more, closed
        self._large = None
        return [frame], more, closed

    def _decrypt(
        self, target: memoryview, filled: int, one_record: bool = False
    ) -> tuple[int, bool, bool]:
        """Fill a buffer from `filled` on: its new fill, whether there is more, and whether the
        other side has closed."""
        size = len(target)
        # typeshed has bytes as the result; into a buffer it is a count.
        read = cast("Callable[[int, memoryview], int]", self._tls.read)  # quoted: making it is slow
        try:
            while self._incoming.pending or self._tls.pending():
                if filled == size:
                    return filled, True, False
                count = read(size - filled, target[filled:])
                if not count:
                    return filled, False, True
                filled += count
                if one_record:
                    return filled, True, False
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            return filled, False, True
        return filled, False, False

    def _deliver(self, frames: Sequence[RawFrame]) -> None:
        if b"" in frames:
            if self._window is None:
                raise ProtocolError("an empty frame")
            acknowledged = frames.count(b"")
            self._window.acknowledged(acknowledged)
            self._gone += acknowledged * limits.TUNNEL_ACK_BYTES
            frames = [frame for frame in frames if frame]
            if self._held_up and not self._window.full:
                self._held_up = False
                self._loop.call_soon(self._guard, self._flush)
        if self._window is not None:
            due = self._window.took(sum(map(len, frames)) + PREFIX_BYTES * len(frames))
            if due:
                self._tls.write(pack_length(0) * due)
                self._write_out()
        if frames and self.state is State.OPEN:
            self.delivered += len(frames)
            self._owner.frames(self, frames)

    def _flush(self) -> None:
        """Hand the queue to the carrier as long as that takes it, much at once."""
        while self._queue and not self._held_up:
            self._tls.write(self._next_chunk())
            if self._window is not None and self._window.full:
                self._held_up = True
            if self._outgoing.pending >= self._at_once or not self._queue or self._held_up:
                self._write_out()
        if self.state is State.CLOSING and not self._queue:
            self._say_goodbye()
        if self.state is not State.OPEN:
            return
        unsent = self._unsent()
        if self._over and unsent < limits.QUEUE_BYTES // 4:
            self._over = False
            self._owner.drained(self)
        if unsent and self._stall is None:
            self._watch(self._progress(), self._loop.time())

    def _next_chunk(self) -> bytes | memoryview:
        """Large parts as they are; whole small frames together, so that an acknowledgement may
        come between chunks."""
        queue = self._queue
        if isinstance(queue[0], memoryview):
            self._queued -= len(queue[0])
            return queue.popleft()
        parts: list[bytes] = []
        size = 0
        while queue and size < TLS_BYTES and isinstance(part := queue[0], bytes):
            parts.append(part)
            size += len(part)
            queue.popleft()
        self._queued -= size
        if self._window is not None:
            self._window.sent(size)
        return b"".join(parts)

    def _write_out(self) -> None:
        """What TLS has to send. Its own messages are few; a peer that makes it write on and on
        without reading is cut off."""
        if not self._outgoing.pending:
            return
        if self._window is None:
            self._gone += self._outgoing.pending
        self._carrier.write(self._outgoing.read())
        if self._carrier.backlog() > limits.QUEUE_BYTES:
            raise ProtocolError("the other side makes TLS write and doesn't read")

    def _unsent(self) -> int:
        """A tunnel's last part-filled unit is never acknowledged, so it doesn't count."""
        queued = self._queued + QUEUED_FRAME_BYTES * len(self._queue)
        if self._window is not None:
            return queued + self._window.in_flight // _UNIT * _UNIT
        return queued + self._carrier.backlog()

    def _progress(self) -> int:
        return self._gone - self._carrier.backlog()

    def _watch(self, before: int, since: float) -> None:
        """Look now and then whether anything leaves, as long as something has to."""
        self._stall = None
        if self.state is not State.OPEN or not self._unsent():
            return
        progress, now = self._progress(), self._loop.time()
        if progress != before:
            before, since = progress, now
        elif now - since >= limits.STALL_S:
            self._end(Reason.STALLED)
            return
        self._stall = self._loop.call_later(limits.STALL_S / 4, self._watch, before, since)

    def _say_goodbye(self) -> None:
        """close_notify, then the end of the stream; the other side's ends the connection."""
        self.state = State.LEAVING
        with contextlib.suppress(ssl.SSLError):
            self._tls.unwrap()
        self._write_out()
        self._carrier.finish()

    def _say_why(self) -> None:
        """The alert that TLS wrote, as far as it goes at once."""
        if self._outgoing.pending and self.state is not State.CLOSED:
            self._carrier.write(self._outgoing.read())

    def _cancel_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _end(self, reason: str) -> None:
        if self.state is State.CLOSED:
            return
        self.state = State.CLOSED
        self._cancel_deadline()
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None
        self._queue.clear()
        self._queued = 0
        self._unfinished, self._large = b"", None
        self._carrier.abort()
        self._loop.call_soon(self._owner.ended, self, reason)
