"""Three hosts chat: what one does in a conversation, the others see."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from harness import Lan, Node, wait_linked, wait_until
from lan_talk import (
    create,
    hear,
    join,
    message,
    messages,
    peer_id,
    peers,
    refusal,
    say,
    texts,
    wait_equal,
    wait_message,
)

pytestmark = pytest.mark.lan

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(200)).decode()


class Trio(NamedTuple):
    """Two who are called Li, and Wang."""

    lan: Lan
    li: Node
    other_li: Node
    wang: Node

    @property
    def nodes(self) -> list[Node]:
        return [self.li, self.other_li, self.wang]


@pytest.fixture(scope="module")
def trio() -> Iterator[Trio]:
    with Lan(hosts=3) as lan:
        wang = lan.node(2, "--name", "Wang")
        li = lan.node(0, "--name", "Li")
        wait_linked([wang, li])
        other_li = lan.node(1, "--name", "Li")
        wait_linked([li, other_li, wang])
        yield Trio(lan, li, other_li, wang)


@pytest.fixture(params=["#lobby", "#open", "#locked", "@"])
def place(trio: Trio, request: pytest.FixtureRequest) -> tuple[str, str, Node, Node]:
    """One of each kind of conversation as two see it, and the two."""
    name: str = request.param
    if name == "@":
        return f"@{peer_id(trio.wang)}", f"@{peer_id(trio.li)}", trio.li, trio.wang
    if name != "#lobby" and name not in {room["room"] for room in trio.li.call("rooms.list")}:
        password = "sesame" if name == "#locked" else None
        assert create(trio.li, name, password) == name
        assert join(trio.wang, name, password) == name
    return name, name, trio.li, trio.wang


def test_a_message_reaches_the_others(place: tuple[str, str, Node, Node]) -> None:
    here, there, li, wang = place
    sent = say(li, "good morning", here)
    heard = wait_message(wang, sent, lambda found: found["text"] == "good morning", there)
    assert heard["conversation"] == there
    assert heard["author"] == peer_id(li)
    assert heard["author_name"] == heard["author_label"] == "Li"
    assert heard["kind"] == "text"
    assert (heard["edited"], heard["deleted"], heard["late"]) == (False, False, False)
    told = wang.wait_event("message.received", lambda body: body["message"]["message_id"] == sent)
    assert told["message"]["sent_at"] == heard["sent_at"] == message(li, sent, here)["sent_at"]


def test_an_edit_a_reply_a_reaction_and_a_deletion(place: tuple[str, str, Node, Node]) -> None:
    here, there, li, wang = place
    first = say(li, "the sun is cold", here)
    wait_message(wang, first, bool, there)
    li.call("messages.edit", message_id=first, text="the sun is hot")
    edited = wait_message(wang, first, lambda found: found["edited"], there)
    assert edited["text"] == "the sun is hot"

    answer = say(wang, "so it is", there, reply_to=first)
    replied = wait_message(li, answer, bool, here)
    assert replied["reply_to"] == first

    wang.call("messages.react", message_id=first, emoji="👍")
    liked = {"👍": [peer_id(wang)]}
    wait_message(li, first, lambda found: found["reactions"] == liked, here)
    li.call("messages.react", message_id=first, emoji="👍")
    both = wait_message(wang, first, lambda found: len(found["reactions"]["👍"]) == 2, there)
    assert set(both["reactions"]["👍"]) == {peer_id(li), peer_id(wang)}
    wang.call("messages.react", message_id=first, emoji="👍", on=False)
    wait_message(li, first, lambda found: found["reactions"] == {"👍": [peer_id(li)]}, here)

    teacher = "👩🏽\u200d🏫"
    wang.call("messages.react", message_id=first, emoji=teacher)
    wait_message(li, first, lambda found: found["reactions"].get(teacher) == [peer_id(wang)], here)
    assert refusal(wang, "messages.react", message_id=first, emoji="LOL").reason == "too-large"

    assert refusal(wang, "messages.edit", message_id=first, text="no").reason == "not-allowed"
    assert refusal(wang, "messages.delete", message_id=first).reason == "not-allowed"
    li.call("messages.delete", message_id=first)
    gone = wait_message(wang, first, lambda found: found["deleted"], there)
    assert gone["text"] == ""
    assert refusal(li, "messages.edit", message_id=first, text="back").reason == "no-such-message"
    assert message(wang, answer, there)["reply_to"] == first


def test_receipts(place: tuple[str, str, Node, Node]) -> None:
    here, there, li, wang = place
    sent = say(li, "have you got this?", here)
    reader = peer_id(wang)
    wait_message(li, sent, lambda found: reader in found["receipts"]["delivered"], here)
    assert reader not in message(li, sent, here)["receipts"]["read"]
    wang.call("messages.mark_read", conversation=there, message_id=sent)
    wait_message(li, sent, lambda found: reader in found["receipts"]["read"], here)
    for kind in ("delivered", "read"):
        event = li.wait_event(
            "message.receipt",
            lambda body, kind=kind: (  # type: ignore[misc]  # a default, as loops need it
                body["message_id"] == sent and body["kind"] == kind and body["peer_id"] == reader
            ),
        )
        assert event["conversation"] == here


def test_unread_counts(place: tuple[str, str, Node, Node]) -> None:
    here, there, li, wang = place

    def entry() -> dict[str, object]:
        found: list[dict[str, object]] = wang.call("conversations.list")
        return next(one for one in found if one["conversation"] == there)

    last = messages(wang, there)[-1]["message_id"]
    wang.call("messages.mark_read", conversation=there, message_id=last)
    assert entry()["unread"] == 0
    first = say(li, "one", here)
    say(li, "two for @Wang", here)
    wait_until(lambda: entry()["unread"] == 2, what="two unread messages")
    assert entry()["mentions"] == 1
    assert entry()["first_unread"] == first


def test_mentions(place: tuple[str, str, Node, Node]) -> None:
    here, there, li, wang = place
    sent = say(li, "look here, @Wang!", here)
    heard = wait_message(wang, sent, bool, there)
    assert heard["mentions"] == [peer_id(wang)]


def test_typing(place: tuple[str, str, Node, Node]) -> None:
    here, there, li, wang = place
    li.call("conversations.typing", conversation=here)
    event = wang.wait_event("typing", lambda body: body["conversation"] == there)
    assert event["peer_id"] == peer_id(li)


def test_who_is_not_in_a_room_hears_nothing_of_it(trio: Trio) -> None:
    create(trio.li, "#two")
    join(trio.wang, "#two")
    sent = say(trio.li, "between us", "#two")
    direct = say(trio.li, "for you alone", f"@{peer_id(trio.wang)}")
    wait_message(trio.wang, sent, bool, "#two")
    wait_message(trio.wang, direct, bool, f"@{peer_id(trio.li)}")
    # What comes after it has come: had the others been told, it would be here.
    say(trio.li, "for everyone")
    hear(trio.other_li, "for everyone")
    told = [event for event in trio.other_li.events if event.type == "message.received"]
    assert not {event["message"]["message_id"] for event in told} & {sent, direct}
    assert refusal(trio.other_li, "messages.list", conversation="#two").reason == "no-such-room"


def test_who_comes_and_goes_in_a_protected_room_is_told(trio: Trio) -> None:
    create(trio.li, "#vault", "open sesame")
    join(trio.wang, "#vault", "open sesame")
    event = trio.li.wait_event("member.joined", lambda body: body["room"] == "#vault")
    assert (event["peer_id"], event["name"]) == (peer_id(trio.wang), "Wang")
    trio.wang.call("rooms.leave", room="#vault")
    trio.li.wait_event("member.left", lambda body: body["room"] == "#vault")
    told = [e.body for e in trio.wang.events if e.type.startswith("member.")]
    assert [body for body in told if body["room"] == "#vault"] == []  # all that is history


def test_members_come_and_go(trio: Trio) -> None:
    create(trio.li, "#club")
    known = wait_until(
        lambda: [room for room in trio.wang.call("rooms.list") if room["room"] == "#club"],
        what="the room is known",
    )
    assert not known[0]["joined"]
    join(trio.wang, "club")
    event = trio.li.wait_event("member.joined", lambda body: body["room"] == "#club")
    assert (event["peer_id"], event["name"]) == (peer_id(trio.wang), "Wang")
    members = trio.li.call("rooms.members", room="#club")
    assert {member["peer_id"] for member in members} == {peer_id(trio.li), peer_id(trio.wang)}
    trio.wang.call("rooms.leave", room="#club")
    trio.li.wait_event("member.left", lambda body: body["room"] == "#club")
    assert refusal(trio.wang, "messages.send", conversation="#club", text="?").reason == (
        "no-such-room"
    )
    join(trio.wang, "#club")
    sent = say(trio.wang, "here again", "#club")
    wait_message(trio.li, sent, bool, "#club")
    found = trio.li.call("messages.list", conversation="#club", limit=100)
    told = [message["text"] for message in found if message["kind"] == "system"]
    assert len(told) == 4
    assert told[-2:] == ["“Wang” left", "“Wang” joined"]


def test_two_of_one_name_have_two_labels(trio: Trio) -> None:
    known = peers(trio.wang)
    assert known[peer_id(trio.li)]["label"] == "Li"
    assert known[peer_id(trio.other_li)]["label"] == "Li_2"
    assert known[peer_id(trio.other_li)]["name"] == "Li"
    sent = say(trio.other_li, "I am a Li as well")
    heard = wait_message(trio.wang, sent, bool)
    assert (heard["author_name"], heard["author_label"]) == ("Li", "Li_2")
    direct = say(trio.wang, "to the second", "@Li_2")
    wait_message(trio.other_li, direct, bool, f"@{peer_id(trio.wang)}")
    error = refusal(trio.wang, "messages.send", conversation="@Li", text="to whom?")
    assert error.reason == "ambiguous-name"
    assert set(error.data["candidates"]) == {peer_id(trio.li), peer_id(trio.other_li)}


def test_rooms_of_others_are_told_of(trio: Trio) -> None:
    def known() -> dict[str, Any]:
        return {room["room"]: room for room in trio.wang.call("rooms.list")}

    mark = trio.wang.mark()
    create(trio.li, "#news", "sesame")
    trio.wang.wait_event("room.changed", lambda body: body["room"] == "#news", since=mark)
    assert (known()["#news"]["joined"], known()["#news"]["protected"]) == (False, True)
    mark = trio.wang.mark()
    trio.li.call("rooms.leave", room="#news")
    trio.wang.wait_event("room.changed", lambda body: body["room"] == "#news", since=mark)
    assert "#news" not in known()


def test_status_and_profile(trio: Trio) -> None:
    wang = peer_id(trio.wang)
    for status in ("away", "busy", "online"):
        trio.wang.call("profile.set", status=status)
        for node in (trio.li, trio.other_li):
            wait_until(lambda node=node: peers(node)[wang]["status"] == status, what=status)  # type: ignore[misc]  # noqa: B023  # called within the loop
    trio.wang.call("profile.set", name="Wang Fang", note="back at noon", avatar=PNG)

    def seen(node: Node) -> bool:
        peer = peers(node)[wang]
        return (peer["name"], peer["note"], peer["avatar"]) == ("Wang Fang", "back at noon", PNG)

    for node in (trio.li, trio.other_li):
        wait_until(lambda node=node: seen(node), what="the new profile")  # type: ignore[misc]  # as loops need it
        assert [event for event in node.events if event.type == "peer.changed"]
    sent = say(trio.wang, "under a new name")
    assert wait_message(trio.li, sent, bool)["author_name"] == "Wang Fang"
    trio.wang.call("profile.set", name="Wang", note="", avatar="")
    for node in (trio.li, trio.other_li):
        wait_until(lambda node=node: peers(node)[wang]["avatar"] is None, what="no picture")  # type: ignore[misc]  # as loops need it


def test_verification_words(trio: Trio) -> None:
    here = trio.li.call("peers.verify", peer_id=peer_id(trio.wang))["words"]
    there = trio.wang.call("peers.verify", peer_id=peer_id(trio.li))["words"]
    other = trio.wang.call("peers.verify", peer_id=peer_id(trio.other_li))["words"]
    assert here == there != other


def test_going_and_coming(trio: Trio) -> None:
    """Last, as it puts new processes in place of the old ones."""
    histories = texts(trio.li)
    other = peer_id(trio.other_li)
    since = trio.wang.mark()
    assert trio.other_li.stop() == 0
    event = trio.wang.wait_event("peer.offline", since=since)
    assert event["peer"]["peer_id"] == other
    assert peers(trio.wang)[other]["status"] == "offline"
    again = trio.lan.node(1)
    wait_linked([trio.li, again, trio.wang])
    event = trio.wang.wait_event("peer.online", since=since)
    assert event["peer"]["peer_id"] == other
    assert peers(trio.wang)[other]["label"] == "Li_2"
    assert again.call("node.info")["name"] == "Li"
    wait_equal([trio.li, again, trio.wang], set(histories))


def test_a_room_whose_name_looks_like_anothers_is_told_apart(trio: Trio) -> None:
    def alike(node: Node) -> dict[str, str | None]:
        return {room["room"]: room["looks_like"] for room in node.call("rooms.list")}

    fake = "#l\u043ebby"  # with a Cyrillic letter
    create(trio.wang, fake)
    wait_until(lambda: alike(trio.li).get(fake) == "#lobby")
    assert alike(trio.wang)[fake] == "#lobby"
    join(trio.li, fake)
    told = alike(trio.li)
    assert (told[fake], told["#lobby"]) == ("#lobby", None)


def test_the_first_message_since_a_time(place: tuple[str, str, Node, Node]) -> None:
    here, there, li, wang = place
    say(li, "before it", here)
    sent = say(li, "from then on", here)
    say(li, "after it", here)
    at = wait_message(wang, sent, lambda found: found["text"], there)["sent_at"]
    first = next(m["message_id"] for m in messages(wang, there) if m["sent_at"] >= at)
    assert wang.call("messages.since", conversation=there, time=at) == {"message_id": first}
    later = wang.call("messages.since", conversation=there, time="2999-01-01T00:00:00Z")
    assert later == {"message_id": None}
    assert refusal(wang, "messages.since", conversation=there, time="noon").code == -32602
