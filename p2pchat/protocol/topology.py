"""Which links there are: the overlay's wishes, carried out by dialling, dial-back and tunnels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from p2pchat.model.ids import DeviceId
from p2pchat.model.records import DeviceRow
from p2pchat.protocol import effects, wire
from p2pchat.protocol.announce import Device
from p2pchat.protocol.context import Context
from p2pchat.protocol.directory import Directory
from p2pchat.protocol.ingest import Arrival
from p2pchat.protocol.links import Link, LinkInfo, Links
from p2pchat.protocol.overlay import Overlay


class Topology:
    def __init__(
        self, context: Context, links: Links, overlay: Overlay, directory: Directory
    ) -> None:
        self._ctx = context
        self._links = links
        self._overlay = overlay
        self._directory = directory

    def load(self, devices: Iterable[DeviceRow], connect: Sequence[tuple[str, int]]) -> None:
        for address in connect:
            self._ctx.emit(effects.Dial(self._ctx.number(), address))

    def found(self, source: str, device: str, addresses: Sequence[tuple[str, int]]) -> None:
        id = DeviceId(device)
        if id != self._ctx.identity.device_id and self._links.of(id) is None:
            for address in addresses[:1]:
                self._ctx.emit(effects.Dial(self._ctx.number(), address))

    def connect(self, request: int, address: tuple[str, int]) -> None:
        self._ctx.emit(effects.Dial(self._ctx.number(), address))

    def opened(self, token: int, link: int, info: LinkInfo) -> None: ...
    def dial_failed(self, token: int, address: tuple[str, int], reason: str) -> None: ...
    def tunnel_data(self, token: int, data: bytes) -> None: ...
    def network_changed(self) -> None: ...
    def link_up(self, link: Link) -> None:
        self._overlay.linked(link.device, link.info.outgoing, self._ctx.now)

    def link_down(self, link: Link, reason: str) -> None:
        self._overlay.unlinked(link.device)

    def refused(self, link: Link, reason: str) -> None: ...
    def arrived(self, arrival: Arrival) -> None: ...
    def device_changed(self, device: Device) -> None:
        self.update()

    def update(self) -> None:
        self._overlay.update(self._ctx.now)

    def on_dial_back(self, link: Link, frame: wire.DialBack) -> None: ...
    def on_tunnel(self, link: Link, frame: wire.Tunnel) -> None: ...
