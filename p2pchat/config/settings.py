"""The settings of a profile, and the options of one start. Both are validated when made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from p2pchat.config.limits import CONVERSATION_BUDGET_BYTES, MIB, NAME_CHARS

Positive = Annotated[int, msgspec.Meta(ge=0, le=1 << 53)]
"""What JSON holds exactly."""
LIMIT_LEAST = 1000
"""Bytes a second; a slower upload would look as if nothing came, and is most often a slip: 20 for
20M."""


def check_limit(rate: int) -> None:
    """ValueError where an upload rate is neither 0, for none, nor one that files go out at."""
    if rate and rate < LIMIT_LEAST:
        raise ValueError(f"`limit` is 0 or at least {LIMIT_LEAST} bytes a second")


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Kept in the profile's store; `settings.get` and `settings.set`."""

    auto_fetch: Positive = 50 * MIB
    """Files up to this many bytes are fetched by themselves."""
    limit: Positive = 0
    """Upload rate for files, bytes a second, see `check_limit`; 0: none."""
    budget: Positive = CONVERSATION_BUDGET_BYTES
    """Bytes of entries that one conversation may keep."""
    send_receipts: bool = True
    """Tell others what was read (that it was delivered is always told)."""
    send_typing: bool = True
    notifications: bool = True
    notification_text: bool = True
    """What was written stands in them; else only who wrote, and where."""
    close_to_tray: bool = False
    """The window's closing leaves the program running, where it has an icon in the tray."""
    theme: Annotated[str, msgspec.Meta(pattern="^(system|light|dark)$")] = "system"
    language: str = ""
    """A language tag such as `en` or `zh_CN`; empty: the system's."""
    network: Annotated[str, msgspec.Meta(max_length=NAME_CHARS)] = ""
    """Only nodes of one network see each other; from the next start on. Empty: `lan`."""
    registrar: bool = False
    """This node would be the registrar."""
    appointed_by: Annotated[str, msgspec.Meta(pattern="^([a-z2-7]{52})?$")] = ""
    """The public half of the network's appointing key; empty: nobody counts as appointed."""
    downloads: str = ""
    """The folder, a full path, for files that are finished from now on; empty: the profile's
    own."""
    away_after: Positive = 600
    """Seconds without input in the window until the status is away; 0: never."""

    def __post_init__(self) -> None:
        check_limit(self.limit)


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """What the settings are now, and what of that is kept."""

    kept: Settings
    given: Mapping[str, Any] = {}
    """By the command line, for this run alone: by name, instead of what is kept."""

    @property
    def in_force(self) -> Settings:
        return msgspec.structs.replace(self.kept, **self.given)

    def changed(self, changes: Mapping[str, Any]) -> Choice:
        """What a person sets while it runs is kept, and holds from then on.
        msgspec.ValidationError."""
        values = {**msgspec.to_builtins(self.kept), **changes}
        given = {name: value for name, value in self.given.items() if name not in changes}
        return Choice(kept=msgspec.convert(values, Settings), given=given)


NETWORK = "lan"
"""The network of those who name none."""


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What one start was asked to do: the command line, checked."""

    data_dir: str
    name: str | None = None
    network: str = ""
    """Empty: as the setting says."""
    network_code: str | None = None
    listen_host: str = ""
    """Empty: every address."""
    listen_port: int | None = None
    """None: the program's own port, else the next free one; 0: any free port."""
    interfaces: tuple[str, ...] = ()
    connect: tuple[tuple[str, int], ...] = ()
    mdns: bool = True
    beacon: bool = True
    passphrase: str | None = None
    registrar: bool = False
    """Willing to be elected, whatever the setting says."""
    appointing_key: bytes | None = None
    """The seed of the network's appointing key, 32 bytes."""
    appointed_by: bytes = b""
    """Its public half, instead of the setting; empty: as that says."""
    limit: int | None = None
    """Upload rate for files in bytes a second, instead of the setting; 0: none."""
    delivers: bool = False
    """What the profile's person has written is brought to others, and that is all."""
