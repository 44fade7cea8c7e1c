"""Multicast DNS on every interface in use.

Each interface has a responder of its own, so that what is announced on a cable are the addresses
on that cable. zeroconf is imported when this starts to work, in a thread: it takes as long as the
rest of the program's start.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from p2pchat.config import limits
from p2pchat.discovery.hints import Found
from p2pchat.discovery.interfaces import Interface, Rank
from p2pchat.node.ports import Announcement

if TYPE_CHECKING:
    from p2pchat.discovery.responder import Responder

log = logging.getLogger("p2pchat.discovery")


class MdnsWay:
    """Its methods are called by one task, one after the other."""

    def __init__(
        self, found: Found, announcement: Announcement, flooded: Callable[[], None]
    ) -> None:
        """`flooded` is called when what others sent has outgrown its bounds: `close` then, and
        `use` it again after a pause."""
        self._found = found
        self._announcement = announcement
        self._flooded = flooded
        self._responders: dict[Interface, Responder] = {}
        self._own_names: set[str] = set()
        self._refused: set[str] = set()

    async def use(self, interfaces: Sequence[Interface], afresh: bool = False) -> None:
        """Announce and browse there from now on; with `afresh`, forget what was heard. Where it
        fails that is logged once, and tried again with the next call."""
        wanted = [i for i in interfaces if i.rank is not Rank.TUNNEL][: limits.MDNS_INTERFACES]
        gone = [i for i in self._responders if afresh or i not in wanted]
        await asyncio.gather(*(self._responders.pop(interface).close() for interface in gone))
        if not wanted:
            return
        module = await asyncio.to_thread(importlib.import_module, "p2pchat.discovery.responder")
        for interface in wanted:
            if interface in self._responders:
                continue
            responder: Responder = module.Responder(
                self._found, self._announcement, interface, self._own_names, self._flooded
            )
            try:
                await responder.start()
            except Exception as error:  # zeroconf raises of many kinds; nothing else may suffer
                await responder.close()
                self._log_refusal(interface, error)
            else:
                self._responders[interface] = responder

    def announce(self) -> None:
        for responder in self._responders.values():
            responder.announce()

    async def close(self) -> None:
        """With goodbyes; 1 s at most."""
        responders = list(self._responders.values())
        self._responders.clear()
        await asyncio.gather(*(responder.close() for responder in responders))

    def _log_refusal(self, interface: Interface, error: Exception) -> None:
        if interface.name not in self._refused:
            self._refused.add(interface.name)
            log.warning("no mDNS on %s: %s", interface.nice_name, error or type(error).__name__)
