"""The accounts of a node on paper (`paper_node`)."""

from __future__ import annotations

from collections.abc import Sequence

from p2pchat.errors import RequestError
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
from p2pchat.model.ids import PeerId

CODE = "ABCD-EFGH"
ME = PeerId("m" * 32)
SENT_AT = "2026-03-16T08:00:00.000Z"


class PaperAccounts:
    """`passwords` by name; who is signed in is `signed`."""

    def __init__(self) -> None:
        self.leads = RegistrarInfo(None, None, None, 0, "off")
        self.passwords: dict[str, str] = {}
        self.signed = ""
        self.fetched: list[Download] = []
        self.changed: set[str] = set()
        """Paths of downloads that somebody has written to."""
        self.elsewhere = False
        """Whether who signs in is so on another computer too."""
        self.told: list[Announcement] = []
        """Newest first."""
        self.draft = AnnouncementDraft()
        self.seen: list[str] = []
        """Ids of announcements, as the front end said that they were seen."""
        self.stays: list[Stay] = []
        self.asked: list[tuple[str | None, str | None]] = []
        """Spans of which the register was asked for."""
        self.exported: list[tuple[str, str | None, str | None, bool, bool]] = []
        self.released: list[str] = []
        self.chosen: list[PeerId] = []
        """Whose computers were signed as holders."""
        self.refusal: RequestError | None = None
        """Of the next exports."""

    @staticmethod
    def id_of(name: str) -> PeerId:
        return PeerId((name.casefold().encode().hex() * 16)[:32].translate(_LETTERS))

    async def registrar(self) -> RegistrarInfo:
        return self.leads

    async def make_appointing_key(self, path: str) -> str:
        return "public"

    async def sign_holder(self, device_id: str) -> str:
        raise RequestError("not-allowed", device_id)

    async def sign_holders(self, peer_id: PeerId) -> str:
        if not self.leads.appointed:
            raise RequestError("not-allowed", "only the appointed can sign holders")
        self.chosen.append(peer_id)
        return "public"

    async def register(self, name: str, password: str) -> Registered:
        if self.leads.peer_id is None:
            raise RequestError("no-registrar")
        if name in self.passwords:
            raise RequestError("name-taken")
        self.passwords[name] = password
        self.signed = name
        return Registered(self.id_of(name), name, self.id_of(name), CODE)

    async def login(self, name: str, password: str) -> SignedIn:
        if name not in self.passwords:
            raise RequestError("no-such-account")
        if self.passwords[name] != password:
            raise RequestError("wrong-password")
        self.signed = name
        return SignedIn(self.id_of(name), name, self.id_of(name), self.elsewhere)

    async def recover(self, name: str, recovery_code: str, new: str) -> SignedIn:
        if recovery_code != CODE:
            raise RequestError("wrong-password")
        self.passwords[name] = new
        return await self.login(name, new)

    async def downloads(self) -> Sequence[Download]:
        return list(self.fetched)

    async def logout(self, delete: Sequence[str] = ()) -> SignedOut:
        if not self.signed:
            raise RequestError("not-signed-in")
        self.signed = ""
        kept = tuple(path for path in delete if path in self.changed)
        deleted = tuple(path for path in delete if path not in self.changed)
        self.fetched = [one for one in self.fetched if one.path not in deleted]
        return SignedOut(deleted, kept)

    async def change_password(self, old: str, new: str) -> None:
        if self.passwords.get(self.signed) != old:
            raise RequestError("wrong-password")
        self.passwords[self.signed] = new

    async def accounts(self) -> Sequence[Account]:
        return [
            Account(self.id_of(name), name, self.id_of(name), name == self.signed)
            for name in self.passwords
        ]

    async def announce(self, text: str, conversation: str | None = None) -> Announcement:
        if not self.leads.appointed:
            raise RequestError("not-allowed", "only the appointed can announce something")
        number = len(self.told) + 1
        made = Announcement(f"{number:064x}", ME, "Me", conversation, text, SENT_AT, ())
        self.told.insert(0, made)
        if self.draft.text.strip() == text:
            self.draft = AnnouncementDraft()
        return made

    async def announcement_draft(self) -> AnnouncementDraft:
        return self.draft

    async def set_announcement_draft(self, draft: AnnouncementDraft) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.draft = draft

    async def announcements(self) -> Sequence[Announcement]:
        return list(self.told)

    async def saw(self, announcement_id: str) -> None:
        self.seen.append(announcement_id)

    async def attendance(self, since: str | None, until: str | None) -> Sequence[Stay]:
        if not self.leads.appointed:
            raise RequestError("not-allowed", "only the appointed keeps a register")
        self.asked.append((since, until))
        return list(self.stays)

    async def export_attendance(
        self,
        path: str,
        since: str | None,
        until: str | None,
        replace: bool = False,
        spreadsheet: bool = False,
    ) -> str:
        if self.refusal is not None:
            raise self.refusal
        self.exported.append((path, since, until, replace, spreadsheet))
        return path

    async def release(self, account_id: str) -> None:
        if not self.leads.appointed:
            raise RequestError("not-allowed", "only the appointed can release a name")
        self.released.append(account_id)


_LETTERS = str.maketrans("0189", "abcd")
