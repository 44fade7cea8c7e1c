"""The conversation in the middle: what it shows, loads, drops and marks as read."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from paper_node import ME, PaperNode, delivered_to, make_peer, peer_id
from paper_runner import PaperRunner

from p2pchat.events import Event, MessageChanged, MessageReceipt, MessageReceived
from p2pchat.model.ids import MessageId
from p2pchat.model.message import MessageKind
from p2pchat.ui.presenters.actions import Action
from p2pchat.ui.presenters.conversation import BURST, ConversationPresenter
from p2pchat.ui.presenters.directory import Directory
from p2pchat.ui.presenters.loaded import LIMIT, PAGE
from p2pchat.ui.presenters.timeline import Delivery, Row

LI = peer_id("a")


class FakeView:
    """Keeps the rows as a real view would: a wrong splice shows."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.shown: MessageId | None = None
        self.drawn = 0
        self.refreshed = 0

    def reset(self, rows: Sequence[Row], show: MessageId | None) -> None:
        self.rows = list(rows)
        self.shown = show
        self.drawn += len(rows)

    def reveal(self, message_id: MessageId | None) -> None:
        self.shown = message_id

    def splice(self, at: int, removed: int, rows: Sequence[Row]) -> None:
        assert 0 <= at <= at + removed <= len(self.rows)
        self.rows[at : at + removed] = rows
        self.drawn += len(rows)

    def refresh(self) -> None:
        self.refreshed += 1

    @property
    def texts(self) -> list[str]:
        return [row.text for row in self.rows]


class Desk:
    def __init__(self) -> None:
        self.node = PaperNode()
        self.node.add_peer(make_peer("a", "Li"))
        self.runner = PaperRunner()
        self.view = FakeView()
        self.directory = Directory(self.node, self.runner)
        self.directory.load()
        self.runner.settle()
        self.presenter = ConversationPresenter(
            self.node, self.runner, self.directory, self.view, self.runner.clock
        )
        self.node.subscribe(self.take)

    def take(self, events: Sequence[Event]) -> None:
        self.directory.events(events)
        self.presenter.events(events)

    def open(self, conversation: str = "#lobby") -> FakeView:
        self.directory.load()
        self.runner.settle()
        self.presenter.open(conversation)
        self.runner.settle()
        return self.view

    def receive(self, text: str, conversation: str = "#lobby") -> None:
        self.node.receive(conversation, text, LI)
        self.presenter.flush()
        self.runner.settle()


@pytest.fixture
def desk() -> Desk:
    return Desk()


def fill(desk: Desk, number: int) -> None:
    for index in range(number):
        desk.node.say("#lobby", f"m{index}", LI)


def test_shows_the_newest_page_and_what_comes_in(desk: Desk) -> None:
    fill(desk, PAGE + 5)
    view = desk.open()
    assert view.texts == [f"m{i}" for i in range(5, PAGE + 5)]
    desk.receive("new")
    desk.receive("elsewhere", f"@{LI}")
    assert view.texts[-1] == "new"
    assert "elsewhere" not in view.texts


def test_a_message_that_comes_twice_is_shown_once(desk: Desk) -> None:
    view = desk.open()
    message = desk.node.say("#lobby", "mine")
    desk.presenter.sent(message)
    desk.node.emit(MessageReceived(message))
    desk.presenter.flush()
    assert view.texts == ["mine"]


def test_a_late_message_is_inserted_in_its_place(desk: Desk) -> None:
    first = desk.node.say("#lobby", "one", LI)
    desk.node.say("#lobby", "three", LI)
    view = desk.open()
    late = desk.node.message("#lobby", "two", LI, order=first.order + "5", late=True)
    desk.node.emit(MessageReceived(late))
    desk.presenter.flush()
    assert view.texts == ["one", "two", "three"]
    assert view.rows[1].note == "came late"


def test_scrolling_loads_older_and_drops_what_is_far_away(desk: Desk) -> None:
    fill(desk, LIMIT + 4 * PAGE)
    view = desk.open()
    for _ in range(20):
        desk.presenter.scrolled(near_top=True, at_bottom=False)
        desk.runner.settle()
        assert len(view.rows) <= LIMIT
    assert view.texts == [f"m{i}" for i in range(LIMIT)]
    for _ in range(20):
        desk.presenter.scrolled(near_top=False, at_bottom=True)
        desk.runner.settle()
        assert len(view.rows) <= LIMIT
    assert view.texts[-1] == f"m{LIMIT + 4 * PAGE - 1}"
    assert not desk.presenter.behind


def test_at_the_start_nothing_more_is_asked_for(desk: Desk) -> None:
    fill(desk, 3)
    desk.open()
    asked = len(desk.node.named("messages"))
    desk.presenter.scrolled(near_top=True, at_bottom=True)
    desk.runner.settle()
    assert len(desk.node.named("messages")) == asked


def test_while_reading_older_ones_new_messages_are_counted(desk: Desk) -> None:
    fill(desk, 10)
    view = desk.open()
    desk.presenter.scrolled(near_top=False, at_bottom=False)
    desk.receive("new 1")
    desk.receive("new 2")
    assert desk.presenter.newer == 2
    assert desk.presenter.behind
    view.shown, drawn = view.rows[0].message_id, view.drawn
    desk.presenter.to_end()
    assert desk.presenter.newer == 0
    assert view.texts[-2:] == ["new 1", "new 2"]
    assert view.shown is None
    assert view.drawn == drawn


def test_far_from_the_end_new_messages_stay_out_until_scrolled_to(desk: Desk) -> None:
    fill(desk, LIMIT + 4 * PAGE)
    view = desk.open()
    for _ in range(8):
        desk.presenter.scrolled(near_top=True, at_bottom=False)
        desk.runner.settle()
    desk.receive("far away")
    assert "far away" not in view.texts
    desk.presenter.to_end()
    desk.runner.settle()
    assert view.texts[-1] == "far away"
    assert len(view.rows) == PAGE


def test_a_burst_draws_only_the_newest(desk: Desk) -> None:
    view = desk.open()
    before = view.drawn
    for index in range(10_000):
        message = desk.node.message("#lobby", f"b{index}", LI)
        desk.node.history["#lobby"].append(message)
        desk.presenter.events([MessageReceived(message)])
    desk.presenter.flush()
    assert view.drawn - before <= BURST
    assert view.texts == [f"b{i}" for i in range(10_000 - BURST, 10_000)]
    desk.presenter.scrolled(near_top=True, at_bottom=False)
    desk.runner.settle()
    assert view.texts[:PAGE] == [f"b{i}" for i in range(10_000 - BURST - PAGE, 10_000 - BURST)]


def test_a_burst_while_reading_older_ones_leaves_no_gap(desk: Desk) -> None:
    fill(desk, 20)
    view = desk.open()
    desk.presenter.scrolled(near_top=False, at_bottom=False)
    for index in range(5 * LIMIT):
        message = desk.node.say("#lobby", f"b{index}", LI)
        desk.presenter.events([MessageReceived(message)])
    desk.presenter.flush()
    assert view.texts == [f"m{i}" for i in range(20)]
    assert desk.presenter.newer == 5 * LIMIT
    desk.presenter.scrolled(near_top=False, at_bottom=True)
    desk.runner.settle()
    assert view.texts[20:22] == ["b0", "b1"]


def test_what_comes_in_while_a_page_is_loading_is_not_lost(desk: Desk) -> None:
    fill(desk, 2)
    desk.presenter.open("#lobby")
    desk.runner.settle()
    desk.presenter.open("#lobby")  # asked for again; the answer was made before the next message
    stale = desk.node.history["#lobby"]
    message = desk.node.message("#lobby", "between", LI)
    desk.presenter.events([MessageReceived(message)])
    desk.presenter.flush()
    desk.runner.settle()
    assert message not in stale
    assert desk.view.texts == ["m0", "m1", "between"]


def test_opening_another_conversation_ignores_the_answer_for_the_former(desk: Desk) -> None:
    fill(desk, 3)
    desk.node.say(f"@{LI}", "direct", LI)
    desk.presenter.open("#lobby")
    desk.presenter.open(f"@{LI}")
    desk.runner.settle()
    assert desk.view.texts == ["direct"]


def test_marks_read_only_when_active_and_at_the_end(desk: Desk) -> None:
    fill(desk, 3)
    desk.open()
    assert not desk.node.named("mark_read")
    desk.presenter.overlooked(False)
    desk.runner.settle()
    assert not desk.node.named("mark_read"), "nobody looks"
    desk.presenter.set_active(True)
    desk.presenter.overlooked(False)
    desk.runner.settle()
    last = desk.node.history["#lobby"][-1].message_id
    assert desk.node.named("mark_read") == [("mark_read", "#lobby", last)]
    desk.presenter.scrolled(near_top=False, at_bottom=False)
    desk.receive("unseen")
    assert len(desk.node.named("mark_read")) == 1
    desk.presenter.scrolled(near_top=False, at_bottom=True)
    desk.runner.settle()
    assert len(desk.node.named("mark_read")) == 2


def late(desk: Desk, order: str) -> MessageId:
    desk.node.put(message := desk.node.message("#lobby", "late", LI, order=order, late=True))
    desk.node.emit(MessageReceived(message))
    desk.presenter.flush()
    desk.runner.settle()
    return message.message_id


def test_what_comes_late_is_read_once_somebody_was_there(desk: Desk) -> None:
    fill(desk, 3)
    view = desk.open()
    desk.presenter.set_active(True)
    desk.presenter.overlooked(False)
    desk.runner.settle()
    first, last = desk.node.history["#lobby"][0], desk.node.history["#lobby"][-1].message_id
    late(desk, first.order + "5")
    assert [row.first_unread for row in view.rows] == [False, True, False, False]
    desk.presenter.overlooked(True)
    desk.runner.settle()
    assert desk.node.named("mark_read") == [("mark_read", "#lobby", last)]
    desk.presenter.overlooked(False)
    desk.runner.settle()
    assert desk.node.named("mark_read") == [("mark_read", "#lobby", last)] * 2


def test_what_comes_late_above_what_is_loaded_is_read_once_somebody_was_there(desk: Desk) -> None:
    """It stayed unread, and nothing led there."""
    fill(desk, 3 * PAGE)
    desk.open()
    desk.presenter.set_active(True)
    desk.presenter.overlooked(False)
    desk.runner.settle()
    asked = len(desk.node.named("mark_read"))
    second = late(desk, desk.node.history["#lobby"][5].order + "5")
    assert desk.presenter.first_unread_above()
    late(desk, desk.node.history["#lobby"][8].order + "5")
    assert len(desk.node.named("mark_read")) == asked
    desk.presenter.to_first_unread()
    desk.runner.settle()
    assert desk.view.shown == second
    desk.presenter.overlooked(False)
    desk.presenter.to_end()
    desk.runner.settle()
    assert len(desk.node.named("mark_read")) == asked + 1


def test_what_is_written_at_the_same_time_is_read_like_the_rest(desk: Desk) -> None:
    fill(desk, 3)
    view = desk.open()
    desk.presenter.set_active(True)
    desk.presenter.overlooked(False)
    desk.runner.settle()
    first = desk.node.history["#lobby"][0]
    desk.node.emit(
        MessageReceived(desk.node.message("#lobby", "at once", LI, order=first.order + "5"))
    )
    desk.presenter.flush()
    desk.runner.settle()
    assert [row.first_unread for row in view.rows] == [True, False, False, False]
    assert len(desk.node.named("mark_read")) == 2


def overlooking(desk: Desk) -> None:
    """At the end of a conversation that has more unread messages than are in view."""
    fill(desk, PAGE)
    desk.open()
    desk.presenter.set_active(True)
    desk.presenter.overlooked(True)
    desk.runner.settle()
    desk.presenter.overlooked(True)
    assert not desk.node.named("mark_read"), "those above haven't been seen"


def test_what_begins_above_the_view_is_read_once_that_was_seen(desk: Desk) -> None:
    overlooking(desk)
    desk.presenter.overlooked(False)
    desk.runner.settle()
    assert len(desk.node.named("mark_read")) == 1
    desk.presenter.overlooked(True)
    desk.receive("more")
    assert len(desk.node.named("mark_read")) == 2, "it has been seen for good"


def test_whoever_goes_to_the_end_has_read_what_is_above(desk: Desk) -> None:
    overlooking(desk)
    desk.presenter.to_end()
    desk.runner.settle()
    assert len(desk.node.named("mark_read")) == 1


def test_whoever_answers_has_read_what_is_above(desk: Desk) -> None:
    overlooking(desk)
    desk.presenter.sent(desk.node.say("#lobby", "mine"))
    desk.runner.settle()
    assert len(desk.node.named("mark_read")) == 1


def test_the_first_unread_is_marked_and_found_far_above(desk: Desk) -> None:
    fill(desk, 3 * PAGE)
    view = desk.open()
    first = desk.node.history["#lobby"][0].message_id
    assert desk.presenter.first_unread_above()
    desk.presenter.to_first_unread()
    desk.runner.settle()
    assert view.shown == first
    assert view.rows[0].first_unread
    assert not desk.presenter.first_unread_above()


def test_a_line_is_drawn_above_what_came_while_away(desk: Desk) -> None:
    view = desk.open()
    desk.presenter.set_active(True)
    desk.receive("seen")
    desk.presenter.set_active(False)
    desk.receive("while away")
    desk.receive("and more")
    assert [row.first_unread for row in view.rows] == [False, True, False]


def test_what_came_while_away_is_read_once_its_beginning_is_seen(desk: Desk) -> None:
    desk.open()
    desk.presenter.set_active(True)
    desk.receive("seen")
    desk.presenter.set_active(False)
    desk.receive("while away")
    desk.presenter.overlooked(False)  # drawn, for nobody
    read = len(desk.node.named("mark_read"))
    desk.presenter.set_active(True)
    desk.presenter.overlooked(True)
    desk.runner.settle()
    desk.presenter.set_active(False)
    desk.receive("and more, before one has looked up there")
    assert [row.first_unread for row in desk.view.rows] == [False, True, False]
    desk.presenter.set_active(True)
    desk.runner.settle()
    assert len(desk.node.named("mark_read")) == read
    desk.presenter.overlooked(False)
    desk.runner.settle()
    assert len(desk.node.named("mark_read")) == read + 1


def test_changes_are_shown_in_place(desk: Desk) -> None:
    fill(desk, 3)
    view = desk.open()
    message = desk.node.history["#lobby"][1]
    drawn = view.drawn
    desk.node.emit(MessageChanged(desk.node.replace(message.message_id, text="M1", edited=True)))
    desk.presenter.flush()
    assert view.texts == ["m0", "M1", "m2"]
    assert view.rows[1].note == "edited"
    assert view.drawn == drawn + 1


def test_receipts_are_read_anew(desk: Desk) -> None:
    message = desk.node.say("#lobby", "mine")
    view = desk.open()
    assert view.rows[0].delivery.value == Delivery.STORED.value
    desk.node.replace(message.message_id, receipts=delivered_to(LI))
    desk.node.emit(MessageReceipt("#lobby", message.message_id, LI, "delivered"))
    desk.runner.advance(1000)
    assert view.rows[0].delivery.value == Delivery.DELIVERED.value


def test_a_reply_shows_what_it_answers_also_when_that_is_far_away(desk: Desk) -> None:
    target = desk.node.say("#lobby", "the question", LI)
    fill(desk, 2 * PAGE)
    desk.node.say("#lobby", "the answer", LI, reply_to=target.message_id)
    view = desk.open()
    quote = view.rows[-1].quote
    assert quote is not None
    assert (quote.author, quote.text) == ("Li", "the question")
    desk.presenter.show(target.message_id)
    desk.runner.settle()
    assert view.shown == target.message_id


def test_a_place_that_is_unknown_shows_the_end(desk: Desk) -> None:
    fill(desk, 2)
    view = desk.open()
    desk.presenter.show(MessageId("f" * 64))
    desk.runner.settle()
    assert view.texts == ["m0", "m1"]


def test_actions_are_those_that_the_node_allows(desk: Desk) -> None:
    own = desk.node.say("#lobby", "mine")
    other = desk.node.say("#lobby", "theirs", LI)
    gone = desk.node.say("#lobby", "", deleted=True)
    system = desk.node.say("#lobby", "Li joined", LI, kind=MessageKind.SYSTEM)
    desk.open()
    actions = desk.presenter.actions
    on_itself = [Action.REPLY, Action.REACT, Action.COPY, Action.EDIT, Action.DELETE]
    assert actions(own.message_id) == on_itself
    assert Action.EDIT not in actions(other.message_id)
    assert Action.DELETE not in actions(other.message_id)
    assert actions(gone.message_id) == actions(system.message_id) == []
    assert desk.presenter.last_own() == own.message_id


def test_a_reaction_is_added_and_taken_back(desk: Desk) -> None:
    message = desk.node.say("#lobby", "hi", LI)
    view = desk.open()
    desk.presenter.react(message.message_id, "👍")
    desk.runner.settle()
    assert [(r.emoji, r.count, r.mine) for r in view.rows[0].reactions] == [("👍", 1, True)]
    desk.presenter.react(message.message_id, "👍")
    desk.runner.settle()
    assert view.rows[0].reactions == ()
    assert desk.node.history["#lobby"][0].reactions.get("👍", ()) == ()


def test_a_deleted_message_says_so(desk: Desk) -> None:
    message = desk.node.say("#lobby", "oops")
    view = desk.open()
    desk.presenter.delete(message.message_id)
    desk.runner.settle()
    assert view.rows[0].removed
    assert "oops" not in view.rows[0].text
    desk.runner.advance(1000)
    last = desk.directory.conversations["#lobby"].last
    assert last is not None
    assert last.deleted, "nor does the list of conversations show it any longer"


def test_a_new_label_reaches_the_messages(desk: Desk) -> None:
    desk.node.say("#lobby", "hi", LI)
    view = desk.open()
    desk.node.add_peer(make_peer("a", "Li Ming"))
    desk.directory.load()
    desk.runner.settle()
    assert view.rows[0].label == "Li Ming"
    assert view.rows[0].author != ME
