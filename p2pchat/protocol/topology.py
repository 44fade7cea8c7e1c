"""Which links there are: the overlay's wishes, carried out by dialling, dial-back and tunnels."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from p2pchat.config import limits
from p2pchat.model.ids import DeviceId, PeerId
from p2pchat.model.people import Peer, Status
from p2pchat.model.records import DeviceRow
from p2pchat.protocol import effects, reach, wire
from p2pchat.protocol.announce import Device
from p2pchat.protocol.candidates import Address, Source
from p2pchat.protocol.context import Context, Timer
from p2pchat.protocol.directory import Directory
from p2pchat.protocol.hashing import device_id_of
from p2pchat.protocol.ingest import Arrival, Road
from p2pchat.protocol.link import Link, LinkInfo
from p2pchat.protocol.links import Links
from p2pchat.protocol.overlay import Mode, Overlay
from p2pchat.protocol.reach import Reach
from p2pchat.protocol.relay import Relay

CACHED = 64
"""Devices seen before that are tried at the start."""
LOOK_AGAIN_S = 5.0
"""How soon after a link that is there for want of others it may be closed after all."""
CONNECT_S = 12.0
"""How long `peers.connect` waits for the other side's name."""
SOURCES = {"mdns": Source.MDNS, "beacon": Source.BEACON}


class Topology:
    def __init__(
        self,
        context: Context,
        links: Links,
        overlay: Overlay,
        directory: Directory,
        peer: Callable[[PeerId], Peer | None],
    ) -> None:
        self._ctx = context
        self._links = links
        self._overlay = overlay
        self._directory = directory
        self._peer = peer
        """The person, once their profile is here."""
        self._reach = Reach(context.identity.device_id, context.rng, context.number, self._carriers)
        self._relay = Relay(context, links, self._tunnel_failed)
        self.on_tunnel = self._relay.on_tunnel
        self.tunnel_again = self._relay.open_another
        self.tunnel_ended = self._relay.ended
        self._timer: Timer | None = None
        self._mode = overlay.mode()
        self._connects: dict[int, int] = {}
        """Requests of `peers.connect`, by the token of their dial."""
        self._greeting: dict[DeviceId, list[int]] = {}
        """Those whose link is there and whose person's profile isn't yet."""

    # -- start

    def load(self, devices: Sequence[DeviceRow], connect: Sequence[Address]) -> None:
        """Try those seen before, and the addresses given by hand."""
        now = self._ctx.now
        for address in connect:
            self._reach.connect(address, now)
        recent = sorted(devices, key=lambda row: row.last_seen, reverse=True)[:CACHED]
        for row in recent:
            self._reach.hint(Source.CACHE, row.id, row.addresses, now, stranger=True)
        self._act()

    # -- hints

    def found(self, source: str, device: str, addresses: Sequence[Address]) -> None:
        id = DeviceId(device)
        stranger = not self._overlay.is_online(id)
        self._reach.hint(SOURCES[source], id, addresses, self._ctx.now, stranger)
        self._act()

    def device_changed(self, device: Device) -> None:
        """Its record came in."""
        online = device.status is not Status.OFFLINE
        if online:
            addresses = device.record.addresses
            self._reach.hint(Source.RECORD, device.id, addresses, self._ctx.now)
        self.update()
        if online:
            # Now and not before: what is being dialled as a stranger and is wanted by this goes on.
            self._reach.known(device.id)
        for request in self._greeting.pop(device.id, ()):
            self._answer(request, device.id)

    def network_changed(self) -> None:
        self._reach.network_changed(self._ctx.now)
        self._act()

    # -- peers.connect

    def connect(self, request: int, address: Address) -> None:
        """Replies with the Peer; `nobody-answered`."""
        token = self._ctx.number()
        self._connects[token] = request
        self._ctx.emit(effects.Dial(token, address))
        self._ctx.after(CONNECT_S, lambda: self._ctx.refuse(request, "nobody-answered"))

    def _answer(self, request: int, device: DeviceId) -> None:
        link = self._links.of(device)
        peer = self._peer(link.person) if link is not None else None
        if peer is not None:
            self._ctx.reply(request, peer)
        else:
            self._greeting.setdefault(device, []).append(request)

    # -- connections

    def opened(self, token: int, info: LinkInfo) -> None:
        """A dial or tunnel of ours has led to a device."""
        device = device_id_of(info.device_key)
        self._reach.dial_opened(token, device, self._ctx.now)
        request = self._connects.pop(token, None)
        if request is not None:
            # At once where there is a link already: this connection may take its place or go.
            self._answer(request, device)
        self._act()

    def dial_failed(self, token: int, reason: str) -> None:
        request = self._connects.pop(token, None)
        if request is not None:
            text = "that is this program itself" if reason == "self" else reason
            self._ctx.refuse(request, "nobody-answered", text)
            return
        self._relay.ended(token)
        self._reach.dial_failed(token, reason, self._ctx.now)
        self._act()

    def _tunnel_failed(self, token: int, reason: str) -> None:
        self._reach.dial_failed(token, reason, self._ctx.now)

    def tunnel_data(self, token: int, data: bytes) -> None:
        self._relay.send(token, data)

    def link_up(self, link: Link) -> None:
        now = self._ctx.now
        self._overlay.linked(link.device, link.info.outgoing, now)
        self._reach.linked(link.device, link.info.relayed, now)
        self.update()
        for request in self._greeting.pop(link.device, ()):
            self._answer(request, link.device)

    def link_down(self, link: Link) -> None:
        """A link is over, also one that never came up."""
        self._relay.ended(link.token)
        self._relay.link_down(link)
        if self._links.of(link.device) is not None or self._links.is_greeting(link.device):
            return
        for request in self._greeting.pop(link.device, ()):
            self._ctx.refuse(request, "nobody-answered")
        self._overlay.unlinked(link.device)
        self._reach.unlinked(link.device, self._ctx.now)
        self.update()

    # -- what the overlay wants

    def update(self) -> None:
        now = self._ctx.now
        changed = self._overlay.update(now)
        if self._mode is not self._overlay.mode():
            self._mode = self._overlay.mode()
            self._directory.show_anew()
        self._reach.explore(limits.EXPLORE_EVERY_S if self._mode is Mode.BOUNDED else 0.0)
        if changed is not None:
            for device in changed.added:
                self._reach.want(device, now)
            for device in changed.removed:
                self._reach.unwant(device)
        superfluous = self._overlay.superfluous(now) if self._is_well_linked() else ()
        for device in superfluous:
            link = self._links.of(device)
            if link is not None:
                self._links.close(link, "idle")
        self._act()

    def _is_well_linked(self) -> bool:
        """Whether enough of the wanted links are up to do without the others: devices that don't
        exist, or can't be reached, are wanted in vain."""
        up = sum(self._links.of(device) is not None for device in self._overlay.wanted)
        return up >= min(limits.RINGS, len(self._overlay.wanted))

    def demand(self, device: DeviceId) -> None:
        """A link to this one is needed for something between the two."""
        self._overlay.demand(device, self._ctx.now)
        self.update()

    def arrived(self, arrival: Arrival) -> None:
        """What is written to one person wants a link to their devices."""
        conversation = arrival.conversation
        if not (conversation.direct and conversation.mine and arrival.road is Road.WRITTEN):
            return
        for person in conversation.row.peers:
            for device in self._directory.of_person(person):
                if device.id != self._ctx.identity.device_id:
                    self.demand(device.id)

    def _act(self) -> None:
        """Perform what is due now, and wake up for what is due next."""
        now = self._ctx.now
        for effect in self._reach.poll(now):
            match effect:
                case reach.DialTo(token=token, address=address):
                    self._ctx.emit(effects.Dial(token, address))
                case reach.AskDialBack(via=via, device=device):
                    self._ask_back(via, self._ctx.identity.device_id, device)
                case reach.OpenTunnel(token=token, via=via, device=device):
                    self._relay.open(token, via, device)
                case reach.GiveUp(device=device):
                    self._directory.unreachable(device)
        reach_due, overlay_due = self._reach.next_deadline(), self._overlay.next_deadline()
        if overlay_due is not None and overlay_due <= now:
            # A link that could be closed, but too few others are up.
            overlay_due = now + LOOK_AGAIN_S
        dues = (reach_due, overlay_due)
        due = min((due for due in dues if due is not None), default=None)
        if self._timer is not None:
            if self._timer.at == due and self._timer.call is not None:
                return
            self._timer.cancel()
        self._timer = self._ctx.after(due - now, self.update) if due is not None else None

    # -- through a common peer

    def _carriers(self, device: DeviceId) -> list[DeviceId]:
        return [
            link.device
            for link in self._links.up()
            if link.device != device and not link.info.relayed
        ]

    def _ask_back(self, via: DeviceId, source: DeviceId, target: DeviceId) -> None:
        link = self._links.of(via)
        if link is not None:
            self._links.send(link.id, wire.DialBack(source, target))

    def on_dial_back(self, link: Link, frame: wire.DialBack) -> None:
        if frame.target == self._ctx.identity.device_id:
            device = self._directory.device(frame.source)
            if device is not None and self._links.of(frame.source) is None:
                addresses = device.record.addresses
                self._reach.dial_back(frame.source, addresses, self._ctx.now)
                self._act()
        elif frame.source == link.device:
            self._ask_back(frame.target, frame.source, frame.target)
