"""The registrar, and what it keeps for people."""

from __future__ import annotations

import msgspec

from p2pchat.model.ids import PeerId


class Account(msgspec.Struct, frozen=True):
    """Of somebody who is registered."""

    account_id: PeerId
    name: str
    peer_id: PeerId
    online: bool


class SignedIn(msgspec.Struct, frozen=True):
    account_id: PeerId
    name: str
    peer_id: PeerId
    elsewhere: bool = False
    """On another computer too, which may be."""
    renamed_from: str | None = None
    """The name that was typed, where it belongs to another account by now and this one has
    `name`."""


class Download(msgspec.Struct, frozen=True):
    """A file or folder that was fetched for this person, and is on this machine as it came."""

    path: str
    name: str
    size: int
    """Bytes."""


class SignedOut(msgspec.Struct, frozen=True):
    """What has become of the downloads that were to be deleted: paths."""

    deleted: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    """They are no downloads of this person, or no longer what came."""


class Registered(msgspec.Struct, frozen=True):
    account_id: PeerId
    name: str
    peer_id: PeerId
    recovery_code: str
    """To be written down: it opens the account where the password is forgotten."""


class Opened(msgspec.Struct, frozen=True):
    """Never leaves the process."""

    account: PeerId
    name: str
    seed: bytes
    """The person's."""
    vault: bytes = b""
    """As the registrar has it; empty: none."""
    keybox: bytes = b""
    renamed_from: str | None = None
    """`SignedIn.renamed_from`."""


class Announcement(msgspec.Struct, frozen=True):
    """What the appointed tells everyone, or a room."""

    announcement_id: str
    author: PeerId
    author_label: str
    conversation: str | None
    """`#room`; None: for everyone."""
    text: str
    sent_at: str
    seen_by: tuple[PeerId, ...]


class AnnouncementDraft(msgspec.Struct, frozen=True):
    """What the appointed has begun to write."""

    text: str = ""
    conversation: str | None = None
    """As of Announcement."""


class Stay(msgspec.Struct, frozen=True):
    """Somebody was there: a line of the register of attendance."""

    label: str
    peer_id: PeerId
    account: PeerId | None
    came: str
    left: str | None
    """None: is there still."""


class RegistrarInfo(msgspec.Struct, frozen=True):
    """Who leads, and what this node is in that."""

    peer_id: PeerId | None
    device_id: str | None
    label: str | None
    term: int
    """Its number; where nobody leads, the highest that is known."""
    state: str
    """Of this node: `off`, `follower`, `candidate` or `registrar`."""
    appointed: bool = False
    """This node is: it may announce something, and keeps the register of attendance."""
    guarded: bool = False
    """This node was given an appointing key's public half: only those count whom it has signed."""
