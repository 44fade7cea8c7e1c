"""Connections for files: made when somebody wants one to a device that is linked, closed when
nothing went over them for a while."""

from __future__ import annotations

from collections.abc import Callable

from p2pchat.config import limits
from p2pchat.model.ids import DeviceId
from p2pchat.protocol import effects, wire
from p2pchat.protocol.context import Context, Timer
from p2pchat.protocol.directory import Directory
from p2pchat.protocol.link import Link
from p2pchat.protocol.links import Links

RETRY_S = 5.0
"""After neither side could dial the other."""
YIELD_S = 1.0
"""How long the larger id waits for the smaller one to dial, as it has asked it to."""
BACK_S = 2.0
"""Asking to be dialled more often than this has no effect: whom it makes this node dial, the other
side's record says, and it need not be itself."""
LOOK_S = 15.0
RELAYED = ("relayed", 0)
"""Stands for an address where there is a tunnel only (`node.ports.LinkInfo.address`)."""


class Bulk:
    def __init__(
        self,
        context: Context,
        links: Links,
        directory: Directory,
        idle: Callable[[Link], bool],
        tunnel: Callable[[int, DeviceId], bool],
    ) -> None:
        """`idle`: whether nothing is wanted of or by this link's peer. `tunnel`: begin one more,
        with this token, to a device whose link is one; whether that can be tried."""
        self._ctx = context
        self._links = links
        self._directory = directory
        self._idle = idle
        self._tunnel = tunnel
        self._dials: dict[int, tuple[DeviceId, list[tuple[str, int]]]] = {}
        """By token: whom it is for, and the addresses that are left."""
        self._not_before: dict[DeviceId, float] = {}
        self._back_before: dict[DeviceId, float] = {}
        """When a device that has asked to be dialled may ask again."""
        self._timer: Timer | None = None

    def want(self, device: DeviceId) -> None:
        """See to it that there is a connection to a linked device. Of two that want one at once
        the smaller id dials."""
        link = self._wanting(device)
        if link is None or self._ctx.now < self._not_before.get(device, 0.0):
            return
        if self._ctx.identity.device_id < device:
            self._dial(device, self._addresses(link))
            return
        self._wait(device)
        self._links.send(link.id, wire.BulkBack())
        self._ctx.after(YIELD_S, lambda: self._dial_after_all(device))

    def _wait(self, device: DeviceId) -> None:
        now = self._ctx.now
        if len(self._not_before) > limits.MAX_LINKS:
            self._not_before = {one: at for one, at in self._not_before.items() if at > now}
        self._not_before[device] = now + RETRY_S

    def _wanting(self, device: DeviceId) -> Link | None:
        """The link to a device to which there is no connection for files, nor one in the making."""
        link = self._links.of(device)
        if link is None or self._links.bulk(device) is not None:
            return None
        dialling = any(device == dialled for dialled, _ in self._dials.values())
        return None if dialling else link

    def _dial_after_all(self, device: DeviceId) -> None:
        link = self._wanting(device)
        if link is not None:
            self._dial(device, self._addresses(link))

    def _addresses(self, link: Link) -> list[tuple[str, int]]:
        """Where the link itself came about goes first; for one through a tunnel, RELAYED alone."""
        if link.info.relayed:
            return [RELAYED]
        host, port = link.info.address
        if not link.info.outgoing:
            port = link.hello.port if link.hello is not None else 0
        found = [(host, port)] if port else []
        device = self._directory.device(link.device)
        if device is not None:
            found += [address for address in device.record.addresses if address not in found]
        return found

    def _dial(self, device: DeviceId, addresses: list[tuple[str, int]]) -> None:
        if addresses:
            token = self._ctx.number()
            self._dials[token] = (device, addresses[1:])
            if addresses[0] != RELAYED:
                self._ctx.emit(effects.Dial(token, addresses[0]))
            elif not self._tunnel(token, device):
                del self._dials[token]
                self._wait(device)
            return
        self._wait(device)
        link = self._links.of(device)
        if link is not None and self._ctx.identity.device_id < device:
            self._links.send(link.id, wire.BulkBack())

    def on_bulk_back(self, link: Link) -> None:
        now = self._ctx.now
        if now < self._back_before.get(link.device, 0.0):
            return
        if len(self._back_before) > limits.MAX_LINKS:
            self._back_before = {one: at for one, at in self._back_before.items() if at > now}
        self._back_before[link.device] = now + BACK_S
        self._dial_after_all(link.device)

    # -- what became of the dials

    def opened(self, token: int) -> bool:
        """Whether this was one of them."""
        return self._dials.pop(token, None) is not None

    def dial_failed(self, token: int) -> bool:
        """Whether this was one of them."""
        found = self._dials.pop(token, None)
        if found is not None:
            self._dial(*found)
        return found is not None

    def up(self, link: Link) -> None:
        self._not_before.pop(link.device, None)
        if self._timer is None:
            self._timer = self._ctx.after(LOOK_S, self._look)

    def _look(self) -> None:
        """Close those without use."""
        self._timer = None
        now = self._ctx.now
        for link in self._links.bulks():
            if self._idle(link) and now - link.heard > limits.IDLE_LINK_S:
                self._links.close(link, "idle")
        if self._links.bulks():
            self._timer = self._ctx.after(LOOK_S, self._look)
