"""The files of a conversation: their cards follow what is told, and buttons reach the node."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from paper_node import ME, PaperNode, make_peer, peer_id
from paper_runner import PaperOpener, PaperRunner

from p2pchat.errors import P2PChatError, RequestError
from p2pchat.events import Event, FileComplete, FileProgress
from p2pchat.model.file import FileState
from p2pchat.model.ids import MessageId
from p2pchat.model.message import MessageKind
from p2pchat.ui.presenters.conversation import ConversationPresenter
from p2pchat.ui.presenters.directory import Directory
from p2pchat.ui.presenters.filecard import FileAction, FileCard
from p2pchat.ui.presenters.files import MOST_AT_ONCE, FilesPresenter
from p2pchat.ui.presenters.timeline import Row

LI = peer_id("a")


class FakeView:
    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.cards: list[FileCard] = []
        self.drawn = 0

    def reset(self, rows: Sequence[Row], show: MessageId | None) -> None:
        self.rows = list(rows)
        self.drawn += 1

    def reveal(self, message_id: MessageId | None) -> None: ...

    def splice(self, at: int, removed: int, rows: Sequence[Row]) -> None:
        self.rows[at : at + removed] = rows
        self.drawn += 1

    def refresh(self) -> None: ...

    def show_file(self, card: FileCard) -> None:
        self.cards.append(card)

    def show_reading(self) -> None: ...


class Desk:
    def __init__(self) -> None:
        self.node = PaperNode()
        self.node.add_peer(make_peer("a", "Li"))
        self.runner = PaperRunner()
        self.view = FakeView()
        self.opener = PaperOpener()
        self.directory = Directory(self.node, self.runner)
        self.directory.load()
        self.runner.settle()
        self.files = FilesPresenter(
            self.node, self.runner, self.directory, self.view, self.opener, self.runner.clock,
            self.runner.said.append,
        )  # fmt: skip
        self.conversation = ConversationPresenter(
            self.node, self.runner, self.directory, self.view, self.runner.clock, self.files.note
        )
        self.files.on_shared = self.conversation.sent
        self.node.subscribe(self.take)

    def take(self, events: Sequence[Event]) -> None:
        self.conversation.events(events)
        self.files.events(events)

    def open(self, name: str = "#lobby") -> Desk:
        self.conversation.open(name)
        self.runner.settle()
        return self

    def flush(self) -> None:
        self.conversation.flush()
        self.runner.settle()

    def offer(self, name: str = "a.bin", size: int = 1000) -> str:
        file_id = self.node.offer("#lobby", name, LI, size).file_id
        self.flush()
        return file_id

    def card(self, file_id: str) -> FileCard:
        card = self.files.card(file_id)
        assert card is not None
        return card

    def act(self, file_id: str, action: FileAction) -> None:
        self.files.act(file_id, action)
        self.runner.settle()


@pytest.fixture
def desk() -> Desk:
    return Desk().open()


def test_an_offer_becomes_a_row_with_a_card(desk: Desk) -> None:
    file_id = desk.offer("plan.pdf")
    row = desk.view.rows[-1]
    assert (row.file_id, row.text) == (file_id, "plan.pdf")
    assert desk.card(file_id).status == "Not downloaded"


def test_progress_draws_the_card_and_not_the_row(desk: Desk) -> None:
    file_id = desk.offer()
    drawn = desk.view.drawn
    for done in range(0, 1000, 100):
        desk.node.progress(file_id, done)
        desk.flush()
    assert desk.view.drawn == drawn
    assert [card.part for card in desk.view.cards[-2:]] == [0.8, 0.9]
    desk.node.finish(file_id, "/d/a.bin")
    assert desk.view.cards[-1].actions == (FileAction.OPEN, FileAction.SHOW)


def test_what_is_told_before_the_row_is_drawn_is_not_lost(desk: Desk) -> None:
    """A small file is often complete in the same moment in which it is offered."""
    file_id = desk.node.offer("#lobby", "a.bin", LI).file_id
    desk.node.finish(file_id, "/d/a.bin")
    desk.flush()
    assert desk.card(file_id).state is FileState.COMPLETE


def test_many_events_of_one_file_are_drawn_once(desk: Desk) -> None:
    file_id = desk.offer()
    file = desk.node.set_file(file_id, state=FileState.FETCHING)
    desk.view.cards.clear()
    desk.take([FileProgress(file)] * 30 + [FileComplete(desk.node.finish(file_id, "/d/a"))])
    assert [card.state for card in desk.view.cards] == [FileState.COMPLETE] * 2


def test_files_of_other_conversations_are_not_drawn(desk: Desk) -> None:
    file_id = desk.node.offer(f"@{LI}", "b.bin", LI).file_id
    desk.node.progress(file_id, 500)
    assert desk.view.cards == []
    assert desk.files.card(file_id) is None
    desk.open(f"@{LI}")
    assert desk.card(file_id).part == 0.5


@pytest.mark.parametrize(
    ("state", "action", "call", "then"),
    [
        (FileState.OFFERED, FileAction.DOWNLOAD, "fetch", FileState.FETCHING),
        (FileState.FAILED, FileAction.AGAIN, "fetch", FileState.FETCHING),
        (FileState.FETCHING, FileAction.PAUSE, "pause", FileState.PAUSED),
        (FileState.PAUSED, FileAction.RESUME, "fetch", FileState.FETCHING),
        (FileState.FETCHING, FileAction.CANCEL, "cancel", FileState.OFFERED),
        (FileState.FAILED, FileAction.CANCEL, "cancel", FileState.OFFERED),
    ],
)
def test_buttons(
    desk: Desk, state: FileState, action: FileAction, call: str, then: FileState
) -> None:
    file_id = desk.offer()
    desk.take([FileProgress(desk.node.set_file(file_id, state=state))])
    assert action in desk.card(file_id).actions
    desk.act(file_id, action)
    assert desk.node.named(call) == [(call, file_id)]
    assert desk.view.cards[-1].state is then


@pytest.mark.parametrize("state", list(FileState))
def test_a_file_is_put_where_somebody_wants_it(desk: Desk, state: FileState) -> None:
    """Also one that is here: the node puts a copy there."""
    file_id = desk.offer("../plan: 1.pdf")
    desk.take([FileProgress(desk.node.set_file(file_id, state=state))])
    assert desk.card(file_id).save_as == "_._plan_ 1.pdf"
    desk.files.save(file_id, "/home/li/plan.pdf")
    desk.runner.settle()
    assert desk.node.named("fetch") == [("fetch", file_id, "/home/li/plan.pdf")]
    done = state is FileState.COMPLETE
    assert desk.view.cards[-1].state is (FileState.COMPLETE if done else FileState.FETCHING)


def test_why_it_is_not_put_there_is_said(desk: Desk) -> None:
    file_id = desk.offer()
    desk.node.fail["fetch"] = RequestError("not-allowed", "it would overwrite /home/li/a.bin")
    desk.files.save(file_id, "/home/li/a.bin")
    desk.runner.settle()
    assert desk.runner.said == ["It would overwrite /home/li/a.bin."]


def test_opening_and_showing(desk: Desk) -> None:
    file_id = desk.offer()
    desk.act(file_id, FileAction.OPEN)
    assert desk.opener.opened == [], "there is nothing yet"
    desk.node.finish(file_id, "/d/a.bin")
    desk.act(file_id, FileAction.OPEN)
    desk.act(file_id, FileAction.SHOW)
    assert desk.opener.opened == [("open", "/d/a.bin"), ("show", "/d/a.bin")]
    desk.opener.fail = P2PChatError("the system has no program that opens it")
    desk.act(file_id, FileAction.OPEN)
    assert desk.runner.said == ["The system has no program that opens it."]


def test_the_remaining_time_does_not_jump(desk: Desk) -> None:
    file_id = desk.offer(size=100_000)
    for number in range(40):
        desk.runner.advance(200)
        desk.node.progress(file_id, 1000 * number, rate=8000.0 if number % 2 else 2000.0)
    seen = {card.status.split(", ")[1] for card in desk.view.cards[-10:]}
    rates = [float(text.removesuffix(" KiB/s")) for text in seen]
    assert max(rates) < 1.5 * min(rates)


def test_sharing_shows_the_own_message(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("hello")
    desk.files.share("#lobby", [str(tmp_path / "a.txt")])
    assert desk.files.reading_words() == "Reading “a.txt”…"
    desk.runner.settle()
    assert desk.files.reading_words() == ""
    row = desk.view.rows[-1]
    assert desk.card(row.file_id).actions == (
        FileAction.OPEN, FileAction.SHOW, FileAction.UNSHARE,
    )  # fmt: skip
    assert desk.node.history["#lobby"][-1].kind == MessageKind.FILE
    desk.node.take_up(row.file_id, LI, 5)
    assert desk.view.cards[-1].holders == "1 person has it"
    assert desk.view.cards[-1].holders_named == "Li: has it"


def test_reading_shows_how_far_it_is_and_can_be_stopped(desk: Desk, tmp_path: Path) -> None:
    path = str(tmp_path / "a.iso")
    assert not desk.files.stop_reading()
    desk.files.share("#lobby", [path])
    desk.node.read_so_far("/another", 5, 10)
    assert desk.files.reading_words() == "Reading “a.iso”…"
    desk.node.read_so_far(path, 41, 100)
    assert desk.files.reading_words() == "Reading “a.iso”… 41%  (Esc, or a click here: stop)"
    desk.node.fail["share"] = RequestError("cancelled")
    assert desk.files.stop_reading()
    desk.runner.settle()
    assert ("stop_reading", "#lobby", path) in desk.node.calls
    assert desk.files.reading_words() == ""
    assert desk.runner.said == []


def test_what_can_not_be_shared_is_said_and_the_others_are(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_text("hello")
    desk.files.share("#lobby", [str(tmp_path / "none.txt"), str(tmp_path / "b.txt")])
    desk.runner.settle()
    assert desk.runner.said == ["“none.txt” was not shared. There is no such file or folder."]
    assert [row.text for row in desk.view.rows] == ["b.txt"]
    desk.node.fail["share"] = RequestError("not-allowed", "it may not be read")
    desk.files.share("#lobby", [str(tmp_path / "b.txt")])
    desk.runner.settle()
    assert desk.runner.said[-1] == "“b.txt” was not shared. It may not be read."
    desk.node.fail["share"] = RequestError("busy", "changed while it was read: b.txt")
    desk.files.share("#lobby", [str(tmp_path / "b.txt")])
    desk.runner.settle()
    assert desk.runner.said[-1] == "“b.txt” was not shared. Changed while it was read: b.txt."


def test_thousands_of_files_are_not_shared_one_by_one(desk: Desk) -> None:
    desk.files.share("#lobby", ["/x"] * (MOST_AT_ONCE + 1))
    desk.runner.settle()
    assert desk.node.named("share") == []
    assert "folder" in desk.runner.said[0]


def test_a_deleted_offer_has_no_card(desk: Desk) -> None:
    file_id = desk.offer()
    message = desk.node.replace(MessageId(file_id), deleted=True, text="")
    desk.conversation.changed(message)
    assert desk.view.rows[-1].file_id == ""
    assert desk.view.rows[-1].removed
    desk.act(file_id, FileAction.DOWNLOAD)
    assert desk.node.named("fetch") == []


def test_after_lost_events_everything_is_asked_for_anew(desk: Desk) -> None:
    file_id = desk.offer()
    desk.node.progress(file_id, 500)
    desk.node.set_file(file_id, state=FileState.COMPLETE, path="/d/a.bin")
    desk.files.clear()
    desk.open()
    assert desk.card(file_id).state is FileState.COMPLETE
    assert desk.directory.me.peer_id == ME
