"""A peer that keeps to the handshake and to nothing else, for tests against the real program.

It runs as a process of its own on a host of the LAN: `python hostile.py ATTACK HOST PORT [WORD…]`.
It writes `done` once the attack is over, and keeps its connections until its input ends. The
attacks themselves stand in `hostile_*.py`, each a function that `attack` has registered.
"""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from p2pchat.errors import ProtocolError
from p2pchat.model.entry import Content, EntryKind, Header, OpenBody, TextBody, WireEntry
from p2pchat.model.ids import ConversationId, EntryHash, FeedId, InstanceId
from p2pchat.node.ports import LinkIdentity
from p2pchat.protocol import announce, entries, wire
from p2pchat.protocol.hashing import body_hash, entry_hash, network_tag, open_room_id
from p2pchat.protocol.identity import Identity
from p2pchat.protocol.swarm import frames as swarm
from p2pchat.transport.leaf import Credentials, make_credentials

Address = tuple[str, int]
NETWORK = network_tag("lan")
LOBBY = open_room_id(NETWORK, "lobby")
ASK_AGAIN_S = 1.0
WAIT_S = 20.0


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def new_identity() -> Identity:
    return Identity(os.urandom(32), os.urandom(32))


def link_identity(identity: Identity, instance: bytes = b"") -> LinkIdentity:
    return LinkIdentity(
        person_key=identity.person.key,
        device_key=identity.device.key,
        instance=InstanceId(instance or os.urandom(16)),
        sign_person=identity.person.sign_raw,
        sign_device=identity.device.sign_raw,
    )


# -- entries


@dataclass
class Author:
    """Writes a feed, with whatever in it."""

    identity: Identity = field(default_factory=new_identity)
    conversation: ConversationId = LOBBY
    feed: FeedId | None = None
    seq: int = -1
    tip: bytes = b""

    def __post_init__(self) -> None:
        self.feed = self.feed or FeedId(self.identity.device.key + os.urandom(8))

    def open(self, vouch: bytes | None = None) -> WireEntry:
        """The first entry; with another `vouch` a false one."""
        body = OpenBody(self.identity.person.key, vouch or self.identity.vouch)
        return self.write(EntryKind.OPEN, body)

    def text(self, text: str, **fields: Any) -> WireEntry:
        return self.write(EntryKind.TEXT, TextBody(text), **fields)

    def write(
        self, kind: int, content: Content = None, plain: bytes | None = None, **fields: Any
    ) -> WireEntry:
        """The next entry. `fields` replace those of its header."""
        plain = entries.encode_body(content) if plain is None else plain
        salt = os.urandom(16)
        self.seq += 1
        header = Header(
            version=entries.VERSION,
            conversation=self.conversation,
            feed=self.feed or FeedId(b""),
            seq=self.seq,
            prev=self.tip,
            heads=(),
            clock=now_ms() << 16,
            sent_at=now_ms(),
            kind=kind,
            target=b"",
            body_hash=body_hash(salt, plain),
            key_id=b"",
        )
        made = self.sign(msgspec.structs.replace(header, **fields), salt, plain)
        self.tip = entry_hash(made.header)
        return made

    def sign(self, header: Header, salt: bytes, plain: bytes) -> WireEntry:
        raw = entries.encode_header(header)
        signature = self.identity.device.sign_raw(entries.signed_bytes(NETWORK, raw))
        return WireEntry(raw, signature, salt, plain)

    def back(self, seq: int, tip: bytes) -> None:
        """Go on from an earlier place: what is written now forks the feed."""
        self.seq, self.tip = seq, tip


def hashes(made: Iterable[WireEntry]) -> list[EntryHash]:
    return [entry_hash(entry.header) for entry in made]


# -- links


class Tls:
    """The client's side of TLS over a socket, for one thread that writes and one that reads: an
    `ssl.SSLSocket` isn't for two at once."""

    def __init__(self, sock: socket.socket, context: ssl.SSLContext) -> None:
        self._sock = sock
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._object = context.wrap_bio(self._in, self._out)
        self._state = threading.Lock()
        self._writing = threading.Lock()
        while True:
            try:
                self._object.do_handshake()
                break
            except ssl.SSLWantReadError:
                self._sock.sendall(self._out.read())
                self._feed()
        self._sock.sendall(self._out.read())

    def certificate(self) -> bytes:
        """The other side's, in DER."""
        return self._object.getpeercert(True) or b""

    def settimeout(self, seconds: float) -> None:
        self._sock.settimeout(seconds)

    def sendall(self, data: bytes) -> None:
        with self._writing:
            with self._state:
                self._object.write(data)
                sealed = self._out.read()
            self._sock.sendall(sealed)

    def recv(self, count: int) -> bytes:
        """b"" at the end."""
        while True:
            with self._state:
                try:
                    return self._object.read(count)
                except ssl.SSLWantReadError:
                    pass
                except ssl.SSLZeroReturnError:
                    return b""
            self._feed()

    def _feed(self) -> None:
        data = self._sock.recv(1 << 16)
        if not data:
            raise ConnectionResetError("the other side has closed")
        with self._state:
            self._in.write(data)

    def close(self) -> None:
        self._sock.close()


class Peer:
    """A link of a hostile device that has proven who it is and said Hello."""

    def __init__(
        self,
        address: Address,
        identity: Identity | None = None,
        hello: bool = True,
        reads: bool = True,
        instance: bytes = b"",
        **hello_fields: Any,
    ) -> None:
        """`reads`: take what comes; else the socket is left full. `instance`: of the process, where
        several connections are to be one's."""
        self.identity = identity or new_identity()
        self.frames: list[Any] = []
        """Of a link, or after Hello those of a connection for files."""
        self._bulk = hello_fields.get("purpose") == wire.BULK
        self.closed = threading.Event()
        self._news = threading.Condition()
        credentials = make_credentials(link_identity(self.identity, instance))
        self.own_leaf = credentials.fingerprint
        self.tls = Tls(connect(address), credentials.client)
        if hello:
            self.hello(**hello_fields)
        if reads:
            threading.Thread(target=self._read, daemon=True).start()

    def hello(self, **fields: Any) -> None:
        said = wire.Hello(
            low=1,
            high=1,
            network=NETWORK,
            nonce=os.urandom(32),
            wall_ms=now_ms(),
            code=False,
            port=0,
            agent="hostile",
        )
        self.send(msgspec.structs.replace(said, **fields))

    def send(self, *frames: wire.Frame) -> None:
        """OSError where the other side has closed."""
        self.send_raw(b"".join(packed(wire.encode(frame)) for frame in frames))

    def send_raw(self, data: bytes) -> None:
        self.tls.sendall(data)

    def flood(self, data: bytes, seconds: float) -> int:
        """Write the same bytes again and again, until the time is up or the link is closed."""
        ends = time.monotonic() + seconds
        count = 0
        with contextlib.suppress(OSError):
            while time.monotonic() < ends and not self.closed.is_set():
                self.send_raw(data)
                count += 1
        return count

    def say(self, willing: bool = False, **fields: Any) -> None:
        """One's profile and device records, as a peer does that is to be believed; `fields` are
        the profile's."""
        # Above that of a record of the same millisecond that said otherwise.
        counter = now_ms() + (1000 if willing else 0)
        one = device(self.identity, willing=willing, counter=counter)
        records = profile(self.identity, **fields), one
        self.send(wire.Records(records[:1], records[1:]))

    def wait(
        self,
        kind: type,
        condition: Callable[[Any], bool] = lambda _: True,
        timeout: float = WAIT_S,
    ) -> Any:
        """The first frame of this kind; TimeoutError."""
        with self._news:
            ends = time.monotonic() + timeout
            at = 0
            while True:
                for frame in self.frames[at:]:
                    if isinstance(frame, kind) and condition(frame):
                        return frame
                at = len(self.frames)
                if not self._news.wait(max(0.0, ends - time.monotonic())):
                    raise TimeoutError(f"no {kind.__name__}")

    def wait_more(self, seen: int, timeout: float | None = None) -> None:
        """Until more frames than these have come, or none will, or the time is up."""
        with self._news:
            self._news.wait_for(lambda: len(self.frames) > seen or self.closed.is_set(), timeout)

    def wait_taken(self) -> None:
        """Until the node has taken all that was sent over this link: frames keep their order. A
        node that has much to say leaves a Ping unanswered, so that it is asked again."""
        number = int.from_bytes(os.urandom(7), "big")
        ends = time.monotonic() + WAIT_S
        while True:
            self.send(wire.Ping(number))
            try:
                self.wait(wire.Pong, lambda frame: bool(frame.number == number), ASK_AGAIN_S)
                return
            except TimeoutError:
                if time.monotonic() > ends:
                    raise

    def expect_closed(self) -> None:
        if not self.closed.wait(WAIT_S):
            raise TimeoutError("the link wasn't closed")

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.tls.close()

    def _read(self) -> None:
        with contextlib.suppress(OSError, EOFError):
            while True:
                data = self._exactly(int.from_bytes(self._exactly(4), "big"))
                with self._news:
                    self.frames.append(self._decode(data))
                    self._news.notify_all()
        self.closed.set()
        with self._news:
            self._news.notify_all()

    def _decode(self, data: bytes) -> Any:
        if self._bulk and self.frames:
            with contextlib.suppress(ProtocolError):
                return swarm.decode(data)
        return wire.decode(data)

    def _exactly(self, count: int) -> bytes:
        parts = b""
        while len(parts) < count:
            part = self.tls.recv(count - len(parts))
            if not part:
                raise EOFError
            parts += part
        return parts


def connect(address: Address, timeout: float = WAIT_S) -> socket.socket:
    return socket.create_connection(address, timeout)


def connect_tls(address: Address, credentials: Credentials) -> ssl.SSLSocket:
    return credentials.client.wrap_socket(connect(address))


def packed(frame: bytes) -> bytes:
    return len(frame).to_bytes(4, "big") + frame


# -- records


def profile(identity: Identity, name: str = "Mallory", note: str = "", **fields: Any) -> bytes:
    """A signed profile; the fields need not be within their limits."""
    record = announce.ProfileRecord(
        person_key=identity.person.key,
        seal_key=identity.sealing.public,
        name=name,
        note=note,
        avatar=b"",
        clock=now_ms(),
    )
    return signed_profile(identity, msgspec.structs.replace(record, **fields))


def signed_profile(identity: Identity, record: Any) -> bytes:
    payload = msgspec.msgpack.encode(record)
    signature = identity.person.sign(announce.PROFILE_CONTEXT, payload)
    return msgspec.msgpack.encode((payload, signature))


def device(identity: Identity, padding: bytes = b"", **fields: Any) -> bytes:
    """A signed device record; `padding` is a field of a later version."""
    record = announce.DeviceRecord(
        device_key=identity.device.key,
        person_key=identity.person.key,
        vouch=identity.vouch,
        instance=InstanceId(os.urandom(16)),
        counter=now_ms(),
        status="online",
        addresses=(),
        rooms=(),
        wall_ms=now_ms(),
    )
    values = list(msgspec.structs.astuple(msgspec.structs.replace(record, **fields)))
    payload = msgspec.msgpack.encode([*values, padding] if padding else values)
    signature = identity.device.sign(announce.DEVICE_CONTEXT, NETWORK, payload)
    return msgspec.msgpack.encode((payload, signature))


# -- attacks

Attack = Callable[..., object]
ATTACKS: dict[str, Attack] = {}


def attack(function: Attack) -> Attack:
    """Register an attack under its function's name. What it returns is kept till the end."""
    ATTACKS[function.__name__] = function
    return function


def main(words: list[str]) -> None:
    name, host, port, *more = words
    os.nice(10)  # it stands for another machine, so it takes no time from the others' cores
    kept = ATTACKS[name]((host, int(port)), *more)
    sys.stdout.write("done\n")
    sys.stdout.flush()
    sys.stdin.read()
    del kept
