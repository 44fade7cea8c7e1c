"""The terminal chat's behaviour without a terminal: what lines do and what is shown."""

from __future__ import annotations

import pytest
from paper_node import LI, LI_2, ME, NEW, make_peer
from terminal_room import Room, chatting

from p2pchat.events import (
    RUNS_TWICE,
    MemberJoined,
    PeerChanged,
    PeerOffline,
    PeerOnline,
    Typing,
    Warned,
)
from p2pchat.model.message import MessageKind
from p2pchat.model.people import Status
from p2pchat.ui.terminal import state
from p2pchat.ui.terminal.commands import COMMANDS, take_line
from p2pchat.ui.terminal.completion import candidates


def test_three_colours() -> None:
    async def test(room: Room) -> None:
        await room.type("hello")
        own = room.screen.shown[-1]
        room.node.receive("#lobby", "hi Ana", LI)
        other = room.screen.shown[-1]
        room.node.receive("#lobby", "Wang has joined", LI, kind=MessageKind.SYSTEM)
        system = room.screen.shown[-1]
        styles = [line[-1][0] for line in (own, system)] + [other[1][0]]
        assert styles == ["own", "system", "other"]
        assert room.screen.texts()[-3].endswith("Ana: hello")
        assert room.screen.texts()[-2].endswith("Li: hi Ana")

    chatting(test)


def test_what_was_said_before_is_shown_and_counts_as_read() -> None:
    async def test(room: Room) -> None:
        assert any(text.endswith("Li: earlier") for text in room.screen.texts())
        await room.until(lambda: bool(room.node.read))
        assert room.node.read == {"#lobby": room.node.stored[0].message_id}

    chatting(test, lambda node: node.say("#lobby", "earlier", LI))


@pytest.mark.parametrize("line", ["/quit", "/QUIT", "over", "Over", " OVER "])
def test_leaving(line: str) -> None:
    async def test(room: Room) -> None:
        assert not await take_line(room.chat, line)
        assert room.node.stored == []

    chatting(test)


@pytest.mark.parametrize("line", ["/help", "/HELP", "/Help"])
def test_help_in_any_case_lists_all(line: str) -> None:
    async def test(room: Room) -> None:
        await room.type(line)
        listed = "\n".join(room.screen.texts())
        for command in COMMANDS:
            assert f"/{command.name}" in listed
        assert {"join", "create", "leave", "msg", "who", "rooms", "history", "search"} <= {
            command.name for command in COMMANDS
        }

    chatting(test)


def test_rooms() -> None:
    async def test(room: Room) -> None:
        await room.type("/create maths")
        assert room.chat.here == "#maths"
        await room.type("in maths", "/join #lobby", "in lobby")
        assert [(m.conversation, m.text) for m in room.node.stored] == [
            ("#maths", "in maths"),
            ("#lobby", "in lobby"),
        ]
        assert "#maths" in await room.type("/rooms")
        await room.type("/join maths")
        assert room.chat.prompt() == "#maths> "
        await room.type("/leave")
        assert room.chat.here == "#lobby"
        assert "no room" in await room.type("/leave #none")
        assert "room of that name already" in await room.type("/create lobby")

    chatting(test)


def test_a_password_is_asked_for_hidden() -> None:
    async def test(room: Room) -> None:
        await room.type("/join #vault")
        assert room.chat.here == "#vault"
        assert room.asked == ["password of #vault: "]
        assert "secret" not in "".join(room.screen.texts())

    chatting(test, lambda node: node.passwords.update({"#vault": "secret"}))


def test_a_wrong_password_and_none() -> None:
    async def test(room: Room) -> None:
        assert "not right" in await room.type("/join #vault wrong")
        room.password = None
        assert "not joined" in await room.type("/join #vault")
        room.chat.ask_secret = None
        assert "/join #vault PASSWORD" in await room.type("/join #vault")
        await room.type("/join #vault secret")
        assert room.chat.here == "#vault"

    chatting(test, lambda node: node.passwords.update({"#vault": "secret"}))


def test_direct_messages() -> None:
    async def test(room: Room) -> None:
        await room.type("/msg @Li_2 psst")
        assert room.node.stored[-1].conversation == f"@{LI_2}"
        assert room.chat.here == "#lobby"
        assert "[@Li_2]" in room.screen.last()
        await room.type("/msg @Li ambiguous")
        assert [text for text in room.screen.texts() if LI in text]
        await room.type(f"/msg @{LI}", "only you")
        assert room.node.stored[-1].conversation == f"@{LI}"
        assert "nobody" in (await room.type("/msg nobody hi")).lower()
        room.node.receive(f"@{LI_2}", "to you", LI_2)
        assert "[@Li_2] Li_2: to you" in room.screen.last()

    chatting(test)


def test_names_with_spaces() -> None:
    async def test(room: Room) -> None:
        room.node.emit(PeerOnline(make_peer("b", "Ana Maria")))
        await room.type("/msg @Ana Maria how are you?")
        assert room.node.stored[-1].conversation == f"@{LI}"
        assert room.node.stored[-1].text == "how are you?"

    chatting(test)


def test_other_rooms_are_counted_and_mentions_shown() -> None:
    async def test(room: Room) -> None:
        await room.type("/join #other", "/join #lobby")
        shown = len(room.screen.shown)
        room.node.receive("#other", "not on the screen", LI)
        assert len(room.screen.shown) == shown
        await room.until(lambda: "#other 1" in room.chat.toolbar())
        room.node.receive("#other", "@Ana look", LI, mentions=(ME,))
        assert room.screen.last().endswith("[#other] Li: @Ana look")
        assert room.screen.shown[-1][-1][0] == "mention"

    chatting(test)


def test_messages_are_shown_once() -> None:
    async def test(room: Room) -> None:
        from p2pchat.events import MessageReceived

        message = room.node.receive("#lobby", "once", LI)
        room.node.emit(MessageReceived(message))
        assert sum("once" in text for text in room.screen.texts()) == 1

    chatting(test)


def test_a_flood_is_cut_short() -> None:
    async def test(room: Room) -> None:
        from p2pchat.events import MessageReceived

        room.screen.shown.clear()
        room.node.emit(
            *(MessageReceived(room.node.message("#lobby", f"m{n}", LI)) for n in range(5000))
        )
        assert len(room.screen.shown) == state.BURST + 1
        assert "4,950 messages not shown" in room.screen.texts()[0]
        assert len(room.chat.shown) <= state.KEPT

    chatting(test)


def test_reply_react_edit_delete() -> None:
    async def test(room: Room) -> None:
        asked = room.node.receive("#lobby", "what?", LI)
        assert "(to Li: what?)" in await room.type("/reply that")
        assert room.node.stored[-1].reply_to == asked.message_id
        assert "👍" in await room.type("/react 👍")
        assert "these (edited)" in await room.type("/edit these")
        assert "(deleted)" in await room.type("/delete")
        assert "no such message" in await room.type("/delete")
        await room.node.edit(asked.message_id, "what else?")
        assert "changed “what?” to: what else?" in room.screen.last()
        await room.node.delete(asked.message_id)
        assert "deleted “what else?”" in room.screen.last()

    chatting(test)


def test_history_and_search() -> None:
    async def test(room: Room) -> None:
        for n in range(30):
            room.node.receive("#lobby", f"number {n}", LI)
        room.screen.shown.clear()
        await room.type("/history 5")
        assert [text.rpartition(" ")[2] for text in room.screen.texts()] == [
            str(n) for n in range(25, 30)
        ]
        assert "[#lobby] Li: number 17" in await room.type("/search number 17")
        assert "nothing found" in await room.type("/search nowhere")
        assert "how many" in await room.type("/history all")

    chatting(test)


def test_people() -> None:
    async def test(room: Room) -> None:
        room.node.emit(
            PeerChanged(make_peer("c", "Li_2", name="Li", warning="Not the Li you know."))
        )
        await room.type("/who")
        listed = "\n".join(room.screen.texts())
        assert "Ana (you): online" in listed
        assert "Li_2: online, Not the Li you know." in listed
        room.node.emit(PeerOffline(make_peer("b", "Li", Status.OFFLINE)))
        room.node.emit(PeerOffline(make_peer("c", "Li_2", name="Li", status=Status.OFFLINE)))
        await room.until(lambda: "“Li” and “Li_2” are gone" in room.screen.last())
        room.node.emit(MemberJoined("#lobby", LI, "Li"))
        assert "“Li” has joined #lobby" in room.screen.last()
        room.node.emit(Warned("clock-off", "The clock of Li is \x1b[31moff."))
        assert "The clock of Li is \\x1b[31moff." in room.screen.last()

    chatting(test)


def test_oneself_and_others() -> None:
    async def test(room: Room) -> None:
        assert "you are Zoë" in await room.type("/name Zoë")
        assert "at most 64" in await room.type("/name " + "x" * 65)
        assert "you are busy, exam" in await room.type("/status Busy exam")
        assert "/status online" in await room.type("/status asleep")
        assert "apple river stone" in await room.type("/verify @Li_2")
        assert "is verified" in await room.type("/verify @Li_2 yes")
        assert "is blocked" in await room.type("/block @Li_2")
        assert "no longer" in await room.type("/block @Li_2 off")
        assert "nobody is a contact" in await room.type("/contacts")
        assert "Li_2 is a contact" in await room.type("/contacts @Li_2")
        assert "Li_2: online" in await room.type("/contacts")
        assert "no longer a contact" in await room.type("/contacts @Li_2 off")
        assert "nobody answered" in (await room.type("/connect 192.0.2.1:1")).lower()
        assert "no command /nonsense" in await room.type("/nonsense")

    chatting(test)


def test_typing() -> None:
    async def test(room: Room) -> None:
        room.node.emit(Typing("#lobby", LI))
        assert "“Li” is typing" in room.chat.toolbar()
        room.node.receive("#lobby", "done typing", LI)
        assert "typing" not in room.chat.toolbar()
        room.chat.typed("/help")
        room.chat.typed("h")
        room.chat.typed("he")
        await room.until(lambda: bool(room.node.named("typing")))
        assert room.node.named("typing") == [("typing", "#lobby")]

    chatting(test)


def test_slashes_and_empty_lines() -> None:
    async def test(room: Room) -> None:
        await room.type("", "   ", "//etc is a folder")
        assert [m.text for m in room.node.stored] == ["/etc is a folder"]
        assert "at most 16384 bytes" in await room.type("x" * 20_000)

    chatting(test)


def test_peers_cannot_control_the_terminal() -> None:
    async def test(room: Room) -> None:
        evil = "\x1b[2J\x07\u202e\r\x9b"
        room.node.people[LI] = make_peer("b", evil + "Li", note=evil, warning=evil)
        room.node.emit(PeerOffline(room.node.people[LI]))
        await room.until(lambda: any("is gone" in text for text in room.screen.texts()))
        room.node.emit(PeerOnline(room.node.people[LI]))
        message = room.node.receive("#lobby", f"{evil}text\nline", LI, mentions=(ME,))
        await room.node.react(message.message_id, evil)
        room.node.receive(f"#{evil}", "room", LI, mentions=(ME,))
        room.node.emit(MemberJoined("#lobby", LI, evil), Typing("#lobby", LI))
        room.node.emit(Warned("x", evil))
        await room.type("/who", "/history", "/search text")
        await room.until(lambda: any("is here" in text for text in room.screen.texts()))
        everything = "".join([*room.screen.texts(), room.chat.toolbar(), room.chat.prompt()])
        assert not set(everything) & set("\x1b\x07\u202e\r\x9b")
        assert any("text\n      line" in text for text in room.screen.texts())
        room.node.receive("#lobby", "\u200b\u2060", LI)
        await room.until(lambda: any("(nothing that" in text for text in room.screen.texts()))

    chatting(test)


def test_a_warning_is_shown_once() -> None:
    async def test(room: Room) -> None:
        text = "Li_3 is not the Li that you know"
        room.node.emit(PeerOnline(make_peer("n", "Li_3", name="Li", warning=text)))
        room.node.emit(Warned("looks-like-someone-you-know", text, peer_id=NEW))
        await room.until(lambda: "* “Li_3” is here" in room.screen.texts())
        assert room.screen.texts().count(f"! {text}") == 1

    chatting(test)


def test_who_only_passes_by_is_not_worth_a_line() -> None:
    async def test(room: Room) -> None:
        wang = make_peer("n", "Wang")
        room.node.emit(PeerOnline(wang), PeerOffline(wang))
        room.node.emit(PeerOffline(room.node.people[LI]), PeerOnline(room.node.people[LI]))
        room.node.emit(PeerOffline(room.node.people[LI_2]))
        await room.until(lambda: "* “Li_2” is gone" in room.screen.texts())
        room.node.emit(PeerOffline(room.node.people[LI_2]), PeerOnline(wang))
        await room.until(lambda: "* “Wang” is here" in room.screen.texts())
        told = [text for text in room.screen.texts() if "is here" in text or "is gone" in text]
        assert told == ["* “Li_2” is gone", "* “Wang” is here"]

    chatting(test)


def test_a_copy_of_a_profile_becomes_someone_else() -> None:
    async def test(room: Room) -> None:
        room.node.emit(Warned(RUNS_TWICE, "This profile also runs elsewhere."))
        assert room.screen.shown[-2] == [("warning", "! This profile also runs elsewhere.")]
        assert "/someone-else" in room.screen.last()
        await room.type("/msg @Li_2 old secret")
        # What can't be taken back is asked for twice.
        assert await room.type("/someone-else Ann B") == "* /someone-else Ann B"
        assert await room.type("/someone-else Bo") == "* /someone-else Bo"
        assert room.node.me.peer_id == ME
        await room.type("/Someone-Else Bo")
        assert (room.node.me.peer_id, room.node.me.name) == (NEW, "Bo")
        assert room.chat.me == room.node.me
        assert room.chat.here == "#lobby"
        assert any("You are Bo." in text for text in room.screen.texts())
        assert not room.chat.shown

    chatting(test)


def test_another_front_end_makes_the_profile_someone_elses() -> None:
    async def test(room: Room) -> None:
        await room.type("/join #maths")
        await room.node.front_end().become_someone_else("Ann")
        await room.until(lambda: room.chat.me.name == "Ann" and room.chat.here == "#lobby")

    chatting(test)


def test_completion() -> None:
    async def test(room: Room) -> None:
        def offered(before: str) -> list[str]:
            return [found.text for found in candidates(room.chat, before)]

        await room.type("/join #maths")
        assert offered("/he") == ["/help"]
        assert offered("/JO") == ["/join "]
        assert offered("/join #ma") == ["#maths"]
        assert offered("/leave lo") == ["#lobby"]
        assert offered("/msg @Li_") == [f"@{LI_2} "]
        assert offered("see #lo") == ["#lobby"]
        # `Li` is one person's label and two persons' name; `Li_2` is only one's
        assert offered("hello @Li") == [f"@{LI} ", "@Li_2 "]
        assert offered("hello") == []
        shown = [found.shown for found in candidates(room.chat, "/msg @Li")]
        assert shown == ["@Li", "@Li_2"]

    chatting(test)
