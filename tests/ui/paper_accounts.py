"""The accounts of a node on paper (`paper_node`)."""

from __future__ import annotations

from p2pchat.errors import RequestError
from p2pchat.model.accounts import RegistrarInfo


class PaperAccounts:
    def __init__(self) -> None:
        self.leads = RegistrarInfo(None, None, None, 0, "off")

    async def registrar(self) -> RegistrarInfo:
        return self.leads

    async def make_appointing_key(self, path: str) -> str:
        raise RequestError("not-allowed", path)
