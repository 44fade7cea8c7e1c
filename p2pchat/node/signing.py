"""Signing in and out: which profile the node runs on."""

from __future__ import annotations

import asyncio
import logging
import secrets as entropy
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from p2pchat.config.settings import Settings
from p2pchat.errors import ProfileInUse, RequestError, StoreError
from p2pchat.model.accounts import Opened, SignedOut
from p2pchat.model.records import PutMeta
from p2pchat.node.ports import Depot, Profiles, Store
from p2pchat.protocol import unsent
from p2pchat.protocol.hashing import digest
from p2pchat.protocol.identity import SEED_BYTES, Identity
from p2pchat.protocol.registrar.attendance import KEY as REGISTER_KEY
from p2pchat.protocol.registrar.belongings import OF_THE_MACHINE
from p2pchat.protocol.registrar.holding import is_outdated_by
from p2pchat.protocol.registrar.part import KEYBOX_KEY, RECORD_KEY, VAULT_KEY
from p2pchat.protocol.sealing import open_once, seal_once

if TYPE_CHECKING:
    from p2pchat.node.node import Node

log = logging.getLogger("p2pchat.node")

_STORE_KEY = "p2pchat 1 sealed store key"
_CARRIED = (RECORD_KEY, KEYBOX_KEY, VAULT_KEY, REGISTER_KEY, "registrar/")
"""What a profile gets of the one before: what this machine keeps for the network."""


class Signing:
    def __init__(self, node: Node, profiles: Profiles) -> None:
        self._node = node
        self._profiles = profiles
        self._turn = asyncio.Lock()
        """Who asks to be somebody finds out who is there only once the one before has got there."""

    async def registering(self, account: str) -> bool:
        """This profile is the account's, if there is going to be one. False: there may be one
        already."""
        folder = self._node.options.data_dir
        return await asyncio.to_thread(self._profiles.keep_account, account, folder)

    def registered(self) -> None:
        """Whoever was a guest here is somebody from now on, who wants files."""
        node = self._node
        if self._profiles.is_guests(node.options.data_dir) and not node.choice.kept.auto_fetch:
            node.runtime.run(node.take_settings, {"auto_fetch": Settings().auto_fetch})

    async def not_registered(self, account: str) -> None:
        """There is none: whoever signs in next leaves this profile as any other guest's."""
        await asyncio.to_thread(self._profiles.drop_account, account)

    async def sign_in(self, opened: Opened) -> bool:
        """Go on in the account's profile; False: it is the one that runs. Who was signed in before
        is signed out, and their downloads stay."""
        async with self._turn:
            if self._node.machine.identity.peer_id == opened.account:
                return False
            await self._sign_in(opened)
            return True

    async def _sign_in(self, opened: Opened) -> None:
        node = self._node
        before = node.machine
        identity = before.identity
        sealing = _store_key(opened.seed)
        signs_out = identity.peer_id in before.registrar.registry.owners()

        def go_on(store: Store, folder: str, carried: list[PutMeta]) -> None:
            _begin(store, opened.seed, carried)
            self._profiles.keep_account(opened.account, folder)
            if signs_out:
                self._depart(identity, folder, ())
            else:
                self._profiles.use(folder, node.options.data_dir)

        def open_other() -> tuple[str, Store, Depot]:
            nonlocal before, signs_out
            before = node.machine
            signs_out = signs_out and before.identity is identity
            carried = self._carried()
            folder = self._profiles.of_account(opened.account)
            try:
                store, depot = self._profiles.open(
                    folder, lambda sealed: open_once(sealing, _STORE_KEY, sealed)
                )
            except ProfileInUse:
                text = "another process uses the profile of this account"
                raise RequestError("busy", text) from None
            try:
                go_on(store, folder, carried)
            except BaseException:
                store.close()
                self._profiles.finish_departures()
                raise
            return folder, store, depot

        def closed(folder: str) -> None:
            if signs_out:
                self._profiles.departed(folder)
                return
            self._profiles.parted(folder, unsent.wanted(before))

        await node.switch(open_other, opened.name, self._carry_rest, closed)
        # Whoever looks now finds contacts, rooms and settings.
        node.runtime.run(node.machine.registrar.vaulting.bring, opened.vault, opened.keybox)
        await node.runtime.query(lambda: None)

    async def sign_out(self, delete: Collection[str]) -> SignedOut:
        """Go on as somebody without an account; the key of the store that is left stays sealed to
        this one. `delete`: of the downloads these."""
        node, account = self._node, self._node.machine.identity

        def open_other() -> tuple[str, Store, Depot]:
            if node.machine.identity is not account:
                raise RequestError("busy", "somebody else has signed in meanwhile")
            # Nobody is there to want files, which would be left by each in turn.
            carried = self._carried(auto_fetch=0)
            folder = self._profiles.fresh()
            store, depot = self._profiles.open(folder)
            try:
                _begin(store, None, carried)
                self._depart(account, folder, delete)
            except BaseException:
                store.close()
                raise
            return folder, store, depot

        async with self._turn:
            return await node.switch(open_other, None, self._carry_rest, self._profiles.departed)

    def _depart(self, account: Identity, to: str, delete: Collection[str]) -> None:
        """What this account leaves behind is sealed to it."""
        sealing = _store_key(account.person_seed)
        self._profiles.depart(
            self._node.options.data_dir,
            to,
            lambda key: seal_once(sealing, _STORE_KEY, key),
            delete,
        )

    def _carried(self, **settings: int) -> list[PutMeta]:
        """`settings`: beside those of the machine."""
        kept = msgspec.to_builtins(self._node.choice.kept)
        machine = msgspec.json.encode({name: kept[name] for name in OF_THE_MACHINE} | settings)
        return [*_kept_for_all(self._node.store), PutMeta("settings", machine)]

    @staticmethod
    def _carry_rest(before: Store, store: Store) -> None:
        """What others were told is kept while the other profile was being opened."""
        try:
            store.apply(_news(store.load().meta, _kept_for_all(before)))
        except StoreError as error:
            log.warning("what was kept last isn't carried on: %s", error)


def _begin(store: Store, seed: bytes | None, carried: list[PutMeta]) -> None:
    """Give a fresh profile its person (None: whoever it is), and any what the one before has kept.
    RequestError where it is somebody else's."""
    meta = store.load().meta
    writes = _news(meta, carried)
    if "person_seed" not in meta:
        person, device = (seed or entropy.token_bytes(SEED_BYTES)), entropy.token_bytes(SEED_BYTES)
        writes += [PutMeta("person_seed", person), PutMeta("device_seed", device)]
    elif seed is not None and meta["person_seed"] != seed:
        raise RequestError("not-allowed", "the profile of this account belongs to somebody else")
    store.apply(writes)


def _kept_for_all(store: Store) -> list[PutMeta]:
    meta = store.load().meta
    return [PutMeta(key, value) for key, value in meta.items() if key.startswith(_CARRIED)]


def _news(meta: Mapping[str, bytes], carried: list[PutMeta]) -> list[PutMeta]:
    """Of what the profile before has kept whatever is newer than what this one has from when it was
    used last."""
    writes = []
    for write in carried:
        old = meta.get(write.key)
        if write.key == "settings" and old is not None:
            writes.append(PutMeta("settings", _of_this_machine(old, write.value)))
        elif (
            old is None
            or not write.key.startswith((KEYBOX_KEY, VAULT_KEY))
            or is_outdated_by(old, write.value)
        ):
            writes.append(write)
    return [write for write in writes if meta.get(write.key) != write.value]


def _of_this_machine(settings: bytes, machine: bytes) -> bytes:
    """Those of the machine are what they were last."""
    merged: dict[str, Any] = msgspec.json.decode(settings)
    return msgspec.json.encode(merged | msgspec.json.decode(machine))


def _store_key(seed: bytes) -> bytes:
    """What the account seals the keys of its stores under."""
    return digest("p2pchat 1 account store", seed)
