"""A program for a host of the test LAN: runs LanDiscovery and says each thing as a JSON line.

finder.py NUMBER [mdns] [beacon] [network=HEX] [interface=NAME]: its device id is made of NUMBER.
A line on its standard input announces again; the end of input stops it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import time
from collections.abc import Sequence
from typing import Any

from p2pchat.discovery.lan import LanDiscovery
from p2pchat.node.ports import Address, Announcement


def say(**what: Any) -> None:
    sys.stdout.write(json.dumps({"at": time.monotonic(), **what}) + "\n")
    sys.stdout.flush()


def device_id(number: int) -> str:
    digits = "abcdefghijklmnopqrstuvwxyz234567"
    return (digits[number // 32] + digits[number % 32]).rjust(32, "a")


class Sink:
    def found(self, source: str, device_id: str, addresses: Sequence[Address]) -> None:
        say(type="found", source=source, device=device_id, addresses=addresses)

    def network_changed(self, why: str) -> None:
        say(type="changed", why=why)


async def run(number: int, words: list[str]) -> None:
    interfaces = [word.partition("=")[2] for word in words if word.startswith("interface=")]
    networks = [word.partition("=")[2] for word in words if word.startswith("network=")]
    discovery = LanDiscovery(interfaces, mdns="mdns" in words, beacon="beacon" in words)
    network = networks[0] if networks else "0123456789abcdef"
    await discovery.start(Sink(), Announcement(device_id(number), network, 20000 + number))
    say(type="started", own=discovery.own_addresses(), device=device_id(number))
    loop = asyncio.get_running_loop()
    while await loop.run_in_executor(None, sys.stdin.readline):
        discovery.announce()
    await discovery.stop()
    say(type="stopped", tasks=len(asyncio.all_tasks()) - 1, cpu=time.process_time())


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    asyncio.run(run(int(sys.argv[1]), sys.argv[2:]))
