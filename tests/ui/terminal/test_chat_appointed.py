"""Announcements, the register and registered names in the terminal chat."""

from __future__ import annotations

import asyncio
import io
import sys
from typing import Any

import pytest
from msgspec.structs import replace
from paper_node import LI, LI_2, ME, PaperNode, make_peer
from terminal_room import Room, chatting

from p2pchat.events import AccountRenamed, Announced, MessageReceived, PeerChanged
from p2pchat.model.accounts import Announcement, Stay
from p2pchat.ui.marked import marked
from p2pchat.ui.terminal import once


def appoint(room: Room) -> None:
    room.node.accounts.leads = replace(room.node.accounts.leads, appointed=True)


def register(room: Room) -> None:
    room.node.people[LI] = replace(room.node.people[LI], account=LI)
    room.node.emit(PeerChanged(room.node.people[LI]))


def test_no_name_can_hold_the_sign() -> None:
    assert marked("Li", registered=True) == "Li®"
    for fake in ("Li®", "LiⓇ", "Li🅁"):
        assert marked(fake, registered=False) == "Li?"
    assert marked("Li®", registered=True) == "Li?®"


def test_registered_names_are_marked_wherever_they_stand() -> None:
    async def test(room: Room) -> None:
        fake = make_peer("f", "Li ®")
        room.node.add_peer(fake)
        register(room)
        room.node.emit(PeerChanged(fake))
        room.node.emit(MessageReceived(room.node.message("#lobby", "hello", LI)))
        assert "Li®: hello" in room.screen.last()
        room.node.emit(MessageReceived(room.node.message("#lobby", "hello", fake.peer_id)))
        assert "Li ?: hello" in room.screen.last()
        await room.type("/who")
        assert any(text.startswith("* Li®: ") for text in room.screen.texts())
        assert any(text.startswith("* Li ?: ") for text in room.screen.texts())
        room.node.me = replace(room.node.me, account=ME)
        room.chat.me = room.node.me
        assert "Ana®: mine" in await room.type("mine")
        room.node.accounts.passwords["Li"] = "x"
        assert "Li®" in await room.type("/accounts")

    chatting(test)


def test_the_appointed_announces_and_looks_who_has_seen_it() -> None:
    async def test(room: Room) -> None:
        assert "Only the appointed" in await room.type("/announce Books away")
        appoint(room)
        assert "/announce TEXT" in await room.type("/announce")
        assert "/announce TEXT" in await room.type("/announce #lobby")
        assert "announced to everyone" in await room.type("/announce Books away")
        assert "announced to #lobby" in await room.type("/announce #lobby Room 204")
        told = room.node.accounts.told
        assert [(one.text, one.conversation) for one in told] == [
            ("Room 204", "#lobby"),
            ("Books away", None),
        ]
        room.node.accounts.told = [replace(told[0], seen_by=(LI,))]
        before = len(room.screen.texts())
        await room.type("/announcements")
        first, seen, missing = room.screen.texts()[before:]
        assert first.endswith("Me to #lobby: Room 204")
        assert "seen by “Li”" in seen
        assert "not yet by “Li_2”" in missing
        assert "how many?" in await room.type("/announcements 0")

    chatting(test)


def test_an_announcement_is_shown_with_all_of_its_text() -> None:
    async def test(room: Room) -> None:
        register(room)
        text = "Books away\n" + "x" * 900
        one = Announcement("1" * 64, LI, "Li", None, text, "2026-03-16T08:00:00.000Z", ())
        room.node.emit(Announced(one))
        shown = room.screen.last()
        assert shown.startswith("! Li® announces to everyone: Books away\n")
        assert shown.count("x") == 900

    chatting(test)


def test_the_register_is_read_and_exported() -> None:
    async def test(room: Room) -> None:
        assert "Only the appointed keeps a register" in await room.type("/attendance")
        appoint(room)
        room.node.accounts.stays = [
            Stay("Li", LI, LI, "2026-03-16T08:00:00.000Z", "2026-03-16T09:00:00.000Z"),
            Stay("Li_2", LI_2, None, "2026-03-16T08:05:00.000Z", None),
        ]
        assert "2 people in the register" in await room.type("/attendance")
        first, second = room.screen.texts()[-3:-1]
        assert first.endswith("  Li®")
        assert "still here" in second
        await room.type("/attendance all")
        assert room.node.accounts.asked[-1] == (None, None)
        await room.type("/attendance 2026-03-16 2026-03-17T12:00")
        since, until = room.node.accounts.asked[-1]
        assert since is not None
        assert until is not None
        assert since < until
        assert "Write a day" in await room.type("/attendance soon")
        assert "FROM TO" in await room.type("/attendance 1 2 3")
        assert "written to r.csv" in await room.type("/attendance export r.csv week")
        path, *_span, replaced, spreadsheet = room.node.accounts.exported[-1]
        assert (path, replaced, spreadsheet) == ("r.csv", False, True)
        assert "where to?" in await room.type("/attendance export")

    chatting(test)


def test_who_keeps_a_register_is_said() -> None:
    async def test(room: Room) -> None:
        room.node.people[LI] = replace(room.node.people[LI], keeps_register=True)
        room.node.emit(PeerChanged(room.node.people[LI]))
        assert "“Li” keeps a register of who is here" in room.screen.last()
        room.node.emit(PeerChanged(replace(room.node.people[LI], note="x")))
        said = [text for text in room.screen.texts() if "keeps a register" in text]
        assert len(said) == 1
        await room.chat.begin()
        assert sum("keeps a register" in text for text in room.screen.texts()) == 2
        await room.type("/who")
        assert any("keeps attendance" in text for text in room.screen.texts())

    chatting(test)


def test_who_is_renamed_is_told_what_that_means() -> None:
    async def test(room: Room) -> None:
        room.node.emit(AccountRenamed(ME, "Ana", "Ana_2", "released"))
        assert room.screen.last().startswith("! Your account is called “Ana_2” now. ")
        assert "Sign in as “Ana_2”" in room.screen.last()
        assert room.chat.label(ME) == "Ana_2"

    chatting(test)


def test_the_list_of_people_marks_them_too(monkeypatch: pytest.MonkeyPatch) -> None:
    node: Any = PaperNode("Ana")
    node.add_peer(make_peer("b", "Li", account=LI, keeps_register=True))
    node.add_peer(make_peer("c", "Zoë ®"))
    node.accounts.leads = replace(node.accounts.leads, appointed=True)
    node.say("#lobby", "hello", LI)
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)

    async def both() -> None:
        await once.peers(node, 0, as_json=False, fresh=False)
        await once.history(node, "#lobby", None, 10, as_json=False)

    asyncio.run(both())
    first, second, own, said = out.getvalue().splitlines()
    assert first.startswith("Li®  online")
    assert first.endswith("keeps attendance")
    assert second.startswith("Zoë ?  online")
    assert own == "attendance: kept by this node"
    assert said.endswith("Li®: hello")


def test_the_appointed_gives_a_name_free_and_the_key_is_made() -> None:
    async def test(room: Room) -> None:
        accounts = room.node.accounts
        accounts.passwords["Li"] = "x"
        assert "/release NAME" in await room.type("/release li")
        await room.type("/release Li")
        assert "Only the appointed" in await room.type("/release Li")
        appoint(room)
        assert "once more" in await room.type("/release Li")
        assert accounts.released == []
        assert "Li is free" in await room.type("/release Li")
        assert accounts.released == [accounts.id_of("Li")]
        assert "/appoint FILE" in await room.type("/appoint")
        assert "--appointed-by public" in await room.type("/appoint class.key")

    chatting(test)


def test_the_appointed_lets_somebodys_computer_keep_accounts() -> None:
    async def test(room: Room) -> None:
        accounts = room.node.accounts
        assert "/holder NAME" in await room.type("/holder")
        await room.type("/holder Li_2")
        assert any("can't be taken back" in text for text in room.screen.texts()[-3:])
        assert "Only the appointed" in await room.type("/holder Li_2")
        appoint(room)
        assert "once more" in await room.type("/holder @Li_2")
        assert accounts.chosen == []
        assert "may keep accounts now" in await room.type("/holder @Li_2")
        assert accounts.chosen == [LI_2]
        room.node.emit(PeerChanged(replace(room.node.people[LI_2], holder=True)))
        await room.type("/who")
        assert any("keeps accounts" in text for text in room.screen.texts())

    chatting(test)
