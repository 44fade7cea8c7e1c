"""One link: what is known of it, and whom it tells."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from p2pchat.model.frame import RawFrame
from p2pchat.model.ids import ConversationId, DeviceId, InstanceId, PeerId
from p2pchat.protocol import wire
from p2pchat.protocol.buckets import Bucket
from p2pchat.protocol.context import Timer

UPDATES, UPDATES_PER_S = 600.0, 20.0
"""Records of known persons and devices that a link may bring at once, and in the long run. In the
largest network each device makes one a minute, and eight come in a second."""


class LinkInfo(Protocol):
    """What the transport knows of a connection (`node.ports.LinkInfo`)."""

    @property
    def outgoing(self) -> bool: ...
    @property
    def address(self) -> tuple[str, int]: ...
    @property
    def person_key(self) -> bytes: ...
    @property
    def device_key(self) -> bytes: ...
    @property
    def instance(self) -> InstanceId: ...
    @property
    def own_leaf(self) -> bytes: ...
    @property
    def peer_leaf(self) -> bytes: ...
    @property
    def relayed(self) -> bool: ...


class LinkState(Enum):
    GREETING = "greeting"
    """Waiting for Hello."""
    PROVING = "proving"
    """Waiting for the proof of the network code."""
    WAITING = "waiting"
    """Everything is proven, but the device, as a rule another instance of it, has a link here."""
    UP = "up"
    BULK = "bulk"
    """Open for files, beside a link that is up."""
    CLOSED = "closed"


@dataclass(slots=True, eq=False)
class Link:
    id: int
    info: LinkInfo
    token: int | None
    device: DeviceId
    person: PeerId
    nonce: bytes
    opened: float
    bulk: bool = False
    state: LinkState = LinkState.GREETING
    hello: wire.Hello | None = None
    offset_ms: int = 0
    """How far the peer's wall clock was ahead of ours at Hello."""
    epoch_ms: int = 0
    """What the peer's wall clock showed when our `Context.now` was 0: ours may be set meanwhile."""
    heard: float = 0.0
    pinged: float | None = None
    due: float = 0.0
    """When it is looked whether the last Ping was answered; 0: none is waited for."""
    rival: Link | None = None
    """The new link of this device, as a rule of another instance, which waits whether this one
    answers."""
    told: bool = False
    """While WAITING: both instances know of each other."""
    early: list[RawFrame] = field(default_factory=list)
    """Frames that came while WAITING: the other side takes the link for up."""
    proven: set[ConversationId] = field(default_factory=set)
    """Protected rooms whose key the peer has proven on this link."""
    choked: bool = False
    """More than QUEUE_BYTES wait to go out: nothing is pushed until it has drained."""
    turn: int = 0
    told_bytes: int = 0
    """Sent in that turn (`Context.turn`)."""
    timer: Timer | None = None
    comparing: set[ConversationId] = field(default_factory=set)
    """Where something was dropped of its pushes, which is about to be asked for."""
    typed: dict[ConversationId, float] = field(default_factory=dict)
    """When it last typed in each conversation that is shared with it."""
    updates: Bucket = field(default_factory=lambda: Bucket(UPDATES, UPDATES_PER_S))
    postponed: dict[str, bytes] = field(default_factory=dict)
    """Its own newest records that came too fast, by kind."""

    @property
    def up(self) -> bool:
        return self.state is LinkState.UP

    @property
    def source(self) -> str:
        """What counts as one machine: the peer's host; of a relayed link the device."""
        return self.device if self.info.relayed else self.info.address[0]


class LinkEvents(Protocol):
    """What the table tells the machine."""

    def link_up(self, link: Link) -> None: ...
    def link_down(self, link: Link, reason: str) -> None: ...
    def link_failed(self, link: Link, reason: str) -> None: ...
    def link_frame(self, link: Link, frame: wire.Frame) -> None: ...
    def link_proving(self, link: Link) -> None: ...
    def bulk_up(self, link: Link) -> None: ...
    def bulk_down(self, link: Link) -> None: ...
    def bulk_frame(self, link: Link, data: RawFrame) -> None: ...
    def link_refused(self, link: Link, reason: str) -> None: ...
    def twin_found(self, instance: InstanceId) -> None: ...
