"""Signing in and out goes on to its end, whoever asked for it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from p2pchat.app import open_node
from p2pchat.config import limits
from p2pchat.config.settings import Options
from p2pchat.errors import ProfileInUse, RequestError
from p2pchat.events import Event, RegistrarChanged
from p2pchat.protocol.registrar import leading
from p2pchat.storage.profiles import ACCOUNTS, INDEX, ProfileFolders


def test_who_asked_may_go_the_node_goes_on_as_somebody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client of the control socket that closes its connection is answered no more."""
    begun, go_on = threading.Event(), threading.Event()
    fresh = ProfileFolders.fresh

    def slowly(profiles: ProfileFolders) -> str:
        begun.set()
        assert go_on.wait(20.0)
        return fresh(profiles)

    async def sign_out() -> None:
        alone = Options(
            data_dir=str(tmp_path), name="Maria", mdns=False, beacon=False,
            listen_host="127.0.0.1", listen_port=0, registrar=True,
        )  # fmt: skip
        async with open_node(alone) as node, asyncio.timeout(60.0):
            leads = asyncio.Event()

            def look(events: Sequence[Event]) -> None:
                if any(isinstance(event, RegistrarChanged) for event in events):
                    leads.set()

            node.subscribe(look)
            if (await node.accounts.registrar()).state != "registrar":
                await leads.wait()
            registered = await node.accounts.register("Maria", "a long pass phrase of mine")
            asked = asyncio.create_task(node.accounts.logout())
            await asyncio.to_thread(begun.wait, 20.0)
            asked.cancel()
            go_on.set()
            with pytest.raises(asyncio.CancelledError):
                await asked
            await node.accounts.accounts()  # is answered when the other profile is open
            assert (await node.info()).peer_id != registered.peer_id
            assert (await node.profile()).account is None
            await node.send("#lobby", "somebody new")

    monkeypatch.setattr(leading, "LISTEN_S", 0.0)
    monkeypatch.setattr(ProfileFolders, "fresh", slowly)
    asyncio.run(sign_out())


def test_who_registers_where_no_registrar_is_leaves_no_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody was asked. Where somebody was, and hasn't answered, it stays in doubt also later."""

    def folders() -> dict[str, str]:
        index: dict[str, dict[str, str]] = msgspec.json.decode(
            (tmp_path / ACCOUNTS / INDEX).read_bytes()
        )
        return index["folders"]

    async def register() -> None:
        alone = Options(
            data_dir=str(tmp_path), name="Maria", mdns=False, beacon=False,
            listen_host="127.0.0.1", listen_port=0,
        )  # fmt: skip
        async with open_node(alone) as node, asyncio.timeout(60.0):
            with pytest.raises(RequestError) as nobody:
                await node.accounts.register("Maria", "a long pass phrase of mine")
            assert nobody.value.reason == "no-registrar"
            assert folders() == {}
            me = (await node.info()).peer_id
            ProfileFolders(tmp_path, None).keep_account(me, str(tmp_path))
            with pytest.raises(RequestError) as weak:
                await node.accounts.register("Maria", "short")
            assert weak.value.reason == "weak-password"
            assert folders() == {me: "."}

    monkeypatch.setattr(limits, "REGISTER_S", 0.0)
    asyncio.run(register())


def test_another_process_on_the_data_folder_changes_nothing_in_it(tmp_path: Path) -> None:
    """Whichever profile is open: it would write over what is being changed."""

    async def start_twice() -> None:
        alone = Options(
            data_dir=str(tmp_path), name="Maria", mdns=False, beacon=False,
            listen_host="127.0.0.1", listen_port=0,
        )  # fmt: skip
        profiles = ProfileFolders(tmp_path, None)
        profiles.use(profiles.of_account("a" * 32), str(tmp_path))
        async with open_node(alone) as node, asyncio.timeout(60.0):
            profiles.fresh()  # somebody is about to go on in it
            index = (tmp_path / ACCOUNTS / INDEX).read_bytes()
            with pytest.raises(ProfileInUse):
                async with open_node(alone):
                    pass
            assert (tmp_path / ACCOUNTS / INDEX).read_bytes() == index
            assert (await node.profile()).name == "Maria"

    asyncio.run(start_twice())
