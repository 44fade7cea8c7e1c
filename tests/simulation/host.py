"""One simulated computer: a disk, a clock, and the program's machine while it is switched on."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any

from carrier import Carrier, Disk
from memory_store import MemoryStore
from msgspec.structs import replace
from tunnel import Tunnel

from p2pchat.config import limits
from p2pchat.config.settings import Settings
from p2pchat.errors import RequestError
from p2pchat.events import (
    AccountRenamed,
    Announced,
    AnnouncementChanged,
    MessageReceived,
    Warned,
)
from p2pchat.model.accounts import Opened, Registered
from p2pchat.model.ids import DeviceId, EntryHash, InstanceId, PeerId
from p2pchat.model.message import Message
from p2pchat.model.people import Peer
from p2pchat.model.records import Applied, Disclose, MessageRow, PutEntry, PutMeta, Write
from p2pchat.node.ports import LinkId, LinkInfo
from p2pchat.protocol import effects
from p2pchat.protocol.clocks import clock_limit
from p2pchat.protocol.entries import check
from p2pchat.protocol.machine import Config, Machine
from p2pchat.protocol.registrar.claims import read_records

if TYPE_CHECKING:
    from fabric import Fabric, Wire

EPOCH_MS = 1_780_000_000_000


class Host:
    """Everything outside the machine fails as a real one does: what wasn't on the disk is gone
    with the power; sleep stops everything, clock included."""

    def __init__(
        self,
        fabric: Fabric,
        name: str,
        store: MemoryStore,
        rng: Random,
        clock_off_ms: int = 0,
        stretch_s: float = 0.0,
        **config: Any,
    ) -> None:
        """`stretch_s`: how long it takes to stretch a password. `config`: further fields of the
        machine's Config."""
        self.stretch_s = stretch_s
        self.fabric = fabric
        self.name = name
        self.store = store
        self.rng = rng
        self.clock_off_ms = clock_off_ms
        self.config = config
        self.address = fabric.new_address()
        self.up = False
        self.frozen = False
        self.wires: dict[int, Wire | Tunnel] = {}
        self._large: set[int] = set()
        """Links whose frames may be large."""
        """By the link's number here."""
        self.tunnels: dict[int, Tunnel] = {}
        """By token."""
        self.acknowledged: list[Message] = []
        self.met: list[PeerId] = []
        """Answers of `peers.connect`."""
        self.signed: list[Registered | Opened] = []
        """Answers of registering and of proving a password."""
        self.renamed: list[AccountRenamed] = []
        self.announced: list[Announced] = []
        self.announced_anew: list[AnnouncementChanged] = []
        self.refused: list[str] = []
        self.warnings: list[str] = []
        """Reasons; `told` has what people read."""
        self.told: list[str] = []
        self.received: Counter[str] = Counter()
        """MessageReceived by id, since the last start."""
        self.disk = Disk()
        self._generation = 0
        self._slept = 0.0
        self._asleep_at = 0.0
        self._backlog: list[Callable[[], None]] = []
        self._commits: list[tuple[int, list[Write]]] = []
        self._wake_at: float | None = None

    # -- power

    def start(self) -> None:
        assert not self.up
        self.up = True
        self._generation += 1
        self.received.clear()
        now_ms = self.wall_ms
        state = self.store.load(clock_limit(now_ms, now_ms))
        if "person_seed" not in state.meta:
            seeds = [PutMeta(key, self.rng.randbytes(32)) for key in ("person_seed", "device_seed")]
            self.store.apply(seeds)
            state = self.store.load()
        self.machine = Machine(
            Config(
                network="lan",
                agent="simulation",
                instance=InstanceId(self.rng.randbytes(16)),
                name=self.name,
                **self.config,
            ),
            state,
            Settings(),
            Random(self.rng.getrandbits(64)),
            lambda name: frozenset((name.casefold(),)),
        )
        self._carrier = Carrier(self, self.disk)
        self.run(self.machine.start)
        self.run(self.machine.listening, [self.address])
        self.run(self.machine.network_changed, "start", [self.address])
        self.fabric.announce(self)

    @property
    def device(self) -> DeviceId:
        return self.machine.identity.device_id

    def stop(self) -> None:
        """An orderly end: goodbye, and everything stored."""
        self.run(self.machine.stop)
        while self._commits:
            self._flush()
        self._power_off(orderly=True)

    def crash(self) -> None:
        """What wasn't committed is gone."""
        self._power_off(orderly=False)

    def _power_off(self, orderly: bool) -> None:
        self.up = False
        self.frozen = False
        self._generation += 1
        self._backlog.clear()
        self._commits.clear()
        self._wake_at = None
        self.tunnels.clear()
        for wire in list(self.wires.values()):
            wire.abandon(self, orderly)
        self.wires.clear()

    def sleep(self) -> None:
        self.frozen = True
        self._asleep_at = self.fabric.clock.now

    def wake(self) -> None:
        self._slept += self.fabric.clock.now - self._asleep_at
        self.thaw()
        self.run(self.machine.network_changed, "wake-up", [self.address])
        self.fabric.announce(self)

    def thaw(self) -> None:
        """Go on after standing still (`frozen`): what has come meanwhile is looked at."""
        self.frozen = False
        backlog, self._backlog = self._backlog, []
        for action in backlog:
            action()

    # -- the machine

    @property
    def now(self) -> float:
        """The monotonic clock, which stands still in sleep."""
        return 1000.0 + self.fabric.clock.now - self._slept

    @property
    def wall_ms(self) -> int:
        return EPOCH_MS + int(self.fabric.clock.now * 1000) + self.clock_off_ms

    def run(self, call: Callable[..., Any], *args: Any) -> None:
        self.machine.advance(self.now, self.wall_ms)
        call(*args)
        while wanted := self.machine.take():
            for effect in wanted:
                self._perform(effect)
        self._schedule()

    def later(self, delay: float, action: Callable[[], None]) -> None:
        """Something that happens to this host, unless it is switched off before. While it sleeps
        it waits."""
        generation = self._generation

        def happen() -> None:
            if generation != self._generation:
                return
            if self.frozen:
                self._backlog.append(happen)
            else:
                action()

        self.fabric.clock.after(delay, happen)

    def _schedule(self) -> None:
        due = self.machine.deadline()
        if due is None or (self._wake_at is not None and self._wake_at <= due):
            return
        self._wake_at = due

        def tick() -> None:
            if self._wake_at == due:
                self._wake_at = None
            if due <= self.now + 1e-9:
                self.run(self.machine.tick)
            else:
                self._schedule()

        self.later(due - self.now + 1e-6, tick)

    def ask(self, call: Callable[..., None], *args: Any) -> None:
        """A command of a front end; its reply goes to `acknowledged` or `refused`."""
        request = self.machine.number()
        try:
            self.run(call, request, *args)
        except RequestError as error:
            self.refused.append(error.reason)

    # -- effects

    def _perform(self, effect: effects.Effect) -> None:
        match effect:
            case effects.Send(links=links, frame=frame):
                self.send(links, frame)
            case effects.Dial(token=token, address=address):
                self.fabric.dial(self, token, address)
            case effects.CloseLink(link=link, reason=reason):
                if link in self.wires:
                    self.wires[link].close(self, reason)
            case effects.Commit(batch=batch, writes=writes):
                self._commits.append((batch, writes))
                self.later(self.rng.choice((0.0005, 0.002, 0.02)), self._flush)
            case effects.Reply(value=value):
                self._replied(value)
            case effects.Notify(events=events):
                for event in events:
                    if isinstance(event, Warned):
                        self.warnings.append(event.reason)
                        self.told.append(event.text)
                    elif isinstance(event, Announced):
                        self.announced.append(event)
                    elif isinstance(event, AnnouncementChanged):
                        self.announced_anew.append(event)
                    elif isinstance(event, AccountRenamed):
                        self.renamed.append(event)
                    elif isinstance(event, MessageReceived):
                        self.received[event.message.message_id] += 1
            case effects.NotifyReceipt():
                pass
            case effects.Announce():
                self.fabric.announce(self)
            case effects.Left():
                pass
            case effects.Restart():
                self.later(0.0, self._restart)
            case _:
                self._perform_rarer(effect)

    def send(self, links: Sequence[int], frame: bytes) -> None:
        for link in links:
            if link in self.wires:
                large = link in self._large
                assert len(frame) <= (limits.BULK_FRAME_BYTES if large else limits.FRAME_BYTES)
                self.wires[link].send(self, frame)

    def _perform_rarer(self, effect: effects.Effect) -> None:
        perform = self._carrier.perform.get(type(effect))
        if perform is not None:
            perform(effect)
            return
        match effect:
            case effects.ReadMessage():
                self._resume(effect.query, self._message, effect.message)
            case effects.AllowLarge(link=link):
                self._large.add(link)
            case effects.TunnelOpen(token=token, outgoing=outgoing):
                if outgoing:
                    self.later(0.0, lambda: self._tunnel(token))
            case effects.TunnelReceive(token=token, data=data):
                tunnel = self.fabric.tunnels.get(int.from_bytes(data[1:9], "big"))
                if tunnel is not None:  # else it is junk, which TLS doesn't take
                    self.later(0.0, partial(tunnel.receive, self, token, data[:1], data[9:]))
            case effects.TunnelClose(token=token):
                closed = self.tunnels.pop(token, None)
                if closed is not None:
                    self.later(0.0, lambda: closed.end(self))
            case effects.ReadBranch():
                self._resume(
                    effect.query,
                    self.store.read_branch,
                    effect.conversation,
                    effect.tip,
                    effect.low,
                    effect.max_bytes,
                    effect.with_first,
                )
            case effects.ReadEntries():
                self._resume(effect.query, self.store.read_entries, effect.hashes)
            case effects.ReadUndisclosed():
                read = self.store.unread_entries
                self._resume(effect.query, read, effect.conversation, effect.feed)
            case effects.ReadBare():
                self._resume(effect.query, self.store.bare_entries, effect.conversation)
            case effects.ReadPositions():
                self._resume(effect.query, self._positions, effect)
            case effects.Check():
                self._resume(effect.query, self._check, effect.entries)
            case effects.CheckRecords(query=query, records=records, appointed_by=by):
                self._resume(query, read_records, records, self.machine.network, by)
            case effects.Compute():
                slow = self.stretch_s if isinstance(effect.job, effects.Stretch) else 0.0
                self.later(slow, partial(self._resume, effect.query, self._compute, effect.job))
            case _:
                raise AssertionError(f"unexpected {effect}")

    def _resume(self, query: int, call: Callable[..., Any], *args: Any) -> None:
        self.later(
            self.rng.uniform(0.0002, 0.003),
            lambda: self.run(self.machine.resume, query, call(*args)),
        )

    def _message(self, hash: EntryHash) -> MessageRow | None:
        """As `Node` reads it: with where the finished file is."""
        row = self.store.message(hash)
        if row is None or row.file is None:
            return row
        path = row.file.path or self.disk.whole.get(row.file.stream)
        return replace(row, file=replace(row.file, path=path))

    def _check(self, entries: Sequence[Any]) -> list[Any]:
        network = self.machine.network
        return [item for entry in entries if (item := check(entry, network)) is not None]

    def _positions(self, effect: effects.ReadPositions) -> Any:
        row = self.store.message(effect.message)
        if row is None or row.conversation != effect.conversation:
            return None
        return row, self.store.positions(effect.conversation, row.clock, row.hash)

    def _compute(self, job: effects.SecretJob) -> Any:
        """Stand-ins for what is slow or draws entropy: the same seed gives the same run."""
        match job:
            case effects.Seal(secret=secret, keys=keys):
                return tuple(b"box" + hashlib.sha256(key).digest() + secret for key in keys)
            case effects.Open(box=box):
                own = hashlib.sha256(self.machine.identity.sealing.public).digest()
                return box[35:] if box[3:35] == own else ValueError("not for this one")
            case effects.Stretch(password=password, salt=salt):
                return hashlib.sha256(salt + password.encode()).digest()
            case effects.PakeStart(secret=secret):
                return secret, b"\0" + hashlib.sha256(secret).digest()
            case effects.PakeFinish(state=state, message=message):
                return hashlib.sha256(state + message).digest()
            case _:
                raise AssertionError(f"no stand-in for {job}")

    def _replied(self, value: Any) -> None:
        if isinstance(value, RequestError):
            self.refused.append(value.reason)
        elif isinstance(value, Message):
            self.acknowledged.append(value)
        elif isinstance(value, Peer):
            self.met.append(value.peer_id)
        elif isinstance(value, Registered | Opened):
            self.signed.append(value)

    def _flush(self) -> None:
        """Make what was committed so far durable, in one go."""
        group, self._commits = self._commits, []
        if not group:
            return
        applied = self.store.apply([write for _, writes in group for write in writes])
        at = 0
        split: list[tuple[int, Applied]] = []
        for batch, writes in group:
            entries = [write.entry for write in writes if isinstance(write, PutEntry | Disclose)]
            spans = {entry.header.feed: applied.spans[entry.header.feed] for entry in entries}
            split.append((batch, Applied(applied.stored[at : at + len(entries)], spans)))
            at += len(entries)
        self.run(self.machine.committed, split)

    def _restart(self) -> None:
        """The machine wants another one in its place."""
        self.stop()
        self.start()

    # -- links

    def link_info(self, peer: Host, outgoing: bool, relayed: bool = False) -> LinkInfo:
        own, other = self.machine, peer.machine
        address = peer.address if outgoing else (peer.address[0], 40000)
        return LinkInfo(
            outgoing=outgoing,
            address=("relayed", 0) if relayed else address,
            person_key=other.identity.person.key,
            device_key=other.identity.device.key,
            instance=other.instance,
            own_leaf=hashlib.sha256(own.instance).digest(),
            peer_leaf=hashlib.sha256(other.instance).digest(),
            relayed=relayed,
        )

    def _tunnel(self, token: int) -> None:
        Tunnel(self.fabric, self, token)

    def opened(self, wire: Wire | Tunnel, link: LinkId, info: LinkInfo, token: int | None) -> None:
        self.wires[link] = wire
        self.run(self.machine.link_opened, link, info, token)

    def frames(self, link: LinkId, frame: bytes) -> None:
        if link in self.wires:
            self.run(self.machine.link_frames, link, [frame])

    def closed(self, link: LinkId, reason: str) -> None:
        if self.wires.pop(link, None) is not None:
            self._carrier.link_closed(link)
            self.run(self.machine.link_closed, link, reason)
