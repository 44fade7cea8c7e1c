"""The folder for downloads is a setting of this machine's profile."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from p2pchat.app import open_node
from p2pchat.config.settings import Options
from p2pchat.errors import BadParams, RequestError
from p2pchat.node.api import NodeApi

T = TypeVar("T")


def on_node(folder: Path, work: Callable[[NodeApi], Awaitable[T]]) -> T:
    async def ask() -> T:
        alone = Options(
            data_dir=str(folder), name="Maria", mdns=False, beacon=False,
            listen_host="127.0.0.1", listen_port=0,
        )  # fmt: skip
        async with open_node(alone) as node:
            return await work(node)

    return asyncio.run(ask())


async def downloads(node: NodeApi) -> str:
    return (await node.info()).downloads


def test_it_is_kept_and_holds_at_once(tmp_path: Path) -> None:
    profile, chosen = tmp_path / "p", tmp_path / "School"

    async def choose(node: NodeApi) -> str:
        settings = await node.set_settings({"downloads": f"{tmp_path}/x/../School"})
        assert settings.downloads == str(chosen)
        return await downloads(node)

    assert on_node(profile, downloads) == str(profile / "downloads")
    assert on_node(profile, choose) == str(chosen)
    assert on_node(profile, downloads) == str(chosen)

    async def back(node: NodeApi) -> str:
        await node.set_settings({"downloads": ""})
        return await downloads(node)

    assert on_node(profile, back) == str(profile / "downloads")


def test_what_is_refused_changes_nothing(tmp_path: Path) -> None:
    profile = tmp_path / "p"
    (tmp_path / "file").touch()

    async def choose(node: NodeApi) -> None:
        with pytest.raises(RequestError, match="files can't be put into"):
            await node.set_settings({"downloads": str(tmp_path / "file"), "theme": "dark"})
        with pytest.raises(RequestError, match="part of this profile"):
            await node.set_settings({"downloads": str(profile / "mine")})
        with pytest.raises(BadParams):
            await node.set_settings({"downloads": 5})
        with pytest.raises(BadParams):
            await node.set_settings({"downloads": str(tmp_path), "theme": "pink"})
        assert (await node.settings()).downloads == ""
        assert (await node.settings()).theme == "system"
        assert await downloads(node) == str(profile / "downloads")

    on_node(profile, choose)
