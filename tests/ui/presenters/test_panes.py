"""The list, the entry, the small pages, search, the status line, and the window as a whole."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest
from paper_node import ME, PaperNode, make_peer, peer_id
from paper_runner import PaperOpener, PaperRunner, finished

from p2pchat.config.limits import PORT
from p2pchat.errors import P2PChatError, RequestError
from p2pchat.events import (
    RUNS_TWICE,
    ConversationChanged,
    Event,
    PeerOffline,
    PeerOnline,
    ProfileRenewed,
    RoomChanged,
    Typing,
    Warned,
)
from p2pchat.model.ids import MessageId
from p2pchat.model.message import Draft
from p2pchat.model.people import Peer, Status
from p2pchat.ui.presenters.about import PersonCard, RoomCard, room_card
from p2pchat.ui.presenters.bulletins import Bulletin
from p2pchat.ui.presenters.composer import Mode
from p2pchat.ui.presenters.dialogs import (
    ConnectPresenter,
    DeleteProfilePresenter,
    FirstStartPresenter,
    RoomPresenter,
    SomeoneElsePresenter,
    address_problem,
    room_problem,
)
from p2pchat.ui.presenters.directory import heading
from p2pchat.ui.presenters.filecard import FileCard
from p2pchat.ui.presenters.main import MainPresenter
from p2pchat.ui.presenters.marks import Mark
from p2pchat.ui.presenters.network import Verdict
from p2pchat.ui.presenters.search import EXCERPT, Hit, SearchPresenter, excerpt
from p2pchat.ui.presenters.sidebar import SidebarRow
from p2pchat.ui.presenters.status import NOTICES, Notice
from p2pchat.ui.presenters.timeline import Row

LI, WANG = peer_id("a"), peer_id("b")
DIRECT = f"@{LI}"


class FakeViews:
    """All parts of the window, which remember what they were told."""

    def __init__(self) -> None:
        self.list: Sequence[SidebarRow] = ()
        self.rows: list[Row] = []
        self.entry = ""
        self.said = ("", "", "", Verdict.WARN)
        self.notice: Notice | None = None
        self.more_notices = 0
        self.theme = ""
        self.me = ("", 0)
        self.asked = ""
        self.error = ""
        self.wrong: int | None = None
        self.busy = False
        self.closed = False
        self.hits: Sequence[Hit] = ()
        self.hit_words = ""
        self.focused = 0
        self.forgotten = 0

    @property
    def sidebar(self) -> FakeViews:
        return self

    conversation = composer = status = files = about = bulletin = sidebar

    def show_person(self, card: PersonCard) -> None:
        self.card: PersonCard | RoomCard = card

    def show_room(self, card: RoomCard) -> None:
        self.card = card

    def show_conversation(self, conversation: str) -> None: ...

    def show_transfers_summary(self, text: str) -> None:
        self.transfers = text

    def show_file(self, card: FileCard) -> None: ...

    def show_reading(self) -> None: ...

    def show(self, rows: Sequence[SidebarRow]) -> None:
        self.list = rows

    def reset(self, rows: Sequence[Row], show: MessageId | None) -> None:
        self.rows = list(rows)

    def reveal(self, message_id: MessageId | None) -> None: ...

    def splice(self, at: int, removed: int, rows: Sequence[Row]) -> None:
        self.rows[at : at + removed] = rows

    def refresh(self) -> None: ...

    def text(self) -> str:
        return self.entry

    def set_text(self, text: str) -> None:
        self.entry = text

    def focus(self) -> None:
        self.focused += 1

    def insert(self, char: str) -> None:
        self.entry += char

    def show_status(self, text: str, detail: str, aside: str, verdict: Verdict) -> None:
        self.said = (text, detail, aside, verdict)

    def show_notice(self, notice: Notice | None, more: int) -> None:
        self.notice, self.more_notices = notice, more

    def show_bulletin(self, bulletin: Bulletin | None, more: int) -> None:
        self.above = bulletin

    def forget(self) -> None:
        self.forgotten += 1

    def set_language(self, language: str) -> None:
        self.language = language

    def set_theme(self, theme: str) -> None:
        self.theme = theme

    def show_me(self, name: str, unread: int) -> None:
        self.me = (name, unread)

    def ask_password(self, room: str) -> None:
        self.asked = room

    def show_error(self, text: str, field: int | None = None) -> None:
        self.error, self.wrong = text, field if text else None

    def set_busy(self, busy: bool) -> None:
        self.busy = busy

    def close(self) -> None:
        self.closed = True

    def show_hits(self, hits: Sequence[Hit], words: str) -> None:
        self.hits, self.hit_words = hits, words


class Window:
    def __init__(self, node: PaperNode | None = None) -> None:
        self.node = node or PaperNode()
        self.node.add_peer(make_peer("a", "Li"))
        self.node.add_peer(make_peer("b", "Wang", Status.OFFLINE))
        self.runner = PaperRunner()
        self.view = FakeViews()
        self.opener = PaperOpener()
        self.main = MainPresenter(self.node, self.runner, self.view, self.opener, self.runner.clock)
        self.node.subscribe(self.take)

    def take(self, events: Sequence[Event]) -> None:
        self.main.events(events)
        self.main.flush()
        self.runner.settle()

    def start(self) -> Window:
        self.main.start()
        self.runner.advance(1000)
        return self

    def status(self) -> Status:
        return self.node.me.status

    def row(self, conversation: str) -> SidebarRow:
        return next(row for row in self.view.list if row.conversation == conversation)


@pytest.fixture
def window() -> Window:
    return Window()


# -- the whole


def test_the_start_opens_the_lobby_with_the_focus_in_the_entry(window: Window) -> None:
    window.node.current = msgspec.structs.replace(window.node.current, theme="dark")
    window.start()
    assert window.main.conversation.name == "#lobby"
    assert window.view.focused > 0
    assert window.view.theme == "dark"
    assert window.view.me == ("Me", 0)


def test_a_click_on_a_person_opens_the_direct_conversation(window: Window) -> None:
    window.start().main.open(DIRECT)
    window.runner.settle()
    window.view.entry = "hello"
    window.main.composer.submit()
    window.runner.settle()
    assert window.node.named("send") == [("send", DIRECT, "hello", None)]
    assert [row.text for row in window.view.rows] == ["hello"]
    assert window.row(DIRECT).selected


def test_a_room_that_is_not_joined_is_joined_first(window: Window) -> None:
    window.node.passwords |= {"#maths": None, "#board": "secret"}
    window.start().main.open("#maths")
    window.runner.advance(1000)
    assert window.node.named("join_room") == [("join_room", "#maths", None)]
    assert window.main.conversation.name == "#maths"
    window.main.open("#board")
    window.runner.settle()
    assert window.view.asked == "#board"
    assert window.main.conversation.name == "#maths"


def test_leaving_a_room_goes_back_to_the_lobby(window: Window) -> None:
    window.node.passwords["#maths"] = None
    window.start().main.open("#maths")
    window.runner.advance(1000)
    window.main.leave("#maths")
    window.runner.advance(1000)
    assert window.main.conversation.name == "#lobby"
    assert not window.row("#maths").joined


def test_lost_events_are_made_up_for(window: Window) -> None:
    window.start()
    window.node.say("#lobby", "never told", LI)
    window.main.reload()
    window.runner.advance(1000)
    assert [row.text for row in window.view.rows] == ["never told"]


def test_stepping_through_the_list(window: Window) -> None:
    window.start().main.step(1)
    window.runner.settle()
    assert window.main.conversation.name == DIRECT
    window.main.step(-1)
    window.runner.settle()
    assert window.main.conversation.name == "#lobby"


# -- the list


def test_rooms_then_people_the_present_ones_first(window: Window) -> None:
    window.start()
    names = [row.conversation or row.title for row in window.view.list]
    assert names == ["Rooms", "#lobby", "People", DIRECT, f"@{WANG}"]


def test_rooms_that_others_make_push_nobody_out_of_sight(window: Window) -> None:
    window.node.passwords |= {f"#room-{number:02}": None for number in range(60)}
    window.start()
    names = [row.conversation or row.title for row in window.view.list]
    assert names[:7] == ["Rooms", "#lobby", "People", DIRECT, f"@{WANG}", "Other rooms", "#room-00"]
    assert len(names) == 6 + 60


def test_unread_counts_and_the_last_message(window: Window) -> None:
    window.start()
    window.node.receive(DIRECT, "are you\nthere?", LI)
    window.runner.advance(1000)
    row = window.row(DIRECT)
    assert (row.unread, row.subtitle) == (1, "are you there?")
    assert window.view.me == ("Me", 1)
    window.main.conversation.set_active(True)
    window.main.open(DIRECT)
    window.main.conversation.overlooked(False)
    window.runner.advance(1000)
    assert window.row(DIRECT).unread == 0


def test_a_muted_conversation_does_not_count(window: Window) -> None:
    window.start().main.mute(DIRECT, True)
    window.node.receive(DIRECT, "hello?", LI)
    window.runner.advance(1000)
    assert window.row(DIRECT).muted
    assert window.view.me == ("Me", 0)


def test_presence_follows_events(window: Window) -> None:
    window.start()
    gone = make_peer("a", "Li", Status.OFFLINE)
    window.node.emit(PeerOffline(gone))
    assert window.row(DIRECT).status == Status.OFFLINE
    window.node.emit(PeerOnline(make_peer("c", "Zo\u202eë\n")))
    assert window.row(f"@{peer_id('c')}").title == "Zoë"


def test_the_filter_and_its_first_hit(window: Window) -> None:
    window.start().main.sidebar.filter("wan")
    assert window.main.sidebar.first() == f"@{WANG}"
    assert [row.title for row in window.view.list] == ["People", "Wang"]
    window.main.sidebar.filter("somebody else")
    assert [(row.title, row.conversation) for row in window.view.list] == [("Nothing found.", "")]
    assert window.main.sidebar.first() == ""


def test_a_room_that_looks_like_another_says_so(window: Window) -> None:
    fake = "#l\u043ebby"
    window.node.passwords[fake] = None
    window.node.looks_like[fake] = "#lobby"
    directory = window.start().main.directory
    assert window.row(fake).marks == (Mark.ALIKE,)
    assert window.row("#lobby").marks == ()
    said = "This isn't #lobby, its name only looks like that."
    assert heading(directory, fake) == (fake, f"{said} 1 person")
    card = room_card(directory, fake, ())
    assert card is not None
    assert card.about.startswith(said)


def test_a_burst_asks_for_the_lists_rarely(window: Window) -> None:
    window.start()
    asked = len(window.node.named("conversations"))
    for _ in range(500):
        window.main.events([ConversationChanged("#lobby")])
    window.runner.advance(1000)
    assert len(window.node.named("conversations")) == asked + 1


def test_headings(window: Window) -> None:
    window.node.add_peer(make_peer("c", "Li", warning="Looks like Li, whom you know."))
    window.start()
    directory = window.main.directory
    assert heading(directory, "#lobby") == ("#lobby", "1 person")
    assert heading(directory, f"@{WANG}")[1].startswith("offline")
    assert heading(directory, f"@{peer_id('c')}")[1] == "Looks like Li, whom you know."


# -- the entry


def test_drafts_are_kept_by_conversation(window: Window) -> None:
    window.start()
    window.view.entry = "half a sent"
    window.main.open(DIRECT)
    window.runner.settle()
    assert window.view.entry == ""
    assert window.node.drafts["#lobby"] == Draft("half a sent")
    window.main.open("#lobby")
    assert window.view.entry == "half a sent"
    window.view.entry += "ence"
    assert window.main.composer.unsaved_drafts() == {"#lobby": Draft("half a sentence")}


def write(window: Window, text: str) -> None:
    window.view.entry = text
    window.main.composer.typed(text)
    window.runner.settle()


def stored_drafts(window: Window) -> dict[str, Draft]:
    return {name: draft for name, draft in window.node.drafts.items() if draft != Draft()}


def test_a_draft_that_was_emptied_leaves_the_list(window: Window) -> None:
    """It was stored with each key, so nothing is to be stored when the conversation is left."""
    window.start()
    write(window, "hello")
    window.main.open(DIRECT)
    window.runner.advance(500)
    assert window.row("#lobby").subtitle == "Draft: hello"
    window.main.open("#lobby")
    write(window, "")
    window.main.open(DIRECT)
    window.runner.advance(500)
    assert "Draft" not in window.row("#lobby").subtitle


def test_a_draft_is_saved_with_each_letter_and_goes_with_the_message(window: Window) -> None:
    window.start()
    for text in ("h", "he", "hel"):
        write(window, text)
        assert stored_drafts(window) == {"#lobby": Draft(text)}
    saved = len(window.node.named("set_draft"))
    window.main.composer.submit()
    window.runner.settle()
    assert stored_drafts(window) == {}
    assert len(window.node.named("set_draft")) == saved  # else it could go before the message
    assert window.main.composer.unsaved_drafts() == {}


def test_what_could_not_be_kept_is_kept_with_the_next_letter(window: Window) -> None:
    window.start()
    window.node.fail["set_draft"] = RequestError("disk-full")
    write(window, "h")
    assert window.main.composer.unsaved_drafts() == {"#lobby": Draft("h")}
    write(window, "he")
    assert stored_drafts(window) == {"#lobby": Draft("he")}


def start_again(window: Window) -> Window:
    """Another window on the same node, after the first one was killed."""
    return Window(window.node).start()


def test_an_answer_is_an_answer_after_a_kill(window: Window) -> None:
    message = window.node.say("#lobby", "question?", LI)
    window.start().main.composer.reply(message.message_id)
    write(window, "ans")
    composer = start_again(window).main.composer
    assert (composer.mode, composer.target_words()) == (Mode.REPLY, ("Reply to “Li”", "question?"))


def test_an_edit_under_way_outlives_a_kill_and_the_draft_below_it(window: Window) -> None:
    message = window.node.say("#lobby", "tpyo")
    window.start()
    write(window, "a draft")
    window.main.composer.edit(message.message_id)
    write(window, "typo, no")
    again = start_again(window)
    assert again.view.entry == "typo, no"
    again.view.entry = "typo"
    again.main.composer.submit()
    again.runner.settle()
    assert again.node.named("edit") == [("edit", message.message_id, "typo")]
    assert again.view.entry == "a draft"
    assert stored_drafts(again) == {"#lobby": Draft("a draft")}


def test_an_edit_that_was_made_isn_t_begun_again(window: Window) -> None:
    """Killed between the change of the message and that of the draft; or it was deleted since."""
    for text, deleted in (("typo", False), ("", True)):
        message = window.node.say("#lobby", text)
        window.node.replace(message.message_id, deleted=deleted)
        window.node.drafts["#lobby"] = Draft("x", edits=message.message_id, edit="typo")
        again = start_again(window)
        assert again.view.entry == "x"
        assert again.main.composer.mode is Mode.NEW
        assert stored_drafts(again) == {"#lobby": Draft("x")}


def test_replies_and_edits_stay_with_their_conversation(window: Window) -> None:
    question = window.node.say("#lobby", "question?", LI)
    composer = window.start().main.composer
    composer.reply(question.message_id)
    write(window, "ans")
    window.main.open(DIRECT)
    window.runner.settle()
    assert (composer.mode, window.view.entry) == (Mode.NEW, "")
    window.main.open("#lobby")
    window.runner.settle()
    assert (composer.mode, window.view.entry) == (Mode.REPLY, "ans")
    assert composer.target == question


def test_what_could_not_be_sent_comes_back_where_it_was_written(window: Window) -> None:
    window.start()
    window.node.fail["send"] = RequestError("disk-full")
    write(window, "important")
    window.main.composer.submit()
    window.main.open(DIRECT)
    window.runner.settle()
    assert window.view.entry == ""
    window.main.open("#lobby")
    assert window.view.entry == "important"
    assert stored_drafts(window) == {"#lobby": Draft("important")}


def test_a_change_that_could_not_be_made_goes_on(window: Window) -> None:
    message = window.node.say("#lobby", "tpyo")
    window.start().main.composer.edit(message.message_id)
    window.node.fail["edit"] = RequestError("disk-full")
    write(window, "typo")
    window.main.composer.submit()
    window.runner.settle()
    assert (window.main.composer.mode, window.view.entry) == (Mode.EDIT, "typo")
    assert window.view.notice is not None
    assert "disk is full" in window.view.notice.text


def test_what_could_not_be_sent_comes_back(window: Window) -> None:
    window.start()
    window.node.fail["send"] = RequestError("disk-full")
    window.view.entry = "important"
    window.main.composer.submit()
    window.runner.settle()
    assert window.view.entry == "important"
    assert window.view.notice is not None
    assert "disk is full" in window.view.notice.text


def test_too_long_and_empty_texts_are_not_sent(window: Window) -> None:
    window.start()
    for text in ("", " \n ", "\u200b\u2060 \u200e", "长" * 6000):
        window.view.entry = text
        window.main.composer.submit()
    window.runner.settle()
    assert window.node.named("send") == []
    assert window.view.notice == Notice("A message holds at most 16 KB of text.", True)


def test_replying(window: Window) -> None:
    message = window.node.say("#lobby", "question?", LI)
    composer = window.start().main.composer
    composer.reply(message.message_id)
    assert composer.target_words() == ("Reply to “Li”", "question?")
    window.view.entry = "answer"
    composer.submit()
    window.runner.settle()
    assert window.node.named("send") == [("send", "#lobby", "answer", message.message_id)]
    assert composer.mode == Mode.NEW


def test_editing_keeps_the_draft(window: Window) -> None:
    message = window.node.say("#lobby", "tpyo")
    composer = window.start().main.composer
    assert composer.edit_last()
    assert window.view.entry == "tpyo"
    window.view.entry = "typo"
    composer.submit()
    window.runner.settle()
    assert window.node.named("edit") == [("edit", message.message_id, "typo")]
    assert [row.text for row in window.view.rows] == ["typo"]
    window.view.entry = "a draft"
    assert not composer.edit_last()
    composer.edit(message.message_id)
    composer.cancel()
    assert window.view.entry == "a draft"


def test_typing_is_told_now_and_then(window: Window) -> None:
    composer = window.start().main.composer
    for _ in range(9):
        composer.typed("text")
        window.runner.advance(100)
    assert len(window.node.named("typing")) == 1
    window.runner.advance(1000)
    composer.typed("text")
    window.runner.settle()
    assert len(window.node.named("typing")) == 2


def test_who_types_is_shown_for_a_while(window: Window) -> None:
    composer = window.start().main.composer
    window.node.emit(Typing("#lobby", LI), Typing("#lobby", ME), Typing(DIRECT, WANG))
    assert composer.typing_words() == "“Li” is typing…"
    window.runner.advance(7000)
    assert composer.typing_words() == ""
    window.node.emit(Typing("#lobby", LI))
    window.node.receive("#lobby", "done", LI)
    assert composer.typing_words() == ""


# -- away


def test_away_after_a_while_and_back_with_the_first_touch(window: Window) -> None:
    window.node.current = msgspec.structs.replace(window.node.current, away_after=60)
    window.start()
    window.runner.advance(50_000)
    assert window.status() == Status.ONLINE
    window.runner.advance(50_000)
    assert window.status() == Status.AWAY
    window.main.idle.touched()
    window.runner.settle()
    assert window.status() == Status.ONLINE


def test_who_is_busy_stays_busy(window: Window) -> None:
    window.node.current = msgspec.structs.replace(window.node.current, away_after=60)
    window.node.me = msgspec.structs.replace(window.node.me, status=Status.BUSY)
    window.start()
    window.runner.advance(200_000)
    window.main.idle.touched()
    window.runner.settle()
    assert window.node.me.status == Status.BUSY
    assert window.node.named("set_profile") == []


# -- small pages


def test_the_first_start_takes_a_name(window: Window) -> None:
    chosen: list[str] = []
    page = FirstStartPresenter(window.view, "host", chosen.append)
    page.submit("a" * 32)
    assert "id of a person" in window.view.error
    page.submit("x" * 65)
    assert "at most" in window.view.error
    assert chosen == []
    page.submit("  Maria\u202e  Lopez ")
    page.submit("")
    assert chosen == ["Maria Lopez", "host"]
    assert window.view.error == ""


def test_a_profile_is_deleted_by_its_name(window: Window) -> None:
    kept, deleted = {"school": "it is open: close it first", "club": ""}, []

    async def delete(name: str) -> None:
        if why := kept.get(name, "there is no profile of that name"):
            raise P2PChatError(why)
        deleted.append(name)

    done: list[bool] = []
    page = DeleteProfilePresenter(
        delete, window.runner, window.view, lambda: done.append(window.view.closed)
    )
    page.submit("  ")
    assert window.view.error == "Please write its name."
    for name, why in (("clu", "no profile of that name"), ("school", "close it first")):
        page.submit(name)
        assert window.view.busy
        window.runner.settle()
        assert why in window.view.error
        assert not window.view.busy
    assert (deleted, done) == ([], [])
    page.submit(" club ")
    window.runner.settle()
    assert (deleted, done) == (["club"], [True]), "the list that is shown then is anew"


def test_connecting(window: Window) -> None:
    window.start()
    linked: list[Peer] = []
    page = ConnectPresenter(window.node, window.runner, window.view, linked.append)
    page.submit("192.0.2.1")
    assert window.view.busy
    page.submit("192.0.2.1")
    window.runner.settle()
    assert len(window.node.named("connect")) == 1
    assert "Nobody answered" in window.view.error
    assert f"port {PORT} " in window.view.error
    page.submit("[fe80::1]:4711")
    window.runner.settle()
    assert "port 4711 " in window.view.error
    window.node.addresses["192.0.2.2:5"] = make_peer("c", "Zoë")
    page.submit(" 192.0.2.2:5 ")
    window.runner.settle()
    assert [peer.label for peer in linked] == ["Zoë"]
    assert window.view.closed


@pytest.mark.parametrize("good", ["host", "192.0.2.1:27474", "fe80::1", "[fe80::1%eth0]:9", "a.b"])
def test_addresses(good: str) -> None:
    assert address_problem(good) == ""


@pytest.mark.parametrize("bad", ["", "a b", "host:", "host:0", "host:65536", "host:x"])
def test_no_addresses(bad: str) -> None:
    assert address_problem(bad) != ""


@pytest.mark.parametrize(
    ("room", "problem"),
    [
        ("#" + "x" * 64, ""),
        ("#maths", ""),
        ("#", "write the room's name"),
        ("#" + "x" * 65, "at most 64"),
        ("#a b", "no spaces"),
    ],
)
def test_room_names(room: str, problem: str) -> None:
    said = room_problem(room)
    assert problem in said if problem else said == ""


def test_joining_and_creating_rooms(window: Window) -> None:
    window.node.passwords["#board"] = "secret"
    opened: list[str] = []
    view = window.view
    join = RoomPresenter(window.node, window.runner, view, False, opened.append)
    join.submit(" ", "")
    assert "name" in view.error
    assert view.wrong == 0
    join.submit("board", "x" * 257)
    assert "at most 256" in view.error
    assert view.wrong == 1
    join.submit("board", "wrong")
    window.runner.settle()
    assert (view.error, view.busy, view.closed) == ("The password is not right.", False, False)
    assert view.wrong == 1
    join.submit("#board", "secret")
    window.runner.settle()
    create = RoomPresenter(window.node, window.runner, view, True, opened.append)
    create.submit("board", "")
    window.runner.settle()
    assert "already" in view.error
    create.submit("maths", "")
    window.runner.settle()
    assert opened == ["#board", "#maths"]


# -- search


def test_searching_here_and_everywhere(window: Window) -> None:
    here = window.node.say("#lobby", "a needle", LI)
    window.node.say(DIRECT, "another needle", LI)
    window.start()
    search = SearchPresenter(
        window.node, window.runner, window.main.directory, window.view, window.runner.clock
    )
    for part in ("n", "ne", "needle"):
        search.search(part, "#lobby")
    window.runner.advance(500)
    assert len(window.node.named("search")) == 1
    assert [(hit.message_id, hit.title) for hit in window.view.hits] == [(here.message_id, "Li")]
    search.search("needle", None)
    window.runner.advance(500)
    assert {(hit.title, hit.place) for hit in window.view.hits} == {("Li", "#lobby"), ("Li", "Li")}
    search.search("straw", None)
    window.runner.advance(500)
    assert window.view.hit_words == "Nothing found."
    search.search("", None)
    assert (list(window.view.hits), window.view.hit_words) == ([], "")


def test_what_is_found_is_in_the_line_that_is_shown() -> None:
    text = "Did anyone get question 4?\nI end up with 12.4 m/s, the Sheet says 14."
    assert excerpt(text, "sheet") == "…12.4 m/s, the Sheet says 14."
    assert excerpt(text, "anyone sheet").startswith("Did anyone get")
    assert excerpt(text, "nowhere").startswith("Did anyone get")
    assert excerpt("x" * 500 + "needle", "needle") == "…" + "x" * 16 + "needle"
    assert excerpt("ß" * 40 + " needle", "NEEDLE").endswith("needle")
    assert len(excerpt("a " * 8000 + "needle " + "b " * 8000, "needle")) <= EXCERPT + 1


# -- links


def test_only_web_addresses_are_opened(window: Window) -> None:
    window.start()
    for url in ("https://example.org/", "javascript:alert(1)", "file:///etc/passwd", "x"):
        window.main.browse(url)
        window.runner.settle()
    assert window.opener.opened == [("browse", "https://example.org/")]


# -- the status line


def test_long_names_leave_room_for_others_on_the_status_line(window: Window) -> None:
    window.node.add_peer(make_peer("c", "W" * 64))
    window.start()
    assert window.view.said[0] == f"Linked with “Li” and “{'W' * 23}…”"


def test_the_status_line_says_who_is_linked(window: Window) -> None:
    window.start()
    assert window.view.said == ("Linked with “Li”", "", "Network lan, port 27474", Verdict.OK)
    window.node.emit(PeerOffline(make_peer("a", "Li", Status.OFFLINE)))
    assert window.view.said[0].startswith("Nobody else is here yet")
    window.node.emit(PeerOnline(make_peer("a", "Li", linked=False)))
    assert window.view.said[0] == "1 person is here, reached through others"


def test_the_status_line_says_what_the_page_of_the_network_says(window: Window) -> None:
    window.start()
    window.node.emit(Warned("clock-off", "The clock of Li is off."))
    window.runner.advance(1000)
    assert window.view.said[3] is Verdict.NOTE
    window.node.emit(PeerOffline(make_peer("a", "Li", Status.OFFLINE)))
    window.node.reached_at = ()
    window.runner.advance(10_000)
    assert window.view.said[0] == "This computer is in no network"
    window.node.reached_at = ("192.168.1.6:27474",)
    window.runner.advance(10_000)
    assert window.view.said[0].startswith("Nobody else is here yet. Others")
    window.node.emit(PeerOnline(make_peer("a", "Li")))
    window.runner.advance(10_000)
    asked = len(window.node.named("info"))
    window.runner.advance(60_000)
    assert len(window.node.named("info")) == asked, "while somebody is linked, nobody asks"


def test_warnings_are_shown_one_after_the_other_and_are_bounded(window: Window) -> None:
    window.start()
    for number in range(3 * NOTICES):
        window.node.emit(Warned("clock", f"warning {number}\n\x1b"))
    window.node.emit(Warned("clock", f"warning {3 * NOTICES - 1}\n\x1b"))
    assert window.view.more_notices == NOTICES - 1
    shown = []
    while window.view.notice is not None:
        shown.append(window.view.notice.text)
        window.main.status.dismiss()
    assert len(shown) == NOTICES
    assert all("\n" not in text and "\x1b" not in text for text in shown)


def test_what_failed_is_seen_before_warnings_that_wait(window: Window) -> None:
    window.start()
    window.node.emit(Warned("clock", "an older warning"))
    window.runner.settle()
    for text in ("first", "second", "first"):
        window.main.status.say(text)
        assert window.view.notice == Notice(text, True)
    shown = []
    while window.view.notice is not None:
        shown.append(window.view.notice.text)
        window.main.status.dismiss()
    assert shown == ["first", "second", "an older warning"]


def test_a_room_that_somebody_makes_shows_up(window: Window) -> None:
    window.start()
    window.node.passwords["#maths"] = "secret"
    window.main.events([RoomChanged("#maths")])
    window.runner.advance(1000)
    assert "#maths" in [row.conversation for row in window.view.list]


def test_who_comes_is_counted_in_the_lobby(window: Window) -> None:
    window.start()
    window.node.members_in["#lobby"] = 4
    window.main.events([PeerOnline(make_peer("z", "Zoe"))])
    window.runner.advance(1000)
    assert window.row("#lobby").subtitle.startswith("4 people")


# -- someone else


def test_a_copy_of_a_profile_becomes_someone_else(window: Window) -> None:
    window.node.say(f"@{LI}", "between Li and me", LI)
    window.start()
    window.main.open(f"@{LI}")
    window.view.entry = "a draft"
    window.main.composer.save_draft()
    window.main.events([Warned("clock-off", "The clock of Li is 9 minutes off.")])
    window.main.events([Warned(RUNS_TWICE, "This profile also runs elsewhere.")])
    window.main.status.dismiss()
    assert window.view.notice == Notice("This profile also runs elsewhere.", False, True)

    page = SomeoneElsePresenter(window.node, window.runner, window.view, window.main.renewed)
    page.submit(" ")
    assert window.view.error
    assert window.node.named("become_someone_else") == []
    page.submit(" Ann ")
    window.runner.settle()
    assert window.node.named("become_someone_else") == [("become_someone_else", "Ann")]
    assert window.view.closed
    assert window.main.directory.me.name == "Ann"
    assert window.main.conversation.name == "#lobby"
    assert f"@{LI}" not in window.main.directory.conversations
    assert window.view.entry == ""
    assert window.main.composer.unsaved_drafts() == {}
    assert window.view.notice is None


def test_who_comes_next_is_shown_nothing_that_the_one_before_was_told(window: Window) -> None:
    window.start()
    window.main.events([Warned("signed-in-elsewhere", "Your account was opened elsewhere.")])
    window.main.status.say("Li couldn't be reached.")
    window.main.events([ProfileRenewed(finished(window.node.become_someone_else("Ann")))])
    window.runner.settle()
    assert window.view.notice is None


def test_someone_else_by_another_front_end(window: Window) -> None:
    window.start()
    window.main.open(f"@{LI}")
    window.runner.settle()
    profile = finished(window.node.become_someone_else("Ann"))
    window.main.events([ProfileRenewed(profile)])
    window.runner.settle()
    assert window.main.directory.me == profile
    assert window.main.conversation.name == "#lobby"
