"""Multicast DNS service discovery (RFC 6762, 6763) of `_p2pchat._tcp` on one interface.

The only module that imports zeroconf.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import secrets
from collections import deque
from collections.abc import Awaitable, Callable

from zeroconf import (
    IPVersion,
    RecordUpdate,
    RecordUpdateListener,
    ServiceStateChange,
    Zeroconf,
)
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

from p2pchat.config import limits
from p2pchat.discovery.hints import Found, believable, is_device_id
from p2pchat.discovery.interfaces import Interface
from p2pchat.discovery.rates import TokenBucket
from p2pchat.node.ports import Announcement

SERVICE = "_p2pchat._tcp.local."
VERSION = "1"

_INSTANCE = re.compile(r"[0-9a-f]{8,32}\." + re.escape(SERVICE))

logging.getLogger("zeroconf").setLevel(logging.CRITICAL)
"""What it has to say is about other people's junk; what fails here is logged by MdnsWay."""


class Responder(RecordUpdateListener):
    """Announces this node on one interface, and passes on what is found there."""

    def __init__(
        self,
        found: Found,
        announcement: Announcement,
        interface: Interface,
        own_names: set[str],
        flooded: Callable[[], None],
    ) -> None:
        """`own_names` is shared by all responders: this process is not a find."""
        self._found = found
        self._network = announcement.network.encode()
        self._interface = interface
        self._own_names = own_names
        self._flooded = flooded
        self._info = _service(announcement, interface)
        self._zeroconf: AsyncZeroconf | None = None
        self._browser: AsyncServiceBrowser | None = None
        self._saying: asyncio.Task[None] | None = None
        self._lookups: set[asyncio.Task[None]] = set()
        self._waiting: deque[str] = deque(maxlen=limits.MDNS_LOOKUPS_WAITING)
        loop = asyncio.get_running_loop()
        self._hints = TokenBucket(limits.HINTS_PER_S, limits.HINTS_AT_ONCE, loop.time)
        self._records = 0
        self._bytes = 0

    async def start(self) -> None:
        """Browse and announce; raises what zeroconf raises."""
        self._own_names.add(self._info.name)
        if self._interface.v4:
            host = str(self._interface.v4[0].ip)
            zeroconf = AsyncZeroconf(interfaces=[host], ip_version=IPVersion.V4Only)
        else:
            zeroconf = AsyncZeroconf(
                interfaces=[self._interface.index], ip_version=IPVersion.V6Only
            )
        self._zeroconf = zeroconf
        await zeroconf.zeroconf.async_wait_for_start()
        zeroconf.zeroconf.async_add_listener(self, None)
        self._browser = AsyncServiceBrowser(
            zeroconf.zeroconf, SERVICE, handlers=[self._service_changed]
        )
        # a random name needs no probing for its uniqueness, which would take a second
        sent = await zeroconf.async_register_service(self._info, cooperating_responders=True)
        self._saying = asyncio.create_task(_finish(sent))

    def announce(self) -> None:
        if self._zeroconf is not None and (self._saying is None or self._saying.done()):
            self._saying = asyncio.create_task(self._say_again(self._zeroconf))

    async def close(self) -> None:
        tasks = [*self._lookups, *([self._saying] if self._saying else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._own_names.discard(self._info.name)
        if self._zeroconf is None:
            return
        with contextlib.suppress(Exception):  # no goodbye where the network has gone already
            if self._browser is not None:
                await self._browser.async_cancel()
            # One is enough for a hint (RFC 6762, 10.1): zeroconf's three take a quarter of a
            # second, for which who signs in or ends the program would wait.
            if (goodbye := self._zeroconf.zeroconf.generate_unregister_all_services()) is not None:
                self._zeroconf.zeroconf.async_send(goodbye)
        await self._zeroconf.async_close()

    async def _say_again(self, zeroconf: AsyncZeroconf) -> None:
        await _finish(await zeroconf.async_update_service(self._info))

    # -- what others announce

    def _service_changed(
        self,
        zeroconf: Zeroconf,
        service_type: str,
        name: str,
        state_change: ServiceStateChange,
    ) -> None:
        if state_change is ServiceStateChange.Removed or name in self._own_names:
            return
        if _INSTANCE.fullmatch(name) is None:
            return
        info = AsyncServiceInfo(SERVICE, name)
        if info.load_from_cache(zeroconf):
            self._report(info)
        elif name not in self._waiting:
            self._waiting.append(name)
            if len(self._lookups) < limits.MDNS_LOOKUPS:
                task = asyncio.create_task(self._look_up(zeroconf))
                self._lookups.add(task)
                task.add_done_callback(self._lookups.discard)

    async def _look_up(self, zeroconf: Zeroconf) -> None:
        """Ask for what an announcement didn't say, until nothing waits."""
        while self._waiting:
            info = AsyncServiceInfo(SERVICE, self._waiting.popleft())
            with contextlib.suppress(Exception):  # closed meanwhile, or an answer that is junk
                if await info.async_request(zeroconf, limits.MDNS_LOOKUP_MS):
                    self._report(info)

    def _report(self, info: AsyncServiceInfo) -> None:
        said = info.properties
        device_id = (said.get(b"id") or b"").decode(errors="replace")
        port = info.port or 0
        if said.get(b"net") != self._network or not is_device_id(device_id) or port < 1:
            return
        if not re.fullmatch(rb"[1-9][0-9]{0,4}", said.get(b"v") or b""):
            return
        ips = info.ip_addresses_by_version(IPVersion.All)
        addresses = believable(self._interface, ips, port)
        if addresses and self._hints.take():
            self._found("mdns", device_id, addresses)

    # -- bounds

    def async_update_records(self, zc: Zeroconf, now: float, records: list[RecordUpdate]) -> None:
        """Called by zeroconf with the records of each packet: keep count of what it remembers."""
        for record in records:
            self._records += record.old is None
            self._bytes += len(getattr(record.new, "text", b""))
        if self._records > limits.MDNS_CACHE_RECORDS or self._bytes > limits.MDNS_CACHE_BYTES:
            self._recount(zc)

    def _recount(self, zc: Zeroconf) -> None:
        """Much of what came may have expired. Half of what is left counts from now on, so that
        a full but quiet memory isn't counted again with each packet."""
        kept = [record for records in zc.cache.cache.values() for record in records]
        size = sum(len(getattr(record, "text", b"")) for record in kept)
        self._records = len(kept) // 2
        self._bytes = size // 2
        if len(kept) > limits.MDNS_CACHE_RECORDS or size > limits.MDNS_CACHE_BYTES:
            self._flooded()


def _service(announcement: Announcement, interface: Interface) -> AsyncServiceInfo:
    """Nothing but `v`, `id` and `net`; the instance and the host have a random name."""
    instance = secrets.token_hex(8)
    top = limits.ADDRESSES_PER_INTERFACE
    packed = [a.ip.packed for a in interface.v4[:top]] + [a.ip.packed for a in interface.v6[:top]]
    return AsyncServiceInfo(
        SERVICE,
        f"{instance}.{SERVICE}",
        addresses=packed,
        port=announcement.port,
        properties={"v": VERSION, "id": announcement.device_id, "net": announcement.network},
        server=f"{instance}.local.",
    )


async def _finish(sent: Awaitable[None]) -> None:
    await sent
