"""The persons that this profile knows: names, labels, marks, presence, and who they look like.

Data in, data out: every method that changes something returns the rows to keep and the events to
tell. Whoever is not known yet is met first; a person without a profile record has no name and is
not told of.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable

import msgspec

from p2pchat.config.limits import NOTE_CHARS, PERSON_DEVICES, PERSONS
from p2pchat.errors import RequestError
from p2pchat.events import Event, PeerChanged, PeerOffline, PeerOnline, Warned
from p2pchat.model.ids import DeviceId, PeerId, has_peer_id_form
from p2pchat.model.names import Looks, fold, shown_name
from p2pchat.model.people import Peer, Status
from p2pchat.model.records import DropPerson, PersonRow, PutPerson
from p2pchat.model.text import one_line
from p2pchat.protocol.announce import Profile, kept_profile
from p2pchat.protocol.hashing import peer_id_of
from p2pchat.protocol.labels import Labels

LOOKALIKE = "looks-like-someone-you-know"
"""The reason of the warning."""


class Presence(msgspec.Struct, frozen=True):
    """A device that is on line."""

    status: Status
    set_at: int
    """Its record's counter: of several devices that are in use, the latest status holds."""
    linked: bool = False
    addresses: tuple[str, ...] = ()
    """HOST:PORT, best first."""
    keeps_register: bool = False
    holder: bool = False
    """The appointed has signed it to keep accounts."""


class Outcome(msgspec.Struct, frozen=True):
    """What a change leads to."""

    writes: tuple[PutPerson | DropPerson, ...] = ()
    events: tuple[Event, ...] = ()


class _Person:
    def __init__(self, row: PersonRow, profile: Profile | None) -> None:
        self.row = row
        self.version = profile.version if profile else None
        self.seal_key = profile.record.seal_key if profile else None
        self.note = one_line(profile.record.note, NOTE_CHARS) if profile else ""
        self.avatar = profile.record.avatar if profile else b""
        self.devices: dict[DeviceId, Presence] = {}

    @property
    def known_well(self) -> bool:
        """Someone whose name others shouldn't borrow."""
        return self.row.verified or self.row.contact or self.row.written

    @property
    def status(self) -> Status:
        """Of the devices that are in use the latest status; else away; else offline."""
        best = max(
            self.devices.values(),
            key=lambda device: (device.status is not Status.AWAY, device.set_at),
            default=None,
        )
        return best.status if best else Status.OFFLINE


class People:
    """All persons but oneself. `avatar_of` gives a picture by its digest, as base64, where it is
    here."""

    def __init__(
        self,
        own: PeerId,
        own_name: str,
        rows: Iterable[PersonRow],
        looks: Looks,
        avatar_of: Callable[[bytes], str | None] = lambda _: None,
    ) -> None:
        self._own = own
        self._own_name = own_name
        self._looks = looks
        self._avatar_of = avatar_of
        self.registered_as: Callable[[PeerId], str | None] = lambda _: None
        """The registered name of a person."""
        self.registered_to: Callable[[str], PeerId | None] = lambda _: None
        """Who has registered a name, or one that looks like it."""
        self._persons: dict[PeerId, _Person] = {}
        self._named: dict[str, set[PeerId]] = {}
        self._labels: Labels[PeerId] = Labels()
        for row in sorted(rows, key=lambda row: (row.first_seen, row.id)):
            self._persons[row.id] = _Person(row, kept_profile(row.record))
            self._labels.restore(row.id, row.label)
            self._index(row.id, row.name)
        self._labels.give(own, own_name or own[:8])

    # -- reading

    def __contains__(self, person: PeerId) -> bool:
        return person in self._persons

    def row(self, person: PeerId) -> PersonRow | None:
        found = self._persons.get(person)
        return found.row if found else None

    def rows(self) -> list[PersonRow]:
        """Of everyone who was met."""
        return [found.row for found in self._persons.values()]

    def name(self, person: PeerId) -> str:
        """What they call themselves; may be empty."""
        if person == self._own:
            return self._own_name
        found = self._persons.get(person)
        return found.row.name if found else ""

    def label(self, person: PeerId) -> str:
        """What this profile calls them (oneself as well); never empty."""
        return self._labels.get(person) or person[:8]

    def status(self, person: PeerId) -> Status:
        found = self._persons.get(person)
        return found.status if found else Status.OFFLINE

    def blocked(self, person: PeerId) -> bool:
        found = self._persons.get(person)
        return found is not None and found.row.blocked

    def key(self, person: PeerId) -> bytes | None:
        """Their Ed25519 key."""
        found = self._persons.get(person)
        return found.row.key if found else None

    def seal_key(self, person: PeerId) -> bytes | None:
        """What to seal to them with; None until their profile is here."""
        found = self._persons.get(person)
        return found.seal_key if found else None

    def avatar(self, person: PeerId) -> bytes:
        """The digest of their picture; empty: none."""
        found = self._persons.get(person)
        return found.avatar if found else b""

    def peer(self, person: PeerId) -> Peer:
        """`no-such-peer` where they aren't known."""
        found = self._require(person)
        row = found.row
        devices = sorted(found.devices.values(), key=lambda device: not device.linked)
        return Peer(
            peer_id=row.id,
            name=row.name,
            label=self.label(row.id),
            status=found.status,
            note=found.note,
            avatar=self._avatar_of(found.avatar) if found.avatar else None,
            linked=any(device.linked for device in devices),
            addresses=tuple(
                dict.fromkeys(address for device in devices for address in device.addresses)
            ),
            verified=row.verified,
            contact=row.contact,
            account=row.id if self.registered_as(row.id) is not None else None,
            blocked=row.blocked,
            warning=row.warning or None,
            keeps_register=any(device.keeps_register for device in devices),
            holder=bool(devices) and all(device.holder for device in devices),
        )

    def shown(self, person: PeerId) -> Peer | None:
        """The person; None until their profile is here."""
        found = self._persons.get(person)
        return self._shown(found) if found else None

    def peers(self) -> list[Peer]:
        """Everyone whose profile is here."""
        return [self.peer(person) for person, found in self._persons.items() if found.version]

    def resolve(self, text: str) -> PeerId:
        """Who is meant by `@PEER_ID`, `@LABEL` or `@NAME`; the `@` may be missing. Oneself only
        by PEER_ID. `no-such-peer`; `ambiguous-name` with the `candidates`' ids where it is the
        label of one and the name of another, or the name of several. What is written in the
        same letter case comes first."""
        wanted = unicodedata.normalize("NFC", text.strip()).removeprefix("@").strip()
        if has_peer_id_form(wanted):
            person = PeerId(wanted.lower())
            if person != self._own and person not in self._persons:
                raise RequestError("no-such-peer")
            return person
        found = set(self._named.get(fold(wanted), ()))
        labelled = self._labels.find(wanted)
        if labelled is not None and labelled != self._own:
            found.add(labelled)
        if not found and len(wanted) == 8:
            found.update(person for person in self._persons if self.label(person) == wanted)
        exact = {person for person in found if wanted in (self.label(person), self.name(person))}
        candidates = sorted(exact or found)
        if not candidates:
            raise RequestError("no-such-peer", f"nobody here is called {one_line(wanted, 80)}")
        if len(candidates) > 1:
            raise RequestError("ambiguous-name", candidates=candidates)
        return candidates[0]

    # -- who they are

    def rename_self(self, name: str) -> None:
        self._own_name = name
        self._labels.give(self._own, name or self._own[:8])

    def meet(self, key: bytes, now_ms: int) -> Outcome:
        """A person's key was seen. Where there is no room for one more, and nobody who could be
        forgotten, the person stays unknown."""
        person = peer_id_of(key)
        if person == self._own or person in self._persons:
            return Outcome()
        dropped: tuple[DropPerson, ...] = ()
        if len(self._persons) >= PERSONS:
            stranger = self._oldest_stranger()
            if stranger is None:
                return Outcome()
            self._forget(stranger)
            dropped = (DropPerson(stranger),)
        row = PersonRow(id=person, key=key, first_seen=now_ms)
        self._persons[person] = _Person(row, None)
        return Outcome(writes=(*dropped, PutPerson(row)))

    def take_profile(self, profile: Profile, now_ms: int) -> Outcome:
        """A checked profile record came in; an older one, or one's own, changes nothing."""
        person = profile.person
        met = self.meet(profile.record.person_key, now_ms)
        found = self._persons.get(person)
        if found is None or (found.version is not None and profile.version <= found.version):
            return met
        before = self._shown(found)
        name = shown_name(profile.record.name)
        renamed = found.version is None or name != found.row.name
        self._unindex(person, found.row.name)
        self._index(person, name)
        fresh = _Person(
            msgspec.structs.replace(
                found.row,
                record=profile.raw,
                name=name,
                label=self._give_label(person, name),
            ),
            profile,
        )
        fresh.devices = found.devices
        self._persons[person] = fresh
        warned = self._warn(fresh) if renamed else ()
        drops = tuple(write for write in met.writes if isinstance(write, DropPerson))
        return Outcome((*drops, PutPerson(fresh.row)), (*self._told(before, fresh), *warned))

    def _give_label(self, person: PeerId, name: str) -> str:
        registered = self.registered_as(person)
        if registered is None:
            return self._labels.give(
                person, name or person[:8], lambda label: not self._is_others(person, label)
            )
        if self._labels.get(person) != registered:
            # Whoever had it is told of when `registered` is called.
            self._labels.claim(person, registered)
        return registered

    def registered(self, person: PeerId) -> Outcome:
        """The person's registered name is new, or another one: it is theirs in every view."""
        name = self.registered_as(person)
        if name is None or (person != self._own and person not in self._persons):
            return Outcome()
        displaced = self._labels.claim(person, name)
        writes: list[PutPerson] = []
        events: list[Event] = []
        for changed in (person, displaced):
            found = self._persons.get(changed) if changed is not None else None
            if found is not None:
                found.row = msgspec.structs.replace(found.row, label=self.label(found.row.id))
                writes.append(PutPerson(found.row))
                events += [PeerChanged(shown)] if (shown := self._shown(found)) else []
        return Outcome(tuple(writes), tuple(events))

    def number_borrowers(self) -> Outcome:
        """Who isn't registered and has the name of somebody who is now, or one that looks like it,
        gets a number, as who comes later would."""
        writes: list[PutPerson] = []
        events: list[Event] = []
        for person, found in self._persons.items():
            label = self._labels.get(person)
            if label is None or not self._is_others(person, label):
                continue
            if self.registered_as(person) is None:
                label = self._give_label(person, found.row.name)
                found.row = msgspec.structs.replace(found.row, label=label)
                writes.append(PutPerson(found.row))
                events += [PeerChanged(shown)] if (shown := self._shown(found)) else []
        return Outcome(tuple(writes), tuple(events))

    def set_verified(self, person: PeerId, on: bool) -> Outcome:
        """`no-such-peer` where they aren't known; so in the next three."""
        warning = "" if on else self._require(person).row.warning
        return self._mark(person, verified=on, warning=warning)

    def set_contact(self, person: PeerId, on: bool) -> Outcome:
        return self._mark(person, contact=on)

    def set_blocked(self, person: PeerId, on: bool) -> Outcome:
        return self._mark(person, blocked=on)

    def set_written(self, person: PeerId) -> Outcome:
        """This person has been written to."""
        return self._mark(person, written=True)

    # -- where they are

    def set_presence(self, person: PeerId, device: DeviceId, presence: Presence | None) -> Outcome:
        """A device of theirs is on line like this; None, or offline: it isn't."""
        found = self._persons.get(person)
        if found is None:
            return Outcome()
        before = self._shown(found)
        if presence is None or presence.status is Status.OFFLINE:
            found.devices.pop(device, None)
        elif device in found.devices or len(found.devices) < PERSON_DEVICES:
            found.devices[device] = presence
        return Outcome(events=self._told(before, found))

    # --

    def _require(self, person: PeerId) -> _Person:
        found = self._persons.get(person)
        if found is None:
            raise RequestError("no-such-peer")
        return found

    def _mark(self, person: PeerId, **marks: bool | str) -> Outcome:
        found = self._require(person)
        before = self._shown(found)
        row = msgspec.structs.replace(found.row, **marks)
        if row == found.row:
            return Outcome()
        found.row = row
        return Outcome((PutPerson(row),), self._told(before, found))

    def _shown(self, found: _Person) -> Peer | None:
        return self.peer(found.row.id) if found.version else None

    def _told(self, before: Peer | None, found: _Person) -> tuple[Event, ...]:
        """The event for what has changed since `before`."""
        after = self._shown(found)
        if after is None or after == before:
            return ()
        was_online = before is not None and before.status is not Status.OFFLINE
        if was_online == (after.status is not Status.OFFLINE):
            return (PeerChanged(after),)
        return (PeerOffline(after),) if was_online else (PeerOnline(after),)

    def _warn(self, found: _Person) -> tuple[Event, ...]:
        """Compare a new name with one's own and those of the people one knows; keep the warning
        in the row."""
        other = None if found.row.verified else self._lookalike(found)
        text = ""
        if other is not None:
            label = self.label(found.row.id)
            text = (
                f"{label} is not you, but has a name that looks like yours"
                if other == self._own
                else f"{label} is not the {self.label(other)} that you know, "
                "but has the same name or one that looks like it"
            )
        found.row = msgspec.structs.replace(found.row, warning=text)
        return (Warned(LOOKALIKE, text, peer_id=found.row.id),) if text else ()

    def borrows(self, person: PeerId) -> bool:
        """Whether they have a name that somebody else has registered, or one that looks like it."""
        found = self._persons.get(person)
        if found is None or found.row.verified or self.registered_as(person):
            return False
        return bool(found.row.name) and self._is_others(person, found.row.name)

    def warn_borrower(self, person: PeerId) -> Outcome:
        """Where they still borrow a name, and nothing else was to be said of them."""
        found = self._persons.get(person)
        if found is None or found.row.warning or not self.borrows(person):
            return Outcome()
        text = (
            f"{self.label(person)} is not registered, but has the name of somebody who "
            "is, or one that looks like it"
        )
        before = self._shown(found)
        found.row = msgspec.structs.replace(found.row, warning=text)
        warned = Warned(LOOKALIKE, text, peer_id=person)
        return Outcome((PutPerson(found.row),), (*self._told(before, found), warned))

    def _is_others(self, person: PeerId, name: str) -> bool:
        """Whether somebody else has registered this name, or one that looks like it."""
        return self.registered_to(name) not in (None, person)

    def _lookalike(self, found: _Person) -> PeerId | None:
        """Oneself, or a person one knows, whose name this is or looks like. One's own name itself
        has a number with others: a class from one image begins with one name on all machines."""
        own, known = self._own_name, dict[PeerId, str]()
        if own and fold(own) != fold(found.row.name):
            known[self._own] = own
        for other in self._persons.values():
            if other.known_well and other is not found and other.row.name:
                known[other.row.id] = other.row.name
        if not known or not found.row.name:
            return None
        looks = self._looks(found.row.name)
        for person, name in known.items():
            if not looks.isdisjoint(self._looks(name) | self._looks(self.label(person))):
                return person
        return None

    def _index(self, person: PeerId, name: str) -> None:
        if name:
            self._named.setdefault(fold(name), set()).add(person)

    def _unindex(self, person: PeerId, name: str) -> None:
        same = self._named.get(fold(name))
        if same is not None:
            same.discard(person)
            if not same:
                del self._named[fold(name)]

    def _oldest_stranger(self) -> PeerId | None:
        strangers = (
            person
            for person, found in self._persons.items()
            if not (found.known_well or found.row.blocked or found.devices)
        )
        return next(strangers, None)

    def _forget(self, person: PeerId) -> None:
        self._unindex(person, self._persons[person].row.name)
        self._labels.release(person)
        del self._persons[person]
