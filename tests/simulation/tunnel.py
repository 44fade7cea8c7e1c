"""Links that run through a third host, as frames of the program itself carry them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from p2pchat.config import limits
from p2pchat.node.ports import LinkId

if TYPE_CHECKING:
    from fabric import Fabric
    from host import Host

OPEN, ACCEPT, FRAME, CLOSE = b"O", b"A", b"F", b"C"
"""Stand-ins for the bytes of TLS; the tunnel's number follows each."""


class Tunnel:
    def __init__(self, fabric: Fabric, dialler: Host, token: int) -> None:
        self._fabric = fabric
        self.number = len(fabric.tunnels) + 1
        fabric.tunnels[self.number] = self
        self._tokens = {dialler: token}
        self._links: dict[Host, LinkId] = {}
        self._dialler = dialler
        dialler.tunnels[token] = self
        self._tell(dialler, OPEN)
        dialler.later(limits.HELLO_S, lambda: self._fail("timeout"))

    def _tell(self, host: Host, kind: bytes, payload: bytes = b"") -> None:
        data = kind + self.number.to_bytes(8, "big") + payload
        token = self._tokens.get(host)
        if token is not None:
            host.later(1e-4, lambda: host.run(host.machine.tunnel_data, token, data))

    def receive(self, host: Host, token: int, kind: bytes, payload: bytes) -> None:
        if kind == OPEN and host not in self._tokens:
            self._tokens[host] = token
            host.tunnels[token] = self
            self._tell(host, ACCEPT)
            self._open(host, self._dialler, None)
        elif kind == ACCEPT and host is self._dialler and host not in self._links:
            other = next(other for other in self._tokens if other is not host)
            self._open(host, other, token)
        elif kind == FRAME and host in self._links:
            host.frames(self._links[host], payload)
        elif kind == CLOSE:
            self.end(host)

    def _open(self, host: Host, peer: Host, token: int | None) -> None:
        if peer.up:
            link = self._links[host] = self._fabric.new_link()
            info = host.link_info(peer, outgoing=token is not None, relayed=True)
            host.opened(self, link, info, token)

    def _fail(self, reason: str) -> None:
        host = self._dialler
        if host not in self._links and host in self._tokens:
            token = self._tokens.pop(host)
            host.run(host.machine.dial_failed, token, ("relayed", 0), reason)

    def end(self, host: Host) -> None:
        """Nothing comes through any more, says the carrier or the other side."""
        link = self._links.get(host)
        if link is not None:
            host.closed(link, "closed")
        elif host is self._dialler:
            self._fail("unreachable")

    # -- as a link of a host

    def send(self, sender: Host, frame: bytes) -> None:
        self._tell(sender, FRAME, frame)

    def close(self, host: Host, reason: str) -> None:
        self._tell(host, CLOSE)
        host.later(2e-4, lambda: host.closed(self._links[host], reason))

    def abandon(self, host: Host, orderly: bool) -> None:
        """What happens to the link to the carrier says it all."""
