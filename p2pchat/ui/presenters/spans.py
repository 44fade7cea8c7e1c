"""Spans of time as people name them: today, the last seven days, from then to then."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum

from p2pchat.errors import BadParams
from p2pchat.ui.language import N_, _

_DAY = "%Y-%m-%d"
_MINUTE = "%Y-%m-%d %H:%M"


class Usual(Enum):
    TODAY = N_("Today")
    YESTERDAY = N_("Yesterday")
    WEEK = N_("The last 7 days")
    MONTH = N_("The last 30 days")
    ALL = N_("All of it")


@dataclass(frozen=True, slots=True)
class Span:
    """In this machine's time; None: without an end on that side."""

    since: datetime | None
    until: datetime | None

    @property
    def rfc3339(self) -> tuple[str | None, str | None]:
        """As the node takes it."""
        return _utc(self.since), _utc(self.until)

    @property
    def texts(self) -> tuple[str, str]:
        """As `read_span` takes them."""
        return _text(self.since), _text(self.until)

    @property
    def one_day(self) -> bool:
        """Whether a time of day says enough."""
        if self.since is None or self.until is None:
            return False
        return self.since.date() == self.until.date()


def usual(which: Usual, now: datetime) -> Span:
    """As of `now`, which has a zone."""
    day = timedelta(days=1)
    today = _midnight(now)
    end = _last(today)
    match which:
        case Usual.TODAY:
            return Span(today, end)
        case Usual.YESTERDAY:
            before = _midnight(today - day / 2)
            return Span(before, _last(before))
        case Usual.WEEK:
            return Span(_midnight(today - 6 * day + day / 2), end)
        case Usual.MONTH:
            return Span(_midnight(today - 29 * day + day / 2), end)
        case Usual.ALL:
            return Span(None, None)


def read_span(since: str, until: str) -> Span:
    """`2026-03-16`, `2026-03-16 09:30`, or nothing; of a day the whole. BadParams."""
    begin, end = _read(since, False), _read(until, True)
    if begin is not None and end is not None and begin > end:
        raise BadParams(_("The span ends before it begins."))
    return Span(begin, end)


def _read(text: str, last: bool) -> datetime | None:
    text = " ".join(text.replace("T", " ").split())
    if not text:
        return None
    for form in (_MINUTE, _DAY):
        try:
            moment = datetime.strptime(text, form).astimezone()
            return _last(moment) if last and form == _DAY else moment
        except (ValueError, OverflowError, OSError):
            continue
    raise BadParams(
        _("Write a day, such as {day}, or a time, such as {time}.").format(
            day="2026-03-16", time="2026-03-16 09:30"
        )
    )


def _midnight(moment: datetime) -> datetime:
    """The beginning of its day, which needn't be 24 hours long."""
    return moment.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None).astimezone()


def _last(moment: datetime) -> datetime:
    return moment.replace(hour=23, minute=59, second=59, tzinfo=None).astimezone()


def _text(moment: datetime | None) -> str:
    return f"{moment:{_MINUTE}}" if moment else ""


def _utc(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat()
