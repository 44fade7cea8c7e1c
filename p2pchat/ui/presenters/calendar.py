"""A calendar that leads to a day of the conversation: a month at a time."""

from __future__ import annotations

from calendar import Calendar, monthrange
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

from p2pchat.model.ids import MessageId
from p2pchat.node.api import NodeApi
from p2pchat.ui.presenters import words
from p2pchat.ui.presenters.conversation import ConversationPresenter
from p2pchat.ui.presenters.runner import Runner

FIRST = date(1970, 1, 2)
"""In every zone after the first moment that a message can name."""


class CalendarPresenter:
    """Weeks begin on Monday."""

    def __init__(
        self,
        node: NodeApi,
        runner: Runner,
        conversation: ConversationPresenter,
        now: Callable[[], datetime],
    ) -> None:
        self._node = node
        self._runner = runner
        self._conversation = conversation
        self._now = now
        self.day = self.today
        """That keys are on; its month is shown."""

    @property
    def today(self) -> date:
        """The last that one can go to."""
        return self._now().date()

    @property
    def title(self) -> str:
        return words.month(self.day)

    def days(self) -> list[list[date | None]]:
        """Of the month, by week; None where a week has days of another."""
        weeks = Calendar().monthdatescalendar(self.day.year, self.day.month)
        return [[d if d.month == self.day.month else None for d in week] for week in weeks]

    def begin(self, message_id: MessageId | None) -> None:
        """At the day of a message, or today."""
        message = self._conversation.message(message_id) if message_id else None
        at = words.local_time(message.sent_at) if message else None
        self._to(at.date() if at else self.today)

    def step(self, days: int) -> None:
        if FIRST.toordinal() <= self.day.toordinal() + days:
            self._to(self.day + timedelta(days))

    def turn(self, months: int) -> None:
        """To the same day of another month, or its last."""
        year, month = divmod(self.day.year * 12 + self.day.month - 1 + months, 12)
        if year >= FIRST.year:
            self._to(date(year, month + 1, min(self.day.day, monthrange(year, month + 1)[1])))

    def _to(self, day: date) -> None:
        self.day = min(max(day, FIRST), self.today)

    def go(self) -> None:
        """Bring the first message of the day into view, or the next that there is; the end, where
        nothing was written since."""
        name = self._conversation.name
        begins = datetime(self.day.year, self.day.month, self.day.day).astimezone(UTC)

        def show(found: MessageId | None) -> None:
            if name == self._conversation.name:
                if found is None:
                    self._conversation.to_end()
                else:
                    self._conversation.show(found)

        self._runner.call(lambda: self._node.message_since(name, begins.isoformat()), show)
