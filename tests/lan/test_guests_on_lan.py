"""Guests of a shared computer: whoever signs out is somebody new, and what a guest has written
arrives, also where nobody was there to have it when somebody else signed in."""

from __future__ import annotations

from typing import Any

import pytest
from harness import Lan, Node, wait_linked, wait_until
from lan_accounts import LEADS_AT_ONCE, joined, register, settled, sign_in
from lan_talk import create, message, peer_id, peers, say, texts

pytestmark = pytest.mark.lan

DEN, SECRET = "#den", "#secret"
ANN = "Ann's own password"


def profiles(node: Node) -> list[str]:
    found = (node.data_dir / "accounts").iterdir()
    return sorted(path.name for path in found if path.name != "index.json")


def leads(node: Node) -> None:
    wait_until(lambda: node.call("registrar.info")["state"] == "registrar", 25, "it leads")


class Shared:
    """A computer that several use, and leads for itself; and Ann's, who is on line now and then."""

    def __init__(self, lan: Lan) -> None:
        self.lan = lan
        self.ann = lan.node(1, "--name", "Ann")
        self.node = lan.node(0, "--name", "Shared", "--registrar")
        wait_linked([self.ann, self.node])
        self.ann_id = peer_id(self.ann)
        settled([self.node])
        register(self.node, "Li")
        self.ann.call("rooms.join", room=DEN)
        create(self.ann, SECRET, "a room's password")

    def goes_out(self) -> None:
        self.ann.stop()
        wait_until(lambda: not peers(self.node)[self.ann_id]["linked"], 15, "Ann is off")

    def new_guest(self) -> str:
        """Whoever was signed in signs out."""
        self.node.call("accounts.logout")
        leads(self.node)
        return peer_id(self.node)

    def sees_nothing_of_others(self) -> None:
        listed: list[dict[str, Any]] = self.node.call("conversations.list")
        assert [one["conversation"] for one in listed] == ["#lobby"]
        assert joined(self.node) == {"#lobby"}
        assert texts(self.node) == []


def test_what_guests_have_written_arrives_and_nobody_goes_on_as_them() -> None:
    with Lan(hosts=2, program=LEADS_AT_ONCE) as lan:
        shared = Shared(lan)
        first = shared.new_guest()
        wait_linked([shared.node, shared.ann])
        shared.node.call("rooms.join", room=DEN)
        shared.node.call("rooms.join", room=SECRET, password="a room's password")
        wait_until(lambda: shared.ann_id in peers(shared.node), what="Ann is known")
        shared.goes_out()
        say(shared.node, "to all")
        for place in (DEN, SECRET, f"@{shared.ann_id}"):
            say(shared.node, f"by the first in {place}", place)
        sign_in(shared.node, "Li")
        assert len(profiles(shared.node)) == 1
        second = shared.new_guest()
        assert second != first
        shared.sees_nothing_of_others()
        say(shared.node, "to all, by the second")
        sign_in(shared.node, "Li")
        assert len(profiles(shared.node)) == 2
        shared.node.kill9()
        shared.node = lan.node(0, "--registrar")
        third = shared.new_guest()
        assert third not in (first, second)
        shared.sees_nothing_of_others()

        shared.ann = lan.node(1)
        asked = say(shared.ann, "are you there?", f"@{first}")
        wanted = {"to all", "to all, by the second"}
        wait_until(lambda: wanted <= set(texts(shared.ann)), 60, "the lobby's words")
        for place, said in ((DEN, DEN), (SECRET, SECRET), (f"@{first}", f"@{shared.ann_id}")):
            text = f"by the first in {said}"
            wait_until(lambda: text in texts(shared.ann, place), 60, text)  # noqa: B023 - called at once
        wait_until(lambda: len(profiles(shared.node)) == 1, 30, "only who is there has a folder")
        assert peer_id(shared.node) == third
        waits = message(shared.ann, asked, f"@{first}")
        assert waits["receipts"]["delivered"] == [], "they aren't there, so they haven't got it"


def test_a_guests_words_reach_who_signs_in_at_the_same_computer() -> None:
    with Lan(hosts=2, program=LEADS_AT_ONCE) as lan:
        node, other = lan.node(0, "--name", "Shared", "--registrar"), lan.node(1)
        wait_linked([node, other])
        settled([node])
        register(node, "Ann", ANN)
        node.call("accounts.logout")
        leads(node)
        wait_linked([node, other])
        li = register(other, "Li")["account_id"]
        wait_until(lambda: li in peers(node), what="Li is known")
        other.stop()
        guest = peer_id(node)
        say(node, "for Li", f"@{li}")
        sign_in(node, "Ann", ANN)
        node.call("accounts.logout")
        leads(node)
        assert peer_id(node) != guest
        sign_in(node, "Li")
        wait_until(lambda: guest in peers(node), 30, "the guest is there for a moment")
        wait_until(lambda: texts(node, f"@{guest}") == ["for Li"], 30, "what they wrote is here")
        wait_until(lambda: peers(node)[guest]["status"] == "offline", 30, "and they aren't")
        wait_until(lambda: profiles(node) == [li], 30, "nothing is left of them")
