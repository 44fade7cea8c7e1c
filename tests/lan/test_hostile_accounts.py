"""Accounts under attack: by devices that lead nobody, and by one that has won the election."""

from __future__ import annotations

import contextlib
import select
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from harness import Lan, Node, wait_linked, wait_until
from lan_accounts import (
    OTHER,
    PASSWORD,
    contacts,
    info,
    names,
    refused,
    register,
    settled,
    sign_in,
)
from lan_store import kept
from lan_talk import peer_id, peers
from siege import ANSWER_S, MEMORY, MIB, Chat, Siege

from p2pchat.protocol.registrar.part import KEYBOX_KEY
from p2pchat.protocol.registrar.vaulting import BOX_KEY

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


# -- a hostile device that leads


@contextlib.contextmanager
def lied_to(siege: Siege, lie: str) -> Iterator[subprocess.Popen[bytes]]:
    """While it leads, and the two chat; the process says `lied` when it has. Afterwards the victim
    leads again."""
    nodes = [*siege.nodes, guest(siege)]
    own = siege.victim.call("node.info")["device_id"]
    hosts = siege.lan.hosts
    others = [f"{hosts[at].address}:{port(node)}" for at, node in ((1, nodes[1]), (3, nodes[2]))]
    memory = [psutil.Process(node.pid).memory_info().rss for node in nodes]
    process = siege.launch("lead", lie, *others)
    wait_until(lambda: all(info(n)["device_id"] not in (own, None) for n in nodes), 15, "it leads")
    with Chat(siege.victim, siege.friend) as chat:
        try:
            yield process
        except BaseException:
            process.kill()
            raise
        said, _ = process.communicate(b"enough\n", 20)
    assert said.endswith(b"done\n"), f"the lie {lie} came to nothing: {said!r}"
    assert chat.error is None
    assert max(chat.took) < ANSWER_S
    wait_until(lambda: all(info(n)["device_id"] == own for n in nodes), 15, "the victim leads")
    for node, before in zip(nodes, memory, strict=True):
        assert psutil.Process(node.pid).memory_info().rss - before < 2 * MEMORY
        assert "Traceback" not in node.stderr(), node.stderr()[-3000:]


def port(node: Node) -> str:
    found: str = node.call("node.info")["listen"][0].rsplit(":", 1)[1]
    return found


def guest(siege: Siege) -> Node:
    """Somebody who has nothing to do with it."""
    here = siege.lan.hosts[3].nodes
    node = here[0] if here else siege.lan.node(3, "--name", "Guest")
    wait_linked([node, *siege.nodes])
    return node


@pytest.mark.soak
def test_what_a_liar_was_given_in_vain_comes_to_the_next(siege: Siege) -> None:
    """It makes claims and throws keyboxes and vaults away."""
    friend, other = siege.friend, guest(siege)
    friend.call("contacts.add", peer_id=peer_id(siege.victim))
    with lied_to(siege, "forgets"):
        ann = register(other, "Ann", OTHER)["account_id"]
        friend.call("accounts.change_password", 30, old=PASSWORD, new=OTHER)
        friend.call("contacts.add", peer_id=ann)
    # Only who has Ann's keybox can answer this.
    other.call("accounts.change_password", 30, old=OTHER, new=PASSWORD)
    other.call("accounts.logout")
    assert sign_in(other, "Ann", PASSWORD)["account_id"] == ann
    other.call("accounts.logout")
    li = peer_id(friend)
    wait_until(
        lambda: kept(siege.victim, KEYBOX_KEY + li) == kept(friend, BOX_KEY),
        60,
        "Li's computer has brought what the liar has thrown away",
    )
    assert sign_in(other, "Li", OTHER)["account_id"] == li
    wait_until(lambda: contacts(other) == {peer_id(siege.victim), ann}, 30, "the vault")
    other.call("accounts.logout")
    friend.call("accounts.change_password", 30, old=OTHER, new=PASSWORD)


def test_a_liars_key_is_nobodys(siege: Siege) -> None:
    other = guest(siege)
    before = peer_id(other)
    with lied_to(siege, "gives_another_key"):
        assert refused(other, "accounts.login", name="Li", password=PASSWORD) == "wrong-password"
        assert peer_id(other) == before


@pytest.mark.parametrize(
    "lie",
    [
        "acknowledges",
        *(
            pytest.param(lie, marks=pytest.mark.soak)
            for lie in ("refuses", "is_silent", "answers_hugely")
        ),
    ],
)
def test_whoever_asks_a_liar_gets_their_answer_from_the_next(siege: Siege, lie: str) -> None:
    other = guest(siege)
    with lied_to(siege, lie) as process:
        assert process.stdout is not None
        if lie == "acknowledges":
            asked = other.request("accounts.register", name="Eve", password=OTHER)
        else:
            asked = other.request("accounts.login", name="Li", password=PASSWORD)
        assert select.select([process.stdout], [], [], 20)[0], "nobody asked the liar"
        assert process.stdout.readline() == b"lied\n"
        assert not asked.done()
    wanted = peer_id(siege.friend) if lie != "acknowledges" else peer_id(other)
    assert asked.result(30)["account_id"] == wanted
    other.call("accounts.logout")


# -- those who don't


@pytest.mark.parametrize(
    "name",
    [
        "junk_keyboxes",
        "forged_leases",
        *(
            pytest.param(name, marks=pytest.mark.soak)
            for name in ("sets_without_end", "junk_vaults")
        ),
    ],
)
def test_floods_are_hardly_noticed(siege: Siege, name: str) -> None:
    before = stored(siege.victim)
    with siege.attack(name):
        pass
    unharmed(siege)
    assert stored(siege.victim) - before < DISK


def test_no_more_than_five_guesses_a_minute_and_no_replayed_proof(siege: Siege) -> None:
    with siege.attack("guesses"):
        pass
    unharmed(siege)


@pytest.mark.parametrize(
    "count", [1200, pytest.param(6000, marks=pytest.mark.soak)], ids=["a-class", "thousands"]
)
def test_made_up_claims(siege: Siege, count: int) -> None:
    with siege.attack("flood_of_claims", str(count)):
        pass
    unharmed(siege)
    assert siege.victim.call("announcements.list") == []


def test_whoever_loses_a_name_to_a_thief_keeps_the_account(siege: Siege) -> None:
    """Where nobody is appointed, a willing node can take a name, and nothing else."""
    other = guest(siege)
    zoe, mark = register(other, "Zoe")["account_id"], other.mark()
    wait_until(lambda: names(siege.victim).get("Zoe") == zoe, what="known")
    with siege.attack("take_name", "Zoe"):
        # Claims are looked at in the order in which they came, these behind thousands of others.
        told = other.wait_event("account.renamed", timeout=30, since=mark).body
    unharmed(siege)
    assert (told["account_id"], told["old_name"], told["why"]) == (zoe, "Zoe", "name-taken")
    assert names(siege.victim)[told["new_name"]] == zoe
    other.call("accounts.logout")
    assert sign_in(other, told["new_name"])["account_id"] == zoe
    other.call("accounts.logout")


def test_a_registered_name_cannot_be_imitated(siege: Siege) -> None:
    """Neither by who calls themselves so, nor by who would register it."""
    with siege.attack("odd_names", *(name.encode().hex() for name in LOOKS_LIKE_LI)):

        def labels() -> list[str]:
            return [peer["label"] for peer in peers(siege.victim).values() if peer["linked"]]

        wait_until(lambda: len(labels()) > len(LOOKS_LIKE_LI), what="all of them")
        assert labels().count("Li") == 1
        assert not set(labels()) & (set(LOOKS_LIKE_LI) - {"Li"}), labels()
    for name in LOOKS_LIKE_LI:
        assert refused(guest(siege), "accounts.register", name=name, password=OTHER) == "name-taken"


def test_many_registrations_of_one_machine(siege: Siege) -> None:
    with siege.attack("flood_of_registrations"):
        pass
    unharmed(siege)
    made = register(guest(siege), "Guest")
    wait_until(lambda: names(siege.friend).get("Guest") == made["account_id"], what="known")


def test_the_account_opens_as_before(siege: Siege) -> None:
    assert sign_in(guest(siege), "Li")["account_id"] == peer_id(siege.friend)
