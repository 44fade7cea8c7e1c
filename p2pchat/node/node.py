"""One running profile: `Node` owns the parts, and replaces the machine where it becomes another."""

from __future__ import annotations

import asyncio
import contextlib
import secrets as entropy
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from random import SystemRandom
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace

from p2pchat import __version__
from p2pchat.config.settings import NETWORK, Choice, Options, Settings
from p2pchat.errors import RequestError, UsageError
from p2pchat.events import Event
from p2pchat.model.file import FileState
from p2pchat.model.ids import ConversationId, EntryHash, InstanceId
from p2pchat.model.names import display_name
from p2pchat.model.records import MessageRow, PutMeta, StoredState
from p2pchat.node.front_end import FrontEnd
from p2pchat.node.host import host_name
from p2pchat.node.lookalike import looks
from p2pchat.node.ports import Address, Announcement, Depot, Discovery, Links, Profiles, Store
from p2pchat.node.runtime import Handler, Runtime
from p2pchat.node.signing import Signing
from p2pchat.protocol.clocks import clock_limit
from p2pchat.protocol.machine import Config, Machine

DISCOVERY_STOP_S = 3.0

T = TypeVar("T")


class Node:
    """One running profile. Made on the loop's thread; `start` before anything else."""

    def __init__(
        self,
        *,
        store: Store,
        depot: Depot,
        links: Links,
        discovery: Discovery,
        options: Options,
        profiles: Profiles,
    ) -> None:
        """`store` and `depot` are of the profile in `options.data_dir`."""
        self.signing = Signing(self, profiles)
        self.store = store
        self.depot = depot
        self.links = links
        self._discovery = discovery
        self.options = options
        self._front_ends = 0
        self.handlers: dict[int, Handler] = {}
        self.seeing: set[int] = set()
        """Those front ends that are seen by a person whenever they are told something."""
        self._restarting: asyncio.Task[None] | None = None
        self._renewing = asyncio.Lock()
        self._discovering: asyncio.Task[None] | None = None
        self._unending: set[asyncio.Task[Any]] = set()
        self._closed = False
        self.runtime: Runtime
        self.machine: Machine
        given = {} if options.limit is None else {"limit": options.limit}
        self.choice = Choice(kept=Settings(), given=given)
        """Of the settings; what is kept is known once it is started."""

    async def start(self) -> None:
        """Open everything; the socket is listening when this returns. UsageError, StoreError."""
        loop = asyncio.get_running_loop()
        state = await loop.run_in_executor(None, self._load)
        name, rename = self._name(state)
        kept = _settings(state)
        config = Config(
            network=self.options.network or kept.network or NETWORK,
            agent=f"p2pchat/{__version__}",
            instance=InstanceId(entropy.token_bytes(16)),
            name=name,
            rename=rename,
            code=self.options.network_code,
            willing=self.options.registrar,
            appointing=self.options.appointing_key or b"",
            appointed_by=self.options.appointed_by,
            connect=self.options.connect,
            delivers=self.options.delivers,
        )
        self.choice = Choice(kept=kept, given=self.choice.given)
        self.depot.choose_downloads(self.choice.in_force.downloads)
        self.machine = Machine(config, state, self.choice.in_force, SystemRandom(), looks)
        self.machine.registrar.belongings.settings_brought = self.take_settings
        self.machine.registrar.announcements.watched = lambda: bool(self.handlers)
        self.machine.registrar.announcements.seeing = lambda: bool(self.seeing)
        self.runtime = Runtime(
            self.machine,
            self.store,
            self.depot,
            self.links,
            self._discovery,
            self.handlers,
            self._restart,
        )
        await self.runtime.start()
        listening = self.links.listening
        announcement = Announcement(
            device_id=self.machine.identity.device_id,
            network=self.machine.network.hex()[:16],
            port=listening[0][1] if listening else 0,
        )
        self._discovering = loop.create_task(self.runtime.discover(announcement))

    def take_settings(self, brought: Mapping[str, Any]) -> None:
        """What nobody set here, such as the account's from another machine; those that don't fit
        are left out."""
        fresh = {name: v for name, v in brought.items() if name not in self.choice.given}
        try:
            self.choice = self.choice.changed(fresh)
        except msgspec.ValidationError:
            return
        ctx = self.machine.ctx
        ctx.settings = self.choice.in_force
        ctx.commit([PutMeta("settings", msgspec.json.encode(self.choice.kept))])

    def _load(self) -> StoredState:
        """What is stored, with keys for a fresh profile."""
        now_ms = time.time_ns() // 1_000_000
        state = self.store.load(clock_limit(now_ms, now_ms))
        if "person_seed" in state.meta and "device_seed" in state.meta:
            return state
        seeds = [PutMeta(key, entropy.token_bytes(32)) for key in ("person_seed", "device_seed")]
        self.store.apply(seeds)
        return self.store.load()

    def _name(self, state: StoredState) -> tuple[str, bool]:
        """The name to use, and whether it takes the place of a stored one. An empty one becomes
        the host's."""
        asked = self.options.name
        try:
            name = display_name(asked) if asked is not None else ""
        except RequestError as error:
            raise UsageError(f"--name: {error}") from error
        return name or host_name(), asked is not None

    def _restart(self) -> None:
        anew = self._start_anew(self._restarting)
        self._restarting = asyncio.get_running_loop().create_task(anew)

    async def _start_anew(self, before: asyncio.Task[None] | None) -> None:
        """The stored identity has changed: a new machine in place of the old one."""
        if before is not None:
            await before
        await self._stop()
        # The name that was asked for is stored by now; there may be another one since.
        self.options = msgspec.structs.replace(self.options, name=None)
        await self.start()

    async def switch(
        self,
        open_other: Callable[[], tuple[str, Store, Depot]],
        name: str | None,
        stopped: Callable[[Store, Store], None],
        closed: Callable[[str], T],
    ) -> T:
        """Go on with another profile: its folder, store and depot, under this name or its own.
        `stopped` gets the store of the one before, to which nothing is added any more, and the
        other; `closed` the folder of the one before. All run in a thread. Where the other can't be
        opened, all stays as it was."""
        async with self._renewing:
            await self._restarted()
            folder, store, depot = await asyncio.to_thread(open_other)
            await self._stop()
            before, old = self.options.data_dir, self.store
            self.store, self.depot = store, depot
            await asyncio.to_thread(stopped, old, store)
            await asyncio.to_thread(old.close)
            self.options = replace(self.options, data_dir=folder, name=name)
            await self.start()
            return await asyncio.to_thread(closed, before)

    async def ready(self) -> None:
        """While a new machine takes the place of the old one, neither can be asked. Raises what
        went wrong with that."""
        if self._unending:
            await asyncio.sleep(0)  # what was asked for before has begun by then
        async with self._renewing:
            pass
        await self._restarted()

    async def _restarted(self) -> None:
        if self._restarting is not None:
            await asyncio.shield(self._restarting)

    async def to_its_end(self, work: Coroutine[Any, Any, T]) -> T:
        """Its result. It goes on also where whoever asked is gone: half of it would leave the node
        without a profile, or other front ends with that of somebody else."""
        task = asyncio.get_running_loop().create_task(work)
        self._unending.add(task)
        task.add_done_callback(self._unending.discard)
        return await asyncio.shield(task)

    async def become_someone_else(self, name: str) -> None:
        """What is asked for meanwhile waits: nothing more is done as the old person."""
        async with self._renewing:
            await self._restarted()
            await self.runtime.ask(self.machine.renewal.new_person, name)
            await self._restarted()

    def tell(self, event: Event, origin: int) -> None:
        """Tell all front ends but the one whose own doing it is."""
        for front_end, handler in list(self.handlers.items()):
            if front_end != origin:
                handler((event,))

    async def _stop(self) -> None:
        if self._discovering is not None:
            self._discovering.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await asyncio.wait_for(self._discovering, DISCOVERY_STOP_S)
        await self.runtime.close()

    # -- what is stored, with the places of files; these block

    def message(self, hash: EntryHash) -> MessageRow | None:
        row = self.store.message(hash)
        return row and self._placed(row)

    def messages(
        self, conversation: ConversationId, limit: int, *places: EntryHash | None
    ) -> list[MessageRow]:
        return [self._placed(row) for row in self.store.messages(conversation, limit, *places)]

    def files(self, conversation: ConversationId | None, limit: int) -> list[MessageRow]:
        return [self._placed(row) for row in self.store.files(conversation, limit)]

    def _placed(self, row: MessageRow) -> MessageRow:
        file = row.file
        if file is None or file.state is not FileState.COMPLETE:
            return row
        return replace(row, file=replace(file, path=self.depot.path(file.stream, file.path)))

    def own_addresses(self) -> Sequence[Address]:
        """Where others may reach us, by the interfaces that lead somewhere now."""
        return self._discovery.own_addresses()

    def heard(self) -> tuple[int, int] | None:
        """How many devices have announced themselves lately, of this network and of others."""
        return self._discovery.heard()

    def front_end(self) -> FrontEnd:
        """A façade of its own for one more front end."""
        self._front_ends += 1
        return FrontEnd(self, self._front_ends)

    async def close(self) -> None:
        """Goodbye to the peers, everything stored, the profile released."""
        if self._closed:
            return
        self._closed = True
        if self._unending:
            await asyncio.wait(self._unending)
        if self._restarting is not None:
            await asyncio.wait((self._restarting,))
        if hasattr(self, "runtime"):
            await self._stop()
        self.store.close()


def _settings(state: StoredState) -> Settings:
    """The stored settings; one that this version doesn't take falls back to its default."""
    raw = state.meta.get("settings")
    if raw is None:
        return Settings()
    try:
        return msgspec.json.decode(raw, type=Settings)
    except msgspec.MsgspecError:
        pass
    kept: dict[str, Any] = {}
    try:
        stored = msgspec.json.decode(raw, type=dict[str, Any])
    except msgspec.MsgspecError:
        return Settings()
    for name, value in stored.items():
        with contextlib.suppress(msgspec.ValidationError):
            msgspec.convert({name: value}, Settings)
            kept[name] = value
    return msgspec.convert(kept, Settings)
