"""Times as front ends write them."""

from __future__ import annotations

from datetime import UTC, datetime

from p2pchat.errors import BadParams


def milliseconds(text: str) -> int:
    """Of a time as in RFC 3339, in UTC where it names no zone. BadParams."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadParams(f"no time as in RFC 3339: {text[:40]}") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp() * 1000)
