"""What the pages show and do: cards, transfers, the network, settings. Without a display."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pytest
from paper_node import LI, ME, PaperNode, make_peer, peer_id
from paper_runner import PaperOpener, PaperRunner

from p2pchat.config.limits import MESH_DOWN, NAME_CHARS, NOTE_CHARS
from p2pchat.config.settings import Settings
from p2pchat.errors import P2PChatError, RequestError
from p2pchat.events import (
    Announced,
    FileComplete,
    FileProgress,
    MemberJoined,
    MessageReceived,
    PeerChanged,
    PeerOnline,
    Warned,
)
from p2pchat.model.accounts import Announcement
from p2pchat.model.file import FileInfo, FileState
from p2pchat.model.message import Conversation, Message, MessageKind
from p2pchat.model.people import NodeInfo, Status
from p2pchat.ui.presenters import network
from p2pchat.ui.presenters.about import AboutPresenter, PersonCard, RoomCard
from p2pchat.ui.presenters.alerts import AlertsPresenter
from p2pchat.ui.presenters.directory import Directory
from p2pchat.ui.presenters.filecard import FileAction
from p2pchat.ui.presenters.network import NetworkPresenter, NetworkState, Verdict
from p2pchat.ui.presenters.preferences import (
    EVERY_FILE,
    KEY,
    MADE,
    NETWORK,
    PERSON,
    Choice,
    Person,
    PreferencesPresenter,
    choices,
)
from p2pchat.ui.presenters.runner import Lease
from p2pchat.ui.presenters.transfers import PAGE, TransferList, TransfersPresenter

WANG = peer_id("w")


class Desk:
    """The lists of a window, and what its pages were told."""

    def __init__(self) -> None:
        self.node = PaperNode("Maria")
        self.node.add_peer(make_peer("b", "Li", note="second row", addresses=("10.0.0.2:27474",)))
        self.node.add_peer(make_peer("w", "王小明", Status.OFFLINE))
        self.runner = PaperRunner()
        self.directory = Directory(self.node, self.runner)
        self.directory.load()
        self.runner.settle()
        self.opened: list[str] = []
        self.card: PersonCard | RoomCard | None = None
        self.closed = 0
        self.error = ""

    def show_person(self, card: PersonCard) -> None:
        self.card = card

    show_room: Callable[[RoomCard], None] = show_person  # type: ignore[assignment]  # any card

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def desk() -> Desk:
    return Desk()


# -- cards


def about(desk: Desk) -> AboutPresenter:
    return AboutPresenter(desk.node, desk.runner, desk.directory, desk, desk.opened.append)


def test_the_card_of_a_person_says_who_they_are(desk: Desk) -> None:
    presenter = about(desk)
    presenter.show(f"@{LI}")
    card = desk.card
    assert isinstance(card, PersonCard)
    assert (card.title, card.note, card.status_words) == ("Li", "second row", "online")
    facts = {fact.label: fact.text for fact in card.facts}
    assert facts["Addresses"] == "10.0.0.2:27474"
    assert facts["Connection"] == "Linked directly with this computer"
    assert "Not verified" in facts["Identity"]


def test_what_is_done_on_a_card_is_shown_on_it(desk: Desk) -> None:
    presenter = about(desk)
    presenter.show(f"@{LI}")
    presenter.set_contact(True)
    presenter.set_verified(True)
    presenter.set_blocked(True)
    desk.runner.settle()
    assert isinstance(desk.card, PersonCard)
    assert (desk.card.contact, desk.card.verified, desk.card.blocked) == (True, True, True)
    assert desk.node.named("set_contact") == [("set_contact", LI, True)]
    presenter.write(LI)
    presenter.write(ME)
    assert desk.opened == [f"@{LI}"]


def test_a_warning_and_another_name_are_on_the_card(desk: Desk) -> None:
    peer = make_peer("b", "Li_2", name="Li", warning="Li_2 is not the Li that you know")
    desk.directory.events([PeerChanged(peer)])
    presenter = about(desk)
    presenter.show(f"@{LI}")
    assert isinstance(desk.card, PersonCard)
    assert desk.card.calls_themselves == "Li"
    assert desk.card.warning == "Li_2 is not the Li that you know"


def test_names_and_notes_of_others_are_made_safe(desk: Desk) -> None:
    evil = make_peer("b", "Li\u202egnp", name="Li\u202egnp", note="one\ntwo\u202e" + "x" * 9999)
    desk.directory.events([PeerChanged(evil)])
    presenter = about(desk)
    presenter.show(f"@{LI}")
    assert isinstance(desk.card, PersonCard)
    assert "\u202e" not in desk.card.title + desk.card.note + desk.card.calls_themselves
    assert len(desk.card.note) <= 301
    assert "\n" not in desk.card.note


def test_the_card_of_a_room_has_who_is_in_it(desk: Desk) -> None:
    presenter = about(desk)
    presenter.show("#lobby")
    desk.runner.settle()
    card = desk.card
    assert isinstance(card, RoomCard)
    assert [row.label for row in card.members] == ["Li", "Maria (you)", "王小明"]
    assert card.lobby
    asked = len(desk.node.named("members"))
    presenter.events([MemberJoined("#lobby", LI, "Li")] * 5)
    desk.runner.advance(1000)
    assert len(desk.node.named("members")) == asked + 1
    presenter.events([MemberJoined("#other", LI, "Li")])
    desk.runner.advance(1000)
    assert len(desk.node.named("members")) == asked + 1


def test_a_card_of_what_is_gone_closes(desk: Desk) -> None:
    presenter = about(desk)
    presenter.show("#nowhere")
    assert desk.closed == 1
    presenter.hide()
    presenter.refresh()
    assert desk.closed == 1


# -- the directory


def test_who_comes_while_the_lists_are_on_their_way_is_there(desk: Desk) -> None:
    (wang,) = [peer for peer in desk.directory.peers.values() if peer.label == "王小明"]
    listed = desk.node.conversations

    async def conversations() -> Sequence[Conversation]:
        came = desk.node.people[wang.peer_id] = msgspec.structs.replace(wang, status=Status.ONLINE)
        desk.directory.events([PeerOnline(came)])
        return await listed()

    desk.node.conversations = conversations  # type: ignore[method-assign]  # it takes its time
    desk.directory.load()
    desk.runner.settle()
    assert desk.directory.peers[wang.peer_id].status == Status.ONLINE


# -- transfers


def file(number: int, state: FileState = FileState.FETCHING, **more: Any) -> FileInfo:
    fields: dict[str, Any] = {
        "file_id": f"{number:064x}", "message_id": f"{number:064x}", "conversation": "#lobby",
        "name": f"{number}.zip", "size": 1000, "mime": "x", "author": LI, "state": state,
        "done": 500, "total": 1000, "path": None, "sources": 2, "rate": 2048.0,
    }  # fmt: skip
    return FileInfo(**{**fields, **more})


class Transfers:
    def __init__(self, desk: Desk, files: Sequence[FileInfo] = ()) -> None:
        self.found: TransferList | None = None
        self.summary = ""
        self.opener = PaperOpener()

        async def listed(conversation: str | None = None, limit: int = 50) -> Sequence[FileInfo]:
            return list(files)[:limit]

        desk.node.files = listed  # type: ignore[method-assign]  # a list of its own
        self.presenter = TransfersPresenter(
            desk.node, desk.runner, desk.directory, self.opener, desk.runner.clock,
            desk.opened.append, self.summarise,
        )  # fmt: skip

    def summarise(self, text: str) -> None:
        self.summary = text

    def show_transfers(self, found: TransferList) -> None:
        self.found = found


def test_transfers_are_listed_with_what_is_under_way_first(desk: Desk) -> None:
    files = [file(3, FileState.COMPLETE), file(2), file(1, FileState.PAUSED)]
    page = Transfers(desk, files)
    page.presenter.open(page)
    desk.runner.settle()
    assert page.found is not None
    assert [row.card.name for row in page.found.moving] == ["2.zip", "1.zip"]
    assert [row.card.name for row in page.found.others] == ["3.zip"]
    assert page.found.moving[0].place == "from “Li”, in #lobby"
    assert FileAction.PAUSE in page.found.moving[0].card.actions


def test_progress_is_drawn_at_most_five_times_a_second(desk: Desk) -> None:
    page = Transfers(desk, [file(1)])
    page.presenter.open(page)
    desk.runner.settle()
    drawn: list[TransferList] = []
    page.show_transfers = drawn.append  # type: ignore[assignment, method-assign]  # counts
    for done in range(500, 600):
        page.presenter.events([FileProgress(file(1, done=done))])
        desk.runner.advance(10)
    desk.runner.advance(500)
    assert 4 <= len(drawn) <= 7
    assert drawn[-1].moving[0].card.part == 0.599


def test_what_is_under_way_is_said_also_without_the_page(desk: Desk) -> None:
    page = Transfers(desk)
    page.presenter.events([FileProgress(file(1)), FileProgress(file(2))])
    desk.runner.advance(500)
    assert page.summary == "2 downloads · 4.0 KiB/s"
    # Nothing comes of one that nobody has.
    page.presenter.events([FileProgress(file(2, sources=0, rate=0.0))])
    desk.runner.advance(500)
    assert page.summary == "2 downloads · 2.0 KiB/s"
    page.presenter.events([FileComplete(file(n, FileState.COMPLETE)) for n in (1, 2)])
    desk.runner.advance(500)
    assert page.summary == ""
    assert page.presenter._files == {}


def test_older_ones_are_listed_on_request(desk: Desk) -> None:
    page = Transfers(desk, [file(n, FileState.COMPLETE) for n in range(PAGE + 5)])
    page.presenter.open(page)
    desk.runner.settle()
    assert page.found is not None
    assert (len(page.found.others), page.found.more) == (PAGE, True)
    page.presenter.older()
    desk.runner.settle()
    assert (len(page.found.others), page.found.more) == (PAGE + 5, False)


def test_what_is_told_while_the_list_is_on_its_way_is_newer(desk: Desk) -> None:
    page = Transfers(desk, [file(2), file(1)])
    page.presenter.open(page)
    for one in (file(2, FileState.COMPLETE), file(3), file(4)):
        page.presenter.events([FileProgress(one)])
    desk.runner.settle()
    assert page.found is not None
    assert [row.card.name for row in page.found.moving] == ["4.zip", "3.zip", "1.zip"]
    assert [row.card.name for row in page.found.others] == ["2.zip"]


def test_a_transfer_is_opened_shown_and_led_back_to_its_message(desk: Desk) -> None:
    page = Transfers(desk, [file(1, FileState.COMPLETE, path="/home/ann/1.zip")])
    page.presenter.open(page)
    desk.runner.settle()
    page.presenter.act(file(1).file_id, FileAction.OPEN)
    page.presenter.act(file(1).file_id, FileAction.SHOW)
    page.presenter.act("unknown", FileAction.SHOW)
    page.presenter.go_to(file(1).file_id)
    desk.runner.settle()
    assert page.opener.opened == [("open", "/home/ann/1.zip"), ("show", "/home/ann/1.zip")]
    assert desk.opened == ["#lobby"]


# -- the network


def info(*listen: str) -> NodeInfo:
    home = "/home/ann/p2pchat"
    return NodeInfo(ME, "d", "Maria", "lan", "1", listen, home, f"{home}/downloads", listen)


def verdicts(state: NetworkState) -> dict[str, Verdict]:
    return {check.title: check.verdict for check in state.checks}


def test_a_good_network_is_said_to_be_good(desk: Desk) -> None:
    state = network.network_state(info("192.168.1.5:27474"), desk.directory, [])
    assert state.verdict is Verdict.OK
    assert verdicts(state) == {"People": Verdict.OK, "Being found": Verdict.OK}
    assert ("Network", "lan") in state.facts


def test_nobody_no_address_another_port_and_a_relay_are_said_with_what_to_do(desk: Desk) -> None:
    alone = Directory(PaperNode(), desk.runner)
    state = network.network_state(info(), alone, [])
    assert verdicts(state) == {"People": Verdict.WARN, "Being found": Verdict.WARN}
    assert state.headline == "This computer is in no network"
    assert [bool(check.advice) for check in state.checks] == [False, True], "the cable, before all"
    state = network.network_state(info("192.168.1.5:27474"), alone, [])
    assert state.headline == "Nobody else is here yet"
    assert "27474" in state.checks[0].advice
    desk.directory.events([PeerChanged(make_peer("b", "Li", linked=False))])
    state = network.network_state(info("192.168.1.5:40000"), desk.directory, ["something"])
    assert verdicts(state)["Reached through others"] is Verdict.NOTE
    assert verdicts(state)["Being found"] is Verdict.NOTE
    assert verdicts(state)["Noticed"] is Verdict.WARN
    assert "Li" in next(c.text for c in state.checks if c.title == "Reached through others")


@pytest.mark.parametrize(
    ("heard", "elsewhere", "said"),
    [
        (0, 0, "Does p2pchat run"),
        (3, 0, "A firewall"),
        (0, 2, "this computer's is “lan”"),
        (None, 0, "connect by address"),
    ],
)
def test_why_nobody_is_seen_is_told_by_what_is_heard(
    desk: Desk, heard: int | None, elsewhere: int, said: str
) -> None:
    alone = Directory(PaperNode(), desk.runner)
    known = msgspec.structs.replace(
        info("192.168.1.5:27474"), heard=heard, heard_elsewhere=elsewhere
    )
    state = network.network_state(known, alone, [])
    assert said in state.checks[0].advice
    assert ("Addresses here", "192.168.1.5:27474") in state.facts


def test_links_without_a_word_sent_to_all_are_said_to_be_so(desk: Desk) -> None:
    for heard, shown in ((0, True), (1, False), (None, False)):
        known = msgspec.structs.replace(info("192.168.1.5:27474"), heard=heard)
        state = network.network_state(known, desk.directory, [])
        assert ("Finding others" in verdicts(state)) == shown
        assert state.verdict is (Verdict.NOTE if shown else Verdict.OK)
        assert state.headline == ("It works, with something to know" if shown else "All is well"), (
            "what it says at its head goes with the colours below"
        )


def test_who_listens_on_this_computer_only_isn_t_sent_elsewhere(desk: Desk) -> None:
    alone = Directory(PaperNode(), desk.runner)
    known = msgspec.structs.replace(info("127.0.0.1:40000"), addresses=("192.168.1.5:40000",))
    state = network.network_state(known, alone, [])
    assert state.headline == state.alone == "Only programs on this computer can link with this one"
    assert "Addresses here" not in dict(state.facts)
    assert [bool(check.advice) for check in state.checks] == [False, True]


def test_in_a_large_network_others_between_are_as_it_should_be(desk: Desk) -> None:
    people = [make_peer(f"{n:05}", f"P{n}", linked=n < 8) for n in range(MESH_DOWN)]
    desk.directory.events([PeerChanged(peer) for peer in people])
    state = network.network_state(info("192.168.1.5:27474"), desk.directory, [])
    assert verdicts(state)["Reached through others"] is Verdict.OK
    assert state.verdict is Verdict.OK


def test_warnings_of_the_network_are_kept_for_its_page(desk: Desk) -> None:
    shown: list[NetworkState] = []

    class View:
        def show_network(self, state: NetworkState) -> None:
            shown.append(state)

    presenter = NetworkPresenter(desk.node, desk.runner, desk.directory)
    presenter.events([Warned("wrong-code", "Somebody at 10.0.0.9 has another network code.")] * 3)
    presenter.events([Warned("same-name", "not about the network")])
    presenter.open(View())
    desk.runner.settle()
    assert [c.text for c in shown[-1].checks if c.title == "Noticed"] == [
        "Somebody at 10.0.0.9 has another network code."
    ]
    presenter.close()
    presenter.events([Warned("other-version", "another")])
    desk.runner.advance(2000)
    assert len(shown) == 1


def test_a_pulled_cable_is_noticed_while_one_looks(desk: Desk) -> None:
    shown: list[NetworkState] = []

    class View:
        def show_network(self, state: NetworkState) -> None:
            shown.append(state)

    presenter = NetworkPresenter(desk.node, desk.runner, desk.directory)
    presenter.open(View())
    desk.runner.advance(20_000)
    assert verdicts(shown[-1])["Being found"] is Verdict.OK
    assert len(shown) == 1, "nothing has changed"
    desk.node.reached_at = ()
    desk.runner.advance(5000)
    assert verdicts(shown[-1])["Being found"] is Verdict.WARN, "though it still listens"
    desk.node.reached_at = ("192.168.1.6:27474",)
    desk.runner.advance(5000)
    assert verdicts(shown[-1])["Being found"] is Verdict.OK
    presenter.close()
    desk.node.reached_at = ()
    desk.runner.advance(20_000)
    assert len(shown) == 3


# -- settings


class Page:
    def __init__(self, desk: Desk) -> None:
        self.person: Person | None = None
        self.settings = Settings()
        self.choices: dict[str, Choice] = {}
        self.errors = dict.fromkeys((PERSON, NETWORK, KEY, MADE), "")
        self.changed: list[dict[str, object]] = []
        self.downloads = ("", False, "")
        self.made = ("", "")
        self.followed: list[Settings] = []
        self.presenter = PreferencesPresenter(
            desk.node, desk.runner, desk.directory,
            lambda found: self.changed.append(dict(found)), self._follow,
        )  # fmt: skip
        self.presenter.open(self)
        desk.runner.settle()

    def show_person(self, person: Person) -> None:
        self.person = person

    def show_settings(self, settings: Settings, choices: dict[str, Choice]) -> None:
        self.settings, self.choices = settings, choices

    def show_error(self, text: str, about: str = PERSON) -> None:
        self.errors[about] = text

    def show_downloads(self, folder: str, chosen: bool, trouble: str) -> None:
        self.downloads = (folder, chosen, trouble)

    def show_made(self, path: str, public: str) -> None:
        self.made = (path, public)

    @property
    def error(self) -> str:
        return self.errors[PERSON]

    def _follow(self, settings: Settings) -> None:
        self.followed.append(settings)
        self.presenter.follow(settings)


def test_the_key_of_a_network_is_kept_and_what_is_none_is_said(desk: Desk) -> None:
    page, key = Page(desk), "a" * 52
    page.presenter.set_key(f" {key} ")
    desk.runner.settle()
    assert page.settings.appointed_by == key
    page.presenter.set_key("not a key")
    desk.runner.settle()
    assert page.errors[KEY] == "This is no key of a network."
    assert page.error == ""
    assert page.settings.appointed_by == key
    page.presenter.set_key("")
    desk.runner.settle()
    assert (page.errors[KEY], page.settings.appointed_by) == ("", "")


def test_what_is_wrong_with_a_network_is_said_there_until_it_is_right(desk: Desk) -> None:
    page = Page(desk)
    page.presenter.set_network("n" * (NAME_CHARS + 1))
    assert str(NAME_CHARS) in page.errors[NETWORK]
    assert (page.error, page.changed) == ("", [])
    page.presenter.set_network(page.settings.network)
    assert page.errors[NETWORK] == ""


def test_a_key_for_a_network_is_made(desk: Desk) -> None:
    page = Page(desk)
    page.presenter.make_key("/home/ann/network.key")
    desk.runner.settle()
    assert page.made == ("/home/ann/network.key", "public")


def test_the_folder_for_downloads_is_chosen_and_given_back(desk: Desk) -> None:
    desk.node.data_dir = "/home/ann/p2pchat"
    page = Page(desk)
    assert page.downloads == ("/home/ann/p2pchat/downloads", False, "")
    page.presenter.set_downloads("/home/ann/School")
    desk.runner.settle()
    assert page.downloads == ("/home/ann/School", True, "")
    assert [settings.downloads for settings in page.followed] == ["/home/ann/School"]
    desk.node.fail["set_settings"] = RequestError("not-allowed", "files can't be put there")
    page.presenter.set_downloads("/root")
    desk.runner.settle()
    assert page.downloads == ("/home/ann/School", True, "Files can't be put there.")
    page.presenter.set_downloads("")
    desk.runner.settle()
    assert page.downloads == ("/home/ann/p2pchat/downloads", False, "")


def test_what_is_chosen_is_set(desk: Desk) -> None:
    page = Page(desk)
    names = page.choices["theme"].names
    page.presenter.choose("theme", names.index("Dark"))
    page.presenter.choose("language", page.choices["language"].names.index("简体中文"))
    page.presenter.choose("auto_fetch", page.choices["auto_fetch"].names.index("All"))
    page.presenter.switch("notifications", False)
    assert page.changed == [
        {"theme": "dark"}, {"language": "zh_CN"}, {"auto_fetch": EVERY_FILE},
        {"notifications": False},
    ]  # fmt: skip


def test_a_value_that_is_not_offered_is_shown_as_it_is() -> None:
    settings = msgspec.structs.replace(Settings(), auto_fetch=7_340_032, limit=1234, away_after=61)
    found = choices(settings)
    assert found["auto_fetch"].names[found["auto_fetch"].chosen] == "Up to 7 MiB"
    assert found["limit"].values[found["limit"].chosen] == 1234
    assert found["away_after"].names[found["away_after"].chosen] == "1 min"


def test_every_offered_value_is_allowed() -> None:
    for name, choice in choices(Settings()).items():
        for value in choice.values:
            settings = msgspec.convert({name: value}, Settings)
            assert getattr(settings, name) == value


def test_name_note_status_and_picture_are_kept(desk: Desk) -> None:
    page = Page(desk)
    page.presenter.set_name("Maria Lopez")
    page.presenter.set_note("in the lab")
    page.presenter.set_status(Status.BUSY)
    page.presenter.set_avatar(base64.b64encode(b"\x89PNG\r\n\x1a\n").decode())
    desk.runner.settle()
    assert page.person is not None
    assert (page.person.name, page.person.note) == ("Maria Lopez", "in the lab")
    assert page.person.status is Status.BUSY
    assert page.person.initials == "ML"
    assert page.person.avatar
    assert page.error == ""
    asked = len(desk.node.named("set_profile"))
    page.presenter.set_name("Maria Lopez")
    page.presenter.set_note("in the lab")
    desk.runner.settle()
    assert len(desk.node.named("set_profile")) == asked


def test_what_cannot_be_is_said_and_not_kept(desk: Desk) -> None:
    page = Page(desk)
    page.presenter.set_name("  ")
    assert "write a name" in page.error
    page.presenter.set_name("a" * 32)
    assert "id of a person" in page.error
    page.presenter.set_note("x" * (NOTE_CHARS + 1))
    assert str(NOTE_CHARS) in page.error
    assert desk.node.named("set_profile") == []
    desk.node.fail["set_profile"] = RequestError("disk-full")
    page.presenter.set_note("short")
    desk.runner.settle()
    assert page.error == "The disk is full. Nothing was saved."


# -- what has ended


def test_nothing_comes_back_to_what_has_ended(desk: Desk) -> None:
    came: list[object] = []
    lease = Lease(desk.runner)
    lease.call(desk.node.info, came.append)
    desk.runner.settle()
    assert len(came) == 1

    async def fail() -> None:
        raise P2PChatError("no")

    lease.call(desk.node.info, came.append)
    lease.call(fail, came.append, came.append)
    lease.later(10, lambda: came.append("late"))
    lease.end()
    desk.runner.advance(1000)
    assert len(came) == 1


# -- notifications


class Told:
    def __init__(self) -> None:
        self.told: list[tuple[str, str, str]] = []
        self.withdrawn: list[str] = []

    async def notify(self, conversation: str, title: str, text: str, lasting: bool = False) -> None:
        self.told.append((conversation, title, text))

    async def withdraw(self, conversation: str) -> None:
        self.withdrawn.append(conversation)


class Alerts(Told):
    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.active = False
        self.desk = desk
        self.presenter = AlertsPresenter(desk.runner, desk.directory, self, lambda: self.active)

    def come(self, *messages: Message) -> list[tuple[str, str, str]]:
        """What is told of them in the end."""
        self.told.clear()
        self.presenter.events([MessageReceived(message) for message in messages])
        self.desk.runner.advance(5000)
        return self.told


def test_what_comes_at_once_is_told_of_once(desk: Desk) -> None:
    alerts, say = Alerts(desk), desk.node.say
    assert alerts.come(say("#lobby", "one", LI), say("#lobby", "two", LI)) == [
        ("#lobby", "“Li” in #lobby", "2 new messages\ntwo")
    ]
    assert alerts.come(say(f"@{LI}", "hi\nthere", LI)) == [(f"@{LI}", "Li", "hi there")]


def test_a_notification_tells_of_all_since_the_conversation_was_seen(desk: Desk) -> None:
    alerts, say = Alerts(desk), desk.node.say
    assert alerts.come(say("#lobby", "one", LI)) == [("#lobby", "“Li” in #lobby", "one")]
    assert alerts.come(say("#lobby", "two", LI), say("#lobby", "three", LI)) == [
        ("#lobby", "“Li” in #lobby", "3 new messages\nthree")
    ]
    alerts.presenter.seen(f"@{LI}")
    alerts.presenter.seen("#lobby")
    alerts.presenter.seen("#lobby")
    desk.runner.settle()
    assert alerts.withdrawn == ["#lobby"]
    assert alerts.come(say("#lobby", "four", LI)) == [("#lobby", "“Li” in #lobby", "four")]


def test_what_was_written_may_be_kept_out_of_notifications(desk: Desk) -> None:
    alerts, say = Alerts(desk), desk.node.say
    alerts.presenter.with_text = False
    assert alerts.come(say("#lobby", "a secret", LI)) == [
        ("#lobby", "“Li” in #lobby", "1 new message")
    ]


def test_what_does_not_matter_is_not_told_of(desk: Desk) -> None:
    alerts, say = Alerts(desk), desk.node.say
    system = say("#lobby", "Li joined", LI, kind=MessageKind.SYSTEM)
    late = say("#lobby", "old", LI, late=True)
    assert alerts.come(say("#lobby", "my own"), system, late) == []
    desk.node.muted.add("#lobby")
    desk.directory.load()
    desk.runner.settle()
    assert alerts.come(say("#lobby", "muted", LI)) == []
    assert len(alerts.come(say("#lobby", "@Maria", LI, mentions=(ME,)))) == 1
    alerts.presenter.on = False
    assert alerts.come(say(f"@{LI}", "off", LI)) == []
    alerts.presenter.on = alerts.active = True
    assert alerts.come(say(f"@{LI}", "in front", LI)) == []


def test_who_is_busy_is_told_of_nothing_and_it_still_counts(desk: Desk) -> None:
    alerts, say = Alerts(desk), desk.node.say
    notice = Announced(
        Announcement("1" * 64, LI, "Li", None, "Books away", "2026-03-16T08:00:00.000Z", ())
    )
    alerts.presenter.events([notice])
    desk.runner.advance(5000)
    assert [title for _, title, _ in alerts.told] == ["“Li” announces"]
    desk.directory.set_profile(status="busy")
    desk.runner.settle()
    assert alerts.come(say(f"@{LI}", "hello?", LI), say("#lobby", "@Me", LI, mentions=(ME,))) == []
    alerts.presenter.events([notice])
    desk.runner.advance(5000)
    assert alerts.told == []
    desk.directory.load()
    desk.runner.settle()
    assert desk.directory.conversations[f"@{LI}"].unread == 1
    desk.directory.set_profile(status="online")
    desk.runner.settle()
    assert len(alerts.come(say(f"@{LI}", "now?", LI))) == 1


def test_who_becomes_busy_is_not_told_of_what_has_just_come(desk: Desk) -> None:
    alerts = Alerts(desk)
    alerts.presenter.events([MessageReceived(desk.node.say("#lobby", "hi", LI))])
    desk.directory.set_profile(status="busy")
    desk.runner.advance(5000)
    assert alerts.told == []
