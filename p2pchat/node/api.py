"""The façade of a node: everything that a front end can ask of it, and how it is told of events.

Conversations are named as in docs/RPC.md: `#room`, `@PEER_ID`, `@LABEL` or `@NAME`. A refusal is a
RequestError with a stable reason. All methods are called on the event loop's thread.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from p2pchat.config.settings import Settings
from p2pchat.events import Event
from p2pchat.model.accounts import (
    Account,
    Announcement,
    AnnouncementDraft,
    Download,
    Registered,
    RegistrarInfo,
    SignedIn,
    SignedOut,
    Stay,
)
from p2pchat.model.file import FileInfo
from p2pchat.model.ids import MessageId, PeerId
from p2pchat.model.message import Conversation, Draft, Member, Message, Room
from p2pchat.model.people import NodeInfo, Peer, Profile


class AccountsApi(Protocol):
    """The registrar, and the accounts that it keeps."""

    async def registrar(self) -> RegistrarInfo:
        """Who leads."""
        ...

    async def make_appointing_key(self, path: str) -> str:
        """Write a new appointing key to a new file of the owner's; its public half, as
        `--appointed-by` takes it. `not-allowed`: the file is there, or can't be written;
        `disk-full`."""
        ...

    async def sign_holder(self, device_id: str) -> str:
        """On an appointed node: let that device lead and hold keys; the key's public half.
        `not-allowed`, `no-such-peer`."""
        ...

    async def sign_holders(self, peer_id: PeerId) -> str:
        """The same of all computers that this person is on now."""
        ...

    async def register(self, name: str, password: str) -> Registered:
        """This person's key becomes the account's. `name-taken`, `name-not-allowed`,
        `weak-password`, `no-registrar`; `not-allowed`: this person has an account."""
        ...

    async def login(self, name: str, password: str) -> SignedIn:
        """Go on as the account's person, in a profile of its own. `wrong-password`,
        `no-such-account`, `too-many-tries`, `no-registrar`."""
        ...

    async def recover(self, name: str, recovery_code: str, new: str) -> SignedIn:
        """As login, with the code that registering gave; from now on with a new password."""
        ...

    async def downloads(self) -> Sequence[Download]:
        """What was fetched for this person, and is on this machine as it came."""
        ...

    async def logout(self, delete: Sequence[str] = ()) -> SignedOut:
        """Go on as a new person. `delete`: paths of `downloads` that go with the old one, as the
        person has said; those that are no longer what came stay. `not-signed-in`."""
        ...

    async def change_password(self, old: str, new: str) -> None: ...

    async def accounts(self) -> Sequence[Account]:
        """All accounts of the network."""
        ...

    async def announce(self, text: str, conversation: str | None = None) -> Announcement:
        """On an appointed node: tell everyone, or those in a room. `not-allowed`, `too-large`,
        `no-such-room`. A draft of the same text goes in one write with it."""
        ...

    async def announcement_draft(self) -> AnnouncementDraft:
        """What was begun."""
        ...

    async def set_announcement_draft(self, draft: AnnouncementDraft) -> None:
        """Kept, in a write that waits for no disk. `too-large`."""
        ...

    async def announcements(self) -> Sequence[Announcement]:
        """For this person, newest first."""
        ...

    async def saw(self, announcement_id: str) -> None:
        """The person has seen this announcement: the others are shown that."""
        ...

    async def attendance(self, since: str | None, until: str | None) -> Sequence[Stay]:
        """On an appointed node: who was there at any time between, oldest first. The times are
        RFC 3339. `not-allowed`; BadParams."""
        ...

    async def export_attendance(
        self,
        path: str,
        since: str | None,
        until: str | None,
        replace: bool = False,
        spreadsheet: bool = False,
    ) -> str:
        """The same as a CSV file in UTF-8; its absolute path. `spreadsheet`: with a byte order
        mark, without which Excel takes it for the system's code page. `not-allowed`: also where
        the file is there and isn't to be replaced; `disk-full`."""
        ...

    async def release(self, account_id: str) -> None:
        """On an appointed node: the account's name is free again. `not-allowed`,
        `no-such-account`."""
        ...


class NodeApi(Protocol):
    @property
    def accounts(self) -> AccountsApi: ...

    def front_end(self) -> NodeApi:
        """A façade of its own for one more front end on the same node. What a front end does
        itself it isn't told of in events: the others are."""
        ...

    def subscribe(
        self, handler: Callable[[Sequence[Event]], None], seen: bool = True
    ) -> Callable[[], None]:
        """Call `handler` with each batch of events, in order, on the loop's thread; it must not
        block. Returns what ends the subscription. `seen`: what the handler is told a person has
        seen by that; else it says so itself, of announcements (`AccountsApi.saw`)."""
        ...

    async def info(self) -> NodeInfo: ...

    async def settings(self) -> Settings: ...

    async def set_settings(self, changes: Mapping[str, Any]) -> Settings:
        """BadParams where a name or value isn't right; then nothing is changed."""
        ...

    async def profile(self) -> Profile: ...

    async def set_profile(
        self,
        name: str | None = None,
        status: str | None = None,
        note: str | None = None,
        avatar: str | None = None,
    ) -> Profile:
        """None leaves a part as it is; an empty avatar removes it, an empty name becomes the host
        name. `name-not-allowed`: a PeerId's form, or too long; `too-large`: the avatar."""
        ...

    async def become_someone_else(self, name: str | None = None) -> Profile:
        """Go on as a new person, on a new device: for who uses a copy of somebody's profile.
        Rooms and their history stay; direct conversations, drafts, and what the old person
        thinks of others go. An empty name becomes the host name. `name-not-allowed`."""
        ...

    async def peers(self) -> Sequence[Peer]: ...

    async def verify_words(self, peer_id: PeerId) -> str:
        """The same short phrase on both sides."""
        ...

    async def set_verified(self, peer_id: PeerId, verified: bool) -> Peer: ...

    async def set_contact(self, peer_id: PeerId, on: bool = True) -> Peer:
        """Whether they are one of the people one has chosen to keep."""
        ...

    async def connect(self, address: str) -> Peer:
        """Link to HOST[:PORT]; `nobody-answered` where that fails."""
        ...

    async def block(self, peer_id: PeerId, on: bool = True) -> Peer: ...

    async def conversations(self) -> Sequence[Conversation]: ...

    async def typing(self, conversation: str) -> None: ...

    async def mute(self, conversation: str, on: bool) -> None: ...

    async def set_draft(self, conversation: str, draft: Draft) -> None:
        """It outlives the process once this returns. `too-large` above 16 KiB."""
        ...

    async def rooms(self) -> Sequence[Room]: ...

    async def create_room(self, room: str, password: str | None = None) -> Room: ...

    async def join_room(self, room: str, password: str | None = None) -> Room: ...

    async def leave_room(self, room: str) -> None: ...

    async def members(self, room: str) -> Sequence[Member]:
        """Self included."""
        ...

    async def open_conversation(self, conversation: str) -> str:
        """The canonical name: `#room` or `@PEER_ID`. `no-such-peer`, `no-such-room`,
        `ambiguous-name` with `candidates`."""
        ...

    async def send(
        self,
        conversation: str,
        text: str,
        reply_to: MessageId | None = None,
        draft: str | None = None,
    ) -> Message:
        """Stored durably here when it returns. `too-large` above 16 KiB. `draft`: what the draft
        was that is being sent. If it is that still, it goes as the message comes, both or neither,
        whenever the process is killed."""
        ...

    async def edit(self, message_id: MessageId, text: str) -> Message: ...

    async def delete(self, message_id: MessageId) -> Message: ...

    async def react(self, message_id: MessageId, emoji: str, on: bool = True) -> Message: ...

    async def messages(
        self,
        conversation: str,
        limit: int = 50,
        before: MessageId | None = None,
        after: MessageId | None = None,
        around: MessageId | None = None,
    ) -> Sequence[Message]:
        """Oldest first."""
        ...

    async def message_since(self, conversation: str, time: str) -> MessageId | None:
        """The first message written at or after a time, as in RFC 3339; None: there is none."""
        ...

    async def search(
        self, query: str, conversation: str | None = None, limit: int = 50
    ) -> Sequence[Message]:
        """Newest first."""
        ...

    async def share(self, conversation: str, path: str) -> FileInfo:
        """Offer a file or folder of this machine. All of it is read first (`FileReading`).
        `no-such-file`, `not-allowed`; `cancelled` by `stop_reading`."""
        ...

    async def stop_reading(self, conversation: str, path: str) -> None:
        """Share it after all not, if it is still being read; `no-such-file` where it isn't."""
        ...

    async def files(self, conversation: str | None = None, limit: int = 50) -> Sequence[FileInfo]:
        """Newest first."""
        ...

    async def fetch(self, file_id: str, path: str | None = None) -> FileInfo:
        """Returns when the transfer is under way, or at once if it is complete. `path`: where the
        finished file or folder is to be put as well (a folder that exists, or a new name).
        `no-such-file`; `not-allowed` where something else is there."""
        ...

    async def pause(self, file_id: str) -> FileInfo: ...

    async def resume(self, file_id: str) -> FileInfo: ...

    async def cancel(self, file_id: str) -> FileInfo:
        """Stop fetching, and forget what is here of it; of one's own offer: serve it no more."""
        ...

    async def mark_read(self, conversation: str, message_id: MessageId) -> None: ...

    async def close(self) -> None:
        """Say goodbye to the peers, store everything, release the profile."""
        ...
