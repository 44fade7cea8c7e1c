"""How times, names and refusals are put into plain words."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from datetime import date, datetime
from functools import lru_cache

from p2pchat.errors import BadParams, P2PChatError, RequestError
from p2pchat.model.ids import PeerId
from p2pchat.model.people import Status
from p2pchat.model.text import is_blank, one_line, quoted, safe_name
from p2pchat.ui import emoji
from p2pchat.ui.language import N_, _, ngettext, told
from p2pchat.ui.marked import marked
from p2pchat.ui.presenters.bidi import begins_rtl, has_rtl

LOBBY = "#lobby"
_QUOTED = re.compile("“([^“”]*)”")

# fmt: off
_WEEKDAYS = (
    N_("Monday"), N_("Tuesday"), N_("Wednesday"), N_("Thursday"), N_("Friday"), N_("Saturday"),
    N_("Sunday"),
)
_SHORT_WEEKDAYS = (N_("Mon"), N_("Tue"), N_("Wed"), N_("Thu"), N_("Fri"), N_("Sat"), N_("Sun"))
_MONTHS = (
    N_("January"), N_("February"), N_("March"), N_("April"), N_("May"), N_("June"), N_("July"),
    N_("August"), N_("September"), N_("October"), N_("November"), N_("December"),
)
_SHORT_MONTHS = (
    N_("Jan"), N_("Feb"), N_("Mar"), N_("Apr"), N_("May"), N_("Jun"), N_("Jul"), N_("Aug"),
    N_("Sep"), N_("Oct"), N_("Nov"), N_("Dec"),
)
# fmt: on
_STATUSES = {
    Status.ONLINE: N_("online"),
    Status.AWAY: N_("away"),
    Status.BUSY: N_("busy"),
    Status.OFFLINE: N_("offline"),
}
_OWN_STATUSES = {
    Status.ONLINE: N_("Online"),
    Status.AWAY: N_("Away"),
    Status.BUSY: N_("Busy (no notifications)"),
}

_REFUSALS = {
    # Of the others what the node says is plainer: how long a name may be, say.
    "no-such-peer": N_("Nobody of that name is known here."),
    "ambiguous-name": N_("Several people have that name. Pick one from the list."),
    "no-such-room": N_("There is no room of that name."),
    "room-exists": N_("There is a room of that name already."),
    "no-such-message": N_("That message is no longer here."),
    "wrong-password": N_("The password is not right."),
    "too-many-tries": N_("Too many tries. Wait a minute and try again."),
    "not-linked": N_("There is no link to this person right now."),
    "nobody-answered": N_("Nobody answered."),
    "no-registrar": N_("Nobody keeps accounts in this network right now. Try again in a minute."),
    "busy": N_("That is busy right now. Try again in a moment."),
    "disk-full": N_("The disk is full. Nothing was saved."),
}
_BETTER = frozenset(("busy", "wrong-password"))


def of_a_person(text: str, chars: int | None = None) -> str:
    """A sentence of the node's with a name in it; where there is little room the name is shortened
    to so many characters, within its quotation marks."""
    said = marked(told(text), False)
    if chars is not None:
        said = _QUOTED.sub(lambda name: quoted(one_line(name[1], chars)), said)
    return our_way(said)


def our_way(said: str) -> str:
    """A sentence with a name in it goes as the language does, also where the name goes the other
    way: `joined` within it would stand on the other side of the quotation mark."""
    if not has_rtl(said):
        return said
    return ("\u200f" if begins_rtl(_("Settings")) else "\u200e") + said


def refusal(error: P2PChatError) -> str:
    """One plain sentence for a person."""
    if isinstance(error, RequestError):
        # The node may know better what is busy (a file that changes while it is read, say), or
        # what was wrong: the password, or the recovery code.
        better = error.reason in _BETTER and str(error) != error.reason.replace("-", " ")
        known = "" if better else _REFUSALS.get(error.reason, "")
        return _(known) if known else _sentence(told(str(error)))
    if isinstance(error, BadParams):
        return _sentence(told(str(error)) or _("that is not possible"))
    return _sentence(told(str(error)) or _("something went wrong"))


def _sentence(text: str) -> str:
    text = text.strip()
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?", "。", "！", "？")) else text + _(".")


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
    """What a person is called here, safe to show and without a registered name's sign; the
    beginning of their id where nothing of the label is."""
    name = marked(safe_name(label), False)
    return peer_id[:8] if is_blank(name) else name


def clock(moment: datetime | None) -> str:
    return f"{moment:%H:%M}" if moment else "--:--"


def day(moment: datetime | None, now: datetime) -> str:
    """`Today`, `Yesterday`, else the date; the year where it is another one."""
    if moment is None:
        return ""
    age = (now.date() - moment.date()).days
    if age in (0, 1):
        return _("Yesterday") if age else _("Today")
    weekday, month = _(_WEEKDAYS[moment.weekday()]), _(_MONTHS[moment.month - 1])
    if moment.year == now.year:
        return _("{weekday}, {day} {month}").format(weekday=weekday, day=moment.day, month=month)
    return _("{weekday}, {day} {month} {year}").format(
        weekday=weekday, day=moment.day, month=month, year=moment.year
    )


def month(day: date) -> str:
    """With its year: over a calendar."""
    return _("{month} {year}").format(month=_(_MONTHS[day.month - 1]), year=day.year)


def short_weekdays() -> list[str]:
    """From Monday on."""
    return [_(name) for name in _SHORT_WEEKDAYS]


def short_when(moment: datetime | None, now: datetime) -> str:
    """For narrow lists: the time today, else the day."""
    if moment is None:
        return ""
    age = (now.date() - moment.date()).days
    if age == 0:
        return clock(moment)
    if 0 < age < 7:
        return _(_SHORT_WEEKDAYS[moment.weekday()])
    month = _(_SHORT_MONTHS[moment.month - 1])
    if moment.year == now.year:
        return _("{day} {month}").format(day=moment.day, month=month)
    return _("{day} {month} {year}").format(day=moment.day, month=month, year=moment.year)


def several(names: Sequence[str], limit: int = 3, you: bool = False) -> str:
    """`“Li”`, `“Li” and “Wang”`, `“Li”, “Wang” and 4 others`; `you` comes first, where the person
    is one of them besides."""
    names = [_("you")] * you + list(map(quoted, names))
    left = len(names) - limit
    if not left > 0 and len(names) < 2:
        return "".join(names)
    first, *others = names[:limit] if left > 0 else names[:-1]
    for name in others:
        first = _("{names}, {next}").format(names=first, next=name)
    if left > 0:
        return ngettext(
            "{names} and {number} other", "{names} and {number} others", left, names=first
        )
    return _("{names} and {last}").format(names=first, last=names[-1])


def status(status: Status) -> str:
    return _(_STATUSES[status])


def own_statuses() -> dict[Status, str]:
    """Those that one chooses among, as they stand in a list."""
    return {status: _(text) for status, text in _OWN_STATUSES.items()}


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
        return _("{number} s").format(number=max(1, round(seconds)))
    if seconds < 57.5:
        return _("{number} s").format(number=5 * round(seconds / 5))
    minutes = max(1, round(seconds / 60))
    if minutes < 60:
        return _("{number} min").format(number=minutes)
    hours, minutes = divmod(minutes, 60)
    if minutes and hours < 10:
        return _("{hours} h {minutes} min").format(hours=hours, minutes=minutes)
    return _("{number} h").format(number=hours)


@lru_cache(4096)
def initials(label: str) -> str:
    """One or two characters for a person without a picture: `Maria Lopez` is ML, 王小明 is 小明;
    the first emoji, where there is nothing to read."""
    name = safe_name(label)
    words = [word for word in name.replace("_", " ").split() if word[0].isalnum()]
    if not words:
        return next((one.chars for _, _, one in emoji.find(name)), "?")
    first = words[0]
    if first[0] >= "\u2e80":
        return first[-2:] if len(first) > 1 else first
    if len(words) > 1 and words[1][0].isalpha() and words[1][0] < "\u2e80":
        return (first[0] + words[1][0]).upper()
    return first[0].upper()


def hue(identity: str, hues: int) -> int:
    """Which of `hues` colours stands for a person or room: the same on every node."""
    return zlib.crc32(identity.encode()) % hues
