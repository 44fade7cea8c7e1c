"""What of a profile belongs to its account, and so is in the vault: as it is here, or brought."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from p2pchat.config import limits
from p2pchat.config.settings import Settings
from p2pchat.errors import RequestError
from p2pchat.events import ConversationChanged
from p2pchat.model.records import ConversationKind
from p2pchat.protocol.announce import read_profile
from p2pchat.protocol.hashing import peer_id_of
from p2pchat.protocol.registrar.merging import settings_of
from p2pchat.protocol.registrar.vault import Contact, Contents, VaultRoom
from p2pchat.protocol.rooms import LOBBY

if TYPE_CHECKING:
    from p2pchat.protocol.machine import Machine

OF_THE_MACHINE = ("network", "registrar", "appointed_by", "limit", "downloads")
"""Settings that stay where they were made."""
PROFILES_BYTES = 32 * limits.KIB
"""Of a vault, at most: some 25 contacts' profiles. A holder keeps a thousand such vaults."""
_DEFAULTS: dict[str, Any] = {
    name: value
    for name, value in msgspec.to_builtins(Settings()).items()
    if name not in OF_THE_MACHINE
}


class Belongings:
    def __init__(self, machine: Machine) -> None:
        self._m = machine
        self._ctx = machine.ctx
        self._entering: dict[bytes, VaultRoom] = {}
        self._leaving: set[bytes] = set()
        """Rooms by id that a vault has said to enter or leave, and that aren't entered or left yet,
        which takes the disk's time: no change of this machine's."""
        self.settings_brought: Callable[[Mapping[str, Any]], None] = lambda _: None
        """Whoever keeps the settings takes these."""

    # -- what is here

    def here(self, known: Contents) -> Contents:
        """Without stamps. `known`: settings in it that this version doesn't have are kept."""
        return Contents(
            self._contacts(),
            self._rooms(),
            msgspec.json.encode(self._settings(known)),
            self._m.directory.profile.record.note,
            self._m.directory.own_avatar(),
        )

    def _contacts(self) -> tuple[Contact, ...]:
        left, contacts = PROFILES_BYTES, []
        rows = [row for row in self._m.people.rows() if row.contact or row.verified]
        for row in sorted(rows, key=lambda row: row.key):
            fits = len(row.record) <= left
            left -= len(row.record) if fits else 0
            contacts.append(Contact(row.key, row.verified, row.record if fits else b""))
        return tuple(contacts)

    def _rooms(self) -> tuple[VaultRoom, ...]:
        here = {
            row.id: VaultRoom(row.id, row.name, tuple(key for _, key in row.keys), row.secret)
            for row in (found.row for found in self._m.conversations.mine())
            if row.kind != ConversationKind.DIRECT and row.name != LOBBY
        }
        self._entering = {id: room for id, room in self._entering.items() if id not in here}
        self._leaving &= here.keys()
        rooms = [room for id, room in here.items() if id not in self._leaving]
        rooms += self._entering.values()
        return tuple(sorted(rooms, key=lambda room: room.id))

    def _settings(self, known: Contents) -> dict[str, Any]:
        """Those that aren't as they are at first: a new machine has chosen nothing."""
        now = msgspec.to_builtins(self._ctx.settings)
        unknown = {n: value for n, value in settings_of(known).items() if n not in now}
        chosen = {name: now[name] for name, first in _DEFAULTS.items() if now[name] != first}
        return dict(sorted((unknown | chosen).items()))

    # -- what is brought

    def bring(self, old: Contents, new: Contents) -> None:
        """Make the profile, which is like `old`, like `new`."""
        self._bring_contacts(set(old.contacts), set(new.contacts))
        self._bring_rooms(set(old.rooms), set(new.rooms))
        before, after = (_DEFAULTS | settings_of(one) for one in (old, new))
        changed = {name: after[name] for name in _DEFAULTS if after[name] != before[name]}
        if changed:
            self.settings_brought(changed)
        if (new.note, new.avatar) != (old.note, old.avatar):
            self._bring_profile(new.note, new.avatar)

    def _bring_contacts(self, old: set[Contact], new: set[Contact]) -> None:
        people, directory = self._m.people, self._m.directory
        before = {contact.person_key: contact.verified for contact in old}
        for contact in new - old:
            directory.apply(people.meet(contact.person_key, self._ctx.wall_ms))
            person = peer_id_of(contact.person_key)
            profile = read_profile(contact.profile) if contact.profile else None
            if profile is not None and profile.person == person:
                directory.apply(people.take_profile(profile, self._ctx.wall_ms))
            if person in people and before.get(contact.person_key) is not contact.verified:
                directory.apply(people.set_contact(person, True))
                directory.apply(people.set_verified(person, contact.verified))
        kept = {contact.person_key for contact in new}
        for contact in old - new:
            person = peer_id_of(contact.person_key)
            if contact.person_key not in kept and person in people:
                directory.apply(people.set_contact(person, False))
                directory.apply(people.set_verified(person, False))

    def _bring_rooms(self, old: set[VaultRoom], new: set[VaultRoom]) -> None:
        rooms, conversations = self._m.rooms, self._m.conversations
        for room in sorted(new - old, key=lambda room: room.id):
            self._entering[room.id] = room
            self._leaving.discard(room.id)
            rooms.enter_again(room.id, room.name, room.keys, room.secret)
        kept = {room.id for room in new}
        for room in old - new:
            found = conversations.get(room.id)
            if room.id not in kept and found is not None and found.mine:
                try:
                    rooms.leave(0, 0, found.label)
                except RequestError:
                    continue
                self._leaving.add(room.id)
                self._ctx.notify(ConversationChanged(found.label))

    def _bring_profile(self, note: str, avatar: bytes) -> None:
        if len(note) > limits.NOTE_CHARS or len(avatar) > limits.AVATAR_BYTES:
            return
        directory = self._m.directory
        writes = directory.set_profile(directory.profile.record.name, note, avatar)
        self._ctx.commit(writes, lambda _: directory.tell())
