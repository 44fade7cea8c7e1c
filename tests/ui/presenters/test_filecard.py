"""What is shown of a file: sizes, rates, what remains, who has it, what can be done."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from paper_node import ME, START, peer_id

from p2pchat.model.file import FileInfo, FileState, Receiver
from p2pchat.ui.presenters import words
from p2pchat.ui.presenters.filecard import FileAction, FileCard, Pace, make_card, percent, remaining

LI, WANG, ZOE = peer_id("a"), peer_id("b"), peer_id("c")
LABELS = {LI: "Li", WANG: "Wang"}
MIB = 1024 * 1024


def info(**more: Any) -> FileInfo:
    fields: dict[str, Any] = {
        "file_id": "f", "message_id": "f", "conversation": "#lobby", "name": "a.bin",
        "size": 10 * MIB, "mime": "application/octet-stream", "author": LI,
        "state": FileState.OFFERED, "done": 0, "total": 10 * MIB, "path": None, "sources": 0,
        "rate": 0.0,
    }  # fmt: skip
    return FileInfo(**{**fields, **more})


def card(pace: Pace | None = None, **more: Any) -> FileCard:
    return make_card(info(**more), ME, LABELS, pace)


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (0, "0 B"), (1, "1 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1536, "1.5 KiB"),
        (1024 * 1024 - 1, "1.0 MiB"), (50 * MIB, "50.0 MiB"), (3 * 1024 * MIB, "3.0 GiB"),
        (2**44, "16.0 TiB"), (2**53, "8192.0 TiB"),
    ],
)  # fmt: skip
def test_sizes(number: int, said: str) -> None:
    assert words.size(number) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "1 s"), (1.4, "1 s"), (9.4, "9 s"), (11, "10 s"), (57, "55 s"), (58, "1 min"),
        (89, "1 min"), (150, "2 min"), (3600, "1 h"), (4800, "1 h 20 min"), (40 * 3600, "40 h"),
    ],
)  # fmt: skip
def test_durations(seconds: float, said: str) -> None:
    assert words.duration(seconds) == said


def test_what_one_shares_oneself_is_there_already() -> None:
    assert card(author=ME, state=FileState.COMPLETE, path="/home/li/a.bin").save_as == ""
    assert card(author=ME, state=FileState.OFFERED).save_as == "a.bin", "from another computer"


def test_a_hundred_percent_is_all_of_it() -> None:
    assert percent(999_999, 1_000_000) == 99
    assert percent(1_000_000, 1_000_000) == 100
    assert percent(0, 0) == 100
    assert percent(5, 10) == 50


def test_the_rate_is_smoothed_and_follows() -> None:
    pace = Pace()
    pace.take(1000.0, START)
    assert remaining(5000, pace.rate) == 5
    pace.take(0.0, START + timedelta(milliseconds=200))
    assert 900 < pace.rate < 1000, "one silent moment hardly shows"
    now = START + timedelta(milliseconds=200)
    for _ in range(100):
        now += timedelta(milliseconds=200)
        pace.take(4000.0, now)
    assert 3990 < pace.rate <= 4000


def test_a_transfer_that_begins_has_its_rate_at_once() -> None:
    pace = Pace()
    pace.take(0.0, START)
    pace.take(1000.0, START + timedelta(milliseconds=200))
    assert pace.rate == 1000


def test_what_can_not_be_foretold_is_not() -> None:
    assert remaining(10, 0.0) is None
    assert remaining(10, 0.5) is None
    assert remaining(2**50, 2.0) is None
    assert remaining(10, 2.0) == 5


def test_a_clock_that_is_set_back() -> None:
    pace = Pace()
    pace.take(1000.0, START)
    pace.take(4000.0, START - timedelta(hours=1))
    assert pace.rate == 1000


@pytest.mark.parametrize(
    ("more", "actions"),
    [
        ({}, [FileAction.DOWNLOAD]),
        ({"state": FileState.FETCHING}, [FileAction.PAUSE, FileAction.CANCEL]),
        ({"state": FileState.PAUSED}, [FileAction.RESUME, FileAction.CANCEL]),
        ({"state": FileState.COMPLETE, "path": "/d/a"}, [FileAction.OPEN, FileAction.SHOW]),
        ({"state": FileState.COMPLETE}, [FileAction.DOWNLOAD]),
        ({"state": FileState.FAILED}, [FileAction.AGAIN, FileAction.CANCEL]),
        ({"state": FileState.COMPLETE, "author": ME}, [FileAction.UNSHARE]),
        (
            {"state": FileState.COMPLETE, "author": ME, "path": "/d/a"},
            [FileAction.OPEN, FileAction.SHOW, FileAction.UNSHARE],
        ),
        ({"state": FileState.FAILED, "author": ME}, []),
        ({"state": FileState.FAILED, "author": ME, "reason": "cancelled"}, [FileAction.RESHARE]),
    ],
)
def test_buttons_of_each_state(more: dict[str, Any], actions: list[FileAction]) -> None:
    assert list(card(**more).actions) == actions


def test_who_stopped_sharing_did_not_fail() -> None:
    stopped: dict[str, Any] = {"state": FileState.FAILED, "reason": "cancelled"}
    assert card(author=ME, **stopped).status == "Not shared any more"
    assert card(**stopped).status == "Failed: no longer shared"


def test_a_transfer_in_words() -> None:
    pace = Pace()
    pace.take(MIB, START)
    moving = card(pace, state=FileState.FETCHING, done=4 * MIB, sources=3, rate=1.0)
    assert moving.status == "40%, 1.0 MiB/s, 6 s left, from 3 sources"
    assert moving.part == pytest.approx(0.4)
    alone = card(state=FileState.FETCHING, done=4 * MIB)
    assert alone.status == "40%, waiting for somebody who has it"
    slow = card(state=FileState.FETCHING, done=4 * MIB, reason="slow")
    assert slow.status == "40%, waiting for its turn at a slow source"
    far = card(state=FileState.FETCHING, done=4 * MIB, reason="relayed")
    assert far.status == "40%, waiting for a direct connection to somebody who has it"
    assert card(state=FileState.PAUSED, done=4 * MIB).status == "Paused at 40%"
    assert card(state=FileState.PAUSED, done=4 * MIB).part == pytest.approx(0.4)
    assert card().part is None
    assert card(state=FileState.COMPLETE, done=10 * MIB).part is None
    gone = card(state=FileState.COMPLETE, done=10 * MIB)
    assert gone.status == "No longer on this computer", "deleted when its person signed out"


def test_an_empty_file_and_a_bar_beyond_its_end() -> None:
    assert card(state=FileState.FETCHING, size=0, total=0).part == 1.0
    assert card(state=FileState.FETCHING, done=99 * MIB).part == 1.0


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("gone", "Failed: nobody has it any more"),
        ("changed", "Failed: it was changed or deleted at the sender"),
        ("disk-full", "Failed: the disk is full"),
        ("no-permission", "Failed: no permission"),
        ("", "Failed: no reason"),
    ],
)
def test_why_it_failed(reason: str, said: str) -> None:
    assert card(state=FileState.FAILED, reason=reason).status == said


def test_a_folder() -> None:
    folder = card(name="maths", mime="inode/directory", files=12, size=4 * MIB)
    assert folder.folder
    assert folder.size == "12 files, 4.0 MiB"
    assert card(mime="inode/directory", files=0, size=0).size == "0 files, 0 B"


def test_a_hostile_name_is_shown_harmlessly() -> None:
    shown = card(name="a\x1b[2J\u202egpj.exe\nb" + "x" * 300).name
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "\n" not in shown
    assert len(shown) <= 120
    assert card(name="").name == "?"


def test_who_has_it() -> None:
    receivers = (
        Receiver(LI, 10 * MIB, FileState.COMPLETE),
        Receiver(WANG, 4 * MIB, FileState.FETCHING),
        Receiver(ZOE, 6 * MIB, FileState.FETCHING),
        Receiver(peer_id("d"), MIB, FileState.PAUSED),
        Receiver(peer_id("e"), 2 * MIB, FileState.FETCHING, stalled=True),
        Receiver(peer_id("f"), 0, FileState.OFFERED),  # has given it up
    )
    own = card(author=ME, state=FileState.COMPLETE, receivers=receivers)
    assert own.holders == "1 person has it, 2 at 40–60%, 1 stalled, 1 stopped"
    assert own.holders_named.splitlines() == [
        "Li: has it", f"{ZOE[:8]}: 60%", "Wang: 40%", f"{'e' * 8}: stalled, 20%",
        f"{'d' * 8}: paused, 10%",
    ]  # fmt: skip
    assert card(author=ME, state=FileState.COMPLETE).holders == "Nobody has it yet"
    assert card(receivers=receivers).holders == "", "only the author is told"


def test_many_who_have_it_are_counted() -> None:
    receivers = tuple(Receiver(peer_id(chr(97 + n)), n, FileState.FETCHING) for n in range(24))
    lines = card(author=ME, total=100, receivers=receivers).holders_named.splitlines()
    assert len(lines) == 21
    assert lines[-1] == "and 4 more"


@pytest.mark.parametrize(
    ("more", "tried"),
    [
        ({"name": "a.PNG"}, True),
        ({"name": "a.jpg"}, True),
        ({"name": "a.svg"}, False),
        ({"name": "a.png", "size": 21 * MIB}, False),
        ({"name": "a.png", "path": None}, False),
        ({"name": "a.png", "state": FileState.FETCHING}, False),
        ({"name": "a.png", "mime": "inode/directory"}, False),
    ],
)
def test_which_files_get_a_thumbnail(more: dict[str, Any], tried: bool) -> None:
    given = {"state": FileState.COMPLETE, "path": "/d/a.png"} | more
    assert (card(**given).picture is not None) == tried
