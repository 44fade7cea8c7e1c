"""A front end's façade of the registrar and of accounts: `node.api.AccountsApi`."""

from __future__ import annotations

import asyncio
import csv
import io
import secrets as entropy
import unicodedata
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from p2pchat.config.appointing import file_text
from p2pchat.errors import RequestError
from p2pchat.events import ProfileRenewed
from p2pchat.model.accounts import (
    Account,
    Announcement,
    AnnouncementDraft,
    Download,
    Opened,
    Registered,
    RegistrarInfo,
    SignedIn,
    SignedOut,
    Stay,
)
from p2pchat.model.ids import DeviceId, PeerId, show_key
from p2pchat.node.saving import save
from p2pchat.node.times import milliseconds
from p2pchat.protocol.identity import SEED_BYTES, Signer
from p2pchat.protocol.machine import Machine
from p2pchat.protocol.registrar.refusals import refused

if TYPE_CHECKING:
    from p2pchat.node.node import Node


NOT_REGISTERED = ("name-taken", "name-not-allowed", "weak-password", "too-large", "no-registrar")
"""Reasons that leave no doubt, the last as none was asked; of others a registrar may have taken the
name all the same."""


class Accounts:
    def __init__(self, node: Node, origin: int) -> None:
        self._node = node
        self._origin = origin

    async def registrar(self) -> RegistrarInfo:
        await self._node.ready()
        return self._node.machine.registrar.leading.info()

    async def sign_holder(self, device_id: str) -> str:
        key: str = await self._ask(lambda m: m.registrar.accounts.appoint, device_id)
        return key

    async def sign_holders(self, peer_id: PeerId) -> str:
        key: str = await self._ask(lambda m: m.registrar.accounts.appoint_person, peer_id)
        return key

    async def register(self, name: str, password: str) -> Registered:
        await self._node.ready()
        # First: where it can't be written, nobody is registered.
        person = self._node.machine.identity.peer_id
        undoubted = await self._node.signing.registering(person)
        try:
            found: Registered = await self._ask(
                lambda m: m.registrar.accounts.register, name, password
            )
        except RequestError as error:
            owners = self._node.machine.registrar.registry.owners()
            if undoubted and error.reason in NOT_REGISTERED and person not in owners:
                await self._node.signing.not_registered(person)
            raise
        self._node.signing.registered()
        return found

    async def login(self, name: str, password: str) -> SignedIn:
        return await self._sign_in(lambda m: m.registrar.accounts.open, name, password)

    async def recover(self, name: str, recovery_code: str, new: str) -> SignedIn:
        return await self._sign_in(lambda m: m.registrar.accounts.recover, name, recovery_code, new)

    async def _sign_in(
        self, command: Callable[[Machine], Callable[..., None]], *args: Any
    ) -> SignedIn:
        opened: Opened = await self._ask(command, *args)
        machine = self._node.machine
        me = machine.identity.peer_id
        if me != opened.account and me in machine.registrar.registry.owners():
            await self._ask(lambda m: m.registrar.vaulting.hand_over)
        return await self._node.to_its_end(self._go_on_as(opened))

    async def _go_on_as(self, opened: Opened) -> SignedIn:
        elsewhere = self._elsewhere(opened.account)
        if await self._node.signing.sign_in(opened):
            self._node.machine.watch.knows_elsewhere(elsewhere)
            self._node.tell(ProfileRenewed(self._node.machine.commands.profile()), self._origin)
        person, name = opened.account, opened.name
        return SignedIn(person, name, person, bool(elsewhere), opened.renamed_from)

    def _elsewhere(self, person: PeerId) -> list[DeviceId]:
        """The other computers that are on line as this person."""
        machine = self._node.machine
        own = machine.identity.device_id
        devices = machine.directory.of_person(person)
        return [device.id for device in devices if device.id != own]

    async def downloads(self) -> Sequence[Download]:
        await self._node.ready()
        return await asyncio.to_thread(self._node.depot.fetched)

    async def logout(self, delete: Sequence[str] = ()) -> SignedOut:
        await self._node.ready()
        machine = self._node.machine
        if machine.identity.peer_id not in machine.registrar.registry.owners():
            raise refused("not-signed-in")
        await self._ask(lambda m: m.registrar.vaulting.hand_over)
        return await self._node.to_its_end(self._sign_out(machine, delete))

    async def _sign_out(self, machine: Machine, delete: Sequence[str]) -> SignedOut:
        before = machine.identity
        if self._node.machine is not machine:
            raise refused("not-signed-in")
        try:
            return await self._node.signing.sign_out(delete)
        finally:
            if self._node.machine.identity is not before:
                profile = self._node.machine.commands.profile()
                self._node.tell(ProfileRenewed(profile), self._origin)

    async def change_password(self, old: str, new: str) -> None:
        await self._ask(lambda m: m.registrar.accounts.change_password, old, new)

    async def accounts(self) -> Sequence[Account]:
        await self._node.ready()
        return self._node.machine.registrar.accounts.list()

    async def announce(self, text: str, conversation: str | None = None) -> Announcement:
        made: Announcement = await self._ask(
            lambda m: m.registrar.announcements.send, text, conversation
        )
        return made

    async def announcement_draft(self) -> AnnouncementDraft:
        draft: AnnouncementDraft = await self._ask(lambda m: m.registrar.announcements.draft)
        return draft

    async def set_announcement_draft(self, draft: AnnouncementDraft) -> None:
        await self._ask(lambda m: m.registrar.announcements.set_draft, draft)

    async def announcements(self) -> Sequence[Announcement]:
        await self._node.ready()
        return self._node.machine.registrar.announcements.list()

    async def saw(self, announcement_id: str) -> None:
        await self._ask(lambda m: m.registrar.announcements.saw, announcement_id)

    async def attendance(self, since: str | None, until: str | None) -> Sequence[Stay]:
        await self._node.ready()
        register = self._node.machine.registrar.attendance
        span = [time if time is None else milliseconds(time) for time in (since, until)]
        found: list[Stay] = self._node.runtime.run(register.list, *span)
        return found

    async def export_attendance(
        self,
        path: str,
        since: str | None,
        until: str | None,
        replace: bool = False,
        spreadsheet: bool = False,
    ) -> str:
        text = attendance_csv(await self.attendance(since, until))
        return await save(path, f"\ufeff{text}" if spreadsheet else text, replace)

    async def release(self, account_id: str) -> None:
        await self._ask(lambda m: m.registrar.accounts.release, account_id)

    async def _ask(self, command: Callable[[Machine], Callable[..., None]], *args: Any) -> Any:
        await self._node.ready()
        return await self._node.runtime.ask(command(self._node.machine), *args)

    async def make_appointing_key(self, path: str) -> str:
        seed = entropy.token_bytes(SEED_BYTES)
        await save(path, file_text(seed))
        return show_key(Signer(seed).key)


def attendance_csv(stays: Sequence[Stay]) -> str:
    """A line each, with times in UTC and in this machine's zone. RFC 4180."""
    text = io.StringIO(newline="")
    # All in quotes: where a spreadsheet parts cells at `;`, a name can't begin a cell of its own.
    rows = csv.writer(text, lineterminator="\r\n", quoting=csv.QUOTE_ALL)
    rows.writerow(
        ("label", "peer_id", "account", "came_utc", "left_utc", "came_local", "left_local")
    )
    for stay in stays:
        times = (stay.came, stay.left or "")
        rows.writerow(
            (
                _harmless(stay.label),
                stay.peer_id,
                stay.account or "",
                *times,
                *(_local(time) for time in times),
            )
        )
    return text.getvalue()


def _harmless(label: str) -> str:
    """A name that a spreadsheet would take for a formula is shown as text."""
    formula = unicodedata.normalize("NFKC", label).startswith(tuple("=+-@\t\r"))
    return f"'{label}" if formula else label


def _local(time: str) -> str:
    if not time:
        return ""
    return datetime.fromisoformat(time).astimezone().isoformat(timespec="seconds")
