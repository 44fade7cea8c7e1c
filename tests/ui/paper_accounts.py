"""The accounts of a node on paper (`paper_node`)."""

from __future__ import annotations

from collections.abc import Sequence

from p2pchat.errors import RequestError
from p2pchat.model.accounts import Account, Registered, RegistrarInfo, SignedIn


class PaperAccounts:
    def __init__(self) -> None:
        self.leads = RegistrarInfo(None, None, None, 0, "off")

    async def registrar(self) -> RegistrarInfo:
        return self.leads

    async def sign_holder(self, device_id: str) -> str:
        raise RequestError("not-allowed", device_id)

    async def register(self, name: str, password: str) -> Registered:
        raise RequestError("no-registrar", name)

    async def login(self, name: str, password: str) -> SignedIn:
        raise RequestError("no-registrar", name)

    async def recover(self, name: str, recovery_code: str, new: str) -> SignedIn:
        raise RequestError("no-registrar", name)

    async def logout(self) -> None:
        raise RequestError("not-signed-in")

    async def change_password(self, old: str, new: str) -> None:
        raise RequestError("not-signed-in")

    async def accounts(self) -> Sequence[Account]:
        return []

    async def release(self, account_id: str) -> None:
        raise RequestError("not-allowed", account_id)

    async def make_appointing_key(self, path: str) -> str:
        raise RequestError("not-allowed", path)
