"""How times, names and refusals are put into plain words."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache

from p2pchat.errors import BadParams, P2PChatError, RequestError
from p2pchat.model.ids import PeerId
from p2pchat.model.text import safe_name

LOBBY = "#lobby"

_REFUSALS = {
    # Of the others what the node says is plainer: how long a name may be, say.
    "no-such-peer": "Nobody of that name is known here.",
    "ambiguous-name": "Several people have that name. Pick one from the list.",
    "no-such-room": "There is no room of that name.",
    "room-exists": "There is a room of that name already.",
    "no-such-message": "That message is no longer here.",
    "wrong-password": "The password is not right.",
    "too-many-tries": "Too many tries. Wait a minute and try again.",
    "not-linked": "There is no link to this person right now.",
    "nobody-answered": "Nobody answered.",
    "busy": "That is busy right now. Try again in a moment.",
    "disk-full": "The disk is full. Nothing was saved.",
}


def refusal(error: P2PChatError) -> str:
    """One plain sentence for a person."""
    if isinstance(error, RequestError):
        # What is busy the node may know better: a file that changes while it is read, say.
        told = error.reason == "busy" and str(error) != "busy"
        return ("" if told else _REFUSALS.get(error.reason, "")) or _sentence(str(error))
    if isinstance(error, BadParams):
        return _sentence(str(error) or "that is not possible")
    return _sentence(str(error) or "something went wrong")


def _sentence(text: str) -> str:
    text = text.strip()
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else text + "."


@lru_cache(4096)
def local_time(sent_at: str) -> datetime | None:
    """An RFC 3339 time in the zone of this machine; None where it can't be one."""
    try:
        return datetime.fromisoformat(sent_at).astimezone()
    except (ValueError, OverflowError, OSError):
        return None


def room_title(room: str) -> str:
    """`#name` of a room, safe to show."""
    return "#" + (safe_name(room[1:]) or "?")


def person_label(label: str, peer_id: PeerId) -> str:
    """What a person is called here, safe to show; the beginning of their id where nothing of the
    label is."""
    return safe_name(label) or peer_id[:8]


def clock(moment: datetime | None) -> str:
    return f"{moment:%H:%M}" if moment else "--:--"


def day(moment: datetime | None, now: datetime) -> str:
    """`Today`, `Yesterday`, else the date; the year where it is another one."""
    if moment is None:
        return ""
    age = (now.date() - moment.date()).days
    if age in (0, 1):
        return ("Today", "Yesterday")[age]
    year = "" if moment.year == now.year else f" {moment.year}"
    return f"{moment:%A}, {moment.day} {moment:%B}{year}"


def short_when(moment: datetime | None, now: datetime) -> str:
    """For narrow lists: the time today, else the day."""
    if moment is None:
        return ""
    age = (now.date() - moment.date()).days
    if age == 0:
        return clock(moment)
    if 0 < age < 7:
        return f"{moment:%a}"
    return f"{moment.day} {moment:%b}" + ("" if moment.year == now.year else f" {moment.year}")


def several(names: Sequence[str], limit: int = 3) -> str:
    """`Li`, `Li and Wang`, `Li, Wang and 4 others`."""
    shown = list(names[:limit])
    left = len(names) - len(shown)
    if left:
        shown.append("1 other" if left == 1 else f"{left} others")
    if len(shown) < 2:
        return "".join(shown)
    return ", ".join(shown[:-1]) + " and " + shown[-1]


def count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


def size(number: float) -> str:
    """Bytes: `512 B`, `1.5 KiB`, `12.0 MiB`."""
    if number < 1024:
        return f"{number:.0f} B"
    for unit in ("KiB", "MiB", "GiB"):
        number /= 1024
        if number < 1023.95:
            return f"{number:.1f} {unit}"
    return f"{number / 1024:.1f} TiB"


def duration(seconds: float) -> str:
    """Roughly, as for what remains: `8 s`, `25 s`, `3 min`, `1 h 20 min`."""
    if seconds < 9.5:
        return f"{max(1, round(seconds))} s"
    if seconds < 57.5:
        return f"{5 * round(seconds / 5)} s"
    minutes = max(1, round(seconds / 60))
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes and hours < 10 else f"{hours} h"


@lru_cache(4096)
def initials(label: str) -> str:
    """One or two characters for a person without a picture: `Maria Lopez` is ML, 王小明 is 小明."""
    words = [word for word in safe_name(label).replace("_", " ").split() if word[0].isalnum()]
    if not words:
        return "?"
    first = words[0]
    if first[0] >= "\u2e80":
        return first[-2:] if len(first) > 1 else first
    if len(words) > 1 and words[1][0].isalpha() and words[1][0] < "\u2e80":
        return (first[0] + words[1][0]).upper()
    return first[0].upper()


def hue(identity: str, hues: int) -> int:
    """Which of `hues` colours stands for a person or room: the same on every node."""
    return zlib.crc32(identity.encode()) % hues
