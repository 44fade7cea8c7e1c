"""The registrar's part of the machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from p2pchat.model.ids import read_key
from p2pchat.protocol.announce import Device
from p2pchat.protocol.identity import Signer
from p2pchat.protocol.link import Link
from p2pchat.protocol.registrar.leading import Leading
from p2pchat.protocol.registrar.lease import make_mandate

if TYPE_CHECKING:
    from p2pchat.protocol.machine import Machine


class Registrar:
    def __init__(self, machine: Machine, meta: Mapping[str, bytes]) -> None:
        self.machine = machine
        config = machine.config
        self.appointing = Signer(config.appointing) if config.appointing else None
        self.mandate = b""
        if self.appointing is not None:
            device_key = machine.identity.device.key
            self.mandate = make_mandate(self.appointing, machine.network, device_key)
        self.leading = Leading(self, int(meta.get("registrar/term", b"0")))

    # -- what this node was told to be

    @property
    def willing(self) -> bool:
        config, settings = self.machine.config, self.machine.ctx.settings
        return config.willing or settings.registrar or self.appointing is not None

    @property
    def appointed_by(self) -> bytes:
        """The public half of the appointing key; empty: nobody counts as appointed here."""
        if self.machine.config.appointed_by:
            return self.machine.config.appointed_by
        text = self.machine.ctx.settings.appointed_by
        return read_key(text) if text else b""

    def is_holder(self, device_key: bytes) -> bool:
        return False

    def others(self) -> list[Device]:
        """Devices on line but this one."""
        own = self.machine.identity.device_id
        return [device for device in self.machine.directory.devices() if device.id != own]

    # -- inputs

    def load(self) -> None:
        self.machine.directory.willing = self.willing

    def start(self) -> None:
        self.leading.start()

    def stop(self) -> None:
        self.leading.stop()

    def link_up(self, link: Link) -> None:
        self.leading.link_up(link)

    def settings_changed(self) -> None:
        directory = self.machine.directory
        if directory.willing != self.willing:
            directory.willing = self.willing
            directory.tell()
        self.leading.look()
