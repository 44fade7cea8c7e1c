"""A network that falls apart and heals, and members who aren't there any more."""

from __future__ import annotations

import time
from collections.abc import Iterable

import pytest
from harness import Lan, Node, wait_linked, wait_until
from lan_talk import (
    create,
    join,
    messages,
    peers,
    refusal,
    say,
    texts,
    wait_equal,
    wait_message,
)

from p2pchat.config import limits

pytestmark = pytest.mark.lan


def is_alone(node: Node) -> bool:
    return not any(peer["linked"] for peer in peers(node).values())


@pytest.mark.parametrize("noticed", [False, True], ids=["links-stay", "links-break"])
def test_six_are_split_and_heal(noticed: bool) -> None:
    """`noticed`: one side's links are gone when the network heals, the other side's are half
    open; else TCP goes on."""
    with Lan(hosts=6) as lan:
        nodes = [lan.node(host, "--name", f"host {host}") for host in range(6)]
        wait_linked(nodes)
        create(nodes[0], "#locked", "sesame")
        for node in nodes[1:]:
            join(node, "#locked", "sesame")
        said: dict[str, set[str]] = {"#lobby": set(), "#locked": set()}

        def talk(what: str, rounds: int) -> None:
            for number in range(rounds):
                for host, node in enumerate(nodes):
                    for room, all_texts in said.items():
                        text = f"{what} {number} of {host}"
                        say(node, text, room)
                        all_texts.add(text)

        talk("before", 2)
        for room, all_texts in said.items():
            wait_equal(nodes, all_texts, room)
        lan.split(range(3), range(3, 6))
        talk("at once", 1)
        if noticed:
            for host in range(3, 6):
                lan.unplug(host)
            for node in nodes[3:]:
                wait_until(lambda node=node: is_alone(node), 20, "no links")  # type: ignore[misc]  # as loops need it
            for host in range(3, 6):
                lan.plug(host)
            wait_linked(nodes[3:])
        talk("apart", 3)
        for side in (nodes[:3], nodes[3:]):
            wait_heard(side, [f"apart 2 of {nodes.index(node)}" for node in side], said)
        heard = time.monotonic()
        wait_until(lambda: time.monotonic() - heard > limits.LATE_AFTER_S, what="a while goes by")
        lan.heal()
        talk("again", 2)
        for room, all_texts in said.items():
            wait_equal(nodes, all_texts, room, timeout=45)
        wait_linked(nodes, timeout=60)
        for room in said:
            marks_late_messages(nodes, room)


def wait_heard(nodes: list[Node], last: list[str], rooms: Iterable[str]) -> None:
    for node in nodes:
        for room in rooms:
            wait_until(lambda: set(last) <= set(texts(node, room)), what="all of one side")  # noqa: B023 - called at once


def marks_late_messages(nodes: list[Node], room: str) -> None:
    """What the other side said while apart came in below what one's own side had said and seen."""
    for host, node in enumerate(nodes):
        own_side = range(3) if host < 3 else range(3, 6)
        apart = [found for found in messages(node, room) if found["text"].startswith("apart")]
        own = [int(found["text"].split()[-1]) in own_side for found in apart]
        newest = max(place for place, is_own in enumerate(own) if is_own)
        others = [apart[place] for place in range(newest) if not own[place]]
        assert others
        assert all(found["late"] for found in others)


@pytest.mark.parametrize("password", [None, "sesame"], ids=["lobby", "protected"])
def test_a_latecomer_gets_all_without_the_author(password: str | None) -> None:
    with Lan(hosts=3) as lan:
        room = "#lobby" if password is None else "#locked"
        author, member = (lan.node(host, "--name", f"host {host}") for host in range(2))
        wait_linked([author, member])
        if password is not None:
            create(author, room, password)
            join(member, room, password)
        wanted = {f"{number} of the author" for number in range(300)}
        for text in sorted(wanted):
            say(author, text, room)
        say(member, "an answer", room)
        first = messages(author, room)[0]["message_id"]
        author.call("messages.edit", message_id=first, text="edited")
        second = messages(author, room)[1]["message_id"]
        author.call("messages.delete", message_id=second)
        wanted -= {"0 of the author", "1 of the author"}
        wanted |= {"an answer", "edited", ""}
        order = wait_equal([author, member], wanted, room)
        assert author.stop() == 0

        late = lan.node(2, "--name", "latecomer")
        wait_linked([member, late])
        if password is not None:
            assert refusal(late, "rooms.join", room=room).reason == "wrong-password"
            assert refusal(late, "rooms.join", room=room, password="guess").reason == (
                "wrong-password"
            )
            join(late, room, password)
        assert wait_equal([member, late], wanted, room) == order
        shown = {found["message_id"]: found for found in messages(late, room)}
        assert shown[first]["edited"]
        assert shown[second]["deleted"]
        assert shown[first]["author_name"] == "host 0"


def test_a_latecomer_hears_what_comes_while_the_past_is_still_on_its_way() -> None:
    with Lan(hosts=2) as lan:
        author = lan.node(0)
        wanted = {f"{number} of the past" for number in range(3000)}
        requests = [
            author.request("messages.send", conversation="#lobby", text=text)
            for text in sorted(wanted)
        ]
        for request in requests:
            request.result(30)
        late = lan.node(1)
        wait_linked([author, late])
        sent = say(author, "the present")
        wait_message(late, sent, bool)
        wait_equal([author, late], wanted | {"the present"})
