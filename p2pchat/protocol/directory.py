"""Who is on the network: the signed records of persons and devices, one's own and the others'.

Records are exchanged when a link comes up and passed on when they are new. In a bounded overlay,
where most devices aren't linked, each says now and then that it is still there.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from typing import Protocol

from p2pchat.config import limits
from p2pchat.model.ids import DeviceId, InstanceId, PeerId
from p2pchat.model.people import Status
from p2pchat.model.records import DeviceRow, PutDevice, PutMeta, Write
from p2pchat.protocol import announce, effects, wire
from p2pchat.protocol.announce import Device, Profile, RoomInfo
from p2pchat.protocol.buckets import Bucket
from p2pchat.protocol.context import Context, Timer
from p2pchat.protocol.link import Link
from p2pchat.protocol.links import Links
from p2pchat.protocol.overlay import Mode, Overlay
from p2pchat.protocol.people import Outcome, People, Presence

PASS_ON_DELAY_S = 0.1
REFRESH_S = 60.0
"""How often a device in a bounded overlay says that it is there."""
STALE_S = 150.0
"""A device that isn't linked and wasn't heard of for so long is off line."""
OUTBID_EVERY_S = 5.0
"""Two copies of a profile would outbid each other for ever."""
MAX_DEVICES = 2000
MAX_AVATARS = 128
HEARSAY_KIB, HEARSAY_KIB_PER_S = 2048.0, 16.0
"""Records of devices that aren't linked, at once and in the long run: what is remembered of them.
The largest network has some 1,500 KiB."""
POSTPONED_S = 1.0
BORROWED_S = 3.0
"""Before somebody is said to borrow a registered name: where two networks become one, who they are
registered as comes a moment after their profile."""
RECORDS_PER_FRAME_BYTES = limits.FRAME_BYTES - 2048


class DirectoryEvents(Protocol):
    def device_changed(self, device: Device, before: Device | None) -> None:
        """A record came in that is newer than what was known."""
        ...

    def device_gone(self, device: DeviceId) -> None: ...

    def device_unreachable(self, device: DeviceId) -> None:
        """Every way to it has failed, for now."""
        ...


class Directory:
    def __init__(
        self,
        context: Context,
        links: Links,
        people: People,
        overlay: Overlay,
        events: DirectoryEvents,
        instance: InstanceId,
        rooms: Callable[[], tuple[RoomInfo, ...]],
    ) -> None:
        self._ctx = context
        self._links = links
        self._people = people
        self._overlay = overlay
        self._events = events
        self._instance = instance
        self._rooms = rooms
        self._devices: dict[DeviceId, Device] = {}
        self._hearsay = Bucket(HEARSAY_KIB, HEARSAY_KIB_PER_S)
        self._heard: dict[DeviceId, float] = {}
        self._met: dict[DeviceId, None] = {}
        """Devices that were linked since the start, and so exist."""
        self._avatars: dict[bytes, bytes] = {}
        self._avatars_asked: dict[bytes, None] = {}
        self._fresh: dict[bytes, Link | None] = {}
        """Records to pass on, with the link that brought them."""
        self._pass_timer: Timer | None = None
        self.status = Status.ONLINE
        self.addresses: tuple[tuple[str, int], ...] = ()
        self.willing = False
        """This device would be the registrar."""
        self.keeps_register = False
        """This device writes down who is there."""
        self.is_holder: Callable[[bytes], bool] = lambda key: False
        """Whether the appointed has signed the device of this key to keep accounts."""
        self.profile: Profile
        self._own: Device | None = None
        self._counter = 0
        self._outbid_again = 0.0

    # -- one's own

    def load_profile(self, raw: bytes, avatar: bytes) -> bool:
        """Take up the own profile record; False: there is none yet."""
        profile = announce.kept_profile(raw)
        if profile is None:
            return False
        self.profile = profile
        if avatar:
            self._avatars[announce.avatar_digest(avatar)] = avatar
        return True

    def set_profile(self, name: str, note: str, avatar: bytes) -> list[Write]:
        """Sign a new profile record; the writes that keep it. Call `tell` once they are durable."""
        digest = announce.avatar_digest(avatar) if avatar else b""
        if avatar:
            self._avatars[digest] = avatar
        before = self.profile.record.clock if hasattr(self, "profile") else 0
        self.profile = announce.make_profile(
            self._ctx.identity,
            name=name,
            note=note,
            avatar=digest,
            clock=max(self._ctx.wall_ms, before + 1),
        )
        return [PutMeta("profile", self.profile.raw), PutMeta("avatar", avatar)]

    def own_avatar(self) -> bytes:
        return self._avatars.get(self.profile.record.avatar, b"")

    def tell(self) -> None:
        """Something of this device or person has changed: make a record of it, and tell all."""
        self._own = self._make_device(self.status)
        self._send(self._links.up(), [self.profile.raw], [self._own.raw])

    def _outbid(self, device: Device) -> None:
        """Others hold a newer record of this device: its clock was set back since, or a copy of
        it ran elsewhere. Nobody would believe it until its clock is there again."""
        now = self._ctx.now
        if self._own is None or device.version <= self._own.version or now < self._outbid_again:
            return
        self._outbid_again = now + OUTBID_EVERY_S
        self._counter = max(self._counter, device.record.counter)
        self.tell()

    def leave(self) -> None:
        """The last record: this device is leaving."""
        own = self._make_device(Status.OFFLINE)
        self._send(self._links.up(), [], [own.raw])

    def _make_device(self, status: Status) -> Device:
        self._counter = max(self._counter + 1, self._ctx.wall_ms)
        return announce.make_device(
            self._ctx.identity,
            self._ctx.network,
            instance=self._instance,
            counter=self._counter,
            status=status,
            addresses=self.addresses[: limits.RECORD_ADDRESSES],
            rooms=self._rooms()[: limits.RECORD_ROOMS],
            wall_ms=self._ctx.wall_ms,
            willing=self.willing,
            keeps_register=self.keeps_register,
        )

    # -- others

    def device(self, device: DeviceId) -> Device | None:
        return self._devices.get(device)

    def devices(self) -> Iterable[Device]:
        """Those that are on line, as far as is known."""
        return [device for id, device in self._devices.items() if self._overlay.is_online(id)]

    def of_person(self, person: PeerId) -> list[Device]:
        return [device for device in self.devices() if device.person == person]

    def avatar_of(self, digest: bytes) -> str | None:
        image = self._avatars.get(digest)
        return base64.b64encode(image).decode() if image else None

    def greet(self, link: Link) -> None:
        """A link is up: one's own records first, then everyone else's."""
        if self._own is None:
            self._own = self._make_device(self.status)
        others = [device for device in self.devices() if device.id != link.device]
        profiles = {self.profile.raw: None}
        for device in others:
            row = self._people.row(device.person)
            if row is not None and row.record:
                profiles[row.record] = None
        self._send([link], list(profiles), [self._own.raw, *(device.raw for device in others)])

    def introduce(self, link: Link, person: PeerId) -> None:
        """Give a peer the profile of someone whom it may never have met."""
        row = self._people.row(person)
        if row is not None and row.record:
            self._send([link], [row.record], [])

    def _is_new_allowed(self, link: Link, own: bool, raw: bytes, known: bytes) -> bool:
        """Whether a record is within the rates. What a peer tells of others may be made up, so
        what is remembered of it grows slowly, whoever tells it."""
        if not own:
            grown = max(0, len(raw) - len(known)) // limits.KIB + (not known)
            if not self._hearsay.take(grown, self._ctx.now):
                return False
        return link.updates.take(1, self._ctx.now)

    def _postpone(self, link: Link, kind: str, raw: bytes) -> None:
        """The peer's own newest records aren't lost for having come too fast."""
        if not link.postponed:
            self._ctx.after(POSTPONED_S, lambda: self._take_postponed(link))
        link.postponed[kind] = raw

    def _take_postponed(self, link: Link) -> None:
        postponed, link.postponed = link.postponed, {}
        for kind, raw in postponed.items():
            if link.up and kind == "profile":
                self._take_profile(link, raw)
            elif link.up:
                self._take_device(link, raw)

    def on_records(self, link: Link, frame: wire.Records) -> None:
        for raw in frame.profiles:
            self._take_profile(link, raw)
        for raw in frame.devices:
            self._take_device(link, raw)

    def _take_profile(self, link: Link, raw: bytes) -> None:
        kept = announce.kept_profile(raw) if len(raw) <= limits.PROFILE_BYTES else None
        if kept is None or kept.person == self._ctx.identity.peer_id:
            return
        row = self._people.row(kept.person)
        if row is not None and row.record == raw:
            return
        own = kept.person == link.person
        if not self._is_new_allowed(link, own, raw, row.record if row is not None else b""):
            if own:
                self._postpone(link, "profile", raw)
            return
        profile = announce.read_profile(raw)
        if profile is None:
            return
        self.apply(self._people.take_profile(profile, self._ctx.wall_ms))
        if self._people.borrows(profile.person):

            def warn() -> None:
                self.apply(self._people.warn_borrower(profile.person))

            self._ctx.after(BORROWED_S, warn)
        if self._people_record(profile.person) == raw:
            self._pass_on(raw, link)
            self._want_avatar(link, profile.record.avatar)

    def _people_record(self, person: PeerId) -> bytes:
        row = self._people.row(person)
        return row.record if row is not None else b""

    def _take_device(self, link: Link, raw: bytes) -> None:
        kept = announce.kept_device(raw)
        known = self._devices.get(kept.id) if kept is not None else None
        if kept is None or (known is not None and known.raw == raw):
            return
        own = kept.id == link.device
        if not self._is_new_allowed(link, own, raw, known.raw if known is not None else b""):
            if own:
                self._postpone(link, "device", raw)
            return
        device = announce.read_device(raw, self._ctx.network)
        if device is None:
            return
        if device.id == self._ctx.identity.device_id:
            self._outbid(device)
            return
        before = self._devices.get(device.id)
        if before is not None and before.version >= device.version:
            if link.device == device.id:
                self._send([link], [], [before.raw])
            return
        full = before is None and len(self._devices) >= MAX_DEVICES
        if full and not self._forget_one() and not own:
            return
        self._devices[device.id] = device
        self._heard[device.id] = self._ctx.now
        self.apply(self._people.meet(device.record.person_key, self._ctx.wall_ms))
        if device.status is Status.OFFLINE:
            self._leave(device.id)
        else:
            self._overlay.online(device.id)
            self._show(device)
        self._events.device_changed(device, before)
        restarted = before is None or before.record.instance != device.record.instance
        if restarted or self._overlay.mode() is Mode.BOUNDED:
            self._pass_on(raw, link)

    def _forget_one(self) -> bool:
        for id in self._devices:
            if self._links.of(id) is None and not self._overlay.is_online(id):
                del self._devices[id]
                self._heard.pop(id, None)
                return True
        return False

    # -- presence

    def linked(self, link: Link) -> list[Write]:
        """A link is up: its device is on line. The row that remembers where it was."""
        was_there = self._overlay.is_online(link.device)
        self._overlay.online(link.device)
        self._remember(link.device)
        known = self._devices.get(link.device)
        if known is not None and not was_there and known.status is not Status.OFFLINE:
            # It was counted out meanwhile; the record that it sends now may be the one from before.
            self._events.device_changed(known, None)
        if known is not None:
            self._heard[link.device] = self._ctx.now
            self._show(known)
        writes = list(self._people.meet(link.info.person_key, self._ctx.wall_ms).writes)
        address = link.info.address
        port = address[1] if link.info.outgoing else (link.hello.port if link.hello else 0)
        addresses = () if link.info.relayed or not port else ((address[0], port),)
        row = DeviceRow(
            id=link.device,
            key=link.info.device_key,
            person=link.person,
            record=known.raw if known else b"",
            addresses=addresses,
            last_seen=self._ctx.wall_ms,
        )
        return [*writes, PutDevice(row)]

    def _remember(self, device: DeviceId) -> None:
        self._met[device] = None
        if len(self._met) > 2 * MAX_DEVICES:
            del self._met[next(iter(self._met))]

    def unlinked(self, link: Link, leaving: bool) -> None:
        """A link is down. In a mesh that is all that is known of the device; elsewhere others
        may still be linked to it."""
        if leaving or self._overlay.mode() is Mode.MESH:
            self._hide(link.device, link.person)
            if leaving:
                self._leave(link.device)
        else:
            known = self._devices.get(link.device)
            if known is not None:
                self._show(known)

    def unreachable(self, device: DeviceId) -> None:
        """Every way to it has failed. One that was never linked may not exist; it counts again
        when it makes a new record."""
        if device not in self._met:
            self._set_offline(device)
        if self._links.of(device) is None:
            self._events.device_unreachable(device)

    def _leave(self, device: DeviceId) -> None:
        """It says so itself."""
        self._ctx.emit(effects.Left(device))
        self._set_offline(device)

    def _set_offline(self, device: DeviceId) -> None:
        if self._links.of(device) is not None:
            return
        self._overlay.offline(device)
        known = self._devices.get(device)
        if known is not None:
            self._hide(device, known.person)
        self._events.device_gone(device)

    def _show(self, device: Device) -> None:
        link = self._links.of(device.id)
        if link is None and self._overlay.mode() is Mode.MESH:
            return
        addresses = [host_port(address) for address in device.record.addresses]
        presence = Presence(
            status=device.status,
            set_at=device.record.counter,
            linked=link is not None,
            addresses=tuple(addresses),
            keeps_register=device.record.keeps_register,
            holder=self.is_holder(device.record.device_key),
        )
        self.apply(self._people.set_presence(device.person, device.id, presence))

    def show_anew(self) -> None:
        """What people are shown of others' devices depends on more than their records: in a bounded
        overlay those count as well that aren't linked, and whom the appointed has signed."""
        for device in self.devices():
            if device.id != self._ctx.identity.device_id:
                self._show(device)

    def _hide(self, device: DeviceId, person: PeerId) -> None:
        self.apply(self._people.set_presence(person, device, None))

    def apply(self, outcome: Outcome) -> None:
        if outcome.writes:
            self._ctx.commit(list(outcome.writes))
        self._ctx.notify(*outcome.events)

    def refresh(self) -> None:
        """Now and then: in a bounded overlay say that one is there, and miss who doesn't."""
        self._ctx.after(REFRESH_S * (0.8 + 0.4 * self._ctx.rng.random()), self.refresh)
        if self._overlay.mode() is Mode.BOUNDED:
            self.tell()
        for id, heard in list(self._heard.items()):
            if heard + STALE_S < self._ctx.now and self._links.of(id) is None:
                del self._heard[id]
                self._set_offline(id)

    # -- pictures

    def _want_avatar(self, link: Link, digest: bytes) -> None:
        if digest and digest not in self._avatars:
            self._avatars_asked[digest] = None
            if len(self._avatars_asked) > MAX_AVATARS:
                del self._avatars_asked[next(iter(self._avatars_asked))]
            self._links.send(link.id, wire.AvatarWanted(digest))

    def on_avatar_wanted(self, link: Link, frame: wire.AvatarWanted) -> None:
        image = self._avatars.get(frame.digest)
        if image and not link.choked:
            self._links.send(link.id, wire.Avatar(image))

    def on_avatar(self, frame: wire.Avatar) -> PeerId | None:
        """A picture that was asked for; whose it is, where someone known shows it."""
        digest = announce.avatar_digest(frame.image)
        if digest not in self._avatars_asked or len(frame.image) > limits.AVATAR_BYTES:
            return None
        del self._avatars_asked[digest]
        if len(self._avatars) >= MAX_AVATARS:
            own = self.profile.record.avatar
            del self._avatars[next(known for known in self._avatars if known != own)]
        self._avatars[digest] = frame.image
        return next(
            (
                device.person
                for device in self.devices()
                if self._people.avatar(device.person) == digest
            ),
            None,
        )

    # -- passing on

    def _pass_on(self, raw: bytes, link: Link) -> None:
        self._fresh[raw] = link
        if self._pass_timer is None:
            self._pass_timer = self._ctx.after(PASS_ON_DELAY_S, self._pass_all)

    def _pass_all(self) -> None:
        self._pass_timer = None
        fresh, self._fresh = self._fresh, {}
        devices = {device.raw for device in self._devices.values()}
        for link in self._links.up():
            records = [raw for raw, source in fresh.items() if source is not link]
            self._send(
                [link],
                [raw for raw in records if raw not in devices],
                [raw for raw in records if raw in devices],
            )

    def _send(self, links: list[Link], profiles: list[bytes], devices: list[bytes]) -> None:
        """In frames below the limit, profiles first: who a device belongs to is known then."""
        size = 0
        part: tuple[list[bytes], list[bytes]] = ([], [])
        for kind, records in ((0, profiles), (1, devices)):
            for raw in records:
                if size + len(raw) > RECORDS_PER_FRAME_BYTES:
                    self._links.send_all(links, wire.Records(tuple(part[0]), tuple(part[1])))
                    size, part = 0, ([], [])
                part[kind].append(raw)
                size += len(raw) + 8
        if size:
            self._links.send_all(links, wire.Records(tuple(part[0]), tuple(part[1])))


def host_port(address: tuple[str, int]) -> str:
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
