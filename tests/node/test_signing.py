"""Signing in and out goes on to its end, whoever asked for it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from p2pchat.app import open_node
from p2pchat.config.settings import Options
from p2pchat.events import Event, RegistrarChanged
from p2pchat.protocol.registrar import leading
from p2pchat.storage.profiles import ProfileFolders


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
