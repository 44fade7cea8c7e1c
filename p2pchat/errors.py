"""The error tree. Each error that a front end can show carries a stable reason."""

from __future__ import annotations

from typing import Any


class P2PChatError(Exception):
    """The root of every error that p2pchat raises on purpose."""


class RequestError(P2PChatError):
    """A request that the node refuses. `reason` is stable and part of the interface."""

    def __init__(self, reason: str, text: str = "", **data: Any) -> None:
        super().__init__(text or reason.replace("-", " "))
        self.reason = reason
        self.data: dict[str, Any] = data


class BadParams(P2PChatError):
    """A request whose parameters do not have the right form."""


class ProtocolError(P2PChatError):
    """A peer sent what the protocol forbids; its link is closed."""


class StoreError(P2PChatError):
    """The store can't be used; the text is one line for a person."""


class StoreLocked(StoreError):
    """The passphrase or key doesn't open the store."""


class PassphraseNeeded(StoreLocked):
    """The profile is under a passphrase, and none was given."""


class StoreDamaged(StoreError):
    """The store's file is unreadable."""


class DiskFull(StoreError):
    """Nothing of the write was kept."""


class ProfileInUse(P2PChatError):
    """Another process runs on the profile."""


class UsageError(P2PChatError):
    """Wrong usage or an impossible request: exit code 2."""


REASON_CODES: dict[str, int] = {
    reason: 1000 + number
    for number, reason in enumerate(
        (
            "no-such-peer",
            "ambiguous-name",
            "no-such-room",
            "room-exists",
            "no-such-message",
            "no-such-file",
            "no-such-call",
            "wrong-password",
            "too-many-tries",
            "name-taken",
            "name-not-allowed",
            "weak-password",
            "no-such-account",
            "not-signed-in",
            "no-registrar",
            "not-allowed",
            "too-large",
            "not-linked",
            "nobody-answered",
            "no-device",
            "busy",
            "disk-full",
            "store-failed",
            "cancelled",
        )
    )
}
"""JSON-RPC error codes by reason; the order is fixed, new reasons go to the end."""
