"""What is said to some is readable by nobody else: on the wire, in events, in anybody's files."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from harness import Lan, Node, wait_linked, wait_until
from lan_node import RpcError
from lan_talk import (
    create,
    hear,
    join,
    peer_id,
    refusal,
    say,
    texts,
    wait_equal,
    wait_message,
)

pytestmark = pytest.mark.lan

PASSWORD = "correct-horse-battery"
DIRECT, ROOM, WAITING = "whisper-8f1c2a", "council-77d0be", "waiting-19ac44"
SECRETS = (DIRECT, ROOM, WAITING, PASSWORD)
OPEN = "everyone-5b20d1"

_SNIFFER = """
import os, socket, sys
listening = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 23)
os.write(1, b"ready\\n")
with open(sys.argv[1], "wb") as file:
    while True:
        file.write(listening.recv(1 << 16))
        file.flush()
"""


class Wire:
    """Everything that passes the switch, from the first cable on."""

    def __init__(self, lan: Lan) -> None:
        self._file = lan.directory / "wire"
        self._process = subprocess.Popen(
            [*lan.enter(None), "python3", "-c", _SNIFFER, str(self._file)], stdout=subprocess.PIPE
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"ready\n"

    def seen(self) -> bytes:
        return self._file.read_bytes()

    def close(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.communicate()


class Class(NamedTuple):
    """Two members, one who isn't, and one who comes and goes."""

    lan: Lan
    ann: Node
    bob: Node
    eve: Node
    dan: Node
    wire: Wire

    @property
    def nodes(self) -> list[Node]:
        return [self.ann, self.bob, self.eve, self.dan]


@pytest.fixture(scope="module")
def room() -> Iterator[Class]:
    with Lan(hosts=4) as lan:
        wire = Wire(lan)
        try:
            names = ("Ann", "Bob", "Eve", "Dan")
            ann, bob, eve, dan = (lan.node(host, "--name", n) for host, n in enumerate(names))
            wait_linked([ann, bob, eve, dan])
            found = Class(lan, ann, bob, eve, dan, wire)
            whisper_and_wait(found)
            yield found
        finally:
            wire.close()


def whisper_and_wait(room: Class) -> None:
    """Say the secrets, in every way that there is."""
    ann, bob, dan = room.ann, room.bob, room.dan
    create(ann, "#council", PASSWORD)
    join(bob, "#council", PASSWORD)
    say(ann, OPEN)
    for node in room.nodes[1:]:
        hear(node, OPEN)
    for conversation, there, secret in (
        (f"@{peer_id(bob)}", f"@{peer_id(ann)}", DIRECT),
        ("#council", "#council", ROOM),
    ):
        sent = say(ann, f"{secret} first", conversation)
        ann.call("messages.edit", message_id=sent, text=f"{secret} edited")
        wait_message(bob, sent, lambda found: found["edited"], there)
        assert say(bob, f"{secret} answered", there, reply_to=sent)
        wait_until(lambda c=conversation: len(texts(ann, c)) == 2, what="the answer")  # type: ignore[misc]  # as loops need it
        bob.call("messages.react", message_id=sent, emoji="👍")
    # What waits for Dan is held by Bob and Eve, who aren't meant.
    assert dan.stop() == 0
    ann.wait_event("peer.offline", lambda body: body["peer"]["peer_id"] == peer_ids(room)["dan"])
    say(ann, WAITING, f"@{peer_ids(room)['dan']}")


def peer_ids(room: Class) -> dict[str, str]:
    peers = {peer["name"]: peer["peer_id"] for peer in room.ann.call("peers.list")}
    return {name.lower(): peer for name, peer in peers.items()}


def test_the_wire_carries_no_plain_text(room: Class) -> None:
    seen = room.wire.seen()
    assert len(seen) > 20_000, "the switch was listened to"
    assert b"p2pchat" in seen
    for secret in (*SECRETS, OPEN):
        assert secret.encode() not in seen


def test_a_third_node_is_told_nothing(room: Class) -> None:
    for secret in SECRETS:
        told = [event for event in room.eve.events if secret.encode() in bytes(event.raw)]
        assert not told
        assert not room.eve.call("messages.search", query=secret)
    heard = [event for event in room.eve.events if event.type == "message.received"]
    assert {event["message"]["conversation"] for event in heard} == {"#lobby"}
    assert {found["conversation"] for found in room.eve.call("conversations.list")} == {"#lobby"}
    assert refusal(room.eve, "messages.list", conversation="#council").reason == "no-such-room"


def test_no_file_has_the_plain_text(room: Class) -> None:
    """Neither those of members nor those of holders, while the program runs."""
    for node in room.nodes:
        files = [path for path in node.data_dir.rglob("*") if path.is_file()]
        assert sum(path.stat().st_size for path in files) > 50_000
        for path in files:
            raw = path.read_bytes()
            for secret in (*SECRETS, OPEN):
                assert secret.encode() not in raw, f"{secret} in {path}"


def test_a_wrong_password_learns_nothing(room: Class) -> None:
    ann, bob, eve = room.ann, room.bob, room.eve
    assert refusal(eve, "rooms.join", room="#council").reason == "wrong-password"
    reasons = [
        refusal(eve, "rooms.join", room="#council", password=f"guess {number}").reason
        for number in range(7)
    ]
    assert reasons[:5] == ["wrong-password"] * 5
    assert reasons[5:] == ["too-many-tries"] * 2
    assert refusal(eve, "messages.list", conversation="#council").reason == "no-such-room"
    sent = say(ann, f"{ROOM} still ours", "#council")
    wait_message(bob, sent, bool, "#council")
    members = {member["peer_id"] for member in ann.call("rooms.members", room="#council")}
    assert members == {peer_id(ann), peer_id(bob)}
    test_a_third_node_is_told_nothing(room)
    raw = b"".join(path.read_bytes() for path in eve.data_dir.rglob("*") if path.is_file())
    assert b"guess" not in raw


def test_what_waited_is_read_by_whom_it_was_for(room: Class) -> None:
    dan = room.lan.node(3)
    wait_linked([room.ann, room.bob, room.eve, dan])
    hear(dan, WAITING)
    assert texts(dan, f"@{peer_id(room.ann)}") == [WAITING]
    assert dan.stop() == 0


def test_rooms_of_one_name() -> None:
    with Lan(hosts=4) as lan:
        nodes = [lan.node(host, "--name", f"host {host}") for host in range(4)]
        lan.split([0, 1], [2, 3])
        for side in (nodes[:2], nodes[2:]):
            wait_linked(side)
        nowhere = nodes[0].request("rooms.join", room="#nowhere", password="x")
        for founder, other, password in (
            (nodes[0], nodes[1], "algebra-1"),
            (nodes[2], nodes[3], "algebra-2"),
        ):
            create(founder, "#maths", password)
            assert refusal(other, "rooms.create", room="#maths").reason == "room-exists"
            assert join(other, "#maths", password) == "#maths"
            say(founder, f"of {password}", "#maths")
        lan.heal()
        wait_linked(nodes)
        names = wait_until(
            lambda: sorted(
                room["room"] for room in nodes[0].call("rooms.list") if room["protected"]
            )[1:],
            what="the other room of that name",
        )
        assert names == ["#maths_2"]
        # Two rooms stay two; with either password one gets into the one that it is for.
        fresh = lan.node(0, "--name", "newcomer", data_dir=lan.directory / "newcomer")
        wait_linked([*nodes, fresh])
        second = join(fresh, "#maths", "algebra-2")
        first = join(fresh, "#maths", "algebra-1")
        assert {first, second} == {"#maths", "#maths_2"}
        wait_equal([fresh], {"of algebra-2"}, second)
        wait_equal([fresh], {"of algebra-1"}, first)
        say(fresh, "to the first", first)
        wait_equal(nodes[:2], {"of algebra-1", "to the first"}, "#maths")
        assert texts(nodes[2], "#maths") == ["of algebra-2"]
        assert refusal(nodes[2], "rooms.create", room="#maths").reason == "room-exists"
        with pytest.raises(RpcError) as error:
            nowhere.result(20)
        assert error.value.reason == "nobody-answered"


def test_nobody_answers_for_a_room_whose_members_are_off() -> None:
    with Lan(hosts=2) as lan:
        nodes = [lan.node(host) for host in range(2)]
        wait_linked(nodes)
        create(nodes[0], "#council", PASSWORD)
        wait_until(
            lambda: any(room["room"] == "#council" for room in nodes[1].call("rooms.list")),
            what="the room is known",
        )
        nodes[0].kill9()
        begun = time.monotonic()
        error = refusal(nodes[1], "rooms.join", call_timeout=30, room="#council", password=PASSWORD)
        assert error.reason == "nobody-answered"
        assert time.monotonic() - begun < 20
        assert "#council" not in {
            room["room"] for room in nodes[1].call("rooms.list") if room["joined"]
        }
