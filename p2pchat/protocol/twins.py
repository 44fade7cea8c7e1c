"""Whether another process really runs under this device's key, as a peer says.

Who is linked to two instances of a device tells both (Twin with the other's instance). As becoming
a new device is a grave step, a claim alone moves nobody: who hears it sends a nonce back, the peer
passes it on to the other instance, and that one signs it. An old certificate, or a peer that lies,
can't do that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from p2pchat.model.ids import InstanceId
from p2pchat.protocol import wire
from p2pchat.protocol.context import Context
from p2pchat.protocol.identity import verify

if TYPE_CHECKING:
    from p2pchat.protocol.link import Link

CONTEXT = b"p2pchat 1 twin\0"
NONCE_BYTES = 16
MAX_ASKED = 64
"""Claims waited for at once."""


class Twins:
    """`pair` gives the link to the other instance of a link's device, where there is one."""

    def __init__(
        self,
        context: Context,
        instance: InstanceId,
        send: Callable[[int, wire.Frame], None],
        pair: Callable[[Link], Link | None],
        found: Callable[[InstanceId], None],
    ) -> None:
        self._ctx = context
        self._instance = instance
        self._send = send
        self._pair = pair
        self._found = found
        self._asked: dict[bytes, bytes] = {}
        """The claimed instance by nonce."""

    def tell(self, link: Link, rival: Link) -> None:
        """Both links of one device live."""
        self._send(link.id, wire.Twin(rival.info.instance))
        self._send(rival.id, wire.Twin(link.info.instance))

    def on_twin(self, link: Link, frame: wire.Twin) -> None:
        other = self._pair(link)
        if frame.nonce and other is not None and self._is_between(frame, link, other):
            self._send(other.id, frame)
        elif not frame.nonce:
            self._ask(link, frame.instance)
        elif not frame.proof:
            self._answer(link, frame)
        else:
            self._proven(frame)

    def _is_between(self, frame: wire.Twin, link: Link, other: Link) -> bool:
        """Whether this node is the one in the middle: a question goes to the instance that it
        names, an answer comes from it."""
        named = link if frame.proof else other
        return frame.instance == named.info.instance and len(frame.nonce) == NONCE_BYTES

    def _ask(self, link: Link, instance: bytes) -> None:
        if instance == self._instance or len(instance) != len(self._instance):
            return
        nonce = self._ctx.rng.randbytes(NONCE_BYTES)
        self._asked[nonce] = instance
        if len(self._asked) > MAX_ASKED:
            del self._asked[next(iter(self._asked))]
        self._send(link.id, wire.Twin(instance, nonce))

    def _answer(self, link: Link, frame: wire.Twin) -> None:
        if frame.instance == self._instance and len(frame.nonce) == NONCE_BYTES:
            signer = self._ctx.identity.device
            proof = signer.sign(CONTEXT, frame.nonce, self._instance)
            self._send(link.id, wire.Twin(self._instance, frame.nonce, proof))

    def _proven(self, frame: wire.Twin) -> None:
        instance = self._asked.get(frame.nonce)
        if instance is None or instance != frame.instance:
            return
        key = self._ctx.identity.device.key
        if verify(key, frame.proof, CONTEXT, frame.nonce, instance):
            del self._asked[frame.nonce]
            self._found(InstanceId(instance))
