"""Passing on for two that can't dial each other: TLS bytes of a tunnel through a common peer.

Whoever begins is the `source` of the tunnel for as long as it lives; frames go forward to the
`target` or back. The one in the middle sees sealed bytes, and carries a bounded number of tunnels.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from p2pchat.config import limits
from p2pchat.model.ids import DeviceId
from p2pchat.protocol import effects, wire
from p2pchat.protocol.context import Context
from p2pchat.protocol.link import Link
from p2pchat.protocol.links import Links


class _End(msgspec.Struct, frozen=True):
    """This node's end of a tunnel."""

    via: DeviceId
    source: DeviceId
    target: DeviceId
    number: int


class Relay:
    def __init__(self, context: Context, links: Links, failed: Callable[[int, str], None]) -> None:
        self._ctx = context
        self._links = links
        self._failed = failed
        """Told of the token of an outgoing tunnel that couldn't be opened, and why."""
        self._ends: dict[int, _End] = {}
        self._tokens: dict[_End, int] = {}
        self._carried: dict[tuple[DeviceId, DeviceId, int], None] = {}

    # -- the ends

    def open(self, token: int, via: DeviceId, target: DeviceId) -> None:
        """Begin a tunnel to `target`; the transport runs TLS through it."""
        own = self._ctx.identity.device_id
        link = self._links.of(via)
        if link is None:
            self._failed(token, "unreachable")
            return
        self._add(token, _End(via, own, target, token))
        frame = wire.Tunnel(own, target, token, back=False, opening=True, data=b"")
        self._links.send(link.id, frame)
        self._ctx.emit(effects.TunnelOpen(token, True))

    def open_another(self, token: int, target: DeviceId) -> bool:
        """Begin one more tunnel to a device, the way that one to it goes already; false where
        there is none."""
        for end in self._ends.values():
            if target in (end.source, end.target) and len(self._ends) < limits.RELAY_TUNNELS:
                self.open(token, end.via, target)
                return True
        return False

    def _add(self, token: int, end: _End) -> None:
        self._ends[token] = end
        self._tokens[end] = token

    def send(self, token: int, data: bytes) -> None:
        """TLS bytes from the transport."""
        end = self._ends.get(token)
        link = self._links.of(end.via) if end is not None else None
        if end is None or link is None:
            return
        back = end.source != self._ctx.identity.device_id
        frame = wire.Tunnel(end.source, end.target, end.number, back, False, data)
        self._links.send(link.id, frame)

    def ended(self, token: int | None) -> None:
        """The connection that ran through the tunnel is over."""
        end = self._ends.pop(token, None) if token is not None else None
        if end is None or token is None:
            return
        del self._tokens[end]
        link = self._links.of(end.via)
        if link is not None:
            back = end.source != self._ctx.identity.device_id
            frame = wire.Tunnel(end.source, end.target, end.number, back, False, b"")
            self._links.send(link.id, frame)

    # -- frames

    def on_tunnel(self, link: Link, frame: wire.Tunnel) -> None:
        own = self._ctx.identity.device_id
        if own == (frame.source if frame.back else frame.target):
            self._arrived(link, frame)
        elif link.device == (frame.target if frame.back else frame.source):
            self._carry(link, frame)

    def _arrived(self, link: Link, frame: wire.Tunnel) -> None:
        end = _End(link.device, frame.source, frame.target, frame.number)
        token = self._tokens.get(end)
        if frame.opening and token is None and not frame.back:
            if len(self._ends) < limits.RELAY_TUNNELS:
                token = self._ctx.number()
                self._add(token, end)
                self._ctx.emit(effects.TunnelOpen(token, False))
        elif token is not None and frame.data:
            self._ctx.emit(effects.TunnelReceive(token, frame.data))
        elif token is not None and not frame.opening:
            del self._tokens[end], self._ends[token]
            self._ctx.emit(effects.TunnelClose(token))

    def _carry(self, link: Link, frame: wire.Tunnel) -> None:
        key = (frame.source, frame.target, frame.number)
        onward = self._links.of(frame.source if frame.back else frame.target)
        if frame.opening and not frame.back and len(self._carried) < limits.RELAY_TUNNELS:
            self._carried[key] = None
        closing = not frame.opening and not frame.data
        if key not in self._carried or onward is None or onward.choked or onward.info.relayed:
            # TLS can't lose bytes: a tunnel that stalls ends.
            self._carried.pop(key, None)
            if not closing:
                answer = wire.Tunnel(
                    frame.source, frame.target, frame.number, not frame.back, False, b""
                )
                self._links.send(link.id, answer)
            return
        if closing:
            del self._carried[key]
        self._links.send(onward.id, frame)

    def link_down(self, link: Link) -> None:
        for end, token in list(self._tokens.items()):
            if end.via == link.device:
                del self._tokens[end], self._ends[token]
                self._ctx.emit(effects.TunnelClose(token))
        for key in [key for key in self._carried if link.device in key[:2]]:
            del self._carried[key]
            other = self._links.of(key[1] if key[0] == link.device else key[0])
            if other is not None:
                back = key[0] != link.device
                frame = wire.Tunnel(key[0], key[1], key[2], not back, False, b"")
                self._links.send(other.id, frame)
