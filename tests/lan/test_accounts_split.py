"""One name registered on both sides of a split: both accounts live on, one is renamed and told, and
what is theirs stays theirs. A countersigned name stays its owner's."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from harness import Lan, Node, wait_linked, wait_until
from lan_accounts import OTHER, PASSWORD, contacts, joined, names, register, settled, sign_in
from lan_talk import create, messages, peer_id, peers, say, wait_equal, warnings

pytestmark = pytest.mark.lan

HEALED_S = 40.0
"""Finding each other, and 25 s for the names."""
HERE, THERE = (0, 1), (2, 3, 4)


class Pupil:
    """Somebody who registers as Li, with a contact, a room with a password, and words; `beside`
    are the others who see it."""

    def __init__(self, node: Node, password: str, contact: Node, *beside: Node) -> None:
        self.node, self.password = node, password
        self.id = register(node, "Li", password)["account_id"]
        self.room = f"#of_{self.id[:6]}"
        self.contact = peer_id(contact)
        node.call("contacts.add", peer_id=self.contact)
        create(node, self.room, "a room's password")
        say(node, f"kept in {self.room}", self.room)
        say(node, f"said by {self.id}")
        for other in (contact, *beside):
            # Names of some 0.2 s are worked out at once: who was renamed before they were seen
            # to have a name is new there, and nobody is told.
            wait_until(partial(self._seen_by, other), what="registered on this side")

    def _seen_by(self, other: Node) -> bool:
        seen = peers(other)[self.id]
        return (seen["label"], seen["account"]) == ("Li", self.id)

    def sign_in(self, guest: Node, name: str) -> None:
        """On a machine that had nothing to do with it, with all that the account has."""
        assert sign_in(guest, name, self.password)["account_id"] == self.id
        wait_until(lambda: self.room in joined(guest), 30, "the room comes back")
        wait_until(lambda: contacts(guest) == {self.contact}, 10, "and the contact")
        wait_until(lambda: self._words(guest) == [f"kept in {self.room}"], 30, "and its words")
        guest.call("accounts.logout")

    def _words(self, guest: Node) -> list[str]:
        return [message["text"] for message in messages(guest, self.room)]


def both_live_on(
    nodes: list[Node], marks: list[int], first: Pupil, second: Pupil, others: dict[str, str]
) -> None:
    """`first` is Li, `second` is Li_2, and everybody was told."""
    wanted = {"Li": first.id, "Li_2": second.id} | others
    wait_until(lambda: all(names(node) == wanted for node in nodes), HEALED_S, "one owner of each")
    for node, mark in zip(nodes, marks, strict=True):
        told = node.wait_event("account.renamed", None, 10, mark).body
        assert (told["old_name"], told["new_name"]) == ("Li", "Li_2")
        assert (told["account_id"], told["why"]) == (second.id, "name-taken")
    assert second.node.call("node.info")["name"] == "Li_2"
    wait_equal(nodes, {f"said by {first.id}", f"said by {second.id}"})
    for node, mark in zip(nodes, marks, strict=True):
        for message in messages(node):
            assert message["text"] == f"said by {message['author']}"
        for pupil, name in ((first, "Li"), (second, "Li_2")):
            if pupil.node is not node:
                assert peers(node)[pupil.id]["label"] == name
        assert len([event for event in node.events[mark:] if event.type == "account.renamed"]) == 1
        assert not warnings(node, mark), "nobody borrows a name"
    for pupil in (first, second):
        assert pupil.room in joined(pupil.node)
        assert contacts(pupil.node) == {pupil.contact}


def ranked(node: Node, pupils: list[Pupil]) -> tuple[Pupil, Pupil]:
    """Who is Li, and who isn't any more, once the node knows of both."""
    wait_until(lambda: {"Li", "Li_2"} <= set(names(node)), HEALED_S, "both are known")
    first, second = sorted(pupils, key=lambda pupil: pupil.id != names(node)["Li"])
    return first, second


def test_a_name_registered_in_two_networks_that_become_one() -> None:
    with Lan(hosts=5) as lan:
        lan.split(HERE, THERE)
        options = [["--registrar"], [], ["--registrar"], []]
        nodes = [lan.node(host, "--name", f"N{host}", *options[host]) for host in range(4)]
        pupils = []
        for side, password in ((nodes[:2], PASSWORD), (nodes[2:], OTHER)):
            wait_linked(side)
            settled(side)
            pupils.append(Pupil(side[1], password, side[0]))
        marks = [node.mark() for node in nodes]
        lan.heal()
        first, second = ranked(nodes[0], pupils)
        both_live_on(nodes, marks, first, second, {})
        guest = lan.node(4, "--name", "Guest")
        settled(nodes)
        wait_linked([guest, *nodes])
        second.sign_in(guest, "Li_2")


@pytest.mark.soak
def test_a_class_is_split_and_what_the_appointed_signed_stays(tmp_path: Path) -> None:
    """The teacher's side countersigns; a holder leads the other side. Whoever came first there,
    the countersigned name stays, also one of before the split."""
    with Lan(hosts=5) as lan:
        key = tmp_path / "class.key"
        maker = lan.node(0)
        public = maker.call("registrar.appoint", path=str(key))["appointed_by"]
        maker.stop()
        by = ("--appointed-by", public)
        teacher = lan.node(0, "--name", "Teacher", "--appointing-key", str(key), *by)
        here = lan.node(1, "--name", "N1", *by)
        holder = lan.node(2, "--name", "Helper", "--registrar", *by)
        there, ann = (lan.node(host, "--name", f"N{host}", *by) for host in (3, 4))
        nodes = [teacher, here, holder, there, ann]
        wait_linked(nodes)
        teacher.call("registrar.appoint", device_id=holder.call("node.info")["device_id"])
        assert settled(nodes) is teacher
        others = {"Ann": register(ann, "Ann", OTHER)["account_id"]}
        lan.split(HERE, THERE)
        assert settled([holder, there, ann], 25.0) is holder, "where the appointed isn't"
        first = Pupil(here, PASSWORD, teacher)
        second = Pupil(there, OTHER, holder, ann)
        marks = [node.mark() for node in nodes]
        lan.heal()
        both_live_on(nodes, marks, first, second, others)
        assert settled(nodes, 20.0) is teacher
        ann.call("accounts.logout")
        first.sign_in(ann, "Li")
        second.sign_in(ann, "Li_2")
        assert sign_in(ann, "Ann", OTHER)["account_id"] == others["Ann"]


@pytest.mark.soak
def test_who_met_before_and_were_split_with_half_open_links() -> None:
    """In each part with a willing node exactly one leads, in the one without nobody does."""
    with Lan(hosts=5) as lan:
        options = [["--registrar"], [], ["--registrar"], [], []]
        nodes = [lan.node(host, "--name", f"N{host}", *options[host]) for host in range(5)]
        wait_linked(nodes)
        settled(nodes)
        lan.split(HERE, (2, 3), (4,))
        for side in (nodes[:2], nodes[2:4]):
            settled(side, 25.0)
        wait_until(lambda: nodes[4].call("registrar.info")["device_id"] is None, 25, "nobody there")
        pupils = [Pupil(nodes[1], PASSWORD, nodes[0]), Pupil(nodes[3], OTHER, nodes[2])]
        marks = [node.mark() for node in nodes]
        lan.heal()
        first, second = ranked(nodes[4], pupils)
        # Who was alone comes to know of both at once: nobody was renamed in front of them.
        both_live_on(nodes[:4], marks[:4], first, second, {})
        settled(nodes, 20.0)
        first.sign_in(nodes[4], "Li")
        second.sign_in(nodes[4], "Li_2")
