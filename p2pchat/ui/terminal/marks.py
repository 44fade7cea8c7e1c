"""Registered names in a terminal: where nothing can be drawn, a sign that no name can hold."""

from __future__ import annotations

SIGN = "®"
_LIKE_IT = dict.fromkeys(map(ord, "®Ⓡⓡ🄡🄬🅁🅡🆁"), "?")
"""In names they would look like the sign."""


def marked(label: str, registered: bool) -> str:
    """A label as it is shown: `Li®` is registered; nobody else's ends so."""
    plain = label.translate(_LIKE_IT)
    return f"{plain}{SIGN}" if registered else plain
