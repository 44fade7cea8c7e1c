"""Messages to someone who is off wait for them: at the sender, and, sealed, with others."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from harness import Lan, Node, wait_linked, wait_until
from lan_store import plain_pages
from lan_talk import (
    LOBBY,
    hear,
    message,
    messages,
    peer_id,
    peers,
    refusal,
    say,
    texts,
    wait_message,
)

pytestmark = pytest.mark.lan

WORDS = "the pelican flies at dawn"


def is_off(node: Node, person: str) -> Callable[[], bool]:
    return lambda: peers(node)[person]["status"] == "offline"


def held_direct(lan: Lan, node: Node, text: bytes) -> bool:
    """Whether these bytes are in the node's store, decrypted as its owner could."""
    return text in plain_pages(node, lan.directory / f"plain-{node.data_dir.name}")


def test_it_arrives_when_they_come_back() -> None:
    with Lan(hosts=2) as lan:
        ann, bob = lan.node(0, "--name", "Ann"), lan.node(1, "--name", "Bob")
        wait_linked([ann, bob])
        ann_id, bob_id = peer_id(ann), peer_id(bob)
        assert bob.stop() == 0
        wait_until(is_off(ann, bob_id), what="Bob is seen to be off")
        sent = say(ann, WORDS, f"@{bob_id}")
        assert message(ann, sent, f"@{bob_id}")["receipts"]["delivered"] == []
        # The sender may be started anew meanwhile: what waits is on disk.
        assert ann.stop() == 0
        ann = lan.node(0)
        bob = lan.node(1)
        heard = hear(bob, WORDS)
        assert (heard["message_id"], heard["author"]) == (sent, ann_id)
        wait_message(ann, sent, lambda m: m["receipts"]["delivered"] == [bob_id], f"@{bob_id}")


def test_it_arrives_when_the_sender_has_gone_by_then() -> None:
    with Lan(hosts=4) as lan:
        ann, bob, *helpers = (
            lan.node(host, "--name", name) for host, name in enumerate(("Ann", "Bob", "Eve", "Dan"))
        )
        wait_linked([ann, bob, *helpers])
        ann_id, bob_id = peer_id(ann), peer_id(bob)
        assert bob.stop() == 0
        for node in (ann, *helpers):
            wait_until(is_off(node, bob_id), what="Bob is seen to be off")
        sent = say(ann, WORDS, f"@{bob_id}")
        edited = say(ann, "the first draft", f"@{bob_id}")
        ann.call("messages.edit", message_id=edited, text="the fair copy")
        ann_key = bytes.fromhex(sent)
        for node in helpers:
            wait_until(
                lambda node=node: held_direct(lan, node, ann_key),  # type: ignore[misc]  # as loops need it
                what="it is held for Bob",
            )
            assert not held_direct(lan, node, b"pelican"), "they hold ciphertext"
        assert ann.stop() == 0

        # A holder may be started anew, and the sender isn't needed.
        assert helpers[1].stop() == 0
        helpers[1] = lan.node(3)
        bob = lan.node(1)
        hear(bob, WORDS)
        heard = wait_message(bob, edited, lambda m: m["edited"], f"@{ann_id}")
        assert heard["text"] == "the fair copy"
        assert heard["author_name"] == "Ann"
        assert [m["text"] for m in messages(bob, f"@{ann_id}")] == [WORDS, "the fair copy"]
        for node in helpers:
            assert {found["conversation"] for found in node.call("conversations.list")} == {LOBBY}

        # The sender comes back, hears that it was delivered, and the holders let go of it.
        answer = say(bob, "understood", f"@{ann_id}")
        ann = lan.node(0)
        wait_message(ann, answer, bool, f"@{bob_id}")
        wait_message(ann, sent, lambda m: m["receipts"]["delivered"] == [bob_id], f"@{bob_id}")
        wait_linked([ann, bob, *helpers])
        for node in helpers:
            wait_until(
                lambda node=node: not held_direct(lan, node, ann_key),  # type: ignore[misc]  # as loops need it
                timeout=30,
                what="what was delivered isn't held any more",
            )
        for node, other in ((ann, bob_id), (bob, ann_id)):
            assert texts(node, f"@{other}") == [WORDS, "the fair copy", "understood"]


def test_a_stranger_cannot_be_written_to() -> None:
    """Without their keys nothing can be sealed to them."""
    with Lan(hosts=2) as lan:
        ann, bob = lan.node(0), lan.node(1, "--network", "another")
        bob_id = peer_id(bob)
        error = refusal(ann, "messages.send", conversation=f"@{bob_id}", text="hello?")
        assert error.reason == "no-such-peer"
