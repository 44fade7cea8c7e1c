"""kill -9 while sending: what was acknowledged is there afterwards, here and at the others."""

from __future__ import annotations

import random
import threading
from concurrent.futures import Future, wait
from typing import Any, NamedTuple

import pytest
from harness import Lan, Node, wait_linked, wait_until
from lan_node import NodeEnded
from lan_talk import LOBBY, create, join, peer_id, texts, wait_equal, warnings

pytestmark = pytest.mark.lan

KILLS = 8
SEED = 20
UNANSWERED = 30
"""Requests that are open at a time."""


class Sent(NamedTuple):
    room: str
    text: str
    answer: Future[Any]


def send_until_killed(node: Node, rng: random.Random, prefix: str, rooms: list[str]) -> list[Sent]:
    """Send as fast as answers come, and kill at a random moment; all that was asked for."""
    sent: list[Sent] = []
    killer = threading.Timer(rng.uniform(0.0, 0.4), node.kill9)
    killer.start()
    while killer.is_alive():
        room = rooms[len(sent) % len(rooms)]
        text = f"{prefix} {len(sent)}"
        future = node.request("messages.send", conversation=room, text=text)
        sent.append(Sent(room, text, future))
        if len(sent) > UNANSWERED:
            wait([sent[-UNANSWERED].answer], timeout=10)
    killer.join()
    return sent


def acknowledged(sent: list[Sent]) -> dict[str, set[str]]:
    """The texts that were answered before the end, by room."""
    found: dict[str, set[str]] = {}
    for one in sent:
        try:
            one.answer.result(5)
        except NodeEnded:
            continue
        found.setdefault(one.room, set()).add(one.text)
    return found


def test_kill_9_while_sending() -> None:
    rng = random.Random(SEED)
    with Lan(hosts=2) as lan:
        writer, reader = lan.node(0, "--name", "writer"), lan.node(1, "--name", "reader")
        wait_linked([writer, reader])
        create(reader, "#locked", "sesame")
        join(writer, "#locked", "sesame")
        reader_id, writer_id = peer_id(reader), peer_id(writer)
        rooms = [LOBBY, "#locked", f"@{reader_id}"]
        there = {LOBBY: LOBBY, "#locked": "#locked", f"@{reader_id}": f"@{writer_id}"}
        safe: dict[str, set[str]] = {room: set() for room in rooms}
        for turn in range(KILLS):
            sent = send_until_killed(writer, rng, f"turn {turn}:", rooms)
            for room, done in acknowledged(sent).items():
                safe[room] |= done
            writer = lan.node(0)
            for room in rooms:
                have = texts(writer, room)
                assert safe[room] <= set(have), f"turn {turn}: lost in {room}"
                assert len(have) == len(set(have)), "each is there once"
        wait_linked([writer, reader])
        assert sum(len(done) for done in safe.values()) > 50, "it was killed while at work"
        for room in rooms:
            wait_same(writer, reader, room, there[room])
        for node in (writer, reader):
            assert not {"forked-feed", "feed-rolled-back", "profile-runs-twice"} & set(
                warnings(node)
            )
        assert writer.stop() == 0


def wait_same(writer: Node, reader: Node, here: str, there: str) -> None:
    """The reader has what the writer has, in one order: not only what was acknowledged."""
    wanted = texts(writer, here)
    wait_until(lambda: texts(reader, there) == wanted, 20, f"the same history of {here}")


def test_kill_9_of_a_receiver() -> None:
    """What it has told others to have is there; the rest comes again."""
    rng = random.Random(SEED + 1)
    with Lan(hosts=2) as lan:
        writer, reader = lan.node(0), lan.node(1)
        wait_linked([writer, reader])
        wanted: set[str] = set()
        for turn in range(4):
            killer = threading.Timer(rng.uniform(0.05, 0.3), reader.kill9)
            killer.start()
            number = 0
            while killer.is_alive():
                text = f"turn {turn}: {number}"
                writer.call("messages.send", conversation=LOBBY, text=text)
                wanted.add(text)
                number += 1
            reader = lan.node(1)
            wait_linked([writer, reader])
        wait_equal([writer, reader], wanted)
        for node in (writer, reader):
            assert not {"forked-feed", "feed-rolled-back", "profile-runs-twice"} & set(
                warnings(node)
            )
