"""Changes of the network and sleep, with a machine that can be changed and put to sleep."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from ipaddress import IPv4Interface

from p2pchat.discovery.interfaces import Interface, Rank
from p2pchat.discovery.watch import ADDRESSES, WAKE_UP, Watch, elapsed_clocks

ETH = Interface("eth0", "eth0", 2, (IPv4Interface("10.1.2.3/24"),), (), Rank.LAN)


class Machine:
    def __init__(self) -> None:
        self.interfaces: tuple[Interface, ...] = ()
        self.slept = 0.0
        self.broken = False
        self.loop = asyncio.get_running_loop()
        self.looked = asyncio.Event()
        self.news: asyncio.Queue[tuple[str, tuple[Interface, ...]]] = asyncio.Queue()
        self.watch = Watch(self.changed, (), self.look, self.clocks, poll_s=0.01)

    async def changed(self, why: str, interfaces: tuple[Interface, ...]) -> None:
        self.news.put_nowait((why, interfaces))

    def look(self) -> tuple[Interface, ...]:
        """On another thread, so what it sees is settled before it tells that it looked."""
        broken, interfaces = self.broken, self.interfaces
        self.loop.call_soon_threadsafe(self.looked.set)
        if broken:
            raise OSError("no netlink")
        return interfaces

    def clocks(self) -> Sequence[float]:
        steady, *others = elapsed_clocks()
        return (steady, *(clock + self.slept for clock in others))

    async def next(self) -> tuple[str, tuple[Interface, ...]]:
        async with asyncio.timeout(5):
            return await self.news.get()

    async def look_again(self) -> None:
        """Until it has looked twice more."""
        for _ in range(2):
            self.looked.clear()
            async with asyncio.timeout(5):
                await self.looked.wait()


async def live(machine: Machine) -> None:
    task = asyncio.create_task(machine.watch.run())
    try:
        await machine.look_again()
        assert machine.news.empty()
        machine.interfaces = (ETH,)
        assert await machine.next() == (ADDRESSES, (ETH,))
        machine.slept += 3600
        assert await machine.next() == (WAKE_UP, (ETH,))
        machine.slept -= 7200  # a clock that is set back is no sleep
        await machine.look_again()
        machine.slept += 60
        machine.interfaces = ()
        assert await machine.next() == (WAKE_UP, ())
        machine.broken = True
        await machine.look_again()
        machine.broken = False
        machine.interfaces = (ETH,)
        assert await machine.next() == (ADDRESSES, (ETH,))
        await machine.look_again()
        assert machine.news.empty()
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def test_changes_and_sleep() -> None:
    async def main() -> None:
        await live(Machine())

    asyncio.run(main())
