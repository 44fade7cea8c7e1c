"""The calendar over a conversation: its months, its keys, and where it leads."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import pytest
from paper_node import PaperNode, make_peer, peer_id
from paper_runner import PaperRunner

from p2pchat.model.ids import MessageId
from p2pchat.ui import language
from p2pchat.ui.presenters.calendar import FIRST, CalendarPresenter
from p2pchat.ui.presenters.conversation import ConversationPresenter
from p2pchat.ui.presenters.directory import Directory
from p2pchat.ui.presenters.loaded import PAGE
from p2pchat.ui.presenters.timeline import Row

LI = peer_id("a")


class FakeView:
    def __init__(self) -> None:
        self.shown: MessageId | None = None

    def reset(self, rows: Sequence[Row], show: MessageId | None) -> None:
        self.shown = show

    def reveal(self, message_id: MessageId | None) -> None:
        self.shown = message_id

    def splice(self, at: int, removed: int, rows: Sequence[Row]) -> None: ...

    def refresh(self) -> None: ...


class Desk:
    def __init__(self) -> None:
        self.node, self.runner, self.view = PaperNode(), PaperRunner(), FakeView()
        self.node.add_peer(make_peer("a", "Li"))
        directory = Directory(self.node, self.runner)
        directory.load()
        self.conversation = ConversationPresenter(
            self.node, self.runner, directory, self.view, self.runner.clock
        )
        self.calendar = CalendarPresenter(
            self.node, self.runner, self.conversation, self.runner.clock
        )

    def open(self, conversation: str = "#lobby") -> None:
        self.conversation.open(conversation)
        self.runner.settle()

    def go(self, day: date) -> MessageId | None:
        self.calendar.day = day
        self.calendar.go()
        self.runner.settle()
        return self.view.shown


@pytest.fixture
def desk() -> Desk:
    return Desk()


def noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12).astimezone(UTC)


def test_a_month_by_weeks(desk: Desk) -> None:
    desk.calendar.day = date(2024, 2, 29)
    weeks = desk.calendar.days()
    assert [len(week) for week in weeks] == [7] * 5
    assert weeks[0] == [None, None, None, *(date(2024, 2, day) for day in range(1, 5))]
    assert weeks[-1][3] == date(2024, 2, 29)
    assert weeks[-1][4:] == [None, None, None]
    assert desk.calendar.title == "February 2024"
    language.use("zh_CN")
    assert desk.calendar.title == "2024年2月"
    language.use("en")


def test_keys_stay_within_what_there_can_be(desk: Desk) -> None:
    calendar = desk.calendar
    calendar.begin(None)
    assert calendar.day == calendar.today
    calendar.step(1)
    calendar.turn(12)
    assert calendar.day == calendar.today
    calendar.day = date(2024, 3, 31)
    calendar.turn(-1)
    assert calendar.day == date(2024, 2, 29)
    calendar.step(-29)
    assert calendar.day == date(2024, 1, 31)
    calendar.day = FIRST
    calendar.step(-1)
    calendar.turn(-1)
    assert calendar.day == FIRST


def test_leads_to_the_first_of_a_day_or_the_next_there_is(desk: Desk) -> None:
    today = desk.calendar.today
    days = [today - timedelta(number) for number in (90, 60, 60, 10)]
    ids = [desk.node.say("#lobby", "x", LI, at=noon(day)).message_id for day in days]
    for _ in range(PAGE):  # the days before aren't loaded
        desk.node.say("#lobby", "y", LI, at=noon(days[-1]))
    desk.open()
    assert desk.conversation.message(ids[1]) is None
    assert desk.go(days[1]) == ids[1]
    assert desk.conversation.message(ids[2]) is not None
    assert desk.go(days[1] + timedelta(1)) == ids[3]
    assert desk.go(date(1999, 1, 1)) == ids[0]
    assert desk.go(today) is None, "the end, where nothing was written since"
    assert not desk.conversation.behind
    desk.go(days[1])
    desk.calendar.begin(ids[2])
    assert desk.calendar.day == days[2]


def test_what_is_found_too_late_isnt_shown_in_another_conversation(desk: Desk) -> None:
    desk.node.say("#lobby", "here", LI)
    desk.node.say(f"@{LI}", "there", LI)
    desk.open()
    desk.calendar.begin(None)
    desk.calendar.go()
    desk.open(f"@{LI}")
    assert desk.view.shown is None
