"""What a node tells its front ends. Each becomes one notification of the JSON-RPC interface."""

from __future__ import annotations

import msgspec

from p2pchat.model.accounts import Announcement, RegistrarInfo
from p2pchat.model.file import FileInfo
from p2pchat.model.ids import MessageId, PeerId
from p2pchat.model.message import Message
from p2pchat.model.people import Peer, Profile


class _Event(msgspec.Struct, frozen=True, tag_field="type"):
    pass


class PeerOnline(_Event, frozen=True, tag="peer.online"):
    peer: Peer


class PeerOffline(_Event, frozen=True, tag="peer.offline"):
    peer: Peer


class PeerChanged(_Event, frozen=True, tag="peer.changed"):
    peer: Peer


class MemberJoined(_Event, frozen=True, tag="member.joined"):
    room: str
    peer_id: PeerId
    name: str


class MemberLeft(_Event, frozen=True, tag="member.left"):
    room: str
    peer_id: PeerId
    name: str


class RoomChanged(_Event, frozen=True, tag="room.changed"):
    """Somebody's machine that is in this room came or went: a room of the network may be new, or
    nobody's any more; ask for the list."""

    room: str


class MessageReceived(_Event, frozen=True, tag="message.received"):
    message: Message


class MessageChanged(_Event, frozen=True, tag="message.changed"):
    message: Message


class MessageReceipt(_Event, frozen=True, tag="message.receipt"):
    """`peer_id` has (`delivered`) or has read (`read`) all of the same device up to this one."""

    conversation: str
    message_id: MessageId
    peer_id: PeerId
    kind: str


class Typing(_Event, frozen=True, tag="typing"):
    conversation: str
    peer_id: PeerId


class FileOffered(_Event, frozen=True, tag="file.offered"):
    file: FileInfo


class FileReading(_Event, frozen=True, tag="file.reading"):
    """What is to be shared is being read; at most 5 times a second. `share` answers at its end."""

    conversation: str
    path: str
    """As `share` was given it."""
    done: int
    """Bytes."""
    total: int
    """So far: while a folder is looked through it grows, and nothing is done."""


class FileProgress(_Event, frozen=True, tag="file.progress"):
    """At most limits.PROGRESS_PER_S a file; also when what others have of it, or its state, has
    changed."""

    file: FileInfo


class FileComplete(_Event, frozen=True, tag="file.complete"):
    file: FileInfo


class FileFailed(_Event, frozen=True, tag="file.failed"):
    file: FileInfo


class ConversationChanged(_Event, frozen=True, tag="conversation.changed"):
    """Unread counts, mute or draft have changed, or a conversation is new; ask for the list."""

    conversation: str


class ProfileRenewed(_Event, frozen=True, tag="profile.renewed"):
    """The profile is another person's from now on: everything is to be asked for anew."""

    profile: Profile


class RegistrarChanged(_Event, frozen=True, tag="registrar.changed"):
    registrar: RegistrarInfo


class Announced(_Event, frozen=True, tag="announcement"):
    announcement: Announcement


class AnnouncementChanged(_Event, frozen=True, tag="announcement.changed"):
    """One's own, which is new, or one that more people have seen."""

    announcement: Announcement


class AccountRenamed(_Event, frozen=True, tag="account.renamed"):
    """`why`: `name-taken` (two parts of the network had given one name), `released`."""

    account_id: PeerId
    old_name: str
    new_name: str
    why: str


RUNS_TWICE = "profile-runs-twice"
"""The reason of a warning after which a person may say that they are someone else."""


class Warned(_Event, frozen=True, tag="warning"):
    """What a person should know. `reason` is stable, `text` one plain sentence."""

    reason: str
    text: str
    peer_id: PeerId | None = None
    conversation: str | None = None


Event = (
    PeerOnline
    | PeerOffline
    | PeerChanged
    | MemberJoined
    | MemberLeft
    | RoomChanged
    | MessageReceived
    | MessageChanged
    | MessageReceipt
    | Typing
    | FileOffered
    | FileReading
    | FileProgress
    | FileComplete
    | FileFailed
    | ConversationChanged
    | ProfileRenewed
    | RegistrarChanged
    | AccountRenamed
    | Announced
    | AnnouncementChanged
    | Warned
)
