"""A deleted message's words, and those of its earlier edits, are gone from every node's files."""

from __future__ import annotations

import time

import pytest
from harness import Lan, Node, wait_linked
from lan_store import plain_pages
from lan_talk import create, join, peer_id, say, wait_message

pytestmark = pytest.mark.lan

GONE_S = 15.0
"""After the node has had the deletion."""
KINDS = ("lobby", "protected", "direct")
FIRST, SECOND, THIRD = "quokka", "wallaby", "bandicoot"
KEPT = "echidna"


def left(lan: Lan, node: Node) -> set[str]:
    """Which of the deleted words are in the node's files; without their first letter, as the
    index doesn't keep what a word has in common with the one before it."""
    plain = plain_pages(node, lan.directory / f"plain-{node.data_dir.name}")
    assert KEPT[1:].encode() in plain, "what wasn't deleted is there, and is seen"
    words = {f"{word}{kind}" for word in (FIRST, SECOND, THIRD) for kind in KINDS}
    return {word for word in words if word[1:].encode() in plain}


def wait_gone(lan: Lan, node: Node, writer: Node) -> None:
    """The members go on writing meanwhile."""
    begun = time.monotonic()
    while still := left(lan, node):
        assert time.monotonic() - begun < GONE_S, f"{still} are still at {node.data_dir.name}"
        say(writer, "something else")


def test_nothing_is_left_of_a_deleted_message() -> None:
    """Neither at the author, nor at a member, nor at one who was off when it was deleted."""
    with Lan(hosts=3) as lan:
        ann, bob, dan = (
            lan.node(host, "--name", name) for host, name in enumerate(("Ann", "Bob", "Dan"))
        )
        wait_linked([ann, bob, dan])
        create(ann, "#locked", "sesame")
        join(bob, "#locked", "sesame")
        join(dan, "#locked", "sesame")
        here = dict(zip(KINDS, ("#lobby", "#locked", f"@{peer_id(dan)}"), strict=True))
        there = here | {"direct": f"@{peer_id(ann)}"}
        for node in (ann, bob, dan):
            say(node, KEPT)
        sent = {kind: say(ann, FIRST + kind, here[kind]) for kind in KINDS}
        for word in (SECOND, THIRD):
            for kind in KINDS:
                ann.call("messages.edit", message_id=sent[kind], text=word + kind)
        for kind in KINDS:
            for node in (bob, dan) if kind != "direct" else (dan,):
                wait_message(node, sent[kind], lambda m: m["text"].startswith(THIRD), there[kind])
        assert len(left(lan, ann)) == len(left(lan, dan)) == 9, "they are there, and are seen"
        assert len(left(lan, bob)) == 6
        assert dan.stop() == 0

        for kind in KINDS:
            ann.call("messages.delete", message_id=sent[kind])
        wait_gone(lan, ann, ann)
        for kind in ("lobby", "protected"):
            wait_message(bob, sent[kind], lambda m: m["deleted"], there[kind])
        wait_gone(lan, bob, ann)

        dan = lan.node(2)
        for kind in KINDS:
            wait_message(dan, sent[kind], lambda m: m["deleted"], there[kind])
        wait_gone(lan, dan, ann)
        for node in (ann, bob, dan):
            for word in (FIRST, SECOND, THIRD):
                for kind in KINDS:
                    assert not node.call("messages.search", query=word + kind)


def test_a_latecomer_never_has_what_was_deleted() -> None:
    with Lan(hosts=2) as lan:
        ann = lan.node(0)
        say(ann, KEPT)
        sent = say(ann, FIRST + "lobby")
        ann.call("messages.edit", message_id=sent, text=SECOND + "lobby")
        ann.call("messages.delete", message_id=sent)
        late = lan.node(1)
        wait_linked([ann, late])
        wait_message(late, sent, lambda found: found["deleted"])
        assert left(lan, late) == set()
