"""Contacts are kept: over the interface's methods, on real nodes, and after another start."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import msgspec
import pytest

from p2pchat.app import open_node
from p2pchat.config.settings import Options
from p2pchat.errors import RequestError
from p2pchat.model.ids import PeerId
from p2pchat.node.api import NodeApi
from p2pchat.ui.rpc.methods import METHODS


def alone(folder: Path, name: str) -> AbstractAsyncContextManager[NodeApi]:
    return open_node(
        Options(
            data_dir=str(folder / name),
            name=name,
            mdns=False,
            beacon=False,
            listen_host="127.0.0.1",
            listen_port=0,
        )
    )


async def call(node: NodeApi, name: str, **params: str) -> object:
    method = METHODS[name]
    return await method.call(node, msgspec.convert(params, method.params))


def test_contacts_are_added_listed_kept_and_removed(tmp_path: Path) -> None:
    async def test() -> None:
        async with alone(tmp_path, "Li") as li:
            async with alone(tmp_path, "Maria") as maria:
                address = (await li.info()).listen[0]
                peer_id = (await maria.connect(address)).peer_id
                assert await call(maria, "contacts.list") == []
                await call(maria, "contacts.add", peer_id=peer_id)
            async with alone(tmp_path, "Maria") as maria:
                found = await call(maria, "contacts.list")
                assert isinstance(found, list)
                assert [(peer.peer_id, peer.contact) for peer in found] == [(peer_id, True)]
                await call(maria, "contacts.remove", peer_id=peer_id)
                assert await call(maria, "contacts.list") == []
                with pytest.raises(RequestError, match="no such peer"):
                    await maria.set_contact(PeerId("a" * 32))

    asyncio.run(test())
