"""Registered names are marked in every view, and no name can look so by itself."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from paper_node import LI, ME, PaperNode, make_peer, peer_id
from paper_runner import PaperRunner

from p2pchat.events import MessageReceived, PeerChanged
from p2pchat.model.message import Member, MessageKind
from p2pchat.ui.presenters import completion, timeline, words
from p2pchat.ui.presenters.about import person_card, room_card
from p2pchat.ui.presenters.alerts import AlertsPresenter
from p2pchat.ui.presenters.directory import Directory, preview
from p2pchat.ui.presenters.marks import Mark
from p2pchat.ui.presenters.search import Hit, SearchPresenter
from p2pchat.ui.presenters.sidebar import SidebarPresenter, SidebarRow

FAKE = peer_id("f")


class School:
    """Li is registered; somebody calls themselves as a registered one might look."""

    def __init__(self) -> None:
        self.node = PaperNode("Maria")
        self.node.add_peer(make_peer("b", "Li", account=LI))
        self.node.add_peer(make_peer("f", "Li ® ✓ 🎖", verified=True, warning="no"))
        self.runner = PaperRunner()
        self.directory = Directory(self.node, self.runner)
        self.rows: Sequence[SidebarRow] = ()
        SidebarPresenter(self.directory, self, self.runner.clock)
        self.directory.load()
        self.runner.settle()

    def show(self, rows: Sequence[SidebarRow]) -> None:
        self.rows = rows

    def context(self) -> timeline.Context:
        said = self.node.history["#lobby"]
        return timeline.Context(
            me=ME,
            now=self.runner.clock(),
            labels=self.directory.labels,
            said=self.directory.said,
            quotes={message.message_id: message for message in said},
            marks=self.directory.marks,
        )


def test_every_view_marks_the_same() -> None:
    school = School()
    directory = school.directory
    by_title = {row.title: row.marks for row in school.rows}
    assert by_title["Li"] == (Mark.REGISTERED,)
    assert by_title["Li ? ✓ 🎖"] == (Mark.WARNED, Mark.VERIFIED)
    assert by_title["#lobby"] == ()

    first = school.node.say("#lobby", "one", LI)
    school.node.say("#lobby", "two", FAKE, reply_to=first.message_id)
    one, two = timeline.rows(school.node.history["#lobby"], school.context())
    assert one.marks == (Mark.REGISTERED,)
    assert two.marks == (Mark.WARNED, Mark.VERIFIED)
    assert two.quote is not None
    assert two.quote.marks == (Mark.REGISTERED,)

    card = person_card(directory, directory.peers[LI])
    assert card.marks == (Mark.REGISTERED,)
    assert any("nobody else can have this name" in fact.text for fact in card.facts)
    offers = completion.offers("@Li", directory, [])
    assert [offer.marks for offer in offers] == [(Mark.REGISTERED,), (Mark.WARNED, Mark.VERIFIED)]
    assert [offer.title for offer in offers] == ["Li", "Li ? ✓ 🎖"]
    assert offers[1].text == "@Li ® ✓ 🎖 ", "by what they wrote they are found"
    named = msgspec.structs.replace(directory.peers[FAKE], label="Li_2", name="Li®")
    assert not any("®" in fact.text for fact in person_card(directory, named).facts)
    assert "®" not in person_card(directory, named).calls_themselves


def test_members_and_what_was_found_are_marked() -> None:
    school = School()
    members: list[Member] = []
    school.runner.call(lambda: school.node.members("#lobby"), members.extend)
    school.runner.settle()
    card = room_card(school.directory, "#lobby", members)
    assert card is not None
    assert {row.label: row.marks for row in card.members}["Li"] == (Mark.REGISTERED,)

    hits: list[Hit] = []

    class View:
        def show_hits(self, found: Sequence[Hit], words: str) -> None:
            hits[:] = found

    school.node.say("#lobby", "here", LI)
    node, runner = school.node, school.runner
    SearchPresenter(node, runner, school.directory, View(), runner.clock).search("here", None)
    runner.advance(1000)
    assert [(hit.title, hit.marks, hit.place) for hit in hits] == [
        ("Li", (Mark.REGISTERED,), "#lobby")
    ]


def test_in_sentences_a_registered_name_is_told_from_others() -> None:
    school = School()
    directory, node = school.directory, school.node
    assert directory.said[LI] == "Li®"
    assert directory.said[FAKE] == "Li ? ✓ 🎖", "nobody writes the sign into a name"
    assert directory.in_text(peer_id("z"), "Li®") == "Li?"
    message = node.say("#lobby", "hello", FAKE, reactions={"👍": (LI, FAKE)})
    (row,) = timeline.rows([message], school.context())
    assert row.reactions[0].people == "“Li®” and “Li ? ✓ 🎖”"
    told: list[str] = []

    class Notifier:
        async def notify(
            self, conversation: str, title: str, text: str, lasting: bool = False
        ) -> None:
            told.append(title)

        async def withdraw(self, conversation: str) -> None: ...

    alerts = AlertsPresenter(school.runner, directory, Notifier(), lambda: False)
    for author in (LI, FAKE):
        alerts.events([MessageReceived(node.say("#lobby", "hello", author))])
        school.runner.advance(2000)
    assert told == ["“Li®” in #lobby", "“Li ? ✓ 🎖” in #lobby"]


def test_who_registers_is_marked_from_then_on() -> None:
    school = School()
    naming = school.directory.naming
    peer = school.node.people[FAKE]
    changed = msgspec.structs.replace(peer, account=FAKE, warning=None, verified=False)
    school.directory.events([PeerChanged(changed)])
    assert school.directory.marks[FAKE] == (Mark.REGISTERED,)
    assert school.directory.naming == naming + 1
    assert school.directory.marks[ME] == ()
    school.node.me = msgspec.structs.replace(school.node.me, account=ME)
    school.directory.load()
    school.runner.settle()
    assert school.directory.marks[ME] == (Mark.REGISTERED,)


def test_who_joins_shows_no_sign_in_that_sentence() -> None:
    school = School()
    message = school.node.say("#lobby", "Li® joined", FAKE, kind=MessageKind.SYSTEM)
    (row,) = timeline.rows([message], school.context())
    assert row.text == "Li? joined"
    school.directory.load()
    school.runner.settle()
    lobby = school.directory.conversations["#lobby"]
    assert preview(lobby, ME, school.directory.said) == "Li? joined"


def test_a_long_name_in_the_list_is_shortened_within_its_quotation_marks() -> None:
    school = School()
    school.node.say("#lobby", f"“{'W' * 64}” joined", FAKE, kind=MessageKind.SYSTEM)
    school.directory.load()
    school.runner.settle()
    lobby = school.directory.conversations["#lobby"]
    assert preview(lobby, ME, school.directory.said) == f"“{'W' * 15}…” joined"


def test_a_name_that_shows_nothing_is_the_beginning_of_an_id() -> None:
    assert words.person_label("\u200e\u200f", FAKE) == FAKE[:8]
    assert words.person_label("Li", FAKE) == "Li"
