"""All attacks again and again: what each leaves behind doesn't add up."""

from __future__ import annotations

import pytest
from harness import Lan, wait_until
from siege import AFTER_S, MEMORY, Siege

pytestmark = [pytest.mark.lan, pytest.mark.soak, pytest.mark.timeout(1800)]
ROUNDS = 4
WARM_UP = 2
"""Rounds after which the allocator has all that it will ever need."""
ATTACKS = (
    "junk_bytes",
    "half_open_connections",
    "silent_links",
    "no_certificate",
    "junk_mdns",
    "bad_frames",
    "small_frames",
    "requests_without_reading",
    "pictures",
    "made_up_rows",
    "vectors_without_end",
    "unasked",
    "made_up_devices",
    "restless_records",
    "forged_author",
    "bad_signatures",
    "replayed",
    "reordered",
    "fork_bomb",
    "flood_of_entries",
)


def test_memory_does_not_creep() -> None:
    with Lan(hosts=3) as lan:
        siege = Siege(lan)
        settled = 0
        for number in range(ROUNDS):
            for name in ATTACKS:
                with siege.attack(name):
                    pass
            if number < WARM_UP:
                settled = siege.process.memory_info().rss
        wait_until(
            lambda: siege.process.memory_info().rss - settled < MEMORY, AFTER_S, "memory back"
        )
