"""The real program under attack by those who prove no identity, while two honest nodes chat."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from harness import Lan
from lan_talk import peers
from siege import Siege

pytestmark = pytest.mark.lan


@pytest.fixture(scope="module")
def siege() -> Iterator[Siege]:
    with Lan(hosts=3) as lan:
        yield Siege(lan)


@pytest.mark.parametrize(
    "name",
    [
        "junk_bytes",
        "idle_connections",
        "half_open_connections",
        "silent_links",
        "no_certificate",
        "junk_mdns",
    ],
)
def test_strangers_are_hardly_noticed(siege: Siege, name: str) -> None:
    with siege.attack(name):
        pass


def test_junk_beacons(siege: Siege) -> None:
    with siege.attack("junk_beacons", siege.lan.hosts[0].broadcast):
        pass
    assert len(peers(siege.victim)) <= 3


def test_a_leaf_of_another_identity_is_told(siege: Siege) -> None:
    with siege.attack("other_identity") as mark:
        siege.warned("bad-certificate", mark)


@pytest.mark.parametrize("name", ["deep_nesting", "bad_frames"])
def test_frames_that_break_the_protocol_are_told(name: str) -> None:
    with Lan(hosts=3) as lan:
        siege = Siege(lan)
        with siege.attack(name) as mark:
            siege.warned("protocol", mark)
