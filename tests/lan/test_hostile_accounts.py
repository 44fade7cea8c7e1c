"""Accounts under attack: by devices that lead nobody, and by one that has won the election."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import Lan, Node, wait_linked, wait_until
from lan_accounts import (
    OTHER,
    PASSWORD,
    info,
    names,
    refused,
    register,
    settled,
    sign_in,
)
from lan_talk import peer_id, peers
from siege import MIB, Siege

pytestmark = pytest.mark.lan

LOOKS_LIKE_LI = ("L\u0456", "LI", "\uff2c\uff49", "\u216c\u0456", "Li")
DISK = 8 * MIB


@pytest.fixture(scope="module")
def siege() -> Iterator[Siege]:
    """The victim is the registrar, and its friend is registered as Li."""
    with Lan(hosts=4) as lan:
        siege = Siege(lan, "--registrar")
        settled(siege.nodes)
        register(siege.friend, "Li")
        yield siege


def stored(node: Node) -> int:
    """Bytes of all that the node has written."""
    return sum(path.stat().st_size for path in Path(node.data_dir).rglob("*") if path.is_file())


def unharmed(siege: Siege) -> None:
    own = siege.victim.call("node.info")["device_id"]
    li = peer_id(siege.friend)
    for node in siege.nodes:
        assert info(node)["device_id"] == own
        assert names(node)["Li"] == li


@pytest.mark.parametrize(
    "name", ["junk_keyboxes", "forged_leases", "sets_without_end", "junk_vaults"]
)
def test_floods_are_hardly_noticed(siege: Siege, name: str) -> None:
    before = stored(siege.victim)
    with siege.attack(name):
        pass
    unharmed(siege)
    assert stored(siege.victim) - before < DISK


def test_no_more_than_five_guesses_a_minute_and_no_replayed_proof(siege: Siege) -> None:
    with siege.attack("guesses", "Li"):
        pass
    unharmed(siege)


@pytest.mark.parametrize(
    "count", [1200, pytest.param(9900, marks=pytest.mark.soak)], ids=["a-class", "all-there-is"]
)
def test_made_up_claims(siege: Siege, count: int) -> None:
    with siege.attack("flood_of_claims", str(count)):
        pass
    unharmed(siege)
    assert siege.victim.call("announcements.list") == []


def test_a_registered_name_cannot_be_imitated(siege: Siege) -> None:
    """Neither by who calls themselves so, nor by who would register it."""
    with siege.attack("odd_names", *(name.encode().hex() for name in LOOKS_LIKE_LI)):

        def labels() -> list[str]:
            return [peer["label"] for peer in peers(siege.victim).values() if peer["linked"]]

        wait_until(lambda: len(labels()) > len(LOOKS_LIKE_LI), what="all of them")
        assert labels().count("Li") == 1
        assert not set(labels()) & (set(LOOKS_LIKE_LI) - {"Li"}), labels()
    guest = siege.lan.node(3, "--name", "Guest")
    wait_linked([guest, siege.victim])
    for name in LOOKS_LIKE_LI:
        assert refused(guest, "accounts.register", name=name, password=OTHER) == "name-taken"


def test_many_registrations_of_one_machine(siege: Siege) -> None:
    with siege.attack("flood_of_registrations"):
        pass
    unharmed(siege)
    (guest,) = siege.lan.hosts[3].nodes
    made = register(guest, "Guest")
    assert names(siege.friend)["Guest"] == made["account_id"]


def test_the_account_opens_as_before(siege: Siege) -> None:
    (guest,) = siege.lan.hosts[3].nodes
    wait_until(lambda: sign_in(guest, "Li", PASSWORD), 70, "the guesser's minute is over")
    assert peer_id(guest) == peer_id(siege.friend)
