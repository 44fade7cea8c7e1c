"""The links of a node: the port `Links` over TCP and over tunnels through a common peer.

The sink is never called from within a call to this class: every effect of a call shows in a later
turn of the loop.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import socket
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from p2pchat.config import limits
from p2pchat.model.frame import RawFrame
from p2pchat.model.ids import InstanceId
from p2pchat.node.ports import Address, LinkId, LinkIdentity, LinkInfo, LinkSink
from p2pchat.transport.addresses import address_of
from p2pchat.transport.admission import Admission
from p2pchat.transport.carriers import TcpCarrier, Tunnel, raw_buffer
from p2pchat.transport.connection import Connection
from p2pchat.transport.dialling import connect
from p2pchat.transport.endings import Reason, SelfConnection
from p2pchat.transport.leaf import Credentials, check_leaf, fingerprint, make_credentials
from p2pchat.transport.listen import NOWHERE, open_listeners, open_more
from p2pchat.transport.trouble import TroubleLog
from p2pchat.transport.window import Window

log = logging.getLogger("p2pchat.transport")

RELAYED: Address = ("relayed", 0)
STOP_S = 1.3
"""A little above CLOSE_FLUSH_S; what isn't gone then is cut off."""

_TROUBLES = frozenset(
    {
        Reason.NO_CERTIFICATE,
        Reason.BAD_CERTIFICATE,
        Reason.HANDSHAKE_TIMEOUT,
        Reason.TOO_MANY,
        Reason.FRAME_TOO_LARGE,
        Reason.JUNK,
    }
)


@dataclass(slots=True)
class _Origin:
    """Where a connection comes from, and the link that it became."""

    address: Address
    outgoing: bool
    token: int | None
    relayed: bool
    link: LinkId | None = None


class TlsLinks:
    """See `p2pchat.node.ports.Links`. `listen_host` empty: every address, or those of
    `interfaces` (numeric addresses of this machine, a link-local one with its %zone), from which
    dialling goes out as well. `listen_port` None: the program's own, else the next free one."""

    def __init__(
        self,
        listen_host: str = "",
        listen_port: int | None = None,
        interfaces: Sequence[str] = (),
    ) -> None:
        self._host = listen_host
        self._port = listen_port
        self._interfaces = tuple(interfaces)
        self._servers: dict[Address, asyncio.Server] = {}
        self._bound = 0
        """The port."""
        self._relistening: asyncio.Task[None] | None = None
        self._dials: set[asyncio.Task[None]] = set()
        self._origins: dict[Connection, _Origin] = {}
        self._links: dict[LinkId, Connection] = {}
        self._unflushed: dict[Connection, None] = {}
        """Those that have something new to send."""
        self._flush_due = False
        """Whether the loop will call `_flush_soon`."""
        self._tunnels: dict[int, Tunnel] = {}
        self._accepted: Counter[str] = Counter()
        self._next_link = itertools.count(1)
        self._trouble = TroubleLog()
        self._raw = raw_buffer()
        self._plain = raw_buffer()
        self._stopping = False
        self._all_gone = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop
        self._sink: LinkSink
        self._instance: InstanceId
        self._credentials: Credentials
        self._admission: Admission[Connection]

    # -- Links

    async def start(self, sink: LinkSink, identity: LinkIdentity) -> None:
        self._loop = asyncio.get_running_loop()
        self._sink = sink
        self._instance = identity.instance
        self._stopping = False
        self._admission = Admission(
            self._loop, Connection.start, lambda one: one.abort(Reason.TOO_MANY)
        )
        sockets = await open_listeners(self._host, self._port, self._interfaces)
        try:
            self._credentials = make_credentials(identity)
            for sock in sockets:
                await self._accept_on(sock)
        except BaseException:
            for sock in sockets:
                sock.close()
            raise

    async def _accept_on(self, sock: socket.socket) -> None:
        server = await self._loop.create_server(self._acceptor, sock=sock)
        address = address_of(sock.getsockname())
        self._servers[address] = server
        self._bound = address[1]

    @property
    def listening(self) -> Sequence[Address]:
        return tuple(self._servers)

    def network_changed(self, hosts: Sequence[str]) -> None:
        if not self._interfaces or self._stopping:
            return
        self._interfaces = tuple(hosts) or NOWHERE
        if not self._host:
            before = self._relistening
            self._relistening = self._loop.create_task(self._listen_anew(before))

    async def _listen_anew(self, before: asyncio.Task[None] | None) -> None:
        """On the same port at the addresses of now."""
        if before is not None:
            await before
        for address in [one for one in self._servers if one[0] not in self._interfaces]:
            self._servers.pop(address).close()
        here = {host for host, _ in self._servers}
        for sock in open_more([host for host in self._interfaces if host not in here], self._bound):
            await self._accept_on(sock)

    def dial(self, token: int, address: Address) -> None:
        if self._stopping:
            return
        if len(self._origins) + len(self._dials) >= limits.MAX_LINKS:
            self._loop.call_soon(self._sink.dial_failed, token, address, "unreachable")
            return
        task = self._loop.create_task(self._dial(token, address))
        self._dials.add(task)
        task.add_done_callback(self._dials.discard)

    def tunnel_open(self, token: int, outgoing: bool) -> None:
        if self._stopping or token in self._tunnels:
            return
        if len(self._tunnels) >= limits.RELAY_TUNNELS:
            self._loop.call_soon(self._sink.dial_failed, token, RELAYED, "unreachable")
            return
        tunnel = Tunnel(self._loop, lambda data: self._sink.tunnel_data(token, data))
        self._tunnels[token] = tunnel
        origin = _Origin(RELAYED, outgoing, token, relayed=True)
        connection = Connection(
            self._loop,
            self,
            tunnel,
            self._credentials.client if outgoing else self._credentials.server,
            outgoing,
            self._plain,
            Window(),
        )
        self._origins[connection] = origin
        tunnel.attach(connection)

    def tunnel_receive(self, token: int, data: bytes) -> None:
        tunnel = self._tunnels.get(token)
        if tunnel is not None:
            tunnel.receive(data)

    def tunnel_close(self, token: int) -> None:
        tunnel = self._tunnels.get(token)
        if tunnel is not None:
            tunnel.finish()

    def allow_large(self, link: LinkId) -> None:
        connection = self._links.get(link)
        if connection is not None:
            connection.allow_large()

    def send(self, link: LinkId, frame: bytes, data: memoryview | None = None) -> int:
        connection = self._links.get(link)
        if connection is None:
            return 0
        if not self._flush_due:
            self._flush_due = True
            self._loop.call_soon(self._flush_soon)
        self._unflushed[connection] = None
        return connection.send(frame, data)

    def _flush_soon(self) -> None:
        self._flush_due = False
        self.flush()

    def flush(self) -> None:
        while self._unflushed:
            self._unflushed.popitem()[0].flush()

    def close(self, link: LinkId, reason: str) -> None:
        connection = self._links.get(link)
        if connection is not None:
            connection.close(reason)

    async def stop(self) -> None:
        """Everything is closed and told within STOP_S and a moment."""
        self._stopping = True
        if self._relistening is not None:
            await self._relistening
        for server in self._servers.values():
            server.close()
        self._servers.clear()
        dials = list(self._dials)
        for task in dials:
            task.cancel()
        await asyncio.gather(*dials, return_exceptions=True)
        for connection in list(self._origins):
            connection.close(Reason.STOPPED)
        try:
            async with asyncio.timeout(STOP_S):
                await self._until_all_gone()
        except TimeoutError:
            for connection in list(self._origins):
                connection.abort(Reason.STOPPED)
            await self._until_all_gone()
        if hasattr(self, "_admission"):
            self._admission.stop()

    async def _until_all_gone(self) -> None:
        while self._origins:
            self._all_gone.clear()
            await self._all_gone.wait()

    # -- dialling and accepting

    async def _dial(self, token: int, address: Address) -> None:
        try:
            await connect(
                lambda: TcpCarrier(
                    lambda carrier: self._dialled(carrier, token, address), self._raw
                ),
                address,
                self._interfaces,
            )
        except TimeoutError:
            self._sink.dial_failed(token, address, "timeout")
        except ConnectionRefusedError:
            self._sink.dial_failed(token, address, "refused")
        except OSError as error:
            log.debug("%s port %d: %s", *address, error)
            self._sink.dial_failed(token, address, "unreachable")

    def _dialled(self, carrier: TcpCarrier, token: int, address: Address) -> Connection | None:
        if self._stopping:
            return None
        origin = _Origin(address, True, token, relayed=False)
        connection = self._connection(carrier, origin)
        connection.start()
        return connection

    def _acceptor(self) -> TcpCarrier:
        return TcpCarrier(self._arrived, self._raw)

    def _arrived(self, carrier: TcpCarrier) -> Connection | None:
        assert carrier.transport is not None
        where = carrier.transport.get_extra_info("peername")
        if where is None or self._stopping:
            return None
        address = address_of(where)
        if (
            len(self._links) >= limits.MAX_LINKS
            or self._accepted[address[0]] >= limits.MAX_LINKS_PER_ADDRESS
        ):
            self._report(Reason.TOO_MANY, address)
            return None
        origin = _Origin(address, False, None, relayed=False)
        connection = self._connection(carrier, origin)
        self._admission.arrived(connection, address[0])
        return connection

    def _connection(self, carrier: TcpCarrier, origin: _Origin) -> Connection:
        connection = Connection(
            self._loop,
            self,
            carrier,
            self._credentials.client if origin.outgoing else self._credentials.server,
            origin.outgoing,
            self._plain,
        )
        self._origins[connection] = origin
        return connection

    # -- Owner

    def established(self, connection: Connection, leaf: bytes) -> None:
        voucher = check_leaf(leaf)
        if voucher.instance == self._instance:
            raise SelfConnection("this very process")
        origin = self._origins[connection]
        self._admission.left(connection)
        origin.link = LinkId(next(self._next_link))
        self._links[origin.link] = connection
        if not origin.outgoing and not origin.relayed:
            self._accepted[origin.address[0]] += 1
        info = LinkInfo(
            outgoing=origin.outgoing,
            address=origin.address,
            person_key=voucher.person_key,
            device_key=voucher.device_key,
            instance=voucher.instance,
            own_leaf=self._credentials.fingerprint,
            peer_leaf=fingerprint(leaf),
            relayed=origin.relayed,
        )
        self._sink.link_opened(origin.link, info, origin.token)

    def frames(self, connection: Connection, frames: Sequence[RawFrame]) -> None:
        link = self._origins[connection].link
        assert link is not None
        self._sink.link_frames(link, frames)

    def drained(self, connection: Connection) -> None:
        link = self._origins[connection].link
        assert link is not None
        self._sink.link_drained(link)

    def ended(self, connection: Connection, reason: str) -> None:
        origin = self._origins.pop(connection)
        if not self._origins:
            self._all_gone.set()
        self._admission.left(connection)
        if origin.relayed and origin.token is not None:
            self._tunnels.pop(origin.token, None)
        try:
            if origin.link is not None:
                self._unlink(origin, origin.link, reason)
            elif origin.token is not None:
                self._failed(origin, origin.token, reason, connection.heard)
            elif reason in _TROUBLES:
                self._report(reason, origin.address)
        except Exception:
            log.exception("the end of a connection could not be told")

    def _unlink(self, origin: _Origin, link: LinkId, reason: str) -> None:
        del self._links[link]
        if not origin.outgoing and not origin.relayed:
            host = origin.address[0]
            self._accepted[host] -= 1
            if not self._accepted[host]:
                del self._accepted[host]
        if reason in (Reason.FRAME_TOO_LARGE, Reason.JUNK):
            self._report(reason, origin.address)
        self._sink.link_closed(link, reason)

    def _failed(self, origin: _Origin, token: int, reason: str, heard: bool) -> None:
        if reason in (Reason.BAD_CERTIFICATE, Reason.NO_CERTIFICATE):
            self._report(reason, origin.address)
        self._sink.dial_failed(token, origin.address, _dial_reason(reason, heard))

    def _report(self, reason: str, address: Address) -> None:
        self._trouble.note(reason, address[0], self._loop.time())
        self._sink.link_trouble(reason, address)


def _dial_reason(reason: str, heard: bool) -> str:
    """A listener that closes before it has said a word has no place for us now."""
    if reason == Reason.SELF:
        return "self"
    if reason == Reason.HANDSHAKE_TIMEOUT:
        return "timeout"
    if reason in (Reason.LOST, Reason.CLOSED) and not heard:
        return "refused"
    if reason == Reason.STOPPED:
        return "unreachable"
    return "not-p2pchat"
