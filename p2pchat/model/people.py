"""Persons, their devices, and what is known of them."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from p2pchat.model.ids import PeerId


class Status(StrEnum):
    ONLINE = "online"
    AWAY = "away"
    BUSY = "busy"
    OFFLINE = "offline"


class Peer(msgspec.Struct, frozen=True):
    """A person as every front end gets it; one for all their devices, never oneself."""

    peer_id: PeerId
    name: str
    label: str
    status: Status
    note: str
    avatar: str | None
    """Base64 of a PNG or JPEG of at most 32 KiB."""
    linked: bool
    addresses: tuple[str, ...]
    verified: bool
    contact: bool
    account: str | None
    blocked: bool = False
    warning: str | None = None
    """Such as: their name looks like that of someone you know."""
    keeps_register: bool = False
    """A computer of theirs that is on line writes down who is there, and when."""
    holder: bool = False
    """All computers of theirs that are on line were signed by the appointed to keep accounts."""


class Profile(msgspec.Struct, frozen=True):
    """What the person of this profile shows of themselves."""

    peer_id: PeerId
    name: str
    status: Status
    note: str
    avatar: str | None
    account: PeerId | None = None
    """Of who is registered."""


class NodeInfo(msgspec.Struct, frozen=True):
    peer_id: PeerId
    device_id: str
    name: str
    network: str
    version: str
    listen: tuple[str, ...]
    data_dir: str
    downloads: str
    """The folder where files go that are finished from now on."""
    addresses: tuple[str, ...] = ()
    """HOST:PORT, of the interfaces that lead somewhere now; none: this machine has no network."""
    heard: int | None = None
    """How many devices on other machines have announced themselves lately in this network, by
    multicast or broadcast, and haven't said goodbye since; None: nobody listens for that."""
    heard_elsewhere: int = 0
    """The same of networks of other names."""
