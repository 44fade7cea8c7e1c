"""The real program under attack by linked devices, with frames, while two honest nodes chat."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

import pytest
from harness import Lan, wait_linked, wait_until
from lan_talk import peer_id, peers, say, wait_message, warnings
from siege import Siege

pytestmark = pytest.mark.lan


@pytest.fixture(scope="module")
def siege() -> Iterator[Siege]:
    with Lan(hosts=3) as lan:
        yield Siege(lan)


@pytest.mark.parametrize(
    "name",
    [
        "small_frames",
        "requests_without_reading",
        "pictures",
        "made_up_rows",
        "vectors_without_end",
        "huge_numbers",
        "unasked",
        "restless_records",
        "made_up_devices",
    ],
)
def test_floods_are_hardly_noticed(siege: Siege, name: str) -> None:
    with siege.attack(name):
        pass


def test_tunnels_to_a_node_and_through_it(siege: Siege) -> None:
    for node in siege.nodes:
        with siege.attack("tunnels", node.call("node.info")["device_id"]):
            pass


def test_conversations_with_persons_who_dont_exist(siege: Siege) -> None:
    with siege.attack("made_up_directs", peer_id(siege.victim)):
        pass
    assert len(siege.victim.call("conversations.list")) < 20


def test_false_twins_change_nobody(siege: Siege) -> None:
    before = siege.victim.call("node.info")["device_id"]
    with siege.attack("false_twins") as mark:
        pass
    assert siege.victim.call("node.info")["device_id"] == before
    assert "profile-runs-twice" not in warnings(siege.victim, mark)


def test_a_rollback_that_never_was_is_not_told(siege: Siege) -> None:
    with siege.attack("false_rollback") as mark:
        sent = [say(siege.victim, f"said meanwhile {number}") for number in range(5)]
    for message_id in sent:
        wait_message(siege.friend, message_id, bool)
    assert "feed-rolled-back" not in warnings(siege.victim, mark)


def test_names_cannot_deceive(siege: Siege) -> None:
    """A friend's name in other letters is told; what controls a terminal is not in any name."""
    friend = peer_id(siege.friend)
    say(siege.victim, "you are someone I write to", f"@{friend}")
    names = [
        "B\u043eb",
        "\x1b[31mEve\x07",
        "\u202eevE\u2066",
        "E\u200bv\u200de",
        "x" * 64,
        "#lobby",
        "@x",
    ]
    with siege.attack("odd_names", *(name.encode().hex() for name in names)) as mark:
        siege.victim.wait_event(
            "warning", lambda body: body["reason"].startswith("looks-like"), since=mark
        )
        wait_until(lambda: len(online(siege)) >= len(names), what="all of them")
        for peer in online(siege):
            for text in (peer["name"], peer["label"], peer["note"]):
                assert not any(unicodedata.category(char) in ("Cc", "Cf") for char in text), text
        labels = [peer["label"].casefold() for peer in online(siege)]
        assert len(set(labels)) == len(labels)


def online(siege: Siege) -> list[dict[str, str]]:
    return [peer for peer in peers(siege.victim).values() if peer["linked"]]


def test_what_was_remembered_does_no_harm_at_the_next_start(siege: Siege) -> None:
    assert siege.victim.stop() == 0
    again = siege.lan.node(0)
    wait_linked([again, siege.friend])
    sent = say(again, "as if nothing had been")
    wait_message(siege.friend, sent, bool)
    assert "Traceback" not in again.stderr()
