"""Which network a profile is in: the command line's, else the setting's, else the usual one."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from p2pchat.app import open_node
from p2pchat.config.settings import Options
from p2pchat.errors import BadParams


def network_of(folder: Path, change: dict[str, Any] | None = None, **options: Any) -> str:
    async def ask() -> str:
        alone = Options(
            data_dir=str(folder), name="Maria", mdns=False, beacon=False,
            listen_host="127.0.0.1", listen_port=0, **options,
        )  # fmt: skip
        async with open_node(alone) as node:
            if change is not None:
                await node.set_settings(change)
            return (await node.info()).network

    return asyncio.run(ask())


def test_the_setting_names_the_network_from_the_next_start_on(tmp_path: Path) -> None:
    assert network_of(tmp_path, {"network": "7b"}) == "lan"
    assert network_of(tmp_path) == "7b"
    assert network_of(tmp_path, network="8a") == "8a"
    assert network_of(tmp_path, {"network": ""}) == "7b"
    assert network_of(tmp_path) == "lan"


def test_a_name_that_is_too_long_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadParams):
        network_of(tmp_path, {"network": "x" * 65})
