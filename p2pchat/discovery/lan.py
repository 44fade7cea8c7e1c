"""All ways of finding others on the LAN at once, kept in step with the machine's network."""

from __future__ import annotations

import asyncio
import logging
import os
import random
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from p2pchat.config.limits import (
    HEARD_INSTANCES,
    MDNS_PAUSE_S,
    MDNS_RECENT_S,
    MDNS_START_S,
)
from p2pchat.discovery.beacon import BeaconWay
from p2pchat.discovery.beacon_packet import INSTANCE_BYTES
from p2pchat.discovery.interfaces import (
    Interface,
    Rank,
    addresses_of,
    check_wanted,
    list_interfaces,
    select,
)
from p2pchat.discovery.mdns import MdnsWay
from p2pchat.discovery.rates import Heard
from p2pchat.discovery.watch import ADDRESSES, WAKE_UP, Watch, elapsed_clocks
from p2pchat.node.ports import Address, Announcement, DiscoverySink

log = logging.getLogger("p2pchat.discovery")


class LanDiscovery:
    """The `Discovery` port. `interfaces` are names or addresses; none: all that lead somewhere.

    Profiles of one machine find each other by the beacon on loopback, without any network too,
    unless `interfaces` leave loopback out.
    """

    def __init__(
        self,
        interfaces: Sequence[str] = (),
        mdns: bool = True,
        beacon: bool = True,
        clocks: Callable[[], Sequence[float]] = elapsed_clocks,
    ) -> None:
        self._wanted = tuple(interfaces)
        self._with_mdns = mdns
        self._with_beacon = beacon
        self._clocks = clocks
        self._rng = random.Random(os.urandom(8))
        self._all: tuple[Interface, ...] = ()
        self._used: tuple[Interface, ...] = ()
        self._port = 0
        self._sink: DiscoverySink | None = None
        self._beacon: BeaconWay | None = None
        self._mdns: MdnsWay | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._mdns_news = asyncio.Event()
        self._by_mdns = Heard(HEARD_INSTANCES)
        self._mdns_afresh = False
        self._mdns_flooded = False

    # -- the port

    async def start(self, sink: DiscoverySink, announcement: Announcement) -> None:
        """UsageError for an interface that this machine doesn't have."""
        try:
            self._all = await asyncio.to_thread(list_interfaces)
        except OSError as error:
            log.warning("the network interfaces can't be listed: %s", error)
        check_wanted(self._all, self._wanted)
        self._used = select(self._all, self._wanted)
        self._sink = sink
        self._port = announcement.port
        if self._with_beacon:
            # A new one with each start: to the others this is a newcomer, whom they answer.
            instance = os.urandom(INSTANCE_BYTES)
            self._beacon = BeaconWay(sink.found, announcement, instance, self._rng)
            await self._beacon.use(self._beacon_interfaces())
            self._beacon.announce()
        if self._with_mdns:
            self._mdns = MdnsWay(self._found_by_mdns, announcement, self._mdns_is_flooded)
            self._spawn(self._run_mdns(self._mdns), "mDNS")
        watch = Watch(self._network_changed, self._all, clocks=self._clocks)
        self._spawn(watch.run(), "watching the network")

    def announce(self) -> None:
        if self._beacon is not None:
            self._beacon.announce()
        self._mdns_news.set()

    def own_addresses(self) -> Sequence[Address]:
        return addresses_of(self._used, self._port)

    def heard(self) -> tuple[int, int] | None:
        if self._beacon is None and self._mdns is None:
            return None
        ours, elsewhere = self._beacon.heard() if self._beacon is not None else (0, 0)
        now = asyncio.get_running_loop().time()
        return max(ours, len(self._by_mdns.since(now - MDNS_RECENT_S))), elsewhere

    def left(self, device_id: str) -> None:
        self._by_mdns.forget(device_id)
        if self._beacon is not None:
            self._beacon.left(device_id)

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        if self._beacon is not None:
            self._beacon.close()
        if self._mdns is not None:
            await self._mdns.close()

    # -- changes

    async def _network_changed(self, why: str, interfaces: tuple[Interface, ...]) -> None:
        self._all = interfaces
        used = select(interfaces, self._wanted)
        if why == ADDRESSES and used == self._used:
            return
        self._used = used
        if self._beacon is not None:
            await self._beacon.use(self._beacon_interfaces())
            self._beacon.announce()
        self._mdns_afresh = self._mdns_afresh or why == WAKE_UP
        self._mdns_news.set()
        if self._sink is not None:
            self._sink.network_changed(why)

    def _beacon_interfaces(self) -> tuple[Interface, ...]:
        if self._wanted:
            return self._used
        return self._used + tuple(i for i in self._all if i.rank is Rank.LOOPBACK)

    # -- mDNS, which is slow to start and may fail

    async def _run_mdns(self, mdns: MdnsWay) -> None:
        if self._beacon is not None:
            # the beacon is quicker: leave the first second to the links that it brings
            await asyncio.sleep(self._rng.uniform(*MDNS_START_S))
        while True:
            self._mdns_news.clear()
            if self._mdns_flooded:
                log.warning("mDNS rests for %d s: its memory is flooded", MDNS_PAUSE_S)
                await mdns.close()
                await asyncio.sleep(MDNS_PAUSE_S)
                self._mdns_flooded = False
            afresh, self._mdns_afresh = self._mdns_afresh, False
            await mdns.use(self._used, afresh)
            mdns.announce()
            await self._mdns_news.wait()

    def _found_by_mdns(self, source: str, device_id: str, addresses: Sequence[Address]) -> None:
        hosts = [host for host, _ in addresses]
        if not all(any(one.is_own(host) for one in self._used) for host in hosts):
            self._by_mdns.note(device_id, asyncio.get_running_loop().time())
        if self._sink is not None:
            self._sink.found(source, device_id, addresses)

    def _mdns_is_flooded(self) -> None:
        self._mdns_flooded = True
        self._mdns_news.set()

    def _spawn(self, work: Coroutine[Any, Any, None], what: str) -> None:
        self._tasks.append(asyncio.create_task(_logged(work, what), name=what))


async def _logged(work: Coroutine[Any, Any, None], what: str) -> None:
    """One way that breaks leaves the others alone."""
    try:
        await work
    except Exception as error:
        log.warning("%s has stopped: %s", what, error or type(error).__name__)
        log.debug("details", exc_info=True)
