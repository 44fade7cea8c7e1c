"""A front end's façade of the registrar and of accounts: `node.api.AccountsApi`."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets as entropy
from typing import TYPE_CHECKING

from p2pchat.config.appointing import file_text
from p2pchat.errors import RequestError
from p2pchat.model.accounts import RegistrarInfo
from p2pchat.model.ids import show_key
from p2pchat.protocol.identity import SEED_BYTES, Signer

if TYPE_CHECKING:
    from p2pchat.node.node import Node


class Accounts:
    def __init__(self, node: Node, origin: int) -> None:
        self._node = node
        self._origin = origin

    async def registrar(self) -> RegistrarInfo:
        await self._node.ready()
        return self._node.machine.registrar.leading.info()

    async def make_appointing_key(self, path: str) -> str:
        seed = entropy.token_bytes(SEED_BYTES)
        try:
            await asyncio.to_thread(_write_new, path, file_text(seed))
        except OSError as error:
            raise RequestError("not-allowed", f"{path}: {error.strerror}") from error
        return show_key(Signer(seed).key)


def _write_new(path: str, text: str) -> None:
    """A file of the owner's alone; one that is there stays."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(path)
        raise
