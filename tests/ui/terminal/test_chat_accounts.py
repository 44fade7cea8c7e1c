"""Accounts in the terminal chat, with a password that is asked for and with one that is typed."""

from __future__ import annotations

from msgspec.structs import replace
from paper_accounts import CODE
from paper_node import LI
from terminal_room import Room, chatting

from p2pchat.events import AccountRenamed
from p2pchat.model.accounts import Download


def lead(room: Room) -> None:
    accounts = room.node.accounts
    accounts.leads = replace(accounts.leads, peer_id=LI, device_id="d", label="Li", state="off")


def test_registering_and_signing_in_with_words_that_are_typed() -> None:
    async def test(room: Room) -> None:
        accounts = room.node.accounts
        room.chat.ask_secret = None
        assert "Nobody keeps accounts" in await room.type("/register Ann Lee correct-horse")
        lead(room)
        assert CODE in await room.type("/register Ann Lee correct-horse")
        assert accounts.passwords == {"Ann Lee": "correct-horse"}
        assert any("Nobody is appointed" in text for text in room.screen.texts())
        assert "/register NAME" in await room.type("/register Ann")
        await room.type("/logout")
        assert accounts.signed == ""
        assert "password" in await room.type("/login Ann Lee wrong-horse")
        assert "signed in as Ann Lee" in await room.type("/login Ann Lee correct-horse")
        await room.type("/password correct-horse other-horse")
        assert accounts.passwords == {"Ann Lee": "other-horse"}
        await room.type(f"/recover Ann Lee {CODE} third-horse")
        assert accounts.passwords == {"Ann Lee": "third-horse"}
        await room.type("/accounts")
        assert any("Ann Lee®, here now" in text for text in room.screen.texts())

    chatting(test)


def test_passwords_are_asked_for_where_nobody_sees_them() -> None:
    async def test(room: Room) -> None:
        lead(room)
        answers = ["correct-horse", "another one", "correct-horse", "correct-horse", None]
        asked: list[str] = []

        async def ask(prompt: str) -> str | None:
            asked.append(prompt)
            return answers.pop(0)

        room.chat.ask_secret = ask
        assert "two passwords" in await room.type("/register Ann")
        assert room.node.accounts.passwords == {}
        assert CODE in await room.type("/register Ann")
        assert asked[0] == "password of Ann: "
        assert "nothing was done" in await room.type("/login Ann")
        assert "which name?" in await room.type("/login")

    chatting(test)


def test_who_is_renamed_is_told() -> None:
    async def test(room: Room) -> None:
        room.node.emit(AccountRenamed(LI, "Li", "Li_2", "name-taken"))
        assert "Li is called Li_2" in room.screen.last()

    chatting(test)


def test_signing_out_names_the_downloads_before_it_deletes_them() -> None:
    async def test(room: Room) -> None:
        accounts = room.node.accounts
        accounts.passwords, accounts.signed = {"Ann": "correct-horse"}, "Ann"
        accounts.fetched = [Download("/d/a.pdf", "a.pdf", 12_000)]
        assert "/logout delete deletes them" in await room.type("/logout delete")
        assert any("a.pdf, 11.7 KiB" in text for text in room.screen.texts())
        assert accounts.signed == "Ann"
        accounts.fetched.append(Download("/d/b.pdf", "b.pdf", 12_000))
        await room.type("/logout delete")
        assert accounts.signed == "Ann", "one more has come: it is named first"
        assert any("b.pdf" in text for text in room.screen.texts())
        assert "/logout" in await room.type("/logout now")
        await room.type("/logout delete")
        assert (accounts.signed, accounts.fetched) == ("", [])
        assert any("downloads deleted: 2" in text for text in room.screen.texts())
        accounts.signed, accounts.fetched = "Ann", [Download("/d/a.pdf", "a.pdf", 12_000)]
        await room.type("/logout keep")
        assert (accounts.signed, len(accounts.fetched)) == ("", 1)

    chatting(test)
