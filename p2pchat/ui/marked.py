"""Registered names where no sign can be drawn after them, as in a terminal, within a sentence or in
the system's notifications: a sign that no name can hold, there or where one is drawn."""

from __future__ import annotations

SIGN = "®"
_LIKE_IT = dict.fromkeys(map(ord, "®Ⓡⓡ🄡🄬🅁🅡🆁"), "?")
"""In names they would look like the sign."""


def marked(label: str, registered: bool) -> str:
    """A label as it is shown: `Li®` is registered; nobody else's ends so."""
    plain = label.translate(_LIKE_IT)
    return f"{plain}{SIGN}" if registered else plain
