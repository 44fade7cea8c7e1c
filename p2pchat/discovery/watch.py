"""Notices that the machine's addresses changed, or that it slept."""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Sequence

from p2pchat.config import limits
from p2pchat.discovery.interfaces import Interface, list_interfaces

log = logging.getLogger("p2pchat.discovery")

ADDRESSES = "addresses"
WAKE_UP = "wake-up"

_NETLINK_GROUPS = 0x1 | 0x10 | 0x100
"""RTMGRP_LINK, RTMGRP_IPV4_IFADDR and RTMGRP_IPV6_IFADDR, rtnetlink(7)."""
_DRAIN_BYTES = 65536

Changed = Callable[[str, tuple[Interface, ...]], Awaitable[None]]


def elapsed_clocks() -> tuple[float, ...]:
    """Clocks of which at least one goes on while the machine sleeps, in seconds."""
    clocks = [time.monotonic(), time.time()]
    if sys.platform == "linux":
        clocks.append(time.clock_gettime(time.CLOCK_BOOTTIME))
    return tuple(clocks)


class Watch:
    """Calls `changed` with `addresses` or `wake-up` and what interfaces there are now."""

    def __init__(
        self,
        changed: Changed,
        interfaces: tuple[Interface, ...],
        look: Callable[[], tuple[Interface, ...]] = list_interfaces,
        clocks: Callable[[], Sequence[float]] = elapsed_clocks,
        poll_s: float = limits.NETWORK_POLL_S,
    ) -> None:
        self._changed = changed
        self._interfaces = interfaces
        self._look = look
        self._clocks = clocks
        self._poll_s = poll_s
        self._news = asyncio.Event()
        self._failed = False

    async def run(self) -> None:
        """Until cancelled."""
        netlink = self._open_netlink()
        try:
            before = self._clocks()
            while True:
                await self._wait()
                now = self._clocks()
                passed = max(b - a for a, b in zip(before, now, strict=True))
                before = now
                await self._compare(slept=passed > self._poll_s + limits.WAKE_UP_S)
        finally:
            if netlink is not None:
                asyncio.get_running_loop().remove_reader(netlink)
                netlink.close()

    async def _wait(self) -> None:
        """For the next look: at once after news from the system, else after the usual time."""
        try:
            async with asyncio.timeout(self._poll_s):
                await self._news.wait()
                await asyncio.sleep(limits.NETWORK_SETTLE_S)
        except TimeoutError:
            pass
        self._news.clear()

    async def _compare(self, slept: bool) -> None:
        try:
            interfaces = await asyncio.to_thread(self._look)
        except OSError as error:
            if not self._failed:
                log.warning("the network interfaces can't be listed: %s", error)
            self._failed = True
            return
        self._failed = False
        changed = interfaces != self._interfaces
        self._interfaces = interfaces
        if slept:
            await self._changed(WAKE_UP, interfaces)
        elif changed:
            await self._changed(ADDRESSES, interfaces)

    def _open_netlink(self) -> socket.socket | None:
        """Linux tells of changes as they happen; elsewhere, and where it may not, polling does."""
        if sys.platform != "linux":
            return None
        try:
            netlink = socket.socket(
                socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE
            )
            netlink.bind((0, _NETLINK_GROUPS))
        except OSError:
            return None
        asyncio.get_running_loop().add_reader(netlink, self._drain, netlink)
        return netlink

    def _drain(self, netlink: socket.socket) -> None:
        try:
            while netlink.recv(_DRAIN_BYTES):
                self._news.set()
        except BlockingIOError:
            pass
        except OSError:  # ENOBUFS: more news than its buffer holds
            self._news.set()
