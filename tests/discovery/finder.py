"""A program for hosts of the test LAN: LanDiscovery alone, driven like the real program.

Events: `found` and `changed`, as DiscoverySink is told. Methods: `own`, `announce`, `figures`,
`become`: stop and start anew as another device, and `sleep`: the clocks jump as if the machine had
slept for an hour.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from p2pchat.discovery.lan import LanDiscovery
from p2pchat.discovery.watch import elapsed_clocks
from p2pchat.errors import UsageError
from p2pchat.node.ports import Address, Announcement

NETWORK = "0123456789abcdef"


def device_id(number: int) -> str:
    digits = "abcdefghijklmnopqrstuvwxyz234567"
    return (digits[number // 32] + digits[number % 32]).rjust(32, "a")


def say(**message: Any) -> None:
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


class Sink:
    def found(self, source: str, device_id: str, addresses: Sequence[Address]) -> None:
        hosts = [f"{host}:{port}" for host, port in addresses]
        params = {"type": "found", "source": source, "device": device_id, "addresses": hosts}
        say(method="event", params=params)

    def network_changed(self, why: str) -> None:
        say(method="event", params={"type": "changed", "why": why})


def figures() -> dict[str, float]:
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * 4096
    return {"resident_bytes": resident, "cpu_s": time.process_time()}


async def serve(options: argparse.Namespace) -> int:
    slept = 0.0
    discovery = LanDiscovery(
        options.interface,
        mdns=not options.no_mdns,
        beacon=not options.no_beacon,
        clocks=lambda: [clock + slept for clock in elapsed_clocks()],
    )

    async def start(number: int) -> None:
        announcement = Announcement(device_id(number), options.network, 20000 + number)
        await discovery.start(Sink(), announcement)

    try:
        await start(options.number)
    except UsageError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        request = json.loads(line)
        result: Any = {}
        if request["method"] == "announce":
            discovery.announce()
        elif request["method"] == "become":
            await discovery.stop()
            await start(request["params"]["number"])
        elif request["method"] == "sleep":
            slept += 3600
        elif request["method"] == "figures":
            result = figures()
        elif request["method"] == "own":
            result = [f"{host}:{port}" for host, port in discovery.own_addresses()]
        say(id=request["id"], result=result)
    await discovery.stop()
    return len(asyncio.all_tasks()) - 1  # tasks that were left behind fail the test


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data-dir")
    parser.add_argument("--number", type=int, default=0)
    parser.add_argument("--network", default=NETWORK)
    parser.add_argument("--interface", action="append", default=[])
    parser.add_argument("--no-mdns", action="store_true")
    parser.add_argument("--no-beacon", action="store_true")
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    return asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
