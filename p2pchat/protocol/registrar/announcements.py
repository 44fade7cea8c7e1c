"""What the appointed tells everyone, or a room, and who has seen it: records of the registry, so
that they come to whoever comes late, too."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from p2pchat.config import limits
from p2pchat.errors import RequestError
from p2pchat.events import Announced, AnnouncementChanged
from p2pchat.model.accounts import Announcement, AnnouncementDraft
from p2pchat.model.records import PutMeta
from p2pchat.model.text import is_blank, well_formed
from p2pchat.protocol.conversations import Conversation
from p2pchat.protocol.hashing import digest, peer_id_of
from p2pchat.protocol.registrar.claims import (
    Notice,
    Record,
    Seen,
    make_appointed,
    make_seen,
)
from p2pchat.protocol.sealing import open_once, seal_once
from p2pchat.protocol.views import rfc3339

if TYPE_CHECKING:
    from p2pchat.protocol.registrar.part import Registrar

LOOK_S = 1.0
"""How often it is looked whether somebody is there to see what has come."""
SALT_BYTES = 16
DRAFT_KEY = "announcement draft"
_SEAL_CONTEXT = "p2pchat 1 sealed announcement"


class Announcements:
    def __init__(self, registrar: Registrar, meta: Mapping[str, bytes]) -> None:
        self._r = registrar
        self._m = registrar.machine
        self._ctx = registrar.machine.ctx
        self.watched: Callable[[], bool] = lambda: True
        """Whether a front end is there, which shows what it is told."""
        self.seeing: Callable[[], bool] = lambda: True
        """Whether one of them is seen by a person whenever it is told something."""
        kept = meta.get(DRAFT_KEY)
        self._draft = (
            msgspec.json.decode(kept, type=AnnouncementDraft) if kept else AnnouncementDraft()
        )
        self._told: set[bytes] = set()
        """Ids of those that were told, since the start."""
        self._changed: set[bytes] = set()
        """Ids of those of which front ends are to be told anew."""

    def start(self) -> None:
        self._ctx.after(LOOK_S, self._look)

    def _look(self) -> None:
        self._ctx.after(LOOK_S, self._look)
        self._r.tell_own()
        self.look()
        self._tell_changed()

    def look(self) -> None:
        """Tell what is new and for this person; and where it is seen by that, say so."""
        if not self.watched():
            return
        for record in self._r.registry.notices():
            if record.id in self._told or not self._is_for_us(record):
                continue
            self._told.add(record.id)
            if self._is_unseen(record):
                self._ctx.notify(Announced(self.announcement(record)))
                if self.seeing():
                    self._see(record)

    def _is_unseen(self, record: Record) -> bool:
        """By this person, who isn't its author."""
        me = self._m.identity.person.key
        notice = record.payload
        assert isinstance(notice, Notice)
        return notice.author != me and me not in self._r.registry.seen_of(record.id)

    def _see(self, record: Record) -> None:
        seen = make_seen(self._m.identity.person, self._ctx.network, record.id)
        self._r.keep([seen.raw])

    def saw(self, request: int, announcement_id: str) -> None:
        """The person has seen it. Replies with None, also where it isn't there."""
        for record in self._r.registry.notices():
            if record.id.hex() == announcement_id and self._is_unseen(record):
                self._see(record)
        self._ctx.reply(request, None)

    def took(self, records: Sequence[Record]) -> None:
        """These have come to be here."""
        for record in records:
            if isinstance(record.payload, Seen):
                self._changed.add(record.payload.notice)
            elif isinstance(record.payload, Notice) and not self._is_unseen(record):
                self._changed.add(record.id)

    def _tell_changed(self) -> None:
        changed, self._changed = self._changed, set()
        for record in self._r.registry.notices() if changed else ():
            if record.id in changed and self._is_for_us(record):
                self._ctx.notify(AnnouncementChanged(self.announcement(record)))

    def _is_for_us(self, record: Record) -> bool:
        return self._text(record) is not None

    def _text(self, record: Record) -> str | None:
        """None where it is for others."""
        notice = record.payload
        assert isinstance(notice, Notice)
        if not notice.conversation:
            return notice.text
        room = self._room(notice)
        if room is None:
            return None
        return notice.text or _opened(room, notice)

    def _room(self, notice: Notice) -> Conversation | None:
        found = self._m.conversations.get(notice.conversation)
        return found if found is not None and found.mine else None

    def announcement(self, record: Record) -> Announcement:
        notice = record.payload
        assert isinstance(notice, Notice)
        room = self._room(notice) if notice.conversation else None
        author = peer_id_of(notice.author)
        return Announcement(
            announcement_id=record.id.hex(),
            author=author,
            author_label=self._m.people.label(author),
            conversation=room.label if room is not None else None,
            text=self._text(record) or "",
            sent_at=rfc3339(notice.sent_ms),
            seen_by=tuple(sorted(peer_id_of(key) for key in self._r.registry.seen_of(record.id))),
        )

    # -- what front ends ask

    def send(self, request: int, text: str, conversation: str | None) -> None:
        """Replies with the Announcement, durable here; a draft of the same text goes in one write
        with it. `not-allowed`, `too-large`, `no-such-room`."""
        if self._r.appointing is None:
            raise RequestError("not-allowed", "only the appointed can announce something")
        clean = well_formed(text).strip()
        if is_blank(clean):
            raise RequestError("not-allowed", "an announcement needs some text")
        if len(clean.encode()) > limits.ANNOUNCEMENT_BYTES:
            raise RequestError(
                "too-large", f"an announcement has at most {limits.ANNOUNCEMENT_BYTES} bytes"
            )
        room = self._m.rooms.find(conversation) if conversation else None
        record = make_appointed(self._r.appointing, self._ctx.network, self._notice(clean, room))

        draft = self._draft
        done = draft.text.strip() == clean

        def kept() -> None:
            if done and self._draft is draft:
                self._draft = AnnouncementDraft()
            self._ctx.reply(request, self.announcement(record))

        self._r.keep([record.raw], kept, request, [PutMeta(DRAFT_KEY, b"")] if done else ())

    def draft(self, request: int) -> None:
        """Replies with the AnnouncementDraft."""
        self._ctx.reply(request, self._draft)

    def set_draft(self, request: int, draft: AnnouncementDraft) -> None:
        """Replies with None, once it outlives the process. `too-large`."""
        text = well_formed(draft.text)
        if len(text.encode()) > limits.TEXT_BYTES:
            raise RequestError("too-large", f"a draft has at most {limits.TEXT_BYTES} bytes")
        self._draft = AnnouncementDraft(text, draft.conversation)
        self._ctx.commit(
            [PutMeta(DRAFT_KEY, msgspec.json.encode(self._draft), may_wait=True)],
            lambda _: self._ctx.reply(request, None),
            lambda reason: self._ctx.refuse(request, reason),
        )

    def _notice(self, text: str, room: Conversation | None) -> Notice:
        salt = self._ctx.rng.randbytes(SALT_BYTES)
        sealed = b""
        if room is not None and room.sealed:
            sealed = seal_once(_key(room.row.keys[-1][1], salt), _SEAL_CONTEXT, text.encode())
        return Notice(
            author=self._m.identity.person.key,
            text="" if sealed else text,
            conversation=room.id if room is not None else b"",
            sent_ms=self._ctx.wall_ms,
            salt=salt,
            sealed=sealed,
        )

    def list(self) -> Sequence[Announcement]:
        """Those for this person, newest first."""
        notices = [record for record in self._r.registry.notices() if self._is_for_us(record)]
        found = [self.announcement(record) for record in notices]
        return sorted(found, key=lambda one: (one.sent_at, one.announcement_id), reverse=True)


def _opened(room: Conversation, notice: Notice) -> str | None:
    """The text, where it was sealed under a key of the room."""
    for _, key in room.row.keys:
        plain = open_once(_key(key, notice.salt), _SEAL_CONTEXT, notice.sealed)
        if plain is not None:
            return plain.decode(errors="replace")
    return None


def _key(room_key: bytes, salt: bytes) -> bytes:
    """Of one announcement."""
    return digest("p2pchat 1 announcement key", room_key, salt)
