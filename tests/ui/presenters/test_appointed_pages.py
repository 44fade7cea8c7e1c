"""Announcements above everything and on their page, and the register of attendance. Without a
display."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace
from paper_node import LI, ME, PaperNode, make_peer, peer_id
from paper_runner import PaperRunner

from p2pchat.errors import BadParams, RequestError
from p2pchat.events import (
    AccountRenamed,
    Announced,
    AnnouncementChanged,
    PeerOffline,
    RegistrarChanged,
)
from p2pchat.model.accounts import Announcement, AnnouncementDraft, Stay
from p2pchat.model.people import Status
from p2pchat.ui.presenters.announcements import AnnouncementsPresenter, AnnouncementsState
from p2pchat.ui.presenters.attendance import AttendancePresenter, AttendanceState
from p2pchat.ui.presenters.bulletins import Bulletin, BulletinsPresenter
from p2pchat.ui.presenters.directory import Directory
from p2pchat.ui.presenters.marks import Mark
from p2pchat.ui.presenters.network import NetworkPresenter, Verdict
from p2pchat.ui.presenters.spans import Usual, read_span, usual
from p2pchat.ui.presenters.status import Notice, StatusPresenter

WANG, ZOE = peer_id("w"), peer_id("z")


def notice(number: int, text: str = "Books away", room: str | None = None) -> Announcement:
    return Announcement(f"{number:064x}", LI, "Li", room, text, "2026-03-16T08:00:00.000Z", ())


class Class:
    def __init__(self) -> None:
        self.node = PaperNode("Maria")
        self.node.add_peer(make_peer("b", "Li", account=LI))
        self.node.add_peer(make_peer("w", "Wang"))
        self.node.add_peer(make_peer("z", "Zoë", Status.OFFLINE))
        self.accounts = self.node.accounts
        self.runner = PaperRunner()
        self.directory = Directory(self.node, self.runner)
        self.directory.load()
        self.runner.settle()
        self.shown: list[tuple[Bulletin | None, int]] = []
        self.states: list[AnnouncementsState] = []
        self.registers: list[AttendanceState] = []
        self.sent = 0

    def appoint(self) -> None:
        self.accounts.leads = replace(self.accounts.leads, appointed=True)
        self.directory.events([RegistrarChanged(self.accounts.leads)])

    def show_bulletin(self, bulletin: Bulletin | None, more: int) -> None:
        self.shown.append((bulletin, more))

    def show_announcements(self, state: AnnouncementsState) -> None:
        self.states.append(state)

    def announced(self) -> None:
        self.sent += 1

    def show_attendance(self, state: AttendanceState) -> None:
        self.registers.append(state)

    def bulletins(self) -> BulletinsPresenter:
        runner = self.runner
        return BulletinsPresenter(self.node, runner, self.directory, self, runner.clock)

    def page(self) -> AnnouncementsPresenter:
        made = AnnouncementsPresenter(self.node, self.runner, self.directory, self.runner.clock)
        made.open(self)
        self.runner.settle()
        return made

    def register(self) -> AttendancePresenter:
        made = AttendancePresenter(self.node, self.runner, self.directory, self.runner.clock)
        made.open(self)
        self.runner.settle()
        return made


# -- above everything


def test_an_announcement_stands_there_until_it_is_dismissed() -> None:
    school = Class()
    band = school.bulletins()
    band.events([Announced(notice(1, "Books\naway")), Announced(notice(2, "Room 204", "#lobby"))])
    first, more = school.shown[-1]
    assert first is not None
    assert (first.title, first.text, more) == ("Li", "Books\naway", 1)
    assert first.detail.startswith("announces to everyone · ")
    assert first.marks == (Mark.REGISTERED,)
    school.runner.advance(60_000)
    assert school.accounts.seen == [], "nobody sat there"
    band.dismiss()
    school.runner.settle()
    assert school.accounts.seen == [notice(1).announcement_id]
    second, more = school.shown[-1]
    assert second is not None
    assert (second.text, more) == ("Room 204", 0)
    assert second.detail.startswith("announces to #lobby · ")
    band.dismiss()
    band.dismiss()
    school.runner.settle()
    assert school.shown[-1] == (None, 0)
    assert len(school.accounts.seen) == 2


def test_it_is_seen_once_it_has_stood_before_somebody() -> None:
    school = Class()
    band = school.bulletins()
    band.events([Announced(notice(1))])
    band.set_active(True)
    school.runner.advance(1000)
    band.set_active(False)
    school.runner.advance(60_000)
    assert school.accounts.seen == []
    band.set_active(True)
    school.runner.advance(3000)
    assert school.accounts.seen == [notice(1).announcement_id]
    band.dismiss()
    school.runner.settle()
    assert len(school.accounts.seen) == 1, "said once"


def test_whoever_signs_in_next_has_seen_nothing_yet() -> None:
    school = Class()
    band = school.bulletins()
    one, other = notice(1), notice(2, "Room 204")
    school.accounts.told = [other, one]
    band.events([Announced(one), Announced(other)])
    band.dismiss()
    school.runner.settle()
    assert school.accounts.seen == [one.announcement_id]
    school.node.me = replace(school.node.me, peer_id=ZOE)
    band.renewed()
    school.runner.settle()
    band.events([Announced(one)])
    shown, more = school.shown[-1]
    assert shown is not None
    assert (shown.text, more) == ("Books away", 1)
    band.dismiss()
    school.runner.settle()
    assert school.accounts.seen == [one.announcement_id] * 2


def test_a_long_text_is_cut_there() -> None:
    school = Class()
    school.bulletins().events([Announced(notice(1, "\n".join("abcdefghij")))])
    first = school.shown[-1][0]
    assert first is not None
    assert first.text == "a\nb\nc\nd\ne\nf …"


@pytest.mark.parametrize(
    ("why", "said"), [("name-taken", "the other one keeps it"), ("released", "has released")]
)
def test_who_is_renamed_cannot_miss_it(why: str, said: str) -> None:
    school = Class()
    band = school.bulletins()
    school.node.me = replace(school.node.me, name="Maria_2", account=ME)
    events = [AccountRenamed(ME, "Maria", "Maria_2", why), AccountRenamed(LI, "Li", "Li_2", why)]
    school.directory.events(events)
    band.events(events)
    school.runner.settle()
    (told, more) = school.shown[-1]
    assert told is not None
    assert more == 0, "others' stand in the line below"
    assert told.title == "Your account is called “Maria_2” now"
    assert said in told.text
    assert "Sign in as “Maria_2” from now on" in told.text
    assert school.directory.labels[ME] == "Maria_2"
    band.renewed()
    assert school.shown[-1] == (None, 0)


# -- the page of announcements


def test_who_has_seen_it_and_who_of_those_here_has_not() -> None:
    school = Class()
    one = replace(notice(1), seen_by=(WANG,))
    school.accounts.told = [one]
    page = school.page()
    (row,) = school.states[-1].rows
    assert (row.author, row.seen, row.missing) == ("Li", "“Wang”", "“Maria”")
    assert row.count == "1 person has seen it, 1 of those who are here haven't"
    assert school.accounts.seen == [], "nobody sits there"
    page.set_active(True)
    school.runner.settle()
    assert school.accounts.seen == [one.announcement_id], "by looking at the page"
    school.accounts.told = [replace(one, seen_by=(WANG, ME, ZOE))]
    page.events([AnnouncementChanged(school.accounts.told[0])])
    school.runner.advance(1000)
    (row,) = school.states[-1].rows
    assert (row.seen, row.missing) == ("“Maria”, “Wang” and “Zoë”", "")
    assert row.count == "3 people have seen it, all who are here"
    school.accounts.told = [one]
    gone = replace(school.node.people[WANG], status=Status.OFFLINE)
    school.node.people[WANG] = gone
    school.directory.events([PeerOffline(gone)])
    page.events([PeerOffline(gone)])
    school.runner.advance(1000)
    assert school.states[-1].rows[0].seen == "“Wang”"
    page.close()
    before = len(school.states)
    page.events([PeerOffline(gone)])
    school.runner.advance(1000)
    assert len(school.states) == before


def test_of_a_rooms_announcement_only_its_members_are_missing() -> None:
    school = Class()
    school.accounts.told = [notice(1, room="#gone"), notice(2, room="#lobby")]
    school.page()
    gone, here = school.states[-1].rows
    assert gone.missing == ""
    assert here.missing == "“Maria” and “Wang”"


def test_only_the_appointed_writes_one_and_is_told_why_not() -> None:
    school = Class()
    page = school.page()
    assert not school.states[-1].may_announce
    school.appoint()
    page.events([RegistrarChanged(school.accounts.leads)])
    school.runner.advance(1000)
    assert school.states[-1].may_announce
    assert school.states[-1].places == (("", "everyone"), ("#lobby", "#lobby"))
    page.announce("Room 204", "#lobby")
    assert school.states[-1].busy
    school.runner.settle()
    assert school.sent == 1
    assert (school.states[-1].busy, school.states[-1].error) == (False, "")
    (row,) = school.states[-1].rows
    assert row.text == "Room 204"
    assert row.count == "Nobody has seen it yet"
    school.accounts.leads = replace(school.accounts.leads, appointed=False)
    page.announce("no", "")
    school.runner.settle()
    assert school.states[-1].error == "Only the appointed can announce something."
    assert school.sent == 1


def test_what_is_begun_is_kept_with_each_letter() -> None:
    school = Class()
    school.appoint()
    page = school.page()
    assert school.states[-1].draft == AnnouncementDraft()
    for text in ("B", "Bo", "Bo"):
        page.typed(text, "#lobby")
    school.runner.settle()
    assert school.accounts.draft == AnnouncementDraft("Bo", "#lobby")
    page.close()
    page.open(school)
    school.runner.settle()
    assert school.states[-1].draft == AnnouncementDraft("Bo", "#lobby")
    school.accounts.refusal = RequestError("disk-full")
    page.typed("Boo", "")
    school.runner.settle()
    school.accounts.refusal = None
    page.typed("Boo", "")
    school.runner.settle()
    assert school.accounts.draft == AnnouncementDraft("Boo"), "what was refused is tried again"
    page.announce("Boo", "")
    school.runner.settle()
    assert school.accounts.draft == AnnouncementDraft()


def test_many_names_and_long_texts_are_folded() -> None:
    school = Class()
    for number in range(40):
        school.node.add_peer(replace(make_peer("a", f"P{number:02}"), peer_id=f"{number:032}"))
    school.directory.load()
    school.accounts.told = [notice(number) for number in range(45)]
    page = school.page()
    state = school.states[-1]
    assert (len(state.rows), state.older) == (30, 15)
    assert state.rows[0].folded
    assert "others" in state.rows[0].missing
    page.toggle(state.rows[0].announcement_id)
    assert "others" not in school.states[-1].rows[0].missing
    page.older()
    assert (len(school.states[-1].rows), school.states[-1].older) == (45, 0)


# -- the register


def test_the_register_of_today_and_of_other_days() -> None:
    school = Class()
    school.register()
    assert not school.registers[-1].may_read
    assert school.accounts.asked == []
    school.appoint()
    now = school.runner.clock()
    came = now.replace(hour=0, minute=1)
    stay = Stay("Li", LI, LI, came.astimezone(UTC).isoformat(), None)
    left = (came + timedelta(minutes=90)).astimezone(UTC).isoformat()
    school.accounts.stays = [stay, Stay("Wang", WANG, None, stay.came, left)]
    page = school.register()
    state = school.registers[-1]
    assert (state.may_read, state.chosen, state.summary) == (True, Usual.TODAY, "2 people")
    first, second = state.rows
    assert (first.label, first.marks, first.here) == ("Li", (Mark.REGISTERED,), True)
    assert (second.marks, second.came, second.left) == ((), f"{came:%H:%M}", "01:31")
    assert second.lasted == "1 h 30 min"
    since, until = school.accounts.asked[-1]
    assert since is not None
    assert until is not None
    assert datetime.fromisoformat(since) == now.replace(hour=0, minute=0, second=0, microsecond=0)
    page.choose(Usual.ALL)
    school.runner.settle()
    assert school.accounts.asked[-1] == (None, None)
    assert school.registers[-1].rows[0].came == f"{came:%Y-%m-%d %H:%M}"
    asked = len(school.accounts.asked)
    school.runner.advance(11_000)
    assert len(school.accounts.asked) == asked + 2, "it is kept true while it is shown"
    page.close()
    school.runner.advance(11_000)
    assert len(school.accounts.asked) == asked + 2


def test_who_comes_is_in_the_register_at_once() -> None:
    school = Class()
    school.appoint()
    page = school.register()
    school.runner.advance(1000)
    asked = len(school.accounts.asked)
    school.directory.events([PeerOffline(replace(school.node.people[LI], status=Status.OFFLINE))])
    school.runner.advance(1000)
    assert len(school.accounts.asked) == asked + 1
    page.close()


def test_a_span_of_ones_own() -> None:
    school = Class()
    school.appoint()
    page = school.register()
    page.set_span("2026-03-01", "2026-03-02 12:30")
    school.runner.settle()
    state = school.registers[-1]
    assert (state.chosen, state.since, state.until) == (
        None,
        "2026-03-01 00:00",
        "2026-03-02 12:30",
    )
    assert page.file_name() == "attendance 2026-03-01 2026-03-02.csv"
    page.set_span("soon", "")
    assert "Write a day" in school.registers[-1].error
    page.set_span("2026-03-02", "2026-03-01")
    assert school.registers[-1].error == "The span ends before it begins."


def test_it_is_said_where_it_was_written_or_why_not(tmp_path: Path) -> None:
    school = Class()
    school.appoint()
    page = school.register()
    path = str(tmp_path / page.file_name())
    page.export(path)
    school.runner.settle()
    assert school.registers[-1].done == f"Written to {path}"
    written, since, until, replaced, spreadsheet = school.accounts.exported[-1]
    assert (written, replaced, spreadsheet) == (path, True, True)
    assert (since, until) == school.accounts.asked[-1]
    school.accounts.refusal = RequestError("disk-full")
    page.export(path)
    school.runner.settle()
    state = school.registers[-1]
    assert (state.done, state.error) == ("", "The disk is full. Nothing was saved.")


def test_spans_as_people_name_them() -> None:
    now = datetime(2026, 3, 16, 9, 0).astimezone()
    assert usual(Usual.TODAY, now).texts == ("2026-03-16 00:00", "2026-03-16 23:59")
    assert usual(Usual.YESTERDAY, now).texts == ("2026-03-15 00:00", "2026-03-15 23:59")
    assert usual(Usual.WEEK, now).texts == ("2026-03-10 00:00", "2026-03-16 23:59")
    assert usual(Usual.MONTH, now).texts == ("2026-02-15 00:00", "2026-03-16 23:59")
    assert usual(Usual.ALL, now).texts == ("", "")
    assert usual(Usual.TODAY, now).one_day
    assert read_span("2026-03-16", "2026-03-16").texts == usual(Usual.TODAY, now).texts
    assert read_span(" 2026-03-16T09:30 ", "").texts == ("2026-03-16 09:30", "")
    for wrong in ("16.3.2026", "2026-02-30", "2026-03-16 25:00", "9" * 500):
        with pytest.raises(BadParams):
            read_span(wrong, "")


# -- everyone is shown who keeps a register


@pytest.fixture
def behind_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "America/New_York")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("behind_utc")
@pytest.mark.parametrize("text", ["9999-12-31", "9999-12-31 23:30"])
def test_a_time_that_no_clock_shows_is_none(text: str) -> None:
    with pytest.raises(BadParams):
        read_span("", text)


def test_who_keeps_a_register_stands_at_the_bottom() -> None:
    school = Class()
    details: list[tuple[str, str]] = []

    class View:
        def show_status(self, text: str, detail: str, aside: str, verdict: Verdict) -> None:
            details.append((detail, aside))

        def show_notice(self, notice: Notice | None, more: int) -> None: ...

    status = StatusPresenter(school.directory, View())
    network = NetworkPresenter(school.node, school.runner, school.directory, status.network_changed)
    school.runner.call(school.node.info, network.opened)
    school.runner.settle()
    assert details[-1] == ("", "Network lan, port 27474")
    school.node.people[LI] = replace(school.node.people[LI], keeps_register=True)
    school.directory.load()
    school.runner.settle()
    assert details[-1] == ("Attendance is kept by “Li®”", "Network lan, port 27474")
    school.register()
    assert school.registers[-1].kept_by == (
        "“Li®” keeps a register of who is here, from when to when."
    )
    school.appoint()
    assert details[-1][0] == "Attendance is kept here"
