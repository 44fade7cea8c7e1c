"""Log lines about strangers, few whatever they do."""

from __future__ import annotations

import logging

from p2pchat.config import limits

log = logging.getLogger("p2pchat.transport")

_REMEMBERED = 1024
"""Pairs of address and reason; above, all are forgotten and may be logged once more."""

_TEXTS = {
    "no-certificate": "it showed no certificate",
    "bad-certificate": "its certificate doesn't prove who it is",
    "handshake-timeout": "it didn't finish the handshake in time",
    "too-many": "there were too many connections",
    "frame-too-large": "it sent a frame above the limit",
    "junk": "it doesn't speak this protocol",
}


class TroubleLog:
    """One warning for each address and reason in TROUBLE_LOG_S."""

    def __init__(self) -> None:
        self._logged: dict[tuple[str, str], float] = {}

    def note(self, reason: str, host: str, now: float) -> None:
        key = (host, reason)
        last = self._logged.get(key)
        if last is not None and now - last < limits.TROUBLE_LOG_S:
            return
        if len(self._logged) >= _REMEMBERED:
            self._logged.clear()
        self._logged[key] = now
        log.warning("a connection with %s was dropped: %s", host, _TEXTS.get(reason, reason))
