"""The real program under attack with entries, while two honest nodes chat."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pytest
from harness import Lan, Node, wait_until
from lan_talk import hear, messages, say, texts, wait_message
from siege import Siege

from p2pchat.config.limits import BRANCHES_PER_FEED

pytestmark = pytest.mark.lan
END_OF_CLOCKS = (1 << 63) - 1


@pytest.fixture(scope="module")
def siege() -> Iterator[Siege]:
    with Lan(hosts=3) as lan:
        yield Siege(lan)


def test_forgers_are_sent_away(siege: Siege) -> None:
    with siege.attack("forged_author") as mark:
        siege.warned("protocol", mark)
    for name in ("altered_entries", "bad_signatures"):
        with siege.attack(name):
            pass
    for node in siege.nodes:
        shown = texts(node)
        assert not {"not from the device of this feed", "nor this", "otherwise"} & set(shown)
        assert not any(text.startswith("forged") for text in shown)


@pytest.mark.parametrize("name", ["replayed", "reordered", "odd_bodies", "flood_of_entries"])
def test_each_message_is_there_once(siege: Siege, name: str) -> None:
    with siege.attack(name):
        pass
    for node in siege.nodes:
        shown = [found["message_id"] for found in messages(node)]
        assert len(set(shown)) == len(shown)
        node.call("messages.search", query="odd")


def test_a_forked_feed_is_told(siege: Siege) -> None:
    with siege.attack("forked_feed"):
        for node in siege.nodes:
            node.wait_event("warning", lambda body: body["reason"] == "forked-feed")
            for text in ("the one history", "goes on", "the other history", "goes on too"):
                hear(node, text)


def test_a_thousandfold_fork_is_cut_off(siege: Siege) -> None:
    with siege.attack("fork_bomb"):
        pass
    for node in siege.nodes:
        kept = [text for text in texts(node) if text.startswith("history ")]
        assert len(kept) <= 2 * BRANCHES_PER_FEED


def test_a_clock_that_is_two_days_off_is_told(siege: Siege) -> None:
    with siege.attack("two_days_off", "from the day before yesterday"):
        siege.victim.wait_event("warning", lambda body: body["reason"] == "clock-off")
        found = hear(siege.victim, "from the day before yesterday")
        assert found["author_name"] == "Mallory"


def test_impossible_clocks_push_nobody(siege: Siege) -> None:
    before = say(siege.victim, "before the clocks")
    with siege.attack("impossible_clocks"):
        text = f"clock {END_OF_CLOCKS} "
        wait_until(
            lambda: len([found for found in texts(siege.victim) if found.startswith(text)]) == 4,
            what="the entries from the end of time",
        )
    after = say(siege.victim, "after the clocks")
    answer = say(siege.friend, "an answer")
    wait_message(siege.victim, answer, bool)
    shown = messages(siege.victim)
    here = {found["message_id"]: number for number, found in enumerate(shown)}
    assert here[before] < here[after] < here[answer]
    ahead = min(
        number
        for number, found in enumerate(shown)
        if found["text"].startswith(f"clock {END_OF_CLOCKS}")
    )
    assert here[answer] < ahead, "what claims to come from the future stands behind"
    assert not shown[here[after]]["clock_off"]
    assert shown[ahead]["clock_off"]
    for found in shown:
        datetime.fromisoformat(found["sent_at"])


def test_both_agree_after_the_next_start(siege: Siege) -> None:
    """Everything that the attacks left in the store is read again, and compared at link-up."""
    before = [found["message_id"] for found in messages(siege.victim)]
    assert siege.victim.stop() == 0
    again = siege.lan.node(0)
    now = [found["message_id"] for found in messages(again)]
    assert [id for id in now if id in set(before)] == before
    sent = say(again, "as if nothing had been")
    wait_message(siege.friend, sent, bool)
    wait_until(lambda: history(again) == history(siege.friend), 20, "one history at both nodes")
    assert "Traceback" not in again.stderr()


def history(node: Node) -> list[tuple[str, str, str]]:
    """All that both should have, in order. Of a fork bomb each keeps some."""
    return [
        (found["message_id"], found["text"], found["order"])
        for found in messages(node)
        if not found["text"].startswith("history ")
    ]
