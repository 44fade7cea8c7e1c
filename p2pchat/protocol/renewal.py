"""A profile that goes on as a new device, or as a new person.

The store gets the new keys, and the machine ends with that (`effects.Restart`). The next one puts
in order what it takes up: it opens feeds of its own (`Writer.compose`), enters the rooms as who it
is now (`Rooms.load`), and lets go of direct conversations of others (`Directs.load`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from p2pchat.model.message import Draft
from p2pchat.model.records import PersonRow, PutConversation, PutMeta, PutPerson, Write
from p2pchat.protocol import effects
from p2pchat.protocol.announce import make_profile
from p2pchat.protocol.identity import SEED_BYTES, Identity
from p2pchat.protocol.registrar.announcements import DRAFT_KEY

if TYPE_CHECKING:
    from p2pchat.protocol.machine import Machine


class Renewal:
    def __init__(self, machine: Machine) -> None:
        self._m = machine
        self.under_way = False

    def new_device(self) -> None:
        """The same person, on a device of its own."""
        self._begin(0, [PutMeta("device_seed", self._m.ctx.rng.randbytes(SEED_BYTES))])

    def new_person(self, request: int, name: str) -> None:
        """Someone else, on a new device: rooms and what was said there stay; direct conversations,
        drafts, and what the old person thinks of others go. Replies with None, and restarts."""
        self._begin(request, self._person(name))

    def _begin(self, request: int, writes: list[Write]) -> None:
        m = self._m
        self.under_way = True
        for conversation in m.conversations:
            # A twin writes to the old feeds: nothing of what may still be said here goes there.
            m.ingest.writer.retire(conversation)

        def done(_: object) -> None:
            m.ctx.reply(request, None)
            m.ctx.emit(effects.Restart())

        def failed(reason: str) -> None:
            self.under_way = False
            m.ctx.refuse(request, reason)

        m.ctx.commit(writes, done, failed)

    def _person(self, name: str) -> list[Write]:
        m = self._m
        person_seed, device_seed = (m.ctx.rng.randbytes(SEED_BYTES) for _ in range(2))
        identity = Identity(person_seed, device_seed)
        profile = make_profile(identity, name=name, note="", avatar=b"", clock=m.ctx.wall_ms)
        rooms = [found.row for found in m.conversations if not found.direct]
        fresh = (
            replace(row.with_draft(Draft()), own_feed=None, joined_at=m.ctx.wall_ms)
            for row in rooms
        )
        return [
            PutMeta("person_seed", person_seed),
            PutMeta("device_seed", device_seed),
            PutMeta("person_id", identity.peer_id.encode()),
            PutMeta("profile", profile.raw),
            PutMeta("avatar", b""),
            PutMeta(DRAFT_KEY, b""),
            *(PutConversation(row) for row in fresh),
            *(PutPerson(_as_stranger(row)) for row in m.people.rows()),
            PutPerson(self._old_self()),
        ]

    def _old_self(self) -> PersonRow:
        """Somebody else from now on, who wrote what the old person wrote."""
        m = self._m
        profile = m.directory.profile
        return PersonRow(
            id=m.identity.peer_id,
            key=m.identity.person.key,
            record=profile.raw,
            name=profile.record.name,
            label=m.people.label(m.identity.peer_id),
            first_seen=m.ctx.wall_ms,
        )


def _as_stranger(row: PersonRow) -> PersonRow:
    return replace(row, verified=False, contact=False, blocked=False, written=False, warning="")
