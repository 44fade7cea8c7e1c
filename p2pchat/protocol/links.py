"""The links of a node: Hello, versions and network, one link a device, pings, and twins.

A link begins when TLS has proven the peer's keys. It is up when Hello has gone both ways and, where
a network code is set, that is proven; before that no frame of the peer is looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from p2pchat.config import limits
from p2pchat.errors import ProtocolError
from p2pchat.model.frame import RawFrame
from p2pchat.model.ids import DeviceId, InstanceId, PeerId
from p2pchat.protocol import effects, wire
from p2pchat.protocol.buckets import SourceBuckets
from p2pchat.protocol.context import Context, Timer
from p2pchat.protocol.hashing import device_id_of, peer_id_of
from p2pchat.protocol.link import Link, LinkEvents, LinkInfo, LinkState
from p2pchat.protocol.twins import Twins

TURN_BYTES = 4 * limits.QUEUE_BYTES
"""What one input may send to one link; above, it is choked before the transport says so."""
QUIET_S = 1.0
"""Of two links begun by either side the worse one is closed at once, unless the other one hasn't
been heard for so long: the peer may have lost it, and dialled again."""
PING_LOOK_S = 1.5
"""Between two looks for quiet links."""
STALLED_S = 1.0
"""A timer that comes later than this says that this machine stood still, not its peers."""
BULK_LINKS = 2
"""Of one device: both may dial at once."""
EARLY_FRAMES = 64
"""Kept of a link that waits for its turn: the greeting of a peer, and a few more."""
PUSHED_AT_ONCE, PUSHED_PER_S = 12_000.0, 8_000.0
"""Entries pushed by one machine; what is above is dropped, and sync brings it later. To check and
store so many takes most of a core."""


class Links:
    def __init__(
        self,
        context: Context,
        events: LinkEvents,
        instance: InstanceId,
        agent: str,
        code: bool,
        port: Callable[[], int],
    ) -> None:
        self._ctx = context
        self._events = events
        self._instance = instance
        self._agent = agent
        self._code = code
        self._port = port
        self._links: dict[int, Link] = {}
        self._up: dict[DeviceId, Link] = {}
        self._bulk: dict[DeviceId, list[Link]] = {}
        self._ping_timer: Timer | None = None
        self._pushed = SourceBuckets(PUSHED_AT_ONCE, PUSHED_PER_S, limits.MAX_LINKS)
        self._twins = Twins(context, instance, self.send, self._pair, events.twin_found)

    # -- looking up

    def get(self, link: int) -> Link | None:
        return self._links.get(link)

    def of(self, device: DeviceId) -> Link | None:
        """The link to a device that is up."""
        return self._up.get(device)

    def is_greeting(self, device: DeviceId) -> bool:
        """Whether a connection to it is here that isn't up yet."""
        return any(link.device == device and not link.up for link in self._links.values())

    def bulk(self, device: DeviceId) -> Link | None:
        """A connection for files to a device."""
        found = self._bulk.get(device)
        return found[0] if found else None

    def bulks(self) -> list[Link]:
        return [link for beside in self._bulk.values() for link in beside]

    def of_person(self, person: PeerId) -> list[Link]:
        return [link for link in self._up.values() if link.person == person]

    def up(self) -> list[Link]:
        return list(self._up.values())

    # -- sending

    def send(self, link: int, frame: wire.Frame) -> None:
        found = self._links.get(link)
        if found is not None:
            self.send_all((found,), frame)

    def send_all(self, links: Sequence[Link], frame: wire.Frame) -> None:
        if not links:
            return
        data = wire.encode(frame)
        for link in links:
            if link.turn != self._ctx.turn:
                link.turn, link.told_bytes = self._ctx.turn, 0
            link.told_bytes += len(data)
            # The transport will say so of the same bytes, but only after this turn.
            link.choked |= link.told_bytes > TURN_BYTES
        self._ctx.emit(effects.Send(tuple(link.id for link in links), data))

    def close(self, link: Link, reason: str) -> None:
        """Say why and close; everything else hears of it at once."""
        if link.state is LinkState.CLOSED:
            return
        self.send(link.id, wire.Goodbye(reason))
        self._ctx.emit(effects.CloseLink(link.id, reason))
        self._drop(link, reason)

    def goodbye(self) -> None:
        for link in list(self._links.values()):
            self.close(link, "leaving")

    # -- what the transport tells

    def opened(self, id: int, info: LinkInfo, token: int | None, bulk: bool = False) -> None:
        """`bulk`: it was dialled for files."""
        link = Link(
            id=id,
            info=info,
            token=token,
            device=device_id_of(info.device_key),
            person=peer_id_of(info.person_key),
            nonce=self._ctx.rng.randbytes(32),
            opened=self._ctx.now,
            heard=self._ctx.now,
            bulk=bulk,
        )
        second = not bulk and self._is_begun(info, link.device)
        self._links[id] = link
        if second:
            # Without a word: the other side would take it for all that is left.
            self._ctx.emit(effects.CloseLink(id, "duplicate"))
            self._drop(link, "duplicate")
            return
        link.timer = self._ctx.after(limits.HELLO_S, lambda: self._too_slow(link))
        hello = wire.Hello(
            low=wire.VERSION_LOW,
            high=wire.VERSION_HIGH,
            network=self._ctx.network,
            nonce=link.nonce,
            wall_ms=self._ctx.wall_ms,
            code=self._code,
            port=self._port(),
            agent=self._agent,
            purpose=wire.BULK if bulk else 0,
        )
        self.send(id, hello)

    def _is_begun(self, info: LinkInfo, device: DeviceId) -> bool:
        """Whether this side has begun another connection to this process that is alive, as by two
        of its addresses. Were both to come up, each side could take another one for the newer."""
        return any(
            info.outgoing
            and link.info.outgoing
            and not link.bulk
            and link.device == device
            and link.info.instance == info.instance
            and link.info.relayed == info.relayed
            and self._ctx.now - link.heard < QUIET_S
            for link in self._links.values()
        )

    def closed(self, id: int, reason: str) -> None:
        link = self._links.get(id)
        if link is None:
            return
        if reason in ("junk", "frame-too-large"):
            self._events.link_refused(link, "protocol")
        self._drop(link, reason)

    def frames(self, id: int, batch: Sequence[RawFrame]) -> None:
        link = self._links.get(id)
        if link is None:
            return
        link.heard = self._ctx.now
        for data in batch:
            if link.state is LinkState.CLOSED:
                return
            try:
                self._frame(link, data)
            except wire.UnknownFrame:
                continue
            except ProtocolError:
                self._events.link_refused(link, "protocol")
                self.close(link, "protocol")

    def _frame(self, link: Link, data: RawFrame) -> None:
        if link.state is LinkState.GREETING:
            self._greeted(link, wire.decode_hello(data))
            return
        if link.state is LinkState.BULK and not wire.is_goodbye(data):
            self._events.bulk_frame(link, data)
            return
        frame = wire.decode(data)
        match frame:
            case wire.Ping(number=number):
                if not link.choked:  # else what waits to go out says as much
                    self.send(link.id, wire.Pong(number))
            case wire.Pong():
                link.pinged = None
                self._answered(link)
            case wire.Goodbye(reason=reason):
                self._ctx.emit(effects.CloseLink(link.id, reason))
                if reason in ("wrong-code", "other-network", "other-version", "blocked"):
                    self._events.link_refused(link, reason)
                self._drop(link, reason)
            case wire.Twin():
                self._twins.on_twin(link, frame)
            case wire.Hello():
                raise ProtocolError("Hello came twice")
            case _:
                if link.up or isinstance(frame, wire.Pake):
                    self._events.link_frame(link, frame)
                elif link.state is LinkState.WAITING:
                    if len(link.early) >= EARLY_FRAMES:
                        raise ProtocolError("too much before its turn")
                    link.early.append(data)

    # -- Hello

    def _greeted(self, link: Link, hello: wire.Hello | wire.Goodbye) -> None:
        if isinstance(hello, wire.Goodbye):
            self._ctx.emit(effects.CloseLink(link.id, hello.reason))
            self._events.link_refused(link, hello.reason)
            self._drop(link, hello.reason)
            return
        link.hello = hello
        link.offset_ms = hello.wall_ms - self._ctx.wall_ms
        link.epoch_ms = hello.wall_ms - int(self._ctx.now * 1000)
        refusal = self._refusal(link, hello)
        if refusal:
            self._events.link_refused(link, refusal)
            self.close(link, refusal)
        elif link.bulk or (hello.purpose == wire.BULK and not link.info.outgoing):
            self._attach(link)
        elif link.device == self._ctx.identity.device_id:
            # The same keys in another process: a copy of this profile runs elsewhere.
            self._events.twin_found(link.info.instance)
            self.close(link, "duplicate")
        elif self._code:
            link.state = LinkState.PROVING
            self._events.link_proving(link)
        else:
            self.proven(link)

    def _attach(self, link: Link) -> None:
        """A connection for files stands beside a link of the same process, which has proven all
        that has to be."""
        main = self._up.get(link.device)
        beside = self._bulk.get(link.device, [])
        if main is None or main.info.instance != link.info.instance or len(beside) >= BULK_LINKS:
            self.close(link, "duplicate")
            return
        self._bulk[link.device] = beside
        link.bulk, link.state = True, LinkState.BULK
        if link.timer is not None:
            link.timer.cancel()
        beside.append(link)
        if not link.info.relayed:  # a tunnel is acknowledged by whole frames
            self._ctx.emit(effects.AllowLarge(link.id))
        self._events.bulk_up(link)

    def _refusal(self, link: Link, hello: wire.Hello) -> str:
        if hello.network != self._ctx.network:
            return "other-network"
        if hello.low > wire.VERSION_HIGH or hello.high < wire.VERSION_LOW:
            return "other-version"
        if hello.code != self._code:
            return "wrong-code"
        return ""

    def proven(self, link: Link) -> None:
        """Hello has gone both ways and the network code, if there is one, is proven."""
        if link.state not in (LinkState.GREETING, LinkState.PROVING):
            return
        old = self._up.get(link.device)
        if old is None:
            self._rise(link)
            return
        better = self._better(link, old)
        quiet = self._ctx.now - old.heard >= QUIET_S
        waits = old.info.instance != link.info.instance or (quiet and not better)
        if not waits and not better:
            self.close(link, "duplicate")
            return
        if old.rival is not None:  # it would take the old one's place as well
            self.close(old.rival, "duplicate")
        if waits:
            link.state = LinkState.WAITING
            old.rival = link
            self._ping(old)
            self._ctx.after(limits.REPLACE_PING_S, lambda: self._silent(old))
        else:
            self.close(old, "duplicate")
            self._rise(link)

    def _better(self, link: Link, old: Link) -> bool:
        """Both dialled at once: the one that the smaller device began stays. The same side
        twice: it no longer had the older one. A direct one goes before a tunnel."""
        if link.info.relayed != old.info.relayed:
            return old.info.relayed
        if link.info.outgoing == old.info.outgoing:
            return True
        began_here = self._ctx.identity.device_id < link.device
        return link.info.outgoing == began_here

    def _rise(self, link: Link) -> None:
        link.state = LinkState.UP
        if link.timer is not None:
            link.timer.cancel()
        self._up[link.device] = link
        if self._ping_timer is None:
            self._ping_timer = self._ctx.after(PING_LOOK_S, self._ping_all)
        self._events.link_up(link)
        early, link.early = link.early, []
        self.frames(link.id, early)

    def _too_slow(self, link: Link) -> None:
        if link.state in (LinkState.GREETING, LinkState.PROVING):
            self.close(link, "protocol")

    # -- two instances of one device

    def _answered(self, link: Link) -> None:
        """The older link lives, so the profile runs twice: both are told, and stay."""
        rival = link.rival
        if rival is None or rival.told or rival.state is not LinkState.WAITING:
            return
        if rival.info.instance == link.info.instance:
            self.close(rival, "duplicate")
            return
        rival.told = True
        self._twins.tell(link, rival)

    def _pair(self, link: Link) -> Link | None:
        """The link to the other instance of this device."""
        if link.state is LinkState.WAITING:
            return self._up.get(link.device)
        waits = link.rival is not None and link.rival.state is LinkState.WAITING
        return link.rival if waits else None

    def _silent(self, old: Link) -> None:
        rival = old.rival
        if rival is not None and not rival.told and rival.state is LinkState.WAITING:
            self.close(old, "duplicate")

    # -- liveness

    def _ping(self, link: Link) -> None:
        if link.pinged is None:
            link.pinged = self._ctx.now
            self.send(link.id, wire.Ping(self._ctx.number()))

    def _ping_all(self) -> None:
        """Ask those that are quiet whether they are there."""
        now = self._ctx.now
        for link in self.up():
            waits = link.due and link.heard < (link.pinged or 0.0)
            if not waits and now - link.heard >= limits.PING_AFTER_S:
                self._probe(link, limits.PING_TIMEOUT_S)
        self._ping_timer = self._ctx.after(PING_LOOK_S, self._ping_all) if self._up else None

    def probe(self) -> None:
        """The machine woke up or changed its network: find out at once which links are dead."""
        for link in self.up():
            self._probe(link, limits.REPLACE_PING_S)

    def _probe(self, link: Link, timeout: float) -> None:
        if link.heard >= (link.pinged or 0.0):
            link.pinged = None
        self._ping(link)
        link.due = self._ctx.now + timeout
        self._ctx.after(timeout, partial(self._overdue, link, link.due))

    def _overdue(self, link: Link, due: float) -> None:
        if link.due != due or not link.up:
            return
        link.due = 0.0
        if link.heard >= (link.pinged or 0.0):
            link.pinged = None
            return
        if self._ctx.now - due > STALLED_S or link.choked:
            # This machine stood still, or the Ping stands behind all that waits to go out.
            link.pinged = None
            self._probe(link, limits.PING_TIMEOUT_S)
        else:
            self.close(link, "silent")

    # -- the end of a link

    def _drop(self, link: Link, reason: str) -> None:
        was_up, was_bulk = link.up, link.state is LinkState.BULK
        link.state = LinkState.CLOSED
        if link.timer is not None:
            link.timer.cancel()
        self._links.pop(link.id, None)
        if self._up.get(link.device) is link:
            del self._up[link.device]
        rival = link.rival
        if was_bulk:
            self._bulk[link.device].remove(link)
            self._events.bulk_down(link)
        elif was_up:
            for bulk in list(self._bulk.get(link.device, ())):
                self.close(bulk, reason)
            self._bulk.pop(link.device, None)
            self._events.link_down(link, reason)
        else:
            self._events.link_failed(link, reason)
        if rival is not None and rival.state is LinkState.WAITING:
            self._rise(rival)

    # -- flow

    def allow(self, link: Link, entries: int) -> bool:
        """Whether so many pushed entries are within the rate of the peer's machine."""
        return self._pushed.take(link.source, entries, self._ctx.now)
