"""What guests of this computer have written and nobody has yet (docs/decisions/0019): once somebody
is there whom it is for, a node of its own delivers it from their profile, and goes again."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Sequence

from msgspec.structs import replace

from p2pchat.config.settings import Options
from p2pchat.node.node import Node
from p2pchat.node.ports import Address, Depot, Profiles, Store
from p2pchat.protocol import unsent

log = logging.getLogger("p2pchat.node")

LOOK_S = 3.0
"""How often it is looked whether somebody is there."""
DELIVER_S, DELIVER_LOOK_S = 45.0, 0.2
"""How long one delivery may take; links come within seconds."""
AGAIN_S = 300.0
"""Before one that came to nothing is tried again: who was to get it may not take it."""
_THIS_MACHINE = {"0.0.0.0": "127.0.0.1", "::": "::1"}

Make = Callable[[Options, Store, Depot], Node]


class Couriers:
    def __init__(self, node: Node, profiles: Profiles, make: Make) -> None:
        self._node = node
        self._profiles = profiles
        self._make = make
        self._tried: dict[str, float] = {}
        """When those profiles had their turn that have come to nothing."""
        self._ending = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._go_on())

    async def close(self) -> None:
        self._ending.set()
        if self._task is not None:
            await self._task

    async def _go_on(self) -> None:
        while not await self._pause(LOOK_S):
            try:
                await self._look()
            except Exception as error:
                log.warning("what a guest has written isn't delivered: %s", error)

    async def _pause(self, seconds: float) -> bool:
        """Whether it is the end."""
        try:
            await asyncio.wait_for(self._ending.wait(), seconds)
        except TimeoutError:
            return False
        return True

    async def _look(self) -> None:
        """One at a time."""
        now = time.monotonic()
        for folder, names in (await asyncio.to_thread(self._profiles.unsent)).items():
            if now - self._tried.get(folder, -AGAIN_S) < AGAIN_S:
                continue
            if not names or unsent.is_wanted(self._node.machine, names):
                self._tried[folder] = now
                if set(await self._deliver(folder, names)) != set(names):
                    del self._tried[folder]
                return

    async def _deliver(self, folder: str, names: Collection[str]) -> Collection[str]:
        """For whom there is something still. `names`: for whom there was; none: see for whom."""
        store, depot = await asyncio.to_thread(self._profiles.open, folder)
        courier = self._make(self._options(folder), store, depot)
        try:
            await courier.start()
            until = time.monotonic() + (DELIVER_S if names else 0.0)
            while self._wanted(courier) and time.monotonic() < until:
                unsent.reach(courier.machine, names)
                if await self._pause(DELIVER_LOOK_S):
                    break
            left = self._wanted(courier)
        finally:
            await courier.close()
        await asyncio.to_thread(self._profiles.parted, folder, left)
        return left

    def _options(self, folder: str) -> Options:
        """It also links with this process' own node: somebody may have written to who is signed in
        now, and that one knows the others."""
        own = self._node.options
        return replace(
            own,
            data_dir=folder,
            name=None,
            delivers=True,
            appointing_key=None,
            listen_port=0 if own.listen_port else own.listen_port,
            connect=(*own.connect, *self._here()),
        )

    def _here(self) -> Sequence[Address]:
        listening = self._node.links.listening[:1]
        return [(_THIS_MACHINE.get(host, host), port) for host, port in listening]

    def _wanted(self, courier: Node) -> list[str]:
        return unsent.wanted(courier.machine, besides=self._node.machine.identity.peer_id)
